package sigv4

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// PayloadVersion is the only version of the AWS_MSK_IAM payload.
const PayloadVersion = "2020_10_22"

// payloadFields are the names of an AWS_MSK_IAM message (README of
// aws/aws-msk-iam-auth). Those that are signed come first, in the order of the
// canonical query, with the name that they have there.
var payloadFields = [...]struct {
	name, param string
	optional    bool
}{
	{name: "action", param: "Action"},
	{name: "x-amz-algorithm", param: "X-Amz-Algorithm"},
	{name: "x-amz-credential", param: "X-Amz-Credential"},
	{name: "x-amz-date", param: "X-Amz-Date"},
	{name: "x-amz-expires", param: "X-Amz-Expires"},
	{name: "x-amz-security-token", param: "X-Amz-Security-Token", optional: true},
	{name: "x-amz-signedheaders", param: "X-Amz-SignedHeaders"},
	{name: "x-amz-signature"},
	{name: "host"},
	{name: "version"},
	{name: "user-agent", optional: true},
}

// The places of fields in payloadFields.
const (
	fieldAction = iota
	fieldAlgorithm
	fieldCredential
	fieldDate
	fieldExpires
	fieldToken
	fieldSignedHeaders
	fieldSignature
	fieldHost
	fieldVersion
	fieldUserAgent
	fieldCount
)

// ParsePayload reads the one message of SASL AWS_MSK_IAM: a JSON object with
// the fields of payloadFields, each exactly once, user-agent and
// x-amz-security-token optional, nothing else. Values are strings, not
// URL-encoded; x-amz-expires may be a number too, as one client library sends
// what its caller gave. At most MaxPayload bytes. A *Failure says what is wrong.
func ParsePayload(b []byte) (*Signed, error) {
	if len(b) > MaxPayload {
		return nil, fail(CheckSize, "%d bytes, at most %d", len(b), MaxPayload)
	}
	values, err := readPayload(b)
	if err != nil {
		return nil, err
	}
	if values[fieldVersion] != PayloadVersion {
		return nil, fail(CheckVersion, "version is %s", short(values[fieldVersion]))
	}
	s := &Signed{
		Form:         Payload,
		Host:         values[fieldHost],
		Action:       values[fieldAction],
		SessionToken: values[fieldToken],
		UserAgent:    values[fieldUserAgent],
	}
	if !isHost(s.Host) {
		return nil, fail(CheckField, "host is %s", short(s.Host))
	}
	query := make([]byte, 0, len(b)+len(values[fieldToken])+128)
	for i := fieldAction; i <= fieldSignedHeaders; i++ {
		if values[i] == "" {
			continue // only the token may be
		}
		if i > fieldAction {
			query = append(query, '&')
		}
		query = append(append(query, payloadFields[i].param...), '=')
		query = appendEncoded(query, values[i], false)
	}
	s.request = presigned(query, s.Host)
	return s.finish(fields{
		algorithm: values[fieldAlgorithm], credential: values[fieldCredential], date: values[fieldDate],
		expires: values[fieldExpires], signedHeaders: values[fieldSignedHeaders], signature: values[fieldSignature],
	})
}

// readPayload walks the members of the object, which json.Valid has found to be
// JSON: encoding/json itself would take the last of two members of one name.
func readPayload(b []byte) (values [fieldCount]string, err error) {
	if !utf8.Valid(b) {
		return values, fail(CheckSyntax, "not UTF-8")
	}
	if !json.Valid(b) {
		return values, fail(CheckSyntax, "broken JSON")
	}
	w := walk{bytes.TrimLeft(b, blanks)}
	if !w.skip('{') {
		return values, fail(CheckSyntax, "not a JSON object")
	}
	var seen [fieldCount]bool
	for !w.skip('}') {
		name := w.text()
		i := fieldNamed(name)
		switch {
		case i < 0:
			return values, fail(CheckField, "unknown field %s", short(name))
		case seen[i]:
			return values, fail(CheckField, "%s is there twice", payloadFields[i].name)
		}
		seen[i] = true
		w.skip(':')
		if values[i], err = w.field(i); err != nil {
			return values, err
		}
		w.skip(',')
	}
	for i, f := range payloadFields {
		if !seen[i] && !f.optional {
			return values, fail(CheckField, "%s is missing", f.name)
		}
	}
	return values, nil
}

// blanks are what JSON allows between tokens.
const blanks = " \t\r\n"

// walk goes over valid JSON token by token.
type walk struct{ rest []byte }

// skip takes a delimiter and the blanks after it, when it is next.
func (w *walk) skip(delimiter byte) bool {
	if w.rest[0] != delimiter {
		return false
	}
	w.rest = bytes.TrimLeft(w.rest[1:], blanks)
	return true
}

// text takes a string.
func (w *walk) text() string {
	end, escaped := 1, false
	for w.rest[end] != '"' {
		if w.rest[end] == '\\' {
			escaped = true
			end++
		}
		end++
	}
	token := w.rest[:end+1]
	w.rest = bytes.TrimLeft(w.rest[end+1:], blanks)
	if !escaped {
		return string(token[1:end])
	}
	var s string
	_ = json.Unmarshal(token, &s) // it is valid
	return s
}

// number takes a number, or gives nothing.
func (w *walk) number() string {
	end := 0
	for end < len(w.rest) && strings.IndexByte("+-.0123456789eE", w.rest[end]) >= 0 {
		end++
	}
	token := w.rest[:end]
	w.rest = bytes.TrimLeft(w.rest[end:], blanks)
	return string(token)
}

// field takes the value of the i-th field.
func (w *walk) field(i int) (string, error) {
	if w.rest[0] == '"' {
		value := w.text()
		if value == "" && i != fieldUserAgent {
			return "", fail(CheckField, "%s is empty", payloadFields[i].name)
		}
		return value, nil
	}
	if i == fieldExpires {
		if value := w.number(); value != "" {
			return value, nil
		}
	}
	return "", fail(CheckField, "%s is not a string", payloadFields[i].name)
}

func fieldNamed(name string) int {
	for i := range payloadFields {
		if payloadFields[i].name == name {
			return i
		}
	}
	return -1
}
