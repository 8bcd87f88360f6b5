package iam_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

// Every act is recorded around: intent, outcome. What is refused for its form or
// because something is not there is not an act.
func TestAdministration(t *testing.T) {
	wide := document(t, "Allow", "kafka-cluster:*", "*").String()
	for _, c := range []struct {
		name   string
		code   eventbus.Code
		action string // of the audit entries; empty when it does not come to that
		do     func(w *world, key iam.Secret) error
	}{
		{"user", "", "iam.user.create", func(w *world, k iam.Secret) error {
			_, err := w.dir.CreateUser(w.Context(), admin, eventbus.IAMUser{Name: "carol"})
			return err
		}},
		{"user again", eventbus.CodeConflict, "iam.user.create", func(w *world, k iam.Secret) error {
			_, err := w.dir.CreateUser(w.Context(), admin, eventbus.IAMUser{Name: "alice"})
			return err
		}},
		{"user with a slash", eventbus.CodeInvalid, "", func(w *world, k iam.Secret) error {
			_, err := w.dir.CreateUser(w.Context(), admin, eventbus.IAMUser{Name: "a/b"})
			return err
		}},
		{"user with keys deleted", eventbus.CodeConflict, "", func(w *world, k iam.Secret) error {
			return w.dir.DeleteUser(w.Context(), admin, "alice")
		}},
		{"user deleted", "", "iam.user.delete", func(w *world, k iam.Secret) error {
			if err := w.dir.DeleteAccessKey(w.Context(), admin, k.ID); err != nil {
				return err
			}
			return w.dir.DeleteUser(w.Context(), admin, "alice")
		}},
		{"no such user deleted", eventbus.CodeNotFound, "", func(w *world, k iam.Secret) error {
			return w.dir.DeleteUser(w.Context(), admin, "ghost")
		}},
		{"user enabled again", "", "iam.user.enable", func(w *world, k iam.Secret) error {
			if err := w.dir.SetUserDisabled(w.Context(), admin, "alice", true); err != nil {
				return err
			}
			err := w.dir.SetUserDisabled(w.Context(), admin, "alice", false)
			w.mustLogin(of(k))
			return err
		}},
		{"role without trust", eventbus.CodeInvalid, "", func(w *world, k iam.Secret) error {
			_, err := w.dir.CreateRole(w.Context(), admin, eventbus.IAMRole{Name: "r"})
			return err
		}},
		{"role that lasts too long", eventbus.CodeInvalid, "", func(w *world, k iam.Secret) error {
			_, err := w.dir.CreateRole(w.Context(), admin, eventbus.IAMRole{Name: "r", Trust: iam.TrustOf(userARN("alice")), MaxSession: 13 * time.Hour})
			return err
		}},
		{"role again", eventbus.CodeConflict, "iam.role.create", func(w *world, k iam.Secret) error {
			_, err := w.dir.CreateRole(w.Context(), admin, eventbus.IAMRole{Name: "app", Trust: iam.TrustOf(userARN("alice"))})
			return err
		}},
		{"trust that is none", eventbus.CodeInvalid, "", func(w *world, k iam.Secret) error {
			return w.dir.SetTrust(w.Context(), admin, "app", wide)
		}},
		{"trust of no role", eventbus.CodeNotFound, "", func(w *world, k iam.Secret) error {
			return w.dir.SetTrust(w.Context(), admin, "ghost", iam.TrustOf(userARN("alice")))
		}},
		{"policy", "", "iam.policy.put", func(w *world, k iam.Secret) error {
			_, err := w.dir.PutPolicy(w.Context(), admin, roleARN("app"), "p", policy.Produce(arns, "t").String())
			return err
		}},
		{"policy on nobody", eventbus.CodeNotFound, "", func(w *world, k iam.Secret) error {
			_, err := w.dir.PutPolicy(w.Context(), admin, roleARN("ghost"), "p", wide)
			return err
		}},
		{"policy on a namesake elsewhere", eventbus.CodeNotFound, "", func(w *world, k iam.Secret) error {
			_, err := w.dir.PutPolicy(w.Context(), admin, "arn:aws:iam::999999999999:user/alice", "p", wide)
			return err
		}},
		{"policy on no ARN", eventbus.CodeInvalid, "", func(w *world, k iam.Secret) error {
			_, err := w.dir.PutPolicy(w.Context(), admin, "alice", "p", wide)
			return err
		}},
		{"policy that is none", eventbus.CodeInvalid, "", func(w *world, k iam.Secret) error {
			_, err := w.dir.PutPolicy(w.Context(), admin, userARN("alice"), "p", `{"Version":"2008-10-17","Statement":[]}`)
			if len(eventbus.FaultsOf(err)) == 0 {
				w.Error("no faults are named")
			}
			return err
		}},
		{"one policy too many", eventbus.CodeInvalid, "", func(w *world, k iam.Secret) (err error) {
			for i := 0; i <= iam.MaxPolicies && err == nil; i++ {
				_, err = w.dir.PutPolicy(w.Context(), admin, userARN("alice"), fmt.Sprint("p", i), policy.MayOnlyConnect(arns).String())
			}
			return err
		}},
		{"no such policy deleted", eventbus.CodeNotFound, "", func(w *world, k iam.Secret) error {
			return w.dir.DeletePolicy(w.Context(), admin, userARN("alice"), "ghost")
		}},
		{"a third key", eventbus.CodeConflict, "", func(w *world, k iam.Secret) error {
			if _, err := w.dir.CreateAccessKey(w.Context(), admin, "alice"); err != nil {
				return err
			}
			_, err := w.dir.CreateAccessKey(w.Context(), admin, "alice")
			return err
		}},
		{"key of nobody", eventbus.CodeNotFound, "", func(w *world, k iam.Secret) error {
			_, err := w.dir.CreateAccessKey(w.Context(), admin, "ghost")
			return err
		}},
		{"no such key disabled", eventbus.CodeNotFound, "", func(w *world, k iam.Secret) error {
			return w.dir.DisableAccessKey(w.Context(), admin, "AKIAAAAAAAAAAAAAAAAA")
		}},
		{"rotation with two active keys", eventbus.CodeConflict, "", func(w *world, k iam.Secret) error {
			if _, err := w.dir.RotateAccessKey(w.Context(), admin, k.ID); err != nil {
				return err
			}
			_, err := w.dir.RotateAccessKey(w.Context(), admin, k.ID)
			return err
		}},
		{"reveal", "", "iam.key.reveal", func(w *world, k iam.Secret) error {
			got, err := w.dir.RevealKey(w.Context(), admin, "alice")
			if got != k {
				w.Error("another secret")
			}
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			key := w.user("alice", policy.MayOnlyConnect(arns))
			w.role("app", iam.TrustOf(userARN("alice")))
			err := c.do(w, key)
			if eventbus.CodeOf(err) != c.code {
				t.Fatalf("code %q, want %q: %v", eventbus.CodeOf(err), c.code, err)
			}
			if c.action == "" {
				return
			}
			entries := w.audited(c.action)
			outcome := eventbus.OutcomeAllowed
			if c.code != "" {
				outcome = eventbus.OutcomeFailed
			}
			n := len(entries)
			if n < 2 || entries[n-2].Outcome != eventbus.OutcomeIntent || entries[n-1].Outcome != outcome ||
				entries[n-1].Actor != "operator" || entries[n-1].From != admin.From {
				t.Errorf("entries %+v", entries)
			}
		})
	}
}

