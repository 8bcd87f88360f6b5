package gateway

import (
	"fmt"
	"strconv"
	"strings"
)

// The count guard. kmsg (and the engine through it) trusts two kinds of counts:
// a tag count may spin for minutes on 23 bytes, and an array count multiplies
// each claimed byte by the size of a Go struct. So each row of the table says
// the shape of its request in one line, and check walks a body along it before
// kmsg sees a byte: in time linear to the body, allocating nothing, with every
// count bounded by the bytes left and all elements together by maxElements.
//
// Why a shape per key and not something generic: Kafka's encoding does not
// describe itself, and kmsg's structs do not carry field versions at run time.
// Why it can be trusted: a test encodes filled requests of every key and version
// with kmsg and demands that check consumes exactly what kmsg wrote.
//
// The notation: 1 2 4 8 are integers of so many bytes, u a UUID, s a string, b
// bytes (null allowed), [x] an array, {…} a struct, ?{…} a struct that may be
// null, !n a tag that clients must not send; @3+ or @0-7 after a field limits it
// to versions.

const (
	maxElements = 100_000 // array elements and tags of one request
	maxTags     = 64      // of one block of tags; Kafka knows four at most
)

// field is one parsed field of a shape.
type field struct {
	kind       byte // '1' '2' '4' '8' 'u' 's' 'b' '[' '{' '?'
	from, to   int16
	fields     []field  // of a struct
	element    *field   // of an array
	refuseTags []uint32 // of a struct
}

// parseShape reads the notation. A fault in it is a defect of the table and
// shows in the first test, hence the panic.
func parseShape(text string) field {
	p := &shapeParser{text: text}
	f := field{kind: '{', to: 1<<15 - 1}
	p.structure(&f, 0)
	if p.text != "" {
		panic("gateway: trailing text in shape " + strconv.Quote(text))
	}
	return f
}

type shapeParser struct{ text string }

func (p *shapeParser) structure(f *field, end byte) {
	for {
		p.text = strings.TrimLeft(p.text, " ")
		if p.text == "" || p.text[0] == end {
			if end != 0 {
				p.text = p.text[1:]
			}
			return
		}
		if p.text[0] == '!' {
			p.text = p.text[1:]
			f.refuseTags = append(f.refuseTags, uint32(p.number()))
			continue
		}
		f.fields = append(f.fields, p.field())
	}
}

func (p *shapeParser) field() field {
	f := field{kind: p.text[0], to: 1<<15 - 1}
	p.text = p.text[1:]
	switch f.kind {
	case '1', '2', '4', '8', 'u', 's', 'b':
	case '[':
		e := p.field()
		f.element = &e
		p.text = p.text[1:] // ]
	case '{':
		p.structure(&f, '}')
	case '?':
		p.text = p.text[1:] // {
		p.structure(&f, '}')
	default:
		panic(fmt.Sprintf("gateway: %q is no kind of field", f.kind))
	}
	if strings.HasPrefix(p.text, "@") {
		p.text = p.text[1:]
		f.from = p.number()
		if p.text[0] == '-' {
			p.text = p.text[1:]
			f.to = p.number()
		} else {
			p.text = p.text[1:] // +
		}
	}
	return f
}

func (p *shapeParser) number() int16 {
	n := 0
	for n < len(p.text) && p.text[n] >= '0' && p.text[n] <= '9' {
		n++
	}
	v, err := strconv.ParseInt(p.text[:n], 10, 16)
	if err != nil {
		panic("gateway: no number in shape at " + strconv.Quote(p.text))
	}
	p.text = p.text[n:]
	return int16(v)
}

// check walks a request body along its shape. nil means that every count in it
// is honest and that nothing follows it.
func (f field) check(body []byte, version int16, flexible bool) error {
	w := walker{reader: reader{src: body}, version: version, flexible: flexible, left: maxElements}
	w.walk(&f)
	switch {
	case w.left < 0:
		return fmt.Errorf("more than %d elements in one request", maxElements)
	case w.bad:
		return errShort
	case len(w.src) > 0:
		return fmt.Errorf("%d bytes after the end of the request", len(w.src))
	}
	return nil
}

type walker struct {
	reader
	version  int16
	flexible bool
	left     int // elements still allowed
}

func (w *walker) walk(f *field) {
	if w.bad || w.version < f.from || w.version > f.to {
		return
	}
	switch f.kind {
	case '1', '2', '4', '8':
		w.take(int(f.kind - '0'))
	case 'u':
		w.take(16)
	case 's':
		w.sized(w.flexible, 2)
	case 'b':
		w.sized(w.flexible, 4)
	case '[':
		w.array(f.element)
	case '?':
		if w.int8() == -1 {
			return
		}
		w.structure(f)
	case '{':
		w.structure(f)
	}
}

func (w *walker) structure(f *field) {
	for i := range f.fields {
		w.walk(&f.fields[i])
	}
	if w.flexible && !w.bad {
		w.spend(w.tags(f.refuseTags...))
	}
}

func (w *walker) array(element *field) {
	n := w.length(w.flexible, 4)
	if n == -1 {
		return
	}
	if n < -1 || n > len(w.src) {
		w.bad, w.src = true, nil
		return
	}
	w.spend(n)
	for range n {
		if w.bad {
			return
		}
		w.walk(element)
	}
}

func (w *walker) spend(n int) {
	if w.left -= n; w.left < 0 {
		w.bad, w.src = true, nil
	}
}
