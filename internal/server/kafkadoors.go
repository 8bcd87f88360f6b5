package server

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/enterprise-event-bus/eventbus/internal/cluster"
	"github.com/enterprise-event-bus/eventbus/internal/gateway"
)

// The names of the IAM doors, as they stand in metrics and audit entries.
const (
	doorIAM         = "iam"
	doorIAMExternal = "iam-external"
)

// DefaultBrokerPorts is how many brokers have a port of their own at each door
// when Routing does not say.
const DefaultBrokerPorts = 8

// Routing is how a client at a Kafka door reaches a particular broker of an
// external cluster. The zero value gives each broker a port: broker n is at the
// door's port + 1 + n, all bound at start, so that a broker which comes later has
// its port already.
type Routing struct {
	// ByName gives each broker a name instead, b-n.HOST at the one port of the
	// door (TLS server name): it needs DNS and a certificate for *.HOST.
	ByName bool
	// BrokerPorts is how many ports each door binds besides its own; broker ids
	// from 0 to BrokerPorts-1 are reachable. 0 means DefaultBrokerPorts.
	BrokerPorts int
}

// kafkaDoor is where clients of one cluster arrive with IAM credentials.
type kafkaDoor struct {
	name       string
	kafka      int // index in Config.Kafka, 0 for the embedded engine
	advertised string
	listener   net.Listener   // clients arrive here, at any broker
	brokers    []net.Listener // broker n alone; empty when there is one node or names tell brokers apart
}

// kafkaDoors lists the doors to bind. Clusters after the first have addresses of
// their own, or none.
func (c Config) kafkaDoors() []doorAddress {
	doors := []doorAddress{
		{doorIAM, 0, c.Listeners.KafkaIAM, c.Advertise.KafkaIAM, c.setting("--kafka-iam")},
		{doorIAMExternal, 0, c.Listeners.KafkaIAMExternal, c.Advertise.KafkaIAMExternal, c.setting("--kafka-iam-external")},
	}
	for i := 1; i < len(c.Kafka); i++ {
		k := c.Kafka[i]
		doors = append(doors,
			doorAddress{doorIAM, i, k.Doors.KafkaIAM, k.Advertise.KafkaIAM, "environments[].listeners.kafkaIAM"},
			doorAddress{doorIAMExternal, i, k.Doors.KafkaIAMExternal, k.Advertise.KafkaIAMExternal, "environments[].listeners.kafkaIAMExternal"})
	}
	return doors
}

type doorAddress struct {
	name       string
	kafka      int
	address    string
	advertised string
	setting    string
}

// bindKafkaDoor takes the port of a door and those of its brokers.
func bindKafkaDoor(at doorAddress, brokers int) (*kafkaDoor, error) {
	door := &kafkaDoor{name: at.name, kafka: at.kafka, advertised: at.advertised}
	var err error
	if door.listener, err = net.Listen("tcp", at.address); err != nil {
		return nil, bindError(err, at.address, at.setting, "Kafka ("+at.name+")")
	}
	host, port, err := net.SplitHostPort(at.address)
	base, notNumber := strconv.Atoi(port)
	if err != nil || notNumber != nil {
		base = 0 // a service name: the brokers take free ports, as with port 0
	}
	for n := range brokers {
		address := net.JoinHostPort(host, "0")
		if base != 0 {
			address = net.JoinHostPort(host, strconv.Itoa(base+1+n))
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			door.close()
			return nil, bindError(err, address, at.setting, fmt.Sprintf("Kafka (%s, broker %d)", at.name, n))
		}
		door.brokers = append(door.brokers, l)
	}
	return door, nil
}

func (d *kafkaDoor) close() {
	for _, l := range append([]net.Listener{d.listener}, d.brokers...) {
		_ = l.Close() // it was never accepted from
	}
}

// bootstrap is the address that clients are told.
func (d *kafkaDoor) bootstrap() string {
	if d.advertised != "" {
		return d.advertised
	}
	return address(d.listener)
}