// No record, no effect.
func TestNothingWithoutARecord(t *testing.T) {
	w := newWorld(t)
	key := w.user("alice", policy.MayOnlyConnect(arns))
	d := w.open(brokenAudit{})
	by := admin
	for name, do := range map[string]func() error{
		"user": func() error { _, err := d.CreateUser(t.Context(), by, eventbus.IAMUser{Name: "carol"}); return err },
		"role": func() error {
			_, err := d.CreateRole(t.Context(), by, eventbus.IAMRole{Name: "r", Trust: iam.TrustOf(userARN("alice"))})
			return err
		},
		"key":             func() error { _, err := d.CreateAccessKey(t.Context(), by, "alice"); return err },
		"policy":          func() error { return d.DeletePolicy(t.Context(), by, userARN("alice"), "policy-a") },
		"disable":         func() error { return d.DisableAccessKey(t.Context(), by, key.ID) },
		"reveal":          func() error { _, err := d.RevealKey(t.Context(), by, "alice"); return err },
		"test principals": func() error { return d.EnsureTestPrincipals(t.Context()) },
	} {
		version, err := w.store.IAMVersion(t.Context())
		w.must(err)
		if err := do(); !errors.Is(err, errBroken) {
			t.Errorf("%s: %v", name, err)
		}
		if after, _ := w.store.IAMVersion(t.Context()); after != version {
			t.Errorf("%s changed something", name)
		}
	}
}

