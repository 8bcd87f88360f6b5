package eventbus

import (
	"strings"
	"testing"
	"time"
)

func TestParseIdentityARN(t *testing.T) {
	const account = "123456789012"
	for _, c := range []struct {
		arn  string
		want Principal
	}{
		{"arn:aws-us-gov:iam::123456789012:role/app", Principal{Kind: PrincipalRole, Account: account, Name: "app"}},
		{"arn:aws:iam::123456789012:user/a.b+c=d,e@f-g_h", Principal{Kind: PrincipalUser, Account: account, Name: "a.b+c=d,e@f-g_h"}},
		{"arn:aws-cn:iam::123456789012:role/eventbus/production/app", Principal{Kind: PrincipalRole, Account: account, Name: "app"}},
		{"arn:aws:iam::123456789012:role/" + strings.Repeat("a", 64), Principal{Kind: PrincipalRole, Account: account, Name: strings.Repeat("a", 64)}},
	} {
		c.want.ARN = c.arn
		if got, err := ParseIdentityARN(c.arn); err != nil || got != c.want {
			t.Errorf("%s: %+v %v", c.arn, got, err)
		}
	}
	for _, arn := range []string{"", "app", "*", "arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:role/", "arn:aws:iam::123456789012:role/*",
		"arn:aws:iam::123456789012:role/a?", "arn:aws:iam::12345678901:role/a", "arn:aws:iam::1234567890123:role/a", "arn:aws:iam:us-east-1:123456789012:role/a",
		"arn:aws-iso:iam::123456789012:role/a", "arn:aws:sts::123456789012:assumed-role/a/s", "arn:aws:iam::123456789012:group/a", "arn:aws:iam::123456789012:role//a",
		"arn:aws:iam::123456789012:role/a ", "arn:aws:iam::123456789012:role/a\n", "arn:aws:iam::123456789012:role/" + strings.Repeat("a", 65),
		"ARN:aws:iam::123456789012:role/a", "arn:aws:iam::123456789012:role/${aws:username}", "arn:aws:iam::١٢٣٤٥٦٧٨٩٠١٢:role/a"} {
		if got, err := ParseIdentityARN(arn); CodeOf(err) != CodeInvalid || got != (Principal{}) {
			t.Errorf("%q was read as %+v (%v)", arn, got, err)
		}
	}
}

// TestIdentity: a session is its role, whatever it is called; all others are
// themselves.
func TestIdentity(t *testing.T) {
	session := Principal{ARN: AssumedRoleARN("aws-us-gov", "123456789012", "app", "i-0a1b"), Kind: PrincipalTaken, Account: "123456789012", Name: "app", Session: "i-0a1b"}
	other := session
	other.ARN, other.Session = AssumedRoleARN("aws-us-gov", "123456789012", "app", "again"), "again"
	role, err := ParseIdentityARN(RoleARN("aws-us-gov", "123456789012", "app"))
	if err != nil || session.Identity() != role.ARN || other.Identity() != session.Identity() || role.Identity() != role.ARN {
		t.Errorf("%s, %s, %s, %v", session.Identity(), other.Identity(), role.Identity(), err)
	}
	if local := LocalAdministrator(); local.Identity() != local.ARN || local.String() != "local:administrator" || local.Kind != PrincipalLocal {
		t.Errorf("%+v", local)
	}
	if nobody := (Principal{}); nobody.Identity() != "" {
		t.Errorf("nobody is %q", nobody.Identity())
	}
}

// TestDeploymentNames: the names of AWS MSK and IAM; the path belongs to
// principals only.
func TestDeploymentNames(t *testing.T) {
	d := Deployment{Partition: "aws", Region: "us-east-1", Account: "123456789012", Cluster: "bus", UUID: "0a1b-2", Path: "eventbus/production/"}
	for got, want := range map[string]string{
		d.ClusterARN():            "arn:aws:kafka:us-east-1:123456789012:cluster/bus/0a1b-2",
		d.TopicARN("t"):           "arn:aws:kafka:us-east-1:123456789012:topic/bus/0a1b-2/t",
		d.GroupARN("g/h"):         "arn:aws:kafka:us-east-1:123456789012:group/bus/0a1b-2/g/h",
		d.TransactionalIDARN("x"): "arn:aws:kafka:us-east-1:123456789012:transactional-id/bus/0a1b-2/x",
		d.RoleARN("r"):            "arn:aws:iam::123456789012:role/eventbus/production/r",
		d.UserARN("u"):            "arn:aws:iam::123456789012:user/eventbus/production/u",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	for _, arn := range []string{d.RoleARN("r"), d.UserARN("u"), DemoDeployment().RoleARN("r")} {
		if p, err := ParseIdentityARN(arn); err != nil || len(p.Name) != 1 {
			t.Errorf("%s: %+v %v", arn, p, err)
		}
	}
}

func TestKeyOffer(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	offer := KeyOffer{KeyID: "AKIA", Team: "claims", Contact: "pat", ExpiresAt: now.Add(time.Hour)}
	for name, c := range map[string]struct {
		offer KeyOffer
		at    time.Time
		waits bool
	}{
		"waits":        {offer, now, true},
		"its last day": {offer, offer.ExpiresAt.Add(-1), true},
		"over":         {offer, offer.ExpiresAt, false},
		"collected":    {KeyOffer{KeyID: "AKIA", CollectedAt: now, ExpiresAt: offer.ExpiresAt}, now, false},
		"withdrawn":    {KeyOffer{ExpiresAt: offer.ExpiresAt}, now, false},
	} {
		if c.offer.Waits(c.at) != c.waits {
			t.Errorf("%s: waits %v", name, !c.waits)
		}
	}
	team := []string{"claims"}
	anyone := offer
	anyone.Contact = ""
	for name, c := range map[string]struct {
		offer  KeyOffer
		person Person
		his    bool
	}{
		"by id":               {offer, Person{ID: "pat", Teams: team}, true},
		"by address":          {KeyOffer{Team: "claims", Contact: "pat@example.org"}, Person{ID: "7", Email: "pat@example.org", Teams: team}, true},
		"another of the team": {offer, Person{ID: "kim", Teams: team}, false},
		"left the team":       {offer, Person{ID: "pat", Teams: []string{"letters"}}, false},
		"no contact":          {anyone, Person{ID: "kim", Teams: team}, true},
		"no contact, no team": {anyone, Person{ID: "kim"}, false},
		"nobody":              {anyone, Person{}, false},
	} {
		if c.offer.For(c.person) != c.his {
			t.Errorf("%s: %v", name, !c.his)
		}
	}
}
