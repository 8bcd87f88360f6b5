package server

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/audit"
	"github.com/enterprise-event-bus/eventbus/internal/gateway"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

// session signs in at the directory, as the gateway does.
func (b *bus) session(key iam.Secret) *iam.Session {
	b.t.Helper()
	_, message, err := mechanisms[gateway.MechanismOAuth](b.cfg.Deployment.Region, static(key)).Authenticate(b.ctx, "localhost:1")
	if err != nil {
		b.t.Fatal(err)
	}
	s, _, err := b.iam.Login(b.ctx, gateway.MechanismOAuth, message, "127.0.0.1:40000", "iam")
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// TestDeniedRequestsDoNotFlood: however often one principal is denied the same,
// the record gets at most two entries a minute, whose counts add up to all calls
// but those of the running minute, and the log one line. In the soak
// (EVENTBUS_SOAK=1) it is denied 1,200,000 times, else a hundredth of that.
func TestDeniedRequestsDoNotFlood(t *testing.T) {
	const minutes = 3
	perMinute := 4_000
	if os.Getenv("EVENTBUS_SOAK") == "1" {
		perMinute *= 100
	}
	b := startBus(t, nil)
	s := b.session(b.principal("app", policy.MayOnlyConnect(b.arns())))
	secret := b.arns().Topic("secret")
	for minute := range minutes {
		b.later.Store(int64(time.Duration(minute) * time.Minute))
		var asking sync.WaitGroup
		for range 10 {
			asking.Go(func() {
				for range perMinute / 10 {
					if b.iam.Decide(b.ctx, s, "kafka-cluster:ReadData", secret).Allowed {
						t.Error("allowed")
					}
				}
			})
		}
		asking.Wait()
	}
	b.later.Store(int64(minutes * time.Minute))
	b.iam.Decide(b.ctx, s, "kafka-cluster:ReadData", secret) // writes the count of the minute before
	var counted int64
	byMinute := map[time.Time]int{}
	for _, e := range b.entries(eventbus.AuditQuery{Actor: b.userARN("app"), Action: "kafka-cluster:ReadData"}) {
		counted += e.Count
		if byMinute[e.Time.Truncate(time.Minute)]++; e.Outcome != eventbus.OutcomeDenied || e.Resource != secret || !strings.Contains(e.Reason, "no statement allows kafka-cluster:ReadData") {
			t.Errorf("entry %+v", e)
		}
	}
	for minute, entries := range byMinute {
		if entries > 2 {
			t.Errorf("%d entries in the minute of %v", entries, minute)
		}
	}
	if want := int64(minutes*perMinute + 1); counted != want {
		t.Errorf("%d calls in the record, want %d", counted, want)
	}
	if lines := len(b.log.with("msg", "request denied")); lines > minutes+2 {
		t.Errorf("%d lines in the log", lines)
	}
	if report, err := audit.Verify(b.ctx, b.store); err != nil || !report.OK() {
		t.Errorf("the chain: %+v, %v", report, err)
	}
}

// TestDeniedRequestsOnTheWire: a client that asks again and again for what it may
// not is answered each time, and fills neither record nor log.
func TestDeniedRequestsOnTheWire(t *testing.T) {
	b := startBus(t, nil)
	b.topics("secret")
	kafka := b.client(mechanisms[gateway.MechanismOAuth](b.cfg.Deployment.Region, static(b.principal("app", policy.MayOnlyConnect(b.arns())))))
	if err := kafka.Ping(b.ctx); err != nil {
		t.Fatal(err)
	}
	for range 2000 {
		topic := kmsg.NewListOffsetsRequestTopic()
		topic.Topic, topic.Partitions = "secret", []kmsg.ListOffsetsRequestTopicPartition{kmsg.NewListOffsetsRequestTopicPartition()}
		request := kmsg.NewPtrListOffsetsRequest()
		request.ReplicaID, request.Topics = -1, []kmsg.ListOffsetsRequestTopic{topic}
		answer, err := kafka.Broker(0).Request(b.ctx, request)
		if err != nil {
			t.Fatal(err)
		}
		if code := answer.(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0].ErrorCode; code != kerr.TopicAuthorizationFailed.Code {
			t.Fatalf("code %d", code)
		}
	}
	entries := b.entries(eventbus.AuditQuery{Actor: b.userARN("app"), Resource: b.arns().Topic("secret")})
	if len(entries) == 0 || len(entries) > 4 { // two minutes at most
		t.Errorf("%d entries", len(entries))
	}
	denied := b.log.with("msg", "request denied")
	if len(denied) != 1 || denied[0]["principal"] != b.userARN("app") || denied[0]["resource"] != b.arns().Topic("secret") {
		t.Fatalf("log %+v", denied)
	}
	contains(t, "the log", fmt.Sprint(denied[0]["reason"]), "no statement allows", "missing: ")
}

// TestTooManyLogins: logins above the rate get MSK's other text, and are in the
// record too.
func TestTooManyLogins(t *testing.T) {
	b := startBus(t, func(c *Config) { c.Gateway.LoginsPerSecond = 1 })
	mechanism := mechanisms[gateway.MechanismOAuth](b.cfg.Deployment.Region, static(b.principal("app", policy.MayOnlyConnect(b.arns()))))
	var signingIn sync.WaitGroup
	var mu sync.Mutex
	refused := 0
	for range 8 {
		kafka := b.client(mechanism, kgo.RequestRetries(0))
		signingIn.Go(func() {
			err := kafka.Ping(b.ctx)
			mu.Lock()
			defer mu.Unlock()
			if errors.Is(err, kerr.SaslAuthenticationFailed) && strings.HasSuffix(err.Error(), "]: Too many connects") {
				refused++
			} else if err != nil {
				t.Errorf("the client sees %v", err)
			}
		})
	}
	signingIn.Wait()
	entries := b.entries(eventbus.AuditQuery{Action: "login." + string(iam.CheckLimit)})
	if refused < 4 || len(entries) == 0 || entries[0].Outcome != eventbus.OutcomeDenied {
		t.Fatalf("%d refused, audit %+v", refused, entries)
	}
	contains(t, "the record", entries[0].Reason, "on iam", "next: let clients keep their connections")
}
