package main

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/session"
)

func (a *app) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "token", Short: "Make and revoke your API tokens"}
	cmd.AddCommand(a.tokenCreateCommand(), a.tokenListCommand(), a.tokenRevokeCommand())
	return cmd
}

func (a *app) tokenCreateCommand() *cobra.Command {
	var scopes []string
	var days int
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make an API token; its secret is printed this once",
		Example: "  eventbus token create nightly-import --scope catalog:write --days 90\n" +
			"  export EVENTBUS_TOKEN=$(eventbus token create pipeline --scope apply)",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			secret, token, err := a.api().CreateToken(cmd.Context(), args[0], scopes, days)
			if err != nil {
				return err
			}
			if a.output == "table" {
				a.say("Token %s, until %s, may: %s", token.ID, token.ExpiresAt.Format(time.DateOnly), strings.Join(token.Scopes, ", "))
				_, err := a.out.Write([]byte(secret + "\n"))
				return err
			}
			return a.print(struct {
				Secret string            `json:"secret"`
				Token  eventbus.APIToken `json:"token"`
			}{secret, token}, nil)
		},
	}
	cmd.Flags().StringSliceVar(&scopes, "scope", nil, "what it may: "+strings.Join(session.ScopeNames(), ", ")+" (default: all that you may give)")
	cmd.Flags().IntVar(&days, "days", 30, "until it expires, 1 to 365")
	_ = cmd.RegisterFlagCompletionFunc("scope", cobra.FixedCompletions(session.ScopeNames(), cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return cmd
}

func (a *app) tokenListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List your API tokens, without their secrets", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var list struct{ Tokens []eventbus.APIToken }
			if err := a.api().Get(cmd.Context(), "/api/v1/tokens", &list); err != nil {
				return err
			}
			return a.print(list.Tokens, func() table {
				t := table{header: []string{"id", "name", "scopes", "expires", "revoked"}}
				for _, token := range list.Tokens {
					revoked := ""
					if !token.RevokedAt.IsZero() {
						revoked = token.RevokedAt.Format(time.DateOnly)
					}
					t.rows = append(t.rows, []string{token.ID, token.Name, strings.Join(token.Scopes, ","), token.ExpiresAt.Format(time.DateOnly), revoked})
				}
				return t
			})
		},
	}
}

func (a *app) tokenRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "Take an API token back", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.api().Do(cmd.Context(), http.MethodDelete, "/api/v1/tokens/"+url.PathEscape(args[0]), nil, nil)
		},
	}
}
