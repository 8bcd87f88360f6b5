package registry

import (
	"context"
	"fmt"
	"slices"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry/avro"
	"github.com/enterprise-event-bus/eventbus/internal/registry/wire"
)

// AllVersions as a version number of Check means: as registering would.
const AllVersions = 0

// Verdict is the answer of Check.
type Verdict struct {
	Compatible bool
	Messages   []string // why not; never nil
}

// Check says whether a schema could be registered under the subject's level:
// against one version, Latest, or AllVersions. An unknown subject accepts
// everything, a numbered version must exist. Errors: 40402, 42201.
func (r *Registry) Check(_ context.Context, subject string, number int, req RegisterRequest) (Verdict, error) {
	c, err := r.candidate(subject, req, false)
	if err == nil {
		c, err = r.completed(c) // its group may come from the version before
	}
	if err != nil {
		return Verdict{}, err
	}
	against, err := r.opponents(c, number)
	if err != nil {
		return Verdict{}, err
	}
	level, err := r.Compatibility(subject, true)
	if err != nil {
		return Verdict{}, err
	}
	reasons := r.compare(c, level, against)
	return Verdict{Compatible: len(reasons) == 0, Messages: append([]string{}, reasons...)}, nil
}

// opponents gives the contents to compare with, newest first.
func (r *Registry) opponents(c *candidate, number int) ([]opponent, error) {
	if number == AllVersions {
		return r.history(c), nil
	}
	s := r.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	v, err := s.version(c.subject, number, Live)
	if err != nil {
		if number == Latest {
			return nil, nil
		}
		return nil, noVersion(number)
	}
	return []opponent{{v.number, v.content}}, nil
}

// opponent is a registered version that a candidate is compared with.
type opponent struct {
	number  int
	content *content
}

// history gives the live versions of the candidate's group, newest first.
func (r *Registry) history(c *candidate) []opponent {
	setting, err := r.Setting(c.subject, true)
	group := ""
	if err == nil {
		group = setting.Group()
	}
	s := r.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	sub := s.subjects[c.subject]
	if sub == nil {
		return nil
	}
	var out []opponent
	for _, v := range slices.Backward(sub.versions) {
		if !v.deleted && (group == "" || v.content.meta.Property(group) == c.meta.Property(group)) {
			out = append(out, opponent{v.number, v.content})
		}
	}
	return out
}

// compatibleWithHistory refuses a candidate that the subject's level forbids.
func (r *Registry) compatibleWithHistory(c *candidate) error {
	level, err := r.Compatibility(c.subject, true)
	if err != nil {
		return err
	}
	reasons := r.compare(c, level, r.history(c))
	if len(reasons) == 0 {
		return nil
	}
	return &Error{Code: ErrIncompatible, Reasons: reasons, Message: fmt.Sprintf(
		"Schema being registered is incompatible with an earlier schema for subject \"%s\", details: %s", c.subject, joined(reasons))}
}

func joined(reasons []string) string {
	b := []byte{'['}
	for i, reason := range reasons {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, reason...)
	}
	return string(append(b, ']'))
}

// compare tells why a candidate breaks a level, in the form of Confluent's
// messages; nil = it does not. It stops at the newest version that it breaks.
func (r *Registry) compare(c *candidate, level eventbus.Compatibility, against []opponent) []string {
	backward, forward, all := directions(level)
	if !all && len(against) > 1 {
		against = against[:1]
	}
	if !backward && !forward {
		return nil
	}
	for _, old := range against {
		if reasons := r.comparePair(c, old.content, backward, forward); len(reasons) > 0 {
			return append(reasons, fmt.Sprintf("{oldSchemaVersion: %d}", old.number),
				fmt.Sprintf("{oldSchema: '%s'}", old.content.text), fmt.Sprintf("{compatibility: '%s'}", level))
		}
	}
	return nil
}

// directions says what a level compares: new reading old, old reading new, and
// whether with all versions.
func directions(level eventbus.Compatibility) (backward, forward, all bool) {
	switch level {
	case eventbus.CompatibilityBackward:
		return true, false, false
	case eventbus.CompatibilityBackwardTransitive:
		return true, false, true
	case eventbus.CompatibilityForward:
		return false, true, false
	case eventbus.CompatibilityForwardTransitive:
		return false, true, true
	case eventbus.CompatibilityFull:
		return true, true, false
	case eventbus.CompatibilityFullTransitive:
		return true, true, true
	default:
		return false, false, false
	}
}

func (r *Registry) comparePair(c *candidate, old *content, backward, forward bool) []string {
	if old.kind != wire.TypeAvro {
		return []string{fmt.Sprintf("Incompatible because of different schema type: %s, was %s", wire.TypeAvro, old.kind)}
	}
	was, err := r.parse(old.space.name, old.text, old.refs, true)
	if err != nil {
		return []string{fmt.Sprintf("{errorType:'UNREADABLE', description:'schema %d cannot be read: %s'}", old.id, err)}
	}
	var out []string
	if backward {
		out = append(out, describe(avro.Compatible(c.schema, was), "new", "old")...)
	}
	if forward {
		out = append(out, describe(avro.Compatible(was, c.schema), "old", "new")...)
	}
	return out
}

// describe writes incompatibilities for people and for tools that look for
// errorType.
func describe(found []avro.Incompatibility, reader, writer string) []string {
	out := make([]string, 0, len(found))
	for _, i := range found {
		out = append(out, fmt.Sprintf("{errorType:'%s', description:'The %s schema cannot read data written with the %s schema: %s at path '%s'', additionalInfo:'%s'}",
			i.Type, reader, writer, i.Message, i.Path, i.Message))
	}
	return out
}

// Changes tells in plain words what differs between two versions of a subject.
// Errors: 40401, 40402, 42201.
func (r *Registry) Changes(subject string, from, to int) ([]avro.Change, error) {
	var parsed [2]*avro.Schema
	context, _ := contextOf(subject)
	for i, number := range []int{from, to} {
		v, err := r.Version(subject, number, WithDeleted)
		if err != nil {
			return nil, err
		}
		if parsed[i], err = r.parse(context, v.Text, v.References, true); err != nil {
			return nil, err
		}
	}
	return avro.Diff(parsed[0], parsed[1]), nil
}

// Parsed gives the parsed form of a version's text, for its fields and its
// resolved text. Errors: 42201.
func (r *Registry) Parsed(v Version) (*avro.Schema, error) {
	context, _ := contextOf(v.Subject)
	return r.parse(context, v.Text, v.References, true)
}
