package streams

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/client"
)

// Viewer is who looks at records, and what that person may see. The rules, deny
// by default:
//
//   - A field with `confluent:tags` is hidden unless Cleared has every one of its
//     tags; tags other than PII and PHI are hidden from everyone.
//   - Of a topic that holds personal data, or of which that is not known, nothing
//     is shown that carries no tags: values by a schema without any tag and
//     values that cannot be decoded. Keys and headers, which cannot be tagged,
//     need all the classes of the topic in Cleared.
//   - Nobody is cleared without a reason.
type Viewer struct {
	Person      eventbus.Person      // who looks, when that is not the actor's person
	Reason      string               // why; required unless DataClasses is exactly "none"
	DataClasses []eventbus.DataClass // of the topic, as the catalog has them; empty = not known
	Cleared     []eventbus.DataClass // what the person may see, as the door decided
}

func (v Viewer) faults() []eventbus.Fault {
	reason := strings.TrimSpace(v.Reason)
	switch {
	case v.guarded() && reason == "":
		return []eventbus.Fault{{Path: "reason", Message: "is required: the topic holds " + v.holds(),
			Fix: "say in a few words why you need to see these records; it is kept in the audit"}}
	case utf8.RuneCountInString(reason) > maxReason:
		return []eventbus.Fault{{Path: "reason", Message: fmt.Sprintf("is longer than %d characters", maxReason)}}
	}
	return nil
}

// guarded reports whether the topic may hold personal data.
func (v Viewer) guarded() bool {
	return len(v.DataClasses) == 0 || slices.ContainsFunc(v.DataClasses, func(c eventbus.DataClass) bool { return c != eventbus.DataNone })
}

// holds says in words what the topic holds.
func (v Viewer) holds() string {
	if len(v.DataClasses) == 0 {
		return "data of a class that is not known"
	}
	return joined(v.DataClasses)
}

func joined(classes []eventbus.DataClass) string {
	words := make([]string, len(classes))
	for i, c := range classes {
		words[i] = string(c)
	}
	return strings.Join(words, ", ")
}

// sees reports whether the viewer is cleared for a tag or class.
func (v Viewer) sees(tag string) bool {
	if strings.EqualFold(tag, string(eventbus.DataNone)) {
		return true
	}
	return strings.TrimSpace(v.Reason) != "" && slices.ContainsFunc(v.Cleared, func(c eventbus.DataClass) bool {
		return strings.EqualFold(tag, string(c)) && (c == eventbus.DataPII || c == eventbus.DataPHI)
	})
}

// seesUntagged reports whether the viewer may see keys and headers.
func (v Viewer) seesUntagged() bool {
	classes := v.DataClasses
	if len(classes) == 0 {
		classes = []eventbus.DataClass{eventbus.DataPII, eventbus.DataPHI}
	}
	for _, c := range classes {
		if !v.sees(string(c)) {
			return false
		}
	}
	return true
}

// entry is the audit's entry before the reading. It names no key and no value.
func (v Viewer) entry(actor eventbus.Actor, q RecordQuery, now time.Time) eventbus.AuditEntry {
	detail := map[string]string{
		"start": string(q.Start), "limit": strconv.Itoa(q.Limit),
		"dataClasses": joined(v.DataClasses), "cleared": joined(v.Cleared),
	}
	if len(q.Partitions) > 0 {
		detail["partitions"] = strings.Trim(fmt.Sprint(q.Partitions), "[]")
	}
	if v.Person.ID != "" && v.Person.ID != actor.Name() {
		detail["person"] = v.Person.ID
	}
	return eventbus.AuditEntry{Time: now, Actor: actor.Name(), Action: "records.read", Resource: "topic/" + q.Topic,
		Outcome: eventbus.OutcomeIntent, Reason: strings.TrimSpace(v.Reason), From: actor.From, Detail: detail}
}

// Format says how a Content is written.
type Format string

// The formats.
const (
	FormatNull   Format = "null"   // there is none: a tombstone, a record without a key
	FormatAvro   Format = "avro"   // JSON, decoded by a schema; hidden fields read "***"
	FormatText   Format = "text"   // as it is, being text
	FormatHex    Format = "hex"    // the first bytes of what is neither
	FormatHidden Format = "hidden" // not shown; Reason says why
)

// Bounds of what is shown.
const (
	hexPrefix     = 64
	maxShown      = 256 << 10 // bytes of one Content
	maxMasked     = 100       // paths named
	maxReferences = 64        // schemas that one schema refers to, in all
	maxCodecs     = 1000      // parsed schemas kept; beyond it the cache starts anew
)

