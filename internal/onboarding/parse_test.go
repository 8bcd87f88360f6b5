package onboarding

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(got) {
		t.Errorf("%s differs; run with -update and look at the difference.\ngot:\n%s", file, got)
	}
}

var today = time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)

func TestExamplesAreValid(t *testing.T) {
	for _, name := range []string{"producer.yaml", "consumer.yaml", "change.yaml", "offboarding.yaml"} {
		sub := example(t, name)
		for _, f := range sub.Locate(Validate(sub.Content, eventbus.DemoEnvironments(), today)) {
			t.Errorf("%s", f)
		}
		text, err := encodeContent(sub.Content)
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeContent(sub.Kind, text)
		if err != nil || !reflect.DeepEqual(again, sub.Content) {
			t.Errorf("%s does not survive being stored: %v", name, err)
		}
		golden(t, strings.TrimSuffix(name, ".yaml")+".onepager.md", []byte(OnePager(sub.Content)))
	}
}

func TestTheShortestRequests(t *testing.T) {
	for _, text := range []string{`
apiVersion: eventbus/v1
kind: ProducerRequest
team: claims
contacts: {productOwner: Olive, technicalContact: Pat}
event: {name: a, title: A, description: Something happened., domain: claims, purpose: To know.}
privacy: {dataClasses: [none]}
schema: {value: '{"type": "record", "name": "A", "namespace": "n", "fields": []}'}
`, `{"apiVersion": "eventbus/v1", "kind": "OffboardingRequest", "team": "claims", "event": "a", "reason": "Nobody needs it."}`} {
		sub, err := ParseRequest([]byte(text), "")
		if err != nil {
			t.Fatal(err)
		}
		if faults := Validate(sub.Content, eventbus.DemoEnvironments(), today); len(faults) > 0 {
			t.Error(faults)
		}
	}
}

func TestParseFaults(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"no kind", "apiVersion: eventbus/v1\n", `f.yaml:1:1: kind: "" is not a kind of request (write ProducerRequest, ConsumerRequest, ChangeRequest or OffboardingRequest)`},
		{"other version", "apiVersion: eventbus/v2\nkind: ConsumerRequest\n", `f.yaml:1:13: apiVersion: is "eventbus/v2" (write apiVersion: eventbus/v1)`},
		{"misspelt", "apiVersion: eventbus/v1\nkind: ConsumerRequest\nteem: claims\n", `f.yaml:3:1: teem: unknown field (did you mean team?)`},
		{"a number is text", "apiVersion: eventbus/v1\nkind: ProducerRequest\ntopic: {partitions: six}\n", `f.yaml:3:21: topic.partitions: "six" is not a whole number (write digits only, without quotes: 1000)`},
		{"two requests", "a: 1\n---\nb: 2\n", `f.yaml:1:1: 2 documents, a request is one (write one request per file)`},
		{"too deep", "a: " + strings.Repeat("[", 70) + strings.Repeat("]", 70), "f.yaml:1:67: a"},
	} {
		_, err := ParseRequest([]byte(c.text), "f.yaml")
		faults := eventbus.FaultsOf(err)
		if len(faults) == 0 || !strings.HasPrefix(faults[0].String(), c.want) {
			t.Errorf("%s: got %v\nwant %s", c.name, faults, c.want)
		}
	}
}

