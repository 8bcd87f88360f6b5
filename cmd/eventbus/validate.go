package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/catalog"
	"github.com/enterprise-event-bus/eventbus/internal/document"
	"github.com/enterprise-event-bus/eventbus/internal/onboarding"
	"github.com/enterprise-event-bus/eventbus/internal/provision"
	"github.com/enterprise-event-bus/eventbus/internal/registry/avro"
	"github.com/enterprise-event-bus/eventbus/internal/server"
)

func (a *app) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE|DIR|URL…",
		Short: "Check files without a running bus: catalog entries, Avro schemas, manifests, requests, configurations",
		Long: "Says of each file what is wrong, as file:line:column, and what to write instead. What a file is, it says itself:\n" +
			"apiVersion and kind, or Avro. Exit code 6 when anything is wrong. A catalog file at an https address is fetched and\n" +
			"checked by the bus at --server, as `event import` would, and not imported.\n\n" +
			"A running bus publishes the JSON Schema of each kind at /api/schemas/, for editors.",
		Example: "  eventbus validate catalog-info.yaml schemas/*.avsc requests/",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := expand(args)
			if err != nil {
				return err
			}
			results := make([]validated, len(files))
			var faults []eventbus.Fault
			for i, file := range files {
				if results[i], err = a.validate(cmd.Context(), file); err != nil {
					return err
				}
				faults = append(faults, results[i].Faults...)
			}
			if err := a.print(results, func() table { return validatedTable(results) }); err != nil {
				return err
			}
			if len(faults) > 0 {
				return eventbus.Invalid(fmt.Sprintf("%d faults in %d files", len(faults), len(files)), faults...)
			}
			return nil
		},
	}
}

// validated is what was found out about one file.
type validated struct {
	File   string           `json:"file"`
	Kind   string           `json:"kind"`
	Faults []eventbus.Fault `json:"faults"`
}

func validatedTable(results []validated) table {
	t := table{header: []string{"file", "kind", "verdict"}}
	for _, r := range results {
		verdict := "valid"
		if len(r.Faults) > 0 {
			verdict = fmt.Sprintf("%d faults", len(r.Faults))
		}
		t.rows = append(t.rows, []string{r.File, r.Kind, verdict})
	}
	return t
}

// expand gives the files of folders: those whose names promise something to
// check.
func expand(args []string) ([]string, error) {
	var files []string
	for _, arg := range args {
		if isAddress(arg) {
			files = append(files, arg)
			continue
		}
		info, err := os.Stat(arg)
		if err != nil {
			return nil, eventbus.Errorf(eventbus.CodeNotFound, "validate: %w", err)
		}
		if !info.IsDir() {
			files = append(files, arg)
			continue
		}
		err = filepath.WalkDir(arg, func(file string, entry os.DirEntry, err error) error {
			switch filepath.Ext(file) {
			case ".yaml", ".yml", ".avsc":
				if err == nil && !entry.IsDir() {
					files = append(files, file)
				}
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("validate %s: %w", arg, err)
		}
	}
	if len(files) == 0 {
		return nil, eventbus.Errorf(eventbus.CodeNotFound, "validate: there is no .yaml, .yml or .avsc file")
	}
	return files, nil
}

func (a *app) validate(ctx context.Context, file string) (validated, error) {
	if isAddress(file) {
		return a.validateAddress(ctx, file)
	}
	text, err := a.readInput(file)
	if err != nil {
		return validated{}, err
	}
	result := validated{File: file, Faults: []eventbus.Fault{}}
	result.Kind, err = kindOf(text, file)
	if err == nil {
		switch result.Kind {
		case "Avro schema":
			_, err = avro.Parse(string(text), avro.Options{})
		case "manifest":
			err = a.validateManifest(file)
		case "configuration":
			err = server.CheckConfig(text, file)
		case "request":
			err = validateRequest(text, file)
		default:
			_, err = catalog.Read(text, file)
		}
	}
	if err != nil {
		result.Faults = placed(file, err)
	}
	return result, nil
}

func (a *app) validateAddress(ctx context.Context, address string) (validated, error) {
	imported, err := a.importAddress(ctx, address, true)
	result := validated{File: address, Kind: "catalog", Faults: append([]eventbus.Fault{}, imported.Faults...)}
	switch faults := eventbus.FaultsOf(err); {
	case len(faults) > 0:
		result.Faults = faults
	case err != nil:
		return validated{}, err
	}
	return result, nil
}

// kindOf looks at what a file says it is.
func kindOf(text []byte, file string) (string, error) {
	if filepath.Ext(file) == ".avsc" {
		return "Avro schema", nil
	}
	docs, err := document.Read(text, file, document.Limits{Bytes: maxInput, Documents: provision.MaxManifestDocuments})
	if err != nil {
		return "unreadable", err
	}
	for _, doc := range docs {
		version, kind := doc.Text("apiVersion"), doc.Text("kind")
		switch {
		case version == eventbus.APIVersion && strings.HasSuffix(kind, "Request"):
			return "request", nil
		case version == eventbus.APIVersion:
			return "manifest", nil
		case version == "" && kind == "" && doc.Has("listeners") && doc.Has("environments"):
			return "configuration", nil
		case version == "" && kind == "" && (doc.Has("type") || doc.List()):
			return "Avro schema", nil
		}
	}
	return "catalog", nil
}

func validateRequest(text []byte, file string) error {
	submission, err := onboarding.ParseRequest(text, file)
	if err != nil {
		return err
	}
	faults := onboarding.Validate(submission.Content, eventbus.DemoEnvironments(), time.Now())
	if len(faults) > 0 {
		return eventbus.Invalid("the request has faults", submission.Locate(faults)...)
	}
	return nil
}

// validateManifest reads a manifest together with the files that it names.
func (a *app) validateManifest(file string) error {
	files, err := a.readManifests(file)
	if err != nil {
		return err
	}
	read := make(map[string][]byte, len(files))
	for name, text := range files {
		read[name] = []byte(text)
	}
	_, err = provision.ReadManifests(read)
	for i, fault := range eventbus.FaultsOf(err) {
		eventbus.FaultsOf(err)[i].File = filepath.Join(filepath.Dir(file), filepath.FromSlash(fault.File))
	}
	return err
}

// placed gives the faults of an error the file; an error without faults is one.
func placed(file string, err error) []eventbus.Fault {
	faults := eventbus.FaultsOf(err)
	if len(faults) == 0 {
		return []eventbus.Fault{{File: file, Message: err.Error()}}
	}
	for i := range faults {
		if faults[i].File == "" {
			faults[i].File = file
		}
	}
	return faults
}
