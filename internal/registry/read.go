package registry

import (
	"maps"
	"slices"
	"strings"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry/wire"
)

// Latest as a version number means the highest live version.
const Latest = -1

// maxVersion is the highest version number and id (a Java int).
const maxVersion = 1<<31 - 1

// Filter says which versions a read sees.
type Filter int

// The filters.
const (
	Live        Filter = iota // not deleted
	WithDeleted               // soft-deleted ones too
	OnlyDeleted               // soft-deleted ones only
)

func (f Filter) sees(deleted bool) bool {
	return f == WithDeleted || deleted == (f == OnlyDeleted)
}

// Version is one version of a subject with what belongs to its identity.
type Version struct {
	eventbus.Schema
	Metadata *Metadata
	RuleSet  *RuleSet
}

// SubjectVersion names a version.
type SubjectVersion struct {
	Subject string `json:"subject"`
	Version int    `json:"version"`
}

// ContextID is an id within a context ("." is the default one).
type ContextID struct {
	Context string `json:"context"`
	ID      int    `json:"id"`
}

// view copies a version out of the state; the caller holds mu.
func (v *version) view() Version {
	out := v.content.view()
	out.Subject, out.Version, out.Deleted = v.subject.name, v.number, v.deleted
	out.RegisteredAt, out.RegisteredBy, out.RequestID = millis(v.since), v.author, v.request
	return out
}

// view gives the text without a place.
func (c *content) view() Version {
	return Version{
		Schema:   eventbus.Schema{ID: c.id, GUID: c.print.GUID(), Type: c.kind, Text: c.text, References: c.refs},
		Metadata: c.meta,
		RuleSet:  c.rules,
	}
}

// Subjects lists the names that begin with prefix, in order. The prefix `:*:`
// means all contexts; a prefix without context lists the default one.
// Never nil.
func (r *Registry) Subjects(prefix string, filter Filter) []string {
	out := []string{}
	r.each(prefix, func(sub *subject) {
		if sub.matches(filter) {
			out = append(out, sub.name)
		}
	})
	return out
}

// matches: a subject is deleted when no live version is left.
func (b *subject) matches(filter Filter) bool { return filter.sees(!b.hasLive()) }

// each calls fn for the subjects of a prefix under the read lock.
func (r *Registry) each(prefix string, fn func(*subject)) {
	every := strings.HasPrefix(prefix, ":*:")
	prefix = strings.TrimPrefix(prefix, ":*:")
	context, _ := contextOf(prefix)
	s := r.state
	s.mu.RLock()
	if s.names == nil {
		s.mu.RUnlock()
		s.mu.Lock()
		s.sortedNames()
		s.mu.Unlock()
		s.mu.RLock()
	}
	defer s.mu.RUnlock()
	names := s.sortedNamesLocked()
	start := 0
	if !every {
		start, _ = slices.BinarySearch(names, prefix)
	}
	for _, name := range names[start:] {
		if every {
			if _, bare := contextOf(name); !strings.HasPrefix(bare, prefix) {
				continue
			}
		} else if !strings.HasPrefix(name, prefix) {
			break
		}
		sub := s.subjects[name]
		if sub != nil && (every || sub.space.name == context) {
			fn(sub)
		}
	}
}

// sortedNamesLocked never writes: should a subject have appeared between two
// locks, a sorted copy is made for this call.
func (s *state) sortedNamesLocked() []string {
	if s.names != nil {
		return s.names
	}
	return slices.Sorted(maps.Keys(s.subjects))
}

// Versions lists the version numbers of a subject, ascending.
// Errors: 40401.
func (r *Registry) Versions(name string, filter Filter) ([]int, error) {
	s := r.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	sub := s.subjects[name]
	if sub == nil {
		return nil, noSubject(name)
	}
	out := []int{}
	for _, v := range sub.versions {
		if filter.sees(v.deleted) {
			out = append(out, v.number)
		}
	}
	if len(out) == 0 {
		return nil, noSubject(name)
	}
	return out, nil
}

