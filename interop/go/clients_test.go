package interop

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus/interop/go/kafka"
)

// client is one release of a Kafka client.
type client struct {
	name, version string
	folder        string // of interop/, where it runs
	command       []string
	mechanisms    []string // of AWS IAM that it has
	avro          string   // its serializer, when one is tested
	needs         string   // what EVENTBUS_REQUIRE calls it
	prepare       func(t *testing.T)
	found         bool
}

const (
	iam   = "AWS_MSK_IAM"
	oauth = "OAUTHBEARER"
)

// clients lists what is tested; versions are those of the lock files.
func clients(t *testing.T) []client {
	program := filepath.Join(t.TempDir(), "program")
	buildProgram := func(t *testing.T) {
		build := exec.Command("go", "build", "-o", program, "./program")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build the Go client: %v\n%s", err, out)
		}
	}
	buildProgram(t)
	java := func(lib string) []string {
		jars := filepath.Join("target", lib, "*") + ":" + filepath.Join("target", "interop-java.jar")
		return []string{"java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", jars, "interop.Client"}
	}
	return []client{
		{name: "kcat", version: kcatVersion(), folder: "go", command: []string{program, "kcat"}, needs: "kcat", found: have("kcat")},
		{name: "franz-go", version: locked(t, "go/go.mod", `twmb/franz-go v(\S+)`), folder: "go", command: []string{program, "franz"}, mechanisms: []string{iam, oauth}, needs: "go", found: true},
		{name: "Sarama", version: locked(t, "go/go.mod", `IBM/sarama v(\S+)`), folder: "go", command: []string{program, "sarama"}, mechanisms: []string{oauth}, needs: "go", found: true},
		{name: "confluent-kafka (Python)", version: locked(t, "python/requirements.txt", `confluent-kafka==(\S+)`), folder: "python",
			command: []string{filepath.Join(kafka.Folder(), "python", ".venv", "bin", "python"), "client.py"}, mechanisms: []string{oauth}, avro: "AvroSerializer", needs: "python", found: have("python3"), prepare: installPython},
		{name: "kafkajs", version: locked(t, "node/package.json", `"kafkajs": "(\S+)"`), folder: "node", command: []string{"node", "client.js"},
			mechanisms: []string{iam, oauth}, avro: "@confluentinc/schemaregistry", needs: "node", found: have("npm"), prepare: installNode},
		{name: "kafka-clients (Java)", version: locked(t, "java/pom.xml", `(?s)<kafka.version>(\S+?)<`), folder: "java", command: java("lib"),
			mechanisms: []string{iam, oauth}, avro: "Avro in Confluent's wire format", needs: "java", found: have("java") && have("mvn"), prepare: buildJava},
		{name: "kafka-clients (Java)", version: locked(t, "java/pom.xml", `(?s)<id>old</id>.*?<kafka.version>(\S+?)<`), folder: "java", command: java("lib-old"),
			mechanisms: []string{iam, oauth}, avro: "Avro in Confluent's wire format", needs: "java", found: have("java") && have("mvn"), prepare: buildJava},
	}
}

// run is one client at one door.
type run struct {
	*testing.T
	bus  *bus
	c    client
	door string // PLAINTEXT, AWS_MSK_IAM or OAUTHBEARER
	mark string // begins the value of each record of this run
	row  row
}

const records = 100 // of each job

var produced = []string{"none", "gzip", "snappy", "lz4", "zstd", "idempotent", "transactions"}

// TestClients runs every client through every door and feature, and keeps
// docs/reference/clients.md (-update writes it).
func TestClients(t *testing.T) {
	if testing.Short() {
		t.Skip("the clients of every language take minutes")
	}
	b := startBus(t)
	var rows []row
	complete := true
	all := clients(t)
	for i, c := range all {
		passed := t.Run(c.name+" "+c.version, func(t *testing.T) {
			if !c.found {
				complete = false
				kafka.Missing(t, c.needs, c.name+" is not installed")
			}
			if c.prepare != nil {
				c.prepare(t)
			}
			for _, door := range []string{"PLAINTEXT", iam, oauth} {
				r := &run{T: t, bus: b, c: c, door: door, mark: fmt.Sprintf("c%d%s", i, strings.ToLower(strings.ReplaceAll(door, "_", ""))), row: row{client: c.name, version: c.version, door: door, cells: map[string]outcome{}}}
				t.Run(door, func(t *testing.T) { r.T = t; r.all() })
				rows = append(rows, r.row)
			}
		})
		complete = complete && passed
	}
	if complete && len(rows) == 3*len(all) { // -run may have left some out
		checkTable(t, rows)
	}
}

