package gateway

import (
	"context"
	"crypto/tls"
	"net"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestDoorLeadsToABroker: a door with a Serve of its own hands its connections to
// that, with the TLS server name that the client asked for, and not to the
// gateway's upstream.
func TestDoorLeadsToABroker(t *testing.T) {
	server, client := selfSigned(t)
	for _, c := range []struct {
		name       string
		tls        *tls.Config
		serverName string
		want       string
	}{
		{"by name", server, "localhost", "localhost"},
		{"without TLS", nil, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked := make(chan string, 1)
			broker := &puppet{answer: func(kmsg.Request) kmsg.Response {
				resp := kmsg.NewPtrMetadataResponse()
				resp.SetVersion(9)
				resp.ControllerID = 7
				return resp
			}}
			b := start(t, &puppet{}, setting{tls: c.tls, serve: func(ctx context.Context, serverName string, conn net.Conn) error {
				asked <- serverName
				return broker.Serve(ctx, conn)
			}})
			w := b.dial(t)
			if c.tls != nil {
				config := client.Clone()
				config.ServerName = c.serverName
				w.Conn = tls.Client(w.Conn, config)
			}
			req := kmsg.NewPtrMetadataRequest()
			req.SetVersion(9)
			w.send(req)
			if _, err := w.receive(); err != nil {
				t.Fatal(err)
			}
			if got := <-asked; got != c.want {
				t.Errorf("the door was told the name %q, want %q", got, c.want)
			}
		})
	}
}
