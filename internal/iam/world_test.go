package iam_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"go.uber.org/goleak"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/audit"
	"github.com/enterprise-event-bus/eventbus/internal/clocktest"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
	"github.com/enterprise-event-bus/eventbus/internal/store"
)

var (
	demo  = eventbus.DemoDeployment()
	arns  = policy.ARNs{Partition: demo.Partition, Region: demo.Region, Account: demo.Account, Name: demo.Cluster, UUID: demo.UUID}
	admin = eventbus.Actor{Person: eventbus.Person{ID: "operator"}, From: "192.0.2.9"}
)

const (
	here  = "192.0.2.1:50000"
	front = "kafka-iam"
)

// world is a directory on a real store and a real audit log. Its clock starts at
// the present because official clients sign with the real one.
type world struct {
	testing.TB
	clock *clocktest.Clock
	path  string
	store *store.Store
	audit *audit.Log
	log   *bytes.Buffer
	dir   *iam.Directory
}

func newWorld(t testing.TB, change ...func(*iam.Config)) *world {
	t.Helper()
	w := &world{TB: t, clock: clocktest.At(time.Now()), path: filepath.Join(t.TempDir(), "bus.db"), log: &bytes.Buffer{}}
	var err error
	if w.store, err = store.Open(t.Context(), store.Config{Path: w.path, Now: w.clock.Now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.store.Close() })
	w.audit = audit.New(audit.Config{Now: w.clock.Now}, w.store)
	w.dir = w.open(w.audit, change...)
	return w
}

var testMaster = []byte("0123456789abcdef0123456789abcdef")

// open opens one more directory on the same store.
func (w *world) open(auditor iam.Auditor, change ...func(*iam.Config)) *iam.Directory {
	w.Helper()
	cfg := iam.Config{MasterKey: bytes.Clone(testMaster), Now: w.clock.Now, DevReveal: true,
		Logger: slog.New(slog.NewTextHandler(&lockedWriter{w: w.log}, nil))}
	for _, c := range change {
		c(&cfg)
	}
	d, err := iam.Open(w.Context(), cfg, w.store, auditor)
	if err != nil {
		w.Fatal(err)
	}
	return d
}

type lockedWriter struct {
	mu sync.Mutex
	w  *bytes.Buffer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// user makes a user with policies and one key.
func (w *world) user(name string, docs ...*policy.Document) iam.Secret {
	w.Helper()
	_, err := w.dir.CreateUser(w.Context(), admin, eventbus.IAMUser{Name: name, Policies: attached(docs)})
	w.must(err)
	key, err := w.dir.CreateAccessKey(w.Context(), admin, name)
	w.must(err)
	return key
}

// role makes a role that trusts users, and gives its ARN.
func (w *world) role(name string, trust string, docs ...*policy.Document) string {
	w.Helper()
	r, err := w.dir.CreateRole(w.Context(), admin, eventbus.IAMRole{Name: name, Trust: trust, Policies: attached(docs), MaxSession: 12 * time.Hour})
	w.must(err)
	return r.ARN
}

func attached(docs []*policy.Document) []eventbus.AttachedPolicy {
	var list []eventbus.AttachedPolicy
	for i, d := range docs {
		list = append(list, eventbus.AttachedPolicy{Name: "policy-" + string(rune('a'+i)), Document: d.String()})
	}
	return list
}

func userARN(name string) string { return eventbus.UserARN(demo.Partition, demo.Account, name) }
func roleARN(name string) string { return eventbus.RoleARN(demo.Partition, demo.Account, name) }

// document parses a policy of this shape: effect, action, resource.
func document(t testing.TB, effect, action, resource string, condition ...string) *policy.Document {
	t.Helper()
	text := `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Action":"` + action + `","Resource":"` + resource + `"`
	if len(condition) > 0 {
		text += `,"Condition":` + condition[0]
	}
	d, err := policy.Parse([]byte(text + `}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// credentials are what a client signs with.
type credentials struct{ id, secret, token string }

func of(k iam.Secret) credentials { return credentials{id: k.ID, secret: k.Secret} }
func taken(c iam.Credentials) credentials {
	return credentials{c.AccessKeyID, c.SecretAccessKey, c.SessionToken}
}

// presigned signs as the official signers do, with AWS's own code.
func presigned(t testing.TB, c credentials, region string, at time.Time) *url.URL {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, "https://kafka."+region+".amazonaws.com/?Action=kafka-cluster%3AConnect&X-Amz-Expires=900", nil)
	if err != nil {
		t.Fatal(err)
	}
	empty := sha256.Sum256(nil)
	signed, _, err := v4.NewSigner().PresignHTTP(context.Background(),
		aws.Credentials{AccessKeyID: c.id, SecretAccessKey: c.secret, SessionToken: c.token}, r, hex.EncodeToString(empty[:]), "kafka-cluster", region, at)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(signed)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// bearer is the OAUTHBEARER message of a client.
func bearer(t testing.TB, c credentials, region string, at time.Time) []byte {
	u := presigned(t, c, region, at)
	token := base64.RawURLEncoding.EncodeToString([]byte(u.String() + "&User-Agent=test"))
	return []byte("n,,\x01auth=Bearer " + token + "\x01\x01")
}

// payload is the AWS_MSK_IAM message of a client.
func payload(t testing.TB, c credentials, region string, at time.Time) []byte {
	u := presigned(t, c, region, at)
	m := map[string]string{"version": "2020_10_22", "host": u.Host, "user-agent": "test"}
	for name, values := range u.Query() {
		m[strings.ToLower(name)] = values[0]
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// login signs in with AWS_MSK_IAM.
func (w *world) login(c credentials) (*iam.Session, error) {
	s, _, err := w.dir.Login(w.Context(), iam.MechanismMSKIAM, payload(w, c, demo.Region, w.clock.Now()), here, front)
	return s, err
}

func (w *world) mustLogin(c credentials) *iam.Session {
	w.Helper()
	s, err := w.login(c)
	if err != nil {
		w.Fatalf("%v\n%s", err, w.log)
	}
	return s
}

// assume lets the holder of credentials assume a role.
func (w *world) assume(c credentials, in iam.AssumeRoleInput) (credentials, error) {
	w.Helper()
	by, err := w.caller(c)
	if err != nil {
		return credentials{}, err
	}
	if in.SessionName == "" {
		in.SessionName = "session"
	}
	got, _, err := w.dir.AssumeRole(w.Context(), by, in)
	return taken(got), err
}

func (w *world) mustAssume(c credentials, role string) credentials {
	w.Helper()
	got, err := w.assume(c, iam.AssumeRoleInput{RoleARN: role})
	if err != nil {
		w.Fatalf("%v\n%s", err, w.log)
	}
	return got
}

// audited gives the entries of an action, oldest first.
func (w *world) audited(action string) []eventbus.AuditEntry {
	w.Helper()
	list, err := w.store.AuditEntries(w.Context(), eventbus.AuditQuery{Action: action, Limit: 1000})
	w.must(err)
	return list
}

func ended(s *iam.Session) bool {
	select {
	case <-s.Done():
		return true
	default:
		return false
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
