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
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdpinput "github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// axe is axe-core (MPL-2.0), used by the tests only.
//
//go:embed testdata/axe.min.js
var axe string

var screens = flag.String("screens", "", "folder to write screenshots of the pages to")

// chromium is the one browser of all tests of this binary.
var chromium struct {
	once sync.Once
	ctx  context.Context
	stop []context.CancelFunc
	err  error
}

// TestMain stops the browser when the tests are over.
func TestMain(m *testing.M) {
	code := m.Run()
	for _, stop := range chromium.stop {
		stop()
	}
	os.Exit(code)
}

// openBrowser starts Chromium once, or skips the test where there is none.
func openBrowser(t testing.TB) context.Context {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		if Required("browser") {
			t.Fatal("no chromium, and EVENTBUS_REQUIRE asks for a browser")
		}
		t.Skip("no chromium on the PATH")
	}
	c := &chromium
	c.once.Do(func() {
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox,
			chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("no-first-run", true),
			chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
		allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
		ctx, end := chromedp.NewContext(allocator)
		c.ctx, c.stop, c.err = ctx, []context.CancelFunc{end, stop}, chromedp.Do(ctx) // it lives as long as this context
	})
	if c.err != nil {
		t.Fatalf("start chromium: %v", c.err)
	}
	return c.ctx
}

// Required reports whether EVENTBUS_REQUIRE names something that tests must not
// skip for.
func Required(name string) bool {
	for _, part := range strings.Split(os.Getenv("EVENTBUS_REQUIRE"), ",") {
		if part == name || part == "all" {
			return true
		}
	}
	return false
}

// Tab is one page of the browser with cookies of its own, and with what it
// wrote to its console. Exported for the tests against a whole bus.
type Tab struct {
	T       testing.TB
	ctx     context.Context
	base    string
	logs    chan string
	dialogs chan string
}

// OpenTab opens a tab on a portal, until the test ends.
func OpenTab(t testing.TB, base string) *Tab {
	t.Helper()
	ctx, stop := chromedp.NewContext(openBrowser(t), chromedp.WithNewBrowserContext())
	t.Cleanup(stop)
	b := &Tab{T: t, ctx: ctx, base: base, logs: make(chan string, 1000), dialogs: make(chan string, 100)}
	if err := chromedp.Do(ctx); err != nil { // the tab lives as long as this context
		t.Fatal(err)
	}
	messages, dialogs := chromedp.Console(ctx), chromedp.Events(ctx, page.JavascriptDialogOpening)
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
	go func() {
		for d, err := range dialogs {
			if err != nil {
				return
			}
			b.dialogs <- d.Message
			_, _ = chromedp.Call(ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
		}
	}()
	return b
}

// tabOf is a tab on a world, signed in as a person.
func tabOf(t testing.TB, w *world, as string) *Tab {
	t.Helper()
	b := OpenTab(t, w.server.URL)
	b.signIn(w, as)
	return b
}

func (b *Tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.T.Fatal(err)
	}
}

// ask evaluates a script and decodes what it gives.
func ask[T any](b *Tab, script string) T {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.T.Fatal(err)
	}
	return value
}

// signIn plants the session cookie of a person; "" is nobody.
func (b *Tab) signIn(w *world, as string) {
	b.T.Helper()
	name := w.portal.parts.Sessions.SessionCookieName()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	var err error
	if as == "" {
		_, err = chromedp.Call(ctx, network.DeleteCookies, network.DeleteCookiesParams{Name: name, URL: w.server.URL})
	} else {
		_, err = chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: name, Value: sessionOf(as), URL: w.server.URL})
	}
	if err != nil {
		b.T.Fatal(err)
	}
}

// Wide sets the width of the window, in CSS pixels.
func (b *Tab) Wide(width int64) {
	b.T.Helper()
	b.do(chromedp.EmulateViewport(width, 900))
}

