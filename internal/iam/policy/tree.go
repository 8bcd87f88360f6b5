package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// maxDepth is how deep arrays and objects may lie in one another; a document
// needs five.
const maxDepth = 8

// kind is what a JSON value is.
type kind string

const (
	object kind = "object"
	array  kind = "array"
	text   kind = "string"
	number kind = "number"
	truth  kind = "boolean"
	null   kind = "null"
)

// node is one JSON value with the path that leads to it.
type node struct {
	kind    kind
	path    string
	text    string   // of string, number and boolean
	members []member // of an object, in the order of the text
	items   []node   // of an array
}

type member struct {
	name  string
	value node
}

// readTree reads exactly one JSON value. encoding/json would take the last of
// two members with one name; here the second is a fault, for AWS and a reader
// may each see another one.
func readTree(b []byte, f *faults) (node, bool) {
	if !utf8.Valid(b) {
		f.add("", "the text is not UTF-8")
		return node{}, false
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	r := treeReader{d: d, f: f}
	n, err := r.value("", 0)
	if err == nil {
		if _, err = d.Token(); err == io.EOF {
			return n, true
		}
		err = fmt.Errorf("text follows the document")
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = fmt.Errorf("the text ends too early")
	}
	f.add("", "not JSON: %v (at byte %d)", err, d.InputOffset())
	return node{}, false
}

type treeReader struct {
	d *json.Decoder
	f *faults
}

func (r *treeReader) value(path string, depth int) (node, error) {
	if depth > maxDepth {
		return node{}, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	t, err := r.d.Token()
	if err != nil {
		return node{}, err
	}
	n := node{path: path}
	switch v := t.(type) {
	case string:
		n.kind, n.text = text, v
	case json.Number:
		n.kind, n.text = number, v.String()
	case bool:
		n.kind, n.text = truth, strconv.FormatBool(v)
	case nil:
		n.kind = null
	case json.Delim:
		if v == '{' {
			return r.object(n, depth)
		}
		return r.array(n, depth)
	}
	return n, nil
}

func (r *treeReader) object(n node, depth int) (node, error) {
	n.kind = object
	seen := map[string]bool{}
	for r.d.More() {
		t, err := r.d.Token()
		if err != nil {
			return n, err
		}
		name, ok := t.(string)
		if !ok {
			return n, fmt.Errorf("a member without a name")
		}
		path := memberPath(n.path, name)
		if seen[name] {
			r.f.add(path, "written twice; which one counts would be a guess")
		}
		seen[name] = true
		v, err := r.value(path, depth+1)
		if err != nil {
			return n, err
		}
		n.members = append(n.members, member{name: name, value: v})
	}
	_, err := r.d.Token()
	return n, err
}

func (r *treeReader) array(n node, depth int) (node, error) {
	n.kind = array
	for r.d.More() {
		v, err := r.value(n.path+"["+strconv.Itoa(len(n.items))+"]", depth+1)
		if err != nil {
			return n, err
		}
		n.items = append(n.items, v)
	}
	_, err := r.d.Token()
	return n, err
}

// memberPath writes a.b, or a["b:c"] when the name is not a plain word.
func memberPath(path, name string) string {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return path + "[" + strconv.Quote(name) + "]"
		}
	}
	if path == "" || name == "" {
		return path + name
	}
	return path + "." + name
}
