package registry

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry/wire"
)

const (
	defaultContext = "."
	defaultTenant  = "default"
)

// state is everything the topic says, in memory. Readers hold mu for the few
// microseconds of a lookup; only the topic's reader writes.
type state struct {
	mu       sync.RWMutex
	revision atomic.Uint64       // counts the batches applied
	spaces   map[string]*space   // by context
	subjects map[string]*subject // by full name, `:.context:name` outside the default context
	names    []string            // sorted names of subjects; nil = to be sorted again
	settings map[string]Setting  // by subject, "" = global
	modes    map[string]Mode
	keys     map[wire.Key][]byte   // exact bytes of keys that are not written as we write them
	referrer map[refKey][]*content // who refers to a version
	authors  map[string]string     // one copy of each author's name
	next     int64                 // offset of the first record not applied yet
}

// space is one context: ids and texts are unique within it.
type space struct {
	name   string
	byID   map[int]*content
	byHash map[wire.Fingerprint]*content
	maxID  int // highest id ever given; never goes down

	declared bool // a CONTEXT record says that it exists
}

// content is a registered text with what belongs to its identity. It is
// immutable but for uses.
type content struct {
	id    int
	print wire.Fingerprint
	kind  string
	text  string
	refs  []eventbus.SchemaReference
	meta  *Metadata
	rules *RuleSet
	bare  bool // no references, metadata, rules, nor control characters in the text
	space *space
	uses  []*version // every version with this id, soft-deleted ones too
}

type subject struct {
	name     string
	space    *space
	versions []*version  // ascending, soft-deleted ones too
	live     map[int]int // live versions per id; only for subjects of many versions
}

type version struct {
	subject *subject
	content *content
	number  int
	deleted bool
	since   int64 // milliseconds since 1970
	author  string
	request string
}

type refKey struct {
	subject string
	version int
}

func newState() *state {
	return &state{
		spaces:   map[string]*space{},
		subjects: map[string]*subject{},
		settings: map[string]Setting{},
		modes:    map[string]Mode{},
		keys:     map[wire.Key][]byte{},
		referrer: map[refKey][]*content{},
		authors:  map[string]string{},
	}
}

// contextOf splits a full subject name into its context and the rest.
func contextOf(full string) (context, name string) {
	if !strings.HasPrefix(full, ":.") {
		return defaultContext, full
	}
	context, name, _ = strings.Cut(full[1:], ":")
	return context, name
}

// qualify names a subject that is mentioned in a context.
func qualify(context, name string) string {
	if context == defaultContext || strings.HasPrefix(name, ":.") {
		return name
	}
	return ":" + context + ":" + name
}

// space gives a context, making it when it is new.
func (s *state) space(name string) *space {
	sp := s.spaces[name]
	if sp == nil {
		sp = &space{name: name, byID: map[int]*content{}, byHash: map[wire.Fingerprint]*content{}}
		s.spaces[name] = sp
	}
	return sp
}

// apply takes one record of the topic. A record that cannot be understood is an
// error to be logged; it changes nothing but the position. The caller holds mu.
func (s *state) apply(rec Record) error {
	s.next = max(s.next, rec.Offset+1)
	key, err := wire.ParseKey(rec.Key)
	if errors.Is(err, wire.ErrUnknownKey) {
		return nil
	}
	if err != nil {
		return err
	}
	s.rememberKey(key, rec.Key)
	switch key.Type {
	case wire.KeySchema:
		return s.applySchema(key, rec)
	case wire.KeyConfig:
		return s.applySetting(key.Subject, rec.Value)
	case wire.KeyMode:
		return s.applyMode(key.Subject, rec.Value)
	case wire.KeyDeleteSubject:
		return s.applyDeleteSubject(rec.Value)
	case wire.KeyClearSubject:
		return s.applyClearSubject(key.Subject)
	case wire.KeyNoop:
		for name, id := range rec.HighIDs {
			sp := s.space(name)
			sp.maxID = max(sp.maxID, id)
		}
	case wire.KeyContext:
		s.space(key.Context).declared = rec.Value != nil
	}
	return nil
}

// rememberKey keeps the bytes of a key that another registry wrote differently:
// a later record must carry the same bytes to replace it.
func (s *state) rememberKey(key wire.Key, raw []byte) {
	if key.Type != wire.KeySchema && key.Type != wire.KeyConfig && key.Type != wire.KeyMode {
		return
	}
	ours := key
	ours.Magic = 0
	if string(key.Bytes()) != string(raw) {
		s.keys[ours] = slices.Clone(raw)
	}
}

// keyBytes gives the bytes under which a key must be written.
func (s *state) keyBytes(key wire.Key) []byte {
	if raw, ok := s.keys[key]; ok {
		return raw
	}
	return key.Bytes()
}

