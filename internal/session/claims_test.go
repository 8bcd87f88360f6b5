package session_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc/oidctest"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/clocktest"
	"github.com/enterprise-event-bus/eventbus/internal/session"
)

// agency is an identity provider whose answers a test writes.
type agency struct {
	clock  *clocktest.Clock
	url    string
	key    *ecdsa.PrivateKey
	down   bool
	claims func(good map[string]any) map[string]any
	sign   func(claims string) string
	token  http.HandlerFunc
	asked  int
	basic  bool // the client identified itself by the Authorization header
}

func newAgency(t *testing.T, c *clocktest.Clock) *agency {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &agency{clock: c, key: key}
	known := &oidctest.Server{PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: "k", Algorithm: "ES256"}}, Algorithms: []string{"ES256"}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) { a.token(w, r) })
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		a.asked++
		if a.down {
			http.Error(w, "starting", http.StatusBadGateway)
			return
		}
		known.ServeHTTP(w, r)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	a.url = server.URL
	known.SetIssuer(server.URL)
	a.claims = func(good map[string]any) map[string]any { return good }
	a.sign = func(claims string) string { return oidctest.SignIDToken(a.key, "k", "ES256", claims) }
	return a
}

// answer makes the token endpoint answer a sign-in.
func (a *agency) answer(nonce string) {
	a.token = func(w http.ResponseWriter, r *http.Request) {
		_, _, a.basic = r.BasicAuth()
		good := map[string]any{"iss": a.url, "sub": "u-1", "aud": "eventbus", "nonce": nonce, "exp": a.clock.Now().Add(time.Hour).Unix(),
			"name": "Kim", "email": "kim@example.org", "groups": []string{"bus-owners", "team-claims"}}
		text, _ := json.Marshal(a.claims(good))
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": a.sign(string(text))})
	}
}

// signIn takes the way through the agency.
func (a *agency) signIn(s *session.Sessions) (string, eventbus.Person, error) {
	to, cookie, err := s.BeginLogin(ctx, "/", "")
	if err != nil {
		return "", eventbus.Person{}, err
	}
	u, err := url.Parse(to)
	if err != nil {
		return "", eventbus.Person{}, err
	}
	if a.token == nil {
		a.answer(u.Query().Get("nonce"))
	}
	id, person, _, err := s.FinishLogin(ctx, url.Values{"code": {"c"}, "state": {u.Query().Get("state")}}, cookie, "192.0.2.7:1")
	return id, person, err
}

func agencyConfig(a *agency) session.Config {
	return session.Config{Issuer: a.url, ClientID: "eventbus", RedirectURL: "https://bus.example.org/login/callback", TeamPrefix: "team-",
		GroupRoles: map[string][]eventbus.Role{"bus-owners": {eventbus.RoleOwner}, "bus-ops": {eventbus.RoleOperator, eventbus.RoleAuditor}},
		GroupTeams: map[string][]string{"CN=Forms": {"forms", "intake"}}, Now: a.clock.Now}
}

func with(name string, value any) func(map[string]any) map[string]any {
	return func(good map[string]any) map[string]any {
		changed := maps.Clone(good)
		if value == nil {
			delete(changed, name)
		} else {
			changed[name] = value
		}
		return changed
	}
}

