package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// addresses asks for brokers in every way that an admin client has.
func addresses(t *testing.T, p place) {
	cl := p.client(t)
	metadata, err := kmsg.NewPtrMetadataRequest().RequestWith(t.Context(), cl)
	if err != nil {
		t.Fatal(err)
	}
	if len(metadata.Brokers) != p.nodes {
		t.Errorf("%d brokers, want %d", len(metadata.Brokers), p.nodes)
	}
	for _, b := range metadata.Brokers {
		p.mustBeDoor(t, "Metadata", b.Host, b.Port)
	}
	described, err := kmsg.NewPtrDescribeClusterRequest().RequestWith(t.Context(), cl)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range described.Brokers {
		p.mustBeDoor(t, "DescribeCluster", b.Host, b.Port)
	}
	for _, kind := range []int8{0, 1} {
		req := kmsg.NewPtrFindCoordinatorRequest()
		req.CoordinatorType = kind
		req.CoordinatorKeys = []string{"wire"}
		req.CoordinatorKey = "wire"
		found, err := req.RequestWith(t.Context(), cl)
		for end := time.Now().Add(time.Minute); err == nil && found.Coordinators[0].ErrorCode == kerr.CoordinatorNotAvailable.Code && time.Now().Before(end); { // its topic is being made
			time.Sleep(50 * time.Millisecond)
			found, err = req.RequestWith(t.Context(), cl)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range found.Coordinators {
			p.mustBeDoor(t, "FindCoordinator", c.Host, c.Port)
		}
	}
}

func (p place) mustBeDoor(t *testing.T, from, host string, port int32) {
	t.Helper()
	if at := fmt.Sprintf("%s:%d", host, port); !slices.Contains(p.doors, at) {
		t.Errorf("%s tells %s; the doors are %v", from, at, p.doors)
	}
}

func codecs(t *testing.T, p place) {
	for name, codec := range map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()} {
		t.Run(name, func(t *testing.T) {
			topic := p.topic(t, 1)
			cl := p.client(t, kgo.ProducerBatchCompression(codec), kgo.ConsumeTopics(topic), kgo.ProducerLinger(5*time.Millisecond))
			at := time.UnixMilli(1_700_000_000_123)
			var sent []*kgo.Record
			for i := range 200 {
				sent = append(sent, &kgo.Record{Topic: topic, Key: fmt.Append(nil, i), Value: bytes.Repeat(fmt.Append(nil, i), 50),
					Timestamp: at.Add(time.Duration(i) * time.Millisecond), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte{byte(i)}}}})
			}
			sent[7].Value = nil // a tombstone stays one
			if err := cl.ProduceSync(t.Context(), sent...).FirstErr(); err != nil {
				t.Fatal(err)
			}
			for i, r := range read(t, cl, len(sent)) {
				want := sent[i]
				if !bytes.Equal(r.Key, want.Key) || !bytes.Equal(r.Value, want.Value) || (r.Value == nil) != (want.Value == nil) ||
					!r.Timestamp.Equal(want.Timestamp) || len(r.Headers) != 1 || !bytes.Equal(r.Headers[0].Value, want.Headers[0].Value) {
					t.Fatalf("record %d came back as %v %q", i, r, r.Value)
				}
			}
		})
	}
}

func acksNone(t *testing.T, p place) {
	topic := p.topic(t, 1)
	cl := p.client(t, kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite(), kgo.ConsumeTopics(topic))
	for i := range 50 {
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: fmt.Append(nil, i)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	read(t, cl, 50)
}

func idempotentOrder(t *testing.T, p place) {
	const n = 20_000
	topic := p.topic(t, 3)
	cl := p.client(t, kgo.ConsumeTopics(topic), kgo.MaxBufferedRecords(n), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	failed := make(chan error, n)
	for i := range n {
		cl.Produce(t.Context(), &kgo.Record{Topic: topic, Partition: int32(i % 3), Value: fmt.Append(nil, i)}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed <- err
			}
		})
	}
	if err := cl.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(failed) > 0 {
		t.Fatal(<-failed)
	}
	next := []int{0, 1, 2}
	for _, r := range read(t, cl, n) {
		got, _ := strconv.Atoi(string(r.Value))
		if got != next[r.Partition] {
			t.Fatalf("partition %d offset %d holds %d, want %d", r.Partition, r.Offset, got, next[r.Partition])
		}
		next[r.Partition] += 3
	}
}

// largeFetch moves responses of tens of megabytes.
func largeFetch(t *testing.T, p place) {
	topic := p.topic(t, 1)
	cl := p.client(t, kgo.ConsumeTopics(topic), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.FetchMaxBytes(48<<20), kgo.FetchMaxPartitionBytes(48<<20))
	value := bytes.Repeat([]byte("0123456789abcdef"), 900<<10/16)
	for range 40 {
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: value}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	reader := p.client(t, kgo.ConsumeTopics(topic), kgo.FetchMaxBytes(48<<20), kgo.FetchMaxPartitionBytes(48<<20), kgo.FetchMinBytes(30<<20))
	began := time.Now()
	for _, r := range read(t, reader, 40) {
		if !bytes.Equal(r.Value, value) {
			t.Fatal("a value changed on its way")
		}
	}
	t.Logf("36 MB in %s", time.Since(began).Round(time.Millisecond))
}

func tooLarge(t *testing.T, p place) {
	topic := p.topic(t, 1, "max.message.bytes=2000")
	cl := p.client(t, kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ConsumeTopics(topic))
	err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: make([]byte, 5000)}).FirstErr()
	if !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("a batch over max.message.bytes gives %v", err)
	}
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: make([]byte, 1000)}).FirstErr(); err != nil {
		t.Errorf("a batch under it gives %v", err)
	}
	if got := read(t, cl, 1); len(got) != 1 || len(got[0].Value) != 1000 {
		t.Errorf("the topic holds %d records", len(got))
	}
}

func unknownTopic(t *testing.T, p place) {
	cl := p.client(t, kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(1))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := cl.ProduceSync(ctx, &kgo.Record{Topic: "nobody-made-this", Value: []byte("x")}).FirstErr()
	if !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("produce gives %v", err)
	}
	found, err := p.admin(t).ListTopics(t.Context())
	if err != nil || found.Has("nobody-made-this") {
		t.Errorf("the topic exists now (%v)", err)
	}
}
