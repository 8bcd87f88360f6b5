package server

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"github.com/enterprise-event-bus/eventbus"
)

// bound are the listeners, bound but not yet accepting. A nil one is a door
// that is not built.
type bound struct {
	kafka, registry, http, admin, stsTLS net.Listener
	kafkaDoors                           []*kafkaDoor
}

// bind takes every configured port or none.
func (c Config) bind() (*bound, error) {
	b, l := &bound{}, c.Listeners
	doors := []struct {
		address, setting, what string
		listener               *net.Listener
	}{
		{l.Kafka, "--kafka", "Kafka (PLAINTEXT)", &b.kafka},
		{l.Registry, c.setting("--registry"), "the schema registry", &b.registry},
		{l.HTTP, c.setting("--http"), "portal and API", &b.http},
		{l.Admin, c.setting("--admin"), "metrics", &b.admin},
		{l.STSTLS, "--sts-tls", "STS over TLS", &b.stsTLS},
	}
	for _, door := range doors {
		if door.address == "" {
			continue
		}
		if err := c.mayListen(door.address, door.setting); err != nil {
			b.close()
			return nil, err
		}
		listener, err := net.Listen("tcp", door.address)
		if err != nil {
			b.close()
			return nil, bindError(err, door.address, door.setting, door.what)
		}
		*door.listener = listener
	}
	if err := b.bindKafkaDoors(c); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bound) bindKafkaDoors(c Config) error {
	for _, at := range c.kafkaDoors() {
		if at.address == "" {
			continue
		}
		if err := c.mayListen(at.address, at.setting); err != nil {
			return err
		}
		brokers := 0
		if len(c.Kafka) > 0 && !c.Routing.ByName {
			brokers = c.Routing.BrokerPorts
		}
		door, err := bindKafkaDoor(at, brokers)
		if err != nil {
			return err
		}
		b.kafkaDoors = append(b.kafkaDoors, door)
	}
	return nil
}

// mayListen refuses an address that others could reach while a door is not
// protected enough for a network: no certificate, or `dev`.
func (c Config) mayListen(address, setting string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return eventbus.Errorf(eventbus.CodeInvalid, "%s=%s is not host:port: %w", setting, address, err)
	}
	if loopbackHost(host) || !c.Dev && len(c.Certificates) > 0 {
		return nil
	}
	e := &eventbus.Error{Code: eventbus.CodeInvalid, Message: fmt.Sprintf("%s=%s is not a loopback address", setting, address),
		Next: "use 127.0.0.1, or `eventbus serve` with certificates"}
	if !c.Dev {
		e.Message += " and there is no certificate"
		e.Next = "give certificate and key under tls.certificates, or listen on 127.0.0.1"
	}
	return e
}

// loopbackHost reports whether only this machine can reach a host.
func loopbackHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func bindError(err error, address, setting, what string) error {
	e := &eventbus.Error{Code: eventbus.CodeUnavailable, Message: fmt.Sprintf("cannot listen on %s for %s", address, what), Err: err,
		Next: "choose another address with " + setting}
	if errors.Is(err, syscall.EADDRINUSE) {
		e.Message, e.Err = fmt.Sprintf("%s, the address of %s, is in use", address, what), nil
		e.Next = fmt.Sprintf("stop the program that holds it, or choose another address with %s (port 0 takes a free one)", setting)
	}
	return e
}

func (b *bound) close() {
	for _, l := range []net.Listener{b.kafka, b.registry, b.http, b.admin, b.stsTLS} {
		if l != nil {
			l.Close()
		}
	}
	for _, door := range b.kafkaDoors {
		door.close()
	}
}

// door gives a Kafka door of a cluster, nil when it is not built.
func (b *bound) door(name string, kafka int) *kafkaDoor {
	for _, door := range b.kafkaDoors {
		if door.name == name && door.kafka == kafka {
			return door
		}
	}
	return nil
}

// bootstrap is the address of a Kafka door, empty when it is not built.
func (b *bound) bootstrap(name string, kafka int) string {
	if door := b.door(name, kafka); door != nil {
		return door.bootstrap()
	}
	return ""
}

// address gives a listener's real address, empty for a door that is not built.
func address(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}

// hostPort splits the address of a bound TCP listener.
func hostPort(l net.Listener) (host string, port int32) {
	h, p, err := net.SplitHostPort(l.Addr().String())
	if err != nil { // a bound TCP listener always has both
		return "127.0.0.1", 0
	}
	n, err := strconv.ParseInt(p, 10, 32)
	if err != nil {
		return h, 0
	}
	return h, int32(n)
}
