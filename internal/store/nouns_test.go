package store_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// same asserts that what is read is what was written.
func same(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got\n%+v\nwant\n%+v", got, want)
	}
}

// names gives the names of a list, in order.
func names[T any](list []T, name func(T) string) string {
	var all []string
	for _, v := range list {
		all = append(all, name(v))
	}
	return strings.Join(all, " ")
}

func environments(t *testing.T, b *bus) {
	ctx := t.Context()
	demo := eventbus.DemoEnvironments()
	ok(t, b.SaveEnvironments(ctx, []eventbus.Environment{demo[2], demo[0], demo[1]}))
	same(t, must[[]eventbus.Environment](t)(b.Environments(ctx)), demo)
	ok(t, b.SaveEnvironments(ctx, demo[:1]))
	same(t, must[[]eventbus.Environment](t)(b.Environments(ctx)), demo[:1])
	refused(t, b.SaveEnvironments(ctx, []eventbus.Environment{demo[1], demo[1]}), eventbus.CodeConflict)
	same(t, must[[]eventbus.Environment](t)(b.Environments(ctx)), demo[:1])
}

func logStarts(t *testing.T, b *bus) {
	ctx := t.Context()
	for _, offset := range []int64{10, 1 << 40, 7} {
		ok(t, b.SaveLogStart(ctx, "dev_claims", 3, offset))
	}
	ok(t, b.SaveLogStart(ctx, "dev_claims", 0, 0))
	ok(t, b.SaveLogStart(ctx, "dev_health", 0, 5))
	same(t, must[map[string]map[int32]int64](t)(b.LogStarts(ctx)), map[string]map[int32]int64{"dev_claims": {0: 0, 3: 1 << 40}, "dev_health": {0: 5}})
	ok(t, b.DeleteLogStarts(ctx, "dev_claims"))
	same(t, must[map[string]map[int32]int64](t)(b.LogStarts(ctx)), map[string]map[int32]int64{"dev_health": {0: 5}})
}

func schemaRecords(t *testing.T, b *bus) {
	ctx := t.Context()
	var copies registry.Copies = b.SchemaCopies()
	kept := func() []registry.Record {
		t.Helper()
		var list []registry.Record
		ok(t, copies.ReadRecords(ctx, 0, func(r registry.Record) error { list = append(list, r); return nil }))
		return list
	}
	records := []registry.Record{
		{Offset: 0, Time: day, Key: []byte(`{"keytype":"SCHEMA"}`), Value: []byte("{\"a\":\x001}\xff"), Author: "kim", RequestID: "r", Since: day, HighIDs: map[string]int{".": 7}},
		{Offset: 1, Key: []byte("k"), Value: nil},
		{Offset: 5, Key: nil, Value: []byte{}},
	}
	end := func() int64 {
		t.Helper()
		last, err := copies.LastOffset(ctx)
		ok(t, err)
		return last
	}
	same(t, end(), int64(-1))
	ok(t, copies.AppendRecords(ctx, records))
	ok(t, copies.AppendRecords(ctx, records[1:])) // the same again
	same(t, kept(), records)
	same(t, end(), int64(5))
	var late []registry.Record
	ok(t, copies.ReadRecords(ctx, 2, func(r registry.Record) error { late = append(late, r); return nil }))
	same(t, late, records[2:])
	for name, other := range map[string]registry.Record{
		"another value":         {Offset: 0, Key: records[0].Key, Value: []byte("other")},
		"a value, no tombstone": {Offset: 1, Key: []byte("k"), Value: []byte{}},
		"another key":           {Offset: 1, Key: []byte("other")},
	} {
		err := copies.AppendRecords(ctx, []registry.Record{{Offset: 9, Key: []byte("new")}, other})
		if eventbus.CodeOf(err) != eventbus.CodeConflict {
			t.Errorf("%s: %v", name, err)
		}
	}
	same(t, kept(), records)
	stop := errors.New("enough")
	if err := copies.ReadRecords(ctx, 0, func(registry.Record) error { return stop }); err != stop {
		t.Errorf("reading ended with %v", err)
	}
	ok(t, copies.ForgetRecords(ctx))
	same(t, kept(), []registry.Record(nil))
}

