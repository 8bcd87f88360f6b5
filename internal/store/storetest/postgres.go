//go:build unix

// Package storetest starts a private PostgreSQL for tests that run on both
// databases. It owns the server's life within one test and nothing else; only
// tests import it.
package storetest

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver
)

// Server is a PostgreSQL server of one test.
type Server struct {
	socket    string
	mu        sync.Mutex
	databases int
}

// Postgres starts a server from the installed initdb and postgres, in a
// directory and on a socket of its own, and stops it when the test ends. It
// needs about a second. Where PostgreSQL is not installed the test is skipped,
// unless EVENTBUS_REQUIRE names postgres (or all): then it fails.
func Postgres(t testing.TB) *Server {
	t.Helper()
	bin := programs()
	if bin == "" {
		if Required("postgres") {
			t.Fatal("PostgreSQL is not installed, and EVENTBUS_REQUIRE demands it (apt-get install postgresql)")
		}
		t.Skip("PostgreSQL is not installed (apt-get install postgresql)")
	}
	dir, err := os.MkdirTemp("", "eventbus-pg-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	attributes := unprivileged(t, dir)
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "eventbus", "-E", "UTF8", "--auth=trust", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = dir, attributes
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	s := &Server{socket: dir}
	s.start(t, exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", dir, "-h", "", "-F", "-c", "max_connections=200"), attributes)
	return s
}

// DSN makes a new, empty database and gives its URL.
func (s *Server) DSN(t testing.TB) string {
	t.Helper()
	s.mu.Lock()
	s.databases++
	name := fmt.Sprintf("bus%d", s.databases)
	s.mu.Unlock()
	db, err := sql.Open("pgx", s.url("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatalf("create a database: %v", err)
	}
	return s.url(name)
}

// Required reports whether EVENTBUS_REQUIRE names something that tests must not
// skip for.
func Required(name string) bool {
	required := strings.Split(os.Getenv("EVENTBUS_REQUIRE"), ",")
	return slices.Contains(required, name) || slices.Contains(required, "all")
}

func (s *Server) url(database string) string {
	return "postgres://eventbus@/" + database + "?host=" + url.QueryEscape(s.socket)
}

func (s *Server) start(t testing.TB, cmd *exec.Cmd, attributes *syscall.SysProcAttr) {
	t.Helper()
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Dir, cmd.SysProcAttr = &log, &log, s.socket, attributes
	if err := cmd.Start(); err != nil {
		t.Fatalf("postgres: %v", err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGQUIT) // at once, without a checkpoint
		<-ended
	})
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	db, err := sql.Open("pgx", s.url("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for db.PingContext(ctx) != nil {
		select {
		case <-ended:
			t.Fatalf("postgres ended:\n%s", log.String())
		case <-ctx.Done():
			t.Fatalf("postgres does not answer:\n%s", log.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// programs finds the directory of initdb and postgres, or gives "".
func programs() string {
	candidates, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if path, err := exec.LookPath("initdb"); err == nil {
		candidates = append(candidates, path)
	}
	slices.Reverse(candidates)
	for _, c := range candidates {
		if _, err := os.Stat(filepath.Join(filepath.Dir(c), "postgres")); err == nil {
			return filepath.Dir(c)
		}
	}
	return ""
}

// unprivileged gives the attributes of a process that PostgreSQL agrees to run
// as: it refuses root.
func unprivileged(t testing.TB, dir string) *syscall.SysProcAttr {
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.Atoi(account.Uid)
		gid, _ := strconv.Atoi(account.Gid)
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
		return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	if Required("postgres") {
		t.Fatal("PostgreSQL does not run as root, and there is neither a postgres nor a nobody account to run it as")
	}
	t.Skip("PostgreSQL does not run as root, and there is neither a postgres nor a nobody account")
	return nil
}
