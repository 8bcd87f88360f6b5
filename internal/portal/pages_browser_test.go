package portal

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func chromedpVoid(script string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](script)
}

// TestBrowser opens every page in every state at three widths: its status, its
// heading and one value of its own first, then axe and our own rules; and at a
// desk's and a phone's width, Tab walks through all that can be reached.
func TestBrowser(t *testing.T) {
	openBrowser(t)
	full, empty, broken := fullWorld(t), emptyWorld(t), fullWorld(t)
	states := []struct {
		name  string
		world *world
		pages []aPage
	}{{"full", full, fullPages(full)}, {"empty", empty, emptyPages()}, {"error", broken, brokenPages(broken)}}
	broken.breakDown()
	const tabs = 2
	for n := range tabs {
		t.Run(fmt.Sprint("tab ", n), func(t *testing.T) {
			t.Parallel()
			b := OpenTab(t, "")
			b.prefers("prefers-reduced-motion", "reduce") // what is looked at stands still
			for _, state := range states {
				b.base = state.world.server.URL
				for i, page := range state.pages {
					if i%tabs == n {
						b.signIn(state.world, page.as)
						b.looksRight(state.name, page)
					}
				}
			}
		})
	}
}

// looksRight opens one page and looks at it in three widths.
func (b *Tab) looksRight(state string, p aPage) {
	for _, width := range []int64{1440, 390, 320} {
		name := fmt.Sprintf("%s as %s, %s, %d px", p.path, p.as, state, width)
		b.Wide(width)
		if width != 320 {
			if status := b.Open(p.path); status != int64(p.wants()) {
				b.T.Errorf("%s: status %d, want %d", name, status, p.wants())
				return
			}
		}
		if status := p.wants(); status >= 400 {
			for _, line := range b.console() { // Chromium notes the status of the page itself
				if !strings.Contains(line, fmt.Sprint(status)) {
					b.T.Errorf("%s: console: %s", name, line)
				}
			}
		}
		says := ask[[]string](b, `[document.querySelector("h1").textContent, document.querySelector("main").textContent]`)
		if says[0] != p.heading || !strings.Contains(says[1], p.value) {
			b.T.Errorf("%s: heading %q, want %q, with %q", name, says[0], p.heading, p.value)
		}
		b.check(name)
		b.shoot(state+"-"+p.path, width)
		if state == "full" && width != 320 {
			b.walkThrough(name)
		}
	}
}

// wants is the status that the page comes with.
func (p aPage) wants() int {
	if p.status == 0 {
		return http.StatusOK
	}
	return p.status
}
