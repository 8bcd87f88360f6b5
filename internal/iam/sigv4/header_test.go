package sigv4

import (
	"net/http"
	"strings"
	"testing"
)

func TestHeaderAccepted(t *testing.T) {
	for _, session := range []string{"", testToken} {
		req, body := signedRequest(t, credentials(session), "Action=AssumeRole&Version=2011-06-15", signedAt)
		s, err := parseRequest(req, body)
		if err := accept(s, err, testSecret, signedAt); err != nil {
			t.Fatal(err)
		}
		if s.SessionToken != session || s.Service != STSService || s.Host != "sts.us-gov-west-1.amazonaws.com" {
			t.Fatalf("%+v", s)
		}
		refused(t, s.Verify("other"), CheckSignature)
	}
}

// TestHeaderTampered changes one thing of a signed request.
func TestHeaderTampered(t *testing.T) {
	replace := func(name, from, to string) func(*http.Request) {
		return func(r *http.Request) {
			was := r.Header.Get(name)
			now := strings.Replace(was, from, to, 1)
			if was == now {
				panic("nothing changed in " + was)
			}
			r.Header.Set(name, now)
		}
	}
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		check  string
	}{
		{"nothing", func(*http.Request) {}, ""},
		{"unsigned header", func(r *http.Request) { r.Header.Set("X-Other", "1") }, ""},
		{"user agent", func(r *http.Request) { r.Header.Set("User-Agent", "x") }, ""},
		{"content length gone", func(r *http.Request) { r.Header.Del("Content-Length") }, ""},
		{"blanks in a signed header", func(r *http.Request) { r.Header.Set("Amz-Sdk-Request", " attempt=1; max=3 ") }, ""},
		{"method", func(r *http.Request) { r.Method = "GET" }, CheckSignature},
		{"host", func(r *http.Request) { r.Host = "sts.amazonaws.com" }, CheckSignature},
		{"no host", func(r *http.Request) { r.Host = "" }, CheckField},
		{"path", func(r *http.Request) { r.URL.Path = "/" }, CheckSignature},
		{"query", func(r *http.Request) { r.URL.RawQuery += "&c=3" }, CheckSignature},
		{"query reordered", func(r *http.Request) { r.URL.RawQuery = "a=x%20y&b=2" }, ""},
		{"query broken", func(r *http.Request) { r.URL.RawQuery = "%" }, CheckSyntax},
		{"query long", func(r *http.Request) { r.URL.RawQuery = strings.Repeat("a&", 50) }, CheckSize},
		{"signed header", func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, CheckSignature},
		{"signed header gone", func(r *http.Request) { r.Header.Del("Content-Type") }, CheckSignedHeaders},
		{"signed header doubled", func(r *http.Request) { r.Header.Add("Content-Type", "x") }, CheckSignature},
		{"date", replace("X-Amz-Date", "30Z", "31Z"), CheckSignature},
		{"date doubled", func(r *http.Request) { r.Header.Add("X-Amz-Date", "20260301T235930Z") }, CheckField},
		{"date gone", func(r *http.Request) { r.Header.Del("X-Amz-Date") }, CheckField},
		{"date empty", func(r *http.Request) { r.Header.Set("X-Amz-Date", "") }, CheckField},
		{"token", func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "x") }, CheckSignature},
		{"token doubled", func(r *http.Request) { r.Header.Add("X-Amz-Security-Token", "x") }, CheckField},
		{"token gone", func(r *http.Request) { r.Header.Del("X-Amz-Security-Token") }, CheckSignedHeaders},
		{"no authorization", func(r *http.Request) { r.Header.Del("Authorization") }, CheckField},
		{"two authorizations", func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) }, CheckField},
		{"another algorithm", replace("Authorization", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"), CheckAlgorithm},
		{"basic", func(r *http.Request) { r.Header.Set("Authorization", "Basic eA==") }, CheckField},
		{"bare algorithm", func(r *http.Request) { r.Header.Set("Authorization", Algorithm) }, CheckField},
		{"part missing", replace("Authorization", "SignedHeaders=", "X="), CheckField},
		{"part doubled", replace("Authorization", "SignedHeaders=", "Credential=x, SignedHeaders="), CheckField},
		{"no blank after comma", replace("Authorization", ", Sig", ",Sig"), ""},
		{"host unsigned", replace("Authorization", "host;", ""), CheckSignedHeaders},
		{"date unsigned", replace("Authorization", ";x-amz-date", ""), CheckSignedHeaders},
		{"token unsigned", replace("Authorization", ";x-amz-security-token", ""), CheckSignedHeaders},
		{"names unsorted", replace("Authorization", "content-type;host", "host;content-type"), CheckSignedHeaders},
		{"name doubled", replace("Authorization", "host;", "host;host;"), CheckSignedHeaders},
		{"name in upper case", replace("Authorization", "host;", "Host;"), CheckSignedHeaders},
		// SigV4 does not sign the key id of a header: it only selects the secret.
		{"another key with the same secret", replace("Authorization", testKey, "AKIAOTHER"), ""},
		{"another service", replace("Authorization", "/sts/", "/kafka-cluster/"), CheckService},
		{"another region", replace("Authorization", "us-gov-west-1", "us-east-1"), CheckRegion},
		{"another day", replace("Authorization", "20260301", "20260228"), CheckScopeDay},
		{"short signature", replace("Authorization", "Signature=", "Signature=0"), CheckSignatureForm},
		{"long", func(r *http.Request) { r.Header.Set("Authorization", strings.Repeat("x", MaxToken+1)) }, CheckSize},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, body := signedRequest(t, credentials(testToken), "Action=AssumeRole", signedAt)
			c.change(req)
			s, err := parseRequest(req, body)
			err = accept(s, err, testSecret, signedAt)
			if c.check != "" {
				refused(t, err, c.check)
			} else if err != nil {
				t.Fatal(err)
			}
		})
	}
	t.Run("body", func(t *testing.T) {
		req, _ := signedRequest(t, credentials(""), "Action=AssumeRole", signedAt)
		s, err := parseRequest(req, "Action=AssumeRolf")
		refused(t, accept(s, err, testSecret, signedAt), CheckSignature)
	})
}

func TestHeaderEmptyPathIsRoot(t *testing.T) {
	req, _ := signedRequest(t, credentials(""), "", signedAt)
	a, err := ParseHeader("POST", req.Host, "", "", req.Header, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := ParseHeader("POST", req.Host, "/", "", req.Header, nil)
	if err != nil || a.request != b.request {
		t.Fatal(err)
	}
}

func FuzzParseHeader(f *testing.F) {
	req, body := signedRequest(f, credentials(testToken), "Action=AssumeRole", signedAt)
	f.Add("POST", req.Host, "/", "a=b", req.Header.Get("Authorization"), "20260301T235930Z", "t", []byte(body))
	f.Add("", "", "", "%", "AWS4-HMAC-SHA256 Credential=,", "", "", []byte(nil))
	f.Fuzz(func(t *testing.T, method, host, path, query, authorization, date, token string, body []byte) {
		h := http.Header{"Authorization": {authorization}, "X-Amz-Date": {date}, "X-Amz-Security-Token": {token}, "Content-Type": {"x"}}
		s, err := ParseHeader(method, host, path, query, h, body)
		whole(t, s, err)
	})
}
