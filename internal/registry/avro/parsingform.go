package avro

import (
	"encoding/binary"
	"strconv"
)

// ParsingForm is Avro's Parsing Canonical Form: only what is needed to read data,
// with full names. Source: Avro specification, "Transforming into Parsing
// Canonical Form".
func (s *Schema) ParsingForm() string {
	f := former{seen: map[string]bool{}}
	f.schema(s.root)
	return string(f.b)
}

// Fingerprint is the CRC-64-AVRO of the parsing form, least significant byte
// first, as the single-object encoding carries it.
func (s *Schema) Fingerprint() [8]byte {
	var out [8]byte
	binary.LittleEndian.PutUint64(out[:], crc64([]byte(s.ParsingForm())))
	return out
}

// emptyCRC is the polynomial and the start value of CRC-64-AVRO.
const emptyCRC = 0xc15d213aa4d7a795

func crc64(data []byte) uint64 {
	var table [256]uint64
	for i := range table {
		fp := uint64(i)
		for range 8 {
			fp = fp>>1 ^ emptyCRC&-(fp&1)
		}
		table[i] = fp
	}
	crc := uint64(emptyCRC)
	for _, c := range data {
		crc = crc>>8 ^ table[byte(crc)^c]
	}
	return crc
}

type former struct {
	b    []byte
	seen map[string]bool
}

func (f *former) raw(text string) { f.b = append(f.b, text...) }

func (f *former) schema(n *node) {
	switch n.kind {
	case kindUnion:
		f.raw("[")
		for i, b := range n.branches {
			if i > 0 {
				f.raw(",")
			}
			f.schema(b)
		}
		f.raw("]")
	case kindArray, kindMap:
		f.raw(`{"type":"` + n.kind.String() + `",` + map[kind]string{kindArray: `"items":`, kindMap: `"values":`}[n.kind])
		f.schema(n.item)
		f.raw("}")
	case kindRecord, kindEnum, kindFixed:
		f.named(n)
	default:
		f.raw(`"` + n.kind.String() + `"`)
	}
}

func (f *former) named(n *node) {
	if f.seen[n.name.full] {
		f.raw(`"` + n.name.full + `"`)
		return
	}
	f.seen[n.name.full] = true
	f.raw(`{"name":"` + n.name.full + `","type":"` + n.kind.String() + `"`)
	switch n.kind {
	case kindEnum:
		f.raw(`,"symbols":[`)
		for i, s := range n.symbols {
			if i > 0 {
				f.raw(",")
			}
			f.raw(`"` + s + `"`)
		}
		f.raw("]")
	case kindFixed:
		f.raw(`,"size":` + strconv.Itoa(n.size))
	case kindRecord:
		f.raw(`,"fields":[`)
		for i, fd := range n.fields {
			if i > 0 {
				f.raw(",")
			}
			f.raw(`{"name":"` + fd.name + `","type":`)
			f.schema(fd.typ)
			f.raw("}")
		}
		f.raw("]")
	}
	f.raw("}")
}
