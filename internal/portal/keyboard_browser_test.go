package portal

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
)

// reach presses Tab until the focus is on what a selector names, as somebody
// without a mouse does.
func (b *Tab) reach(selector string) {
	b.T.Helper()
	there := fmt.Sprintf(`document.activeElement.matches(%s)`, quoted(selector))
	for range 150 {
		if ask[bool](b, there) {
			return
		}
		b.press("\t")
	}
	b.T.Fatalf("Tab never comes to %s", selector)
}

// enter goes to something and presses Enter there, which leads to a page.
func (b *Tab) enter(selector, path string) {
	b.T.Helper()
	b.reach(selector)
	b.do(chromedpVoid(`window.before = true`))
	b.press("\r")
	b.Becomes(selector+" leads elsewhere", `window.before === undefined && document.readyState === "complete"`)
	b.At(path)
}

// types goes to a field and writes into it.
func (b *Tab) types(selector, text string) {
	b.T.Helper()
	b.reach(selector)
	b.write(text)
}

// TestKeyboardJourneys does ten things by keyboard alone.
func TestKeyboardJourneys(t *testing.T) {
	w := fullWorld(t)
	b := tabOf(t, w, "pat")
	b.Wide(1440)
	journey := func(name, as, from string, walk func()) {
		t.Run(name, func(t *testing.T) {
			b.T = t
			b.signIn(w, as)
			b.Open(from)
			walk()
		})
	}
	journey("find an event", "pat", "/", func() {
		b.press("/")
		b.Becomes("slash leads to the search", `document.activeElement.id === "find"`)
		b.do(chromedpVoid(`document.getElementById("find").value = ""`)) // the test's key is written although the page refused it
		b.write("letter")
		b.press("\r")
		b.At("/search?q=letter")
		b.enter(`a[href="/catalog/letter-ready"]`, "/catalog/letter-ready")
		b.Sees("prod_letter-ready")
	})
	journey("request access", "casey", "/catalog/appointment-status", func() {
		b.enter(`a[href="/requests/new?kind=consumer&event=appointment-status"]`, "/requests/new?kind=consumer")
		b.enter(`main form button[type=submit]`, "/requests/")
		b.types("#f-purpose", "Staff see at the desk whether an appointment still stands, without a call.")
		b.enter(`button[value=leave]`, "/requests/")
		b.Sees("Access to an event")
	})
	journey("propose an event", "pat", "/requests", func() {
		b.enter(`main a[href="/requests/new"]`, "/requests/new")
		b.enter(`main a[href="/requests/new?kind=producer"]`, "/requests/new?kind=producer")
		b.enter(`main form button[type=submit]`, "/requests/")
		b.types("#f-event-title", "Hearing Moved")
		b.types("#f-event-description", "A hearing has another date.")
		b.types("#f-event-purpose", "Everybody who waits hears of it.")
		b.types("#f-event-domain", "claims")
		b.reach("#f-fit-decouple")
		b.press(" ")
		b.Becomes("space ticks the box", `document.activeElement.checked`)
		b.enter(`button[value=next]`, "/requests/")
		b.Sees("Step 2 of 8")
	})
	review := "/requests/" + w.requestID("payment-issued")
	journey("review a request", "bill", "/", func() {
		b.enter(`main a[href="/requests?show=turn"]`, "/requests?show=turn")
		b.enter(`main a[href="`+review+`"]`, review)
		b.types("#comment", "Is a refund an issued payment, too?")
		b.enter(`form[action$="/comment"] button`, review)
		b.Sees("Is a refund an issued payment, too?")
	})
	journey("ask for a change", "bill", review, func() {
		b.types("#decide-bus", "Say what happens with a refund.")
		b.enter(`button[value=ask-changes]`, review)
		b.Sees("Changes asked")
	})
	w.must(w.onboarding.Submit(context.Background(), actorOf("pat"), w.requestID("payment-issued")))
	journey("approve", "olive", review, func() {
		b.enter(`button[value=approve]`, review)
		b.Sees("approved: product owner review")
	})
	journey("compare two schemas", "pat", "/catalog/letter-ready", func() {
		b.enter(`a[href="/catalog/letter-ready/schema"]`, "/catalog/letter-ready/schema")
		b.enter(`a[href*="from=1"]`, "/catalog/letter-ready/schema?from=1")
		b.Sees("From version 1 to version 2")
		b.Sees("Safe")
	})
	journey("make a token", "pat", "/", func() {
		b.reach("details.user summary")
		b.press("\r")
		b.enter(`.drop a[href="/settings"]`, "/settings")
		b.types("#name", "nightly build")
		b.reach("#scope-0")
		b.press(" ")
		b.enter(`form[action="/settings/tokens"] button`, "/settings")
		b.Sees("It is shown this once")
	})
	journey("simulate access", "pat", "/access", func() {
		b.types("#principal", "test-nobody")
		b.types("#resource", "test")
		b.enter(`main form button`, "/access?")
		b.Sees("Denied")
	})
	journey("verify the audit record", "ada", "/audit", func() {
		b.enter(`main a[href="/audit?verify=1"]`, "/audit?verify=1")
		b.Sees("The chain is whole")
	})
	b.T = t
	for _, line := range b.console() {
		t.Errorf("console: %s", line)
	}
	if r := w.must(w.store.Request(context.Background(), strings.TrimPrefix(review, "/requests/"))); r.State != eventbus.RequestSubmitted || len(r.Comments) == 0 {
		t.Errorf("the reviewed request is %s with %d comments", r.State, len(r.Comments))
	}
}

