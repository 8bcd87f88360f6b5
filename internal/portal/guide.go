package portal

import (
	"html/template"
	"net/http"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/portal/guide"
)

// guidesView lists the guides, or shows one.
type guidesView struct {
	Pages    []guideLink
	HTML     template.HTML
	Sections []guide.Section
	Text     string
	Empty    *Empty
	Previous *guideLink
	Next     *guideLink
}

type guideLink struct {
	Link
	About   string
	Current bool
}

func linkOf(page guide.Page) guideLink {
	return guideLink{Link: Link{page.Title, "/docs/" + page.Slug}, About: page.About}
}

func (p *Portal) guideIndex(w http.ResponseWriter, v visit) error {
	view := guidesView{Text: strings.TrimSpace(v.URL.Query().Get("q"))}
	for _, page := range p.guides.Search(view.Text) {
		view.Pages = append(view.Pages, linkOf(page))
	}
	if len(view.Pages) == 0 {
		view.Empty = &Empty{Icon: "school", Title: "No guide mentions this", Text: "Try another word, or look at all guides.", Action: &Link{"Show all guides", "/docs"}}
	}
	return p.render(w, v, http.StatusOK, "guides", Shell{Title: "Guides", Lede: "What an event bus is, how to publish and listen, and what to do when something does not work."}, view)
}

func (p *Portal) guidePage(w http.ResponseWriter, v visit) error {
	page, before, after, ok := p.guides.Page(v.PathValue("page"))
	if !ok {
		return &eventbus.Error{Code: eventbus.CodeNotFound, Message: "There is no guide of that name.", Next: "Choose one from the list of guides."}
	}
	view := guidesView{HTML: page.HTML, Sections: page.Sections}
	for _, other := range p.guides.Search("") {
		link := linkOf(other)
		link.Current = other.Slug == page.Slug
		view.Pages = append(view.Pages, link)
	}
	if before != nil {
		link := linkOf(*before)
		view.Previous = &link
	}
	if after != nil {
		link := linkOf(*after)
		view.Next = &link
	}
	return p.render(w, v, http.StatusOK, "guide", Shell{Title: page.Title, Lede: page.About, Wide: true, Crumbs: []Link{{"Guides", "/docs"}, {Text: page.Title}}}, view)
}
