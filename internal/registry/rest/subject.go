package rest

import (
	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// GET /subjects
func listSubjects(c *call) (any, error) {
	return page(c, c.h.reg.Subjects(c.qualified(c.query.Get("subjectPrefix")), c.filter()), 0), nil
}

// POST /subjects/{subject}
func lookupSchema(c *call) (any, error) {
	req, err := c.request()
	if err != nil {
		return nil, err
	}
	v, err := c.h.reg.Lookup(c.r.Context(), c.subject(), req, c.filter())
	if err != nil {
		return nil, err
	}
	return c.formattedBody(v)
}

// DELETE /subjects/{subject}
func deleteSubject(c *call) (any, error) {
	return c.h.reg.DeleteSubject(c.r.Context(), c.caller, c.subject(), c.flag("permanent"))
}

// GET /subjects/{subject}/versions
func listVersions(c *call) (any, error) {
	filter := c.filter()
	negative := c.flag("deletedAsNegative")
	if negative && filter == registry.Live {
		filter = registry.WithDeleted
	}
	list, err := c.h.reg.Versions(c.subject(), filter)
	if err != nil {
		return nil, err
	}
	if negative {
		live, err := c.h.reg.Versions(c.subject(), registry.Live)
		if err != nil {
			live = nil
		}
		list = negateMissing(list, live)
	}
	return page(c, list, 0), nil
}

// negateMissing marks the numbers of list that live lacks; both ascend.
func negateMissing(list, live []int) []int {
	out := make([]int, 0, len(list))
	for _, n := range list {
		for len(live) > 0 && live[0] < n {
			live = live[1:]
		}
		if len(live) == 0 || live[0] != n {
			n = -n
		}
		out = append(out, n)
	}
	return out
}

// POST /subjects/{subject}/versions
func registerSchema(c *call) (any, error) {
	req, err := c.request()
	if err != nil {
		return nil, err
	}
	v, err := c.h.reg.Register(c.r.Context(), c.caller, c.subject(), req)
	if err != nil {
		return nil, err
	}
	return c.formattedBody(v)
}

func (c *call) find() (registry.Version, error) {
	number, err := c.version()
	if err != nil {
		return registry.Version{}, err
	}
	return c.h.reg.Version(c.subject(), number, c.filter())
}

// GET /subjects/{subject}/versions/{version}
func getVersion(c *call) (any, error) {
	v, err := c.find()
	if err != nil {
		return nil, err
	}
	return c.formattedBody(v)
}

// GET /subjects/{subject}/versions/{version}/schema
func getVersionText(c *call) (any, error) {
	v, err := c.find()
	if err != nil {
		return nil, err
	}
	out, err := c.formatted(v)
	return text(out), err
}

// DELETE /subjects/{subject}/versions/{version}
func deleteVersion(c *call) (any, error) {
	number, err := c.version()
	if err != nil {
		return nil, err
	}
	number, err = c.h.reg.Delete(c.r.Context(), c.caller, c.subject(), number, c.flag("permanent"))
	if err != nil {
		return nil, err
	}
	return number, nil
}

// POST /subjects/{subject}/versions/{version}/restore
func restoreVersion(c *call) (any, error) {
	number, err := c.version()
	if err != nil {
		return nil, err
	}
	v, err := c.h.reg.RestoreVersion(c.r.Context(), c.caller, c.subject(), number)
	if err != nil {
		return nil, err
	}
	return bodyOf(v), nil
}

// GET /subjects/{subject}/versions/{version}/referencedby
func referencedBy(c *call) (any, error) {
	number, err := c.version()
	if err != nil {
		return nil, err
	}
	list, err := c.h.reg.ReferencedBy(c.subject(), number, c.filter())
	return page(c, list, 0), err
}

// GET /subjects/{subject}/metadata: the latest version that has all the
// properties key=value of the query.
func latestWithMetadata(c *call) (any, error) {
	numbers, err := c.h.reg.Versions(c.subject(), c.filter())
	if err != nil {
		return nil, err
	}
	keys, values := c.query["key"], c.query["value"]
	for i := len(numbers) - 1; i >= 0; i-- {
		v, err := c.h.reg.Version(c.subject(), numbers[i], c.filter())
		if err == nil && hasProperties(v.Metadata, keys, values) {
			return c.formattedBody(v)
		}
	}
	return nil, &registry.Error{Code: registry.ErrSchemaNotFound, Message: "Schema not found"}
}

func hasProperties(meta *registry.Metadata, keys, values []string) bool {
	if len(keys) == 0 || len(keys) != len(values) || meta == nil {
		return false
	}
	for i, key := range keys {
		if value, ok := meta.Properties[key]; !ok || value != values[i] {
			return false
		}
	}
	return true
}
