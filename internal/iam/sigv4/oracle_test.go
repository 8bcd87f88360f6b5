package sigv4

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-msk-iam-sasl-signer-go/signer"
	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	kaws "github.com/twmb/franz-go/pkg/sasl/aws"
)

// The signatures of these tests are made by others: AWS's SDK, the official MSK
// signer, franz-go. Nothing in this package signs.

const (
	testKey    = "AKIAIOSFODNN7EXAMPLE"
	testSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	testRegion = "us-gov-west-1"
	tokenHost  = "kafka.us-gov-west-1.amazonaws.com"
	brokerHost = "b-1.eventbus.example.org"
	// a session token with every character that needs encoding
	testToken = "FwoGZXIvYXdzEBYaD+a/b==c&d=e%f g~h*i"
)

var signedAt = time.Date(2026, 3, 1, 23, 59, 30, 0, time.UTC)

// presign gives the URL that AWS's SDK makes; expires is text, as one signer
// writes fractions.
func presign(t testing.TB, key aws.Credentials, host, region, expires string, at time.Time, extra ...string) *url.URL {
	t.Helper()
	q := url.Values{"Action": {ConnectAction}, "X-Amz-Expires": {expires}}
	for i := 0; i < len(extra); i += 2 {
		q.Set(extra[i], extra[i+1])
	}
	req, err := http.NewRequest(http.MethodGet, "https://"+host+"/?"+q.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, _, err := v4.NewSigner().PresignHTTP(context.Background(), key, req, emptyBody, KafkaService, region, at)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func credentials(token string) aws.Credentials {
	return aws.Credentials{AccessKeyID: testKey, SecretAccessKey: testSecret, SessionToken: token}
}

// tokenOf makes the bearer token as the official signers do.
func tokenOf(u *url.URL) string {
	q := u.Query()
	q.Set("User-Agent", "signer/1.0 (go)")
	c := *u
	c.RawQuery = q.Encode()
	return base64.RawURLEncoding.EncodeToString([]byte(c.String()))
}

// payloadOf makes the fields of an AWS_MSK_IAM message from a presigned URL.
func payloadOf(u *url.URL) map[string]string {
	m := map[string]string{"version": PayloadVersion, "host": u.Host, "user-agent": "client/1.0"}
	for k, v := range u.Query() {
		m[strings.ToLower(k)] = v[0]
	}
	return m
}

func encode(t testing.TB, m map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(m); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(b.Bytes())
}

// accept runs all that a login runs.
func accept(s *Signed, err error, secret string, now time.Time) error {
	if err != nil {
		return err
	}
	if err := s.Check(Rules{Now: now}); err != nil {
		return err
	}
	return s.Verify(secret)
}

// refused wants a *Failure of one check, whose words keep every secret.
func refused(t testing.TB, err error, check string) {
	t.Helper()
	f, ok := err.(*Failure)
	if !ok {
		t.Fatalf("got %v, want a failure of check %q", err, check)
	}
	if f.Check != check {
		t.Fatalf("failed check %q (%s), want %q", f.Check, f.Detail, check)
	}
	if strings.Contains(f.Detail, testSecret) || strings.Contains(f.Detail, testToken) {
		t.Fatalf("the failure gives a secret away: %s", f.Detail)
	}
}

// rounds is how often random tests run: a hundred times as often in the soak
// (EVENTBUS_SOAK=1).
func rounds(n int) int {
	if os.Getenv("EVENTBUS_SOAK") == "1" {
		return 100 * n
	}
	return n
}

// random logs its seed; EVENTBUS_SEED repeats a run.
func random(t testing.TB) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("EVENTBUS_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	t.Logf("EVENTBUS_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

func TestSigningKeyOfAWSDocumentation(t *testing.T) {
	key := SigningKey("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", "us-east-1", "iam")
	if got := hex.EncodeToString(key[:]); got != "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9" {
		t.Fatal(got)
	}
}

func TestOfficialSignersToken(t *testing.T) {
	for _, session := range []string{"", testToken} {
		provider := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return credentials(session), nil
		})
		token, _, err := signer.GenerateAuthTokenFromCredentialsProvider(context.Background(), testRegion, provider)
		if err != nil {
			t.Fatal(err)
		}
		s, err := ParseToken(token)
		if err := accept(s, err, testSecret, time.Now()); err != nil {
			t.Fatal(err)
		}
		if s.AccessKeyID != testKey || s.SessionToken != session || s.Host != tokenHost || s.Expires != MaxExpires ||
			!strings.HasPrefix(s.UserAgent, "aws-msk-iam-sasl-signer-go/") {
			t.Fatalf("%+v", s)
		}
		refused(t, s.Verify(testSecret+"x"), CheckSignature)
		refused(t, s.Verify(""), CheckSignature)
	}
}

func TestFranzGoPayload(t *testing.T) {
	for _, session := range []string{"", testToken} {
		auth := kaws.Auth{AccessKey: testKey, SecretKey: testSecret, SessionToken: session}
		_, message, err := auth.AsManagedStreamingIAMMechanism().Authenticate(context.Background(), "b-1.x."+testRegion+".amazonaws.com:9098")
		if err != nil {
			t.Fatal(err)
		}
		s, err := ParsePayload(message)
		if err := accept(s, err, testSecret, time.Now()); err != nil {
			t.Fatal(err)
		}
		if s.SessionToken != session || s.Expires != 5*time.Minute {
			t.Fatalf("%+v", s)
		}
		refused(t, s.Verify("another"), CheckSignature)
	}
}

// TestRandomSignatures signs with AWS's SDK under random keys, tokens, times
// and hosts; all three forms must be accepted, and refused under another secret.
func TestRandomSignatures(t *testing.T) {
	r := random(t)
	for range rounds(10_000) {
		key := aws.Credentials{AccessKeyID: word(r, 20), SecretAccessKey: printable(r, 1+r.IntN(64))}
		if r.IntN(2) == 0 {
			key.SessionToken = printable(r, 1+r.IntN(800))
		}
		at := time.Unix(1_700_000_000+r.Int64N(1e9), 0).UTC()
		now := at.Add(time.Duration(r.IntN(900)) * time.Second)
		u := presign(t, key, tokenHost, testRegion, "900", at)
		token, err := ParseToken(tokenOf(u))
		if err := accept(token, err, key.SecretAccessKey, now); err != nil {
			t.Fatalf("token %s: %v", u, err)
		}
		message := encode(t, payloadOf(presign(t, key, word(r, 12)+".example.org", testRegion, "300", at)))
		payload, err := ParsePayload(message)
		if err := accept(payload, err, key.SecretAccessKey, at); err != nil {
			t.Fatalf("payload %s: %v", message, err)
		}
		header, err := parseRequest(signedRequest(t, key, "Action=GetCallerIdentity&N="+word(r, 9), at))
		if err := accept(header, err, key.SecretAccessKey, at); err != nil {
			t.Fatalf("header: %v", err)
		}
		for _, s := range []*Signed{token, payload, header} {
			if s.SessionToken != key.SessionToken || s.AccessKeyID != key.AccessKeyID {
				t.Fatalf("read %q %q", s.AccessKeyID, s.SessionToken)
			}
			refused(t, s.Verify(key.SecretAccessKey+"x"), CheckSignature)
		}
	}
}

func word(r *rand.Rand, n int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[r.IntN(len(letters))]
	}
	return string(b)
}

