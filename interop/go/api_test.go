package interop

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/enterprise-event-bus/eventbus/interop/go/kafka"
)

// reachedShare is the share of operations that must answer 2xx once at least.
const reachedShare = 0.9

// notReached are the operations that this run cannot reach, and why.
var notReached = map[string]string{
	"apply-plan":        "its body is a plan that the bus made a moment before",
	"collect-key":       "the key waits for the technical contact of a request, not for the administrator",
	"import-address":    "the bus reaches public addresses only",
	"poll-device-login": "its body is the secret of a sign-in that was just begun",
	"revert-drift":      "its body is a difference that somebody made behind the bus",
}

// TestAPI runs Schemathesis against the OpenAPI document of a bus with its demo
// organisation, as the administrator: whatever it sends, no answer is a 5xx or
// other than the document says, and nearly every operation does what it is for.
func TestAPI(t *testing.T) {
	installSchemathesis(t)
	b := startBusWith(t)
	config := b.schemathesisConfig(t, b.prepare(t))
	cmd := exec.CommandContext(t.Context(), filepath.Join(kafka.Folder(), "schemathesis", ".venv", "bin", "schemathesis"), "--config-file", config,
		"run", b.at.HTTP+"/api/openapi.json", "--header", "Authorization: Bearer "+b.token(t), "--phases", "examples,coverage,stateful",
		"--generation-deterministic", "--max-examples", "10", "--continue-on-failure", "--no-color", "--report", "ndjson", "--report-ndjson-path", "report.ndjson")
	cmd.Dir, cmd.Env = b.home, b.environment(nil)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("schemathesis: %v\n%s", err, out)
	}
	all, reached := b.reached(t, filepath.Join(b.home, "report.ndjson"))
	var missed []string
	for id := range all {
		if !reached[id] && notReached[id] == "" {
			missed = append(missed, id)
		}
		if reached[id] && notReached[id] != "" {
			t.Logf("%s is reached after all", id)
		}
	}
	slices.Sort(missed)
	t.Logf("2xx on %d of %d operations; %d are out of reach by their nature", len(reached), len(all), len(notReached))
	if len(missed) > 0 {
		t.Logf("not reached: %s", strings.Join(missed, ", "))
	}
	if share := float64(len(reached)) / float64(len(all)); share < reachedShare || len(all) < 60 {
		t.Errorf("2xx on %.0f %% of %d operations, want %.0f %%", 100*share, len(all), 100*reachedShare)
	}
}

func installSchemathesis(t *testing.T) {
	t.Helper()
	if !have("python3") {
		kafka.Missing(t, "python", "python3 is not there")
	}
	kafka.Install(t, "schemathesis", ".venv", []string{"requirements.txt"}, []string{"python3", "-m", "venv", "--clear", ".venv"}, []string{".venv/bin/pip", "install", "-q", "-r", "requirements.txt"})
}

