package catalog

import (
	"slices"
	"strings"
	"testing"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"gopkg.in/yaml.v3"
)

// exported reads an export as "Kind name: spec.key=value" for the keys that make
// relations in a Backstage.
func exported(t *testing.T, body []byte) []string {
	t.Helper()
	var lines []string
	decoder := yaml.NewDecoder(strings.NewReader(string(body)))
	for {
		var e struct {
			Kind     string
			Metadata struct{ Name string }
			Spec     map[string]any
		}
		if err := decoder.Decode(&e); err != nil {
			return lines
		}
		line := e.Kind + " " + e.Metadata.Name + ":"
		for _, key := range []string{"owner", "system", "domain", "providesApis", "consumesApis", "subscribesToEvent"} {
			switch v := e.Spec[key].(type) {
			case string:
				line += " " + key + "=" + v
			case []any:
				for _, item := range v {
					line += " " + key + "=" + item.(string)
				}
			}
		}
		lines = append(lines, line)
	}
}

// TestExportLinksWhatBelongsTogether: owners, systems and domains that events
// name are entities of their own, once; names that no entity can have are left
// as text.
func TestExportLinksWhatBelongsTogether(t *testing.T) {
	c, _ := newCatalog(t)
	bus := eventbus.Actor{System: "test"}
	for _, e := range []eventbus.Event{
		{Name: "a", Owner: "claims", Domain: "claims", System: "letters"},
		{Name: "b", Owner: "claims", Domain: "claims status", System: "Letters & Forms"},
		{Name: "c", Owner: "health", Domain: "health", System: "scheduling"},
	} {
		e.Title, e.Type, e.Lifecycle = e.Name, "event", eventbus.LifecycleProduction
		if _, err := c.Put(t.Context(), bus, e); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []eventbus.System{
		{Name: "letters", Kind: "Component", Type: "service", Lifecycle: "production", Owner: "claims"},
		{Name: "scheduling", Kind: "System", Owner: "health", Domain: "Veterans' health", Subscribes: []string{"a"}},
		{Name: "app", Kind: "Component", Type: "website", Lifecycle: "production", Owner: "benefits", Subscribes: []string{"a", "c"}},
	} {
		if _, err := c.PutSystem(t.Context(), bus, s); err != nil {
			t.Fatal(err)
		}
	}
	out, err := c.ExportEvents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"Group benefits:", "Group claims:", "Group event-bus:", "Group health:",
		"Domain claims: owner=event-bus", "Domain health: owner=event-bus",
		"System letters: owner=claims domain=claims",
		"Event a: owner=claims system=letters domain=claims", "API a: owner=claims system=letters",
		"Event b: owner=claims system=Letters & Forms domain=claims status", "API b: owner=claims",
		"Event c: owner=health system=scheduling domain=health", "API c: owner=health system=scheduling",
		"Component app: owner=benefits consumesApis=a consumesApis=c subscribesToEvent=a subscribesToEvent=c",
		"Component letters: owner=claims providesApis=a",
		"System scheduling: owner=health subscribesToEvent=a",
	}
	if got := exported(t, out.Body); !slices.Equal(got, want) {
		t.Errorf("export:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// Read again, the export gives what was written and nothing that it made itself.
	report, err := Check(out.Body, "events.yaml")
	if err != nil || !slices.Equal(report.Systems, []string{"app", "letters", "scheduling"}) || len(report.Events) != 3 || !slices.Contains(report.Skipped, "System letters") {
		t.Errorf("read again: %+v, %v", report, err)
	}
}

// TestExportLeavesOutWhatBackstageRefuses: one bad entry does not spoil the
// rest, and by itself it says what is wrong.
func TestExportLeavesOutWhatBackstageRefuses(t *testing.T) {
	c, st := newCatalog(t)
	if _, err := c.Put(t.Context(), eventbus.Actor{System: "test"}, good()); err != nil {
		t.Fatal(err)
	}
	bad := good()
	bad.Name, bad.Lifecycle = "bad", "beta" // written by an older version, past the catalog's own check
	if _, err := st.SaveEvent(t.Context(), bad); err != nil {
		t.Fatal(err)
	}
	if _, err := st.SaveSystem(t.Context(), eventbus.System{Name: "a b", Kind: "System", Owner: "claims"}); err != nil {
		t.Fatal(err)
	}
	out, err := c.ExportEvents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range exported(t, out.Body) {
		if strings.Contains(line, "bad") || strings.Contains(line, "a b") {
			t.Errorf("%s is exported", line)
		}
	}
	_, err = c.ExportEvent(t.Context(), "bad")
	if faults := eventbus.FaultsOf(err); len(faults) != 1 || faults[0].Path != "lifecycle" {
		t.Errorf("the bad entry: %v", err)
	}
}

// TestExportFollowsItsSettings: addresses stay inside where the operator says so, in the
// event and in its API alike.
func TestExportFollowsItsSettings(t *testing.T) {
	_, st := newCatalog(t)
	for hide, want := range map[bool]bool{false: true, true: false} {
		c := New(Config{HideBrokers: hide, APIVersion: "eventbus.example.gov/v1", Operator: "platform"}, st, st)
		if _, err := c.Put(t.Context(), eventbus.Actor{System: "test"}, good()); err != nil {
			t.Fatal(err)
		}
		out, err := c.ExportEvents(t.Context())
		if err != nil || strings.Contains(string(out.Body), "b-1.example.gov:9098") != want {
			t.Errorf("hide %v: %v\n%s", hide, err, out.Body)
		}
		if !strings.Contains(string(out.Body), "apiVersion: eventbus.example.gov/v1\nkind: Event") || !strings.Contains(string(out.Body), "name: platform") {
			t.Errorf("the settings are not followed:\n%s", out.Body)
		}
	}
}

// TestETagFollowsTheContent: it is the same until something changes, and
// different then.
func TestETagFollowsTheContent(t *testing.T) {
	c, _ := newCatalog(t)
	seen := map[string]bool{}
	put := func(change func(*eventbus.Event)) {
		t.Helper()
		e := good()
		change(&e)
		if _, err := c.Put(t.Context(), eventbus.Actor{System: "test"}, e); err != nil {
			t.Fatal(err)
		}
		first, err := c.ExportEvents(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		second, err := c.ExportEvents(t.Context())
		if err != nil || second.ETag != first.ETag || seen[first.ETag] {
			t.Errorf("ETag %s, again %s, seen before: %v", first.ETag, second.ETag, seen[first.ETag])
		}
		seen[first.ETag] = true
	}
	put(func(*eventbus.Event) {})
	put(func(e *eventbus.Event) { e.Description = "Another letter." })
	put(func(e *eventbus.Event) { e.AverageDailyEvents = 7 })
	put(func(e *eventbus.Event) { e.Topics[0].SchemaVersion = 2 })
}

// TestEachFieldOfTheFlatShape: what the older shape says in its own words comes
// out in the later one's.
func TestEachFieldOfTheFlatShape(t *testing.T) {
	const flat = "apiVersion: backstage.io/v1alpha1\nkind: Event\nmetadata:\n  name: a\n  description: What happened.\nspec:\n  type: event\n  lifecycle: development\n  domain: claims\n"
	for _, c := range []struct{ name, text, want string }{
		{"team", "  team: VES Claims Team\n", "  owner: ves-claims-team\n"},
		{"product owner", "  team: claims\n  productowner: Olive Owner\n", "  productOwner: Olive Owner\n"},
		{"system", "  team: claims\n  productowner: Olive Owner\n  system: Letters\n", "  sourceSystems:\n    - systemName: Letters\n      teamName: claims\n      productOwner: Olive Owner\n"},
		{"payload of keys and types", "  team: claims\n  payload:\n    b: timestamp\n    a: string\n", "  payload: |-\n    a: string\n    b: timestamp\n"},
		{"payload inside payload", "  team: claims\n  payload:\n    a:\n      b: int\n", "  payload: 'a: b: int'\n"},
		{"payload as text", "  team: claims\n  payload: free text\n", "  payload: free text\n"},
		{"forwarders by name", "  team: claims\n  forwarders:\n    Gateway: integration\n", "  forwarders:\n    - systemName: Gateway\n      teamName: integration\n"},
		{"one forwarder", "  team: claims\n  forwarders:\n    system: Gateway\n    team: integration\n    productowner: Robin\n", "  forwarders:\n    - systemName: Gateway\n      teamName: integration\n      productOwner: Robin\n"},
		{"one broker address", "  team: claims\n  topics:\n    - name: t\n      environment: development\n      brokerAddress: b-1:9098\n", "      brokerAddresses:\n        - b-1:9098\n"},
		{"broker addresses with commas", "  team: claims\n  topics:\n    - name: t\n      environment: development\n      brokerAddress: b-1:9098, b-2:9098\n", "        - b-1:9098\n        - b-2:9098\n"},
		{"an owner goes before the team", "  team: letters\n  owner: claims\n", "  owner: claims\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Read([]byte(flat+c.text), "flat.yaml")
			if err != nil || len(got.Events) != 1 {
				t.Fatal(got, err)
			}
			later := string(Write(got.Events[0], WriteOptions{}))
			if !strings.Contains(later, c.want) {
				t.Errorf("written:\n%s\nwant in it:\n%s", later, c.want)
			}
			for _, old := range []string{"team:", "productowner:", "brokerAddress:", "system: G"} {
				if strings.Contains(later, old) {
					t.Errorf("the older word %q is written:\n%s", old, later)
				}
			}
			again, err := Read([]byte(later), "later.yaml")
			if err != nil || string(Write(again.Events[0], WriteOptions{})) != later {
				t.Errorf("the later shape does not come back: %v", err)
			}
		})
	}
}

// TestMayReadRecords is the rule of who may look at records.
func TestMayReadRecords(t *testing.T) {
	event := eventbus.Event{Name: "a", Owner: "claims"}
	grant := eventbus.Grant{Event: "a", Environment: "development", Direction: eventbus.Consumed, Team: "benefits"}
	with := func(change func(*eventbus.Grant)) []eventbus.Grant {
		g := grant
		change(&g)
		return []eventbus.Grant{g}
	}
	for _, c := range []struct {
		name   string
		person eventbus.Person
		grants []eventbus.Grant
		want   bool
	}{
		{"the owner's team", eventbus.Person{Teams: []string{"claims"}}, nil, true},
		{"a consumer's team", eventbus.Person{Teams: []string{"x", "benefits"}}, []eventbus.Grant{grant}, true},
		{"nobody's team", eventbus.Person{}, []eventbus.Grant{grant}, false},
		{"every role and no team", eventbus.Person{Roles: eventbus.Roles()}, []eventbus.Grant{grant}, false},
		{"another team", eventbus.Person{Teams: []string{"health"}}, []eventbus.Grant{grant}, false},
		{"a producer", eventbus.Person{Teams: []string{"benefits"}}, with(func(g *eventbus.Grant) { g.Direction = eventbus.Produced }), false},
		{"another environment", eventbus.Person{Teams: []string{"benefits"}}, with(func(g *eventbus.Grant) { g.Environment = "production" }), false},
		{"another event", eventbus.Person{Teams: []string{"benefits"}}, with(func(g *eventbus.Grant) { g.Event = "b" }), false},
		{"revoked", eventbus.Person{Teams: []string{"benefits"}}, with(func(g *eventbus.Grant) { g.RevokedAt = g.CreatedAt.AddDate(1, 0, 0) }), false},
		{"a grant of no team", eventbus.Person{}, with(func(g *eventbus.Grant) { g.Team = "" }), false},
	} {
		if got := MayReadRecords(c.person, event, "development", c.grants); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if MayReadRecords(eventbus.Person{}, eventbus.Event{Name: "a"}, "development", nil) {
		t.Error("nobody reads an event that nobody owns")
	}
}
