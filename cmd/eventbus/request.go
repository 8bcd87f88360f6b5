package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/enterprise-event-bus/eventbus"
)

func (a *app) requestCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "request", Short: "Ask for an event or for access to one, and review what others ask for"}
	cmd.AddCommand(a.requestSubmitCommand(), a.requestListCommand(), a.requestShowCommand(),
		a.requestCommentCommand(), a.requestApproveCommand(), a.requestAskCommand(), a.requestRejectCommand(),
		a.requestGateCommand(), a.requestAcknowledgeCommand(), a.requestPromoteCommand(), a.requestWithdrawCommand(),
		a.requestPlanCommand())
	return cmd
}

// standing is what scripts read of a request (contract, "Formats").
type standing struct {
	ID        string                `json:"id"`
	State     eventbus.RequestState `json:"state"`
	WaitingOn []eventbus.Waiting    `json:"waitingOn"`
}

// printStanding tells where a request stands.
func (a *app) printStanding(r eventbus.Request, err error) error {
	if err != nil {
		return err
	}
	s := standing{ID: r.ID, State: r.State, WaitingOn: r.WaitingOn}
	if s.WaitingOn == nil {
		s.WaitingOn = []eventbus.Waiting{}
	}
	return a.print(s, func() table {
		return table{header: []string{"id", "state", "waiting on"}, rows: [][]string{{r.ID, string(r.State), waitingText(r.WaitingOn)}}}
	})
}

func waitingText(list []eventbus.Waiting) string {
	parts := make([]string, len(list))
	for i, w := range list {
		parts[i] = w.Who + ": " + w.For
		if w.Environment != "" {
			parts[i] += " (" + w.Environment + ")"
		}
	}
	return strings.Join(parts, "; ")
}

func (a *app) requestListCommand() *cobra.Command {
	var q eventbus.RequestQuery
	cmd := &cobra.Command{
		Use: "list", Short: "List the requests that you may see, newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := a.api().Requests(cmd.Context(), q)
			if err != nil {
				return err
			}
			return a.print(list, func() table {
				t := table{header: []string{"id", "kind", "event", "team", "state", "waiting on"}}
				for _, r := range list {
					t.rows = append(t.rows, []string{r.ID, string(r.Kind), r.Event, r.Team, string(r.State), waitingText(r.WaitingOn)})
				}
				return t
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar((*string)(&q.State), "state", "", "only in this state")
	flags.StringVar((*string)(&q.Kind), "kind", "", "only of this kind: ProducerRequest, ConsumerRequest, ChangeRequest, OffboardingRequest")
	flags.StringVar(&q.Event, "event", "", "only about this event")
	flags.StringVar(&q.Team, "team", "", "only of this team")
	flags.BoolVar(&q.OpenOnly, "open", false, "leave out what is final or active")
	flags.IntVar(&q.Limit, "limit", 100, "at most so many, 1 to 1000")
	return cmd
}

func (a *app) requestShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a request: where it stands, its gates and approvals", Args: cobra.ExactArgs(1),
		ValidArgsFunction: a.completeRequests,
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := a.api().Request(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.print(r, func() table { return requestTable(r) })
		},
	}
}

func requestTable(r eventbus.Request) table {
	t := table{header: []string{"property", "value"}, rows: [][]string{
		{"id", r.ID}, {"kind", string(r.Kind)}, {"title", r.Title}, {"event", r.Event}, {"team", r.Team},
		{"state", string(r.State)}, {"submitter", r.Submitter}, {"waiting on", waitingText(r.WaitingOn)},
	}}
	for _, e := range r.Environments {
		text := string(e.State)
		if e.Error != "" {
			text += ": " + e.Error
		}
		t.rows = append(t.rows, []string{"environment " + e.Name, text})
	}
	for _, g := range r.Gates {
		t.rows = append(t.rows, []string{"gate " + string(g.Kind), gateText(g)})
	}
	for _, d := range r.Approvals {
		text := fmt.Sprintf("%s by %s", d.Decision, d.By)
		if d.Void {
			text += ", void since an edit"
		}
		if d.Reason != "" {
			text += ": " + d.Reason
		}
		t.rows = append(t.rows, []string{strings.TrimSpace("stage " + string(d.Stage) + " " + d.Environment), text})
	}
	for _, c := range r.Comments {
		t.rows = append(t.rows, []string{"comment of " + c.By, strings.TrimSpace(c.Path + " " + c.Text)})
	}
	return t
}

// gateText says how a gate stands, and what it blocks while it does not hold.
func gateText(g eventbus.Gate) string {
	text := strings.TrimSpace(string(g.State) + " " + g.Evidence)
	switch g.State {
	case eventbus.GateNotRequired:
		return text + ": " + g.Reason
	case eventbus.GatePassed:
		if g.Expires != "" {
			text += " until " + g.Expires
		}
		return text
	default:
		return text + ", blocks " + strings.Join(g.Blocks, ", ")
	}
}

// completeRequests offers the ids of open requests to the shell.
func (a *app) completeRequests(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	list, err := a.api().Requests(cmd.Context(), eventbus.RequestQuery{Limit: 100})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ids []string
	for _, r := range list {
		ids = append(ids, r.ID+"\t"+r.Title)
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}
