// Package wire is what stands in the topic `_schemas`, byte for byte: the keys
// and values that Confluent's registry writes, what makes two schemas the same
// (the fingerprint), and how metadata, rules and settings are merged.
//
// It owns the format and its pure rules: bytes in, values out. It knows no state,
// no Kafka client and no HTTP, and decides nothing about who may write what. The
// registry calls it; others meet its types as those of package registry.
package wire
