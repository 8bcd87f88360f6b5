package streams

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
)

// TestSeveral: topics, groups and sizes of two clusters are shown as one; a topic
// that lies on the wrong one is nobody's.
func TestSeveral(t *testing.T) {
	lower, upper := newBed(t), newBed(t)
	lower.create(1, "dev_a", "dev_b", "prod_stray")
	upper.create(2, "prod_a")
	ctx := t.Context()
	for bed, topic := range map[*bed]string{lower: "dev_a", upper: "prod_a"} {
		if err := bed.kafka.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte("x")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		var read kadm.Offsets
		read.AddOffset(topic, 0, 0, -1)
		if _, err := bed.admin.CommitOffsets(ctx, "readers-of-"+topic, read); err != nil {
			t.Fatal(err)
		}
	}
	both := Several(func(topic string) *Streams {
		if strings.HasPrefix(topic, "prod_") {
			return upper.Streams
		}
		return lower.Streams
	}, lower.Streams, upper.Streams)

	topics, err := both.Topics(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, topic := range topics {
		if !eventbus.InternalTopic(topic.Name) {
			names = append(names, topic.Name)
		}
	}
	if got := strings.Join(names, " "); got != "dev_a dev_b prod_a" {
		t.Errorf("topics %s", got)
	}
	if topic, err := both.Topic(ctx, "prod_a"); err != nil || topic.Partitions != 2 {
		t.Errorf("prod_a is %+v, %v", topic, err)
	}
	if _, err := both.Topic(ctx, "prod_stray"); eventbus.CodeOf(err) != eventbus.CodeNotFound {
		t.Errorf("a topic on the wrong cluster: %v, want not found", err)
	}
	if partitions, err := both.Partitions(ctx, "prod_a"); err != nil || len(partitions) != 2 {
		t.Errorf("partitions %+v, %v", partitions, err)
	}
	groups, err := both.Groups(ctx, "readers-of-")
	if err != nil || len(groups) != 2 {
		t.Errorf("groups %+v, %v", groups, err)
	}
	if group, err := both.Group(ctx, "readers-of-prod_a"); err != nil || group.Lag != 1 {
		t.Errorf("group %+v, %v", group, err)
	}
	if _, err := both.Group(ctx, "nobody"); eventbus.CodeOf(err) != eventbus.CodeNotFound {
		t.Errorf("an unknown group: %v, want not found", err)
	}
	lags, err := both.GroupLags(ctx, []string{"readers-of-dev_a", "readers-of-prod_a"})
	if err != nil || lags["readers-of-dev_a"] != 1 || lags["readers-of-prod_a"] != 1 {
		t.Errorf("lags %v, %v", lags, err)
	}
	sizes, err := both.TopicSizes(ctx, []string{"prod_a", "dev_a"})
	if err != nil || len(sizes) != 2 || sizes[0].Topic != "prod_a" || sizes[0].Records != 1 {
		t.Errorf("sizes %+v, %v", sizes, err)
	}
	if _, more, err := both.GroupsOfTopic(ctx, "prod_a"); err != nil || more {
		t.Errorf("groups of prod_a: %v, %v", more, err)
	}
}
