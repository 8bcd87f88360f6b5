package portal

import (
	"bytes"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus/internal/portal/static"
)

// zeroViews has the view of every page template.
var zeroViews = map[string]any{
	"access": accessView{}, "admin": adminView{}, "app": appPageView{}, "audit": auditView{}, "catalog": catalogView{}, "apps": appsView{}, "connect": connectView{}, "key": keyView{}, "metrics": metricsView{}, "consumers": consumersView{}, "device": deviceView{},
	"environments": environmentsView{}, "event": overviewView{}, "failure": failureView{}, "group": groupView{}, "groups": groupsView{}, "guide": guidesView{},
	"guides": guidesView{}, "history": historyView{}, "home": homeView{}, "inbox": inboxView{}, "login": loginView{}, "messages": messagesView{}, "request": requestView{}, "requests": requestsView{},
	"schema": schemaTab{}, "schemas": schemasView{}, "search": searchView{}, "settings": settingsView{}, "start": startView{}, "status": statusView{},
	"subject": schemaTab{}, "topic": topicView{}, "topics": topicsView{}, "wizard": wizardView{},
}

// TestEveryTemplate executes each with nothing in it: no template may need what
// a view can lack.
func TestEveryTemplate(t *testing.T) {
	pages := parseTemplates(static.Load())
	if len(pages) != len(zeroViews) {
		t.Errorf("%d templates, %d views", len(pages), len(zeroViews))
	}
	for name, page := range pages {
		view, ok := zeroViews[name]
		if !ok {
			t.Errorf("no view for the template %s", name)
			continue
		}
		var out bytes.Buffer
		if err := page.ExecuteTemplate(&out, "layout", pageData{Shell: Shell{Title: name, Heading: name}, Page: view}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func templateTexts(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := templateFiles.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[file] = string(text)
	}
	return texts
}

// TestDialect refuses the names of htmx 2 and what the content policy forbids.
func TestDialect(t *testing.T) {
	old := regexp.MustCompile(`hx-on|hx-ext|hx-disabled-elt|hx-vars|hx-params|hx-prompt|hx-inherit|hx-disinherit|hx-request=|hx-history=|sse-swap|hx-sse=|hx-ws=|htmx:[a-z]+[A-Z]|` +
		`hx-trigger="[^"]*\[|js:|\son[a-z]+=|style=|<script>|javascript:|<style|<iframe|<object|<embed`)
	for file, text := range templateTexts(t) {
		for number, line := range strings.Split(text, "\n") {
			if found := old.FindString(line); found != "" {
				t.Errorf("%s:%d: %q", file, number+1, found)
			}
		}
	}
}

// TestIcons: an id that the sprite lacks draws nothing, so each is looked up.
func TestIcons(t *testing.T) {
	sprite, err := os.ReadFile("static/sprite.svg")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, m := range regexp.MustCompile(`id="([a-z_]+)"`).FindAllStringSubmatch(string(sprite), -1) {
		known[m[1]] = true
	}
	used := map[string]string{}
	for file, text := range templateTexts(t) {
		for _, m := range regexp.MustCompile(`template "icon" "([^"]*)"`).FindAllStringSubmatch(text, -1) {
			used[m[1]] = file
		}
	}
	sources, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`Icon: "([a-z_]+)"|Empty\{Icon: "([a-z_]+)"|Tone[A-Z][a-z]+, "([a-z_]+)"\}|^\s*\{"([a-z_]+)", "[A-Z]`)
	for _, file := range sources {
		text, err := os.ReadFile(file)
		if err != nil || strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			if id := m[1] + m[2] + m[3]; id != "" {
				used[id] = file
			}
		}
	}
	if len(used) < 30 {
		t.Fatalf("only %d icons found; the search is broken", len(used))
	}
	for id, file := range used {
		if !known[id] {
			t.Errorf("%s uses the icon %q, which the sprite lacks: add it to assets/build/src/icons.txt and build", file, id)
		}
	}
}

// TestAssets: every file that a template names exists.
func TestAssets(t *testing.T) {
	for file, text := range templateTexts(t) {
		for _, m := range regexp.MustCompile(`asset "([^"]*)"`).FindAllStringSubmatch(text, -1) {
			if static.Load().URL(m[1]) == "" {
				t.Errorf("%s names %q, which does not exist", file, m[1])
			}
		}
	}
}

func TestAssetsOverTheWire(t *testing.T) {
	w := emptyWorld(t)
	response := w.do("", "GET", static.Load().URL("app.css"), "", map[string][]string{"Accept-Encoding": {"gzip"}})
	if response.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(response.Header.Get("Cache-Control"), "immutable") || response.Header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("headers %v", response.Header)
	}
	for _, path := range []string{"/static/app.css", "/static/", "/static/../page.go", "/static/LICENSES/"} {
		if got := w.get("pat", path).StatusCode; got != 404 && got != 301 && got != 307 {
			t.Errorf("%s answers %d", path, got)
		}
	}
}
