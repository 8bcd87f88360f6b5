package portal

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/audit"
	"github.com/enterprise-event-bus/eventbus/internal/catalog"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/observe"
	"github.com/enterprise-event-bus/eventbus/internal/onboarding"
	"github.com/enterprise-event-bus/eventbus/internal/portal/guide"
	"github.com/enterprise-event-bus/eventbus/internal/portal/static"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
	"github.com/enterprise-event-bus/eventbus/internal/session"
	"github.com/enterprise-event-bus/eventbus/internal/streams"
)

// Config says how the portal presents itself; the zero value works.
type Config struct {
	Product      string                        // name in the head of every page; default "Enterprise Event Bus"
	Organization string                        // shown beneath it when set; no agency is named by default
	Version      string                        // in the footer
	Commit       string                        // in the footer
	Dev          bool                          // personas on the sign-in page; catalog and guides are open to anybody on loopback
	Personas     []eventbus.Person             // of `dev`, one click each
	Support      []SupportChannel              // default: one line that asks to configure them
	Environments func() []eventbus.Environment // in order of promotion; default DemoEnvironments
	Deployment   eventbus.Deployment           // for ARNs in samples; default DemoDeployment
	BaseURL      string                        // of this portal as clients see it, for CLI and curl lines; default http://127.0.0.1:8080
	Region       string                        // AWS region for samples; default the Deployment's
	STSEndpoint  string                        // of the bus's own STS, for samples; empty on AWS
	CAFile       string                        // PEM that clients must trust, for samples; empty when the system's do
	Truststore   string                        // the same for Java
	Stages       []onboarding.StageRule        // that requests go through, for the page that shows them; default onboarding.DefaultStages
	Gates        []onboarding.GateRule         // the same of gates; default onboarding.DefaultGates
	Now          func() time.Time              // default time.Now
	Logger       *slog.Logger                  // discards when nil
}

// defaultBaseURL is where the command line looks for a bus.
const defaultBaseURL = "http://127.0.0.1:8080"

// SupportChannel is one way to reach the people who run the bus.
type SupportChannel struct {
	Name     string // "Chat", "Mail", "On call"
	Address  string // an https: or mailto: link, or plain text
	Answered string // within which time, in plain words
}

// Records gives what the pages show of people and access; the store implements it.
type Records interface {
	Grants(ctx context.Context, q eventbus.GrantQuery) ([]eventbus.Grant, error)
	Person(ctx context.Context, id string) (eventbus.Person, error)
	People(ctx context.Context) ([]eventbus.Person, error)
	Plan(ctx context.Context, id string) (eventbus.Plan, []eventbus.Step, error)
}

// Inbox holds the notifications to a person; the store implements it.
type Inbox interface {
	Inbox(ctx context.Context, p eventbus.Person, unreadOnly bool, limit int) ([]eventbus.Notification, error)
	MarkRead(ctx context.Context, personID, notificationID string) error
}

// Planner computes what an approval would make; provision implements it.
type Planner interface {
	Plan(ctx context.Context, m eventbus.Manifest) (eventbus.Plan, error)
}

// Keys gives the key of a user that the bus made to its technical contact, once;
// the server implements it.
type Keys interface {
	Collect(ctx context.Context, by eventbus.Actor, user string) (id, secret string, err error)
}

// Component is one part of the bus on the status page.
type Component struct {
	Name    string
	Healthy bool
	Detail  string // in plain words
}

// Parts are what the portal shows. Sessions, Catalog, Onboarding, Records and
// Inbox are needed; a nil one of the others leaves its pages saying so.
type Parts struct {
	Sessions   *session.Sessions
	Catalog    *catalog.Catalog
	Onboarding *onboarding.Service
	Records    Records
	Inbox      Inbox
	Registry   *registry.Registry
	Access     *iam.Directory
	Observe    *observe.Observer
	Audit      audit.Store
	AuditHeads func() ([]audit.Head, error) // heads saved outside the database, which the record must pass; may be nil
	Streams    *streams.Streams             // topics, consumer groups and records; nil: this portal is not connected to a cluster
	Planner    Planner
	Keys       Keys
	Status     func(ctx context.Context) []Component
	Settings   func(ctx context.Context) []SettingGroup // what the bus runs with beyond environments and rules; may be nil
}

// Portal serves the pages. It is safe for concurrent use.
type Portal struct {
	cfg       Config
	parts     Parts
	assets    *static.Files
	templates pageTemplates
	guides    *guide.Library
	known     knownRelations
	topics    recent[eventbus.Topic]
	groups    recent[streams.ListedGroup]
}