func iamNouns(t *testing.T, b *bus) {
	ctx := t.Context()
	user := must[eventbus.IAMUser](t)(b.SaveUser(ctx, eventbus.IAMUser{Name: "forwarder", ARN: "arn:u", Policies: []eventbus.AttachedPolicy{{Name: "p", Document: "{ }"}}, CreatedAt: day}))
	role := must[eventbus.IAMRole](t)(b.SaveRole(ctx, eventbus.IAMRole{Name: "producer", Trust: "{\n}", MaxSession: time.Hour}))
	must[eventbus.IAMRole](t)(b.SaveRole(ctx, eventbus.IAMRole{Name: "Consumer"}))
	key := must[eventbus.AccessKey](t)(b.SaveAccessKey(ctx, eventbus.AccessKey{ID: "AKIA1", User: "forwarder", Sealed: []byte{0, 255}, CreatedAt: day}))
	same(t, must[eventbus.IAMUser](t)(b.User(ctx, "forwarder")), user)
	same(t, must[eventbus.IAMRole](t)(b.Role(ctx, "producer")), role)
	same(t, must[eventbus.AccessKey](t)(b.AccessKey(ctx, "AKIA1")), key)
	ok(t, b.TouchAccessKey(ctx, "AKIA1", day.Add(time.Hour)))
	ok(t, b.TouchAccessKey(ctx, "AKIA1", day))
	ok(t, b.TouchAccessKey(ctx, "AKIA9", day))
	key.Disabled = true
	key = must[eventbus.AccessKey](t)(b.SaveAccessKey(ctx, key))
	key.LastUsed = day.Add(time.Hour)
	same(t, must[[]eventbus.AccessKey](t)(b.AccessKeys(ctx, "forwarder")), []eventbus.AccessKey{key})
	same(t, must[[]eventbus.AccessKey](t)(b.AccessKeys(ctx, "")), []eventbus.AccessKey{key})
	same(t, must[[]eventbus.AccessKey](t)(b.AccessKeys(ctx, "nobody")), []eventbus.AccessKey{})
	same(t, names(must[[]eventbus.IAMRole](t)(b.Roles(ctx)), func(r eventbus.IAMRole) string { return r.Name }), "Consumer producer")
	same(t, names(must[[]eventbus.IAMUser](t)(b.Users(ctx)), func(u eventbus.IAMUser) string { return u.Name }), "forwarder")

	_, err := b.SaveAccessKey(ctx, eventbus.AccessKey{ID: "AKIA2", User: "nobody"})
	refused(t, err, eventbus.CodeNotFound)
	refused(t, b.DeleteUser(ctx, "nobody", entry("iam.user.delete", "nobody")), eventbus.CodeNotFound)
	refused(t, b.DeleteAccessKey(ctx, "AKIA2"), eventbus.CodeNotFound)
	ok(t, b.DeleteRole(ctx, "producer"))
	ok(t, b.DeleteUser(ctx, "forwarder", entry("iam.user.delete", "forwarder")))
	_, err = b.AccessKey(ctx, "AKIA1") // goes with its user
	refused(t, err, eventbus.CodeNotFound)
	_, err = b.Role(ctx, "producer")
	refused(t, err, eventbus.CodeNotFound)
	checkChain(t, b, 1) // the refused deletion is not in the record
}

