package iam_test

import (
	"strings"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

// A signature may be used again from its own address as long as it is valid, and,
// unless Config.OneAddress is set, from any other. What is refused is in the
// record, with the address that it came from first.
func TestOneAddress(t *testing.T) {
	for name, message := range map[string]func(testing.TB, credentials, string, time.Time) []byte{
		iam.MechanismMSKIAM: payload, iam.MechanismOAuthBearer: bearer,
	} {
		for _, strict := range []bool{false, true} {
			w := newWorld(t, func(c *iam.Config) { c.OneAddress = strict })
			key := w.user("alice", policy.MayOnlyConnect(arns))
			first, second := message(t, of(key), demo.Region, w.clock.Now()), message(t, of(key), demo.Region, w.clock.Now().Add(time.Second))
			login := func(m []byte, from string) error {
				_, _, err := w.dir.Login(t.Context(), name, m, from, front)
				return err
			}
			for range 10 { // as the official clients do
				w.must(login(first, here))
			}
			w.must(login(first, "192.0.2.1:50001")) // the same host
			elsewhere := login(first, "198.51.100.7:40000")
			if !strict {
				w.must(elsewhere)
				continue
			}
			if eventbus.CodeOf(elsewhere) != eventbus.CodeUnauthenticated || iam.CheckOf(elsewhere) != iam.CheckReplay {
				t.Fatalf("%s: %v", name, elsewhere)
			}
			entries := w.audited("login." + string(iam.CheckReplay))
			if len(entries) != 1 || entries[0].Actor != userARN("alice") || entries[0].Outcome != eventbus.OutcomeDenied || entries[0].From != "198.51.100.7:40000" {
				t.Fatalf("%s: entries %+v", name, entries)
			}
			for _, says := range []string{"came first from 192.0.2.1,", "; next: sign on each host"} {
				if !strings.Contains(entries[0].Reason, says) {
					t.Errorf("%s: the record does not say %q: %s", name, says, entries[0].Reason)
				}
			}
			w.must(login(second, "198.51.100.7:40000")) // signed anew
			w.must(login(first, here))                  // the owner goes on
			w.clock.Advance(16 * time.Minute)
			if err := login(first, here); iam.CheckOf(err) != "expired" {
				t.Errorf("%s: after its end: %v", name, err)
			}
		}
	}
}

// Only good signatures are remembered: who has none cannot take an address away
// from its owner.
func TestOneAddressRemembersGoodSignaturesOnly(t *testing.T) {
	w := newWorld(t, func(c *iam.Config) { c.OneAddress = true })
	key := w.user("alice", policy.MayOnlyConnect(arns))
	message := payload(t, of(key), demo.Region, w.clock.Now())
	w.must(w.dir.SetUserDisabled(t.Context(), admin, "alice", true))
	if _, _, err := w.dir.Login(t.Context(), iam.MechanismMSKIAM, message, "198.51.100.7:40000", front); iam.CheckOf(err) != iam.CheckUserDisabled {
		t.Fatal(err)
	}
	w.must(w.dir.SetUserDisabled(t.Context(), admin, "alice", false))
	if _, _, err := w.dir.Login(t.Context(), iam.MechanismMSKIAM, message, here, front); err != nil {
		t.Error(err)
	}
}

// The largest temporary credentials that STS gives fit into a login of both
// mechanisms: 16 KiB of a request, 8 KiB of a token.
func TestTheLargestCredentialsFit(t *testing.T) {
	w := newWorld(t)
	key := w.user("alice")
	longest := func(n int) string { return strings.Repeat("Ab1", n)[:n] }
	w.role(longest(64), iam.TrustOf(userARN("alice")), policy.MayOnlyConnect(arns))
	const head, entry, tail = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kafka-cluster:*","Resource":["*"`, `,"arn:aws-us-gov:kafka:us-gov-west-1:123456789012:topic/x/*"`, `]}]}`
	session := head + strings.Repeat(entry, (2048-len(head)-len(tail))/len(entry)) + tail
	got, err := w.assume(of(key), iam.AssumeRoleInput{RoleARN: roleARN(longest(64)), SessionName: longest(64), ExternalID: longest(1224), Policy: session})
	w.must(err)
	const frame = 16<<10 - 64 // without the head of the request
	for name, message := range map[string][]byte{
		iam.MechanismMSKIAM:      payload(t, got, demo.Region, w.clock.Now()),
		iam.MechanismOAuthBearer: bearer(t, got, demo.Region, w.clock.Now()),
	} {
		t.Logf("%s: a session token of %d bytes, a message of %d", name, len(got.token), len(message))
		if len(message) > frame {
			t.Errorf("%s: %d bytes do not fit into a request", name, len(message))
		}
		if _, _, err := w.dir.Login(t.Context(), name, message, here, front); err != nil {
			t.Errorf("%s: %v\n%s", name, err, w.log)
		}
	}
}
