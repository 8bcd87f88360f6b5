package onboarding

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/catalog"
	"pgregory.net/rapid"
)

// faultsAt gives the faults of a content that stand at one path.
func faultsAt(c Content, path string) []eventbus.Fault {
	return slices.DeleteFunc(Validate(c, eventbus.DemoEnvironments(), today), func(f eventbus.Fault) bool { return f.Path != path })
}

// rule is one rule about one field: values on both sides of its limit.
type rule[C any] struct {
	path string
	set  func(C, string)
	good []string
	bad  []string
}

// hold checks each rule on a copy of a good request.
func hold[C Content](t *testing.T, fresh func() C, rules []rule[C]) {
	t.Helper()
	for _, r := range rules {
		for _, value := range r.good {
			c := fresh()
			r.set(c, value)
			if faults := faultsAt(c, r.path); len(faults) > 0 {
				t.Errorf("%s: %.60q is refused: %v", r.path, value, faults)
			}
		}
		for _, value := range r.bad {
			c := fresh()
			r.set(c, value)
			faults := faultsAt(c, r.path)
			if len(faults) == 0 {
				t.Errorf("%s: %.60q is let through", r.path, value)
			}
			for _, f := range faults {
				if f.Message == "" || f.Fix == "" {
					t.Errorf("%s: %.60q: the fault does not say what to write: %+v", r.path, value, f)
				}
			}
		}
	}
}

// chars is a text of so many characters, each of two bytes.
func chars(n int) string { return strings.Repeat("é", n) }

