package provision

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry/avro"
)

// seen is what a plan looked at. Topics, wanted and grants are those of the
// whole bus, read in one call each; the hash covers only what the manifest is
// about.
type seen struct {
	topics     map[string]eventbus.Topic
	wanted     map[string]eventbus.EventManifest
	owners     map[string]string // topic → event that it is wanted for
	grants     map[string]eventbus.Grant
	subjects   map[string]subject
	principals map[string]principal
	entries    map[string]eventbus.Event // version 0: none
	parsed     map[string]parsed         // by the manifest's text
	remembered map[string]bool           // principals seen a while ago; see glances
	unseen     map[string]bool           // principals never seen
}

type subject struct {
	Latest   eventbus.Schema
	Found    bool
	Level    eventbus.Compatibility
	LevelSet bool
	versions []eventbus.Schema // only when the wanted text is not the latest
}

type parsed struct {
	schema    *avro.Schema
	canonical string
	err       error
}

// look sees what a plan for the manifest depends on; sparing, some principals only
// as they were a while ago.
func (p *Provisioner) look(ctx context.Context, m eventbus.Manifest, sparing bool) (*seen, error) {
	s := &seen{owners: map[string]string{}, grants: map[string]eventbus.Grant{}, subjects: map[string]subject{},
		principals: map[string]principal{}, entries: map[string]eventbus.Event{}, parsed: map[string]parsed{}, remembered: map[string]bool{}, unseen: map[string]bool{}}
	var err error
	if s.topics, err = p.topics(ctx); err != nil {
		return nil, err
	}
	if s.wanted, err = p.wanted(ctx); err != nil {
		return nil, err
	}
	for event, w := range s.wanted {
		for _, t := range w.Topics {
			s.owners[t.Topic.Name] = event
		}
	}
	grants, err := p.world.Grants.Grants(ctx, eventbus.GrantQuery{})
	if err != nil {
		return nil, fmt.Errorf("look at the grants: %w", err)
	}
	for _, g := range grants {
		s.grants[g.ID] = g
	}
	for _, e := range m.Events {
		if err := p.lookAtEvent(ctx, s, e); err != nil {
			return nil, err
		}
	}
	if err := p.lookAtPrincipals(ctx, s, concerned(m, s.grants), sparing); err != nil {
		return nil, err
	}
	return s, nil
}

// topics gives every topic by its name.
func (p *Provisioner) topics(ctx context.Context) (map[string]eventbus.Topic, error) {
	topics, err := p.world.Topics.Topics(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at the topics: %w", err)
	}
	named := make(map[string]eventbus.Topic, len(topics))
	for _, t := range topics {
		named[t.Name] = t
	}
	return named, nil
}

func (p *Provisioner) lookAtEvent(ctx context.Context, s *seen, e eventbus.EventManifest) error {
	entry, err := p.world.Catalog.Event(ctx, e.Event.Name)
	if err != nil && eventbus.CodeOf(err) != eventbus.CodeNotFound {
		return fmt.Errorf("look at catalog entry %s: %w", e.Event.Name, err)
	}
	if err == nil {
		s.entries[e.Event.Name] = entry
	}
	for _, t := range e.Topics {
		for name, text := range map[string]string{eventbus.ValueSubject(t.Topic.Name): t.ValueSchema, eventbus.KeySubject(t.Topic.Name): t.KeySchema} {
			if text == "" {
				continue
			}
			if s.subjects[name], err = p.lookAtSubject(ctx, name, s.parse(text)); err != nil {
				return fmt.Errorf("look at subject %s: %w", name, err)
			}
		}
		// A guard without a schema of its own still needs to know whether the
		// topic has one.
		if name := eventbus.ValueSubject(t.Topic.Name); t.ValueSchema == "" && t.Guard == eventbus.SchemaGuardEnforce {
			found := subject{}
			if found.Latest, found.Found, err = p.world.Schemas.Latest(ctx, name); err != nil {
				return fmt.Errorf("look at subject %s: %w", name, err)
			}
			s.subjects[name] = found
		}
	}
	return nil
}

