package gateway

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// BenchmarkCheck reads over the records of a batch as every produce to the
// embedded engine does: 1,000 of 100 bytes.
func BenchmarkCheck(b *testing.B) {
	var plain []byte
	const count = 1000
	for i := range count {
		r := kmsg.Record{OffsetDelta: int32(i), TimestampDelta64: int64(i), Value: make([]byte, 100)}
		body := r.AppendTo(nil)[1:]
		r.Length = int32(len(body))
		plain = r.AppendTo(plain)
	}
	var d decoders
	b.SetBytes(int64(len(plain)))
	for b.Loop() {
		if err := d.check(batch{count: count, records: plain}); err != nil {
			b.Fatal(err)
		}
	}
}
