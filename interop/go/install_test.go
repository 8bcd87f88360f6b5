package interop

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus/interop/go/kafka"
)

const installLimit = 10 * time.Minute

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

// install runs commands in a folder of interop/, unless their result is there.
func install(t *testing.T, folder, result string, commands ...[]string) {
	t.Helper()
	installFrom(t, folder, result, nil, commands...)
}

// installFrom is install, and again when what the result is made from is newer.
func installFrom(t *testing.T, folder, result string, from []string, commands ...[]string) {
	t.Helper()
	dir := filepath.Join(kafka.Folder(), folder)
	if made, err := os.Stat(filepath.Join(dir, result)); err == nil && !changedSince(t, dir, made.ModTime(), from) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), installLimit)
	defer cancel()
	for _, c := range commands {
		cmd := exec.CommandContext(ctx, c[0], c[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v in %s: %v\n%s", c, dir, err, out)
		}
	}
}

// changedSince reports whether a file, or one in a folder, is newer.
func changedSince(t *testing.T, dir string, made time.Time, from []string) bool {
	t.Helper()
	changed := false
	for _, f := range from {
		err := filepath.WalkDir(filepath.Join(dir, f), func(_ string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			changed = changed || err == nil && info.ModTime().After(made)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return changed
}

func installPython(t *testing.T) {
	installFrom(t, "python", ".venv/pyvenv.cfg", []string{"requirements.txt"}, []string{"python3", "-m", "venv", ".venv"}, []string{".venv/bin/pip", "install", "-q", "-r", "requirements.txt"})
}

func installNode(t *testing.T) {
	installFrom(t, "node", "node_modules/.package-lock.json", []string{"package-lock.json"}, []string{"npm", "ci", "--no-audit", "--no-fund"})
}

func buildJava(t *testing.T) {
	installFrom(t, "java", "target/interop-java.jar", []string{"pom.xml", "src"}, []string{"mvn", "-q", "-B", "package"}, []string{"mvn", "-q", "-B", "package", "-Pold"})
}
