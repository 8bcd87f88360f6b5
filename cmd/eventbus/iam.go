package main

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/enterprise-event-bus/eventbus"
)

func (a *app) iamCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "iam", Short: "Principals of the bus's own directory: users, roles, policies, keys"}
	cmd.AddCommand(a.iamUserCommand(), a.iamRoleCommand(), a.iamPolicyCommand(), a.iamKeyCommand(), a.iamSimulateCommand())
	return cmd
}

// deleteCommand deletes one thing after asking.
func (a *app) deleteCommand(use, short, path string) *cobra.Command {
	return &cobra.Command{
		Use: "delete " + use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.confirm("Delete " + args[0]); err != nil {
				return err
			}
			return a.api().Do(cmd.Context(), http.MethodDelete, path+url.PathEscape(args[0]), nil, nil)
		},
	}
}

func (a *app) iamSimulateCommand() *cobra.Command {
	var principal, action, resource string
	var context map[string]string
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Say whether a principal may do something, and which statement decides",
		Long: "Evaluates the policies as a request would, without doing or recording anything. --resource is an ARN, or the bare\n" +
			"name of a topic, group or transactional id as the action takes it, or \"cluster\". Members ask about the principals\n" +
			"of their own teams; reviewers, operators and auditors about all. Exit code 4 when it is denied.",
		Example: "  eventbus iam simulate --principal test-producer --action kafka-cluster:WriteData --resource test",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var decision struct {
				Allowed   bool   `json:"allowed"`
				Explicit  bool   `json:"explicit"`
				Policy    string `json:"policy,omitempty"`
				Statement string `json:"statement,omitempty"`
				Reason    string `json:"reason"`
				Resource  string `json:"resource"`
			}
			in := map[string]any{"principal": principal, "action": action, "resource": resource}
			if len(context) > 0 {
				given := map[string][]string{}
				for key, value := range context {
					given[key] = []string{value}
				}
				in["context"] = given
			}
			if err := a.api().Do(cmd.Context(), http.MethodPost, "/api/v1/iam/simulate", in, &decision); err != nil {
				return err
			}
			verdict := map[bool]string{true: "allowed", false: "denied"}[decision.Allowed]
			err := a.print(decision, func() table {
				return table{header: []string{"verdict", "policy", "statement", "reason"}, rows: [][]string{{verdict, decision.Policy, decision.Statement, decision.Reason}}}
			})
			if err == nil && !decision.Allowed {
				return exitError(exitForbidden)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&principal, "principal", "", "ARN or bare name of a user or role")
	cmd.Flags().StringVar(&action, "action", "", "kafka-cluster:ReadData, …")
	cmd.Flags().StringVar(&resource, "resource", "", "ARN, or the name of a topic, group or transactional id")
	cmd.Flags().StringToStringVar(&context, "context", nil, "condition keys: aws:SourceIp=10.0.0.7")
	requireFlags(cmd, "principal", "action", "resource")
	return cmd
}

// ownerPath gives the path of the user or role that --user or --role names.
func ownerPath(user, role string) (string, error) {
	switch {
	case (user == "") == (role == ""):
		return "", usageError{errors.New("name one of --user and --role")}
	case user != "":
		return "/api/v1/iam/users/" + url.PathEscape(user), nil
	default:
		return "/api/v1/iam/roles/" + url.PathEscape(role), nil
	}
}

func policyNames(policies []eventbus.AttachedPolicy) string {
	names := make([]string, len(policies))
	for i, p := range policies {
		names[i] = p.Name
	}
	return strings.Join(names, ", ")
}
