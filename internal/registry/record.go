package registry

import (
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

// Names of the record headers. Confluent's readers ignore headers, so what only
// we know travels there and the values stay byte-compatible.
const (
	headerAuthor  = "eventbus.author"
	headerRequest = "eventbus.request"
	headerSince   = "eventbus.since"
	headerIDs     = "eventbus.ids"
)

type keyType string

// The key types of Confluent's `_schemas` topic.
const (
	keySchema        keyType = "SCHEMA"
	keyConfig        keyType = "CONFIG"
	keyMode          keyType = "MODE"
	keyDeleteSubject keyType = "DELETE_SUBJECT"
	keyClearSubject  keyType = "CLEAR_SUBJECT"
	keyNoop          keyType = "NOOP"
	keyContext       keyType = "CONTEXT"
)

// recordKey is a parsed key. Subject is empty for the global level and mode.
type recordKey struct {
	Type    keyType `json:"keytype"`
	Subject string  `json:"subject"`
	Version int     `json:"version"`
	Magic   int     `json:"magic"`
	Tenant  string  `json:"tenant"`
	Context string  `json:"context"`
}

var errUnknownKey = errors.New("unknown key type")

// parseKey accepts the properties in any order and nulls, as older registries
// wrote them.
func parseKey(raw []byte) (recordKey, error) {
	var k recordKey
	if err := json.Unmarshal(raw, &k); err != nil {
		return k, fmt.Errorf("read key: %w", err)
	}
	switch k.Type {
	case keySchema:
		if k.Magic != 0 && k.Magic != 1 {
			return k, fmt.Errorf("schema key with magic %d", k.Magic)
		}
		if k.Version < 1 {
			return k, fmt.Errorf("schema key with version %d", k.Version)
		}
	case keyConfig, keyMode, keyNoop, keyDeleteSubject, keyClearSubject, keyContext:
		if k.Magic != 0 {
			return k, fmt.Errorf("%s key with magic %d", k.Type, k.Magic)
		}
	default:
		return k, errUnknownKey
	}
	return k, nil
}

// bytes writes the key exactly as Confluent does: property order and the absence
// of nulls are part of its identity, because compaction compares bytes.
func (k recordKey) bytes() []byte {
	b := make([]byte, 0, 64+len(k.Subject))
	b = append(b, `{"keytype":"`...)
	b = append(b, k.Type...)
	b = append(b, '"')
	if k.Type == keyContext {
		b = quote(append(b, `,"tenant":`...), k.Tenant)
		b = quote(append(b, `,"context":`...), k.Context)
	} else if k.Subject != "" {
		b = quote(append(b, `,"subject":`...), k.Subject)
	}
	if k.Type == keySchema {
		b = strconv.AppendInt(append(b, `,"version":`...), int64(k.Version), 10)
		return append(b, `,"magic":1}`...)
	}
	return append(b, `,"magic":0}`...)
}

const hexUpper = "0123456789ABCDEF"

// quote appends s as a JSON string the way Jackson writes it: only quotes,
// backslash and control characters are escaped, with upper-case digits.
func quote(b []byte, s string) []byte {
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

// schemaValue is the value of a SCHEMA record; the order of the fields is
// Confluent's.
type schemaValue struct {
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

// bytes is hand-made because register is a hot path and strings must look as
// Jackson writes them.
func (v *schemaValue) bytes(fp fingerprint) []byte {
	b := make([]byte, 0, 160+len(v.Subject)+len(v.Schema)*5/4)
	b = quote(append(b, `{"subject":`...), v.Subject)
	b = strconv.AppendInt(append(b, `,"version":`...), int64(v.Version), 10)
	b = strconv.AppendInt(append(b, `,"id":`...), int64(v.ID), 10)
	b = quote(append(b, `,"md5":`...), base64.StdEncoding.EncodeToString(fp[:]))
	if v.Type != "" && v.Type != typeAvro {
		b = quote(append(b, `,"schemaType":`...), v.Type)
	}
	if len(v.References) > 0 {
		b = append(append(b, `,"references":`...), compactJSON(v.References)...)
	}
	if v.Metadata != nil {
		b = append(append(b, `,"metadata":`...), compactJSON(v.Metadata)...)
	}
	if v.RuleSet != nil {
		b = append(append(b, `,"ruleSet":`...), compactJSON(v.RuleSet)...)
	}
	b = quote(append(b, `,"schema":`...), v.Schema)
	b = strconv.AppendBool(append(b, `,"deleted":`...), v.Deleted)
	return append(b, '}')
}

// subjectValue is the value of DELETE_SUBJECT and CLEAR_SUBJECT.
type subjectValue struct {
	Subject string `json:"subject"`
	Version int    `json:"version,omitempty"`
}

// modeValue is the value of a MODE record.
type modeValue struct {
	Subject string `json:"subject,omitempty"`
	Mode    Mode   `json:"mode"`
}

// contextValue is the value of a CONTEXT record.
type contextValue struct {
	Tenant  string `json:"tenant"`
	Context string `json:"context"`
}
