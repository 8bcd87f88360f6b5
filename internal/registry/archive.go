package registry

import (
	"context"
	"fmt"
	"maps"
	"slices"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry/wire"
)

// Archive is the registry in a file: every version with its id, and the levels
// and modes. What is imported from it keeps its ids.
type Archive struct {
	Schemas  []ArchivedSchema   `json:"schemas"`
	Settings map[string]Setting `json:"settings,omitempty"` // by subject, "" = global
	Modes    map[string]Mode    `json:"modes,omitempty"`
}

// ArchivedSchema is one version in an Archive.
type ArchivedSchema struct {
	eventbus.Schema
	Metadata *Metadata `json:"metadata,omitempty"`
	RuleSet  *RuleSet  `json:"ruleSet,omitempty"`
}

// Export gives all versions of the subjects that begin with prefix, and the
// settings and modes that go with them.
func (r *Registry) Export(prefix string, filter Filter) Archive {
	out := Archive{Schemas: []ArchivedSchema{}, Settings: map[string]Setting{}, Modes: map[string]Mode{}}
	named := map[string]bool{"": prefix == ""}
	for _, v := range r.List(ListOptions{Prefix: prefix, Filter: filter}) {
		out.Schemas = append(out.Schemas, ArchivedSchema(v))
		named[v.Subject] = true
	}
	// Ids are given in ascending order, so a schema stands after those it refers to.
	slices.SortStableFunc(out.Schemas, func(a, b ArchivedSchema) int { return a.ID - b.ID })
	r.state.mu.RLock()
	defer r.state.mu.RUnlock()
	for subject, setting := range r.state.settings {
		if named[subject] {
			out.Settings[subject] = setting
		}
	}
	for subject, mode := range r.state.modes {
		if named[subject] {
			out.Modes[subject] = mode
		}
	}
	return out
}

// importChunk is how many records one transaction of an import has.
const importChunk = 500

