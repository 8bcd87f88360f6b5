package gateway

import (
	"bytes"
	"reflect"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// byID are the versions from which a key names topics by id, beside DeleteTopics,
// which names them either way.
var byID = map[int16]int16{keyProduce: 13, keyFetch: 13, keyMetadata: 12, 8: 10, 9: 10, 28: 6}

// An id that the gateway cannot name cannot be decided: the engine, which may
// know it, does not see it, and the client learns UNKNOWN_TOPIC_ID. The lookup of
// an id may fail at any moment, so this must not depend on who asks.
func TestUnknownIDsAreRefused(t *testing.T) {
	strange := [16]byte([]byte("id-nobody-knows!"))
	p := &puppet{requests: make(chan kmsg.Request, 1), answer: func(req kmsg.Request) kmsg.Response {
		resp := req.ResponseKind()
		if offsets, ok := resp.(*kmsg.OffsetFetchResponse); ok { // names the groups at least
			offsets.Groups = []kmsg.OffsetFetchResponseGroup{{Group: "open"}}
		}
		return resp
	}}
	auth := newRules()
	auth.may["all"] = []string{"*"}
	w := start(t, p, setting{auth: auth, mechanisms: []string{MechanismIAM}}).dial(t)
	w.login("all")
	for key, from := range byID {
		for version := from; version <= table()[key].max; version++ {
			req := naming(key, version, "open", "open")
			encoded := req.AppendTo(nil)
			at := bytes.Index(encoded, openID[:])
			if at < 0 {
				t.Fatalf("%s v%d does not name topics by id", kmsg.NameForKey(key), version)
			}
			copy(encoded[at:], strange[:])
			again := kmsg.RequestForKey(key)
			again.SetVersion(version)
			if err := again.ReadFrom(encoded); err != nil {
				t.Fatal(err)
			}
			resp := w.ask(again)
			if got := codes(reflect.ValueOf(resp)); !slices.Contains(got, errUnknownTopicID) {
				t.Errorf("%s v%d: codes %v, want %d", kmsg.NameForKey(key), version, got, errUnknownTopicID)
			}
			if !bytes.Contains(resp.AppendTo(nil), strange[:]) {
				t.Errorf("%s v%d: the answer does not say which id", kmsg.NameForKey(key), version)
			}
			if seen := passed(p); seen != nil && bytes.Contains(seen.AppendTo(nil), strange[:]) {
				t.Errorf("%s v%d: the engine saw the id", kmsg.NameForKey(key), version)
			}
		}
	}
}

// A topic that is deleted is named once, or one could be decided and another one
// deleted.
func TestDeleteTopicsByNameAndID(t *testing.T) {
	p := &puppet{requests: make(chan kmsg.Request, 1), answer: empty}
	auth := newRules()
	auth.may["owner"] = []string{"DescribeTopic", "DeleteTopic"}
	w := start(t, p, setting{auth: auth, mechanisms: []string{MechanismIAM}}).dial(t)
	w.login("owner")
	for name, tt := range map[string]struct {
		topic  *string
		id     [16]byte
		want   int16
		passes bool
	}{
		"by name":                         {text("open"), [16]byte{}, 0, true},
		"by id":                           {nil, openID, 0, true},
		"by both, of which one is denied": {text("open"), closedID, errInvalidRequest, false},
		"by both":                         {text("open"), openID, errInvalidRequest, false},
		"by neither":                      {nil, [16]byte{}, errInvalidRequest, false},
		"by the id of a denied topic":     {nil, closedID, errTopicDenied, false},
		"by an id that is not known":      {nil, [16]byte{1}, errUnknownTopicID, false},
	} {
		req := kmsg.NewPtrDeleteTopicsRequest()
		req.Version = 6
		req.Topics = []kmsg.DeleteTopicsRequestTopic{{Topic: tt.topic, TopicID: tt.id}}
		resp := w.ask(req)
		if seen := passed(p); (seen != nil) != tt.passes {
			t.Errorf("%s: the engine saw %+v", name, seen)
		}
		if got := codes(reflect.ValueOf(resp)); tt.want != 0 && !slices.Contains(got, tt.want) {
			t.Errorf("%s: codes %v, want %d", name, got, tt.want)
		}
		if tt.topic == nil && bytes.Contains(resp.AppendTo(nil), []byte("closed")) {
			t.Errorf("%s: the answer tells the name", name)
		}
	}
}

// A group that is asked for twice, once with all its topics, tells no more than
// when it is asked for once.
func TestOffsetFetchOfOneGroupTwice(t *testing.T) {
	p := &puppet{answer: func(req kmsg.Request) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.OffsetFetchResponse)
		for _, group := range req.(*kmsg.OffsetFetchRequest).Groups {
			one := kmsg.OffsetFetchResponseGroup{Group: group.Group}
			if group.Topics == nil {
				one.Topics = []kmsg.OffsetFetchResponseGroupTopic{{Topic: "open", TopicID: openID}, {Topic: "closed", TopicID: closedID}}
			}
			resp.Groups = append(resp.Groups, one)
		}
		return resp
	}}
	auth := newRules()
	auth.may["reader"] = []string{"DescribeGroup", "DescribeTopic"}
	w := start(t, p, setting{auth: auth, mechanisms: []string{MechanismIAM}}).dial(t)
	w.login("reader")
	for version := int16(8); version <= 10; version++ {
		all := kmsg.OffsetFetchRequestGroup{Group: "open"}
		named := kmsg.OffsetFetchRequestGroup{Group: "open", Topics: []kmsg.OffsetFetchRequestGroupTopic{{Topic: "open", TopicID: openID, Partitions: []int32{0}}}}
		for _, groups := range [][]kmsg.OffsetFetchRequestGroup{{all, named}, {named, all}} {
			req := kmsg.NewPtrOffsetFetchRequest()
			req.Version, req.Groups = version, groups
			resp := w.ask(req)
			if told := resp.AppendTo(nil); bytes.Contains(told, []byte("closed")) || bytes.Contains(told, closedID[:]) {
				t.Errorf("v%d leaks: %+v", version, resp)
			}
		}
	}
}
