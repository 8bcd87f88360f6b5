package gateway

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus"
)

// ApiVersions is answered here, for every version, clamped to what both sides
// speak; Produce claims to begin at 0.
func TestApiVersions(t *testing.T) {
	b := start(t, newEngine(t), setting{})
	w := b.dial(t)
	for version := int16(0); version <= 4; version++ {
		req := kmsg.NewPtrApiVersionsRequest()
		req.Version, req.ClientSoftwareName, req.ClientSoftwareVersion = version, "c", "1"
		keys := map[int16]kmsg.ApiVersionsResponseApiKey{}
		for _, k := range w.ask(req).(*kmsg.ApiVersionsResponse).ApiKeys {
			keys[k.ApiKey] = k
		}
		if k := keys[0]; k.MinVersion != 0 || k.MaxVersion != 13 {
			t.Errorf("v%d: Produce %d to %d", version, k.MinVersion, k.MaxVersion)
		}
		if k := keys[24]; k.MaxVersion != 3 {
			t.Errorf("v%d: AddPartitionsToTxn up to %d is spoken among brokers", version, k.MaxVersion)
		}
		for _, absent := range []int16{4, 5, 6, 7, 29, 30, 31, 38, 50, 51, 71, 72, 76, 78} {
			if _, ok := keys[absent]; ok {
				t.Errorf("v%d: key %d is advertised", version, absent)
			}
		}
		if len(keys) != len(table())-3+3 { // without the ACLs, with the three of the login
			t.Errorf("v%d: %d keys", version, len(keys))
		}
	}
	for _, version := range []int16{5, 99, 32767, -1} {
		b := appendString(appendInt32(appendInt16(appendInt16(make([]byte, 4), 18), version), 7), "c")
		if _, err := w.Write(finish(append(b, 0xff, 0xff, 0xff))); err != nil {
			t.Fatal(err)
		}
		got, err := w.receive()
		if want := []byte{0, 0, 0, 7, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4}; err != nil || !bytes.Equal(got, want) {
			t.Errorf("v%d: % x, %v", version, got, err)
		}
	}
}

// absent is a puppet that cannot be reached for some calls of Serve.
type absent struct {
	puppet
	calls atomic.Int32
}

func (a *absent) Serve(ctx context.Context, conn net.Conn) error {
	if a.calls.Add(-1) >= 0 {
		return errors.Join(eventbus.Errorf(eventbus.CodeUnavailable, "no broker answers"), conn.Close())
	}
	return a.puppet.Serve(ctx, conn)
}

// An engine that could not be reached is asked again which versions it speaks:
// here it has gone back to older ones.
func TestVersionsAfterAnAbsence(t *testing.T) {
	up := &absent{puppet: puppet{answer: func(req kmsg.Request) kmsg.Response { return req.ResponseKind() }}}
	b := start(t, up, setting{})
	highest := func() int16 {
		for _, k := range b.dial(t).ask(kmsg.NewPtrApiVersionsRequest()).(*kmsg.ApiVersionsResponse).ApiKeys {
			if k.ApiKey == keyMetadata {
				return k.MaxVersion
			}
		}
		return -1
	}
	if got, want := highest(), table()[keyMetadata].max; got != want {
		t.Fatalf("Metadata up to version %d, want %d", got, want)
	}
	up.highest.Store(9)
	up.calls.Store(2) // a client's, and the first question after it
	b.dial(t).cut()
	for up.calls.Load() > 0 { // or the next client would be turned away in place of the question
		time.Sleep(time.Millisecond)
	}
	for highest() != 9 { // the question comes again soon
		time.Sleep(10 * time.Millisecond)
	}
}
