package portal

import (
	"context"
	"encoding/json"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/onboarding"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// attacks are planted in every stored text. The element shows up in a page only
// when something was not escaped, and a script that runs opens a dialog.
var attacks = []string{
	`<xss7 onload=alert(7)>`, `"><xss7 src=x onerror=alert(7)>`, `'><xss7>`, `<img src=x onerror=alert(7)>`, `<svg onload=alert(7)>`, `</script><script>alert(7)</script><xss7>`, `</textarea><xss7>`, `</title><xss7>`,
	`--><xss7>`, `{{template "layout"}}<xss7>`, "`<xss7>`", `[x](javascript:alert(7))`, `![x](https://evil.example/x.png)`, `<a href="javascript:alert(7)">xss7</a>`, `javascript:alert(7)//<xss7>`, `<meta http-equiv=refresh content="0;url=//evil.example">`,
	`<form action=//evil.example><button>x`, `<iframe src=//evil.example>`, `<style>@import "//evil.example"</style>`, `<base href=//evil.example>`,
}

var attack = strings.Join(attacks, " ")

// planted counts the fields that carry the attack, by type.
type planted map[string]int

// plant puts the attack into every text of a value, as deep as it goes. What is
// named in keep stays: keys that pages are found by.
func (n planted) plant(v reflect.Value, keep ...string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			n.plant(v.Elem(), keep...)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() && !slices.Contains(keep, field.Name) {
				n.plant(v.Field(i), keep...)
			}
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			return
		}
		if v.Len() == 0 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		for i := range v.Len() {
			n.plant(v.Index(i), keep...)
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		n.plant(key)
		n.plant(value, keep...)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString(attack)
		n[v.Type().Name()]++
	}
}

// attacked gives a copy of a value with the attack in every text but what is kept.
func attacked[T any](n planted, value T, keep ...string) T {
	n.plant(reflect.ValueOf(&value).Elem(), keep...)
	return value
}

// attackedWorld has the attack wherever somebody may write: catalog, grants,
// systems, requests of every kind, records, schemas, groups, audit, inbox, people.
func attackedWorld(t *testing.T) (w *world, paths []string) {
	w = fullWorld(t)
	ctx, n := context.Background(), planted{}
	e := attacked(n, eventbus.Event{Topics: []eventbus.EventTopic{{Environment: "development", Name: "dev_scratch"}, {Environment: "staging", Name: "staging_<xss7>"}}}, "Name", "Version", "Environment")
	e.Name, e.Topics[0].Name, e.Topics[1].Name, e.Owner = "attack", "dev_scratch", "staging_<xss7>", "claims"
	_, err := w.store.SaveEvent(ctx, e)
	w.ok(err)
	for _, direction := range []eventbus.Direction{eventbus.Consumed, eventbus.Produced} {
		g := attacked(n, eventbus.Grant{Event: "attack", Environment: "development", Topic: "dev_scratch", Direction: direction}, "Event", "Environment", "Topic", "Direction", "Version")
		g.ID, g.Team = "g-"+string(direction), "claims"
		_, err = w.store.SaveGrant(ctx, g)
		w.ok(err)
	}
	y := attacked(n, eventbus.System{Name: "attacker", Kind: "Component", Subscribes: []string{"attack"}}, "Name", "Kind", "Subscribes", "Version")
	_, err = w.store.SaveSystem(ctx, y)
	w.ok(err)
	paths = append(paths, w.attackRequests(n)...)
	entry := attacked(n, eventbus.AuditEntry{Time: w.clock()}, "Hash", "PrevHash", "Previous")
	_, err = w.store.AppendAudit(ctx, entry)
	w.ok(err)
	note := attacked(n, eventbus.Notification{At: w.clock()}, "To", "ID")
	note.ID, note.To, note.Link = "n", eventbus.Audience{Person: "pat"}, "//evil.example"
	w.ok(w.store.SaveNotifications(ctx, []eventbus.Notification{note}))
	attacker := attacked(n, eventbus.Person{}, "ID")
	attacker.ID, attacker.Roles, attacker.Teams = "pat", []eventbus.Role{eventbus.RoleMember, eventbus.RoleAuditor, "<xss7>"}, []string{"claims", attack}
	w.ok(w.store.SavePerson(ctx, attacker))
	session := eventbus.Session{Hash: digestOf(sessionOf("pat")), Person: attacker, CreatedAt: w.now, LastSeen: w.now, ExpiresAt: w.now.Add(time.Hour)}
	w.ok(w.store.SaveSession(ctx, session))
	w.ok(w.store.SaveToken(ctx, eventbus.APIToken{ID: "t", Name: attack, Person: "pat", Hash: "h", Scopes: attacks, CreatedAt: w.now, ExpiresAt: w.now.Add(time.Hour)}))
	w.attackCluster()
	w.ok(w.catalog.Refresh(ctx))
	if n["string"] < 60 {
		t.Errorf("the attack stands in %v only", n)
	}
	return w, append(paths, attackedPages(w)...)
}