// Each change of a good request is found, at its path.
func TestValidateProducer(t *testing.T) {
	for _, c := range []struct {
		path   string
		change func(*ProducerContent)
	}{
		{"team", func(c *ProducerContent) { c.Team = "" }},
		{"team", func(c *ProducerContent) { c.Team = "a b" }},
		{"environments[0]", func(c *ProducerContent) { c.Environments = []string{"moon"}; c.Access = nil }},
		{"contacts.productOwner", func(c *ProducerContent) { c.Contacts.ProductOwner = " " }},
		{"contacts.email", func(c *ProducerContent) { c.Contacts.Email = "nobody" }},
		{"fit.problem", func(c *ProducerContent) { c.Fit.Problem = "slow" }},
		{"fit.deadline", func(c *ProducerContent) { c.Fit.Deadline = "2020-01-01" }},
		{"system.fisma", func(c *ProducerContent) { c.System.FISMA = "High" }},
		{"system.vasi", func(c *ProducerContent) { c.System.VASI = "abc" }},
		{"system.leaf", func(c *ProducerContent) { c.System.EMASS = "in process" }},
		{"system.wasaDate", func(c *ProducerContent) { c.System.WASADate = "2027-01-01" }},
		{"system.wasaDate", func(c *ProducerContent) { c.System.WebApplication, c.System.WASADate = true, "2026-12-10" }},
		{"event.name", func(c *ProducerContent) { c.Event.Name = "Letter Ready" }},
		{"event.name", func(c *ProducerContent) { c.Event.Name = strings.Repeat("a", 64) }},
		{"event.title", func(c *ProducerContent) { c.Event.Title = strings.Repeat("a", 81) }},
		{"event.description", func(c *ProducerContent) { c.Event.Description = "two\nlines" }},
		{"event.purpose", func(c *ProducerContent) { c.Event.Purpose = "" }},
		{"event.domain", func(c *ProducerContent) { c.Event.Domain = "" }},
		{"event.lifecycle", func(c *ProducerContent) { c.Event.Lifecycle = "beta" }},
		{"event.sourceSystems[1].systemName", func(c *ProducerContent) {
			c.Event.SourceSystems = append(c.Event.SourceSystems, c.Event.SourceSystems[0])
		}},
		{"event.links[0].url", func(c *ProducerContent) { c.Event.Links[0].URL = "http://example.gov" }},
		{"event.links[0].url", func(c *ProducerContent) { c.Event.Links[0].URL = "https://user@example.gov" }},
		{"event.perDay", func(c *ProducerContent) { c.Event.PerDay = -1 }},
		{"event.averageBytes", func(c *ProducerContent) { c.Event.AverageBytes = 5000 }},
		{"event.peakPerSecond", func(c *ProducerContent) { c.Event.PeakPerSecond = 1 }},
		{"event.maxBytes", func(c *ProducerContent) { c.Event.MaxBytes = 1 << 30 }},
		{"privacy.dataClasses", func(c *ProducerContent) { c.Privacy.DataClasses = nil }},
		{"privacy.dataClasses[0]", func(c *ProducerContent) { c.Privacy.DataClasses = []eventbus.DataClass{"secret"} }},
		{"privacy.dataClasses[0]", func(c *ProducerContent) { c.Privacy.DataClasses = []eventbus.DataClass{"none", "PII"} }},
		{"privacy.dataClasses", func(c *ProducerContent) { c.Privacy.DataClasses = []eventbus.DataClass{"none"} }},
		{"privacy.syntheticData", func(c *ProducerContent) { c.Privacy.SyntheticData = false }},
		{"privacy.pta", func(c *ProducerContent) { c.Privacy.PTA = "2025-01-01" }},
		{"privacy.pia", func(c *ProducerContent) { c.Privacy.PIA = "2027-01-01" }},
		{"privacy.fields.shoeSize", func(c *ProducerContent) { c.Privacy.Fields = map[string]eventbus.DataClass{"shoeSize": "PII"} }},
		{"agreements.working.by", func(c *ProducerContent) { c.Agreements.Working = Signature{Date: "2026-01-01", Document: "d"} }},
		{"agreements.dataSharing.date", func(c *ProducerContent) {
			c.Agreements.DataSharing = Signature{By: "b", Date: "2027-01-01", Document: "d"}
		}},
		{"network.location", func(c *ProducerContent) { c.Network.Location = "basement" }},
		{"network.cidrs[0]", func(c *ProducerContent) { c.Network.CIDRs = []string{"0.0.0.0/0"} }},
		{"network.cidrs[0]", func(c *ProducerContent) { c.Network.CIDRs = []string{"10.0.0.300"} }},
		{"network.cidrs", func(c *ProducerContent) { c.Network.Test.Outcome, c.Network.ConnectionID = "blocked", "N1" }},
		{"network.connectionId", func(c *ProducerContent) { c.Network.Test.Outcome, c.Network.CIDRs = "blocked", []string{"10.1.2.3"} }},
		{"topic.name", func(c *ProducerContent) { c.Topic.Name = "a b" }},
		{"topic.name", func(c *ProducerContent) { c.Topic.Name = "a.b" }},
		{"topic.names.production", func(c *ProducerContent) { c.Topic.Names = map[string]string{"production": "letter"} }},
		{"topic.names.development", func(c *ProducerContent) { c.Topic.Names = map[string]string{"development": "_dev"} }},
		{"topic.names.moon", func(c *ProducerContent) { c.Topic.Names = map[string]string{"moon": "x"} }},
		{"topic.partitions", func(c *ProducerContent) { c.Topic.Partitions = 101 }},
		{"topic.partitions", func(c *ProducerContent) { c.Topic.Partitions = -1 }},
		{"topic.partitions", func(c *ProducerContent) { c.Topic.Ordering = "total" }},
		{"topic.retentionDays", func(c *ProducerContent) { c.Topic.RetentionDays = 1000 }},
		{"topic.keyField", func(c *ProducerContent) { c.Topic.KeyField, c.Topic.Cleanup, c.Topic.Ordering = "", "compact", "" }},
		{"topic.cleanup", func(c *ProducerContent) { c.Topic.Cleanup = "burn" }},
		{"schema.value", func(c *ProducerContent) { c.Schema.Value = "" }},
		{"schema.value", func(c *ProducerContent) { c.Schema.Value = `{"type": "recrd"}` }},
		{"schema.value", func(c *ProducerContent) { c.Schema.Value = `"string"` }},
		{"schema.value", func(c *ProducerContent) { c.Privacy.DataClasses = append(c.Privacy.DataClasses, eventbus.DataPHI) }},
		{"schema.key", func(c *ProducerContent) { c.Schema.Key = "strng" }},
		{"schema.compatibility", func(c *ProducerContent) { c.Schema.Compatibility = "SIDEWARD" }},
		{"schema.compatibilityReason", func(c *ProducerContent) { c.Schema.Compatibility = "none" }},
		{"schema.guard", func(c *ProducerContent) { c.Schema.Guard = "strict" }},
		{"access.moon", func(c *ProducerContent) { c.Access["moon"] = Access{User: "u"} }},
		{"access.development", func(c *ProducerContent) { c.Access["development"] = Access{} }},
		{"access.development.trustedBy", func(c *ProducerContent) { c.Access["development"] = Access{Role: "r"} }},
		{"access.development.user", func(c *ProducerContent) { c.Access["development"] = Access{User: "a/b"} }},
		{"access.development.principals[0]", func(c *ProducerContent) {
			c.Access["development"] = Access{Principals: []string{"arn:aws:iam::123456789012:root"}}
		}},
		{"access.development.principals[0]", func(c *ProducerContent) {
			c.Access["development"] = Access{Principals: []string{"arn:aws:iam::123456789012:role/*"}}
		}},
		{"access.production", func(c *ProducerContent) { c.Access["production"] = c.Access["development"] }},
		{"producer.transactionalId", func(c *ProducerContent) { c.Producer.TransactionalID = "*" }},
		{"clients[0]", func(c *ProducerContent) { c.Clients = []string{"cobol"} }},
	} {
		sub := example(t, "producer.yaml")
		c.change(sub.Content.(*ProducerContent))
		expectFault(t, sub, c.path)
	}
}

