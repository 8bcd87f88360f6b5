// Package streams shows people what is on Kafka: topics with their
// configuration, consumer groups with their lag, and records decoded, masked
// and audited.
//
// It reads; it creates and alters nothing (package provision does), and it does
// not decide who may read records (the doors ask it to, with a person).
package streams
