package main

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/client"
)

func (a *app) requestSubmitCommand() *cobra.Command {
	var id string
	var draft bool
	cmd := &cobra.Command{
		Use:   "submit [FILE]",
		Short: "Submit a request, or a changed one again",
		Long: "Submits the request of a file. --id replaces the content of a request that is there, such as one whose\n" +
			"reviewers asked for changes; --id without a file submits it as it stands. Every fault is shown with line and\n" +
			"column, and nothing is submitted while there is one.",
		Example: "  eventbus request submit producer.yaml\n  eventbus request submit producer.yaml --id req-1a2b3c4d5e",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, api := cmd.Context(), a.api()
			if len(args) == 0 {
				if id == "" || draft {
					return usageError{errors.New("name a file, or a request with --id")}
				}
				var r eventbus.Request
				err := api.Do(ctx, http.MethodPost, "/api/v1/requests/"+url.PathEscape(id)+"/submit", nil, &r)
				return a.printStanding(r, err)
			}
			text, err := a.readInput(args[0])
			if err != nil {
				return err
			}
			var r eventbus.Request
			if id == "" {
				r, err = api.SubmitRequest(ctx, text, draft)
			} else {
				r, err = api.SaveRequest(ctx, id, text, !draft)
			}
			return a.printStanding(r, inFile(args[0], err))
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "request whose content the file replaces")
	cmd.Flags().BoolVar(&draft, "draft", false, "only save it")
	_ = cmd.RegisterFlagCompletionFunc("id", a.completeRequests) // the flag is there
	return cmd
}

func (a *app) requestPlanCommand() *cobra.Command {
	var environment string
	cmd := &cobra.Command{
		Use: "plan ID", Short: "Show what approving a request would change in an environment", Args: cobra.ExactArgs(1),
		ValidArgsFunction: a.completeRequests,
		RunE: func(cmd *cobra.Command, args []string) error {
			var p client.Plan
			path := "/api/v1/requests/" + url.PathEscape(args[0]) + "/plan?environment=" + url.QueryEscape(environment)
			if err := a.api().Get(cmd.Context(), path, &p); err != nil {
				return err
			}
			return a.printPlan(p)
		},
	}
	cmd.Flags().StringVar(&environment, "environment", "development", "environment that is looked at")
	return cmd
}

// inFile names the file in faults that know only line and column.
func inFile(file string, err error) error {
	var e *eventbus.Error
	if errors.As(err, &e) {
		for i := range e.Faults {
			if e.Faults[i].File == "" && e.Faults[i].Line > 0 {
				e.Faults[i].File = file
			}
		}
	}
	return err
}