func iamVersion(t *testing.T, b *bus) {
	ctx := t.Context()
	last := must[int64](t)(b.IAMVersion(ctx))
	moves := func(name string, want bool, err error) {
		t.Helper()
		now := must[int64](t)(b.IAMVersion(ctx))
		if now > last != want || now < last {
			t.Errorf("%s: version %d after %d (%v)", name, now, last, err)
		}
		last = now
	}
	_, err := b.SaveUser(ctx, eventbus.IAMUser{Name: "u"})
	moves("a new user", true, err)
	_, err = b.SaveUser(ctx, eventbus.IAMUser{Name: "u"})
	moves("a refused save", false, err)
	_, err = b.SaveAccessKey(ctx, eventbus.AccessKey{ID: "k", User: "u"})
	moves("a new key", true, err)
	moves("a key in use", false, b.TouchAccessKey(ctx, "k", day))
	_, err = b.SaveRole(ctx, eventbus.IAMRole{Name: "r"})
	moves("a new role", true, err)
	moves("a deleted role", true, b.DeleteRole(ctx, "r"))
	moves("a deleted key", true, b.DeleteAccessKey(ctx, "k"))
	moves("a deleted user", true, b.DeleteUser(ctx, "u"))
	_, err = b.SaveEvent(ctx, eventbus.Event{Name: "e"})
	moves("a change of the catalog", false, err)
}

func people(t *testing.T, b *bus) {
	ctx := t.Context()
	kim := eventbus.Person{ID: "kim", Name: "Kim", Roles: []eventbus.Role{eventbus.RoleOwner}, Teams: []string{"claims"}}
	ok(t, b.SavePerson(ctx, eventbus.Person{ID: "kim"}))
	ok(t, b.SavePerson(ctx, kim, entry("person.change", "kim")))
	same(t, must[eventbus.Person](t)(b.Person(ctx, "kim")), kim)
	same(t, must[[]eventbus.Person](t)(b.People(ctx)), []eventbus.Person{kim})
	_, err := b.Person(ctx, "Kim")
	refused(t, err, eventbus.CodeNotFound)

	session := eventbus.Session{Hash: "h", Person: kim, CreatedAt: day, LastSeen: day, ExpiresAt: day.Add(time.Hour)}
	ok(t, b.SaveSession(ctx, session))
	session.LastSeen = day.Add(time.Minute)
	ok(t, b.SaveSession(ctx, session))
	same(t, must[eventbus.Session](t)(b.Session(ctx, "h")), session)
	ok(t, b.PruneSessions(ctx, session.ExpiresAt))
	must[eventbus.Session](t)(b.Session(ctx, "h"))
	ok(t, b.PruneSessions(ctx, session.ExpiresAt.Add(time.Second)))
	_, err = b.Session(ctx, "h")
	refused(t, err, eventbus.CodeNotFound)
	ok(t, b.SaveSession(ctx, session))
	ok(t, b.TouchSession(ctx, "h", day.Add(5*time.Minute)))
	ok(t, b.TouchSession(ctx, "h", day))
	session.LastSeen = day.Add(5 * time.Minute)
	same(t, must[eventbus.Session](t)(b.Session(ctx, "h")), session)
	ok(t, b.SaveSession(ctx, eventbus.Session{Hash: "h2", Person: kim, ExpiresAt: day}))
	ok(t, b.SaveSession(ctx, eventbus.Session{Hash: "h3", Person: eventbus.Person{ID: "lee"}, ExpiresAt: day}))
	ok(t, b.DeleteSessionsOf(ctx, "kim", entry("logout.everywhere", "kim")))
	for _, gone := range []string{"h", "h2"} {
		_, err = b.Session(ctx, gone)
		refused(t, err, eventbus.CodeNotFound)
	}
	must[eventbus.Session](t)(b.Session(ctx, "h3"))
	refused(t, b.TouchSession(ctx, "h", day.Add(time.Hour)), eventbus.CodeNotFound) // what has ended stays so
	ok(t, b.SaveSession(ctx, session))
	ok(t, b.DeleteSession(ctx, "h"))
	ok(t, b.DeleteSession(ctx, "h"))
	_, err = b.Session(ctx, "h")
	refused(t, err, eventbus.CodeNotFound)

	old := eventbus.APIToken{ID: "t1", Name: "ci", Person: "kim", Hash: "x1", Scopes: []string{"read"}, CreatedAt: day, ExpiresAt: day.Add(time.Hour)}
	young := eventbus.APIToken{ID: "t2", Person: "kim", Hash: "x2", CreatedAt: day.Add(time.Second)}
	ok(t, b.SaveToken(ctx, old, entry("token.create", "t1")))
	ok(t, b.SaveToken(ctx, young))
	refused(t, b.SaveToken(ctx, old), eventbus.CodeConflict)
	refused(t, b.SaveToken(ctx, eventbus.APIToken{ID: "t3", Hash: "x1"}), eventbus.CodeConflict)
	same(t, must[eventbus.APIToken](t)(b.TokenByHash(ctx, "x1")), old)
	same(t, must[[]eventbus.APIToken](t)(b.Tokens(ctx, "kim")), []eventbus.APIToken{young, old})
	same(t, must[[]eventbus.APIToken](t)(b.Tokens(ctx, "")), []eventbus.APIToken{young, old})
	same(t, must[[]eventbus.APIToken](t)(b.Tokens(ctx, "lee")), []eventbus.APIToken{})
	ok(t, b.TouchToken(ctx, "t1", day.Add(time.Minute)))
	ok(t, b.TouchToken(ctx, "t1", day))
	ok(t, b.RevokeToken(ctx, "t1", day.Add(time.Hour), entry("token.revoke", "t1")))
	ok(t, b.RevokeToken(ctx, "t1", day.Add(2*time.Hour)))
	refused(t, b.RevokeToken(ctx, "t9", day, entry("token.revoke", "t9")), eventbus.CodeNotFound)
	old.LastUsed, old.RevokedAt = day.Add(time.Minute), day.Add(time.Hour)
	same(t, must[eventbus.APIToken](t)(b.TokenByHash(ctx, "x1")), old)
	_, err = b.TokenByHash(ctx, "X1")
	refused(t, err, eventbus.CodeNotFound)
	checkChain(t, b, 4)
}