// attackRequests plants a request of each kind, and gives their pages.
func (w *world) attackRequests(n planted) (paths []string) {
	w.t.Helper()
	ctx := context.Background()
	contents := map[eventbus.RequestKind]onboarding.Content{eventbus.ProducerRequest: &onboarding.ProducerContent{}, eventbus.ConsumerRequest: &onboarding.ConsumerContent{},
		eventbus.ChangeRequest: &onboarding.ChangeContent{}, eventbus.OffboardingRequest: &onboarding.OffboardingContent{}}
	for kind, content := range contents {
		n.plant(reflect.ValueOf(content))
		text, err := json.Marshal(content)
		w.ok(err)
		r := attacked(n, eventbus.Request{Environments: []eventbus.RequestEnvironment{{Name: "development"}}, Comments: make([]eventbus.Comment, 1), Approvals: make([]eventbus.Approval, 1),
			Gates: make([]eventbus.Gate, 1), WaitingOn: make([]eventbus.Waiting, 1)}, "Snapshots", "Content", "ContentHash", "Notices")
		r.ID, r.Kind, r.State, r.Team, r.Content, r.Event = "req-attack-"+strings.ToLower(string(kind[:3])), kind, eventbus.RequestChangesAsked, "claims", text, "attack"
		r.Submitter, r.CreatedAt, r.UpdatedAt = "pat", w.clock(), w.clock()
		_, err = w.store.SaveRequest(ctx, r, nil, nil)
		w.ok(err)
		paths = append(paths, "/requests/"+r.ID, "/requests/"+r.ID+"/edit?check=1")
		if kind == eventbus.ProducerRequest {
			for step := range 7 {
				paths = append(paths, "/requests/"+r.ID+"/edit?check=1&step="+string(rune('2'+step)))
			}
		}
	}
	return paths
}

// attackCluster plants what comes from Kafka and the registry.
func (w *world) attackCluster() {
	w.t.Helper()
	ctx := context.Background()
	quoted, err := json.Marshal(attack)
	w.ok(err)
	schema := `{"type":"record","name":"Attack","namespace":"a","doc":` + string(quoted) + `,"fields":[{"name":"text","type":"string","doc":` + string(quoted) + `,"default":` + string(quoted) + `,"confluent:tags":[` + string(quoted) + `]}]}`
	_, err = w.registry.Register(ctx, registry.Caller{Author: attack}, "dev_scratch-value", registry.RegisterRequest{Text: schema})
	w.ok(err)
	w.ok(w.kafka.ProduceSync(ctx, &kgo.Record{Topic: "dev_scratch", Key: []byte(attack), Value: []byte(attack), Headers: []kgo.RecordHeader{{Key: attack, Value: []byte(attack)}}}).FirstErr())
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: "dev_scratch", At: 0, LeaderEpoch: -1, Metadata: attack})
	w.ok(kadm.NewClient(w.kafka).CommitAllOffsets(ctx, attack, offsets))
	w.observe.Consumed(attack, "dev_scratch", attack, 1, 10, 100)
	w.ok(w.observe.Save(ctx))
}

