package provision

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "plans", name+".txt")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || got != string(want) {
		t.Errorf("%s (%v):\n%s\nwant\n%s", file, err, got, want)
	}
}

// TestPlansRead are the texts that people read before they say yes.
func TestPlansRead(t *testing.T) {
	w := newMemory()
	w.aws = true
	w.topics["dev_found"] = eventbus.Topic{Name: "dev_found", Partitions: 2, Configs: map[string]string{"segment.ms": "5000"}}
	for i, m := range scenes() {
		w.now = time.Date(2026, 3, 1+40*i, 12, 0, 0, 0, time.UTC)
		golden(t, fmt.Sprintf("%d-%s", i+1, []string{"new", "changed", "adopted", "quarantined", "deleted"}[i]), Render(mustPlan(t, w, m)))
		mustApply(t, w, m)
		golden(t, "none", Render(mustPlan(t, w, m)))
		w.collect()
	}
}

// TestRenderIsSafe: a plan cannot move the cursor or hide a line.
func TestRenderIsSafe(t *testing.T) {
	m := claims()
	m.Events[0].Event.Title = "nice\x1b[2K\rNo changes.\n"
	m.Events[0].Event.OnePager = strings.Repeat("long ", 10000)
	text := Render(mustPlan(t, newMemory(), m))
	if strings.ContainsAny(text, "\x1b\r") || strings.Contains(text, "\nNo changes") || len(text) > 5000 {
		t.Errorf("%q", text)
	}
}

func TestPlanIsDeterministic(t *testing.T) {
	w := newMemory()
	mustApply(t, w, claims())
	m := scenes()[1]
	first := mustPlan(t, w, m)
	for range 20 {
		again := mustPlan(t, w, m)
		if Render(first) != Render(again) || first.WorldHash != again.WorldHash {
			t.Fatalf("two plans of one world:\n%s\n%s", Render(first), Render(again))
		}
	}
}

// TestOneLookAtTheTopics keeps planning cheap on big clusters.
func TestOneLookAtTheTopics(t *testing.T) {
	w := newMemory()
	mustPlan(t, w, claims())
	if w.reads != 1 {
		t.Errorf("the topics were read %d times", w.reads)
	}
}

