package portal

import (
	"slices"
	"sync"
	"time"
)

// keptFor is how old a list of names may be that the cluster was asked for: with
// ten thousand of them, asking takes longer than all else on a page.
const keptFor = 5 * time.Second

// recent is such a list. Readers who come at once wait for one answer.
type recent[T any] struct {
	mu   sync.Mutex
	at   time.Time
	list []T
}

// get gives a copy of the list, read anew when it is too old.
func (r *recent[T]) get(now time.Time, read func() ([]T, error)) ([]T, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.list == nil || now.Sub(r.at) >= keptFor || now.Before(r.at) {
		list, err := read()
		if err != nil {
			return nil, err
		}
		r.list, r.at = list, now
	}
	return slices.Clone(r.list), nil
}
