package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
	"github.com/enterprise-event-bus/eventbus/bench/peer"
)

// secureLoads are sent through every secure door: first one that warms up, as a
// JVM compiles what runs often, then those that are measured; the last is a topic
// for one record at a time.
var secureLoads = []load{{1 << 10, 10, 200_000}, {100, 10, 1_000_000}, {1 << 10, 10, 300_000}, {10 << 10, 10, 30_000}, {smallSize, 1, 0}}

// warm and single are the first and the last of them.
const warm, single = 0, 4

// secure compares, before one and the same broker, the gateway with Kafka's own
// secure listener and with another proxy. What a proxy costs includes what the
// broker behind it does. With the schema guard on the gateway looks at each record
// of a produce.
func (b *bench) secure(round int) (err error) {
	dir := filepath.Join(b.dir, fmt.Sprintf("secure-%d", round))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	w := &secureWorld{}
	defer func() { err = errors.Join(err, w.stop()) }()
	if err := w.start(ctx, b.binary, dir); err != nil {
		return err
	}
	for _, d := range w.doors {
		if err := d.open(ctx, w.plain); err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
	}
	for i := range w.doors {
		d := w.doors[(i+round)%len(w.doors)]
		if err := b.through(ctx, d); err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
	}
	for _, d := range w.doors {
		if len(d.server.Processes) == 1 || d.prefix != nil {
			continue // the broker alone, or a process that is counted already
		}
		now, _, err := d.server.Processes[0].Memory()
		if err != nil {
			return err
		}
		b.Add(d.name+" process, RSS after it all MiB", now)
	}
	return nil
}

// secureWorld is one broker and the secure ways to it.
type secureWorld struct {
	plain *subject // the broker without any security, for preparing
	doors []secureDoor
	stops []func() error
}

// stop ends the processes, the last one first.
func (w *secureWorld) stop() (err error) {
	for _, stop := range slices.Backward(w.stops) {
		err = errors.Join(err, stop())
	}
	return err
}

// start runs the broker and the proxies; what runs when it fails, stop ends.
func (w *secureWorld) start(ctx context.Context, binary, dir string) error {
	certificate, trusted, err := certify(dir)
	if err != nil {
		return err
	}
	broker, err := peer.StartKafka(dir, certificate)
	if err != nil {
		return err
	}
	w.stops = append(w.stops, broker.Stop)
	w.plain = &subject{reach: []kgo.Opt{kgo.SeedBrokers(broker.Address)}}
	if err := w.plain.allow(ctx); err != nil {
		return err
	}
	gateway, at, err := startGateway(binary, dir, broker.Address, trusted)
	if err != nil {
		return err
	}
	w.stops = append(w.stops, gateway.stop)
	prefix, err := guard(ctx, gateway, webClient(trusted), at, secureLoads)
	if err != nil {
		return fmt.Errorf("turn the schema guard on: %w", err)
	}
	proxy, err := peer.StartKroxylicious(dir, broker.Behind)
	if err != nil {
		return err
	}
	w.stops = append(w.stops, proxy.Stop)
	gateway.Processes = append(gateway.Processes, broker.PID)
	scrammed := func(address string, processes ...measure.PID) *subject {
		return &subject{Processes: processes, reach: []kgo.Opt{kgo.SeedBrokers(address), kgo.DialTLSConfig(trusted),
			kgo.SASL(scram.Auth{User: peer.User, Pass: peer.Password}.AsSha512Mechanism())}}
	}
	topics := func(name string) func(i int) string {
		return func(i int) string { return fmt.Sprintf("bench_%s-%d", name, i) }
	}
	w.doors = []secureDoor{
		{"gateway", gateway, nil, topics("gateway")},
		{"gateway with guard", gateway, prefix, guardedTopic},
		{"kafka", scrammed(broker.Secure, broker.PID), nil, topics("kafka")},
		{"kroxylicious", scrammed(proxy.Address, proxy.PID, broker.PID), nil, topics("kroxylicious")},
	}
	return nil
}

// secureDoor is one secure way to the broker.
type secureDoor struct {
	name   string
	server *subject
	prefix []byte             // how each record begins; nil where no guard is
	topic  func(i int) string // of the i-th load; where a guard is, it exists
}

// open makes the topics where they are missing and warms the path up.
func (d secureDoor) open(ctx context.Context, plain *subject) error {
	if d.prefix == nil {
		for i, l := range secureLoads {
			if err := plain.create(ctx, d.topic(i), l.partitions); err != nil {
				return err
			}
		}
	}
	l := secureLoads[warm]
	if err := produce(ctx, d.server, d.topic(warm), d.value(l.size), l.records); err != nil {
		return err
	}
	return consume(ctx, d.server, d.topic(warm), l.records)
}

// value is a record that passes the door.
func (d secureDoor) value(size int) []byte {
	return slices.Concat(d.prefix, make([]byte, size-len(d.prefix)))
}

// through measures a path that is warm.
func (b *bench) through(ctx context.Context, d secureDoor) error {
	for i, l := range secureLoads[warm+1 : single] {
		topic := d.topic(warm + 1 + i)
		made, err := d.server.Spend(func() error { return produce(ctx, d.server, topic, d.value(l.size), l.records) })
		if err != nil {
			return err
		}
		read, err := d.server.Spend(func() error { return consume(ctx, d.server, topic, l.records) })
		if err != nil {
			return err
		}
		cell := fmt.Sprintf("%s %d B", d.name, l.size)
		n := float64(l.records)
		b.Add(cell+", produced /s", n/made.Seconds)
		b.Add(cell+", consumed /s", n/read.Seconds)
		b.Add(cell+", produce CPU us", made.CPU/n*1e6)
		b.Add(cell+", consume CPU us", read.CPU/n*1e6)
	}
	return b.single(ctx, d.name, d.server, d.topic(single), d.value(smallSize))
}

// allow gives the user of Kafka's own listener what the benchmark needs.
func (s *subject) allow(ctx context.Context) error {
	client, err := s.client()
	if err != nil {
		return err
	}
	defer client.Close()
	rules := kadm.NewACLs().Topics("*").Groups("*").Clusters().Allow("User:"+peer.User).AllowHosts().
		Operations(kadm.OpRead, kadm.OpWrite, kadm.OpDescribe, kadm.OpIdempotentWrite).ResourcePatternType(kadm.ACLPatternLiteral)
	answers, err := kadm.NewClient(client).CreateACLs(ctx, rules)
	if err != nil {
		return err
	}
	for _, a := range answers {
		err = errors.Join(err, a.Err)
	}
	return err
}

// certify writes a certificate of localhost into dir, which all servers show, and
// gives the configuration that trusts it.
func certify(dir string) (*measure.Certificate, *tls.Config, error) {
	c, err := measure.Certify()
	if err != nil {
		return nil, nil, err
	}
	for file, text := range map[string]string{"ca.pem": c.CA, "server.pem": c.Chain, "server.key": c.Key} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			return nil, nil, err
		}
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(c.CA))
	return &c, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, nil
}
