package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Record is one record of the registry's topic, as Kafka and the copy in the
// store hold it.
type Record struct {
	Offset    int64
	Time      time.Time
	Key       []byte
	Value     []byte // nil is a tombstone
	Author    string // who wrote it; a record header that other registries ignore
	RequestID string
	Since     time.Time      // when the version was first registered, if the record repeats it
	HighIDs   map[string]int // per context, the highest id ever given (NOOP records)
}

// TypeAvro is the schema type that a SCHEMA value without one has.
const TypeAvro = "AVRO"

// KeyType says what a record is about.
type KeyType string

// The key types of Confluent's `_schemas` topic.
const (
	KeySchema        KeyType = "SCHEMA"
	KeyConfig        KeyType = "CONFIG"
	KeyMode          KeyType = "MODE"
	KeyDeleteSubject KeyType = "DELETE_SUBJECT"
	KeyClearSubject  KeyType = "CLEAR_SUBJECT"
	KeyNoop          KeyType = "NOOP"
	KeyContext       KeyType = "CONTEXT"
)

// Key is a parsed key. Subject is empty for the global level and mode.
type Key struct {
	Type    KeyType `json:"keytype"`
	Subject string  `json:"subject"`
	Version int     `json:"version"`
	Magic   int     `json:"magic"`
	Tenant  string  `json:"tenant"`
	Context string  `json:"context"`
}

// ErrUnknownKey is the answer to a key type that this registry has no use for;
// such a record is skipped.
var ErrUnknownKey = errors.New("unknown key type")

// ParseKey reads a key; it accepts the properties in any order and nulls, as older registries
// wrote them.
func ParseKey(raw []byte) (Key, error) {
	var k Key
	if err := json.Unmarshal(raw, &k); err != nil {
		return k, fmt.Errorf("read key: %w", err)
	}
	switch k.Type {
	case KeySchema:
		if k.Magic != 0 && k.Magic != 1 {
			return k, fmt.Errorf("schema key with magic %d", k.Magic)
		}
		if k.Version < 1 || k.Version > 1<<31-1 {
			return k, fmt.Errorf("schema key with version %d", k.Version)
		}
	case KeyConfig, KeyMode, KeyNoop, KeyDeleteSubject, KeyClearSubject, KeyContext:
		if k.Magic != 0 {
			return k, fmt.Errorf("%s key with magic %d", k.Type, k.Magic)
		}
	default:
		return k, ErrUnknownKey
	}
	return k, nil
}

// Bytes writes the key exactly as Confluent does: property order and the absence
// of nulls are part of its identity, because compaction compares bytes.
func (k Key) Bytes() []byte {
	b := make([]byte, 0, 64+len(k.Subject))
	b = append(b, `{"keytype":"`...)
	b = append(b, k.Type...)
	b = append(b, '"')
	if k.Type == KeyContext {
		b = Quote(append(b, `,"tenant":`...), k.Tenant)
		b = Quote(append(b, `,"context":`...), k.Context)
	} else if k.Subject != "" {
		b = Quote(append(b, `,"subject":`...), k.Subject)
	}
	if k.Type == KeySchema {
		b = strconv.AppendInt(append(b, `,"version":`...), int64(k.Version), 10)
		return append(b, `,"magic":1}`...)
	}
	return append(b, `,"magic":0}`...)
}

const hexUpper = "0123456789ABCDEF"

// Quote appends s as a JSON string the way Jackson writes it: only quotes,
// backslash and control characters are escaped, with upper-case digits.
func Quote(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r)
			i += size
			continue
		}
		i++
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, '\\', 'b')
		case '\t':
			b = append(b, '\\', 't')
		case '\n':
			b = append(b, '\\', 'n')
		case '\f':
			b = append(b, '\\', 'f')
		case '\r':
			b = append(b, '\\', 'r')
		default:
			if c < 0x20 {
				b = append(b, '\\', 'u', '0', '0', hexUpper[c>>4], hexUpper[c&15])
			} else {
				b = append(b, c)
			}
		}
	}
	return append(b, '"')
}

// SchemaValue is the value of a SCHEMA record; the order of the fields is
// Confluent's.
type SchemaValue struct {
	Subject    string                     `json:"subject"`
	Version    int                        `json:"version"`
	ID         int                        `json:"id"`
	MD5        string                     `json:"md5,omitempty"`
	Type       string                     `json:"schemaType,omitempty"` // absent = AVRO
	References []eventbus.SchemaReference `json:"references,omitempty"`
	Metadata   *Metadata                  `json:"metadata,omitempty"`
	RuleSet    *RuleSet                   `json:"ruleSet,omitempty"`
	Schema     string                     `json:"schema"`
	Deleted    bool                       `json:"deleted"`
}

// Bytes writes the value with its fingerprint. It is hand-made because register is a hot path and strings must look as
// Jackson writes them.
func (v *SchemaValue) Bytes(fp Fingerprint) []byte {
	b := make([]byte, 0, 160+len(v.Subject)+len(v.Schema)*5/4)
	b = Quote(append(b, `{"subject":`...), v.Subject)
	b = strconv.AppendInt(append(b, `,"version":`...), int64(v.Version), 10)
	b = strconv.AppendInt(append(b, `,"id":`...), int64(v.ID), 10)
	b = Quote(append(b, `,"md5":`...), base64.StdEncoding.EncodeToString(fp[:]))
	if v.Type != "" && v.Type != TypeAvro {
		b = Quote(append(b, `,"schemaType":`...), v.Type)
	}
	if len(v.References) > 0 {
		b = append(append(b, `,"references":`...), compact(v.References)...)
	}
	if v.Metadata != nil {
		b = append(append(b, `,"metadata":`...), compact(v.Metadata)...)
	}
	if v.RuleSet != nil {
		b = append(append(b, `,"ruleSet":`...), compact(v.RuleSet)...)
	}
	b = Quote(append(b, `,"schema":`...), v.Schema)
	b = strconv.AppendBool(append(b, `,"deleted":`...), v.Deleted)
	return append(b, '}')
}

// SubjectValue is the value of DELETE_SUBJECT and CLEAR_SUBJECT.
type SubjectValue struct {
	Subject string `json:"subject"`
	Version int    `json:"version,omitempty"` // of DELETE_SUBJECT: the highest one deleted
}

// Bytes writes the value.
func (v SubjectValue) Bytes() []byte { return compact(v) }

// ModeValue is the value of a MODE record.
type ModeValue struct {
	Subject string `json:"subject,omitempty"` // empty = everything
	Mode    string `json:"mode"`
}

// Bytes writes the value.
func (v ModeValue) Bytes() []byte { return compact(v) }

// ContextValue is the value of a CONTEXT record.
type ContextValue struct {
	Tenant  string `json:"tenant"`
	Context string `json:"context"`
}

// Bytes writes the value.
func (v ContextValue) Bytes() []byte { return compact(v) }

// compact encodes v on one line without HTML escapes.
func compact(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil // only for types that JSON cannot hold; none is passed
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
