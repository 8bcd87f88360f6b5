package gateway

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus"
)

// schemas is a guard that knows schema 7 and one GUID.
type schemas struct{ asked int }

const knownGUID = "00010203-0405-0607-0809-0a0b0c0d0e0f"

func (*schemas) Mode(topic string) eventbus.SchemaGuard {
	return map[string]eventbus.SchemaGuard{"enforced": eventbus.SchemaGuardEnforce, "warned": eventbus.SchemaGuardWarn}[topic]
}

func (s *schemas) Check(topic string, id int32, guid string) error {
	s.asked++
	if id == 7 || guid == knownGUID {
		return nil
	}
	return fmt.Errorf("schema %d%s is not registered under a subject of topic %s", id, guid, topic)
}

func withID(id int32) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(id)), "payload"...)
}

func packed(t testing.TB, codec int16, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch codec {
	case 1:
		w = gzip.NewWriter(&b)
	case 2:
		return snappy.Encode(nil, plain)
	case 3:
		w = lz4.NewWriter(&b)
	case 4:
		var err error
		if w, err = zstd.NewWriter(&b); err != nil {
			t.Fatal(err)
		}
	case 5: // xerial framing
		block := snappy.Encode(nil, plain)
		out := append(append([]byte{}, xerialMagic...), 0, 0, 0, 1, 0, 0, 0, 1)
		return append(binary.BigEndian.AppendUint32(out, uint32(len(block))), block...)
	default:
		return plain
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGuardedRecords(t *testing.T) {
	guid := string([]byte{1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
	for name, tt := range map[string]struct {
		records [][]byte
		refused []int32 // offsets
		says    string
	}{
		"known id":            {[][]byte{recordOf(0, withID(7)), recordOf(1, withID(7))}, nil, ""},
		"tombstone":           {[][]byte{recordOf(0, nil)}, nil, ""},
		"known GUID":          {[][]byte{recordOf(0, []byte("x"), schemaHeader, guid)}, nil, ""},
		"id in the header":    {[][]byte{recordOf(0, []byte("x"), schemaHeader, string(withID(7)[:5]))}, nil, ""},
		"unknown id":          {[][]byte{recordOf(0, withID(7)), recordOf(1, withID(8))}, []int32{1}, "schema 8 is not registered"},
		"no id":               {[][]byte{recordOf(0, []byte(`{"json":1}`))}, []int32{0}, "no schema id"},
		"empty value":         {[][]byte{recordOf(0, []byte{})}, []int32{0}, "no schema id"},
		"cut id":              {[][]byte{recordOf(0, []byte{0, 0, 0, 7})}, []int32{0}, "no schema id"},
		"broken header":       {[][]byte{recordOf(0, withID(7), schemaHeader, "abc")}, []int32{0}, "no schema id"},
		"other header":        {[][]byte{recordOf(0, withID(7), "trace", "abc")}, nil, ""},
		"header before ours":  {[][]byte{recordOf(0, []byte("x"), "trace", "abc", schemaHeader, guid)}, nil, ""},
		"unknown header GUID": {[][]byte{recordOf(0, withID(7), schemaHeader, "\x01"+strings.Repeat("z", 16))}, []int32{0}, "is not registered"},
	} {
		for codec := range int16(6) {
			plain := bytes.Join(tt.records, nil)
			b := batch{attributes: min(codec, 5), count: int32(len(tt.records)), records: packed(t, codec, plain)}
			if codec == 5 {
				b.attributes = 2
			}
			_, faults, err := new(decoders).checkRecords(&schemas{}, "enforced", b)
			var got []int32
			for _, f := range faults {
				got = append(got, f.RelativeOffset)
			}
			if err != nil || fmt.Sprint(got) != fmt.Sprint(tt.refused) {
				t.Errorf("%s, codec %d: refused %v, %v; want %v", name, codec, got, err, tt.refused)
			}
			if len(faults) > 0 && !strings.Contains(*faults[0].ErrorMessage, tt.says) {
				t.Errorf("%s: %q does not say %q", name, *faults[0].ErrorMessage, tt.says)
			}
		}
	}
}

// Streams of zstd name a window that is far larger than they are (Java's do).
func TestStreamedZstdIsRead(t *testing.T) {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithWindowSize(maxWindow))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if _, err := w.Write(recordOf(i, append(withID(7), make([]byte, 200)...))); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Flush(), w.Close()); err != nil {
		t.Fatal(err)
	}
	if _, faults, err := new(decoders).checkRecords(&schemas{}, "enforced", batch{attributes: 4, count: 1000, records: b.Bytes()}); err != nil || len(faults) > 0 {
		t.Errorf("%v, %d faults", err, len(faults))
	}
}

func TestGuardAsksOncePerSchema(t *testing.T) {
	var records []byte
	for i := range 500 {
		records = append(records, recordOf(i, withID(7))...)
	}
	s := &schemas{}
	if _, _, err := new(decoders).checkRecords(s, "enforced", batch{count: 500, records: records}); err != nil || s.asked != 1 {
		t.Errorf("asked %d times, %v", s.asked, err)
	}
}

// A batch that grows without end is refused before it has grown.
func TestDecompressionIsBounded(t *testing.T) {
	zeros := make([]byte, growthLimit+1)
	for codec := int16(1); codec <= 5; codec++ {
		b := batch{attributes: min(codec, 4), count: 1, records: packed(t, codec, zeros)}
		if codec == 5 {
			b.attributes = 2
		}
		if _, err := new(decoders).plain(b); err == nil || codec != 2 && codec != 5 && !errors.Is(err, errBomb) {
			t.Errorf("codec %d: %v", codec, err)
		}
	}
	lie := binary.AppendUvarint(nil, 60<<20) // snappy that claims 60 MiB in 5 bytes
	if _, err := new(decoders).plain(batch{attributes: 2, records: append(lie, 0)}); err == nil {
		t.Error("a snappy block that lies was believed")
	}
	if _, err := new(decoders).plain(batch{attributes: 5, records: []byte{1}}); err == nil {
		t.Error("an unknown compression was believed")
	}
}

func FuzzRecords(f *testing.F) {
	for codec := range int16(5) {
		f.Add(codec, int32(1), packed(f, codec, recordOf(0, withID(7), "k", "v")))
	}
	d := new(decoders)
	f.Fuzz(func(t *testing.T, codec int16, count int32, records []byte) {
		_, _, _ = d.checkRecords(&schemas{}, "enforced", batch{attributes: codec & 7, count: count, records: records})
		_, _, _ = readBatch(records)
		countRecords(records)
	})
}

// Through the door: a refused batch is not written, the records are named, and
// nobody retries; warn lets it pass.
func TestGuardAtTheDoor(t *testing.T) {
	e := newEngine(t, kfake.SeedTopics(1, "enforced", "warned", "free"))
	b := start(t, e, setting{parts: Parts{Guard: &schemas{}}})
	ctx := t.Context()
	for _, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
		cl := b.client(t, kgo.ProducerBatchCompression(codec))
		for _, tt := range []struct {
			topic string
			value []byte
			ok    bool
		}{{"enforced", withID(7), true}, {"enforced", withID(8), false}, {"enforced", bytes.Repeat([]byte("text "), 50), false}, {"enforced", nil, true}, {"warned", withID(8), true}, {"free", []byte("text"), true}} {
			err := cl.ProduceSync(ctx, &kgo.Record{Topic: tt.topic, Value: tt.value}).FirstErr()
			if (err == nil) != tt.ok || err != nil && !strings.Contains(err.Error(), "INVALID_RECORD") {
				t.Errorf("%s %q: %v", tt.topic, tt.value, err)
			}
		}
	}
	w := b.dial(t)
	for version := int16(3); version <= 12; version++ {
		resp := w.ask(produceOf(version, "enforced", [16]byte{}, batchOf(recordOf(0, withID(7)), recordOf(1, withID(8))))).(*kmsg.ProduceResponse)
		p := resp.Topics[0].Partitions[0]
		if p.ErrorCode != errInvalidRecord || version >= 8 && (len(p.ErrorRecords) != 1 || p.ErrorRecords[0].RelativeOffset != 1 || p.ErrorMessage == nil) {
			t.Errorf("v%d: %+v", version, p)
		}
	}
	if got := b.count("schema_guard_total", "warned"); got != 5 {
		t.Errorf("%v warned", got)
	}
}

func BenchmarkGuard(b *testing.B) {
	var records []byte
	for i := range 1000 {
		records = append(records, recordOf(i, append(withID(7), make([]byte, 200)...))...)
	}
	d := new(decoders)
	for codec, name := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		one := batch{attributes: int16(codec), count: 1000, records: packed(b, int16(codec), records)}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(records)))
			for b.Loop() {
				if _, faults, err := d.checkRecords(&schemas{}, "enforced", one); err != nil || len(faults) > 0 {
					b.Fatal(err, faults)
				}
			}
		})
	}
}

// A verdict of the guard is logged once a minute, and at most a thousand
// different ones.
func TestVerdictsAreBounded(t *testing.T) {
	var v verdicts
	now := time.Now()
	if !v.first("a", now) || v.first("a", now.Add(verdictGap-1)) || !v.first("b", now) || !v.first("a", now.Add(verdictGap)) {
		t.Error("a verdict is logged once a minute")
	}
	logged := 0
	for i := range 3 * maxVerdicts {
		if v.first(strconv.Itoa(i), now.Add(verdictGap)) {
			logged++
		}
	}
	if logged != maxVerdicts-1 {
		t.Errorf("%d verdicts are logged, want %d", logged, maxVerdicts-1)
	}
}
