package wire

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Rule is one data-contract rule. The registry keeps rules; clients run them.
type Rule struct {
	Name      string            `json:"name,omitempty"`
	Doc       string            `json:"doc,omitempty"`
	Kind      string            `json:"kind,omitempty"`
	Mode      string            `json:"mode,omitempty"`
	Type      string            `json:"type,omitempty"`
	Tags      []string          `json:"tags,omitempty"`
	Params    map[string]string `json:"params,omitempty"`
	Expr      string            `json:"expr,omitempty"`
	OnSuccess string            `json:"onSuccess,omitempty"`
	OnFailure string            `json:"onFailure,omitempty"`
	Disabled  bool              `json:"disabled"`
}

// RuleSet is the rules of a schema.
type RuleSet struct {
	MigrationRules []Rule `json:"migrationRules,omitempty"`
	DomainRules    []Rule `json:"domainRules,omitempty"`
	EncodingRules  []Rule `json:"encodingRules,omitempty"`
}

// empty reports whether there is no rule.
func (s *RuleSet) empty() bool {
	return s == nil || len(s.MigrationRules)+len(s.DomainRules)+len(s.EncodingRules) == 0
}

// The defaults of a rule's kind and mode (Confluent's Rule): a rule that names
// them and one that does not are the same.
const (
	kindTransform = "TRANSFORM"
	modeWriteRead = "WRITEREAD"
)

// Explicit gives the rules with their defaults written out and their tags
// sorted, nil if there is none: two spellings of one rule must not become two
// ids.
func (s *RuleSet) Explicit() *RuleSet {
	if s.empty() {
		return nil
	}
	return &RuleSet{explicitRules(s.MigrationRules), explicitRules(s.DomainRules), explicitRules(s.EncodingRules)}
}

func explicitRules(in []Rule) []Rule {
	out := slices.Clone(in)
	for i := range out {
		out[i].Kind, out[i].Mode = cmp.Or(out[i].Kind, kindTransform), cmp.Or(out[i].Mode, modeWriteRead)
		out[i].Tags = sortedSet(out[i].Tags)
	}
	return out
}

// Validate refuses what Confluent's RuleSet refuses: a rule without a name or a
// type, two rules of one name, and a mode that its list does not have.
func (s *RuleSet) Validate() error {
	if s = s.Explicit(); s == nil {
		return nil
	}
	data := []string{"WRITE", "READ", modeWriteRead}
	seen := map[string]bool{}
	for _, list := range []struct {
		name  string
		rules []Rule
		modes []string
	}{
		{"Migration", s.MigrationRules, []string{"UPGRADE", "DOWNGRADE", "UPDOWN"}},
		{"Domain", s.DomainRules, data}, {"Encoding", s.EncodingRules, data},
	} {
		for _, rule := range list.rules {
			switch {
			case rule.Name == "":
				return fmt.Errorf("a rule has no name")
			case seen[rule.Name]:
				return fmt.Errorf("found rule with duplicate name '%.100s'", rule.Name)
			case rule.Type == "":
				return fmt.Errorf("rule '%.100s' has no type", rule.Name)
			case rule.Kind != kindTransform && rule.Kind != "CONDITION":
				return fmt.Errorf("rule '%.100s' has kind %.40q; use TRANSFORM or CONDITION", rule.Name, rule.Kind)
			case !slices.Contains(list.modes, rule.Mode):
				return fmt.Errorf("%s rules can only be %s; rule '%.100s' is %.40q",
					list.name, strings.Join(list.modes, ", "), rule.Name, rule.Mode)
			}
			seen[rule.Name] = true
		}
	}
	return nil
}

// Merge gives the rules with over laid over them: a rule of over replaces the one
// of the same name in its list, the others follow (Confluent's
// RuleSet.mergeRuleSets). Either may be nil; neither is changed.
func (s *RuleSet) Merge(over *RuleSet) *RuleSet {
	if s == nil {
		return over
	}
	if over == nil {
		return s
	}
	return &RuleSet{mergeRules(s.MigrationRules, over.MigrationRules), mergeRules(s.DomainRules, over.DomainRules), mergeRules(s.EncodingRules, over.EncodingRules)}
}

func mergeRules(rules, over []Rule) []Rule {
	var out []Rule
	for _, rule := range rules {
		if !slices.ContainsFunc(over, func(o Rule) bool { return o.Name == rule.Name }) {
			out = append(out, rule)
		}
	}
	return append(out, over...)
}

func (r Rule) feed(b *bytes.Buffer) {
	for _, s := range []string{r.Name, r.Doc, r.Kind, r.Mode, r.Type} {
		b.WriteString(s)
	}
	for _, tag := range sortedSet(r.Tags) {
		b.WriteString(tag)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Params)) {
		b.WriteString(name)
		b.WriteString(r.Params[name])
	}
	b.WriteString(r.Expr)
	b.WriteString(r.OnSuccess)
	b.WriteString(r.OnFailure)
	if r.Disabled {
		b.WriteByte(1)
	}
}
