package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/twmb/avro"

	"github.com/enterprise-event-bus/eventbus"
)

// Codec turns JSON into Avro data and back by one schema. JSON is written for
// people: dates are "2026-11-22", timestamps RFC 3339, decimals "12.50", enums
// their symbol, bytes a string with one character per byte, and a union's value
// stands bare. A Codec is safe for concurrent use.
type Codec struct {
	schema *avro.Schema
	root   avro.SchemaNode
	names  map[string]*avro.SchemaNode // named types by full name
	tagged []string                    // every tag in the schema, sorted
	bomb   string                      // the array that a few bytes could fill without bound
}

// NewCodec parses an Avro schema; references are the texts of the schemas it
// refers to, in an order in which each uses only earlier ones.
func NewCodec(text string, references ...string) (*Codec, error) {
	var cache avro.SchemaCache
	for _, reference := range references {
		if _, err := cache.Parse(reference); err != nil {
			return nil, eventbus.Errorf(eventbus.CodeInvalid, "the referenced schema does not parse: %w", err)
		}
	}
	schema, err := cache.Parse(text)
	if err != nil {
		return nil, eventbus.Errorf(eventbus.CodeInvalid, "the schema does not parse: %w", err)
	}
	c := &Codec{schema: schema, root: *schema.Root(), names: map[string]*avro.SchemaNode{}}
	c.collect(&c.root, "")
	slices.Sort(c.tagged)
	c.tagged = slices.Compact(c.tagged)
	c.bomb = c.hollow(&c.root, map[*avro.SchemaNode]bool{})
	return c, nil
}

// Tags lists the `confluent:tags` that stand anywhere in the schema or in what
// it refers to, sorted, each once.
func (c *Codec) Tags() []string { return slices.Clone(c.tagged) }

// collect remembers every named type and tag below a node that stands in a
// namespace, and turns short references into full names: Avro defines a name
// before it is used, so the name is known when its reference comes.
func (c *Codec) collect(n *avro.SchemaNode, namespace string) {
	c.tagged = append(c.tagged, tagList(n.Props)...)
	if n.Name != "" {
		full := fullName(n)
		c.names[full] = n
		namespace = ""
		if dot := strings.LastIndexByte(full, '.'); dot >= 0 {
			namespace = full[:dot]
		}
	} else if full := namespace + "." + n.Type; c.names[full] != nil {
		n.Type = full
	}
	for i := range n.Fields {
		c.tagged = append(c.tagged, tagList(n.Fields[i].Props)...)
		c.collect(&n.Fields[i].Type, namespace)
	}
	for i := range n.Branches {
		c.collect(&n.Branches[i], namespace)
	}
	if n.Items != nil {
		c.collect(n.Items, namespace)
	}
	if n.Values != nil {
		c.collect(n.Values, namespace)
	}
}

func fullName(n *avro.SchemaNode) string {
	if n.Namespace == "" || strings.Contains(n.Name, ".") {
		return n.Name
	}
	return n.Namespace + "." + n.Name
}

// resolve follows a reference to a named type.
func (c *Codec) resolve(n *avro.SchemaNode) *avro.SchemaNode {
	if named, ok := c.names[n.Type]; ok {
		return named
	}
	return n
}

// Encode turns one JSON value into Avro data. The error names the field that
// does not fit; fields that the schema does not have are refused, because a
// misspelt optional field would otherwise vanish without a word.
func (c *Codec) Encode(text []byte) ([]byte, error) {
	value, err := parseJSON(text)
	if err != nil {
		return nil, err
	}
	value, err = c.fit(&c.root, value, "")
	if err != nil {
		return nil, err
	}
	data, err := c.schema.Encode(value)
	if err != nil {
		return nil, encodeError(err)
	}
	return data, nil
}

func parseJSON(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, eventbus.Errorf(eventbus.CodeInvalid, "not a JSON value: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, eventbus.Errorf(eventbus.CodeInvalid, "more than one JSON value on the line")
	}
	return value, nil
}