func TestPutPolicyLints(t *testing.T) {
	w := newWorld(t)
	key := w.user("alice")
	findings, err := w.dir.PutPolicy(t.Context(), admin, userARN("alice"), "wide", document(t, "Allow", "kafka-cluster:*", "*").String())
	w.must(err)
	if want := policy.Lint(document(t, "Allow", "kafka-cluster:*", "*")); len(findings) != len(want) {
		t.Errorf("%d findings, the linter has %d", len(findings), len(want))
	}
	w.mustLogin(of(key))
	w.must(w.dir.DeletePolicy(t.Context(), admin, userARN("alice"), "wide"))
	if _, err := w.login(of(key)); iam.CheckOf(err) != iam.CheckConnect {
		t.Error(err)
	}
}

func TestRotation(t *testing.T) {
	w := newWorld(t)
	old := w.user("alice", policy.MayOnlyConnect(arns))
	next, err := w.dir.RotateAccessKey(t.Context(), admin, old.ID)
	w.must(err)
	w.mustLogin(of(old))
	s := w.mustLogin(of(next))
	w.must(w.dir.DisableAccessKey(t.Context(), admin, old.ID))
	if _, err := w.login(of(old)); iam.CheckOf(err) != iam.CheckKeyDisabled || ended(s) {
		t.Error(err, ended(s))
	}
	third, err := w.dir.RotateAccessKey(t.Context(), admin, next.ID)
	w.must(err)
	keys, err := w.dir.AccessKeys(t.Context(), "alice")
	w.must(err)
	for _, k := range keys {
		if k.ID != next.ID && k.ID != third.ID || k.Sealed != nil {
			t.Errorf("key %+v", k)
		}
	}
	if len(keys) != 2 {
		t.Errorf("%d keys", len(keys))
	}
}

// Secrets leave the bus once, and are nowhere else.
func TestSecretsStayInside(t *testing.T) {
	w := newWorld(t, func(c *iam.Config) { c.DevReveal = false })
	key := w.user("alice", policy.MayOnlyConnect(arns))
	w.role("app", iam.TrustOf(userARN("alice")), policy.MayOnlyConnect(arns))
	c := w.mustAssume(of(key), roleARN("app"))
	w.mustLogin(of(key))
	w.mustLogin(c)
	if _, err := w.login(credentials{c.id, "wrong", c.token}); err == nil {
		t.Error("let in")
	}
	if _, err := w.dir.RevealKey(t.Context(), admin, "alice"); eventbus.CodeOf(err) != eventbus.CodeForbidden {
		t.Error("revealed:", err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if strings.Contains(fmt.Sprintf(format, key), key.Secret) {
			t.Error(format, " shows the secret")
		}
	}
	w.must(w.store.Close())
	places := map[string][]byte{"log": w.log.Bytes()}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if b, err := os.ReadFile(w.path + suffix); err == nil {
			places["bus.db"+suffix] = b
		}
	}
	for place, content := range places {
		for _, secret := range []string{key.Secret, c.secret, c.token, string(testMaster)} {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("%s holds a secret", place)
			}
		}
	}
}

func TestTestPrincipals(t *testing.T) {
	w := newWorld(t)
	w.must(w.dir.EnsureTestPrincipals(t.Context()))
	before, err := w.dir.AccessKeys(t.Context(), "")
	w.must(err)
	version, err := w.store.IAMVersion(t.Context())
	w.must(err)
	w.must(w.dir.EnsureTestPrincipals(t.Context()))
	again, err := w.store.IAMVersion(t.Context())
	w.must(err)
	if again != version || len(before) != 3 {
		t.Errorf("version %d, then %d; %d keys", version, again, len(before))
	}
	t.Run("are repaired", func(t *testing.T) {
		key, err := w.dir.RevealKey(t.Context(), admin, iam.TestNobody)
		w.must(err)
		w.must(w.dir.DisableAccessKey(t.Context(), admin, key.ID))
		_, err = w.dir.PutPolicy(t.Context(), admin, roleARN(iam.TestNobody), "more", policy.Produce(arns, "test").String())
		w.must(err)
		w.must(w.dir.EnsureTestPrincipals(t.Context()))
		next, err := w.dir.RevealKey(t.Context(), admin, iam.TestNobody)
		w.must(err)
		s := w.mustLogin(w.mustAssume(of(next), roleARN(iam.TestNobody)))
		if next.ID == key.ID || w.dir.Decide(t.Context(), s, "kafka-cluster:WriteData", arns.Topic("test")).Allowed {
			t.Error("they are not")
		}
	})
	t.Run("are not taken from somebody else", func(t *testing.T) {
		w := newWorld(t)
		w.user(iam.TestProducer)
		if err := w.dir.EnsureTestPrincipals(t.Context()); eventbus.CodeOf(err) != eventbus.CodeConflict {
			t.Error(err)
		}
	})
}

