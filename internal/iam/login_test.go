package iam_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-msk-iam-sasl-signer-go/signer"
	"github.com/aws/aws-sdk-go-v2/aws"
	mskiam "github.com/twmb/franz-go/pkg/sasl/aws"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

func TestLoginAnswers(t *testing.T) {
	w := newWorld(t)
	w.must(w.dir.EnsureTestPrincipals(t.Context()))
	key, err := w.dir.RevealKey(t.Context(), admin, iam.TestProducer)
	w.must(err)
	session := w.mustAssume(of(key), roleARN(iam.TestProducer))

	for _, c := range []struct {
		name     string
		with     credentials
		arn      string
		identity string
	}{
		{"user", of(key), userARN(iam.TestProducer), userARN(iam.TestProducer)},
		{"role", session, "arn:aws-us-gov:sts::123456789012:assumed-role/test-producer/session", roleARN(iam.TestProducer)},
	} {
		t.Run(c.name+" by AWS_MSK_IAM", func(t *testing.T) {
			s, response, err := w.dir.Login(t.Context(), iam.MechanismMSKIAM, payload(t, c.with, demo.Region, w.clock.Now()), here, front)
			if err != nil {
				t.Fatal(err, w.log)
			}
			var answer map[string]string
			if err := json.Unmarshal(response, &answer); err != nil || len(answer) != 2 ||
				answer["version"] != "2020_10_22" || answer["request-id"] != s.RequestID || s.RequestID == "" {
				t.Errorf("response %s", response)
			}
			checkSession(t, s, c.arn, c.identity, w.clock.Now())
		})
		t.Run(c.name+" by OAUTHBEARER", func(t *testing.T) {
			s, response, err := w.dir.Login(t.Context(), iam.MechanismOAuthBearer, bearer(t, c.with, demo.Region, w.clock.Now()), here, front)
			if err != nil {
				t.Fatal(err, w.log)
			}
			if response == nil || len(response) != 0 {
				t.Errorf("response %q, want empty", response)
			}
			checkSession(t, s, c.arn, c.identity, w.clock.Now())
		})
		t.Run(c.name+" is recorded", func(t *testing.T) {
			var entries []eventbus.AuditEntry
			for _, e := range w.audited("kafka-cluster:Connect") {
				if e.Actor == c.identity {
					entries = append(entries, e)
				}
			}
			if len(entries) != 1 {
				t.Fatalf("%d entries, want one for both logins of a minute", len(entries))
			}
			e := entries[0]
			if e.Outcome != eventbus.OutcomeAllowed || e.Resource != demo.ClusterARN() || e.From != here ||
				!strings.Contains(e.Reason, c.arn) || !strings.Contains(e.Reason, c.with.id) || !strings.Contains(e.Reason, front) {
				t.Errorf("entry %+v", e)
			}
		})
	}
}

func checkSession(t *testing.T, s *iam.Session, arn, identity string, now time.Time) {
	t.Helper()
	if s.Principal.ARN != arn || s.Identity() != identity {
		t.Errorf("principal %s, identity %s; want %s, %s", s.Principal.ARN, s.Identity(), arn, identity)
	}
	if got := s.Lifetime(now); got != 15*time.Minute {
		t.Errorf("lifetime %v, want 15 min", got)
	}
	if ended(s) {
		t.Error("session has ended")
	}
}

// The clients that people use, with their own signing and the real clock.
func TestOfficialClients(t *testing.T) {
	w := newWorld(t)
	w.must(w.dir.EnsureTestPrincipals(t.Context()))
	key, err := w.dir.RevealKey(t.Context(), admin, iam.TestConsumer)
	w.must(err)
	for name, c := range map[string]credentials{"user": of(key), "role": w.mustAssume(of(key), roleARN(iam.TestConsumer))} {
		t.Run(name+", franz-go", func(t *testing.T) {
			t.Setenv("AWS_REGION", demo.Region)
			_, message, err := mskiam.Auth{AccessKey: c.id, SecretKey: c.secret, SessionToken: c.token}.
				AsManagedStreamingIAMMechanism().Authenticate(t.Context(), net.JoinHostPort("bus.example", "9098"))
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err = w.dir.Login(t.Context(), iam.MechanismMSKIAM, message, here, front); err != nil {
				t.Error(err, w.log)
			}
		})
		t.Run(name+", MSK signer", func(t *testing.T) {
			provider := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: c.id, SecretAccessKey: c.secret, SessionToken: c.token}, nil
			})
			token, _, err := signer.GenerateAuthTokenFromCredentialsProvider(t.Context(), demo.Region, provider)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err = w.dir.Login(t.Context(), iam.MechanismOAuthBearer, []byte("n,,\x01auth=Bearer "+token+"\x01\x01"), here, front); err != nil {
				t.Error(err, w.log)
			}
		})
	}
}