func (p *Provisioner) lookAtSubject(ctx context.Context, name string, want parsed) (s subject, err error) {
	if s.Latest, s.Found, err = p.world.Schemas.Latest(ctx, name); err != nil {
		return s, err
	}
	if s.Level, s.LevelSet, err = p.world.Schemas.Compatibility(ctx, name); err != nil {
		return s, err
	}
	if want.err == nil && s.Found && !sameSchema(want, s.Latest) {
		s.versions, err = p.world.Schemas.Versions(ctx, name)
	}
	return s, err
}

// sameSchema compares canonical texts. The registry keeps the canonical text,
// so that it is parsed only when somebody else wrote another.
func sameSchema(want parsed, have eventbus.Schema) bool {
	if want.canonical == have.Text {
		return true
	}
	schema, err := avro.Parse(have.Text, avro.Options{Lax: true})
	return err == nil && schema.Canonical() == want.canonical
}

func (s *seen) parse(text string) parsed {
	if p, done := s.parsed[text]; done {
		return p
	}
	var p parsed
	if p.schema, p.err = avro.Parse(text, avro.Options{}); p.err == nil {
		p.canonical = p.schema.Canonical()
	}
	s.parsed[text] = p
	return p
}

// concerned gives the principals whose policy the manifest may change: those of
// its grants, and those with access to a topic that goes.
func concerned(m eventbus.Manifest, grants map[string]eventbus.Grant) map[string]bool {
	arns := map[string]bool{}
	for _, g := range m.Grants {
		arns[g.Principal] = true
	}
	gone := removed(m)
	for _, g := range grants {
		if g.Active() && gone[[2]string{g.Event, g.Environment}] {
			arns[g.Principal] = true
		}
	}
	return arns
}

// removed gives the (event, environment) pairs that shall go.
func removed(m eventbus.Manifest) map[[2]string]bool {
	gone := map[[2]string]bool{}
	for _, e := range m.Events {
		for _, env := range e.Remove {
			gone[[2]string{e.Event.Name, env}] = true
		}
	}
	return gone
}

// hash is over everything that decides what a plan for the manifest says.
func (s *seen) hash(m eventbus.Manifest, envs []eventbus.Environment) string {
	about := struct {
		Environments []eventbus.Environment
		Topics       map[string]*eventbus.Topic
		Wanted       map[string]eventbus.EventManifest
		Grants       map[string]eventbus.Grant
		Subjects     map[string]subject
		Principals   map[string]principal
		Entries      map[string]map[string]json.RawMessage
	}{Topics: map[string]*eventbus.Topic{}, Wanted: map[string]eventbus.EventManifest{}, Grants: map[string]eventbus.Grant{},
		Subjects: map[string]subject{}, Principals: s.principals, Entries: map[string]map[string]json.RawMessage{}}
	for _, e := range envs {
		about.Environments = append(about.Environments, e.At(eventbus.Environment{}))
	}
	for name, subject := range s.subjects {
		subject.Latest.Text = "" // the id says it
		about.Subjects[name] = subject
	}
	for _, e := range m.Events {
		about.Wanted[e.Event.Name] = s.wanted[e.Event.Name]
		about.Entries[e.Event.Name] = entryFields(s.entries[e.Event.Name])
		for _, t := range slices.Concat(e.Topics, s.wanted[e.Event.Name].Topics) {
			if have, exists := s.topics[t.Topic.Name]; exists {
				about.Topics[t.Topic.Name] = &have
			} else {
				about.Topics[t.Topic.Name] = nil
			}
		}
	}
	named := map[string]bool{}
	for _, g := range m.Grants {
		named[g.ID] = true
	}
	arns := concerned(m, s.grants)
	for id, g := range s.grants {
		if named[id] || arns[g.Principal] && g.Active() {
			about.Grants[id] = g
		}
	}
	text, err := json.Marshal(about)
	if err != nil { // strings, numbers, maps and valid raw messages always encode
		panic("provision: what a plan looked at does not encode: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
