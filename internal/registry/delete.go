package registry

import (
	"context"
	"slices"

	"github.com/enterprise-event-bus/eventbus/internal/registry/wire"
)

// Delete removes one version: first softly (it is no longer offered, its id
// still answers), then, with permanent, for good. Errors: 40401, 40402, 40406,
// 40407, 42205, 42206, 5000x.
func (r *Registry) Delete(ctx context.Context, by Caller, subject string, number int, permanent bool) (int, error) {
	err := r.write(ctx, func() ([]Record, error) {
		s := r.state
		s.mu.RLock()
		defer s.mu.RUnlock()
		v, err := s.deletable(subject, number, permanent)
		if err != nil {
			return nil, err
		}
		number = v.number
		if permanent {
			return []Record{s.tombstone(v), s.highIDs()}, nil
		}
		records := []Record{s.rewrite(v, true, by)}
		if v.subject.liveCount() == 1 {
			records = append(records, s.clearSettings(subject)...)
		}
		return records, nil
	})
	return number, err
}

// deletable finds the version and checks that it may be deleted this way. The
// caller holds mu.
func (s *state) deletable(subject string, number int, permanent bool) (*version, error) {
	if s.subjects[subject] == nil {
		return nil, noSubject(subject)
	}
	if number == Latest && !permanent && !s.subjects[subject].hasLive() {
		return nil, noSubject(subject)
	}
	v, err := s.version(subject, number, WithDeleted)
	if err != nil {
		return nil, err
	}
	if v.deleted && !permanent {
		return nil, fail(ErrVersionSoftDeleted, "Subject '%s' Version %d was soft deleted. Set permanent=true to delete permanently", subject, v.number)
	}
	if !v.deleted && permanent {
		return nil, fail(ErrVersionNotSoftDeleted, "Subject '%s' Version %d was not deleted first before being permanently deleted", subject, v.number)
	}
	if err := s.permitChange(subject); err != nil {
		return nil, err
	}
	return v, s.unreferenced(v)
}

// unreferenced refuses to delete what a live schema refers to.
func (s *state) unreferenced(v *version) error {
	for _, c := range s.referrer[refKey{v.subject.name, v.number}] {
		if slices.ContainsFunc(c.uses, func(u *version) bool { return !u.deleted }) {
			return fail(ErrReferenceExists, "One or more references exist to the schema {magic=1,keytype=SCHEMA,subject=%s,version=%d}; nothing was deleted.",
				v.subject.name, v.number)
		}
	}
	return nil
}

// DeleteSubject removes all live versions softly, or with permanent all
// soft-deleted ones for good; it gives their numbers. Errors: 40401, 40404,
// 40405, 42205, 42206, 5000x.
func (r *Registry) DeleteSubject(ctx context.Context, by Caller, subject string, permanent bool) ([]int, error) {
	numbers := []int{}
	err := r.write(ctx, func() ([]Record, error) {
		s := r.state
		s.mu.RLock()
		defer s.mu.RUnlock()
		gone, err := s.deletableSubject(subject, permanent)
		if err != nil {
			return nil, err
		}
		var records []Record
		for _, v := range gone {
			numbers = append(numbers, v.number)
			if permanent {
				records = append(records, s.tombstone(v))
			}
		}
		if permanent {
			return append(append(records, s.clearSettings(subject)...), s.highIDs()), nil
		}
		records = append(records, Record{
			Key:    wire.Key{Type: wire.KeyDeleteSubject, Subject: subject}.Bytes(),
			Value:  wire.SubjectValue{Subject: subject, Version: gone[len(gone)-1].number}.Bytes(),
			Author: by.Author, RequestID: by.RequestID,
		})
		return append(records, s.clearSettings(subject)...), nil
	})
	if err != nil {
		return nil, err
	}
	return numbers, nil
}

// deletableSubject gives the versions that a deletion would remove. The caller
// holds mu.
func (s *state) deletableSubject(subject string, permanent bool) ([]*version, error) {
	sub := s.subjects[subject]
	if sub == nil {
		return nil, noSubject(subject)
	}
	if !permanent && !sub.hasLive() {
		return nil, fail(ErrSubjectSoftDeleted, "Subject '%s' was soft deleted. Set permanent=true to delete permanently", subject)
	}
	if permanent && sub.hasLive() {
		return nil, fail(ErrSubjectNotSoftDeleted, "Subject '%s' was not deleted first before being permanently deleted", subject)
	}
	if err := s.permitChange(subject); err != nil {
		return nil, err
	}
	var gone []*version
	for _, v := range sub.versions {
		if permanent || !v.deleted {
			if err := s.unreferenced(v); err != nil {
				return nil, err
			}
			gone = append(gone, v)
		}
	}
	return gone, nil
}

// tombstone is the record that removes a version for good.
func (s *state) tombstone(v *version) Record {
	return Record{Key: s.keyBytes(wire.Key{Type: wire.KeySchema, Subject: v.subject.name, Version: v.number})}
}

// highIDs is a NOOP that remembers the highest ids. The caller holds mu.
func (s *state) highIDs() Record {
	high := make(map[string]int, len(s.spaces))
	for name, sp := range s.spaces {
		high[name] = sp.maxID
	}
	return Record{Key: wire.Key{Type: wire.KeyNoop}.Bytes(), HighIDs: high}
}

// clearSettings removes a subject's own level and mode with its last version.
func (s *state) clearSettings(subject string) []Record {
	var out []Record
	if _, ok := s.settings[subject]; ok {
		out = append(out, Record{Key: s.keyBytes(wire.Key{Type: wire.KeyConfig, Subject: subject})})
	}
	if _, ok := s.modes[subject]; ok {
		out = append(out, Record{Key: s.keyBytes(wire.Key{Type: wire.KeyMode, Subject: subject})})
	}
	return out
}

func (b *subject) liveCount() int {
	n := 0
	for _, v := range b.versions {
		if !v.deleted {
			n++
		}
	}
	return n
}

// DeleteContext forgets an empty context; ids given in it are not given again
// should it come back. Errors: 42205, 42211 while it has subjects, 5000x.
func (r *Registry) DeleteContext(ctx context.Context, by Caller, name string) error {
	return r.write(ctx, func() ([]Record, error) {
		s := r.state
		s.mu.RLock()
		defer s.mu.RUnlock()
		sp := s.spaces[name]
		if sp == nil {
			return nil, nil
		}
		if len(sp.byID) > 0 {
			return nil, fail(ErrContextNotEmpty, "The specified context '%s' is not empty; nothing was deleted.", name)
		}
		if !sp.declared {
			return nil, nil
		}
		if err := s.permitChange(":" + name + ":"); err != nil {
			return nil, err
		}
		gone := Record{Key: wire.Key{Type: wire.KeyContext, Tenant: defaultTenant, Context: name}.Bytes(), Author: by.Author, RequestID: by.RequestID}
		return []Record{gone, s.highIDs()}, nil
	})
}