func TestEnsureManagedRefuses(t *testing.T) {
	w := newWorld(t)
	for _, m := range []iam.Managed{
		{Kind: eventbus.PrincipalRole, Name: "r", Trust: iam.TrustOf(userARN("a"))},
		{Kind: eventbus.PrincipalLocal, Name: "r", ManagedBy: "m"},
		{Kind: eventbus.PrincipalRole, Name: "r", ManagedBy: "m"},
		{Kind: eventbus.PrincipalUser, Name: "", ManagedBy: "m"},
		{Kind: eventbus.PrincipalUser, Name: "u", ManagedBy: "m", Policies: []eventbus.AttachedPolicy{{Name: "p", Document: "{}"}}},
		{Kind: eventbus.PrincipalUser, Name: "u", ManagedBy: "m", Policies: []eventbus.AttachedPolicy{
			{Name: "p", Document: policy.MayOnlyConnect(arns).String()}, {Name: "p", Document: policy.MayOnlyConnect(arns).String()}}},
	} {
		if err := w.dir.EnsureManaged(t.Context(), admin, m); eventbus.CodeOf(err) != eventbus.CodeInvalid {
			t.Errorf("%+v: %v", m, err)
		}
	}
	users, err := w.dir.Users(t.Context())
	w.must(err)
	roles, err := w.dir.Roles(t.Context())
	w.must(err)
	if len(users)+len(roles) != 0 {
		t.Error("something was made")
	}
}

