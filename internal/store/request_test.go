package store_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// draft is a request that Kim and Pat wrote and Kim submitted.
func draft(id string) eventbus.Request {
	return eventbus.Request{ID: id, Kind: eventbus.ProducerRequest, Title: "Claim received", Event: "claim-received", Team: "claims",
		State: eventbus.RequestSubmitted, Content: json.RawMessage("{ \"b\" : 1,\n  \"a\": \"<é>\" }"), ContentHash: "h1",
		Submitter: "kim", Authors: []string{"kim", "pat"}, CreatedAt: day, UpdatedAt: day}
}

func approval(by, hash string, stage eventbus.Stage) eventbus.Approval {
	return eventbus.Approval{Stage: stage, Decision: eventbus.DecisionApprove, By: by, At: day, ContentHash: hash}
}

func requestRoundTrip(t *testing.T, b *bus) {
	ctx := t.Context()
	r := draft("req-1")
	r.Environments = []eventbus.RequestEnvironment{{Name: "production", State: eventbus.EnvWaiting, Stages: []eventbus.Stage{eventbus.StageBus}, Since: day}}
	r.Gates = []eventbus.Gate{{Kind: eventbus.GateATO, State: eventbus.GateOpen, Blocks: []string{"production"}}}
	r.Approvals = []eventbus.Approval{approval("lee", "h1", eventbus.StageBus), approval("pat", "h0", eventbus.StageBus)}
	r.Comments = []eventbus.Comment{{By: "lee", At: day, Text: "why?", Path: "topic"}}
	created := must[eventbus.Request](t)(b.SaveRequest(ctx, r, nil, nil))
	r.Version = 1
	if !reflect.DeepEqual(created, r) {
		t.Fatalf("saved\n%+v\nwant\n%+v", created, r)
	}
	if got := must[eventbus.Request](t)(b.Request(ctx, "req-1")); !reflect.DeepEqual(got, r) {
		t.Fatalf("read\n%+v\nwant\n%+v", got, r)
	}
	if got := string(created.Content); got != string(draft("").Content) {
		t.Errorf("content %q is not what was written", got)
	}
	r.Content, r.State = nil, eventbus.RequestWithdrawn
	must[eventbus.Request](t)(b.SaveRequest(ctx, r, nil, nil))
	if got := must[eventbus.Request](t)(b.Request(ctx, "req-1")); got.Content != nil || got.State != eventbus.RequestWithdrawn || got.Version != 2 {
		t.Errorf("read %+v after the update", got)
	}
	_, err := b.SaveRequest(ctx, r, nil, nil)
	refused(t, err, eventbus.CodeConflict)
	_, err = b.Request(ctx, "req-2")
	refused(t, err, eventbus.CodeNotFound)
}

func requestQueries(t *testing.T, b *bus) {
	ctx := t.Context()
	for i, state := range []eventbus.RequestState{eventbus.RequestDraft, eventbus.RequestSubmitted, eventbus.RequestActive, eventbus.RequestRejected, eventbus.RequestSubmitted} {
		r := draft(fmt.Sprintf("r%d", i))
		r.State, r.CreatedAt = state, day.Add(time.Duration(i)*time.Second)
		if i == 4 {
			r.Kind, r.Event, r.Team, r.Submitter = eventbus.ConsumerRequest, "other", "benefits", "sam"
		}
		must[eventbus.Request](t)(b.SaveRequest(ctx, r, nil, nil))
	}
	tests := []struct {
		query eventbus.RequestQuery
		want  string
	}{
		{eventbus.RequestQuery{}, "r4 r3 r2 r1 r0"},
		{eventbus.RequestQuery{Limit: 2}, "r4 r3"},
		{eventbus.RequestQuery{Limit: 2, Before: day.Add(3 * time.Second)}, "r2 r1"},
		{eventbus.RequestQuery{State: eventbus.RequestSubmitted}, "r4 r1"},
		{eventbus.RequestQuery{OpenOnly: true}, "r4 r1 r0"},
		{eventbus.RequestQuery{Kind: eventbus.ConsumerRequest}, "r4"},
		{eventbus.RequestQuery{Event: "claim-received", Team: "claims", Submitter: "kim"}, "r3 r2 r1 r0"},
		{eventbus.RequestQuery{Team: "Claims"}, ""},
	}
	for _, test := range tests {
		var ids []string
		for _, r := range must[[]eventbus.Request](t)(b.Requests(ctx, test.query)) {
			ids = append(ids, r.ID)
		}
		if got := strings.Join(ids, " "); got != test.want {
			t.Errorf("%+v: %q, want %q", test.query, got, test.want)
		}
	}
}