// TestTyping: what the pages do while somebody types, and what keys do.
func TestTyping(t *testing.T) {
	w := fullWorld(t)
	b := tabOf(t, w, "pat")
	b.Wide(1440)
	t.Run("search while typing", func(t *testing.T) {
		b.T = t
		b.Open("/catalog")
		b.reach("#q")
		b.press("appoint")
		b.Becomes("one event is left", `document.querySelectorAll("#results tbody tr").length === 1`)
		b.Becomes("the address says it, and nothing more", `location.search === "?q=appoint"`)
		b.Becomes("the field keeps the focus", `document.activeElement.id === "q" && document.activeElement.value === "appoint"`)
		b.do(chromedpVoid(`history.back()`))
		b.Becomes("back leads to all events", `document.querySelectorAll("#results tbody tr").length === 8`)
	})
	t.Run("the skip link", func(t *testing.T) {
		b.T = t
		b.Open("/docs/introduction")
		b.press("\t")
		b.Becomes("the first stop is the skip link", `document.activeElement.matches(".usa-skipnav")`)
		b.press("\r")
		b.Becomes("it leads to the content", `document.activeElement.id === "main"`)
	})
	t.Run("the answer stands beside the question", func(t *testing.T) {
		b.T = t
		edit := w.fill("pat", "/requests/new", "kind", "producer", "team", "claims").Header.Get("Location")
		b.Open(edit + "?step=4")
		b.Click("Outside AWS")
		b.Becomes("ESECC is needed outside AWS", `document.querySelector("#aside").innerText.includes("ESECC needed") && document.querySelector("#aside").innerText.includes("9198")`)
		b.Click("In the VAEC AWS organisation")
		b.Becomes("and not within", `document.querySelector("#aside").innerText.includes("ESECC not needed")`)
		b.Open(edit + "?step=6")
		b.types("#f-schema-value", `{"type":"record","name":"X","namespace":"a","fields":[{"name":"icn","type":"string","doc":"d","confluent:tags":["PII"]}]}`)
		b.Becomes("the schema is read while typing", `document.querySelector("#aside").innerText.includes("Valid Avro") && document.querySelector("#aside").innerText.includes("icn")`)
		b.Becomes("the cursor stays", `document.activeElement.id === "f-schema-value"`)
	})
	t.Run("faults are read first", func(t *testing.T) {
		b.T = t
		edit := w.fill("pat", "/requests/new", "kind", "producer", "team", "claims").Header.Get("Location")
		b.Open(edit)
		b.reach("#f-event-title")
		b.press("Letter Sent, again!")
		b.Becomes("a name is proposed", `document.querySelector("#f-event-name").value === "letter-sent-again"`)
		b.Click("Save and continue")
		b.Becomes("the summary has the focus", `document.activeElement.matches("[data-focus]") && document.title.startsWith("Error: ")`)
		b.console() // Chromium notes the 422
		b.check("the form with faults")
		b.clickOn("the fault", `document.querySelector('[data-focus] a[href="#f-event-description"]')`)
		b.Becomes("its link leads to the field", `document.activeElement.id === "f-event-description" || location.hash === "#f-event-description"`)
	})
	b.T = t
	for _, line := range b.console() {
		t.Errorf("console: %s", line)
	}
}

// TestPreferences: who asks for less motion gets none, and in forced colours
// nothing is told by a colour that is gone.
func TestPreferences(t *testing.T) {
	w := fullWorld(t)
	b := tabOf(t, w, "bill")
	b.Wide(1440)
	const moving = `[...document.querySelectorAll("*")].flatMap((e) => [null, "::before", "::after"].map((p) => getComputedStyle(e, p)))
		.filter((s) => s.animationName !== "none" && parseFloat(s.animationDuration) > 0.01 || s.transitionDuration.split(",").some((d) => parseFloat(d) > 0.01) || s.scrollBehavior === "smooth").length`
	// In forced colours, a state that a background shows must have a border or an outline, too.
	const colourOnly = `[...document.querySelectorAll(".pill, .badge, .chip, .alert, .usa-button, [aria-current]")].filter((e) => e.checkVisibility()).filter((e) => {
		const s = getComputedStyle(e);
		const line = s.borderTopStyle !== "none" && parseFloat(s.borderTopWidth) > 0 || s.borderBottomStyle !== "none" && parseFloat(s.borderBottomWidth) > 0 || s.borderLeftStyle !== "none" && parseFloat(s.borderLeftWidth) > 0 || s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0;
		return !line && !e.closest(".crumbs") && !e.matches(".usa-button--unstyled, .sidenav a");
	}).map((e) => e.tagName + "." + e.className + " " + e.textContent.trim().slice(0, 30)).slice(0, 5)`
	for _, path := range []string{"/", "/catalog", "/catalog/letter-ready", "/requests/" + w.requestID("payment-issued"), "/audit", "/docs/introduction"} {
		b.prefers("prefers-reduced-motion", "reduce")
		b.Open(path)
		if n := ask[int](b, moving); n > 0 {
			t.Errorf("%s: %d things move although less motion is asked for", path, n)
		}
		b.prefers("forced-colors", "active")
		b.Open(path)
		if !ask[bool](b, `matchMedia("(forced-colors: active)").matches`) {
			t.Fatal("forced colours are not emulated")
		}
		for _, what := range ask[[]string](b, colourOnly) {
			t.Errorf("%s: in forced colours nothing shows the bounds of %s", path, what)
		}
		b.shoot("forced-"+path, 1440)
	}
}
