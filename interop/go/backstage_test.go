package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/enterprise-event-bus/eventbus/interop/go/kafka"
)

// letters is the source system of letter-ready, as its team keeps it.
const letters = `apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: letters
spec:
  type: service
  lifecycle: production
  owner: claims
---
apiVersion: backstage.io/v1alpha1
kind: System
metadata:
  name: appointments
spec:
  owner: appointments
  domain: health
  subscribesToEvent: [letter-ready]
`

// catalogBus is a bus whose catalog holds the examples: both shapes of the event,
// and systems that provide and consume.
func catalogBus(t *testing.T) *bus {
	t.Helper()
	b := startBus(t)
	own := filepath.Join(b.home, "letters.yaml")
	if err := os.WriteFile(own, []byte(letters), 0o600); err != nil {
		t.Fatal(err)
	}
	examples := filepath.Join(kafka.Folder(), "..", "examples", "gitops", "catalog")
	b.eventbus(t, "", "event", "import", filepath.Join(examples, "catalog-info.yaml"), filepath.Join(examples, "catalog-info-flat.yaml"), own)
	return b
}

func installBackstage(t *testing.T) {
	if !have("npm") {
		kafka.Missing(t, "node", "npm is not there")
	}
	// Binaries of better-sqlite3 may be out of reach; the headers of an installed
	// Node build it.
	kafka.Install(t, "backstage", "node_modules", []string{"package-lock.json"},
		[]string{"npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"},
		[]string{"sh", "-c", `npm rebuild better-sqlite3 --nodedir="$(node -p 'path.dirname(path.dirname(process.execPath))')"`})
}

// TestCatalogModel: every entity of the export is one that Backstage's own rules
// accept, kind Event by our published schema; what they refuse is refused.
func TestCatalogModel(t *testing.T) {
	installBackstage(t)
	b := catalogBus(t)
	check := func(text string) (string, error) {
		cmd := exec.Command("node", "check.js")
		cmd.Dir, cmd.Env, cmd.Stdin = filepath.Join(kafka.Folder(), "backstage"), b.environment(nil), strings.NewReader(text)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	export := b.eventbus(t, "", "event", "export")
	out, err := check(export)
	if err != nil {
		t.Fatalf("the export is refused: %s", out)
	}
	for _, want := range []string{"Event letter-ready", "Event form-received", "API letter-ready", "API form-received", "Component appointments-app", "Component letters",
		"System appointments", "System letters", "Domain claims", "Domain benefits", "Domain health", "Group claims", "Group benefits", "Group appointments", "Group event-bus"} {
		if !slices.Contains(strings.Split(out, "\n"), want) {
			t.Errorf("the export lacks %s:\n%s", want, out)
		}
	}
	if out, err := check(b.eventbus(t, "", "event", "export", "letter-ready")); err != nil {
		t.Errorf("the export of one event is refused: %s", out)
	}
	for _, fault := range [][2]string{{"lifecycle: production", "lifecycle: beta"}, {"name: letter-ready", "name: letter ready"}, {"kind: Event", "extra: 1\nkind: Event"}} {
		if out, err := check(strings.Replace(export, fault[0], fault[1], 1)); err == nil {
			t.Errorf("%q is accepted: %s", fault[1], out)
		}
	}
}

// backstageEntity is as a Backstage gives it.
type backstageEntity struct {
	Kind      string
	Metadata  struct{ Name string }
	Relations []struct{ Type, TargetRef string }
}

// startBackstage runs a Backstage with the catalog and gives the address of its
// API; stop ends it.
func startBackstage(t *testing.T, b *bus, set map[string]string) string {
	t.Helper()
	port := kafka.FreePorts(t, 1)[0]
	set["PORT"] = strconv.Itoa(port)
	set["EVENTBUS_HOST"] = strings.TrimPrefix(b.at.HTTP, "http://")
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "node", "backend.js", "--config", "app-config.yaml")
	cmd.Dir, cmd.Env = filepath.Join(kafka.Folder(), "backstage"), b.environment(set)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			text := log.Bytes()
			t.Logf("Backstage's log ends:\n%s", text[max(0, len(text)-4000):])
		}
	})
	return fmt.Sprintf("http://127.0.0.1:%d/api/catalog/entities", port)
}

// relationsOf reads every relation as "component:letters providesApi
// api:default/letter-ready".
func relationsOf(address string) (entities, relations []string) {
	answer, err := http.Get(address)
	if err != nil {
		return nil, nil
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	var list []backstageEntity
	if err != nil || json.Unmarshal(text, &list) != nil {
		return nil, nil
	}
	for _, e := range list {
		name := strings.ToLower(e.Kind) + ":" + e.Metadata.Name
		entities = append(entities, name)
		for _, r := range e.Relations {
			relations = append(relations, name+" "+r.Type+" "+strings.Replace(r.TargetRef, ":default/", ":", 1))
		}
	}
	return entities, relations
}

// TestBackstage: a real Backstage reads the export over HTTP and links what
// belongs together; one that does not know kind Event shows every event's API.
func TestBackstage(t *testing.T) {
	installBackstage(t)
	b := catalogBus(t)
	shared := []string{
		"api:letter-ready ownedBy group:claims", "api:letter-ready partOf system:letters", "api:letter-ready apiProvidedBy component:letters", "api:letter-ready apiConsumedBy component:appointments-app",
		"component:letters providesApi api:letter-ready", "component:appointments-app consumesApi api:letter-ready", "component:appointments-app ownedBy group:appointments",
		"system:letters partOf domain:claims", "system:letters ownedBy group:claims", "system:letters hasPart api:letter-ready", "system:appointments partOf domain:health",
		"domain:claims ownedBy group:event-bus", "domain:claims hasPart system:letters", "group:claims ownerOf api:letter-ready",
		"api:form-received ownedBy group:benefits",
	}
	of := []string{
		"event:letter-ready ownedBy group:claims", "event:form-received ownedBy group:benefits", "group:claims ownerOf event:letter-ready",
		"component:appointments-app subscribesToEvent event:letter-ready", "event:letter-ready eventSubscribedToBy component:appointments-app",
		"system:appointments subscribesToEvent event:letter-ready", "event:letter-ready eventSubscribedToBy system:appointments",
	}
	for _, c := range []struct {
		name, kind string
		want       []string
		without    string
	}{
		{"with event.js", "yes", append(shared, of...), "component:none"},
		{"as it comes", "no", shared, "event:letter-ready"},
	} {
		t.Run(c.name, func(t *testing.T) {
			address := startBackstage(t, b, map[string]string{"EVENT_KIND": c.kind})
			var missing []string
			for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(time.Second) {
				entities, relations := relationsOf(address)
				missing = slices.DeleteFunc(slices.Clone(c.want), func(r string) bool { return slices.Contains(relations, r) })
				if len(missing) == 0 {
					if slices.Contains(entities, c.without) {
						t.Errorf("%s is there", c.without)
					}
					return
				}
			}
			_, relations := relationsOf(address)
			t.Errorf("Backstage lacks\n  %s\nand has\n  %s", strings.Join(missing, "\n  "), strings.Join(relations, "\n  "))
		})
	}
}
