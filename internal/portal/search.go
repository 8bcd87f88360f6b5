package portal

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/enterprise-event-bus/eventbus/internal/catalog"
)

// searchView is what the search box at the top found, by kind.
type searchView struct {
	Text   string
	Events []EventRow
	Fields []fieldMatch
	Guides []guideLink
	More   string // address of all events found
	Empty  *Empty
}

func (p *Portal) search(w http.ResponseWriter, v visit) error {
	view := searchView{Text: strings.TrimSpace(v.URL.Query().Get("q"))}
	shell := Shell{Title: "Search", Query: view.Text, Wide: true}
	if view.Text == "" {
		view.Empty = &Empty{Icon: "search", Title: "Search the whole bus", Text: "Events, fields of schemas and guides. Press / on any page to come here."}
		return p.render(w, v, http.StatusOK, "search", shell, view)
	}
	shell.Title = "Search: " + view.Text
	found, err := p.parts.Catalog.Search(v.Context(), catalog.Query{Text: view.Text, PageSize: 10})
	if err != nil {
		return err
	}
	view.Events = p.eventRows(v, found.Entries)
	if found.Total > len(found.Entries) {
		view.More = "/catalog?q=" + url.QueryEscape(view.Text)
	}
	if p.parts.Registry != nil {
		for _, m := range p.parts.Registry.SearchFields(view.Text) {
			if len(view.Fields) == 10 {
				break
			}
			view.Fields = append(view.Fields, fieldMatch{m.Path, m.Type, m.Subject, "/schemas/" + url.PathEscape(m.Subject), m.Doc, m.Tags})
		}
	}
	for _, page := range p.guides.Search(view.Text) {
		view.Guides = append(view.Guides, linkOf(page))
	}
	if len(view.Events)+len(view.Fields)+len(view.Guides) == 0 {
		view.Empty = &Empty{Icon: "search", Title: "Nothing found for “" + view.Text + "”", Text: "Try fewer words or another spelling. If the event does not exist yet, its owner may be glad to hear that you want it.", Action: &Link{"Browse the catalog", "/catalog"}}
	}
	return p.render(w, v, http.StatusOK, "search", shell, view)
}

// near finds events and guides named like the last part of an address that
// leads nowhere.
func (p *Portal) near(v visit) []Link {
	parts := strings.FieldsFunc(v.URL.Path, func(r rune) bool { return r == '/' || r == '-' || r == '_' })
	if len(parts) == 0 {
		return nil
	}
	text := parts[len(parts)-1]
	if len(text) < 3 {
		return nil
	}
	var links []Link
	for _, page := range p.guides.Search("") {
		if alike(page.Slug, strings.ToLower(path.Base(v.URL.Path))) {
			links = append(links, linkOf(page).Link)
		}
	}
	if found, err := p.parts.Catalog.Search(v.Context(), catalog.Query{Text: text, PageSize: 3}); err == nil {
		for _, row := range p.eventRows(v, found.Entries) {
			links = append(links, Link{row.Title, row.URL})
		}
	}
	for _, page := range p.guides.Search(text) {
		if link := linkOf(page).Link; len(links) < 5 && !slices.Contains(links, link) {
			links = append(links, link)
		}
	}
	return links
}

// alike reports whether one word is the other with at most two letters missing,
// added or exchanged (Levenshtein's distance).
func alike(a, b string) bool {
	if len(b) > 100 {
		return false
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before, row[j+1] = row[j+1], min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)] <= 2
}