func encodeError(err error) error {
	var semantic *avro.SemanticError
	if errors.As(err, &semantic) && semantic.Field != "" {
		message := fmt.Sprintf("expected %s", semantic.AvroType)
		if semantic.Err != nil {
			message += ": " + semantic.Err.Error()
		}
		if strings.Contains(message, "missing key") {
			message = "is required and missing"
		}
		return eventbus.Invalid("the value does not fit the schema", eventbus.Fault{Path: semantic.Field, Message: message})
	}
	return eventbus.Errorf(eventbus.CodeInvalid, "the value does not fit the schema: %w", err)
}

// fit refuses unknown fields and turns byte strings into bytes, before the
// Avro library sees the value.
func (c *Codec) fit(n *avro.SchemaNode, value any, path string) (any, error) {
	n = c.resolve(n)
	switch n.Type {
	case "record", "error":
		return c.fitRecord(n, value, path)
	case "array":
		return c.fitArray(n, value, path)
	case "map":
		return c.fitMap(n, value, path)
	case "union":
		return c.fitUnion(n, value, path)
	case "bytes", "fixed":
		if text, ok := value.(string); ok && n.LogicalType == "" {
			return latin1(text, path)
		}
	}
	return value, nil
}

func (c *Codec) fitRecord(n *avro.SchemaNode, value any, path string) (any, error) {
	object, ok := value.(map[string]any)
	if !ok {
		return value, nil // the library says what is expected
	}
	for name := range object {
		i := slices.IndexFunc(n.Fields, func(f avro.SchemaField) bool { return f.Name == name })
		if i < 0 {
			return nil, eventbus.Invalid("the value does not fit the schema", eventbus.Fault{
				Path: join(path, name), Message: "the schema has no such field", Fix: "fields of " + n.Name + ": " + fieldNames(n)})
		}
		fitted, err := c.fit(&n.Fields[i].Type, object[name], join(path, name))
		if err != nil {
			return nil, err
		}
		object[name] = fitted
	}
	return object, nil
}

func (c *Codec) fitArray(n *avro.SchemaNode, value any, path string) (any, error) {
	items, ok := value.([]any)
	if !ok {
		return value, nil
	}
	for i, item := range items {
		fitted, err := c.fit(n.Items, item, fmt.Sprintf("%s[%d]", path, i))
		if err != nil {
			return nil, err
		}
		items[i] = fitted
	}
	return items, nil
}

func (c *Codec) fitMap(n *avro.SchemaNode, value any, path string) (any, error) {
	object, ok := value.(map[string]any)
	if !ok {
		return value, nil
	}
	for key, item := range object {
		fitted, err := c.fit(n.Values, item, join(path, key))
		if err != nil {
			return nil, err
		}
		object[key] = fitted
	}
	return object, nil
}

// fitUnion fits the value to the one branch that is not null; with several, the
// library chooses by the value's form.
func (c *Codec) fitUnion(n *avro.SchemaNode, value any, path string) (any, error) {
	var branch *avro.SchemaNode
	for i := range n.Branches {
		if n.Branches[i].Type == "null" {
			continue
		}
		if branch != nil {
			return value, nil
		}
		branch = &n.Branches[i]
	}
	if branch == nil || value == nil {
		return value, nil
	}
	return c.fit(branch, value, path)
}

func latin1(text, path string) (any, error) {
	data := make([]byte, 0, len(text))
	for _, r := range text {
		if r > 0xff {
			return nil, eventbus.Invalid("the value does not fit the schema", eventbus.Fault{
				Path: path, Message: "bytes are written one character per byte, U+0000 to U+00FF"})
		}
		data = append(data, byte(r))
	}
	return data, nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func fieldNames(n *avro.SchemaNode) string {
	names := make([]string, len(n.Fields))
	for i, f := range n.Fields {
		names[i] = f.Name
	}
	return strings.Join(names, ", ")
}
