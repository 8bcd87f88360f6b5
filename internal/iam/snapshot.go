package iam

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

// snapshot is the directory at one moment; it never changes.
type snapshot struct {
	version int64
	users   map[string]*identity // by name
	roles   map[string]*identity
	keys    map[string]*accessKey // by id
	// The records as stored, with the versions that a save must name.
	userRecords map[string]eventbus.IAMUser
	roleRecords map[string]eventbus.IAMRole
	keyRecords  map[string]eventbus.AccessKey
	faults      []string
}

// identity is a user or role ready to decide with. As long as nothing that
// matters changes, every snapshot holds the same pointer.
type identity struct {
	principal  eventbus.Principal
	id         string // AIDA… or AROA…, AWS's unique id
	disabled   bool
	policies   []eventbus.AttachedPolicy
	docs       []policy.Named
	trustText  string
	trust      *policy.Document
	maxSession time.Duration
	created    time.Time
}

// accessKey is a long-lived key, again the same pointer while unchanged.
type accessKey struct {
	id, user string
	sealed   []byte
	disabled bool
	created  time.Time

	used, noted atomic.Int64 // last used, and last saved; Unix nanoseconds
}

const (
	defaultMaxSession  = time.Hour
	longestMaxSession  = 12 * time.Hour
	shortestMaxSession = 15 * time.Minute
)

// load takes in what changed in the store since a snapshot: it costs what has
// changed, not what there is. The very first time that is everything.
func load(ctx context.Context, store Reader, before *snapshot) (*snapshot, error) {
	changes, err := store.IAMChanges(ctx, before.version)
	if err != nil {
		return nil, fmt.Errorf("read the directory: %w", err)
	}
	s := &snapshot{version: changes.Version}
	s.startFrom(before, changes)
	for _, u := range changes.Users {
		s.userRecords[u.Name] = u
		s.users[u.Name] = s.carry(before.users[u.Name], userIdentity(u))
	}
	for _, r := range changes.Roles {
		s.roleRecords[r.Name] = r
		s.roles[r.Name] = s.carry(before.roles[r.Name], roleIdentity(r))
	}
	for _, k := range changes.Keys {
		s.keyRecords[k.ID] = k
		next := &accessKey{id: k.ID, user: k.User, sealed: k.Sealed, disabled: k.Disabled, created: k.CreatedAt}
		if old := before.keys[k.ID]; old != nil && old.equal(next) {
			next = old
		}
		s.keys[k.ID] = next
	}
	return s, nil
}

// startFrom fills in what stays: nothing when everything comes anew, else what
// was there, without what is gone. A kind of which nothing changed is shared.
func (s *snapshot) startFrom(before *snapshot, changes eventbus.DirectoryChanges) {
	s.users, s.userRecords = stays(before.users, before.userRecords, changes.All, len(changes.Users), changes.GoneUsers)
	s.roles, s.roleRecords = stays(before.roles, before.roleRecords, changes.All, len(changes.Roles), changes.GoneRoles)
	s.keys, s.keyRecords = stays(before.keys, before.keyRecords, changes.All, len(changes.Keys), changes.GoneKeys)
}

func stays[T, R any](ready map[string]T, records map[string]R, all bool, changed int, gone []string) (map[string]T, map[string]R) {
	if all {
		return make(map[string]T, changed), make(map[string]R, changed)
	}
	if changed > 0 || len(gone) > 0 {
		ready, records = maps.Clone(ready), maps.Clone(records)
	}
	for _, name := range gone {
		delete(ready, name)
		delete(records, name)
	}
	return ready, records
}

func userIdentity(u eventbus.IAMUser) *identity {
	account := accountOf(u.ARN)
	return &identity{principal: eventbus.Principal{ARN: u.ARN, Kind: eventbus.PrincipalUser, Account: account, Name: u.Name},
		disabled: u.Disabled, policies: u.Policies, created: u.CreatedAt}
}

func roleIdentity(r eventbus.IAMRole) *identity {
	i := &identity{principal: eventbus.Principal{ARN: r.ARN, Kind: eventbus.PrincipalRole, Account: accountOf(r.ARN), Name: r.Name},
		policies: r.Policies, created: r.CreatedAt, trustText: r.Trust, maxSession: r.MaxSession}
	if i.maxSession == 0 {
		i.maxSession = defaultMaxSession
	}
	return i
}

func accountOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	return parts[4]
}

// carry gives the old identity when nothing changed, and else reads the new
// one's documents. A document that cannot be read stays in the list without
// content, which makes policy deny everything.
func (s *snapshot) carry(old, next *identity) *identity {
	if old != nil && old.equal(next) {
		return old
	}
	next.id = uniqueID(next)
	for _, p := range next.policies {
		doc, err := policy.Parse([]byte(p.Document))
		if err != nil {
			doc = nil
			s.faults = append(s.faults, fmt.Sprintf("%s, policy %q: %v", next.principal.ARN, p.Name, err))
		}
		next.docs = append(next.docs, policy.Named{Name: p.Name, Doc: doc})
	}
	if next.principal.Kind == eventbus.PrincipalRole {
		doc, err := policy.ParseTrust([]byte(next.trustText))
		if err != nil {
			doc = nil
			s.faults = append(s.faults, fmt.Sprintf("%s, trust: %v", next.principal.ARN, err))
		}
		next.trust = doc
	}
	return next
}

func (i *identity) equal(o *identity) bool {
	return i.principal == o.principal && i.disabled == o.disabled && i.trustText == o.trustText &&
		i.maxSession == o.maxSession && i.created.Equal(o.created) && slices.Equal(i.policies, o.policies)
}

func (k *accessKey) equal(o *accessKey) bool {
	return k.id == o.id && k.user == o.user && k.disabled == o.disabled && k.created.Equal(o.created) && bytes.Equal(k.sealed, o.sealed)
}

// uniqueID makes what AWS calls the unique id of a user or role: it differs for
// one that is made again under the same name ("IAM identifiers").
func uniqueID(i *identity) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", i.principal.ARN, i.created.UnixMicro()))
	prefix := "AIDA"
	if i.principal.Kind == eventbus.PrincipalRole {
		prefix = "AROA"
	}
	return prefix + base32.StdEncoding.EncodeToString(sum[:])[:17]
}
