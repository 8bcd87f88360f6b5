package portal

import (
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestPrint: on paper the event page and a request are what one hands round in a
// meeting: their content, and nothing to click on.
func TestPrint(t *testing.T) {
	openBrowser(t)
	w := fullWorld(t)
	b := tabOf(t, w, "bill")
	b.Wide(720) // A4 between its margins
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/catalog/letter-ready", "/requests/" + w.requestID("payment-issued"), "/admin", "/catalog"} {
		if path == "/admin" {
			b.signIn(w, "ada")
		}
		b.Open(path)
		seen := ask[[]string](b, `[...document.querySelectorAll(".rail, .bar, .foot, .tabs, .acts, .also, .exports, .filter, button, summary")].filter((e) => e.checkVisibility() && e.getBoundingClientRect().height > 0).map((e) => e.tagName + "." + e.className + " " + e.textContent.trim().slice(0, 30))`)
		for _, e := range seen {
			t.Errorf("%s: on paper there is %s", path, e)
		}
		if wide := ask[[]string](b, tooWide); len(wide) > 0 {
			t.Errorf("%s: wider than the paper: %v", path, wide)
		}
		if !ask[bool](b, `document.querySelector("h1").checkVisibility() && document.querySelector("main").textContent.trim().length > 500`) {
			t.Errorf("%s: nothing is left on paper", path)
		}
		b.shoot("print-"+path, 720)
	}
}
