package registry

import (
	"context"
	"strings"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry/avro"
	"github.com/enterprise-event-bus/eventbus/internal/registry/wire"
)

// RegisterRequest is a schema to be registered, looked up or checked.
type RegisterRequest struct {
	Text       string
	Type       string // "" or "AVRO"; others are refused until they exist
	References []eventbus.SchemaReference
	Normalize  bool // compare and store the normalised text
	ID         int  // only in mode IMPORT; 0 = the registry chooses
	Version    int  // in mode IMPORT any; else 0 or the next one
	Metadata   *Metadata
	RuleSet    *RuleSet
}

// maxSubject bounds the name of a subject in bytes; topic names have 249, record
// names may be longer.
const maxSubject = 1024

// candidate is a request, parsed.
type candidate struct {
	subject string
	context string
	schema  *avro.Schema
	text    string
	refs    []eventbus.SchemaReference
	given   RegisterRequest
	meta    *Metadata
	rules   *RuleSet
	print   wire.Fingerprint // of text, refs, meta and rules
}

// checkSubject refuses names that Confluent reserves, and control characters.
func checkSubject(name string) error {
	context, bare := contextOf(name)
	switch {
	case bare == "" || bare == "__GLOBAL" || bare == "__EMPTY" || context == ".__GLOBAL",
		len(name) > maxSubject,
		strings.ContainsFunc(name, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return fail(ErrInvalidSubject, "The specified subject '%.100s' is not a valid subject; nothing was changed.", name)
	}
	return nil
}

// candidate parses a request: strictly for a new schema, laxly for a lookup.
func (r *Registry) candidate(subject string, req RegisterRequest, lax bool) (*candidate, error) {
	if err := checkSubject(subject); err != nil {
		return nil, err
	}
	if req.Type != "" && req.Type != wire.TypeAvro {
		return nil, fail(ErrInvalidSchema, "Schema type %.40q is not supported; this registry keeps AVRO.", req.Type)
	}
	if strings.TrimSpace(req.Text) == "" {
		return nil, fail(ErrInvalidSchema, "Empty schema")
	}
	if err := req.RuleSet.Validate(); err != nil {
		return nil, fail(ErrInvalidRuleSet, "%s; nothing was registered.", err)
	}
	setting, err := r.Setting(subject, true)
	if err != nil {
		return nil, err
	}
	context, _ := contextOf(subject)
	c := &candidate{subject: subject, context: context, refs: r.pinned(context, req.References), given: req, meta: req.Metadata.Sorted(), rules: req.RuleSet.Explicit()}
	schema, err := r.parse(context, req.Text, c.refs, lax || setting.Lax())
	if err != nil {
		return nil, err
	}
	c.schema, c.text = schema, schema.Canonical()
	if req.Normalize || setting.Normalize() {
		c.text = schema.Normalized()
	}
	c.print = wire.FingerprintOf(c.text, c.refs, c.meta, c.rules)
	return c, nil
}

// Register gives a schema its place: the version that has it already, or a new
// one. The id belongs to the text (with references, metadata and rules): it is
// the same in every subject of a context, and survives soft deletion. A request
// without a text keeps that of the latest version, to change its metadata or rules.
// Errors: 409, 42201, 42205, 42207–42210, 50001–50004.
func (r *Registry) Register(ctx context.Context, by Caller, subject string, req RegisterRequest) (Version, error) {
	asIs := strings.TrimSpace(req.Text) != "" // may be a version as it stands
	if !asIs {
		req = r.withText(subject, req)
	}
	c, err := r.candidate(subject, req, req.ID > 0)
	if err != nil {
		return Version{}, err
	}
	if found, ok := r.registered(c); ok && asIs {
		return found, nil
	}
	var number int
	err = r.write(ctx, func() ([]Record, error) {
		if found, ok := r.registered(c); ok && asIs {
			number = found.Version
			return nil, nil
		}
		complete, err := r.completed(c)
		if err != nil {
			return nil, err
		}
		if found, ok := r.registered(complete); ok {
			number = found.Version
			return nil, nil
		}
		records, place, err := r.planRegister(by, complete)
		number = place
		return records, err
	})
	if err != nil {
		return Version{}, err
	}
	return r.Version(subject, number, WithDeleted)
}

// withText gives a request without a text that of the latest live version.
func (r *Registry) withText(subject string, req RegisterRequest) RegisterRequest {
	if req.ID > 0 || len(req.References) > 0 {
		return req
	}
	if v, err := r.Version(subject, Latest, Live); err == nil {
		req.Text, req.Type, req.References = v.Text, v.Type, v.References
	}
	return req
}

// completed gives the candidate with what belongs to it besides the request: its
// metadata and rules, or those of the version before if it names none, between the
// defaults and the overrides of the subject's configuration. What is imported
// stays as it is.
func (r *Registry) completed(c *candidate) (*candidate, error) {
	if c.given.ID > 0 {
		return c, nil
	}
	setting, err := r.Setting(c.subject, true)
	if err != nil {
		return nil, err
	}
	layers, err := setting.Layers()
	if err != nil { // another registry wrote it
		return nil, fail(ErrInvalidRuleSet, "The configuration of subject %s cannot be used: %s; nothing was registered.", c.subject, err)
	}
	out := *c
	meta, rules := c.given.Metadata, c.given.RuleSet
	s := r.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	next := 1
	if sub := s.subjects[c.subject]; sub != nil {
		next = sub.versions[len(sub.versions)-1].number + 1
		if last := sub.latest(); last != nil && meta == nil {
			meta = last.content.meta
		}
		if last := sub.latest(); last != nil && rules == nil {
			rules = last.content.rules
		}
	}
	meta = layers.DefaultMetadata.Merge(meta).Merge(layers.OverrideMetadata)
	if c.given.Version > 0 || meta.Property(wire.VersionProperty) != "" {
		meta = meta.WithVersion(next)
	}
	out.meta = meta.Sorted()
	out.rules = layers.DefaultRuleSet.Merge(rules).Merge(layers.OverrideRuleSet).Explicit()
	if err := out.rules.Validate(); err != nil {
		return nil, fail(ErrInvalidRuleSet, "With the configuration of subject %s: %s; nothing was registered.", c.subject, err)
	}
	out.print = wire.FingerprintOf(out.text, out.refs, out.meta, out.rules)
	return &out, nil
}

// planRegister decides version and id and gives the records to write.
func (r *Registry) planRegister(by Caller, c *candidate) ([]Record, int, error) {
	req := c.given
	if err := r.permitRegister(c.subject, req); err != nil {
		return nil, 0, err
	}
	if req.ID == 0 {
		if err := r.compatibleWithHistory(c); err != nil {
			return nil, 0, err
		}
	}
	s := r.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	number, err := s.placeFor(c, req)
	if err != nil {
		return nil, 0, err
	}
	id, err := s.idFor(c, req)
	if err != nil {
		return nil, 0, err
	}
	var records []Record
	if sp := s.spaces[c.context]; c.context != defaultContext && (sp == nil || !sp.declared) {
		records = append(records, Record{
			Key:   wire.Key{Type: wire.KeyContext, Tenant: defaultTenant, Context: c.context}.Bytes(),
			Value: wire.ContextValue{Tenant: defaultTenant, Context: c.context}.Bytes(),
		})
	}
	value := wire.SchemaValue{Subject: c.subject, Version: number, ID: id, References: c.refs, Metadata: c.meta, RuleSet: c.rules, Schema: c.text}
	records = append(records, Record{
		Key:   s.keyBytes(wire.Key{Type: wire.KeySchema, Subject: c.subject, Version: number}),
		Value: value.Bytes(c.print), Author: by.Author, RequestID: by.RequestID, Since: r.cfg.Now(),
	})
	return append(records, s.replaced(c, id, number)...), number, nil
}

// permitRegister asks the mode.
func (r *Registry) permitRegister(subject string, req RegisterRequest) error {
	r.state.mu.RLock()
	mode := r.state.mode(subject)
	r.state.mu.RUnlock()
	switch {
	case req.ID > 0 && mode != ModeImport:
		return fail(ErrNotPermitted, "Subject %s is not in import mode; an id cannot be chosen. Nothing was registered.", subject)
	case req.ID == 0 && mode == ModeImport:
		return fail(ErrNotPermitted, "Subject %s is in import mode; a schema needs its id. Nothing was registered.", subject)
	case mode != ModeReadWrite && mode != ModeImport:
		return fail(ErrNotPermitted, "Subject %s is in read-only mode; nothing was registered.", subject)
	}
	return nil
}

// placeFor gives the version number. The caller holds mu.
func (s *state) placeFor(c *candidate, req RegisterRequest) (int, error) {
	next := 1
	sub := s.subjects[c.subject]
	if sub != nil {
		next = sub.versions[len(sub.versions)-1].number + 1
	}
	switch {
	case req.Version <= 0 && next > maxVersion:
		return 0, fail(ErrInvalidVersion, "Subject %s has used its last version number; nothing was registered.", c.subject)
	case req.Version <= 0:
		return next, nil
	case req.ID == 0 && req.Version != next:
		return 0, fail(ErrInvalidSchema, "Version %d is not one more than the previous version (%d); nothing was registered.", req.Version, next-1)
	case req.Version > maxVersion:
		return 0, fail(ErrInvalidVersion, "Version %d is too large; nothing was registered.", req.Version)
	}
	if sub != nil {
		if i, ok := sub.find(req.Version); ok && sub.versions[i].content.id != req.ID {
			return 0, fail(ErrNotPermitted, "Version %d of %s exists with id %d; nothing was registered.", req.Version, c.subject, sub.versions[i].content.id)
		}
	}
	return req.Version, nil
}

// idFor gives the id: the text's own if it has one, the wanted one in an
// import, else the next. The caller holds mu.
func (s *state) idFor(c *candidate, req RegisterRequest) (int, error) {
	sp := s.spaces[c.context]
	if req.ID > 0 {
		if req.ID > maxVersion {
			return 0, fail(ErrNotPermitted, "Id %d is too large; nothing was registered.", req.ID)
		}
		if sp != nil && sp.byID[req.ID] != nil && sp.byID[req.ID].print != c.print {
			return 0, fail(ErrNotPermitted, "Id %d already means another schema; nothing was registered.", req.ID)
		}
		return req.ID, nil
	}
	if sp == nil {
		return 1, nil
	}
	if known := sp.byHash[c.print]; known != nil {
		return known.id, nil
	}
	if sp.maxID >= maxVersion {
		return 0, fail(ErrStore, "All ids of the context are used; nothing was registered.")
	}
	return sp.maxID + 1, nil
}

// replaced tombstones the soft-deleted versions that the new one takes the place
// of, unless somebody refers to them. The caller holds mu.
func (s *state) replaced(c *candidate, id, number int) []Record {
	sub := s.subjects[c.subject]
	if sub == nil {
		return nil
	}
	var out []Record
	for _, v := range sub.versions {
		if v.deleted && v.content.id == id && v.number != number && len(s.referrer[refKey{c.subject, v.number}]) == 0 {
			out = append(out, Record{Key: s.keyBytes(wire.Key{Type: wire.KeySchema, Subject: c.subject, Version: v.number})})
		}
	}
	return out
}

// write plans and commits one change; changes never overlap.
func (r *Registry) write(ctx context.Context, plan func() ([]Record, error)) error {
	w, err := r.lead(ctx)
	if err != nil {
		return err
	}
	r.writes.Lock()
	defer r.writes.Unlock()
	if view := r.seat.now(); view.writer != w || view.over {
		return fail(ErrUnknownLeader, "The leader changed; nothing was written. Try again.")
	}
	records, err := plan()
	if err != nil || len(records) == 0 {
		return err
	}
	return r.commit(ctx, w, records)
}
