package rest

import (
	"encoding/json"
	"strings"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// schemaBody is a schema in an answer; the order of the properties is
// Confluent's, absent ones are left out. RegisteredBy and RequestID are ours.
type schemaBody struct {
	Subject      string                     `json:"subject,omitempty"`
	Version      int                        `json:"version,omitempty"`
	ID           int                        `json:"id,omitempty"`
	GUID         string                     `json:"guid,omitempty"`
	Type         string                     `json:"schemaType,omitempty"`
	References   []eventbus.SchemaReference `json:"references,omitempty"`
	Metadata     *registry.Metadata         `json:"metadata,omitempty"`
	RuleSet      *registry.RuleSet          `json:"ruleSet,omitempty"`
	Schema       string                     `json:"schema"`
	Timestamp    int64                      `json:"ts,omitempty"` // milliseconds since 1970
	Deleted      bool                       `json:"deleted,omitempty"`
	MaxID        int                        `json:"maxId,omitempty"`
	RegisteredBy string                     `json:"registeredBy,omitempty"`
	RequestID    string                     `json:"requestId,omitempty"`
}

func bodyOf(v registry.Version) schemaBody {
	out := schemaBody{Subject: v.Subject, Version: v.Version, ID: v.ID, GUID: v.GUID, Type: v.Type, References: v.References,
		Metadata: v.Metadata, RuleSet: v.RuleSet, Schema: v.Text, Deleted: v.Deleted,
		RegisteredBy: v.RegisteredBy, RequestID: v.RequestID}
	if !v.RegisteredAt.IsZero() {
		out.Timestamp = v.RegisteredAt.UnixMilli()
	}
	return out
}

// formatted gives the schema's text in the format of the query: as stored, or
// `resolved` with its references written out.
func (c *call) formatted(v registry.Version) (string, error) {
	if c.query.Get("format") != "resolved" {
		return v.Text, nil
	}
	schema, err := c.h.reg.Parsed(v)
	if err != nil {
		return "", err
	}
	return schema.Resolved(), nil
}

func (c *call) formattedBody(v registry.Version) (any, error) {
	out := bodyOf(v)
	var err error
	out.Schema, err = c.formatted(v)
	return out, err
}

// requestBody is what register, lookup and check take.
type requestBody struct {
	Schema     string                     `json:"schema"`
	Type       string                     `json:"schemaType"`
	References []eventbus.SchemaReference `json:"references"`
	ID         int                        `json:"id"`
	Version    int                        `json:"version"`
	Metadata   *registry.Metadata         `json:"metadata"`
	RuleSet    *registry.RuleSet          `json:"ruleSet"`

	TagsToAdd     json.RawMessage `json:"schemaTagsToAdd"`
	TagsToRemove  json.RawMessage `json:"schemaTagsToRemove"`
	PropagateTags bool            `json:"propagateSchemaTags"`
}

// tags reports whether the request wants tags written into the text, which this
// registry does not do.
func (b requestBody) tags() bool {
	given := func(list json.RawMessage) bool {
		return len(list) > 0 && string(list) != "null" && string(list) != "[]"
	}
	return b.PropagateTags || given(b.TagsToAdd) || given(b.TagsToRemove)
}

// request reads a body; an id of -1 is none.
func (c *call) request() (registry.RegisterRequest, error) {
	var body requestBody
	if err := c.read(&body); err != nil {
		return registry.RegisterRequest{}, err
	}
	if body.tags() {
		return registry.RegisterRequest{}, &registry.Error{Code: registry.ErrInvalidSchema,
			Message: "This registry does not write tags into a schema; nothing was changed. Give them in the text (confluent:tags) or in the metadata."}
	}
	return registry.RegisterRequest{Text: body.Schema, Type: strings.ToUpper(body.Type), References: body.References,
		Normalize: c.flag("normalize"), ID: max(body.ID, 0), Version: max(body.Version, 0), Metadata: body.Metadata, RuleSet: body.RuleSet}, nil
}

// GET /schemas
func listSchemas(c *call) (any, error) {
	list := c.h.reg.List(registry.ListOptions{Prefix: c.qualified(c.query.Get("subjectPrefix")), Filter: c.filter(), LatestOnly: c.flag("latestOnly")})
	out := []schemaBody{}
	for _, v := range page(c, list, c.h.cfg.SearchLimit) {
		out = append(out, bodyOf(v))
	}
	return out, nil
}

// GET /schemas/types
func listTypes(*call) (any, error) { return []string{"AVRO"}, nil }

// GET /schemas/ids/{id}
func schemaByID(c *call) (any, error) {
	revision := c.h.reg.Revision() // before the look: what comes later must not count as seen
	v, err := c.byID()
	if err != nil {
		return nil, err
	}
	out := bodyOf(v)
	out.ID, out.RegisteredBy, out.RequestID, out.Deleted = 0, "", "", false
	if out.Schema, err = c.formatted(v); err != nil {
		return nil, err
	}
	if c.flag("fetchMaxId") {
		out.MaxID = c.h.reg.MaxID(c.context())
	}
	return c.cached(revision, out), nil
}

func (c *call) byID() (registry.Version, error) {
	id, err := c.id()
	if err != nil {
		return registry.Version{}, err
	}
	return c.h.reg.ByID(id, c.context())
}

// GET /schemas/ids/{id}/schema
func textByID(c *call) (any, error) {
	v, err := c.byID()
	if err != nil {
		return nil, err
	}
	out, err := c.formatted(v)
	return text(out), err
}

// GET /schemas/ids/{id}/subjects
func subjectsOfID(c *call) (any, error) {
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	list, err := c.h.reg.SubjectsOfID(id, c.context(), c.filter())
	return page(c, list, 0), err
}

// GET /schemas/ids/{id}/versions
func versionsOfID(c *call) (any, error) {
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	list, err := c.h.reg.VersionsOfID(id, c.context(), c.filter())
	return page(c, list, 0), err
}

// GET /schemas/guids/{guid}
func schemaByGUID(c *call) (any, error) {
	v, err := c.h.reg.ByGUID(c.vars["guid"])
	if err != nil {
		return nil, err
	}
	out := bodyOf(v)
	out.Subject, out.Version, out.ID, out.RegisteredBy, out.RequestID = "", 0, 0, "", ""
	out.Schema, err = c.formatted(v)
	return out, err
}

// GET /schemas/guids/{guid}/ids
func idsOfGUID(c *call) (any, error) { return c.h.reg.IDsOfGUID(c.vars["guid"]) }

// GET /schemas/search?field=name
func searchFields(c *call) (any, error) {
	return page(c, c.h.reg.SearchFields(c.query.Get("field")), c.h.cfg.SearchLimit), nil
}

// GET /schemas/export
func exportSchemas(c *call) (any, error) {
	filter := c.filter()
	if !c.query.Has("deleted") {
		filter = registry.WithDeleted
	}
	return c.h.reg.Export(c.qualified(c.query.Get("subjectPrefix")), filter), nil
}

// POST /schemas/import
func importSchemas(c *call) (any, error) {
	var archive registry.Archive
	if err := c.read(&archive); err != nil {
		return nil, err
	}
	n, err := c.h.reg.Import(c.r.Context(), c.caller, archive)
	if err != nil {
		return nil, err
	}
	return map[string]int{"imported": n}, nil
}

// GET and POST /
func root(*call) (any, error) { return json.RawMessage("{}"), nil }
