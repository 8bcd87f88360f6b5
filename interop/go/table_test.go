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

var update = flag.Bool("update", false, "write docs/reference/clients.md")

// columns are the features of the table, in order.
var columns = []string{"none", "gzip", "snappy", "lz4", "zstd", "classic", "KIP-848", "idempotent", "transactions", "avro", "refused"}

// row is what one client can do at one door.
type row struct {
	client, version, door string
	cells                 map[string]outcome
}

const tableHead = `# Kafka clients that work with the bus

This page is written by ` + "`make interop`" + `, which runs each client, with nothing of ours in it, against ` + "`eventbus dev`" + `. A cell says:

- **pass**: a test passes. Records written with a codec are read back from the log and are stored in that codec; a transaction that was aborted is not seen.
- **–**: the client has it not (kcat, Sarama and confluent-kafka have no AWS_MSK_IAM of their own; PLAINTEXT refuses nobody).
- **refused**: the client has it, and is refused because ` + "`test-producer`" + ` has no grant for it.

Columns: the five codecs; consuming in a classic group and in a group of KIP-848; an idempotent and a transactional producer; Avro by the schema registry with
` + "`auto.register.schemas=false`" + `; refused as it must be: a wrong secret, a principal without the grant, a role that does not trust the caller.
Java's Avro cell is a small serializer of Confluent's wire format and REST API, because Confluent's own is not on Maven Central. kcat cannot abort a transaction; only the commit is tested.

`

func checkTable(t *testing.T, rows []row) {
	t.Helper()
	var b strings.Builder
	b.WriteString(tableHead)
	for _, door := range []struct{ name, title string }{
		{"PLAINTEXT", "PLAINTEXT, as the local administrator"},
		{iam, "SASL_SSL with AWS_MSK_IAM, as `test-producer` and `test-consumer`"},
		{oauth, "SASL_SSL with OAUTHBEARER and AWS's signers, as `test-producer` and `test-consumer`"},
	} {
		fmt.Fprintf(&b, "## %s\n\n| client | version | %s |\n|---|---|%s\n", door.title, strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
		for _, r := range rows {
			if r.door != door.name {
				continue
			}
			fmt.Fprintf(&b, "| %s | %s |", r.client, r.version)
			for _, c := range columns {
				fmt.Fprintf(&b, " %s |", word(r.cells[c]))
			}
			b.WriteString("\n")
		}
		b.WriteString("\n")
	}
	file := filepath.Join(kafka.Folder(), "..", "docs", "reference", "clients.md")
	text := strings.TrimRight(b.String(), "\n") + "\n"
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
		t.Errorf("docs/reference/clients.md says something else (%v); -update writes it anew", err)
	}
}

func word(o outcome) string {
	switch o.verdict {
	case "ok":
		return "pass"
	case "none":
		return "–"
	case "untested":
		return "not tested"
	default:
		return o.verdict
	}
}