// TestFieldsOfAProducer: the form's rules (the onboarding form, steps 0 to 10),
// each at its limit, just beyond it, and with what is plainly wrong.
func TestFieldsOfAProducer(t *testing.T) {
	fresh := func() *ProducerContent { return example(t, "producer.yaml").Content.(*ProducerContent) }
	type c = *ProducerContent
	hold(t, fresh, []rule[c]{
		{"team", func(c c, s string) { c.Team = s }, []string{"claims", "a", strings.Repeat("a", 63), "A-1_b.c"}, []string{"", "a b", strings.Repeat("a", 64), "-a", "a-", "é"}},
		{"contacts.productOwner", func(c c, s string) { c.Contacts.ProductOwner = s }, []string{"O", chars(200)}, []string{"", " \t", chars(201), "two\nlines", "bell\a"}},
		{"contacts.technicalContact", func(c c, s string) { c.Contacts.TechnicalContact = s }, []string{"P"}, []string{"", chars(201), "a\r\nb"}},
		{"contacts.email", func(c c, s string) { c.Contacts.Email = s }, []string{"", "a@b.gov", "team+x@sub.example.gov"}, []string{"a@b", "a b@c.gov", "@c.gov", "a@", "<a@b.gov>", "a@b..gov", strings.Repeat("a", 250) + "@b.gov"}},
		{"contacts.slack", func(c c, s string) { c.Contacts.Slack = s }, []string{"", "#x", chars(100)}, []string{chars(101), "a\nb"}},
		{"contacts.onCall", func(c c, s string) { c.Contacts.OnCall = s }, []string{chars(200)}, []string{chars(201)}},
		{"fit.problem", func(c c, s string) { c.Fit.Problem = s }, []string{"", chars(20), chars(2000), "two\nlines of twenty characters"}, []string{chars(19), chars(2001), strings.Repeat(" ", 30)}},
		{"fit.outcome", func(c c, s string) { c.Fit.Outcome = s }, []string{"", chars(20), chars(2000)}, []string{chars(19), chars(2001)}},
		{"fit.measures", func(c c, s string) { c.Fit.Measures = s }, []string{chars(2000)}, []string{chars(2001)}},
		{"fit.timeline", func(c c, s string) { c.Fit.Timeline = s }, []string{chars(2000)}, []string{chars(2001)}},
		{"fit.dataSources[0]", func(c c, s string) { c.Fit.DataSources = []string{s} }, []string{"Letters", chars(200)}, []string{"", chars(201), "a\nb"}},
		{"fit.deadline", func(c c, s string) { c.Fit.Deadline = s }, []string{"", "2026-12-01", "2099-12-31"}, []string{"2026-11-30", "soon", "2026-13-01", "01.12.2026"}},
		{"system.vasi", func(c c, s string) { c.System.VASI, c.System.LEAF = s, "LEAF-1" }, []string{"", "3325", "1234567890", "in process"}, []string{"12345678901", "V-1", "3325 ", "-1"}},
		{"system.emass", func(c c, s string) { c.System.EMASS, c.System.LEAF = s, "LEAF-1" }, []string{"2350", "in process"}, []string{"x", "In process"}},
		{"system.leaf", func(c c, s string) { c.System.VASI, c.System.LEAF = "in process", s }, []string{"LEAF-1", chars(100)}, []string{"", chars(101)}},
		{"system.ato", func(c c, s string) { c.System.ATO = s }, []string{"", "active", "cATO", "in process", "none"}, []string{"yes", "Active"}},
		{"system.atoExpires", func(c c, s string) { c.System.ATOExpires = s }, []string{"", "2028-02-29"}, []string{"2027-02-29", "x"}},
		{"system.atoEvidence", func(c c, s string) { c.System.ATOEvidence = s }, []string{chars(500)}, []string{chars(501)}},
		{"system.fisma", func(c c, s string) { c.System.FISMA = s }, []string{"", "Low", "Moderate"}, []string{"High", "HIGH", "medium"}},
		{"system.lhdiLiaison", func(c c, s string) { c.System.LHDI, c.System.LHDILiaison = true, s }, []string{"L"}, []string{"", chars(201)}},
		{"system.wasaDate", func(c c, s string) { c.System.WebApplication, c.System.WASADate = true, s }, []string{"", "2026-12-01", "2026-12-31", "2020-01-01"}, []string{"2026-12-02", "2026-12-30", "x"}},
		{"event.name", func(c c, s string) { c.Event.Name = s }, []string{"a", "a-b-1", strings.Repeat("a", 63)}, []string{"", "-a", "a-", "A", "a_b", "a.b", strings.Repeat("a", 64), "é"}},
		{"event.title", func(c c, s string) { c.Event.Title = s }, []string{"A", chars(80)}, []string{"", chars(81), "a\nb", "a\u2028b", "A" + strings.Repeat(" ", 80)}},
		{"event.description", func(c c, s string) { c.Event.Description = s }, []string{"A", chars(300)}, []string{"", chars(301), "a\nb", "a\rb"}},
		{"event.context", func(c c, s string) { c.Event.Context = s }, []string{"", chars(4000), "a\n\n# b"}, []string{chars(4001), "\x00"}},
		{"event.purpose", func(c c, s string) { c.Event.Purpose = s }, []string{"A", chars(2000)}, []string{"", chars(2001)}},
		{"event.domain", func(c c, s string) { c.Event.Domain = s }, []string{"claims status", chars(63)}, []string{"", chars(64), "a\nb"}},
		{"event.system", func(c c, s string) { c.Event.System = s }, []string{"", "Letters", chars(200)}, []string{chars(201), "a\nb"}},
		{"event.lifecycle", func(c c, s string) { c.Event.Lifecycle = eventbus.Lifecycle(s) }, []string{"", "experimental", "development", "production"}, []string{"deprecated", "beta"}},
		{"event.sourceSystems[0].teamName", func(c c, s string) { c.Event.SourceSystems[0].TeamName = s }, []string{"", chars(200)}, []string{chars(201), "a\nb"}},
		{"event.tags[0]", func(c c, s string) { c.Event.Tags = []string{s} }, []string{"letters", "a-b", "c++", "k8s:x", strings.Repeat("a", 63)}, []string{"", "Letters", "two words", "a--b", "-a", strings.Repeat("a", 64)}},
		{"event.links[0].url", func(c c, s string) { c.Event.Links[0].URL = s }, []string{"https://example.gov/x?y=1"}, []string{"", "http://example.gov", "javascript:alert(1)", "https://", "https://u@example.gov", "https://e.gov/" + strings.Repeat("a", 2000)}},
		{"event.links[0].title", func(c c, s string) { c.Event.Links[0].Title = s }, []string{"", chars(200)}, []string{chars(201), "a\nb"}},
		{"event.likelyConsumers[0]", func(c c, s string) { c.Event.LikelyConsumers = []string{s} }, []string{"mobile app", chars(200)}, []string{"", chars(201), "a\nb"}},
		{"privacy.pta", func(c c, s string) { c.Privacy.PTA = s }, []string{"", "2026-12-01", "2025-12-01"}, []string{"2025-11-30", "2026-12-02", "x"}},
		{"privacy.pia", func(c c, s string) { c.Privacy.PIA = s }, []string{"2026-12-01", "2023-12-01"}, []string{"2023-11-30", "2026-12-02"}},
		{"privacy.hipaaReview", func(c c, s string) { c.Privacy.HIPAAReview = s }, []string{chars(200)}, []string{chars(201), "a\nb"}},
		{"privacy.obiApproval", func(c c, s string) { c.Privacy.OBIApproval = s }, []string{"OBI-1"}, []string{chars(201)}},
		{"privacy.obiScope", func(c c, s string) { c.Privacy.OBIScope = s }, []string{"", "dev", "dev+prod"}, []string{"prod"}},
		{"agreements.working.date", func(c c, s string) { c.Agreements.Working = Signature{By: "B", Document: "D", Date: s} }, []string{"2026-12-01", "2001-01-01"}, []string{"", "2026-12-02", "x"}},
		{"agreements.dataSharing.document", func(c c, s string) {
			c.Agreements.DataSharing = Signature{By: "B", Document: s, Date: "2026-01-01"}
		}, []string{"D", chars(500)}, []string{"", chars(501)}},
		{"network.location", func(c c, s string) { c.Network.Location = Location(s) }, []string{"", "vaec-aws", "other-aws", "outside-aws", "unsure"}, []string{"aws"}},
		{"network.cidrs[0]", func(c c, s string) { c.Network.CIDRs = []string{s} }, []string{"10.1.2.3", "10.0.0.0/8", "2001:db8::/32", "::1"}, []string{"", "0.0.0.0/0", "::/0", "10.1.2.3/33", "10.1.2", "host.example.gov"}},
		{"network.connectionId", func(c c, s string) {
			c.Network.Test.Outcome, c.Network.CIDRs, c.Network.ConnectionID = "blocked", []string{"10.1.2.3"}, s
		}, []string{"N-1", chars(100)}, []string{"", chars(101)}},
		{"network.test.outcome", func(c c, s string) {
			c.Network.Test.Outcome, c.Network.CIDRs, c.Network.ConnectionID = s, []string{"10.1.2.3"}, "N"
		}, []string{"", "reached", "blocked"}, []string{"ok"}},
		{"network.test.target", func(c c, s string) { c.Network.Test.Target = s }, []string{"b.example.gov:9098"}, []string{chars(301)}},
		{"network.esecc", func(c c, s string) { c.Network.ESECC = s }, []string{"", chars(100)}, []string{chars(101)}},
		{"network.eseccState", func(c c, s string) { c.Network.ESECCState = s }, []string{"", "draft", "submitted", "approved", "rejected"}, []string{"done"}},
		{"topic.cleanup", func(c c, s string) { c.Topic.Cleanup = s }, []string{"", "delete", "compact", "compact,delete"}, []string{"delete,compact", "none"}},
		{"topic.ordering", func(c c, s string) { c.Topic.Ordering, c.Topic.Partitions = s, 1 }, []string{"", "none", "per key", "total"}, []string{"global"}},
		{"topic.keyField", func(c c, s string) { c.Topic.KeyField = s }, []string{"participantId", chars(500)}, []string{"", chars(501), "a\nb"}},
		{"schema.compatibilityReason", func(c c, s string) {
			c.Schema.Compatibility, c.Schema.CompatibilityReason = "NONE", s
		}, []string{chars(10)}, []string{"", "because", chars(2001)}},
		{"schema.compatibility", func(c c, s string) { c.Schema.Compatibility = eventbus.Compatibility(s) }, []string{"", "BACKWARD", "backward_transitive", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE", "NONE"}, []string{"BACK", "TRANSITIVE"}},
		{"schema.guard", func(c c, s string) { c.Schema.Guard = eventbus.SchemaGuard(s) }, []string{"", "off", "warn", "enforce"}, []string{"on"}},
		{"schema.subjectNaming", func(c c, s string) { c.Schema.SubjectNaming = s }, []string{"", "TopicNameStrategy"}, []string{"RecordNameStrategy"}},
		{"schema.key", func(c c, s string) { c.Schema.Key = s }, []string{"", `"string"`}, []string{"string", `{"type":"recrd"}`}},
		{"schema.sample", func(c c, s string) { c.Schema.Sample = s }, []string{"", `{"participantId":"made-up","letterType":"x","availableAt":"2026-12-01T09:00:00Z"}`},
			[]string{"{", `{"participantId":"made-up"}`, `{"participantId":7,"letterType":"x","availableAt":1}`, `[]`}},
		{"schema.versioningNote", func(c c, s string) { c.Schema.VersioningNote = s }, []string{chars(4000)}, []string{chars(4001)}},
		{"access.development.role", func(c c, s string) {
			c.Access["development"] = Access{Role: s, TrustedBy: []string{"arn:aws:iam::123456789012:role/x"}}
		}, []string{"a", strings.Repeat("a", 64), "a+=,.@_-b"}, []string{"a/b", "a*", strings.Repeat("a", 65)}},
		{"access.development.principals[0]", func(c c, s string) { c.Access["development"] = Access{Principals: []string{s}} },
			[]string{"arn:aws:iam::123456789012:role/x", "arn:aws-us-gov:iam::123456789012:user/path/x"},
			[]string{"", "x", "arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:role/*", "arn:aws:iam::12345678901:role/x", "arn:aws:sts::123456789012:assumed-role/x/y", "*"}},
		{"producer.transactionalId", func(c c, s string) { c.Producer.TransactionalID = s }, []string{"", "letters-1", chars(200)}, []string{"*", "a?", chars(201)}},
		{"clients[0]", func(c c, s string) { c.Clients = []string{s} }, []string{"java", "go", "python", "node", "ruby", "dotnet", "kcat", "other"}, []string{"cobol"}},
		{"notes", func(c c, s string) { c.Notes = s }, []string{"", chars(4000)}, []string{chars(4001), "\x1b[31m"}},
	})
}

// TestNumbersOfAProducer: the numbers, at their limits.
func TestNumbersOfAProducer(t *testing.T) {
	for _, c := range []struct {
		path string
		set  func(*ProducerContent, int64)
		good []int64
		bad  []int64
	}{
		{"event.perDay", func(c *ProducerContent, n int64) { c.Event.PerDay = n }, []int64{0, 1, 1 << 40}, []int64{-1}},
		{"event.peakPerSecond", func(c *ProducerContent, n int64) { c.Event.PerDay, c.Event.PeakPerSecond = 86400*10, n }, []int64{0, 10, 11}, []int64{9, -1}},
		{"event.averageBytes", func(c *ProducerContent, n int64) { c.Event.MaxBytes, c.Event.AverageBytes = 100, n }, []int64{0, 100}, []int64{101, -1}},
		{"event.maxBytes", func(c *ProducerContent, n int64) { c.Event.AverageBytes, c.Event.MaxBytes = 0, n }, []int64{0, eventbus.DefaultMaxMessageBytes}, []int64{-1, eventbus.DefaultMaxMessageBytes + 1}},
		{"topic.partitions", func(c *ProducerContent, n int64) { c.Topic.Partitions = int32(n) }, []int64{0, 1, 100}, []int64{-1, 101}},
		{"topic.retentionDays", func(c *ProducerContent, n int64) { c.Topic.RetentionDays = int(n) }, []int64{0, 1, 365}, []int64{-1, 366}},
		{"topic.longestOutageDays", func(c *ProducerContent, n int64) { c.Topic.LongestOutageDays = int(n) }, []int64{0, longestOutage}, []int64{-1, longestOutage + 1, 1<<63 - 1}},
	} {
		for want, values := range map[bool][]int64{true: c.good, false: c.bad} {
			for _, n := range values {
				content := example(t, "producer.yaml").Content.(*ProducerContent)
				c.set(content, n)
				if faults := faultsAt(content, c.path); (len(faults) == 0) != want {
					t.Errorf("%s %d: %v, want let through %v", c.path, n, faults, want)
				}
			}
		}
	}
}

// TestFieldsOfAConsumer: step 3 and 9 of the form.
func TestFieldsOfAConsumer(t *testing.T) {
	fresh := func() *ConsumerContent { return example(t, "consumer.yaml").Content.(*ConsumerContent) }
	type c = *ConsumerContent
	hold(t, fresh, []rule[c]{
		{"event", func(c c, s string) { c.Event = s }, []string{"letter-ready"}, []string{"", "Letter Ready"}},
		{"purpose", func(c c, s string) { c.Purpose = s }, []string{chars(50), chars(2000)}, []string{"", chars(49), chars(2001), "x" + strings.Repeat(" ", 60)}},
		{"filteringPlan", func(c c, s string) { c.DisplaysToStaff, c.FilteringPlan = true, s }, []string{chars(20), chars(4000)}, []string{"", chars(19), chars(4001)}},
		{"fieldsUsed[0]", func(c c, s string) { c.FieldsUsed = []string{s} }, []string{"a.b"}, []string{"", chars(501)}},
		{"consumer.name", func(c c, s string) { c.Consumer.Name = s }, []string{"a", strings.Repeat("a", 63)}, []string{"", "a b", strings.Repeat("a", 64)}},
		{"consumer.kind", func(c c, s string) { c.Consumer.Kind = s }, []string{"", "Component", "System"}, []string{"Event", "component"}},
		{"consumer.type", func(c c, s string) { c.Consumer.Type = s }, []string{"", "service", chars(63)}, []string{chars(64), "a\nb"}},
		{"consumer.lifecycle", func(c c, s string) { c.Consumer.Lifecycle = s }, []string{"", "production"}, []string{chars(64)}},
		{"consumer.title", func(c c, s string) { c.Consumer.Title = s }, []string{"", chars(80)}, []string{chars(81), "a\nb"}},
		{"consumer.owner", func(c c, s string) { c.Consumer.Owner = s }, []string{"", chars(63)}, []string{chars(64), "a\nb"}},
		{"consumer.domain", func(c c, s string) { c.Consumer.Domain = s }, []string{"", chars(63)}, []string{chars(64)}},
		{"groupPrefix", func(c c, s string) { c.GroupPrefix = s }, []string{"appointments", "appointments*", "appointments-a.b_c", "appointments" + strings.Repeat("a", 236)},
			[]string{"", "*", "letters*", "appointments-*-x", "appointments x", "appointments" + strings.Repeat("a", 237)}},
		{"startAt", func(c c, s string) { c.StartAt = s }, []string{"", "earliest", "latest"}, []string{"now"}},
		{"until", func(c c, s string) { c.Until = s }, []string{"", "2026-12-01", "2027-12-01"}, []string{"2026-11-30", "2027-12-02", "soon"}},
		{"notes", func(c c, s string) { c.Notes = s }, []string{chars(4000)}, []string{chars(4001)}},
	})
}

// TestFieldsOfAChange: what a change may say, and what it may not, because it
// would be dropped.
func TestFieldsOfAChange(t *testing.T) {
	fresh := func() *ChangeContent { return example(t, "change.yaml").Content.(*ChangeContent) }
	type c = *ChangeContent
	hold(t, fresh, []rule[c]{
		{"reason", func(c c, s string) { c.Reason = s }, []string{chars(10), chars(2000)}, []string{"", chars(9), chars(2001)}},
		{"migrationNote", func(c c, s string) { c.MigrationNote = s }, []string{"", chars(4000)}, []string{chars(4001)}},
		{"emergency", func(c c, s string) { c.Emergency = s }, []string{"", chars(2000)}, []string{chars(2001)}},
		{"catalog.title", func(c c, s string) { c.Catalog.Title = s }, []string{"", chars(80)}, []string{chars(81), "a\nb"}},
		{"catalog.description", func(c c, s string) { c.Catalog.Description = s }, []string{"", chars(300)}, []string{chars(301), "a\nb"}},
		{"catalog.domain", func(c c, s string) { c.Catalog.Domain = s }, []string{"", chars(63)}, []string{chars(64), "a\nb"}},
		{"topic.name", func(c c, s string) { c.Topic.Name = s }, []string{""}, []string{"other"}},
		{"topic.name", func(c c, s string) {
			if s != "" {
				c.Topic.Names = map[string]string{"development": s}
			}
		}, []string{""}, []string{"dev_other"}},
		{"topic.ordering", func(c c, s string) { c.Topic.Ordering = s }, []string{""}, []string{"none"}},
		{"notes", func(c c, s string) { c.Notes = s }, []string{chars(4000)}, []string{chars(4001)}},
	})
	content := fresh()
	content.Topic.LongestOutageDays = 3
	if len(faultsAt(content, "topic.longestOutageDays")) == 0 {
		t.Error("an answer for the advice is let through, and would be dropped")
	}
}

// TestFieldsOfAnOffboarding: step 13 of the form.
func TestFieldsOfAnOffboarding(t *testing.T) {
	fresh := func() *OffboardingContent { return example(t, "offboarding.yaml").Content.(*OffboardingContent) }
	type c = *OffboardingContent
	hold(t, fresh, []rule[c]{
		{"reason", func(c c, s string) { c.Reason = s }, []string{chars(10), chars(2000)}, []string{"", chars(9), chars(2001)}},
		{"overrideNotice", func(c c, s string) { c.OverrideNotice = s }, []string{"", chars(2000)}, []string{chars(2001)}},
		{"removalDate", func(c c, s string) { c.RemovalDate = s }, []string{"", "2026-12-01", "2030-01-01"}, []string{"2026-11-30", "later"}},
		{"successor", func(c c, s string) { c.Successor = s }, []string{"", "document-ready"}, []string{"Document Ready"}},
		{"link", func(c c, s string) { c.Link = s }, []string{"", "https://example.gov"}, []string{"http://example.gov", "ftp://x"}},
		{"consumer", func(c c, s string) { c.Consumer, c.Successor = s, "" }, []string{"", "appointments-app"}, []string{"a b", strings.Repeat("a", 64)}},
		{"notes", func(c c, s string) { c.Notes = s }, []string{chars(4000)}, []string{chars(4001)}},
	})
}

// TestHowMany: lists have limits.
func TestHowMany(t *testing.T) {
	many := func(n int) []string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf("a%d", i)
		}
		return list
	}
	for _, c := range []struct {
		path string
		most int
		set  func(*ProducerContent, int)
	}{
		{"event.tags", 20, func(c *ProducerContent, n int) { c.Event.Tags = many(n) }},
		{"event.likelyConsumers", 50, func(c *ProducerContent, n int) { c.Event.LikelyConsumers = many(n) }},
		{"event.sourceSystems", 50, func(c *ProducerContent, n int) {
			c.Event.SourceSystems = nil
			for _, name := range many(n) {
				c.Event.SourceSystems = append(c.Event.SourceSystems, eventbus.SourceSystem{SystemName: name})
			}
		}},
		{"event.links", 50, func(c *ProducerContent, n int) {
			c.Event.Links = nil
			for _, name := range many(n) {
				c.Event.Links = append(c.Event.Links, eventbus.Link{URL: "https://example.gov/" + name})
			}
		}},
		{"fit.dataSources", 50, func(c *ProducerContent, n int) { c.Fit.DataSources = many(n) }},
		{"network.cidrs", 100, func(c *ProducerContent, n int) { c.Network.CIDRs = slices.Repeat([]string{"10.0.0.1"}, n) }},
	} {
		for n, want := range map[int]bool{c.most: true, c.most + 1: false} {
			content := example(t, "producer.yaml").Content.(*ProducerContent)
			c.set(content, n)
			if faults := faultsAt(content, c.path); (len(faults) == 0) != want {
				t.Errorf("%d of %s: %v, want let through %v", n, c.path, faults, want)
			}
		}
	}
	content := example(t, "producer.yaml").Content.(*ProducerContent)
	content.Event.Links = nil
	for i := range 50 {
		content.Event.Links = append(content.Event.Links, eventbus.Link{URL: "https://example.gov/" + strings.Repeat("a", 1900) + fmt.Sprint(i), Title: chars(200)})
	}
	if len(faultsAt(content, "event.context")) == 0 {
		t.Errorf("a one-pager of %d characters is let through", len([]rune(OnePager(content))))
	}
}

