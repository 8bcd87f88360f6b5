package onboarding

import (
	"strings"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// TestLifecycleNeverGoesBack: what a request asks for, laid over what the event is.
func TestLifecycleNeverGoesBack(t *testing.T) {
	const experimental, development, production, deprecated = eventbus.LifecycleExperimental, eventbus.LifecycleDevelopment, eventbus.LifecycleProduction, eventbus.LifecycleDeprecated
	for _, c := range []struct {
		asked, is  eventbus.Lifecycle
		production bool // environment
		want       eventbus.Lifecycle
	}{
		{"", "", false, development},
		{experimental, "", false, experimental},
		{experimental, development, false, experimental},
		{production, "", false, development}, // not before it is there
		{"", development, true, production},
		{experimental, experimental, true, production},
		{experimental, production, false, production},
		{development, deprecated, true, deprecated},
	} {
		b := builder{env: eventbus.Environment{Production: c.production}}
		if got := b.lifecycle(c.asked, c.is); got != c.want {
			t.Errorf("%q over %q, production %v: %q, want %q", c.asked, c.is, c.production, got, c.want)
		}
	}
}

// TestConsumingSystem: a consumer request, and no other, lists its system, with
// what the form left out filled in.
func TestConsumingSystem(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	r := b.must(b.Draft(ctx, pat, example(t, "producer.yaml")))
	if s, err := ConsumingSystemOf(r); err != nil || s != nil {
		t.Errorf("of a producer: %+v, %v", s, err)
	}
	c := &ConsumerContent{Team: "appointments", Event: "letter-ready", Purpose: "Shows a banner."}
	c.Consumer.Name = "appointments-app"
	content, err := encodeContent(c)
	if err != nil {
		t.Fatal(err)
	}
	request := eventbus.Request{ID: "req-1", Kind: eventbus.ConsumerRequest, Content: content}
	s, err := ConsumingSystemOf(request)
	if err != nil || s.Kind != "Component" || s.Type != "service" || s.Lifecycle != "production" || s.Owner != "appointments" ||
		len(s.Subscribes) != 1 || s.Subscribes[0] != "letter-ready" || s.Source != "request req-1" {
		t.Errorf("%+v, %v", s, err)
	}
	c.Consumer.Kind, c.Consumer.Owner = "System", "benefits"
	if request.Content, err = encodeContent(c); err != nil {
		t.Fatal(err)
	}
	if s, err = ConsumingSystemOf(request); err != nil || s.Kind != "System" || s.Owner != "benefits" {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestRemovalDate: as written; else the whole notice from the day of submission;
// none where only one consumer's access ends.
func TestRemovalDate(t *testing.T) {
	b := newBench(t)
	day := time.Date(2026, 8, 31, 23, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		content OffboardingContent
		want    string
	}{
		{OffboardingContent{RemovalDate: "2027-09-01"}, "2027-09-01"},
		{OffboardingContent{}, "2027-03-03"}, // 31 August and six months: February ends earlier
		{OffboardingContent{Consumer: "appointments-app"}, ""},
	} {
		content, err := encodeContent(&c.content)
		if err != nil {
			t.Fatal(err)
		}
		got, err := b.removalDate(eventbus.Request{Kind: eventbus.OffboardingRequest, Content: content, SubmittedAt: day})
		if err != nil || got != c.want {
			t.Errorf("%+v: %q, %v; want %q", c.content, got, err, c.want)
		}
	}
}

// TestCommentLimits: what is too much is refused, and nothing is kept of it.
func TestCommentLimits(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	r := b.submitted(pat, example(t, "producer.yaml"))
	_, err := b.Comment(ctx, pat, r.ID, " \n", "")
	b.refused(eventbus.CodeInvalid, err)
	_, err = b.Comment(ctx, pat, r.ID, strings.Repeat("x", 4001), "")
	b.refused(eventbus.CodeInvalid, err)
	r = b.must(b.store.Request(ctx, r.ID))
	if len(r.Comments) != 0 {
		t.Fatalf("kept: %+v", r.Comments)
	}
	r.Comments = make([]eventbus.Comment, 500)
	b.must(b.store.SaveRequest(ctx, r, nil, nil))
	_, err = b.Comment(ctx, pat, r.ID, "one more", "")
	b.refused(eventbus.CodeTooLarge, err)
}
