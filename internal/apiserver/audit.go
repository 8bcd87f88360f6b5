package apiserver

import (
	"context"
	"net/http"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/audit"
)

func (a *API) registerAudit() {
	register(a, operation(http.MethodGet, "/audit", "list-audit", "Entries of the audit log"), a.listAudit)
	register(a, operation(http.MethodGet, "/audit/verify", "verify-audit", "Read the whole chain and name the first bad entry"), a.verifyAudit)
}

type auditList struct {
	Entries []eventbus.AuditEntry `json:"entries"`
}

type listAuditInput struct {
	Actor     string    `query:"actor" maxLength:"2048" doc:"exact, or a prefix that ends in *"`
	Action    string    `query:"action" maxLength:"200"`
	Resource  string    `query:"resource" maxLength:"2048"`
	Outcome   string    `query:"outcome" enum:"intent,allowed,denied,failed"`
	Since     time.Time `query:"since"`
	Until     time.Time `query:"until"`
	AfterSeq  int64     `query:"after" minimum:"0" doc:"oldest first: entries after this number"`
	BeforeSeq int64     `query:"before" minimum:"0" doc:"newest first: entries before this number"`
	Newest    bool      `query:"newest" doc:"newest first"`
	Limit     int       `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

func (a *API) listAudit(ctx context.Context, in *listAuditInput) (*body[auditList], error) {
	entries, err := a.parts.AuditStore.AuditEntries(ctx, eventbus.AuditQuery{
		Actor: in.Actor, Action: in.Action, Resource: in.Resource, Outcome: eventbus.Outcome(in.Outcome), Since: in.Since, Until: in.Until,
		AfterSeq: in.AfterSeq, BeforeSeq: in.BeforeSeq, NewestFirst: in.Newest, Limit: in.Limit,
	})
	if err != nil {
		return nil, err
	}
	return &body[auditList]{auditList{entries}}, nil
}

type auditReport struct {
	OK       bool   `json:"ok"`
	Entries  int64  `json:"entries" doc:"read, up to the first bad one"`
	FirstBad int64  `json:"firstBad,omitempty" doc:"number of the first bad or missing entry"`
	Problem  string `json:"problem,omitempty"`
	HeadSeq  int64  `json:"headSeq" doc:"the last good entry"`
	HeadHash string `json:"headHash"`
}

func (a *API) verifyAudit(ctx context.Context, _ *none) (*body[auditReport], error) {
	var saved []audit.Head
	var problem error // of the saved head itself
	if a.parts.AuditHeads != nil {
		if saved, problem = a.parts.AuditHeads(); problem != nil {
			saved = nil
		}
	}
	r, err := audit.Verify(ctx, a.parts.AuditStore, saved...)
	if err != nil {
		return nil, err
	}
	if problem != nil && r.OK() {
		return &body[auditReport]{auditReport{false, r.Entries, r.HeadSeq, problem.Error(), r.HeadSeq, r.HeadHash}}, nil
	}
	return &body[auditReport]{auditReport{r.OK(), r.Entries, r.FirstBad, r.Problem, r.HeadSeq, r.HeadHash}}, nil
}
