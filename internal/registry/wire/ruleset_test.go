package wire

import (
	"strings"
	"testing"

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
	if FingerprintOf(`"int"`, refs, meta.Sorted(), rules) != FingerprintOf(fed, nil, nil, nil) {
		t.Error("another fingerprint")
	}
	explicit := &RuleSet{DomainRules: []Rule{{Name: "s", Type: "CEL", Kind: kindTransform, Mode: modeWriteRead}}}
	if FingerprintOf("x", nil, nil, explicit) != FingerprintOf("x", nil, nil, &RuleSet{DomainRules: []Rule{{Name: "s", Type: "CEL"}}}) {
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
		err := c.rules.Validate()
		if c.wrong == "" && err != nil || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