func (r *run) all() {
	if r.door != "PLAINTEXT" && !contains(r.c.mechanisms, r.door) {
		for _, column := range columns {
			r.row.cells[column] = outcome{"none", "no " + r.door}
		}
		return
	}
	from := r.end()
	producer, consumer := r.bus.clientSet(r.T, ""), r.bus.clientSet(r.T, "")
	if r.door != "PLAINTEXT" {
		producer, consumer = r.bus.clientSet(r.T, "test-producer"), r.bus.clientSet(r.T, "test-consumer")
	}
	r.produce(producer)
	wanted := r.checkLog(from)
	r.consume(consumer, wanted)
	if r.c.avro != "" {
		r.avro(producer, consumer)
	} else {
		r.cell("avro", outcome{"untested", "no serializer for it in this suite"})
	}
	if r.door == "PLAINTEXT" {
		r.cell("refused", outcome{"none", "PLAINTEXT asks for no login"})
		return
	}
	r.refusals(producer)
}

// cell notes and prints what came of a feature.
func (r *run) cell(feature string, o outcome) {
	r.Helper()
	r.row.cells[feature] = o
	if o.verdict == "error" || o.verdict == "silent" {
		r.Errorf("%-12s %s", feature, o.text)
	} else {
		r.Logf("%-12s %s %s", feature, o.verdict, o.text)
	}
}

func (r *run) set(base map[string]string) map[string]string {
	set := maps.Clone(base)
	set["INTEROP_TOPIC"], set["INTEROP_RECORDS"], set["INTEROP_MECHANISM"] = "test", strconv.Itoa(records), r.door
	return set
}

func (r *run) produce(set map[string]string) {
	var jobs []string
	for _, feature := range produced {
		jobs = append(jobs, "produce/"+feature+"/"+r.mark+"-"+feature)
	}
	outcomes := r.bus.do(r.T, r.c, r.set(set), jobs...)
	for i, feature := range produced {
		o := outcomes[jobs[i]]
		if feature == "transactions" && r.door != "PLAINTEXT" {
			o = refusedAsNotGranted(o)
		}
		r.cell(feature, o)
	}
}

// refusedAsNotGranted turns the refusal of a transaction around: test-producer
// has no grant on any transactional id.
func refusedAsNotGranted(o outcome) outcome {
	denied := regexp.MustCompile(`(?i)transactional.?id.{0,3}authorization|TRANSACTIONAL_ID_AUTHORIZATION_FAILED|not authorized to access transactional|transactional.?id.*(denied|not authorized|authorization)|GroupCoordinatorNotFound`) // kafkajs says the last
	if o.verdict == "error" && denied.MatchString(o.text) {
		return outcome{"refused", "test-producer has no grant for transactions"}
	}
	if o.verdict == "ok" {
		return outcome{"error", "a transaction went through without a grant"}
	}
	return o
}

func (r *run) consume(set map[string]string, wanted int) {
	for column, feature := range map[string]string{"classic": "classic", "KIP-848": "next"} {
		job := fmt.Sprintf("consume/%s/%s/test-consumer-%s-%s/%d", feature, r.mark, r.mark, feature, wanted)
		r.cell(column, r.bus.do(r.T, r.c, r.set(set), job)[job])
	}
}

func (r *run) avro(producer, consumer map[string]string) {
	out, in := "avro-produce/"+r.mark+"-avro", "avro-consume/"+r.mark+"-avro/test-consumer-"+r.mark+"-avro"
	o := r.bus.do(r.T, r.c, r.set(producer), out)[out]
	if o.verdict == "ok" {
		o = r.bus.do(r.T, r.c, r.set(consumer), in)[in]
	}
	r.cell("avro", o)
}

