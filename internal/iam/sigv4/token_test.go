package sigv4

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
)

func validURL(t testing.TB, expires string, extra ...string) *url.URL {
	return presign(t, credentials(testToken), tokenHost, testRegion, expires, signedAt, extra...)
}

func bearer(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// pairs gives the query of a valid URL as it stands, with a user agent at its end.
func pairs(t testing.TB) []string {
	return append(strings.Split(validURL(t, "900").RawQuery, "&"), "User-Agent=a%20b+c")
}

func tokenFrom(pairs []string) string {
	return bearer("https://" + tokenHost + "/?" + strings.Join(pairs, "&"))
}

func TestTokenAccepted(t *testing.T) {
	token := tokenOf(validURL(t, "900"))
	plainURL, _ := base64.RawURLEncoding.DecodeString(token)
	for name, token := range map[string]string{
		"as signed":         token,
		"no path, as Java":  bearer(strings.Replace(string(plainURL), "/?", "?", 1)), // aws-msk-iam-auth 2.3
		"padded":            base64.URLEncoding.EncodeToString(plainURL),
		"fraction":          tokenOf(validURL(t, "123.443")),
		"without agent":     bearer(validURL(t, "900").String()),
		"further parameter": tokenOf(validURL(t, "900", "X-Amz-Later", "a/b")),
		"names like others": tokenOf(validURL(t, "900", "Action-X", "1", "X-Amz-Date.2", "2", "A", "3")),
		"other order":       tokenFrom(reversed(pairs(t))),
		"no session token":  tokenOf(presign(t, credentials(""), tokenHost, testRegion, "900", signedAt)),
	} {
		s, err := ParseToken(token)
		if err := accept(s, err, testSecret, signedAt); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func reversed(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[len(list)-1-i] = s
	}
	return out
}

// TestTokenParameterMissingEmptyDoubledTampered does each to each parameter.
func TestTokenParameterMissingEmptyDoubledTampered(t *testing.T) {
	for i, pair := range pairs(t) {
		name, value, _ := strings.Cut(pair, "=")
		agent, session := name == "User-Agent", name == "X-Amz-Security-Token"
		t.Run(name, func(t *testing.T) {
			list := pairs(t)
			try := func(list []string) error {
				s, err := ParseToken(tokenFrom(list))
				return accept(s, err, testSecret, signedAt)
			}
			missing := append(append([]string{}, list[:i]...), list[i+1:]...)
			doubled := append(append([]string{}, list...), pair)
			another := append(append([]string{}, list...), name+"=x")
			refused(t, try(doubled), CheckField)
			refused(t, try(another), CheckField)
			if agent {
				if err := try(missing); err != nil {
					t.Fatal(err)
				}
				return
			}
			if session {
				refused(t, try(missing), CheckSignature)
			} else {
				refused(t, try(missing), CheckField)
			}
			for _, other := range []string{name + "=", name, name + "=%zz", strings.ToLower(name) + "=" + value, name + "=%61" + value} {
				list[i] = other
				if _, ok := try(list).(*Failure); !ok {
					t.Fatalf("accepted %s", other)
				}
			}
		})
	}
}

func TestTokenSyntax(t *testing.T) {
	good := validURL(t, "900").String()
	token := bearer(good)
	for _, c := range []struct{ name, token, check string }{
		{"empty", "", CheckSyntax},
		{"not base64", "!!!!", CheckSyntax},
		{"standard alphabet", "+/+/", CheckSyntax},
		{"line break", token[:8] + "\n" + token[8:], CheckSyntax},
		{"blank", " " + token, CheckSyntax},
		{"padding inside", token[:8] + "=" + token[8:], CheckSyntax},
		{"too much padding", token + "====", CheckSyntax},
		{"loose last bits", bearer("https://h/?ab")[:17] + "h", CheckSyntax},
		{"http", bearer("http" + good[5:]), CheckSyntax},
		{"upper case scheme", bearer("HTTPS" + good[5:]), CheckSyntax},
		{"no query", bearer("https://" + tokenHost + "/"), CheckSyntax},
		{"a path", bearer(strings.Replace(good, "/?", "/x?", 1)), CheckSyntax},
		{"user in host", bearer(strings.Replace(good, "https://", "https://u@", 1)), CheckSyntax},
		{"fragment", bearer(good + "#x"), CheckField},
		{"too long", strings.Repeat("A", MaxToken+1), CheckSize},
		{"too many", bearer("https://h/?" + strings.Repeat("a&", 40)), CheckSize},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := ParseToken(c.token)
			if s != nil {
				t.Fatal("a Signed together with an error")
			}
			refused(t, err, c.check)
		})
	}
}