func catalog(t *testing.T, b *bus) {
	ctx := t.Context()
	e := must[eventbus.Event](t)(b.SaveEvent(ctx, eventbus.Event{Name: "claim-received", Title: "Claim <received>", Schema: "{ \"type\":\n\"record\"}",
		Problems: []eventbus.Fault{{Path: "p", Message: "m", Line: 3}}, Source: "a file", Topics: []eventbus.EventTopic{{Environment: "dev", Name: "dev_c"}},
		UpdatedAt: day}, entry("event.create", "claim-received")))
	same(t, must[eventbus.Event](t)(b.Event(ctx, "claim-received")), e)
	must[eventbus.Event](t)(b.SaveEvent(ctx, eventbus.Event{Name: "Z"}))
	same(t, names(must[[]eventbus.Event](t)(b.Events(ctx)), func(e eventbus.Event) string { return e.Name }), "Z claim-received")
	component := must[eventbus.System](t)(b.SaveSystem(ctx, eventbus.System{Name: "payments", Kind: "Component", Subscribes: []string{"claim-received"}}))
	system := must[eventbus.System](t)(b.SaveSystem(ctx, eventbus.System{Name: "payments", Kind: "System"}))
	same(t, must[[]eventbus.System](t)(b.Systems(ctx)), []eventbus.System{component, system})
	before := must[int64](t)(b.CatalogVersion(ctx))
	ok(t, b.DeleteSystem(ctx, "Component", "payments"))
	ok(t, b.DeleteEvent(ctx, "claim-received", entry("event.delete", "claim-received")))
	if now := must[int64](t)(b.CatalogVersion(ctx)); now <= before {
		t.Errorf("the catalog's version is %d after %d", now, before)
	}
	refused(t, b.DeleteEvent(ctx, "claim-received"), eventbus.CodeNotFound)
	refused(t, b.DeleteSystem(ctx, "Component", "payments"), eventbus.CodeNotFound)
	_, err := b.Event(ctx, "claim-received")
	refused(t, err, eventbus.CodeNotFound)
	same(t, must[[]eventbus.System](t)(b.Systems(ctx)), []eventbus.System{system})
	checkChain(t, b, 2)
}

