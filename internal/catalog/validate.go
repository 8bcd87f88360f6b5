package catalog

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry/avro"
)

// Backstage's field formats (catalog-model, KubernetesValidatorFunctions and
// CommonValidatorFunctions).
var (
	namespace   = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	labelKey    = regexp.MustCompile(`^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$`)
	environment = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_. -]{0,62}$`)
)

// checkMetadata holds an entity's metadata against Backstage's own rules.
func checkMetadata(m metadata) []eventbus.Fault {
	c := &checker{}
	c.name("metadata.name", m.Name)
	if m.Namespace != "" && !namespace.MatchString(m.Namespace) {
		c.add("metadata.namespace", fmt.Sprintf("%q is not a legal namespace", m.Namespace), "use lower-case letters, digits and dashes, at most 63, or leave it out")
	}
	for _, set := range []struct {
		path   string
		values map[string]string
	}{{"metadata.annotations", m.Annotations}, {"metadata.labels", m.Labels}} {
		for _, key := range sortedStrings(set.values) {
			if !labelKey.MatchString(key) {
				c.add(set.path+"."+key, fmt.Sprintf("%q is not a legal key", key), "write name or prefix.domain/name")
			}
			if set.path == "metadata.labels" && set.values[key] != "" && !eventbus.LegalEntityName(set.values[key]) {
				c.add(set.path+"."+key, "is not a legal label value", "use letters, digits, '-', '_' and '.', at most 63")
			}
		}
	}
	c.tags("metadata.tags", m.Tags)
	for i, l := range m.Links {
		if l.URL == "" {
			c.add(fmt.Sprintf("metadata.links[%d].url", i), "is missing", "write url: https://…, indented like title")
		}
	}
	return c.faults
}

func sortedStrings(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

type checker struct{ faults []eventbus.Fault }

func (c *checker) add(path, message, fix string) {
	c.faults = append(c.faults, eventbus.Fault{Path: path, Message: message, Fix: fix})
}

func (c *checker) name(path, value string) {
	switch {
	case value == "":
		c.add(path, "is missing", "write a name of letters, digits, '-', '_' and '.'")
	case !eventbus.LegalEntityName(value):
		c.add(path, fmt.Sprintf("%q is not a legal name", value), "use letters, digits, '-', '_' and '.', at most 63, beginning and ending with a letter or digit")
	}
}

func (c *checker) tags(path string, tags []string) {
	for i, t := range tags {
		if !eventbus.LegalTag(t) {
			c.add(fmt.Sprintf("%s[%d]", path, i), fmt.Sprintf("%q is not a legal tag", t), "write lower-case words joined by '-', at most 63 characters")
		}
	}
}

func (c *checker) text(path, value string, low, high int, fix string) {
	n := utf8.RuneCountInString(value)
	switch {
	case n < low:
		c.add(path, "is missing", fix)
	case n > high:
		c.add(path, fmt.Sprintf("has %d characters, at most %d are allowed", n, high), "shorten it")
	case !utf8.ValidString(value) || strings.ContainsFunc(value, func(r rune) bool {
		return r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r == 0xFEFF || r == 0x85 || r == 0x2028 || r == 0x2029
	}):
		c.add(path, "holds control characters", "write plain text")
	}
}

// line is text without a line break.
func (c *checker) line(path, value string, low, high int, fix string) {
	c.text(path, value, low, high, fix)
	if strings.Contains(value, "\n") {
		c.add(path, "has more than one line", "write one line")
	}
}

// Validate holds an event against the rules of the catalog and of Backstage.
func Validate(e eventbus.Event) []eventbus.Fault {
	c := &checker{}
	c.name("name", e.Name)
	c.line("title", e.Title, 0, 200, "")
	c.text("description", e.Description, 0, 2000, "")
	c.line("domain", e.Domain, 1, 63, "write the business domain: claims, health, appointments, …")
	if e.Type != "event" {
		c.add("type", fmt.Sprintf("is %q", e.Type), "write type: event")
	}
	if !slices.Contains(eventbus.Lifecycles(), e.Lifecycle) {
		c.add("lifecycle", fmt.Sprintf("%q is not a lifecycle", e.Lifecycle), "write experimental, development, production or deprecated")
	}
	if e.Owner == "" || !eventbus.LegalEntityName(e.Owner) {
		c.add("owner", fmt.Sprintf("%q is not the name of a team", e.Owner), "write owner: and the name of the owning team (a Group entity)")
	}
	c.line("system", e.System, 0, 200, "")
	c.line("productOwner", e.Contact, 0, 200, "")
	c.tags("tags", e.Tags)
	c.links(e.Links)
	c.systems("sourceSystems", e.SourceSystems)
	c.systems("forwarders", e.Forwarders)
	for i, d := range e.DataClasses {
		if d != eventbus.DataNone && d != eventbus.DataPII && d != eventbus.DataPHI {
			c.add(fmt.Sprintf("dataClasses[%d]", i), fmt.Sprintf("%q is not a data class", d), "write none, PII or PHI")
		}
	}
	c.topics(e.Topics)
	c.numbers(e)
	c.schema(e)
	c.removal(e)
	c.text("payload", e.Payload, 0, 20000, "")
	c.text("onePager", e.OnePager, 0, 100000, "")
	return c.faults
}

func (c *checker) links(links []eventbus.Link) {
	for i, l := range links {
		u, err := url.Parse(l.URL)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			c.add(fmt.Sprintf("links[%d].url", i), fmt.Sprintf("%q is not a web address", l.URL), "write https://…")
		}
		c.line(fmt.Sprintf("links[%d].title", i), l.Title, 0, 200, "")
	}
}

func (c *checker) systems(path string, systems []eventbus.SourceSystem) {
	for i, s := range systems {
		here := fmt.Sprintf("%s[%d].", path, i)
		c.line(here+"systemName", s.SystemName, 1, 200, "write the system's name")
		c.line(here+"teamName", s.TeamName, 0, 200, "")
		c.line(here+"productOwner", s.ProductOwner, 0, 200, "")
	}
}

func (c *checker) topics(topics []eventbus.EventTopic) {
	seen := map[string]bool{}
	for i, t := range topics {
		path := fmt.Sprintf("topics[%d].", i)
		if err := eventbus.CheckTopicName(t.Name); err != nil {
			c.add(path+"name", err.Error(), "write the topic's name as Kafka knows it")
		}
		if !environment.MatchString(t.Environment) {
			c.add(path+"environment", fmt.Sprintf("%q is not an environment", t.Environment), "write development, staging, production, or your environment's name")
		}
		if key := t.Environment + " " + t.Name; seen[key] {
			c.add(path+"name", t.Name+" is listed twice in "+t.Environment, "keep one")
		} else {
			seen[key] = true
		}
		for j, address := range t.BrokerAddresses {
			if _, port, err := net.SplitHostPort(address); err != nil || !portNumber(port) || strings.ContainsAny(address, " \t\r\n") {
				c.add(fmt.Sprintf("%sbrokerAddresses[%d]", path, j), fmt.Sprintf("%q is not host:port", address), "write host:9098")
			}
		}
	}
}

func portNumber(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 1 && n <= 65535
}

func (c *checker) numbers(e eventbus.Event) {
	for _, n := range []struct {
		path  string
		value int64
	}{{"retention", int64(e.RetentionDays)}, {"expectedDailyEvents", e.ExpectedPerDay}, {"averageDailyEvents", e.AverageDailyEvents}} {
		if n.value < 0 {
			c.add(n.path, "is negative", "write a number above 0")
		}
	}
}

func (c *checker) schema(e eventbus.Event) {
	if e.Schema != "" {
		if _, err := avro.Parse(e.Schema, avro.Options{Lax: true}); err != nil {
			c.add("schema", err.Error(), "mend the Avro schema; write it as a block of text: schema: |")
		}
	}
	if _, known := eventbus.ParseCompatibility(string(e.Compatibility)); e.Compatibility != "" && !known {
		c.add("schemaCompatibilityMode", fmt.Sprintf("%q is not a compatibility", e.Compatibility), "write BACKWARD, FORWARD, FULL, one of them with _TRANSITIVE, or NONE")
	}
}

func (c *checker) removal(e eventbus.Event) {
	if e.RemovalDate == "" {
		return
	}
	if _, err := time.Parse(time.DateOnly, e.RemovalDate); err != nil {
		c.add("removalDate", fmt.Sprintf("%q is not a date", e.RemovalDate), `write "YYYY-MM-DD", in quotes`)
	}
	if e.Lifecycle != eventbus.LifecycleDeprecated {
		c.add("removalDate", "stands with lifecycle "+string(e.Lifecycle), "write lifecycle: deprecated, or leave the date out")
	}
}

// ValidateSystem holds a consuming system against Backstage's rules for its
// kind: a Component needs type, lifecycle and owner, a System an owner.
func ValidateSystem(s eventbus.System) []eventbus.Fault {
	c := &checker{}
	c.name("name", s.Name)
	c.line("title", s.Title, 0, 200, "")
	c.text("description", s.Description, 0, 3000, "")
	if s.Kind != "Component" && s.Kind != "System" {
		c.add("kind", fmt.Sprintf("%q is not a kind of system", s.Kind), "write Component or System")
	}
	c.line("owner", s.Owner, 1, 200, "write the owning team")
	if s.Kind == "Component" {
		c.line("type", s.Type, 1, 63, "write service, website or library")
		c.line("lifecycle", s.Lifecycle, 1, 63, "write experimental, production or deprecated")
	}
	for i, event := range s.Subscribes {
		c.name(fmt.Sprintf("subscribesToEvent[%d]", i), event)
	}
	return c.faults
}
