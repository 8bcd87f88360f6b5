package apiserver

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// body is an answer with a JSON body and nothing else.
type body[T any] struct{ Body T }

// created answers 201 with the address of what was made.
type created[T any] struct {
	Location string `header:"Location"`
	Body     T
}

// none is the input of a route without parameters, and the output of one that
// answers 204.
type none struct{}

// Bounds of request bodies, in bytes.
const (
	maxBody     = 256 << 10
	maxDocument = 1 << 20  // a catalog file
	maxFiles    = 32 << 20 // a folder of manifests
)

// operation describes a route: method, path under /api/v1, id, what it does.
// The tag is the first word of the path.
func operation(method, path, id, summary string, errors ...int) huma.Operation {
	tag := path[1:]
	for i := range tag {
		if tag[i] == '/' || tag[i] == '{' {
			tag = tag[:i]
			break
		}
	}
	return huma.Operation{OperationID: id, Method: method, Path: "/api/v1" + path, Tags: []string{tag}, Summary: summary,
		Errors: errors, MaxBodyBytes: maxBody}
}

// register adds a route behind its row of the access table. Errors of the
// handler become problem documents.
func register[I, O any](a *API, op huma.Operation, handle func(context.Context, *I) (*O, error)) {
	row, listed := access[op.OperationID]
	always := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable}
	if op.Method == http.MethodPost || op.Method == http.MethodPut {
		always = append(always, http.StatusBadRequest, http.StatusRequestTimeout, http.StatusConflict, http.StatusRequestEntityTooLarge,
			http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity)
	}
	op.Errors = append(op.Errors, always...)
	slices.Sort(op.Errors)
	op.Errors = slices.Compact(op.Errors)
	op.Security = []map[string][]string{{"token": {}}}
	if row.scope != "" {
		op.Description = describe(op.Description, row)
	}
	op.Middlewares = huma.Middlewares{a.guard(op.OperationID, row, !listed)}
	if op.Method == http.MethodPost {
		op.Middlewares = append(op.Middlewares, a.once(op.OperationID))
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, a.problem(err)
		}
		return out, nil
	})
}

func describe(text string, row rule) string {
	if text != "" {
		text += "\n\n"
	}
	text += "Scope of a token: `" + row.scope + "`."
	if len(row.roles) > 0 {
		text += " Roles: " + roleNames(row.roles) + "."
	}
	if row.open {
		text += " In `dev` anybody on loopback may read it."
	}
	return text
}

// document is the request body of a text that is read as YAML; JSON is YAML,
// too. It is called after register, which must not read the text itself.
func (a *API) document(path, method, description string) {
	item := a.huma.OpenAPI().Paths["/api/v1"+path]
	op := item.Post
	if method == http.MethodPut {
		op = item.Put
	}
	object := &huma.MediaType{Schema: &huma.Schema{Type: "object", Description: description}}
	op.RequestBody.Description = description
	op.RequestBody.Content = map[string]*huma.MediaType{"application/yaml": object, "application/json": object}
}
