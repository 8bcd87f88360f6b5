package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

const iamCounter = "iam"

var (
	iamUserTable   = table{name: "iam_users", noun: "user", keys: 1, columns: []string{"name"}}
	iamRoleTable   = table{name: "iam_roles", noun: "role", keys: 1, columns: []string{"name"}}
	accessKeyTable = table{name: "access_keys", noun: "access key", keys: 1, columns: []string{"id", "user_name", "sealed"}}
)

// changeIAM makes one change to the directory: the change, the directory's
// version, the note of what the version changed, and the audit entries together.
func (s *Store) changeIAM(ctx context.Context, doing string, what iamChange, audit []eventbus.AuditEntry, change func(tx *sql.Tx) error) error {
	return s.inTx(ctx, doing, func(tx *sql.Tx) error {
		version, err := bump(ctx, tx, iamCounter)
		if err != nil {
			return err
		}
		if err := noteIAM(ctx, tx, version, what); err != nil {
			return err
		}
		if err := change(tx); err != nil {
			return err
		}
		_, err = s.chain(ctx, tx, audit)
		return err
	})
}

// IAMVersion moves with every change of a user, role or access key.
func (s *Store) IAMVersion(ctx context.Context) (int64, error) { return s.counter(ctx, iamCounter) }

// SaveUser inserts or updates an IAM user.
func (s *Store) SaveUser(ctx context.Context, u eventbus.IAMUser, audit ...eventbus.AuditEntry) (eventbus.IAMUser, error) {
	u.Version++
	err := s.changeIAM(ctx, "save user "+u.Name, iamChange{iamUser, u.Name}, audit, func(tx *sql.Tx) error {
		return iamUserTable.save(ctx, tx, u.Version, u, u.Name)
	})
	return saved(u, err)
}

// User gives an IAM user by name.
func (s *Store) User(ctx context.Context, name string) (eventbus.IAMUser, error) {
	return documentOf[eventbus.IAMUser](ctx, s, iamUserTable, name)
}

// Users gives all IAM users by name.
func (s *Store) Users(ctx context.Context) ([]eventbus.IAMUser, error) {
	return sortedDocuments(ctx, s, "iam_users", "users", func(u eventbus.IAMUser) string { return u.Name })
}

// DeleteUser removes an IAM user together with its access keys.
func (s *Store) DeleteUser(ctx context.Context, name string, audit ...eventbus.AuditEntry) error {
	return s.changeIAM(ctx, "delete user "+name, iamChange{iamUser, name}, audit, func(tx *sql.Tx) error { return iamUserTable.remove(ctx, tx, name) })
}

// SaveRole inserts or updates an IAM role.
func (s *Store) SaveRole(ctx context.Context, r eventbus.IAMRole, audit ...eventbus.AuditEntry) (eventbus.IAMRole, error) {
	r.Version++
	err := s.changeIAM(ctx, "save role "+r.Name, iamChange{iamRole, r.Name}, audit, func(tx *sql.Tx) error {
		return iamRoleTable.save(ctx, tx, r.Version, r, r.Name)
	})
	return saved(r, err)
}

// Role gives an IAM role by name.
func (s *Store) Role(ctx context.Context, name string) (eventbus.IAMRole, error) {
	return documentOf[eventbus.IAMRole](ctx, s, iamRoleTable, name)
}

// Roles gives all IAM roles by name.
func (s *Store) Roles(ctx context.Context) ([]eventbus.IAMRole, error) {
	return sortedDocuments(ctx, s, "iam_roles", "roles", func(r eventbus.IAMRole) string { return r.Name })
}

// DeleteRole removes an IAM role.
func (s *Store) DeleteRole(ctx context.Context, name string, audit ...eventbus.AuditEntry) error {
	return s.changeIAM(ctx, "delete role "+name, iamChange{iamRole, name}, audit, func(tx *sql.Tx) error { return iamRoleTable.remove(ctx, tx, name) })
}

// SaveAccessKey inserts or updates an access key with its sealed secret; its
// user must exist (CodeNotFound). LastUsed is not saved here: TouchAccessKey.
func (s *Store) SaveAccessKey(ctx context.Context, k eventbus.AccessKey, audit ...eventbus.AuditEntry) (eventbus.AccessKey, error) {
	k.Version++
	err := s.changeIAM(ctx, "save access key "+k.ID, iamChange{iamKey, k.ID}, audit, func(tx *sql.Tx) error {
		err := accessKeyTable.save(ctx, tx, k.Version, k, k.ID, k.User, k.Sealed)
		if brokenReference(err) {
			return notFound("user", k.User)
		}
		return err
	})
	return saved(k, err)
}

// TouchAccessKey records when a key was last used. It never goes back, moves
// neither the key's nor the directory's version, and an unknown key is nothing.
func (s *Store) TouchAccessKey(ctx context.Context, id string, at time.Time) error {
	return s.execute(ctx, "touch access key "+id, "UPDATE access_keys SET last_used = $2 WHERE id = $1 AND last_used < $2", id, micros(at))
}

const accessKeyQuery = "SELECT document, sealed, last_used FROM access_keys"

// AccessKey gives an access key by id, with its sealed secret.
func (s *Store) AccessKey(ctx context.Context, id string) (eventbus.AccessKey, error) {
	list, err := queryRows(ctx, s.read, accessKey, accessKeyQuery+" WHERE id = $1", id)
	return one(list, err, "access key", id)
}

// AccessKeys gives the access keys of a user, or of all users when user is
// empty, by id.
func (s *Store) AccessKeys(ctx context.Context, user string) ([]eventbus.AccessKey, error) {
	var f filter
	f.equal("user_name", user)
	list, err := queryRows(ctx, s.read, accessKey, accessKeyQuery+f.where(), f.args...)
	slices.SortFunc(list, func(a, b eventbus.AccessKey) int { return strings.Compare(a.ID, b.ID) })
	return all(list, err, "access keys")
}

// DeleteAccessKey removes an access key.
func (s *Store) DeleteAccessKey(ctx context.Context, id string, audit ...eventbus.AuditEntry) error {
	return s.changeIAM(ctx, "delete access key "+id, iamChange{iamKey, id}, audit, func(tx *sql.Tx) error { return accessKeyTable.remove(ctx, tx, id) })
}

func accessKey(rows *sql.Rows) (k eventbus.AccessKey, err error) {
	var text string
	var sealed []byte
	var used int64
	if err := rows.Scan(&text, &sealed, &used); err != nil {
		return k, err
	}
	err = decode(text, &k)
	k.Sealed, k.LastUsed = sealed, moment(used)
	return k, err
}
