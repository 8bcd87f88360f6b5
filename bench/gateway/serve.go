package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
	"github.com/enterprise-event-bus/eventbus/internal/gateway"
	"github.com/enterprise-event-bus/eventbus/internal/server"
)

// topic carries the load; every `dev` has it, with principals that may use it.
const (
	topic      = "test"
	partitions = 3
)

// serve plays a server. The bus is as `dev` runs it but for the limits that
// keep one address from measuring it.
func serve(role, dir string) error {
	switch role {
	case "bus":
		return measure.ServeBus(server.Config{DataDir: dir, Gateway: gateway.Config{
			LoginsPerSecond: 1_000_000, MaxConnections: 100_000, MaxConnectionsPerIP: 100_000, HandshakeTimeout: time.Minute,
		}})
	case "engine-plain":
		return serveEngine(dir, false)
	case "engine-tls":
		return serveEngine(dir, true)
	case "bare":
		return serveBare()
	default:
		return fmt.Errorf("there is no server %q", role)
	}
}

// serveEngine is the embedded engine on a port of its own, as the bus never
// runs it.
func serveEngine(dir string, secure bool) error {
	opts := []kfake.Opt{kfake.NumBrokers(1), kfake.DataDir(dir), kfake.SeedTopics(partitions, topic),
		kfake.BrokerConfigs(map[string]string{"log.cleaner.backoff.ms": "315360000000"})}
	hello := map[string]string{}
	if secure {
		config, ca, err := certificate()
		if err != nil {
			return err
		}
		opts, hello["pem"] = append(opts, kfake.TLS(config)), ca
	}
	engine, err := kfake.NewCluster(opts...)
	if err != nil {
		return err
	}
	defer engine.Close()
	hello["kafka"] = engine.ListenAddrs()[0]
	return measure.Serve(hello)
}

// serveBare takes TLS connections and echoes, with one goroutine and 512 bytes
// for each: the least a Go server can do.
func serveBare() error {
	config, ca, err := certificate()
	if err != nil {
		return err
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		return err
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go echo(conn)
		}
	}()
	return measure.Serve(map[string]string{"address": l.Addr().String(), "pem": ca})
}

func echo(conn net.Conn) {
	defer conn.Close()
	buf := make([]byte, 512)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		if _, err := conn.Write(buf[:n]); err != nil {
			return
		}
	}
}

// certificate gives what a server shows, and the CA that clients must trust.
func certificate() (*tls.Config, string, error) {
	c, err := measure.Certify()
	if err != nil {
		return nil, "", err
	}
	pair, err := tls.X509KeyPair([]byte(c.Chain), []byte(c.Key))
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, c.CA, err
}
