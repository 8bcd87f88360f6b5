package session

import "slices"

// The scopes of API tokens: what a token may be used for, never more than its
// person may. The list is closed; browser sessions carry all of them.
const (
	ScopeRead         = "read"
	ScopeRequestWrite = "request:write"
	ScopeDecide       = "request:decide"
	ScopeSchemaWrite  = "schema:write"
	ScopeCatalogWrite = "catalog:write"
	ScopeApply        = "apply"
	ScopeIAMAdmin     = "iam:admin"
	ScopeRecordsRead  = "records:read"
	ScopeAuditRead    = "audit:read"
	ScopeTokenWrite   = "token:write"
)

// Scope is one of the closed list, with what it is good for.
type Scope struct {
	Name string `json:"name"`
	May  string `json:"may"`
}

// Scopes lists every scope.
func Scopes() []Scope {
	return []Scope{
		{ScopeRead, "see catalog, topics, schemas, requests, grants and the own inbox"},
		{ScopeRequestWrite, "draft, submit, comment on and withdraw requests"},
		{ScopeDecide, "approve, decline and ask for changes, set gates"},
		{ScopeSchemaWrite, "register and delete schemas, set compatibility levels and modes"},
		{ScopeCatalogWrite, "import and change catalog entries"},
		{ScopeApply, "plan, apply, show and revert drift, quarantine"},
		{ScopeIAMAdmin, "change roles, users, policies and access keys"},
		{ScopeRecordsRead, "read records of topics, where a grant allows it"},
		{ScopeAuditRead, "read and verify the audit log"},
		{ScopeTokenWrite, "create and revoke API tokens, none with more scopes than its own"},
	}
}

// ScopeNames lists the names of all scopes.
func ScopeNames() []string {
	var names []string
	for _, s := range Scopes() {
		names = append(names, s.Name)
	}
	return names
}

func knownScope(name string) bool { return slices.Contains(ScopeNames(), name) }
