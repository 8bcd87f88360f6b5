package provision

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

// diffAccess compares grants, and then the principals and policies that they
// come to.
func (d *differ) diffAccess() {
	touched := map[string][]string{} // principal → events of the grants that change
	named := map[string]bool{}
	gone := removed(d.m)
	for i := range d.m.Grants {
		g := &d.m.Grants[i]
		if named[g.ID] {
			d.problems.add(eventbus.Change{Resource: eventbus.ResourceGrant, Event: g.Event, Name: g.ID}, "grants["+g.ID+"]", "the grant is named twice", "write it once")
			continue
		}
		named[g.ID] = true
		d.diffGrant(g, gone)
		touched[g.Principal] = append(touched[g.Principal], g.Event)
	}
	for _, id := range slices.Sorted(maps.Keys(d.seen.grants)) {
		g := d.seen.grants[id]
		if g.Active() && !named[id] && gone[[2]string{g.Event, g.Environment}] {
			d.revoke(g, "access goes with the topic")
			touched[g.Principal] = append(touched[g.Principal], g.Event)
		}
	}
	revoked := revokedBy(d.changes)
	byPrincipal := activeByPrincipal(d.seen.grants, d.m.Grants, revoked)
	for _, arn := range slices.Sorted(maps.Keys(touched)) {
		if d.seen.unseen[arn] {
			continue
		}
		c := eventbus.Change{Name: arn}
		if events := slices.Compact(slices.Sorted(slices.Values(touched[arn]))); len(events) == 1 {
			c.Event = events[0]
		}
		d.diffPrincipal(c, byPrincipal[arn])
	}
}

func (d *differ) revoke(g eventbus.Grant, note string) {
	d.add(eventbus.Change{Action: eventbus.ActionDelete, Resource: eventbus.ResourceGrant, Environment: g.Environment, Event: g.Event,
		Name: g.ID, Old: grantShown(g), Note: note, NeedsApproval: true})
}

// kept are the fields of a grant that say how it came to be, not what it is.
var kept = []string{"id", "createdAt", "revokedAt", "approvedBy", "requestId", "version"}

func (d *differ) diffGrant(g *eventbus.Grant, gone map[[2]string]bool) {
	have, exists := d.seen.grants[g.ID]
	if !g.Active() {
		if exists && have.Active() {
			d.revoke(have, "access ends")
		}
		return
	}
	c := eventbus.Change{Action: eventbus.ActionCreate, Resource: eventbus.ResourceGrant, Environment: g.Environment, Event: g.Event, Name: g.ID}
	if g.Topic == "" {
		g.Topic = d.topicOf(g.Event, g.Environment)
	}
	before := len(d.problems)
	d.checkGrant(c, *g, gone)
	if len(d.problems) > before {
		return
	}
	if !exists || !have.Active() && have.Principal == g.Principal {
		c.New = grantShown(*g)
		if exists {
			c.Note = "granted again: it was revoked on " + have.RevokedAt.Format(time.DateOnly)
		}
		d.add(c)
		return
	}
	c.Action = eventbus.ActionUpdate
	if have.Principal != g.Principal || have.Event != g.Event || have.Environment != g.Environment || have.Direction != g.Direction {
		d.problems.add(c, "grants["+g.ID+"]", "the grant is for "+grantShown(have)+" of event "+have.Event, "revoke it, and write a grant with another id")
		return
	}
	for _, f := range differences(fieldsOf(have, kept...), fieldsOf(*g, kept...)) {
		c.Field, c.Old, c.New = f.name, f.old, f.new
		d.add(c)
	}
}

// topicOf is the event's topic in an environment: as wanted now, before, or as
// catalogued.
func (d *differ) topicOf(event, env string) string {
	if d.named == nil {
		d.named = map[[2]string]string{}
		for _, e := range d.m.Events {
			for _, t := range e.Topics {
				d.named[[2]string{e.Event.Name, t.Environment}] = t.Topic.Name
			}
		}
	}
	if name := d.named[[2]string{event, env}]; name != "" {
		return name
	}
	if t, managed := d.seen.wanted[event].Topic(env); managed {
		return t.Topic.Name
	}
	return ""
}

