package registry

import (
	"bytes"
	"context"
	"encoding/json"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Setting gives the configuration of a subject, "" for the global one. With
// defaultToGlobal a subject without its own shows the global one. Errors: 40408.
func (r *Registry) Setting(subject string, defaultToGlobal bool) (Setting, error) {
	s := r.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	if own, ok := s.settings[subject]; ok && subject != "" {
		return own.merge(nil), nil
	}
	if subject != "" && !defaultToGlobal {
		return nil, fail(ErrNoSubjectLevel, "Subject '%s' does not have subject-level compatibility configured", subject)
	}
	context, _ := contextOf(subject)
	if own, ok := s.settings[":"+context+":"]; ok && context != defaultContext {
		return own.merge(nil), nil
	}
	out := s.settings[""].merge(nil)
	if _, ok := out.Level(); !ok {
		out["compatibilityLevel"] = quote(nil, string(r.cfg.Compatibility))
	}
	return out, nil
}

// Compatibility gives the level of a subject, or the global one for "".
// Errors: 40408.
func (r *Registry) Compatibility(subject string, defaultToGlobal bool) (eventbus.Compatibility, error) {
	setting, err := r.Setting(subject, defaultToGlobal)
	if err != nil {
		return "", err
	}
	if level, ok := setting.Level(); ok {
		return level, nil
	}
	if !defaultToGlobal {
		return "", fail(ErrNoSubjectLevel, "Subject '%s' does not have subject-level compatibility configured", subject)
	}
	return r.Compatibility("", true)
}

// Mode gives the mode of a subject, or the global one for "". Errors: 40409.
func (r *Registry) Mode(subject string, defaultToGlobal bool) (Mode, error) {
	s := r.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	if mode, ok := s.modes[subject]; ok {
		return mode, nil
	}
	if subject != "" && !defaultToGlobal {
		return "", fail(ErrNoSubjectMode, "Subject '%s' does not have subject-level mode configured", subject)
	}
	return s.mode(subject), nil
}

// mode is the mode in force for a subject: its own, its context's, the global one.
func (s *state) mode(subject string) Mode {
	context, _ := contextOf(subject)
	for _, name := range []string{subject, ":" + context + ":", ""} {
		if mode, ok := s.modes[name]; ok {
			return mode
		}
	}
	return ModeReadWrite
}

// SetCompatibility sets the level of a subject, or the global one for "".
// Errors: 42203, 42205, 42208, 5000x.
func (r *Registry) SetCompatibility(ctx context.Context, by Caller, subject string, level eventbus.Compatibility) error {
	_, err := r.SetSetting(ctx, by, subject, Setting{"compatibilityLevel": quote(nil, string(level))})
	return err
}

// SetSetting changes the configuration of a subject ("" = global): properties
// that are absent stay, those that are null are cleared. It gives the whole
// setting as it is now. Errors: 42203, 42205, 42208, 42210, 5000x.
func (r *Registry) SetSetting(ctx context.Context, by Caller, subject string, change Setting) (Setting, error) {
	if err := r.checkScope(subject); err != nil {
		return nil, err
	}
	clean, err := change.clean()
	if err == nil {
		err = clean.effective()
	}
	if err != nil {
		return nil, err
	}
	var merged Setting
	err = r.write(ctx, func() ([]Record, error) {
		s := r.state
		s.mu.RLock()
		defer s.mu.RUnlock()
		if err := s.permitChange(subject); err != nil {
			return nil, err
		}
		merged = s.settings[subject].merge(clean)
		return []Record{{Key: s.keyBytes(recordKey{Type: keyConfig, Subject: subject}), Value: merged.bytes(subject),
			Author: by.Author, RequestID: by.RequestID}}, nil
	})
	return merged, err
}

// clean checks the properties that have a meaning here and compacts all.
func (s Setting) clean() (Setting, error) {
	out := Setting{}
	for name, value := range s {
		var b bytes.Buffer
		if json.Compact(&b, value) != nil {
			return nil, fail(ErrInvalidLevel, "Property %.40q is not JSON; nothing was changed.", name)
		}
		out[name] = b.Bytes()
	}
	if raw, ok := out["compatibilityLevel"]; ok && string(raw) != "null" {
		level, known := out.Level()
		if !known {
			return nil, fail(ErrInvalidLevel, "Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive")
		}
		out["compatibilityLevel"] = quote(nil, string(level))
	}
	return out, nil
}

// effective refuses what a topic of another registry may hold, and this one
// keeps there, but does not act on: an answer of 200 would promise it.
func (s Setting) effective() error {
	for name, code := range map[string]ErrorCode{"alias": ErrInvalidLevel, "defaultMetadata": ErrInvalidRuleSet, "overrideMetadata": ErrInvalidRuleSet,
		"defaultRuleSet": ErrInvalidRuleSet, "overrideRuleSet": ErrInvalidRuleSet} {
		if value, set := s[name]; set && string(value) != "null" {
			return fail(code, "This registry does not act on %s; nothing was changed. Give metadata and rules with each schema.", name)
		}
	}
	return nil
}

// checkScope accepts a subject, a context (`:.name:`) or "" for everything.
func (r *Registry) checkScope(subject string) error {
	if subject == "" {
		return nil
	}
	if context, bare := contextOf(subject); bare == "" && context != defaultContext && context != ".__GLOBAL" {
		return nil
	}
	return checkSubject(subject)
}

// ClearCompatibility removes a subject's own setting, or resets the global one,
// and gives what it was. Errors: 40401 when there is none, 42205, 5000x.
func (r *Registry) ClearCompatibility(ctx context.Context, by Caller, subject string) (Setting, error) {
	old, err := r.Setting(subject, false)
	if err != nil {
		return nil, noSubject(subject)
	}
	err = r.write(ctx, func() ([]Record, error) {
		s := r.state
		s.mu.RLock()
		defer s.mu.RUnlock()
		if err := s.permitChange(subject); err != nil {
			return nil, err
		}
		if _, ok := s.settings[subject]; !ok {
			return nil, nil
		}
		return []Record{{Key: s.keyBytes(recordKey{Type: keyConfig, Subject: subject}), Author: by.Author, RequestID: by.RequestID}}, nil
	})
	return old, err
}

// SetMode sets the mode of a subject, a context (`:.name:`) or, for "", of
// everything. IMPORT needs a scope without live versions unless force is given,
// and purges the soft-deleted ones. Errors: 42204, 42205, 42208, 5000x.
func (r *Registry) SetMode(ctx context.Context, by Caller, subject string, mode Mode, force bool) error {
	if err := r.checkScope(subject); err != nil {
		return err
	}
	if _, ok := ParseMode(string(mode)); !ok {
		return fail(ErrInvalidMode, "Invalid mode. Valid values are READWRITE, READONLY and IMPORT")
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
		return append(records, Record{Key: s.keyBytes(recordKey{Type: keyMode, Subject: subject}),
			Value: compactJSON(modeValue{subject, mode}), Author: by.Author, RequestID: by.RequestID}), nil
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
			out = append(out, Record{Key: recordKey{Type: keyClearSubject, Subject: name}.bytes(), Value: compactJSON(subjectValue{Subject: name})})
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
		for _, name := range sortedKeys(s.modes) {
			if name == subject || recursive && inScope(subject, name) {
				out = append(out, Record{Key: s.keyBytes(recordKey{Type: keyMode, Subject: name}), Author: by.Author, RequestID: by.RequestID})
			}
		}
		return out, nil
	})
	return old, err
}