func (s *state) applySchema(key wire.Key, rec Record) error {
	if rec.Value == nil {
		s.dropVersion(key.Subject, key.Version)
		return nil
	}
	context, _ := contextOf(key.Subject)
	sp := s.space(context)
	if raw, ok := wire.ScanSchema(rec.Value); ok {
		if c := sp.byID[raw.ID]; c != nil && c.is(raw) {
			s.putVersion(sp, c, key, raw.Deleted, rec)
			return nil
		}
	}
	var v wire.SchemaValue
	if err := json.Unmarshal(rec.Value, &v); err != nil {
		return fmt.Errorf("read version %d of %q: %w", key.Version, key.Subject, err)
	}
	if v.ID < 0 || v.ID > maxVersion {
		return fmt.Errorf("version %d of %q has id %d", key.Version, key.Subject, v.ID)
	}
	if v.Schema == "" {
		return fmt.Errorf("version %d of %q has no schema", key.Version, key.Subject)
	}
	c, err := s.intern(sp, &v)
	if err != nil {
		return fmt.Errorf("version %d of %q: %w", key.Version, key.Subject, err)
	}
	s.putVersion(sp, c, key, v.Deleted, rec)
	return nil
}

// is reports whether a record repeats this very schema. Only a bare text is
// recognised, and only one without control characters, because a record must
// spell those as escapes to be JSON at all.
func (c *content) is(raw wire.RawSchema) bool {
	return c.bare && c.kind == cmp.Or(raw.Type, wire.TypeAvro) && wire.Spells(raw.Text, c.text)
}

// intern gives the one copy of a text. An id that already means another text
// keeps its first meaning, as Confluent's readers do.
func (s *state) intern(sp *space, v *wire.SchemaValue) (*content, error) {
	if v.Type == "" {
		v.Type = wire.TypeAvro
	}
	meta, rules := v.Metadata.Sorted(), v.RuleSet.Explicit()
	print := wire.FingerprintOf(v.Schema, v.References, meta, rules)
	if c := sp.byID[v.ID]; c != nil {
		if c.print != print {
			return nil, fmt.Errorf("id %d already means another schema; the record is ignored", v.ID)
		}
		return c, nil
	}
	text := v.Schema
	if twin := s.sameText(sp, print); twin != nil {
		text = twin.text
	}
	c := &content{id: v.ID, print: print, kind: v.Type, text: text, refs: v.References, meta: meta, rules: rules, space: sp}
	c.bare = len(c.refs) == 0 && meta == nil && rules == nil && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' })
	sp.byID[v.ID] = c
	if sp.byHash[print] == nil {
		sp.byHash[print] = c
	}
	sp.maxID = max(sp.maxID, v.ID)
	for _, ref := range c.refs {
		at := refKey{qualify(sp.name, ref.Subject), ref.Version}
		s.referrer[at] = append(s.referrer[at], c)
	}
	return c, nil
}

// sameText finds the text under another id or in another context, so that it is
// held once.
func (s *state) sameText(own *space, print wire.Fingerprint) *content {
	if c := own.byHash[print]; c != nil {
		return c
	}
	if len(s.spaces) > 8 {
		return nil
	}
	for _, sp := range s.spaces {
		if c := sp.byHash[print]; c != nil {
			return c
		}
	}
	return nil
}

func (s *state) putVersion(sp *space, c *content, key wire.Key, deleted bool, rec Record) {
	sub := s.subjects[key.Subject]
	if sub == nil {
		sub = &subject{name: key.Subject, space: sp}
		s.subjects[key.Subject] = sub
		s.names = nil
	}
	i, found := sub.find(key.Version)
	var v *version
	if found {
		v = sub.versions[i]
		sub.count(v, -1)
		if v.content != c {
			s.release(v)
			v.content = c
			c.uses = append(c.uses, v)
		}
	} else {
		v = &version{subject: sub, content: c, number: key.Version}
		sub.versions = slices.Insert(sub.versions, i, v)
		c.uses = append(c.uses, v)
		v.since = rec.Time.UnixMilli()
	}
	v.deleted = deleted
	if !rec.Since.IsZero() {
		v.since = rec.Since.UnixMilli()
	}
	if rec.Author != "" {
		v.author = s.internAuthor(rec.Author)
		v.request = rec.RequestID
	}
	sub.count(v, +1)
}

func (s *state) internAuthor(name string) string {
	if one, ok := s.authors[name]; ok {
		return one
	}
	if len(s.authors) < 10_000 {
		s.authors[name] = name
	}
	return name
}

