package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"gopkg.in/yaml.v3"
)

// Limits bound a text from outside; each zero field takes its default.
type Limits struct {
	Bytes     int // of the whole text; default 256 KiB
	Depth     int // of nesting; default 64
	Key       int // bytes of one key; default 512
	Documents int // per text; default 1000
	Faults    int // reported at once; default 100
}

func (l Limits) withDefaults() Limits {
	if l.Bytes == 0 {
		l.Bytes = 256 << 10
	}
	if l.Depth == 0 {
		l.Depth = 64
	}
	if l.Key == 0 {
		l.Key = 512
	}
	if l.Documents == 0 {
		l.Documents = 1000
	}
	if l.Faults == 0 {
		l.Faults = 100
	}
	return l
}

// Document is one document of a text. Its zero value is an empty document that
// knows no positions.
type Document struct {
	file string
	root *yaml.Node
}

// Read splits a text into its documents; empty documents are skipped. file
// names the text in faults and may be empty. The error is CodeTooLarge, or
// CodeInvalid with every fault found, each with line and column.
func Read(text []byte, file string, limits Limits) ([]Document, error) {
	limits = limits.withDefaults()
	if len(text) > limits.Bytes {
		return nil, eventbus.Errorf(eventbus.CodeTooLarge, "%s has %d bytes, the limit is %d", named(file), len(text), limits.Bytes)
	}
	var docs []Document
	c := checker{file: file, limits: limits}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var n yaml.Node
		err := decoder.Decode(&n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			c.faults = append(c.faults, syntaxFault(err, file))
			break
		}
		if n.Kind != yaml.DocumentNode || len(n.Content) != 1 || null(n.Content[0]) {
			continue
		}
		if len(docs) == limits.Documents {
			c.add(n.Content[0], "", fmt.Sprintf("more than %d documents in one file", limits.Documents), "split the file")
			break
		}
		c.check(n.Content[0], nil, 1)
		docs = append(docs, Document{file: file, root: n.Content[0]})
	}
	if len(c.faults) > 0 {
		return nil, eventbus.Invalid(named(file)+" cannot be read", c.faults...)
	}
	return docs, nil
}

func named(file string) string {
	if file == "" {
		return "the text"
	}
	return file
}

var syntaxLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// syntaxFault turns the parser's error into a fault; it knows the line only.
func syntaxFault(err error, file string) eventbus.Fault {
	f := eventbus.Fault{File: file, Message: err.Error(), Line: 1, Column: 1}
	if m := syntaxLine.FindStringSubmatch(err.Error()); m != nil {
		f.Message = m[2]
		if n, err := strconv.Atoi(m[1]); err == nil {
			f.Line = n
		}
	}
	f.Fix = "check the indentation, the colons and the quotes on this line and the one before"
	return f
}

func null(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// checker walks a document and refuses what YAML allows and we do not.
type checker struct {
	file   string
	limits Limits
	faults []eventbus.Fault
}

func (c *checker) add(n *yaml.Node, path, message, fix string) {
	if len(c.faults) < c.limits.Faults {
		c.faults = append(c.faults, eventbus.Fault{File: c.file, Path: path, Message: message, Fix: fix, Line: n.Line, Column: n.Column})
	}
}

// trail is the way to a node. It is written out for a fault only: the paths of
// all nodes of a text, under keys that are long, are far larger than the text.
type trail struct {
	up    *trail
	key   string // of a field, or empty:
	index int    // of a list
}

// String writes the way as faults name it: topic.names[2].
func (t *trail) String() string {
	switch {
	case t == nil:
		return ""
	case t.key == "":
		return t.up.String() + "[" + strconv.Itoa(t.index) + "]"
	default:
		return join(t.up.String(), t.key)
	}
}

func (c *checker) refuse(n *yaml.Node, at *trail, message, fix string) {
	if len(c.faults) < c.limits.Faults {
		c.add(n, at.String(), message, fix)
	}
}

func (c *checker) check(n *yaml.Node, at *trail, depth int) {
	if depth > c.limits.Depth {
		c.refuse(n, at, fmt.Sprintf("nested deeper than %d levels", c.limits.Depth), "")
		return
	}
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		c.refuse(n, at, "anchors and aliases are not allowed", "write the value out")
		return
	}
	if n.Style&yaml.TaggedStyle != 0 {
		c.refuse(n, at, "explicit tags such as !!str are not allowed", "use quotes for text")
		return
	}
	switch n.Kind {
	case yaml.SequenceNode:
		for i, item := range n.Content {
			c.check(item, &trail{up: at, index: i}, depth+1)
		}
	case yaml.MappingNode:
		c.checkKeys(n, at, depth)
	}
}

func (c *checker) checkKeys(n *yaml.Node, at *trail, depth int) {
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			c.refuse(key, at, "a key must be plain text", "")
			continue
		}
		if key.Tag == "!!merge" {
			c.refuse(key, at, "merge keys are not allowed", "write the fields out")
			continue
		}
		if len(key.Value) > c.limits.Key {
			c.refuse(key, at, fmt.Sprintf("a key of %d bytes, at most %d are allowed", len(key.Value), c.limits.Key), "write a short key, and the text as its value")
			continue
		}
		here := &trail{up: at, key: key.Value}
		if line, seen := first[key.Value]; seen {
			c.refuse(key, here, fmt.Sprintf("written twice, first on line %d", line), "keep one of them")
			continue
		}
		first[key.Value] = key.Line
		c.check(n.Content[i+1], here, depth+1)
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// Text gives the scalar under a dotted path of keys, "" when there is none.
func (d Document) Text(keys ...string) string {
	n := d.root
	for _, key := range keys {
		if n = child(n, key); n == nil {
			return ""
		}
	}
	if n == nil || n.Kind != yaml.ScalarNode || null(n) {
		return ""
	}
	return n.Value
}

// Has reports whether there is a value under a dotted path of keys.
func (d Document) Has(keys ...string) bool {
	n := d.root
	for _, key := range keys {
		if n = child(n, key); n == nil {
			return false
		}
	}
	return n != nil
}

// List reports whether the value under the keys is a list.
func (d Document) List(keys ...string) bool {
	n := d.root
	for _, key := range keys {
		if n = child(n, key); n == nil {
			return false
		}
	}
	return n != nil && n.Kind == yaml.SequenceNode
}

func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}
