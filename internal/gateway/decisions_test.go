package gateway

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus"
)

// decision is what one API key needs and how it is refused.
type decision struct {
	grants    []string // what lets a request for "open" pass
	code      int16    // of a refusal of "closed"; 0 where there is none
	mixed     int16    // of the refused part of a request for both; 0 where there are no parts
	forwarded bool     // a refused request still goes to the engine, without the name
}

// decisions has an allow and a deny case for every served key.
var decisions = map[int16]decision{
	0:  {grants: []string{"WriteData", "AlterTransactionalId"}, code: errTransactionalDenied, mixed: errTopicDenied},
	1:  {grants: []string{"ReadData"}, code: errTopicDenied, mixed: errTopicDenied},
	2:  {grants: []string{"DescribeTopic"}, code: errTopicDenied, mixed: errTopicDenied},
	3:  {grants: []string{"DescribeTopic"}, code: errTopicDenied, mixed: errTopicDenied, forwarded: true},
	8:  {grants: []string{"AlterGroup", "ReadData"}, code: errGroupDenied, mixed: errTopicDenied},
	9:  {grants: []string{"DescribeGroup", "DescribeTopic"}, code: errGroupDenied},
	10: {grants: []string{"DescribeGroup"}, code: errGroupDenied},
	11: {grants: []string{"AlterGroup"}, code: errGroupDenied},
	12: {grants: []string{"AlterGroup"}, code: errGroupDenied},
	13: {grants: []string{"AlterGroup"}, code: errGroupDenied},
	14: {grants: []string{"AlterGroup"}, code: errGroupDenied},
	15: {grants: []string{"DescribeGroup"}, code: errGroupDenied, mixed: errGroupDenied},
	16: {forwarded: true},
	19: {grants: []string{"CreateTopic"}, code: errTopicDenied, mixed: errTopicDenied},
	20: {grants: []string{"DescribeTopic", "DeleteTopic"}, code: errTopicDenied, mixed: errTopicDenied},
	21: {grants: []string{"DeleteTopic"}, code: errTopicDenied, mixed: errTopicDenied},
	22: {grants: []string{"AlterTransactionalId"}, code: errTransactionalDenied},
	23: {grants: []string{"DescribeTopic"}, code: errTopicDenied, mixed: errTopicDenied},
	24: {grants: []string{"AlterTransactionalId", "WriteData"}, code: errTransactionalDenied},
	25: {grants: []string{"AlterTransactionalId", "AlterGroup"}, code: errTransactionalDenied},
	26: {grants: []string{"AlterTransactionalId"}, code: errTransactionalDenied},
	27: {grants: []string{"AlterCluster"}, code: errClusterDenied},
	28: {grants: []string{"AlterTransactionalId", "AlterGroup", "ReadData"}, code: errTransactionalDenied, mixed: errTopicDenied},
	29: {code: errSecurityDisabled}, 30: {code: errSecurityDisabled}, 31: {code: errSecurityDisabled},
	32: {grants: []string{"DescribeTopicDynamicConfiguration"}, code: errTopicDenied, mixed: errTopicDenied},
	33: {grants: []string{"AlterTopicDynamicConfiguration"}, code: errTopicDenied, mixed: errTopicDenied},
	34: {grants: []string{"AlterCluster"}, code: errClusterDenied},
	35: {grants: []string{"DescribeCluster"}, code: errClusterDenied},
	37: {grants: []string{"AlterTopic"}, code: errTopicDenied, mixed: errTopicDenied},
	42: {grants: []string{"DeleteGroup"}, code: errGroupDenied, mixed: errGroupDenied},
	43: {grants: []string{"AlterCluster"}, code: errClusterDenied},
	44: {grants: []string{"AlterTopicDynamicConfiguration"}, code: errTopicDenied, mixed: errTopicDenied},
	45: {grants: []string{"AlterCluster"}, code: errClusterDenied},
	46: {grants: []string{"DescribeCluster"}, code: errClusterDenied},
	47: {grants: []string{"DeleteGroup", "ReadData"}, code: errGroupDenied, mixed: errTopicDenied},
	48: {grants: []string{"DescribeClusterDynamicConfiguration"}, code: errClusterDenied},
	49: {grants: []string{"AlterClusterDynamicConfiguration"}, code: errClusterDenied},
	57: {grants: []string{"AlterCluster"}, code: errClusterDenied},
	60: {forwarded: true},
	61: {grants: []string{"ReadData"}, code: errTopicDenied, mixed: errTopicDenied},
	65: {grants: []string{"DescribeTransactionalId"}, code: errTransactionalDenied, mixed: errTransactionalDenied},
	66: {forwarded: true},
	68: {grants: []string{"AlterGroup", "DescribeTopic"}, code: errGroupDenied},
	69: {grants: []string{"DescribeGroup"}, code: errGroupDenied, mixed: errGroupDenied},
	74: {grants: []string{"DescribeClusterDynamicConfiguration"}, code: errClusterDenied},
	75: {grants: []string{"DescribeTopic"}, code: errTopicDenied, mixed: errTopicDenied},
}

