// Package serve runs `eventbus serve` as operators do, as processes before Apache
// Kafka and on PostgreSQL, and holds it against what it promises: routing to
// several brokers, TLS and SASL to them, several instances side by side, and the
// page docs/operate/serve.md. It has tests only.
package serve
