package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
)

const (
	callers     = 8
	loginWindow = 1500 * time.Millisecond
)

// doors are a bus and a bare TLS server, and how to come in.
type doors struct {
	bus, bare      *measure.Child
	stop           func() error
	login, connect func() (net.Conn, error)
}

func (b *bench) open(name string) (*doors, error) {
	bus, stopBus, err := b.startIn("bus", name)
	if err != nil {
		return nil, err
	}
	bare, err := measure.Start("bare")
	if err != nil {
		return nil, err
	}
	d := &doors{bus: bus, bare: bare, stop: func() error {
		if err := bare.Stop(); err != nil {
			return err
		}
		return stopBus()
	}}
	message, err := signed(context.Background(), bus, "test-producer")
	if err != nil {
		return nil, err
	}
	var busTLS, bareTLS *tls.Config
	if busTLS, err = trust(bus); err != nil {
		return nil, err
	}
	if bareTLS, err = trust(bare); err != nil {
		return nil, err
	}
	d.login = func() (net.Conn, error) { return login(bus.Hello["iam"], busTLS, message) }
	d.connect = func() (net.Conn, error) { return greet(bare.Hello["address"], bareTLS) }
	return d, nil
}

// logins has eight clients come and go as fast as they can.
func (b *bench) logins() error {
	d, err := b.open("logins")
	if err != nil {
		return err
	}
	for range b.rounds + 2 {
		for _, side := range []struct {
			name   string
			server measure.PID
			come   func() (net.Conn, error)
		}{{"handshakes", d.bare.PID, d.connect}, {"logins", d.bus.PID, d.login}} {
			var count atomic.Int64
			used, err := side.server.Spend(func() error { return comeAndGo(side.come, &count) })
			if err != nil {
				return err
			}
			b.Add(side.name+" /s", float64(count.Load())/used.Seconds)
			b.Add(side.name+" CPU us", used.CPU/float64(count.Load())*1e6)
		}
	}
	return d.stop()
}

func comeAndGo(come func() (net.Conn, error), count *atomic.Int64) error {
	var group errgroup.Group
	until := time.Now().Add(loginWindow)
	for range callers {
		group.Go(func() error {
			for time.Now().Before(until) {
				conn, err := come()
				if err != nil {
					return err
				}
				conn.Close()
				count.Add(1)
			}
			return nil
		})
	}
	return group.Wait()
}

// idle opens many connections, leaves them alone, and looks at the server's
// memory: as the kernel counts it, and after a collection.
func (b *bench) idle() error {
	for round := range b.rounds {
		d, err := b.open(fmt.Sprintf("idle-%d", round))
		if err != nil {
			return err
		}
		for _, side := range []struct {
			name   string
			server *measure.Child
			come   func() (net.Conn, error)
		}{{"bare", d.bare, d.connect}, {"gateway", d.bus, func() (net.Conn, error) { return settled(d.login) }}} {
			if err := b.idleAt("idle "+side.name, side.server, side.come); err != nil {
				return err
			}
		}
		if err := d.stop(); err != nil {
			return err
		}
	}
	return nil
}

// settled signs in and asks what every client asks first.
func settled(login func() (net.Conn, error)) (net.Conn, error) {
	conn, err := login()
	if err != nil {
		return nil, err
	}
	r := kmsg.NewPtrMetadataRequest()
	r.Version = 9
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = kmsg.StringPtr(topic)
	r.Topics = append(r.Topics, t)
	_, err = exchange(conn, frame(r))
	return conn, err
}

func (b *bench) idleAt(name string, server *measure.Child, come func() (net.Conn, error)) error {
	before, err := server.Live()
	if err != nil {
		return err
	}
	open, err := openMany(b.connections, come)
	defer closeAll(open)
	if err != nil {
		return err
	}
	time.Sleep(2 * time.Second)
	rss, _, err := server.Memory()
	if err != nil {
		return err
	}
	after, err := server.Live()
	if err != nil {
		return err
	}
	each := func(mib float64) float64 { return mib * 1024 / float64(b.connections) }
	b.Add(name+" RSS KiB", each(rss-before.RSS))
	b.Add(name+" collected RSS KiB", each(after.RSS-before.RSS))
	b.Add(name+" heap KiB", each(after.Heap-before.Heap))
	b.Add(name+" stack KiB", each(after.Stack-before.Stack))
	return nil
}

func openMany(n int, come func() (net.Conn, error)) ([]net.Conn, error) {
	var mu sync.Mutex
	var open []net.Conn
	var group errgroup.Group
	group.SetLimit(16)
	for range n {
		group.Go(func() error {
			conn, err := come()
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			open = append(open, conn)
			return nil
		})
	}
	err := group.Wait()
	return open, err
}

func closeAll(open []net.Conn) {
	for _, conn := range open {
		conn.Close()
	}
}
