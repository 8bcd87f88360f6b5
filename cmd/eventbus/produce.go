package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/client"
)

// maxLine bounds one JSON line of input.
const maxLine = 16 << 20

func (a *app) produceCommand() *cobra.Command {
	var subject, key, file string
	cmd := &cobra.Command{
		Use:   "produce TOPIC",
		Short: "Produce JSON lines as Avro records, by the topic's registered schema",
		Long: "Reads one JSON value per line from standard input (or --file), encodes each by the latest schema of the\n" +
			"topic's value subject, and produces it. Nothing is acknowledged to you that the bus did not keep.",
		Example: `  echo '{"name":"Ada","company":"Analytical","dateOfBirth":"1815-12-10","sequenceNumber":1}' | eventbus produce test`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			input := a.in
			if file != "" {
				f, err := os.Open(file)
				if err != nil {
					return eventbus.Errorf(eventbus.CodeNotFound, "open the input: %w", err)
				}
				defer f.Close()
				input = f
			}
			if subject == "" {
				subject = eventbus.ValueSubject(args[0])
			}
			return a.produce(cmd.Context(), input, args[0], subject, key)
		},
	}
	cmd.Flags().StringVar(&subject, "subject", "", "subject whose latest schema encodes the values (default TOPIC-value)")
	cmd.Flags().StringVar(&key, "key", "", "record key, as text, of every record")
	cmd.Flags().StringVar(&file, "file", "", "read JSON lines from a file instead of standard input")
	return cmd
}

func (a *app) produce(ctx context.Context, input io.Reader, topic, subject, key string) error {
	kafka, serde, err := a.kafka(ctx, kgo.RecordDeliveryTimeout(30*time.Second), kgo.DisableIdempotentWrite())
	if err != nil {
		return err
	}
	defer kafka.Close()
	encoder, err := serde.Encoder(ctx, subject)
	if eventbus.CodeOf(err) == eventbus.CodeNotFound {
		return &eventbus.Error{Code: eventbus.CodeNotFound, Message: "there is no schema to encode with: subject " + subject + " is not registered; nothing was produced",
			Next: "`eventbus schema list` shows what there is; --subject names another", Err: err}
	}
	if err != nil {
		return err
	}
	p := production{ctx: ctx, kafka: kafka, topic: topic, key: key}
	err = p.lines(input, encoder)
	if flushErr := kafka.Flush(ctx); flushErr != nil && err == nil {
		err = flushErr
	}
	kept, failed := p.counts()
	a.say("%d records kept in %s", kept, topic)
	return errors.Join(err, failed)
}

// production counts what the bus acknowledged.
type production struct {
	ctx        context.Context
	kafka      *kgo.Client
	topic, key string

	mu   sync.Mutex
	kept int
	err  error
}

func (p *production) lines(input io.Reader, encoder *client.Encoder) error {
	scanner := bufio.NewScanner(input)
	scanner.Buffer(make([]byte, 64<<10), maxLine)
	for number := 1; scanner.Scan(); number++ {
		line := bytes.TrimSpace(scanner.Bytes())
		if len(line) == 0 {
			continue
		}
		value, err := encoder.Encode(line)
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		record := &kgo.Record{Topic: p.topic, Value: value}
		if p.key != "" {
			record.Key = []byte(p.key)
		}
		p.kafka.Produce(p.ctx, record, p.acknowledged)
	}
	return scanner.Err()
}

func (p *production) acknowledged(_ *kgo.Record, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.kept++
	} else if p.err == nil {
		p.err = kafkaError(err, "produce to "+p.topic)
	}
}

func (p *production) counts() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.kept, p.err
}

// kafkaError translates Kafka's error code into the bus's.
func kafkaError(err error, doing string) error {
	code := eventbus.CodeUnavailable
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
		code = eventbus.CodeNotFound
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.GroupAuthorizationFailed),
		errors.Is(err, kerr.ClusterAuthorizationFailed), errors.Is(err, kerr.TransactionalIDAuthorizationFailed):
		code = eventbus.CodeForbidden
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		code = eventbus.CodeUnauthenticated
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge):
		code = eventbus.CodeTooLarge
	case errors.Is(err, kerr.InvalidRecord), errors.Is(err, kerr.InvalidTopicException):
		code = eventbus.CodeInvalid
	}
	next := map[eventbus.Code]string{
		eventbus.CodeNotFound:  "`eventbus topic list` shows what there is",
		eventbus.CodeForbidden: "`eventbus iam simulate` says which statement is missing",
	}[code]
	return &eventbus.Error{Code: code, Message: doing, Next: next, Err: err}
}