// Version gives one version; number may be Latest. Errors: 40401, 40402.
func (r *Registry) Version(name string, number int, filter Filter) (Version, error) {
	s := r.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	v, err := s.version(name, number, filter)
	if err != nil {
		return Version{}, err
	}
	return v.view(), nil
}

// version finds a version; the caller holds mu.
func (s *state) version(name string, number int, filter Filter) (*version, error) {
	sub := s.subjects[name]
	if sub == nil || !sub.hasLive() && filter == Live {
		return nil, noSubject(name)
	}
	if number == Latest {
		if v := sub.latest(); v != nil && filter != OnlyDeleted {
			return v, nil
		}
		if n := len(sub.versions); n > 0 && filter != Live {
			return sub.versions[n-1], nil
		}
		return nil, noSubject(name)
	}
	if i, ok := sub.find(number); ok && filter.sees(sub.versions[i].deleted) {
		return sub.versions[i], nil
	}
	return nil, noVersion(number)
}

// ByID gives the schema of an id in the context of subject ("" = the default
// one), with the first place where it is used. Soft-deleted schemas are found:
// old data must stay readable. Errors: 40403.
func (r *Registry) ByID(id int, subject string) (Version, error) {
	s := r.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.content(id, subject)
	if c == nil {
		return Version{}, fail(ErrSchemaNotFound, "Schema %d not found.", id)
	}
	out := c.view()
	if use := c.use(subject); use != nil {
		out.Subject, out.Version = use.subject.name, use.number
		out.RegisteredAt, out.RegisteredBy, out.RequestID = millis(use.since), use.author, use.request
	}
	return out, nil
}

// content finds an id in the context of a subject; the caller holds mu.
func (s *state) content(id int, subject string) *content {
	context, _ := contextOf(subject)
	if sp := s.spaces[context]; sp != nil {
		return sp.byID[id]
	}
	return nil
}

// use picks the place to show for an id: in the named subject if it is there,
// else the first live one.
func (c *content) use(subject string) *version {
	var first *version
	for _, v := range c.uses {
		if v.subject.name == subject {
			return v
		}
		if first == nil || first.deleted && !v.deleted {
			first = v
		}
		if subject == "" && !first.deleted {
			return first
		}
	}
	return first
}

// ByGUID gives the schema with a guid in any context. Errors: 40403.
func (r *Registry) ByGUID(guid string) (Version, error) {
	ids, err := r.contentsOfGUID(guid)
	if err != nil {
		return Version{}, err
	}
	return ids[0], nil
}

// IDsOfGUID lists the ids that a guid has, one per context. Errors: 40403.
func (r *Registry) IDsOfGUID(guid string) ([]ContextID, error) {
	found, err := r.contentsOfGUID(guid)
	if err != nil {
		return nil, err
	}
	out := make([]ContextID, 0, len(found))
	for _, v := range found {
		context, _ := contextOf(v.Subject)
		out = append(out, ContextID{Context: context, ID: v.ID})
	}
	return out, nil
}

func (r *Registry) contentsOfGUID(guid string) ([]Version, error) {
	missing := fail(ErrSchemaNotFound, "Schema %s not found.", guid)
	print, ok := wire.ParseGUID(guid)
	if !ok {
		return nil, missing
	}
	s := r.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []Version
	for _, name := range slices.Sorted(maps.Keys(s.spaces)) {
		if c := s.spaces[name].byHash[print]; c != nil {
			v := c.view()
			if use := c.use(""); use != nil {
				v.Subject, v.Version = use.subject.name, use.number
			}
			out = append(out, v)
		}
	}
	if len(out) == 0 {
		return nil, missing
	}
	return out, nil
}

// VersionsOfID lists the places where an id is used, in the order of subject
// and version; subject narrows it (and names the context). Errors: 40403.
func (r *Registry) VersionsOfID(id int, subject string, filter Filter) ([]SubjectVersion, error) {
	s := r.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.content(id, subject)
	if c == nil {
		return nil, fail(ErrSchemaNotFound, "Schema %d not found.", id)
	}
	_, bare := contextOf(subject)
	out := []SubjectVersion{}
	for _, v := range c.uses {
		if filter.sees(v.deleted) && (bare == "" || v.subject.name == subject) {
			out = append(out, SubjectVersion{v.subject.name, v.number})
		}
	}
	slices.SortFunc(out, func(a, b SubjectVersion) int {
		if c := strings.Compare(a.Subject, b.Subject); c != 0 {
			return c
		}
		return a.Version - b.Version
	})
	return out, nil
}

