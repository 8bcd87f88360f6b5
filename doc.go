// Package eventbus is the vocabulary of the Enterprise Event Bus: the nouns that
// every part of the system shares (Event, Topic, Schema, Principal, Grant,
// Request, Gate, Manifest, Plan, AuditEntry, …), their statuses, the rules that
// belong to a single noun, and the one error type. It imports the standard
// library only and does nothing by itself.
//
// # The house
//
// One binary, cmd/eventbus, is composed by internal/server out of parts that
// lie in layers; a package imports only lower layers and never a sibling:
//
//	5  cmd/eventbus, eventbustest     the binary; a whole bus inside a test
//	4  internal/server                composition: Config, Open, Run, Close
//	3  doors                          gateway, restproxy, apiserver, portal, devidp, iam/sts, registry/rest
//	3  drivers                        store, cluster, telemetry, awscloud, outbound
//	2  domain                         iam, registry, onboarding, provision, catalog, streams, observe,
//	                                  samples, session, notify, audit
//	1  rules                          iam/policy, iam/sigv4, registry/avro, client
//	0  eventbus (this package), docs  the standard library only
//
// A door speaks a protocol (Kafka's wire, HTTP, STS) and translates it to the
// domain. A driver knows a technology (SQL, the embedded Kafka engine, AWS) and
// implements small interfaces that the packages above declare. Siblings meet
// only through the types of this package. The rules are kept by arch_test.go.
//
// # One record
//
// A client connects to the gateway, signs in with AWS IAM (iam/sigv4 verifies,
// iam finds the principal), and each frame is decided by iam/policy, stripped of
// what is denied, and handed to the cluster behind; the answer comes back with
// broker addresses rewritten and denied entries merged.
//
// # One request
//
// A request becomes, through onboarding's stages and gates, an approved
// Manifest; provision plans the difference between the Manifest and the world
// and applies it step by step; catalog shows the result. GitOps enters the same
// road at the Manifest.
package eventbus
