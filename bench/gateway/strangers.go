package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
	"github.com/enterprise-event-bus/eventbus/internal/gateway"
)

// sockets are opened for each hostile input.
const sockets = 500

// claim is a request of size bytes of which only the first sent bytes come.
func claim(key, version int16, size, sent int) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(size))
	b = binary.BigEndian.AppendUint16(b, uint16(key))
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	b = append(b, 0, 0, 0, 1, 0xff, 0xff) // correlation id, no client id
	return append(b, make([]byte, sent+4-len(b))...)
}

// attack is what a stranger sends after the TLS handshake. Each frame but the
// last waits for its answer.
type attack struct {
	name   string
	frames [][]byte
}

func noise(n int) []byte {
	random := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n)
	_, _ = random.Read(b) // never fails
	return b
}

// attacks that the gateway answers or ends at once: what they cost is time.
func attacks() []attack {
	iam, oauth := handshakeFrame(gateway.MechanismIAM), handshakeFrame(gateway.MechanismOAuth)
	tags := append(claim(18, 3, 19, 10), 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff)
	binary.BigEndian.PutUint32(tags, uint32(len(tags)-4))
	var many strings.Builder
	many.WriteString("https://kafka.us-gov-west-1.amazonaws.com/?")
	for i := range 550 {
		fmt.Fprintf(&many, "a%d=%%41&", i)
	}
	token := "n,,\x01auth=Bearer " + base64.RawURLEncoding.EncodeToString([]byte(many.String())) + "\x01\x01"
	forged := `{"version":"2020_10_22","host":"localhost","user-agent":"x","action":"kafka-cluster:Connect","x-amz-algorithm":"AWS4-HMAC-SHA256",` +
		`"x-amz-credential":"AKIAAAAAAAAAAAAAAAAA/` + time.Now().UTC().Format("20060102") + `/us-gov-west-1/kafka-cluster/aws4_request","x-amz-date":"` +
		time.Now().UTC().Format("20060102T150405Z") + `","x-amz-signedheaders":"host","x-amz-expires":"900","x-amz-signature":"` + strings.Repeat("0", 64) + `"}`
	var keys strings.Builder
	keys.WriteString(`{"version":"2020_10_22"`)
	for i := range 1300 {
		fmt.Fprintf(&keys, `,"k%d":"v"`, i)
	}
	keys.WriteString("}")
	return []attack{
		{"ApiVersions with 2^28 tags", [][]byte{tags}},
		{"16 KiB of noise", [][]byte{noise(16 << 10)}},
		{"a frame of 2 GiB", [][]byte{claim(18, 3, 1<<31-1, 64)}},
		{"Produce before login", [][]byte{claim(0, 9, 4000, 4000)}},
		{"60 KiB SaslAuthenticate", [][]byte{iam, authenticateFrame(noise(60 << 10))}},
		{"16 KiB SaslAuthenticate without handshake", [][]byte{authenticateFrame(noise(16_000))}},
		{"16 KiB of opening brackets", [][]byte{iam, authenticateFrame(bytes.Repeat([]byte(`{"a":[`), 2_700))}},
		{"JSON with 1,300 keys", [][]byte{iam, authenticateFrame([]byte(keys.String()))}},
		{"token with 550 parameters", [][]byte{oauth, authenticateFrame([]byte(token))}},
		{"forged signature of an unknown key", [][]byte{iam, authenticateFrame([]byte(forged))}},
		{"unknown mechanism of 10 KiB", [][]byte{handshakeFrame(strings.Repeat("M", 10<<10))}},
	}
}

// holds are what a stranger sends to make the gateway keep memory; the rest
// never comes.
func holds() []attack {
	return []attack{
		{"silence after TLS", nil},
		{"ApiVersions, last byte missing", [][]byte{claim(18, 3, 16<<10, 16<<10-1)}},
		{"SaslAuthenticate of 16 KiB, last byte missing", [][]byte{claim(36, 1, 16<<10, 16<<10-1)}},
		{"SaslAuthenticate of 16 KiB, half of it missing", [][]byte{claim(36, 1, 16<<10, 8<<10)}},
	}
}

// strangers measures what clients that never sign in cost beyond a bare TLS
// connection: memory while they hold it, processor time in all.
func (b *bench) strangers() error {
	d, err := b.open("strangers")
	if err != nil {
		return err
	}
	busTLS, err := trust(d.bus)
	if err != nil {
		return err
	}
	come := func() (net.Conn, error) { return secure(d.bus.Hello["iam"], busTLS) }
	for range b.rounds {
		bare, err := b.holding(d.bare, d.connect, nil)
		if err != nil {
			return err
		}
		for _, a := range holds() {
			held, err := b.holding(d.bus, come, a.frames)
			if err != nil {
				return fmt.Errorf("%s: %w", a.name, err)
			}
			b.Add("held KiB: "+a.name, held-bare)
		}
		handshake, err := spent(d.bare.PID, func() error { return attackAll(d.connect, nil) })
		if err != nil {
			return err
		}
		for _, a := range attacks() {
			cpu, err := spent(d.bus.PID, func() error { return attackAll(come, a.frames) })
			if err != nil {
				return fmt.Errorf("%s: %w", a.name, err)
			}
			b.Add("CPU ms: "+a.name, cpu-handshake)
		}
	}
	return d.stop()
}

// holding gives the KiB of live heap and stack per open socket.
func (b *bench) holding(server *measure.Child, come func() (net.Conn, error), frames [][]byte) (float64, error) {
	before, err := server.Live()
	if err != nil {
		return 0, err
	}
	open, err := openMany(sockets, func() (net.Conn, error) {
		conn, err := come()
		if err != nil {
			return nil, err
		}
		for _, f := range frames {
			if _, err := conn.Write(f); err != nil {
				return nil, err
			}
		}
		return conn, nil
	})
	defer closeAll(open)
	if err != nil {
		return 0, err
	}
	time.Sleep(300 * time.Millisecond)
	after, err := server.Live()
	return (after.Heap + after.Stack - before.Heap - before.Stack) * 1024 / sockets, err
}

// spent gives the processor milliseconds per socket.
func spent(server measure.PID, do func() error) (float64, error) {
	used, err := server.Spend(func() error {
		defer time.Sleep(100 * time.Millisecond) // what is still running for them
		return do()
	})
	return used.CPU * 1000 / sockets, err
}

// attackAll sends the frames on every socket and reads to the end, so that the
// server has done all it will do.
func attackAll(come func() (net.Conn, error), frames [][]byte) error {
	open, err := openMany(sockets, func() (net.Conn, error) {
		conn, err := come()
		if err != nil {
			return nil, err
		}
		for i, f := range frames {
			if i < len(frames)-1 {
				if _, err := exchange(conn, f); err != nil {
					return nil, err
				}
				continue
			}
			if _, err := conn.Write(f); err != nil {
				break // cut off already
			}
			_ = conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
			_, _ = io.Copy(io.Discard, conn) // ends with the connection, or the deadline
		}
		return conn, nil
	})
	closeAll(open)
	return err
}
