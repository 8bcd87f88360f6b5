package portal

import (
	"context"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// axe is axe-core (MPL-2.0), used by this test only.
//
//go:embed testdata/axe.min.js
var axe string

var screens = flag.String("screens", "", "folder to write screenshots of the pages to")

// openBrowser starts Chromium, or skips the test where there is none.
func openBrowser(t *testing.T) context.Context {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		if required("browser") {
			t.Fatal("no chromium, and EVENTBUS_REQUIRE asks for a browser")
		}
		t.Skip("no chromium on the PATH")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox,
		chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("no-first-run", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // the browser lives as long as this context
		t.Fatalf("start chromium: %v", err)
	}
	return ctx
}

func required(name string) bool {
	for _, part := range strings.Split(os.Getenv("EVENTBUS_REQUIRE"), ",") {
		if part == name || part == "all" {
			return true
		}
	}
	return false
}

// tab is one page of the browser, with what it wrote to its console.
type tab struct {
	t    *testing.T
	ctx  context.Context
	w    *world
	logs chan string
}

func newTab(t *testing.T, browser context.Context, w *world) *tab {
	t.Helper()
	b := &tab{t: t, ctx: browser, w: w, logs: make(chan string, 1000)}
	b.do(chromedp.Navigate("about:blank"))
	messages := chromedp.Console(browser)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.Type == "error" || m.Type == "warning" || m.IsException() {
				b.logs <- m.String() + " " + m.URL
			}
		}
	}()
	return b
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// signIn plants the session cookie of a person.
func (b *tab) signIn(as string) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, network.ClearBrowserCookies, cdp.Empty{}); err != nil {
		b.t.Fatal(err)
	}
	if as == "" {
		return
	}
	if _, err := chromedp.Call(b.ctx, network.SetCookie, network.SetCookieParams{
		Name: b.w.portal.parts.Sessions.SessionCookieName(), Value: sessionOf(as), URL: b.w.server.URL}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) open(path string, width int64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, 900), chromedp.Navigate(b.w.server.URL+path))
}

// console gives what the page complained about so far.
func (b *tab) console() []string {
	var said []string
	for {
		select {
		case line := <-b.logs:
			said = append(said, line)
		default:
			return said
		}
	}
}

// tooWide tells which elements stick out to the right.
const tooWide = `(() => {
  const limit = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= limit) return [];
  return [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > limit + 1 && !e.closest(".scroll, pre, .tabs"))
    .slice(0, 5).map((e) => e.tagName + "." + e.className + " " + Math.round(e.getBoundingClientRect().right));
})()`

// tooSmall tells which targets are under 24 by 24 px (WCAG 2.2, 2.5.8), links
// within a sentence excepted as the rule does.
const tooSmall = `[...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")].filter((e) => {
  const box = e.getBoundingClientRect();
  if (box.width === 0 || getComputedStyle(e).visibility === "hidden" || e.matches(".usa-skipnav, .usa-checkbox__input, .usa-radio__input")) return false;
  if (e.matches("p a, li a, dd a, td a, th a, blockquote a") && getComputedStyle(e).display === "inline") return false;
  return box.width < 24 || box.height < 23.5;
}).slice(0, 5).map((e) => e.tagName + "." + e.className + " " + e.textContent.trim().slice(0, 30) + " " + JSON.stringify(e.getBoundingClientRect()))`