// SubjectsOfID lists the subjects that use an id, in order. Errors: 40403.
func (r *Registry) SubjectsOfID(id int, subject string, filter Filter) ([]string, error) {
	places, err := r.VersionsOfID(id, subject, filter)
	if err != nil {
		return nil, err
	}
	out := []string{}
	for _, place := range places {
		if len(out) == 0 || out[len(out)-1] != place.Subject {
			out = append(out, place.Subject)
		}
	}
	return out, nil
}

// ReferencedBy lists the ids of the schemas that refer to a version, ascending.
// Errors: 40401, 40402.
func (r *Registry) ReferencedBy(name string, number int, filter Filter) ([]int, error) {
	s := r.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	v, err := s.version(name, number, WithDeleted)
	if err != nil {
		return nil, err
	}
	out := []int{}
	for _, c := range s.referrer[refKey{name, v.number}] {
		if slices.ContainsFunc(c.uses, func(u *version) bool { return filter.sees(u.deleted) }) {
			out = append(out, c.id)
		}
	}
	slices.Sort(out)
	return out, nil
}

// ListOptions of List.
type ListOptions struct {
	Prefix     string
	Filter     Filter
	LatestOnly bool
}

// List gives versions in the order of subject and number. Never nil.
func (r *Registry) List(opt ListOptions) []Version {
	out := []Version{}
	r.each(opt.Prefix, func(sub *subject) {
		from := 0
		if opt.LatestOnly {
			from = len(sub.versions)
			for i, v := range sub.versions {
				if opt.Filter.sees(v.deleted) {
					from = i
				}
			}
		}
		for _, v := range sub.versions[from:] {
			if opt.Filter.sees(v.deleted) {
				out = append(out, v.view())
			}
		}
	})
	return out
}

// Contexts lists the contexts that begin with prefix, the default one (".")
// first.
func (r *Registry) Contexts(prefix string) []string {
	s := r.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := []string{}
	if strings.HasPrefix(defaultContext, prefix) {
		out = append(out, defaultContext)
	}
	for _, name := range slices.Sorted(maps.Keys(s.spaces)) {
		sp := s.spaces[name]
		if name != defaultContext && strings.HasPrefix(name, prefix) && (sp.declared || len(sp.byID) > 0) {
			out = append(out, name)
		}
	}
	return out
}

// AllowedUnder reports whether an id is that of a live version of the subject,
// in constant time: the gateway asks for every record batch.
func (r *Registry) AllowedUnder(name string, id int) bool {
	s := r.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	sub := s.subjects[name]
	return sub != nil && sub.allows(id)
}

// IDOfGUID gives the id of a guid in the default context: records may carry the
// guid in a header instead of the id.
func (r *Registry) IDOfGUID(guid [16]byte) (int, bool) {
	s := r.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	if sp := s.spaces[defaultContext]; sp != nil {
		if c := sp.byHash[guid]; c != nil {
			return c.id, true
		}
	}
	return 0, false
}

// MaxID is the highest id given in the context of subject.
func (r *Registry) MaxID(subject string) int {
	s := r.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	context, _ := contextOf(subject)
	if sp := s.spaces[context]; sp != nil {
		return sp.maxID
	}
	return 0
}

// Revision changes whenever what the registry knows may have changed; equal
// revisions mean equal answers.
func (r *Registry) Revision() uint64 { return r.state.revision.Load() }

// Counts are the numbers of the registry for metrics.
type Counts struct{ Subjects, Versions, Schemas int }

// Counts gives how much is registered, soft-deleted versions included.
func (r *Registry) Counts() Counts {
	s := r.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := Counts{Subjects: len(s.subjects)}
	for _, sub := range s.subjects {
		c.Versions += len(sub.versions)
	}
	for _, sp := range s.spaces {
		c.Schemas += len(sp.byID)
	}
	return c
}