// naming makes a request of a key and version whose single resources are called
// one and whose lists hold each of all.
func naming(key, version int16, one string, all ...string) kmsg.Request {
	req := kmsg.RequestForKey(key)
	name(reflect.ValueOf(req).Elem(), version, one, all)
	req.SetVersion(version)
	return req
}

func name(v reflect.Value, version int16, one string, all []string) {
	v.Addr().MethodByName("Default").Call(nil)
	for i := range v.NumField() {
		f, field := v.Field(i), v.Type().Field(i).Name
		switch {
		case field == "ResourceType":
			f.SetInt(int64(kmsg.ConfigResourceTypeTopic))
		case field == "TopicID":
			f.Set(reflect.ValueOf(map[string][16]byte{"open": openID, "closed": closedID}[one]))
			// a request by id has no name
			if t := v.FieldByName("Topic"); t.IsValid() && t.Kind() == reflect.Pointer && version >= 12 {
				t.SetZero()
			} else if t.IsValid() && t.Kind() == reflect.Pointer {
				f.SetZero()
			}
		case field == "Acks":
			f.SetInt(-1)
		case field == "NumPartitions", field == "Count", field == "ReplicationFactor":
			f.SetInt(1)
		case field == "Records":
			f.SetBytes(batchOf(recordOf(0, []byte("value"))))
		case slices.Contains([]string{"Topic", "Group", "CoordinatorKey", "TransactionID", "TransactionalID", "ResourceName"}, field):
			if f.Kind() == reflect.Pointer {
				f.Set(reflect.ValueOf(&one))
			} else {
				f.SetString(one)
			}
		case slices.Contains([]string{"Groups", "TopicNames", "TransactionalIDs", "CoordinatorKeys", "SubscribedTopicNames"}, field) && f.Type().Elem().Kind() == reflect.String:
			f.Set(reflect.ValueOf(slices.Clone(all)))
		case slices.Contains([]string{"Topics", "Groups", "Resources"}, field):
			f.Set(reflect.MakeSlice(f.Type(), len(all), len(all)))
			for j, n := range all {
				name(f.Index(j), version, n, all)
			}
		case slices.Contains([]string{"Partitions", "Markers", "Dirs", "Entries", "Creations", "Filters"}, field):
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
			if f.Type().Elem().Kind() == reflect.Struct {
				name(f.Index(0), version, one, all)
			}
		}
	}
}

// codes gives all error codes of a response.
func codes(v reflect.Value) (all []int16) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return codes(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			all = append(all, codes(v.Index(i))...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name == "ErrorCode" {
				all = append(all, int16(v.Field(i).Int()))
			} else if v.Type().Field(i).IsExported() {
				all = append(all, codes(v.Field(i))...)
			}
		}
	}
	return all
}

func passed(p *puppet) kmsg.Request {
	select {
	case req := <-p.requests:
		return req
	default:
		return nil
	}
}

// names reports whether a request says anything of a topic, group or id.
func names(req kmsg.Request, what string) bool {
	b := req.AppendTo(nil)
	id := map[string][16]byte{"open": openID, "closed": closedID}[what]
	return bytes.Contains(b, []byte(what)) || bytes.Contains(b, id[:])
}

