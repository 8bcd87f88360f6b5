package registry

import (
	"context"
	"time"

	"github.com/enterprise-event-bus/eventbus/internal/registry/wire"
)

// RestoreVersion makes a soft-deleted version live again as the same version,
// with the same id; deleted by mistake, it is back. Errors: 40401, 40402, 40407,
// 42201 when a schema that it refers to is gone, 42205.
func (r *Registry) RestoreVersion(ctx context.Context, by Caller, subject string, number int) (Version, error) {
	err := r.write(ctx, func() ([]Record, error) {
		s := r.state
		s.mu.RLock()
		defer s.mu.RUnlock()
		if err := s.permitChange(subject); err != nil {
			return nil, err
		}
		v, err := s.version(subject, number, WithDeleted)
		if err != nil {
			return nil, err
		}
		if !v.deleted {
			return nil, fail(ErrVersionNotSoftDeleted, "Subject '%s' Version %d is not deleted; nothing was restored.", subject, v.number)
		}
		for _, ref := range v.content.refs {
			if _, err := s.version(qualify(v.subject.space.name, ref.Subject), ref.Version, WithDeleted); err != nil {
				return nil, fail(ErrInvalidSchema, "No schema reference found for subject \"%s\" and version %d; nothing was restored.", ref.Subject, ref.Version)
			}
		}
		number = v.number
		return []Record{s.rewrite(v, false, by)}, nil
	})
	if err != nil {
		return Version{}, err
	}
	return r.Version(subject, number, WithDeleted)
}

// rewrite gives the record of a version with another deleted flag; who
// registered it and when stays. The caller holds mu.
func (s *state) rewrite(v *version, deleted bool, by Caller) Record {
	c := v.content
	value := wire.SchemaValue{Subject: v.subject.name, Version: v.number, ID: c.id, Type: c.kind, References: c.refs,
		Metadata: c.meta, RuleSet: c.rules, Schema: c.text, Deleted: deleted}
	rec := Record{Key: s.keyBytes(wire.Key{Type: wire.KeySchema, Subject: v.subject.name, Version: v.number}),
		Value: value.Bytes(c.print), Author: v.author, RequestID: v.request}
	if v.since > 0 {
		rec.Since = time.UnixMilli(v.since)
	}
	return rec
}
