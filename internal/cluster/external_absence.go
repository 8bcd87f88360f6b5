package cluster

import (
	"context"
	"net"
	"time"
)

// A client that talks to a broker itself learns from a refused connection that
// the broker is gone. Behind a gateway the door still answers, so a client may
// hold on to a coordinator or leader that is dead. Therefore the door of an absent
// broker leads to another one: that one says NOT_COORDINATOR or
// NOT_LEADER_OR_FOLLOWER, which every client understands, and the client looks
// for the new one. When the broker is back such connections end, or the client
// would never reach it.

// probeEvery is how often an absent broker is looked for.
const probeEvery = 500 * time.Millisecond

// absent gives a channel that is closed when a broker that could not be reached
// answers again. nil: the broker is not known to be absent.
func (e *External) absent(node int32) <-chan struct{} {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.absences[node]
}

// noteAbsence remembers that a broker cannot be reached and looks for it until it
// answers or the cluster is closed.
func (e *External) noteAbsence(node int32) <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if back := e.absences[node]; back != nil {
		return back
	}
	back := make(chan struct{})
	if e.closed {
		close(back)
		return back
	}
	e.absences[node] = back
	e.log.Warn("a broker cannot be reached; its clients are led to another one until it is back", "node", node)
	e.serving.Add(1)
	go func() {
		defer e.serving.Done()
		e.probe(node)
		e.mu.Lock()
		delete(e.absences, node)
		e.mu.Unlock()
		close(back)
	}()
	return back
}

// probe returns when a broker accepts connections again or the cluster is closed.
func (e *External) probe(node int32) {
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	for {
		select {
		case <-e.life.Done():
			return
		case <-ticker.C:
		}
		if address, ok := e.Node(node); ok && e.accepts(address) {
			e.log.Info("a broker can be reached again", "node", node)
			return
		}
	}
}

func (e *External) accepts(address string) bool {
	ctx, cancel := context.WithTimeout(e.life, e.cfg.DialTimeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	_ = conn.Close() // nothing was said
	return true
}

// serveMeanwhile carries conn to another broker until back is closed.
func (e *External) serveMeanwhile(ctx context.Context, node int32, back <-chan struct{}, conn net.Conn) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-back:
			cancel()
		case <-ended:
		}
	}()
	own, _ := e.Node(node)
	var others []string
	for _, address := range e.addresses() {
		if address != own {
			others = append(others, address)
		}
	}
	return e.serve(ctx, conn, others)
}
