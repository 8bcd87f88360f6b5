package main

import (
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/enterprise-event-bus/eventbus"
)

func (a *app) iamKeyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "key", Short: "Access keys of users"}
	cmd.AddCommand(a.iamKeyListCommand(),
		a.newKeyCommand("create USER", "Make an access key; its secret is printed this once", "/api/v1/iam/users/", "/keys"),
		a.newKeyCommand("rotate KEY", "Make a second key next to this one, which goes on working", "/api/v1/iam/keys/", "/rotate"),
		a.newKeyCommand("collect USER", "Take the key that provisioning made for you; its secret is printed this once", "/api/v1/iam/users/", "/keys/collect"),
		a.iamKeyDisableCommand(), a.deleteCommand("KEY", "Delete a key; everything that stands on it ends", "/api/v1/iam/keys/"))
	return cmd
}

func (a *app) iamKeyListCommand() *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use: "list", Short: "List access keys, without their secrets", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var list struct{ Keys []eventbus.AccessKey }
			if err := a.api().Get(cmd.Context(), "/api/v1/iam/keys?user="+url.QueryEscape(user), &list); err != nil {
				return err
			}
			return a.print(list.Keys, func() table {
				t := table{header: []string{"id", "user", "state", "created", "last used"}}
				for _, k := range list.Keys {
					used := "never"
					if !k.LastUsed.IsZero() {
						used = k.LastUsed.Format(time.RFC3339)
					}
					t.rows = append(t.rows, []string{k.ID, k.User, map[bool]string{true: "disabled", false: "active"}[k.Disabled], k.CreatedAt.Format(time.DateOnly), used})
				}
				return t
			})
		},
	}
	cmd.Flags().StringVar(&user, "user", "", "only of this user")
	return cmd
}

func (a *app) newKeyCommand(use, short, before, after string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var key struct {
				ID     string `json:"id"`
				Secret string `json:"secret"`
			}
			if err := a.api().Do(cmd.Context(), http.MethodPost, before+url.PathEscape(args[0])+after, nil, &key); err != nil {
				return err
			}
			return a.print(key, func() table {
				return table{header: []string{"id", "secret (shown this once)"}, rows: [][]string{{key.ID, key.Secret}}}
			})
		},
	}
}

func (a *app) iamKeyDisableCommand() *cobra.Command {
	return &cobra.Command{
		Use: "disable KEY", Short: "End everything that stands on a key", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.api().Do(cmd.Context(), http.MethodPost, "/api/v1/iam/keys/"+url.PathEscape(args[0])+"/disable", nil, nil)
		},
	}
}
