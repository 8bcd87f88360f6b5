package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus/interop/go/kafka"
)

func have(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

func contains(all []string, one string) bool { return slices.Contains(all, one) }

func admin(cl *kgo.Client) *kadm.Client { return kadm.NewClient(cl) }

// locked reads a version from a lock file of interop/.
func locked(t *testing.T, file, pattern string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(kafka.Folder(), file))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(pattern).FindSubmatch(text)
	if found == nil {
		t.Fatalf("%s: no match for %s", file, pattern)
	}
	return string(found[1])
}

func kcatVersion() string {
	out, _ := exec.Command("kcat", "-V").CombinedOutput()
	found := regexp.MustCompile(`Version (\S+).*librdkafka ([0-9.]+)`).FindSubmatch(out)
	if found == nil {
		return "absent"
	}
	return string(found[1]) + " (librdkafka " + string(found[2]) + ")"
}

func installPython(t *testing.T) {
	kafka.Install(t, "python", ".venv", []string{"requirements.txt"}, []string{"python3", "-m", "venv", "--clear", ".venv"}, []string{".venv/bin/pip", "install", "-q", "-r", "requirements.txt"})
}

func installNode(t *testing.T) {
	kafka.Install(t, "node", "node_modules", []string{"package-lock.json"}, []string{"npm", "ci", "--no-audit", "--no-fund"})
}

func buildJava(t *testing.T) {
	kafka.Install(t, "java", "target", []string{"pom.xml", "src"}, kafka.Package, append(kafka.Package[:len(kafka.Package):len(kafka.Package)], "-Pold"))
}