var clientText = regexp.MustCompile(`^\[[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\]: Access denied$`)

// refusal is one way to be refused. Each begins in a fresh bus with user "alice"
// and role "app", both allowed to connect, and alice trusted.
type refusal struct {
	name   string
	check  iam.Check
	actor  string // of the audit entry
	reason string // part of it
	try    func(w *world, key iam.Secret) ([]byte, string)
}

func (w *world) signed(c credentials) ([]byte, string) {
	return payload(w, c, demo.Region, w.clock.Now()), iam.MechanismMSKIAM
}

var refusals = []refusal{
	{"unknown mechanism", iam.CheckMechanism, iam.Anonymous, "neither AWS_MSK_IAM nor OAUTHBEARER", func(w *world, k iam.Secret) ([]byte, string) {
		return payload(w, of(k), demo.Region, w.clock.Now()), "PLAIN"
	}},
	{"garbage", "syntax", iam.Anonymous, "AWS_MSK_IAM on kafka-iam", func(w *world, k iam.Secret) ([]byte, string) {
		return []byte("\x00\xff{"), iam.MechanismMSKIAM
	}},
	{"a bearer message that is none", "syntax", iam.Anonymous, "OAUTHBEARER on kafka-iam", func(w *world, k iam.Secret) ([]byte, string) {
		return []byte("\x01"), iam.MechanismOAuthBearer
	}},
	{"too long", "syntax", iam.Anonymous, "more than", func(w *world, k iam.Secret) ([]byte, string) {
		return make([]byte, 1<<20), iam.MechanismMSKIAM
	}},
	{"wrong secret", iam.CheckSignature, iam.Anonymous, "belongs to " + userARN("alice"), func(w *world, k iam.Secret) ([]byte, string) {
		return w.signed(credentials{id: k.ID, secret: "wrong" + k.Secret})
	}},
	{"empty secret", iam.CheckSignature, iam.Anonymous, "belongs to " + userARN("alice"), func(w *world, k iam.Secret) ([]byte, string) {
		return w.signed(credentials{id: k.ID, secret: ""})
	}},
	{"unknown key", iam.CheckKey, iam.Anonymous, "AKIAAAAAAAAAAAAAAAAA is not known", func(w *world, k iam.Secret) ([]byte, string) {
		return w.signed(credentials{id: "AKIAAAAAAAAAAAAAAAAA", secret: k.Secret})
	}},
	{"disabled key", iam.CheckKeyDisabled, iam.Anonymous, "is disabled", func(w *world, k iam.Secret) ([]byte, string) {
		w.must(w.dir.DisableAccessKey(w.Context(), admin, k.ID))
		return w.signed(of(k))
	}},
	{"deleted key", iam.CheckKey, iam.Anonymous, "is not known", func(w *world, k iam.Secret) ([]byte, string) {
		w.must(w.dir.DeleteAccessKey(w.Context(), admin, k.ID))
		return w.signed(of(k))
	}},
	{"disabled user", iam.CheckUserDisabled, iam.Anonymous, "user alice is disabled", func(w *world, k iam.Secret) ([]byte, string) {
		w.must(w.dir.SetUserDisabled(w.Context(), admin, "alice", true))
		return w.signed(of(k))
	}},
	{"long-lived key with a token", iam.CheckToken, iam.Anonymous, "long-lived key", func(w *world, k iam.Secret) ([]byte, string) {
		return w.signed(credentials{k.ID, k.Secret, w.mustAssume(of(k), roleARN("app")).token})
	}},
	{"temporary key without its token", iam.CheckToken, iam.Anonymous, "without its session token", func(w *world, k iam.Secret) ([]byte, string) {
		c := w.mustAssume(of(k), roleARN("app"))
		return w.signed(credentials{id: c.id, secret: c.secret})
	}},
	{"another key's token", iam.CheckToken, iam.Anonymous, "does not open", func(w *world, k iam.Secret) ([]byte, string) {
		a, b := w.mustAssume(of(k), roleARN("app")), w.mustAssume(of(k), roleARN("app"))
		return w.signed(credentials{a.id, a.secret, b.token})
	}},
	{"altered token", iam.CheckToken, iam.Anonymous, "does not open", func(w *world, k iam.Secret) ([]byte, string) {
		c := w.mustAssume(of(k), roleARN("app"))
		return w.signed(credentials{c.id, c.secret, c.token[:40] + flip(c.token[40]) + c.token[41:]})
	}},
	{"temporary key with a wrong secret", iam.CheckSignature, iam.Anonymous, "belongs to " + roleARN("app"), func(w *world, k iam.Secret) ([]byte, string) {
		c := w.mustAssume(of(k), roleARN("app"))
		return w.signed(credentials{c.id, k.Secret, c.token})
	}},
	{"ended temporary credentials", iam.CheckExpired, iam.Anonymous, "credentials for role app ended", func(w *world, k iam.Secret) ([]byte, string) {
		c := w.mustAssume(of(k), roleARN("app"))
		w.clock.Advance(time.Hour)
		return w.signed(c)
	}},
	{"ended signature", "expired", iam.Anonymous, "", func(w *world, k iam.Secret) ([]byte, string) {
		return payload(w, of(k), demo.Region, w.clock.Now().Add(-16*time.Minute)), iam.MechanismMSKIAM
	}},
	{"signature of the future", "not-yet", iam.Anonymous, "", func(w *world, k iam.Secret) ([]byte, string) {
		return bearer(w, of(k), demo.Region, w.clock.Now().Add(6*time.Minute)), iam.MechanismOAuthBearer
	}},
	{"another region", "region", iam.Anonymous, "us-east-1", func(w *world, k iam.Secret) ([]byte, string) {
		return payload(w, of(k), "us-east-1", w.clock.Now()), iam.MechanismMSKIAM
	}},
	{"role deleted", iam.CheckRole, iam.Anonymous, "role app", func(w *world, k iam.Secret) ([]byte, string) {
		c := w.mustAssume(of(k), roleARN("app"))
		w.must(w.dir.DeleteRole(w.Context(), admin, "app"))
		return w.signed(c)
	}},
	{"role made anew", iam.CheckRole, iam.Anonymous, "does not exist any more", func(w *world, k iam.Secret) ([]byte, string) {
		c := w.mustAssume(of(k), roleARN("app"))
		w.must(w.dir.DeleteRole(w.Context(), admin, "app"))
		w.clock.Advance(time.Second)
		w.role("app", iam.TrustOf(userARN("alice")), policy.MayOnlyConnect(arns))
		return w.signed(c)
	}},
	{"role's trust taken away", iam.CheckTrust, roleARN("app"), "does not let", func(w *world, k iam.Secret) ([]byte, string) {
		c := w.mustAssume(of(k), roleARN("app"))
		w.must(w.dir.SetTrust(w.Context(), admin, "app", iam.TrustOf(userARN("bob"))))
		return w.signed(c)
	}},
	{"role of a disabled key", iam.CheckKeyDisabled, iam.Anonymous, "is disabled", func(w *world, k iam.Secret) ([]byte, string) {
		c := w.mustAssume(of(k), roleARN("app"))
		w.must(w.dir.DisableAccessKey(w.Context(), admin, k.ID))
		return w.signed(c)
	}},
	{"role of a disabled user", iam.CheckUserDisabled, iam.Anonymous, "alice is disabled", func(w *world, k iam.Secret) ([]byte, string) {
		c := w.mustAssume(of(k), roleARN("app"))
		w.must(w.dir.SetUserDisabled(w.Context(), admin, "alice", true))
		return w.signed(c)
	}},
	{"no Connect", iam.CheckConnect, userARN("alice"), "kafka-cluster:Connect", func(w *world, k iam.Secret) ([]byte, string) {
		w.must(w.dir.DeletePolicy(w.Context(), admin, userARN("alice"), "policy-a"))
		return w.signed(of(k))
	}},
	{"Connect denied", iam.CheckConnect, userARN("alice"), "denied by", func(w *world, k iam.Secret) ([]byte, string) {
		_, err := w.dir.PutPolicy(w.Context(), admin, userARN("alice"), "no", document(w, "Deny", "kafka-cluster:*", "*").String())
		w.must(err)
		return w.signed(of(k))
	}},
	{"session policy without Connect", iam.CheckConnect, roleARN("app"), "own policies would allow it", func(w *world, k iam.Secret) ([]byte, string) {
		c, err := w.assume(of(k), iam.AssumeRoleInput{RoleARN: roleARN("app"),
			Policy: document(w, "Allow", "kafka-cluster:ReadData", arns.Topic("t")).String()})
		w.must(err)
		return w.signed(c)
	}},
	{"another identity asked for", iam.CheckAuthzID, userARN("alice"), "another identity", func(w *world, k iam.Secret) ([]byte, string) {
		m := bearer(w, of(k), demo.Region, w.clock.Now())
		return []byte("n,a=" + userARN("bob") + "," + strings.TrimPrefix(string(m), "n,,")), iam.MechanismOAuthBearer
	}},
}