func TestSimulate(t *testing.T) {
	operator := eventbus.Actor{Person: eventbus.Person{ID: "otto", Roles: []eventbus.Role{eventbus.RoleOperator}}}
	w := newWorld(t)
	w.must(w.dir.EnsureTestPrincipals(t.Context()))
	w.user("alice", document(t, "Allow", "kafka-cluster:ReadData", arns.Topic("t"), `{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`))
	w.user("gone", policy.MayOnlyConnect(arns))
	w.must(w.dir.SetUserDisabled(t.Context(), admin, "gone", true))
	at := func(ip string) map[string][]string { return map[string][]string{"aws:SourceIp": {ip}} }
	for _, c := range []struct {
		principal, action, resource string
		given                       map[string][]string
		allowed                     bool
		reason                      string
		code                        eventbus.Code
	}{
		{principal: iam.TestProducer, action: "kafka-cluster:WriteData", resource: arns.Topic("test"), allowed: true, reason: "allowed"},
		{principal: roleARN(iam.TestProducer), action: "kafka-cluster:ReadData", resource: arns.Topic("test"), reason: "no statement allows"},
		{principal: userARN(iam.TestConsumer), action: "kafka-cluster:AlterGroup", resource: arns.Group("test-consumer-9"), allowed: true},
		{principal: "alice", action: "kafka-cluster:ReadData", resource: arns.Topic("t"), reason: "aws:SourceIp"},
		{principal: "alice", action: "kafka-cluster:ReadData", resource: arns.Topic("t"), given: at("192.0.2.7"), allowed: true},
		{principal: "alice", action: "kafka-cluster:ReadData", resource: arns.Topic("t"), given: at("198.51.100.1")},
		{principal: userARN(iam.TestProducer), action: "sts:AssumeRole", resource: roleARN(iam.TestProducer), allowed: true, reason: "trust policy"},
		{principal: "alice", action: "sts:AssumeRole", resource: roleARN(iam.TestProducer), reason: "does not let"},
		{principal: "gone", action: "kafka-cluster:Connect", resource: arns.Cluster(), reason: "disabled"},
		{principal: "ghost", action: "kafka-cluster:Connect", resource: arns.Cluster(), code: eventbus.CodeNotFound},
		{principal: "arn:aws:iam::999999999999:user/alice", action: "kafka-cluster:Connect", resource: arns.Cluster(), code: eventbus.CodeNotFound},
		{principal: "alice", action: "sts:AssumeRole", resource: roleARN("ghost"), code: eventbus.CodeNotFound},
	} {
		t.Run(c.principal+" "+c.action, func(t *testing.T) {
			got, err := w.dir.Simulate(t.Context(), operator, c.principal, c.action, c.resource, c.given)
			if eventbus.CodeOf(err) != c.code || got.Allowed != c.allowed || !strings.Contains(got.Reason, c.reason) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	if n := len(w.audited("kafka-cluster:*")); n != 0 {
		t.Errorf("%d entries for simulations", n)
	}
}

// TestWhoMaySimulate: members ask about their own teams' principals and those of
// the samples; of all others they do not even learn that they exist.
func TestWhoMaySimulate(t *testing.T) {
	w := newWorld(t)
	w.must(w.dir.EnsureTestPrincipals(t.Context()))
	_, err := w.dir.CreateRole(t.Context(), admin, eventbus.IAMRole{Name: "letters", Team: "claims", Trust: iam.TrustOf(userARN(iam.TestProducer))})
	w.must(err)
	_, err = w.dir.CreateUser(t.Context(), admin, eventbus.IAMUser{Name: "letters", Team: "health"})
	w.must(err)
	_, err = w.dir.CreateUser(t.Context(), admin, eventbus.IAMUser{Name: "teamless"})
	w.must(err)
	person := func(team string, roles ...eventbus.Role) eventbus.Actor {
		return eventbus.Actor{Person: eventbus.Person{ID: "p", Roles: append(roles, eventbus.RoleMember), Teams: []string{team}}}
	}
	for _, c := range []struct {
		name      string
		actor     eventbus.Actor
		principal string
		may       bool
	}{
		{"a member, of the team's role", person("claims"), roleARN("letters"), true},
		{"a member, by its bare name, which means the role", person("claims"), "letters", true},
		{"a member of another team", person("health"), roleARN("letters"), false},
		{"a member, of the user of the same name", person("health"), userARN("letters"), true},
		{"an owner of another team", person("health", eventbus.RoleOwner), roleARN("letters"), false},
		{"a member, of what belongs to no team", person(""), userARN("teamless"), false},
		{"nobody", eventbus.Actor{}, roleARN("letters"), false},
		{"nobody, of what belongs to no team", eventbus.Actor{}, userARN("teamless"), false},
		{"a member, of the samples' principals", person("claims"), iam.TestNobody, true},
		{"an operator", person("", eventbus.RoleOperator), userARN("teamless"), true},
		{"a bus reviewer", person("", eventbus.RoleBusReviewer), roleARN("letters"), true},
		{"a security reviewer", person("", eventbus.RoleSecurityReviewer), roleARN("letters"), true},
		{"a privacy reviewer", person("", eventbus.RolePrivacyReviewer), roleARN("letters"), true},
		{"an auditor", person("", eventbus.RoleAuditor), roleARN("letters"), true},
	} {
		_, err := w.dir.Simulate(t.Context(), c.actor, c.principal, "kafka-cluster:Connect", arns.Cluster(), nil)
		if want := map[bool]eventbus.Code{false: eventbus.CodeNotFound}[c.may]; eventbus.CodeOf(err) != want {
			t.Errorf("%s: %v, want may %v", c.name, err, c.may)
		}
	}
	_, hidden := w.dir.Simulate(t.Context(), person("health"), "teamless", "kafka-cluster:Connect", arns.Cluster(), nil)
	_, absent := w.dir.Simulate(t.Context(), person("health"), "nobody-yet", "kafka-cluster:Connect", arns.Cluster(), nil)
	if strings.Replace(hidden.Error(), "teamless", "nobody-yet", 1) != absent.Error() {
		t.Errorf("the refusals tell which of them exists: %v, %v", hidden, absent)
	}
}

// A stored policy that cannot be read denies everything to its principal, and
// nothing to others.
func TestUnreadablePolicy(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.user("alice", policy.MayOnlyConnect(arns)), w.user("bob", policy.MayOnlyConnect(arns))
	u, err := w.store.User(t.Context(), "alice")
	w.must(err)
	u.Policies = append(u.Policies, eventbus.AttachedPolicy{Name: "broken", Document: "{"})
	_, err = w.store.SaveUser(t.Context(), u)
	w.must(err)
	w.must(w.dir.Refresh(t.Context()))
	if _, err := w.login(of(alice)); iam.CheckOf(err) != iam.CheckConnect {
		t.Error(err)
	}
	w.mustLogin(of(bob))
	if !strings.Contains(w.log.String(), "a stored policy cannot be read") {
		t.Error("the log does not say so")
	}
}
