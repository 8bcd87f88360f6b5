package eventbus

import (
	"strings"
	"testing"
)

// TestWeaker walks over all pairs of levels. A level is weaker than another when
// it does not make every check that the other makes (Confluent, "Schema Evolution
// and Compatibility"): B and F look at the latest version, b and f at all.
func TestWeaker(t *testing.T) {
	checks := map[Compatibility]string{
		CompatibilityNone: "", CompatibilityBackward: "B", CompatibilityForward: "F", CompatibilityFull: "BF",
		CompatibilityBackwardTransitive: "Bb", CompatibilityForwardTransitive: "Ff", CompatibilityFullTransitive: "BFbf",
	}
	if len(checks) != len(Compatibilities()) {
		t.Fatalf("%d levels", len(Compatibilities()))
	}
	for _, old := range Compatibilities() {
		for _, next := range Compatibilities() {
			weaker := false
			for _, check := range checks[old] {
				weaker = weaker || !strings.ContainsRune(checks[next], check)
			}
			if next.Weaker(old) != weaker {
				t.Errorf("from %s to %s: weaker %v", old, next, !weaker)
			}
		}
	}
}

func TestParseCompatibility(t *testing.T) {
	for _, level := range Compatibilities() {
		for _, text := range []string{string(level), strings.ToLower(string(level))} {
			if got, ok := ParseCompatibility(text); !ok || got != level {
				t.Errorf("%q: %q %v", text, got, ok)
			}
		}
	}
	for _, text := range []string{"", "BACKWARDS", "backward transitive", " FULL", "none "} {
		if got, ok := ParseCompatibility(text); ok || got != "" {
			t.Errorf("%q is %q", text, got)
		}
	}
	if ValueSubject("t") != "t-value" || KeySubject("t") != "t-key" {
		t.Error("names of subjects")
	}
}
