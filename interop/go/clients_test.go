package interop

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/enterprise-event-bus/eventbus/interop/go/kafka"
)

// client is one release of a Kafka client.
type client struct {
	name, version string
	folder        string // of interop/, where it runs
	command       []string
	mechanisms    []string // of AWS IAM that it has
	noAlter       []string // mechanisms whose token the library makes out of reach of the program
	needs         string   // what EVENTBUS_REQUIRE calls it
	prepare       func(t *testing.T)
	found         bool
}

// The doors, each by what a client signs in with.
const (
	plaintext = "PLAINTEXT"
	iam       = "AWS_MSK_IAM"
	oauth     = "OAUTHBEARER"
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
			command: []string{filepath.Join(kafka.Folder(), "python", ".venv", "bin", "python"), "client.py"}, mechanisms: []string{oauth}, needs: "python", found: have("python3"), prepare: installPython},
		{name: "kafkajs", version: locked(t, "node/package.json", `"kafkajs": "(\S+)"`), folder: "node", command: []string{"node", "client.js"},
			mechanisms: []string{iam, oauth}, noAlter: []string{iam}, needs: "node", found: have("npm"), prepare: installNode},
		{name: "kafka-clients (Java)", version: locked(t, "java/pom.xml", `(?s)<kafka.version>(\S+?)<`), folder: "java", command: java("lib"),
			mechanisms: []string{iam, oauth}, noAlter: []string{iam, oauth}, needs: "java", found: have("java") && have("mvn"), prepare: buildJava},
		{name: "kafka-clients (Java)", version: locked(t, "java/pom.xml", `(?s)<id>old</id>.*?<kafka.version>(\S+?)<`), folder: "java", command: java("lib-old"),
			mechanisms: []string{iam, oauth}, noAlter: []string{iam, oauth}, needs: "java", found: have("java") && have("mvn"), prepare: buildJava},
	}
}

// run is one client at one door.
type run struct {
	*testing.T
	bus  *bus
	c    client
	door string
	as   principals
	mark string // begins the value of each record of this run
	row  row
}

const records = 100 // of each job

var produced = []string{"none", "gzip", "snappy", "lz4", "zstd", "idempotent", "transactions"}

// TestClients runs every client through every door and feature, and keeps
// docs/reference/clients.md (-update writes it).
func TestClients(t *testing.T) {
	b := startBus(t)
	all := clients(t)
	runs, complete := runAll(t, b, all, []string{plaintext, iam, oauth})
	complete = t.Run("re-authentication", func(t *testing.T) { renewals(t, runs) }) && complete
	var behind []*run
	complete = t.Run("before Apache Kafka", func(t *testing.T) {
		var passed bool
		if behind, passed = runAll(t, startBusBeforeKafka(t), all, []string{iam, oauth}); !passed {
			t.Fail()
		}
	}) && complete
	if complete && len(runs) == 3*len(all) && len(behind) == 2*len(all) && !slices.ContainsFunc(runs, (*run).partial) { // -run may have left some out
		checkTable(t, runs, behind)
	}
}

// runAll runs every client at some doors of a bus. It reports whether none failed
// or was left out.
func runAll(t *testing.T, b *bus, all []client, doors []string) (runs []*run, complete bool) {
	p := principals{
		producer: b.clientSet(t, "test-producer"), consumer: b.clientSet(t, "test-consumer"), nobody: b.clientSet(t, "test-nobody"),
		transactor: b.makePrincipal(t, "transact"),
	}
	complete = true
	for i, c := range all {
		passed := t.Run(c.name+" "+c.version, func(t *testing.T) {
			if !c.found {
				complete = false
				kafka.Missing(t, c.needs, c.name+" is not installed")
			}
			if c.prepare != nil {
				c.prepare(t)
			}
			for _, door := range doors {
				r := &run{T: t, bus: b, c: c, door: door, as: p, mark: fmt.Sprintf("c%d%s", i, strings.ToLower(strings.ReplaceAll(door, "_", ""))), row: row{client: c.name, version: c.version, door: door, cells: map[string]outcome{}}}
				if door == plaintext {
					r.as = principals{producer: b.clientSet(t, ""), consumer: b.clientSet(t, ""), transactor: b.clientSet(t, "")}
				}
				t.Run(door, func(t *testing.T) { r.T = t; r.all() })
				runs = append(runs, r)
			}
		})
		complete = complete && passed
	}
	return runs, complete
}

