package session

import (
	"slices"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// LocalAdministrator is the person behind the administrator's token of `dev`
// and the callers on loopback: every role, no team.
func LocalAdministrator() eventbus.Person {
	return eventbus.Person{ID: LocalAdministratorID, Name: "Local administrator", Roles: slices.Clone(eventbus.Roles())}
}

// GrantLocal makes a secret a token of person with every scope for as long as
// the process lives; nothing is stored. It is for `dev` only. An empty secret
// grants nothing.
func (s *Sessions) GrantLocal(secret string, person eventbus.Person) {
	if secret == "" {
		return
	}
	s.localMu.Lock()
	defer s.localMu.Unlock()
	s.local[digest(secret)] = person
}

// granted looks a secret up by its hash, whose bits say nothing of the secret's.
func (s *Sessions) granted(hash string) (eventbus.Person, bool) {
	s.localMu.RLock()
	defer s.localMu.RUnlock()
	person, ok := s.local[hash]
	return person, ok
}

func (s *Sessions) localPerson(id string) (eventbus.Person, bool) {
	s.localMu.RLock()
	defer s.localMu.RUnlock()
	for _, person := range s.local {
		if person.ID == id {
			return person, true
		}
	}
	return eventbus.Person{}, false
}
