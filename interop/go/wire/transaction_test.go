package wire

import (
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func transactions(t *testing.T, p place) {
	topic := p.topic(t, 3)
	cl := p.client(t, kgo.TransactionalID(topic), kgo.DefaultProduceTopic(topic))
	for i := range 6 {
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for j := range 10 {
			cl.Produce(t.Context(), &kgo.Record{Key: fmt.Append(nil, j), Value: fmt.Append(nil, i)}, func(_ *kgo.Record, err error) {
				if err != nil {
					t.Errorf("produce: %v", err)
				}
			})
		}
		if err := cl.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := cl.EndTransaction(t.Context(), kgo.TransactionEndTry(i%2 == 0)); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range read(t, p.client(t, kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted())), 30) {
		if r.Value[0]%2 == 1 {
			t.Fatalf("a record of the aborted transaction %s was read", r.Value)
		}
	}
	if got := read(t, p.client(t, kgo.ConsumeTopics(topic)), 60); len(got) != 60 {
		t.Errorf("read uncommitted gives %d records, want 60", len(got))
	}
}

// transactionsWithOffsets consumes, transforms and produces exactly once.
func transactionsWithOffsets(t *testing.T, p place) {
	const n = 300
	in := p.topic(t, 2)
	out := p.topicNamed(t, in+"-out", 2)
	source := p.client(t, kgo.DefaultProduceTopic(in))
	for i := range n {
		if err := source.ProduceSync(t.Context(), &kgo.Record{Key: fmt.Append(nil, i), Value: fmt.Append(nil, i)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	session, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(p.doors...), kgo.TransactionalID(in), kgo.ConsumerGroup(in), kgo.ConsumeTopics(in),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.DefaultProduceTopic(out))
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	committed := 0
	for round := 0; committed < n; round++ {
		fetches := session.PollRecords(t.Context(), 50)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		if err := session.Begin(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) { session.Produce(t.Context(), &kgo.Record{Key: r.Key, Value: r.Value}, nil) })
		done, err := session.End(t.Context(), kgo.TransactionEndTry(round != 1)) // the second one is aborted
		if err != nil {
			t.Fatal(err)
		}
		if done {
			committed += fetches.NumRecords()
		}
	}
	seen := map[string]bool{}
	for _, r := range read(t, p.client(t, kgo.ConsumeTopics(out), kgo.FetchIsolationLevel(kgo.ReadCommitted())), n) {
		if seen[string(r.Key)] {
			t.Errorf("record %s came out twice", r.Key)
		}
		seen[string(r.Key)] = true
	}
}

func fencing(t *testing.T, p place) {
	topic := p.topic(t, 1)
	begin := func() *kgo.Client {
		cl := p.client(t, kgo.TransactionalID(topic), kgo.DefaultProduceTopic(topic))
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		return cl
	}
	first := begin()
	if err := first.ProduceSync(t.Context(), &kgo.Record{Value: []byte("first")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	second := begin()
	if err := second.ProduceSync(t.Context(), &kgo.Record{Value: []byte("second")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	err := first.ProduceSync(t.Context(), &kgo.Record{Value: []byte("late")}).FirstErr()
	if !errors.Is(err, kerr.InvalidProducerEpoch) && !errors.Is(err, kerr.ProducerFenced) {
		t.Errorf("the fenced producer gets %v", err)
	}
	if err := second.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	got := read(t, p.client(t, kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted())), 1)
	if string(got[0].Value) != "second" {
		t.Errorf("the first committed record is %q", got[0].Value)
	}
}
