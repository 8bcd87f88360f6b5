package apiserver

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/catalog"
	"github.com/enterprise-event-bus/eventbus/internal/session"
)

// TestIdentities: users, roles, policies, keys and the simulation of what they
// come to.
func TestIdentities(t *testing.T) {
	w := newWorld(t)
	const by, at = "operator", "/api/v1/iam"
	w.must(201, by, "POST", at+"/users", `{"name":"letters","team":"claims"}`)
	w.must(409, by, "POST", at+"/users", `{"name":"letters"}`)
	w.must(422, by, "POST", at+"/users", `{"name":"a b"}`)
	w.must(201, by, "POST", at+"/roles", `{"name":"producer","trustedBy":["arn:aws-us-gov:iam::123456789012:user/letters"]}`)
	w.must(422, by, "POST", at+"/roles", `{"name":"other"}`)
	w.must(422, by, "PUT", at+"/roles/producer/trust", `{"trust":"{}"}`)
	w.must(204, by, "PUT", at+"/roles/producer/trust", `{"trustedBy":["arn:aws-us-gov:iam::123456789012:user/letters"]}`)

	const document = `{"document":{"Version":"2012-10-17","Statement":[{"Sid":"All","Effect":"Allow","Action":"kafka-cluster:*","Resource":"*"}]}}`
	var findings policyFindings
	w.must(200, by, "PUT", at+"/roles/producer/policies/wide", document).into(t, &findings)
	if len(findings.Findings) == 0 {
		t.Error("the linter has nothing to say about *")
	}
	w.must(422, by, "PUT", at+"/roles/producer/policies/bad", `{"document":{"Version":"2012-10-17"}}`)
	w.must(422, by, "PUT", at+"/groups/producer/policies/wide", document)
	ask := func(action, resource string) simulation {
		var out simulation
		body, _ := json.Marshal(map[string]string{"principal": "producer", "action": action, "resource": resource})
		w.must(200, "auditor", "POST", at+"/simulate", string(body)).into(t, &out)
		return out
	}
	if got := ask("kafka-cluster:WriteData", "orders"); !got.Allowed || got.Statement != "All" || !strings.HasSuffix(got.Resource, "/orders") {
		t.Errorf("simulate = %+v", got)
	}
	w.must(204, by, "DELETE", at+"/roles/producer/policies/wide", "")
	if got := ask("kafka-cluster:WriteData", "orders"); got.Allowed || got.Reason == "" {
		t.Errorf("simulate without a policy = %+v", got)
	}
	w.must(404, by, "POST", at+"/simulate", `{"principal":"nobody","action":"kafka-cluster:Connect","resource":"cluster"}`)

	var key newKey
	w.must(201, by, "POST", at+"/users/letters/keys", "", "Idempotency-Key: k1").into(t, &key)
	if key.ID == "" || key.Secret == "" {
		t.Fatalf("key = %v", key.ID)
	}
	repeated := w.must(409, by, "POST", at+"/users/letters/keys", "", "Idempotency-Key: k1")
	if strings.Contains(repeated.text, key.Secret) {
		t.Error("a secret was shown twice")
	}
	w.must(201, by, "POST", at+"/keys/"+key.ID+"/rotate", "")
	listed := w.must(200, by, "GET", at+"/keys?user=letters", "")
	if strings.Contains(listed.text, key.Secret) || strings.Count(listed.text, `"id"`) != 2 {
		t.Errorf("keys = %s", listed.text)
	}
	w.must(204, by, "POST", at+"/keys/"+key.ID+"/disable", "")
	w.must(204, by, "DELETE", at+"/keys/"+key.ID, "")
	w.must(409, by, "DELETE", at+"/users/letters", "")
	w.must(204, by, "PUT", at+"/users/letters/state", `{"disabled":true}`)
	w.must(204, by, "DELETE", at+"/roles/producer", "")
	w.must(404, by, "DELETE", at+"/roles/producer", "")
}

// TestResource: people write names, the directory wants ARNs.
func TestResource(t *testing.T) {
	w := newWorld(t)
	d := eventbus.DemoDeployment()
	for _, tt := range []struct{ action, text, want string }{
		{"kafka-cluster:ReadData", "test", d.TopicARN("test")},
		{"kafka-cluster:AlterGroup", "g", d.GroupARN("g")},
		{"kafka-cluster:DescribeTransactionalId", "tx", d.TransactionalIDARN("tx")},
		{"kafka-cluster:Connect", "cluster", d.ClusterARN()},
		{"sts:AssumeRole", "arn:aws-us-gov:iam::123456789012:role/x", "arn:aws-us-gov:iam::123456789012:role/x"},
		{"kafka-cluster:ReadData", "*", "*"},
	} {
		if got := w.api.resource(tt.action, tt.text); got != tt.want {
			t.Errorf("resource(%s, %s) = %s, want %s", tt.action, tt.text, got, tt.want)
		}
	}
}

