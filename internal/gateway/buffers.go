package gateway

import "sync"

// Large frames are read into buffers that are lent and given back, because a
// new megabyte for each produce keeps the collector busier than the work does.
// Their rooms double from the first to the last; each has a little more than
// the round size, for a batch of a round size comes with a head. Smaller and
// larger frames have buffers of their own.
const (
	firstRoom = 64 << 10
	lastRoom  = 4 << 20
	headRoom  = 4 << 10
)

// buffers lends them. The zero value works.
type buffers struct {
	rooms [7]sync.Pool // of *[]byte; the i-th of firstRoom<<i + headRoom bytes

	// spoil overwrites what is given back, so that tests see who still reads it.
	spoil bool
}

// roomFor gives the size of the buffer that take lends for n bytes.
func roomFor(n int) int {
	if n <= firstRoom || n > lastRoom+headRoom {
		return n
	}
	room := firstRoom
	for room+headRoom < n {
		room *= 2
	}
	return room + headRoom
}

// pool is where buffers of a room are kept; nil for those that are not.
func (b *buffers) pool(room int) *sync.Pool {
	for i := range b.rooms {
		if firstRoom<<i+headRoom == room {
			return &b.rooms[i]
		}
	}
	return nil
}

// take lends an empty buffer with roomFor(n) bytes of capacity.
func (b *buffers) take(n int) []byte {
	room := roomFor(n)
	if pool := b.pool(room); pool != nil {
		if kept, ok := pool.Get().(*[]byte); ok {
			return *kept
		}
	}
	return make([]byte, 0, room)
}

// give takes a buffer back; nobody may look at it any more.
func (b *buffers) give(buf []byte) {
	if b.spoil {
		buf = buf[:cap(buf)]
		for i := range buf {
			buf[i] = 0xdb
		}
	}
	if pool := b.pool(cap(buf)); pool != nil {
		buf = buf[:0]
		pool.Put(&buf)
	}
}
