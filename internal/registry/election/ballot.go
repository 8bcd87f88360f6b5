// Package election is the group protocol by which the nodes of a schema registry
// agree on the one that writes: Kafka's group protocol of type `sr`, protocol
// `v0`, with the messages of Confluent's nodes, so that nodes of both may stand in
// one election.
//
// It owns the messages and the counting of votes. It does not join the group, does
// not lead and does not know what a leader does: the registry does.
package election

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ProtocolType is the type of the election's group.
const ProtocolType = "sr"

// identity is a member of the election group.
type identity struct {
	Version  int    `json:"version"`
	Host     string `json:"host"`
	Port     int    `json:"port"`
	Eligible bool   `json:"master_eligibility"`
	Scheme   string `json:"scheme"`
	Leader   bool   `json:"leader"`
}

// assignment is what the group's chairman hands to every member.
type assignment struct {
	Version  int       `json:"version"`
	Error    int       `json:"error"`
	Master   *string   `json:"master"`
	Identity *identity `json:"master_identity"`
}

// duplicateURLs is the error of an assignment when two members have one URL.
const duplicateURLs = 1

func (i identity) url() string {
	return i.Scheme + "://" + net.JoinHostPort(i.Host, strconv.Itoa(i.Port))
}

// identityOf reads an advertised URL.
func identityOf(advertised string, eligible bool) (identity, error) {
	u, err := url.Parse(advertised)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return identity{}, fmt.Errorf("advertised URL %.200q: want http://host:port", advertised)
	}
	port := map[string]int{"http": 80, "https": 443}[u.Scheme]
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil || port < 1 || port > 65535 {
			return identity{}, fmt.Errorf("advertised URL %.200q: the port must be 1 to 65535", advertised)
		}
	}
	return identity{Version: 1, Host: u.Hostname(), Port: port, Eligible: eligible, Scheme: u.Scheme}, nil
}

// Result is the outcome of one election, as this node sees it.
type Result struct {
	URL     string // of the node that writes; empty = nobody
	Self    bool   // it is this one
	SameURL bool   // two nodes advertise one URL, so nobody was elected
}

// Ballot is the group's balancer: its assignment names the one member that writes.
// All methods but New's and Results' are called by the Kafka client.
type Ballot struct {
	self    identity
	leads   func() bool
	results chan Result
}

// New makes the ballot of a node that is reached at the advertised URL
// (`http://host:port`); one that is not eligible is never elected. leads says
// whether this node writes now: who does keeps the office. An error means that
// the URL is not of its form.
func New(advertised string, eligible bool, leads func() bool) (*Ballot, error) {
	self, err := identityOf(advertised, eligible)
	if err != nil {
		return nil, err
	}
	return &Ballot{self: self, leads: leads, results: make(chan Result, 1)}, nil
}

// URL is the one at which this node is known to the others.
func (b *Ballot) URL() string { return b.self.url() }

// Results gives the newest result that has not been taken yet.
func (b *Ballot) Results() <-chan Result { return b.results }

// ProtocolName is the only protocol of the election group.
func (b *Ballot) ProtocolName() string { return "v0" }

// IsCooperative is false: a new election is a new assignment.
func (b *Ballot) IsCooperative() bool { return false }

// JoinGroupMetadata says who we are and whether we lead now.
func (b *Ballot) JoinGroupMetadata([]string, map[string][]int32, int32) []byte {
	self := b.self
	self.Leader = b.leads()
	return encode(self)
}

// ParseSyncAssignment hands the result to the election and assigns nothing.
func (b *Ballot) ParseSyncAssignment(raw []byte) (map[string][]int32, error) {
	var a assignment
	if err := json.Unmarshal(raw, &a); err != nil {
		return nil, fmt.Errorf("read the result of the election: %w", err)
	}
	result := Result{SameURL: a.Error == duplicateURLs}
	if a.Error == 0 && a.Identity != nil {
		result.URL = a.Identity.url()
		result.Self = result.URL == b.URL()
	}
	for {
		select {
		case b.results <- result:
			return nil, nil
		default:
		}
		select {
		case <-b.results: // an older result nobody took
		default:
		}
	}
}

// MemberBalancer counts the votes; it runs on the group's chairman only.
func (b *Ballot) MemberBalancer(members []kmsg.JoinGroupResponseMember) (kgo.GroupMemberBalancer, map[string]struct{}, error) {
	return votes(members), nil, nil
}

type votes []kmsg.JoinGroupResponseMember

// Balance elects: the member that leads already, else the eligible one with the
// smallest URL. A member whose message cannot be read has no vote.
func (v votes) Balance(map[string]int32) kgo.IntoSyncAssignment {
	out := assignment{Version: 1}
	seen := map[string]bool{}
	for _, member := range v {
		var who identity
		if json.Unmarshal(member.ProtocolMetadata, &who) != nil {
			continue
		}
		if seen[who.url()] {
			out = assignment{Version: 1, Error: duplicateURLs}
			break
		}
		seen[who.url()] = true
		if who.Eligible && (out.Identity == nil || who.before(*out.Identity)) {
			id := member.MemberID
			out.Master, out.Identity = &id, &who
		}
	}
	raw := encode(out)
	plan := make(elected, len(v))
	for i, member := range v {
		plan[i] = kmsg.NewSyncGroupRequestGroupAssignment()
		plan[i].MemberID, plan[i].MemberAssignment = member.MemberID, raw
	}
	return plan
}

func (i identity) before(other identity) bool {
	if i.Leader != other.Leader {
		return i.Leader
	}
	return i.url() < other.url()
}

type elected []kmsg.SyncGroupRequestGroupAssignment

// IntoSyncAssignment is the plan itself.
func (e elected) IntoSyncAssignment() []kmsg.SyncGroupRequestGroupAssignment { return e }

// encode writes a message; every one of ours can be JSON.
func encode(message any) []byte {
	raw, err := json.Marshal(message)
	if err != nil {
		panic("election: " + err.Error())
	}
	return raw
}
