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
	kafka, kafkaIAM, kafkaIAMExternal, registry, http, stsTLS net.Listener
}

// bind takes every configured port or none.
func bind(l Listeners) (*bound, error) {
	b := &bound{}
	doors := []struct {
		address, flag, what string
		listener            *net.Listener
	}{
		{l.Kafka, "--kafka", "Kafka (PLAINTEXT)", &b.kafka},
		{l.KafkaIAM, "--kafka-iam", "Kafka (AWS IAM)", &b.kafkaIAM},
		{l.KafkaIAMExternal, "--kafka-iam-external", "Kafka (AWS IAM, outside AWS)", &b.kafkaIAMExternal},
		{l.Registry, "--registry", "the schema registry", &b.registry},
		{l.HTTP, "--http", "portal and API", &b.http},
		{l.STSTLS, "--sts-tls", "STS over TLS", &b.stsTLS},
	}
	for _, door := range doors {
		if door.address == "" {
			continue
		}
		if err := loopbackOnly(door.address, door.flag); err != nil {
			b.close()
			return nil, err
		}
		listener, err := net.Listen("tcp", door.address)
		if err != nil {
			b.close()
			return nil, bindError(err, door.address, door.flag, door.what)
		}
		*door.listener = listener
	}
	return b, nil
}

// loopbackOnly refuses an address that others could reach: no door of `dev` is
// protected enough for a network.
func loopbackOnly(address, flag string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return eventbus.Errorf(eventbus.CodeInvalid, "%s=%s is not host:port: %w", flag, address, err)
	}
	if host == "localhost" {
		return nil
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return &eventbus.Error{Code: eventbus.CodeInvalid, Message: fmt.Sprintf("%s=%s is not a loopback address", flag, address),
			Next: "use 127.0.0.1, or `eventbus serve` with certificates"}
	}
	return nil
}

func bindError(err error, address, flag, what string) error {
	e := &eventbus.Error{Code: eventbus.CodeUnavailable, Message: fmt.Sprintf("cannot listen on %s for %s", address, what), Err: err,
		Next: "choose another address with " + flag}
	if errors.Is(err, syscall.EADDRINUSE) {
		e.Message, e.Err = fmt.Sprintf("%s, the address of %s, is in use", address, what), nil
		e.Next = fmt.Sprintf("stop the program that holds it, or choose another address with %s (%s=127.0.0.1:0 takes a free port)", flag, flag)
	}
	return e
}

func (b *bound) close() {
	for _, l := range []net.Listener{b.kafka, b.kafkaIAM, b.kafkaIAMExternal, b.registry, b.http, b.stsTLS} {
		if l != nil {
			l.Close()
		}
	}
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
