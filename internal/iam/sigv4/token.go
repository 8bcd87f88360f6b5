package sigv4

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
)

// ParseToken reads the bearer token of the official MSK signers: base64url,
// with or without padding, of
// https://kafka.REGION.amazonaws.com/?Action=…&X-Amz-…&User-Agent=…. At most
// MaxToken bytes. Parameters come in any order, each once, those that are signed
// in AWS's own percent-encoding (Go's signer writes + for a blank). User-Agent is added after signing and is left
// out of the canonical request; any parameter beyond the known ones is part of
// it. A *Failure says what is wrong.
func ParseToken(token string) (*Signed, error) {
	if len(token) > MaxToken {
		return nil, fail(CheckSize, "%d bytes, at most %d", len(token), MaxToken)
	}
	text, err := decodeToken(token)
	if err != nil {
		return nil, err
	}
	rest, ok := strings.CutPrefix(text, "https://")
	host, query, found := strings.Cut(rest, "?")
	host = strings.TrimSuffix(host, "/") // Java's signer writes none; the signed path is "/" all the same
	if !ok || !found || !isHost(host) {
		return nil, fail(CheckSyntax, "not a URL of the form https://HOST/?QUERY")
	}
	s := &Signed{Form: Token, Host: host}
	f, signed, err := s.params(query)
	if err != nil {
		return nil, err
	}
	s.request = presigned(signed, host)
	return s.finish(f)
}

// decodeToken is strict: one text has one token, up to the padding.
func decodeToken(token string) (string, error) {
	if bare := strings.TrimRight(token, "="); len(bare) != len(token) {
		if len(token)%4 != 0 || len(token)-len(bare) > 2 {
			return "", fail(CheckSyntax, "wrong base64 padding")
		}
		token = bare
	}
	if strings.ContainsAny(token, "\r\n") { // the decoder would skip them
		return "", fail(CheckSyntax, "line breaks in the token")
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return "", fail(CheckSyntax, "not base64url")
	}
	return string(b), nil
}

// params reads the query: the fields, and the canonical query of all that is
// signed.
func (s *Signed) params(query string) (f fields, signed []byte, err error) {
	pairs := strings.Split(query, "&")
	if len(pairs) > maxParams {
		return f, nil, fail(CheckSize, "more than %d parameters", maxParams)
	}
	known := map[string]*string{
		"Action": &s.Action, "X-Amz-Algorithm": &f.algorithm, "X-Amz-Credential": &f.credential,
		"X-Amz-Date": &f.date, "X-Amz-Expires": &f.expires, "X-Amz-Security-Token": &s.SessionToken,
		"X-Amz-SignedHeaders": &f.signedHeaders, "X-Amz-Signature": &f.signature, "User-Agent": &s.UserAgent,
	}
	slices.SortFunc(pairs, byName)
	last := ""
	for _, pair := range pairs {
		name, raw, _ := strings.Cut(pair, "=")
		if name == last {
			return f, nil, fail(CheckField, "%s is there twice", short(name))
		}
		last = name
		value, err := url.QueryUnescape(raw)
		if err != nil {
			return f, nil, fail(CheckSyntax, "%s is not percent-encoded", short(name))
		}
		if field, ok := known[name]; ok {
			*field = value
		}
		if name == "User-Agent" {
			continue
		}
		canonical := string(appendEncoded(nil, value, false))
		if value == "" || !isCanonical(name) || strings.ReplaceAll(raw, "+", "%20") != canonical {
			return f, nil, fail(CheckField, "%s is empty or not encoded as AWS does", short(name))
		}
		if name == "X-Amz-Signature" {
			continue
		}
		if len(signed) > 0 {
			signed = append(signed, '&')
		}
		signed = append(append(append(signed, name...), '='), canonical...)
	}
	return f, signed, required(known)
}

// byName sorts as the canonical query does: by name, not by name=value.
func byName(a, b string) int {
	a, _, _ = strings.Cut(a, "=")
	b, _, _ = strings.Cut(b, "=")
	return strings.Compare(a, b)
}

func required(known map[string]*string) error {
	for _, name := range [...]string{
		"Action", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature",
	} {
		if *known[name] == "" {
			return fail(CheckField, "%s is missing", name)
		}
	}
	return nil
}

// isCanonical reports whether a parameter's name needs no encoding, as all that
// are known.
func isCanonical(name string) bool {
	for i := range len(name) {
		if !unreserved(name[i]) {
			return false
		}
	}
	return name != ""
}

// ParseInitialResponse reads the first message of SASL OAUTHBEARER (RFC 7628,
// 3.1): n,[a=authzid],^A then key=value^A, among them auth=Bearer TOKEN, then
// ^A. Extensions are allowed and ignored. It returns the authorisation identity,
// often empty, which the caller must refuse unless it is empty or its own
// principal's. At most MaxInitial bytes.
func ParseInitialResponse(b []byte) (authzid, token string, err error) {
	if len(b) > MaxInitial {
		return "", "", fail(CheckSize, "%d bytes, at most %d", len(b), MaxInitial)
	}
	head, rest, ok := bytes.Cut(b, []byte{1})
	if !ok {
		return "", "", fail(CheckSyntax, "no ^A in the message")
	}
	if authzid, err = parseGS2(string(head)); err != nil {
		return "", "", err
	}
	body, ok := strings.CutSuffix(string(rest), "\x01\x01")
	if !ok {
		return "", "", fail(CheckSyntax, "the message does not end in ^A^A")
	}
	seen := map[string]bool{}
	for _, pair := range strings.Split(body, "\x01") {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" || !isWord(key) {
			return "", "", fail(CheckSyntax, "an entry is not key=value")
		}
		if seen[key] || len(seen) >= maxParams {
			return "", "", fail(CheckField, "%s is there twice, or there are too many entries", short(key))
		}
		seen[key] = true
		if key != "auth" {
			continue
		}
		scheme, bearer, _ := strings.Cut(value, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return "", "", fail(CheckSyntax, "the scheme is %s, not Bearer", short(scheme))
		}
		token = strings.TrimSpace(bearer)
	}
	if token == "" {
		return "", "", fail(CheckField, "no bearer token")
	}
	return authzid, token, nil
}

// parseGS2 reads the header of RFC 5801, 4: no channel binding, "n,", then an
// optional authorisation identity and a comma.
func parseGS2(head string) (string, error) {
	rest, ok := strings.CutPrefix(head, "n,")
	name, tail, comma := strings.Cut(rest, ",")
	if !ok || !comma || tail != "" {
		return "", fail(CheckSyntax, "the message does not start with n,,")
	}
	if name == "" {
		return "", nil
	}
	name, ok = strings.CutPrefix(name, "a=")
	if !ok || name == "" {
		return "", fail(CheckSyntax, "the authorisation identity is not a=NAME")
	}
	return strings.NewReplacer("=2C", ",", "=3D", "=").Replace(name), nil
}
