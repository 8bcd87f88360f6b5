package gateway

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// frameOf is a request of an API key with a body of n bytes that tell places
// apart.
func frameOf(key int16, n int) []byte {
	b := appendInt32(appendInt16(appendInt16(make([]byte, 4, n+4), key), 9), 1)
	for i := len(b); i < n+4; i++ {
		b = append(b, byte(i%251))
	}
	return finish(b)
}

// Frames of every size arrive whole, in a buffer that is paid for with all its
// room, and what was paid on the way is given back.
func TestFramesOfEverySize(t *testing.T) {
	sizes := []int{8, 100, firstBuffer - 5, firstBuffer - 4, firstBuffer - 3, 16 << 10, firstRoom - 4, firstRoom - 3, firstRoom,
		firstRoom + headRoom, firstRoom + headRoom + 1, 300_000, 1 << 20, 3 << 20, lastRoom + headRoom - 4, lastRoom + headRoom - 3, 9 << 20}
	for _, size := range sizes {
		want := frameOf(keyProduce, size)
		fr, paid := framesOf(append(bytes.Clone(want), want...))
		fr.bound = func(int16) int32 { return 10 << 20 }
		for range 2 { // the second one in the buffer that the first gave back
			got, err := fr.next(t.Context(), 10<<20)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes: %d came, %v", size, len(got), err)
			}
			if paid.held != int64(cap(got)) {
				t.Errorf("%d bytes: %d are paid for a buffer of %d", size, paid.held, cap(got))
			}
			if paid.most > 2*int64(size)+lastRoom {
				t.Errorf("%d bytes: %d were held on the way", size, paid.most)
			}
			fr.memory.release(got)
		}
		if paid.held != 0 {
			t.Errorf("%d bytes: %d stay paid for", size, paid.held)
		}
	}
}

// Memory follows what has arrived, never what the length claims: wherever a
// client of 9 MiB stops, no more than a few times what it sent was held.
func TestFramesGrowWithWhatArrives(t *testing.T) {
	frame := frameOf(keyProduce, 9<<20)
	for arrived := 4; arrived < len(frame); arrived = arrived*5/4 + 1 {
		fr, paid := framesOf(frame[:arrived])
		fr.bound = func(int16) int32 { return 10 << 20 }
		if _, err := fr.next(t.Context(), 10<<20); err == nil {
			t.Fatalf("%d of %d bytes: no error", arrived, len(frame))
		}
		// A buffer is full before the next one, four times as large or, rounded
		// up to a room, up to eight times, is paid for beside it.
		if limit := max(firstBuffer, 9*int64(arrived)+headRoom); paid.most > limit || paid.held != 0 {
			t.Errorf("%d bytes came: %d were held, %d at the end", arrived, paid.most, paid.held)
		}
	}
}

// A frame that is too large for its key ends before it is read, whichever limit
// it breaks, and a budget that has no room is an overload.
func TestFrameLimits(t *testing.T) {
	whole := frameOf(keyMetadata, 100_000)
	for name, tt := range map[string]struct {
		limit, bound int32
		pay          error
		cause        string
	}{
		"larger than any frame":    {limit: 99_999, bound: 1 << 20, cause: causeFrame},
		"larger than the key's":    {limit: 1 << 20, bound: 99_999, cause: causeFrame},
		"no room within the limit": {limit: 1 << 20, bound: 1 << 20, pay: context.DeadlineExceeded, cause: causeOverload},
	} {
		fr, paid := framesOf(whole)
		fr.bound, paid.refuse = func(int16) int32 { return tt.bound }, tt.pay
		_, err := fr.next(t.Context(), tt.limit)
		var why *fault
		if !errors.As(err, &why) || why.cause != tt.cause || paid.held != 0 {
			t.Errorf("%s: %v, %d bytes held", name, err, paid.held)
		}
	}
}

// Buffers that were given back are lent again, whole; those of no room are not
// kept.
func TestBuffersAreLentAgain(t *testing.T) {
	b := &buffers{}
	for n := firstRoom + 1; n <= lastRoom; n *= 2 {
		lent := b.take(n)
		if len(lent) != 0 || cap(lent) != roomFor(n) || cap(lent) < n || cap(lent) > 2*n+headRoom {
			t.Errorf("%d bytes: a buffer of %d, %d used", n, cap(lent), len(lent))
		}
		if b.pool(cap(lent)) == nil {
			t.Errorf("a buffer of %d bytes is not kept", cap(lent))
		}
		b.give(append(lent, 1, 2, 3))
		if again := b.take(n); len(again) != 0 || cap(again) != cap(lent) {
			t.Errorf("%d bytes: lent again with %d of %d bytes used", n, len(again), cap(again))
		}
	}
	for _, n := range []int{1, firstBuffer, firstRoom, lastRoom + headRoom + 1, 50 << 20} {
		if lent := b.take(n); cap(lent) != n || b.pool(n) != nil {
			t.Errorf("%d bytes: a buffer of %d is kept", n, cap(lent))
		}
	}
}

// The engine may write a response in any portions: each is put together in
// linear time and passed on whole.
func TestResponsesInPortions(t *testing.T) {
	const size = 4 << 20
	response := finish(append(begin(7), make([]byte, size)...))
	for name, portion := range map[string]int{"bytes": 1, "odd": 4093, "whole": len(response)} {
		out := &sink{}
		f := answering(t, out, 7, 7)
		all := append(bytes.Clone(response), response...)
		if portion == 1 {
			short := finish(append(begin(7), "a short one"...))
			all = append(bytes.Clone(short), short...)
		}
		for rest := all; len(rest) > 0; {
			n := min(portion, len(rest))
			if _, err := f.Write(rest[:n]); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			rest = rest[n:]
		}
		if !bytes.Equal(out.Bytes(), all) {
			t.Errorf("%s: %d bytes came of %d", name, out.Len(), len(all))
		}
		if f.partial != nil {
			t.Errorf("%s: %d bytes are kept after the end", name, len(f.partial))
		}
	}
}

// sink keeps what a client would receive.
type sink struct {
	scripted
	bytes.Buffer
}

func (s *sink) Read([]byte) (int, error)    { return 0, io.EOF }
func (s *sink) Write(b []byte) (int, error) { return s.Buffer.Write(b) }
func (s *sink) Close() error                { return nil }

// answering is a filter whose queue waits for answers to calls of given ids.
func answering(t testing.TB, out *sink, ids ...int32) *filter {
	g := New(Config{}, &puppet{}, nil, Parts{})
	f := &filter{Conn: out, socket: out, g: g, door: &door{}}
	f.ctx = t.Context()
	f.drained.L = &f.mu
	for _, id := range ids {
		f.queue = append(f.queue, &call{f: f, ctx: f.ctx, api: &api{key: keyFetch, name: "Fetch"}, correlation: id})
	}
	return f
}

// Frames arrive whole however the network cuts them.
func TestFramesInPortions(t *testing.T) {
	want := frameOf(keyProduce, 20_000)
	fr, _ := framesOf(nil)
	fr.conn = scripted{Reader: iotest.OneByteReader(bytes.NewReader(want))}
	got, err := fr.next(t.Context(), 1<<20)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes came of %d, %v", len(got), len(want), err)
	}
	if n := binary.BigEndian.Uint32(got); int(n) != len(got)-4 {
		t.Errorf("the prefix says %d", n)
	}
}
