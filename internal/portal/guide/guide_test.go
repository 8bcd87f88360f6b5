package guide

import (
	"regexp"
	"strings"
	"testing"
)

// TestLibrary: every guide has a title, says what it is about, and leads on.
func TestLibrary(t *testing.T) {
	l := Load()
	pages := l.Search("")
	if len(pages) < len(order) {
		t.Fatalf("%d guides, at least %d are known", len(pages), len(order))
	}
	for i, p := range pages {
		if i < len(order) && p.Slug != order[i] {
			t.Errorf("guide %d is %s, want %s", i, p.Slug, order[i])
		}
		if p.Title == "" || len(p.About) < 20 || p.HTML == "" || strings.Contains(string(p.HTML), "<h1") {
			t.Errorf("%s: title %q, about %q", p.Slug, p.Title, p.About)
		}
		found, before, after, ok := l.Page(p.Slug)
		if !ok || found.Title != p.Title || (before == nil) != (i == 0) || (after == nil) != (i == len(pages)-1) {
			t.Errorf("%s: before %v, after %v, %t", p.Slug, before, after, ok)
		}
		for _, s := range p.Sections {
			if !strings.Contains(string(p.HTML), `id="`+strings.TrimPrefix(s.Anchor, "#")+`"`) {
				t.Errorf("%s: the section %q leads nowhere", p.Slug, s.Anchor)
			}
		}
	}
	if _, _, _, ok := l.Page("none"); ok {
		t.Error("there is a guide named none")
	}
}

// TestLinks: a guide leads to pages of the portal, and to guides that exist.
func TestLinks(t *testing.T) {
	l := Load()
	for _, p := range l.Search("") {
		for _, m := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(string(p.HTML), -1) {
			slug, inside := strings.CutPrefix(m[1], "/docs/")
			if _, _, _, ok := l.Page(strings.SplitN(slug, "#", 2)[0]); inside && !ok {
				t.Errorf("%s leads to %s, which does not exist", p.Slug, m[1])
			}
			if !inside && !strings.HasPrefix(m[1], "/") && !strings.HasPrefix(m[1], "#") && !strings.HasPrefix(m[1], "https://") {
				t.Errorf("%s leads to %s", p.Slug, m[1])
			}
		}
	}
}

func TestSearch(t *testing.T) {
	l := Load()
	for words, want := range map[string]bool{"consumer GROUP": true, "Terminology": true, "no-such-word": false, "topic no-such-word": false, "": true} {
		if got := len(l.Search(words)) > 0; got != want {
			t.Errorf("%q is found: %t", words, got)
		}
	}
}

// TestMarkdown: the page keeps its own h1; tables and code can be scrolled by
// keyboard; pictures become their words.
func TestMarkdown(t *testing.T) {
	l := Load()
	for given, want := range map[string]string{
		"# Title\n## Part": "<h2 id=\"title\">Title</h2>\n<h3 id=\"part\">Part</h3>", "## Part": `<h2 id="part">Part</h2>`,
		"![a cat](https://evil.example/cat.png)": "<p>a cat</p>", "```\nx\n```": `<pre tabindex="0">`,
		"|a|\n|-|\n|b|": `<div class="scroll" tabindex="0"><table class="usa-table">`, "[x](javascript:alert(1))": `href=""`,
	} {
		if got := string(l.Markdown(given)); !strings.Contains(got, want) {
			t.Errorf("%q becomes %s, want %s", given, got, want)
		}
	}
}

// FuzzMarkdown: whatever a team writes, no element runs, fetches or leads
// anywhere by itself.
func FuzzMarkdown(f *testing.F) {
	for _, seed := range []string{"<script>alert(1)</script>", "[x](javascript:alert(1))", "<a href=javascript:x>", "![x](https://evil.example/x)", "<https://a.example>", "[a]: javascript:alert(1)\n[a]", "# <img src=x onerror=y>", "|<iframe>|\n|-|", "`<style>`", "[x](data:text/html,y)"} {
		f.Add(seed)
	}
	l := Load()
	element := regexp.MustCompile(`<([a-zA-Z][a-zA-Z0-9]*)`)
	allowed := " p h2 h3 h4 h5 h6 a em strong code pre ul ol li blockquote hr br div table thead tbody tr th td "
	link := regexp.MustCompile(`(?i)href="\s*(javascript|vbscript|data|file):`)
	f.Fuzz(func(t *testing.T, text string) {
		html := string(l.Markdown(text))
		for _, m := range element.FindAllStringSubmatch(html, -1) {
			if !strings.Contains(allowed, " "+m[1]+" ") {
				t.Fatalf("%q lets <%s> through: %s", text, m[1], html)
			}
		}
		if found := link.FindString(html); found != "" {
			t.Fatalf("%q lets %s through: %s", text, found, html)
		}
	})
}
