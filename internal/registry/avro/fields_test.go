package avro

import (
	"fmt"
	"strings"
	"testing"
)

const claimSchema = `{"type":"record","name":"va.Claim","doc":"A claim.","confluent:tags":["PHI"],"fields":[
 {"name":"icn","type":"string","doc":"who","confluent:tags":["PII"],"aliases":["id"]},
 {"name":"filed","type":{"type":"long","logicalType":"timestamp-millis"}},
 {"name":"amount","type":["null",{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}],"default":null},
 {"name":"state","type":{"type":"enum","name":"State","symbols":["OPEN","CLOSED"]},"default":"OPEN"},
 {"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[{"name":"code","type":"string"},{"name":"parent","type":["null","Line"]}]}}},
 {"name":"labels","confluent:tags":["PII"],"type":{"type":"map","values":["null",{"type":"record","name":"Label","fields":[{"name":"text","type":{"type":"string","confluent:tags":["FREE"]}}]}]}},
 {"name":"payload","type":["null",{"type":"record","name":"A","fields":[{"name":"a","type":"int"}]},{"type":"record","name":"B","fields":[{"name":"b","type":{"type":"fixed","name":"H","size":4}}]}]}]}`

// TestFields shows the flattened tree as a table.
func TestFields(t *testing.T) {
	want := strings.TrimSpace(`
0 icn | string | doc=who tags=PII inherited=PHI aliases=id
0 filed | long (timestamp-millis) | logical=timestamp-millis inherited=PHI
0 amount | null or bytes (decimal, 9 digits, 2 after the point) | default=null optional logical=decimal inherited=PHI
0 state | enum va.State | default="OPEN" symbols=OPEN,CLOSED inherited=PHI
0 lines | array of record va.Line | inherited=PHI
1 lines[].code | string | inherited=PHI
1 lines[].parent | null or record va.Line | optional inherited=PHI
0 labels | map of (null or record va.Label) | tags=PII inherited=PHI
1 labels{}.text | string | tags=FREE inherited=PHI,PII
0 payload | null or record va.A or record va.B | optional inherited=PHI
1 payload<va.A>.a | int | inherited=PHI
1 payload<va.B>.b | fixed va.H of 4 bytes | inherited=PHI`)
	s := mustParse(t, claimSchema)
	var lines []string
	for _, f := range s.Fields() {
		lines = append(lines, describe(f))
	}
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if s.Doc() != "A claim." || s.Type() != "record va.Claim" || fmt.Sprint(s.Tags()) != "[PHI]" {
		t.Errorf("the top: %q %q %v", s.Doc(), s.Type(), s.Tags())
	}
}

func describe(f Field) string {
	more := ""
	for _, p := range []struct{ name, text string }{{"doc", f.Doc}, {"default", f.Default}, {"optional", map[bool]string{true: "yes"}[f.Optional]},
		{"logical", f.Logical}, {"symbols", strings.Join(f.Symbols, ",")}, {"tags", strings.Join(f.Tags, ",")},
		{"inherited", strings.Join(f.Inherited, ",")}, {"aliases", strings.Join(f.Aliases, ",")}} {
		if p.name == "optional" && p.text != "" {
			more += " optional"
		} else if p.text != "" {
			more += " " + p.name + "=" + p.text
		}
	}
	return fmt.Sprintf("%d %s | %s |%s", f.Depth, f.Path, f.Type, more)
}

func TestFieldsWithoutRecords(t *testing.T) {
	for text, typ := range map[string]string{`"string"`: "string", `[]`: "nothing (a union without branches)", `{"type":"array","items":["int"]}`: "array of int",
		`["null","int","long","float","double","string","bytes","boolean",{"type":"map","values":"int"}]`: "null or int or long or float or double or string or bytes or boolean or 1 more"} {
		s := mustParse(t, text)
		if s.Fields() != nil || s.Type() != typ || s.Doc() != "" || s.Tags() != nil {
			t.Errorf("%s: %v %q", text, s.Fields(), s.Type())
		}
	}
	if got := mustParse(t, `{"type":"array","items":`+rec("R", `{"name":"a","type":"int"}`)+`}`).Fields(); len(got) != 1 || got[0].Path != "[].a" {
		t.Errorf("an array at the top: %+v", got)
	}
	one := mustParse(t, rec("R", `{"name":"a","type":"int","confluent:tags":"PII"},{"name":"b","type":"int","confluent:tags":[1,"X"]}`)).Fields()
	if fmt.Sprint(one[0].Tags, one[1].Tags) != "[PII] [X]" {
		t.Errorf("tags: %v %v", one[0].Tags, one[1].Tags)
	}
}
