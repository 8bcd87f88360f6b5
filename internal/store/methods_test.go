package store_test

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
	"github.com/enterprise-event-bus/eventbus/internal/store"
)

// fails gives the error of a call and drops what else it gives.
func fails[T any](_ T, err error) error { return err }

// writes has a call of every method that changes something; each would succeed, or
// say that the thing is not there.
func writes(b *bus) map[string]func(context.Context) error {
	note := eventbus.Notification{ID: "n", At: day, To: eventbus.Audience{Person: "kim"}}
	step := eventbus.Step{PlanID: "p", State: eventbus.StepRunning}
	e := entry("test", "x")
	return map[string]func(context.Context) error{
		"AppendAudit": func(ctx context.Context) error { return fails(b.AppendAudit(ctx, e)) },
		"SaveEvent":   func(ctx context.Context) error { return fails(b.SaveEvent(ctx, eventbus.Event{Name: "x"}, e)) },
		"DeleteEvent": func(ctx context.Context) error { return b.DeleteEvent(ctx, "x", e) },
		"SaveSystem": func(ctx context.Context) error {
			return fails(b.SaveSystem(ctx, eventbus.System{Kind: "System", Name: "x"}, e))
		},
		"DeleteSystem":     func(ctx context.Context) error { return b.DeleteSystem(ctx, "System", "x", e) },
		"SaveEnvironments": func(ctx context.Context) error { return b.SaveEnvironments(ctx, eventbus.DemoEnvironments()) },
		"SaveLogStart":     func(ctx context.Context) error { return b.SaveLogStart(ctx, "t", 0, 1) },
		"DeleteLogStarts":  func(ctx context.Context) error { return b.DeleteLogStarts(ctx, "t") },
		"SaveGrant":        func(ctx context.Context) error { return fails(b.SaveGrant(ctx, eventbus.Grant{ID: "x"}, e)) },
		"SaveUser":         func(ctx context.Context) error { return fails(b.SaveUser(ctx, eventbus.IAMUser{Name: "x"}, e)) },
		"DeleteUser":       func(ctx context.Context) error { return b.DeleteUser(ctx, "x", e) },
		"SaveRole":         func(ctx context.Context) error { return fails(b.SaveRole(ctx, eventbus.IAMRole{Name: "x"}, e)) },
		"DeleteRole":       func(ctx context.Context) error { return b.DeleteRole(ctx, "x", e) },
		"SaveAccessKey": func(ctx context.Context) error {
			return fails(b.SaveAccessKey(ctx, eventbus.AccessKey{ID: "x", User: "x"}, e))
		},
		"TouchAccessKey":  func(ctx context.Context) error { return b.TouchAccessKey(ctx, "x", day) },
		"DeleteAccessKey": func(ctx context.Context) error { return b.DeleteAccessKey(ctx, "x", e) },
		"ClaimCall": func(ctx context.Context) error {
			_, _, err := b.ClaimCall(ctx, eventbus.IdempotentCall{Key: "x", At: day}, day)
			return err
		},
		"SettleCall": func(ctx context.Context) error {
			return b.SettleCall(ctx, eventbus.IdempotentCall{Key: "x", Status: 200})
		},
		"ForgetCall": func(ctx context.Context) error { return b.ForgetCall(ctx, "x") },
		"SaveKeyOffer": func(ctx context.Context) error {
			return fails(b.SaveKeyOffer(ctx, eventbus.KeyOffer{User: "x"}, nil, e))
		},
		"DeleteKeyOffer": func(ctx context.Context) error { return b.DeleteKeyOffer(ctx, "x") },
		"TakeLease":      func(ctx context.Context) error { _, _, err := b.TakeLease(ctx, "other", "x", time.Minute); return err },
		"ReleaseLease":   func(ctx context.Context) error { return b.ReleaseLease(ctx, "other", "x") },
		"HoldLease": func(ctx context.Context) error {
			_, _, _, err := b.HoldLease(ctx, "third", "x", time.Minute)
			return err
		},
		"SaveNotifications": func(ctx context.Context) error { return b.SaveNotifications(ctx, []eventbus.Notification{note}) },
		"MarkRead":          func(ctx context.Context) error { return b.MarkRead(ctx, "kim", "n") },
		"PendingDeliveries": func(ctx context.Context) error { return fails(b.PendingDeliveries(ctx, "mail", 0)) }, // it claims them
		"MarkDelivered":     func(ctx context.Context) error { return b.MarkDelivered(ctx, "n", "mail") },
		"MarkFailed":        func(ctx context.Context) error { return b.MarkFailed(ctx, "n", "mail", "no") },
		"SavePerson":        func(ctx context.Context) error { return b.SavePerson(ctx, eventbus.Person{ID: "x"}, e) },
		"SaveSession":       func(ctx context.Context) error { return b.SaveSession(ctx, eventbus.Session{Hash: "x"}) },
		"DeleteSession":     func(ctx context.Context) error { return b.DeleteSession(ctx, "x") },
		"TouchSession":      func(ctx context.Context) error { return b.TouchSession(ctx, "x", day) },
		"DeleteSessionsOf":  func(ctx context.Context) error { return b.DeleteSessionsOf(ctx, "x", e) },
		"SaveDeviceLogin": func(ctx context.Context) error {
			return b.SaveDeviceLogin(ctx, eventbus.DeviceLogin{Code: "X", StartedAt: day}, 9, 9)
		},
		"DecideDeviceLogin": func(ctx context.Context) error { return b.DecideDeviceLogin(ctx, eventbus.DeviceLogin{Code: "X"}, day) },
		"PollDeviceLogin":   func(ctx context.Context) error { return fails(b.PollDeviceLogin(ctx, "x", day, time.Second)) },
		"CountGuess":        func(ctx context.Context) error { return b.CountGuess(ctx, "x", day, time.Second) },
		"PruneSessions":     func(ctx context.Context) error { return b.PruneSessions(ctx, day) },
		"SaveToken":         func(ctx context.Context) error { return b.SaveToken(ctx, eventbus.APIToken{ID: "x", Hash: "x"}, e) },
		"RevokeToken":       func(ctx context.Context) error { return b.RevokeToken(ctx, "x", day, e) },
		"TouchToken":        func(ctx context.Context) error { return b.TouchToken(ctx, "x", day) },
		"SavePlan":          func(ctx context.Context) error { return b.SavePlan(ctx, eventbus.Plan{ID: "x"}, e) },
		"SaveSteps":         func(ctx context.Context) error { return b.SaveSteps(ctx, []eventbus.Step{step}, e) },
		"AbandonPlan":       func(ctx context.Context) error { return b.AbandonPlan(ctx, "x", e) },
		"SaveRequest": func(ctx context.Context) error {
			return fails(b.SaveRequest(ctx, eventbus.Request{ID: "x", Submitter: "kim"}, []eventbus.AuditEntry{e}, nil))
		},
		"AddUsage": func(ctx context.Context) error {
			return b.AddUsage(ctx, []eventbus.UsageBucket{{Usage: eventbus.Usage{Topic: "t"}}})
		},
		"PruneUsage": func(ctx context.Context) error { return b.PruneUsage(ctx, day, day) },
		"SaveWanted": func(ctx context.Context) error {
			return b.SaveWanted(ctx, []eventbus.EventManifest{{Event: eventbus.Event{Name: "x"}}}, e)
		},
		"SchemaCopies": func(ctx context.Context) error {
			return b.SchemaCopies().AppendRecords(ctx, []registry.Record{{Offset: 1, Key: []byte("k")}})
		},
	}
}

