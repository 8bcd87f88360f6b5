package main

import (
	"context"
	"encoding/json"
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
