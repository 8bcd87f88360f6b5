package main

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/enterprise-event-bus/eventbus"
)

func (a *app) iamPolicyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "policy", Short: "Policies of users and roles"}
	cmd.AddCommand(a.iamPolicyListCommand(), a.iamPolicyPutCommand(), a.iamPolicyDeleteCommand())
	return cmd
}

func ownerFlags(cmd *cobra.Command) (user, role *string) {
	user = cmd.Flags().String("user", "", "user that has the policy")
	role = cmd.Flags().String("role", "", "role that has the policy")
	return user, role
}

func (a *app) iamPolicyListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the policies of all users and roles", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var users struct{ Users []eventbus.IAMUser }
			var roles struct{ Roles []eventbus.IAMRole }
			if err := a.api().Get(cmd.Context(), "/api/v1/iam/users", &users); err != nil {
				return err
			}
			if err := a.api().Get(cmd.Context(), "/api/v1/iam/roles", &roles); err != nil {
				return err
			}
			type attached struct {
				Owner    string `json:"owner"`
				Name     string `json:"name"`
				Document string `json:"document"`
			}
			list := []attached{}
			for _, u := range users.Users {
				for _, p := range u.Policies {
					list = append(list, attached{u.ARN, p.Name, p.Document})
				}
			}
			for _, r := range roles.Roles {
				for _, p := range r.Policies {
					list = append(list, attached{r.ARN, p.Name, p.Document})
				}
			}
			return a.print(list, func() table {
				t := table{header: []string{"owner", "name", "document"}}
				for _, p := range list {
					t.rows = append(t.rows, []string{p.Owner, p.Name, brief(p.Document)})
				}
				return t
			})
		},
	}
}

func (a *app) iamPolicyPutCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "put NAME FILE",
		Short: "Attach a policy, with the linter's remarks; sessions of the owner end",
		Args:  cobra.ExactArgs(2),
	}
	user, role := ownerFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		path, err := ownerPath(*user, *role)
		if err != nil {
			return err
		}
		text, err := a.readInput(args[1])
		if err != nil {
			return err
		}
		if !json.Valid(text) {
			return eventbus.Invalid("the policy was refused, nothing was changed", eventbus.Fault{File: args[1], Message: "is not JSON"})
		}
		var out struct {
			Owner    string `json:"owner"`
			Findings []struct {
				Code, Severity, Statement, Message, Fix string
			} `json:"findings"`
		}
		in := map[string]json.RawMessage{"document": text}
		if err := a.api().Do(cmd.Context(), http.MethodPut, path+"/policies/"+url.PathEscape(args[0]), in, &out); err != nil {
			return err
		}
		return a.print(out, func() table {
			t := table{header: []string{"severity", "statement", "remark", "what to do"}}
			for _, f := range out.Findings {
				t.rows = append(t.rows, []string{f.Severity, f.Statement, f.Message, f.Fix})
			}
			return t
		})
	}
	return cmd
}

func (a *app) iamPolicyDeleteCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "delete NAME", Short: "Take a policy off a user or role", Args: cobra.ExactArgs(1)}
	user, role := ownerFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		path, err := ownerPath(*user, *role)
		if err != nil {
			return err
		}
		if err := a.confirm("Delete policy " + args[0]); err != nil {
			return err
		}
		return a.api().Do(cmd.Context(), http.MethodDelete, path+"/policies/"+url.PathEscape(args[0]), nil, nil)
	}
	return cmd
}