// TestFaultsHaveAnOrder: the same content has the same faults in the same order,
// whatever maps it holds.
func TestFaultsHaveAnOrder(t *testing.T) {
	content := example(t, "producer.yaml").Content.(*ProducerContent)
	content.Privacy.Fields = map[string]eventbus.DataClass{"a": "PHI", "b": "PHI", "c": "PHI", "d": "PHI"}
	content.Agreements = Agreements{Working: Signature{By: "x"}, DataSharing: Signature{By: "y"}}
	content.Topic.Names = map[string]string{"moon": "x", "mars": "y", "venus": "z"}
	first := Validate(content, eventbus.DemoEnvironments(), today)
	for range 20 {
		if again := Validate(content, eventbus.DemoEnvironments(), today); !slices.Equal(again, first) {
			t.Fatalf("another order:\n%v\n%v", first, again)
		}
	}
}

// TestWhatIsApprovedCanBeCatalogued: an event or system that the form lets
// through is one that the catalog takes; else an approved request would fail
// for ever when it is provisioned.
func TestWhatIsApprovedCanBeCatalogued(t *testing.T) {
	nasty := rapid.OneOf(rapid.SampledFrom([]string{"", "a", "a b", "two\nlines", "a\r\nb", "tab\tbed", "\u0085", "\u2028", "\ufeffx", "\x00", "Ünï", strings.Repeat("x", 64), strings.Repeat("é", 201), strings.Repeat(" ", 400), " lead", "trail \n"}), rapid.StringN(0, 90, -1))
	rapid.Check(t, func(rt *rapid.T) {
		text := func(name string) string { return nasty.Draw(rt, name) }
		c := example(t, "producer.yaml").Content.(*ProducerContent)
		for name, field := range map[string]*string{"title": &c.Event.Title, "description": &c.Event.Description, "domain": &c.Event.Domain, "system": &c.Event.System,
			"purpose": &c.Event.Purpose, "context": &c.Event.Context, "owner": &c.Contacts.ProductOwner, "team": &c.Team, "sourceTeam": &c.Event.SourceSystems[0].TeamName,
			"source": &c.Event.SourceSystems[0].SystemName, "link": &c.Event.Links[0].Title, "note": &c.Schema.VersioningNote} {
			if rapid.Bool().Draw(rt, "set "+name) {
				*field = text(name)
			}
		}
		c.Event.Tags = rapid.SliceOfN(nasty, 0, 3).Draw(rt, "tags")
		c.Event.LikelyConsumers = rapid.SliceOfN(nasty, 0, 3).Draw(rt, "consumers")
		if len(Validate(c, eventbus.DemoEnvironments(), today)) == 0 {
			b := builder{env: eventbus.DemoEnvironments()[0], at: today}
			if faults := catalog.Validate(b.event(c)); len(faults) > 0 {
				rt.Fatalf("the form takes %+v, the catalog says %v", c.Event, faults)
			}
		}
		k := example(t, "consumer.yaml").Content.(*ConsumerContent)
		for name, field := range map[string]*string{"system": &k.Consumer.Name, "type": &k.Consumer.Type, "kTitle": &k.Consumer.Title, "lifecycle": &k.Consumer.Lifecycle,
			"kOwner": &k.Consumer.Owner, "kDomain": &k.Consumer.Domain} {
			if rapid.Bool().Draw(rt, "set consumer's "+name) {
				*field = text(name)
			}
		}
		k.Purpose += text("purpose of consumer")
		if len(Validate(k, eventbus.DemoEnvironments(), today)) > 0 {
			return
		}
		content, err := encodeContent(k)
		if err != nil {
			rt.Fatal(err)
		}
		s, err := ConsumingSystemOf(eventbus.Request{ID: "r", Kind: eventbus.ConsumerRequest, Content: content})
		if err != nil {
			rt.Fatal(err)
		}
		if faults := catalog.ValidateSystem(*s); len(faults) > 0 {
			rt.Fatalf("the form takes %+v, the catalog says %v", k.Consumer, faults)
		}
	})
}

