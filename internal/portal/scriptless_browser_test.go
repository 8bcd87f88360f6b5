package portal

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestWithoutScript: pages, links and forms do their work when no script runs.
func TestWithoutScript(t *testing.T) {
	w := fullWorld(t)
	b := tabOf(t, w, "pat")
	b.withoutScript()
	b.Wide(390)
	says := func(text string) {
		t.Helper()
		b.Becomes("the page says "+text, `document.querySelector("main").textContent.replace(/\s+/g, " ").includes(`+quoted(text)+`)`)
	}
	click := func(selector string) {
		t.Helper()
		b.do(chromedp.Click(chromedp.CSS(selector)))
	}
	fill := func(selector, text string) {
		t.Helper()
		b.do(chromedp.SendKeys(chromedp.CSS(selector), text))
	}
	b.Open("/")
	if ask[bool](b, `document.documentElement.classList.contains("js")`) {
		t.Fatal("a script ran")
	}
	// the menu, and the search for an event
	click(".open-menu")
	click(`#menu a[href="/catalog"]`)
	says("Decision Letter Availability")
	fill("#q", "appoint")
	click(`form[aria-label="Filter events"] button, .filter button`)
	says("1 event")
	click(`a[href="/catalog/appointment-status"]`)
	says("An appointment was booked")
	// another environment, by its own button
	b.do(chromedp.SetValue(chromedp.CSS("#env"), "staging"))
	click(".switch button")
	b.At("/catalog/appointment-status?env=staging")
	// a draft, saved step by step
	b.Open("/requests/new?kind=producer")
	click(`main form button[type=submit]`)
	says("Step 1 of 8")
	fill("#f-event-title", "Letter Sent")
	fill("#f-event-name", "letter-sent")
	fill("#f-event-description", "A letter went out.")
	fill("#f-event-purpose", "Others hear of it.")
	fill("#f-event-domain", "claims")
	click(`button[value=next]`)
	says("Step 2 of 8")
	click(`button[value=leave]`)
	says("Before it can be submitted")
	// a comment
	fill("#comment", "Not finished yet.")
	click(`form[action$="/comment"] button`)
	says("Not finished yet.")
	// a token
	b.Open("/settings")
	fill("#name", "build")
	click(`label[for="scope-0"]`)
	click(`form[action="/settings/tokens"] button`)
	says("It is shown this once")
	// the simulator
	b.Open("/access")
	fill("#principal", "test-nobody")
	fill("#resource", "test")
	click("main form button")
	says("Denied")
	// records, with a reason
	b.Open("/catalog/letter-ready/messages")
	b.do(chromedp.SetValue(chromedp.CSS("#in"), "production"))
	fill("#reason", "a look without script")
	click(`form[aria-label="Look at records"] button`)
	says("masked: participantId")
	// signing out, out of a menu that is plain HTML
	click("details.user summary")
	click(`form[action="/logout"] button`)
	says("Choose who you want to be")
}
