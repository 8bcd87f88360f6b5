package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// seat is who leads; a change wakes those who watch.
type seat struct {
	mu      sync.Mutex
	url     string  // of the leader, "" while nobody is elected
	writer  *writer // ours while we lead
	changed chan struct{}
	lost    chan struct{} // one slot: we gave the seat up, vote again
	over    bool          // this node has stopped; waiting for a leader is vain
}

type seatView struct {
	url    string
	writer *writer
	over   bool
}

func newSeat() *seat { return &seat{changed: make(chan struct{}), lost: make(chan struct{}, 1)} }

func (s *seat) now() seatView {
	view, _ := s.watch()
	return view
}

func (s *seat) watch() (seatView, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return seatView{s.url, s.writer, s.over}, s.changed
}

// set gives the seat to somebody and returns the writer that was in it.
func (s *seat) set(url string, w *writer) (old *writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old = s.writer
	s.url, s.writer = url, w
	close(s.changed)
	s.changed = make(chan struct{})
	return old
}

// clear empties the seat if w is in it (nil = whoever is), and reports that.
func (s *seat) clear(w *writer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w != nil && s.writer != w {
		return false
	}
	s.url, s.writer = "", nil
	close(s.changed)
	s.changed = make(chan struct{})
	select {
	case s.lost <- struct{}{}:
	default:
	}
	return true
}

// retire says that this node takes no further part.
func (s *seat) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	close(s.changed)
	s.changed = make(chan struct{})
}

// identity is a member of the election group, as Confluent's nodes write it.
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
	Error    int       `json:"error"` // 1 = two members have the same URL
	Master   *string   `json:"master"`
	Identity *identity `json:"master_identity"`
}

const electionDuplicateURLs = 1

func (i identity) url() string {
	return i.Scheme + "://" + net.JoinHostPort(i.Host, strconv.Itoa(i.Port))
}

// identityOf reads an advertised URL.
func identityOf(advertised string, eligible bool) (identity, error) {
	u, err := url.Parse(advertised)
	if err != nil || u.Host == "" {
		return identity{}, fmt.Errorf("advertised URL %q: want http://host:port", advertised)
	}
	port, _ := strconv.Atoi(u.Port())
	if port == 0 {
		port = map[string]int{"https": 443}[u.Scheme]
	}
	if port == 0 {
		port = 80
	}
	return identity{Version: 1, Host: u.Hostname(), Port: port, Eligible: eligible, Scheme: u.Scheme}, nil
}

// ballot is the group's balancer (protocol type `sr`, protocol `v0`): its
// assignment names the one member that writes.
type ballot struct {
	self   identity
	leads  func() bool
	result chan assignment
}

// ProtocolName is the only protocol of the election group.
func (b *ballot) ProtocolName() string { return "v0" }

// IsCooperative is false: a new election is a new assignment.
func (b *ballot) IsCooperative() bool { return false }

// JoinGroupMetadata says who we are and whether we lead now.
func (b *ballot) JoinGroupMetadata([]string, map[string][]int32, int32) []byte {
	self := b.self
	self.Leader = b.leads()
	return compactJSON(self)
}

// ParseSyncAssignment hands the result to the election and assigns nothing.
func (b *ballot) ParseSyncAssignment(raw []byte) (map[string][]int32, error) {
	var a assignment
	if err := json.Unmarshal(raw, &a); err != nil {
		return nil, fmt.Errorf("read the result of the election: %w", err)
	}
	for {
		select {
		case b.result <- a:
			return nil, nil
		default:
		}
		select {
		case <-b.result: // an older result nobody took
		default:
		}
	}
}

// MemberBalancer counts the votes; it runs on the group's chairman only.
func (b *ballot) MemberBalancer(members []kmsg.JoinGroupResponseMember) (kgo.GroupMemberBalancer, map[string]struct{}, error) {
	return votes(members), nil, nil
}

type votes []kmsg.JoinGroupResponseMember

// Balance elects: the member that leads already, else the eligible one with the
// smallest URL.
func (v votes) Balance(map[string]int32) kgo.IntoSyncAssignment {
	out := assignment{Version: 1}
	seen := map[string]bool{}
	for _, member := range v {
		var who identity
		if json.Unmarshal(member.ProtocolMetadata, &who) != nil {
			continue
		}
		if seen[who.url()] {
			out = assignment{Version: 1, Error: electionDuplicateURLs}
			break
		}
		seen[who.url()] = true
		if who.Eligible && (out.Identity == nil || who.before(*out.Identity)) {
			id := member.MemberID
			out.Master, out.Identity = &id, &who
		}
	}
	raw := compactJSON(out)
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
	return strings.Compare(i.url(), other.url()) < 0
}

