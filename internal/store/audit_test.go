package store_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

func auditChain(t *testing.T, b *bus) {
	ctx := t.Context()
	seq, hash, err := b.AuditHead(ctx)
	ok(t, err)
	if seq != 0 || hash != "" {
		t.Fatalf("empty record has head %d %q", seq, hash)
	}
	full := eventbus.AuditEntry{Time: day.Add(789 * time.Nanosecond), Actor: "kim", Action: "request.approve", Resource: "req-1",
		Outcome: eventbus.OutcomeDenied, Reason: `"<because>" & é`, From: "127.0.0.1:5", RequestID: "r", Count: 7,
		Detail: map[string]string{"before": "a", "after": "<b>\n"}}
	appended := must[[]eventbus.AuditEntry](t)(b.AppendAudit(ctx, full, eventbus.AuditEntry{Action: "timeless"}))
	if got := appended[1].Time; !got.Equal(day) {
		t.Errorf("an entry without a time got %v, want the present %v", got, day)
	}
	appended = append(appended, must[[]eventbus.AuditEntry](t)(b.AppendAudit(ctx, entry("login", "")))...)
	stored := entries(t, b)
	if !reflect.DeepEqual(stored, appended) {
		t.Fatalf("stored\n%+v\nappended\n%+v", stored, appended)
	}
	checkChain(t, b, 3)
	if got := must[[]eventbus.AuditEntry](t)(b.AppendAudit(ctx)); len(got) != 0 {
		t.Error("appending nothing appended", got)
	}
	checkChain(t, b, 3)
}

// checkChain asserts places without a gap, hashes and head.
func checkChain(t *testing.T, b *bus, want int) {
	t.Helper()
	previous := ""
	n := 0
	for after := int64(0); ; {
		page := must[[]eventbus.AuditEntry](t)(b.AuditEntries(context.Background(), eventbus.AuditQuery{AfterSeq: after, Limit: 1000}))
		for _, e := range page {
			n++
			if e.Seq != int64(n) || e.PrevHash != previous || e.ComputeHash() != e.Hash {
				t.Fatalf("entry %d is not chained: %+v", n, e)
			}
			previous, after = e.Hash, e.Seq
		}
		if len(page) == 0 {
			break
		}
	}
	seq, hash, err := b.AuditHead(context.Background())
	ok(t, err)
	if n != want || seq != int64(n) || hash != previous {
		t.Fatalf("%d entries, head %d %s; want %d, head %s", n, seq, hash, want, previous)
	}
}

func auditFilters(t *testing.T, b *bus) {
	ctx := t.Context()
	for i := range 10 {
		e := entry([]string{"login", "iam.key_create"}[i%2], fmt.Sprintf("user_%d", i))
		e.Time = day.Add(time.Duration(i) * time.Minute)
		e.Actor = []string{"kim", "Kim", "lee"}[i%3]
		if i == 4 {
			e.Outcome = eventbus.OutcomeDenied
		}
		must[[]eventbus.AuditEntry](t)(b.AppendAudit(ctx, e))
	}
	tests := []struct {
		name  string
		query eventbus.AuditQuery
		want  string // places
	}{
		{"everything", eventbus.AuditQuery{}, "1 2 3 4 5 6 7 8 9 10"},
		{"newest first", eventbus.AuditQuery{NewestFirst: true, Limit: 3}, "10 9 8"},
		{"the page after", eventbus.AuditQuery{NewestFirst: true, BeforeSeq: 8, Limit: 3}, "7 6 5"},
		{"oldest first, the page after", eventbus.AuditQuery{AfterSeq: 8}, "9 10"},
		{"actor, case matters", eventbus.AuditQuery{Actor: "kim"}, "1 4 7 10"},
		{"action", eventbus.AuditQuery{Action: "login"}, "1 3 5 7 9"},
		{"action by prefix", eventbus.AuditQuery{Action: "iam.*"}, "2 4 6 8 10"},
		{"prefix, case matters", eventbus.AuditQuery{Actor: "K*"}, "2 5 8"},
		{"no wildcard but the last star", eventbus.AuditQuery{Resource: "user%*"}, ""},
		{"underscore is itself", eventbus.AuditQuery{Resource: "user_3"}, "4"},
		{"star alone", eventbus.AuditQuery{Resource: "*"}, "1 2 3 4 5 6 7 8 9 10"},
		{"outcome", eventbus.AuditQuery{Outcome: eventbus.OutcomeDenied}, "5"},
		{"since, until", eventbus.AuditQuery{Since: day.Add(2 * time.Minute), Until: day.Add(4 * time.Minute)}, "3 4"},
		{"all together", eventbus.AuditQuery{Actor: "kim", Action: "log*", Since: day, AfterSeq: 1, NewestFirst: true}, "7"},
		{"nothing", eventbus.AuditQuery{Actor: "nobody"}, ""},
	}
	for _, test := range tests {
		list := must[[]eventbus.AuditEntry](t)(b.AuditEntries(ctx, test.query))
		var places []string
		for _, e := range list {
			places = append(places, fmt.Sprint(e.Seq))
		}
		if got := strings.Join(places, " "); got != test.want || list == nil {
			t.Errorf("%s: entries %q, want %q", test.name, got, test.want)
		}
	}
}

// A name from the network must not stop the record, whatever bytes it has.
func auditAnyName(t *testing.T, b *bus) {
	e := entry("kafka-cluster:ReadData", "group/\x00\xff\u2028")
	e.Reason, e.Detail = "\xc3", map[string]string{"\x00": "\xf0"}
	got := must[[]eventbus.AuditEntry](t)(b.AppendAudit(t.Context(), e))
	if want := "group/\uFFFD\uFFFD\u2028"; got[0].Resource != want {
		t.Errorf("resource %q, want %q", got[0].Resource, want)
	}
	if stored := entries(t, b); !reflect.DeepEqual(stored, got) {
		t.Errorf("stored %+v, appended %+v", stored, got)
	}
	checkChain(t, b, 1)
}

func auditConcurrent(t *testing.T, b *bus) {
	const writers, each = 32, 20
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				name := fmt.Sprintf("%d/%d", w, i)
				if i%5 == 4 { // the control plane writes its entries with its effects
					_, err := b.SaveUser(context.Background(), eventbus.IAMUser{Name: name}, entry("iam.user.create", name))
					if err != nil {
						t.Error(err)
					}
					continue
				}
				got, err := b.AppendAudit(context.Background(), entry("login", name), entry("logout", name))
				if err != nil || len(got) != 2 || got[0].Resource != name || got[1].Seq != got[0].Seq+1 || got[1].Action != "logout" {
					t.Errorf("%s: %v, %v", name, got, err)
				}
			}
		})
	}
	wg.Wait()
	checkChain(t, b, writers*(each/5*4*2+each/5))
}

func auditCancelled(t *testing.T, b *bus) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	written := 0
	for range 20 { // a caller whose context has ended may or may not get the turn
		if _, err := b.AppendAudit(ctx, entry("login", "")); err == nil {
			written++
		} else {
			refused(t, err, eventbus.CodeUnavailable)
		}
	}
	must[[]eventbus.AuditEntry](t)(b.AppendAudit(t.Context(), entry("login", "")))
	checkChain(t, b, written+1)
}

func BenchmarkAppendAudit(b *testing.B) {
	s := openBench(b)
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.AppendAudit(context.Background(), entry("login", "arn")); err != nil {
				b.Error(err)
			}
		}
	})
}
