package iam_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

const trustOfAccount = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws-us-gov:iam::123456789012:root"},"Action":"sts:AssumeRole"}]}`

func trustIf(user, condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + userARN(user) +
		`"},"Action":"sts:AssumeRole","Condition":` + condition + `}]}`
}

// Who may assume a role, and what the answer says. The role is "app"; alice
// calls.
func TestAssumeRole(t *testing.T) {
	app := roleARN("app")
	for _, c := range []struct {
		name   string
		trust  string
		own    *policy.Document
		in     iam.AssumeRoleInput
		code   eventbus.Code // empty: assumed
		check  iam.Check
		reason string // in the audit entry, or the error of a fault
	}{
		{name: "trusted by name", trust: iam.TrustOf(userARN("alice"))},
		{name: "another is trusted", trust: iam.TrustOf(userARN("bob")), code: eventbus.CodeForbidden, check: iam.CheckTrust, reason: "does not let " + userARN("alice")},
		{name: "the account is trusted, alice has no right", trust: trustOfAccount, code: eventbus.CodeForbidden, check: iam.CheckTrust, reason: "no statement allows sts:AssumeRole"},
		{name: "the account is trusted, alice has the right", trust: trustOfAccount, own: document(t, "Allow", "sts:AssumeRole", app)},
		{name: "the account is trusted, alice has another right", trust: trustOfAccount, own: document(t, "Allow", "sts:AssumeRole", roleARN("other")), code: eventbus.CodeForbidden, check: iam.CheckTrust},
		{name: "trusted by name, denied by her own policy", trust: iam.TrustOf(userARN("alice")), own: document(t, "Deny", "sts:AssumeRole", "*"), code: eventbus.CodeForbidden, check: iam.CheckTrust, reason: "denied by"},
		{name: "external id", trust: trustIf("alice", `{"StringEquals":{"sts:ExternalId":"secret-17"}}`), in: iam.AssumeRoleInput{ExternalID: "secret-17"}},
		{name: "wrong external id", trust: trustIf("alice", `{"StringEquals":{"sts:ExternalId":"secret-17"}}`), in: iam.AssumeRoleInput{ExternalID: "secret-18"}, code: eventbus.CodeForbidden, check: iam.CheckTrust, reason: "sts:ExternalId"},
		{name: "no external id", trust: trustIf("alice", `{"StringEquals":{"sts:ExternalId":"secret-17"}}`), code: eventbus.CodeForbidden, check: iam.CheckTrust},
		{name: "session name asked for", trust: trustIf("alice", `{"StringLike":{"sts:RoleSessionName":"alice-*"}}`), in: iam.AssumeRoleInput{SessionName: "alice-1"}},
		{name: "session name refused", trust: trustIf("alice", `{"StringLike":{"sts:RoleSessionName":"alice-*"}}`), in: iam.AssumeRoleInput{SessionName: "bob-1"}, code: eventbus.CodeForbidden, check: iam.CheckTrust},
		{name: "from the right address", trust: trustIf("alice", `{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`)},
		{name: "from elsewhere", trust: trustIf("alice", `{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`), code: eventbus.CodeForbidden, check: iam.CheckTrust},
		{name: "no such role", in: iam.AssumeRoleInput{RoleARN: roleARN("ghost")}, code: eventbus.CodeForbidden, check: iam.CheckTrust, reason: "does not exist"},
		{name: "a role of another account", in: iam.AssumeRoleInput{RoleARN: "arn:aws-us-gov:iam::999999999999:role/app"}, code: eventbus.CodeForbidden, check: iam.CheckTrust, reason: "does not exist"},
		{name: "a user", in: iam.AssumeRoleInput{RoleARN: userARN("alice")}, code: eventbus.CodeInvalid, reason: "RoleArn"},
		{name: "no ARN", in: iam.AssumeRoleInput{RoleARN: "app"}, code: eventbus.CodeInvalid, reason: "RoleArn"},
		{name: "session name of one character", in: iam.AssumeRoleInput{SessionName: "a"}, code: eventbus.CodeInvalid, reason: "RoleSessionName"},
		{name: "session name with a slash", in: iam.AssumeRoleInput{SessionName: "a/b"}, code: eventbus.CodeInvalid, reason: "RoleSessionName"},
		{name: "session name too long", in: iam.AssumeRoleInput{SessionName: strings.Repeat("a", 65)}, code: eventbus.CodeInvalid, reason: "RoleSessionName"},
		{name: "external id too short", in: iam.AssumeRoleInput{ExternalID: "x"}, code: eventbus.CodeInvalid, reason: "ExternalId"},
		{name: "external id with a blank", in: iam.AssumeRoleInput{ExternalID: "x y"}, code: eventbus.CodeInvalid, reason: "ExternalId"},
		{name: "too short", in: iam.AssumeRoleInput{Duration: 15*time.Minute - time.Second}, code: eventbus.CodeInvalid, reason: "DurationSeconds"},
		{name: "shortest", in: iam.AssumeRoleInput{Duration: 15 * time.Minute}},
		{name: "longest", in: iam.AssumeRoleInput{Duration: 12 * time.Hour}},
		{name: "too long", in: iam.AssumeRoleInput{Duration: 12*time.Hour + time.Second}, code: eventbus.CodeInvalid, reason: "DurationSeconds"},
		{name: "a broken session policy", in: iam.AssumeRoleInput{Policy: `{"Version":"2012-10-17"}`}, code: eventbus.CodeInvalid, check: iam.CheckPolicy},
		{name: "a session policy that is too long", in: iam.AssumeRoleInput{Policy: strings.Repeat(" ", 2049)}, code: eventbus.CodeInvalid, reason: "2048"},
		{name: "a session policy", in: iam.AssumeRoleInput{Policy: policy.MayOnlyConnect(arns).String()}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var own []*policy.Document
			if c.own != nil {
				own = append(own, c.own)
			}
			key := w.user("alice", own...)
			if c.trust == "" {
				c.trust = iam.TrustOf(userARN("alice"))
			}
			w.role("app", c.trust, policy.MayOnlyConnect(arns))
			if c.in.RoleARN == "" {
				c.in.RoleARN = app
			}
			got, err := w.assume(of(key), c.in)
			if eventbus.CodeOf(err) != c.code || iam.CheckOf(err) != c.check {
				t.Fatalf("code %q, check %q, want %q, %q: %v", eventbus.CodeOf(err), iam.CheckOf(err), c.code, c.check, err)
			}
			entries := w.audited(policy.AssumeRole)
			switch {
			case c.code == "":
				if len(entries) != 1 || entries[0].Outcome != eventbus.OutcomeAllowed || entries[0].Actor != userARN("alice") || entries[0].Resource != app {
					t.Errorf("entries %+v", entries)
				}
				w.mustLogin(got)
			case c.code == eventbus.CodeForbidden:
				if len(entries) != 1 || entries[0].Outcome != eventbus.OutcomeDenied || !strings.Contains(entries[0].Reason, c.reason) {
					t.Errorf("entries %+v", entries)
				}
				fallthrough
			default:
				if got != (credentials{}) {
					t.Error("credentials were given")
				}
				if c.code == eventbus.CodeInvalid && !strings.Contains(err.Error(), c.reason) {
					t.Error(err)
				}
			}
		})
	}
}

