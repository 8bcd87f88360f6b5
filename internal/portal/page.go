package portal

import (
	"bytes"
	"compress/gzip"
	"embed"
	"html/template"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/portal/questions"
	"github.com/enterprise-event-bus/eventbus/internal/portal/static"
)

//go:embed templates
var templateFiles embed.FS

// pageTemplates holds one parsed clone per page.
type pageTemplates map[string]*template.Template

// parseTemplates reads layout and parts, and gives every page its own clone.
func parseTemplates(a *static.Files) pageTemplates {
	funcs := template.FuncMap{"asset": a.URL}
	shared := template.Must(template.New("").Funcs(funcs).ParseFS(templateFiles, "templates/layout.html", "templates/parts.html"))
	pages := pageTemplates{}
	names, _ := fs.Glob(templateFiles, "templates/*.html")
	for _, name := range names {
		page := strings.TrimSuffix(strings.TrimPrefix(name, "templates/"), ".html")
		if page == "layout" || page == "parts" {
			continue
		}
		pages[page] = template.Must(template.Must(shared.Clone()).ParseFS(templateFiles, name))
	}
	return pages
}

// Shell is what surrounds every page.
type Shell struct {
	Title        string // in the browser's tab; the h1 when Heading is empty
	Heading      string // the page's one h1
	Lede         string // one line of purpose beneath it
	Crumbs       []Link
	Nav          []NavItem
	Product      string
	Organization string
	Version      string
	Dev          bool
	Person       string // empty: nobody is signed in
	Roles        string
	LoginURL     string
	Unread       int
	Environments []Choice
	Env          string
	Kept         []Pair // the query of this page, kept by the environment switch
	Query        string // of the search box
	RequestID    string
	Alert        *Alert
	Wide         bool // no reading width: tables
	Elsewhere    Elsewhere
}

// Elsewhere says how to get what a page shows without the page: lines for a
// shell that run as they are, and the address of a document.
type Elsewhere struct {
	CLI, Curl string
	YAML      string // address
}

// Link is a titled address within the portal.
type Link struct{ Text, URL string }

// Pair is a name and a value.
type Pair struct{ Name, Value string }

// NavItem is an entry of the left rail.
type NavItem struct {
	Link
	Icon    string
	Current bool
	Count   int // shown when above zero
}

// Choice is an option of a select or a set of radio buttons.
type Choice = questions.Choice

// Alert tells something about the page as a whole.
type Alert struct {
	Tone    Tone
	Heading string
	Text    string
	Link    *Link
}

// visit is one request by somebody.
type visit struct {
	*http.Request
	actor eventbus.Actor // Person.ID is empty when nobody is signed in
	env   string         // of ?env=, "" for all
}

func (v visit) signedIn() bool { return v.actor.Person.ID != "" }

// handler makes one page; an error becomes an error page.
type handler func(w http.ResponseWriter, v visit) error

// visited finds out who asks, and lets in whom the route lets in.
func (p *Portal) visited(route route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := p.visitOf(r)
		if !v.signedIn() && !(route.open && p.cfg.Dev && fromLoopback(r)) {
			p.askToSignIn(w, r)
			return
		}
		if err := route.handle(w, v); err != nil {
			p.fail(w, r, err)
		}
	})
}

func (p *Portal) visitOf(r *http.Request) visit {
	v := visit{Request: r, actor: eventbus.Actor{From: hostOf(r.RemoteAddr)}}
	if cookie, err := r.Cookie(p.parts.Sessions.SessionCookieName()); err == nil {
		if actor, err := p.parts.Sessions.Person(r.Context(), cookie.Value); err == nil {
			v.actor.Person = actor.Person
		}
	}
	wanted := r.URL.Query().Get("env")
	for _, e := range p.cfg.Environments() {
		if e.Name == wanted {
			v.env = wanted
		}
	}
	return v
}

// askToSignIn sends readers to the sign-in page and back; a form that was sent
// cannot come back, so it is told.
func (p *Portal) askToSignIn(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		p.fail(w, r, &eventbus.Error{Code: eventbus.CodeUnauthenticated, Message: "You are not signed in; nothing was changed.",
			Next: "Sign in and send the form again. What you typed is still in the page you came from."})
		return
	}
	http.Redirect(w, r, "/login?to="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
}

// fromLoopback reports whether somebody on this machine asks, by one of its own
// names: a page from elsewhere whose name was made to lead here (DNS rebinding)
// does not.
func fromLoopback(r *http.Request) bool {
	from, name := net.ParseIP(hostOf(r.RemoteAddr)), hostOf(r.Host)
	asked := net.ParseIP(strings.Trim(name, "[]"))
	return from != nil && from.IsLoopback() && (name == "localhost" || asked != nil && asked.IsLoopback())
}

func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}