// resourceOf says under which resource a refusal is recorded: the principal
// whose key it is, or that is gone only in part, else the cluster.
func resourceOf(c refusal) string {
	switch {
	case c.check == iam.CheckRole && c.name == "role made anew", strings.HasPrefix(c.name, "role of a"), strings.HasPrefix(c.name, "role's trust"),
		c.name == "temporary key with a wrong secret", c.actor == roleARN("app"):
		return roleARN("app")
	case c.check == iam.CheckSignature, c.check == iam.CheckKeyDisabled, c.check == iam.CheckUserDisabled, c.actor == userARN("alice"):
		return userARN("alice")
	}
	return demo.ClusterARN()
}

func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

func TestLoginRefusals(t *testing.T) {
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			key := w.user("alice", policy.MayOnlyConnect(arns))
			w.role("app", iam.TrustOf(userARN("alice")), policy.MayOnlyConnect(arns))
			if _, err := w.login(of(key)); err != nil {
				t.Fatal("refused before anything was wrong: ", err)
			}
			message, mechanism := c.try(w, key)
			s, response, err := w.dir.Login(t.Context(), mechanism, message, here, front)
			if err == nil || s != nil || response != nil {
				t.Fatalf("let in as %v", s)
			}
			if !clientText.MatchString(err.Error()) {
				t.Errorf("the client sees %q", err)
			}
			if got := iam.CheckOf(err); got != c.check {
				t.Errorf("check %q, want %q\n%s", got, c.check, w.log)
			}
			entries := w.audited("login." + string(c.check))
			if len(entries) != 1 {
				t.Fatalf("%d audit entries", len(entries))
			}
			e := entries[0]
			if e.Actor != c.actor || e.Outcome != eventbus.OutcomeDenied || e.From != here || e.Resource != resourceOf(c) ||
				!strings.Contains(e.Reason, c.reason) || !strings.Contains(e.Reason, iam.RequestIDOf(err)) {
				t.Errorf("entry %+v", e)
			}
			if !strings.Contains(w.log.String(), iam.RequestIDOf(err)) {
				t.Error("the log does not name the request")
			}
			for _, text := range []string{w.log.String(), e.Reason, err.Error()} {
				if strings.Contains(text, key.Secret) {
					t.Error("a secret in: ", text)
				}
			}
		})
	}
}