// TestTokens: a token is shown once, carries its scopes, makes no wider one, and
// ends at once when it is revoked.
func TestTokens(t *testing.T) {
	w := newWorld(t)
	var made newToken
	w.must(201, "operator", "POST", "/api/v1/tokens", `{"name":"pipeline","scopes":["read","token:write"],"days":7}`).into(t, &made)
	if !strings.HasPrefix(made.Secret, session.TokenPrefix) {
		t.Fatalf("token = %+v", made.Token)
	}
	bearer := "Authorization: Bearer " + made.Secret
	var who me
	w.must(200, "", "GET", "/api/v1/me", "", bearer).into(t, &who)
	if who.Person.ID != "oscar" || len(who.Scopes) != 2 {
		t.Errorf("me = %+v", who)
	}
	w.must(200, "", "GET", "/api/v1/iam/roles", "", bearer)
	w.must(403, "", "POST", "/api/v1/iam/users", `{"name":"x"}`, bearer)
	w.must(422, "", "POST", "/api/v1/tokens", `{"name":"wider","scopes":["iam:admin"]}`, bearer)
	var same newToken
	w.must(201, "", "POST", "/api/v1/tokens", `{"name":"same"}`, bearer).into(t, &same)
	if len(same.Token.Scopes) != 2 {
		t.Errorf("scopes = %v", same.Token.Scopes)
	}
	w.must(422, "operator", "POST", "/api/v1/tokens", `{"name":"odd","scopes":["everything"]}`)
	if listed := w.must(200, "operator", "GET", "/api/v1/tokens", ""); strings.Contains(listed.text, made.Secret) {
		t.Error("the list shows a secret")
	}
	w.must(404, "member", "DELETE", "/api/v1/tokens/"+made.Token.ID, "")
	w.must(204, "operator", "DELETE", "/api/v1/tokens/"+made.Token.ID, "")
	w.must(401, "", "GET", "/api/v1/me", "", bearer)
}

// TestDeviceLogin: the command line starts, waits, and learns nothing before a
// person confirms.
func TestDeviceLogin(t *testing.T) {
	w := newWorld(t)
	var started startedDevice
	w.must(200, "", "POST", "/api/v1/login/device", `{"client":"eventbus on build-17"}`).into(t, &started)
	var polled polledDevice
	w.must(200, "", "POST", "/api/v1/login/device/poll", `{"secret":"`+started.Secret+`"}`).into(t, &polled)
	if polled.State != eventbus.DevicePending || polled.Token != "" {
		t.Errorf("polled = %+v", polled)
	}
	if err := w.sessions.ConfirmDevice(t.Context(), eventbus.Actor{Person: everybody["owner"]}, started.Code); err != nil {
		t.Fatal(err)
	}
	w.must(200, "", "POST", "/api/v1/login/device/poll", `{"secret":"`+started.Secret+`"}`).into(t, &polled)
	w.must(200, "", "GET", "/api/v1/me", "", "Authorization: Bearer "+polled.Token)
	w.must(401, "", "POST", "/api/v1/login/device/poll", `{"secret":"`+started.Secret+`"}`)
}

// TestCatalog: import, search, show, write, delete.
func TestCatalog(t *testing.T) {
	w := newWorld(t)
	entity := example(t, "catalog/catalog-info.yaml")
	var imported catalog.Imported
	w.must(200, "administrator", "POST", "/api/v1/events/import?source=repo", entity).into(t, &imported)
	if len(imported.Events)+len(imported.Faults) == 0 {
		t.Fatalf("imported = %+v", imported)
	}
	var events eventList
	w.must(200, "member", "GET", "/api/v1/events", "").into(t, &events)
	var found catalog.Result
	w.must(200, "member", "GET", "/api/v1/catalog?pageSize=200", "").into(t, &found)
	if len(events.Events) != found.Total {
		t.Errorf("%d events, the search finds %d", len(events.Events), found.Total)
	}
	for _, e := range events.Events {
		w.must(200, "member", "GET", "/api/v1/events/"+e.Name, "")
		w.must(200, "member", "GET", "/api/v1/events/"+e.Name+"/consumers", "")
		w.must(200, "", "GET", "/backstage/events/"+e.Name+"/catalog-info.yaml", "")
		w.must(422, "administrator", "PUT", "/api/v1/events/another", entity)
		w.must(403, "member", "DELETE", "/api/v1/events/"+e.Name, "")
		w.must(204, "operator", "DELETE", "/api/v1/events/"+e.Name, "")
		w.must(404, "member", "GET", "/api/v1/events/"+e.Name, "")
	}
	w.must(404, "member", "GET", "/api/v1/events/none/consumers", "")
}