// attackedPages are all other pages that show something of it, and those that
// take it in their address.
func attackedPages(w *world) []string {
	paths := []string{"/", "/catalog", "/catalog/attack", "/catalog/attack/schema", "/catalog/attack/consumers", "/catalog/attack/connect", "/catalog/attack/history", "/catalog/attack/messages", "/catalog/attack/metrics", "/apps", "/apps/claims/" + url.PathEscape(attack), "/admin", "/keys/" + url.PathEscape(attack),
		"/requests", "/requests/new", "/requests/new?kind=consumer", "/inbox", "/audit", "/settings", "/login", "/topics", "/topics/dev_scratch", "/schemas", "/schemas/dev_scratch-value", "/groups", "/groups/" + url.PathEscape(attack)}
	for _, at := range []string{"/catalog?q=", "/catalog?domain=", "/catalog?env=", "/search?q=", "/docs?q=", "/schemas?q=", "/topics?q=", "/groups?q=", "/access?principal=", "/access?principal=test-nobody&resource=", "/audit?actor=", "/requests?show=", "/requests?kind=", "/device?code=", "/login?to=", "/"} {
		paths = append(paths, at+url.QueryEscape(attack))
	}
	return paths
}

// TestStoredAttacks looks for the attack as markup, in the text of every page.
func TestStoredAttacks(t *testing.T) {
	w, paths := attackedWorld(t)
	scripted := regexp.MustCompile(`(?i)(href|src|action|formaction)="\s*(javascript|data|vbscript):`)
	markup := regexp.MustCompile(`(?i)<(xss7|iframe|base |meta http-equiv|img )`)
	read := body(t, w.fill("pat", "/catalog/attack/messages", "in", "development", "reason", attack, "start", "earliest"))
	for i, path := range append(paths, "the records") {
		text := read
		if i < len(paths) {
			text = body(t, w.get("pat", path))
		}
		if found := markup.FindStringIndex(text); found != nil {
			t.Errorf("%s: markup got through: %.200s", path, text[max(found[0]-100, 0):])
		}
		if found := scripted.FindString(text); found != "" {
			t.Errorf("%s: a link runs script: %s", path, found)
		}
		if strings.Contains(text, `"//evil.example`) {
			t.Errorf("%s: a link leaves the portal", path)
		}
	}
}

// TestAttacksInTheBrowser opens the same pages: no script runs, nothing is
// fetched from elsewhere, no form and no frame leads there.
func TestAttacksInTheBrowser(t *testing.T) {
	openBrowser(t)
	w, paths := attackedWorld(t)
	b := tabOf(t, w, "pat")
	const leaks = `[...[...document.querySelectorAll("xss7, iframe, object, embed, base, meta[http-equiv], script:not([src]), style")].map((e) => e.outerHTML.slice(0, 100)),
		...[...document.forms].filter((f) => new URL(f.action, location.href).origin !== location.origin).map((f) => "form to " + f.action),
		...[...document.querySelectorAll("a[href], [src], use")].filter((e) => /^\s*(javascript|data|vbscript):/i.test(e.getAttribute("href") || e.getAttribute("src") || "")).map((e) => e.outerHTML.slice(0, 100)),
		...[...document.querySelectorAll("a[href]")].filter((e) => e.origin !== location.origin && e.protocol !== "mailto:" && !e.rel.includes("noopener")).map((e) => "leads to " + e.href),
		...performance.getEntriesByType("resource").filter((r) => new URL(r.name).origin !== location.origin).map((r) => "fetched " + r.name)]`
	for _, path := range paths {
		b.Open(path)
		for _, leak := range ask[[]string](b, leaks) {
			t.Errorf("%s: %s", path, leak)
		}
		for _, line := range b.console() {
			if !strings.Contains(line, "Failed to load resource") && !strings.Contains(line, "The specified value") { // a status of its own, and a date that is none
				t.Errorf("%s: console: %s", path, line)
			}
		}
		select {
		case said := <-b.dialogs:
			t.Errorf("%s: a script ran and said %s", path, said)
		default:
		}
	}
}
