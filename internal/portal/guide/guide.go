// Package guide renders Markdown: the guides of docs/guide, which it holds and
// searches, and what teams write about their events. It lets no HTML, script or
// picture of others through. The portal shows what it makes.
package guide

import (
	"bytes"
	"html/template"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/enterprise-event-bus/eventbus/docs"
)

// Library holds the guides, rendered once. It is safe for concurrent use.
type Library struct {
	pages []Page // in the order of reading
	md    goldmark.Markdown
}

// Page is one guide: its first line is the title, the next paragraph what it is
// about.
type Page struct {
	Slug, Title, About string
	HTML               template.HTML
	Sections           []Section
	plain              string // lower case, for searching
}

// Section is a part of a page with a heading of its own.
type Section struct{ Title, Anchor string }

// order is that of reading; pages not named come after, by their names.
var order = []string{"introduction", "produce", "consume", "environments", "terminology", "support", "offboarding", "troubleshooting"}

// Load renders docs/guide. Raw HTML in Markdown is not let through, here as
// little as in what teams write.
func Load() *Library {
	l := &Library{md: goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(wordsForImages{}, 100))))}
	files, _ := fs.Glob(docs.Guides, "guide/*.md")
	for _, file := range files {
		source, err := docs.Guides.ReadFile(file)
		if err != nil {
			continue // embedded files can be read
		}
		l.pages = append(l.pages, l.read(strings.TrimSuffix(path.Base(file), ".md"), string(source)))
	}
	place := func(p Page) int {
		if i := slices.Index(order, p.Slug); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(l.pages, func(a, b Page) int { return place(a) - place(b) })
	return l
}

// Page gives a guide by its name, with the one before it and the one after it in
// the order of reading, nil at the ends.
func (l *Library) Page(slug string) (page Page, before, after *Page, ok bool) {
	i := slices.IndexFunc(l.pages, func(p Page) bool { return p.Slug == slug })
	if i < 0 {
		return Page{}, nil, nil, false
	}
	if i > 0 {
		before = &l.pages[i-1]
	}
	if i+1 < len(l.pages) {
		after = &l.pages[i+1]
	}
	return l.pages[i], before, after, true
}

func (l *Library) read(slug, source string) Page {
	first, body, _ := strings.Cut(source, "\n")
	page := Page{Slug: slug, Title: strings.TrimSpace(strings.TrimPrefix(first, "#")), plain: strings.ToLower(source)}
	about, _, _ := strings.Cut(strings.TrimSpace(body), "\n\n")
	page.About = strings.ReplaceAll(about, "\n", " ")
	body = strings.TrimPrefix(strings.TrimSpace(body), about)
	page.HTML = l.Markdown(body)
	tree := l.md.Parser().Parse(text.NewReader([]byte(body)))
	_ = ast.Walk(tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if h, ok := n.(*ast.Heading); ok && entering && h.Level == 2 {
			if id, ok := h.AttributeString("id"); ok {
				page.Sections = append(page.Sections, Section{string(h.Lines().Value([]byte(body))), "#" + string(id.([]byte))})
			}
		}
		return ast.WalkContinue, nil
	})
	return page
}

// wordsForImages writes the words of an image instead of fetching it: whoever
// reads a page is nobody's business elsewhere.
type wordsForImages struct{}

// RegisterFuncs implements renderer.NodeRenderer.
func (wordsForImages) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindImage, func(util.BufWriter, []byte, ast.Node, bool) (ast.WalkStatus, error) { return ast.WalkContinue, nil })
}

// Markdown renders what people wrote, as the guides are rendered. goldmark leaves raw HTML and dangerous
// links out unless told otherwise, which nobody does.
func (l *Library) Markdown(source string) template.HTML {
	var out bytes.Buffer
	if err := l.md.Convert([]byte(source), &out); err != nil {
		return template.HTML(template.HTMLEscapeString(source)) //nolint:gosec // escaped
	}
	return template.HTML(shifted(out.String())) //nolint:gosec // goldmark escapes
}

// shifted makes room for the page's own h1: headings of the text begin at h2,
// and tables and code can be scrolled by keyboard.
func shifted(html string) string {
	if strings.Contains(html, "<h1") {
		for level := '5'; level >= '1'; level-- {
			html = strings.ReplaceAll(html, "<h"+string(level), "<h"+string(level+1))
			html = strings.ReplaceAll(html, "</h"+string(level), "</h"+string(level+1))
		}
	}
	html = strings.ReplaceAll(html, "<pre>", `<pre tabindex="0">`)
	return strings.NewReplacer("<table>", `<div class="scroll" tabindex="0"><table class="usa-table">`, "</table>", "</table></div>",
		"<th></th>", "<td></td>").Replace(html)
}

// Search gives the guides that mention every word, all of them for no word.
func (l *Library) Search(words string) []Page {
	var list []Page
	for _, page := range l.pages {
		if !slices.ContainsFunc(strings.Fields(strings.ToLower(words)), func(word string) bool { return !strings.Contains(page.plain, word) }) {
			list = append(list, page)
		}
	}
	return list
}
