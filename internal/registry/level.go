package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry/wire"
)

// Setting gives the configuration of a subject, "" for the global one. With
// defaultToGlobal a subject without its own shows the global one. Errors: 40408.
func (r *Registry) Setting(subject string, defaultToGlobal bool) (Setting, error) {
	s := r.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	if own, ok := s.settings[subject]; ok && subject != "" {
		return own.Merge(nil), nil
	}
	if subject != "" && !defaultToGlobal {
		return nil, fail(ErrNoSubjectLevel, "Subject '%s' does not have subject-level compatibility configured", subject)
	}
	context, _ := contextOf(subject)
	if own, ok := s.settings[":"+context+":"]; ok && context != defaultContext {
		return own.Merge(nil), nil
	}
	out := s.settings[""].Merge(nil)
	if _, ok := out.Level(); !ok {
		out["compatibilityLevel"] = wire.Quote(nil, string(r.cfg.Compatibility))
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

// SetCompatibility sets the level of a subject, or the global one for "".
// Errors: 42203, 42205, 42208, 5000x.
func (r *Registry) SetCompatibility(ctx context.Context, by Caller, subject string, level eventbus.Compatibility) error {
	_, err := r.SetSetting(ctx, by, subject, Setting{"compatibilityLevel": wire.Quote(nil, string(level))})
	return err
}

// SetSetting changes the configuration of a subject ("" = global): properties
// that are absent stay, those that are null are cleared. It gives the whole
// setting as it is now. Errors: 42203, 42205, 42208, 42210, 5000x.
func (r *Registry) SetSetting(ctx context.Context, by Caller, subject string, change Setting) (Setting, error) {
	if err := r.checkScope(subject); err != nil {
		return nil, err
	}
	clean, err := cleaned(change)
	if err == nil {
		err = effective(clean)
	}
	if err == nil {
		err = checkAlias(subject, clean)
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
		merged = s.settings[subject].Merge(clean)
		return []Record{{Key: s.keyBytes(wire.Key{Type: wire.KeyConfig, Subject: subject}), Value: merged.Bytes(subject),
			Author: by.Author, RequestID: by.RequestID}}, nil
	})
	return merged, err
}

// booleans are the properties of a setting that are true or false.
var booleans = []string{"normalize", "validateFields", "validateNewSchemas", "validateRules"}

// cleaned checks the properties that have a meaning here and compacts all.
func cleaned(s Setting) (Setting, error) {
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
		out["compatibilityLevel"] = wire.Quote(nil, string(level))
	}
	if _, err := out.Layers(); err != nil {
		return nil, fail(ErrInvalidRuleSet, "%s; nothing was changed.", err)
	}
	return out, nil
}

// unsupported are the properties that a topic of another registry may hold, and
// this one keeps there, but does not act on: an answer of 200 would promise it.
var unsupported = []string{"aliasForDeks", "compatibilityPolicy"}

// effective refuses a change that would be kept without effect.
func effective(s Setting) error {
	for name, value := range s {
		if string(value) == "null" {
			continue
		}
		fault := ""
		switch {
		case slices.Contains(unsupported, name):
			fault = "This registry does not act on it."
		case slices.Contains(booleans, name) && string(value) != "true" && string(value) != "false":
			fault = "It must be true or false."
		case name == "validateFields" && string(value) == "true":
			fault = "This registry does not check reserved fields."
		case name == "validateRules" && string(value) == "false":
			fault = "This registry always checks rules."
		}
		if fault != "" {
			return fail(ErrInvalidLevel, "Property %s: %s Nothing was changed.", name, fault)
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
		return []Record{{Key: s.keyBytes(wire.Key{Type: wire.KeyConfig, Subject: subject}), Author: by.Author, RequestID: by.RequestID}}, nil
	})
	return old, err
}
