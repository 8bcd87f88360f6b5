package apiserver

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/catalog"
	"github.com/enterprise-event-bus/eventbus/internal/streams"
)

// registerRecords adds the reading of records. It is a POST, so that no link and
// no prefetch reads anything; every look is in the audit.
func (a *API) registerRecords() {
	register(a, operation(http.MethodPost, "/topics/{name}/records", "read-records",
		"Read records of a topic, decoded, what its tags say masked; recorded with your reason", http.StatusNotFound), a.readRecords)
}

type readRecordsInput struct {
	Name string `path:"name" minLength:"1" maxLength:"249"`
	Body struct {
		Reason     string           `json:"reason,omitempty" maxLength:"500" doc:"why; required where the topic may hold personal data"`
		Start      string           `json:"start,omitempty" enum:"latest,earliest,offset,timestamp" default:"latest" doc:"latest: the last records, newest first"`
		Offset     int64            `json:"offset,omitempty" minimum:"0" doc:"with start offset: of each partition"`
		Time       time.Time        `json:"time,omitzero" doc:"with start timestamp"`
		Partitions []int32          `json:"partitions,omitempty" minimum:"0" maxItems:"1000" doc:"none: all"`
		After      map[string]int64 `json:"after,omitempty" maxProperties:"1000" doc:"the next page: offset by partition, as next of the page before"`
		Limit      int              `json:"limit,omitempty" minimum:"1" maximum:"500" default:"50"`
		MaxBytes   int              `json:"maxBytes,omitempty" minimum:"1" maximum:"8388608" default:"1048576"`
	}
}

func (in *readRecordsInput) query() (streams.RecordQuery, error) {
	b := in.Body
	q := streams.RecordQuery{Topic: in.Name, Partitions: b.Partitions, Start: streams.Start(b.Start), Offset: b.Offset, Time: b.Time, Limit: b.Limit, MaxBytes: b.MaxBytes}
	if len(b.After) > 0 {
		q.Offsets = map[int32]int64{}
	}
	for name, offset := range b.After {
		partition, err := strconv.ParseInt(name, 10, 32)
		if err != nil || partition < 0 {
			return q, eventbus.Invalid("the records were not read", eventbus.Fault{Path: "body.after", Message: clip(name) + " is not a partition",
				Fix: "send next of the page before as it came"})
		}
		q.Offsets[int32(partition)] = offset
	}
	return q, nil
}

// readRecords: nobody is cleared for personal data here; what is tagged stays
// masked.
func (a *API) readRecords(ctx context.Context, in *readRecordsInput) (*body[streams.Records], error) {
	query, err := in.query()
	if err != nil {
		return nil, err
	}
	classes, err := a.mayReadRecords(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	page, err := a.parts.Streams.Records(ctx, actorOf(ctx), query, streams.Viewer{Reason: in.Body.Reason, DataClasses: classes})
	if err != nil {
		return nil, err
	}
	return &body[streams.Records]{page}, nil
}

// mayReadRecords gives the data classes of a topic to those who may read it: of
// an event's topic the teams that own the event or were granted to consume it
// there; of one that no event has, the local administrator who may have made it.
func (a *API) mayReadRecords(ctx context.Context, topic string) ([]eventbus.DataClass, error) {
	person := actorOf(ctx).Person
	event, environment, err := a.parts.Catalog.EventOfTopic(ctx, topic)
	switch {
	case eventbus.CodeOf(err) == eventbus.CodeNotFound:
		if person.ID == a.parts.Administrator.ID {
			return nil, nil
		}
		return nil, &eventbus.Error{Code: eventbus.CodeForbidden, Message: "no event of the catalog has the topic " + topic + ", so nobody can grant it",
			Next: "propose the event, or read it as the local administrator of `dev`"}
	case err != nil:
		return nil, err
	}
	grants, err := a.parts.Grants.Grants(ctx, eventbus.GrantQuery{Event: event.Name, Environment: environment, Direction: eventbus.Consumed, ActiveOnly: true})
	if err != nil {
		return nil, err
	}
	if !catalog.MayReadRecords(person, event, environment, grants) {
		return nil, &eventbus.Error{Code: eventbus.CodeForbidden, Message: "you may not see the records of " + topic,
			Next: "reading records is a right like any other: team " + event.Owner + ", which owns the event, grants access in " + environment}
	}
	return event.DataClasses, nil
}
