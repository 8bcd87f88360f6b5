package registry_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// history is a random sequence of writes, and what must hold of it for ever: which
// text each id means. Who imports chooses ids; here never one that was used.
type history struct {
	t       *testing.T
	reg     *registry.Registry
	random  *rand.Rand
	meaning map[registry.ContextID]string
}

// TestHistories: whatever is registered, deleted, restored and imported in whatever
// order, no id ever means a second text, and every later reader of the topic,
// compacted or not, knows the same.
func TestHistories(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3, uint64(time.Now().UnixNano())} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			opts := kafka(t)
			reg, stop := node(t, opts, registry.Config{}, nil)
			configure(t, reg, "", `{"compatibilityLevel":"NONE"}`)
			h := &history{t, reg, rand.New(rand.NewPCG(seed, 0)), map[registry.ContextID]string{}}
			for range 150 {
				h.write()
			}
			h.check(reg)
			want := known(t, reg)
			stop()

			again, stop := node(t, opts, registry.Config{}, nil)
			h.check(again)
			if got := known(t, again); got != want {
				t.Errorf("after a restart\n got %s\nwant %s", got, want)
			}
			stop()
			after := kafka(t)
			writeTopic(t, after, compacted(readTopic(t, opts), seed%2 == 0)...)
			h.reg, _ = node(t, after, registry.Config{}, nil)
			if got := known(t, h.reg); got != want {
				t.Errorf("after compaction\n got %s\nwant %s", got, want)
			}
			for range 30 {
				h.write() // ids of what was deleted and compacted away are not given again
			}
			h.check(h.reg)
		})
	}
}

// known is all that a registry knows, as text.
func known(t *testing.T, reg *registry.Registry) string {
	t.Helper()
	raw, err := json.Marshal(reg.Export(":*:", registry.WithDeleted))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(string(raw), reg.Contexts(""))
}

// write does one thing, which may be refused.
func (h *history) write() {
	ctx := h.t.Context()
	subject := []string{"a", "b", ":.lab:a", ":.lab:b"}[h.random.IntN(4)]
	text := []string{`"int"`, `"long"`, `"string"`, `"bytes"`, `"float"`, `"double"`, `"boolean"`}[h.random.IntN(7)]
	number := 1 + h.random.IntN(5)
	var err error
	switch h.random.IntN(12) {
	case 0, 1, 2, 3:
		err = h.register(subject, registry.RegisterRequest{Text: text})
	case 4:
		err = h.register(subject, registry.RegisterRequest{Text: text, Metadata: props("k", fmt.Sprint(number))})
	case 5, 6:
		_, err = h.reg.Delete(ctx, alice, subject, number, false)
	case 7:
		_, err = h.reg.Delete(ctx, alice, subject, number, true)
	case 8:
		_, err = h.reg.RestoreVersion(ctx, alice, subject, number)
	case 9:
		_, err = h.reg.DeleteSubject(ctx, alice, subject, h.random.IntN(2) == 0)
	case 10:
		if err = h.reg.SetMode(ctx, alice, subject, registry.ModeImport, h.random.IntN(2) == 0); err == nil {
			_ = h.register(subject, registry.RegisterRequest{Text: text, ID: h.reg.MaxID(subject) + 1 + h.random.IntN(3), Version: number})
			_, err = h.reg.ClearMode(ctx, alice, subject, false)
		}
	case 11:
		err = h.reg.DeleteContext(ctx, alice, ".lab")
	}
	if err != nil && registry.CodeOf(err) >= registry.ErrStore {
		h.t.Fatalf("not refused, but failed: %v", err)
	}
}

func (h *history) register(subject string, req registry.RegisterRequest) error {
	v, err := h.reg.Register(h.t.Context(), alice, subject, req)
	if err != nil {
		return err
	}
	h.note(v)
	if read, err := h.reg.Version(subject, v.Version, registry.Live); err != nil || read.ID != v.ID {
		h.t.Fatalf("what was just written is not read: %+v, wrote %+v: %v", read, v, err)
	}
	return nil
}

// note holds an id to the first text that it meant.
func (h *history) note(v registry.Version) {
	context := "."
	if len(v.Subject) > 1 && v.Subject[0] == ':' {
		context = ".lab"
	}
	id, means := registry.ContextID{Context: context, ID: v.ID}, v.Text+" "+v.GUID
	if had, ok := h.meaning[id]; ok && had != means {
		h.t.Fatalf("id %d in %s means %s, meant %s", v.ID, context, means, had)
	}
	h.meaning[id] = means
}

// check looks at all that is there.
func (h *history) check(reg *registry.Registry) {
	h.t.Helper()
	last := registry.SubjectVersion{}
	for _, v := range reg.List(registry.ListOptions{Prefix: ":*:", Filter: registry.WithDeleted}) {
		h.note(v)
		if v.Subject == last.Subject && v.Version <= last.Version {
			h.t.Fatalf("versions of %s out of order", v.Subject)
		}
		last = registry.SubjectVersion{Subject: v.Subject, Version: v.Version}
		byID, err := reg.ByID(v.ID, v.Subject)
		if err != nil || byID.Text != v.Text || byID.GUID != v.GUID {
			h.t.Fatalf("id %d of %s version %d: %+v %v", v.ID, v.Subject, v.Version, byID, err)
		}
		if reg.AllowedUnder(v.Subject, v.ID) == v.Deleted && !h.twice(reg, v) {
			h.t.Fatalf("%s version %d (deleted: %v): its id is allowed: %v", v.Subject, v.Version, v.Deleted, !v.Deleted)
		}
	}
}

// twice reports whether another version of the subject has the id too, live.
func (h *history) twice(reg *registry.Registry, v registry.Version) bool {
	for _, other := range reg.List(registry.ListOptions{Prefix: v.Subject}) {
		if other.Subject == v.Subject && other.ID == v.ID {
			return true
		}
	}
	return false
}
