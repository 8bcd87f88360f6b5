package iam

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

// Config is what a Directory needs to know. Of the fields only MasterKey has no
// default.
type Config struct {
	// Deployment gives the ARNs their partition, region, account and cluster;
	// the zero value is eventbus.DemoDeployment.
	Deployment eventbus.Deployment
	// MasterKey is 32 random bytes. Access key secrets are sealed under it and
	// temporary credentials derived from it; every instance of a bus has the
	// same one, and without it no key works any more.
	MasterKey []byte
	// Regions that a signature may name; empty means the Deployment's.
	Regions []string
	// Hosts that an AWS_MSK_IAM payload may have signed: the advertised names.
	// Empty accepts any, because Java may sign the reverse-DNS name of an
	// address. OAUTHBEARER tokens always name kafka.REGION.amazonaws.com.
	Hosts []string
	// OneAddress refuses a login whose signature was first used from another IP
	// address, as a captured token would be. Off by default, as on MSK: the
	// official clients use a token for 15 minutes on all their connections, and a
	// host with several addresses, or several hosts that share a token, would be
	// refused. Each instance of the bus remembers what it has seen itself.
	OneAddress bool
	// SessionLifetime is after how long a client must sign in again on its
	// connection (KIP-368); 15 minutes when zero, a minute at least.
	SessionLifetime time.Duration
	// Poll is how often Run looks for changes by other instances; 1 s when zero.
	Poll time.Duration
	// DevReveal lets RevealKey show a secret again. Only `dev` sets it.
	DevReveal bool
	// Now is the clock and Rand the source of key ids, secrets and nonces; the
	// real ones when nil.
	Now    func() time.Time
	Rand   io.Reader
	Logger *slog.Logger // nil logs nothing
}

const (
	defaultLifetime = 15 * time.Minute
	// shortestLifetime is the least that a client is told: below it clients sign
	// in without pause (twmb/franz-go #249).
	shortestLifetime = time.Minute
	masterKeySize    = 32
)

func (c Config) withDefaults() (Config, error) {
	if len(c.MasterKey) != masterKeySize {
		return c, &eventbus.Error{Code: eventbus.CodeInvalid,
			Message: "the master key of the directory is not 32 bytes long; no principal can sign in",
			Next:    "give the key of this bus from its file or environment variable"}
	}
	if c.Deployment == (eventbus.Deployment{}) {
		c.Deployment = eventbus.DemoDeployment()
	}
	if len(c.Regions) == 0 {
		c.Regions = []string{c.Deployment.Region}
	}
	if c.SessionLifetime == 0 {
		c.SessionLifetime = defaultLifetime
	}
	c.SessionLifetime = max(c.SessionLifetime, shortestLifetime)
	if c.Poll <= 0 {
		c.Poll = time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// arns are the resource names of the deployment for the builders of policy.
func (c Config) arns() policy.ARNs {
	d := c.Deployment
	return policy.ARNs{Partition: d.Partition, Region: d.Region, Account: d.Account, Name: d.Cluster, UUID: d.UUID}
}

// Reader gives the records of the directory. Absent things are not errors here.
type Reader interface {
	Users(ctx context.Context) ([]eventbus.IAMUser, error)
	Roles(ctx context.Context) ([]eventbus.IAMRole, error)
	// AccessKeys gives the keys of one user, of all users when user is empty.
	AccessKeys(ctx context.Context, user string) ([]eventbus.AccessKey, error)
	// IAMVersion grows with every change of a user, role or key.
	IAMVersion(ctx context.Context) (int64, error)
	// IAMChanges gives what became of the directory since a version; of one that
	// it does not know any more, and of a negative one, everything.
	IAMChanges(ctx context.Context, since int64) (eventbus.DirectoryChanges, error)
}

// Writer saves records: Version 0 inserts, any other must be the current one;
// the result has the next. Audit entries, of which the directory gives none
// (see Auditor), are written in the same transaction.
type Writer interface {
	SaveUser(ctx context.Context, user eventbus.IAMUser, audit ...eventbus.AuditEntry) (eventbus.IAMUser, error)
	SaveRole(ctx context.Context, role eventbus.IAMRole, audit ...eventbus.AuditEntry) (eventbus.IAMRole, error)
	SaveAccessKey(ctx context.Context, key eventbus.AccessKey, audit ...eventbus.AuditEntry) (eventbus.AccessKey, error)
	// TouchAccessKey notes when a key was last used; it moves no version.
	TouchAccessKey(ctx context.Context, id string, at time.Time) error
}

// Remover deletes records; one that does not exist is CodeNotFound.
type Remover interface {
	DeleteUser(ctx context.Context, name string, audit ...eventbus.AuditEntry) error
	DeleteRole(ctx context.Context, name string, audit ...eventbus.AuditEntry) error
	DeleteAccessKey(ctx context.Context, id string, audit ...eventbus.AuditEntry) error
}

// Store keeps users, roles and keys. Deleting a user leaves its keys alone: the
// directory does not delete a user that has any.
type Store interface {
	Reader
	Writer
	Remover
}

// Auditor is the append-only record. Entries are durable when a method returns;
// after an error the act that was to be recorded does not happen.
type Auditor interface {
	// Around records the intent, does the act, and records its outcome.
	Around(ctx context.Context, intent eventbus.AuditEntry, do func() error) error
	// DataPlane records a login or a decision; it folds repeats of the same
	// principal, action, resource and outcome into one entry a minute.
	DataPlane(ctx context.Context, principal, action, resource string, allowed bool, reason, from string) error
}
