package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/enterprise-event-bus/eventbus"
)

// field sets a variable to a field of the JSON object that the last command
// printed.
func field(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: field NAME VARIABLE")
	}
	var object map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &object))
	value, isText := object[args[0]].(string)
	if !isText {
		ts.Fatalf("the output has no text %q", args[0])
	}
	ts.Setenv(args[1], value)
}

// provisioned waits until the bus has put an event into its catalog and made its
// request active somewhere.
func provisioned(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: provisioned EVENT")
	}
	a := &app{getenv: ts.Getenv, server: ts.Getenv("EVENTBUS_SERVER")}
	api := a.api()
	for deadline := time.Now().Add(readyLimit); ; time.Sleep(20 * time.Millisecond) {
		list, err := api.Requests(context.Background(), eventbus.RequestQuery{Event: args[0]})
		ts.Check(err)
		if settled(list) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s was not provisioned: %+v", args[0], list)
		}
	}
}

func settled(list []eventbus.Request) bool {
	active := false
	for _, r := range list {
		for _, e := range r.Environments {
			switch e.State {
			case eventbus.EnvApproved, eventbus.EnvProvisioning, eventbus.EnvFailed:
				return false
			case eventbus.EnvActive:
				active = true
			}
		}
	}
	return active
}

// reaches waits until a request has reached a state in an environment.
func reaches(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: reaches REQUEST ENVIRONMENT STATE")
	}
	a := &app{getenv: ts.Getenv, server: ts.Getenv("EVENTBUS_SERVER")}
	for deadline := time.Now().Add(readyLimit); ; time.Sleep(20 * time.Millisecond) {
		r, err := a.api().Request(context.Background(), args[0])
		ts.Check(err)
		e, _ := r.Environment(args[1])
		if string(e.State) == args[2] {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s is %s (%s) in %s, not %s", args[0], e.State, e.Error, args[1], args[2])
		}
	}
}

// exits runs a command that must end with an exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	code := "0"
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		code = strconv.Itoa(exit.ExitCode())
	} else if err != nil {
		ts.Fatalf("%s: %v", args[1], err)
	}
	if code != args[0] {
		ts.Fatalf("exit code %s, want %s:\n%s", code, args[0], ts.ReadFile("stderr"))
	}
}

// fill replaces ${NAME} in files by the script's variables.
func fill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: fill FILE...")
	}
	for _, file := range args {
		text := os.Expand(ts.ReadFile(file), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o600))
	}
}