func expectFault(t *testing.T, sub Submission, path string) {
	t.Helper()
	faults := Validate(sub.Content, eventbus.DemoEnvironments(), today)
	for _, f := range faults {
		if f.Path == path && f.Message != "" && f.Fix != "" {
			return
		}
	}
	t.Errorf("no fault at %s that says what to write; got %v", path, faults)
}

func TestValidateConsumer(t *testing.T) {
	for _, c := range []struct {
		path   string
		change func(*ConsumerContent)
	}{
		{"event", func(c *ConsumerContent) { c.Event = "" }},
		{"purpose", func(c *ConsumerContent) { c.Purpose = "reporting" }},
		{"filteringPlan", func(c *ConsumerContent) { c.DisplaysToStaff = true }},
		{"consumer.name", func(c *ConsumerContent) { c.Consumer.Name = "" }},
		{"consumer.kind", func(c *ConsumerContent) { c.Consumer.Kind = "Event" }},
		{"groupPrefix", func(c *ConsumerContent) { c.GroupPrefix = "" }},
		{"groupPrefix", func(c *ConsumerContent) { c.GroupPrefix = "*" }},
		{"groupPrefix", func(c *ConsumerContent) { c.GroupPrefix = "health-letters" }},
		{"startAt", func(c *ConsumerContent) { c.StartAt = "middle" }},
		{"until", func(c *ConsumerContent) { c.Until = "soon" }},
		{"until", func(c *ConsumerContent) { c.Until = "2026-11-30" }},
		{"until", func(c *ConsumerContent) { c.Until = "2027-12-02" }},
		{"access", func(c *ConsumerContent) { c.Access = nil }},
		{"access.production", func(c *ConsumerContent) { c.Environments = []string{"development", "staging", "production"} }},
	} {
		sub := example(t, "consumer.yaml")
		c.change(sub.Content.(*ConsumerContent))
		expectFault(t, sub, c.path)
	}
}