// shell fills what surrounds a page.
func (p *Portal) shell(v visit, s Shell) Shell {
	s.Product, s.Organization, s.Version, s.Dev = p.cfg.Product, p.cfg.Organization, p.cfg.Version, p.cfg.Dev
	s.RequestID, s.Env = requestIDOf(v.Request), v.env
	if s.Heading == "" {
		s.Heading = s.Title
	}
	s.LoginURL = "/login?to=" + url.QueryEscape(v.URL.RequestURI())
	if v.signedIn() {
		s.Person, s.Roles = v.actor.Person.Name, roleList(v.actor.Person)
		if unread, err := p.parts.Inbox.Inbox(v.Context(), v.actor.Person, true, 100); err == nil {
			s.Unread = len(unread)
		}
	}
	s.Environments = append(s.Environments, Choice{Value: "", Label: "All environments", Chosen: v.env == ""})
	for _, e := range p.cfg.Environments() {
		s.Environments = append(s.Environments, Choice{Value: e.Name, Label: e.Label, Chosen: e.Name == v.env})
	}
	for name, values := range v.URL.Query() {
		if name != "env" && len(values) > 0 && values[0] != "" {
			s.Kept = append(s.Kept, Pair{name, values[0]})
		}
	}
	s.Nav = p.navigation(v)
	return s
}

func roleList(person eventbus.Person) string {
	words := []string{}
	for _, r := range person.Roles {
		if r != eventbus.RoleMember || len(person.Roles) == 1 {
			words = append(words, strings.ReplaceAll(string(r), "-", " "))
		}
	}
	if len(person.Teams) > 0 {
		words = append(words, "team "+strings.Join(person.Teams, ", "))
	}
	return strings.Join(words, " · ")
}

func (p *Portal) navigation(v visit) []NavItem {
	items := []NavItem{
		{Link: Link{"Home", "/"}, Icon: "home"},
		{Link: Link{"Event catalog", "/catalog"}, Icon: "list"},
		{Link: Link{"Requests", "/requests"}, Icon: "assessment"},
		{Link: Link{"My applications", "/apps"}, Icon: "people"},
		{Link: Link{"Schemas", "/schemas"}, Icon: "code"},
		{Link: Link{"Topics", "/topics"}, Icon: "topic"},
		{Link: Link{"Consumer groups", "/groups"}, Icon: "groups"},
		{Link: Link{"Access", "/access"}, Icon: "lock"},
		{Link: Link{"Audit", "/audit"}, Icon: "verified_user"},
		{Link: Link{"Administration", "/admin"}, Icon: "settings"},
		{Link: Link{"Environments", "/environments"}, Icon: "public"},
		{Link: Link{"Guides", "/docs"}, Icon: "school"},
		{Link: Link{"Status and support", "/status"}, Icon: "support"},
	}
	person := v.actor.Person
	items = slices.DeleteFunc(items, func(item NavItem) bool { // what would be refused is not offered
		return item.URL == "/admin" && !person.Has(eventbus.RoleOperator) && !person.Has(eventbus.RoleAuditor) || item.URL == "/audit" && v.signedIn() && !mayAudit(person)
	})
	for i := range items {
		at := items[i].URL
		items[i].Current = v.URL.Path == at || at != "/" && strings.HasPrefix(v.URL.Path, at+"/")
		if v.env != "" {
			items[i].URL += "?env=" + url.QueryEscape(v.env)
		}
	}
	return items
}

// pageData is what the layout gets: the shell and the page's own view.
type pageData struct {
	Shell
	Page any
}

// zippers are kept: making one costs more than a page.
var zippers = sync.Pool{New: func() any { return gzip.NewWriter(io.Discard) }}

// render writes a page. It is made in memory first, so that a template that
// fails gives an error page and not half a page.
func (p *Portal) render(w http.ResponseWriter, v visit, status int, page string, s Shell, view any) error {
	var out bytes.Buffer
	if err := p.templates[page].ExecuteTemplate(&out, "layout", pageData{Shell: p.shell(v, s), Page: view}); err != nil {
		return eventbus.Errorf(eventbus.CodeInternal, "render page %s: %w", page, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Cookie, Accept-Encoding")
	if v.Method != http.MethodGet || !strings.Contains(v.Header.Get("Accept-Encoding"), "gzip") { // a page that answers a form may show a secret
		w.WriteHeader(status)
		_, _ = out.WriteTo(w)
		return nil
	}
	h.Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	zipper := zippers.Get().(*gzip.Writer)
	defer zippers.Put(zipper)
	zipper.Reset(w)
	_, _ = out.WriteTo(zipper)
	_ = zipper.Close()
	return nil
}

// with gives the URL of a page with some parameters of its query replaced; an
// empty value takes a parameter away.
func with(u *url.URL, changes ...string) string {
	query := u.Query()
	for name, values := range query {
		if len(values) == 0 || values[0] == "" {
			query.Del(name)
		}
	}
	for i := 0; i+1 < len(changes); i += 2 {
		if changes[i+1] == "" {
			query.Del(changes[i])
		} else {
			query.Set(changes[i], changes[i+1])
		}
	}
	if len(query) == 0 {
		return u.Path
	}
	return u.Path + "?" + query.Encode()
}