// TestPublishedSchemas: a validator that is not ours takes the published JSON
// Schemas, and by them the examples of requests and manifests.
func TestPublishedSchemas(t *testing.T) {
	installSchemathesis(t)
	b := startBus(t)
	arguments := []string{"schemas.py", b.at.HTTP}
	for _, folder := range []string{"requests", "manifests"} {
		files, err := filepath.Glob(filepath.Join(kafka.Folder(), "..", "examples", "gitops", folder, "*.yaml"))
		if err != nil || len(files) == 0 {
			t.Fatalf("examples of %s: %v, %v", folder, files, err)
		}
		arguments = append(arguments, files...)
	}
	cmd := exec.CommandContext(t.Context(), ".venv/bin/python", arguments...)
	cmd.Dir, cmd.Env = filepath.Join(kafka.Folder(), "schemathesis"), b.environment(nil)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// token is the administrator's.
func (b *bus) token(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(b.home, "eventbus", "tokens", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("token files: %v, %v", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// prepare makes what the document cannot name beforehand, for each operation
// one that it may change: requests in their states, a notification and a
// plan. It gives the parameters of operations.
func (b *bus) prepare(t *testing.T) map[string]map[string]string {
	t.Helper()
	b.eventually(t, "the demo organisation", func() bool {
		return strings.Count(b.eventbus(t, "", "event", "list", "-o", "json"), `"lifecycle"`) >= 3
	})
	for _, who := range []string{"producer", "owner", "bus-reviewer"} {
		b.eventbus(t, who, "login", "--as", who)
	}
	waiting := b.submit(t, "producer", "letter-waiting")
	gated := b.submit(t, "producer", "letter-gated")
	active := b.submit(t, "producer", "letter-active")
	b.eventbus(t, "owner", "request", "approve", active, "--stage", "owner")
	b.eventbus(t, "bus-reviewer", "request", "approve", active, "--stage", "bus")
	var plan string
	b.eventually(t, "the plan of "+active, func() bool {
		plan = b.planOf(t, active)
		return plan != ""
	})
	own := map[string]string{}
	for _, operation := range []string{"save-request", "submit-request", "withdraw-request"} {
		own[operation] = b.submit(t, "", "letter-"+operation, "--draft")
	}
	changing := b.change(t)

	parameters := map[string]map[string]string{"get-plan": {"id": plan}, "acknowledge-request": {"id": changing}}
	for operation, id := range map[string]string{"get-request": active, "get-request-plan": waiting, "list-request-plans": active, "promote-request": active,
		"decide-request": waiting, "comment-request": gated, "set-request-gate": gated} {
		parameters[operation] = map[string]string{"id": id}
	}
	for operation, id := range own {
		parameters[operation] = map[string]string{"id": id}
	}
	return parameters
}

const producerRequest = `apiVersion: eventbus/v1
kind: ProducerRequest
team: claims
environments: [development, production]
contacts: {productOwner: Olive Owner, technicalContact: Pat Producer}
event:
  name: NAME
  title: A Letter
  description: Something happened to a letter.
  purpose: Lets channels tell a Veteran at once that something happened to a letter.
  domain: claims
system: {vasi: "3325", emass: "2350", fisma: Moderate}
privacy: {dataClasses: [PII], syntheticData: true}
schema:
  value: |
    {"type": "record", "name": "Letter", "namespace": "gov.example.claims", "doc": "A letter.", "fields": [
      {"name": "participantId", "type": "string", "doc": "Whose letter it is.", "confluent:tags": ["PII"]}]}
access:
  development: {role: NAME-dev, trustedBy: ["arn:aws-us-gov:iam::123456789012:user/test-producer"]}
`

// submit hands in a request for an event, and gives its id.
func (b *bus) submit(t *testing.T, who, event string, flags ...string) string {
	t.Helper()
	return b.submitText(t, who, event, strings.ReplaceAll(producerRequest, "NAME", event), flags...)
}

func (b *bus) submitText(t *testing.T, who, name, text string, flags ...string) string {
	t.Helper()
	file := filepath.Join(b.home, name+".yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var made struct{ ID string }
	out := b.eventbus(t, who, append([]string{"request", "submit", file, "-o", "json"}, flags...)...)
	if err := json.Unmarshal([]byte(out), &made); err != nil || made.ID == "" {
		t.Fatalf("request for %s: %v\n%s", name, err, out)
	}
	return made.ID
}

// change asks for a change of a demo event, whose consumers are then told.
func (b *bus) change(t *testing.T) string {
	t.Helper()
	var event struct{ Schema string }
	if err := json.Unmarshal([]byte(b.eventbus(t, "", "event", "show", "decision-letter-availability", "-o", "json")), &event); err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal([]byte(event.Schema), &schema); err != nil {
		t.Fatal(err)
	}
	schema["fields"] = append(schema["fields"].([]any), map[string]any{"name": "title", "type": []string{"null", "string"}, "default": nil, "doc": "Title of the letter."})
	value, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	return b.submitText(t, "producer", "change", fmt.Sprintf("apiVersion: eventbus/v1\nkind: ChangeRequest\nteam: claims\nevent: decision-letter-availability\n"+
		"reason: Channels want to show the title of a letter without another call.\nmigrationNote: The field has a default.\nschema:\n  value: %q\n", value))
}

// planOf gives the id of the plan that made a request active, "" while none has.
func (b *bus) planOf(t *testing.T, request string) string {
	t.Helper()
	var shown struct {
		Environments []struct{ PlanID, State string }
	}
	if err := json.Unmarshal([]byte(b.eventbus(t, "", "request", "show", request, "-o", "json")), &shown); err != nil {
		t.Fatal(err)
	}
	for _, e := range shown.Environments {
		if e.State == "active" {
			return e.PlanID
		}
	}
	return ""
}

func (b *bus) eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come", what)
		}
	}
}

// schemathesisConfig adds the parameters of operations to the settings.
func (b *bus) schemathesisConfig(t *testing.T, parameters map[string]map[string]string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(kafka.Folder(), "schemathesis", "schemathesis.toml"))
	if err != nil {
		t.Fatal(err)
	}
	for operation, values := range parameters {
		text = fmt.Appendf(text, "\n[[operations]]\ninclude-operation-id = %q\n[operations.parameters]\n", operation)
		for name, value := range values {
			text = fmt.Appendf(text, "%q = %q\n", "path."+name, value)
		}
	}
	file := filepath.Join(b.home, "schemathesis.toml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// reached reads a report: all operations of the document by id, and those that
// answered 2xx.
func (b *bus) reached(t *testing.T, report string) (all, reached map[string]bool) {
	t.Helper()
	ids := b.operationIDs(t)
	all, reached = map[string]bool{}, map[string]bool{}
	for _, id := range ids {
		all[id] = true
	}
	file, err := os.Open(report)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var line struct {
			ScenarioFinished *struct {
				Recorder struct {
					Cases map[string]struct {
						Value struct{ Method, Path string }
					}
					Interactions map[string]struct {
						Response *struct {
							StatusCode int `json:"status_code"`
						}
					}
				}
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if line.ScenarioFinished == nil {
			continue
		}
		for name, interaction := range line.ScenarioFinished.Recorder.Interactions {
			called := line.ScenarioFinished.Recorder.Cases[name].Value
			id := ids[called.Method+" "+called.Path]
			if interaction.Response != nil && interaction.Response.StatusCode/100 == 2 && id != "" {
				reached[id] = true
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all, reached
}

// operationIDs reads the document: id by "METHOD /path".
func (b *bus) operationIDs(t *testing.T) map[string]string {
	t.Helper()
	answer, err := http.Get(b.at.HTTP + "/api/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var document struct {
		Paths map[string]map[string]struct{ OperationID string }
	}
	if err := json.NewDecoder(answer.Body).Decode(&document); err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{}
	for path, item := range document.Paths {
		for method, operation := range item {
			ids[strings.ToUpper(method)+" "+path] = operation.OperationID
		}
	}
	return ids
}
