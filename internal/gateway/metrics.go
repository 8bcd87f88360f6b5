package gateway

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the counters of the gateway. Labels are bounded: listeners, API
// names of the table, and the constants below; never a principal or a topic.
type metrics struct {
	connections *prometheus.GaugeVec   // listener
	requests    *prometheus.CounterVec // api, outcome
	bytes       *prometheus.CounterVec // direction
	in, out     prometheus.Counter     // of bytes
	closes      *prometheus.CounterVec // cause
	logins      *prometheus.CounterVec // mechanism, outcome
	guarded     *prometheus.CounterVec // outcome
}

// Outcomes of a request.
const (
	outcomeForwarded = "forwarded" // the whole request went to the engine
	outcomePartly    = "partly"    // some entries were answered here
	outcomeLocal     = "local"     // answered here
)

// Causes of a closed connection.
const (
	causeClient   = "client"   // the client closed, or its socket failed
	causeEngine   = "engine"   // the engine closed, or answered what cannot be read
	causeFrame    = "frame"    // a frame that is too large, broken or not known
	causeLogin    = "login"    // not authenticated
	causeExpired  = "expired"  // the session's lifetime ended without re-authentication
	causeRevoked  = "revoked"  // key or policy changed
	causeIdle     = "idle"     // nothing came, or too slowly
	causeOverload = "overload" // limits of connections or bytes in flight
	causeDenied   = "denied"   // refused where the protocol has no answer
	causeDrain    = "drain"    // the gateway stops
	causePanic    = "panic"    // a defect of ours; logged with its stack
)

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "eventbus_gateway_" + name, Help: help}, labels)
	}
	m := &metrics{
		connections: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "eventbus_gateway_connections", Help: "Open Kafka connections."}, []string{"listener"}),
		requests:    counter("requests_total", "Kafka requests by API and how they were answered.", "api", "outcome"),
		bytes:       counter("bytes_total", "Bytes of Kafka requests (in) and responses (out).", "direction"),
		closes:      counter("closes_total", "Closed Kafka connections by cause.", "cause"),
		logins:      counter("logins_total", "SASL logins and re-authentications.", "mechanism", "outcome"),
		guarded:     counter("schema_guard_total", "Batches that the schema guard passed, warned about or refused.", "outcome"),
	}
	m.in, m.out = m.bytes.WithLabelValues("in"), m.bytes.WithLabelValues("out")
	if reg != nil {
		reg.MustRegister(m.connections, m.requests, m.bytes, m.closes, m.logins, m.guarded)
	}
	return m
}
