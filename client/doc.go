// Package client is the public Go SDK of the Enterprise Event Bus: options with
// which franz-go reaches the bus and signs in with AWS IAM (Config), record values
// in Avro by schema id (Serde, Codec), and the control-plane API (API).
//
// Nothing in here is needed to use the bus: any Kafka client with AWS_MSK_IAM or
// OAUTHBEARER and any Confluent-compatible serializer works. The package makes
// it short in Go, and the eventbus command is built on it.
//
// It owns what a client needs to know and nothing of the server; it imports the
// vocabulary of package eventbus only, so that it can become its own module.
package client