const runAxe = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"]})
  .then((r) => JSON.stringify(r.violations.map((v) => v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + " " + (n.failureSummary || "").slice(0, 200)).join(" | "))))`

func (b *tab) check(name string) {
	b.t.Helper()
	var axeFaults []string
	b.do(chromedp.Evaluate[chromedp.Void](axe))
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](runAxe, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(text), &axeFaults); err != nil {
		b.t.Fatal(err)
	}
	for _, fault := range axeFaults {
		b.t.Errorf("%s: axe: %s", name, fault)
	}
	for what, script := range map[string]string{"wider than the window": tooWide, "target under 24 px": tooSmall} {
		found, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]string](script))
		if err != nil {
			b.t.Fatal(err)
		}
		for _, f := range found {
			b.t.Errorf("%s: %s: %s", name, what, f)
		}
	}
	for _, line := range b.console() {
		b.t.Errorf("%s: console: %s", name, line)
	}
}

// browserPages are the pages that people meet first and most.
func browserPages(w *world) []struct{ as, path string } {
	id := w.requestID("payment-issued")
	return []struct{ as, path string }{
		{"", "/login"}, {"pat", "/"}, {"pat", "/catalog"}, {"pat", "/catalog?q=nothing-at-all"}, {"pat", "/catalog/letter-ready"}, {"pat", "/catalog/claim-status"},
		{"pat", "/catalog/letter-ready/schema"}, {"pat", "/catalog/letter-ready/consumers"}, {"pat", "/catalog/letter-ready/connect"},
		{"pat", "/catalog/letter-ready/history"}, {"pat", "/catalog/letter-ready/messages"}, {"casey", "/catalog/letter-ready/messages"}, {"pat", "/search?q=letter"}, {"pat", "/requests"}, {"pat", "/requests/new"}, {"pat", "/requests/new?kind=producer"},
		{"bill", "/requests/" + id}, {"olive", "/requests/" + w.requestID("letter-ready")}, {"pat", "/requests/" + id + "/edit"}, {"pat", "/requests/" + id + "/edit?step=4"},
		{"pat", "/requests/" + id + "/edit?step=5&check=1"}, {"pat", "/requests/" + id + "/edit?step=6"}, {"pat", "/requests/" + id + "/edit?step=7"},
		{"pat", "/inbox"}, {"pat", "/schemas"}, {"pat", "/schemas/prod_letter-ready-value"}, {"pat", "/topics"}, {"pat", "/topics/prod_letter-ready"}, {"pat", "/groups"},
		{"pat", "/access?principal=test-nobody&action=kafka-cluster:WriteData&resource=test"}, {"ada", "/audit?verify=1"}, {"pat", "/environments"}, {"pat", "/settings"},
		{"pat", "/device"}, {"pat", "/status"}, {"pat", "/docs"}, {"pat", "/docs/introduction"}, {"pat", "/docs/terminology"}, {"pat", "/no-such-letter"}, {"pat", "/audit"},
	}
}

func TestBrowser(t *testing.T) {
	browser := openBrowser(t)
	w := fullWorld(t)
	b := newTab(t, browser, w)
	last := "?"
	for _, page := range browserPages(w) {
		if page.as != last {
			b.signIn(page.as)
			last = page.as
		}
		for _, width := range []int64{1440, 390, 320} {
			name := fmt.Sprintf("%s as %s at %d px", page.path, page.as, width)
			b.open(page.path, width)
			b.shoot(page.path, width)
			if page.path == "/no-such-letter" || page.path == "/audit" {
				b.console() // Chromium notes the status of the page itself
			}
			b.check(name)
		}
	}
}

// shoot keeps a picture of the page when -screens asks for it.
func (b *tab) shoot(path string, width int64) {
	if *screens == "" || width == 320 {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	name := strings.NewReplacer("/", "_", "?", "_", "=", "-", "&", "_", ":", "-").Replace(strings.Trim(path, "/"))
	if err := os.WriteFile(filepath.Join(*screens, fmt.Sprintf("%s-%d.png", name, width)), picture, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// becomes waits until a script gives true.
func (b *tab) becomes(what, script string) {
	b.t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](script))
		if err == nil && ok {
			return
		}
	}
	page, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.href + " " + document.activeElement.outerHTML.slice(0, 200) + " " + document.querySelector("main").innerText.slice(0, 600)`))
	b.t.Fatalf("never: %s; the page is %s", what, page)
}

