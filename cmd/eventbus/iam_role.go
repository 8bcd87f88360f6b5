package main

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/enterprise-event-bus/eventbus"
)

func (a *app) iamRoleCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "role", Short: "Roles, and who may assume them"}
	cmd.AddCommand(a.iamRoleListCommand(), a.iamRoleCreateCommand(), a.iamRoleTrustCommand(),
		a.deleteCommand("ROLE", "Delete a role; its sessions end", "/api/v1/iam/roles/"))
	return cmd
}

func (a *app) iamRoleListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the roles", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var list struct{ Roles []eventbus.IAMRole }
			if err := a.api().Get(cmd.Context(), "/api/v1/iam/roles", &list); err != nil {
				return err
			}
			return a.print(list.Roles, func() table {
				t := table{header: []string{"name", "arn", "team", "policies"}}
				for _, r := range list.Roles {
					t.rows = append(t.rows, []string{r.Name, r.ARN, r.Team, policyNames(r.Policies)})
				}
				return t
			})
		},
	}
}

// trustFlags are the two ways to say who may assume a role.
type trustFlags struct {
	trustedBy []string
	file      string
}

func (f *trustFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.trustedBy, "trusted-by", nil, "ARNs of users and roles that may assume it")
	cmd.Flags().StringVar(&f.file, "trust-file", "", "trust policy document instead")
}

func (f *trustFlags) body(a *app) (map[string]any, error) {
	if (f.file == "") == (len(f.trustedBy) == 0) {
		return nil, usageError{errors.New("name one of --trusted-by and --trust-file")}
	}
	if f.file == "" {
		return map[string]any{"trustedBy": f.trustedBy}, nil
	}
	text, err := a.readInput(f.file)
	return map[string]any{"trust": string(text)}, err
}

func (a *app) iamRoleCreateCommand() *cobra.Command {
	var trust trustFlags
	var team string
	var session time.Duration
	cmd := &cobra.Command{
		Use: "create ROLE", Short: "Make a role", Args: cobra.ExactArgs(1),
		Example: "  eventbus iam role create letters-producer --trusted-by arn:aws-us-gov:iam::123456789012:user/letters",
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := trust.body(a)
			if err != nil {
				return err
			}
			in["name"] = args[0]
			if team != "" {
				in["team"] = team
			}
			if session != 0 {
				in["maxSessionSeconds"] = int(session / time.Second)
			}
			var role eventbus.IAMRole
			if err := a.api().Do(cmd.Context(), http.MethodPost, "/api/v1/iam/roles", in, &role); err != nil {
				return err
			}
			return a.print(role, func() table {
				return table{header: []string{"name", "arn"}, rows: [][]string{{role.Name, role.ARN}}}
			})
		},
	}
	trust.add(cmd)
	cmd.Flags().StringVar(&team, "team", "", "team that it belongs to")
	cmd.Flags().DurationVar(&session, "max-session", 0, "longest session, 15m to 12h (default 1h)")
	return cmd
}

func (a *app) iamRoleTrustCommand() *cobra.Command {
	var trust trustFlags
	cmd := &cobra.Command{
		Use: "trust ROLE", Short: "Say anew who may assume a role; its sessions end", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := trust.body(a)
			if err != nil {
				return err
			}
			return a.api().Do(cmd.Context(), http.MethodPut, "/api/v1/iam/roles/"+url.PathEscape(args[0])+"/trust", in, nil)
		},
	}
	trust.add(cmd)
	return cmd
}
