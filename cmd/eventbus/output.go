package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"gopkg.in/yaml.v3"
)

// table is what a list looks like for people: a header and rows of cells.
type table struct {
	header []string
	rows   [][]string
}

// print writes v as --output says; asTable draws it for people.
func (a *app) print(v any, asTable func() table) error {
	switch a.output {
	case "json":
		encoder := json.NewEncoder(a.out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(v)
	case "yaml":
		return a.printYAML(v)
	case "table":
		return a.printTable(asTable())
	default:
		return usageError{fmt.Errorf("output format %q: use table, json or yaml", a.output)}
	}
}

// printYAML goes through JSON, so that both formats have the same names.
func (a *app) printYAML(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var plain any
	if err := yaml.Unmarshal(text, &plain); err != nil {
		return err
	}
	encoder := yaml.NewEncoder(a.out)
	encoder.SetIndent(2)
	if err := encoder.Encode(plain); err != nil {
		return err
	}
	return encoder.Close()
}

func (a *app) printTable(t table) error {
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, strings.ToUpper(strings.Join(t.header, "\t")))
	for _, row := range t.rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// say writes a line of talk: to stderr, so that stdout stays data.
func (a *app) say(format string, args ...any) {
	fmt.Fprintf(a.err, format+"\n", args...)
}
