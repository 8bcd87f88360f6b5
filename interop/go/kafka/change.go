package kafka

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Add starts one more broker, which is no controller, and gives its node id.
func (c *Cluster) Add(t testing.TB) int {
	t.Helper()
	ports := FreePorts(t, 1)
	one := &node{id: len(c.nodes) + 1, port: ports[0], dir: t.TempDir(), class: c.nodes[0].class}
	one.config = filepath.Join(one.dir, "server.properties")
	if err := one.format(len(c.nodes), c.voters, nil); err != nil {
		t.Fatal(err)
	}
	if err := one.start(); err != nil {
		t.Fatal(err)
	}
	c.nodes = append(c.nodes, one)
	c.await(t, len(c.nodes))
	return one.id
}

// Address is where a broker listens.
func (c *Cluster) Address(id int) string { return fmt.Sprintf("127.0.0.1:%d", c.nodes[id-1].port) }

// Move makes a broker the only one that keeps partition 0 of a topic, and so its
// leader.
func (c *Cluster) Move(t testing.TB, topic string, id int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Bootstrap...), kgo.MetadataMinAge(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	var request kadm.AlterPartitionAssignmentsReq
	request.Assign(topic, 0, []int32{int32(id)})
	answers, err := admin.AlterPartitionAssignments(ctx, request)
	if err == nil {
		err = answers.Error()
	}
	if err != nil {
		t.Fatalf("move %s to broker %d: %v", topic, id, err)
	}
	for {
		topics, err := admin.ListTopics(kadm.WithAuthorizedOps(ctx), topic)
		if err == nil && topics[topic].Partitions[0].Leader == int32(id) {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("broker %d did not become the leader of %s", id, topic)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