func grants(t *testing.T, b *bus) {
	ctx := t.Context()
	save := func(id, event, environment, principal string, direction eventbus.Direction) eventbus.Grant {
		return must[eventbus.Grant](t)(b.SaveGrant(ctx, eventbus.Grant{ID: id, Event: event, Environment: environment, Topic: environment + "_" + event,
			Principal: principal, Direction: direction, Purpose: "p", RequestID: "r" + id, CreatedAt: day}))
	}
	g1 := save("1", "claim", "dev", "arn:a", eventbus.Produced)
	save("2", "claim", "prod", "arn:a", eventbus.Produced)
	save("3", "claim", "dev", "arn:b", eventbus.Consumed)
	g1.RevokedAt = day.Add(time.Hour)
	g1 = must[eventbus.Grant](t)(b.SaveGrant(ctx, g1, entry("grant.revoke", "1")))
	same(t, must[eventbus.Grant](t)(b.Grant(ctx, "1")), g1)
	for _, test := range []struct {
		query eventbus.GrantQuery
		want  string
	}{
		{eventbus.GrantQuery{}, "1 2 3"},
		{eventbus.GrantQuery{ActiveOnly: true}, "2 3"},
		{eventbus.GrantQuery{Event: "claim", Environment: "dev"}, "1 3"},
		{eventbus.GrantQuery{Principal: "arn:a", ActiveOnly: true}, "2"},
		{eventbus.GrantQuery{Direction: eventbus.Consumed}, "3"},
		{eventbus.GrantQuery{Topic: "prod_claim"}, "2"},
		{eventbus.GrantQuery{RequestID: "r3"}, "3"},
		{eventbus.GrantQuery{Event: "Claim"}, ""},
	} {
		got := names(must[[]eventbus.Grant](t)(b.Grants(ctx, test.query)), func(g eventbus.Grant) string { return g.ID })
		if got != test.want {
			t.Errorf("%+v: %q, want %q", test.query, got, test.want)
		}
	}
	_, err := b.Grant(ctx, "4")
	refused(t, err, eventbus.CodeNotFound)
	checkChain(t, b, 1)
}

func wanted(t *testing.T, b *bus) {
	ctx := t.Context()
	list := func(m ...eventbus.EventManifest) []eventbus.EventManifest { return m }
	m := eventbus.EventManifest{Event: eventbus.Event{Name: "claim"}, Remove: []string{"dev"}, Topics: []eventbus.TopicManifest{{Environment: "dev",
		Topic: eventbus.Topic{Name: "dev_claim", Partitions: 3, Configs: map[string]string{"retention.ms": "1"}}, ValueSchema: "{ }", Guard: eventbus.SchemaGuardWarn}}}
	same(t, must[[]eventbus.EventManifest](t)(b.Wanted(ctx)), []eventbus.EventManifest{})
	ok(t, b.SaveWanted(ctx, list(eventbus.EventManifest{Event: eventbus.Event{Name: "claim"}})))
	ok(t, b.SaveWanted(ctx, list(m), entry("manifest.save", "claim")))
	other := eventbus.EventManifest{Event: eventbus.Event{Name: "B"}}
	ok(t, b.SaveWanted(ctx, list(other)))
	same(t, must[[]eventbus.EventManifest](t)(b.Wanted(ctx)), list(other, m))
	ok(t, b.SaveWanted(ctx, nil, entry("nothing", "")))
	refused(t, b.SaveWanted(ctx, list(eventbus.EventManifest{Event: eventbus.Event{Name: "C"}}, eventbus.EventManifest{Event: eventbus.Event{Name: "\xff"}}), entry("manifest.save", "C")), eventbus.CodeInvalid)
	same(t, must[[]eventbus.EventManifest](t)(b.Wanted(ctx)), list(other, m)) // all or none
	checkChain(t, b, 1)
}

