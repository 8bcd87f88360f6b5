package apiserver

import (
	"context"
	"net"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/session"
)

// rule says who may call a route. The domain decides further: whose request, whose
// team, four eyes.
type rule struct {
	anyone bool            // without sign-in, everywhere
	open   bool            // also anybody on loopback while Parts.OpenReading is set
	roles  []eventbus.Role // any one of them; none: every person who is signed in
	scope  string          // that a token must carry; empty: any token
}

var (
	operators = []eventbus.Role{eventbus.RoleOperator}
	planners  = []eventbus.Role{eventbus.RoleOperator, eventbus.RoleBusReviewer, eventbus.RoleAuditor}
	guardians = []eventbus.Role{eventbus.RoleOperator, eventbus.RoleBusReviewer, eventbus.RoleSecurityReviewer, eventbus.RoleAuditor}
	witnesses = []eventbus.Role{eventbus.RoleAuditor, eventbus.RoleOperator, eventbus.RoleSecurityReviewer, eventbus.RolePrivacyReviewer}
)

// access is the one table of who may call what, by operation id. A route
// without a row is closed to everybody.
var access = map[string]rule{
	"get-bus":                {open: true, scope: session.ScopeRead},
	"get-client-environment": {open: true, scope: session.ScopeRead},
	"list-environments":      {open: true, scope: session.ScopeRead},
	"get-me":                 {},
	"start-device-login":     {anyone: true},
	"poll-device-login":      {anyone: true},

	"list-topics":       {open: true, scope: session.ScopeRead},
	"get-topic":         {open: true, scope: session.ScopeRead},
	"read-records":      {scope: session.ScopeRecordsRead},
	"list-partitions":   {scope: session.ScopeRead},
	"list-topic-groups": {scope: session.ScopeRead},
	"list-groups":       {scope: session.ScopeRead},
	"get-group":         {scope: session.ScopeRead},

	"search-catalog":       {open: true, scope: session.ScopeRead},
	"list-events":          {open: true, scope: session.ScopeRead},
	"get-event":            {open: true, scope: session.ScopeRead},
	"list-event-consumers": {scope: session.ScopeRead},
	"put-event":            {scope: session.ScopeCatalogWrite},
	"delete-event":         {roles: operators, scope: session.ScopeCatalogWrite},
	"import-events":        {scope: session.ScopeCatalogWrite},
	"import-address":       {scope: session.ScopeCatalogWrite},
	"list-systems":         {open: true, scope: session.ScopeRead},
	"list-grants":          {scope: session.ScopeRead},
	"list-usage":           {scope: session.ScopeRead},
	"list-topic-usage":     {scope: session.ScopeRead},

	"list-requests":       {scope: session.ScopeRead},
	"get-request":         {scope: session.ScopeRead},
	"get-request-plan":    {scope: session.ScopeRead},
	"list-request-plans":  {scope: session.ScopeRead},
	"check-request":       {scope: session.ScopeRead},
	"create-request":      {scope: session.ScopeRequestWrite},
	"save-request":        {scope: session.ScopeRequestWrite},
	"submit-request":      {scope: session.ScopeRequestWrite},
	"comment-request":     {scope: session.ScopeRequestWrite},
	"withdraw-request":    {scope: session.ScopeRequestWrite},
	"promote-request":     {scope: session.ScopeRequestWrite},
	"acknowledge-request": {scope: session.ScopeRequestWrite},
	"decide-request":      {scope: session.ScopeDecide},
	"set-request-gate":    {scope: session.ScopeDecide},

	"make-plan":    {roles: planners, scope: session.ScopeApply},
	"list-plans":   {roles: planners, scope: session.ScopeApply},
	"get-plan":     {roles: planners, scope: session.ScopeApply},
	"list-drift":   {roles: planners, scope: session.ScopeApply},
	"apply-plan":   {roles: operators, scope: session.ScopeApply},
	"revert-drift": {roles: operators, scope: session.ScopeApply},

	"list-users":    {roles: guardians, scope: session.ScopeRead},
	"list-roles":    {roles: guardians, scope: session.ScopeRead},
	"list-keys":     {roles: guardians, scope: session.ScopeRead},
	"simulate":      {scope: session.ScopeRead}, // whom one may ask about: iam.MayAsk
	"create-user":   {roles: operators, scope: session.ScopeIAMAdmin},
	"set-user":      {roles: operators, scope: session.ScopeIAMAdmin},
	"delete-user":   {roles: operators, scope: session.ScopeIAMAdmin},
	"create-role":   {roles: operators, scope: session.ScopeIAMAdmin},
	"set-trust":     {roles: operators, scope: session.ScopeIAMAdmin},
	"delete-role":   {roles: operators, scope: session.ScopeIAMAdmin},
	"put-policy":    {roles: operators, scope: session.ScopeIAMAdmin},
	"delete-policy": {roles: operators, scope: session.ScopeIAMAdmin},
	"create-key":    {roles: operators, scope: session.ScopeIAMAdmin},
	"rotate-key":    {roles: operators, scope: session.ScopeIAMAdmin},
	"disable-key":   {roles: operators, scope: session.ScopeIAMAdmin},
	"delete-key":    {roles: operators, scope: session.ScopeIAMAdmin},
	"collect-key":   {scope: session.ScopeRequestWrite},

	"list-audit":   {roles: witnesses, scope: session.ScopeAuditRead},
	"verify-audit": {roles: witnesses, scope: session.ScopeAuditRead},

	"list-inbox": {scope: session.ScopeRead},
	"mark-read":  {scope: session.ScopeRead},

	"list-tokens":  {scope: session.ScopeTokenWrite},
	"create-token": {scope: session.ScopeTokenWrite},
	"revoke-token": {scope: session.ScopeTokenWrite},
}