func TestOtherRefusals(t *testing.T) {
	w := newWorld(t)
	key := w.user("alice", policy.MayOnlyConnect(arns))

	t.Run("a limit", func(t *testing.T) {
		err := w.dir.TooManyConnects(t.Context(), here, front)
		if !strings.HasSuffix(err.Error(), "]: Too many connects") || eventbus.CodeOf(err) != eventbus.CodeLimited || len(w.audited("login.limit")) != 1 {
			t.Error(err, w.audited("login.limit"))
		}
	})
	t.Run("the record cannot be written", func(t *testing.T) {
		d := w.open(brokenAudit{})
		message := payload(t, of(key), demo.Region, w.clock.Now())
		_, _, err := d.Login(t.Context(), iam.MechanismMSKIAM, message, here, front)
		if iam.CheckOf(err) != iam.CheckAudit || !clientText.MatchString(err.Error()) {
			t.Error(err)
		}
		s := w.mustLogin(of(key))
		if got := d.Decide(t.Context(), s, "kafka-cluster:Connect", demo.ClusterARN()); got.Allowed || !strings.Contains(got.Reason, "audit") {
			t.Errorf("%+v", got)
		}
	})
	t.Run("another master key", func(t *testing.T) {
		d := w.open(w.audit, func(c *iam.Config) { c.MasterKey[0] ^= 1 })
		_, _, err := d.Login(t.Context(), iam.MechanismMSKIAM, payload(t, of(key), demo.Region, w.clock.Now()), here, front)
		if iam.CheckOf(err) != iam.CheckSignature || !strings.Contains(w.log.String(), "master key") {
			t.Error(err, w.log)
		}
	})
	t.Run("a signed host that is not ours", func(t *testing.T) {
		d := w.open(w.audit, func(c *iam.Config) { c.Hosts = []string{"bus.example"} })
		t.Setenv("AWS_REGION", demo.Region)
		for host, want := range map[string]iam.Check{"bus.example": "", "evil.example": "host"} {
			_, message, err := mskiam.Auth{AccessKey: key.ID, SecretKey: key.Secret}.AsManagedStreamingIAMMechanism().Authenticate(t.Context(), host+":9098")
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err = d.Login(t.Context(), iam.MechanismMSKIAM, message, here, front); iam.CheckOf(err) != want {
				t.Errorf("%s: %v", host, err)
			}
		}
	})
	t.Run("no master key", func(t *testing.T) {
		if _, err := iam.Open(t.Context(), iam.Config{MasterKey: make([]byte, 31)}, w.store, w.audit); eventbus.CodeOf(err) != eventbus.CodeInvalid {
			t.Error(err)
		}
	})
}

