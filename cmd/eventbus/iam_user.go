package main

import (
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/enterprise-event-bus/eventbus"
)

func (a *app) iamUserCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "user", Short: "Users: identities outside AWS that sign with access keys"}
	cmd.AddCommand(a.iamUserListCommand(), a.iamUserCreateCommand(), a.iamUserStateCommand("disable", true), a.iamUserStateCommand("enable", false),
		a.deleteCommand("USER", "Delete a user that has no keys", "/api/v1/iam/users/"))
	return cmd
}

func (a *app) iamUserListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the users", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var list struct{ Users []eventbus.IAMUser }
			if err := a.api().Get(cmd.Context(), "/api/v1/iam/users", &list); err != nil {
				return err
			}
			return a.print(list.Users, func() table {
				t := table{header: []string{"name", "arn", "team", "state", "policies"}}
				for _, u := range list.Users {
					t.rows = append(t.rows, []string{u.Name, u.ARN, u.Team, map[bool]string{true: "disabled", false: "active"}[u.Disabled], policyNames(u.Policies)})
				}
				return t
			})
		},
	}
}

func (a *app) iamUserCreateCommand() *cobra.Command {
	var team string
	cmd := &cobra.Command{
		Use: "create USER", Short: "Make a user", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in := map[string]string{"name": args[0]}
			if team != "" {
				in["team"] = team
			}
			var user eventbus.IAMUser
			if err := a.api().Do(cmd.Context(), http.MethodPost, "/api/v1/iam/users", in, &user); err != nil {
				return err
			}
			return a.print(user, func() table {
				return table{header: []string{"name", "arn"}, rows: [][]string{{user.Name, user.ARN}}}
			})
		},
	}
	cmd.Flags().StringVar(&team, "team", "", "team that it belongs to")
	return cmd
}

func (a *app) iamUserStateCommand(verb string, disabled bool) *cobra.Command {
	short := "Let a user work again"
	if disabled {
		short = "Stop a user, with everything obtained through its keys"
	}
	return &cobra.Command{
		Use: verb + " USER", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.api().Do(cmd.Context(), http.MethodPut, "/api/v1/iam/users/"+url.PathEscape(args[0])+"/state", map[string]bool{"disabled": disabled}, nil)
		},
	}
}
