package election

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// member is one vote as it stands in the group.
func member(id, message string) kmsg.JoinGroupResponseMember {
	m := kmsg.NewJoinGroupResponseMember()
	m.MemberID, m.ProtocolMetadata = id, []byte(message)
	return m
}

func candidate(host string, port int, eligible, leads bool) string {
	return fmt.Sprintf(`{"version":1,"host":%q,"port":%d,"master_eligibility":%t,"scheme":"http","leader":%t}`, host, port, eligible, leads)
}

// TestElection: who is elected by which votes, and what each node makes of it.
func TestElection(t *testing.T) {
	for name, c := range map[string]struct {
		votes []string
		want  string // URL
		same  bool
	}{
		"one":                      {[]string{candidate("a", 1, true, false)}, "http://a:1", false},
		"smallest URL":             {[]string{candidate("b", 1, true, false), candidate("a", 9, true, false)}, "http://a:9", false},
		"who leads stays":          {[]string{candidate("a", 1, true, false), candidate("b", 1, true, true)}, "http://b:1", false},
		"two think they lead":      {[]string{candidate("b", 1, true, true), candidate("a", 1, true, true)}, "http://a:1", false},
		"not eligible":             {[]string{candidate("a", 1, false, false), candidate("b", 1, true, false)}, "http://b:1", false},
		"leads but not eligible":   {[]string{candidate("a", 1, false, true), candidate("b", 1, true, false)}, "http://b:1", false},
		"nobody is eligible":       {[]string{candidate("a", 1, false, false)}, "", false},
		"nobody votes":             {nil, "", false},
		"one URL twice":            {[]string{candidate("a", 1, true, false), candidate("b", 1, true, true), candidate("a", 1, true, false)}, "", true},
		"unreadable has no vote":   {[]string{"{", candidate("b", 1, true, false), "[]", ""}, "http://b:1", false},
		"a stranger's extra words": {[]string{`{"host":"a","port":1,"scheme":"http","master_eligibility":true,"more":[1]}`}, "http://a:1", false},
		"IPv6":                     {[]string{candidate("::1", 1, true, false)}, "http://[::1]:1", false},
	} {
		t.Run(name, func(t *testing.T) {
			var members []kmsg.JoinGroupResponseMember
			for i, vote := range c.votes {
				members = append(members, member(fmt.Sprint("m", i), vote))
			}
			ballot, err := New("http://a:1", true, func() bool { return false })
			if err != nil {
				t.Fatal(err)
			}
			counted, _, err := ballot.MemberBalancer(members)
			if err != nil {
				t.Fatal(err)
			}
			plan := counted.Balance(nil).IntoSyncAssignment()
			if len(plan) != len(members) {
				t.Fatalf("%d of %d members are told", len(plan), len(members))
			}
			for i, told := range plan {
				if told.MemberID != members[i].MemberID {
					t.Errorf("member %d is told as %s", i, told.MemberID)
				}
				if _, err := ballot.ParseSyncAssignment(told.MemberAssignment); err != nil {
					t.Fatal(err)
				}
				want := Result{URL: c.want, Self: c.want == "http://a:1", SameURL: c.same}
				if got := <-ballot.Results(); got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
			}
		})
	}
}

// TestMessages are those of Confluent's nodes.
func TestMessages(t *testing.T) {
	leads := false
	ballot, err := New("https://node-1.example", false, func() bool { return leads })
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(ballot.JoinGroupMetadata(nil, nil, 0)), `{"version":1,"host":"node-1.example","port":443,"master_eligibility":false,"scheme":"https","leader":false}`; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	leads = true
	if got := string(ballot.JoinGroupMetadata(nil, nil, 0)); !strings.Contains(got, `"leader":true`) {
		t.Error(got)
	}
	plan := votes{member("m", candidate("a", 1, true, false))}.Balance(nil).IntoSyncAssignment()
	if got, want := string(plan[0].MemberAssignment), `{"version":1,"error":0,"master":"m","master_identity":`+candidate("a", 1, true, false)+`}`; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if ballot.ProtocolName() != "v0" || ballot.IsCooperative() || ProtocolType != "sr" {
		t.Error("another protocol")
	}
}

// TestNewestResult: a result that nobody took makes room for the next.
func TestNewestResult(t *testing.T) {
	ballot, err := New("http://a:1", true, func() bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"a", "b", "c"} {
		raw, _ := json.Marshal(assignment{Version: 1, Identity: &identity{Scheme: "http", Host: host, Port: 1}})
		if _, err := ballot.ParseSyncAssignment(raw); err != nil {
			t.Fatal(err)
		}
	}
	if got := <-ballot.Results(); got.URL != "http://c:1" || got.Self {
		t.Errorf("%+v", got)
	}
	if _, err := ballot.ParseSyncAssignment([]byte("{")); err == nil {
		t.Error("an unreadable result is taken")
	}
	select {
	case got := <-ballot.Results():
		t.Errorf("an unreadable result gives %+v", got)
	default:
	}
}

func TestAdvertised(t *testing.T) {
	for advertised, want := range map[string]string{
		"http://a": "http://a:80", "https://a": "https://a:443", "http://a:8081": "http://a:8081", "http://[::1]:8081": "http://[::1]:8081",
		"http://a:8081/": "http://a:8081",
		"":               "", "a:8081": "", "http://": "", "http://:8081": "", "ftp://a": "", "http://a:0": "", "http://a:70000": "", "http://a:x": "", "http://a b": "",
	} {
		ballot, err := New(advertised, true, func() bool { return false })
		if (err == nil) != (want != "") || err == nil && ballot.URL() != want {
			t.Errorf("%q: %v, want %q", advertised, err, want)
		}
	}
}

// FuzzVotes: whatever the members say, each is told one readable result.
func FuzzVotes(f *testing.F) {
	f.Add(candidate("a", 1, true, true), candidate("b", 1, true, false))
	f.Add("{", "[]")
	f.Fuzz(func(t *testing.T, one, two string) {
		ballot, err := New("http://a:1", true, func() bool { return true })
		if err != nil {
			t.Fatal(err)
		}
		for _, told := range (votes{member("1", one), member("2", two)}).Balance(nil).IntoSyncAssignment() {
			if _, err := ballot.ParseSyncAssignment(told.MemberAssignment); err != nil {
				t.Fatal(err)
			}
			if got := <-ballot.Results(); got.SameURL && got.URL != "" || got.Self && got.URL != "http://a:1" {
				t.Fatalf("%+v", got)
			}
		}
	})
}
