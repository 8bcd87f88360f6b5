package portal

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/session"
)

// settingsView is a person's profile and tokens.
type settingsView struct {
	Facts   []Fact
	Tokens  []tokenRow
	Scopes  []Choice
	Days    []Choice
	Name    string
	Secret  string // of the token just made; shown this once
	Problem string
	Faults  []string
}

type tokenRow struct {
	ID, Name, Scopes, Made, Expires, LastUsed string
	State                                     Pill
	Live                                      bool
}

func (p *Portal) settingsPage(w http.ResponseWriter, v visit) error {
	return p.settings(w, v, http.StatusOK, settingsView{})
}

func (p *Portal) settings(w http.ResponseWriter, v visit, status int, view settingsView) error {
	person := v.actor.Person
	var roles []string
	for _, r := range person.Roles {
		roles = append(roles, strings.ReplaceAll(string(r), "-", " "))
	}
	view.Facts = []Fact{{Term: "Name", Text: person.Name}, {Term: "Mail", Text: person.Email}, {Term: "Id", Text: person.ID, Mono: true},
		{Term: "Roles", Text: sentence(strings.Join(roles, ", "))}, {Term: "Teams", Text: strings.Join(person.Teams, ", ")}}
	chosen := v.PostForm["scope"]
	for _, s := range session.Scopes() {
		view.Scopes = append(view.Scopes, Choice{Value: s.Name, Label: s.Name, Hint: s.May, Chosen: slices.Contains(chosen, s.Name)})
	}
	for _, d := range []int{7, 30, 90, 365} {
		view.Days = append(view.Days, Choice{Value: strconv.Itoa(d), Label: count(int64(d), "day"), Chosen: d == 30})
	}
	tokens, err := p.parts.Sessions.Tokens(v.Context(), v.actor)
	if err != nil {
		return err
	}
	for _, t := range tokens {
		view.Tokens = append(view.Tokens, p.tokenRow(t))
	}
	return p.render(w, v, status, "settings", Shell{Title: "Settings", Lede: "Who you are to the bus, and the tokens that act for you.",
		Elsewhere: Elsewhere{CLI: p.cli("token", "create", "build", "--scope", "read") + "\n" + p.cli("token", "list"), Curl: p.curl("/api/v1/tokens")}}, view)
}

func (p *Portal) tokenRow(t eventbus.APIToken) tokenRow {
	now := p.cfg.Now()
	row := tokenRow{ID: t.ID, Name: t.Name, Scopes: strings.Join(t.Scopes, ", "), Made: day(t.CreatedAt), Expires: day(t.ExpiresAt), LastUsed: ago(now, t.LastUsed), State: Pill{"In force", ToneGood, "check_circle"}, Live: true}
	switch {
	case !t.RevokedAt.IsZero():
		row.State, row.Live = Pill{"Revoked " + day(t.RevokedAt), ToneQuiet, "cancel"}, false
	case t.ExpiresAt.Before(now):
		row.State, row.Live = Pill{"Expired", ToneQuiet, "schedule"}, false
	}
	return row
}

func (p *Portal) tokenCreate(w http.ResponseWriter, v visit) error {
	if err := parseForm(v.Request); err != nil {
		return err
	}
	days, _ := strconv.Atoi(v.PostFormValue("days"))
	secret, _, err := p.parts.Sessions.CreateToken(v.Context(), v.actor, strings.TrimSpace(v.PostFormValue("name")), v.PostForm["scope"], time.Duration(days)*24*time.Hour)
	if err == nil {
		return p.settings(w, v, http.StatusOK, settingsView{Secret: secret})
	}
	code := eventbus.CodeOf(err)
	if code != eventbus.CodeInvalid && code != eventbus.CodeForbidden && code != eventbus.CodeLimited {
		return err
	}
	view := settingsView{Name: v.PostFormValue("name"), Problem: sentence(message(err))}
	for _, f := range eventbus.FaultsOf(err) {
		view.Faults = append(view.Faults, f.String())
	}
	return p.settings(w, v, statuses[code].status, view)
}

func (p *Portal) tokenRevoke(w http.ResponseWriter, v visit) error {
	if err := p.parts.Sessions.RevokeToken(v.Context(), v.actor, v.PathValue("id")); err != nil {
		return err
	}
	http.Redirect(w, v.Request, "/settings#tokens", http.StatusSeeOther)
	return nil
}

// sessionsEnd signs the person out in every browser, this one too.
func (p *Portal) sessionsEnd(w http.ResponseWriter, v visit) error {
	if err := p.parts.Sessions.LogoutEverywhere(v.Context(), v.actor); err != nil {
		return err
	}
	http.SetCookie(w, p.parts.Sessions.SessionCookie(""))
	http.Redirect(w, v.Request, "/login", http.StatusSeeOther)
	return nil
}

// deviceView lets a person confirm a sign-in of the command line.
type deviceView struct {
	Code    string
	Client  string
	From    string
	Started string
	Problem string
	Done    string
}

// devicePage asks for a code, or shows what it stands for.
func (p *Portal) devicePage(w http.ResponseWriter, v visit) error {
	view := deviceView{Code: strings.ToUpper(strings.TrimSpace(v.URL.Query().Get("code")))}
	status := http.StatusOK
	if view.Code != "" {
		d, err := p.parts.Sessions.Device(v.Context(), v.actor, view.Code)
		if err != nil {
			view.Problem, status = sentence(message(err)), statuses[eventbus.CodeOf(err)].status
		} else {
			view.Client, view.From, view.Started = d.Client, d.From, ago(p.cfg.Now(), d.StartedAt)
		}
	}
	return p.render(w, v, status, "device", Shell{Title: "Connect a device", Lede: "Let the command line on another machine act for you."}, view)
}

func (p *Portal) deviceAnswer(w http.ResponseWriter, v visit) error {
	if err := parseForm(v.Request); err != nil {
		return err
	}
	code, view := strings.TrimSpace(v.PostFormValue("code")), deviceView{}
	if v.PostFormValue("answer") == "allow" {
		if err := p.parts.Sessions.ConfirmDevice(v.Context(), v.actor, code); err != nil {
			return err
		}
		view.Done = "The device may act for you for seven days. You can revoke its token under Settings."
	} else {
		if err := p.parts.Sessions.DenyDevice(v.Context(), v.actor, code); err != nil {
			return err
		}
		view.Done = "The device was refused. If you did not start this sign-in, tell the Event Bus team."
	}
	return p.render(w, v, http.StatusOK, "device", Shell{Title: "Connect a device"}, view)
}
