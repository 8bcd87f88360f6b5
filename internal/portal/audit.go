package portal

import (
	"encoding/json"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/audit"
)

// auditView is the record of who did what, and the check of its chain.
type auditView struct {
	Actor, Action, Resource string
	Outcomes                []Choice
	Rows                    []auditRow
	Older                   string
	Verify                  string // address that checks the chain
	Verified                *Alert
	Head                    string
	Files                   Files
	Empty                   *Empty
}

var auditColumns = []column[eventbus.AuditEntry]{
	{"seq", func(e eventbus.AuditEntry) string { return strconv.FormatInt(e.Seq, 10) }}, {"time", func(e eventbus.AuditEntry) string { return e.Time.UTC().Format(time.RFC3339Nano) }}, {"actor", func(e eventbus.AuditEntry) string { return e.Actor }},
	{"action", func(e eventbus.AuditEntry) string { return e.Action }}, {"resource", func(e eventbus.AuditEntry) string { return e.Resource }}, {"outcome", func(e eventbus.AuditEntry) string { return string(e.Outcome) }},
	{"reason", func(e eventbus.AuditEntry) string { return e.Reason }}, {"from", func(e eventbus.AuditEntry) string { return e.From }}, {"requestId", func(e eventbus.AuditEntry) string { return e.RequestID }},
	{"count", func(e eventbus.AuditEntry) string { return strconv.FormatInt(e.Count, 10) }},
	{"detail", func(e eventbus.AuditEntry) string {
		if len(e.Detail) == 0 {
			return ""
		}
		text, _ := json.Marshal(e.Detail) // strings always encode
		return string(text)
	}}, {"hash", func(e eventbus.AuditEntry) string { return e.Hash }},
}

type auditRow struct {
	Seq, At, Who, Action, Resource, Reason, From, RequestID, Hash string
	Outcome                                                       Pill
	Details                                                       []Fact
}

const auditPage = 50

func (p *Portal) auditShow(w http.ResponseWriter, v visit) error {
	shell := Shell{Title: "Audit", Heading: "Audit record", Lede: "Who did what, and whether it was allowed. Every entry carries the hash of the one before, so that nothing can be changed or removed unseen.", Wide: true,
		Elsewhere: Elsewhere{CLI: p.cli("audit", "tail") + "\n" + p.cli("audit", "verify"), Curl: p.curl("/api/v1/audit")}}
	if !mayAudit(v.actor.Person) {
		return &eventbus.Error{Code: eventbus.CodeForbidden, Message: "The audit record is open to auditors, reviewers and operators. What happened to your own requests stands on their pages.",
			Next: "If you need more, ask the Event Bus team for the role auditor."}
	}
	query := v.URL.Query()
	view := auditView{Actor: query.Get("actor"), Action: query.Get("action"), Resource: query.Get("resource"), Verify: with(v.URL, "verify", "1"), Files: filesOf(v)}
	for _, o := range []eventbus.Outcome{"", eventbus.OutcomeAllowed, eventbus.OutcomeDenied, eventbus.OutcomeFailed, eventbus.OutcomeIntent} {
		label := "Any outcome"
		if o != "" {
			label = outcomePill(o).Text
		}
		view.Outcomes = append(view.Outcomes, Choice{Value: string(o), Label: label, Chosen: string(o) == query.Get("outcome")})
	}
	if p.parts.Audit == nil {
		view.Empty = &Empty{Icon: "verified_user", Title: "No record here", Text: "This portal is not connected to the audit record."}
		return p.render(w, v, http.StatusOK, "audit", shell, view)
	}
	asked := eventbus.AuditQuery{Actor: view.Actor, Action: view.Action, Resource: view.Resource, Outcome: eventbus.Outcome(query.Get("outcome")), NewestFirst: true, Limit: 1000}
	if fileAsked(v) {
		return writeFile(w, v, "audit", auditColumns, paged(func() ([]eventbus.AuditEntry, error) {
			entries, err := p.parts.Audit.AuditEntries(v.Context(), asked)
			if len(entries) > 0 {
				asked.BeforeSeq = entries[len(entries)-1].Seq
			}
			return entries, err
		}))
	}
	asked.BeforeSeq, _ = strconv.ParseInt(query.Get("before"), 10, 64)
	asked.Limit = auditPage
	entries, err := p.parts.Audit.AuditEntries(v.Context(), asked)
	if err != nil {
		return err
	}
	for _, e := range entries {
		view.Rows = append(view.Rows, p.auditRow(v, e))
	}
	if len(entries) == auditPage {
		view.Older = with(v.URL, "before", strconv.FormatInt(entries[len(entries)-1].Seq, 10), "verify", "")
	}
	if len(entries) == 0 {
		view.Empty = p.emptyList(v, "entry", Empty{Icon: "verified_user", Title: "Nothing has happened yet", Text: "Every change, sign-in and refusal will stand here."})
	}
	if query.Has("verify") {
		if view.Verified, err = p.verified(v); err != nil {
			return err
		}
	}
	if seq, hash, err := p.parts.Audit.AuditHead(v.Context()); err == nil && hash != "" {
		view.Head = "Entry " + grouped(seq) + " is the last; its hash is " + hash + "."
	}
	return p.render(w, v, http.StatusOK, "audit", shell, view)
}

func (p *Portal) auditRow(v visit, e eventbus.AuditEntry) auditRow {
	row := auditRow{Seq: strconv.FormatInt(e.Seq, 10), At: e.Time.UTC().Format("2 Jan 2006 15:04:05"), Who: p.actorName(v, e.Actor), Action: e.Action,
		Resource: e.Resource, Reason: e.Reason, From: e.From, RequestID: e.RequestID, Hash: e.Hash, Outcome: outcomePill(e.Outcome)}
	if e.Count > 1 {
		row.Details = append(row.Details, Fact{Term: "Calls", Text: grouped(e.Count)})
	}
	keys := make([]string, 0, len(e.Detail))
	for key := range e.Detail {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		row.Details = append(row.Details, Fact{Term: key, Text: e.Detail[key]})
	}
	return row
}

func (p *Portal) actorName(v visit, actor string) string {
	if strings.HasPrefix(actor, "arn:") {
		return shortARN(actor)
	}
	return p.personName(v, actor)
}

func (p *Portal) verified(v visit) (*Alert, error) {
	began := time.Now()
	var saved []audit.Head
	var problem error // of the saved head itself
	if p.parts.AuditHeads != nil {
		saved, problem = p.parts.AuditHeads()
	}
	report, err := audit.Verify(v.Context(), p.parts.Audit, saved...)
	if err != nil {
		return nil, err
	}
	if problem != nil && report.OK() {
		return &Alert{Tone: ToneBad, Heading: "The saved head cannot be trusted", Text: sentence(problem.Error()) + ". The chain itself is whole; tell the security reviewers at once."}, nil
	}
	if !report.OK() {
		return &Alert{Tone: ToneBad, Heading: "The chain is broken at entry " + grouped(report.FirstBad), Text: sentence(report.Problem) + ". Tell the security reviewers at once; entries before it are sound."}, nil
	}
	return &Alert{Tone: ToneGood, Heading: "The chain is whole", Text: count(report.Entries, "entry") + " read in " + count(max(time.Since(began).Milliseconds(), 1), "millisecond") + "; each fits the one before."}, nil
}
