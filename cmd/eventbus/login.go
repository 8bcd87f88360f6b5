package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/client"
)

func (a *app) loginCommand() *cobra.Command {
	var persona string
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Sign in to the bus, through the portal or in `dev` as a persona",
		Long: "Shows a code that you confirm in the portal, and keeps the token that it gets, for the server of --server.\n" +
			"In `dev`, --as signs in as a person of the demo organisation through the same OpenID Connect road. EVENTBUS_TOKEN\n" +
			"wins over what is kept; `logout` forgets it.",
		Example: "  eventbus login --as producer",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			secret, err := a.signIn(cmd.Context(), persona)
			if err != nil {
				return err
			}
			return a.keepLogin(cmd.Context(), secret)
		},
	}
	cmd.Flags().StringVar(&persona, "as", "", "persona of `dev`: "+strings.Join(personas(), ", "))
	_ = cmd.RegisterFlagCompletionFunc("as", cobra.FixedCompletions(personas(), cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return cmd
}

func (a *app) signIn(ctx context.Context, persona string) (string, error) {
	if persona != "" {
		return a.signInAs(ctx, persona)
	}
	return a.signInByCode(ctx)
}

// signInAs walks the road of a browser: to the identity provider and back, and
// makes a token with the session that it brings.
func (a *app) signInAs(ctx context.Context, persona string) (string, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", err
	}
	browser := &http.Client{Jar: jar, Timeout: 30 * time.Second}
	server := strings.TrimRight(a.server, "/")
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server+"/login?as="+url.QueryEscape(persona), nil)
	if err != nil {
		return "", eventbus.Errorf(eventbus.CodeInvalid, "server address %q: %w", a.server, err)
	}
	response, err := browser.Do(request)
	if err != nil {
		return "", &eventbus.Error{Code: eventbus.CodeUnavailable, Message: "cannot sign in at " + a.server,
			Next: "start it with `eventbus dev`, or name another with --server", Err: err}
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20)) // the page is for browsers
	api := &client.API{Server: server, HTTP: browser}
	secret, _, err := api.CreateToken(ctx, "eventbus login on "+hostname(), nil, 7)
	if eventbus.CodeOf(err) == eventbus.CodeUnauthenticated {
		return "", &eventbus.Error{Code: eventbus.CodeUnauthenticated, Message: "there is no persona " + persona + " at " + a.server,
			Next: "those of `eventbus dev` are " + strings.Join(personas(), ", ") + "; elsewhere run `eventbus login` without --as"}
	}
	return secret, err
}

// personas are the people of `eventbus dev` (contract, "Formats").
func personas() []string {
	return []string{"producer", "producer2", "owner", "consumer", "bus-reviewer", "privacy-reviewer", "security-reviewer", "operator", "auditor"}
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "this machine"
	}
	return name
}

// pollEvery is how often the bus may be asked what became of a sign-in.
const pollEvery = 2100 * time.Millisecond

// signInByCode shows a code and waits until a person confirms it in the portal.
func (a *app) signInByCode(ctx context.Context) (string, error) {
	api := a.api()
	api.Token = ""
	var started struct {
		Code, Secret, Path string
		ExpiresAt          time.Time
	}
	if err := api.Do(ctx, http.MethodPost, "/api/v1/login/device", map[string]string{"client": "eventbus on " + hostname()}, &started); err != nil {
		return "", err
	}
	a.say("Open %s%s and confirm the code %s", strings.TrimRight(a.server, "/"), started.Path, started.Code)
	for {
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(pollEvery):
		}
		var polled struct{ State, Token string }
		err := api.Do(ctx, http.MethodPost, "/api/v1/login/device/poll", map[string]string{"secret": started.Secret}, &polled)
		switch {
		case eventbus.CodeOf(err) == eventbus.CodeLimited:
		case err != nil:
			return "", err
		case polled.Token != "":
			return polled.Token, nil
		}
	}
}

// keepLogin stores a token for the server and says who signed in.
func (a *app) keepLogin(ctx context.Context, secret string) error {
	person, err := (&client.API{Server: a.server, Token: secret}).Me(ctx)
	if err != nil {
		return err
	}
	file, err := a.loginFile(a.server)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return eventbus.Errorf(eventbus.CodeUnavailable, "create the folder for tokens: %w", err)
	}
	if err := writeFileAtomic(file, []byte(secret+"\n")); err != nil {
		return err
	}
	a.say("Signed in as %s at %s", person.ID, a.server)
	return nil
}

// loginFile is where `login` keeps a person's token for a server, 0600. It goes
// before the administrator's token of `dev`, which lies beside it.
func (a *app) loginFile(server string) (string, error) {
	file, err := a.tokenFile(server)
	return file + ".person", err
}

func (a *app) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "logout",
		Short: "Forget who signed in at the server; in `dev` you are the administrator again",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			file, err := a.loginFile(a.server)
			if err != nil {
				return err
			}
			if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
				return eventbus.Errorf(eventbus.CodeUnavailable, "forget the token: %w", err)
			}
			a.say("Nobody is signed in at %s on this machine any more", a.server)
			return nil
		},
	}
}
