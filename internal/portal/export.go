package portal

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
)

// maxExport bounds how many events one file holds.
const maxExport = 50_000

// catalogExport writes the events that the filters leave, all pages of them, as
// CSV or JSON.
func (p *Portal) catalogExport(w http.ResponseWriter, v visit) error {
	asked := p.catalogQuery(v)
	asked.Page, asked.PageSize = 1, 200
	var events []eventbus.Event
	for len(events) < maxExport {
		found, err := p.parts.Catalog.Search(v.Context(), asked)
		if err != nil {
			return err
		}
		for _, entry := range found.Entries {
			events = append(events, entry.Event)
		}
		if len(found.Entries) == 0 || len(events) >= found.Total {
			break
		}
		asked.Page++
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if strings.HasSuffix(v.URL.Path, ".json") {
		h.Set("Content-Type", "application/json")
		h.Set("Content-Disposition", `attachment; filename="events.json"`)
		return json.NewEncoder(w).Encode(events)
	}
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="events.csv"`)
	out := csv.NewWriter(w)
	_ = out.Write([]string{"name", "title", "description", "domain", "lifecycle", "owner", "productOwner", "dataClasses", "topics"})
	for _, e := range events {
		var classes, topics []string
		for _, c := range e.DataClasses {
			classes = append(classes, string(c))
		}
		for _, t := range e.Topics {
			topics = append(topics, t.Name)
		}
		_ = out.Write(inert(e.Name, e.Title, e.Description, e.Domain, string(e.Lifecycle), e.Owner, e.Contact, strings.Join(classes, " "), strings.Join(topics, " ")))
	}
	out.Flush()
	return out.Error()
}

// inert keeps spreadsheets from taking a cell for a formula (CWE-1236).
func inert(cells ...string) []string {
	for i, cell := range cells {
		if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			cells[i] = "'" + cell
		}
	}
	return cells
}