// Import writes what an archive holds and is not here yet, under the ids,
// numbers and authors of the archive; it gives how many versions it wrote.
// Nothing is written when an id or a version would change its meaning, or a subject
// is read-only: 42205 names all of them.
func (r *Registry) Import(ctx context.Context, by Caller, archive Archive) (int, error) {
	for _, a := range archive.Schemas {
		if err := r.checkArchived(a); err != nil {
			return 0, err
		}
	}
	w, err := r.lead(ctx)
	if err != nil {
		return 0, err
	}
	r.writes.Lock()
	defer r.writes.Unlock()
	records, n, err := r.planImport(by, archive)
	if err != nil {
		return 0, err
	}
	for chunk := range slices.Chunk(records, importChunk) {
		if view := r.seat.now(); view.writer != w || view.over {
			return 0, fail(ErrUnknownLeader, "The leader changed during the import; import the same archive again.")
		}
		if err := r.commit(ctx, w, chunk); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// checkArchived refuses what could not have been registered.
func (r *Registry) checkArchived(a ArchivedSchema) error {
	if err := checkSubject(a.Subject); err != nil {
		return err
	}
	switch {
	case a.ID < 1 || a.ID > maxVersion || a.Version < 1 || a.Version > maxVersion:
		return fail(ErrInvalidVersion, "Subject %s has version %d with id %d; both start at 1. Nothing was imported.", a.Subject, a.Version, a.ID)
	case a.Type != "" && a.Type != wire.TypeAvro:
		return fail(ErrInvalidSchema, "Subject %s version %d has schema type %.40q; this registry keeps AVRO. Nothing was imported.", a.Subject, a.Version, a.Type)
	case a.Text == "" || len(a.Text) > r.cfg.MaxSchemaBytes:
		return fail(ErrInvalidSchema, "Subject %s version %d has %d bytes of schema; 1 to %d are allowed. Nothing was imported.", a.Subject, a.Version, len(a.Text), r.cfg.MaxSchemaBytes)
	}
	return nil
}

// importPlan collects the records of an import.
type importPlan struct {
	state    *state
	by       Caller
	texts    map[string]map[int]wire.Fingerprint // ids of the archive, by context
	places   map[refKey]int                      // ids of the archive, by place
	contexts map[string]bool
	records  []Record
	clashes  []string
	versions int
}

func (r *Registry) planImport(by Caller, archive Archive) ([]Record, int, error) {
	s := r.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	plan := importPlan{state: s, by: by, texts: map[string]map[int]wire.Fingerprint{}, places: map[refKey]int{}, contexts: map[string]bool{}}
	for _, a := range archive.Schemas {
		plan.add(a)
	}
	if len(plan.clashes) > 0 {
		return nil, 0, &Error{Code: ErrNotPermitted, Reasons: plan.clashes,
			Message: fmt.Sprintf("%d schemas of the archive clash with what is registered, the first: %s. Nothing was imported.", len(plan.clashes), plan.clashes[0])}
	}
	for _, subject := range slices.Sorted(maps.Keys(archive.Settings)) {
		clean, err := cleaned(archive.Settings[subject])
		if err != nil {
			return nil, 0, err
		}
		plan.records = append(plan.records, Record{Key: s.keyBytes(wire.Key{Type: wire.KeyConfig, Subject: subject}), Value: clean.Bytes(subject), Author: by.Author, RequestID: by.RequestID})
	}
	for _, subject := range slices.Sorted(maps.Keys(archive.Modes)) {
		mode := archive.Modes[subject]
		if _, ok := ParseMode(string(mode)); !ok {
			return nil, 0, fail(ErrInvalidMode, "Subject %q has mode %.40q. Nothing was imported.", subject, mode)
		}
		plan.records = append(plan.records, Record{Key: s.keyBytes(wire.Key{Type: wire.KeyMode, Subject: subject}),
			Value: wire.ModeValue{Subject: subject, Mode: string(mode)}.Bytes(), Author: by.Author, RequestID: by.RequestID})
	}
	return plan.records, plan.versions, nil
}

// add plans one version, or notes why it cannot be.
func (p *importPlan) add(a ArchivedSchema) {
	context, _ := contextOf(a.Subject)
	meta, rules := a.Metadata.Sorted(), a.RuleSet.Explicit()
	print := wire.FingerprintOf(a.Text, a.References, meta, rules)
	if p.texts[context] == nil {
		p.texts[context] = map[int]wire.Fingerprint{}
	}
	known, ok := p.texts[context][a.ID]
	if sp := p.state.spaces[context]; !ok && sp != nil && sp.byID[a.ID] != nil {
		known, ok = sp.byID[a.ID].print, true
	}
	if ok && known != print {
		p.clashes = append(p.clashes, fmt.Sprintf("id %d of subject %s version %d already means another schema", a.ID, a.Subject, a.Version))
		return
	}
	p.texts[context][a.ID] = print
	at := refKey{a.Subject, a.Version}
	id, taken := p.places[at]
	if v, err := p.state.version(a.Subject, a.Version, WithDeleted); !taken && err == nil {
		id, taken = v.content.id, true
	}
	if taken {
		if id != a.ID {
			p.clashes = append(p.clashes, fmt.Sprintf("subject %s version %d exists with id %d, not %d", a.Subject, a.Version, id, a.ID))
		}
		return
	}
	if err := p.state.permitChange(a.Subject); err != nil {
		p.clashes = append(p.clashes, err.Error())
		return
	}
	p.places[at] = a.ID
	p.addRecords(a, context, meta, rules, print)
}

func (p *importPlan) addRecords(a ArchivedSchema, context string, meta *Metadata, rules *RuleSet, print wire.Fingerprint) {
	if sp := p.state.spaces[context]; context != defaultContext && (sp == nil || !sp.declared) && !p.contexts[context] {
		p.contexts[context] = true
		p.records = append(p.records, Record{Key: wire.Key{Type: wire.KeyContext, Tenant: defaultTenant, Context: context}.Bytes(),
			Value: wire.ContextValue{Tenant: defaultTenant, Context: context}.Bytes()})
	}
	value := wire.SchemaValue{Subject: a.Subject, Version: a.Version, ID: a.ID, References: a.References, Metadata: meta, RuleSet: rules, Schema: a.Text, Deleted: a.Deleted}
	rec := Record{Key: p.state.keyBytes(wire.Key{Type: wire.KeySchema, Subject: a.Subject, Version: a.Version}), Value: value.Bytes(print),
		Author: a.RegisteredBy, RequestID: a.RequestID, Since: a.RegisteredAt}
	if rec.Author == "" {
		rec.Author, rec.RequestID = p.by.Author, p.by.RequestID
	}
	p.records = append(p.records, rec)
	p.versions++
}