// TestPlanRefuses is every reason for which no plan is made.
func TestPlanRefuses(t *testing.T) {
	type edit func(w *memory, m *eventbus.Manifest)
	topic := func(do func(*eventbus.TopicManifest)) edit {
		return func(_ *memory, m *eventbus.Manifest) { do(&m.Events[0].Topics[0]) }
	}
	grant := func(do func(*eventbus.Grant)) edit {
		return func(_ *memory, m *eventbus.Manifest) { do(&m.Grants[0]) }
	}
	for _, c := range []struct {
		name string
		edit edit
		want string // part of a fault
	}{
		{"unknown environment", topic(func(t *eventbus.TopicManifest) { t.Environment = "moon" }), `there is no environment "moon" (use one of development, staging, production)`},
		{"environment twice", func(_ *memory, m *eventbus.Manifest) {
			m.Events[0].Topics = append(m.Events[0].Topics, m.Events[0].Topics[0])
		}, "the environment is named twice"},
		{"event twice", func(_ *memory, m *eventbus.Manifest) { m.Events = append(m.Events, m.Events[0]) }, "the event is named twice"},
		{"event name", func(_ *memory, m *eventbus.Manifest) { m.Events[0].Event.Name = "a/b" }, "not a legal event name"},
		{"wanted and removed", func(_ *memory, m *eventbus.Manifest) { m.Events[0].Remove = []string{"development"} }, "wanted and removed in one manifest"},
		{"remove nowhere", func(_ *memory, m *eventbus.Manifest) { m.Events[0].Remove = []string{"moon"} }, `there is no environment "moon"`},
		{"no partitions", func(w *memory, m *eventbus.Manifest) {
			delete(w.topics, "dev_claim-filed")
			m.Events[0].Topics[0].Topic.Partitions = 0
		}, "0 partitions: between 1 and 100"},
		{"too many partitions", topic(func(t *eventbus.TopicManifest) { t.Topic.Partitions = 101 }), "between 1 and 100"},
		{"fewer partitions", topic(func(t *eventbus.TopicManifest) { t.Topic.Partitions = 3 }), "has 6 partitions; Kafka cannot take any away (write 6, or make a new topic)"},
		{"unknown config", topic(func(t *eventbus.TopicManifest) { t.Topic.Configs["no.such"] = "1" }), `unknown topic config "no.such"`},
		{"message size", topic(func(t *eventbus.TopicManifest) { t.Topic.Configs["max.message.bytes"] = "99999999" }), "over the limit"},
		{"retention", topic(func(t *eventbus.TopicManifest) { t.Topic.Configs["retention.ms"] = "-1" }), "kept longer than the 365 days that development allows"},
		{"wrong prefix", topic(func(t *eventbus.TopicManifest) { t.Topic.Name = "prod_claim-filed" }), "does not begin with dev_"},
		{"renamed", topic(func(t *eventbus.TopicManifest) { t.Topic.Name = "dev_claims" }), "Kafka cannot rename a topic"},
		{"same metric name", func(w *memory, m *eventbus.Manifest) {
			w.topics["dev_claim.new"] = eventbus.Topic{Name: "dev_claim.new"}
			m.Events[0].Event.Name, m.Events[0].Topics[0].Topic.Name, m.Grants = "other", "dev_claim_new", nil
		}, "would have one metric name"},
		{"another event's topic", func(_ *memory, m *eventbus.Manifest) {
			m.Events[0].Event.Name, m.Events[0].Topics[0].Topic.Name, m.Grants = "other", "dev_claim-filed", nil
		}, "belongs to event claim-filed"},
		{"not Avro", topic(func(t *eventbus.TopicManifest) { t.ValueSchema = "{}" }), "not valid Avro"},
		{"incompatible", topic(func(t *eventbus.TopicManifest) { t.ValueSchema = claimBroken }), "the schema is not BACKWARD compatible: version 1: READER_FIELD_MISSING_DEFAULT_VALUE"},
		{"unknown level", topic(func(t *eventbus.TopicManifest) { t.Compatibility = "SIDEWAYS" }), "not a compatibility level"},
		{"older version", func(w *memory, _ *eventbus.Manifest) {
			_, _ = w.Register(context.Background(), "dev_claim-filed-value", claimSchema2)
		}, "is version 1, and version 2 is the latest; a registry never goes back"},
		{"guard", topic(func(t *eventbus.TopicManifest) { t.Guard = "strict" }), "not a schema guard"},
		{"guard without schema", func(_ *memory, m *eventbus.Manifest) {
			m.Events[0].Event.Name, m.Grants = "bare", nil
			m.Events[0].Topics[0] = eventbus.TopicManifest{Environment: "development", Topic: eventbus.Topic{Partitions: 1}, Guard: eventbus.SchemaGuardEnforce}
		}, "enforce would refuse every record"},
		{"PHI in development", func(_ *memory, m *eventbus.Manifest) {
			m.Events[0].Event.DataClasses = []eventbus.DataClass{eventbus.DataPHI}
		}, "PHI may not enter development (send made-up data there and say so with syntheticData: true)"},
		{"PII in development", func(_ *memory, m *eventbus.Manifest) {
			m.Events[0].Event.DataClasses = []eventbus.DataClass{eventbus.DataNone, eventbus.DataPII}
		}, "PII may not enter development"},
		{"grant nowhere", grant(func(g *eventbus.Grant) { g.Environment = "moon" }), `there is no environment "moon"`},
		{"grant without topic", grant(func(g *eventbus.Grant) { g.Environment = "staging" }), "has no topic in staging that the bus manages"},
		{"grant on another topic", grant(func(g *eventbus.Grant) { g.Topic = "prod_secrets" }), "prod_secrets is not the topic of event claim-filed in development"},
		{"grant without purpose", grant(func(g *eventbus.Grant) { g.Purpose = " " }), "a grant needs a purpose"},
		{"grant both ways", grant(func(g *eventbus.Grant) { g.Direction = "both" }), `"both" is not a direction`},
		{"producer with a group", grant(func(g *eventbus.Grant) { g.GroupPrefix = "x" }), "a producer has no consumer group"},
		{"every transactional id", grant(func(g *eventbus.Grant) { g.TransactionalID = "*" }), "* is every transactional id"},
		{"no ARN", grant(func(g *eventbus.Grant) { g.Principal = "claims" }), "is not the ARN of an IAM role or user"},
		{"everybody", grant(func(g *eventbus.Grant) { g.Principal = "arn:aws-us-gov:iam::123456789012:root" }), "is not the ARN of an IAM role or user"},
		{"foreign account", grant(func(g *eventbus.Grant) { g.Principal = producerTrust }), "is not of account 123456789012 (aws-us-gov) (name a role of that account and list the foreign identity under trustedBy)"},
		{"foreign partition", grant(func(g *eventbus.Grant) { g.Principal = "arn:aws:iam::123456789012:role/x" }), "is not of account"},
		{"trust", grant(func(g *eventbus.Grant) { g.TrustedBy = []string{"*"} }), "is not the ARN"},
		{"review date", grant(func(g *eventbus.Grant) { g.ReviewDate = "soon" }), `"soon" is not a day`},
		{"grant twice", func(_ *memory, m *eventbus.Manifest) { m.Grants = append(m.Grants, m.Grants[0]) }, "the grant is named twice"},
		{"another principal under one id", func(w *memory, m *eventbus.Manifest) {
			m.Grants[0].ID, m.Grants[0].Principal = eventbus.GrantID("claim-filed", "development", eventbus.Produced, producerRole, ""), consumerRole
		}, "revoke it, and write a grant with another id"},
		{"every group", func(_ *memory, m *eventbus.Manifest) { m.Grants[1].GroupPrefix = "*" }, "a consumer needs the name of its group"},
		{"trust of a role made by hand", func(w *memory, m *eventbus.Manifest) {
			p := w.principals[producerRole]
			p.Managed = false
			w.principals[producerRole] = p
		}, "was made by hand; its trust is not changed"},
		{"grant on what goes", func(_ *memory, m *eventbus.Manifest) {
			m.Events[0].Remove, m.Events[0].Topics = []string{"development"}, nil
		}, "is removed from development in the same manifest"},
		{"prefix of another", func(_ *memory, m *eventbus.Manifest) {
			m.Environments = []eventbus.Environment{{Name: "devtest", Prefix: "dev_t", Order: 9}}
		}, "overlaps with the prefix of development"},
		{"prefix in use", func(_ *memory, m *eventbus.Manifest) {
			m.Environments = []eventbus.Environment{{Name: "development", Prefix: "devel_", Order: 1}}
			m.Events, m.Grants = nil, nil
		}, "topic dev_claim-filed is wanted under the prefix dev_"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newMemory()
			mustApply(t, w, claims())
			m := claims()
			c.edit(w, &m)
			before := w.picture()
			_, err := w.bus().Plan(t.Context(), m)
			if eventbus.CodeOf(err) != eventbus.CodeInvalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
			if w.picture() != before {
				t.Error("planning changed the world")
			}
		})
	}
}

