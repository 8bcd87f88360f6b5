package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/client"
	"github.com/enterprise-event-bus/eventbus/internal/registry/avro"
)

func (a *app) schemaCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "schema", Short: "List, show, check, register and compare schemas"}
	cmd.AddCommand(a.schemaListCommand(), a.schemaShowCommand(), a.schemaRegisterCommand(),
		a.schemaCheckCommand(), a.schemaDiffCommand(), a.schemaExportCommand(), a.schemaImportCommand())
	return cmd
}

// registry opens a client of the schema registry.
func (a *app) registry(ctx context.Context) (*sr.Client, error) {
	cfg, _ := client.FromEnv(a.getenv)
	if cfg.RegistryURL == "" {
		bus, err := a.api().Bus(ctx)
		if err != nil {
			return nil, err
		}
		cfg.RegistryURL = bus.Registry
	}
	serde, err := client.NewSerde(cfg.RegistryURL, a.api().Token, nil)
	if err != nil {
		return nil, err
	}
	return serde.Registry(), nil
}

func (a *app) schemaListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the subjects with their latest version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			registry, err := a.registry(cmd.Context())
			if err != nil {
				return err
			}
			var latest []sr.SubjectSchema
			ctx := sr.WithParams(cmd.Context(), sr.RawParams(url.Values{"latestOnly": {"true"}}))
			if err := registry.Do(ctx, http.MethodGet, "/schemas", nil, &latest); err != nil {
				return registryError(err, "list the schemas")
			}
			return a.print(latest, func() table {
				t := table{header: []string{"subject", "version", "id", "type"}}
				for _, s := range latest {
					t.rows = append(t.rows, []string{s.Subject, strconv.Itoa(s.Version), strconv.Itoa(s.ID), s.Type.String()})
				}
				return t
			})
		},
	}
}

func (a *app) schemaShowCommand() *cobra.Command {
	var version string
	cmd := &cobra.Command{
		Use:   "show SUBJECT",
		Short: "Show a version of a subject",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			number, err := versionNumber(version)
			if err != nil {
				return err
			}
			registry, err := a.registry(cmd.Context())
			if err != nil {
				return err
			}
			schema, err := registry.SchemaByVersion(cmd.Context(), args[0], number)
			if err != nil {
				return registryError(err, "show subject "+args[0])
			}
			return a.print(schema, func() table {
				return table{header: []string{"property", "value"}, rows: [][]string{
					{"subject", schema.Subject}, {"version", strconv.Itoa(schema.Version)},
					{"id", strconv.Itoa(schema.ID)}, {"type", schema.Type.String()}, {"schema", schema.Schema.Schema},
				}}
			})
		},
	}
	cmd.Flags().StringVar(&version, "version", "latest", "version number or latest")
	return cmd
}

func versionNumber(text string) (int, error) {
	if strings.EqualFold(text, "latest") {
		return -1, nil
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 {
		return 0, usageError{fmt.Errorf("version %q: use a number from 1 or latest", text)}
	}
	return number, nil
}

// withSchema runs a command of the arguments SUBJECT FILE: do gets the registry
// and the text of the file.
func (a *app) withSchema(do func(ctx context.Context, registry *sr.Client, subject, file, text string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		text, err := readSchema(args[1])
		if err != nil {
			return err
		}
		registry, err := a.registry(cmd.Context())
		if err != nil {
			return err
		}
		return do(cmd.Context(), registry, args[0], args[1], text)
	}
}

func (a *app) schemaRegisterCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "register SUBJECT FILE",
		Short: "Register a schema as the next version of a subject",
		Args:  cobra.ExactArgs(2),
		RunE: a.withSchema(func(ctx context.Context, registry *sr.Client, subject, file, text string) error {
			registered, err := registry.CreateSchema(ctx, subject, sr.Schema{Schema: text})
			if err != nil {
				return registryError(err, "register "+file+" under "+subject+"; nothing was registered")
			}
			return a.print(registered, func() table {
				return table{header: []string{"subject", "version", "id"},
					rows: [][]string{{registered.Subject, strconv.Itoa(registered.Version), strconv.Itoa(registered.ID)}}}
			})
		}),
	}
}

func (a *app) schemaCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check SUBJECT FILE",
		Short: "Check a schema against the versions of a subject, without registering it",
		Args:  cobra.ExactArgs(2),
		RunE: a.withSchema(func(ctx context.Context, registry *sr.Client, subject, _, text string) error {
			result, err := checkCompatibility(ctx, registry, subject, text)
			if err != nil {
				return err
			}
			if err := a.print(result, func() table {
				t := table{header: []string{"verdict", "reason"}}
				if result.Is {
					t.rows = append(t.rows, []string{"compatible", ""})
				}
				for _, message := range result.Messages {
					t.rows = append(t.rows, []string{"incompatible", message})
				}
				return t
			}); err != nil {
				return err
			}
			if !result.Is {
				return exitError(exitConflict)
			}
			return nil
		}),
	}
}

func checkCompatibility(ctx context.Context, registry *sr.Client, subject, text string) (sr.CheckCompatibilityResult, error) {
	var result sr.CheckCompatibilityResult
	ctx = sr.WithParams(ctx, sr.RawParams(url.Values{"verbose": {"true"}}))
	path := "/compatibility/subjects/" + url.PathEscape(subject) + "/versions"
	if err := registry.Do(ctx, http.MethodPost, path, sr.Schema{Schema: text}, &result); err != nil {
		return result, registryError(err, "check against "+subject)
	}
	return result, nil
}

func (a *app) schemaDiffCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Say in plain words what changed between two Avro schema files",
		Long:  "Compares two files without a running bus. Exit code 0 also when they differ.",
		Args:  cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			var parsed [2]*avro.Schema
			for i, file := range args {
				text, err := readSchema(file)
				if err != nil {
					return err
				}
				if parsed[i], err = avro.Parse(text, avro.Options{}); err != nil {
					return eventbus.Invalid("the schema does not parse", eventbus.Fault{File: file, Message: err.Error()})
				}
			}
			changes := avro.Diff(parsed[0], parsed[1])
			return a.print(changes, func() table {
				t := table{header: []string{"where", "change", "who must act"}}
				for _, change := range changes {
					t.rows = append(t.rows, []string{change.Path, change.Text, change.Breaks})
				}
				return t
			})
		},
	}
}

func readSchema(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", eventbus.Errorf(eventbus.CodeNotFound, "read the schema: %w", err)
	}
	return string(text), nil
}

// registryError translates the registry's answer, keeping its own words.
func registryError(err error, doing string) error {
	var response *sr.ResponseError
	if !errors.As(err, &response) {
		return &eventbus.Error{Code: eventbus.CodeUnavailable, Message: doing, Err: err}
	}
	code := map[int]eventbus.Code{404: eventbus.CodeNotFound, 409: eventbus.CodeConflict, 422: eventbus.CodeInvalid,
		403: eventbus.CodeForbidden, 401: eventbus.CodeUnauthenticated, 413: eventbus.CodeTooLarge}[response.StatusCode]
	if code == "" {
		code = eventbus.CodeUnavailable
	}
	return &eventbus.Error{Code: code, Message: fmt.Sprintf("%s: %s (%d)", doing, response.Message, response.ErrorCode)}
}
