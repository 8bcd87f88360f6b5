package iam

import (
	"bytes"
	"testing"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// TestForeignSecret: what was sealed opens for its own user and key under the same
// master key, and is no secret of the directory's own.
func TestForeignSecret(t *testing.T) {
	const user, key, secret = "arn:aws-us-gov:iam::123456789012:user/eventbus/production/partner", "AKIA1", "the secret that AWS showed once"
	d, other := &Directory{vault: testVault(t, 1)}, &Directory{vault: testVault(t, 2)}
	box, err := d.SealForeign(user, key, secret)
	if err != nil || bytes.Contains(box, []byte(secret)) {
		t.Fatalf("sealed %q, %v", box, err)
	}
	if got, err := (&Directory{vault: testVault(t, 1)}).OpenForeign(user, key, box); err != nil || got != secret {
		t.Fatalf("another instance reads %q, %v", got, err)
	}
	if got, err := d.vault.openSecret(key, user, box); err == nil {
		t.Errorf("it opens as a secret of the directory: %q", got)
	}
	altered := bytes.Clone(box)
	altered[len(altered)-1] ^= 1
	for name, open := range map[string]func() (string, error){
		"of another account": func() (string, error) {
			return d.OpenForeign("arn:aws:iam::1:user/eventbus/production/partner", key, box)
		},
		"of another key":          func() (string, error) { return d.OpenForeign(user, "AKIA2", box) },
		"of another master key":   func() (string, error) { return other.OpenForeign(user, key, box) },
		"altered":                 func() (string, error) { return d.OpenForeign(user, key, altered) },
		"collected and forgotten": func() (string, error) { return d.OpenForeign(user, key, nil) },
	} {
		if got, err := open(); got != "" || eventbus.CodeOf(err) != eventbus.CodeCorrupt || bytes.Contains([]byte(err.Error()), []byte(secret)) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
