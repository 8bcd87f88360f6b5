package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/client"
)

// consumption is what `consume` was asked to do.
type consumption struct {
	topic    string
	group    string
	count    int  // stop after so many; 0 = no limit
	follow   bool // wait for more at the end
	envelope bool // print partition, offset, time, key and schema id around the value
	fromEnd  bool
}

func (a *app) consumeCommand() *cobra.Command {
	var c consumption
	cmd := &cobra.Command{
		Use:   "consume TOPIC",
		Short: "Print a topic's records as JSON lines, decoded by their schema",
		Long: "Prints each record's value as one line of JSON: dates as dates, timestamps in RFC 3339. Without --follow it\n" +
			"ends where the topic ended when it began. Reading as a member of a --group commits what was printed.",
		Example: "  eventbus consume test --count 10",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c.topic = args[0]
			return a.consume(cmd.Context(), c)
		},
	}
	cmd.Flags().StringVar(&c.group, "group", "", "consume as a member of this consumer group")
	cmd.Flags().IntVarP(&c.count, "count", "n", 0, "stop after so many records")
	cmd.Flags().BoolVarP(&c.follow, "follow", "f", false, "wait for more records at the end")
	cmd.Flags().BoolVar(&c.envelope, "envelope", false, "print partition, offset, time, key and schema id around each value")
	cmd.Flags().BoolVar(&c.fromEnd, "from-end", false, "begin with records produced from now on (implies --follow)")
	return cmd
}

func (a *app) consume(ctx context.Context, c consumption) error {
	c.follow = c.follow || c.fromEnd
	start := kgo.NewOffset().AtStart()
	if c.fromEnd {
		start = kgo.NewOffset().AtEnd()
	}
	opts := []kgo.Opt{kgo.ConsumeTopics(c.topic), kgo.ConsumeResetOffset(start)}
	if c.group != "" {
		opts = append(opts, kgo.ConsumerGroup(c.group), kgo.DisableAutoCommit())
	}
	kafka, serde, err := a.kafka(ctx, opts...)
	if err != nil {
		return err
	}
	defer kafka.Close()
	ends, err := topicEnds(ctx, kafka, c.topic)
	if err != nil {
		return err
	}
	if !c.follow && c.group == "" && ends.reached(nil) {
		return nil
	}
	return a.poll(ctx, kafka, serde, c, ends)
}

// poll prints records until the count is reached, the end is, or ctx ends.
func (a *app) poll(ctx context.Context, kafka *kgo.Client, serde *client.Serde, c consumption, ends partitionEnds) error {
	printed := 0
	next := map[int32]int64{}
	for {
		pollCtx, cancel := a.pollContext(ctx, c)
		fetches := kafka.PollFetches(pollCtx)
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(fetches.Err0(), context.DeadlineExceeded) { // a group that was at the end already
			return nil
		}
		for _, failure := range fetches.Errors() {
			return kafkaError(failure.Err, "consume "+c.topic)
		}
		for iter := fetches.RecordIter(); !iter.Done(); {
			record := iter.Next()
			if err := a.printRecord(ctx, serde, record, c.envelope); err != nil {
				return err
			}
			next[record.Partition] = record.Offset + 1
			if printed++; printed == c.count {
				return a.commit(ctx, kafka, c, record)
			}
		}
		if c.group != "" {
			if err := kafka.CommitUncommittedOffsets(ctx); err != nil {
				return kafkaError(err, "commit offsets of group "+c.group)
			}
		}
		if !c.follow && ends.reached(next) {
			return nil
		}
	}
}

// pollContext bounds the wait of a group member that does not follow: a group
// may stand at the end already, and then no record comes to say so.
func (a *app) pollContext(ctx context.Context, c consumption) (context.Context, context.CancelFunc) {
	if c.group != "" && !c.follow {
		return context.WithTimeout(ctx, 10*time.Second)
	}
	return context.WithCancel(ctx)
}

func (a *app) commit(ctx context.Context, kafka *kgo.Client, c consumption, last *kgo.Record) error {
	if c.group == "" {
		return nil
	}
	if err := kafka.CommitRecords(ctx, last); err != nil {
		return kafkaError(err, "commit offsets of group "+c.group)
	}
	return nil
}

func (a *app) printRecord(ctx context.Context, serde *client.Serde, record *kgo.Record, envelope bool) error {
	value := json.RawMessage("null")
	if record.Value != nil {
		decoded, err := serde.Decode(ctx, record.Value)
		if err != nil {
			return fmt.Errorf("partition %d offset %d: %w", record.Partition, record.Offset, err)
		}
		value = decoded
	}
	if !envelope {
		_, err := fmt.Fprintf(a.out, "%s\n", value)
		return err
	}
	id, _ := client.SchemaID(record.Value)
	line, err := json.Marshal(struct {
		Topic     string          `json:"topic"`
		Partition int32           `json:"partition"`
		Offset    int64           `json:"offset"`
		Time      time.Time       `json:"time"`
		Key       *string         `json:"key"`
		SchemaID  int             `json:"schemaId,omitempty"`
		Value     json.RawMessage `json:"value"`
	}{record.Topic, record.Partition, record.Offset, record.Timestamp.UTC(), keyText(record.Key), id, value})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "%s\n", line)
	return err
}

func keyText(key []byte) *string {
	if key == nil {
		return nil
	}
	text := string(key)
	return &text
}

// partitionEnds are the offsets at which a topic ended when consume began.
type partitionEnds map[int32]struct{ start, end int64 }

func topicEnds(ctx context.Context, kafka *kgo.Client, topic string) (partitionEnds, error) {
	admin := kadm.NewClient(kafka)
	starts, err := admin.ListStartOffsets(ctx, topic)
	if err != nil {
		return nil, kafkaError(err, "read the offsets of "+topic)
	}
	last, err := admin.ListCommittedOffsets(ctx, topic)
	if err != nil {
		return nil, kafkaError(err, "read the offsets of "+topic)
	}
	ends := partitionEnds{}
	for partition, offset := range last[topic] {
		if offset.Err != nil {
			return nil, kafkaError(offset.Err, "read the offsets of "+topic)
		}
		begin, _ := starts.Lookup(topic, partition)
		ends[partition] = struct{ start, end int64 }{begin.Offset, offset.Offset}
	}
	if len(ends) == 0 {
		return nil, eventbus.Errorf(eventbus.CodeNotFound, "there is no topic %q", topic)
	}
	return ends, nil
}

// reached reports whether every partition has been read to its end.
func (p partitionEnds) reached(next map[int32]int64) bool {
	for partition, bounds := range p {
		if bounds.end > bounds.start && next[partition] < bounds.end {
			return false
		}
	}
	return true
}
