package server

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestConfigurations: what is right is taken; of what is wrong every fault is
// reported at once, with its place and what to write instead. testdata/config has
// a file for each, and beside a wrong one its faults.
func TestConfigurations(t *testing.T) {
	files, err := filepath.Glob("testdata/config/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("files %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var said strings.Builder
			for _, fault := range eventbus.FaultsOf(CheckConfig(text, filepath.Base(file))) {
				said.WriteString(fault.String() + "\n")
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".faults"
			if *update && said.Len() > 0 {
				if err := os.WriteFile(golden, []byte(said.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil && strings.HasPrefix(filepath.Base(file), "bad") {
				t.Fatal(err)
			}
			if said.String() != string(want) {
				t.Errorf("the faults are\n%swant\n%s", said.String(), want)
			}
		})
	}
}

// TestDeployedConfigurations: the configuration of the compose file is valid.
func TestDeployedConfigurations(t *testing.T) {
	text, err := os.ReadFile("../../deploy/compose/eventbus.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckConfig(text, "eventbus.yaml"); err != nil {
		t.Error(err)
	}
}

// TestDocumentedAccess: what docs/operate/msk.md says to write for an environment on
// AWS is valid.
func TestDocumentedAccess(t *testing.T) {
	page, err := os.ReadFile("../../docs/operate/msk.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```yaml\n")
	block, _, closed := strings.Cut(rest, "```")
	if !found || !closed || !strings.HasPrefix(block, "environments:") {
		t.Fatalf("the first configuration of the page is %q", block)
	}
	const others = "dataDir: /var/lib/eventbus\nmasterKey: {env: KEY}\nadministrator: {token: {env: TOKEN}}\nlisteners: {http: \"127.0.0.1:8443\", registry: \"127.0.0.1:8081\"}\n"
	if err := CheckConfig([]byte(others+block), "msk.yaml"); err != nil {
		t.Errorf("%v %v", err, eventbus.FaultsOf(err))
	}
}

// TestReadConfig: environments that write down the same cluster share it; secrets
// come from where the file says.
func TestReadConfig(t *testing.T) {
	text, err := os.ReadFile("testdata/config/clusters.yaml")
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{"KEY": strings.Repeat("5e", 32), "TOKEN": strings.Repeat("t", 32), "PASSWORD": "secret"}
	cfg, level, err := ReadConfig(t.Context(), text, "clusters.yaml", func(name string) string { return variables[name] })
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Kafka) != 2 || strings.Join(cfg.Kafka[0].Environments, " ") != "development staging" || strings.Join(cfg.Kafka[1].Environments, " ") != "production" {
		t.Errorf("clusters %+v", cfg.Kafka)
	}
	if cfg.Kafka[1].External.SASL == nil || cfg.Kafka[1].External.SASL.Name() != "SCRAM-SHA-512" || cfg.Kafka[1].External.TLS == nil || cfg.Kafka[1].Doors.KafkaIAM != "127.0.0.1:9198" {
		t.Errorf("the cluster of production is %+v", cfg.Kafka[1])
	}
	if len(cfg.MasterKey) != 32 || cfg.AdministratorToken != variables["TOKEN"] || cfg.Dev || level.String() != "WARN" {
		t.Errorf("key of %d bytes, token %q, dev %v, level %s", len(cfg.MasterKey), cfg.AdministratorToken, cfg.Dev, level)
	}
	if e := cfg.Environments[2]; !e.Production || !e.PHI || e.Order != 3 || e.Limits.ReplicationFactor != 3 {
		t.Errorf("production is %+v", e)
	}
	for name, value := range map[string]string{"KEY": "short", "TOKEN": "short", "PASSWORD": ""} {
		wrong := func(asked string) string {
			if asked == name {
				return value
			}
			return variables[asked]
		}
		_, _, err := ReadConfig(context.Background(), text, "clusters.yaml", wrong)
		faults := eventbus.FaultsOf(err)
		if len(faults) != 1 || faults[0].Line == 0 || faults[0].Fix == "" || value != "" && strings.Contains(err.Error(), value+`"`) {
			t.Errorf("%s=%q: %v, want one fault with its place", name, value, err)
		}
	}
}

// TestReadConfigOnAWS: each environment on AWS has an account of its own; clusters
// with a gateway come first, because the first has the doors of the bus.
func TestReadConfigOnAWS(t *testing.T) {
	text, err := os.ReadFile("testdata/config/aws.yaml")
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{"KEY": strings.Repeat("5e", 32), "TOKEN": strings.Repeat("t", 32)}
	cfg, _, err := ReadConfig(t.Context(), text, "aws.yaml", func(name string) string { return variables[name] })
	if err != nil {
		t.Fatal(err)
	}
	var clusters []string
	for _, k := range cfg.Kafka {
		clusters = append(clusters, strings.Join(k.Environments, "+"))
	}
	if got := strings.Join(clusters, " "); got != "development production+staging" {
		t.Errorf("clusters %s", got)
	}
	if len(cfg.Accounts) != 2 || len(cfg.accountFaults()) > 0 {
		t.Fatalf("accounts %+v, %v", cfg.Accounts, cfg.accountFaults())
	}
	production, staging := cfg.Accounts[0], cfg.Accounts[1]
	if production.Environment != "production" || production.Name != "the-bus" || production.Boundary == "" || production.Place().RoleARN("x") != "arn:aws-us-gov:iam::123456789012:role/bus/prod/x" {
		t.Errorf("production is %+v", production)
	}
	if staging.Place().UserARN("x") != "arn:aws-us-gov:iam::123456789012:user/eventbus/staging/x" || staging.Deployment.UUID == "" {
		t.Errorf("staging is %+v", staging)
	}
	if got := cfg.bootstrapOf("staging"); len(got) != 1 || !strings.HasPrefix(got[0], "b-1.") {
		t.Errorf("brokers of staging %v", got)
	}
}

// TestConfigSchema: the published schema names every key of a complete file.
func TestConfigSchema(t *testing.T) {
	var schema struct {
		Properties map[string]any
		Defs       map[string]struct{ Properties map[string]any } `json:"$defs"`
	}
	if err := json.Unmarshal(ConfigSchema(), &schema); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"dataDir", "database", "listeners", "environments", "tls", "signIn", "routing"} {
		if schema.Properties[key] == nil {
			t.Errorf("the schema does not know %s", key)
		}
	}
	if schema.Defs["Cluster"].Properties["bootstrap"] == nil || schema.Defs["Environment"].Properties["phi"] == nil {
		t.Errorf("the schema does not know environments[].cluster.bootstrap or phi: %v", schema.Defs)
	}
}

// FuzzConfig: no text takes the reader down, and what it refuses it refuses as
// invalid.
func FuzzConfig(f *testing.F) {
	files, _ := filepath.Glob("testdata/config/*.yaml")
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		err := CheckConfig(text, "fuzz.yaml")
		if code := eventbus.CodeOf(err); err != nil && code != eventbus.CodeInvalid && code != eventbus.CodeTooLarge {
			t.Errorf("code %s: %v", code, err)
		}
	})
}