// TestIdentityTokenRefused: an identity token that fails in one point signs
// nobody in.
func TestIdentityTokenRefused(t *testing.T) {
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		setup func(a *agency)
		want  eventbus.Code
	}{
		{"other nonce", func(a *agency) { a.claims = with("nonce", "other") }, eventbus.CodeUnauthenticated},
		{"no nonce", func(a *agency) { a.claims = with("nonce", nil) }, eventbus.CodeUnauthenticated},
		{"other audience", func(a *agency) { a.claims = with("aud", "payroll") }, eventbus.CodeUnauthenticated},
		{"two audiences, other party", func(a *agency) { a.claims = with("aud", []string{"eventbus", "payroll"}) }, eventbus.CodeUnauthenticated},
		{"other issuer", func(a *agency) { a.claims = with("iss", "https://evil.example") }, eventbus.CodeUnauthenticated},
		{"expired", func(a *agency) { a.claims = with("exp", a.clock.Now().Add(-time.Second).Unix()) }, eventbus.CodeUnauthenticated},
		{"no expiry", func(a *agency) { a.claims = with("exp", nil) }, eventbus.CodeUnauthenticated},
		{"no subject", func(a *agency) { a.claims = with("sub", nil) }, eventbus.CodeUnauthenticated},
		{"subject of the bus itself", func(a *agency) { a.claims = with("sub", "system:provision") }, eventbus.CodeUnauthenticated},
		{"subject of a principal", func(a *agency) { a.claims = with("sub", "ARN:aws:iam::1:role/x") }, eventbus.CodeUnauthenticated},
		{"subject of the local administrator", func(a *agency) { a.claims = with("sub", session.LocalAdministratorID) }, eventbus.CodeUnauthenticated},
		{"subject with a line break", func(a *agency) { a.claims = with("sub", "a\nb") }, eventbus.CodeUnauthenticated},
		{"subject in letters that look alike", func(a *agency) { a.claims = with("sub", "оwner") }, eventbus.CodeUnauthenticated},
		{"endless subject", func(a *agency) { a.claims = with("sub", strings.Repeat("a", 256)) }, eventbus.CodeUnauthenticated},
		{"too many groups", func(a *agency) { a.claims = with("groups", slices.Repeat([]string{"g"}, 2001)) }, eventbus.CodeUnauthenticated},
		{"key of a stranger", func(a *agency) {
			a.sign = func(c string) string { return oidctest.SignIDToken(stranger, "k", "ES256", c) }
		}, eventbus.CodeUnauthenticated},
		{"no signature", func(a *agency) { a.sign = func(string) string { return "eyJhbGciOiJub25lIn0.e30." } }, eventbus.CodeUnauthenticated},
		{"no token at all", func(a *agency) { a.sign = func(string) string { return "" } }, eventbus.CodeUnauthenticated},
		{"refused by the token endpoint", func(a *agency) {
			a.token = func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
			}
		}, eventbus.CodeUnauthenticated},
		{"token endpoint broken", func(a *agency) {
			a.token = func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "oops", http.StatusInternalServerError) }
		}, eventbus.CodeUnavailable},
		{"endless answer", func(a *agency) {
			a.token = func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, `{"access_token":"x","token_type":"Bearer","pad":"%s"}`, strings.Repeat("x", 3<<20))
			}
		}, eventbus.CodeUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClock()
			a, db := newAgency(t, c), openStore(t, c)
			tt.setup(a)
			id, person, err := a.signIn(session.New(agencyConfig(a), db))
			wantCode(t, err, tt.want)
			if id != "" || person.ID != "" {
				t.Errorf("signed in %+v", person)
			}
			if people, err := db.People(ctx); err != nil || len(people) != 0 {
				t.Errorf("people = %v, %v; want nobody", people, err)
			}
		})
	}
}

// TestWhoClaimsMake is the rule from claims to person.
func TestWhoClaimsMake(t *testing.T) {
	member := []eventbus.Role{eventbus.RoleMember}
	tests := []struct {
		name   string
		claims func(map[string]any) map[string]any
		want   eventbus.Person
	}{
		{"as given", with("", nil), eventbus.Person{ID: "u-1", Name: "Kim", Email: "kim@example.org", Roles: []eventbus.Role{eventbus.RoleMember, eventbus.RoleOwner}, Teams: []string{"claims"}}},
		{"unknown groups mean nothing", with("groups", []string{"admin", "eventbus", "team-", "TEAM-x", "bus-owners "}), eventbus.Person{ID: "u-1", Name: "Kim", Email: "kim@example.org", Roles: member}},
		{"no groups", with("groups", nil), eventbus.Person{ID: "u-1", Name: "Kim", Email: "kim@example.org", Roles: member}},
		{"groups of another form", with("groups", map[string]any{"bus-ops": true}), eventbus.Person{ID: "u-1", Name: "Kim", Email: "kim@example.org", Roles: member}},
		{"one group as text", with("groups", "bus-ops"), eventbus.Person{ID: "u-1", Name: "Kim", Email: "kim@example.org",
			Roles: []eventbus.Role{eventbus.RoleMember, eventbus.RoleOperator, eventbus.RoleAuditor}}},
		{"mapped teams, doubled", with("groups", []string{"CN=Forms", "team-forms", "CN=Forms"}), eventbus.Person{ID: "u-1", Name: "Kim", Email: "kim@example.org", Roles: member, Teams: []string{"forms", "intake"}}},
		{"no name", with("name", nil), eventbus.Person{ID: "u-1", Name: "u-1", Email: "kim@example.org", Roles: []eventbus.Role{eventbus.RoleMember, eventbus.RoleOwner}, Teams: []string{"claims"}}},
		{"name that turns text around", with("name", "Kim\u202e\r\n"), eventbus.Person{ID: "u-1", Name: "Kim", Email: "kim@example.org", Roles: []eventbus.Role{eventbus.RoleMember, eventbus.RoleOwner}, Teams: []string{"claims"}}},
		{"address not verified", with("email_verified", false), eventbus.Person{ID: "u-1", Name: "Kim", Roles: []eventbus.Role{eventbus.RoleMember, eventbus.RoleOwner}, Teams: []string{"claims"}}},
		{"address that is two", with("email", "kim@example.org,lee@example.org"), eventbus.Person{ID: "u-1", Name: "Kim", Roles: []eventbus.Role{eventbus.RoleMember, eventbus.RoleOwner}, Teams: []string{"claims"}}},
		{"address with a header", with("email", "kim@example.org\r\nBcc: x"), eventbus.Person{ID: "u-1", Name: "Kim", Roles: []eventbus.Role{eventbus.RoleMember, eventbus.RoleOwner}, Teams: []string{"claims"}}},
	}
	c := newClock()
	db := openStore(t, c)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := newAgency(t, c)
			a.claims = tt.claims
			_, got, err := a.signIn(session.New(agencyConfig(a), db))
			if err != nil {
				t.Fatal(err)
			}
			if got.ID != tt.want.ID || got.Name != tt.want.Name || got.Email != tt.want.Email || !slices.Equal(got.Roles, tt.want.Roles) || !slices.Equal(got.Teams, tt.want.Teams) {
				t.Errorf("person = %+v\n  want   %+v", got, tt.want)
			}
			if kept, err := db.Person(ctx, "u-1"); err != nil || !slices.Equal(kept.Roles, tt.want.Roles) {
				t.Errorf("kept person = %+v, %v", kept, err)
			}
		})
	}
}