// dropVersion forgets a hard-deleted version, and its id when nobody else uses it.
func (s *state) dropVersion(name string, number int) {
	sub := s.subjects[name]
	if sub == nil {
		return
	}
	i, found := sub.find(number)
	if !found {
		return
	}
	v := sub.versions[i]
	sub.count(v, -1)
	sub.versions = slices.Delete(sub.versions, i, i+1)
	s.release(v)
	delete(s.keys, wire.Key{Type: wire.KeySchema, Subject: name, Version: number})
	if len(sub.versions) == 0 {
		delete(s.subjects, name)
		s.names = nil
	}
}

// release takes a version off its content's users.
func (s *state) release(v *version) {
	c := v.content
	c.uses = slices.DeleteFunc(c.uses, func(u *version) bool { return u == v })
	if len(c.uses) > 0 {
		return
	}
	sp := c.space
	delete(sp.byID, c.id)
	if sp.byHash[c.print] == c {
		delete(sp.byHash, c.print)
	}
	for _, ref := range c.refs {
		at := refKey{qualify(sp.name, ref.Subject), ref.Version}
		s.referrer[at] = slices.DeleteFunc(s.referrer[at], func(o *content) bool { return o == c })
		if len(s.referrer[at]) == 0 {
			delete(s.referrer, at)
		}
	}
}

func (s *state) applySetting(subject string, value []byte) error {
	if value == nil {
		delete(s.settings, subject)
		return nil
	}
	setting, err := wire.ParseSetting(value)
	if err != nil {
		return fmt.Errorf("read config of %q: %w", subject, err)
	}
	s.settings[subject] = setting
	return nil
}

func (s *state) applyMode(subject string, value []byte) error {
	if value == nil {
		delete(s.modes, subject)
		return nil
	}
	var v wire.ModeValue
	if err := json.Unmarshal(value, &v); err != nil {
		return fmt.Errorf("read mode of %q: %w", subject, err)
	}
	s.modes[subject] = Mode(v.Mode)
	return nil
}

// applyDeleteSubject marks all versions up to the named one soft-deleted; the
// versions may already be gone by compaction.
func (s *state) applyDeleteSubject(value []byte) error {
	if value == nil {
		return nil
	}
	var v wire.SubjectValue
	if err := json.Unmarshal(value, &v); err != nil {
		return fmt.Errorf("read deletion of a subject: %w", err)
	}
	sub := s.subjects[v.Subject]
	if sub == nil {
		return nil
	}
	for _, ver := range sub.versions {
		if ver.number <= v.Version && !ver.deleted {
			sub.count(ver, -1)
			ver.deleted = true
		}
	}
	return nil
}

// applyClearSubject forgets the soft-deleted versions.
func (s *state) applyClearSubject(name string) error {
	sub := s.subjects[name]
	if sub == nil {
		return nil
	}
	for _, ver := range slices.Clone(sub.versions) {
		if ver.deleted {
			s.dropVersion(name, ver.number)
		}
	}
	return nil
}

// sortedNames gives all subject names in order. The caller holds mu for writing
// or calls it while names is fresh.
func (s *state) sortedNames() []string {
	if s.names == nil {
		s.names = make([]string, 0, len(s.subjects))
		for name := range s.subjects {
			s.names = append(s.names, name)
		}
		sort.Strings(s.names)
	}
	return s.names
}

// find gives the place of a version number.
func (b *subject) find(number int) (int, bool) {
	if n := len(b.versions); n == 0 || b.versions[n-1].number < number {
		return n, false
	}
	return slices.BinarySearchFunc(b.versions, number, func(v *version, n int) int { return v.number - n })
}

// manyVersions is from when on a subject keeps an index of its live ids.
const manyVersions = 16

// count keeps the index of live ids.
func (b *subject) count(v *version, by int) {
	if b.live == nil {
		if len(b.versions) <= manyVersions {
			return
		}
		b.live = map[int]int{}
		for _, other := range b.versions {
			if other != v && !other.deleted {
				b.live[other.content.id]++
			}
		}
		if by < 0 {
			return
		}
	}
	if v.deleted {
		return
	}
	if b.live[v.content.id] += by; b.live[v.content.id] <= 0 {
		delete(b.live, v.content.id)
	}
}

// allows reports whether a live version of the subject has the id.
func (b *subject) allows(id int) bool {
	if b.live != nil {
		return b.live[id] > 0
	}
	return slices.ContainsFunc(b.versions, func(v *version) bool { return !v.deleted && v.content.id == id })
}

// latest gives the highest live version, nil if there is none.
func (b *subject) latest() *version {
	for i := len(b.versions) - 1; i >= 0; i-- {
		if !b.versions[i].deleted {
			return b.versions[i]
		}
	}
	return nil
}

// hasLive reports whether a version is left that is not deleted.
func (b *subject) hasLive() bool { return b.latest() != nil }

// millis turns stored milliseconds into a time.
func millis(ms int64) time.Time {
	if ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