// The table of decisions, for every key and version: what is granted passes,
// what is not granted is refused with its code and does not reach the engine,
// and of a request for both only the granted part does. No refusal tells more of
// a thing than the request named, and the record has each decision.
func TestDecisions(t *testing.T) {
	p := &puppet{requests: make(chan kmsg.Request, 100), answer: func(req kmsg.Request) kmsg.Response { return req.ResponseKind() }}
	auth := newAudited(t)
	b := start(t, p, setting{auth: auth, mechanisms: []string{MechanismIAM}, cfg: Config{LoginsPerSecond: 10_000}})
	for key, a := range table() {
		t.Run(a.name, func(t *testing.T) {
			d := &deciding{T: t, decision: decisions[key], api: a, engine: p, granted: b.dial(t), nobody: b.dial(t)}
			auth.user("granted-"+a.name, d.grants...)
			auth.user("nobody-" + a.name)
			d.granted.login("granted-" + a.name)
			d.nobody.login("nobody-" + a.name)
			for version := a.min; version <= a.max; version++ {
				d.allows(version)
				d.denies(version)
				d.parts(version)
			}
			d.recorded(auth)
		})
	}
}

// deciding is the test of one row.
type deciding struct {
	*testing.T
	decision
	api             *api
	engine          *puppet
	granted, nobody *wire
}

// nameless are APIs whose requests name nothing that is decided one by one.
const nameless = "WriteTxnMarkers AlterReplicaLogDirs DescribeClientQuotas AlterClientQuotas UpdateFeatures ListConfigResources"

func (d *deciding) allows(version int16) {
	if len(d.grants) == 0 {
		return
	}
	resp := d.granted.ask(naming(d.api.key, version, "open", "open"))
	if got := codes(reflect.ValueOf(resp)); slices.ContainsFunc(got, func(c int16) bool { return c != 0 }) {
		d.Errorf("v%d: granted, and yet codes %v", version, got)
	}
	if req := passed(d.engine); req == nil || !names(req, "open") && !strings.Contains(nameless, d.api.name) {
		d.Errorf("v%d: granted, but the engine saw %v", version, req)
	}
}

func (d *deciding) denies(version int16) {
	asked := naming(d.api.key, version, "closed", "closed")
	resp := d.nobody.ask(asked)
	req := passed(d.engine)
	if d.forwarded != (req != nil) || req != nil && names(req, "closed") {
		d.Errorf("v%d: not granted, and the engine saw %+v", version, req)
	}
	if got := codes(reflect.ValueOf(resp)); d.code != 0 && (d.api.key != 35 || version >= 3) && !slices.Contains(got, d.code) {
		d.Errorf("v%d: not granted: codes %v, want %d", version, got, d.code)
	}
	d.tellsNothing(asked, resp)
}

// tellsNothing demands that an answer names the topic only as the request did:
// who knows the name does not learn the id, nor the other way round.
func (d *deciding) tellsNothing(asked kmsg.Request, resp kmsg.Response) {
	said, told := asked.AppendTo(nil), resp.AppendTo(nil)
	for _, secret := range []string{"closed", string(closedID[:])} {
		if bytes.Contains(told, []byte(secret)) && !bytes.Contains(said, []byte(secret)) {
			d.Errorf("v%d: the refusal tells %q", asked.GetVersion(), secret)
		}
	}
}

func (d *deciding) parts(version int16) {
	if d.mixed == 0 {
		return
	}
	asked := naming(d.api.key, version, "open", "open", "closed")
	resp := d.granted.ask(asked)
	req := passed(d.engine)
	if req == nil || !names(req, "open") || names(req, "closed") {
		d.Errorf("v%d: partly granted, and the engine saw %+v", version, req)
	}
	if got := codes(reflect.ValueOf(resp)); !slices.Contains(got, d.mixed) {
		d.Errorf("v%d: partly granted: codes %v, want %d", version, got, d.mixed)
	}
	d.tellsNothing(asked, resp)
}

// recorded demands an entry for each action that was granted, and for the one
// that was refused, with the resource and the reason.
func (d *deciding) recorded(auth *audited) {
	allowed := map[string]bool{}
	for _, e := range auth.entries("granted-"+d.api.name, eventbus.OutcomeAllowed) {
		allowed[e.Action] = true
	}
	for _, action := range d.grants {
		if !allowed["kafka-cluster:"+action] {
			d.Errorf("no entry says that %s was allowed: %v", action, allowed)
		}
	}
	denied := auth.entries("nobody-"+d.api.name, eventbus.OutcomeDenied)
	if len(d.grants) > 0 && len(denied) == 0 {
		d.Error("no entry says that the request was denied")
	}
	for _, e := range denied {
		closed := strings.HasSuffix(e.Resource, "/closed") || e.Resource == eventbus.DemoDeployment().ClusterARN()
		if !closed || !slices.Contains(d.grants, strings.TrimPrefix(e.Action, "kafka-cluster:")) || !strings.Contains(e.Reason, "no statement allows "+e.Action) || e.From == "" {
			d.Errorf("entry %+v", e)
		}
	}
}