// Requests that were made in one moment are on one page each, none is missed.
func requestPages(t *testing.T, b *bus) {
	ctx := t.Context()
	for i := range 9 {
		r := draft(fmt.Sprintf("r%d", i))
		r.CreatedAt = day.Add(time.Duration(i/4) * time.Microsecond) // 0-3, 4-7, 8
		must[eventbus.Request](t)(b.SaveRequest(ctx, r, nil, nil))
	}
	for size := 1; size <= 5; size++ {
		var ids []string
		q := eventbus.RequestQuery{Limit: size}
		for {
			page := must[[]eventbus.Request](t)(b.Requests(ctx, q))
			for _, r := range page {
				ids, q.Before, q.BeforeID = append(ids, r.ID), r.CreatedAt, r.ID
			}
			if len(page) < size {
				break
			}
		}
		if got := strings.Join(ids, " "); got != "r8 r7 r6 r5 r4 r3 r2 r1 r0" {
			t.Errorf("pages of %d: %s", size, got)
		}
	}
}

// 64 people decide on the same version at once: one decision counts, and the
// record and the inbox tell of exactly that one.
func requestConcurrent(t *testing.T, b *bus) {
	r := must[eventbus.Request](t)(b.SaveRequest(t.Context(), draft("req-1"), nil, nil))
	var won atomic.Int64
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			mine := r
			by := fmt.Sprintf("reviewer%d", i)
			mine.Approvals = []eventbus.Approval{approval(by, "h1", eventbus.StageBus)}
			_, err := b.SaveRequest(context.Background(), mine, []eventbus.AuditEntry{entry("request.approve", by)},
				[]eventbus.Notification{{ID: "approved-" + by, At: day, To: eventbus.Audience{Person: "kim"}}})
			switch eventbus.CodeOf(err) {
			case "":
				won.Add(1)
			case eventbus.CodeConflict:
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := must[eventbus.Request](t)(b.Request(t.Context(), "req-1"))
	told := must[[]eventbus.Notification](t)(b.Inbox(t.Context(), eventbus.Person{ID: "kim"}, true, 0))
	record := entries(t, b)
	if won.Load() != 1 || got.Version != 2 || len(got.Approvals) != 1 || len(told) != 1 || len(record) != 1 {
		t.Fatalf("%d won, version %d, %d approvals, %d notifications, %d entries; want one of each and version 2",
			won.Load(), got.Version, len(got.Approvals), len(told), len(record))
	}
	if by := got.Approvals[0].By; told[0].ID != "approved-"+by || record[0].Resource != by {
		t.Errorf("%s won, but %s was told and %s recorded", by, told[0].ID, record[0].Resource)
	}
}

func fourEyes(t *testing.T, b *bus) {
	tests := []struct {
		name      string
		approvals []eventbus.Approval
		want      eventbus.Code
	}{
		{"another person", []eventbus.Approval{approval("lee", "h1", eventbus.StageBus)}, ""},
		{"another person, two stages", []eventbus.Approval{approval("lee", "h1", eventbus.StageBus), approval("lee", "h1", eventbus.StageOwner)}, ""},
		{"the submitter", []eventbus.Approval{approval("kim", "h1", eventbus.StageBus)}, eventbus.CodeForbidden},
		{"an author", []eventbus.Approval{approval("pat", "h1", eventbus.StageBus)}, eventbus.CodeForbidden},
		{"an author after another", []eventbus.Approval{approval("lee", "h1", eventbus.StageBus), approval("pat", "h1", eventbus.StagePrivacy)}, eventbus.CodeForbidden},
		{"an author who approved before writing", []eventbus.Approval{approval("pat", "h0", eventbus.StageBus)}, ""},
		{"an author who asks for changes", []eventbus.Approval{{Stage: eventbus.StageBus, Decision: eventbus.DecisionAskChanges, By: "pat", At: day, ContentHash: "h1"}}, ""},
		{"another person of the same letters", []eventbus.Approval{approval("Kim", "h1", eventbus.StageBus)}, ""},
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx := context.Background()
			r := must[eventbus.Request](t)(b.SaveRequest(ctx, draft(fmt.Sprint("req-", i)), nil, nil))
			r.Approvals = test.approvals
			before := len(entries(t, b))
			_, err := b.SaveRequest(ctx, r, []eventbus.AuditEntry{entry("request.approve", r.ID)}, nil)
			refused(t, err, test.want)
			got := must[eventbus.Request](t)(b.Request(ctx, r.ID))
			if test.want != "" && (got.Version != 1 || len(got.Approvals) != 0 || len(entries(t, b)) != before) {
				t.Errorf("the refused decision left traces: %+v", got)
			}
		})
	}
}

