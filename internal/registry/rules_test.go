package registry

import (
	"strings"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// TestFingerprint spells out what Confluent's Schema.updateHash feeds to MD5; the
// interop tests compare with the class itself.
func TestFingerprint(t *testing.T) {
	refs := []eventbus.SchemaReference{{Name: "a.Kind", Subject: "part", Version: 258}}
	fed := `"int"` + "a.Kindpart\x00\x00\x01\x02" + // references: name, subject, four bytes of version
		"\x01" + "W.kAPII" + "appxownerclaims" + "owner" + // metadata: tags, properties, sensitive
		"\x01" + "mTRANSFORMUPGRADECEL" + // migration rules, with their defaults
		"rwhyCONDITIONWRITECELPIIpqtrueNONEERROR\x01" + "sTRANSFORMWRITEREADCEL" // domain rules; \x01 = disabled
	meta := &Metadata{Tags: map[string][]string{"W.k": {"PII", "A", "PII"}}, Properties: map[string]string{"owner": "claims", "app": "x"}, Sensitive: []string{"owner"}}
	rules := &RuleSet{MigrationRules: []Rule{{Name: "m", Mode: "UPGRADE", Type: "CEL"}}, DomainRules: []Rule{
		{Name: "r", Doc: "why", Kind: "CONDITION", Mode: "WRITE", Type: "CEL", Tags: []string{"PII"}, Params: map[string]string{"p": "q"}, Expr: "true", OnSuccess: "NONE", OnFailure: "ERROR", Disabled: true},
		{Name: "s", Type: "CEL"}}}
	if fingerprintOf(`"int"`, refs, meta.sorted(), rules) != fingerprintOf(fed, nil, nil, nil) {
		t.Error("another fingerprint")
	}
	explicit := &RuleSet{DomainRules: []Rule{{Name: "s", Type: "CEL", Kind: kindTransform, Mode: modeWriteRead}}}
	if fingerprintOf("x", nil, nil, explicit) != fingerprintOf("x", nil, nil, &RuleSet{DomainRules: []Rule{{Name: "s", Type: "CEL"}}}) {
		t.Error("a default that is written out makes another schema")
	}
}

func TestRuleSetValidate(t *testing.T) {
	rule := func(name, typ, kind, mode string) []Rule {
		return []Rule{{Name: name, Type: typ, Kind: kind, Mode: mode}}
	}
	for what, c := range map[string]struct {
		rules *RuleSet
		wrong string // part of the message, "" = accepted
	}{
		"none":               {nil, ""},
		"empty":              {&RuleSet{}, ""},
		"defaults":           {&RuleSet{DomainRules: rule("r", "CEL", "", "")}, ""},
		"encoding":           {&RuleSet{EncodingRules: rule("r", "ENCRYPT", "TRANSFORM", "WRITEREAD")}, ""},
		"migration":          {&RuleSet{MigrationRules: rule("r", "JSONATA", "", "UPDOWN")}, ""},
		"no name":            {&RuleSet{DomainRules: rule("", "CEL", "", "")}, "no name"},
		"no type":            {&RuleSet{DomainRules: rule("r", "", "", "")}, "no type"},
		"unknown kind":       {&RuleSet{DomainRules: rule("r", "CEL", "WISH", "")}, "kind"},
		"migration on write": {&RuleSet{MigrationRules: rule("r", "CEL", "", "WRITE")}, "Migration rules can only be UPGRADE, DOWNGRADE, UPDOWN"},
		"migration default":  {&RuleSet{MigrationRules: rule("r", "CEL", "", "")}, "Migration rules"},
		"domain upgrade":     {&RuleSet{DomainRules: rule("r", "CEL", "", "UPGRADE")}, "Domain rules"},
		"one name twice":     {&RuleSet{MigrationRules: rule("r", "CEL", "", "UPGRADE"), DomainRules: rule("r", "CEL", "", "")}, "duplicate"},
	} {
		err := c.rules.validate()
		if c.wrong == "" && err != nil || c.wrong != "" && (CodeOf(err) != ErrInvalidRuleSet || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestReferenceCycle: a foreign topic may hold schemas that refer to each other
// in a circle, or to themselves; they are answered, not followed for ever.
func TestReferenceCycle(t *testing.T) {
	line := func(subject, id, refers string) string {
		return `{"keytype":"SCHEMA","subject":"` + subject + `","version":1,"magic":1}` + "\t" +
			`{"subject":"` + subject + `","version":1,"id":` + id + `,"schema":"{\"type\":\"record\",\"name\":\"` + subject + `\",\"fields\":[]}","references":[{"name":"` + refers + `","subject":"` + refers + `","version":1}]}` + "\n"
	}
	s, faults := feed(t, line("a", "1", "b")+line("b", "2", "a")+line("self", "3", "self"))
	if faults != 0 {
		t.Fatalf("%d records refused", faults)
	}
	r := &Registry{cfg: Config{}.withDefaults(), state: s, parsed: newParseCache(10)}
	for _, subject := range []string{"a", "b", "self"} {
		_, err := r.parse(".", `{"type":"record","name":"M","fields":[]}`, []eventbus.SchemaReference{{Name: subject, Subject: subject, Version: 1}}, true)
		if err != nil && CodeOf(err) != ErrInvalidSchema {
			t.Errorf("%s: %v", subject, err)
		}
	}
	for _, subject := range []string{"a", "self"} {
		v, err := r.Version(subject, 1, Live)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Parsed(v); err != nil && CodeOf(err) != ErrInvalidSchema {
			t.Errorf("%s: %v", subject, err)
		}
	}
	consistent(t, s)
}

// TestParseCache: bounded by number and by bytes; what was used last stays.
func TestParseCache(t *testing.T) {
	c := newParseCache(2)
	key := func(b byte) textKey { return textKey{text: [32]byte{b}} }
	c.put(key(1), nil, 1)
	c.put(key(2), nil, 1)
	c.get(key(1))
	c.put(key(3), nil, 1)
	if _, kept := c.entries[key(1)]; !kept || len(c.entries) != 2 || c.text != 2 {
		t.Errorf("%d entries of %d bytes", len(c.entries), c.text)
	}
	if _, kept := c.entries[key(2)]; kept {
		t.Error("the oldest stays")
	}
	c.put(key(4), nil, c.mostText) // too large to keep
	if c.text != 2 {
		t.Errorf("%d bytes", c.text)
	}
}

// TestVotes: who is elected from what the members say of themselves.
func TestVotes(t *testing.T) {
	for what, c := range map[string]struct {
		a, b identity
		a1st bool
	}{
		"the one that leads":    {identity{Scheme: "http", Host: "z", Port: 1, Leader: true}, identity{Scheme: "http", Host: "a", Port: 1}, true},
		"else the smallest URL": {identity{Scheme: "http", Host: "a", Port: 1}, identity{Scheme: "http", Host: "b", Port: 1}, true},
		"not the larger one":    {identity{Scheme: "http", Host: "b", Port: 1}, identity{Scheme: "http", Host: "a", Port: 1}, false},
	} {
		if c.a.before(c.b) != c.a1st {
			t.Error(what)
		}
	}
	for advertised, want := range map[string]string{"http://h:81": "http://h:81", "http://h": "http://h:80", "https://h": "https://h:443", "http://[::1]:9": "http://[::1]:9"} {
		if got, err := identityOf(advertised, true); err != nil || got.url() != want {
			t.Errorf("%s: %+v %v", advertised, got, err)
		}
	}
	for _, bad := range []string{"", "h:81", "://", "http://"} {
		if _, err := identityOf(bad, true); err == nil {
			t.Errorf("%q accepted", bad)
		}
	}
}

// TestReleaseForgetsReferrers: a hard-deleted schema holds nobody back.
func TestReleaseForgetsReferrers(t *testing.T) {
	s := newState()
	part := schemaValue{Subject: "part", Version: 1, ID: 1, Schema: `"int"`}
	whole := schemaValue{Subject: "whole", Version: 1, ID: 2, Schema: `"long"`, References: []eventbus.SchemaReference{{Name: "p", Subject: "part", Version: 1}}}
	for i, v := range []schemaValue{part, whole} {
		rec := Record{Offset: int64(i), Time: time.UnixMilli(1), Key: recordKey{Type: keySchema, Subject: v.Subject, Version: 1}.bytes(), Value: v.bytes(fingerprint{})}
		if err := s.apply(rec); err != nil {
			t.Fatal(err)
		}
	}
	v, err := s.version("part", 1, Live)
	if err != nil || CodeOf(s.unreferenced(v)) != ErrReferenceExists {
		t.Fatalf("%v %v", v, err)
	}
	s.dropVersion("whole", 1)
	if err := s.unreferenced(v); err != nil || len(s.referrer) != 0 {
		t.Errorf("%v %v", err, s.referrer)
	}
	consistent(t, s)
}