// principals are the environments of those whom the clients sign in as.
type principals struct{ producer, consumer, nobody, transactor map[string]string }

// partial reports whether -run has left something out.
func (r *run) partial() bool {
	_, features := r.row.cells[columns[0]]
	_, renewed := r.row.cells[loginColumns[0]]
	return !features || r.signs() && !renewed
}

// signs reports whether the client can sign in at its door.
func (r *run) signs() bool { return contains(r.c.mechanisms, r.door) }

func (r *run) all() {
	if r.door != plaintext && !r.signs() {
		for _, column := range slices.Concat(columns, loginColumns) {
			r.row.cells[column] = outcome{"none", "no " + r.door}
		}
		return
	}
	from := r.end()
	r.produce()
	wanted := r.checkLog(from)
	r.consume(wanted)
	r.avro()
	if r.door != plaintext && r.bus.embedded() { // a login never reaches what is behind the gateway
		r.refusals()
	}
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

func (r *run) produce() {
	job := func(feature string) string { return "produce/" + feature + "/" + r.mark + "-" + feature }
	var jobs []string
	for _, feature := range produced {
		if feature != "transactions" {
			jobs = append(jobs, job(feature))
		}
	}
	outcomes := r.bus.do(r.T, r.c, r.set(r.as.producer), jobs...)
	maps.Copy(outcomes, r.bus.do(r.T, r.c, r.set(r.as.transactor), job("transactions")))
	for _, feature := range produced {
		r.cell(feature, outcomes[job(feature)])
	}
}

func (r *run) consume(wanted int) {
	for column, feature := range map[string]string{"classic": "classic", "KIP-848": "next"} {
		job := fmt.Sprintf("consume/%s/%s/test-consumer-%s-%s/%d", feature, r.mark, r.mark, feature, wanted)
		r.cell(column, r.bus.do(r.T, r.c, r.set(r.as.consumer), job)[job])
	}
}

// avro writes and reads values by the schema that the registry holds, and sees
// that the client registered none.
func (r *run) avro() {
	before := r.subjects()
	out, in := "avro-produce/"+r.mark+"-avro", "avro-consume/"+r.mark+"-avro/test-consumer-"+r.mark+"-avro"
	o := r.bus.do(r.T, r.c, r.set(r.as.producer), out)[out]
	if o.verdict == "ok" {
		o = r.bus.do(r.T, r.c, r.set(r.as.consumer), in)[in]
	}
	if after := r.subjects(); after != before {
		o = outcome{"error", "a schema was registered: " + before + " became " + after}
	}
	r.cell("avro", o)
}

// subjects names every version of every subject.
func (r *run) subjects() string {
	r.Helper()
	registry, err := sr.NewClient(sr.URLs(r.bus.at.Registry))
	if err != nil {
		r.Fatal(err)
	}
	all, err := registry.AllSchemas(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	var names []string
	for _, s := range all {
		names = append(names, fmt.Sprintf("%s/%d=%d", s.Subject, s.Version, s.ID))
	}
	slices.Sort(names)
	return strings.Join(names, " ")
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
	end := r.end()
	counts, codec := map[string]map[string]int{}, map[string]uint8{}
	for _, record := range r.between(from, end) {
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

// between reads the committed records from one offset of each partition to
// another. It asks for the markers of transactions too: an end may be one.
func (r *run) between(from, end map[int32]int64) []*kgo.Record {
	r.Helper()
	at := map[int32]kgo.Offset{}
	for p, o := range from {
		if o < end[p] {
			at[p] = kgo.NewOffset().At(o)
		}
	}
	cl := r.log(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"test": at}), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.FetchMaxWait(200*time.Millisecond))
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	defer cancel()
	var all []*kgo.Record
	for len(at) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			r.Fatalf("read the log from %v to %v: %v", from, end, err)
		}
		for _, record := range fetches.Records() {
			if record.Offset >= end[record.Partition]-1 {
				delete(at, record.Partition)
			}
			if !record.Attrs.IsControl() {
				all = append(all, record)
			}
		}
	}
	return all
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
