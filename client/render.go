package client

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/avro"

	"github.com/enterprise-event-bus/eventbus"
)

// Mask decides, by the `confluent:tags` of a field and its path, whether the
// field's value is hidden.
type Mask func(path string, tags []string) bool

// tagsProperty is the attribute of a field or type that says what kind of data
// it holds (Confluent Stream Catalog, "inline tags").
const tagsProperty = "confluent:tags"

// masked stands in the place of a hidden value.
const masked = `"***"`

// Decode turns Avro data into one line of JSON with the fields in the schema's
// order. Data beyond the value is an error.
func (c *Codec) Decode(data []byte) ([]byte, error) { return c.DecodeMasked(data, nil) }

// DecodeMasked is Decode with the values of some fields hidden. The mask is
// asked for each field, and for each tagged type wherever it stands: at the
// root, in a union, as an item of an array or a value of a map.
func (c *Codec) DecodeMasked(data []byte, mask Mask) ([]byte, error) {
	if c.bomb != "" {
		return nil, eventbus.Errorf(eventbus.CodeInvalid, "the schema has an array whose items take no bytes (%s); a few bytes of data could fill the memory", c.bomb)
	}
	var value any
	rest, err := c.schema.Decode(data, &value, avro.TaggedUnions())
	if err != nil {
		return nil, eventbus.Errorf(eventbus.CodeInvalid, "the data does not fit the schema: %w", err)
	}
	if len(rest) > 0 {
		return nil, eventbus.Errorf(eventbus.CodeInvalid, "the data goes on for %d bytes after the value", len(rest))
	}
	r := renderer{codec: c, mask: mask}
	r.value(&c.root, value, "")
	return r.out, nil
}

// renderer writes JSON in the order of the schema, which a Go map has lost.
type renderer struct {
	codec *Codec
	mask  Mask
	out   []byte
}

func (r *renderer) value(n *avro.SchemaNode, value any, path string) {
	n = r.codec.resolve(n)
	if r.hides(path, tagList(n.Props)) {
		return
	}
	if n.Type == "union" {
		if n, value = r.branch(n, value); r.hides(path, tagList(n.Props)) {
			return
		}
	}
	switch v := value.(type) {
	case nil:
		r.out = append(r.out, "null"...)
	case map[string]any:
		if n.Type == "map" {
			r.mapping(n, v, path)
		} else {
			r.record(n, v, path)
		}
	case []any:
		r.array(n, v, path)
	default:
		r.scalar(n, v)
	}
}

// hides masks a tagged value; a value without tags of its own is asked for only
// as a field.
func (r *renderer) hides(path string, tags []string) bool {
	if r.mask == nil || len(tags) == 0 || !r.mask(path, tags) {
		return false
	}
	r.out = append(r.out, masked...)
	return true
}

func (r *renderer) record(n *avro.SchemaNode, fields map[string]any, path string) {
	r.out = append(r.out, '{')
	for i := range n.Fields {
		field := &n.Fields[i]
		if i > 0 {
			r.out = append(r.out, ',')
		}
		r.text(field.Name)
		r.out = append(r.out, ':')
		inner := join(path, field.Name)
		if r.mask != nil && r.mask(inner, r.codec.tags(field)) {
			r.out = append(r.out, masked...)
			continue
		}
		r.value(&field.Type, fields[field.Name], inner)
	}
	r.out = append(r.out, '}')
}

// tags are the field's own `confluent:tags` and those of its type.
func (c *Codec) tags(f *avro.SchemaField) []string {
	tags := tagList(f.Props)
	node := c.resolve(&f.Type)
	tags = append(tags, tagList(node.Props)...)
	for i := range node.Branches {
		tags = append(tags, tagList(c.resolve(&node.Branches[i]).Props)...)
	}
	return tags
}

// tagList reads `confluent:tags`. One that is not a list of texts still tags:
// what is not understood is hidden rather than shown.
func tagList(props map[string]any) []string {
	switch tags := props[tagsProperty].(type) {
	case nil:
		return nil
	case []any:
		list := make([]string, len(tags))
		for i, tag := range tags {
			list[i] = fmt.Sprint(tag)
		}
		return list
	default:
		return []string{fmt.Sprint(tags)}
	}
}

func (r *renderer) mapping(n *avro.SchemaNode, values map[string]any, path string) {
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	r.out = append(r.out, '{')
	for i, key := range keys {
		if i > 0 {
			r.out = append(r.out, ',')
		}
		r.text(key)
		r.out = append(r.out, ':')
		r.value(n.Values, values[key], join(path, key))
	}
	r.out = append(r.out, '}')
}

