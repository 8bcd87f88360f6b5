package gateway

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"compress/gzip"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// batch is the head of a record batch of magic 2, the only format since
// Kafka 0.11 (Kafka protocol guide, "Record Batch").
type batch struct {
	attributes int16
	count      int32
	records    []byte // maybe compressed
}

const batchHead = 61

const (
	attrCompression   = 0x07
	attrTransactional = 0x10
	attrControl       = 0x20
)

// readBatch reads the head of the first batch in b and gives what follows it.
func readBatch(b []byte) (_ batch, rest []byte, ok bool) {
	if len(b) < batchHead || b[16] != 2 {
		return batch{}, nil, false
	}
	length := int(int32(binary.BigEndian.Uint32(b[8:])))
	if length < batchHead-12 || length > len(b)-12 {
		return batch{}, nil, false
	}
	return batch{
		attributes: int16(binary.BigEndian.Uint16(b[21:])),
		count:      int32(binary.BigEndian.Uint32(b[57:])),
		records:    b[batchHead : length+12],
	}, b[length+12:], true
}

func (b batch) control() bool    { return b.attributes&attrControl != 0 }
func (b batch) compressed() bool { return b.attributes&attrCompression != 0 }

// countRecords counts the records of a fetched partition without looking into
// them; the last batch may be cut.
func countRecords(b []byte) (records int64) {
	for {
		one, rest, ok := readBatch(b)
		if !ok {
			return records
		}
		if !one.control() {
			records += int64(one.count)
		}
		b = rest
	}
}

// smallestRecord is the encoding of a record with nothing in it.
const smallestRecord = 7

var (
	errBomb   = errors.New("the batch grows too much when it is decompressed")
	errRecord = errors.New("the batch does not hold the records that it says")
)

// Limits of a decompressed batch: a hundred times what was sent, but a mebibyte
// in any case and 64 MiB at most.
const (
	growthFactor = 100
	growthFloor  = 1 << 20
	growthLimit  = 64 << 20
	maxWindow    = 8 << 20 // of zstd: what its levels up to 19 use; streams name it however short they are
)

// decoders decompress batches; what that takes is kept for the next one. The zero
// value works.
type decoders struct{ gzips, lz4s, zstds sync.Pool }

// check reads every record of a batch and demands that it is what the batch says.
func (d *decoders) check(b batch) error {
	plain, err := d.plain(b)
	if err != nil {
		return err
	}
	for range b.count {
		at, ok := placesOf(plain)
		if !ok {
			return errRecord
		}
		plain = plain[at.end:]
	}
	if len(plain) > 0 {
		return errRecord
	}
	return nil
}

// plain gives the batch's records decompressed, within the limits.
func (d *decoders) plain(b batch) ([]byte, error) {
	if !b.compressed() {
		return b.records, nil
	}
	limit := min(max(growthFactor*len(b.records), growthFloor), growthLimit)
	from := bytes.NewReader(b.records)
	defer from.Reset(nil) // who keeps a decoder does not keep the batch
	switch b.attributes & attrCompression {
	case 1:
		r, _ := d.gzips.Get().(*gzip.Reader)
		if r == nil {
			r = new(gzip.Reader)
		}
		defer d.gzips.Put(r)
		if err := r.Reset(from); err != nil {
			return nil, err
		}
		return readWithin(r, limit)
	case 2:
		return unsnappy(b.records, limit)
	case 3:
		r, _ := d.lz4s.Get().(*lz4.Reader)
		if r == nil {
			r = lz4.NewReader(nil)
		}
		defer d.lz4s.Put(r)
		r.Reset(from)
		return readWithin(r, limit)
	case 4:
		r, err := d.zstd()
		if err != nil {
			return nil, err
		}
		defer d.zstds.Put(r)
		if err := r.Reset(from); err != nil {
			return nil, err
		}
		return readWithin(r, limit)
	default:
		return nil, fmt.Errorf("compression %d is not known", b.attributes&attrCompression)
	}
}

func (d *decoders) zstd() (*zstd.Decoder, error) {
	if r, ok := d.zstds.Get().(*zstd.Decoder); ok {
		return r, nil
	}
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(growthLimit))
}

func readWithin(r io.Reader, limit int) ([]byte, error) {
	out, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	switch {
	case len(out) > limit || errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded):
		return nil, errBomb
	case err != nil:
		return nil, err
	}
	return out, nil
}

// xerialMagic begins the framing that Java clients put around snappy blocks.
var xerialMagic = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

