package registry

import (
	"context"
	"maps"
	"slices"

	"github.com/enterprise-event-bus/eventbus/internal/registry/wire"
)

// Mode says what may be done with a subject.
type Mode string

// The modes that may be set. Confluent's FORWARD, which hands writes to another
// registry, is refused; read from a topic it forbids writing.
const (
	ModeReadWrite        Mode = "READWRITE"
	ModeReadOnly         Mode = "READONLY"
	ModeReadOnlyOverride Mode = "READONLY_OVERRIDE" // READONLY; set globally it is stronger than the modes of subjects and contexts
	ModeImport           Mode = "IMPORT"            // ids and versions are given by the caller
)

// ParseMode reads one of the modes that may be set.
func ParseMode(s string) (Mode, bool) {
	m := Mode(s)
	return m, slices.Contains([]Mode{ModeReadWrite, ModeReadOnly, ModeReadOnlyOverride, ModeImport}, m)
}

// Mode gives the mode of a subject, or the global one for ""; with defaultToGlobal
// the one in force. Errors: 40409.
func (r *Registry) Mode(subject string, defaultToGlobal bool) (Mode, error) {
	s := r.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	if subject == "" || defaultToGlobal {
		return s.mode(subject), nil
	}
	if mode, ok := s.modes[subject]; ok {
		return mode, nil
	}
	return "", fail(ErrNoSubjectMode, "Subject '%s' does not have subject-level mode configured", subject)
}

// mode is the mode in force for a subject: its own, its context's, the global one;
// a global READONLY_OVERRIDE is in force everywhere.
func (s *state) mode(subject string) Mode {
	if s.modes[""] == ModeReadOnlyOverride {
		return ModeReadOnlyOverride
	}
	context, _ := contextOf(subject)
	for _, name := range []string{subject, ":" + context + ":", ""} {
		if mode, ok := s.modes[name]; ok {
			return mode
		}
	}
	return ModeReadWrite
}

// SetMode sets the mode of a subject, a context (`:.name:`) or, for "", of
// everything. IMPORT needs a scope without live versions unless force is given,
// and purges the soft-deleted ones. Errors: 42204, 42205, 42208, 5000x.
func (r *Registry) SetMode(ctx context.Context, by Caller, subject string, mode Mode, force bool) error {
	if err := r.checkScope(subject); err != nil {
		return err
	}
	if _, ok := ParseMode(string(mode)); !ok {
		return fail(ErrInvalidMode, "Invalid mode. Valid values are READWRITE, READONLY, READONLY_OVERRIDE and IMPORT")
	}
	if r.cfg.ModeFixed {
		return fail(ErrNotPermitted, "Mode changes are not allowed; nothing was changed.")
	}
	return r.write(ctx, func() ([]Record, error) {
		s := r.state
		s.mu.RLock()
		defer s.mu.RUnlock()
		var records []Record
		if mode == ModeImport && s.mode(subject) != ModeImport {
			purge, err := s.purge(subject, force)
			if err != nil {
				return nil, err
			}
			records = purge
		}
		return append(records, Record{Key: s.keyBytes(wire.Key{Type: wire.KeyMode, Subject: subject}),
			Value: wire.ModeValue{Subject: subject, Mode: string(mode)}.Bytes(), Author: by.Author, RequestID: by.RequestID}), nil
	})
}

// purge clears the way for an import: soft-deleted versions go for good.
func (s *state) purge(scope string, force bool) ([]Record, error) {
	var out []Record
	for _, name := range s.sortedNamesLocked() {
		sub := s.subjects[name]
		if !inScope(scope, name) {
			continue
		}
		if sub.hasLive() && !force {
			return nil, fail(ErrNotPermitted, "Cannot import since found existing subjects (%s); set force=true to import all the same. Nothing was changed.", name)
		}
		n := len(out)
		for _, v := range sub.versions {
			if v.deleted {
				out = append(out, s.tombstone(v))
			}
		}
		if len(out) > n {
			out = append(out, Record{Key: wire.Key{Type: wire.KeyClearSubject, Subject: name}.Bytes(), Value: wire.SubjectValue{Subject: name}.Bytes()})
		}
	}
	if len(out) > 0 {
		out = append(out, s.highIDs())
	}
	return out, nil
}

// inScope reports whether a subject lies in the scope of a mode.
func inScope(scope, name string) bool {
	if scope == "" || scope == name {
		return true
	}
	context, bare := contextOf(scope)
	own, _ := contextOf(name)
	return bare == "" && own == context
}

// ClearMode removes a subject's own mode, with recursive those of every subject
// in its scope too, and gives what it was. Errors: 40401 when there is none,
// 42205, 5000x.
func (r *Registry) ClearMode(ctx context.Context, by Caller, subject string, recursive bool) (Mode, error) {
	old, err := r.Mode(subject, false)
	if err != nil {
		return "", noSubject(subject)
	}
	if r.cfg.ModeFixed {
		return "", fail(ErrNotPermitted, "Mode changes are not allowed; nothing was changed.")
	}
	err = r.write(ctx, func() ([]Record, error) {
		s := r.state
		s.mu.RLock()
		defer s.mu.RUnlock()
		var out []Record
		for _, name := range slices.Sorted(maps.Keys(s.modes)) {
			if name == subject || recursive && inScope(subject, name) {
				out = append(out, Record{Key: s.keyBytes(wire.Key{Type: wire.KeyMode, Subject: name}), Author: by.Author, RequestID: by.RequestID})
			}
		}
		return out, nil
	})
	return old, err
}

// permitChange asks the mode whether versions and settings may change. The
// caller holds mu.
func (s *state) permitChange(subject string) error {
	if mode := s.mode(subject); mode != ModeReadWrite && mode != ModeImport {
		return fail(ErrNotPermitted, "Subject %s is in read-only mode; nothing was changed.", subject)
	}
	return nil
}
