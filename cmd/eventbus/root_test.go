package main

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
)

// TestExitCodes is the table of the contract, "CLI".
func TestExitCodes(t *testing.T) {
	tests := []struct {
		code eventbus.Code
		want int
	}{
		{eventbus.CodeNotFound, 3},
		{eventbus.CodeUnauthenticated, 4},
		{eventbus.CodeForbidden, 4},
		{eventbus.CodeConflict, 5},
		{eventbus.CodeInvalid, 6},
		{eventbus.CodeTooLarge, 6},
		{eventbus.CodeUnavailable, 1},
		{eventbus.CodeLimited, 1},
		{eventbus.CodeCorrupt, 1},
		{eventbus.CodeInternal, 1},
	}
	if len(tests) != len(eventbus.Codes()) {
		t.Fatalf("%d of %d codes have an exit code", len(tests), len(eventbus.Codes()))
	}
	for _, tt := range tests {
		if got := exitCode(eventbus.Errorf(tt.code, "x")); got != tt.want {
			t.Errorf("exit code of %s = %d, want %d", tt.code, got, tt.want)
		}
	}
}

// TestPortInUse: the address and the flag are named, and nothing is started.
func TestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var out, errs bytes.Buffer
	code := run(context.Background(), []string{"dev", "--data-dir", t.TempDir(), "--kafka", taken.Addr().String(),
		"--kafka-iam=", "--kafka-iam-external=", "--http=127.0.0.1:0", "--registry=127.0.0.1:0"}, stdio{in: strings.NewReader(""), out: &out, err: &errs}, func(string) string { return "" })
	if code != exitFailed {
		t.Errorf("exit code = %d, want %d", code, exitFailed)
	}
	for _, want := range []string{taken.Addr().String(), "--kafka", "in use"} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("stderr = %q, want it to name %q", errs.String(), want)
		}
	}
	if out.Len() > 0 {
		t.Errorf("stdout = %q, want nothing", out.String())
	}
}
