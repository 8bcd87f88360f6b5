package gateway

import "sync"

// maxGroupMemory bounds groupMemory; over it, everything is forgotten and
// learned again.
const maxGroupMemory = 10_000

// groupMemory knows in which group a principal's client id was last seen: a
// Fetch does not name its group, the calls around it do. For observation only.
type groupMemory struct {
	mu    sync.Mutex
	known map[groupKey]string
}

type groupKey struct{ principal, client string }

func newGroupMemory() *groupMemory { return &groupMemory{known: map[groupKey]string{}} }

func (m *groupMemory) put(principal, client, group string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.known) >= maxGroupMemory {
		clear(m.known)
	}
	m.known[groupKey{principal, client}] = group
}

func (m *groupMemory) get(principal, client string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.known[groupKey{principal, client}]
}