// Lists hold what may be seen, and authorized operations are those of the
// policy, whatever the engine says.
func TestListsAreFiltered(t *testing.T) {
	named := func(n string) *string { return &n }
	p := &puppet{answer: func(req kmsg.Request) kmsg.Response {
		resp := req.ResponseKind()
		switch r := resp.(type) {
		case *kmsg.MetadataResponse:
			for _, n := range []string{"open", "closed"} {
				one := kmsg.NewMetadataResponseTopic()
				one.Topic, one.AuthorizedOperations = named(n), 0xfff
				r.Topics = append(r.Topics, one)
			}
			r.AuthorizedOperations = 0xfff
		case *kmsg.ListGroupsResponse:
			r.Groups = []kmsg.ListGroupsResponseGroup{{Group: "open"}, {Group: "closed"}}
		case *kmsg.ListTransactionsResponse:
			r.TransactionStates = []kmsg.ListTransactionsResponseTransactionState{{TransactionalID: "open"}, {TransactionalID: "closed"}}
		case *kmsg.OffsetFetchResponse:
			if req.GetVersion() < 8 {
				r.Topics = []kmsg.OffsetFetchResponseTopic{{Topic: "open"}, {Topic: "closed"}}
			} else {
				r.Groups = []kmsg.OffsetFetchResponseGroup{{Group: "open", Topics: []kmsg.OffsetFetchResponseGroupTopic{
					{Topic: "open", TopicID: openID}, {Topic: "closed", TopicID: closedID}}}}
			}
		case *kmsg.DescribeClusterResponse:
			r.ClusterAuthorizedOperations = 0xfff
		case *kmsg.ConsumerGroupDescribeResponse:
			r.Groups = []kmsg.ConsumerGroupDescribeResponseGroup{{Group: "open", Members: []kmsg.ConsumerGroupDescribeResponseGroupMember{{SubscribedTopics: []string{"closed"}}}}}
		case *kmsg.ConsumerGroupHeartbeatResponse:
			r.Assignment = &kmsg.ConsumerGroupHeartbeatResponseAssignment{Topics: []kmsg.ConsumerGroupHeartbeatResponseAssignmentTopic{{TopicID: closedID}}}
		case *kmsg.DescribeTopicPartitionsResponse:
			for _, asked := range req.(*kmsg.DescribeTopicPartitionsRequest).Topics {
				r.Topics = append(r.Topics, kmsg.DescribeTopicPartitionsResponseTopic{Topic: &asked.Topic, AuthorizedOperations: 0xfff})
			}
		}
		return resp
	}}
	auth := newRules()
	auth.may["reader"] = []string{"DescribeTopic", "ReadData", "DescribeGroup", "AlterGroup", "DescribeTransactionalId"}
	b := start(t, p, setting{auth: auth, mechanisms: []string{MechanismIAM}})
	w := b.dial(t)
	w.login("reader")
	see := func(t *testing.T, req kmsg.Request) string {
		t.Helper()
		resp := w.ask(req)
		text := string(resp.AppendTo(nil))
		if strings.Contains(text, "closed") || strings.Contains(text, string(closedID[:])) {
			t.Errorf("%s v%d leaks: %q", kmsg.NameForKey(req.Key()), req.GetVersion(), text)
		}
		return text
	}
	for _, key := range []int16{3, 16, 66, 9, 69, 68, 75} {
		a := table()[key]
		for version := a.min; version <= a.max; version++ {
			req := kmsg.RequestForKey(key)
			req.SetVersion(version)
			switch r := req.(type) {
			case *kmsg.OffsetFetchRequest:
				if r.Group = "open"; version < 2 {
					continue // names its topics
				}
				r.Groups = []kmsg.OffsetFetchRequestGroup{{Group: "open"}}
			case *kmsg.ConsumerGroupDescribeRequest:
				r.Groups = []string{"open"}
			case *kmsg.ConsumerGroupHeartbeatRequest:
				r.Group = "open"
			case *kmsg.MetadataRequest:
				r.IncludeTopicAuthorizedOperations, r.IncludeClusterAuthorizedOperations = true, true
			}
			text := see(t, req)
			if !strings.Contains(text, "open") && !strings.Contains(text, string(openID[:])) && key != 69 && key != 68 {
				t.Errorf("%s v%d hides what may be seen: %q", a.name, version, text)
			}
		}
	}
	md := kmsg.NewPtrMetadataRequest()
	md.Version, md.IncludeTopicAuthorizedOperations, md.IncludeClusterAuthorizedOperations = 10, true, true
	resp := w.ask(md).(*kmsg.MetadataResponse)
	if want := int32(1<<opRead | 1<<opDescribe); resp.Topics[0].AuthorizedOperations != want || resp.AuthorizedOperations != 0 {
		t.Errorf("operations %b and %b, want %b and none", resp.Topics[0].AuthorizedOperations, resp.AuthorizedOperations, want)
	}
	dc := kmsg.NewPtrDescribeClusterRequest()
	dc.IncludeClusterAuthorizedOperations = true
	if bits := w.ask(dc).(*kmsg.DescribeClusterResponse).ClusterAuthorizedOperations; bits != 0 {
		t.Errorf("cluster operations %b", bits)
	}
}

