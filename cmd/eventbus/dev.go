package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/server"
)

// devFlags are the flags of `dev` (contract, "Addresses").
type devFlags struct {
	config         server.Config
	noDemo         bool
	readyFile      string
	logLevel       string
	registryWrites string
}

func (a *app) devCommand() *cobra.Command {
	f := devFlags{config: server.DevConfig()}
	l := &f.config.Listeners
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run the whole bus on this machine, with a small demo organisation",
		Long: "Runs Kafka, schema registry, IAM, catalog and portal in one process. Data survives kill -9, not a power cut:\n" +
			"for development, a sandbox or a small single node.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.dev(cmd.Context(), f) },
	}
	cmd.Flags().StringVar(&l.Kafka, "kafka", l.Kafka, "Kafka, PLAINTEXT, loopback only")
	cmd.Flags().StringVar(&l.KafkaIAM, "kafka-iam", l.KafkaIAM, `Kafka, SASL_SSL with AWS IAM, "from AWS"`)
	cmd.Flags().StringVar(&l.KafkaIAMExternal, "kafka-iam-external", l.KafkaIAMExternal, `the same, "from outside AWS"`)
	cmd.Flags().StringVar(&l.Registry, "registry", l.Registry, "schema registry")
	cmd.Flags().StringVar(&l.HTTP, "http", l.HTTP, "portal, API, STS, metrics, health")
	cmd.Flags().StringVar(&l.STSTLS, "sts-tls", "", "STS over TLS as sts.REGION.amazonaws.com (off by default)")
	cmd.Flags().StringVar(&f.config.DataDir, "data-dir", "", "data folder (default: in the user's state folder)")
	cmd.Flags().StringVar(&f.config.Database, "database", "", "postgres://… keeps the bus's own state there (default: SQLite in the data folder)")
	cmd.Flags().BoolVar(&f.noDemo, "no-demo", false, "leave out the demo organisation")
	cmd.Flags().StringVar(&f.readyFile, "ready-file", "", "write the real addresses to this file, as JSON, once everything answers")
	cmd.Flags().StringVar(&f.registryWrites, "registry-writes", "open", "open: loopback may register schemas; closed: only with a token")
	cmd.Flags().StringVar(&f.logLevel, "log-level", "warn", "debug, info, warn or error")
	return cmd
}

func (a *app) dev(ctx context.Context, f devFlags) error {
	logger, err := a.logger(f.logLevel)
	if err != nil {
		return err
	}
	if f.config.DataDir == "" {
		if f.config.DataDir, err = a.stateDir(); err != nil {
			return err
		}
	}
	switch f.registryWrites {
	case "open":
		f.config.RegistryWritesClosed = false
	case "closed":
		f.config.RegistryWritesClosed = true
	default:
		return usageError{fmt.Errorf("--registry-writes=%s: use open or closed", f.registryWrites)}
	}
	f.config.Demo, f.config.Logger, f.config.Version = !f.noDemo, logger, version
	if f.config.DataDir, err = filepath.Abs(f.config.DataDir); err != nil {
		return err
	}
	bus, err := server.Open(ctx, f.config)
	if err != nil {
		return startError{err}
	}
	defer bus.Close()
	return a.serveUntilStopped(ctx, bus, f.readyFile)
}

// startError marks a bus that did not start: exit 1, whatever its code.
type startError struct{ error }

// Unwrap gives the fault, for the report.
func (e startError) Unwrap() error { return e.error }

// serveUntilStopped runs the bus and, once everything answers, tells people and
// scripts where it is.
func (a *app) serveUntilStopped(ctx context.Context, bus *server.Server, readyFile string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return bus.Run(ctx) })
	group.Go(func() error {
		select {
		case <-bus.Ready():
		case <-ctx.Done():
			return nil
		}
		forget, err := a.keepAdministratorToken(bus)
		if err != nil {
			return err
		}
		if readyFile != "" {
			if err := writeReadyFile(readyFile, bus.Addresses()); err != nil {
				return err
			}
		}
		if bus.Dev() {
			banner(a.out, bus.Addresses(), bus.Demo())
		} else {
			serveBanner(a.out, bus.Addresses())
		}
		<-ctx.Done()
		forget()
		return nil
	})
	return group.Wait()
}

