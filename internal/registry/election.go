package registry

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus/internal/registry/election"
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

// runElection stays a member of the group until ctx ends.
func (r *Registry) runElection(ctx context.Context) error {
	ballot, err := election.New(r.cfg.Advertised, !r.cfg.Follower, func() bool { return r.seat.now().writer != nil })
	if err != nil {
		return err
	}
	group, err := r.client(
		kgo.ConsumerGroup(r.cfg.Group),
		kgo.GroupProtocol(election.ProtocolType),
		kgo.Balancers(ballot),
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
		case result := <-ballot.Results():
			r.accept(ctx, group, result)
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
func (r *Registry) accept(ctx context.Context, group *kgo.Client, result election.Result) {
	switch {
	case result.SameURL:
		r.cfg.Logger.Error("two schema registries advertise the same URL; nobody leads until one of them changes it", "url", r.cfg.Advertised)
		r.takeSeat("", nil)
	case !result.Self:
		r.takeSeat(result.URL, nil)
	case r.seat.now().writer == nil:
		if err := r.takeOver(ctx, result.URL); err != nil && ctx.Err() == nil {
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
	return r.state.highIDs()
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