func (r *renderer) array(n *avro.SchemaNode, items []any, path string) {
	r.out = append(r.out, '[')
	for i, item := range items {
		if i > 0 {
			r.out = append(r.out, ',')
		}
		r.value(n.Items, item, fmt.Sprintf("%s[%d]", path, i))
	}
	r.out = append(r.out, ']')
}

// branch takes a union's value apart: the decoder wraps all but null as
// {"type name": value}.
func (r *renderer) branch(n *avro.SchemaNode, value any) (*avro.SchemaNode, any) {
	wrapped, _ := value.(map[string]any)
	for name, inner := range wrapped {
		for i := range n.Branches {
			if b := r.codec.resolve(&n.Branches[i]); b.Type == name || b.Name != "" && fullName(b) == name {
				return b, inner
			}
		}
	}
	return n, nil
}

// hollow gives the name of the first array below n whose items take no bytes
// (null, a record without fields, a fixed of size 0), or "". The items of such an
// array cost the writer nothing and the reader memory.
func (c *Codec) hollow(n *avro.SchemaNode, seen map[*avro.SchemaNode]bool) string {
	if n = c.resolve(n); seen[n] {
		return ""
	}
	seen[n] = true
	if n.Items != nil && c.empty(n.Items, nil) {
		return "items of type " + c.resolve(n.Items).Type
	}
	for i := range n.Fields {
		if found := c.hollow(&n.Fields[i].Type, seen); found != "" {
			return found
		}
	}
	for i := range n.Branches {
		if found := c.hollow(&n.Branches[i], seen); found != "" {
			return found
		}
	}
	for _, inner := range []*avro.SchemaNode{n.Items, n.Values} {
		if inner != nil {
			if found := c.hollow(inner, seen); found != "" {
				return found
			}
		}
	}
	return ""
}

// empty reports whether values of a type take no bytes.
func (c *Codec) empty(n *avro.SchemaNode, within []*avro.SchemaNode) bool {
	if n = c.resolve(n); slices.Contains(within, n) {
		return true // it holds itself and nothing else so far
	}
	switch n.Type {
	case "null":
		return true
	case "fixed":
		return n.Size == 0
	case "record", "error":
		for i := range n.Fields {
			if !c.empty(&n.Fields[i].Type, append(within, n)) {
				return false
			}
		}
		return true
	}
	return false
}

func (r *renderer) scalar(n *avro.SchemaNode, value any) {
	switch v := value.(type) {
	case bool:
		r.out = strconv.AppendBool(r.out, v)
	case int32:
		r.out = strconv.AppendInt(r.out, int64(v), 10)
	case int64:
		r.out = strconv.AppendInt(r.out, v, 10)
	case float32:
		r.float(float64(v), 32)
	case float64:
		r.float(v, 64)
	case string:
		r.text(v)
	case []byte:
		r.text(codePoints(v))
	case [16]byte:
		r.text(fmt.Sprintf("%x-%x-%x-%x-%x", v[:4], v[4:6], v[6:8], v[8:10], v[10:]))
	case time.Time:
		r.text(timeText(n.LogicalType, v))
	case time.Duration:
		r.text(time.Time{}.Add(v).Format("15:04:05.999999"))
	case *big.Rat:
		r.text(decimalText(n, v))
	default:
		r.text(fmt.Sprint(v))
	}
}

func timeText(logical string, t time.Time) string {
	switch logical {
	case "date":
		return t.Format(time.DateOnly)
	case "local-timestamp-millis", "local-timestamp-micros", "local-timestamp-nanos":
		return t.Format("2006-01-02T15:04:05.999999999")
	default:
		return t.UTC().Format(time.RFC3339Nano)
	}
}

// decimalText writes as many digits as the schema says; a big-decimal carries
// its scale in the data.
func decimalText(n *avro.SchemaNode, v *big.Rat) string {
	scale := n.Scale
	if n.LogicalType == "big-decimal" {
		scale, _ = v.FloatPrec()
	}
	return v.FloatString(scale)
}

// float writes a number; JSON has none for NaN and the infinities, so they
// become the strings that Avro's own JSON encoding uses.
func (r *renderer) float(v float64, bits int) {
	switch {
	case math.IsNaN(v):
		r.text("NaN")
	case math.IsInf(v, 1):
		r.text("Infinity")
	case math.IsInf(v, -1):
		r.text("-Infinity")
	default:
		r.out = strconv.AppendFloat(r.out, v, 'g', -1, bits)
	}
}

func codePoints(data []byte) string {
	runes := make([]rune, len(data))
	for i, b := range data {
		runes[i] = rune(b)
	}
	return string(runes)
}

func (r *renderer) text(s string) {
	quoted, err := json.Marshal(s)
	if err != nil { // a string always encodes
		quoted = []byte(`""`)
	}
	r.out = append(r.out, quoted...)
}