// reads has a call of every method that only looks.
func reads(b *bus) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"AuditEntries":    func(ctx context.Context) error { return fails(b.AuditEntries(ctx, eventbus.AuditQuery{})) },
		"AuditHead":       func(ctx context.Context) error { _, _, err := b.AuditHead(ctx); return err },
		"CatalogVersion":  func(ctx context.Context) error { return fails(b.CatalogVersion(ctx)) },
		"Event":           func(ctx context.Context) error { return fails(b.Event(ctx, "none")) },
		"Events":          func(ctx context.Context) error { return fails(b.Events(ctx)) },
		"Systems":         func(ctx context.Context) error { return fails(b.Systems(ctx)) },
		"Environments":    func(ctx context.Context) error { return fails(b.Environments(ctx)) },
		"LogStarts":       func(ctx context.Context) error { return fails(b.LogStarts(ctx)) },
		"Grant":           func(ctx context.Context) error { return fails(b.Grant(ctx, "none")) },
		"Grants":          func(ctx context.Context) error { return fails(b.Grants(ctx, eventbus.GrantQuery{})) },
		"IAMVersion":      func(ctx context.Context) error { return fails(b.IAMVersion(ctx)) },
		"IAMChanges":      func(ctx context.Context) error { return fails(b.IAMChanges(ctx, -1)) },
		"User":            func(ctx context.Context) error { return fails(b.User(ctx, "none")) },
		"Users":           func(ctx context.Context) error { return fails(b.Users(ctx)) },
		"Role":            func(ctx context.Context) error { return fails(b.Role(ctx, "none")) },
		"Roles":           func(ctx context.Context) error { return fails(b.Roles(ctx)) },
		"AccessKey":       func(ctx context.Context) error { return fails(b.AccessKey(ctx, "none")) },
		"AccessKeys":      func(ctx context.Context) error { return fails(b.AccessKeys(ctx, "none")) },
		"KeyOffer":        func(ctx context.Context) error { return fails(b.KeyOffer(ctx, "none")) },
		"Inbox":           func(ctx context.Context) error { return fails(b.Inbox(ctx, eventbus.Person{ID: "kim"}, false, 0)) },
		"Person":          func(ctx context.Context) error { return fails(b.Person(ctx, "none")) },
		"People":          func(ctx context.Context) error { return fails(b.People(ctx)) },
		"Session":         func(ctx context.Context) error { return fails(b.Session(ctx, "none")) },
		"DeviceLogin":     func(ctx context.Context) error { return fails(b.DeviceLogin(ctx, "none", day)) },
		"Forgiven":        func(ctx context.Context) error { return fails(b.Forgiven(ctx, "none")) },
		"TokenByHash":     func(ctx context.Context) error { return fails(b.TokenByHash(ctx, "none")) },
		"Tokens":          func(ctx context.Context) error { return fails(b.Tokens(ctx, "none")) },
		"Plan":            func(ctx context.Context) error { _, _, err := b.Plan(ctx, "none"); return err },
		"UnfinishedPlans": func(ctx context.Context) error { return fails(b.UnfinishedPlans(ctx)) },
		"Request":         func(ctx context.Context) error { return fails(b.Request(ctx, "none")) },
		"Requests":        func(ctx context.Context) error { return fails(b.Requests(ctx, eventbus.RequestQuery{})) },
		"Usage":           func(ctx context.Context) error { return fails(b.Usage(ctx, eventbus.UsageQuery{})) },
		"Wanted":          func(ctx context.Context) error { return fails(b.Wanted(ctx)) },
		"WantedSince":     func(ctx context.Context) error { _, _, err := b.WantedSince(ctx, -1); return err },
	}
}

