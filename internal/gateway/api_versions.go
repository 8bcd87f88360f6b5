package gateway

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Keys that the code names.
const (
	keyProduce          = 0
	keyFetch            = 1
	keyMetadata         = 3
	keySASLHandshake    = 17
	keyAPIVersions      = 18
	keySASLAuthenticate = 36
)

const maxAPIVersions = 4 // v5 lets clients name the cluster they expect (KIP-1242)

// versionRange is a line of an ApiVersions answer.
type versionRange struct{ key, min, max int16 }

// engineVersions is what the engine speaks, asked at the start and each time it
// could not be reached: it may come back as another version.
type engineVersions struct {
	doubt chan struct{} // holds one when the engine could not be reached since it was asked
	mu    sync.RWMutex
	known map[int16]versionRange
	lines []versionRange // what clients are told
}

// learn asks the engine.
func (e *engineVersions) learn(ctx context.Context, g *Gateway) error {
	req := kmsg.NewPtrApiVersionsRequest()
	p, err := ask[*kmsg.ApiVersionsResponse](ctx, g, req)
	if err != nil {
		return err
	}
	known := map[int16]versionRange{}
	for _, k := range p.ApiKeys {
		known[k.ApiKey] = versionRange{k.ApiKey, k.MinVersion, k.MaxVersion}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.known = known
	e.lines = []versionRange{{keySASLHandshake, 1, 1}, {keyAPIVersions, 0, maxAPIVersions}, {keySASLAuthenticate, 0, 2}}
	for _, key := range slices.Sorted(maps.Keys(g.apis)) {
		a := g.apis[key]
		low, high := clamp(a, known)
		if a.hidden || low > high {
			continue
		}
		if key == keyProduce {
			// librdkafka 2.0.2 switches gzip, snappy and lz4 off when the minimum
			// is its real one, 3 (KAFKA-18659 is of the same family).
			low = 0
		}
		e.lines = append(e.lines, versionRange{key, low, high})
	}
	slices.SortFunc(e.lines, func(a, b versionRange) int { return int(a.key) - int(b.key) })
	return nil
}

// doubted notes that the engine could not be reached.
func (e *engineVersions) doubted() {
	select {
	case e.doubt <- struct{}{}:
	default: // it is to be asked already
	}
}

// learnPause is the least time between two questions: clients that find no engine
// come back at once.
const learnPause = time.Second

// follow asks the engine again when it is in doubt, until ctx ends. What it said
// last holds until it answers.
func (e *engineVersions) follow(ctx context.Context, g *Gateway) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.doubt:
		}
		if e.learn(ctx, g) != nil {
			e.doubted()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(learnPause):
		}
	}
}

// span gives the versions of an API that both sides speak; none when low > high.
func (e *engineVersions) span(a *api) (low, high int16) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return clamp(a, e.known)
}

func clamp(a *api, known map[int16]versionRange) (low, high int16) {
	if a.hidden {
		return a.min, a.max // answered here, whatever the engine has
	}
	k, ok := known[a.key]
	if !ok {
		return 1, 0
	}
	return max(a.min, k.min), min(a.max, k.max)
}

// apiVersions answers ApiVersions. An unknown version gets version 0's body with
// UNSUPPORTED_VERSION and the versions of ApiVersions itself (KIP-511). The
// answer's header is never flexible, so that any client can read it.
func (f *filter) apiVersions(h header, r *reader) ([]byte, error) {
	version, code := h.version, int16(0)
	if version < 0 || version > maxAPIVersions {
		version, code = 0, errUnsupportedVersion
	} else if version >= 3 {
		r.tags()
		r.sized(true, 2) // client software name
		r.sized(true, 2) // and version
		r.tags()
		if r.bad || len(r.src) > 0 {
			return nil, &fault{causeFrame, errShort}
		}
	}
	f.g.engine.mu.RLock()
	lines := f.g.engine.lines
	f.g.engine.mu.RUnlock()
	if code != 0 {
		lines = []versionRange{{keyAPIVersions, 0, maxAPIVersions}}
	}
	b := appendInt16(begin(h.correlation), code)
	if version >= 3 {
		b = binary.AppendUvarint(b, uint64(len(lines))+1)
	} else {
		b = appendInt32(b, int32(len(lines)))
	}
	for _, l := range lines {
		b = appendInt16(appendInt16(appendInt16(b, l.key), l.min), l.max)
		if version >= 3 {
			b = append(b, 0)
		}
	}
	if version >= 1 {
		b = appendInt32(b, 0) // throttle
	}
	if version >= 3 {
		b = append(b, 0)
	}
	return finish(b), nil
}

// askTimeout bounds a question of the gateway's own.
const askTimeout = 10 * time.Second

// maxAnswer bounds its answer: the metadata of a million partitions fits.
const maxAnswer = 100 << 20

// ask puts a question of the gateway's own to the engine, on a connection made
// for it, in process. The request's version must be set.
func ask[P kmsg.Response](ctx context.Context, g *Gateway, req kmsg.Request) (P, error) {
	var none P
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	near, far := net.Pipe()
	var serving sync.WaitGroup
	serving.Go(func() {
		_ = g.up.Serve(ctx, far) // its failure shows as the end of near
		_ = far.Close()          // closed by Serve as a rule
	})
	defer serving.Wait()
	defer near.Close()
	if err := near.SetDeadline(time.Now().Add(askTimeout)); err != nil {
		return none, err
	}
	frame := appendInt32(appendInt16(appendInt16(make([]byte, 4), req.Key()), req.GetVersion()), 1)
	frame = appendString(frame, "gateway")
	if req.IsFlexible() {
		frame = append(frame, 0)
	}
	if _, err := near.Write(finish(req.AppendTo(frame))); err != nil {
		return none, fmt.Errorf("send %s: %w", kmsg.NameForKey(req.Key()), err)
	}
	var size [4]byte
	if _, err := io.ReadFull(near, size[:]); err != nil {
		return none, fmt.Errorf("read the answer to %s: %w", kmsg.NameForKey(req.Key()), err)
	}
	n := binary.BigEndian.Uint32(size[:])
	if n < 4 || n > maxAnswer {
		return none, fmt.Errorf("an answer of %d bytes to %s", n, kmsg.NameForKey(req.Key()))
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(near, body); err != nil {
		return none, fmt.Errorf("read the answer to %s: %w", kmsg.NameForKey(req.Key()), err)
	}
	p := req.ResponseKind().(P)
	r := &reader{src: body}
	r.int32()
	if p.IsFlexible() && req.Key() != keyAPIVersions {
		r.tags()
	}
	if err := p.ReadFrom(r.src); err != nil {
		return none, fmt.Errorf("read the answer to %s: %w", kmsg.NameForKey(req.Key()), err)
	}
	return p, nil
}
