// Package client is the public Go SDK of the Enterprise Event Bus: typed
// producers and consumers on franz-go with AWS IAM sign-in, Avro values by
// schema id, and a client for the control-plane API.
//
// Nothing in here is needed to use the bus: any Kafka client with AWS_MSK_IAM or
// OAUTHBEARER and any Confluent-compatible serializer works. The package makes
// it short in Go, and the eventbus command is built on it.
//
// It owns what a client needs to know and nothing of the server; it imports the
// vocabulary of package eventbus only, so that it can become its own module.
package client