// wantedSince: whoever knows a version reads what came after it, and nothing else.
func wantedSince(t *testing.T, b *bus) {
	ctx := t.Context()
	save := func(names ...string) {
		t.Helper()
		var list []eventbus.EventManifest
		for _, name := range names {
			list = append(list, eventbus.EventManifest{Event: eventbus.Event{Name: name}})
		}
		ok(t, b.SaveWanted(ctx, list))
	}
	version := int64(-1)
	since := func(want string) {
		t.Helper()
		list, newest, err := b.WantedSince(ctx, version)
		ok(t, err)
		if got := names(list, func(m eventbus.EventManifest) string { return m.Event.Name }); got != want || newest < version {
			t.Fatalf("since %d: %q up to %d, want %q", version, got, newest, want)
		}
		version = newest
	}
	since("")
	save("b", "a")
	since("a b")
	since("")
	save("c")
	save("a")
	since("a c")
	save("c", "c")
	since("c")
	version = -1
	since("a b c")
	version = 1 << 40 // of another database
	since("")
}

func plans(t *testing.T, b *bus) {
	ctx := t.Context()
	p := eventbus.Plan{ID: "p1", Source: "request r", WorldHash: "w", MadeAt: day, Changes: []eventbus.Change{
		{Action: eventbus.ActionCreate, Resource: eventbus.ResourceTopic, Name: "dev_claim"},
		{Action: eventbus.ActionCreate, Resource: eventbus.ResourceSchema, Name: "dev_claim-value"}}}
	ok(t, b.SavePlan(ctx, p, entry("plan", "p1")))
	refused(t, b.SavePlan(ctx, p), eventbus.CodeConflict)
	unfinished := func(want string) {
		t.Helper()
		same(t, names(must[[]eventbus.Plan](t)(b.UnfinishedPlans(ctx)), func(p eventbus.Plan) string { return p.ID }), want)
	}
	unfinished("") // only looked at so far
	step := eventbus.Step{PlanID: "p1", Index: 0, State: eventbus.StepFailed, Attempts: 1, Error: "no disk", At: day}
	ok(t, b.SaveSteps(ctx, []eventbus.Step{step}, entry("apply", "dev_claim")))
	unfinished("p1")
	plan, steps, err := b.Plan(ctx, "p1")
	ok(t, err)
	step.Change = p.Changes[0]
	same(t, plan, p)
	same(t, steps, []eventbus.Step{step, {PlanID: "p1", Index: 1, Change: p.Changes[1], State: eventbus.StepWaiting}})
	for _, i := range []int{0, 1, 1} {
		unfinished("p1")
		ok(t, b.SaveSteps(ctx, []eventbus.Step{eventbus.Step{PlanID: "p1", Index: i, State: eventbus.StepDone, At: day}}))
		if i == 0 { // done, undone, done again
			ok(t, b.SaveSteps(ctx, []eventbus.Step{eventbus.Step{PlanID: "p1", Index: 0, State: eventbus.StepRunning, At: day}}))
			ok(t, b.SaveSteps(ctx, []eventbus.Step{eventbus.Step{PlanID: "p1", Index: 0, State: eventbus.StepDone, At: day}}))
			continue
		}
		break
	}
	unfinished("")
	refused(t, b.SaveSteps(ctx, []eventbus.Step{eventbus.Step{PlanID: "p1", Index: 2}}), eventbus.CodeInvalid)
	refused(t, b.SaveSteps(ctx, []eventbus.Step{eventbus.Step{PlanID: "p1", Index: -1}}), eventbus.CodeInvalid)
	refused(t, b.SaveSteps(ctx, []eventbus.Step{eventbus.Step{PlanID: "p9", Index: 0}}, entry("apply", "")), eventbus.CodeNotFound)
	_, _, err = b.Plan(ctx, "p9")
	refused(t, err, eventbus.CodeNotFound)

	p.ID = "p2"
	ok(t, b.SavePlan(ctx, p))
	ok(t, b.SaveSteps(ctx, []eventbus.Step{eventbus.Step{PlanID: "p2", State: eventbus.StepRunning}}))
	unfinished("p2")
	ok(t, b.AbandonPlan(ctx, "p2", entry("plan.abandon", "p2")))
	ok(t, b.SaveSteps(ctx, []eventbus.Step{eventbus.Step{PlanID: "p2", State: eventbus.StepDone}}))
	unfinished("")
	refused(t, b.AbandonPlan(ctx, "p9"), eventbus.CodeNotFound)
	checkChain(t, b, 3)
}