// place splits the bootstrap address.
func (d *kafkaDoor) place() (host string, port int32) {
	host, digits, err := net.SplitHostPort(d.bootstrap())
	n, bad := strconv.ParseInt(digits, 10, 32)
	if err != nil || bad != nil {
		return hostPort(d.listener)
	}
	return host, int32(n)
}

// listeners are the door as the gateway serves it before a cluster. One node is
// always behind the address that the client used.
func (d *kafkaDoor) listeners(external *cluster.External, byName bool, common gateway.Listener) []gateway.Listener {
	host, port := d.place()
	common.Name = d.name
	switch {
	case external == nil:
		common.Net, common.Advertise = d.listener, func(int32) (string, int32) { return host, port }
		return []gateway.Listener{common}
	case byName:
		common.Net, common.Advertise, common.Serve = d.listener, cluster.NamePerBroker(host, port), serveByName(external, host)
		return []gateway.Listener{common}
	}
	common.Advertise = d.portPerBroker(host, port)
	first := common
	first.Net = d.listener
	doors := []gateway.Listener{first}
	for n, l := range d.brokers {
		one := common
		node := external.Upstream(int32(n))
		one.Net = l
		one.Serve = func(ctx context.Context, _ string, conn net.Conn) error { return node.Serve(ctx, conn) }
		doors = append(doors, one)
	}
	return doors
}

// portPerBroker advertises each broker at its port: that of its listener, or,
// when the door is advertised under another address, the same distance from that
// one. A broker without a port is sent to the door, where any broker answers.
func (d *kafkaDoor) portPerBroker(host string, port int32) func(node int32) (string, int32) {
	return func(node int32) (string, int32) {
		if node < 0 || int(node) >= len(d.brokers) {
			return host, port
		}
		if d.advertised != "" {
			return host, port + 1 + node
		}
		_, own := hostPort(d.brokers[node])
		return host, own
	}
}

// serveByName leads a client to the broker whose name it asked for; with any
// other name, or none, to any broker.
func serveByName(external *cluster.External, domain string) func(context.Context, string, net.Conn) error {
	return func(ctx context.Context, serverName string, conn net.Conn) error {
		if node, ok := cluster.NodeOfName(domain, serverName); ok {
			return external.Upstream(node).Serve(ctx, conn)
		}
		return external.Serve(ctx, conn)
	}
}

// openKafkaDoors makes a gateway before each cluster, and its listeners.
func (s *Server) openKafkaDoors() error {
	for i, one := range s.kafkas.all {
		cfg := s.cfg.Gateway
		cfg.Deployment, cfg.Limits, cfg.Now = s.cfg.Deployment, s.topicLimits, s.cfg.Now
		cfg.RecordsChecked = one.external != nil
		one.gateway = gateway.New(cfg, one.engine, authority{s.iam}, gateway.Parts{
			Guard: s.guard, Observer: s.observe, Log: s.cfg.Logger, Metrics: s.metricsOf(one),
		})
		listeners, err := s.gatewayListeners(i, one)
		if err != nil {
			return err
		}
		if len(listeners) > 0 {
			s.doors = append(s.doors, func(ctx context.Context) error { return one.gateway.Run(ctx, listeners) })
		}
	}
	return nil
}

func (s *Server) gatewayListeners(index int, one *kafka) ([]gateway.Listener, error) {
	var listeners []gateway.Listener
	if l := s.ports.kafka; l != nil && index == 0 {
		listeners = append(listeners, gateway.Listener{Name: "plaintext", Net: l, Advertise: advertise(l)})
	}
	for _, door := range s.ports.kafkaDoors {
		if door.kafka != index {
			continue
		}
		config, err := s.tlsConfig()
		if err != nil {
			return nil, err
		}
		common := gateway.Listener{TLS: config, Mechanisms: []string{gateway.MechanismIAM, gateway.MechanismOAuth}}
		listeners = append(listeners, door.listeners(one.external, s.cfg.Routing.ByName, common)...)
	}
	return listeners, nil
}

// advertise sends clients back to the door they came through: the embedded
// engine is one node.
func advertise(l net.Listener) func(int32) (string, int32) {
	host, port := hostPort(l)
	return func(int32) (string, int32) { return host, port }
}