// TestAuditAndUsage: the record is read and verified, traffic is asked for.
func TestAuditAndUsage(t *testing.T) {
	w := newWorld(t)
	w.must(201, "operator", "POST", "/api/v1/iam/users", `{"name":"letters"}`)
	var list auditList
	w.must(200, "auditor", "GET", "/api/v1/audit?newest=true&limit=5&actor=oscar", "").into(t, &list)
	if len(list.Entries) != 2 || list.Entries[0].Seq < list.Entries[1].Seq {
		t.Errorf("entries = %+v, want intent and outcome, newest first", list.Entries)
	}
	var report auditReport
	w.must(200, "auditor", "GET", "/api/v1/audit/verify", "").into(t, &report)
	if !report.OK || report.HeadSeq != report.Entries {
		t.Errorf("report = %+v", report)
	}
	w.must(200, "member", "GET", "/api/v1/usage?topic=test&by=hour", "")
	w.must(200, "member", "GET", "/api/v1/usage/test", "")
	w.must(200, "member", "GET", "/api/v1/grants?event=test", "")
	w.must(200, "member", "GET", "/api/v1/environments", "")
}

// TestSchemas: what people write has a published schema, one per kind.
func TestSchemas(t *testing.T) {
	w := newWorld(t, func(p *Parts) { p.Schemas = map[string][]byte{"config.json": []byte(`{}`)} })
	var list struct{ Schemas []string }
	w.must(200, "", "GET", "/api/schemas/", "").into(t, &list)
	want := []string{"catalog-event.json", "change-request.json", "config.json", "consumer-request.json", "manifest.json", "offboarding-request.json", "producer-request.json"}
	if strings.Join(list.Schemas, " ") != strings.Join(want, " ") {
		t.Errorf("schemas = %v", list.Schemas)
	}
	for _, name := range list.Schemas {
		var schema map[string]any
		w.must(200, "", "GET", "/api/schemas/"+name, "").into(t, &schema)
	}
	var producer struct {
		Properties map[string]any
		Defs       map[string]any `json:"$defs"`
	}
	w.must(200, "", "GET", "/api/schemas/producer-request.json", "").into(t, &producer)
	if producer.Properties["event"] == nil || producer.Defs["EventFacts"] == nil {
		t.Errorf("producer schema has %d properties, %d definitions", len(producer.Properties), len(producer.Defs))
	}
	w.must(404, "", "GET", "/api/schemas/none.json", "")
}

// TestWhoMaySimulate: the rule is the directory's, the same for every door.
func TestWhoMaySimulate(t *testing.T) {
	w := newWorld(t)
	const at = "/api/v1/iam"
	w.must(201, "operator", "POST", at+"/users", `{"name":"letters","team":"claims"}`)
	w.must(201, "operator", "POST", at+"/users", `{"name":"forms","team":"benefits"}`)
	ask := func(principal string) string {
		return `{"principal":"` + principal + `","action":"kafka-cluster:Connect","resource":"cluster"}`
	}
	w.must(401, "", "POST", at+"/simulate", ask("letters"))
	w.must(200, "member", "POST", at+"/simulate", ask("letters")) // of her team
	hidden := w.must(404, "member", "POST", at+"/simulate", ask("forms"))
	absent := w.must(404, "member", "POST", at+"/simulate", ask("ghost"))
	if strings.ReplaceAll(hidden.text, "forms", "ghost") != absent.text {
		t.Errorf("the refusals tell which of them exists:\n%s\n%s", hidden.text, absent.text)
	}
	for _, who := range []string{"bus-reviewer", "privacy-reviewer", "security-reviewer", "operator", "auditor", "administrator"} {
		w.must(200, who, "POST", at+"/simulate", ask("forms"))
	}
}
