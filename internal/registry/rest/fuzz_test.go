package rest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzRequests: whatever comes in, the answer is JSON of the API, never a 500.
func FuzzRequests(f *testing.F) {
	d := newDoor(f)
	d.play([]step{{line: "POST /subjects/s/versions", body: v1}})
	for _, seed := range []struct{ method, path, body string }{
		{"POST", "/subjects/s/versions", v2}, {"POST", "/subjects/s", v1}, {"PUT", "/config/s", `{"compatibility":"FULL","normalize":null}`},
		{"PUT", "/mode/s", `{"mode":"READWRITE"}`}, {"POST", "/compatibility/subjects/s/versions/latest?verbose=true", bad},
		{"POST", "/schemas/import", `{"schemas":[{"subject":"n","version":4,"id":77,"schema":"\"string\""}],"modes":{"x":"READWRITE"}}`},
		{"PUT", "/config/t", `{"alias":"s","defaultMetadata":{"tags":{"a":["b"]}},"overrideRuleSet":{"domainRules":[{"name":"r","type":"CEL"}]},"validateNewSchemas":false}`},
		{"POST", "/subjects/t/versions", `{"metadata":{"properties":{"confluent:version":"x"}},"version":2}`}, {"GET", "/schemas/ids/1?subject=t", ""}, {"DELETE", "/contexts/.x", ""},
		{"GET", "/contexts/.x/subjects/%2F/versions", ""}, {"GET", "/schemas/ids/1?subject=:.:", ""}, {"DELETE", "/subjects/s/versions/-1?permanent=true", ""},
		{"POST", "/subjects/s/versions", `{"schema":"{}","references":[{"name":"","subject":"s","version":-1}],"metadata":{"tags":{"":[""]}},"ruleSet":{"domainRules":[{}]}}`},
	} {
		f.Add(seed.method, seed.path, seed.body)
	}
	f.Fuzz(func(t *testing.T, method, path, body string) {
		if !strings.HasPrefix(path, "/") || strings.Contains(path, "mode") && strings.Contains(body, "READONLY") {
			return
		}
		req, err := http.NewRequest(method, "http://registry"+path, strings.NewReader(body))
		if err != nil {
			return
		}
		got := httptest.NewRecorder()
		d.http.Config.Handler.ServeHTTP(got, req)
		if got.Code >= 500 {
			t.Fatalf("%s %s %q: %d %s", method, path, body, got.Code, got.Body)
		}
		if got.Code != 204 && got.Code != 304 && !strings.Contains(path, "/schema") && !json.Valid(got.Body.Bytes()) {
			t.Fatalf("%s %s: not JSON: %s", method, path, got.Body)
		}
	})
}
