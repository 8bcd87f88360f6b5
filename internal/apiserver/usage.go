package apiserver

import (
	"context"
	"net/http"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/observe"
)

func (a *API) registerUsage() {
	register(a, operation(http.MethodGet, "/usage", "list-usage", "Who produced and consumed what, by the hour or day"), a.listUsage)
	register(a, operation(http.MethodGet, "/usage/{topic}", "list-topic-usage", "Who uses a topic, and its traffic of an average day"), a.listTopicUsage)
}

type usageList struct {
	Buckets []usageBucket `json:"buckets"`
}

// usageBucket is an eventbus.UsageBucket with its width in seconds.
type usageBucket struct {
	Start        time.Time `json:"start"`
	WidthSeconds int64     `json:"widthSeconds" doc:"3600 or 86400"`
	eventbus.Usage
}

type listUsageInput struct {
	Topic     string    `query:"topic" maxLength:"249"`
	Principal string    `query:"principal" maxLength:"2048" doc:"ARN"`
	Group     string    `query:"group" maxLength:"249"`
	Direction string    `query:"direction" enum:"produce,consume"`
	Since     time.Time `query:"since"`
	Until     time.Time `query:"until"`
	By        string    `query:"by" enum:"hour,day" default:"day"`
}

func (a *API) listUsage(ctx context.Context, in *listUsageInput) (*body[usageList], error) {
	width := 24 * time.Hour
	if in.By == "hour" {
		width = time.Hour
	}
	buckets, err := a.parts.Observer.Usage(ctx, eventbus.UsageQuery{Topic: in.Topic, Principal: in.Principal, Group: in.Group,
		Direction: eventbus.Direction(in.Direction), Since: in.Since, Until: in.Until, Width: width})
	if err != nil {
		return nil, err
	}
	out := usageList{Buckets: make([]usageBucket, len(buckets))}
	for i, b := range buckets {
		out.Buckets[i] = usageBucket{b.Start, int64(b.Width / time.Second), b.Usage}
	}
	return &body[usageList]{out}, nil
}

type topicUsageInput struct {
	Topic string `path:"topic" minLength:"1" maxLength:"249"`
}

type topicUsage struct {
	Principals []eventbus.Usage `json:"principals"`
	Daily      observe.Average  `json:"daily"`
}

func (a *API) listTopicUsage(ctx context.Context, in *topicUsageInput) (*body[topicUsage], error) {
	principals, err := a.parts.Observer.Principals(ctx, in.Topic)
	if err != nil {
		return nil, err
	}
	daily, err := a.parts.Observer.AverageDaily(ctx, in.Topic)
	if err != nil {
		return nil, err
	}
	return &body[topicUsage]{topicUsage{principals, daily}}, nil
}
