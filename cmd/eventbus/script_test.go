package main

import (
	"context"
	"encoding/json"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/enterprise-event-bus/eventbus/internal/store/storetest"
)

// TestMain makes this test binary the eventbus command, too, so that scripts
// run the real thing in processes of its own.
func TestMain(m *testing.M) {
	if os.Getenv(child) != "" {
		main()
	}
	testscript.Main(m, map[string]func(){"eventbus": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		os.Exit(run(ctx, os.Args[1:], stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr}, os.Getenv))
	}})
}

// TestScripts runs the journeys of testdata/script: what the README promises,
// typed as a user would.
func TestScripts(t *testing.T) {
	testscript.Run(t, scripts("*.txtar"))
}

// TestJourneyOnPostgreSQL runs the whole road of an event once more, with the
// bus's own state in PostgreSQL.
func TestJourneyOnPostgreSQL(t *testing.T) {
	server := storetest.Postgres(t)
	p := scripts("journey.txtar")
	setup := p.Setup
	p.Setup = func(env *testscript.Env) error {
		if err := setup(env); err != nil {
			return err
		}
		env.Setenv("DATABASE", "--database="+server.DSN(t))
		return nil
	}
	testscript.Run(t, p)
}

// scripts are the parameters of the scripts that match a pattern. DATABASE is
// empty: the flag of `dev` for another database than SQLite.
func scripts(pattern string) testscript.Params {
	files, err := filepath.Glob(filepath.Join("testdata", "script", pattern))
	if err != nil {
		panic(err) // a pattern that is none
	}
	return testscript.Params{
		Files: files,
		Setup: func(env *testscript.Env) error {
			examples, err := filepath.Abs(filepath.Join("..", "..", "examples", "gitops"))
			if err != nil {
				return err
			}
			env.Setenv("EXAMPLES", examples)
			env.Setenv("TODAY", time.Now().UTC().Format(time.DateOnly))
			env.Setenv("IN_SIX_MONTHS", time.Now().UTC().AddDate(0, 6, 0).Format(time.DateOnly))
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "config"))
			env.Setenv("DEV", "--kafka=127.0.0.1:0 --kafka-iam=127.0.0.1:0 --kafka-iam-external=127.0.0.1:0 --registry=127.0.0.1:0 --http=127.0.0.1:0")
			env.Setenv("DATABASE", "--database=") // SQLite
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ready":       ready,
			"field":       field,
			"provisioned": provisioned,
			"reaches":     reaches,
			"fill":        fill,
			"exits":       exits,
		},
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
	}
}

// readyLimit bounds how long a script waits for its bus.
const readyLimit = 60 * time.Second

// ready waits for the ready file of `eventbus dev` and tells the script where
// the bus is: EVENTBUS_SERVER and one variable per key of the file.
func ready(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ready FILE")
	}
	var text []byte
	var err error
	for deadline := time.Now().Add(readyLimit); ; time.Sleep(5 * time.Millisecond) {
		if text, err = os.ReadFile(ts.MkAbs(args[0])); err == nil {
			break
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the bus did not become ready: %v", err)
		}
	}
	var addresses map[string]string
	ts.Check(json.Unmarshal(text, &addresses))
	for name, value := range addresses {
		ts.Setenv(name, value)
	}
	ts.Setenv("EVENTBUS_SERVER", addresses["http"])
}
