package avro_test

import (
	"fmt"

	"github.com/enterprise-event-bus/eventbus/internal/registry/avro"
)

func Example() {
	old, err := avro.Parse(`{"type":"record","name":"va.Claim","fields":[
	  {"name":"icn","type":"string"},
	  {"name":"amount","type":"int"}]}`, avro.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	new, err := avro.Parse(`{"type":"record","name":"va.Claim","fields":[
	  {"name":"amount","type":"long"},
	  {"name":"state","type":"string"}]}`, avro.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(new.Canonical())
	for _, i := range avro.Compatible(new, old) { // level BACKWARD
		fmt.Println(i)
	}
	for _, c := range avro.Diff(old, new) {
		fmt.Println("-", c.Text)
	}
	// Output:
	// {"type":"record","name":"Claim","namespace":"va","fields":[{"name":"amount","type":"long"},{"name":"state","type":"string"}]}
	// READER_FIELD_MISSING_DEFAULT_VALUE@/fields/1:state
	// - type of field `amount` changed from int to long; consumers still on the old version cannot read new records
	// - field `state` (string) added without a default; records already written cannot be read with the new version
	// - field `icn` removed; consumers that need it break
}

func ExampleParse_references() {
	schema, err := avro.Parse(`{"type":"record","name":"va.Claim","fields":[{"name":"home","type":"va.Address"}]}`, avro.Options{
		References: []avro.Reference{{Name: "va.Address", Text: `{"type":"record","name":"va.Address","fields":[{"name":"city","type":"string"}]}`}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(schema.Canonical())
	fmt.Println(schema.Resolved())
	// Output:
	// {"type":"record","name":"Claim","namespace":"va","fields":[{"name":"home","type":"Address"}]}
	// {"type":"record","name":"Claim","namespace":"va","fields":[{"name":"home","type":{"type":"record","name":"Address","fields":[{"name":"city","type":"string"}]}}]}
}

func ExampleSchema_Fields() {
	schema, err := avro.Parse(`{"type":"record","name":"Claim","fields":[
	  {"name":"icn","type":"string","confluent:tags":["PII"]},
	  {"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[{"name":"code","type":["null","string"]}]}}}]}`, avro.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range schema.Fields() {
		fmt.Println(f.Path, "|", f.Type, "|", f.Tags)
	}
	// Output:
	// icn | string | [PII]
	// lines | array of record Line | []
	// lines[].code | null or string | []
}
