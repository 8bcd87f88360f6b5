package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/store"
)

const schema = `{"type":"record","name":"Moved","namespace":"gov.example.claims","doc":"A claim moved.","fields":[{"name":"participantId","type":"string","doc":"Whom the claim is of.","confluent:tags":["PII"]},{"name":"claimId","type":"string","doc":"The claim."},{"name":"phase","type":{"type":"enum","name":"Phase","symbols":["RECEIVED","DECIDED","CLOSED"]},"doc":"Where it stands now."},{"name":"movedAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When."}]}`

// environments of an event in the demo data.
var environments = []struct{ name, prefix string }{{"development", "dev_"}, {"production", "prod_"}}

// fillStore writes the demo data straight into the database: 5,000 events of 40
// teams in 30 domains, two consumers each, 1,000 systems, a day of traffic, and
// 600 requests.
func fillStore(ctx context.Context, path string) error {
	s, err := store.Open(ctx, store.Config{Path: path})
	if err != nil {
		return err
	}
	defer s.Close()
	now := time.Now().UTC()
	for i := range events {
		if err := fillEvent(ctx, s, i, now); err != nil {
			return err
		}
	}
	for i := range 1000 {
		y := eventbus.System{Name: fmt.Sprintf("system-%04d", i), Title: fmt.Sprintf("System %d", i), Kind: "Component", Type: "service", Lifecycle: "production", Owner: team(i)}
		for n := range 5 {
			y.Subscribes = append(y.Subscribes, name(i*5+n))
		}
		if _, err := s.SaveSystem(ctx, y); err != nil {
			return err
		}
	}
	return fillRequests(ctx, s, now)
}

func name(i int) string { return fmt.Sprintf("event-%05d", i%events) }

// team gives every hundredth event to the team of the one who reads.
func team(i int) string {
	if i%100 == 0 {
		return "claims"
	}
	return fmt.Sprintf("team-%02d", i%40)
}

func fillEvent(ctx context.Context, s *store.Store, i int, now time.Time) error {
	e := eventbus.Event{Name: name(i), Title: fmt.Sprintf("Claim moved to phase %d", i), Description: "A claim moved to another phase, or a letter with the decision was made ready.", Domain: fmt.Sprintf("domain-%02d", i%30),
		Type: "event", Lifecycle: eventbus.Lifecycles()[i%4], Owner: team(i), Contact: "owner@example.org", DataClasses: []eventbus.DataClass{eventbus.DataPII}, Schema: schema, Compatibility: eventbus.CompatibilityBackward,
		RetentionDays: 7, ExpectedPerDay: 10_000, OnePager: "# Purpose\n\nOthers hear when a claim moves.\n", SourceSystems: []eventbus.SourceSystem{{SystemName: fmt.Sprintf("Source %d", i%200), TeamName: team(i)}}}
	var usage []eventbus.UsageBucket
	for _, environment := range environments {
		topic := environment.prefix + e.Name
		e.Topics = append(e.Topics, eventbus.EventTopic{Environment: environment.name, Name: topic})
		for n := range 2 {
			g := eventbus.Grant{Event: e.Name, Environment: environment.name, Topic: topic, Direction: eventbus.Consumed, Principal: fmt.Sprintf("arn:aws-us-gov:iam::123456789012:role/reader-%04d", (i+n*7)%1000),
				GroupPrefix: fmt.Sprintf("group-%05d", i), System: fmt.Sprintf("system-%04d", (i+n*7)%1000), Team: team(i + n), Purpose: "Shows on the page of a claim where it stands.", CreatedAt: now}
			g.ID = eventbus.GrantID(g.Event, g.Environment, g.Direction, g.Principal, g.GroupPrefix)
			if _, err := s.SaveGrant(ctx, g); err != nil {
				return err
			}
		}
		for hour := range 8 {
			usage = append(usage, eventbus.UsageBucket{Start: now.Truncate(time.Hour).Add(-time.Duration(hour) * time.Hour), Width: time.Hour, Usage: eventbus.Usage{Principal: "arn:aws-us-gov:iam::123456789012:role/writer", Topic: topic,
				Direction: eventbus.Produced, SchemaID: 1, FirstSeen: now, LastSeen: now, Records: 400, Bytes: 80_000}})
		}
	}
	if _, err := s.SaveEvent(ctx, e); err != nil {
		return err
	}
	return s.AddUsage(ctx, usage)
}

func fillRequests(ctx context.Context, s *store.Store, now time.Time) error {
	for i := range 600 {
		content, err := json.Marshal(map[string]any{"team": team(i), "event": name(i), "purpose": "Shows on the page of a claim where it stands."})
		if err != nil {
			return err
		}
		r := eventbus.Request{ID: fmt.Sprintf("req-%06d", i), Kind: eventbus.ConsumerRequest, Title: "Consume " + name(i), Event: name(i), Team: "claims", State: eventbus.RequestSubmitted, Content: content, Submitter: persona,
			WaitingOn: []eventbus.Waiting{{Who: string(eventbus.RoleOwner), For: "approval", Stage: eventbus.StageOwner, Since: now}}, CreatedAt: now.Add(-time.Duration(i) * time.Hour), UpdatedAt: now}
		if _, err := s.SaveRequest(ctx, r, nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// fillCluster makes the topics, one record in some, the groups and the schemas
// of production.
func fillCluster(ctx context.Context, kafka, registry string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(kafka))
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	for from := 0; from < events; from += 250 {
		var names []string
		for i := from; i < from+250; i++ {
			names = append(names, "dev_"+name(i), "prod_"+name(i))
		}
		made, err := admin.CreateTopics(ctx, 1, 1, nil, names...)
		if err != nil {
			return err
		}
		if err := made.Error(); err != nil {
			return err
		}
	}
	var work errgroup.Group
	work.SetLimit(16)
	for i := range groups {
		work.Go(func() error {
			offsets := kadm.Offsets{}
			offsets.Add(kadm.Offset{Topic: "prod_" + name(i), At: 0, LeaderEpoch: -1})
			return admin.CommitAllOffsets(ctx, fmt.Sprintf("group-%05d", i), offsets)
		})
		if i < events {
			work.Go(func() error { return register(ctx, registry, "prod_"+name(i)+"-value") })
		}
	}
	return work.Wait()
}

func register(ctx context.Context, registry, subject string) error {
	document, err := json.Marshal(map[string]string{"schema": schema})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, registry+"/subjects/"+subject+"/versions", bytes.NewReader(document))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("register %s: %s", subject, response.Status)
	}
	return nil
}
