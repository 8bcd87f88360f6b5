package interop

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus/interop/go/kafka"
)

var update = flag.Bool("update", false, "write the pages of docs/reference and the programs of examples anew")

// columns are the features of the first tables, in order; those of the last are
// loginColumns.
var columns = []string{"none", "gzip", "snappy", "lz4", "zstd", "classic", "KIP-848", "idempotent", "transactions", "avro"}

// row is what one client can do at one door.
type row struct {
	client, version, door string
	cells                 map[string]outcome
}

const tableHead = `# Kafka clients that work with the bus

This page is written by ` + "`make interop`" + `, which runs each client, with nothing of ours in it, against ` + "`eventbus dev`" + ` and, where it says so, before Apache Kafka. A cell says:

- **pass**: a test passes.
- **–**: the client has it not. kcat, Sarama and confluent-kafka have no AWS_MSK_IAM of their own, and kcat cannot be given a source of tokens.
- **bytes**: the client carries such records unharmed, but cannot read them itself.

## What clients do

The columns are the five codecs (records are read back from the log and are stored in that codec); consuming in a classic group and in a group of KIP-848; an idempotent and a
transactional producer (a transaction that was aborted is not seen; kcat cannot abort, so only its commit is tested); and Avro in Confluent's wire format, by the schema that the registry
holds, with a check that the client registers none.

With IAM, producers are ` + "`test-producer`" + `, consumers ` + "`test-consumer`" + `, and transactions are those of a role that ` + "`eventbus iam`" + ` made, with this least policy: Connect on the cluster,
DescribeTopic and WriteData on the topic, DescribeTransactionalId and AlterTransactionalId on its transactional ids (` + "`interop/go/testdata/transact.json`" + `).

Avro is written by confluent-kafka's own serializers, by ` + "`@confluentinc/schemaregistry`" + ` beside kafkajs, and by franz-go's ` + "`pkg/sr`" + ` with ` + "`twmb/avro`" + ` beside franz-go and Sarama, which has none.
Beside Java's client it is a small serializer of that format, because Confluent's own is not on Maven Central. kcat writes no Avro in any build; it reads it with
` + "`-s value=avro -r URL`" + ` when its build has that, which Debian's has not.

`

const behindHead = `## Before Apache Kafka

The same, with three brokers of Apache Kafka ` + kafka.Version + ` behind the gateway in place of the embedded engine: each client at each door where it can sign in.

`

const loginHead = `## Who signs in, and who is refused

The signers are AWS's own for OAUTHBEARER (Go's beside franz-go and Sarama, Python's beside confluent-kafka, JavaScript's beside kafkajs, Java's) and aws-msk-iam-auth, franz-go's and
kafkajs' community mechanism for AWS_MSK_IAM. For each refusal the client says that it was refused, the bus's log says for which check, and nothing is written.

- **re-authenticates**: a producer stays beyond the end of its session (a minute, the shortest there is) without an error, and there are more logins than connections (KIP-368).
- **no grant to write**, **no grant to transact**: ` + "`test-nobody`" + ` may only connect, ` + "`test-producer`" + ` has no transactional id.
- **wrong secret**: a known key id and another secret.
- **other key's token**: temporary credentials with the session token of other ones.
- **altered session token**: one character of it is changed.
- **altered signed token**: what the client sends asks for another lifetime than was signed. Java's library and kafkajs' mechanism make it where the program never holds it: –.
- **foreign role**: a role that does not trust the caller; STS refuses it.

`

const sampleTail = `## The VA sample as it stands

A producer with every setting of the VA sample, with ` + "`awsRoleArn`" + ` and ` + "`awsStsRegion`" + ` in its JAAS line, runs unchanged, in its first form (AWS_MSK_IAM) and in its later one (OAUTHBEARER): ` + "`TestVASample`" + `, with the program in
` + "`interop/java/va-sample`" + `, whose README says how it is run and what stands for Confluent's serializer. The samples that the bus prints need none of that.

## Kafka's command line tools

kafka-topics, kafka-configs, kafka-console-producer, kafka-console-consumer, kafka-consumer-groups and kafka-producer-perf-test of Apache Kafka 4.3.1 (the newest whose tools are on Maven Central)
run at the doors PLAINTEXT and AWS_MSK_IAM: ` + "`TestKafkaTools`" + `. kafka-acls is told that there is no such API: rights are IAM policies.
`

func checkTable(t *testing.T, runs, behind []*run) {
	t.Helper()
	var b strings.Builder
	b.WriteString(tableHead)
	for _, door := range []struct{ name, title string }{
		{plaintext, "PLAINTEXT, as the local administrator"},
		{iam, "SASL_SSL with AWS_MSK_IAM"},
		{oauth, "SASL_SSL with OAUTHBEARER"},
	} {
		writeTable(&b, "### "+door.title, columns, runs, func(r *run) bool { return r.door == door.name })
	}
	b.WriteString(behindHead)
	for _, door := range []string{iam, oauth} {
		writeTable(&b, "### Apache Kafka, "+door, columns, behind, func(r *run) bool { return r.door == door && r.signs() })
	}
	b.WriteString(loginHead)
	for _, door := range []string{iam, oauth} {
		writeTable(&b, "### "+door, loginColumns, runs, func(r *run) bool { return r.door == door && r.signs() })
	}
	b.WriteString(sampleTail)
	kept(t, "docs/reference/clients.md", b.String())
}

// kept holds a file of the project against what it should say, or writes it.
func kept(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join(kafka.Folder(), "..", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have, err := os.ReadFile(file); err != nil || string(have) != text {
		t.Errorf("%s says something else (%v); -update writes it anew", name, err)
	}
}

func writeTable(b *strings.Builder, title string, columns []string, runs []*run, shown func(*run) bool) {
	fmt.Fprintf(b, "%s\n\n| client | version | %s |\n|---|---|%s\n", title, strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
	for _, r := range runs {
		if !shown(r) {
			continue
		}
		fmt.Fprintf(b, "| %s | %s |", r.row.client, r.row.version)
		for _, c := range columns {
			fmt.Fprintf(b, " %s |", word(r.row.cells[c]))
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
}

// word is what a cell says; a fault has failed the test already.
func word(o outcome) string {
	switch o.verdict {
	case "ok":
		return "pass"
	case "none":
		return "–"
	case "":
		return "error"
	default:
		return o.verdict
	}
}