// TestGroupsThatMayEnter: outside of them nobody is signed in, and the audit log
// says so.
func TestGroupsThatMayEnter(t *testing.T) {
	c := newClock()
	a, db := newAgency(t, c), openStore(t, c)
	cfg := agencyConfig(a)
	cfg.Audit = appender{db}
	cfg.AllowGroups = []string{"bus-users"}
	_, _, err := a.signIn(session.New(cfg, db))
	wantCode(t, err, eventbus.CodeForbidden)
	list, err := db.AuditEntries(ctx, eventbus.AuditQuery{Action: "login"})
	if err != nil || len(list) != 1 || list[0].Outcome != eventbus.OutcomeDenied || list[0].Actor != "subject:u-1" || list[0].From != "192.0.2.7:1" {
		t.Errorf("audit = %+v, %v; want one denial of subject:u-1", list, err)
	}
	a.token = nil
	cfg.AllowGroups = []string{"bus-users", "bus-owners"}
	if _, _, err := a.signIn(session.New(cfg, db)); err != nil {
		t.Errorf("a member of an allowed group is refused: %v", err)
	}
}

// TestProviderComesLater: an identity provider that is down when the bus starts
// is asked again, but not by every visitor.
func TestProviderComesLater(t *testing.T) {
	c := newClock()
	a, db := newAgency(t, c), openStore(t, c)
	a.down = true
	s := session.New(agencyConfig(a), db)
	for range 3 {
		_, _, err := s.BeginLogin(ctx, "/", "")
		wantCode(t, err, eventbus.CodeUnavailable)
	}
	if a.asked != 1 {
		t.Errorf("the provider was asked %d times, want once", a.asked)
	}
	a.down = false
	_, _, err := s.BeginLogin(ctx, "/", "")
	wantCode(t, err, eventbus.CodeUnavailable)
	c.Advance(2 * time.Second)
	if _, _, err := a.signIn(s); err != nil {
		t.Errorf("signed in: %v", err)
	}
}

// TestClientSecret: a confidential client shows its secret, in the header.
func TestClientSecret(t *testing.T) {
	c := newClock()
	a, db := newAgency(t, c), openStore(t, c)
	cfg := agencyConfig(a)
	cfg.ClientSecret = "s3cret"
	if _, _, err := a.signIn(session.New(cfg, db)); err != nil || !a.basic {
		t.Errorf("error = %v, Authorization header %v", err, a.basic)
	}
}

// TestNoProvider: without one, sign-in says so.
func TestNoProvider(t *testing.T) {
	_, _, err := session.New(session.Config{}, openStore(t, newClock())).BeginLogin(ctx, "/", "")
	wantCode(t, err, eventbus.CodeUnavailable)
}

// TestConfigFaults lists what is wrong before anybody signs in.
func TestConfigFaults(t *testing.T) {
	good := session.Config{Issuer: "https://login.example.org", ClientID: "eventbus", RedirectURL: "https://bus.example.org/login/callback"}
	tests := []struct {
		name   string
		change func(*session.Config)
		want   string
	}{
		{"nothing", func(*session.Config) {}, ""},
		{"no sign-in", func(c *session.Config) { *c = session.Config{} }, ""},
		{"loopback", func(c *session.Config) {
			c.Issuer, c.RedirectURL = "http://127.0.0.1:1/dev/idp", "http://localhost:1/x"
		}, ""},
		{"plain issuer", func(c *session.Config) { c.Issuer = "http://login.example.org" }, "issuer"},
		{"plain redirect", func(c *session.Config) { c.RedirectURL = "http://bus.example.org" }, "redirectURL"},
		{"relative redirect", func(c *session.Config) { c.RedirectURL = "/login/callback" }, "redirectURL"},
		{"no client", func(c *session.Config) { c.ClientID = "" }, "clientID"},
		{"short key", func(c *session.Config) { c.Key = []byte("k") }, "key"},
		{"unknown role", func(c *session.Config) { c.GroupRoles = map[string][]eventbus.Role{"g": {"root"}} }, "groupRoles.g"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := good
			tt.change(&cfg)
			var got []string
			for _, f := range cfg.Faults() {
				got = append(got, f.Path)
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("faults at %q, want %q", got, tt.want)
			}
		})
	}
}