// TestEnvironmentLimits: advice and topics stay within what their environment
// allows, also where nothing was asked for.
func TestEnvironmentLimits(t *testing.T) {
	small := eventbus.TopicLimits{MaxPartitions: 2, MaxRetentionDays: 3}
	if a := Advise(Throughput{}, small); a.Partitions != 2 || a.RetentionDays != 3 {
		t.Errorf("advice %+v is beyond the environment", a)
	}
	if a := Advise(Throughput{LongestOutageDays: 1<<63 - 1}, eventbus.TopicLimits{}); a.RetentionDays != 365 {
		t.Errorf("advice for a consumer that never comes back: %d days", a.RetentionDays)
	}
	c := example(t, "producer.yaml").Content.(*ProducerContent)
	c.Topic.RetentionDays, c.Topic.Partitions = 0, 0
	b := builder{env: eventbus.Environment{Name: "development", Prefix: "dev_", Limits: small}, at: today}
	topic := b.topic(c).Topic
	if topic.Partitions != 2 || topic.Configs["retention.ms"] != days(3) {
		t.Errorf("topic %+v is beyond its environment", topic)
	}
}

// TestReviewDateByDefault: a year after the submission, however late it is
// provisioned.
func TestReviewDateByDefault(t *testing.T) {
	b := builder{at: today, request: eventbus.Request{SubmittedAt: time.Date(2026, 3, 1, 23, 30, 0, 0, time.UTC)}}
	if got := b.reviewDate(""); got != "2027-03-01" {
		t.Errorf("default %s", got)
	}
	if got := b.reviewDate("2026-12-24"); got != "2026-12-24" {
		t.Errorf("as written: %s", got)
	}
	if got := (builder{at: today}).reviewDate(""); got != "2027-12-01" {
		t.Errorf("of a preview: %s", got)
	}
}
