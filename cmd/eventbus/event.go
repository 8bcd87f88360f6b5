package main

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/catalog"
)

func (a *app) eventCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "event", Short: "Find events in the catalog, import and export them"}
	cmd.AddCommand(a.eventListCommand(), a.eventShowCommand(), a.eventExportCommand(), a.eventImportCommand())
	return cmd
}

func (a *app) eventListCommand() *cobra.Command {
	filters := map[string]*string{}
	cmd := &cobra.Command{
		Use:   "list [TEXT]",
		Short: "List or search the events of the catalog",
		Long:  "TEXT is searched in names, titles, descriptions, topics and the fields of schemas; every word must match.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			values := url.Values{"pageSize": {"200"}}
			if len(args) == 1 {
				values.Set("q", args[0])
			}
			for name, value := range filters {
				if *value != "" {
					values.Set(name, *value)
				}
			}
			events, err := a.searchEvents(cmd, values)
			if err != nil {
				return err
			}
			return a.print(events, func() table {
				t := table{header: []string{"name", "title", "domain", "lifecycle", "team", "topics"}}
				for _, e := range events {
					t.rows = append(t.rows, []string{e.Name, e.Title, e.Domain, string(e.Lifecycle), e.Owner, topicNames(e)})
				}
				return t
			})
		},
	}
	for name, usage := range map[string]string{"domain": "only of this domain", "lifecycle": "experimental, development, production or deprecated",
		"team": "only of this team", "system": "only of this source system", "environment": "only with a topic in this environment", "dataClass": ""} {
		flag := strings.ToLower(strings.ReplaceAll(name, "Class", "-class"))
		if name == "dataClass" {
			usage = "none, PII or PHI"
		}
		filters[name] = cmd.Flags().String(flag, "", usage)
	}
	return cmd
}

// searchEvents reads every page of a search.
func (a *app) searchEvents(cmd *cobra.Command, values url.Values) ([]eventbus.Event, error) {
	events := []eventbus.Event{}
	for page := 1; ; page++ {
		values.Set("page", strconv.Itoa(page))
		var result catalog.Result
		if err := a.api().Get(cmd.Context(), "/api/v1/catalog?"+values.Encode(), &result); err != nil {
			return nil, err
		}
		for _, entry := range result.Entries {
			events = append(events, entry.Event)
		}
		if len(result.Entries) == 0 || len(events) >= result.Total {
			return events, nil
		}
	}
}

func topicNames(e eventbus.Event) string {
	names := make([]string, len(e.Topics))
	for i, topic := range e.Topics {
		names[i] = topic.Name
	}
	return strings.Join(names, ", ")
}

func (a *app) eventShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show EVENT", Short: "Show an event: what it is, its topics, who consumes it, its schema", Args: cobra.ExactArgs(1),
		ValidArgsFunction: a.completeEvents,
		RunE: func(cmd *cobra.Command, args []string) error {
			var e eventbus.Event
			if err := a.api().Get(cmd.Context(), "/api/v1/events/"+url.PathEscape(args[0]), &e); err != nil {
				return err
			}
			var list struct{ Consumers []catalog.Consumer }
			err := a.api().Get(cmd.Context(), "/api/v1/events/"+url.PathEscape(args[0])+"/consumers", &list)
			if code := eventbus.CodeOf(err); err != nil && code != eventbus.CodeUnauthenticated && code != eventbus.CodeForbidden {
				return err // without a sign-in the event is shown without them
			}
			return a.print(e, func() table { return eventTable(e, list.Consumers) })
		},
	}
}

func eventTable(e eventbus.Event, consumers []catalog.Consumer) table {
	t := table{header: []string{"property", "value"}, rows: [][]string{
		{"name", e.Name}, {"title", e.Title}, {"description", e.Description}, {"domain", e.Domain},
		{"lifecycle", string(e.Lifecycle)}, {"team", e.Owner}, {"contact", e.Contact},
	}}
	for _, system := range e.SourceSystems {
		t.rows = append(t.rows, []string{"source system", system.SystemName})
	}
	for _, topic := range e.Topics {
		t.rows = append(t.rows, []string{"topic in " + topic.Environment, topic.Name})
	}
	for _, c := range consumers {
		t.rows = append(t.rows, []string{"consumer", cmp.Or(c.Title, c.System, c.Team)})
	}
	for _, row := range [][]string{{"compatibility", string(e.Compatibility)}, {"removal date", e.RemovalDate}, {"successor", e.Successor},
		{"payload", e.Payload}, {"schema", e.Schema}} {
		if row[1] != "" {
			t.rows = append(t.rows, row)
		}
	}
	return t
}

// completeEvents offers live event names to the shell.
func (a *app) completeEvents(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var list struct{ Events []eventbus.Event }
	if len(args) > 0 || a.api().Get(cmd.Context(), "/api/v1/events", &list) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, e := range list.Events {
		names = append(names, e.Name+"\t"+e.Title)
	}
	slices.Sort(names)
	return names, cobra.ShellCompDirectiveNoFileComp
}