// TestEveryMethodHasARow: a new method of the store without one fails.
func TestEveryMethodHasARow(t *testing.T) {
	known := []string{"Close", "Fenced"}
	for name := range writes(nil) {
		known = append(known, name)
	}
	for name := range reads(nil) {
		known = append(known, name)
	}
	of := reflect.TypeFor[*store.Store]()
	for i := range of.NumMethod() {
		if name := of.Method(i).Name; !slices.Contains(known, name) {
			t.Errorf("%s is neither among the writes nor among the reads", name)
		}
	}
}

// lostLease is a context of one who held a lease until another took it.
func lostLease(t *testing.T, b *bus) context.Context {
	t.Helper()
	number, held, err := b.TakeLease(t.Context(), "work", "a", time.Minute)
	if err != nil || !held {
		t.Fatalf("%v %v", held, err)
	}
	ok(t, b.ReleaseLease(t.Context(), "work", "a"))
	if _, held, err := b.TakeLease(t.Context(), "work", "b", time.Minute); err != nil || !held {
		t.Fatalf("%v %v", held, err)
	}
	return b.Fenced(t.Context(), "work", number)
}

func everyWriteFenced(t *testing.T, b *bus) {
	ctx, before := lostLease(t, b), len(entries(t, b))
	for name, write := range writes(b) {
		if err := write(ctx); eventbus.CodeOf(err) != eventbus.CodeConflict {
			t.Errorf("%s under a lost lease: %v, want a conflict", name, err)
		}
	}
	for name, read := range reads(b) {
		if err := read(ctx); err != nil && eventbus.CodeOf(err) != eventbus.CodeNotFound {
			t.Errorf("%s under a lost lease: %v, want an answer", name, err)
		}
	}
	if after := len(entries(t, b)); after != before {
		t.Errorf("%d entries were written", after-before)
	}
	if version := must[int64](t)(b.IAMVersion(t.Context())); version != 0 {
		t.Errorf("the directory changed: version %d", version)
	}
	_, err := b.Event(t.Context(), "x")
	refused(t, err, eventbus.CodeNotFound)
}

