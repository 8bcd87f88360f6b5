package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestReference: docs/reference/cli.md is generated from the commands. Run with
// -update after a change.
func TestReference(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "reference", "cli.md")
	text := reference(testApp().root())
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(committed) != text {
		t.Errorf("%s is not what the commands say; run this test with -update", file)
	}
}

// TestCommandTree: every command explains itself, and every group has verbs.
func TestCommandTree(t *testing.T) {
	var names []string
	each(testApp().root(), func(cmd *cobra.Command) {
		names = append(names, cmd.CommandPath())
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: short text %q", cmd.CommandPath(), cmd.Short)
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s --%s says nothing", cmd.CommandPath(), f.Name)
			}
		})
	})
	for _, want := range []string{"validate", "plan", "apply", "drift", "login", "env", "event list", "event show", "event export", "event import",
		"topic list", "topic show", "topic records", "group list", "group show", "produce", "consume", "schema list", "schema show", "schema check", "schema register", "schema diff",
		"request list", "request show", "request submit", "request comment", "request approve", "request reject", "request withdraw",
		"iam role", "iam user", "iam policy", "iam key", "iam simulate", "token create", "audit tail", "audit verify"} {
		if !slices.Contains(names, "eventbus "+want) {
			t.Errorf("the contract's `eventbus %s` is missing", want)
		}
	}
}

func testApp() *app { return &app{getenv: func(string) string { return "" }} }

// each visits the commands that people are shown.
func each(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, sub := range cmd.Commands() {
		if !sub.Hidden && sub.Name() != "help" && sub.Name() != "completion" {
			each(sub, visit)
		}
	}
}

func reference(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# Command line\n\n")
	b.WriteString("Generated from the commands; `go test ./cmd/eventbus -run TestReference -update` writes it anew.\n\n")
	b.WriteString("Data goes to standard output, talk to standard error. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, " +
		"4 not signed in or forbidden, 5 conflict, 6 invalid input; `plan` and `drift` with `--detailed-exitcode`: 0 nothing to change, 2 changes, 1 failed.\n\n")
	b.WriteString("`EVENTBUS_SERVER` names the bus, `EVENTBUS_TOKEN` an API token. `eventbus completion SHELL` prints completion with live names.\n\n")
	b.WriteString("Flags of every command:\n\n")
	flagTable(&b, root.PersistentFlags())
	each(root, func(cmd *cobra.Command) {
		if cmd == root {
			return
		}
		fmt.Fprintf(&b, "%s %s\n\n%s.\n\n", strings.Repeat("#", strings.Count(cmd.CommandPath(), " ")+1), strings.TrimPrefix(cmd.CommandPath(), "eventbus "), cmd.Short)
		if cmd.HasSubCommands() {
			return
		}
		fmt.Fprintf(&b, "```\n%s\n```\n\n", cmd.UseLine())
		if cmd.Long != "" {
			b.WriteString(cmd.Long + "\n\n")
		}
		if cmd.Example != "" {
			fmt.Fprintf(&b, "```sh\n%s\n```\n\n", strings.ReplaceAll(strings.TrimPrefix(cmd.Example, "  "), "\n  ", "\n"))
		}
		flagTable(&b, cmd.LocalNonPersistentFlags())
	})
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func flagTable(b *strings.Builder, flags *pflag.FlagSet) {
	var rows []string
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Hidden {
			return
		}
		name := "`--" + f.Name + "`"
		if f.Shorthand != "" {
			name = "`-" + f.Shorthand + "`, " + name
		}
		standard := f.DefValue
		if standard == "[]" || standard == "false" || standard == "0s" {
			standard = ""
		}
		if standard != "" {
			standard = "`" + standard + "`"
		}
		rows = append(rows, fmt.Sprintf("| %s | %s | %s |\n", name, strings.ReplaceAll(f.Usage, "|", `\|`), standard))
	})
	if len(rows) > 0 {
		b.WriteString("| flag | what it does | default |\n|---|---|---|\n" + strings.Join(rows, "") + "\n")
	}
}