func (d *differ) checkGrant(c eventbus.Change, g eventbus.Grant, gone map[[2]string]bool) {
	path := "grants[" + g.ID + "]"
	add := func(field, message, fix string) { d.problems.add(c, path+"."+field, message, fix) }
	if _, known := environment(d.envs, g.Environment); !known {
		add("environment", fmt.Sprintf("there is no environment %q", g.Environment), "use one of "+strings.Join(environmentNames(d.envs), ", "))
		return
	}
	if gone[[2]string{g.Event, g.Environment}] {
		add("event", fmt.Sprintf("event %s is removed from %s in the same manifest", g.Event, g.Environment), "leave the grant out")
		return
	}
	if want := d.topicOf(g.Event, g.Environment); want == "" {
		add("event", fmt.Sprintf("event %s has no topic in %s that the bus manages", g.Event, g.Environment), "write the event's manifest first")
	} else if g.Topic != want {
		add("topic", fmt.Sprintf("%s is not the topic of event %s in %s", g.Topic, g.Event, g.Environment), "write "+want+", or leave it out")
	}
	for _, f := range grantFaults(g) {
		add(f.Path, f.Message, f.Fix)
	}
	d.checkPlace(g, add)
}

// checkPlace asks that a principal lives where its environment's principals do.
func (d *differ) checkPlace(g eventbus.Grant, add func(field, message, fix string)) {
	id, err := eventbus.ParseIdentityARN(g.Principal)
	if err != nil {
		return // grantFaults has said so
	}
	want := d.places.environment(g.Environment).Deployment
	partition := strings.Split(g.Principal, ":")[1]
	switch {
	case id.Account != want.Account || partition != want.Partition:
		add("principal", fmt.Sprintf("%s is not of account %s (%s)", g.Principal, want.Account, want.Partition),
			"name a role of that account and list the foreign identity under trustedBy")
	case d.places.principal(g.Principal).Deployment != want:
		right := want.RoleARN(id.Name)
		if id.Kind == eventbus.PrincipalUser {
			right = want.UserARN(id.Name)
		}
		add("principal", fmt.Sprintf("%s is not where the principals of %s are", g.Principal, g.Environment), "write "+right)
	}
}

// grantFaults says what is wrong with a grant by itself.
func grantFaults(g eventbus.Grant) []eventbus.Fault {
	var faults []eventbus.Fault
	add := func(path, message, fix string) {
		faults = append(faults, eventbus.Fault{Path: path, Message: message, Fix: fix})
	}
	if _, err := eventbus.ParseIdentityARN(g.Principal); err != nil {
		add("principal", err.Error(), "")
	}
	if strings.TrimSpace(g.Purpose) == "" {
		add("purpose", "a grant needs a purpose", "say in a sentence what the access is for")
	}
	switch g.Direction {
	case eventbus.Produced:
		if g.GroupPrefix != "" {
			add("groupPrefix", "a producer has no consumer group", "leave it out")
		}
		if g.TransactionalID == "*" {
			add("transactionalId", "* is every transactional id", "write a prefix before it")
		}
	case eventbus.Consumed:
		if g.GroupPrefix == "" || g.GroupPrefix == "*" {
			add("groupPrefix", "a consumer needs the name of its group", "write the group id, or a prefix that ends in *")
		}
		if g.TransactionalID != "" || g.Idempotent {
			add("direction", "idempotent and transactionalId belong to producers", "leave them out")
		}
	default:
		add("direction", fmt.Sprintf("%q is not a direction", g.Direction), "use produce or consume")
	}
	for _, day := range []string{g.ReviewDate} {
		if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
			add("reviewDate", fmt.Sprintf("%q is not a day", day), "write it as 2026-12-31")
		}
	}
	for _, arn := range g.TrustedBy {
		if _, err := eventbus.ParseIdentityARN(arn); err != nil {
			add("trustedBy", err.Error(), "")
		}
	}
	return faults
}

// grantShown is a grant in a few words.
func grantShown(g eventbus.Grant) string {
	name := g.Principal[strings.LastIndexByte(g.Principal, ':')+1:]
	text := fmt.Sprintf("%s may %s %s", name, g.Direction, g.Topic)
	if g.GroupPrefix != "" {
		text += " in group " + g.GroupPrefix
	}
	return text
}

func revokedBy(changes []eventbus.Change) map[string]bool {
	ids := map[string]bool{}
	for _, c := range changes {
		if c.Resource == eventbus.ResourceGrant && c.Action == eventbus.ActionDelete {
			ids[c.Name] = true
		}
	}
	return ids
}

