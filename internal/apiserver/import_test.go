package apiserver

import (
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/enterprise-event-bus/eventbus/internal/catalog"
	"github.com/enterprise-event-bus/eventbus/internal/outbound"
)

// gitServer holds files on loopback, over TLS, as a Git server does; reached
// counts who came.
func gitServer(t *testing.T, files map[string]string) (server *httptest.Server, reached *atomic.Int64) {
	t.Helper()
	reached = &atomic.Int64{}
	server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		switch text, there := files[r.URL.Path]; {
		case r.URL.Path == "/moved":
			http.Redirect(w, r, "/catalog-info.yaml", http.StatusFound)
		case r.URL.Path == "/page":
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html>catalog-info.yaml</html>")
		case !there:
			http.NotFound(w, r)
		default:
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = io.WriteString(w, text)
		}
	}))
	t.Cleanup(server.Close)
	return server, reached
}

// allowing lets the API fetch from the test's server, as an operator allows an
// internal Git server.
func allowing(server *httptest.Server, on *Parts) {
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	at := netip.MustParseAddrPort(server.Listener.Addr().String())
	on.Fetch = outbound.New(outbound.Config{AllowPorts: []uint16{at.Port()}, RootCAs: pool, AllowNetworks: []netip.Prefix{netip.PrefixFrom(at.Addr(), at.Addr().BitLen())}})
}

// TestImportAddress: what lies at an address comes in as a file does; checked
// first, it does not.
func TestImportAddress(t *testing.T) {
	entity := example(t, "catalog/catalog-info.yaml")
	server, _ := gitServer(t, map[string]string{"/catalog-info.yaml": entity, "/bad.yaml": strings.Replace(entity, "lifecycle: production", "lifecycle: beta", 1),
		"/large.yaml": "# " + strings.Repeat("x", 1<<20), "/empty.yaml": ""})
	w := newWorld(t, func(p *Parts) { allowing(server, p) })
	send := func(status int, who, body string) answered {
		t.Helper()
		return w.must(status, who, "POST", "/api/v1/imports", body)
	}
	at := func(path string) string { return `{"url":"` + server.URL + path + `"}` }

	var imported catalog.Imported
	send(200, "administrator", `{"url":"`+server.URL+`/catalog-info.yaml?token=hidden","check":true}`).into(t, &imported)
	if strings.Join(imported.Events, " ") != "letter-ready" || strings.Join(imported.Systems, " ") != "appointments-app" {
		t.Errorf("checked = %+v", imported)
	}
	w.must(404, "member", "GET", "/api/v1/events/letter-ready", "")
	send(200, "administrator", `{"url":"`+server.URL+`/catalog-info.yaml?token=hidden"}`).into(t, &imported)
	event := w.must(200, "member", "GET", "/api/v1/events/letter-ready", "")
	if !strings.Contains(event.text, `"source":"`+server.URL+`/catalog-info.yaml"`) {
		t.Errorf("the event does not say where it comes from, or says too much: %s", event.text)
	}
	send(200, "administrator", at("/bad.yaml")).into(t, &imported)
	if len(imported.Faults) != 1 || imported.Faults[0].Line == 0 || imported.Faults[0].File != server.URL+"/bad.yaml" {
		t.Errorf("faults = %+v, want one with its place", imported.Faults)
	}
	send(403, "auditor", at("/catalog-info.yaml")) // of another team
	for path, want := range map[string]struct {
		status int
		says   string
	}{
		"/moved": {422, "redirects"}, "/page": {422, "raw file"}, "/missing": {422, "404"}, "/large.yaml": {413, "larger"}, "/empty.yaml": {422, "no entity"},
	} {
		if got := send(want.status, "administrator", at(path)); !strings.Contains(got.text, want.says) {
			t.Errorf("%s = %s, want %q", path, got.text, want.says)
		}
	}
	server.Close()
	if got := send(422, "administrator", at("/catalog-info.yaml")); !strings.Contains(got.text, "could not be reached") {
		t.Errorf("a server that is gone = %s", got.text)
	}
	send(422, "administrator", `{}`)
	send(422, "administrator", `{"url":""}`)
	send(422, "administrator", `{"url":"http://example.org/catalog-info.yaml"}`)
}

// TestImportAddressOfThisMachine: the bus as it comes reaches neither itself nor
// the network around it for anybody, whatever the address looks like.
func TestImportAddressOfThisMachine(t *testing.T) {
	server, reached := gitServer(t, map[string]string{"/": "kind: Event"})
	w := newWorld(t)
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254", "10.0.0.1", "192.168.0.1", "172.16.0.1", "[fd00:ec2::254]", "2130706433"} {
		for _, p := range []string{"", port, ":9092"} {
			got := w.call("administrator", "POST", "/api/v1/imports", `{"url":"https://`+host+p+`/"}`)
			if got.status != 403 && got.status != 422 {
				t.Errorf("%s%s = %d %s", host, p, got.status, got.text)
			}
		}
	}
	got := w.must(403, "administrator", "POST", "/api/v1/imports", `{"url":"https://127.0.0.1/"}`)
	if !strings.Contains(got.text, "not public") {
		t.Errorf("refusal = %s", got.text)
	}
	if reached.Load() != 0 {
		t.Errorf("%d calls reached a server on this machine", reached.Load())
	}
}