// An incremental fetch names no topics; it is never served, and no answer opens
// a session.
func TestFetchSessionsAreNotKept(t *testing.T) {
	p := &puppet{requests: make(chan kmsg.Request, 10), answer: func(req kmsg.Request) kmsg.Response {
		resp := req.ResponseKind()
		resp.(*kmsg.FetchResponse).SessionID = 77
		return resp
	}}
	b := start(t, p, setting{})
	w := b.dial(t)
	for version := int16(7); version <= 18; version++ {
		req := naming(keyFetch, version, "open", "open").(*kmsg.FetchRequest)
		req.SessionID, req.SessionEpoch, req.ReplicaID = 5, 0, 3
		if resp := w.ask(req).(*kmsg.FetchResponse); resp.SessionID != 0 || resp.ErrorCode != 0 {
			t.Errorf("v%d: session %d, code %d", version, resp.SessionID, resp.ErrorCode)
		}
		if seen := passed(p).(*kmsg.FetchRequest); seen.SessionID != 0 || seen.SessionEpoch != -1 || version < 15 && seen.ReplicaID != -1 {
			t.Errorf("v%d: the engine saw session %d epoch %d replica %d", version, seen.SessionID, seen.SessionEpoch, seen.ReplicaID)
		}
		req.SessionID, req.SessionEpoch = 77, 1
		if resp := w.ask(req).(*kmsg.FetchResponse); resp.ErrorCode != errFetchSession || passed(p) != nil {
			t.Errorf("v%d: incremental fetch: code %d", version, resp.ErrorCode)
		}
	}
}

// Revocation ends connections, those too that wait for records, and nothing that
// comes after it is accepted.
func TestRevocationCutsConnections(t *testing.T) {
	hold := make(chan struct{})
	p := &puppet{requests: make(chan kmsg.Request, 10), answer: func(req kmsg.Request) kmsg.Response {
		if req.Key() == keyFetch {
			<-hold
		}
		return req.ResponseKind()
	}}
	auth := newRules()
	auth.may["reader"] = []string{"*"}
	b := start(t, p, setting{auth: auth, mechanisms: []string{MechanismIAM}, cfg: Config{DrainTimeout: time.Second}})
	defer close(hold)
	waiting, idle, eager := b.dial(t), b.dial(t), b.dial(t)
	for _, w := range []*wire{waiting, idle, eager} {
		w.login("reader")
	}
	waiting.send(naming(keyFetch, 12, "open", "open"))
	<-p.requests
	auth.revoke()
	eager.send(produceOf(9, "open", openID, batchOf(recordOf(0, nil))))
	eager.cut()
	waiting.cut()
	idle.cut()
	if req := passed(p); req != nil {
		t.Errorf("the engine saw %+v after the revocation", req)
	}
}
