package iam_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

// A denied request is in the log with who, what and why; its repeats are not
// until a minute later, and guessing names fills it up to a limit only. What is
// allowed is not logged.
func TestDenialsInTheLog(t *testing.T) {
	w := newWorld(t)
	s := w.mustLogin(of(w.user("alice", policy.Produce(arns, "mine"))))
	denied := func() int { return strings.Count(w.log.String(), `msg="request denied"`) }
	ask := func(topic string) { w.dir.Decide(t.Context(), s, "kafka-cluster:WriteData", arns.Topic(topic)) }
	for range 100 {
		ask("theirs")
		ask("mine")
	}
	if denied() != 1 {
		t.Fatalf("%d lines", denied())
	}
	for _, want := range []string{"principal=" + userARN("alice"), "action=kafka-cluster:WriteData", "resource=" + arns.Topic("theirs"), "no statement allows", "missing: ", "from=" + here} {
		if !strings.Contains(w.log.String(), want) {
			t.Errorf("the log does not hold %q: %s", want, w.log)
		}
	}
	w.clock.Advance(time.Minute)
	ask("theirs")
	if denied() != 2 {
		t.Errorf("%d lines a minute later", denied())
	}
	for i := range 3000 {
		ask(fmt.Sprint("guess-", i))
	}
	if got := denied(); got != 1+1000 {
		t.Errorf("%d lines after 3000 guesses", got)
	}
}

// A refused re-authentication is recorded under the identity that the connection
// has, whatever the client now claims to be, and says what to do.
func TestChangedIdentity(t *testing.T) {
	w := newWorld(t)
	s := w.mustLogin(of(w.user("alice", policy.MayOnlyConnect(arns))))
	err := w.dir.ChangedIdentity(t.Context(), s, iam.MechanismMSKIAM, front, "re-authentication as bob")
	if !regexp.MustCompile(`^\[[0-9a-f-]{36}\]: Access denied$`).MatchString(messageOf(err)) || iam.CheckOf(err) != iam.CheckChanged {
		t.Errorf("the client sees %v", err)
	}
	entries, err := w.store.AuditEntries(t.Context(), eventbus.AuditQuery{Action: "login.reauthentication"})
	w.must(err)
	if len(entries) != 1 || entries[0].Actor != userARN("alice") || entries[0].Resource != userARN("alice") || entries[0].Outcome != eventbus.OutcomeDenied {
		t.Fatalf("entries %+v", entries)
	}
	for _, want := range []string{"re-authentication as bob", "AWS_MSK_IAM on " + front, "; next: open a new connection"} {
		if !strings.Contains(entries[0].Reason, want) {
			t.Errorf("the record does not hold %q: %s", want, entries[0].Reason)
		}
	}
}

func messageOf(err error) string {
	var e *eventbus.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return ""
}