// New makes a Portal. It reads the embedded templates, assets and guides once.
func New(cfg Config, parts Parts) *Portal {
	if cfg.Product == "" {
		cfg.Product = "Enterprise Event Bus"
	}
	if cfg.Environments == nil {
		cfg.Environments = eventbus.DemoEnvironments
	}
	if cfg.Deployment == (eventbus.Deployment{}) {
		cfg.Deployment = eventbus.DemoDeployment()
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = defaultBaseURL
	}
	if cfg.Region == "" {
		cfg.Region = cfg.Deployment.Region
	}
	if cfg.Stages == nil {
		cfg.Stages = onboarding.DefaultStages()
	}
	if cfg.Gates == nil {
		cfg.Gates = onboarding.DefaultGates()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	loaded := static.Load()
	return &Portal{cfg: cfg, parts: parts, assets: loaded, templates: parseTemplates(loaded), guides: guide.Load()}
}

// route is one page or form of the portal.
type route struct {
	pattern string
	open    bool // in `dev`, anybody on loopback may read it without signing in
	handle  handler
}

// routes lists every page and form that needs to know who asks.
func (p *Portal) routes() []route {
	return []route{
		{"GET /{$}", true, p.home},
		{"GET /search", true, p.search},
		{"GET /catalog", true, p.catalogList},
		{"GET /catalog/{name}", true, p.eventOverview},
		{"GET /catalog/{name}/schema", true, p.eventSchema},
		{"GET /catalog/{name}/consumers", true, p.eventConsumers},
		{"GET /catalog/{name}/metrics", false, p.eventMetrics},
		{"POST /catalog/{name}/star", false, p.starSet},
		{"GET /catalog/{name}/connect", true, p.eventConnect},
		{"GET /catalog/{name}/messages", false, p.eventMessages},
		{"POST /catalog/{name}/messages", false, p.messagesRead},
		{"GET /catalog/{name}/history", false, p.eventHistory},
		{"GET /requests", false, p.requestList},
		{"GET /requests/new", false, p.requestNew},
		{"POST /requests/new", false, p.requestCreate},
		{"GET /requests/{id}", false, p.requestShow},
		{"GET /requests/{id}/yaml", false, p.requestYAML},
		{"GET /requests/{id}/edit", false, p.requestEdit},
		{"POST /requests/{id}/edit", false, p.requestSave},
		{"POST /requests/{id}/{act}", false, p.requestAct},
		{"GET /inbox", false, p.inbox},
		{"POST /inbox", false, p.inboxRead},
		{"GET /schemas", true, p.schemaList},
		{"GET /schemas/{subject}", true, p.schemaShow},
		{"GET /topics", false, p.topicList},
		{"GET /topics/{topic}", false, p.topicShow},
		{"GET /groups", false, p.groupList},
		{"GET /groups/{group}", false, p.groupShow},
		{"GET /access", false, p.accessPage},
		{"GET /keys/{user}", false, p.keyPage},
		{"POST /keys/{user}", false, p.keyCollect},
		{"GET /apps", false, p.appsPage},
		{"GET /apps/{team}/{system}", false, p.appPage},
		{"GET /admin", false, p.adminPage},
		{"GET /audit", false, p.auditShow},
		{"GET /environments", true, p.environmentsPage},
		{"GET /settings", false, p.settingsPage},
		{"POST /settings/sessions", false, p.sessionsEnd},
		{"POST /settings/tokens", false, p.tokenCreate},
		{"POST /settings/tokens/{id}/revoke", false, p.tokenRevoke},
		{"GET /device", false, p.devicePage},
		{"POST /device", false, p.deviceAnswer},
		{"GET /status", true, p.statusPage},
		{"GET /docs", true, p.guideIndex},
		{"GET /docs/{page}", true, p.guidePage},
		{"GET /{rest...}", true, p.notFound},
	}
}

// Handler serves the portal at "/": its pages, forms and static files.
func (p *Portal) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /static/", p.assets)
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, p.assets.URL("icon.svg"), http.StatusFound)
	})
	mux.HandleFunc("GET /login", p.login)
	mux.HandleFunc("GET /login/callback", p.loginCallback)
	mux.HandleFunc("POST /logout", p.logout)
	for _, route := range p.routes() {
		mux.Handle(route.pattern, p.visited(route))
	}
	return p.secured(mux)
}
