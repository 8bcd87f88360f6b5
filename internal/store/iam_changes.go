package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// iamChangesKept is for how many versions it is kept what they changed; who
// knows an older one reads everything.
const iamChangesKept = 1000

// The kinds of what a directory holds.
const (
	iamUser = "user"
	iamRole = "role"
	iamKey  = "key"
)

// iamChange is one record that a version of the directory changed.
type iamChange struct{ kind, name string }

// noteIAM writes what a version changes, before it does. The keys of a user are
// noted with it: they go when it goes.
func noteIAM(ctx context.Context, tx *sql.Tx, version int64, what iamChange) error {
	const note = "INSERT INTO iam_changes (version, kind, name) VALUES ($1, $2, $3)"
	if _, err := exec(ctx, tx, note, version, what.kind, what.name); err != nil {
		return err
	}
	if what.kind == iamUser {
		if _, err := exec(ctx, tx, "INSERT INTO iam_changes (version, kind, name) SELECT CAST($1 AS BIGINT), 'key', id FROM access_keys WHERE user_name = $2",
			version, what.name); err != nil {
			return err
		}
	}
	_, err := exec(ctx, tx, "DELETE FROM iam_changes WHERE version <= $1", version-iamChangesKept)
	return err
}

// IAMChanges gives what became of the directory since a version; a negative one,
// or one that is too long ago, gets everything. A record may be newer than
// Version says: it is then given again the next time.
func (s *Store) IAMChanges(ctx context.Context, since int64) (eventbus.DirectoryChanges, error) {
	version, err := s.IAMVersion(ctx)
	if err != nil || version == since {
		return eventbus.DirectoryChanges{Version: version}, err
	}
	changes := eventbus.DirectoryChanges{Version: version}
	noted, whole, err := s.iamChangesBetween(ctx, since, version)
	if err != nil {
		return changes, err
	}
	if !whole {
		changes.All = true
		if changes.Users, err = s.Users(ctx); err != nil {
			return changes, err
		}
		if changes.Roles, err = s.Roles(ctx); err != nil {
			return changes, err
		}
		changes.Keys, err = s.AccessKeys(ctx, "")
		return changes, err
	}
	if changes.Users, changes.GoneUsers, err = changed(ctx, s.read, document[eventbus.IAMUser], "SELECT document FROM iam_users WHERE name", noted[iamUser],
		func(u eventbus.IAMUser) string { return u.Name }); err != nil {
		return changes, err
	}
	if changes.Roles, changes.GoneRoles, err = changed(ctx, s.read, document[eventbus.IAMRole], "SELECT document FROM iam_roles WHERE name", noted[iamRole],
		func(r eventbus.IAMRole) string { return r.Name }); err != nil {
		return changes, err
	}
	changes.Keys, changes.GoneKeys, err = changed(ctx, s.read, accessKey, accessKeyQuery+" WHERE id", noted[iamKey],
		func(k eventbus.AccessKey) string { return k.ID })
	return changes, err
}

// iamChangesBetween gives the names that the versions after since, up to version,
// changed, by kind; whole is false unless every one of these versions is known.
func (s *Store) iamChangesBetween(ctx context.Context, since, version int64) (names map[string][]string, whole bool, err error) {
	type row struct {
		version int64
		iamChange
	}
	if since < 0 || version-since > iamChangesKept {
		return nil, false, nil
	}
	rows, err := queryRows(ctx, s.read, func(rows *sql.Rows) (r row, err error) { return r, rows.Scan(&r.version, &r.kind, &r.name) },
		"SELECT version, kind, name FROM iam_changes WHERE version > $1 AND version <= $2 ORDER BY version", since, version)
	if err != nil {
		return nil, false, translate(err, "read the changes of the directory")
	}
	names = map[string][]string{}
	known, last := int64(0), since
	for _, r := range rows {
		if r.version != last {
			known, last = known+1, r.version
		}
		if !slices.Contains(names[r.kind], r.name) {
			names[r.kind] = append(names[r.kind], r.name)
		}
	}
	return names, known == version-since, nil
}

// changed reads the records of some names, and says which are not there.
func changed[T any](ctx context.Context, q queryer, scan func(*sql.Rows) (T, error), query string, names []string, nameOf func(T) string) (list []T, gone []string, err error) {
	if len(names) == 0 {
		return nil, nil, nil
	}
	args, marks := make([]any, len(names)), make([]string, len(names))
	for i, name := range names {
		args[i], marks[i] = name, fmt.Sprintf("$%d", i+1)
	}
	if list, err = queryRows(ctx, q, scan, query+" IN ("+strings.Join(marks, ", ")+")", args...); err != nil {
		return nil, nil, translate(err, "read what changed in the directory")
	}
	for _, name := range names {
		if !slices.ContainsFunc(list, func(have T) bool { return nameOf(have) == name }) {
			gone = append(gone, name)
		}
	}
	return list, gone, nil
}