func TestCredentialsSaySoMuch(t *testing.T) {
	w := newWorld(t)
	key := w.user("alice")
	w.role("app", iam.TrustOf(userARN("alice")), policy.MayOnlyConnect(arns))
	by, err := w.caller(of(key))
	w.must(err)
	got, p, err := w.dir.AssumeRole(t.Context(), by, iam.AssumeRoleInput{RoleARN: roleARN("app"), SessionName: "me@work", Duration: 20 * time.Minute})
	w.must(err)
	if p.ARN != "arn:aws-us-gov:sts::123456789012:assumed-role/app/me@work" || p.Kind != eventbus.PrincipalTaken || p.Identity() != roleARN("app") {
		t.Errorf("%+v", p)
	}
	if !strings.HasPrefix(got.AccessKeyID, "ASIA") || len(got.AccessKeyID) != 20 || len(got.SecretAccessKey) != 40 {
		t.Errorf("%d characters of secret for %s", len(got.SecretAccessKey), got.AccessKeyID)
	}
	if left := got.Expiration.Sub(w.clock.Now()); left > 20*time.Minute || left < 20*time.Minute-time.Millisecond {
		t.Errorf("they last %v", left)
	}
	if n := len(got.SessionToken); n > 1024 {
		t.Errorf("a session token of %d characters", n)
	}
	got, _, err = w.dir.AssumeRole(t.Context(), by, iam.AssumeRoleInput{RoleARN: roleARN("app"), SessionName: "s",
		Policy: policy.ProduceTransactional(arns, "topic", "id").String()})
	if err == nil || eventbus.CodeOf(err) != eventbus.CodeInvalid {
		t.Errorf("session name s: %v", err)
	}
	got, _, err = w.dir.AssumeRole(t.Context(), by, iam.AssumeRoleInput{RoleARN: roleARN("app"), SessionName: "ss",
		Policy: policy.ProduceTransactional(arns, "topic", "id").String()})
	w.must(err)
	if n := len(got.SessionToken); n > 2048 {
		t.Errorf("a session token of %d characters with a policy", n)
	}
}

