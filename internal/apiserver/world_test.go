package apiserver

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/client"
	"github.com/enterprise-event-bus/eventbus/internal/audit"
	"github.com/enterprise-event-bus/eventbus/internal/catalog"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/observe"
	"github.com/enterprise-event-bus/eventbus/internal/onboarding"
	"github.com/enterprise-event-bus/eventbus/internal/outbound"
	"github.com/enterprise-event-bus/eventbus/internal/provision"
	"github.com/enterprise-event-bus/eventbus/internal/session"
	"github.com/enterprise-event-bus/eventbus/internal/store"
	"github.com/enterprise-event-bus/eventbus/internal/streams"
)

var update = flag.Bool("update", false, "write the golden files anew")

// world is the API over real parts and a real database.
type world struct {
	*testing.T
	store    *store.Store
	sessions *session.Sessions
	api      *API
	server   *httptest.Server
}

// everybody has one person per role; the token of each is its name.
var everybody = map[string]eventbus.Person{
	"member":            {ID: "mia", Roles: []eventbus.Role{eventbus.RoleMember}, Teams: []string{"claims"}},
	"owner":             {ID: "olive", Roles: []eventbus.Role{eventbus.RoleMember, eventbus.RoleOwner}, Teams: []string{"claims"}},
	"bus-reviewer":      {ID: "bill", Roles: []eventbus.Role{eventbus.RoleMember, eventbus.RoleBusReviewer}},
	"privacy-reviewer":  {ID: "prim", Roles: []eventbus.Role{eventbus.RoleMember, eventbus.RolePrivacyReviewer}},
	"security-reviewer": {ID: "sam", Roles: []eventbus.Role{eventbus.RoleMember, eventbus.RoleSecurityReviewer}},
	"operator":          {ID: "oscar", Roles: []eventbus.Role{eventbus.RoleMember, eventbus.RoleOperator}},
	"auditor":           {ID: "ada", Roles: []eventbus.Role{eventbus.RoleMember, eventbus.RoleAuditor}},
	"administrator":     {ID: session.LocalAdministratorID, Roles: eventbus.Roles()},
}

func secretOf(who string) string { return "ebt_" + who + strings.Repeat("x", 40) }

// allParts gives every part, so that every route is there.
func allParts(t *testing.T, s *store.Store) Parts {
	t.Helper()
	log := audit.New(audit.Config{}, s)
	directory, err := iam.Open(t.Context(), iam.Config{MasterKey: make([]byte, 32)}, s, log)
	if err != nil {
		t.Fatal(err)
	}
	sessions := session.New(session.Config{}, s)
	for who, person := range everybody {
		sessions.GrantLocal(secretOf(who), person)
		if err := s.SavePerson(t.Context(), person); err != nil {
			t.Fatal(err)
		}
	}
	return Parts{
		Bus: func() client.Bus {
			return client.Bus{Version: "test", Environments: eventbus.DemoEnvironments(), Deployment: eventbus.DemoDeployment()}
		},
		ClientSet: noClients{}, Sessions: sessions, Streams: streams.New(nil),
		Requests:    onboarding.New(onboarding.Config{}, s, onboarding.Sources{}),
		Catalog:     catalog.New(catalog.Config{}, s, s),
		Provisioner: provision.New(provision.Config{}, provision.World{}),
		Directory:   directory, Observer: observe.New(observe.Config{}, s), AuditLog: log, AuditStore: s, Grants: s, Plans: s, Inbox: s, Offers: noOffers{}, Calls: s, Fetch: outbound.New(outbound.Config{}),
	}
}

// noOffers holds no key for anybody.
type noOffers struct{}

func (noOffers) Collect(context.Context, eventbus.Actor, string) (id, secret string, err error) {
	return "", "", eventbus.Errorf(eventbus.CodeNotFound, "no new key waits for you")
}

type noClients struct{}

func (noClients) ClientEnvironment(context.Context, string, string) (map[string]string, error) {
	return map[string]string{"EB_SECURITY_PROTOCOL": "PLAINTEXT"}, nil
}

func openStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newWorld(t *testing.T, change ...func(*Parts)) *world {
	t.Helper()
	s := openStore(t)
	parts := allParts(t, s)
	for _, c := range change {
		c(&parts)
	}
	api := New("test", parts)
	mux := http.NewServeMux()
	mux.Handle("/api/", api.Handler())
	mux.Handle("/backstage/", api.Backstage())
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return &world{T: t, store: s, sessions: parts.Sessions, api: api, server: server}
}

// answered is what came back of one call.
type answered struct {
	status int
	header http.Header
	text   string
}

func (a answered) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.text), v); err != nil {
		t.Fatalf("answer %d %q: %v", a.status, a.text, err)
	}
}

// call sends a request as somebody ("" for nobody); headers are "Name: value".
func (w *world) call(who, method, path, body string, headers ...string) answered {
	w.Helper()
	request, err := http.NewRequestWithContext(w.Context(), method, w.server.URL+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	if who != "" {
		request.Header.Set("Authorization", "Bearer "+secretOf(who))
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	response, err := w.server.Client().Do(request)
	if err != nil {
		w.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.Fatal(err)
	}
	got := answered{response.StatusCode, response.Header, string(text)}
	w.conforms(method, path, got)
	return got
}

// conforms holds an answer of the API against the OpenAPI document.
func (w *world) conforms(method, path string, got answered) {
	w.Helper()
	for _, fault := range w.violations(method, path, got) {
		w.Errorf("%s %s answers %d: %s", method, path, got.status, fault)
	}
}

// violations of the document: a status that the operation does not name, or a
// body that is not of the schema that it gives for it.
func (w *world) violations(method, path string, got answered) []string {
	path, _, _ = strings.Cut(path, "?")
	_, pattern := w.api.mux.Handler(&http.Request{Method: method, URL: &url.URL{Path: path}, Host: "x"})
	_, template, _ := strings.Cut(pattern, " ")
	item := w.api.huma.OpenAPI().Paths[template]
	if item == nil {
		return nil
	}
	op := map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "DELETE": item.Delete}[method]
	response := op.Responses[strconv.Itoa(got.status)]
	if response == nil {
		return []string{"the document does not name this status"}
	}
	if len(response.Content) == 0 {
		return nil
	}
	media := response.Content[got.header.Get("Content-Type")]
	if media == nil {
		return []string{"the document does not name the type " + got.header.Get("Content-Type")}
	}
	var value any
	if err := json.Unmarshal([]byte(got.text), &value); err != nil {
		return []string{err.Error()}
	}
	result := &huma.ValidateResult{}
	huma.Validate(w.api.huma.OpenAPI().Components.Schemas, media.Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, value, result)
	var faults []string
	for _, fault := range result.Errors {
		faults = append(faults, fault.Error())
	}
	return faults
}

// must is call that expects a status.
func (w *world) must(status int, who, method, path, body string, headers ...string) answered {
	w.Helper()
	got := w.call(who, method, path, body, headers...)
	if got.status != status {
		w.Fatalf("%s %s as %q = %d %s, want %d", method, path, who, got.status, got.text, status)
	}
	return got
}

// example reads a file of the examples.
func example(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "gitops", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// routes lists method, path and operation id of every route of the document.
func (w *world) routes() []route {
	var routes []route
	for path, item := range w.api.huma.OpenAPI().Paths {
		if item.Get != nil {
			routes = append(routes, route{http.MethodGet, path, item.Get.OperationID})
		}
		if item.Post != nil {
			routes = append(routes, route{http.MethodPost, path, item.Post.OperationID})
		}
		if item.Put != nil {
			routes = append(routes, route{http.MethodPut, path, item.Put.OperationID})
		}
		if item.Delete != nil {
			routes = append(routes, route{http.MethodDelete, path, item.Delete.OperationID})
		}
	}
	slices.SortFunc(routes, func(a, b route) int { return strings.Compare(a.id, b.id) })
	return routes
}

type route struct{ method, path, id string }

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