func usage(t *testing.T, b *bus) {
	ctx := t.Context()
	bucket := func(width time.Duration, start int, topic, principal string, direction eventbus.Direction, schema int) eventbus.UsageBucket {
		at := day.Truncate(time.Hour).Add(time.Duration(start) * time.Hour)
		return eventbus.UsageBucket{Start: at, Width: width, Usage: eventbus.Usage{Topic: topic, Principal: principal, Direction: direction,
			SchemaID: schema, FirstSeen: at.Add(time.Minute), LastSeen: at.Add(2 * time.Minute), Records: 2, Bytes: 100}}
	}
	a := bucket(time.Hour, 0, "claim", "arn:p", eventbus.Produced, 7)
	early, late := a, a
	early.FirstSeen, late.LastSeen = a.FirstSeen.Add(-time.Second), a.LastSeen.Add(time.Second)
	c := bucket(time.Hour, 0, "claim", "arn:c", eventbus.Consumed, 7)
	c.Group = "g"
	daily := bucket(24*time.Hour, -1, "claim", "arn:p", eventbus.Produced, 7)
	next := bucket(time.Hour, 1, "health", "arn:p", eventbus.Produced, 0)
	ok(t, b.AddUsage(ctx, nil))
	ok(t, b.AddUsage(ctx, []eventbus.UsageBucket{a, c, early, daily}))
	ok(t, b.AddUsage(ctx, []eventbus.UsageBucket{late, next}))
	a.FirstSeen, a.LastSeen, a.Records, a.Bytes = early.FirstSeen, late.LastSeen, 6, 300
	for _, test := range []struct {
		name  string
		query eventbus.UsageQuery
		want  []eventbus.UsageBucket
	}{
		{"all", eventbus.UsageQuery{}, []eventbus.UsageBucket{daily, c, a, next}},
		{"topic and direction", eventbus.UsageQuery{Topic: "claim", Direction: eventbus.Consumed}, []eventbus.UsageBucket{c}},
		{"principal by the hour", eventbus.UsageQuery{Principal: "arn:p", Width: time.Hour}, []eventbus.UsageBucket{a, next}},
		{"group", eventbus.UsageQuery{Group: "g"}, []eventbus.UsageBucket{c}},
		{"since", eventbus.UsageQuery{Since: next.Start}, []eventbus.UsageBucket{next}},
		{"until", eventbus.UsageQuery{Until: a.Start}, []eventbus.UsageBucket{daily}},
		{"none", eventbus.UsageQuery{Topic: "none"}, []eventbus.UsageBucket{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			same(t, must[[]eventbus.UsageBucket](t)(b.Usage(context.Background(), test.query)), test.want)
		})
	}
	ok(t, b.PruneUsage(ctx, next.Start, daily.Start))
	same(t, must[[]eventbus.UsageBucket](t)(b.Usage(ctx, eventbus.UsageQuery{})), []eventbus.UsageBucket{daily, next})
	ok(t, b.PruneUsage(ctx, next.Start, daily.Start.Add(time.Second)))
	same(t, must[[]eventbus.UsageBucket](t)(b.Usage(ctx, eventbus.UsageQuery{})), []eventbus.UsageBucket{next})
}

