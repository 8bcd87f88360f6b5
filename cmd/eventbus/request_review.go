package main

import (
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/enterprise-event-bus/eventbus"
)

// decideCommand is approve, ask or reject: one decision on one stage.
func (a *app) decideCommand(use, short string, decision eventbus.Decision) *cobra.Command {
	var stage, environment, reason, seen string
	cmd := &cobra.Command{
		Use: use + " ID", Short: short, Args: cobra.ExactArgs(1), ValidArgsFunction: a.completeRequests,
		RunE: func(cmd *cobra.Command, args []string) error {
			var r eventbus.Request
			err := a.api().Do(cmd.Context(), http.MethodPost, "/api/v1/requests/"+url.PathEscape(args[0])+"/decisions",
				map[string]string{"stage": stage, "environment": environment, "decision": string(decision), "reason": reason, "contentHash": seen}, &r)
			return a.printStanding(r, err)
		},
	}
	cmd.Flags().StringVar(&stage, "stage", "", "bus, owner, privacy, security or production")
	cmd.Flags().StringVar(&environment, "environment", "", "environment, for the stage production")
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	cmd.Flags().StringVar(&seen, "content-hash", "", "of the content that you read (contentHash of request show -o json); refused when it was edited since")
	required := []string{"stage"}
	if decision != eventbus.DecisionApprove {
		required = append(required, "reason")
	}
	requireFlags(cmd, required...)
	_ = cmd.RegisterFlagCompletionFunc("stage", cobra.FixedCompletions( // the flag is there
		[]string{"bus", "owner", "privacy", "security", "production"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) requestApproveCommand() *cobra.Command {
	return a.decideCommand("approve", "Approve a stage", eventbus.DecisionApprove)
}

func (a *app) requestAskCommand() *cobra.Command {
	return a.decideCommand("ask", "Ask the team for changes", eventbus.DecisionAskChanges)
}

func (a *app) requestRejectCommand() *cobra.Command {
	return a.decideCommand("reject", "Reject a request for good", eventbus.DecisionReject)
}

func (a *app) requestGateCommand() *cobra.Command {
	var g eventbus.Gate
	cmd := &cobra.Command{
		Use: "gate ID GATE", Short: "Record what you found about a gate (ATO, PTA, ESECC, …)", Args: cobra.ExactArgs(2),
		Example:           "  eventbus request gate req-1a2b3c4d5e ATO --state passed --evidence eMASS-1234 --expires 2028-06-30",
		ValidArgsFunction: a.completeRequests,
		RunE: func(cmd *cobra.Command, args []string) error {
			g.Kind = eventbus.GateKind(args[1])
			return a.printStanding(a.api().SetGate(cmd.Context(), args[0], g))
		},
	}
	flags := cmd.Flags()
	flags.StringVar((*string)(&g.State), "state", "", "passed, not-required, failed or open")
	flags.StringVar(&g.Evidence, "evidence", "", "id or link")
	flags.StringVar(&g.Expires, "expires", "", "last day on which the evidence holds, YYYY-MM-DD")
	flags.StringVar(&g.Reason, "reason", "", "why; needed for not-required and failed")
	requireFlags(cmd, "state")
	return cmd
}

func (a *app) requestCommentCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use: "comment ID TEXT", Short: "Add a comment", Args: cobra.ExactArgs(2), ValidArgsFunction: a.completeRequests,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.printStanding(a.api().Comment(cmd.Context(), args[0], args[1], path))
		},
	}
	cmd.Flags().StringVar(&path, "path", "", "field that it is about: topic.partitions")
	return cmd
}

func (a *app) requestAcknowledgeCommand() *cobra.Command {
	var team, reason string
	cmd := &cobra.Command{
		Use: "acknowledge ID", Short: "Say that your team, which consumes the event, has seen a change", Args: cobra.ExactArgs(1),
		ValidArgsFunction: a.completeRequests,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.printStanding(a.api().Acknowledge(cmd.Context(), args[0], team, reason))
		},
	}
	cmd.Flags().StringVar(&team, "team", "", "consuming team; needed when you belong to several")
	cmd.Flags().StringVar(&reason, "reason", "", "what you want to add")
	return cmd
}

func (a *app) requestPromoteCommand() *cobra.Command {
	environment := "production"
	cmd := &cobra.Command{
		Use: "promote ID", Short: "Ask for production, once the lower environments are active", Args: cobra.ExactArgs(1),
		ValidArgsFunction: a.completeRequests,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.printStanding(a.api().Promote(cmd.Context(), args[0], environment))
		},
	}
	cmd.Flags().StringVar(&environment, "environment", environment, "production environment")
	return cmd
}

func (a *app) requestWithdrawCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "withdraw ID", Short: "Withdraw a request that nothing was provisioned for", Args: cobra.ExactArgs(1),
		ValidArgsFunction: a.completeRequests,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.printStanding(a.api().Withdraw(cmd.Context(), args[0], reason))
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}
