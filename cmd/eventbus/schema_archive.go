package main

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/enterprise-event-bus/eventbus"
)

func (a *app) schemaExportCommand() *cobra.Command {
	var prefix string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write every subject with its versions, ids and settings, as one JSON archive",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			registry, err := a.registry(cmd.Context())
			if err != nil {
				return err
			}
			params := url.Values{}
			if prefix != "" {
				params.Set("subjectPrefix", prefix)
			}
			var archive json.RawMessage
			ctx := sr.WithParams(cmd.Context(), sr.RawParams(params))
			if err := registry.Do(ctx, http.MethodGet, "/schemas/export", nil, &archive); err != nil {
				return registryError(err, "export the schemas")
			}
			_, err = a.out.Write(append(archive, '\n'))
			return err
		},
	}
	cmd.Flags().StringVar(&prefix, "prefix", "", "only subjects that begin so")
	return cmd
}

func (a *app) schemaImportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE",
		Short: "Register an archive with the ids and versions that it names",
		Long:  "The registry keeps ids: an id that stands for another schema already is a conflict, and nothing is imported.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := a.readInput(args[0])
			if err != nil {
				return err
			}
			if !json.Valid(text) {
				return eventbus.Invalid("nothing was imported", eventbus.Fault{File: args[0], Message: "is not JSON"})
			}
			registry, err := a.registry(cmd.Context())
			if err != nil {
				return err
			}
			var done struct {
				Imported int `json:"imported"`
			}
			if err := registry.Do(cmd.Context(), http.MethodPost, "/schemas/import", json.RawMessage(text), &done); err != nil {
				return registryError(err, "import "+args[0])
			}
			a.say("%d schemas imported", done.Imported)
			return nil
		},
	}
}
