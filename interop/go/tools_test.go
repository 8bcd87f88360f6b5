package interop

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus/interop/go/kafka"
)

// tool is one run of one of Apache Kafka's own command line tools.
type tool struct {
	class     string
	arguments string
	input     string
	says      string // part of its output
	refused   bool   // it must fail, and say so
}

const (
	topicsTool = "org.apache.kafka.tools.TopicCommand"
	groupsTool = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
	configTool = "kafka.admin.ConfigCommand"
)

// toolRuns are a day of an operator: NAME is the topic and the group.
var toolRuns = []tool{
	{topicsTool, "--create --topic NAME --partitions 3 --replication-factor 1 --config retention.ms=3600000", "", "Created topic NAME", false},
	{topicsTool, "--create --topic NAME --partitions 3 --replication-factor 1", "", "already exists", true},
	{topicsTool, "--list", "", "NAME", false},
	{topicsTool, "--describe --topic NAME", "", "PartitionCount: 3", false},
	{topicsTool, "--alter --topic NAME --partitions 4", "", "", false},
	{topicsTool, "--describe --topic NAME", "", "PartitionCount: 4", false},
	{configTool, "--entity-type topics --entity-name NAME --alter --add-config retention.ms=7200000", "", "Completed updating config", false},
	{configTool, "--entity-type topics --entity-name NAME --describe", "", "retention.ms=7200000", false},
	{"org.apache.kafka.tools.ConsoleProducer", "--topic NAME", "one\ntwo\nthree\n", "", false},
	{"org.apache.kafka.tools.consumer.ConsoleConsumer", "--topic NAME --group NAME --from-beginning --max-messages 3 --timeout-ms 30000", "", "Processed a total of 3 messages", false},
	{groupsTool, "--list", "", "NAME", false},
	{groupsTool, "--describe --group NAME", "", "CURRENT-OFFSET", false},
	{groupsTool, "--reset-offsets --to-earliest --group NAME --topic NAME --execute", "", "NEW-OFFSET", false},
	{groupsTool, "--delete --group NAME", "", "Deletion of requested consumer groups ('NAME') was successful", false},
	{"org.apache.kafka.tools.ProducerPerformance", "--topic NAME --num-records 20000 --record-size 200 --throughput -1", "", "20000 records sent", false},
	// Rights are policies; there are no ACLs beside them.
	{"org.apache.kafka.tools.AclCommand", "--list", "", "does not support DESCRIBE_ACLS", true},
	{topicsTool, "--delete --topic NAME", "", "", false},
	{topicsTool, "--describe --topic NAME", "", "does not exist", true},
}

// TestKafkaTools runs Apache Kafka's own command line tools at both doors; at
// that of AWS_MSK_IAM as a role that may do everything to what is called tools-*.
func TestKafkaTools(t *testing.T) {
	if !have("java") || !have("mvn") {
		kafka.Missing(t, "java", "Kafka's tools need java and mvn")
	}
	kafka.Install(t, "kafka-tools", "target", []string{"pom.xml"}, kafka.Package)
	b := startBus(t)
	for _, door := range []string{plaintext, iam} {
		t.Run(door, func(t *testing.T) {
			set, config := b.clientSet(t, ""), filepath.Join(t.TempDir(), "client.properties")
			var settings []string
			if door == iam {
				set = b.makePrincipal(t, "operate")
				settings = []string{
					"security.protocol=SASL_SSL", "sasl.mechanism=AWS_MSK_IAM",
					`sasl.jaas.config=software.amazon.msk.auth.iam.IAMLoginModule required awsRoleArn="` + set["AWS_ROLE"] + `" awsAddDefaultProviders="false";`,
					"sasl.client.callback.handler.class=software.amazon.msk.auth.iam.IAMClientCallbackHandler",
					"ssl.truststore.type=PKCS12", "ssl.truststore.location=" + set["EB_TRUSTSTORE"],
				}
			}
			if err := os.WriteFile(config, []byte(strings.Join(settings, "\n")+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			name := "tools-" + strings.ToLower(strings.ReplaceAll(door, "_", "-"))
			for _, run := range toolRuns {
				if err := run.try(t, b, set, config, name); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func (r tool) try(t *testing.T, b *bus, set map[string]string, config, name string) error {
	ctx, cancel := context.WithTimeout(t.Context(), jobLimit)
	defer cancel()
	arguments := append([]string{"-Xmx256m", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", filepath.Join("target", "lib", "*"), r.class,
		"--bootstrap-server", set["EB_BOOTSTRAP_SERVERS"], "--command-config", config}, strings.Fields(strings.ReplaceAll(r.arguments, "NAME", name))...)
	cmd := exec.CommandContext(ctx, "java", arguments...)
	cmd.Dir = filepath.Join(kafka.Folder(), "kafka-tools")
	cmd.Env, cmd.Stdin = b.environment(set), strings.NewReader(r.input)
	out, err := cmd.CombinedOutput()
	says := strings.ReplaceAll(r.says, "NAME", name)
	if r.refused != (err != nil) || !strings.Contains(string(out), says) {
		return fmt.Errorf("%s %s: %v, want %q in:\n%s", r.class, r.arguments, err, says, out)
	}
	return nil
}
