// Package wire holds the wire suite: what Kafka clients may expect of the bus,
// said once and run on the embedded engine and on real Apache Kafka behind the
// gateway. It has tests only.
package wire
