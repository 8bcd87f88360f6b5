package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus/interop/go/kafka"
)

// registryColumns are the jobs of a registry client, in the order of the table.
var registryColumns = []string{"register", "lookup", "id", "versions", "check", "level", "mode", "references", "delete", "known", "auto", "closed"}

// registryClients lists the official clients; versions are those of the lock
// files. One without a command runs in this process.
func registryClients(t *testing.T) []client {
	jars := filepath.Join("target", "lib", "*") + ":" + filepath.Join("target", "java-registry.jar")
	return []client{
		{name: "Python, confluent-kafka", version: locked(t, "python/requirements.txt", `confluent-kafka==(\S+)`), folder: "python",
			command: []string{filepath.Join(kafka.Folder(), "python", ".venv", "bin", "python"), "registry.py"}, needs: "python", found: have("python3"), prepare: installPython},
		{name: "JavaScript, @confluentinc/schemaregistry", version: locked(t, "node/package.json", `"@confluentinc/schemaregistry": "(\S+)"`), folder: "node",
			command: []string{"node", "registry.js"}, needs: "node", found: have("npm"), prepare: installNode},
		{name: "Go, franz-go sr", version: locked(t, "go/go.mod", `franz-go/pkg/sr v(\S+)`), needs: "go", found: true},
		{name: "Java, Confluent's client as Apache Flink ships it", version: "7.5, Flink " + locked(t, "java-registry/pom.xml", `<flink.version>(\S+?)<`), folder: "java-registry",
			command: []string{"java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", jars, "interop.RegistryClient"}, needs: "java", found: have("java") && have("mvn"), prepare: buildJavaRegistry},
	}
}

func buildJavaRegistry(t *testing.T) {
	kafka.Install(t, "java-registry", "target", []string{"pom.xml", "src"}, kafka.Package)
}

// TestRegistryClients runs the official clients of Confluent's schema registry,
// unchanged, against an open registry and a closed one, and keeps
// docs/reference/registry-clients.md (-update writes it).
func TestRegistryClients(t *testing.T) {
	open := startBus(t)
	closed := startBus(t, "--registry-writes=closed")
	closed.registerKnown(t)
	var rows []row
	complete := true
	for i, c := range registryClients(t) {
		passed := t.Run(c.name, func(t *testing.T) {
			if !c.found {
				complete = false
				kafka.Missing(t, c.needs, c.name+" is not installed")
			}
			if c.prepare != nil {
				c.prepare(t)
			}
			r := row{client: c.name, version: c.version, cells: askRegistry(t, open, closed, c, fmt.Sprintf("r%d", i))}
			for _, column := range registryColumns {
				if cell := r.cells[column]; cell.verdict != "ok" && cell.verdict != "none" {
					t.Errorf("%s: %s %s", column, cell.verdict, cell.text)
				}
			}
			rows = append(rows, r)
		})
		complete = complete && passed
	}
	if complete && len(rows) == len(registryClients(t)) { // -run may have left some out
		checkRegistryTable(t, rows)
	}
}

// registerKnown puts one schema into a closed registry, as a pipeline does.
func (b *bus) registerKnown(t *testing.T) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "letter.avsc")
	if err := os.WriteFile(file, []byte(letterV1), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(b.binary, "--server", b.at.HTTP, "schema", "register", "known-value", file)
	cmd.Env = b.environment(nil)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("register a schema with a token: %v\n%s", err, out)
	}
}

// askRegistry gives the client's word on each job; mark begins its subjects.
func askRegistry(t *testing.T, open, closed *bus, c client, mark string) map[string]outcome {
	t.Helper()
	if c.command == nil {
		outcomes, err := doFranz(t.Context(), open.at.Registry, closed.at.Registry, mark, registryColumns)
		if err != nil {
			t.Fatal(err)
		}
		return outcomes
	}
	return open.do(t, c, map[string]string{"SCHEMA_REGISTRY_URL": open.at.Registry, "INTEROP_CLOSED_REGISTRY": closed.at.Registry, "INTEROP_MARK": mark}, registryColumns...)
}

const registryHead = `# Schema registry clients that work with the bus

This page is written by ` + "`make interop`" + `, which runs each client, with nothing of ours in it, against the registry of ` + "`eventbus dev`" + `.
**pass**: every assertion of the column holds, the refusals with their HTTP status and error code too. **–**: the client has it not.

- **register** twice the same id, incompatible 409, broken 42201. **lookup**, **id** (by id, by guid, its subjects and versions), **versions** and subjects, **check** (compatibility, one version and all of them)
- **level** and **mode**: set, get, delete, unset, refused. **references**: a schema with references and metadata, who refers to it, deleting what is referred to. **delete**: softly, for good, in the wrong order
- **known**: the serializer with ` + "`auto.register.schemas=false`" + `. **auto**: the serializer registers. **closed**: a registry that takes no writes serves the known schema and answers an automatic registration with 403 and what to do

`

const registryFoot = `
The Java client is Confluent's own (` + "`kafka-schema-registry-client`" + `, under Flink's package names) with Flink's coder for the wire format; it also computes the guid of a schema with references, metadata and rules,
and gets the same from the registry. Confluent publishes its Java artifacts, the serializers among them, in a repository of its own and not on Maven Central, so ` + "`KafkaAvroSerializer`" + ` itself is not run here.
`

func checkRegistryTable(t *testing.T, rows []row) {
	t.Helper()
	var b strings.Builder
	b.WriteString(registryHead)
	fmt.Fprintf(&b, "| client | version | %s |\n|---|---|%s\n", strings.Join(registryColumns, " | "), strings.Repeat("---|", len(registryColumns)))
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s |", r.client, r.version)
		for _, column := range registryColumns {
			fmt.Fprintf(&b, " %s |", word(r.cells[column]))
		}
		b.WriteString("\n")
	}
	b.WriteString(registryFoot)
	kept(t, "docs/reference/registry-clients.md", b.String())
}
