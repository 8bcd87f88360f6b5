package apiserver

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"gopkg.in/yaml.v3"
)

// illustration is what the document shows beside an operation.
type illustration struct {
	Parameters map[string]any            `yaml:"parameters"`
	Bodies     map[string]map[string]any `yaml:"bodies"`
	Links      map[string]map[string]any `yaml:"links"` // by operation that follows; "body" is its request body
}

//go:embed examples.yaml
var examplesText []byte

// illustrations reads the examples, by operation id.
var illustrations = sync.OnceValue(func() map[string]illustration {
	var all map[string]illustration
	if err := yaml.Unmarshal(examplesText, &all); err != nil { // a test reads them, too
		panic("apiserver: examples.yaml: " + err.Error())
	}
	return all
})

// operations lists every operation of a document by its id.
func operations(document *huma.OpenAPI) map[string]*huma.Operation {
	all := map[string]*huma.Operation{}
	for _, item := range document.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Delete} {
			if op != nil {
				all[op.OperationID] = op
			}
		}
	}
	return all
}

// illustrate puts the examples into the document; those of operations that this
// bus lacks are left out.
func (a *API) illustrate() {
	all := operations(a.huma.OpenAPI())
	for id, op := range all {
		shown := illustrations()[id]
		for _, p := range op.Parameters {
			if value, there := shown.Parameters[p.Name]; there {
				p.Example = value
			}
		}
		if op.RequestBody != nil && len(shown.Bodies) > 0 {
			for _, media := range op.RequestBody.Content {
				media.Examples = map[string]*huma.Example{}
				for name, value := range shown.Bodies {
					media.Examples[name] = &huma.Example{Value: value}
				}
			}
		}
		for _, target := range slices.Sorted(maps.Keys(shown.Links)) {
			if all[target] != nil {
				addLink(op, all[target], shown.Links[target])
			}
		}
	}
}

func addLink(from, to *huma.Operation, values map[string]any) {
	link := &huma.Link{OperationID: to.OperationID, Description: to.Summary}
	for name, value := range values {
		if name == "body" {
			link.RequestBody = value
			continue
		}
		for _, p := range to.Parameters {
			if p.Name == name {
				if link.Parameters == nil {
					link.Parameters = map[string]any{}
				}
				link.Parameters[p.In+"."+name] = value
			}
		}
	}
	response := from.Responses[fmt.Sprint(success(from))]
	if response.Links == nil {
		response.Links = map[string]*huma.Link{}
	}
	response.Links[to.OperationID] = link
}

// success is the status of an operation that did what it was asked.
func success(op *huma.Operation) int {
	for status := 200; status < 300; status++ {
		if op.Responses[fmt.Sprint(status)] != nil {
			return status
		}
	}
	return 0
}