// permit holds a caller against a row; nobody is an Actor without a name.
func (r rule) permit(actor eventbus.Actor, openHere bool) error {
	if r.anyone {
		return nil
	}
	if actor.Name() == "" {
		if r.open && openHere {
			return nil
		}
		return &eventbus.Error{Code: eventbus.CodeUnauthenticated, Message: "you are not signed in",
			Next: "run `eventbus login`, or send an API token as a bearer token"}
	}
	if len(r.roles) > 0 && !slices.ContainsFunc(r.roles, actor.Person.Has) {
		return &eventbus.Error{Code: eventbus.CodeForbidden, Message: "this needs one of the roles " + roleNames(r.roles),
			Next: "ask somebody who holds it"}
	}
	if r.scope != "" && !actor.Scoped(r.scope) {
		return &eventbus.Error{Code: eventbus.CodeForbidden, Message: "this token lacks the scope " + r.scope,
			Next: "create a token that has it"}
	}
	return nil
}

func roleNames(roles []eventbus.Role) string {
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = string(role)
	}
	return strings.Join(names, ", ")
}

type actorKey struct{}

// actorOf is who calls; an Actor without a name is anybody.
func actorOf(ctx context.Context) eventbus.Actor {
	actor, _ := ctx.Value(actorKey{}).(eventbus.Actor)
	return actor
}

// guard lets a call through to its route, or answers why not.
func (a *API) guard(id string, row rule, closed bool) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		actor, err := a.caller(ctx)
		if err == nil && closed {
			err = eventbus.Errorf(eventbus.CodeForbidden, "nobody may call %s", id)
		}
		if err == nil {
			err = row.permit(actor, a.parts.OpenReading && loopback(ctx.RemoteAddr()))
			err = a.refused(ctx, id, actor, err)
		}
		if err != nil {
			a.writeProblem(ctx, a.problem(err))
			return
		}
		next(huma.WithValue(ctx, actorKey{}, actor))
	}
}

// refused leaves a trace of what a person was refused; repeats are summed up.
func (a *API) refused(ctx huma.Context, id string, actor eventbus.Actor, cause error) error {
	if eventbus.CodeOf(cause) != eventbus.CodeForbidden || a.parts.AuditLog == nil {
		return cause
	}
	u := ctx.URL()
	if err := a.parts.AuditLog.DataPlane(ctx.Context(), actor.Name(), "api:"+id, u.Path, false, cause.Error(), actor.From); err != nil {
		return err
	}
	return cause
}

// caller finds out who calls: bearer token, else session cookie, else nobody.
func (a *API) caller(ctx huma.Context) (eventbus.Actor, error) {
	request, _ := humago.Unwrap(ctx)
	from := request.RemoteAddr
	bearer, isBearer := strings.CutPrefix(request.Header.Get("Authorization"), "Bearer ")
	bearer = strings.TrimSpace(bearer)
	switch {
	case isBearer && a.parts.Authorities != nil && a.parts.Authorities.Administrator(bearer):
		return eventbus.Actor{Person: a.parts.Administrator, From: from}, nil
	case isBearer && a.parts.Sessions != nil:
		return a.parts.Sessions.Token(ctx.Context(), bearer, from)
	case request.Header.Get("Authorization") != "":
		return eventbus.Actor{}, &eventbus.Error{Code: eventbus.CodeUnauthenticated, Message: "the token is not known here",
			Next: "run `eventbus login`, or leave the Authorization header out"}
	}
	nobody := eventbus.Actor{From: from}
	if a.parts.Sessions == nil {
		return nobody, nil
	}
	cookie, err := request.Cookie(a.parts.Sessions.SessionCookieName())
	if err != nil || cookie.Value == "" {
		return nobody, nil
	}
	if err := a.sameSite.Check(request); err != nil {
		return eventbus.Actor{}, &eventbus.Error{Code: eventbus.CodeForbidden, Message: "the call comes from another site", Err: err}
	}
	actor, err := a.parts.Sessions.Person(ctx.Context(), cookie.Value)
	actor.From = from
	return actor, err
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}
