package apiserver

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/enterprise-event-bus/eventbus"
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
	always := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable}
	if op.Method == http.MethodPost || op.Method == http.MethodPut {
		always = append(always, http.StatusBadRequest, http.StatusRequestTimeout, http.StatusConflict, http.StatusRequestEntityTooLarge,
			http.StatusUnsupportedMediaType)
	}
	op.Errors = append(op.Errors, always...)
	slices.Sort(op.Errors)
	op.Errors = slices.Compact(op.Errors)
	op.Security = a.security(row)
	if row.scope != "" {
		op.Description = describe(op.Description, row)
	}
	op.Middlewares = huma.Middlewares{a.guard(op.OperationID, row, !listed), a.valued}
	if op.Method == http.MethodPost && !reads[op.OperationID] {
		op.Parameters = append(op.Parameters, idempotencyKey())
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

// security is what the document says of a row: a token, or none is needed.
func (a *API) security(row rule) []map[string][]string {
	switch {
	case row.anyone:
		return nil
	case row.open && a.parts.OpenReading:
		return []map[string][]string{{"token": {}}, {}}
	}
	return []map[string][]string{{"token": {}}}
}

// valued refuses query parameters without a value: huma takes `?until=` for a
// call without `until`, and the caller would get more than was asked for.
func (a *API) valued(ctx huma.Context, next func(huma.Context)) {
	u := ctx.URL()
	given := u.Query()
	var faults []eventbus.Fault
	for _, p := range ctx.Operation().Parameters {
		plain := p.Schema == nil || p.Schema.Type == huma.TypeString && p.Schema.Format == "" && len(p.Schema.Enum) == 0
		if p.In == "query" && !plain && given.Has(p.Name) && given.Get(p.Name) == "" {
			faults = append(faults, eventbus.Fault{Path: "query." + p.Name, Message: "has no value", Fix: "give one, or leave the parameter out"})
		}
	}
	if len(faults) > 0 {
		a.writeProblem(ctx, a.problem(eventbus.Invalid("nothing was done", faults...)))
		return
	}
	next(ctx)
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
