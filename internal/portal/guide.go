package portal

import (
	"bytes"
	"html/template"
	"io/fs"
	"net/http"
	"slices"
	"sort"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/docs"
)

// guides are the embedded pages about the bus, rendered once.
type guides struct {
	pages map[string]guide
	order []string
	md    goldmark.Markdown
}

// guide is one page: its first line is the title, the next paragraph what it is
// about.
type guide struct {
	slug, title, about string
	html               template.HTML
	sections           []Link
	plain              string // lower case, for searching
}

// guideOrder is the order of reading; pages not named come after, by title.
var guideOrder = []string{"introduction", "produce", "consume", "environments", "terminology", "support", "offboarding", "troubleshooting"}

// loadGuides renders docs/guide. Raw HTML in Markdown is not let through, here
// as little as in what teams write.
func loadGuides() *guides {
	g := &guides{pages: map[string]guide{}, md: goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(wordsForImages{}, 100))))}
	files, _ := fs.Glob(docs.Guides, "guide/*.md")
	for _, file := range files {
		source, err := docs.Guides.ReadFile(file)
		if err != nil {
			continue
		}
		slug := strings.TrimSuffix(strings.TrimPrefix(file, "guide/"), ".md")
		g.pages[slug] = g.read(slug, string(source))
	}
	for _, slug := range guideOrder {
		if _, ok := g.pages[slug]; ok {
			g.order = append(g.order, slug)
		}
	}
	var rest []string
	for slug := range g.pages {
		if !slices.Contains(g.order, slug) {
			rest = append(rest, slug)
		}
	}
	sort.Strings(rest)
	g.order = append(g.order, rest...)
	return g
}

func (g *guides) read(slug, source string) guide {
	first, body, _ := strings.Cut(source, "\n")
	page := guide{slug: slug, title: strings.TrimSpace(strings.TrimPrefix(first, "#")), plain: strings.ToLower(source)}
	about, _, _ := strings.Cut(strings.TrimSpace(body), "\n\n")
	page.about = strings.ReplaceAll(about, "\n", " ")
	body = strings.TrimPrefix(strings.TrimSpace(body), about)
	page.html = g.markdown(body)
	tree := g.md.Parser().Parse(text.NewReader([]byte(body)))
	_ = ast.Walk(tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if h, ok := n.(*ast.Heading); ok && entering && h.Level == 2 {
			if id, ok := h.AttributeString("id"); ok {
				page.sections = append(page.sections, Link{string(h.Lines().Value([]byte(body))), "#" + string(id.([]byte))})
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

// markdown renders what people wrote. goldmark leaves raw HTML and dangerous
// links out unless told otherwise, which nobody does.
func (g *guides) markdown(source string) template.HTML {
	var out bytes.Buffer
	if err := g.md.Convert([]byte(source), &out); err != nil {
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

// guidesView lists the guides, or shows one.
type guidesView struct {
	Pages    []guideLink
	HTML     template.HTML
	Sections []Link
	Text     string
	Empty    *Empty
	Previous *Link
	Next     *Link
}

type guideLink struct {
	Link
	About   string
	Current bool
}

func (p *Portal) guideIndex(w http.ResponseWriter, v visit) error {
	view := guidesView{Text: strings.TrimSpace(v.URL.Query().Get("q"))}
	for _, page := range p.guides.search(view.Text) {
		view.Pages = append(view.Pages, guideLink{Link: Link{page.title, "/docs/" + page.slug}, About: page.about})
	}
	if len(view.Pages) == 0 {
		view.Empty = &Empty{"school", "No guide mentions this", "Try another word, or look at all guides.", &Link{"Show all guides", "/docs"}}
	}
	return p.render(w, v, http.StatusOK, "guides", Shell{Title: "Guides", Lede: "What an event bus is, how to publish and listen, and what to do when something does not work."}, view)
}

// search gives the guides that mention every word, all of them for no word.
func (g *guides) search(words string) []guide {
	var list []guide
	for _, slug := range g.order {
		page, all := g.pages[slug], true
		for _, word := range strings.Fields(strings.ToLower(words)) {
			all = all && strings.Contains(page.plain, word)
		}
		if all {
			list = append(list, page)
		}
	}
	return list
}

func (p *Portal) guidePage(w http.ResponseWriter, v visit) error {
	page, ok := p.guides.pages[v.PathValue("page")]
	if !ok {
		return &eventbus.Error{Code: eventbus.CodeNotFound, Message: "There is no guide of that name.", Next: "Choose one from the list of guides."}
	}
	view := guidesView{HTML: page.html, Sections: page.sections}
	for i, slug := range p.guides.order {
		other := p.guides.pages[slug]
		view.Pages = append(view.Pages, guideLink{Link: Link{other.title, "/docs/" + slug}, Current: slug == page.slug})
		if slug != page.slug {
			continue
		}
		if i > 0 {
			before := p.guides.pages[p.guides.order[i-1]]
			view.Previous = &Link{before.title, "/docs/" + before.slug}
		}
		if i+1 < len(p.guides.order) {
			after := p.guides.pages[p.guides.order[i+1]]
			view.Next = &Link{after.title, "/docs/" + after.slug}
		}
	}
	return p.render(w, v, http.StatusOK, "guide", Shell{Title: page.title, Lede: page.about, Wide: true, Crumbs: []Link{{"Guides", "/docs"}, {Text: page.title}}}, view)
}
