package apiserver

import (
	"context"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/catalog"
	"github.com/enterprise-event-bus/eventbus/internal/streams"
)

// oneSchema is a registry of one schema, whose name field is personal data.
type oneSchema struct{}

const taggedSchema = `{"type":"record","name":"Letter","namespace":"n","fields":[{"name":"name","type":"string","confluent:tags":["PII"]},{"name":"pages","type":"int"}]}`

func (oneSchema) Schema(_ context.Context, id int) (eventbus.Schema, error) {
	if id != 1 {
		return eventbus.Schema{}, eventbus.Errorf(eventbus.CodeNotFound, "there is no schema %d", id)
	}
	return eventbus.Schema{ID: 1, Text: taggedSchema, Subject: "dev_letter-ready-value", Version: 1}, nil
}

func (s oneSchema) SchemaByGUID(ctx context.Context, _ string) (eventbus.Schema, error) {
	return s.Schema(ctx, 0)
}

func (s oneSchema) SchemaVersion(ctx context.Context, _ string, _ int) (eventbus.Schema, error) {
	return s.Schema(ctx, 1)
}

// newKafka is a world with topics on a real engine: one of the event
// letter-ready of team claims, which holds personal data and two records, and
// one that no event has.
func newKafka(t *testing.T) (*world, *kgo.Client) {
	t.Helper()
	engine, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Close)
	kafka, err := kgo.NewClient(kgo.SeedBrokers(engine.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	created, err := kadm.NewClient(kafka).CreateTopics(t.Context(), 1, 1, nil, "dev_letter-ready", "stray")
	if err != nil || created.Error() != nil {
		t.Fatal(err, created.Error())
	}
	for _, name := range []string{"Ada", "Eve"} {
		value := binary.BigEndian.AppendUint32([]byte{0}, 1)
		value = append(append(value, byte(2*len(name))), name...)
		if err := kafka.ProduceSync(t.Context(), &kgo.Record{Topic: "dev_letter-ready", Key: []byte("key-of-" + name), Value: append(value, 14)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	w := newWorld(t, func(p *Parts) {
		p.Streams = streams.Open(streams.Config{}, kafka, oneSchema{}, p.AuditLog)
	})
	_, err = catalog.New(catalog.Config{}, w.store, w.store).Put(t.Context(), eventbus.Actor{System: "test"}, eventbus.Event{Name: "letter-ready", Title: "Letter Ready", Domain: "claims",
		Type: "event", Lifecycle: eventbus.LifecycleDevelopment, Owner: "claims", DataClasses: []eventbus.DataClass{eventbus.DataPII},
		Topics: []eventbus.EventTopic{{Environment: "development", Name: "dev_letter-ready"}}})
	if err != nil {
		t.Fatal(err)
	}
	return w, kafka
}

// TestRecords: who may read reads what is not personal, with a reason, and the
// audit tells.
func TestRecords(t *testing.T) {
	w, _ := newKafka(t)
	const at = "/api/v1/topics/dev_letter-ready/records"
	w.must(422, "member", "POST", at, `{}`)
	var page streams.Records
	got := w.must(200, "member", "POST", at, `{"reason":"a letter is missing","start":"earliest","limit":1}`)
	got.into(t, &page)
	if len(page.Records) != 1 || page.Records[0].Value.Text != `{"name":"***","pages":7}` || page.Records[0].Key.Format != streams.FormatHidden || page.Next[0] != 1 {
		t.Errorf("records = %s", got.text)
	}
	got = w.must(200, "member", "POST", at, `{"reason":"a letter is missing","after":{"0":1}}`)
	got.into(t, &page)
	if len(page.Records) != 1 || page.Records[0].Offset != 1 {
		t.Errorf("the next page = %s", got.text)
	}
	for _, secret := range []string{"Ada", "Eve"} {
		if strings.Contains(got.text, secret) {
			t.Errorf("%s is shown: %s", secret, got.text)
		}
	}
	var list auditList
	w.must(200, "auditor", "GET", "/api/v1/audit?action=records.read", "").into(t, &list)
	if len(list.Entries) != 4 || list.Entries[0].Outcome != eventbus.OutcomeIntent || list.Entries[1].Outcome != eventbus.OutcomeAllowed ||
		list.Entries[0].Actor != "mia" || list.Entries[0].Reason != "a letter is missing" {
		t.Errorf("audit = %+v", list.Entries)
	}
	for body, says := range map[string]string{
		`{"reason":"x","after":{"-1":0}}`: "not a partition", `{"reason":"x","after":{"0":-5}}`: "negative", `{"reason":"x","start":"middle"}`: "start",
		`{"reason":"x","limit":501}`: "limit", `{"reason":"x","start":"timestamp"}`: "time", `{"reason":"` + strings.Repeat("x", 501) + `"}`: "500",
	} {
		if got := w.must(422, "member", "POST", at, body); !strings.Contains(got.text, says) {
			t.Errorf("%s = %s, want %q", body, got.text, says)
		}
	}
	w.must(404, "member", "POST", at, `{"reason":"x","partitions":[9]}`)
	if got := w.must(200, "member", "POST", at, `{"reason":"x"}`, "Idempotency-Key: k"); got.header.Get("Idempotent-Replayed") != "" {
		t.Error("records were kept")
	}
	if got := w.must(200, "member", "POST", at, `{"reason":"x"}`, "Idempotency-Key: k"); got.header.Get("Idempotent-Replayed") != "" {
		t.Error("records were kept")
	}
}

// TestRecordsNeedAGrant: neither a role nor a grant to produce, to another event
// or in another environment lets anybody read; a grant to consume does, until it
// is revoked.
func TestRecordsNeedAGrant(t *testing.T) {
	w, _ := newKafka(t)
	const at, body = "/api/v1/topics/dev_letter-ready/records", `{"reason":"a letter is missing"}`
	for _, who := range []string{"bus-reviewer", "privacy-reviewer", "security-reviewer", "operator", "auditor", "administrator"} {
		if got := w.must(403, who, "POST", at, body); !strings.Contains(got.text, "team claims") {
			t.Errorf("refusal of %s = %s", who, got.text)
		}
	}
	w.must(401, "", "POST", at, body)
	ada := everybody["auditor"]
	ada.Teams = []string{"oversight"}
	w.sessions.GrantLocal(secretOf("reader"), ada)
	grant := eventbus.Grant{ID: "g", Event: "letter-ready", Environment: "development", Topic: "dev_letter-ready", Direction: eventbus.Consumed, Team: "oversight", Principal: "arn:aws:iam::1:role/x"}
	save := func(change func(*eventbus.Grant)) {
		t.Helper()
		change(&grant)
		var err error
		if grant, err = w.store.SaveGrant(t.Context(), grant); err != nil {
			t.Fatal(err)
		}
	}
	for _, change := range []func(*eventbus.Grant){
		func(g *eventbus.Grant) { g.Direction = eventbus.Produced },
		func(g *eventbus.Grant) { g.Direction, g.Environment = eventbus.Consumed, "production" },
		func(g *eventbus.Grant) { g.Environment, g.Event = "development", "other" },
		func(g *eventbus.Grant) { g.Event, g.Team = "letter-ready", "others" },
	} {
		save(change)
		w.must(403, "reader", "POST", at, body)
	}
	save(func(g *eventbus.Grant) { g.Team = "oversight" })
	w.must(200, "reader", "POST", at, body)
	save(func(g *eventbus.Grant) { g.RevokedAt = time.Now() })
	w.must(403, "reader", "POST", at, body)

	// What no event has nobody can grant; in `dev` its maker may look.
	if got := w.must(403, "member", "POST", "/api/v1/topics/stray/records", body); !strings.Contains(got.text, "no event") {
		t.Errorf("refusal = %s", got.text)
	}
	w.must(422, "administrator", "POST", "/api/v1/topics/stray/records", `{}`) // its class is not known
	w.must(200, "administrator", "POST", "/api/v1/topics/stray/records", body)
	w.must(404, "administrator", "POST", "/api/v1/topics/none/records", body)
}

// TestRecordsWithoutAnAudit: what cannot be recorded is not shown.
func TestRecordsWithoutAnAudit(t *testing.T) {
	w, _ := newKafka(t)
	w.api.parts.Streams = streams.New(nil)
	w.must(503, "member", "POST", "/api/v1/topics/dev_letter-ready/records", `{"reason":"x"}`)
}

// TestTopicsAndGroups asks a real engine for its topics, groups and lag.
func TestTopicsAndGroups(t *testing.T) {
	w, kafka := newKafka(t)
	var topics topicList
	w.must(200, "member", "GET", "/api/v1/topics", "").into(t, &topics)
	if len(topics.Topics) != 2 {
		t.Errorf("topics = %+v", topics)
	}
	w.must(200, "member", "GET", "/api/v1/topics?environment=development", "").into(t, &topics)
	if len(topics.Topics) != 1 || topics.Topics[0].Name != "dev_letter-ready" {
		t.Errorf("topics of development = %+v", topics)
	}
	w.must(404, "member", "GET", "/api/v1/topics?environment=none", "")
	w.must(200, "member", "GET", "/api/v1/topics/stray", "")
	w.must(404, "member", "GET", "/api/v1/topics/none", "")
	w.must(404, "member", "GET", "/api/v1/topics/_schemas", "")
	var partitions partitionList
	w.must(200, "member", "GET", "/api/v1/topics/dev_letter-ready/partitions", "").into(t, &partitions)
	if len(partitions.Partitions) != 1 {
		t.Errorf("partitions = %+v", partitions)
	}
	w.must(404, "member", "GET", "/api/v1/topics/none/partitions", "")

	var groups groupList
	w.must(200, "member", "GET", "/api/v1/groups", "").into(t, &groups)
	if len(groups.Groups) != 0 {
		t.Errorf("groups = %+v", groups)
	}
	offsets := kadm.Offsets{}
	offsets.AddOffset("dev_letter-ready", 0, 1, -1)
	if err := kadm.NewClient(kafka).CommitAllOffsets(t.Context(), "claims-mail", offsets); err != nil {
		t.Fatal(err)
	}
	w.must(200, "member", "GET", "/api/v1/groups?prefix=claims-", "").into(t, &groups)
	if len(groups.Groups) != 1 || groups.Groups[0].ID != "claims-mail" {
		t.Errorf("groups = %+v", groups)
	}
	var group streams.Group
	w.must(200, "member", "GET", "/api/v1/groups/claims-mail", "").into(t, &group)
	if group.Lag != 1 {
		t.Errorf("group = %+v, want a lag of 1", group)
	}
	w.must(404, "member", "GET", "/api/v1/groups/none", "")
	var readers topicGroupList
	w.must(200, "member", "GET", "/api/v1/topics/dev_letter-ready/groups", "").into(t, &readers)
	if len(readers.Groups) != 1 || readers.More {
		t.Errorf("groups of the topic = %+v", readers)
	}
}
