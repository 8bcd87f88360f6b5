package portal

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// What all lists have in common: a page cut out of them, the reasons why nothing
// is there, and a file with everything that the filters leave.

// Pages leads through a long list.
type Pages struct {
	Text           string // "1–20 of 43 events"
	Previous, Next string
}

// pagesOf makes the paging of a list.
func pagesOf(u *url.URL, page, size, total int, noun string) Pages {
	first, last := (page-1)*size+1, min(page*size, total)
	if first > total || total <= size && page == 1 { // nothing to lead through
		return Pages{}
	}
	out := Pages{Text: strconv.Itoa(first) + "–" + strconv.Itoa(last) + " of " + count(int64(total), noun)}
	if page > 1 {
		out.Previous = with(u, "page", strconv.Itoa(page-1))
	}
	if last < total {
		out.Next = with(u, "page", strconv.Itoa(page+1))
	}
	return out
}

// pageOf cuts the page out of a list that ?page= asks for.
func pageOf[T any](u *url.URL, list []T, size int, noun string) ([]T, Pages) {
	page := pageNumber(u)
	first := min((page-1)*size, len(list))
	return list[first:min(first+size, len(list))], pagesOf(u, page, size, len(list), noun)
}

// pageNumber is the page that ?page= asks for, at least the first and never one
// so far away that its rows could not be counted.
func pageNumber(u *url.URL) int {
	page, _ := strconv.Atoi(u.Query().Get("page"))
	return min(max(page, 1), maxRows)
}

// containing leaves what has a text in its name, whatever the case.
func containing[T any](list []T, text string, name func(T) string) []T {
	if text == "" {
		return list
	}
	text = strings.ToLower(text)
	return slices.DeleteFunc(list, func(item T) bool { return !strings.Contains(strings.ToLower(name(item)), text) })
}

// Empty says why nothing is shown: nothing exists yet, the filters leave nothing
// (Drop), or the reader may not see it (the icon is a lock).
type Empty struct {
	Icon, Title, Text string
	Action            *Link
	Drop              []Link // each takes one filter away
}

// filterNames are the parameters that narrow a list, with what taking one away
// is called; %s is its value.
var filterNames = []struct{ name, dropped string }{
	{"q", "the words “%s”"}, {"env", "only %s"}, {"personal", "%s"}, {"domain", "domain %s"}, {"lifecycle", "lifecycle %s"}, {"environment", "only %s"}, {"dataClass", "personal data %s"},
	{"system", "source system %s"}, {"team", "team %s"}, {"kind", "%s requests only"}, {"event", "about %s"}, {"actor", "who %s"}, {"action", "action %s"}, {"resource", "on %s"}, {"outcome", "outcome %s"},
}

// emptyList tells the two reasons for an empty list apart: nothing exists yet,
// which is none, or the filters of the address leave nothing.
func (p *Portal) emptyList(v visit, noun string, none Empty) *Empty {
	var drop []Link
	for _, f := range filterNames {
		value := v.URL.Query().Get(f.name)
		if value == "" || f.name == "env" && v.env == "" {
			continue
		}
		if f.name == "env" || f.name == "environment" {
			value = p.environmentLabel(value)
		}
		drop = append(drop, Link{strings.ReplaceAll(f.dropped, "%s", value), with(v.URL, f.name, "", "page", "", "before", "", "beforeId", "")})
	}
	if len(drop) == 0 {
		return &none
	}
	return &Empty{Icon: "filter_list", Title: "No " + noun + " matches", Text: "Take a filter away to see more:", Drop: drop}
}

// Files are the addresses of a list as files.
type Files struct{ CSV, JSON string }

func filesOf(v visit) Files {
	file := func(format string) string {
		return with(v.URL, "format", format, "page", "", "before", "", "beforeId", "", "verify", "")
	}
	return Files{file("csv"), file("json")}
}

// fileAsked reports whether the list is wanted as a file.
func fileAsked(v visit) bool {
	format := v.URL.Query().Get("format")
	return format == "csv" || format == "json"
}

// maxRows bounds how many rows one file holds.
const maxRows = 50_000

// column is one column of a file.
type column[T any] struct {
	name string
	of   func(T) string
}

// writeFile gives a list as a file, all of it: CSV, or JSON with an object for
// each row. It is made in memory first, so that half a list is never taken for
// the whole.
func writeFile[T any](w http.ResponseWriter, v visit, name string, columns []column[T], rows iter.Seq2[T, error]) error {
	objects, cells := []map[string]string{}, [][]string{make([]string, len(columns))}
	for i, c := range columns {
		cells[0][i] = c.name
	}
	for row, err := range rows {
		if err != nil {
			return err
		}
		if len(objects) == maxRows {
			break
		}
		object, line := map[string]string{}, make([]string, len(columns))
		for i, c := range columns {
			line[i] = c.of(row)
			object[c.name] = line[i]
		}
		objects, cells = append(objects, object), append(cells, inert(line...))
	}
	var out bytes.Buffer
	h, kind := w.Header(), "text/csv; charset=utf-8"
	format := v.URL.Query().Get("format")
	if format == "json" {
		kind = "application/json"
		_ = json.NewEncoder(&out).Encode(objects) // strings always encode
	} else {
		_ = csv.NewWriter(&out).WriteAll(cells) // a buffer takes everything
	}
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+name+`.`+format+`"`)
	h.Set("Cache-Control", "no-store")
	_, _ = out.WriteTo(w)
	return nil
}

// listed gives the items of a list, made into rows one by one.
func listed[A, B any](list []A, row func(A) B) iter.Seq2[B, error] {
	return func(yield func(B, error) bool) {
		for _, item := range list {
			if !yield(row(item), nil) {
				return
			}
		}
	}
}

// paged gives the rows of a list that is read a page at a time: read gives the
// next rows, and none when there are no more.
func paged[T any](read func() ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			rows, err := read()
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
			if len(rows) == 0 {
				return
			}
		}
	}
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
