package interop

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/samples"
	"github.com/enterprise-event-bus/eventbus/interop/go/kafka"
)

// example is a folder of examples/.
type example struct {
	folder   string
	language samples.Language
	needs    string // what EVENTBUS_REQUIRE calls it
	programs []string
	// variable writes how the language reads a variable of the environment.
	variable func(name string) string
	// inside is variable within a string, which it ends and begins again.
	inside func(name string) string
	// place says where a file of the sample is in the folder.
	place func(verb, name string) string
	from  []string // what installing depends on
	into  string   // what installing fills; nothing is installed without
}

var examples = []example{
	{folder: "java", language: samples.Java, needs: "java", programs: []string{"java", "mvn"}, from: []string{"pom.xml", "src"}, into: "target",
		variable: func(name string) string { return `System.getenv("` + name + `")` }, inside: func(name string) string { return `" + System.getenv("` + name + `") + "` }},
	{folder: "go", language: samples.Go, needs: "go", programs: []string{"go"},
		variable: func(name string) string { return `os.Getenv("` + name + `")` }, place: func(verb, name string) string { return filepath.Join(verb, name) }},
	{folder: "python", language: samples.Python, needs: "python", programs: []string{"python3"}, from: []string{"requirements.txt"}, into: ".venv",
		variable: func(name string) string { return `os.environ["` + name + `"]` }},
	{folder: "node", language: samples.Node, needs: "node", programs: []string{"node", "npm"}, from: []string{"package-lock.json"}, into: "node_modules",
		variable: func(name string) string { return "process.env." + name }},
}

// exampleRole stands for AWS_ROLE: a sample takes only what looks like a role.
const exampleRole = "arn:aws-us-gov:iam::123456789012:role/AWS_ROLE"

// write makes the files of an example from the sample that the bus prints: what
// the bus knows there is read from the environment here.
func (e example) write(t *testing.T) map[string]string {
	t.Helper()
	access := samples.Access{Bootstrap: "EB_BOOTSTRAP_SERVERS", SecurityProtocol: "SASL_SSL", RegistryURL: "SCHEMA_REGISTRY_URL", RoleARN: exampleRole,
		Region: "AWS_REGION", STSEndpoint: "AWS_ENDPOINT_URL_STS", CAFile: "EB_CA_FILE", Truststore: "EB_TRUSTSTORE"}
	topic := samples.Topic{Name: "test", Example: `{"name": "Ada", "company": "Analytical", "dateOfBirth": -56270, "sequenceNumber": 1}`}
	files := map[string]string{}
	for _, d := range []eventbus.Direction{eventbus.Produced, eventbus.Consumed} {
		sample, err := samples.Program(e.language, access, topic, d, "test-consumer-1")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range sample.Files {
			name, text := file.Name, file.Text
			if e.place != nil {
				name = e.place(string(d), name)
			}
			for _, variable := range []string{"EB_BOOTSTRAP_SERVERS", "SCHEMA_REGISTRY_URL", "AWS_REGION", "EB_CA_FILE", "EB_TRUSTSTORE"} {
				text = strings.ReplaceAll(text, `"`+variable+`"`, e.variable(variable))
			}
			text = strings.ReplaceAll(text, `"`+exampleRole+`"`, e.variable("AWS_ROLE"))
			if e.inside != nil {
				text = strings.ReplaceAll(text, exampleRole, e.inside("AWS_ROLE"))
			}
			if e.language == samples.Go && !strings.Contains(text, `"os"`) {
				text = strings.Replace(text, "\t\"log\"\n", "\t\"log\"\n\t\"os\"\n", 1)
			}
			files[name] = text
		}
	}
	return files
}

// TestExamplesAreTheSamples: the programs of examples/ are those that the bus
// prints (-update writes them anew), so that they never drift from it.
func TestExamplesAreTheSamples(t *testing.T) {
	for _, e := range examples {
		for name, text := range e.write(t) {
			kept(t, filepath.Join("examples", e.folder, name), text)
		}
	}
}

var shellBlocks = regexp.MustCompile("(?s)```sh\n(.*?)```")

// TestExamples runs the commands of each example's README as they stand: first
// those that install, then those that produce and consume, until the event that
// was produced is read.
func TestExamples(t *testing.T) {
	b := startBus(t)
	for _, e := range examples {
		t.Run(e.folder, func(t *testing.T) {
			for _, program := range e.programs {
				if !have(program) {
					kafka.Missing(t, e.needs, program+" is not there")
				}
			}
			more := map[string]string{"EVENTBUS_SERVER": b.at.HTTP, "PATH": filepath.Dir(b.binary) + ":" + os.Getenv("PATH")}
			if e.language == samples.Java {
				t.Setenv("MAVEN_OPTS", withoutConfluent(t))
			}
			folder := filepath.Join(kafka.Folder(), "..", "examples", e.folder)
			readme, err := os.ReadFile(filepath.Join(folder, "README.md"))
			if err != nil {
				t.Fatal(err)
			}
			blocks := shellBlocks.FindAllStringSubmatch(string(readme), -1)
			if e.into != "" {
				kafka.Install(t, filepath.Join("..", "examples", e.folder), e.into, e.from, []string{"sh", "-ec", blocks[0][1]})
				blocks = blocks[1:]
			}
			if len(blocks) != 1 {
				t.Fatalf("the README has %d blocks to run, want one", len(blocks))
			}
			b.runExample(t, folder, more, blocks[0][1])
		})
	}
}

// runExample runs a script whose last command consumes until it is interrupted.
func (b *bus) runExample(t *testing.T, folder string, more map[string]string, script string) {
	t.Helper()
	said := &journal{}
	cmd := exec.Command("bash", "-ec", script)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = folder, b.environment(more), said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }() // interrupted, as a rule
	stop := func(signal syscall.Signal) { _ = syscall.Kill(-cmd.Process.Pid, signal) }
	defer func() { stop(syscall.SIGKILL); <-ended }()
	for end := time.Now().Add(jobLimit); ; time.Sleep(50 * time.Millisecond) {
		text := said.since(0)
		if kept := strings.Index(text, "kept in partition"); kept >= 0 && strings.Contains(text[kept:], "Analytical") {
			break
		}
		select {
		case <-ended:
			t.Fatalf("it ended by itself:\n%s", text)
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("the event was not produced and read:\n%s", text)
		}
	}
	stop(syscall.SIGINT) // as Ctrl-C does
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Errorf("it goes on though it was interrupted:\n%s", said.since(0))
	}
}

// withoutConfluent gives the MAVEN_OPTS by which Maven has a repository of its own
// and a stand-in for Confluent's, which may be out of reach (interop/java-confluent).
func withoutConfluent(t *testing.T) string {
	t.Helper()
	project := filepath.Join(kafka.Folder(), "java-confluent")
	repository := filepath.Join(project, "target", "repository")
	kafka.Install(t, "java-confluent", "target", []string{"pom.xml", "src"}, []string{"mvn", "-q", "-B", "install", "-Dmaven.repo.local=" + repository})
	home := t.TempDir()
	settings := filepath.Join(home, ".m2", "settings.xml")
	if err := os.MkdirAll(filepath.Dir(settings), fs.ModePerm); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("<settings><mirrors><mirror><id>stand-in</id><mirrorOf>confluent</mirrorOf><url>file://%s</url></mirror></mirrors></settings>\n", repository)
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "-Duser.home=" + home + " -Dmaven.repo.local=" + repository
}