func unsnappy(src []byte, limit int) ([]byte, error) {
	if !bytes.HasPrefix(src, xerialMagic) || len(src) < 16 {
		return unsnappyBlock(nil, src, limit)
	}
	var out []byte
	r := reader{src: src[16:]}
	for len(r.src) > 0 {
		block := r.take(int(r.int32()))
		if r.bad {
			return nil, errShort
		}
		var err error
		if out, err = unsnappyBlock(out, block, limit-len(out)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func unsnappyBlock(out, block []byte, limit int) ([]byte, error) {
	n, err := snappy.DecodedLen(block)
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, errBomb
	}
	if n > 0 && len(block) == 0 || n > 64*max(len(block), 1) {
		return nil, errRecord // snappy cannot grow so much: the length is a lie
	}
	plain, err := snappy.Decode(nil, block)
	if err != nil {
		return nil, err
	}
	return append(out, plain...), nil
}

// record is what the schema guard looks at.
type record struct {
	value   []byte // nil: a tombstone
	null    bool
	headers []byte // encoded: count, then pairs
}

// eachRecord calls see for every record of plain bytes, until it says false, and
// demands that there are exactly count of them, whole to their headers.
func eachRecord(plain []byte, count int32, see func(i int32, r record) bool) error {
	for i := range count {
		r, rest, ok := nextRecord(plain)
		if !ok {
			return errRecord
		}
		if !see(i, r) {
			return nil
		}
		plain = rest
	}
	if len(plain) > 0 {
		return errRecord
	}
	return nil
}

// nextRecord reads the record at the start of b and gives what follows it.
func nextRecord(b []byte) (_ record, rest []byte, ok bool) {
	at, ok := placesOf(b)
	if !ok {
		return record{}, nil, false
	}
	r := record{null: at.value < 0, headers: b[at.headers:at.end]}
	if !r.null {
		r.value = b[at.value:at.valueEnd]
	}
	return r, b[at.end:], true
}

// places are where the parts of a record lie.
type places struct{ value, valueEnd, headers, end int } // value is -1 for a tombstone

// placesOf finds the parts of the record at the start of b. Every record that is
// produced to an engine without checks of its own comes by here, so that it works
// with places and not with a reader.
func placesOf(b []byte) (p places, ok bool) {
	size, at := varintAt(b, 0)
	if at < 0 || size < 1 || size > int64(len(b)-at) {
		return p, false
	}
	p.end = at + int(size)
	b = b[:p.end]
	_, at = varintAt(b, at+1) // timestamp delta, after the attributes
	_, at = varintAt(b, at)   // offset delta
	key, at := varintAt(b, at)
	if key > 0 {
		if at < 0 || key > int64(len(b)-at) {
			return p, false
		}
		at += int(key)
	}
	value, at := varintAt(b, at)
	if at < 0 || value > int64(len(b)-at) {
		return p, false
	}
	p.value, p.headers = -1, at
	if value >= 0 {
		p.value, p.valueEnd, p.headers = at, at+int(value), at+int(value)
	}
	if p.headers == p.end-1 && b[p.headers] == 0 { // no headers, as most
		return p, true
	}
	headers := reader{src: b[p.headers:]}
	skipHeaders(&headers)
	return p, !headers.bad && len(headers.src) == 0
}

// varintAt reads a signed varint at a place of b and gives the place after it; -1
// when there is none, or when at is -1 itself.
func varintAt(b []byte, at int) (int64, int) {
	if uint(at) < uint(len(b)) && b[at] < 0x80 { // most are of one byte
		return int64(b[at]>>1) ^ -int64(b[at]&1), at + 1
	}
	return longVarintAt(b, at)
}

func longVarintAt(b []byte, at int) (int64, int) {
	if at < 0 || at > len(b) {
		return 0, -1
	}
	v, n := binary.Varint(b[at:])
	if n <= 0 {
		return 0, -1
	}
	return v, at + n
}

// clampInt keeps a length that no slice can have from becoming one that it can.
func clampInt(n int64) int {
	if n < 0 || n > 1<<31-1 {
		return -1
	}
	return int(n)
}

// skipHeaders reads over a record's headers; each takes two bytes at least, so a
// count over half of what is left is a lie.
func skipHeaders(r *reader) {
	n := r.varint()
	if n < 0 || n > int64(len(r.src)/2) {
		r.bad = true
		return
	}
	for ; n > 0 && !r.bad; n-- {
		r.take(clampInt(r.varint())) // key; never null
		skipSized(r)
	}
}

func skipSized(r *reader) {
	if n := r.varint(); n >= 0 {
		r.take(clampInt(n))
	}
}

// header finds the value of a header; nil when there is none.
func (r record) header(name string) []byte {
	h := reader{src: r.headers}
	for n := h.varint(); n > 0 && !h.bad; n-- {
		key := h.take(clampInt(h.varint()))
		var value []byte
		if size := h.varint(); size >= 0 {
			value = h.take(clampInt(size))
		}
		if !h.bad && string(key) == name {
			return value
		}
	}
	return nil
}
