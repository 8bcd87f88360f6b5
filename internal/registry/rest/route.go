package rest

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// route is one row of the API. A segment in braces takes one path segment,
// whatever it holds.
type route struct {
	method string
	path   string
	action Action // "" = nobody is asked
	serve  func(c *call) (any, error)

	segments []string
}

// call is one request on its way through a route.
type call struct {
	h       *Handler
	w       http.ResponseWriter
	r       *http.Request
	vars    map[string]string
	query   url.Values
	scope   string // ":.context:" under /contexts/{context}/, else empty
	schemas bool   // the subject of the path is one of schemas: it follows "subjects"
	caller  registry.Caller
}

// table is the whole API.
func (h *Handler) table() []route {
	read, write := ActionRead, ActionRegister
	return []route{
		{"GET", "/", "", root, nil}, {"POST", "/", "", root, nil},
		{"GET", "/subjects", read, listSubjects, nil},
		{"POST", "/subjects/{subject}", read, lookupSchema, nil},
		{"DELETE", "/subjects/{subject}", ActionDelete, deleteSubject, nil},
		{"GET", "/subjects/{subject}/versions", read, listVersions, nil},
		{"POST", "/subjects/{subject}/versions", write, registerSchema, nil},
		{"GET", "/subjects/{subject}/metadata", read, latestWithMetadata, nil},
		{"GET", "/subjects/{subject}/versions/{version}", read, getVersion, nil},
		{"DELETE", "/subjects/{subject}/versions/{version}", ActionDelete, deleteVersion, nil},
		{"GET", "/subjects/{subject}/versions/{version}/schema", read, getVersionText, nil},
		{"GET", "/subjects/{subject}/versions/{version}/referencedby", read, referencedBy, nil},
		{"POST", "/subjects/{subject}/versions/{version}/restore", write, restoreVersion, nil},
		{"GET", "/schemas", read, listSchemas, nil},
		{"GET", "/schemas/types", read, listTypes, nil},
		{"GET", "/schemas/search", read, searchFields, nil},
		{"GET", "/schemas/export", read, exportSchemas, nil},
		{"POST", "/schemas/import", ActionImport, importSchemas, nil},
		{"GET", "/schemas/ids/{id}", read, schemaByID, nil},
		{"GET", "/schemas/ids/{id}/schema", read, textByID, nil},
		{"GET", "/schemas/ids/{id}/subjects", read, subjectsOfID, nil},
		{"GET", "/schemas/ids/{id}/versions", read, versionsOfID, nil},
		{"GET", "/schemas/guids/{guid}", read, schemaByGUID, nil},
		{"GET", "/schemas/guids/{guid}/ids", read, idsOfGUID, nil},
		{"POST", "/compatibility/subjects/{subject}/versions", read, checkAll, nil},
		{"POST", "/compatibility/subjects/{subject}/versions/{version}", read, checkVersion, nil},
		{"GET", "/config", read, getConfig, nil}, {"GET", "/config/{subject}", read, getConfig, nil},
		{"PUT", "/config", ActionConfig, putConfig, nil}, {"PUT", "/config/{subject}", ActionConfig, putConfig, nil},
		{"DELETE", "/config", ActionConfig, deleteConfig, nil}, {"DELETE", "/config/{subject}", ActionConfig, deleteConfig, nil},
		{"GET", "/mode", read, getMode, nil}, {"GET", "/mode/{subject}", read, getMode, nil},
		{"PUT", "/mode", ActionMode, putMode, nil}, {"PUT", "/mode/{subject}", ActionMode, putMode, nil},
		{"DELETE", "/mode", ActionMode, deleteMode, nil}, {"DELETE", "/mode/{subject}", ActionMode, deleteMode, nil},
		{"GET", "/contexts", read, listContexts, nil},
		{"DELETE", "/contexts/{context}", ActionDelete, deleteContext, nil},
		{"GET", "/v1/metadata/id", "", metadataID, nil},
		{"GET", "/v1/metadata/version", "", metadataVersion, nil},
		{"GET", "/v1/metadata/deployment", "", metadataDeployment, nil},
		{"GET", "/healthz", "", healthReady, nil},
		{"GET", "/healthz/live", "", healthLive, nil},
		{"GET", "/healthz/ready", "", healthReady, nil},
	}
}

func byLength(rows []route) map[int][]route {
	out := map[int][]route{}
	for _, row := range rows {
		row.segments = splitPath(row.path)
		out[len(row.segments)] = append(out[len(row.segments)], row)
	}
	return out
}

