package gateway

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

var update = flag.Bool("update", false, "write the golden files anew")

// apiTable says of every API that kmsg knows what becomes of it here.
func apiTable() string {
	var b strings.Builder
	for key := range int16(kmsg.MaxKey + 1) {
		req := kmsg.RequestForKey(key)
		if req == nil {
			continue
		}
		a, served := table()[key]
		what := "refused"
		switch {
		case key == keyAPIVersions || key == keySASLHandshake || key == keySASLAuthenticate:
			what = "answered by hand"
		case served && a.hidden:
			what = fmt.Sprintf("v%d-%d refused in an answer, not advertised", a.min, a.max)
		case served:
			what = fmt.Sprintf("v%d-%d decided", a.min, a.max)
			if a.response != nil {
				what += ", answers rewritten"
			}
		}
		fmt.Fprintf(&b, "%2d %-30s v0-%-2d %s\n", key, kmsg.NameForKey(key), req.MaxVersion(), what)
	}
	return b.String()
}

// The table of APIs is a decision: whoever adds a key or a version, or takes a
// newer kmsg, sees it change and says so.
func TestAPITable(t *testing.T) {
	name := filepath.Join("testdata", "apis.golden")
	got := apiTable()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the table of APIs changed; look at each row and run with -update:\n%s", got)
	}
}

// Every key and version that is not served ends its connection, and the engine
// sees nothing of it.
func TestWhatIsNotServed(t *testing.T) {
	p := &puppet{requests: make(chan kmsg.Request, 1), answer: empty}
	b := start(t, p, setting{cfg: Config{MaxConnections: 100_000, MaxConnectionsPerIP: 100_000}})
	apis := table()
	for key := int16(-1); key <= kmsg.MaxKey+3; key++ {
		if key == keyAPIVersions || key == keySASLHandshake || key == keySASLAuthenticate {
			continue
		}
		highest := int16(3)
		if req := kmsg.RequestForKey(key); req != nil {
			highest = req.MaxVersion() + 1
		}
		for version := int16(-1); version <= highest; version++ {
			if a, ok := apis[key]; ok && version >= a.min && version <= a.max {
				continue
			}
			w := b.dial(t)
			frame := appendInt32(appendInt16(appendInt16(make([]byte, 4), key), version), 1)
			if _, err := w.Write(finish(append(appendString(frame, "tester"), make([]byte, 64)...))); err != nil && !isReset(err) {
				t.Fatal(err)
			}
			w.cut()
			if req := passed(p); req != nil {
				t.Errorf("key %d v%d reached the engine: %+v", key, version, req)
			}
			w.Close()
		}
	}
}

// The address of a broker, as no answer may hold it.
const (
	realHost = "broker-7.upstream.internal"
	realPort = 0x4a954b
)

// named are fields of answers that say what clients, operators or the bus itself
// have named, or what Kafka calls a thing; an engine puts no address of a node
// there. ClientHost is where a member comes from: to the cluster, the bus itself.
var namedFields = strings.Fields(`Topic Topics Group Groups MemberID InstanceID LeaderID LeaderId Protocol ProtocolType
	ProtocolMetadata State GroupState GroupType ClientID ClientHost Metadata TransactionalID TransactionState ResourceName
	Name Documentation LogDir Dir ErrorMessage Feature Type Key Assignor AssignorName SubscribedTopics SubscribedTopicRegex
	RackID UnknownStateFilters SupportedFeatures`)

// address fills an answer: every string that is not a name holds the real host,
// and so does every config, which are a broker's; every port is the real one.
func address(v reflect.Value, field string, code int16) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		address(v.Elem(), field, code)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[kmsg.Tags]() {
			return
		}
		if d := v.Addr().MethodByName("Default"); d.IsValid() {
			d.Call(nil)
		}
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name != "Version" {
				address(v.Field(i), name, code)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte{})
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			address(v.Index(i), field, code)
		}
	case reflect.Array:
		reflect.Copy(v, reflect.ValueOf(openID))
	case reflect.String:
		switch {
		case slices.Contains(namedFields, field):
			v.SetString("open")
		case field == "Value":
			v.SetString("1@" + realHost + ":9093")
		default:
			v.SetString(realHost)
		}
	case reflect.Int32:
		if field == "Port" {
			v.SetInt(realPort)
		} else if field == "NodeID" {
			v.SetInt(1)
		}
	case reflect.Int16:
		if field == "ErrorCode" {
			v.SetInt(int64(code))
		}
	case reflect.Int8:
		if field == "ResourceType" {
			v.SetInt(int64(kmsg.ConfigResourceTypeBroker))
		}
	}
}

