package registry

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"slices"
	"sort"
	"strings"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Metadata is what a schema's owner says about it: tags per path, free
// properties, and the names of properties that are sensitive.
type Metadata struct {
	Tags       map[string][]string `json:"tags,omitempty"`
	Properties map[string]string   `json:"properties,omitempty"`
	Sensitive  []string            `json:"sensitive,omitempty"`
}

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

// sorted gives the metadata with its sets sorted and without duplicates, nil if
// it is empty: two spellings of one metadata must not become two ids.
func (m *Metadata) sorted() *Metadata {
	if m == nil || len(m.Tags)+len(m.Properties)+len(m.Sensitive) == 0 {
		return nil
	}
	out := &Metadata{Properties: m.Properties, Sensitive: sortedSet(m.Sensitive)}
	for path, tags := range m.Tags {
		if out.Tags == nil {
			out.Tags = make(map[string][]string, len(m.Tags))
		}
		out.Tags[path] = sortedSet(tags)
	}
	return out
}

func sortedSet(in []string) []string {
	out := slices.Clone(in)
	sort.Strings(out)
	return slices.Compact(out)
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

// explicit gives the rules with their defaults written out and their tags
// sorted, nil if there is none: two spellings of one rule must not become two
// ids.
func (s *RuleSet) explicit() *RuleSet {
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

// validate refuses what Confluent's RuleSet refuses: a rule without a name or a
// type, two rules of one name, and a mode that its list does not have.
func (s *RuleSet) validate() error {
	if s = s.explicit(); s == nil {
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
				return fail(ErrInvalidRuleSet, "A rule has no name; nothing was registered.")
			case seen[rule.Name]:
				return fail(ErrInvalidRuleSet, "Found rule with duplicate name '%.100s'; nothing was registered.", rule.Name)
			case rule.Type == "":
				return fail(ErrInvalidRuleSet, "Rule '%.100s' has no type; nothing was registered.", rule.Name)
			case rule.Kind != kindTransform && rule.Kind != "CONDITION":
				return fail(ErrInvalidRuleSet, "Rule '%.100s' has kind %.40q; use TRANSFORM or CONDITION. Nothing was registered.", rule.Name, rule.Kind)
			case !slices.Contains(list.modes, rule.Mode):
				return fail(ErrInvalidRuleSet, "%s rules can only be %s; rule '%.100s' is %.40q. Nothing was registered.",
					list.name, strings.Join(list.modes, ", "), rule.Name, rule.Mode)
			}
			seen[rule.Name] = true
		}
	}
	return nil
}

// fingerprint is what makes two schemas the same: MD5 over text, references
// (name, subject, version in four bytes), metadata and rules, in the order in
// which Confluent's Schema.updateHash feeds them.
type fingerprint [md5.Size]byte

// guid prints the fingerprint as a UUID.
func (f fingerprint) guid() string {
	var out [36]byte
	hex.Encode(out[:8], f[:4])
	for i, at := range []int{4, 6, 8} {
		pos := 9 + 5*i
		out[pos-1] = '-'
		hex.Encode(out[pos:pos+4], f[at:at+2])
	}
	out[23] = '-'
	hex.Encode(out[24:], f[10:])
	return string(out[:])
}

// parseGUID reads a UUID back.
func parseGUID(s string) (f fingerprint, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return f, false
	}
	_, err := hex.Decode(f[:], []byte(s[:8]+s[9:13]+s[14:18]+s[19:23]+s[24:]))
	return f, err == nil
}

func fingerprintOf(text string, refs []eventbus.SchemaReference, meta *Metadata, rules *RuleSet) fingerprint {
	if len(refs) == 0 && meta == nil && rules == nil {
		return md5.Sum([]byte(text))
	}
	rules = rules.explicit()
	var b bytes.Buffer
	b.WriteString(text)
	for _, ref := range refs {
		b.WriteString(ref.Name)
		b.WriteString(ref.Subject)
		_ = binary.Write(&b, binary.BigEndian, int32(ref.Version))
	}
	if meta != nil {
		b.WriteByte(1)
		meta.feed(&b)
	}
	if rules != nil {
		b.WriteByte(1)
		for _, list := range [][]Rule{rules.MigrationRules, rules.DomainRules, rules.EncodingRules} {
			for _, rule := range list {
				rule.feed(&b)
			}
		}
	}
	return md5.Sum(b.Bytes())
}

func (m *Metadata) feed(b *bytes.Buffer) {
	for _, path := range sortedKeys(m.Tags) {
		b.WriteString(path)
		for _, tag := range m.Tags[path] {
			b.WriteString(tag)
		}
	}
	for _, name := range sortedKeys(m.Properties) {
		b.WriteString(name)
		b.WriteString(m.Properties[name])
	}
	for _, name := range m.Sensitive {
		b.WriteString(name)
	}
}

func (r Rule) feed(b *bytes.Buffer) {
	for _, s := range []string{r.Name, r.Doc, r.Kind, r.Mode, r.Type} {
		b.WriteString(s)
	}
	for _, tag := range sortedSet(r.Tags) {
		b.WriteString(tag)
	}
	for _, name := range sortedKeys(r.Params) {
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

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// compactJSON encodes v on one line without HTML escapes.
func compactJSON(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil // only for types that JSON cannot hold; none is passed
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
