package cluster

import (
	"bufio"
	"encoding/binary"
	"hash/crc32"
	"io"
)

// Sizes in Kafka's record batch format v2, and of an entry of the engine's index,
// which has one entry for each batch of a segment, written after the batch and
// before the answer to the producer.
const (
	batchPrefix = 12      // base offset and length, which the length does not count
	batchHeader = 61      // up to the first record
	batchMax    = 1 << 30 // the engine believes no larger length either
	indexEntry  = 15
	scanBuffer  = 1 << 18
	crcFrom     = 21 // the checksum counts from here on
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// stored is what the header of a stored batch says.
type stored struct {
	base          int64
	size          int64
	lastDelta     int32
	leaderEpoch   int32
	control       bool // a marker of the engine's, not a producer's batch
	transactional bool
	maxTimestamp  int64
	producer      int64
	epoch         int16
	sequence      int32
	records       int32
	crc           uint32
	afterHole     bool // by the index: what was before it is lost
}

// end is the offset after the batch.
func (s stored) end() int64 { return s.base + int64(s.lastDelta) + 1 }

// readHeader reads a header of batchHeader bytes; false means that no batch of
// the format starts so.
func readHeader(h []byte) (stored, bool) {
	be := binary.BigEndian
	s := stored{
		base:          int64(be.Uint64(h)),
		size:          batchPrefix + int64(int32(be.Uint32(h[8:]))),
		crc:           be.Uint32(h[17:]),
		leaderEpoch:   int32(be.Uint32(h[12:])),
		transactional: be.Uint16(h[21:])&0x10 != 0,
		control:       be.Uint16(h[21:])&0x20 != 0,
		lastDelta:     int32(be.Uint32(h[23:])),
		maxTimestamp:  int64(be.Uint64(h[35:])),
		producer:      int64(be.Uint64(h[43:])),
		epoch:         int16(be.Uint16(h[51:])),
		sequence:      int32(be.Uint32(h[53:])),
		records:       int32(be.Uint32(h[57:])),
	}
	ok := h[16] == 2 && s.base >= 0 && s.size >= batchHeader && s.size <= batchMax && s.lastDelta >= 0
	return s, ok
}

// scanSegment reads the batches of a segment of size bytes that begins at offset
// base, visits each whose checksum is right, and stops at the first that is not
// whole. Offsets go on without a gap, which the checksum does not cover, except
// where the index says that damage was cut out before. It gives how many batches
// and bytes were good; good < size means that the rest is not.
func scanSegment(r io.Reader, size, base int64, index []byte, visit func(stored)) (batches int, good int64, err error) {
	in := bufio.NewReaderSize(r, scanBuffer)
	header := make([]byte, batchHeader)
	sum := crc32.New(castagnoli)
	next := base
	for good+batchHeader <= size {
		if _, err := io.ReadFull(in, header); err != nil {
			return batches, good, err
		}
		b, ok := readHeader(header)
		b.afterHole = followsHole(index, batches)
		if !ok || good+b.size > size || b.base < next || b.base > next && !b.afterHole {
			return batches, good, nil
		}
		sum.Reset()
		sum.Write(header[crcFrom:])
		if _, err := io.CopyN(sum, in, b.size-batchHeader); err != nil {
			return batches, good, err
		}
		if sum.Sum32() != b.crc {
			return batches, good, nil
		}
		visit(b)
		batches++
		good += b.size
		next = b.end()
	}
	return batches, good, nil
}

// hole is a stretch of a segment in which no batch could be read.
type hole struct {
	bytes    int64
	from, to int64 // the offsets lost: from up to before to; to is -1 when not known
}

// salvage keeps every readable batch of a damaged segment that begins at offset
// base. Batches carry their own offsets, so what follows a hole keeps its place.
func salvage(raw []byte, base int64) (kept []stored, dat []byte, holes []hole) {
	next := base
	for pos := 0; pos < len(raw); {
		if b, ok := batchAt(raw, pos, next, false); ok {
			b.afterHole = b.base > next
			kept, dat = append(kept, b), append(dat, raw[pos:pos+int(b.size)]...)
			pos, next = pos+int(b.size), b.end()
			continue
		}
		h := hole{from: next, to: -1}
		start := pos
		for pos++; pos < len(raw); pos++ {
			if b, ok := batchAt(raw, pos, next, true); ok {
				b.afterHole = true
				kept, dat = append(kept, b), append(dat, raw[pos:pos+int(b.size)]...)
				h.to, next = b.base, b.end()
				break
			}
		}
		h.bytes = int64(pos - start)
		holes = append(holes, h)
		if h.to >= 0 {
			pos += int(kept[len(kept)-1].size)
		}
	}
	return kept, dat, holes
}

// batchAt reads the batch at pos if one with a right checksum begins there. Its
// offset must be next; after a hole it may be larger. Since no checksum covers
// the offset, a larger one is believed by what follows: without a hole before it
// only if the batch behind goes on from it, after a hole unless that one denies it.
func batchAt(raw []byte, pos int, next int64, afterHole bool) (stored, bool) {
	b, ok := wholeBatch(raw, pos)
	if !ok || b.base < next {
		return b, false
	}
	if b.base == next {
		return b, true
	}
	behind, ok := wholeBatch(raw, pos+int(b.size))
	if afterHole {
		return b, !ok || behind.base == b.end()
	}
	return b, ok && behind.base == b.end()
}

func wholeBatch(raw []byte, pos int) (stored, bool) {
	if pos+batchHeader > len(raw) || raw[pos+16] != 2 {
		return stored{}, false
	}
	b, ok := readHeader(raw[pos:])
	if !ok || int64(pos)+b.size > int64(len(raw)) {
		return b, false
	}
	return b, crc32.Checksum(raw[pos+crcFrom:int64(pos)+b.size], castagnoli) == b.crc
}

// segmentIndex is the engine's index of a segment, made again from its batches:
// for each a version, a checksum, the leader epoch, the largest timestamp so far
// and flags: bit 0 is the engine's (the batch belongs to a transaction), bit 1 is
// ours (the batch follows a hole).
type segmentIndex struct {
	entries      []byte
	maxTimestamp int64
}

func (x *segmentIndex) add(b stored) {
	if len(x.entries) == 0 || b.maxTimestamp > x.maxTimestamp {
		x.maxTimestamp = b.maxTimestamp
	}
	var entry [indexEntry]byte
	entry[0] = 1
	binary.LittleEndian.PutUint32(entry[2:], uint32(b.leaderEpoch))
	binary.LittleEndian.PutUint64(entry[6:], uint64(x.maxTimestamp))
	if b.transactional && !b.control {
		entry[14] = 1
	}
	if b.afterHole {
		entry[14] |= 2
	}
	entry[1] = byte(crc32.Checksum(entry[2:], castagnoli))
	x.entries = append(x.entries, entry[:]...)
}

func followsHole(index []byte, batch int) bool {
	at := batch*indexEntry + indexEntry - 1
	return at < len(index) && index[at]&2 != 0
}
