package gateway

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus"
)

// compressedBatch is batchOf with its records packed.
func compressedBatch(t testing.TB, codec int16, count int32, plain []byte) []byte {
	t.Helper()
	b := append(batchOf(), packed(t, codec, plain)...)
	b[22] |= byte(codec)
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	binary.BigEndian.PutUint32(b[23:], uint32(count-1))
	binary.BigEndian.PutUint32(b[57:], uint32(count))
	binary.BigEndian.PutUint32(b[17:], crc(b[21:]))
	return b
}

// lies are batches with a good head and checksum whose records are not what they
// say. An engine that believes them reads beyond its memory, or without end.
func lies(t testing.TB) map[string][]byte {
	good := recordOf(0, []byte("value"))
	long := bytes.Clone(good)
	long[0] = 120 // 60 bytes, of which there are no more than ten
	return map[string][]byte{
		"a record longer than the batch":   batchOf(long, good),
		"a record of negative length":      batchOf(append([]byte{1}, good[1:]...), good),
		"a record shorter than its fields": batchOf(append([]byte{4}, good[1:]...), good),
		"bytes after the last record":      batchOf(good, nil, append(bytes.Clone(good), 0)),
		"more headers than bytes":          batchOf([]byte{14, 0, 0, 0, 1, 1, 0x7e, 0}),
		"a negative count of headers":      batchOf([]byte{12, 0, 0, 0, 1, 1, 1}),
		"a header that ends too late":      batchOf([]byte{18, 0, 0, 0, 1, 1, 2, 2, 'k', 40}),
		"a long record, packed":            compressedBatch(t, 1, 2, append(bytes.Clone(long), good...)),
		"no gzip where there should be":    compressedBatch(t, 0, 1, good),
		"a batch that grows without end":   compressedBatch(t, 4, 1, make([]byte, growthLimit)),
	}
}

// Every record is read before the engine gets it, whatever the topic's schema
// guard says: the engine would end with the process when somebody looks for a
// time in such a batch. A cluster that reads them itself is left to do so.
func TestBatchesThatLieAreRefused(t *testing.T) {
	guard := &schemas{}
	e := newEngine(t, kfake.SeedTopics(1, "free", "warned"))
	b := start(t, e, setting{parts: Parts{Guard: guard}})
	w := b.dial(t)
	all := lies(t)
	all["no gzip where there should be"][22] |= 1
	for name, records := range all {
		binary.BigEndian.PutUint32(records[17:], crc(records[21:]))
		for _, topic := range []string{"free", "warned"} {
			got := w.ask(produceOf(9, topic, [16]byte{}, records)).(*kmsg.ProduceResponse).Topics[0].Partitions[0]
			if got.ErrorCode != errInvalidRecord && got.ErrorCode != errCorruptMessage || got.BaseOffset != -1 {
				t.Errorf("%s, topic %s: code %d at %d", name, topic, got.ErrorCode, got.BaseOffset)
			}
		}
	}
	for codec := range int16(5) {
		records := compressedBatch(t, codec, 2, append(recordOf(0, nil, "k", "v"), recordOf(1, []byte("x"))...))
		if got := w.ask(produceOf(9, "free", [16]byte{}, records)).(*kmsg.ProduceResponse).Topics[0].Partitions[0]; got.ErrorCode != 0 {
			t.Errorf("an honest batch, codec %d: code %d", codec, got.ErrorCode)
		}
	}
	times := kmsg.NewPtrListOffsetsRequest()
	times.Version = 5
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic = "free"
	for _, at := range []int64{0, 1, 1 << 40, -3} {
		one := kmsg.NewListOffsetsRequestTopicPartition()
		one.Timestamp = at
		topic.Partitions = []kmsg.ListOffsetsRequestTopicPartition{one}
		times.Topics = []kmsg.ListOffsetsRequestTopic{topic}
		w.ask(times) // the engine lives
	}

	p := &puppet{requests: make(chan kmsg.Request, 1), answer: empty}
	trusting := start(t, p, setting{cfg: Config{RecordsChecked: true}}).dial(t)
	trusting.ask(produceOf(9, "open", [16]byte{}, all["a record longer than the batch"]))
	if passed(p) == nil {
		t.Error("a cluster that checks records did not get the batch")
	}
}

// A batch with more faults than are named in the answer is still read to its end:
// where the guard only warns, the rest of it reaches the engine.
func TestFaultsDoNotEndTheReading(t *testing.T) {
	var records []byte
	for i := range maxRecordErrors + 1 {
		records = append(records, recordOf(i, []byte("no id"))...)
	}
	count := int32(maxRecordErrors + 2)
	broken := append(bytes.Clone(records), 120, 0, 0)
	_, faults, err := new(decoders).checkRecords(&schemas{}, "warned", batch{count: count, records: broken})
	if err == nil {
		t.Errorf("%d faults were named and the lie behind them was not seen", len(faults))
	}
	_, faults, err = new(decoders).checkRecords(&schemas{}, "warned", batch{count: count - 1, records: records})
	if err != nil || len(faults) != maxRecordErrors {
		t.Errorf("%d faults are named (%v), want %d", len(faults), err, maxRecordErrors)
	}
	if mode := (&schemas{}).Mode("warned"); mode != eventbus.SchemaGuardWarn {
		t.Fatalf("the topic of this test has mode %q", mode)
	}
}

// Decoders are used again after whatever they met.
func TestDecodersAreUsedAgain(t *testing.T) {
	d := new(decoders)
	plain := recordOf(0, []byte("value"))
	for codec := int16(1); codec <= 4; codec++ {
		for range 3 {
			for _, spoiled := range [][]byte{nil, {1}, packed(t, codec, plain)[:5], packed(t, codec, make([]byte, growthLimit+1))} {
				_, _ = d.plain(batch{attributes: codec, records: spoiled}) // a fault, as a rule
			}
			got, err := d.plain(batch{attributes: codec, records: packed(t, codec, plain)})
			if err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("codec %d after a broken batch: %x, %v", codec, got, err)
			}
		}
	}
}