// refusals tries what must not be: each time the client says so and nothing is
// written.
func (r *run) refusals(producer map[string]string) {
	from := r.end()
	consumer, nobody := r.bus.clientSet(r.T, "test-consumer"), r.bus.clientSet(r.T, "test-nobody")
	wrongSecret, foreignRole := maps.Clone(producer), maps.Clone(producer)
	delete(wrongSecret, "AWS_ROLE")
	wrongSecret["AWS_SECRET_ACCESS_KEY"] = strings.Repeat("x", 40)
	foreignRole["AWS_ROLE"] = consumer["AWS_ROLE"]
	foreignRole["INTEROP_NO_FALLBACK"] = "true" // else Java signs in as the user when the role is refused
	verdict := outcome{"ok", ""}
	for _, tt := range []struct {
		name string
		set  map[string]string
		want string
	}{
		{"wrong secret", wrongSecret, `(?i)access denied|authentication|sasl|denied`},
		{"test-nobody", nobody, `(?i)topic.?authorization|not authorized|authorization failed`},
		{"foreign role", foreignRole, `(?i)denied|not authorized|AssumeRole|authentication|credentials`},
	} {
		job := "produce/none/" + r.mark + "-refused"
		o := r.bus.do(r.T, r.c, r.set(tt.set), job)[job]
		switch {
		case o.verdict != "error":
			verdict = outcome{"error", tt.name + ": it was not refused: " + o.verdict + " " + o.text}
		case !regexp.MustCompile(tt.want).MatchString(o.text):
			verdict = outcome{"error", tt.name + ": it fails with another error: " + o.text}
		default:
			r.Logf("%-12s refused: %.160s", tt.name, o.text)
		}
	}
	if to := r.end(); fmt.Sprint(to) != fmt.Sprint(from) {
		verdict = outcome{"error", "something was written by who may not"}
	}
	r.cell("refused", verdict)
}

// log makes a reader of the topic that trusts no client under test.
func (r *run) log(opts ...kgo.Opt) *kgo.Client {
	r.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(r.bus.at.Kafka)}, opts...)...)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(cl.Close)
	return cl
}

// checkLog reads what the run has written: every record of each passed feature
// once, in its codec, and none of an aborted transaction. It gives the number of
// records that a consumer must find.
func (r *run) checkLog(from map[int32]int64) int {
	r.Helper()
	at, end := map[int32]kgo.Offset{}, r.end()
	for p, o := range from {
		at[p] = kgo.NewOffset().At(o)
	}
	cl := r.log(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"test": at}), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(200*time.Millisecond))
	ctx, cancel := context.WithTimeout(r.Context(), 20*time.Second)
	defer cancel()
	counts, codec := map[string]map[string]int{}, map[string]uint8{}
	for quiet := 0; quiet < 3 && ctx.Err() == nil; {
		short, stop := context.WithTimeout(ctx, 400*time.Millisecond)
		got := cl.PollFetches(short).Records()
		stop()
		if quiet++; len(got) > 0 {
			quiet = 0
		}
		for _, record := range got {
			feature, found := strings.CutPrefix(string(record.Value), r.mark+"-")
			if !found {
				continue
			}
			feature, rest, _ := strings.Cut(feature, "-")
			if counts[feature] == nil {
				counts[feature] = map[string]int{}
			}
			counts[feature][rest]++
			codec[feature] = record.Attrs.CompressionType()
		}
	}
	total := 0
	for i, feature := range produced {
		if r.row.cells[feature].verdict != "ok" {
			continue
		}
		total += records
		switch {
		case len(counts[feature]) != records:
			r.cell(feature, outcome{"error", fmt.Sprintf("%d different records are in the log, not %d (end %v)", len(counts[feature]), records, end)})
		case i < 5 && codec[feature] != uint8(i):
			r.cell(feature, outcome{"error", fmt.Sprintf("the records are stored with codec %d", codec[feature])})
		case feature == "idempotent" || feature == "transactions":
			for _, n := range counts[feature] {
				if n > 1 {
					r.cell(feature, outcome{"error", "a record is in the log twice"})
				}
			}
		}
	}
	return total
}

// end gives the end offset of each partition of the topic.
func (r *run) end() map[int32]int64 {
	r.Helper()
	ends, err := admin(r.log()).ListEndOffsets(r.Context(), "test")
	if err != nil || ends.Error() != nil {
		r.Fatal(err, ends.Error())
	}
	at := map[int32]int64{}
	for p, o := range ends["test"] {
		at[p] = o.Offset
	}
	return at
}
