// Package streams shows people what is on Kafka: topics with their
// configuration and size, consumer groups with their lag in records and in
// seconds, and records decoded, masked and audited.
//
// It reads; it creates and alters nothing (package provision does), it joins no
// group and commits no offset. It does not decide who may read records: the
// doors ask it to, with a person, the data classes of the topic, and the classes
// that the person is cleared for. What it does decide is what of a record such a
// person sees (see Viewer).
//
// Called by apiserver and portal. Every call has a bound in time, in memory and
// in the number of requests that it makes: lists cost one request per broker, and
// what costs more (lag, sizes) takes at most a page of names.
package streams