func printable(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('!' + r.IntN('~'-'!'+1))
	}
	return string(b)
}

// signedRequest is a call of STS as AWS's SDK signs it.
func signedRequest(t testing.TB, key aws.Credentials, body string, at time.Time) (*http.Request, string) {
	t.Helper()
	req := httptest.NewRequest(http.MethodPost, "https://sts.us-gov-west-1.amazonaws.com/aws/sts/?b=2&a=x%20y", strings.NewReader(body))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	req.Header.Set("Amz-Sdk-Request", "attempt=1;   max=3")
	sum := sha256.Sum256([]byte(body))
	req.ContentLength = int64(len(body))
	if err := v4.NewSigner().SignHTTP(context.Background(), key, req, hex.EncodeToString(sum[:]), STSService, testRegion, at); err != nil {
		t.Fatal(err)
	}
	return req, body
}

func parseRequest(req *http.Request, body string) (*Signed, error) {
	return ParseHeader(req.Method, req.Host, req.URL.EscapedPath(), req.URL.RawQuery, req.Header, []byte(body))
}

// TestOneBitMutants turns one bit of a valid token, of the URL inside it, or of
// a payload. Every mutant is refused, save where the bit lies in the user agent,
// which no signature covers and nothing is decided on.
func TestOneBitMutants(t *testing.T) {
	r := random(t)
	u := presign(t, credentials("AbC+/="), tokenHost, testRegion, "900", signedAt)
	token := tokenOf(u)
	plainURL, _ := base64.RawURLEncoding.DecodeString(token)
	payload := encode(t, payloadOf(u))
	for range rounds(10_000) {
		var s *Signed
		var err error
		var mutant, same string
		switch r.IntN(3) {
		case 0:
			mutant = flip(r, token)
			s, err = ParseToken(mutant)
			b, _ := base64.RawURLEncoding.DecodeString(mutant)
			mutant, same = string(b), string(plainURL)
		case 1:
			mutant, same = flip(r, string(plainURL)), string(plainURL)
			s, err = ParseToken(base64.RawURLEncoding.EncodeToString([]byte(mutant)))
		default:
			mutant, same = flip(r, string(payload)), string(payload)
			s, err = ParsePayload([]byte(mutant))
		}
		err = accept(s, err, testSecret, signedAt)
		if err == nil && withoutAgent(mutant) != withoutAgent(same) {
			t.Fatalf("accepted %s", mutant)
		}
		if _, ok := err.(*Failure); err != nil && !ok {
			t.Fatalf("%T: %v", err, err)
		}
	}
}

func flip(r *rand.Rand, s string) string {
	b := []byte(s)
	b[r.IntN(len(b))] ^= 1 << r.IntN(8)
	return string(b)
}

// withoutAgent cuts the value of the user agent out of a URL or a payload.
func withoutAgent(s string) string {
	for _, mark := range [][2]string{{"User-Agent=", "&"}, {`"user-agent":"`, `"`}} {
		if head, tail, ok := strings.Cut(s, mark[0]); ok {
			_, rest, _ := strings.Cut(tail, mark[1])
			s = head + mark[1] + rest
		}
	}
	return s
}

func BenchmarkVerify(b *testing.B) {
	u := presign(b, credentials(strings.Repeat("t", 400)), tokenHost, testRegion, "900", signedAt)
	token, payload := tokenOf(u), encode(b, payloadOf(u))
	initial := fmt.Appendf(nil, "n,,\x01auth=Bearer %s\x01\x01", token)
	b.Run("payload", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s, err := ParsePayload(payload)
			if err := accept(s, err, testSecret, signedAt); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("token", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, token, err := ParseInitialResponse(initial)
			if err != nil {
				b.Fatal(err)
			}
			s, err := ParseToken(token)
			if err := accept(s, err, testSecret, signedAt); err != nil {
				b.Fatal(err)
			}
		}
	})
}
