package gateway

import (
	"encoding/binary"
	"errors"
)

// errShort is a message that ends before its content does, or claims more than
// it has.
var errShort = errors.New("the message claims more than it holds")

// reader reads Kafka's primitive types from a slice without ever trusting a
// length: after the first fault every read gives zero and fault is set.
type reader struct {
	src []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.src) {
		r.bad, r.src = true, nil
		return nil
	}
	b := r.src[:n]
	r.src = r.src[n:]
	return b
}

func (r *reader) int8() int8 {
	if b := r.take(1); b != nil {
		return int8(b[0])
	}
	return 0
}

func (r *reader) int16() int16 {
	if b := r.take(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (r *reader) int32() int32 {
	if b := r.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

// uvarint reads an unsigned varint of at most 32 bits, as Kafka's compact
// lengths and tags are.
func (r *reader) uvarint() uint32 {
	v, n := binary.Uvarint(r.src[:min(len(r.src), 5)])
	if n <= 0 || v > 1<<32-1 {
		r.bad, r.src = true, nil
		return 0
	}
	r.src = r.src[n:]
	return uint32(v)
}

// varint reads a signed varint of at most 64 bits, as in records.
func (r *reader) varint() int64 {
	v, n := binary.Varint(r.src)
	if n <= 0 {
		r.bad, r.src = true, nil
		return 0
	}
	r.src = r.src[n:]
	return v
}

// length reads the length of a string, bytes or array: compact (plus one, zero
// for null) or of the given width. Null is -1.
func (r *reader) length(compact bool, width int) int {
	switch {
	case compact:
		return int(int64(r.uvarint()) - 1)
	case width == 2:
		return int(r.int16())
	default:
		return int(r.int32())
	}
}

// sized reads a string or bytes field; null gives nil. Lengths below -1 are
// faults.
func (r *reader) sized(compact bool, width int) []byte {
	n := r.length(compact, width)
	if n == -1 {
		return nil
	}
	return r.take(n)
}

// tags skips a block of tagged fields (KIP-482). Each tag takes two bytes at
// least, so a count over half of what is left is a lie; over maxTags it is not
// worth believing either. refused names tags that a client may not send. It gives
// the number of tags.
func (r *reader) tags(refused ...uint32) int {
	n := r.uvarint()
	if n > maxTags || int(n) > len(r.src)/2 {
		r.bad, r.src = true, nil
		return 0
	}
	for range n {
		tag, size := r.uvarint(), r.uvarint()
		for _, no := range refused {
			r.bad = r.bad || tag == no
		}
		if uint64(size) > uint64(len(r.src)) {
			r.bad, r.src = true, nil
			return 0
		}
		r.take(int(size))
	}
	return int(n)
}

// header is the head of a request.
type header struct {
	key, version int16
	correlation  int32
	client       string // client.id, cut at 255 bytes
}

// maxClientID bounds what is kept of a client id.
const maxClientID = 255

// readHeader reads a request's head up to, not including, its tags; whether
// there are tags depends on the key's version.
func readHeader(r *reader) header {
	h := header{key: r.int16(), version: r.int16(), correlation: r.int32()}
	client := r.sized(false, 2)
	h.client = string(client[:min(len(client), maxClientID)])
	return h
}

// finish writes the length of a response that begins with 4 bytes of room.
func finish(b []byte) []byte {
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

// begin opens a response: room for the length, then the correlation id.
func begin(correlation int32) []byte {
	return binary.BigEndian.AppendUint32(make([]byte, 4, 128), uint32(correlation))
}

func appendInt16(b []byte, v int16) []byte { return binary.BigEndian.AppendUint16(b, uint16(v)) }
func appendInt32(b []byte, v int32) []byte { return binary.BigEndian.AppendUint32(b, uint32(v)) }
func appendInt64(b []byte, v int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(v)) }

func appendString(b []byte, s string) []byte {
	return append(appendInt16(b, int16(len(s))), s...)
}

func appendCompact(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))+1), s...)
}