func TestRoleMaximum(t *testing.T) {
	for _, c := range []struct{ longest, asked, want time.Duration }{
		{0, 0, time.Hour}, {0, 2 * time.Hour, 0}, {30 * time.Minute, 0, 30 * time.Minute}, {30 * time.Minute, time.Hour, 0},
		{3 * time.Hour, 0, time.Hour}, {3 * time.Hour, 3 * time.Hour, 3 * time.Hour},
	} {
		t.Run(fmt.Sprint(c.longest, " ", c.asked), func(t *testing.T) {
			w := newWorld(t)
			key := w.user("alice")
			_, err := w.dir.CreateRole(t.Context(), admin, eventbus.IAMRole{Name: "app", Trust: iam.TrustOf(userARN("alice")), MaxSession: c.longest})
			w.must(err)
			by, err := w.caller(of(key))
			w.must(err)
			got, _, err := w.dir.AssumeRole(t.Context(), by, iam.AssumeRoleInput{RoleARN: roleARN("app"), SessionName: "ss", Duration: c.asked})
			if c.want == 0 {
				if eventbus.CodeOf(err) != eventbus.CodeInvalid || !strings.Contains(err.Error(), "the maximum of the role") {
					t.Error(err)
				}
				return
			}
			w.must(err)
			if left := got.Expiration.Sub(w.clock.Now()).Round(time.Second); left != c.want {
				t.Errorf("they last %v", left)
			}
		})
	}
}