// No answer of any API, in any version, with or without an error, holds the
// address of a broker: whatever string is not known to be a name is filled with
// it, so that a field which a new version brings must be looked at.
func TestNoAnswerTellsAnAddress(t *testing.T) {
	var code int16
	p := &puppet{answer: func(req kmsg.Request) kmsg.Response {
		resp := req.ResponseKind()
		version := resp.GetVersion()
		address(reflect.ValueOf(resp).Elem(), "", code)
		if created, ok := resp.(*kmsg.CreateTopicsResponse); ok { // they tell the configs of topics, not of brokers
			for i := range created.Topics {
				created.Topics[i].Configs = nil
			}
		}
		resp.SetVersion(version)
		return resp
	}}
	b := start(t, p, setting{cfg: Config{ClusterID: "ours"}, advertise: func(node int32) (string, int32) { return fmt.Sprintf("b-%d.bus", node), 9098 }})
	w := b.dial(t)
	port := appendInt32(nil, realPort)
	for key, a := range table() {
		for version := a.min; version <= a.max; version++ {
			for _, code = range []int16{0, 3} {
				w.send(naming(key, version, "open", "open"))
				got, err := w.receive()
				if err != nil {
					t.Fatalf("%s v%d: %v", a.name, version, err)
				}
				if bytes.Contains(got, []byte(realHost)) || bytes.Contains(got, port) {
					t.Errorf("%s v%d, code %d, tells the address of a broker: %q", a.name, version, code, got)
				}
			}
		}
	}
}

// Before version 4 a Metadata request makes the topics that it names, if the
// cluster is set to it; so the engine is asked in version 4, and the client is
// answered in its own.
func TestOldMetadataMakesNoTopics(t *testing.T) {
	p := &puppet{requests: make(chan kmsg.Request, 1), answer: func(req kmsg.Request) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.MetadataResponse)
		resp.Brokers = []kmsg.MetadataResponseBroker{{NodeID: 1, Host: realHost, Port: realPort}}
		for _, name := range []string{"open", "other"} {
			resp.Topics = append(resp.Topics, kmsg.MetadataResponseTopic{Topic: &name, ErrorCode: errUnknownTopic})
		}
		return resp
	}}
	w := start(t, p, setting{}).dial(t)
	for version := int16(0); version <= 13; version++ {
		for _, all := range []bool{false, true} {
			req := naming(keyMetadata, version, "open", "open").(*kmsg.MetadataRequest)
			req.AllowAutoTopicCreation = true
			if all {
				if req.Topics = nil; version == 0 {
					req.Topics = []kmsg.MetadataRequestTopic{}
				}
			}
			resp := w.ask(req).(*kmsg.MetadataResponse)
			seen := passed(p).(*kmsg.MetadataRequest)
			if seen.Version != max(version, 4) || seen.AllowAutoTopicCreation || (seen.Topics == nil) != all {
				t.Errorf("v%d: the engine saw version %d, auto-creation %v, topics %v", version, seen.Version, seen.AllowAutoTopicCreation, seen.Topics)
			}
			if len(resp.Topics) != 2 || *resp.Topics[0].Topic != "open" || resp.Topics[1].ErrorCode != errUnknownTopic || len(resp.Brokers) != 1 || resp.Brokers[0].Host == realHost {
				t.Errorf("v%d: answered %+v", version, resp)
			}
		}
	}
}

// A fetch may ask for any number of bytes; it gets what a broker would give.
func TestFetchIsBounded(t *testing.T) {
	p := &puppet{requests: make(chan kmsg.Request, 1), answer: empty}
	w := start(t, p, setting{}).dial(t)
	for asked, want := range map[int32]int32{1: 1, maxFetchBytes: maxFetchBytes, maxFetchBytes + 1: maxFetchBytes, 1<<31 - 1: maxFetchBytes} {
		req := naming(keyFetch, 12, "open", "open").(*kmsg.FetchRequest)
		req.MinBytes, req.MaxBytes = asked, asked
		w.ask(req)
		if got := passed(p).(*kmsg.FetchRequest); got.MaxBytes != want || got.MinBytes != want {
			t.Errorf("of %d bytes asked for, the engine was asked for %d to %d, want %d", asked, got.MinBytes, got.MaxBytes, want)
		}
	}
}

