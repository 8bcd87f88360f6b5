package registry

import (
	"strings"
)

// Alias gives the subject that answers for name, which is name itself unless its
// own configuration names another (`alias`). Only one step is taken; an alias
// without a context lies in that of name (Confluent's AliasFilter).
func (r *Registry) Alias(name string) string {
	r.state.mu.RLock()
	defer r.state.mu.RUnlock()
	setting, ok := r.state.settings[name]
	if !ok || name == "" {
		return name
	}
	return aliasOf(name, setting)
}

func aliasOf(name string, setting Setting) string {
	alias := strings.TrimPrefix(setting.Alias(), ":"+defaultContext+":")
	if alias == "" {
		return name
	}
	context, _ := contextOf(name)
	return qualify(context, alias)
}

// checkAlias refuses an alias of everything, of a context or of itself, and one
// that can name no subject.
func checkAlias(subject string, change Setting) error {
	raw, given := change["alias"]
	if !given || string(raw) == "null" || string(raw) == `""` {
		return nil
	}
	if _, bare := contextOf(subject); bare == "" {
		return fail(ErrInvalidSubject, "Only a subject can have an alias; nothing was changed.")
	}
	alias := aliasOf(subject, change)
	if alias == subject {
		return fail(ErrInvalidSubject, "The alias must be the name of another subject; nothing was changed.")
	}
	return checkSubject(alias)
}
