package cluster

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus"
)

func TestCreateTopicsAnswersForEachTopic(t *testing.T) {
	e := start(t, Config{Limits: eventbus.TopicLimits{MaxPartitions: 10}}, nil)
	create(t, e, "there", 1, nil)
	cases := []struct {
		topic eventbus.Topic
		code  eventbus.Code
	}{
		{eventbus.Topic{Name: "first", Partitions: 3}, ""},
		{eventbus.Topic{Name: "there", Partitions: 1}, eventbus.CodeConflict},
		{eventbus.Topic{Name: "no name", Partitions: 1}, eventbus.CodeInvalid},
		{eventbus.Topic{Name: "wide", Partitions: 11}, eventbus.CodeInvalid},
		{eventbus.Topic{Name: "first", Partitions: 1}, eventbus.CodeConflict}, // named twice
		{eventbus.Topic{Name: "kept", Partitions: 1, Configs: map[string]string{"cleanup.policy": "compact"}}, ""},
		{eventbus.Topic{Name: "last", Partitions: 2}, ""},
	}
	topics := make([]eventbus.Topic, len(cases))
	for i, c := range cases {
		topics[i] = c.topic
	}
	errs := e.CreateTopics(t.Context(), topics)
	if len(errs) != len(cases) {
		t.Fatalf("%d answers for %d topics", len(errs), len(cases))
	}
	for i, c := range cases {
		if got := eventbus.CodeOf(errs[i]); got != c.code {
			t.Errorf("topic %d, %q: %v has code %q, want %q", i, c.topic.Name, errs[i], got, c.code)
		}
	}
	names, err := e.topicNames(t.Context())
	if want := "first kept last there"; err != nil || strings.Join(names, " ") != want {
		t.Errorf("topics are %v (%v), want %s", names, err, want)
	}
	if p := partition(t, e, "first", 2); p == nil {
		t.Error("the first of two of a name does not count")
	}
	if errs := e.CreateTopics(t.Context(), nil); len(errs) != 0 {
		t.Errorf("no topics: %v", errs)
	}
}

// Many topics go in few requests, none over the bounds, and all are there after a
// restart.
func TestCreateTopicsKeepsRequestsBounded(t *testing.T) {
	var sizes []string
	topics := make([]eventbus.Topic, 230)
	for i := range topics {
		topics[i] = eventbus.Topic{Name: fmt.Sprintf("t%03d", i), Partitions: 1}
	}
	topics[210].Partitions, topics[211].Partitions, topics[212].Partitions = 2_000, 2_000, 2_000
	limits := eventbus.TopicLimits{MaxPartitions: 2_000}
	errs := createTopics(topics, limits, func(req *kmsg.CreateTopicsRequest) (*kmsg.CreateTopicsResponse, error) {
		resp := kmsg.NewPtrCreateTopicsResponse()
		for _, rt := range req.Topics {
			answer := kmsg.NewCreateTopicsResponseTopic()
			answer.Topic = rt.Topic
			resp.Topics = append(resp.Topics, answer)
		}
		sizes = append(sizes, fmt.Sprint(len(req.Topics)))
		return resp, nil
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(sizes, " "), "100 100 12 18"; got != want {
		t.Errorf("requests of %s topics, want %s", got, want)
	}

	dir := filepath.Join(t.TempDir(), "data")
	e := start(t, Config{DataDir: dir}, nil)
	if err := errors.Join(e.CreateTopics(t.Context(), topics[:205])...); err != nil {
		t.Fatal(err)
	}
	e = start(t, Config{DataDir: crashImage(t, dir)}, nil)
	if names, err := e.topicNames(t.Context()); err != nil || len(names) != 205 {
		t.Errorf("%d topics after a crash (%v), want 205", len(names), err)
	}
}

func TestCreateTopicsStopsAskingWhoDoesNotAnswer(t *testing.T) {
	topics := make([]eventbus.Topic, 250)
	for i := range topics {
		topics[i] = eventbus.Topic{Name: fmt.Sprintf("t%03d", i), Partitions: 1}
	}
	topics[249].Partitions = 0
	asked := 0
	errs := createTopics(topics, eventbus.TopicLimits{}, func(req *kmsg.CreateTopicsRequest) (*kmsg.CreateTopicsResponse, error) {
		if asked++; asked == 2 {
			return nil, eventbus.Errorf(eventbus.CodeUnavailable, "ask: %w", context.DeadlineExceeded)
		}
		resp := kmsg.NewPtrCreateTopicsResponse()
		for i, rt := range req.Topics[1:] { // the first is forgotten
			answer := kmsg.NewCreateTopicsResponseTopic()
			answer.Topic = rt.Topic
			if i == 0 {
				answer.ErrorCode = kerr.PolicyViolation.Code
			}
			resp.Topics = append(resp.Topics, answer)
		}
		return resp, nil
	})
	if asked != 2 {
		t.Errorf("asked %d times, want no more after the one that failed", asked)
	}
	for i, want := range map[int]eventbus.Code{0: eventbus.CodeInternal, 1: eventbus.CodeUnavailable, 2: "", 99: "",
		100: eventbus.CodeUnavailable, 199: eventbus.CodeUnavailable, 200: eventbus.CodeUnavailable, 249: eventbus.CodeInvalid} {
		if got := eventbus.CodeOf(errs[i]); got != want {
			t.Errorf("topic %d: %v has code %q, want %q", i, errs[i], got, want)
		}
	}
	if !errors.Is(errs[200], context.DeadlineExceeded) || !strings.Contains(errs[200].Error(), `"t200"`) {
		t.Errorf("the error of a topic that was never asked for: %v", errs[200])
	}
}

func TestExternalCreatesManyTopics(t *testing.T) {
	c := brokers(t)
	e := openExternal(t, ExternalConfig{Bootstrap: c.ListenAddrs()})
	errs := e.CreateTopics(t.Context(), []eventbus.Topic{
		{Name: "copied", Partitions: 1, ReplicationFactor: 2},
		{Name: "copied-too-often", Partitions: 1, ReplicationFactor: 9},
		{Name: "as-the-cluster-likes", Partitions: 1},
		{Name: "orders", Partitions: 1},
	})
	for i, want := range []eventbus.Code{"", eventbus.CodeInvalid, "", eventbus.CodeConflict} {
		if got := eventbus.CodeOf(errs[i]); got != want {
			t.Errorf("topic %d: %v has code %q, want %q", i, errs[i], got, want)
		}
	}
	if info := c.TopicInfo("copied"); info == nil || info.NumReplicas != 2 {
		t.Errorf("the topic with two copies is %+v", info)
	}
	e.Close()
	errs = e.CreateTopics(t.Context(), []eventbus.Topic{{Name: "late", Partitions: 1}})
	wantCode(t, errs[0], eventbus.CodeUnavailable)
}
