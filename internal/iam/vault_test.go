package iam

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam/sigv4"
)

func testVault(t testing.TB, master byte) *vault {
	t.Helper()
	v, err := newVault(bytes.Repeat([]byte{master}, 32), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSealedSecret(t *testing.T) {
	v := testVault(t, 1)
	box, err := v.sealSecret("AKIA1", "alice", "the secret")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := v.openSecret("AKIA1", "alice", box); err != nil || got != "the secret" {
		t.Fatalf("%q, %v", got, err)
	}
	again, _ := v.sealSecret("AKIA1", "alice", "the secret")
	if bytes.Equal(box, again) || bytes.Contains(box, []byte("secret")) {
		t.Error("sealed the same twice, or not at all")
	}
	for name, open := range map[string]func() (string, error){
		"another key's":  func() (string, error) { return v.openSecret("AKIA2", "alice", box) },
		"another user's": func() (string, error) { return v.openSecret("AKIA1", "bob", box) },
		"another master": func() (string, error) { return testVault(t, 2).openSecret("AKIA1", "alice", box) },
		"empty":          func() (string, error) { return v.openSecret("AKIA1", "alice", nil) },
		"another purpose": func() (string, error) {
			b, err := opened(v.tokens, box, keyLabel("AKIA1", "alice"))
			return string(b), err
		},
	} {
		if got, err := open(); !errors.Is(err, errSeal) || got != "" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for i := range box {
		for bit := range 8 {
			altered := bytes.Clone(box)
			altered[i] ^= 1 << bit
			if _, err := v.openSecret("AKIA1", "alice", altered); err == nil {
				t.Fatalf("opens with bit %d of byte %d altered", bit, i)
			}
		}
		if _, err := v.openSecret("AKIA1", "alice", box[:i]); err == nil {
			t.Fatalf("opens cut to %d bytes", i)
		}
	}
}

func TestSessionToken(t *testing.T) {
	v := testVault(t, 1)
	want := claims{KeyID: "AKIA1", Role: "app", Session: "s", Issued: 1, Expires: 2, Caller: "arn", Via: []string{"a", "b"}}
	token, err := v.sealClaims("ASIA1", want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := v.openClaims("ASIA1", token)
	if err != nil || got.Role != "app" || got.KeyID != "AKIA1" || len(got.Via) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	for name, bad := range map[string]string{
		"empty": "", "padded": token + "=", "blank": token + " ", "newline": token[:8] + "\n" + token[8:], "too long": strings.Repeat("A", maxToken+1),
		"standard base64": base64.StdEncoding.EncodeToString([]byte(token)),
	} {
		if _, err := v.openClaims("ASIA1", bad); err == nil {
			t.Error(name, " opens")
		}
	}
	for i := range token {
		altered := []byte(token)
		altered[i] = "AB"[b2i(altered[i] == 'A')]
		if _, err := v.openClaims("ASIA1", string(altered)); err == nil {
			t.Fatalf("opens with character %d altered", i)
		}
	}
	if _, err := v.openClaims("ASIA2", token); err == nil {
		t.Error("opens for another key")
	}
	if a, b := v.temporarySecret("ASIA1", token), v.temporarySecret("ASIA2", token); a == b || len(a) != 40 {
		t.Errorf("secrets %q, %q", a, b)
	}
	if v.temporarySecret("ASIA1", token) == testVault(t, 2).temporarySecret("ASIA1", token) {
		t.Error("the master key does not matter")
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func FuzzSessionToken(f *testing.F) {
	// Not random, so that every process of the fuzzer has the same token.
	v, err := newVault(make([]byte, 32), strings.NewReader(strings.Repeat("nonce", 10)))
	if err != nil {
		f.Fatal(err)
	}
	token, err := v.sealClaims("ASIA1", claims{Role: "app"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token)
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := v.openClaims("ASIA1", text); err == nil && text != token {
			t.Errorf("opens: %q", text)
		}
	})
}

func TestNoRandomness(t *testing.T) {
	v, err := newVault(make([]byte, 32), strings.NewReader("short"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.keyID("AKIA"); eventbus.CodeOf(err) != eventbus.CodeUnavailable {
		t.Error(err)
	}
	if _, err := v.sealSecret("AKIA1", "alice", "secret"); err == nil {
		t.Error("sealed without a nonce")
	}
}

// Signing keys are those of the secret, kept until their key changes.
func TestSigningKeys(t *testing.T) {
	v := testVault(t, 1)
	box, err := v.sealSecret("AKIA1", "alice", "secret")
	if err != nil {
		t.Fatal(err)
	}
	c := signingKeys{keys: map[signingKey][32]byte{}}
	k := signingKey{&accessKey{id: "AKIA1", user: "alice", sealed: box}, "20260101", "us-gov-west-1", "kafka-cluster"}
	for range 2 {
		got, err := c.get(v, k)
		if err != nil || got != sigv4.SigningKey("secret", k.date, k.region, k.service) {
			t.Fatal(err)
		}
	}
	c.forget(&snapshot{keys: map[string]*accessKey{"AKIA1": k.key}})
	if len(c.keys) != 1 {
		t.Error("forgotten while it is the same")
	}
	c.forget(&snapshot{keys: map[string]*accessKey{"AKIA1": {}}})
	if len(c.keys) != 0 {
		t.Error("kept after a change")
	}
}
