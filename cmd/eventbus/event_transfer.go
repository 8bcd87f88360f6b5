package main

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/catalog"
)

func (a *app) eventExportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "export [EVENT]",
		Short: "Write one event, or the whole catalog, as Backstage entities",
		Long:  "Writes YAML to standard output, exactly what a Backstage reads from /backstage/.",
		Args:  cobra.MaximumNArgs(1), ValidArgsFunction: a.completeEvents,
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "/backstage/events.yaml"
			if len(args) == 1 {
				path = "/backstage/events/" + url.PathEscape(args[0]) + "/catalog-info.yaml"
			}
			var text []byte
			if err := a.api().Get(cmd.Context(), path, &text); err != nil {
				return err
			}
			_, err := a.out.Write(text)
			return err
		},
	}
}

func (a *app) eventImportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE|URL…",
		Short: "Import catalog-info.yaml files into the catalog",
		Long: "Imports what is right in each file and tells what is wrong in the rest. \"-\" is standard input. An https address\n" +
			"is fetched by the bus, which reaches public addresses only, and those that its operator allows.",
		Example: "  eventbus event import catalog-info.yaml\n  eventbus event import https://git.example.gov/claims/raw/main/catalog-info.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			all := catalog.Imported{}
			for _, file := range args {
				imported, err := a.importFile(cmd.Context(), file)
				if err != nil {
					return err
				}
				all.Events = append(all.Events, imported.Events...)
				all.Systems = append(all.Systems, imported.Systems...)
				all.Skipped = append(all.Skipped, imported.Skipped...)
				all.Faults = append(all.Faults, imported.Faults...)
			}
			if err := a.print(all, func() table { return importedTable(all) }); err != nil {
				return err
			}
			if len(all.Faults) > 0 {
				return eventbus.Invalid("not everything was imported", all.Faults...)
			}
			return nil
		},
	}
}

func (a *app) importFile(ctx context.Context, file string) (catalog.Imported, error) {
	if isAddress(file) {
		return a.importAddress(ctx, file, false)
	}
	var imported catalog.Imported
	text, err := a.readInput(file)
	if err != nil {
		return imported, err
	}
	if err := a.api().Do(ctx, http.MethodPost, "/api/v1/events/import?source="+url.QueryEscape(file), text, &imported); err != nil {
		return imported, inFile(file, err)
	}
	for i := range imported.Faults {
		imported.Faults[i].File = file
	}
	return imported, nil
}

// importAddress lets the bus import what lies at an address, or only check it.
func (a *app) importAddress(ctx context.Context, address string, check bool) (imported catalog.Imported, err error) {
	err = a.api().Do(ctx, http.MethodPost, "/api/v1/imports", map[string]any{"url": address, "check": check}, &imported)
	return imported, err
}

// isAddress tells an address from a file's name; the bus says what is wrong with
// it.
func isAddress(name string) bool {
	return strings.HasPrefix(name, "https://") || strings.HasPrefix(name, "http://")
}

func importedTable(all catalog.Imported) table {
	t := table{header: []string{"kind", "name"}}
	for _, name := range all.Events {
		t.rows = append(t.rows, []string{"Event", name})
	}
	for _, name := range all.Systems {
		t.rows = append(t.rows, []string{"System", name})
	}
	for _, name := range all.Skipped {
		t.rows = append(t.rows, []string{"left out", name})
	}
	return t
}
