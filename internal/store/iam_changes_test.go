package store_test

import (
	"fmt"
	"strings"
	"testing"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// iamChanges: whoever knows a version learns what came after it, once for each
// record however often it changed, and what is gone; the keys of a removed user
// are gone with it.
func iamChanges(t *testing.T, b *bus) {
	ctx := t.Context()
	since := func(version int64) string {
		t.Helper()
		c := must[eventbus.DirectoryChanges](t)(b.IAMChanges(ctx, version))
		same(t, c.Version, must[int64](t)(b.IAMVersion(ctx)))
		all := ""
		if c.All {
			all = "all "
		}
		return all + strings.Join([]string{
			names(c.Users, func(u eventbus.IAMUser) string { return u.Name }), names(c.Roles, func(r eventbus.IAMRole) string { return r.Name }),
			names(c.Keys, func(k eventbus.AccessKey) string { return k.ID }), "gone " + strings.Join(c.GoneUsers, " "),
			strings.Join(c.GoneRoles, " "), strings.Join(c.GoneKeys, " ")}, "|")
	}
	same(t, since(-1), "all |||gone ||")
	start := must[int64](t)(b.IAMVersion(ctx))
	same(t, since(start), "|||gone ||")
	user := must[eventbus.IAMUser](t)(b.SaveUser(ctx, eventbus.IAMUser{Name: "forwarder"}))
	must[eventbus.AccessKey](t)(b.SaveAccessKey(ctx, eventbus.AccessKey{ID: "AKIA1", User: "forwarder", Sealed: []byte{1}}))
	role := must[eventbus.IAMRole](t)(b.SaveRole(ctx, eventbus.IAMRole{Name: "producer"}))
	same(t, since(-1), "all forwarder|producer|AKIA1|gone ||")
	same(t, since(start), "forwarder|producer|AKIA1|gone ||")
	same(t, since(start+2), "|producer||gone ||")

	middle := must[int64](t)(b.IAMVersion(ctx))
	for range 3 {
		role = must[eventbus.IAMRole](t)(b.SaveRole(ctx, role))
	}
	same(t, since(middle), "|producer||gone ||")
	_, err := b.SaveUser(ctx, eventbus.IAMUser{Name: "forwarder"})
	refused(t, err, eventbus.CodeConflict)
	same(t, since(middle+3), "|||gone ||")
	user.Disabled = true
	must[eventbus.IAMUser](t)(b.SaveUser(ctx, user))
	same(t, since(middle+3), "forwarder||AKIA1|gone ||")

	// The same name again is another user, and has no keys.
	ok(t, b.DeleteUser(ctx, "forwarder"))
	must[eventbus.IAMUser](t)(b.SaveUser(ctx, eventbus.IAMUser{Name: "forwarder"}))
	ok(t, b.DeleteRole(ctx, "producer"))
	same(t, since(middle+4), "forwarder|||gone |producer|AKIA1")
	same(t, since(-1), "all forwarder|||gone ||")

	// A version from a database that was since restored from a backup.
	same(t, since(start+1000), "all forwarder|||gone ||")
}

// iamChangesLongAgo: the notes do not grow for ever, and nothing is missed when
// they end.
func iamChangesLongAgo(t *testing.T, b *bus) {
	ctx := t.Context()
	role := must[eventbus.IAMRole](t)(b.SaveRole(ctx, eventbus.IAMRole{Name: "old"}))
	since := must[int64](t)(b.IAMVersion(ctx))
	for i := range 1000 {
		role.Team = fmt.Sprint(i)
		role = must[eventbus.IAMRole](t)(b.SaveRole(ctx, role))
	}
	c := must[eventbus.DirectoryChanges](t)(b.IAMChanges(ctx, since))
	same(t, c.All, false)
	same(t, c.Roles, []eventbus.IAMRole{role})
	c = must[eventbus.DirectoryChanges](t)(b.IAMChanges(ctx, since-1))
	same(t, c.All, true)
	same(t, c.Roles, []eventbus.IAMRole{role})
}