// A role that assumes a role: trusted by role, an hour at most, and gone with
// any link of the chain.
func TestChain(t *testing.T) {
	setup := func(t *testing.T) (*world, iam.Secret, credentials, credentials) {
		w := newWorld(t)
		key := w.user("alice")
		w.role("first", iam.TrustOf(userARN("alice")))
		w.role("second", iam.TrustOf(roleARN("first")), policy.MayOnlyConnect(arns))
		first := w.mustAssume(of(key), roleARN("first"))
		return w, key, first, w.mustAssume(first, roleARN("second"))
	}
	t.Run("works", func(t *testing.T) {
		w, key, _, second := setup(t)
		if s := w.mustLogin(second); s.Identity() != roleARN("second") {
			t.Error(s.Identity())
		}
		if _, err := w.assume(of(key), iam.AssumeRoleInput{RoleARN: roleARN("second")}); eventbus.CodeOf(err) != eventbus.CodeForbidden {
			t.Error("alice herself may:", err)
		}
	})
	t.Run("an hour at most", func(t *testing.T) {
		w, _, first, _ := setup(t)
		_, err := w.assume(first, iam.AssumeRoleInput{RoleARN: roleARN("second"), Duration: time.Hour + time.Second})
		if eventbus.CodeOf(err) != eventbus.CodeInvalid || !strings.Contains(err.Error(), "role chaining") {
			t.Error(err)
		}
	})
	for name, cut := range map[string]func(w *world, key iam.Secret) error{
		"key":        func(w *world, k iam.Secret) error { return w.dir.DisableAccessKey(w.Context(), admin, k.ID) },
		"first role": func(w *world, k iam.Secret) error { return w.dir.DeleteRole(w.Context(), admin, "first") },
		"second trust": func(w *world, k iam.Secret) error {
			return w.dir.SetTrust(w.Context(), admin, "second", iam.TrustOf(userARN("alice")))
		},
	} {
		t.Run("ends with the "+name, func(t *testing.T) {
			w, key, _, second := setup(t)
			s := w.mustLogin(second)
			w.must(cut(w, key))
			if _, err := w.login(second); !ended(s) || err == nil {
				t.Errorf("ended %v, signs in again: %v", ended(s), err)
			}
		})
	}
	t.Run("is bounded", func(t *testing.T) {
		w := newWorld(t)
		key := w.user("alice")
		w.role("loop", iam.TrustOf(userARN("alice"), roleARN("loop")))
		c := w.mustAssume(of(key), roleARN("loop"))
		for i := 0; ; i++ {
			next, err := w.assume(c, iam.AssumeRoleInput{RoleARN: roleARN("loop")})
			if eventbus.CodeOf(err) == eventbus.CodeInvalid {
				break
			}
			if w.must(err); i > 20 {
				t.Fatal("endless")
			}
			c = next
		}
	})
	t.Run("a session policy without sts:AssumeRole", func(t *testing.T) {
		w, key, _, _ := setup(t)
		limited, err := w.assume(of(key), iam.AssumeRoleInput{RoleARN: roleARN("first"), Policy: policy.MayOnlyConnect(arns).String()})
		w.must(err)
		if _, err := w.assume(limited, iam.AssumeRoleInput{RoleARN: roleARN("second")}); eventbus.CodeOf(err) != eventbus.CodeForbidden {
			t.Error(err)
		}
	})
}

// Whatever the session policy says, the session may no more than the role, and
// no more than the policy.
func TestSessionNeverExceedsTheRole(t *testing.T) {
	w := newWorld(t)
	key := w.user("alice")
	actions := []string{"kafka-cluster:Connect", "kafka-cluster:ReadData", "kafka-cluster:WriteData", "kafka-cluster:DescribeTopic", "kafka-cluster:*"}
	topics := []string{"a", "b", "c", "*"}
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		pick := func(label string) *policy.Document {
			var parts []string
			for range rapid.IntRange(1, 3).Draw(t, label+" statements") {
				effect := rapid.SampledFrom([]string{"Allow", "Allow", "Deny"}).Draw(t, "effect")
				parts = append(parts, `{"Effect":"`+effect+`","Action":"`+rapid.SampledFrom(actions).Draw(t, "action")+`","Resource":"`+
					arns.Topic(rapid.SampledFrom(topics).Draw(t, "topic"))+`"}`)
			}
			parts = append(parts, `{"Effect":"Allow","Action":"kafka-cluster:Connect","Resource":"`+arns.Cluster()+`"}`)
			d, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":[` + strings.Join(parts, ",") + `]}`))
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		role, session := pick("role"), pick("session")
		n++
		name := fmt.Sprint("app", n)
		w.role(name, iam.TrustOf(userARN("alice")), role)
		c, err := w.assume(of(key), iam.AssumeRoleInput{RoleARN: roleARN(name), Policy: session.String()})
		w.must(err)
		s, err := w.login(c)
		w.must(err)
		for _, action := range actions[:4] {
			for _, topic := range topics[:3] {
				may := func(d *policy.Document) bool {
					return policy.Allows(policy.Request{Action: action, Resource: arns.Topic(topic)}, []policy.Named{{Name: "p", Doc: d}}, nil)
				}
				if got := w.dir.Decide(w.Context(), s, action, arns.Topic(topic)); got.Allowed != (may(role) && may(session)) {
					t.Fatalf("%s on %s: %+v; role %v, session policy %v", action, topic, got, may(role), may(session))
				}
			}
		}
	})
}
