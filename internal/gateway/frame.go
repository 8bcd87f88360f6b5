package gateway

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// A frame is read in steps, into a buffer that grows fourfold whenever it is
// full: memory follows what has arrived, never what the length claims. Every
// buffer is paid for out of the budget of bytes in flight.
const (
	firstBuffer = 4 << 10
	growth      = 4
	readStep    = 64 << 10 // what a client has Config.FrameTimeout for
)

// memory is what frames are held in: buffers, and the budget they are paid for
// out of.
type memory struct {
	buffers
	budget budget
}

// budget is what a semaphore.Weighted does.
type budget interface {
	TryAcquire(n int64) bool
	Acquire(ctx context.Context, n int64) error
	Release(n int64)
}

// pay takes n bytes from the budget, and waits for them within budgetWait.
func (m *memory) pay(ctx context.Context, n int) error {
	if m.budget.TryAcquire(int64(n)) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, budgetWait)
	defer cancel()
	if err := m.budget.Acquire(ctx, int64(n)); err != nil {
		return broken(causeOverload, "no room for %d more bytes of requests in flight within %s: %w", n, budgetWait, err)
	}
	return nil
}

// repay gives n bytes back to the budget.
func (m *memory) repay(n int64) {
	if n > 0 {
		m.budget.Release(n)
	}
}

// release gives back a buffer and what was paid for it.
func (m *memory) release(buf []byte) {
	m.repay(int64(cap(buf)))
	m.give(buf)
}

// budgetWait bounds how long a connection waits for its share of the budget.
const budgetWait = 10 * time.Second

// fault is why a connection ends; cause is a metric label.
type fault struct {
	cause string
	err   error
}

func (f *fault) Error() string { return f.cause + ": " + f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

func broken(cause, format string, args ...any) *fault {
	return &fault{cause: cause, err: fmt.Errorf(format, args...)}
}

// frames reads length-prefixed requests from a client.
type frames struct {
	conn   net.Conn
	memory *memory
	idle   time.Duration         // for the first byte of a frame; 0 leaves the deadline alone
	step   time.Duration         // for each step after it; 0 leaves the deadline alone
	bound  func(key int16) int32 // of a frame by API key; known after the first step
}

// next reads one frame of at most limit bytes (without its prefix) and returns
// it with its 4-byte prefix. On success the caller owns cap(frame) bytes of the
// budget, and gives the frame back to the buffers when it is done with; on
// failure neither.
func (f *frames) next(ctx context.Context, limit int32) ([]byte, error) {
	var prefix [4]byte
	if f.idle > 0 {
		_ = f.conn.SetReadDeadline(time.Now().Add(f.idle)) // a closed socket shows at the read
	}
	if n, err := io.ReadFull(f.conn, prefix[:]); err != nil {
		if n == 0 && (errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed)) {
			return nil, &fault{causeClient, io.EOF}
		}
		return nil, readFault(err)
	}
	size := int32(binary.BigEndian.Uint32(prefix[:]))
	if size < 8 || size > limit { // key, version and correlation id are 8 bytes
		return nil, broken(causeFrame, "a frame of %d bytes; between 8 and %d are allowed", uint32(size), limit)
	}
	return f.body(ctx, prefix, int(size))
}

func (f *frames) body(ctx context.Context, prefix [4]byte, size int) (buf []byte, err error) {
	total := size + 4
	defer func() {
		if err != nil {
			f.memory.release(buf)
			buf = nil
		}
	}()
	for len(buf) < total {
		if len(buf) == cap(buf) {
			if buf, err = f.grow(ctx, buf, total); err != nil {
				return buf, err
			}
		}
		from := len(buf)
		if from == 0 {
			buf = append(buf, prefix[:]...)
			from = len(buf)
		}
		if f.step > 0 {
			_ = f.conn.SetReadDeadline(time.Now().Add(f.step)) // a closed socket shows at the read
		}
		buf = buf[:min(total, from+readStep, cap(buf))]
		if _, err := io.ReadFull(f.conn, buf[from:]); err != nil {
			return buf, readFault(err)
		}
		if key := int16(binary.BigEndian.Uint16(buf[4:])); size > int(f.bound(key)) {
			return buf, broken(causeFrame, "a request of API key %d with %d bytes; at most %d are allowed", key, size, f.bound(key))
		}
	}
	return buf, nil
}

// grow gives a buffer for the next part of a frame, with what is there already.
// After an error it gives the same one.
func (f *frames) grow(ctx context.Context, buf []byte, total int) ([]byte, error) {
	next := min(total, max(firstBuffer, growth*cap(buf)))
	if err := f.memory.pay(ctx, roomFor(next)); err != nil {
		return buf, err
	}
	larger := append(f.memory.take(next), buf...)
	f.memory.release(buf)
	return larger, nil
}

func readFault(err error) *fault {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return &fault{causeIdle, err}
	}
	return &fault{causeClient, err}
}