// activeByPrincipal gives the grants in force once those that are wanted are
// saved and those that go are revoked, by principal and in order of their ids.
func activeByPrincipal(stored map[string]eventbus.Grant, wanted []eventbus.Grant, revoked map[string]bool) map[string][]eventbus.Grant {
	final := maps.Clone(stored)
	for _, g := range wanted {
		if g.Active() || final[g.ID].ID != "" {
			final[g.ID] = g
		}
	}
	byPrincipal := map[string][]eventbus.Grant{}
	for _, id := range slices.Sorted(maps.Keys(final)) {
		if g := final[id]; g.Active() && !revoked[id] {
			byPrincipal[g.Principal] = append(byPrincipal[g.Principal], g)
		}
	}
	return byPrincipal
}

// diffPrincipal compares a principal with what its grants come to.
func (d *differ) diffPrincipal(c eventbus.Change, grants []eventbus.Grant) {
	have := d.seen.principals[c.Name]
	id, err := eventbus.ParseIdentityARN(c.Name)
	if err != nil {
		return // checkGrant has said so
	}
	c.Resource, c.Action = eventbus.ResourcePrincipal, eventbus.ActionUpdate
	trusted, place := trustedBy(grants), d.places.principal(c.Name)
	switch {
	case have.Foreign != "":
		d.problems.add(c, "grants.principal", have.Foreign, "name another principal, or give it into the bus's hands")
		return
	case len(grants) == 0:
		d.removePrincipal(c, place, have)
	case !d.trustFits(c, place, trusted):
		return
	case !have.Found:
		c.Action, c.New, c.Note = eventbus.ActionCreate, "role", "only identities whose own policy allows sts:AssumeRole may take it: no grant says trustedBy"
		if len(trusted) > 0 {
			c.New, c.Note = "role taken by "+strings.Join(trusted, "; "), ""
		}
		if id.Kind == eventbus.PrincipalUser {
			c.New, c.Note = "user with an access key", "its secret is shown once, within 7 days, to "+contactOf(grants)
		}
		d.add(c)
	case len(trusted) > 0 && !have.Managed:
		d.problems.add(c, "grants.trustedBy", c.Name+" was made by hand; its trust is not changed", "leave trustedBy out, or name a role that is not there yet")
	case have.Managed:
		d.diffManaged(c, grants, have)
	}
	d.diffPolicy(c, grants, have)
}

// trustFits reports whether a trust policy can name all who are trusted.
func (d *differ) trustFits(c eventbus.Change, place EnvironmentAccess, trusted []string) bool {
	if len(trusted) == 0 {
		return true
	}
	_, err := policy.ParseTrust([]byte(place.trust(trusted)))
	if err != nil && !slices.ContainsFunc(trusted, func(arn string) bool { _, bad := eventbus.ParseIdentityARN(arn); return bad != nil }) {
		d.tooMuch(c, "trustedBy", fmt.Sprintf("no trust policy can be made for %s: %v", c.Name, err))
		return false
	}
	return true
}

// diffManaged compares a principal that provisioning made with how it made it.
func (d *differ) diffManaged(c eventbus.Change, grants []eventbus.Grant, have principal) {
	trusted, place := trustedBy(grants), d.places.principal(c.Name)
	if have.Repair != "" {
		repair := c
		repair.Field, repair.New, repair.Note = "marks", have.Repair, "changed by hand; put right"
		d.add(repair)
	}
	switch {
	case have.Kind == eventbus.PrincipalRole && (len(trusted) > 0 || place.onAWS()):
		if want := place.trust(trusted); !sameTrust(have.Trust, want) {
			c.Field, c.Old, c.New = "trust", strings.Join(trustShown(have.Trust), "; "), strings.Join(trustShown(want), "; ")
			d.add(c)
		}
	case have.Kind == eventbus.PrincipalUser && !have.Offered:
		c.Field, c.New, c.Note = "access key", "new", "its secret is shown once, within 7 days, to "+contactOf(grants)
		d.add(c)
	}
}