// fencedAudit: entries of many callers share a transaction; one who has lost the
// lease takes nobody along, and is taken along by nobody.
func fencedAudit(t *testing.T, b *bus) {
	lost := lostLease(t, b)
	const each = 40
	var wait sync.WaitGroup
	for range each {
		wait.Go(func() {
			if _, err := b.AppendAudit(lost, entry("late", "")); eventbus.CodeOf(err) != eventbus.CodeConflict {
				t.Errorf("under a lost lease: %v", err)
			}
		})
		wait.Go(func() {
			if _, err := b.AppendAudit(t.Context(), entry("login", "")); err != nil {
				t.Errorf("beside one who has lost the lease: %v", err)
			}
		})
	}
	wait.Wait()
	checkChain(t, b, each)
}

func heldLease(t *testing.T, b *bus) {
	held, stop, got, err := b.HoldLease(t.Context(), "work", "a", time.Minute)
	if err != nil || !got {
		t.Fatalf("%v %v", got, err)
	}
	if _, _, got, err := b.HoldLease(t.Context(), "work", "b", time.Minute); got || err != nil {
		t.Fatalf("two hold it: %v", err)
	}
	ok(t, b.SavePerson(held, eventbus.Person{ID: "first"}))
	stop()
	if held.Err() == nil || eventbus.CodeOf(context.Cause(held)) == eventbus.CodeUnavailable {
		t.Errorf("it was let go, not lost: %v", context.Cause(held))
	}
	stop() // twice is harmless
	if _, _, got, err := b.HoldLease(t.Context(), "work", "b", time.Minute); got || err != nil {
		t.Fatalf("it was not given back: %v", err)
	}
	// Taken over while it is held: it ends by itself, with a cause that says so.
	held, stop, got, err = b.HoldLease(t.Context(), "short", "a", 30*time.Millisecond)
	if err != nil || !got {
		t.Fatalf("%v %v", got, err)
	}
	defer stop()
	ok(t, b.ReleaseLease(t.Context(), "short", "a"))
	if _, taken, err := b.TakeLease(t.Context(), "short", "b", time.Hour); err != nil {
		t.Fatalf("%v %v", taken, err)
	} else if !taken { // it was renewed in between: it is held
		return
	}
	<-held.Done()
	refused(t, context.Cause(held), eventbus.CodeUnavailable)
	refused(t, b.SavePerson(b.Fenced(t.Context(), "short", 1), eventbus.Person{ID: "late"}), eventbus.CodeConflict)
}

func everyMethodCancelled(t *testing.T, b *bus) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, calls := range []map[string]func(context.Context) error{writes(b), reads(b)} {
		for name, call := range calls {
			if err := call(ctx); eventbus.CodeOf(err) != eventbus.CodeUnavailable {
				t.Errorf("%s for a caller who has gone: %v", name, err)
			}
		}
	}
	checkChain(t, b, 0)
}

func everyMethodClosed(t *testing.T, b *bus) {
	ok(t, b.Close())
	for _, calls := range []map[string]func(context.Context) error{writes(b), reads(b)} {
		for name, call := range calls {
			if err := call(t.Context()); eventbus.CodeOf(err) != eventbus.CodeUnavailable {
				t.Errorf("%s of a closed store: %v", name, err)
			}
		}
	}
}

// everyNotFound: who asks for one thing that is not there is told so; who asks for
// a list gets an empty one. What is deleted must be there, what is forgotten need not.
func everyNotFound(t *testing.T, b *bus) {
	one := []string{"Event", "Grant", "User", "Role", "AccessKey", "KeyOffer", "Person", "Session", "TokenByHash", "Plan", "Request", "DeviceLogin"}
	for name, read := range reads(b) {
		want := eventbus.Code("")
		if slices.Contains(one, name) {
			want = eventbus.CodeNotFound
		}
		if err := read(t.Context()); eventbus.CodeOf(err) != want {
			t.Errorf("%s of an empty store: %v, want %q", name, err, want)
		}
	}
	calls := writes(b)
	for _, name := range []string{"DeleteEvent", "DeleteSystem", "DeleteUser", "DeleteRole", "DeleteAccessKey", "RevokeToken", "SaveSteps", "AbandonPlan", "SaveAccessKey", "SaveKeyOffer", "TouchSession", "DecideDeviceLogin", "PollDeviceLogin"} {
		if err := calls[name](t.Context()); eventbus.CodeOf(err) != eventbus.CodeNotFound {
			t.Errorf("%s of what is not there: %v", name, err)
		}
	}
	for _, name := range []string{"DeleteLogStarts", "DeleteSession", "DeleteKeyOffer", "ForgetCall", "PruneSessions", "PruneUsage", "TouchAccessKey", "TouchToken", "ReleaseLease"} {
		if err := calls[name](t.Context()); err != nil {
			t.Errorf("%s of what is not there: %v", name, err)
		}
	}
	checkChain(t, b, 0) // none of the refused left an entry
}