// Who is refused by a group does not consume in it: what is fetched afterwards is
// not counted there.
func TestRefusedMembersAreNotRemembered(t *testing.T) {
	p := &puppet{answer: empty}
	auth := newRules()
	auth.may["nobody"], auth.may["member"] = nil, []string{"AlterGroup", "DescribeGroup"}
	b := start(t, p, setting{auth: auth, mechanisms: []string{MechanismIAM}})
	for _, who := range []string{"nobody", "member"} {
		w := b.dial(t)
		w.login(who)
		for _, key := range []int16{8, 9, 11, 12, 68} {
			w.ask(naming(key, 0, "open"))
		}
		w.ask(naming(9, 8, "open", "open"))
	}
	b.groups.mu.Lock()
	defer b.groups.mu.Unlock()
	for key, group := range b.groups.known {
		if !strings.Contains(key.principal, "member") || group != "open" {
			t.Errorf("%s (client %s) is taken for a member of %s", key.principal, key.client, group)
		}
	}
	if len(b.groups.known) != 1 {
		t.Errorf("%d members are known, want one", len(b.groups.known))
	}
}

// However many requests are on their way and whoever answers them, the answers
// come in their order, each under its own id, and acks=0 has none.
func TestPipelining(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	w := start(t, &puppet{answer: empty}, setting{}).dial(t)
	silent := produceOf(9, "open", [16]byte{}, batchOf(recordOf(0, nil)))
	silent.Acks = 0
	kinds := []kmsg.Request{
		naming(keyFetch, 12, "open", "open"), naming(keyMetadata, 1, "open", "open"), naming(2, 5, "open", "open"), silent,
		kmsg.NewPtrApiVersionsRequest(), produceOf(9, "_schemas", [16]byte{}, batchOf(recordOf(0, nil))), // answered here
		naming(29, 2, "open"), produceOf(9, "open", [16]byte{}, batchOf(recordOf(0, make([]byte, 100_000)))),
	}
	var sent []byte
	asked := map[int32]kmsg.Request{}
	for corr := range int32(4 * maxQueue) {
		req := kinds[r.IntN(len(kinds))]
		sent = append(sent, encoded(req, corr)...)
		if req != kmsg.Request(silent) {
			asked[corr] = req
		}
	}
	written := make(chan error, 1)
	go func() {
		_, err := w.Write(sent)
		written <- err
	}()
	for corr := range int32(4 * maxQueue) {
		if req, ok := asked[corr]; ok {
			w.answer(req, corr)
		}
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
}

// A client that does not read what it asked for cannot hold up the stop.
func TestDrainDoesNotWaitForASlowReader(t *testing.T) {
	big := bytes.Repeat([]byte("x"), 32<<20) // more than any socket keeps
	p := &puppet{requests: make(chan kmsg.Request, 1), answer: func(req kmsg.Request) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.ListOffsetsResponse)
		resp.Topics = []kmsg.ListOffsetsResponseTopic{{Topic: "open", Partitions: make([]kmsg.ListOffsetsResponseTopicPartition, len(big)/20)}}
		return resp
	}}
	b := start(t, p, setting{cfg: Config{DrainTimeout: 50 * time.Millisecond, FrameTimeout: time.Hour}})
	w := b.dial(t)
	w.send(naming(2, 5, "open", "open"))
	<-p.requests
	if _, err := w.Read(make([]byte, 1)); err != nil { // the answer is on its way
		t.Fatal(err)
	}
	b.stop() // hangs for an hour if it waits for the reader
}

// An engine that dies in the middle of an answer ends the connection; nothing of
// the half answer reaches the client.
func TestEngineDiesInAnAnswer(t *testing.T) {
	b := start(t, &puppet{}, setting{serve: func(_ context.Context, _ string, conn net.Conn) error {
		if _, err := conn.Read(make([]byte, 1<<10)); err != nil {
			return err
		}
		_, err := conn.Write([]byte{0, 0, 0, 100, 0, 0, 0, 1, 1, 2, 3})
		return errors.Join(err, conn.Close())
	}})
	w := b.dial(t)
	w.send(naming(2, 5, "open", "open"))
	w.cut()
}