func decisionAtomic(t *testing.T, b *bus) {
	ctx := t.Context()
	r := must[eventbus.Request](t)(b.SaveRequest(ctx, draft("req-1"), nil, nil))
	r.State = eventbus.RequestApproved
	bad := []eventbus.Notification{
		{ID: "n1", At: day, To: eventbus.Audience{Person: "kim"}},
		{ID: "n\x00", At: day, To: eventbus.Audience{Person: "kim"}},
	}
	_, err := b.SaveRequest(ctx, r, []eventbus.AuditEntry{entry("request.approve", "req-1")}, bad)
	refused(t, err, eventbus.CodeInvalid)
	got := must[eventbus.Request](t)(b.Request(ctx, "req-1"))
	told := must[[]eventbus.Notification](t)(b.Inbox(ctx, eventbus.Person{ID: "kim"}, false, 0))
	if got.State != eventbus.RequestSubmitted || len(told) != 0 || len(entries(t, b)) != 0 {
		t.Errorf("the failed decision left %v, %v and %v", got.State, told, entries(t, b))
	}
	must[eventbus.Request](t)(b.SaveRequest(ctx, r, []eventbus.AuditEntry{entry("request.approve", "req-1")}, bad[:1]))
	checkChain(t, b, 1)
}

// The constraint holds for whoever writes SQL, not only for SaveRequest.
func smuggledApproval(t *testing.T, b *bus) {
	ctx := t.Context()
	r := draft("req-1")
	r.Approvals = []eventbus.Approval{approval("lee", "h1", eventbus.StageBus)}
	must[eventbus.Request](t)(b.SaveRequest(ctx, r, nil, nil))
	db := raw(t, b)
	const insert = "INSERT INTO approvals (request_id, stage, environment, approver, part, submitter, content_hash, at) VALUES "
	for name, statement := range map[string]string{
		"the submitter approves":           insert + "('req-1', 'bus', '', 'kim', 'approver', 'kim', 'h1', 1)",
		"under another submitter's name":   insert + "('req-1', 'bus', '', 'kim', 'approver', 'sam', 'h1', 1)",
		"an author approves":               insert + "('req-1', 'bus', '', 'pat', 'approver', 'kim', 'h1', 1)",
		"as an author":                     insert + "('req-1', 'bus', '', 'pat', 'author', 'kim', 'h1', 1)",
		"somebody unknown approves":        insert + "('req-1', 'bus', '', 'sam', 'approver', 'kim', 'h1', 1)",
		"an author gets a second part":     "INSERT INTO request_parts (request_id, person, part) VALUES ('req-1', 'pat', 'approver')",
		"an approver turns into an author": "UPDATE request_parts SET part = 'author' WHERE person = 'lee'",
	} {
		if _, err := db.ExecContext(ctx, statement); err == nil {
			t.Errorf("%s: the database let it pass", name)
		}
	}
}

// raw opens the database beside the store, as an intruder or a tool would.
func raw(t *testing.T, b *bus) *sql.DB {
	t.Helper()
	driver, dsn := "pgx", b.cfg.DSN
	if dsn == "" {
		driver, dsn = "sqlite", "file:"+strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(b.cfg.Path)+
			"?_pragma=foreign_keys(1)&_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(driver, dsn)
	ok(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}
