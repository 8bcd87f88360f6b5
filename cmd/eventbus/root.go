package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/client"
)

// The exit codes of every command (contract, "CLI").
const (
	exitDone      = 0
	exitFailed    = 1
	exitUsage     = 2
	exitNotFound  = 3
	exitForbidden = 4
	exitConflict  = 5
	exitInvalid   = 6
)

// defaultServer is where `dev` answers.
const defaultServer = "http://127.0.0.1:8080"

// stdio is where a command reads and writes: data to out, talk to err.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// app is what the commands share: where the bus is and how to print.
type app struct {
	stdio
	getenv func(string) string
	server string
	output string
	yes    bool
}

// usageError marks a wrong call of a command: exit 2.
type usageError struct{ error }

// exitError ends a command with a code and no message of its own.
type exitError int

// Error names the code; it is never printed.
func (e exitError) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// run executes one command line and gives its exit code.
func run(ctx context.Context, args []string, io stdio, getenv func(string) string) int {
	a := &app{stdio: io, getenv: getenv}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(io.in)
	root.SetOut(io.out)
	root.SetErr(io.err)
	cmd, err := root.ExecuteContextC(ctx)
	var exit exitError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &exit):
		return int(exit)
	}
	a.report(whereToLook(cmd, err))
	code := exitCode(err)
	if code == exitUsage && slices.Contains(args, "--detailed-exitcode") {
		return exitFailed // 2 means changes there
	}
	return code
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "eventbus",
		Short:         "The Enterprise Event Bus: publish, find and use business events",
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := root.PersistentFlags()
	flags.StringVar(&a.server, "server", a.defaultServer(), "URL of the bus")
	flags.StringVarP(&a.output, "output", "o", "table", "output format: table, json or yaml")
	flags.BoolVar(&a.yes, "yes", false, "answer yes to every question")
	for _, add := range a.commands() {
		root.AddCommand(add)
	}
	root.SetHelpCommand(&cobra.Command{Hidden: true, Use: "no-help"})
	strictGroups(root)
	return root
}

func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		a.devCommand(), a.serveCommand(), a.loginCommand(), a.logoutCommand(),
		a.envCommand(), a.produceCommand(), a.consumeCommand(),
		a.eventCommand(), a.topicCommand(), a.groupCommand(), a.schemaCommand(),
		a.requestCommand(), a.validateCommand(), a.planCommand(), a.applyCommand(), a.driftCommand(),
		a.iamCommand(), a.tokenCommand(), a.auditCommand(),
		a.versionCommand(),
	}
}

func (a *app) defaultServer() string {
	if server := a.getenv("EVENTBUS_SERVER"); server != "" {
		return server
	}
	return defaultServer
}

// strictGroups makes a group without a subcommand print its help, and an
// unknown subcommand a usage error with a suggestion; cobra alone would exit 0.
func strictGroups(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		strictGroups(sub)
	}
	if cmd.RunE != nil || cmd.Run != nil {
		cmd.Args = usageArgs(cmd.Args)
		return
	}
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		message := fmt.Sprintf("unknown command %q for %q", args[0], cmd.CommandPath())
		cmd.SuggestionsMinimumDistance = 2
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			message += fmt.Sprintf("; did you mean %q?", near[0])
		} else {
			message += fmt.Sprintf("; `%s --help` lists them", cmd.CommandPath())
		}
		return usageError{errors.New(message)}
	}
}

func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check == nil {
			return nil
		}
		if err := check(cmd, args); err != nil {
			return usageError{fmt.Errorf("%w; usage: %s", err, cmd.UseLine())}
		}
		return nil
	}
}

// report prints an error for people: what failed, every fault, what to do.
func (a *app) report(err error) {
	var e *eventbus.Error
	if !errors.As(err, &e) {
		fmt.Fprintf(a.err, "eventbus: %v\n", err)
		return
	}
	plain := *e
	plain.Faults, plain.Next = nil, ""
	fmt.Fprintf(a.err, "eventbus: %v\n", strings.Replace(err.Error(), e.Error(), plain.Error(), 1))
	for _, fault := range e.Faults {
		fmt.Fprintf(a.err, "  %s\n", fault)
	}
	if e.Next != "" {
		fmt.Fprintf(a.err, "  %s\n", e.Next)
	}
}

// whereToLook adds to "there is no such thing" the command that lists what there
// is, unless the error says what to do already.
func whereToLook(cmd *cobra.Command, err error) error {
	var e *eventbus.Error
	if !errors.As(err, &e) || e.Code != eventbus.CodeNotFound || e.Next != "" || cmd == nil || !cmd.HasParent() || len(cmd.Flags().Args()) == 0 {
		return err
	}
	noun := cmd.Parent()
	for _, listed := range []string{"event", "topic", "group", "schema", "request"} {
		if noun.Name() == listed && cmd.Name() != "import" && cmd.Name() != "submit" {
			e.Next = "`" + noun.CommandPath() + " list` shows what there is"
		}
	}
	return err
}

func exitCode(err error) int {
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	var start startError
	if errors.As(err, &start) {
		return exitFailed
	}
	switch eventbus.CodeOf(err) {
	case eventbus.CodeNotFound:
		return exitNotFound
	case eventbus.CodeUnauthenticated, eventbus.CodeForbidden:
		return exitForbidden
	case eventbus.CodeConflict:
		return exitConflict
	case eventbus.CodeInvalid, eventbus.CodeTooLarge:
		return exitInvalid
	default:
		return exitFailed
	}
}

// api gives the control-plane client of the server that --server names, with
// the token of EVENTBUS_TOKEN or the one that `dev` or `login` stored for it.
func (a *app) api() *client.API {
	token := a.getenv("EVENTBUS_TOKEN")
	if token == "" {
		token = a.storedToken()
	}
	return &client.API{Server: a.server, Token: token, HTTP: &http.Client{Timeout: 60 * time.Second}}
}

// configDir is the user's configuration folder of the bus.
func (a *app) configDir() (string, error) {
	if dir := a.getenv("EVENTBUS_CONFIG_DIR"); dir != "" {
		return dir, nil
	}
	base := a.getenv("XDG_CONFIG_HOME")
	if base == "" {
		home := a.getenv("HOME")
		if home == "" {
			return "", eventbus.Errorf(eventbus.CodeInvalid, "no home folder: set HOME or EVENTBUS_CONFIG_DIR")
		}
		base = filepath.Join(home, ".config")
	}
	return filepath.Join(base, "eventbus"), nil
}

// tokenFile is where the token for a server address is kept, 0600.
func (a *app) tokenFile(server string) (string, error) {
	dir, err := a.configDir()
	if err != nil {
		return "", err
	}
	host := strings.NewReplacer("http://", "", "https://", "", "/", "", ":", "_").Replace(server)
	return filepath.Join(dir, "tokens", host), nil
}

// storedToken is that of the person who signed in, else the administrator's.
func (a *app) storedToken() string {
	for _, place := range []func(string) (string, error){a.loginFile, a.tokenFile} {
		file, err := place(a.server)
		if err != nil {
			return ""
		}
		if text, err := os.ReadFile(file); err == nil {
			return strings.TrimSpace(string(text))
		}
	}
	return ""
}