type elected []kmsg.SyncGroupRequestGroupAssignment

// IntoSyncAssignment is the plan itself.
func (e elected) IntoSyncAssignment() []kmsg.SyncGroupRequestGroupAssignment { return e }

// runElection stays a member of the group until ctx ends.
func (r *Registry) runElection(ctx context.Context) error {
	self, err := identityOf(r.cfg.Advertised, !r.cfg.Follower)
	if err != nil {
		return err
	}
	box := &ballot{self: self, result: make(chan assignment, 1), leads: func() bool { return r.seat.now().writer != nil }}
	group, err := r.client(
		kgo.ConsumerGroup(r.cfg.Group),
		kgo.GroupProtocol("sr"),
		kgo.Balancers(box),
		kgo.ConsumeTopics(r.cfg.Topic),
		kgo.DisableAutoCommit(),
		kgo.SessionTimeout(r.cfg.SessionTimeout),
		kgo.RebalanceTimeout(r.cfg.SessionTimeout),
		kgo.HeartbeatInterval(r.cfg.Heartbeat),
		kgo.MetadataMinAge(50*time.Millisecond),
	)
	if err != nil {
		return err
	}
	defer group.Close() // leaves the group
	defer r.retire()
	for {
		select {
		case <-ctx.Done():
			return nil
		case result := <-box.result:
			r.accept(ctx, group, self, result)
		case <-r.seat.lost:
			if view := r.seat.now(); view.url == "" && view.writer == nil {
				group.ForceRebalance()
			}
		}
	}
}

// retire lets the write under way end, accepts no other, and gives up the seat.
func (r *Registry) retire() {
	r.seat.retire()
	r.writes.Lock()
	defer r.writes.Unlock()
	r.stepDown(nil)
}

// accept acts on the result of an election.
func (r *Registry) accept(ctx context.Context, group *kgo.Client, self identity, result assignment) {
	switch {
	case result.Error != 0:
		r.cfg.Logger.Error("two schema registries advertise the same URL; nobody leads until one of them changes it", "url", r.cfg.Advertised)
		r.takeSeat("", nil)
	case result.Identity == nil:
		r.takeSeat("", nil)
	case result.Identity.url() != self.url():
		r.takeSeat(result.Identity.url(), nil)
	case r.seat.now().writer == nil:
		if err := r.takeOver(ctx, self.url()); err != nil && ctx.Err() == nil {
			r.cfg.Logger.Error("cannot take over as leader of the schema registry; trying again", "error", err)
			select {
			case <-time.After(200 * time.Millisecond):
				group.ForceRebalance()
			case <-ctx.Done():
			}
		}
	}
}

// takeSeat notes who leads and closes our writer if we led.
func (r *Registry) takeSeat(url string, w *writer) {
	if old := r.seat.set(url, w); old != nil {
		old.close()
	}
}

// takeOver shuts out the old leader, writes a NOOP and reads up to it: after
// that nothing of the old leader can still arrive.
func (r *Registry) takeOver(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.WriteTimeout+r.cfg.SessionTimeout)
	defer cancel()
	w, err := r.newWriter()
	if err != nil {
		return err
	}
	offset, err := w.put(ctx, []Record{r.noop()})
	if err == nil {
		err = r.topic.await(ctx, offset)
	}
	if err != nil {
		w.close()
		return err
	}
	r.takeSeat(url, w)
	r.cfg.Logger.Info("this node leads the schema registry", "url", url)
	return nil
}

// noop marks an offset, and carries the highest ids: compaction may remove the
// records of deleted schemas, but their ids must never be given again.
func (r *Registry) noop() Record {
	r.state.mu.RLock()
	defer r.state.mu.RUnlock()
	high := make(map[string]int, len(r.state.spaces))
	for name, sp := range r.state.spaces {
		high[name] = sp.maxID
	}
	return Record{Key: recordKey{Type: keyNoop}.bytes(), HighIDs: high}
}

// stepDown gives up the seat if w is in it (nil = if we have it at all).
func (r *Registry) stepDown(w *writer) {
	old := r.seat.now().writer
	if old == nil || w != nil && old != w {
		return
	}
	if r.seat.clear(old) {
		old.close()
	}
}
