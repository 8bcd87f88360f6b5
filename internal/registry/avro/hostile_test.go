package avro

import (
	"fmt"
	"strings"
	"testing"
)

// size is how much an answer weighs.
func size(list []Incompatibility) int {
	n := 0
	for _, i := range list {
		n += len(i.Path) + len(i.Message)
	}
	return n
}

// TestLongNames: a name as long as a text may be, which would be part of each of a
// thousand messages, makes neither of them long.
func TestLongNames(t *testing.T) {
	huge := strings.Repeat("H", 900_000)
	holders := func(prefix string, n int, inner func(i int) string) string {
		var branches []string
		for i := range n {
			branches = append(branches, fmt.Sprintf(`{"type":"record","name":"%s%d","fields":[{"name":"f","type":%s}]}`, prefix, i, inner(i)))
		}
		return "[" + strings.Join(branches, ",") + "]"
	}
	once := func(definition string) func(int) string {
		return func(i int) string {
			if i == 0 {
				return definition
			}
			return `"W0holder"`
		}
	}
	reader := mustParse(t, `{"type":"record","name":"R","fields":[{"name":"f","type":{"type":"record","name":"In","fields":[{"name":"g","type":{"type":"enum","name":"E","symbols":["A"]}}]}}]}`)
	for name, inner := range map[string]string{
		"a long name":    `{"type":"enum","name":"` + huge + `","symbols":["A"]}`,
		"a long symbol":  `{"type":"enum","name":"E","symbols":["` + huge + `"]}`,
		"a long fixed":   `{"type":"fixed","name":"` + huge + `","size":1}`,
		"a long default": `{"type":"enum","name":"E","symbols":["A","` + huge + `"]}`,
	} {
		writer := mustParse(t, holders("W", 900, once(`{"type":"record","name":"W0holder","fields":[{"name":"g","type":`+inner+`}]}`)))
		list := Compatible(reader, writer)
		if len(list) < 900 || len(list) > maxIncompatible || size(list) > maxWords {
			t.Errorf("%s: %d incompatibilities of %d bytes", name, len(list), size(list))
		}
		for _, i := range list {
			if len(i.Message) > maxMessage+10 {
				t.Fatalf("%s: a message of %d bytes", name, len(i.Message))
			}
		}
	}
	missing := mustParse(t, `{"type":"record","name":"R","fields":[{"name":"`+huge+`","type":"int"}]}`)
	if list := Compatible(missing, mustParse(t, `{"type":"record","name":"R","fields":[]}`)); len(list) != 1 || list[0].Type != MissingDefault || size(list) > maxMessage+100 {
		t.Errorf("%d incompatibilities of %d bytes", len(list), size(list))
	}
	ambiguous := mustParse(t, `{"type":"record","name":"R","fields":[{"name":"a","aliases":["b"],"type":"int"}]}`)
	if list := Compatible(ambiguous, mustParse(t, `{"type":"record","name":"R","doc":"`+huge+`","fields":[{"name":"a","type":"int"},{"name":"b","type":"int"}]}`)); len(list) != 1 || list[0].Type != Ambiguous || size(list) > maxMessage+100 {
		t.Errorf("%d incompatibilities of %d bytes", len(list), size(list))
	}
}

// TestLongErrors: what is wrong is said in few words, however long the text is.
func TestLongErrors(t *testing.T) {
	huge := strings.Repeat("h", 900_000)
	for name, text := range map[string]string{
		"a bad name":          `{"type":"enum","name":"` + huge + `-","symbols":[]}`,
		"a bad namespace":     `{"type":"enum","name":"` + huge + `-.E","symbols":[]}`,
		"a bad symbol":        `{"type":"enum","name":"E","symbols":["` + huge + `-"]}`,
		"a symbol twice":      `{"type":"enum","name":"E","symbols":["` + huge[:400_000] + `","` + huge[:400_000] + `"]}`,
		"an unknown type":     `"` + huge + `"`,
		"an unknown field":    `{"type":"record","name":"R","fields":[{"name":"f","type":"` + huge + `"}]}`,
		"a field twice":       `{"type":"record","name":"R","fields":[{"name":"` + huge[:400_000] + `","type":"int"},{"name":"` + huge[:400_000] + `","type":"int"}]}`,
		"a wrong default":     `{"type":"record","name":"R","fields":[{"name":"f","type":"int","default":"` + huge + `"}]}`,
		"an oversized number": `{"type":"array","items":"int","` + huge[:40_000] + `":99999999999999999999}`,
		"a branch twice":      `[{"type":"fixed","name":"` + huge + `","size":1},"` + "int" + `","int"]`,
	} {
		_, err := Parse(text, Options{})
		if err == nil {
			t.Errorf("%s is taken", name)
		} else if len(err.Error()) > 2*maxMessage+200 {
			t.Errorf("%s: %d bytes of message", name, len(err.Error()))
		}
	}
}
