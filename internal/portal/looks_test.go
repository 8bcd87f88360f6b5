package portal

import (
	"encoding/json"
	"strings"
)

// What every page is held against in the browser: axe, and what axe does not
// see. Each script gives a list of faults.

// tooWide tells which elements stick out to the right.
const tooWide = `(() => {
  const limit = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= limit) return [];
  return [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > limit + 1 && !e.closest(".scroll, pre"))
    .slice(0, 5).map((e) => e.tagName + "." + e.className + " " + Math.round(e.getBoundingClientRect().right));
})()`

// tooSmall tells which targets are under 24 by 24 px (WCAG 2.2, 2.5.8), links
// within a sentence excepted as the rule does.
const tooSmall = `[...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")].filter((e) => {
  const box = e.getBoundingClientRect();
  if (box.width === 0 || !e.checkVisibility({visibilityProperty: true}) || e.matches(".usa-skipnav, .usa-checkbox__input, .usa-radio__input")) return false;
  if (e.matches("p a, li a, dd a, td a, th a, blockquote a") && getComputedStyle(e).display === "inline") return false;
  return box.width < 24 || box.height < 23.5;
}).slice(0, 5).map((e) => e.tagName + "." + e.className + " " + e.textContent.trim().slice(0, 30) + " " + JSON.stringify(e.getBoundingClientRect()))`

// missing tells which files of the page did not come, and which fonts.
const missing = `[...performance.getEntriesByType("resource").filter((r) => r.responseStatus >= 400 || new URL(r.name).origin !== location.origin).map((r) => r.responseStatus + " " + r.name),
  ...[...document.fonts].filter((f) => f.status === "error").map((f) => "font " + f.family)]`

// headings: one h1, and no tabindex that changes the order of reading.
const headings = `[...(document.querySelectorAll("h1").length === 1 ? [] : ["not one h1"]), ...[...document.querySelectorAll("[tabindex]")].filter((e) => e.tabIndex > 0).map((e) => "tabindex " + e.outerHTML.slice(0, 80))]`

const runAxe = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"]})
  .then((r) => r.violations.map((v) => v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + " " + (n.failureSummary || "").slice(0, 200)).join(" | ")))`

// check holds the page against axe and our own rules.
func (b *Tab) check(name string) {
	b.T.Helper()
	faults := ask[map[string][]string](b, `(async () => { if (!window.axe) { `+axe+` }
  return {"wider than the window": `+tooWide+`, "target under 24 px": `+tooSmall+`, "not there": `+missing+`, "order": `+headings+`, "axe": await `+runAxe+`}; })()`)
	for what, list := range faults {
		for _, f := range list {
			b.T.Errorf("%s: %s: %s", name, what, f)
		}
	}
	for _, line := range b.console() {
		b.T.Errorf("%s: console: %s", name, line)
	}
}

// watchFocus notes where the focus goes: whether it can be seen, whether
// something lies over it, and whether it follows the order of the document.
const watchFocus = `(() => {
  window.walk = {steps: 0, faults: [], last: null};
  const shown = (e) => {
    const probe = e.matches(".usa-checkbox__input, .usa-radio__input") ? [e.labels[0], "::before"] : [e, null];
    const style = getComputedStyle(probe[0], probe[1]);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  };
  document.addEventListener("focusin", (event) => {
    const e = event.target, w = window.walk;
    if (e === document.body) return;
    w.steps++;
    const name = e.tagName + " " + (e.id || e.getAttribute("href") || e.textContent.trim().slice(0, 30));
    const box = (e.matches(".usa-checkbox__input, .usa-radio__input") ? e.labels[0] : e).getClientRects()[0];
    if (!box || box.width === 0) { w.faults.push("cannot be seen: " + name); return; }
    if (!shown(e)) w.faults.push("focus does not show: " + name);
    if (box.right < 0 || box.left > innerWidth || box.bottom < 0 || box.top > innerHeight) w.faults.push("outside the window: " + name);
    const over = document.elementFromPoint(Math.max(0, Math.min(innerWidth - 1, box.x + box.width / 2)), Math.max(0, Math.min(innerHeight - 1, box.y + box.height / 2)));
    if (over && !e.contains(over) && !over.contains(e) && !(e.labels && [...e.labels].some((l) => l.contains(over)))) w.faults.push("hidden by " + over.tagName + "." + over.className + ": " + name);
    if (w.last && w.last.isConnected && !(w.last.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING)) w.faults.push("out of order: " + name);
    w.last = e;
  }, true);
})()`

// stops counts what the Tab key should stop at, and how often it must be pressed
// for that: a date has four parts.
const stops = `(() => { const list = [...document.querySelectorAll("a[href], button:not([disabled]), input:not([type=hidden]):not([disabled]), select, textarea, summary, [tabindex='0']")].filter((e) => {
  if (!e.checkVisibility({visibilityProperty: true})) return false;
  return !e.matches("input[type=radio]") || e.checked || (!document.querySelector('input[type=radio][name="' + CSS.escape(e.name) + '"]:checked') && e === document.querySelector('input[type=radio][name="' + CSS.escape(e.name) + '"]'));
}); return [list.length, list.length + 3 * list.filter((e) => e.type === "date").length]; })()`

// walkThrough presses Tab through the whole page.
func (b *Tab) walkThrough(name string) {
	b.T.Helper()
	b.do(chromedpVoid(watchFocus))
	n := ask[[]int](b, stops)
	b.press(strings.Repeat("\t", n[1]))
	text := ask[string](b, `JSON.stringify({steps: walk.steps, faults: [...new Set(walk.faults)].slice(0, 8)})`)
	var walk struct {
		Steps  int
		Faults []string
	}
	if err := json.Unmarshal([]byte(text), &walk); err != nil {
		b.T.Fatal(err)
	}
	if walk.Steps < n[0] {
		b.T.Errorf("%s: Tab stops at %d of %d places", name, walk.Steps, n[0])
	}
	for _, fault := range walk.Faults {
		b.T.Errorf("%s: focus: %s", name, fault)
	}
}
