package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"testing"

	saslaws "github.com/twmb/franz-go/pkg/sasl/aws"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/audit"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/store"
)

// audited is the real directory, on a real store and audit log, as an authority.
// Clients of the tests sign in with a user's name; the signature is made here.
type audited struct {
	testing.TB
	dir   *iam.Directory
	store *store.Store
	keys  map[string]iam.Secret
}

func newAudited(t testing.TB) *audited {
	t.Helper()
	a := &audited{TB: t, keys: map[string]iam.Secret{}}
	var err error
	if a.store, err = store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "bus.db")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.store.Close() })
	a.dir, err = iam.Open(t.Context(), iam.Config{MasterKey: bytes.Repeat([]byte{7}, 32)}, a.store, audit.New(audit.Config{}, a.store))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// user makes a user that may connect and do actions on what is called "open".
func (a *audited) user(name string, actions ...string) {
	a.Helper()
	d := eventbus.DemoDeployment()
	named := []string{"kafka-cluster:Connect"}
	for _, action := range actions {
		named = append(named, "kafka-cluster:"+action)
	}
	document, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
		"Effect": "Allow", "Action": named,
		"Resource": []string{d.ClusterARN(), d.TopicARN("open"), d.GroupARN("open"), d.TransactionalIDARN("open")}}}})
	if err != nil {
		a.Fatal(err)
	}
	by := eventbus.Actor{System: "test"}
	if _, err = a.dir.CreateUser(a.Context(), by, eventbus.IAMUser{Name: name,
		Policies: []eventbus.AttachedPolicy{{Name: "may", Document: string(document)}}}); err != nil {
		a.Fatal(err)
	}
	if a.keys[name], err = a.dir.CreateAccessKey(a.Context(), by, name); err != nil {
		a.Fatal(err)
	}
}

// entries gives what the record says about a user's requests, beside the login.
func (a *audited) entries(name string, outcome eventbus.Outcome) (list []eventbus.AuditEntry) {
	a.Helper()
	d := eventbus.DemoDeployment()
	all, err := a.store.AuditEntries(a.Context(), eventbus.AuditQuery{
		Actor: eventbus.UserARN(d.Partition, d.Account, name), Outcome: outcome, Limit: 1000})
	if err != nil {
		a.Fatal(err)
	}
	for _, e := range all {
		if e.Action != "kafka-cluster:Connect" {
			list = append(list, e)
		}
	}
	return list
}

func (a *audited) Login(ctx context.Context, at Attempt) (*Session, []byte, error) {
	key := a.keys[string(at.Message)]
	_, message, err := saslaws.Auth{AccessKey: key.ID, SecretKey: key.Secret}.AsManagedStreamingIAMMechanism().
		Authenticate(ctx, "kafka."+eventbus.DemoDeployment().Region+".amazonaws.com:9098")
	if err != nil {
		return nil, nil, err
	}
	s, answer, err := a.dir.Login(ctx, at.Mechanism, message, at.From, at.Listener)
	if err != nil {
		return nil, nil, err
	}
	return &Session{Principal: s.Principal, Expires: s.Expires, Identity: s}, answer, nil
}

func (a *audited) Decide(ctx context.Context, s *Session, action, resource string) (bool, string) {
	decision := a.dir.Decide(ctx, s.Identity.(*iam.Session), action, resource)
	return decision.Allowed, decision.Reason
}

func (a *audited) Allowed(s *Session, action, resource string) bool {
	return a.dir.Allowed(s.Identity.(*iam.Session), action, resource)
}

func (a *audited) Revoked(s *Session) <-chan struct{} { return s.Identity.(*iam.Session).Done() }
