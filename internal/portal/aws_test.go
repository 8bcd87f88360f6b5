package portal

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
)

// onAWS places production on AWS: Amazon MSK's brokers, and principals below the
// environment's path.
func (w *world) onAWS() eventbus.Deployment {
	w.t.Helper()
	at := eventbus.Deployment{Partition: "aws-us-gov", Region: "us-gov-east-1", Account: "210987654321", Cluster: "bus", UUID: "u-1", Path: "eventbus/production/"}
	w.portal.cfg.Environments = func() []eventbus.Environment {
		list := environments()
		list[2].AWS, list[2].BootstrapIAM = at, "b-1.bus.kafka.us-gov-east-1.amazonaws.com:9098,b-2.bus.kafka.us-gov-east-1.amazonaws.com:9098"
		list[2].BootstrapExternal = "b-1-public.bus.kafka.us-gov-east-1.amazonaws.com:9198"
		return list
	}
	w.portal.cfg.STSEndpoint, w.portal.cfg.CAFile = "https://bus.example.gov/aws/sts", "/etc/eventbus/ca.pem"
	for team, principal := range map[string]string{"appointments": at.RoleARN("appointments"), "claims": at.UserARN("claims-mirror")} {
		g := eventbus.Grant{Event: "letter-ready", Environment: "production", Topic: "prod_letter-ready", Direction: eventbus.Consumed, Principal: principal,
			GroupPrefix: team + "*", System: team + "-on-aws", Team: team, Purpose: "Tells the Veteran.", CreatedAt: w.clock()}
		g.ID = eventbus.GrantID(g.Event, g.Environment, g.Direction, g.Principal, g.GroupPrefix)
		_, err := w.store.SaveGrant(context.Background(), g)
		w.ok(err)
	}
	old, err := w.store.Grants(context.Background(), eventbus.GrantQuery{Event: "letter-ready", Environment: "production"})
	w.ok(err)
	for _, g := range old { // those of before, in the bus's own directory
		if !strings.Contains(g.Principal, at.Path) {
			g.RevokedAt = w.clock()
			_, err := w.store.SaveGrant(context.Background(), g)
			w.ok(err)
		}
	}
	return at
}

// TestPagesOnAWS: where clients speak to Amazon MSK, the pages show its brokers and
// the principals on AWS, and say what the bus cannot know, where they would be empty
// or untrue.
func TestPagesOnAWS(t *testing.T) {
	w := fullWorld(t)
	at := w.onAWS()
	for _, page := range []struct {
		who, path  string
		has, lacks []string
	}{
		{"casey", "/catalog/letter-ready/connect?language=java&in=production", []string{"b-1.bus.kafka.us-gov-east-1.amazonaws.com:9098,b-2.bus", at.RoleARN("appointments"),
			"AWS IAM, account 210987654321 (aws-us-gov)", "there is no schema guard", "us-gov-east-1"}, []string{"bus.example.gov:9098", "AWS_ENDPOINT_URL_STS", "ca.pem"}},
		{"casey", "/catalog/letter-ready/connect?language=go&in=production", []string{`&#34;b-1.bus.kafka.us-gov-east-1.amazonaws.com:9098&#34;, &#34;b-2.bus.kafka.us-gov-east-1.amazonaws.com:9098&#34;`}, nil},
		{"pat", "/catalog/letter-ready/connect?language=java&in=production&do=consume", []string{at.UserARN("claims-mirror"), "EB_BOOTSTRAP_SERVERS=b-1-public.bus"}, []string{"awsRoleArn"}},
		{"casey", "/catalog/letter-ready/connect?language=java&in=staging", []string{"bus.example.gov:9098", "AWS_ENDPOINT_URL_STS"}, []string{"AWS IAM, account"}},
		{"casey", "/catalog/letter-ready/consumers", []string{notSeen}, nil},
		{"casey", "/catalog/letter-ready", []string{notSeen, "b-2.bus.kafka.us-gov-east-1.amazonaws.com:9098"}, nil},
		{"casey", "/catalog/letter-ready/metrics?in=production", []string{"Not measured here", "Amazon CloudWatch"}, []string{"Nobody within 90 days"}},
		{"casey", "/catalog/letter-ready/metrics?in=staging", []string{"Records by the hour"}, []string{"Not measured here"}},
		{"casey", "/apps", []string{notSeen}, nil},
		{"casey", "/topics/prod_letter-ready", []string{notSeen}, nil},
		{"casey", "/environments", []string{at.RoleARN(""), "What the bus cannot do here", at.RoleARN("your-role"), "AWS CloudTrail"}, nil},
		{"casey", "/keys/arn:aws-us-gov:iam::210987654321:user%2Feventbus%2Fproduction%2Fclaims-mirror", []string{"eventbus iam key collect " + at.UserARN("claims-mirror")}, nil},
	} {
		response := w.get(page.who, page.path)
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		if w.ok(err); response.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", page.path, response.StatusCode)
		}
		body := string(text)
		for _, want := range page.has {
			if !strings.Contains(body, want) {
				t.Errorf("%s does not say %q", page.path, want)
			}
		}
		for _, not := range page.lacks {
			if strings.Contains(body, not) {
				t.Errorf("%s says %q", page.path, not)
			}
		}
	}
}