// removePrincipal deletes what provisioning made for grants that have all ended,
// where the directory can.
func (d *differ) removePrincipal(c eventbus.Change, place EnvironmentAccess, have principal) {
	if _, can := place.Access.(Remover); !can || !have.Managed {
		return
	}
	c.Action, c.NeedsApproval, c.Old, c.Note = eventbus.ActionDelete, true, string(have.Kind), "its last grant ends"
	d.add(c)
}

func (d *differ) diffPolicy(c eventbus.Change, grants []eventbus.Grant, have principal) {
	c.Resource, c.Field, c.Note = eventbus.ResourcePolicy, "", ""
	place := d.places.principal(c.Name)
	want, err := policyOf(place.arns(), grants)
	if n := policy.Size([]byte(want)); err == nil && n > maxUserPolicy && place.onAWS() && strings.Contains(c.Name, ":user/") {
		err = fmt.Errorf("it would have %d characters without white space, AWS allows a user %d", n, maxUserPolicy)
	}
	if err != nil {
		d.tooMuch(c, "principal", fmt.Sprintf("no policy can be made for %s: %v", c.Name, err))
		return
	}
	if samePolicy(have.Policy, want) {
		return
	}
	old, new := statementsShown(have.Policy), statementsShown(want)
	c.Old, c.New = strings.Join(without(old, new), "; "), strings.Join(without(new, old), "; ")
	switch {
	case want == "":
		c.Action, c.NeedsApproval = eventbus.ActionDelete, true
	case have.Policy == "":
		c.Action = eventbus.ActionCreate
	default:
		c.Action = eventbus.ActionUpdate
	}
	d.add(c)
}

// namedGrants is how many grants a message names.
const namedGrants = 5

// tooMuch says that there is no room for what the manifest grants a principal
// beside what it has, and names the grants.
func (d *differ) tooMuch(c eventbus.Change, field, message string) {
	var ids []string
	for _, g := range d.m.Grants {
		if g.Principal == c.Name && g.Active() {
			ids = append(ids, g.ID)
		}
	}
	path, fix := "grants."+field, "give the further access to another principal"
	switch n := len(ids); {
	case n == 1:
		path = "grants[" + ids[0] + "]." + field
	case n > namedGrants:
		fix += fmt.Sprintf(": one or more of %s and %d more", strings.Join(ids[:namedGrants], ", "), n-namedGrants)
	case n > 1:
		fix += ": one or more of " + strings.Join(ids, ", ")
	}
	d.problems.add(c, path, message, fix)
}

func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
}

// trustedBy is the union of what the grants of one role say.
func trustedBy(grants []eventbus.Grant) []string {
	var arns []string
	for _, g := range grants {
		arns = append(arns, g.TrustedBy...)
	}
	slices.Sort(arns)
	return slices.Compact(arns)
}

func contactOf(grants []eventbus.Grant) string {
	for _, g := range grants {
		if g.Contact != "" {
			return g.Contact
		}
	}
	for _, g := range grants {
		if g.Team != "" {
			return "team " + g.Team
		}
	}
	return "an operator"
}

// trustDocument lets exactly the given identities assume a role.
func trustDocument(arns []string) string {
	return string(mustJSON(map[string]any{"Version": policy.Version, "Statement": []any{map[string]any{
		"Effect": "Allow", "Principal": map[string]any{"AWS": arns}, "Action": policy.AssumeRole}}}))
}

// accountTrust is the trust of a role whose grants name nobody: as AWS has it,
// the account's own identities whose policies allow sts:AssumeRole on the role.
func accountTrust(d eventbus.Deployment) string {
	return trustDocument([]string{"arn:" + d.Partition + ":iam::" + d.Account + ":root"})
}

func sameTrust(a, b string) bool {
	x, errX := policy.ParseTrust([]byte(a))
	y, errY := policy.ParseTrust([]byte(b))
	return errX == nil && errY == nil && x.String() == y.String()
}

func samePolicy(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := policy.Parse([]byte(a))
	y, errY := policy.Parse([]byte(b))
	return errX == nil && errY == nil && x.String() == y.String()
}

// trustShown lists who a trust document names.
func trustShown(document string) []string {
	var doc struct {
		Statement []struct{ Principal struct{ AWS texts } }
	}
	if json.Unmarshal([]byte(document), &doc) != nil {
		return []string{"a policy of its own"}
	}
	var arns []string
	for _, s := range doc.Statement {
		arns = append(arns, s.Principal.AWS...)
	}
	return arns
}
