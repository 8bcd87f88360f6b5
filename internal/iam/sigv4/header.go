package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// ParseHeader reads an HTTP request that is signed in its Authorization header,
// as SDKs sign calls of STS. host is the request's Host, path the escaped path
// as sent, rawQuery the query as sent, body all of the body (the caller bounds
// it). host, x-amz-date and, when present, x-amz-security-token must be among
// the signed headers. A *Failure says what is wrong.
func ParseHeader(method, host, path, rawQuery string, header http.Header, body []byte) (*Signed, error) {
	f, err := parseAuthorization(header)
	if err != nil {
		return nil, err
	}
	s := &Signed{Form: Header, Host: host, UserAgent: header.Get("User-Agent")}
	if !isHost(host) {
		return nil, fail(CheckField, "host is %s", short(host))
	}
	if f.date, err = once(header, "X-Amz-Date", true); err != nil {
		return nil, err
	}
	if s.SessionToken, err = once(header, "X-Amz-Security-Token", false); err != nil {
		return nil, err
	}
	names, err := signedNames(f.signedHeaders, s.SessionToken != "")
	if err != nil {
		return nil, err
	}
	query, err := canonicalQuery(rawQuery)
	if err != nil {
		return nil, err
	}
	if path == "" {
		path = "/"
	}
	b := append([]byte(method), '\n')
	b = append(appendEncoded(b, path, true), '\n') // encoded once more, as AWS does for all services but S3
	b = append(append(b, query...), '\n')
	for _, name := range names {
		value, err := headerValue(name, host, header, len(body))
		if err != nil {
			return nil, err
		}
		b = append(append(append(append(b, name...), ':'), value...), '\n')
	}
	b = append(append(append(b, '\n'), f.signedHeaders...), '\n')
	sum := sha256.Sum256(body)
	s.request = sha256.Sum256(hex.AppendEncode(b, sum[:]))
	return s.finish(f)
}

// parseAuthorization reads "AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…,
// Signature=…".
func parseAuthorization(header http.Header) (f fields, err error) {
	text, err := once(header, "Authorization", true)
	if err != nil {
		return f, err
	}
	if len(text) > MaxToken {
		return f, fail(CheckSize, "Authorization has %d bytes, at most %d", len(text), MaxToken)
	}
	algorithm, rest, _ := strings.Cut(text, " ")
	f.algorithm = algorithm
	known := map[string]*string{"Credential": &f.credential, "SignedHeaders": &f.signedHeaders, "Signature": &f.signature}
	for _, part := range strings.Split(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		field, ok := known[name]
		switch {
		case !ok:
			return f, fail(CheckField, "unknown part %s in Authorization", short(name))
		case *field != "":
			return f, fail(CheckField, "%s is there twice in Authorization", name)
		case value == "":
			return f, fail(CheckField, "%s is empty in Authorization", name)
		}
		*field = value
	}
	if f.credential == "" || f.signedHeaders == "" || f.signature == "" {
		return f, fail(CheckField, "a part is missing in Authorization")
	}
	return f, nil
}

// once gives the value of a header that may come only once.
func once(header http.Header, name string, must bool) (string, error) {
	values := header.Values(name)
	switch {
	case len(values) == 0 && !must:
		return "", nil
	case len(values) == 0:
		return "", fail(CheckField, "header %s is missing", name)
	case len(values) > 1:
		return "", fail(CheckField, "header %s is there %d times", name, len(values))
	case values[0] == "":
		return "", fail(CheckField, "header %s is empty", name)
	}
	return values[0], nil
}

// signedNames splits SignedHeaders: lower case, sorted, each once, and with all
// that must be signed.
func signedNames(list string, token bool) ([]string, error) {
	names := strings.Split(list, ";")
	if len(names) > maxParams {
		return nil, fail(CheckSignedHeaders, "more than %d headers", maxParams)
	}
	for i, n := range names {
		if n == "" || !isWord(n) || n != strings.ToLower(n) || i > 0 && names[i-1] >= n {
			return nil, fail(CheckSignedHeaders, "not a sorted list in lower case: %s", short(list))
		}
	}
	must := []string{"host", "x-amz-date"}
	if token {
		must = append(must, "x-amz-security-token")
	}
	for _, n := range must {
		if !slices.Contains(names, n) {
			return nil, fail(CheckSignedHeaders, "%s is not signed", n)
		}
	}
	return names, nil
}

// headerValue gives the canonical value: several joined by commas, blanks
// trimmed and runs of them made one. Servers may take Host and Content-Length
// out of the header.
func headerValue(name, host string, header http.Header, size int) (string, error) {
	if name == "host" {
		return host, nil
	}
	values := header.Values(name)
	if len(values) == 0 && name == "content-length" {
		return strconv.Itoa(size), nil
	}
	if len(values) == 0 {
		return "", fail(CheckSignedHeaders, "%s is signed but was not sent", short(name))
	}
	canonical := make([]string, len(values))
	for i, v := range values {
		canonical[i] = strings.Join(strings.FieldsFunc(v, func(r rune) bool { return r == ' ' || r == '\t' }), " ")
	}
	return strings.Join(canonical, ","), nil
}
