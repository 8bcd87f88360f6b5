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

// masked stands in the place of a hidden value.
const masked = `"***"`

// Decode turns Avro data into one line of JSON with the fields in the schema's
// order. Data beyond the value is an error.
func (c *Codec) Decode(data []byte) ([]byte, error) { return c.DecodeMasked(data, nil) }

// DecodeMasked is Decode with the values of some fields hidden.
func (c *Codec) DecodeMasked(data []byte, mask Mask) ([]byte, error) {
	var value any
	rest, err := c.schema.Decode(data, &value)
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
	if n.Type == "union" {
		n = r.branch(n, value)
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

func tagList(props map[string]any) []string {
	list, _ := props["confluent:tags"].([]any)
	var tags []string
	for _, item := range list {
		if tag, ok := item.(string); ok {
			tags = append(tags, tag)
		}
	}
	return tags
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

// branch finds the branch of a union that a decoded value came from.
func (r *renderer) branch(n *avro.SchemaNode, value any) *avro.SchemaNode {
	for i := range n.Branches {
		if b := r.codec.resolve(&n.Branches[i]); r.matches(b, value) {
			return b
		}
	}
	return n
}

func (r *renderer) matches(n *avro.SchemaNode, value any) bool {
	switch v := value.(type) {
	case map[string]any:
		if n.Type == "map" {
			return true
		}
		return (n.Type == "record" || n.Type == "error") && hasFields(n, v)
	case []any:
		return n.Type == "array"
	case time.Time:
		return n.LogicalType == "date" || len(n.LogicalType) > 9 && n.Type == "long"
	case time.Duration:
		return n.LogicalType == "time-millis" || n.LogicalType == "time-micros"
	case *big.Rat:
		return n.LogicalType == "decimal" || n.LogicalType == "big-decimal"
	default:
		return true
	}
}

func hasFields(n *avro.SchemaNode, value map[string]any) bool {
	for _, f := range n.Fields {
		if _, ok := value[f.Name]; !ok {
			return false
		}
	}
	return len(n.Fields) == len(value)
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
		r.text(v.FloatString(n.Scale))
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
