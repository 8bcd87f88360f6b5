package serve

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus/internal/server"
	"github.com/enterprise-event-bus/eventbus/interop/go/kafka"
)

// page is docs/operate/serve.md.
func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "operate", "serve.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var blocks = regexp.MustCompile("(?s)```(sh|yaml)\n(.*?)```")

// TestPage runs the commands of docs/operate/serve.md as they stand, but for the
// ports, before a Kafka of its own.
func TestPage(t *testing.T) {
	real := kafka.Start(t, 1)
	script := "set -eu\ntrap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n"
	for _, block := range blocks.FindAllStringSubmatch(page(t), -1) {
		if block[1] == "sh" {
			script += block[2]
		}
	}
	replace := []string{"127.0.0.1:9092", real.Bootstrap[0]}
	ports := kafka.FreePorts(t, 3)
	for i, port := range []string{"8443", "8081", "9090"} {
		replace = append(replace, "127.0.0.1:"+port, fmt.Sprintf("127.0.0.1:%d", ports[i]))
	}
	door := kafka.FreeRange(t, server.DefaultBrokerPorts+1) // the door and a port for each broker
	replace = append(replace, "127.0.0.1:9098", fmt.Sprintf("127.0.0.1:%d", door))
	script = strings.NewReplacer(replace...).Replace(script)

	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"PATH=" + filepath.Dir(program(t)) + ":" + os.Getenv("PATH"), "HOME=" + cmd.Dir}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, tail(filepath.Join(cmd.Dir, "bus", "log.json")))
	}
	for _, want := range []string{`"status":"ready"`, "order-placed", `{"id":"order-1"}`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the commands of the page do not print %s:\n%s", want, out)
		}
	}
}

// TestPageShowsConfigurations: every configuration of the page, and every cluster
// of its table, is valid.
func TestPageShowsConfigurations(t *testing.T) {
	text := page(t)
	complete := 0
	for _, block := range blocks.FindAllStringSubmatch(text, -1) {
		if block[1] == "yaml" {
			complete++
			if err := server.CheckConfig([]byte(block[2]), "serve.md"); err != nil {
				t.Error(err)
			}
		}
	}
	clusters := regexp.MustCompile("(?m)^\\| [^|]+ \\| `(\\{bootstrap.*\\})` \\|$").FindAllStringSubmatch(text, -1)
	if complete != 1 || len(clusters) != 4 {
		t.Errorf("the page has %d configurations and %d clusters", complete, len(clusters))
	}
	for _, cluster := range clusters {
		config := "dataDir: /var/lib/eventbus\nmasterKey: {env: K}\nadministrator: {token: {env: T}}\nlisteners: {http: '127.0.0.1:0', registry: '127.0.0.1:0'}\n" +
			"environments:\n  - {name: one, prefix: one_, cluster: " + cluster[1] + "}\n"
		if err := server.CheckConfig([]byte(config), "serve.md"); err != nil {
			t.Errorf("%s: %v", cluster[1], err)
		}
	}
}
