package serve

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/enterprise-event-bus/eventbus/interop/go/ca"
	"github.com/enterprise-event-bus/eventbus/interop/go/kafka"
)

// TestServe: one instance before one broker, over each way of signing in to it.
// Topics are made there by a plan, and the doors keep out who has no token.
func TestServe(t *testing.T) {
	authority := ca.New(t)
	real := kafka.StartSecure(t, 1, authority.Issue(t, "broker").Both)
	for _, way := range []struct{ name, cluster string }{
		{"plaintext", plaintext(real.Bootstrap)},
		{"SCRAM", secure(real, authority.File, "mechanism: SCRAM-SHA-512, user: "+kafka.User+", password: {env: KAFKA_PASSWORD}")},
		{"PLAIN", secure(real, authority.File, "mechanism: PLAIN, user: "+kafka.User+", password: {env: KAFKA_PASSWORD}")},
		{"OAUTHBEARER", secure(real, authority.File, "mechanism: OAUTHBEARER, token: {env: KAFKA_TOKEN}")},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Setenv("KAFKA_PASSWORD", kafka.Password)
			t.Setenv("KAFKA_TOKEN", unsecuredToken())
			d := newDeck(t, 1, onKafka(way.cluster), "dataDir: "+t.TempDir())
			bus := d.instance().run()
			name := "e-" + strings.ToLower(way.name)
			if out, err := bus.apply(name, 2); err != nil {
				t.Fatal(err, out)
			}
			if out := bus.must(administrator, "topic", "show", "dev_"+name, "-o", "json"); !strings.Contains(out, `"partitions": 2`) {
				t.Errorf("the topic is %s", out)
			}
			for _, address := range []string{bus.at.HTTP + "/api/v1/events", bus.at.HTTP + "/metrics"} {
				stranger := d.http()
				stranger.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // to the sign-in
				response, err := stranger.Get(address)
				if err != nil {
					t.Fatal(err)
				}
				response.Body.Close()
				if response.StatusCode == http.StatusOK {
					t.Errorf("GET %s without sign-in: %d", address, response.StatusCode)
				}
			}
			if code := bus.stop(); code != 0 {
				t.Errorf("stopped with %d, want 0", code)
			}
		})
	}
}

// unsecuredToken is a JSON Web Token without a signature (RFC 7515 appendix A.5),
// which the brokers of the tests take.
func unsecuredToken() string {
	now := time.Now().Unix()
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	return part(`{"alg":"none"}`) + "." + part(fmt.Sprintf(`{"sub":%q,"iat":%d,"exp":%d}`, kafka.User, now, now+3600)) + "."
}