func TestValidateChangeAndOffboarding(t *testing.T) {
	for _, c := range []struct {
		path   string
		change func(*ChangeContent)
	}{
		{"reason", func(c *ChangeContent) { c.Reason = "" }},
		{"", func(c *ChangeContent) { c.Schema = SchemaFacts{} }},
		{"confirmKeyOrder", func(c *ChangeContent) { c.Topic.Partitions = 12 }},
		{"catalog.lifecycle", func(c *ChangeContent) { c.Catalog.Lifecycle = "x" }},
	} {
		sub := example(t, "change.yaml")
		c.change(sub.Content.(*ChangeContent))
		expectFault(t, sub, c.path)
	}
	for _, c := range []struct {
		path   string
		change func(*OffboardingContent)
	}{
		{"reason", func(c *OffboardingContent) { c.Reason = "old" }},
		{"removalDate", func(c *OffboardingContent) { c.RemovalDate = "2026-01-01" }},
		{"consumer", func(c *OffboardingContent) { c.Consumer = "app" }},
		{"link", func(c *OffboardingContent) { c.Link = "javascript:x" }},
		{"successor", func(c *OffboardingContent) { c.Successor = "A B" }},
	} {
		sub := example(t, "offboarding.yaml")
		c.change(sub.Content.(*OffboardingContent))
		expectFault(t, sub, c.path)
	}
}

func TestFaultsOfAFileHaveLines(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "gitops", "requests", "producer.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	sub, err := ParseRequest([]byte(strings.Replace(string(text), "partitions: 6", "partitions: 600", 1)), "producer.yaml")
	if err != nil {
		t.Fatal(err)
	}
	faults := sub.Locate(Validate(sub.Content, eventbus.DemoEnvironments(), today))
	line := 1 + strings.Count(string(text)[:strings.Index(string(text), "partitions: 6")], "\n")
	if want := fmt.Sprintf("producer.yaml:%d:15: topic.partitions: 600, but development allows 1 to 100", line); len(faults) != 1 || !strings.HasPrefix(faults[0].String(), want) {
		t.Errorf("got %v, want %s", faults, want)
	}
}

func TestESECC(t *testing.T) {
	envs := []eventbus.Environment{{Name: "production", BootstrapIAM: "iam:9098", BootstrapExternal: "ext:9198"}}
	for _, c := range []struct {
		network Network
		want    Need
		port    int
		missing int
	}{
		{Network{Location: LocationVAEC}, NeedNo, 9098, 0},
		{Network{Location: LocationAWS}, NeedYes, 9098, 3},
		{Network{Location: LocationOutside, CIDRs: []string{"10.1.2.0/24"}, ConnectionID: "N1"}, NeedYes, 9198, 1},
		{Network{Location: LocationUnsure}, NeedAsk, 9098, 3},
		{Network{}, NeedAsk, 9098, 3},
		{Network{Location: LocationVAEC, Test: ConnectionTest{Outcome: "blocked"}}, NeedYes, 9098, 2},
		{Network{Location: LocationOutside, Test: ConnectionTest{Outcome: "reached", Target: "ext:9198"}}, NeedAsk, 9198, 2},
	} {
		d := ESECC(c.network, envs)
		if d.Needed != c.want || d.Packet.Port != c.port || len(d.Reasons) == 0 || len(d.Packet.Missing) != c.missing || len(d.Packet.Destinations) != 1 {
			t.Errorf("%+v: got %+v", c.network, d)
		}
	}
}