func TestTooManyGrantsForOnePolicy(t *testing.T) {
	w := newMemory()
	m := eventbus.Manifest{}
	for i := range 100 {
		name := fmt.Sprintf("event-with-a-rather-long-name-%03d", i)
		m.Events = append(m.Events, eventbus.EventManifest{Event: eventbus.Event{Name: name}, Topics: []eventbus.TopicManifest{{Environment: "development", Topic: eventbus.Topic{Partitions: 1}}}})
		m.Grants = append(m.Grants, eventbus.Grant{Event: name, Environment: "development", Direction: eventbus.Produced, Principal: producerRole, Purpose: "all"})
	}
	_, err := w.bus().Plan(t.Context(), m)
	if eventbus.CodeOf(err) != eventbus.CodeInvalid || !strings.Contains(err.Error(), "give the further access to another principal") {
		t.Errorf("%v", err)
	}
}

func TestEnvironmentDefaults(t *testing.T) {
	w := newMemory()
	w.envs[2].Limits = eventbus.TopicLimits{ReplicationFactor: 3, MinInsyncReplicas: 2}
	m := claims()
	m.Grants = nil
	m.Events[0].Topics = append(m.Events[0].Topics, eventbus.TopicManifest{Environment: "production", ValueSchema: claimSchema, Topic: eventbus.Topic{Partitions: 3}},
		eventbus.TopicManifest{Environment: "staging", Topic: eventbus.Topic{Partitions: 3}})
	mustApply(t, w, m)
	if p := w.topics["prod_claim-filed"]; p.ReplicationFactor != 3 || p.Configs["min.insync.replicas"] != "2" {
		t.Errorf("production %+v", p)
	}
	guards, err := w.bus().Guards(t.Context())
	for topic, want := range map[string]eventbus.SchemaGuard{"dev_claim-filed": eventbus.SchemaGuardWarn, "prod_claim-filed": eventbus.SchemaGuardEnforce, "staging_claim-filed": eventbus.SchemaGuardOff} {
		if guards[topic].Mode != want {
			t.Errorf("%s: %s, want %s (%v)", topic, guards[topic].Mode, want, err)
		}
	}
}

