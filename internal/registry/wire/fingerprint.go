package wire

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Fingerprint is what makes two schemas the same: MD5 over text, references
// (name, subject, version in four bytes), metadata and rules, in the order in
// which Confluent's Schema.updateHash feeds them.
type Fingerprint [md5.Size]byte

// GUID prints the fingerprint as a UUID.
func (f Fingerprint) GUID() string {
	var out [36]byte
	hex.Encode(out[:8], f[:4])
	for i, at := range []int{4, 6, 8} {
		pos := 9 + 5*i
		out[pos-1] = '-'
		hex.Encode(out[pos:pos+4], f[at:at+2])
	}
	out[23] = '-'
	hex.Encode(out[24:], f[10:])
	return string(out[:])
}

// ParseGUID reads a UUID back.
func ParseGUID(s string) (f Fingerprint, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return f, false
	}
	_, err := hex.Decode(f[:], []byte(s[:8]+s[9:13]+s[14:18]+s[19:23]+s[24:]))
	return f, err == nil
}

// FingerprintOf gives the fingerprint of a schema; meta is Sorted, both may be nil.
func FingerprintOf(text string, refs []eventbus.SchemaReference, meta *Metadata, rules *RuleSet) Fingerprint {
	if len(refs) == 0 && meta == nil && rules == nil {
		return md5.Sum([]byte(text))
	}
	rules = rules.Explicit()
	var b bytes.Buffer
	b.WriteString(text)
	for _, ref := range refs {
		b.WriteString(ref.Name)
		b.WriteString(ref.Subject)
		_ = binary.Write(&b, binary.BigEndian, int32(ref.Version))
	}
	if meta != nil {
		b.WriteByte(1)
		meta.feed(&b)
	}
	if rules != nil {
		b.WriteByte(1)
		for _, list := range [][]Rule{rules.MigrationRules, rules.DomainRules, rules.EncodingRules} {
			for _, rule := range list {
				rule.feed(&b)
			}
		}
	}
	return md5.Sum(b.Bytes())
}
