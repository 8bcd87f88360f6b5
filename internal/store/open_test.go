package store_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
	"github.com/enterprise-event-bus/eventbus/internal/store"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The file and its companions are readable by their owner only.
func TestSQLiteFileMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "bus.db")
	b := open(t, store.Config{Path: path})
	must[[]eventbus.AuditEntry](t)(b.AppendAudit(t.Context(), entry("login", "")))
	ok(t, filepath.WalkDir(filepath.Dir(path), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	}))
	companions, err := filepath.Glob(path + "*")
	ok(t, err)
	if len(companions) != 3 {
		t.Errorf("files %v, want the database, its log and its index", companions)
	}
}

func TestSQLiteModeIsRepaired(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bus.db")
	ok(t, os.WriteFile(path, nil, 0o644))
	open(t, store.Config{Path: path})
	info, err := os.Stat(path)
	ok(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
}

func TestPrivateDatabaseDisappears(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	s, err := store.Open(t.Context(), store.Config{})
	ok(t, err)
	_, err = s.SaveUser(t.Context(), eventbus.IAMUser{Name: "kim"})
	ok(t, err)
	ok(t, s.Close())
	ok(t, s.Close())
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestOpenRefusals(t *testing.T) {
	notADatabase := filepath.Join(t.TempDir(), "bus.db")
	ok(t, os.WriteFile(notADatabase, []byte("this is a text file, and it is longer than a page header of SQLite, which has 100 bytes, as is well known."), 0o600))
	tests := []struct {
		name string
		cfg  store.Config
		want eventbus.Code
	}{
		{"a file that is no database", store.Config{Path: notADatabase}, eventbus.CodeCorrupt},
		{"a folder", store.Config{Path: t.TempDir()}, eventbus.CodeUnavailable},
		{"a server that does not answer", store.Config{DSN: "postgres://eventbus@127.0.0.1:1/bus?connect_timeout=1"}, eventbus.CodeUnavailable},
	}
	for _, test := range tests {
		_, err := store.Open(t.Context(), test.cfg)
		if got := eventbus.CodeOf(err); got != test.want {
			t.Errorf("%s: code %q (%v), want %q", test.name, got, err, test.want)
		}
	}
}

func reopened(t *testing.T, b *bus) {
	must[eventbus.IAMUser](t)(b.SaveUser(t.Context(), eventbus.IAMUser{Name: "kim"}, entry("iam.user.create", "kim")))
	ok(t, b.Close())
	again := open(t, b.cfg)
	if got := must[eventbus.IAMUser](t)(again.User(t.Context(), "kim")); got.Version != 1 {
		t.Errorf("read %+v after opening again", got)
	}
	checkChain(t, again, 1)
}

func newerRefused(t *testing.T, b *bus) {
	db := raw(t, b)
	_, err := db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, TRUE)")
	ok(t, err)
	_, err = store.Open(t.Context(), b.cfg)
	refused(t, err, eventbus.CodeUnavailable)
}

// Several instances share a PostgreSQL and may start at the same moment; a
// SQLite file is opened by a command beside the server.
func openedTogether(t *testing.T, b *bus) {
	if b.cfg.DSN != "" {
		_, err := raw(t, b).Exec("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
		ok(t, err)
	}
	stores := make([]*store.Store, 3)
	var wg sync.WaitGroup
	for i := range stores {
		wg.Go(func() {
			var err error
			if stores[i], err = store.Open(context.Background(), b.cfg); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, s := range stores {
		if s != nil {
			defer s.Close()
		}
	}
	if t.Failed() {
		return
	}
	must[eventbus.IAMUser](t)(stores[0].SaveUser(t.Context(), eventbus.IAMUser{Name: "kim"}))
	must[eventbus.IAMUser](t)(stores[1].User(t.Context(), "kim"))
}

// Writers of two instances take turns; nothing is lost, and the chain is one.
func contention(t *testing.T, b *bus) {
	other, err := store.Open(t.Context(), b.cfg)
	ok(t, err)
	defer other.Close()
	var wg sync.WaitGroup
	for i := range 16 {
		s := []*store.Store{b.Store, other}[i%2]
		wg.Go(func() {
			for j := range 5 {
				name := fmt.Sprintf("event-%d-%d", i, j)
				if _, err := s.SaveEvent(context.Background(), eventbus.Event{Name: name}, entry("event.create", name)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	checkChain(t, b, 80)
	if n := must[int64](t)(b.CatalogVersion(t.Context())); n != 80 {
		t.Errorf("the catalog's version is %d after 80 changes", n)
	}
}

func cancelled(t *testing.T, b *bus) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.Users(ctx)
	refused(t, err, eventbus.CodeUnavailable)
	_, err = b.SaveUser(ctx, eventbus.IAMUser{Name: "kim"}, entry("iam.user.create", "kim"))
	refused(t, err, eventbus.CodeUnavailable)
	_, err = b.User(t.Context(), "kim")
	refused(t, err, eventbus.CodeNotFound)
	checkChain(t, b, 0)
}

func closed(t *testing.T, b *bus) {
	ok(t, b.Close())
	_, err := b.Users(t.Context())
	refused(t, err, eventbus.CodeUnavailable)
	_, err = b.AppendAudit(t.Context(), entry("login", ""))
	refused(t, err, eventbus.CodeUnavailable)
	_, _, err = b.AuditHead(t.Context())
	refused(t, err, eventbus.CodeUnavailable)
}

// Bytes that PostgreSQL cannot keep are refused on both databases.
func notText(t *testing.T, b *bus) {
	for _, name := range []string{"a\x00b", "\xff"} {
		_, err := b.SaveUser(t.Context(), eventbus.IAMUser{Name: name})
		refused(t, err, eventbus.CodeInvalid)
		_, err = b.User(t.Context(), name)
		refused(t, err, eventbus.CodeInvalid)
		refused(t, b.AddUsage(t.Context(), []eventbus.UsageBucket{{Usage: eventbus.Usage{Topic: name}}}), eventbus.CodeInvalid)
	}
	_, err := b.SaveEvent(t.Context(), eventbus.Event{Name: "far", UpdatedAt: time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)})
	refused(t, err, eventbus.CodeInvalid)
}

func pages(t *testing.T, b *bus) {
	var batch []eventbus.AuditEntry
	var records []registry.Record
	for i := range 1300 {
		batch = append(batch, entry("login", ""))
		records = append(records, registry.Record{Offset: int64(i), Key: []byte("k")})
	}
	must[[]eventbus.AuditEntry](t)(b.AppendAudit(t.Context(), batch...))
	ok(t, b.SchemaCopies().AppendRecords(t.Context(), records))
	for limit, want := range map[int]int{0: 100, -1: 100, 7: 7, 1000: 1000, 5000: 1000} {
		got := must[[]eventbus.AuditEntry](t)(b.AuditEntries(t.Context(), eventbus.AuditQuery{Limit: limit}))
		if len(got) != want {
			t.Errorf("limit %d gave %d entries, want %d", limit, len(got), want)
		}
	}
	copied := 0
	ok(t, b.SchemaCopies().ReadRecords(t.Context(), 0, func(registry.Record) error { copied++; return nil }))
	if copied != 1300 {
		t.Errorf("%d records were read, want all 1300", copied)
	}
	checkChain(t, b, 1300)
}

func openBench(b *testing.B) *store.Store {
	b.Helper()
	s, err := store.Open(b.Context(), store.Config{Path: filepath.Join(b.TempDir(), "bus.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

// The bus must start within 300 ms; its empty database gets 30 of them.
func BenchmarkOpenEmpty(b *testing.B) {
	dir := b.TempDir()
	for i := range b.N {
		s, err := store.Open(b.Context(), store.Config{Path: filepath.Join(dir, fmt.Sprint(i))})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		s.Close()
		b.StartTimer()
	}
}

func BenchmarkOpenPrivate(b *testing.B) {
	for range b.N {
		s, err := store.Open(b.Context(), store.Config{})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		s.Close()
		b.StartTimer()
	}
}