// Open goes to a page and gives the status that it came with.
func (b *Tab) Open(path string) int64 {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	response, err := chromedp.Run(ctx, chromedp.NavigateResponse(b.base+path))
	if err != nil {
		b.T.Fatalf("open %s: %v", path, err)
	}
	return response.Status
}

// prefers emulates a media feature, as "prefers-reduced-motion: reduce".
func (b *Tab) prefers(name, value string) {
	b.T.Helper()
	features := []*emulation.MediaFeature{{Name: name, Value: value}}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
		b.T.Fatal(err)
	}
}

// withoutScript stops every script of the pages.
func (b *Tab) withoutScript() {
	b.T.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		b.T.Fatal(err)
	}
}

// console gives what the page complained about so far.
func (b *Tab) console() []string {
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

// Becomes waits until a script gives true.
func (b *Tab) Becomes(what, script string) {
	b.T.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(15 * time.Millisecond) {
		ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](script))
		if err == nil && ok {
			return
		}
	}
	seen, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.href + " " + document.activeElement.outerHTML.slice(0, 200) + " " + document.querySelector("main").innerText.slice(0, 1500)`))
	b.T.Fatalf("never: %s; the page is %s", what, seen)
}

// Says reports whether the page says a text now.
func (b *Tab) Says(text string) bool {
	b.T.Helper()
	return ask[bool](b, fmt.Sprintf(`document.body.innerText.replace(/\s+/g, " ").includes(%s)`, quoted(text)))
}

// Offers reports whether there is something to click on with these words.
func (b *Tab) Offers(words string) bool {
	b.T.Helper()
	return ask[bool](b, fmt.Sprintf(findByWords, quoted(words))+` !== null`)
}

// Path is the address of the page within the portal.
func (b *Tab) Path() string { return ask[string](b, `location.pathname`) }

// openGates are the folds in which a reviewer sets gates that are open.
const openGates = `[...document.querySelectorAll(".gates > li")].filter((g) => g.querySelector("details") && /Open|Lapsed/.test(g.querySelector(".pill").textContent))`

// HasOpenGate reports whether the reader may set a gate that is open.
func (b *Tab) HasOpenGate() bool { return ask[bool](b, openGates+`.length > 0`) }

// OpenGate opens the first such fold.
func (b *Tab) OpenGate() {
	b.T.Helper()
	b.clickOn("a gate to set", openGates+`[0].querySelector("summary")`)
}

// FillNth fills the nth field of several with the same label, from 0.
func (b *Tab) FillNth(n int, label, value string) {
	b.T.Helper()
	find := fmt.Sprintf(`([...document.querySelectorAll("main label")].filter((l) => l.textContent.trim().startsWith(%s))[%d] || {control: null}).control`, quoted(label), n)
	b.clickOn(label, find)
	b.do(chromedp.Evaluate[chromedp.Void](find + `.select()`))
	b.write(value)
}

// Sees waits until the page says a text.
func (b *Tab) Sees(text string) {
	b.T.Helper()
	b.Becomes("the page says "+text, fmt.Sprintf(`document.body.innerText.replace(/\s+/g, " ").includes(%s)`, quoted(text)))
}

// At waits until the page is one whose path has a beginning.
func (b *Tab) At(path string) {
	b.T.Helper()
	b.Becomes("the page is "+path, fmt.Sprintf(`document.readyState === "complete" && (location.pathname + location.search).startsWith(%s)`, quoted(path)))
}

func quoted(text string) string {
	out, _ := json.Marshal(text)
	return string(out)
}

// findByWords gives the visible control that says a text: its words, or those
// for screen readers. %s is the text.
const findByWords = `(() => {
  const say = (e) => (e.getAttribute("aria-label") || e.textContent || "").replace(/\s+/g, " ").trim();
  const seen = [...document.querySelectorAll("main a[href], main button, main summary, main label"), ...document.querySelectorAll("a[href], button, summary")].filter((e) => e.checkVisibility({visibilityProperty: true}));
  const want = %s;
  return seen.find((e) => say(e) === want) || seen.find((e) => say(e).startsWith(want)) || null;
})()`

// clickOn clicks with the mouse in the middle of what a script finds.
func (b *Tab) clickOn(what, find string) {
	b.T.Helper()
	b.Becomes("there is "+what, `document.readyState !== "loading" && (`+find+`) !== null`)
	at := ask[[]float64](b, `(() => { const e = `+find+`; e.scrollIntoView({block: "center", behavior: "instant"}); const r = e.getClientRects()[0]; return [r.x + r.width / 2, r.y + r.height / 2]; })()`)
	b.do(chromedp.MouseClickXY(at[0], at[1]))
}

// Click clicks on the link, button, heading of a fold or label with these words.
func (b *Tab) Click(words string) {
	b.T.Helper()
	b.clickOn(words, fmt.Sprintf(findByWords, quoted(words)))
}

// Goes clicks and waits for the page that it leads to.
func (b *Tab) Goes(words, path string) {
	b.T.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](`window.before = true`))
	b.Click(words)
	b.Becomes(words+" leads elsewhere", `window.before === undefined && document.readyState === "complete"`)
	b.At(path)
}

// fieldOf gives the field that a label belongs to. %s is the label's beginning.
const fieldOf = `(() => {
  const want = %s, labels = [...document.querySelectorAll("main label")].filter((l) => l.checkVisibility({visibilityProperty: true}));
  const say = (l) => l.textContent.replace(/\s+/g, " ").trim();
  const label = labels.find((l) => say(l) === want) || labels.find((l) => say(l).startsWith(want));
  return label ? label.control : null;
})()`

// Fill types into the field with a label, or chooses in a list.
func (b *Tab) Fill(label, value string) {
	b.T.Helper()
	find := fmt.Sprintf(fieldOf, quoted(label))
	b.Becomes("there is a field "+label, `document.readyState !== "loading" && (`+find+`) !== null`)
	kind := ask[string](b, find+`.tagName + " " + (`+find+`.type || "")`)
	if strings.HasPrefix(kind, "SELECT") || strings.HasSuffix(kind, " date") {
		b.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`(() => { const s = %s, v = %s; s.focus();
			if (s.options) { const o = [...s.options].find((o) => o.text.trim() === v) || [...s.options].find((o) => o.value === v); if (!o) throw new Error("no option " + v); s.value = o.value; } else s.value = v;
			s.dispatchEvent(new Event("change", {bubbles: true})); })()`, find, quoted(value))))
		return
	}
	b.clickOn(label, find)
	b.do(chromedp.Evaluate[chromedp.Void](find + `.select()`))
	b.write(value)
}

// write inserts text where the cursor is.
func (b *Tab) write(text string) {
	b.T.Helper()
	if _, err := chromedp.Call(b.ctx, cdpinput.InsertText, cdpinput.InsertTextParams{Text: text}); err != nil {
		b.T.Fatal(err)
	}
}

// press sends keys: "\t" is Tab, "\r" Enter.
func (b *Tab) press(keys string, modifiers ...chromedp.Modifier) {
	b.T.Helper()
	b.do(chromedp.KeyEvent(keys, chromedp.KeyModifiers(modifiers...)))
}

// shoot keeps a picture of the page when -screens asks for it.
func (b *Tab) shoot(name string, width int64) {
	b.T.Helper()
	if *screens == "" || width == 320 {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.T.Fatal(err)
	}
	name = strings.NewReplacer("/", "_", "?", "_", "=", "-", "&", "_", ":", "-").Replace(strings.Trim(name, "/"))
	if err := os.WriteFile(filepath.Join(*screens, fmt.Sprintf("%s-%d.png", name, width)), picture, 0o600); err != nil {
		b.T.Fatal(err)
	}
}
