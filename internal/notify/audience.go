package notify

import (
	"cmp"
	"net/mail"
	"slices"
	"strings"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Addresses gives the mail addresses of an audience among the people known, each
// once, sorted: a pure rule. People without an address are left out; a group
// address stands for itself.
func Addresses(to eventbus.Audience, people []eventbus.Person) []mail.Address {
	if to.Email != "" {
		if address, ok := address("", to.Email); ok {
			return []mail.Address{address}
		}
		return []mail.Address{}
	}
	list := []mail.Address{}
	for _, p := range people {
		if !concerns(to, p) {
			continue
		}
		if address, ok := address(p.Name, p.Email); ok {
			list = append(list, address)
		}
	}
	slices.SortFunc(list, func(a, b mail.Address) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Address), strings.ToLower(b.Address)), strings.Compare(a.Address, b.Address))
	})
	return slices.CompactFunc(list, func(a, b mail.Address) bool { return strings.EqualFold(a.Address, b.Address) })
}

// concerns reports whether an audience includes a person; the first field that
// is set counts, as in the store.
func concerns(to eventbus.Audience, p eventbus.Person) bool {
	switch {
	case to.Person != "":
		return p.ID == to.Person
	case to.Team != "":
		return p.In(to.Team)
	case to.Role != "":
		return p.Has(to.Role)
	}
	return false
}

// address takes a bare address only: no display names, lists or line breaks.
func address(name, bare string) (mail.Address, bool) {
	parsed, err := mail.ParseAddress(bare)
	if err != nil || parsed.Address != bare || len(bare) > 254 || strings.ContainsAny(bare, "\r\n") {
		return mail.Address{}, false
	}
	return mail.Address{Name: name, Address: bare}, true
}
