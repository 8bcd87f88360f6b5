package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/enterprise-event-bus/eventbus/client"
)

// exitChanges is what plan and drift --detailed-exitcode end with when there is
// something to change, as terraform does.
const exitChanges = 2

// detailed makes --detailed-exitcode of a command: 0 nothing to change, 1 wrong
// usage or failed, 2 changes.
func detailed(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("detailed-exitcode", false, "exit 0 when there is nothing to change, 2 when there is, 1 after wrong usage")
}

func (a *app) planCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan FILE|DIR",
		Short: "Show the exact difference between manifests and the world",
		Long: "Reads manifests (kind Event, Grant, Environment) and the schema files that they name, and shows what apply\n" +
			"would change. Nothing is changed or recorded.",
		Args: cobra.ExactArgs(1),
	}
	exit := detailed(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		_, plan, err := a.showPlan(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if *exit && len(plan.Changes) > 0 {
			return exitError(exitChanges)
		}
		return nil
	}
	return cmd
}

// showPlan asks for the plan of the manifests at path, and shows it.
func (a *app) showPlan(ctx context.Context, path string) (files map[string]string, plan client.Plan, err error) {
	if files, err = a.readManifests(path); err != nil {
		return nil, client.Plan{}, err
	}
	if plan, err = a.api().Plan(ctx, files); err != nil {
		return nil, client.Plan{}, err
	}
	return files, plan, a.printPlan(plan)
}

// printPlan shows a plan; for people it is the text of the bus.
func (a *app) printPlan(plan client.Plan) error {
	if a.output == "table" {
		_, err := fmt.Fprint(a.out, plan.Text)
		return err
	}
	return a.print(plan, nil)
}

func (a *app) applyCommand() *cobra.Command {
	var destructive, approved bool
	cmd := &cobra.Command{
		Use:   "apply FILE|DIR",
		Short: "Make the world what manifests want",
		Long: "Shows the plan, asks (or takes --yes), and applies exactly what was shown: it is refused when the world moved\n" +
			"meanwhile. What would end access or quarantine a topic needs --allow-destructive; what needs approval needs a\n" +
			"bus-reviewer who says --approved.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			files, plan, err := a.showPlan(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if len(plan.Changes) > 0 {
				if err := a.confirm(fmt.Sprintf("Apply %d changes", len(plan.Changes))); err != nil {
					return err
				}
			}
			if err := a.api().Apply(cmd.Context(), files, plan, destructive, approved); err != nil {
				return err
			}
			if len(plan.Changes) > 0 {
				a.say("%d changes applied, plan %s", len(plan.Changes), plan.ID)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&destructive, "allow-destructive", false, "access may end and topics may be quarantined or deleted")
	cmd.Flags().BoolVar(&approved, "approved", false, "what needs approval was agreed to (bus-reviewers)")
	return cmd
}