func TestTokenOfAnotherKeyOrHost(t *testing.T) {
	s, err := ParseToken(bearer(strings.Replace(validURL(t, "900").String(), testKey, "AKIAOTHER", 1)))
	refused(t, accept(s, err, testSecret, signedAt), CheckSignature)
	s, err = ParseToken(tokenOf(presign(t, credentials(""), "evil.example.org", testRegion, "900", signedAt)))
	refused(t, accept(s, err, testSecret, signedAt), CheckHost)
	if err := s.Check(Rules{Now: signedAt, Hosts: []string{"evil.example.org"}}); err != nil {
		t.Fatal(err)
	}
	s, err = ParseToken(tokenOf(presign(t, credentials(""), "kafka.us-east-1.amazonaws.com", testRegion, "900", signedAt)))
	refused(t, accept(s, err, testSecret, signedAt), CheckHost)
}

func TestInitialResponse(t *testing.T) {
	for _, c := range []struct{ message, authzid, token, check string }{
		{"n,,\x01auth=Bearer abc\x01\x01", "", "abc", ""},
		{"n,a=me,\x01auth=Bearer abc\x01\x01", "me", "abc", ""},
		{"n,a=a=2Cb=3Dc,\x01auth=bearer abc\x01\x01", "a,b=c", "abc", ""},
		{"n,,\x01host=h\x01port=1\x01auth=Bearer abc\x01ext=v=w\x01\x01", "", "abc", ""},
		{"n,,\x01auth=Bearer  abc \x01\x01", "", "abc", ""},
		{"", "", "", CheckSyntax},
		{"n,,", "", "", CheckSyntax},
		{"\x01", "", "", CheckSyntax},
		{"y,,\x01auth=Bearer abc\x01\x01", "", "", CheckSyntax},
		{"p=tls-unique,,\x01auth=Bearer abc\x01\x01", "", "", CheckSyntax},
		{"n,\x01auth=Bearer abc\x01\x01", "", "", CheckSyntax},
		{"n,b=x,\x01auth=Bearer abc\x01\x01", "", "", CheckSyntax},
		{"n,a=,\x01auth=Bearer abc\x01\x01", "", "", CheckSyntax},
		{"n,,x\x01auth=Bearer abc\x01\x01", "", "", CheckSyntax},
		{"n,,\x01auth=Bearer abc\x01", "", "", CheckSyntax},
		{"n,,\x01auth=Bearer abc", "", "", CheckSyntax},
		{"n,,\x01auth=Basic abc\x01\x01", "", "", CheckSyntax},
		{"n,,\x01auth=Bearer\x01\x01", "", "", CheckField},
		{"n,,\x01auth=Bearer \x01\x01", "", "", CheckField},
		{"n,,\x01host=h\x01\x01", "", "", CheckField},
		{"n,,\x01\x01", "", "", CheckSyntax},
		{"n,,\x01auth=Bearer a\x01auth=Bearer b\x01\x01", "", "", CheckField},
		{"n,,\x01auth=Bearer a\x01\x01\x01", "", "", CheckSyntax},
		{"n,,\x01k\x01auth=Bearer a\x01\x01", "", "", CheckSyntax},
		{"n,,\x01=v\x01auth=Bearer a\x01\x01", "", "", CheckSyntax},
		{"n,,\x01auth=Bearer " + strings.Repeat("a", MaxInitial) + "\x01\x01", "", "", CheckSize},
	} {
		authzid, token, err := ParseInitialResponse([]byte(c.message))
		if c.check != "" {
			refused(t, err, c.check)
			if token != "" || authzid != "" {
				t.Errorf("%q gave %q and %q together with an error", c.message, authzid, token)
			}
			continue
		}
		if err != nil || authzid != c.authzid || token != c.token {
			t.Errorf("%q: %q %q %v", c.message, authzid, token, err)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(validURL(f, "900").String())
	f.Add(strings.Replace(validURL(f, "0.5").String(), "Action", "User-Agent=x&Action", 1))
	f.Add("https://h/?Action=&X-Amz-Date=%")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseToken(bearer(text))
		whole(t, s, err)
		_, _ = ParseToken(text)
	})
}

func FuzzParseInitialResponse(f *testing.F) {
	f.Add([]byte("n,a=me,\x01auth=Bearer abc\x01ext=v\x01\x01"))
	f.Add([]byte("n,,\x01\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, token, err := ParseInitialResponse(b)
		if (token == "") != (err != nil) {
			t.Fatalf("token %q with %v", token, err)
		}
	})
}
