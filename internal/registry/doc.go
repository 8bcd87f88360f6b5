// Package registry is the schema registry: subjects, versions, ids,
// compatibility levels, modes and references, with the meaning that Confluent's
// Schema Registry 8.0 gives them. What it knows is kept in one Kafka topic
// (`_schemas`), byte-compatible with Confluent's keys and values, so that the
// bus can take over an existing topic and give it back.
//
// It owns the rules (who wins a version number, which id a text gets, what may
// be deleted), the topic and the office of the one writer. It does not speak
// HTTP (package rest does, forwarding included), does not parse Avro (package
// avro does), does not know the bytes of a record (package wire does) nor those of
// a vote (package election does), and not where Kafka is: it takes kgo options as
// given.
// Called by rest, gateway (schema guard), provision, streams and catalog through
// server.
//
// # How it stays right
//
// Every node reads the topic from its beginning, committed records only, into
// memory and answers all reads from there; a read never waits for Kafka. One
// node, elected by the Kafka group protocol `sr`, writes. It holds the
// transactional id `<group>-writer`: a new leader's first act bumps that id's
// epoch, so that whatever an old leader still tries is refused by Kafka itself.
// Then it writes a NOOP and reads up to it, and only then accepts writes. A
// write is answered when our own reader has applied it.
package registry
