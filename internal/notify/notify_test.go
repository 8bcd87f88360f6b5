package notify_test

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/notify"
	"github.com/enterprise-event-bus/eventbus/internal/store"
)

var ctx = context.Background()

// world is a store with people, a clock and a sender that fails when told.
type world struct {
	store *store.Store
	now   atomic.Int64
	mail  *post
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{mail: &post{}}
	w.now.Store(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC).UnixNano())
	var err error
	w.store, err = store.Open(ctx, store.Config{Channels: []string{"mail"}, Now: func() time.Time { return time.Unix(0, w.now.Load()).UTC() }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, p := range people {
		if err := w.store.SavePerson(ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

var people = []eventbus.Person{
	{ID: "kim", Name: "Kim", Email: "kim@example.org", Teams: []string{"claims"}, Roles: []eventbus.Role{eventbus.RoleMember, eventbus.RoleOwner}},
	{ID: "lee", Name: "Lee", Email: "lee@example.org", Teams: []string{"claims"}, Roles: []eventbus.Role{eventbus.RoleMember}},
	{ID: "max", Name: "Max", Email: "KIM@example.org", Teams: []string{"claims"}}, // an account of Kim's with the same address
	{ID: "pat", Name: "Pat", Teams: []string{"claims"}},
	{ID: "sam", Name: "Sam", Email: "Sam <sam@example.org>", Teams: []string{"claims", "evil"}},
	{ID: "zoe", Name: "Zoe", Email: "zoe@example.org\r\nBcc: x@example.org", Teams: []string{"evil"}},
}

// post remembers what it was given.
type post struct {
	mu   sync.Mutex
	got  []string // "id to to"
	fail func(id string) error
}

func (p *post) Send(_ context.Context, n eventbus.Notification, to []mail.Address) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, fmt.Sprint(n.ID, " ", join(to)))
	if p.fail != nil {
		return p.fail(n.ID)
	}
	return nil
}

func join(to []mail.Address) string {
	list := make([]string, len(to))
	for i, a := range to {
		list[i] = a.Address
	}
	return strings.Join(list, " ")
}

func (w *world) save(t *testing.T, list ...eventbus.Notification) {
	t.Helper()
	if err := w.store.SaveNotifications(ctx, list); err != nil {
		t.Fatal(err)
	}
}

func (w *world) deliver(t *testing.T, n *notify.Notifier, want int) {
	t.Helper()
	if got, err := n.Deliver(ctx, "mail"); err != nil || got != want {
		t.Fatalf("handled %d notifications, %v; want %d", got, err, want)
	}
}

func toTeam(id, team string) eventbus.Notification {
	return eventbus.Notification{ID: id, To: eventbus.Audience{Team: team}, Subject: "s", Body: "b", At: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
}

// TestAddresses is the rule from audience to addresses.
func TestAddresses(t *testing.T) {
	tests := []struct {
		name string
		to   eventbus.Audience
		want string
	}{
		{"person", eventbus.Audience{Person: "lee"}, "lee@example.org"},
		{"team, doubles and people without address left out", eventbus.Audience{Team: "claims"}, "KIM@example.org lee@example.org"},
		{"role", eventbus.Audience{Role: eventbus.RoleOwner}, "kim@example.org"},
		{"group address", eventbus.Audience{Email: "team@example.org"}, "team@example.org"},
		{"unknown person", eventbus.Audience{Person: "nobody"}, ""},
		{"unknown team", eventbus.Audience{Team: "clai"}, ""},
		{"nobody", eventbus.Audience{}, ""},
		{"person without address", eventbus.Audience{Person: "pat"}, ""},
		{"address with a header", eventbus.Audience{Team: "evil"}, ""},
		{"two group addresses", eventbus.Audience{Email: "a@example.org, b@example.org"}, ""},
		{"group address with a header", eventbus.Audience{Email: "a@example.org\nBcc: b@example.org"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := join(notify.Addresses(tt.to, people)); got != tt.want {
				t.Errorf("addresses = %q, want %q", got, tt.want)
			}
		})
	}
}

// TestDeliver sends what is due, once.
func TestDeliver(t *testing.T) {
	w := newWorld(t)
	n := notify.New(notify.Config{Batch: 2}, w.store, w.store, map[string]notify.Sender{"mail": w.mail})
	w.save(t, toTeam("a", "claims"), toTeam("b", "claims"), toTeam("c", "none"), toTeam("a", "claims"))
	w.deliver(t, n, 2)
	w.deliver(t, n, 1)
	w.deliver(t, n, 0)
	w.now.Add(int64(24 * time.Hour))
	w.deliver(t, n, 0)
	if !slices.Equal(w.mail.got, []string{"a KIM@example.org lee@example.org", "b KIM@example.org lee@example.org", "c "}) {
		t.Errorf("sent %q", w.mail.got)
	}
	_, err := n.Deliver(ctx, "pigeon")
	if eventbus.CodeOf(err) != eventbus.CodeNotFound {
		t.Errorf("unknown channel: %v", err)
	}
}

// TestFailedDelivery: one notification that cannot be sent does not hold up the
// others; it is tried again later and later, until it works.
func TestFailedDelivery(t *testing.T) {
	w := newWorld(t)
	n := notify.New(notify.Config{}, w.store, w.store, map[string]notify.Sender{"mail": w.mail})
	failing := true
	w.mail.fail = func(id string) error {
		switch {
		case id == "a" && failing:
			return errors.New("the server is down")
		case id == "b" && failing:
			panic("broken sender")
		}
		return nil
	}
	w.save(t, toTeam("a", "claims"), toTeam("b", "claims"), toTeam("c", "claims"))
	w.deliver(t, n, 3)
	w.deliver(t, n, 0)
	w.now.Add(int64(time.Minute))
	w.deliver(t, n, 2)
	w.now.Add(int64(time.Minute))
	w.deliver(t, n, 0) // two minutes after the second try
	failing = false
	w.now.Add(int64(time.Minute))
	w.deliver(t, n, 2)
	w.now.Add(int64(24 * time.Hour))
	w.deliver(t, n, 0)
	count := map[string]int{}
	for _, line := range w.mail.got {
		count[line[:1]]++
	}
	if count["a"] != 3 || count["b"] != 3 || count["c"] != 1 {
		t.Errorf("tries = %v, want a and b three times, c once", count)
	}
}

// TestGivenUp: after twelve failures the delivery is given up; the inbox keeps
// the notification.
func TestGivenUp(t *testing.T) {
	w := newWorld(t)
	n := notify.New(notify.Config{}, w.store, w.store, map[string]notify.Sender{"mail": w.mail})
	w.mail.fail = func(string) error { return errors.New(strings.Repeat("no ", 1000)) }
	w.save(t, toTeam("a", "claims"))
	for range 20 {
		if _, err := n.Deliver(ctx, "mail"); err != nil {
			t.Fatal(err)
		}
		w.now.Add(int64(6 * time.Hour))
	}
	if len(w.mail.got) != 12 {
		t.Errorf("%d tries, want 12", len(w.mail.got))
	}
	if list, err := n.Inbox(ctx, eventbus.Actor{Person: people[0]}, true, 0); err != nil || len(list) != 1 {
		t.Errorf("inbox = %v, %v", list, err)
	}
}

// forgetful loses the first word that a delivery is done.
type forgetful struct {
	*store.Store
	lost int
}

func (f *forgetful) MarkDelivered(ctx context.Context, id, channel string) error {
	if f.lost == 0 {
		f.lost++
		return eventbus.Errorf(eventbus.CodeUnavailable, "the database is gone")
	}
	return f.Store.MarkDelivered(ctx, id, channel)
}

// TestDoubles: a notification that was sent, but not marked, is not sent again by
// the same process; another process, which cannot know, sends it again: at least
// once, with the same id.
func TestDoubles(t *testing.T) {
	for name, restart := range map[string]bool{"same process": false, "after a crash": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			lossy := &forgetful{Store: w.store}
			n := notify.New(notify.Config{}, lossy, w.store, map[string]notify.Sender{"mail": w.mail})
			w.save(t, toTeam("a", "claims"))
			if _, err := n.Deliver(ctx, "mail"); eventbus.CodeOf(err) != eventbus.CodeUnavailable {
				t.Fatalf("error = %v", err)
			}
			if restart {
				n = notify.New(notify.Config{}, w.store, w.store, map[string]notify.Sender{"mail": w.mail})
			}
			w.deliver(t, n, 0) // it belongs to the first taker for a minute
			w.now.Add(int64(time.Minute))
			w.deliver(t, n, 1)
			w.now.Add(int64(time.Hour))
			w.deliver(t, n, 0)
			want := 1
			if restart {
				want = 2
			}
			if len(w.mail.got) != want {
				t.Errorf("sent %q, want %d times", w.mail.got, want)
			}
		})
	}
}

// TestStoppingIsNoFailure: a bus that stops while sending does not count a
// failure.
func TestStoppingIsNoFailure(t *testing.T) {
	w := newWorld(t)
	stopping, stop := context.WithCancel(ctx)
	w.mail.fail = func(string) error { stop(); return stopping.Err() }
	n := notify.New(notify.Config{}, w.store, w.store, map[string]notify.Sender{"mail": w.mail})
	w.save(t, toTeam("a", "claims"))
	if _, err := n.Deliver(stopping, "mail"); !errors.Is(err, context.Canceled) {
		t.Fatalf("error = %v", err)
	}
	w.mail.fail = nil
	w.now.Add(int64(time.Minute)) // a failure would wait as long; the store tells
	w.deliver(t, n, 1)
}

// TestInbox: own notifications, those of teams and roles; nobody marks or probes
// others'.
func TestInbox(t *testing.T) {
	w := newWorld(t)
	n := notify.New(notify.Config{}, w.store, w.store, nil)
	kim, lee := eventbus.Actor{Person: people[0]}, eventbus.Actor{Person: people[1]}
	w.save(t, toTeam("team", "claims"), eventbus.Notification{ID: "lee", To: eventbus.Audience{Person: "lee"}}, eventbus.Notification{ID: "owners", To: eventbus.Audience{Role: eventbus.RoleOwner}})
	ids := func(actor eventbus.Actor, unread bool) []string {
		list, err := n.Inbox(ctx, actor, unread, 0)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, n := range list {
			ids = append(ids, n.ID)
		}
		slices.Sort(ids)
		return ids
	}
	if got := ids(kim, false); !slices.Equal(got, []string{"owners", "team"}) {
		t.Errorf("Kim's inbox = %v", got)
	}
	for _, foreign := range [][]string{{"lee"}, {"team", "lee"}, {"nothing"}} {
		if err := n.MarkRead(ctx, kim, foreign...); eventbus.CodeOf(err) != eventbus.CodeNotFound {
			t.Errorf("marking %v: %v", foreign, err)
		}
	}
	if got := ids(kim, true); len(got) != 2 {
		t.Errorf("a refused mark marked something: unread %v", got)
	}
	for range 2 {
		if err := n.MarkRead(ctx, kim, "team"); err != nil {
			t.Fatal(err)
		}
	}
	if got := ids(kim, true); !slices.Equal(got, []string{"owners"}) {
		t.Errorf("Kim's unread = %v", got)
	}
	if got := ids(lee, true); !slices.Equal(got, []string{"lee", "team"}) {
		t.Errorf("Lee's unread = %v", got)
	}
	if err := n.MarkRead(ctx, lee); err != nil {
		t.Fatal(err)
	}
	if count, err := n.Unread(ctx, lee); err != nil || count != 0 {
		t.Errorf("Lee's unread = %d, %v", count, err)
	}
	if _, err := n.Inbox(ctx, eventbus.Actor{System: "provision"}, false, 0); eventbus.CodeOf(err) != eventbus.CodeUnauthenticated {
		t.Errorf("inbox of the bus itself: %v", err)
	}
}

// queue is an outbox in memory whose "stuck" channel hangs.
type queue struct {
	notify.Store
	mu   sync.Mutex
	due  map[string][]string
	done []string
}

func (q *queue) PendingDeliveries(_ context.Context, channel string, limit int) ([]eventbus.Notification, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	ids := q.due[channel]
	ids, q.due[channel] = ids[:min(limit, len(ids))], ids[min(limit, len(ids)):]
	list := make([]eventbus.Notification, len(ids))
	for i, id := range ids {
		list[i].ID = id
	}
	return list, nil
}

func (q *queue) MarkDelivered(_ context.Context, id, channel string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.done = append(q.done, channel+" "+id)
	return nil
}

func (q *queue) MarkFailed(ctx context.Context, id, channel, _ string) error {
	return q.MarkDelivered(ctx, id+" failed", channel)
}

func (q *queue) People(context.Context) ([]eventbus.Person, error) { return nil, nil }

func (q *queue) handled() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.done)
}

type stuck struct{}

func (stuck) Send(ctx context.Context, _ eventbus.Notification, _ []mail.Address) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestRun empties the outbox in batches; a channel that hangs is cut off and
// holds up no other; Run ends with its context and leaves nothing behind.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{due: map[string][]string{"mail": {"a", "b", "c", "d", "e"}, "stuck": {"x"}}}
		n := notify.New(notify.Config{Batch: 2}, q, q, map[string]notify.Sender{"mail": &post{}, "stuck": stuck{}})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- n.Run(ctx) }()
		synctest.Wait()
		if got := strings.Join(q.handled(), ", "); got != "mail a, mail b, mail c, mail d, mail e" {
			t.Errorf("done at once: %s", got)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if !slices.Contains(q.handled(), "stuck x failed") {
			t.Errorf("after five seconds: %s", q.handled())
		}
		q.mu.Lock()
		q.due["mail"] = []string{"f"}
		q.mu.Unlock()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !slices.Contains(q.handled(), "mail f") {
			t.Errorf("two seconds later: %s", q.handled())
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
