package sigv4

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestClockEdges walks over both ends of validity, and over jumps of the clock.
func TestClockEdges(t *testing.T) {
	payload := func(t *testing.T) *Signed {
		s, err := ParsePayload(encode(t, validPayload(t, "300")))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	header := func(t *testing.T) *Signed {
		s, err := parseRequest(signedRequest(t, credentials(""), "Action=GetCallerIdentity", signedAt))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, c := range []struct {
		name   string
		signed func(*testing.T) *Signed
		after  time.Duration
		check  string
	}{
		{"payload at once", payload, 0, ""},
		{"payload 5 min early", payload, -5 * time.Minute, ""},
		{"payload 5 min and 1 ns early", payload, -5*time.Minute - 1, CheckNotYet},
		{"payload 10 min early", payload, -10 * time.Minute, CheckNotYet},
		{"payload a year early", payload, -365 * 24 * time.Hour, CheckNotYet},
		{"payload at its end", payload, 300 * time.Second, ""},
		{"payload at the end of grace", payload, 330 * time.Second, ""},
		{"payload after grace", payload, 330*time.Second + 1, CheckExpired},
		{"payload a year late", payload, 365 * 24 * time.Hour, CheckExpired},
		{"header at once", header, 0, ""},
		{"header 5 min early", header, -5 * time.Minute, ""},
		{"header early", header, -5*time.Minute - 1, CheckNotYet},
		{"header 5 min late", header, 5 * time.Minute, ""},
		{"header late", header, 5*time.Minute + 1, CheckExpired},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.signed(t).Check(Rules{Now: signedAt.Add(c.after)})
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

func TestZeroTimeRefuses(t *testing.T) {
	s, err := ParsePayload(encode(t, validPayload(t, "300")))
	if err != nil {
		t.Fatal(err)
	}
	refused(t, s.Check(Rules{}), CheckNotYet)
}

func TestRules(t *testing.T) {
	const here = "eventbus.example.org"
	for _, c := range []struct {
		name   string
		signed string // host
		region string
		rules  Rules
		check  string
	}{
		{"lenient", "10-0-0-1.rdns.example.net", testRegion, Rules{}, ""},
		{"our name", here, testRegion, Rules{Hosts: []string{"x", here}}, ""},
		{"the service's name", tokenHost, testRegion, Rules{Hosts: []string{here}}, ""},
		{"the service's name elsewhere", "kafka.us-east-1.amazonaws.com", testRegion, Rules{Hosts: []string{here}}, CheckHost},
		{"another name", "evil.example.org", testRegion, Rules{Hosts: []string{here}}, CheckHost},
		{"another case", strings.ToUpper(here), testRegion, Rules{Hosts: []string{here}}, CheckHost},
		{"suffix", "x." + here, testRegion, Rules{Hosts: []string{here}}, CheckHost},
		{"region by default", here, "us-gov-east-1", Rules{}, CheckRegion},
		{"region allowed", here, "us-gov-east-1", Rules{Regions: []string{"us-gov-east-1"}}, ""},
		{"region not allowed", here, testRegion, Rules{Regions: []string{"us-gov-east-1"}}, CheckRegion},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := presign(t, credentials(""), c.signed, c.region, "900", signedAt)
			s, err := ParsePayload(encode(t, payloadOf(u)))
			if err != nil {
				t.Fatal(err)
			}
			c.rules.Now = signedAt
			err = s.Check(c.rules)
			if c.check != "" {
				refused(t, err, c.check)
			} else if err != nil {
				t.Fatal(err)
			}
			if err := s.Verify(testSecret); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestSignatureOfOneServiceIsNoneOfAnother(t *testing.T) {
	s, err := ParsePayload(encode(t, validPayload(t, "900")))
	if err != nil {
		t.Fatal(err)
	}
	s.Form = Header
	refused(t, s.Check(Rules{Now: signedAt}), CheckService)
	h, err := parseRequest(signedRequest(t, credentials(""), "x", signedAt))
	if err != nil {
		t.Fatal(err)
	}
	h.Form, h.signedHeaders, h.Action, h.Expires = Token, "host", ConnectAction, MaxExpires
	refused(t, h.Check(Rules{Now: signedAt}), CheckService)
}

func TestCheckNamesAreDistinctAndClosed(t *testing.T) {
	list := slices.Clone(Checks())
	slices.Sort(list)
	if len(slices.Compact(list)) != len(Checks()) || len(list) != 19 {
		t.Fatal(list)
	}
}

func TestLoggedFormsKeepSecrets(t *testing.T) {
	s, err := ParsePayload(encode(t, validPayload(t, "900")))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.String(); got != "AWS_MSK_IAM "+testKey+"/20260301/us-gov-west-1/kafka-cluster" {
		t.Fatal(got)
	}
	f := fail(CheckHost, "host %s", short(strings.Repeat("x", 1000)+"\n"))
	if len(f.Error()) > 150 || strings.Contains(f.Error(), "\n") {
		t.Fatal(f)
	}
}
