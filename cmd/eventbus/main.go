// Command eventbus is the Enterprise Event Bus in one binary: `eventbus dev`
// runs the whole bus on this machine, the other commands talk to a running one.
//
// The package owns the command line only: flags, output formats and exit codes
// (docs/reference/cli.md). What the commands do lives in internal/server and
// client.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is set at build time: -ldflags "-X main.version=v1.2.3".
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr}, os.Getenv)
	stop()
	os.Exit(code)
}