// TestTyping: what the page does while somebody types, and what keys do.
func TestTyping(t *testing.T) {
	browser := openBrowser(t)
	w := fullWorld(t)
	b := newTab(t, browser, w)
	b.signIn("pat")
	t.Run("search while typing", func(t *testing.T) {
		b.t = t
		b.open("/catalog", 1440)
		b.do(chromedp.SendKeys(chromedp.CSS("#q"), "appoint"))
		b.becomes("one event is left", `document.querySelectorAll("#results tbody tr").length === 1`)
		b.becomes("the address says it, and nothing more", `location.search === "?q=appoint"`)
		b.becomes("the field keeps the focus", `document.activeElement.id === "q" && document.activeElement.value === "appoint"`)
		b.do(chromedp.NavigateBack())
		b.becomes("back leads to all events", `document.querySelectorAll("#results tbody tr").length === 8`)
	})
	t.Run("slash and skip link", func(t *testing.T) {
		b.t = t
		b.open("/docs/introduction", 1440)
		b.do(chromedp.KeyEvent("\t"))
		b.becomes("the first stop is the skip link", `document.activeElement.matches(".usa-skipnav")`)
		b.do(chromedp.KeyEvent("\r"))
		b.becomes("it leads to the content", `document.activeElement.id === "main"`)
		b.do(chromedp.KeyEvent("/"))
		b.becomes("slash leads to the search", `document.activeElement.id === "find"`)
		b.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("find").value = ""`)) // chromedp sends the character even though the page refused the key
		b.do(chromedp.KeyEvent("letter\r"))
		b.becomes("it finds", `location.pathname === "/search" && document.querySelector("h1").innerText === "Search: letter"`)
	})
	t.Run("the answer stands beside the question", func(t *testing.T) {
		b.t = t
		edit := w.fill("pat", "/requests/new", "kind", "producer", "team", "claims").Header.Get("Location")
		b.open(edit+"?step=4", 1440)
		b.do(chromedp.Click(chromedp.CSS(`label[for="f-network-location-2"]`)))
		b.becomes("ESECC is needed outside AWS", `document.querySelector("#aside").innerText.includes("ESECC needed") && document.querySelector("#aside").innerText.includes("9198")`)
		b.do(chromedp.Click(chromedp.CSS(`label[for="f-network-location-0"]`)))
		b.becomes("and not within", `document.querySelector("#aside").innerText.includes("ESECC not needed")`)
		b.open(edit+"?step=6", 1440)
		b.do(chromedp.SendKeys(chromedp.CSS("#f-schema-value"), `{"type":"record","name":"X","namespace":"a","fields":[{"name":"icn","type":"string","doc":"d","confluent:tags":["PII"]}]}`))
		b.becomes("the schema is read while typing", `document.querySelector("#aside").innerText.includes("Valid Avro") && document.querySelector("#aside").innerText.includes("icn")`)
		b.becomes("the cursor stays", `document.activeElement.id === "f-schema-value"`)
	})
	t.Run("faults are read first", func(t *testing.T) {
		b.t = t
		edit := w.fill("pat", "/requests/new", "kind", "producer", "team", "claims").Header.Get("Location")
		b.open(edit, 1440)
		b.do(chromedp.SendKeys(chromedp.CSS("#f-event-title"), "Letter Sent, again!"))
		b.becomes("a name is proposed", `document.querySelector("#f-event-name").value === "letter-sent-again"`)
		b.do(chromedp.Click(chromedp.CSS(`button[value="next"]`)))
		b.becomes("the summary has the focus", `document.activeElement.matches("[data-focus]") && document.title.startsWith("Error: ")`)
		b.console() // Chromium notes the 422
		b.check("the form with faults")
		b.do(chromedp.Click(chromedp.CSS(`[data-focus] a[href="#f-event-description"]`)))
		b.becomes("its link leads to the field", `document.activeElement.id === "f-event-description" || location.hash === "#f-event-description"`)
	})
	for _, line := range b.console() {
		t.Errorf("console: %s", line)
	}
}

// TestWithoutScript: the pages are whole when no script runs.
func TestWithoutScript(t *testing.T) {
	browser := openBrowser(t)
	w := fullWorld(t)
	b := newTab(t, browser, w)
	b.signIn("pat")
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"/", "/catalog", "/catalog/letter-ready", "/requests"} {
		b.open(page, 390)
		if text, err := chromedp.Run(b.ctx, chromedp.OuterHTML(chromedp.CSS("main"))); err != nil || len(text) < 500 {
			t.Errorf("%s: %d characters, %v", page, len(text), err)
		}
	}
	b.open("/catalog", 390)
	b.do(chromedp.Click(chromedp.CSS(".open-menu")), chromedp.WaitVisible(chromedp.CSS(`#menu a[href="/requests"]`)), chromedp.Click(chromedp.CSS(`#menu a[href="/requests"]`)), chromedp.WaitVisible(chromedp.CSS(`a[href="/requests/new"]`)))
}
