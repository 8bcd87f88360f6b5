// Package interop runs Kafka clients of every language against the bus, each with
// nothing of ours in it, and writes what each can do to docs/reference/clients.md.
// It has tests only; the clients are in program/ and in the folders beside go/.
package interop
