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