// keepAdministratorToken lets the CLI of the same user act as administrator of
// this bus while it runs.
func (a *app) keepAdministratorToken(bus *server.Server) (forget func(), err error) {
	token := bus.AdministratorToken()
	if token == "" || !bus.Dev() { // an operator's token stays where the operator keeps it
		return func() {}, nil
	}
	file, err := a.tokenFile(bus.Addresses().HTTP)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, eventbus.Errorf(eventbus.CodeUnavailable, "create the folder for the administrator's token: %w", err)
	}
	if err := writeFileAtomic(file, []byte(token+"\n")); err != nil {
		return nil, err
	}
	return func() { os.Remove(file) }, nil
}

// writeReadyFile writes the file atomically: a script that sees it sees all of it.
func writeReadyFile(file string, addresses server.Addresses) error {
	text, err := json.MarshalIndent(addresses, "", "  ")
	if err != nil {
		return err
	}
	return writeFileAtomic(file, append(text, '\n'))
}

func writeFileAtomic(file string, text []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*") // 0600
	if err != nil {
		return eventbus.Errorf(eventbus.CodeUnavailable, "write %s: %w", file, err)
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(text)
	if closeErr := temporary.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(temporary.Name(), file)
	}
	if err != nil {
		return eventbus.Errorf(eventbus.CodeUnavailable, "write %s: %w", file, err)
	}
	return nil
}

// stateDir is the default data folder of `dev`.
func (a *app) stateDir() (string, error) {
	if base := a.getenv("XDG_STATE_HOME"); base != "" {
		return filepath.Join(base, "eventbus"), nil
	}
	home := a.getenv("HOME")
	if home == "" {
		return "", &eventbus.Error{Code: eventbus.CodeInvalid, Message: "no home folder for the data", Next: "choose one with --data-dir"}
	}
	return filepath.Join(home, ".local", "state", "eventbus"), nil
}

func (a *app) logger(level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, usageError{fmt.Errorf("--log-level=%s: use debug, info, warn or error", level)}
	}
	return slog.New(slog.NewJSONHandler(a.err, &slog.HandlerOptions{Level: l})), nil
}

// banner tells a newcomer what runs where and what to try next.
func banner(out io.Writer, at server.Addresses, demo bool) {
	fmt.Fprintf(out, "\nEnterprise Event Bus %s is ready.\n\n", at.Version)
	lines := [][2]string{
		{"Portal, API", at.HTTP}, {"Schema registry", at.Registry}, {"Kafka, PLAINTEXT", at.Kafka},
		{"Kafka, AWS IAM", at.KafkaIAM}, {"Kafka, AWS IAM (outside AWS)", at.KafkaIAMExternal},
		{"CA certificate", at.CAFile}, {"Data", at.DataDir},
	}
	for _, line := range lines {
		if line[1] != "" {
			fmt.Fprintf(out, "  %-29s %s\n", line[0], line[1])
		}
	}
	fmt.Fprintf(out, "\nDevelopment tier: data survives kill -9, not a power cut.\n\nTry next, in another terminal:\n\n")
	flag := ""
	if at.HTTP != defaultServer {
		flag = " --server " + at.HTTP
	}
	fmt.Fprintf(out, "  echo '{\"name\":\"Ada\",\"company\":\"Analytical\",\"dateOfBirth\":\"1815-12-10\",\"sequenceNumber\":1}' | go run ./cmd/eventbus%s produce test\n", flag)
	fmt.Fprintf(out, "  go run ./cmd/eventbus%s consume test\n", flag)
	fmt.Fprintf(out, "  go run ./cmd/eventbus%s schema show test-value\n\n", flag)
	if demo {
		fmt.Fprintf(out, "A demo organisation produces and consumes; --no-demo leaves it out.\n")
	}
	fmt.Fprintf(out, "Stop with Ctrl-C.\n")
}