// TestNoPhantomChanges: values that Kafka reads alike are alike.
func TestNoPhantomChanges(t *testing.T) {
	for _, c := range []struct {
		name, a, b string
		same       bool
	}{
		{"retention.ms", "1000", "1000", true}, {"min.cleanable.dirty.ratio", "0.5", "0.50", true}, {"cleanup.policy", "compact,delete", "delete, compact", true},
		{"retention.ms", "1000", "2000", false}, {"cleanup.policy", "compact", "delete", false}, {"compression.type", "zstd", "lz4", false}, {"retention.ms", "1000", "", false},
	} {
		if sameConfig(c.name, c.a, c.b) != c.same {
			t.Errorf("%s: %q and %q, want same %v", c.name, c.a, c.b, c.same)
		}
	}
	w := newMemory()
	mustApply(t, w, claims())
	m := claims()
	m.Events[0].Topics[0].ValueSchema = strings.ReplaceAll(claimSchema, ",", ",\n  ") // the same, written otherwise
	m.Events[0].Event.Schema = claimSchema
	m.Grants[0].ApprovedBy, m.Grants[0].RequestID = []string{"somebody"}, "18"
	if plan := mustPlan(t, w, m); !plan.Empty() {
		t.Errorf("%s", Render(plan))
	}
}

// TestNotNamedNotTouched lists what a plan must leave alone.
func TestNotNamedNotTouched(t *testing.T) {
	w := newMemory()
	w.topics["staging_other"] = eventbus.Topic{Name: "staging_other", Partitions: 1}
	mustApply(t, w, claims())
	w.topics["dev_claim-filed"].Configs["segment.ms"] = "9000000"
	e := w.events["claim-filed"]
	e.Tags, e.AverageDailyEvents, e.OnePager = []string{"by-hand"}, 12, "# By hand"
	e.Topics[0].BrokerAddresses = []string{"b-1:9098"}
	w.events["claim-filed"] = e
	m := claims()
	m.Grants = m.Grants[:1]
	if plan := mustPlan(t, w, m); !plan.Empty() {
		t.Errorf("%s", Render(plan))
	}
	m.Events[0].Event.Title = "New title"
	mustApply(t, w, m)
	if got := w.events["claim-filed"]; got.AverageDailyEvents != 12 || got.OnePager == "" || len(got.Tags) != 1 || got.Topics[0].BrokerAddresses == nil || got.Title != "New title" {
		t.Errorf("%+v", got)
	}
	if w.topics["dev_claim-filed"].Configs["segment.ms"] == "" || len(w.topics) != 2 {
		t.Errorf("%v", w.topics)
	}
}

func TestPolicyIsLeastAndOne(t *testing.T) {
	arns := EnvironmentAccess{Deployment: eventbus.DemoDeployment()}.arns()
	grants := []eventbus.Grant{
		{Topic: "dev_a", Direction: eventbus.Produced, Idempotent: true}, {Topic: "dev_b", Direction: eventbus.Produced},
		{Topic: "dev_c", Direction: eventbus.Produced, TransactionalID: "tx-*"}, {Topic: "dev_a", Direction: eventbus.Consumed, GroupPrefix: "g-*"},
		{Topic: "dev_d", Direction: eventbus.Consumed, GroupPrefix: "exact"},
	}
	document, err := policyOf(arns, grants)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"Connect on cluster", "AlterGroup,DescribeGroup on group exact", "AlterGroup,DescribeGroup on group g-*", "WriteDataIdempotently on cluster",
		"DescribeTopic,ReadData on topic dev_a", "DescribeTopic,ReadData on topic dev_d", "AlterTransactionalId,DescribeTransactionalId on transactional-id tx-*",
		"DescribeTopic,WriteData on topic dev_a", "DescribeTopic,WriteData on topic dev_b", "DescribeTopic,WriteData on topic dev_c"}
	got := statementsShown(document)
	if len(without(got, want))+len(without(want, got)) > 0 {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	parsed, err := policy.Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	for _, finding := range policy.Lint(parsed) {
		if finding.Severity != policy.Advisory {
			t.Errorf("lint: %+v", finding)
		}
	}
	named := []policy.Named{{Name: PolicyName, Doc: parsed}}
	for resource, allowed := range map[string]bool{arns.Topic("dev_d"): true, arns.Topic("dev_b"): false, arns.Topic("dev_dd"): false} {
		if policy.Allows(policy.Request{Action: "kafka-cluster:ReadData", Resource: resource}, named, nil) != allowed {
			t.Errorf("reading %s: want %v", resource, allowed)
		}
	}
	if empty, err := policyOf(arns, nil); empty != "" || err != nil {
		t.Errorf("no grants: %q %v", empty, err)
	}
}
