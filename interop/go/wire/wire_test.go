package wire

import (
	"testing"
)

// behaviours is the suite, in the order in which a reader would ask.
var behaviours = []struct {
	name string
	test func(*testing.T, place)
}{
	{"addresses are the doors'", addresses},
	{"codecs", codecs},
	{"acks none", acksNone},
	{"idempotent order", idempotentOrder},
	{"large fetch", largeFetch},
	{"record too large", tooLarge},
	{"unknown topic", unknownTopic},
	{"transactions", transactions},
	{"transactions with offsets", transactionsWithOffsets},
	{"transactional fencing", fencing},
	{"classic group", classicGroup},
	{"consumer group of KIP-848", nextGroup},
	{"topics", topics},
	{"topic configs", configs},
	{"partitions added", partitionsAdded},
	{"offsets", offsets},
	{"records deleted", recordsDeleted},
	{"groups", groups},
}

func run(t *testing.T, p place) {
	for _, b := range behaviours {
		t.Run(b.name, func(t *testing.T) { b.test(t, p) })
	}
}

func TestEmbedded(t *testing.T) { run(t, onEmbedded(t)) }

func TestKafka(t *testing.T) {
	p, _ := onKafka(t, 1)
	run(t, p)
}

func TestKafkaThreeBrokers(t *testing.T) {
	p, _ := onKafka(t, 3)
	run(t, p)
}