func leases(t *testing.T, b *bus) {
	take := func(holder string, wantFence int64, want bool) {
		t.Helper()
		fence, held, err := b.TakeLease(t.Context(), "reconciler", holder, time.Minute)
		if err != nil || held != want || fence != wantFence {
			t.Fatalf("%s: fence %d, %v, %v; want %d, %v", holder, fence, held, err, wantFence, want)
		}
	}
	take("a", 1, true)
	take("b", 0, false)
	b.clock.t = b.clock.t.Add(30 * time.Second)
	take("a", 1, true) // kept
	b.clock.t = b.clock.t.Add(59 * time.Second)
	take("b", 0, false)
	b.clock.t = b.clock.t.Add(time.Second)
	take("b", 2, true) // expired
	take("a", 0, false)
	ok(t, b.ReleaseLease(t.Context(), "reconciler", "a"))
	take("a", 0, false) // not its own
	ok(t, b.ReleaseLease(t.Context(), "reconciler", "b"))
	take("a", 3, true)
	if fence, held, err := b.TakeLease(t.Context(), "other", "b", time.Minute); !held || fence != 1 || err != nil {
		t.Error("another lease is not free")
	}
}

func leasesConcurrent(t *testing.T, b *bus) {
	var held atomic.Int64
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			_, got, err := b.TakeLease(context.Background(), "reconciler", fmt.Sprint(i), time.Minute)
			if err != nil {
				t.Error(err)
			}
			if got {
				held.Add(1)
			}
		})
	}
	wg.Wait()
	if held.Load() != 1 {
		t.Errorf("%d hold the lease", held.Load())
	}
}

// Every noun with a version follows the same rule, and its audit entries do.
func versions(t *testing.T, b *bus) {
	ctx := t.Context()
	must[eventbus.IAMUser](t)(b.SaveUser(ctx, eventbus.IAMUser{Name: "owner"}))
	tests := map[string]func(version int64, e eventbus.AuditEntry) (int64, error){
		"user": func(v int64, e eventbus.AuditEntry) (int64, error) {
			x, err := b.SaveUser(ctx, eventbus.IAMUser{Name: "x", Version: v}, e)
			return x.Version, err
		},
		"role": func(v int64, e eventbus.AuditEntry) (int64, error) {
			x, err := b.SaveRole(ctx, eventbus.IAMRole{Name: "x", Version: v}, e)
			return x.Version, err
		},
		"access key": func(v int64, e eventbus.AuditEntry) (int64, error) {
			x, err := b.SaveAccessKey(ctx, eventbus.AccessKey{ID: "x", User: "owner", Version: v}, e)
			return x.Version, err
		},
		"event": func(v int64, e eventbus.AuditEntry) (int64, error) {
			x, err := b.SaveEvent(ctx, eventbus.Event{Name: "x", Version: v}, e)
			return x.Version, err
		},
		"system": func(v int64, e eventbus.AuditEntry) (int64, error) {
			x, err := b.SaveSystem(ctx, eventbus.System{Kind: "System", Name: "x", Version: v}, e)
			return x.Version, err
		},
		"grant": func(v int64, e eventbus.AuditEntry) (int64, error) {
			x, err := b.SaveGrant(ctx, eventbus.Grant{ID: "x", Version: v}, e)
			return x.Version, err
		},
		"request": func(v int64, e eventbus.AuditEntry) (int64, error) {
			x, err := b.SaveRequest(ctx, eventbus.Request{ID: "x", Submitter: "kim", Version: v}, []eventbus.AuditEntry{e}, nil)
			return x.Version, err
		},
	}
	for noun, save := range tests {
		for _, step := range []struct {
			name          string
			version, want int64 // want 0: refused
		}{
			{"update before insert", 1, 0},
			{"insert", 0, 1},
			{"insert again", 0, 0},
			{"update", 1, 2},
			{"stale update", 1, 0},
			{"update from the future", 3, 0},
			{"update again", 2, 3},
		} {
			before := len(entries(t, b))
			got, err := save(step.version, entry(noun, step.name))
			code, written := eventbus.Code(""), 1
			if step.want == 0 {
				code, written = eventbus.CodeConflict, 0
			}
			if after := len(entries(t, b)); got != step.want || eventbus.CodeOf(err) != code || after != before+written {
				t.Errorf("%s, %s: version %d, %v, %d entries; want %d", noun, step.name, got, err, after-before, step.want)
			}
		}
	}
}