// brokenAudit is a record that cannot be written.
type brokenAudit struct{}

var errBroken = errors.New("disk full")

func (brokenAudit) Around(context.Context, eventbus.AuditEntry, func() error) error { return errBroken }
func (brokenAudit) DataPlane(context.Context, string, string, string, bool, string, string) error {
	return errBroken
}

func TestSessionLifetime(t *testing.T) {
	w := newWorld(t)
	key := w.user("alice", policy.MayOnlyConnect(arns))
	w.role("app", iam.TrustOf(userARN("alice")), policy.MayOnlyConnect(arns))
	c := w.mustAssume(of(key), roleARN("app"))

	w.clock.Advance(50 * time.Minute)
	s := w.mustLogin(c)
	now := w.clock.Now()
	if left := s.Expires.Sub(now); left > 10*time.Minute || left < 9*time.Minute+59*time.Second {
		t.Errorf("session of credentials that end in 10 min lasts %v", left)
	}
	w.clock.Advance(9*time.Minute + 30*time.Second)
	s = w.mustLogin(c)
	if got := s.Lifetime(w.clock.Now()); got != time.Minute {
		t.Errorf("a client is told %v, want a minute at least", got)
	}
	if left := s.Expires.Sub(w.clock.Now()); left > 30*time.Second {
		t.Errorf("but the session outlives its credentials: %v", left)
	}
	if local := w.dir.Local(); local.Lifetime(now) != 0 || local.Done() != nil {
		t.Error("the local administrator's session ends")
	}
}

// Whatever a client sends, it is refused with one text, or it holds a valid
// signature.
func FuzzLogin(f *testing.F) {
	w := newWorld(f)
	key := w.user("alice", policy.MayOnlyConnect(arns))
	f.Add(iam.MechanismMSKIAM, payload(f, of(key), demo.Region, w.clock.Now()))
	f.Add(iam.MechanismOAuthBearer, bearer(f, of(key), demo.Region, w.clock.Now()))
	f.Add(iam.MechanismOAuthBearer, []byte("n,,\x01auth=Bearer \x01\x01"))
	f.Add("SCRAM-SHA-512", []byte{})
	f.Fuzz(func(t *testing.T, mechanism string, message []byte) {
		s, _, err := w.dir.Login(t.Context(), mechanism, message, here, front)
		if err == nil && s.Principal.ARN != userARN("alice") || err != nil && !clientText.MatchString(err.Error()) {
			t.Errorf("%v, %v", s, err)
		}
	})
}
