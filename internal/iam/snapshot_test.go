package iam

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/audit"
	"github.com/enterprise-event-bus/eventbus/internal/store"
)

// TestEveryDirectoryKnowsTheStore: whatever two instances do, by turns and
// unseen by each other, a directory that takes in what changed knows what one
// that reads everything does.
func TestEveryDirectoryKnowsTheStore(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		db, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "bus.db")})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var instances [2]*Directory
		for i := range instances {
			if instances[i], err = Open(t.Context(), Config{MasterKey: make([]byte, masterKeySize)}, db, audit.New(audit.Config{}, db)); err != nil {
				t.Fatal(err)
			}
		}
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			d := rapid.SampledFrom(instances[:]).Draw(rt, "instance")
			anyAct(rt, d)
			if err := d.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			want, err := load(t.Context(), db, &snapshot{version: -1})
			if err != nil {
				t.Fatal(err)
			}
			if got := d.view.Load(); got.picture() != want.picture() {
				rt.Fatalf("the directory knows\n%s\nwant\n%s", got.picture(), want.picture())
			}
		}
	})
}

// anyAct does one act of administration; what is refused changes nothing.
func anyAct(rt *rapid.T, d *Directory) {
	ctx, by := rt.Context(), eventbus.Actor{System: "test"}
	name := rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "name")
	const document = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kafka-cluster:Connect","Resource":"*"}]}`
	key := func() string {
		keys, err := d.AccessKeys(ctx, "")
		if err != nil || len(keys) == 0 {
			return "none"
		}
		return rapid.SampledFrom(keys).Draw(rt, "key").ID
	}
	switch rapid.IntRange(0, 9).Draw(rt, "act") {
	case 0:
		_, _ = d.CreateUser(ctx, by, eventbus.IAMUser{Name: name})
	case 1:
		_ = d.DeleteUser(ctx, by, name)
	case 2:
		_ = d.store.DeleteUser(ctx, name) // with its keys
	case 3:
		_, _ = d.CreateRole(ctx, by, eventbus.IAMRole{Name: name, Trust: TrustOf("arn:aws-us-gov:iam::123456789012:user/a")})
	case 4:
		_ = d.DeleteRole(ctx, by, name)
	case 5, 6:
		_, _ = d.CreateAccessKey(ctx, by, name)
	case 7:
		_ = d.DisableAccessKey(ctx, by, key())
	case 8:
		_ = d.DeleteAccessKey(ctx, by, key())
	case 9:
		_, _ = d.PutPolicy(ctx, by, "arn:aws-us-gov:iam::123456789012:"+rapid.SampledFrom([]string{"user", "role"}).Draw(rt, "kind")+"/"+name, "p", document)
	}
}

// picture is everything that a snapshot says.
func (s *snapshot) picture() string {
	text := fmt.Sprintln("version", s.version)
	for _, kind := range []map[string]*identity{s.users, s.roles} {
		for _, name := range slices.Sorted(maps.Keys(kind)) {
			i := kind[name]
			text += fmt.Sprintln(name, i.principal, i.id, i.disabled, i.policies, len(i.docs), i.trustText, i.created.UnixMicro())
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.keys)) {
		k := s.keys[id]
		text += fmt.Sprintln(id, k.id, k.user, k.disabled, len(k.sealed))
	}
	for _, name := range slices.Sorted(maps.Keys(s.userRecords)) {
		text += fmt.Sprintln("user", s.userRecords[name])
	}
	for _, name := range slices.Sorted(maps.Keys(s.roleRecords)) {
		text += fmt.Sprintln("role", s.roleRecords[name])
	}
	for _, id := range slices.Sorted(maps.Keys(s.keyRecords)) {
		text += fmt.Sprintln("key", s.keyRecords[id])
	}
	return text
}