// splitPath cuts a path, still escaped, at its slashes; one at the end does not
// count.
func splitPath(path string) []string {
	path = strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// segmentsOf decodes each segment exactly once: a subject may hold `/`, `%`, `:`,
// blanks and any UTF-8.
func segmentsOf(r *http.Request) ([]string, bool) {
	segments := splitPath(r.URL.EscapedPath())
	for i, segment := range segments {
		plain, err := url.PathUnescape(segment)
		if err != nil {
			return nil, false
		}
		segments[i] = plain
	}
	return segments, true
}

// dispatch finds the route; under /contexts/{context}/ the rest of the path is a
// route of its own, whose subjects lie in that context.
func (h *Handler) dispatch(w http.ResponseWriter, r *http.Request) {
	segments, ok := segmentsOf(r)
	if !ok {
		writeError(w, r, statusError{http.StatusBadRequest, 400, "HTTP 400 Bad Request"})
		return
	}
	c := &call{h: h, w: w, r: r, query: r.URL.Query()}
	if len(segments) > 2 && segments[0] == "contexts" {
		if context := normalContext(segments[1]); context != "." {
			c.scope = ":" + context + ":"
		}
		segments = segments[2:]
	}
	row, status := h.find(r.Method, segments, c)
	if row == nil {
		writeError(w, r, statusError{status, status, "HTTP " + strconv.Itoa(status) + " " + http.StatusText(status)})
		return
	}
	h.run(c, row)
}

// normalContext writes a context with its dot.
func normalContext(name string) string {
	name = strings.Trim(name, ":")
	if !strings.HasPrefix(name, ".") {
		name = "." + name
	}
	return name
}

func (h *Handler) find(method string, segments []string, c *call) (*route, int) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	status := http.StatusNotFound
	rows := h.routes[len(segments)]
	for i := range rows {
		vars, ok := rows[i].match(segments)
		if !ok {
			continue
		}
		if rows[i].method != method {
			status = http.StatusMethodNotAllowed
			continue
		}
		c.vars, c.schemas = vars, slices.Contains(rows[i].segments, "subjects")
		return &rows[i], 0
	}
	return nil, status
}

func (row *route) match(segments []string) (map[string]string, bool) {
	var vars map[string]string
	for i, want := range row.segments {
		if name, isVar := strings.CutPrefix(want, "{"); isVar {
			if vars == nil {
				vars = map[string]string{}
			}
			vars[strings.TrimSuffix(name, "}")] = segments[i]
		} else if want != segments[i] {
			return nil, false
		}
	}
	return vars, true
}

// run asks who calls, sends writes to the leader, and writes the answer.
func (h *Handler) run(c *call, row *route) {
	if err := checkMedia(c.r); err != nil {
		writeError(c.w, c.r, err)
		return
	}
	if row.action != "" {
		caller, err := h.authorize(c.r, Operation{Action: row.action, Subject: c.subject()})
		if err != nil {
			writeError(c.w, c.r, refusal(row, err))
			return
		}
		c.caller = caller
	}
	limit := h.cfg.MaxBody
	if row.action == ActionImport {
		limit = h.cfg.MaxImport
	}
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, limit)
	if row.action != "" && row.action != ActionRead {
		c.identify()
		if done, err := h.forward(c); done {
			if err != nil {
				h.fail(c, err)
			}
			return
		}
	}
	answer, err := row.serve(c)
	if err != nil {
		h.fail(c, err)
		return
	}
	if answer != nil {
		writeJSON(c.w, c.r, http.StatusOK, answer)
	}
}

// subject is the full name of the subject in the path. Where the path is about its
// schemas, not about its configuration, an alias stands for the subject that it
// names (Confluent's AliasFilter).
func (c *call) subject() string {
	name, ok := c.vars["subject"]
	if !ok {
		return c.scope
	}
	if c.schemas {
		return c.h.reg.Alias(c.qualified(name))
	}
	return c.qualified(name)
}

// qualified puts a subject into the context of the path. The default context may
// be spelled out (`:.:name`).
func (c *call) qualified(name string) string {
	name = strings.TrimPrefix(name, ":.:")
	if c.scope != "" && !strings.HasPrefix(name, ":.") && !strings.HasPrefix(name, ":*:") {
		return c.scope + name
	}
	return name
}

// flag reads a boolean of the query; anything but true is false.
func (c *call) flag(name string) bool { return strings.EqualFold(c.query.Get(name), "true") }

// filter reads deleted and deletedOnly.
func (c *call) filter() registry.Filter {
	switch {
	case c.flag("deletedOnly"):
		return registry.OnlyDeleted
	case c.flag("deleted"):
		return registry.WithDeleted
	default:
		return registry.Live
	}
}

// version reads the version in the path: a positive number, or latest, or -1.
func (c *call) version() (int, error) {
	text := c.vars["version"]
	if strings.EqualFold(text, "latest") || text == "-1" {
		return registry.Latest, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 1 {
		return 0, &registry.Error{Code: registry.ErrInvalidVersion,
			Message: "The specified version '" + clip(text) + "' is not a valid version id. Allowed values are between [1, 2^31-1] and the string \"latest\""}
	}
	return int(n), nil
}

// id reads the id in the path; what is not a number names nothing.
func (c *call) id() (int, error) {
	n, err := strconv.ParseInt(c.vars["id"], 10, 32)
	if err != nil || n < 0 {
		return 0, statusError{http.StatusNotFound, 404, "HTTP 404 Not Found"}
	}
	return int(n), nil
}

// context is the subject that names the context in which an id is looked up.
func (c *call) context() string {
	if subject := c.query.Get("subject"); subject != "" {
		return c.h.reg.Alias(c.qualified(subject))
	}
	return c.scope
}

// page cuts a list by offset and limit; a limit that is absent or negative means
// all, up to most (0 = no bound).
func page[T any](c *call, list []T, most int) []T {
	offset, _ := strconv.Atoi(c.query.Get("offset"))
	limit, err := strconv.Atoi(c.query.Get("limit"))
	if err != nil || limit < 0 {
		limit = len(list)
	}
	if most > 0 {
		limit = min(limit, most)
	}
	offset = min(max(offset, 0), len(list))
	return list[offset : offset+min(limit, len(list)-offset)]
}

// clip bounds what an error message repeats of the input.
func clip(s string) string {
	if len(s) > 100 {
		return strings.ToValidUTF8(s[:100], "") + "…"
	}
	return s
}
