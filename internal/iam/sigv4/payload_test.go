package sigv4

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// validPayload is signed by AWS's SDK with a session token.
func validPayload(t testing.TB, expires string) map[string]string {
	return payloadOf(presign(t, credentials(testToken), brokerHost, testRegion, expires, signedAt))
}

func TestPayloadRead(t *testing.T) {
	s, err := ParsePayload(encode(t, validPayload(t, "900")))
	if err := accept(s, err, testSecret, signedAt); err != nil {
		t.Fatal(err)
	}
	want := Signed{
		Form: Payload, AccessKeyID: testKey, SessionToken: testToken, Region: testRegion, Service: KafkaService, ScopeDate: "20260301",
		Host: brokerHost, Action: ConnectAction, Date: signedAt, Expires: MaxExpires, UserAgent: "client/1.0",
	}
	got := *s
	got.algorithm, got.terminator, got.signedHeaders, got.date, got.request, got.signature = "", "", "", "", [32]byte{}, [32]byte{}
	if got != want {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

func TestPayloadFieldMissingEmptyDoubled(t *testing.T) {
	for name := range validPayload(t, "900") {
		optional := name == "user-agent"
		t.Run(name, func(t *testing.T) {
			m := validPayload(t, "900")
			delete(m, name)
			s, err := ParsePayload(encode(t, m))
			err = accept(s, err, testSecret, signedAt)
			switch {
			case optional && err != nil:
				t.Fatal(err)
			case name == "x-amz-security-token": // it may be missing, but it was signed
				refused(t, err, CheckSignature)
			case !optional:
				refused(t, err, CheckField)
			}

			m[name] = ""
			_, err = ParsePayload(encode(t, m))
			if optional && err != nil {
				t.Fatal(err)
			} else if !optional {
				refused(t, err, CheckField)
			}

			text := string(encode(t, validPayload(t, "900")))
			value, _ := json.Marshal(validPayload(t, "900")[name])
			_, err = ParsePayload([]byte(fmt.Sprintf(`{%q:%s,%s`, name, value, text[1:])))
			refused(t, err, CheckField)

			upper := strings.Replace(text, `"`+name+`"`, `"`+strings.ToUpper(name)+`"`, 1)
			_, err = ParsePayload([]byte(upper))
			refused(t, err, CheckField)
		})
	}
}

// TestPayloadTampered changes one field of a valid payload.
func TestPayloadTampered(t *testing.T) {
	scope := "/20260301/us-gov-west-1/kafka-cluster/aws4_request"
	for _, c := range []struct{ field, value, check string }{
		{"version", "2020_10_23", CheckVersion},
		{"host", "b-2.eventbus.example.org", CheckSignature},
		{"host", "B-1.eventbus.example.org", CheckSignature},
		{"host", "a b", CheckField},
		{"host", "x\n\nhost\n", CheckField},
		{"host", "user@x", CheckField},
		{"user-agent", "anything", ""},
		{"action", "kafka-cluster:connect", CheckAction},
		{"action", "kafka-cluster:*", CheckAction},
		{"x-amz-algorithm", "AWS4-HMAC-SHA1", CheckAlgorithm},
		{"x-amz-algorithm", "aws4-hmac-sha256", CheckAlgorithm},
		{"x-amz-algorithm", "none", CheckAlgorithm},
		{"x-amz-algorithm", "AWS4-ECDSA-P256-SHA256", CheckAlgorithm},
		{"x-amz-credential", "AKIAOTHER" + scope, CheckSignature},
		{"x-amz-credential", testKey, CheckCredential},
		{"x-amz-credential", testKey + scope + "/x", CheckCredential},
		{"x-amz-credential", scope, CheckCredential},
		{"x-amz-credential", "AK IA" + scope, CheckCredential},
		{"x-amz-credential", strings.Repeat("A", 129) + scope, CheckCredential},
		{"x-amz-credential", testKey + "/20260302/us-gov-west-1/kafka-cluster/aws4_request", CheckScopeDay},
		{"x-amz-credential", testKey + "/20260301/us-east-1/kafka-cluster/aws4_request", CheckRegion},
		{"x-amz-credential", testKey + "/20260301/us-gov-west-1/sts/aws4_request", CheckService},
		{"x-amz-credential", testKey + "/20260301/us-gov-west-1/kafka-cluster/aws4", CheckTerminator},
		{"x-amz-date", "20260301T235931Z", CheckSignature},
		{"x-amz-date", "20260302T000000Z", CheckScopeDay},
		{"x-amz-date", "2026-03-01T23:59:30Z", CheckDate},
		{"x-amz-date", "20260301T235930+0000", CheckDate},
		{"x-amz-date", "20260301T235930.5Z", CheckDate},
		{"x-amz-date", "20260231T000000Z", CheckDate},
		{"x-amz-date", "20260301T240000Z", CheckDate},
		{"x-amz-security-token", "other", CheckSignature},
		{"x-amz-signedheaders", "host;x-amz-date", CheckSignedHeaders},
		{"x-amz-signedheaders", "Host", CheckSignedHeaders},
		{"x-amz-expires", "899", CheckSignature},
		{"x-amz-expires", "0", CheckExpires},
		{"x-amz-expires", "901", CheckExpires},
		{"x-amz-expires", "900.000000001", CheckExpires},
		{"x-amz-expires", "-1", CheckExpires},
		{"x-amz-expires", "+9", CheckExpires},
		{"x-amz-expires", "9e2", CheckExpires},
		{"x-amz-expires", "0x10", CheckExpires},
		{"x-amz-expires", "1.", CheckExpires},
		{"x-amz-expires", ".5", CheckExpires},
		{"x-amz-expires", "9999999999999999999999", CheckExpires},
		{"x-amz-expires", "NaN", CheckExpires},
		{"x-amz-expires", " 900", CheckExpires},
		{"x-amz-signature", strings.Repeat("0", 64), CheckSignature},
		{"x-amz-signature", strings.Repeat("0", 62), CheckSignatureForm},
		{"x-amz-signature", strings.Repeat("g", 64), CheckSignatureForm},
		{"x-amz-signature", strings.Repeat("A", 64), CheckSignatureForm},
	} {
		t.Run(c.field+"="+c.value, func(t *testing.T) {
			m := validPayload(t, "900")
			m[c.field] = c.value
			s, err := ParsePayload(encode(t, m))
			err = accept(s, err, testSecret, signedAt)
			if c.check == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			refused(t, err, c.check)
		})
	}
}

func TestPayloadExpiresLeniently(t *testing.T) {
	for _, expires := range []string{"1", "300", "900", "123.443", "0.5", "899.999999999", "900.0"} {
		m := validPayload(t, expires)
		text := string(encode(t, m))
		number := strings.Replace(text, `"`+expires+`"`, expires, 1)
		if number == text {
			t.Fatal("no change")
		}
		for _, text := range []string{text, number} {
			s, err := ParsePayload([]byte(text))
			if err := accept(s, err, testSecret, signedAt); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
		}
	}
}

func TestPayloadReordered(t *testing.T) {
	m := validPayload(t, "900")
	r := random(t)
	for range 50 {
		var parts []string
		for k, v := range m {
			value, _ := json.Marshal(v)
			parts = append(parts, fmt.Sprintf(" %q :\t%s\n", k, value))
		}
		r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		s, err := ParsePayload([]byte("{" + strings.Join(parts, ",") + "}"))
		if err := accept(s, err, testSecret, signedAt); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPayloadSyntax(t *testing.T) {
	valid := string(encode(t, validPayload(t, "900")))
	for _, c := range []struct{ name, text, check string }{
		{"empty", "", CheckSyntax},
		{"null", "null", CheckSyntax},
		{"array", "[" + valid + "]", CheckSyntax},
		{"string", `"x"`, CheckSyntax},
		{"cut", valid[:len(valid)-1], CheckSyntax},
		{"twice", valid + valid, CheckSyntax},
		{"trailing text", valid + "x", CheckSyntax},
		{"not UTF-8", strings.Replace(valid, "client", "\xff", 1), CheckSyntax},
		{"unknown field", `{"x":"y",` + valid[1:], CheckField},
		{"object as value", `{"host":{},` + valid[1:], CheckField},
		{"number as host", strings.Replace(valid, `"`+brokerHost+`"`, "7", 1), CheckField},
		{"null as host", strings.Replace(valid, `"`+brokerHost+`"`, "null", 1), CheckField},
		{"true as expires", strings.Replace(valid, `"900"`, "true", 1), CheckField},
		{"nothing in it", "{}", CheckField},
		{"too long", valid + strings.Repeat(" ", MaxPayload), CheckSize},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := ParsePayload([]byte(c.text))
			if s != nil {
				t.Fatal("a Signed together with an error")
			}
			refused(t, err, c.check)
		})
	}
}

func FuzzParsePayload(f *testing.F) {
	f.Add(encode(f, validPayload(f, "900")))
	f.Add(encode(f, validPayload(f, "123.443")))
	f.Add([]byte(`{"x-amz-expires":900,"host":""}`))
	f.Add([]byte(strings.Replace(string(encode(f, validPayload(f, "900"))), "client", `\u0063\"\\li\ud800ent`, 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParsePayload(b)
		whole(t, s, err)
		if err != nil {
			return
		}
		var read map[string]any // by encoding/json, which has another idea of two members of one name only
		if err := json.Unmarshal(b, &read); err != nil {
			t.Fatalf("accepted, but %v", err)
		}
		for name, got := range map[string]string{"host": s.Host, "action": s.Action, "user-agent": s.UserAgent, "x-amz-security-token": s.SessionToken} {
			if want, _ := read[name].(string); got != want {
				t.Fatalf("%s is %q, read as %q", name, want, got)
			}
		}
	})
}

// whole checks what every parser promises.
func whole(t *testing.T, s *Signed, err error) {
	t.Helper()
	if (s == nil) == (err == nil) {
		t.Fatalf("%v with %v", s, err)
	}
	if err != nil {
		if _, ok := err.(*Failure); !ok {
			t.Fatalf("%T", err)
		}
		return
	}
	if s.AccessKeyID == "" || s.Host == "" || s.Expires < 0 || s.Date.IsZero() {
		t.Fatalf("%+v", s)
	}
	_ = s.Check(Rules{Now: s.Date})
	if s.Verify("a secret that nobody has") == nil {
		t.Fatal("verified")
	}
}
