package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
)

const hexDigits = "0123456789ABCDEF"

// emptyBody is the SHA-256 of nothing.
const emptyBody = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// unreserved reports whether a byte stands for itself (RFC 3986, 2.3).
func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~'
}

// appendEncoded appends s in AWS's percent-encoding, with a slash kept in paths.
func appendEncoded(b []byte, s string, keepSlash bool) []byte {
	for i := range len(s) {
		c := s[i]
		if unreserved(c) || keepSlash && c == '/' {
			b = append(b, c)
			continue
		}
		b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
	}
	return b
}

// presigned hashes the canonical request of a presigned URL: GET / with the
// query, the header host and no body.
func presigned(query []byte, host string) [32]byte {
	b := make([]byte, 0, len(query)+len(host)+len(emptyBody)+24)
	b = append(b, "GET\n/\n"...)
	b = append(b, query...)
	b = append(b, "\nhost:"...)
	b = append(b, host...)
	b = append(b, "\n\nhost\n"...)
	b = append(b, emptyBody...)
	return sha256.Sum256(b)
}

// stringToSign is what the signature is made over.
func (s *Signed) stringToSign() []byte {
	b := make([]byte, 0, 192)
	for _, part := range [...]string{Algorithm, "\n", s.date, "\n", s.ScopeDate, "/", s.Region, "/", s.Service, "/", terminator, "\n"} {
		b = append(b, part...)
	}
	return hex.AppendEncode(b, s.request[:])
}

// canonicalQuery sorts and re-encodes the query of a request.
func canonicalQuery(raw string) (string, error) {
	if raw == "" {
		return "", nil
	}
	pairs := strings.Split(raw, "&")
	if len(pairs) > maxParams {
		return "", fail(CheckSize, "more than %d query parameters", maxParams)
	}
	type param struct{ name, value string }
	list := make([]param, 0, len(pairs))
	for _, p := range pairs {
		k, v, _ := strings.Cut(p, "=")
		name, err1 := url.QueryUnescape(k)
		value, err2 := url.QueryUnescape(v)
		if err1 != nil || err2 != nil {
			return "", fail(CheckSyntax, "the query is not percent-encoded")
		}
		list = append(list, param{string(appendEncoded(nil, name, false)), string(appendEncoded(nil, value, false))})
	}
	slices.SortStableFunc(list, func(a, b param) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.value, b.value)
	})
	var b strings.Builder
	for i, p := range list {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.name + "=" + p.value)
	}
	return b.String(), nil
}
