package main

import (
	"net/http"

	"github.com/spf13/cobra"

	"github.com/enterprise-event-bus/eventbus"
)

func (a *app) driftCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drift",
		Short: "Show what differs from what is wanted",
		Long:  "Lists what somebody changed besides manifests and approvals, as the changes that would undo it.",
		Args:  cobra.NoArgs,
	}
	exit := detailed(cmd)
	revert := cmd.Flags().String("revert", "", "undo what differs about this name (topic, subject, ARN)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		changes, err := a.api().Drift(cmd.Context())
		if err != nil {
			return err
		}
		if *revert != "" {
			return a.revertDrift(cmd, changes, *revert)
		}
		if len(changes) == 0 {
			a.say("Nothing differs from what is wanted.")
		}
		if err := a.print(changes, func() table { return changeTable(changes) }); err != nil {
			return err
		}
		if *exit && len(changes) > 0 {
			return exitError(exitChanges)
		}
		return nil
	}
	return cmd
}

func changeTable(changes []eventbus.Change) table {
	t := table{header: []string{"action", "resource", "environment", "name", "field", "is", "wanted", "note"}}
	for _, c := range changes {
		t.rows = append(t.rows, []string{string(c.Action), string(c.Resource), c.Environment, c.Name, c.Field, brief(c.Old), brief(c.New), c.Note})
	}
	return t
}

// brief keeps a cell of a table on its line.
func brief(text string) string {
	const most = 40
	runes := []rune(text)
	if len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

func (a *app) revertDrift(cmd *cobra.Command, changes []eventbus.Change, name string) error {
	var undone []eventbus.Change
	for _, c := range changes {
		if c.Name == name {
			undone = append(undone, c)
		}
	}
	if len(undone) == 0 {
		return eventbus.Errorf(eventbus.CodeNotFound, "nothing differs about %q", name)
	}
	if err := a.printTable(changeTable(undone)); err != nil {
		return err
	}
	if err := a.confirm("Undo this"); err != nil {
		return err
	}
	for _, c := range undone {
		if err := a.api().Do(cmd.Context(), http.MethodPost, "/api/v1/drift/revert", c, nil); err != nil {
			return err
		}
	}
	return nil
}