// Content is a key, a value or a header as a person may see it.
type Content struct {
	Format   Format   `json:"format"`
	Text     string   `json:"text,omitempty"`
	Reason   string   `json:"reason,omitempty"` // why it is hidden, or not decoded
	SchemaID int      `json:"schemaId,omitempty"`
	GUID     string   `json:"schemaGuid,omitempty"` // instead of an id, in Confluent's header form
	Masked   []string `json:"masked,omitempty"`     // paths of the hidden fields, at most 100
}

// codecSource gives the codec of a schema; *Streams implements it.
type codecSource interface {
	codec(ctx context.Context, ref schemaRef) (*client.Codec, error)
}

// view renders records for one viewer.
type view struct {
	viewer Viewer
	codecs codecSource
}

func (w view) record(ctx context.Context, r *kgo.Record) Record {
	out := Record{Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp.UTC(), Size: sizeOf(r)}
	out.Key = w.content(ctx, r.Key, schemaOf(r.Key, r.Headers, keyHeader), w.viewer.seesUntagged())
	out.Value = w.content(ctx, r.Value, schemaOf(r.Value, r.Headers, valueHeader), !w.viewer.guarded())
	for _, h := range r.Headers {
		out.Headers = append(out.Headers, Header{Name: printable(h.Key), Value: w.plain(h.Value, "", w.viewer.seesUntagged())})
	}
	return out
}

// content renders a key or a value; untagged says whether what carries no tags
// may be seen.
func (w view) content(ctx context.Context, data []byte, ref schemaRef, untagged bool) Content {
	if data == nil {
		return Content{Format: FormatNull}
	}
	if ref.none() {
		return w.plain(data, "it carries no schema id", untagged)
	}
	out := w.decoded(ctx, data[ref.prefix:], ref, untagged)
	out.SchemaID, out.GUID = ref.id, ref.guid
	return out
}

func (w view) decoded(ctx context.Context, data []byte, ref schemaRef, untagged bool) Content {
	codec, err := w.codecs.codec(ctx, ref)
	if err != nil {
		return w.undecodable(data, ref.String()+" cannot be had", err, untagged)
	}
	if !untagged && len(codec.Tags()) == 0 {
		return w.hidden(ref.String() + " has no tags")
	}
	var masked []string
	text, err := codec.DecodeMasked(data, func(path string, tags []string) bool {
		for _, tag := range tags {
			if !w.viewer.sees(tag) {
				if path != "" && len(masked) < maxMasked && !slices.Contains(masked, path) {
					masked = append(masked, path)
				}
				return true
			}
		}
		return false
	})
	switch {
	case err != nil:
		return w.undecodable(data, "it does not fit "+ref.String(), err, untagged)
	case len(text) > maxShown:
		return Content{Format: FormatHidden, Reason: fmt.Sprintf("it is too large to show: %d bytes as JSON", len(text))}
	}
	return Content{Format: FormatAvro, Text: string(text), Masked: masked}
}

// undecodable shows the first bytes and why; of a guarded topic neither the
// bytes nor the decoder's words, which may quote them.
func (w view) undecodable(data []byte, reason string, err error, untagged bool) Content {
	if !untagged {
		return w.hidden(reason)
	}
	return Content{Format: FormatHex, Text: hex.EncodeToString(data[:min(len(data), hexPrefix)]), Reason: reason + ": " + err.Error()}
}

// plain shows what no schema describes: as text when it is text.
func (w view) plain(data []byte, reason string, untagged bool) Content {
	switch {
	case data == nil:
		return Content{Format: FormatNull}
	case !untagged:
		return w.hidden(reason)
	case len(data) > maxShown:
		return Content{Format: FormatHidden, Reason: fmt.Sprintf("it is too large to show: %d bytes", len(data))}
	case isText(data):
		return Content{Format: FormatText, Text: string(data)}
	}
	if reason == "" {
		reason = "it is not text"
	}
	return Content{Format: FormatHex, Text: hex.EncodeToString(data[:min(len(data), hexPrefix)]), Reason: reason}
}

func (w view) hidden(because string) Content {
	reason := "the topic holds " + w.viewer.holds()
	if because != "" {
		reason += " and " + because
	}
	return Content{Format: FormatHidden, Reason: reason}
}

// isText reports whether bytes are UTF-8 that a person can read.
func isText(data []byte) bool {
	if !utf8.Valid(data) {
		return false
	}
	for _, r := range string(data) {
		if !unicode.IsPrint(r) && r != '\n' && r != '\r' && r != '\t' {
			return false
		}
	}
	return true
}

func printable(name string) string {
	if isText([]byte(name)) {
		return name
	}
	return strconv.QuoteToASCII(name)
}