func TestAdvise(t *testing.T) {
	for _, c := range []struct {
		name       string
		throughput Throughput
		partitions int32
		days       int
		storage    int64
	}{
		{"unknown", Throughput{}, 3, 7, 0},
		{"small", Throughput{PerDay: 1000, AverageBytes: 500}, 3, 7, 3_500_000},
		{"many records", Throughput{PeakPerSecond: 4500, AverageBytes: 100}, 10, 7, 0},
		{"large records", Throughput{PeakPerSecond: 10, AverageBytes: 1 << 20}, 20, 7, 0},
		{"beyond the limit", Throughput{PeakPerSecond: 1 << 40, AverageBytes: 1 << 40}, 100, 7, 0},
		{"total order", Throughput{PeakPerSecond: 9000, Ordering: "total"}, 1, 7, 0},
		{"long outage", Throughput{LongestOutageDays: 10}, 3, 20, 0},
		{"very long outage", Throughput{LongestOutageDays: 1000}, 3, 365, 0},
		{"three copies", Throughput{PerDay: 10, AverageBytes: 10, Replication: 3}, 3, 7, 2100},
		{"no overflow", Throughput{PerDay: 1 << 60, AverageBytes: 1 << 60}, 100, 7, 1<<63 - 1},
	} {
		a := Advise(c.throughput, eventbus.TopicLimits{})
		if a.Partitions != c.partitions || a.RetentionDays != c.days || a.StorageBytes != c.storage || len(a.Reasons) == 0 {
			t.Errorf("%s: got %+v", c.name, a)
		}
	}
}

func TestFit(t *testing.T) {
	if stop, _ := Fit(FitAnswers{}, "HIGH"); stop == "" {
		t.Error("FISMA High does not stop")
	}
	stop, warnings := Fit(FitAnswers{Problem: "p", Simple: true, Infrequent: true, Synchronous: true}, "Moderate")
	if stop != "" || len(warnings) != 4 {
		t.Errorf("%q %v", stop, warnings)
	}
	if _, warnings := Fit(FitAnswers{Problem: "p", Decouple: true}, "Low"); len(warnings) != 0 {
		t.Error(warnings)
	}
}

func TestOnePagerCannotBeForged(t *testing.T) {
	c := &ProducerContent{Event: EventFacts{Title: "A\n# B", Purpose: "x\n# Approved\n  ## by bus", Links: []eventbus.Link{{URL: "https://x.gov/>)[y](z", Title: "a](b"}}}}
	for line := range strings.SplitSeq(OnePager(c), "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "#") && line != "# A # B" && line != "## Purpose" && line != "## Links" {
			t.Errorf("a heading that we did not write: %q", line)
		}
	}
}

func FuzzParseRequest(f *testing.F) {
	for _, name := range []string{"producer.yaml", "consumer.yaml", "change.yaml", "offboarding.yaml"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "examples", "gitops", "requests", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		sub, err := ParseRequest(text, "f.yaml")
		if err != nil {
			if code := eventbus.CodeOf(err); code != eventbus.CodeInvalid && code != eventbus.CodeTooLarge {
				t.Fatalf("code %q", code)
			}
			return
		}
		sub.Locate(Validate(sub.Content, eventbus.DemoEnvironments(), today))
		OnePager(sub.Content)
		stored, err := encodeContent(sub.Content)
		if err != nil {
			return
		}
		again, err := DecodeContent(sub.Kind, stored)
		if err != nil {
			t.Fatalf("%v: %s", err, stored)
		}
		restored, err := json.Marshal(again)
		if err != nil || string(restored) != string(stored) {
			t.Fatalf("not stable: %s\n%s", stored, restored)
		}
	})
}
