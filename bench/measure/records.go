package measure

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Produce sends n records and waits until all are acknowledged. It gives the
// first failure of a record.
func Produce(ctx context.Context, kafka *kgo.Client, n int, record func(i int) *kgo.Record) error {
	var failed atomic.Pointer[error]
	for i := range n {
		kafka.Produce(ctx, record(i), func(_ *kgo.Record, err error) {
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		})
	}
	err := kafka.Flush(ctx)
	if first := failed.Load(); first != nil {
		err = errors.Join(*first, err)
	}
	return err
}

// Consume reads until n records have come.
func Consume(ctx context.Context, kafka *kgo.Client, n int) error {
	for n > 0 {
		fetches := kafka.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		n -= fetches.NumRecords()
	}
	return nil
}
