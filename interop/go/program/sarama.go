package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

// saramas is Sarama.
type saramas struct{}

// Token makes it an AccessTokenProvider with AWS's own signer.
func (saramas) Token() (*sarama.AccessToken, error) {
	token, err := mskToken(context.Background())
	return &sarama.AccessToken{Token: token}, err
}

func (s saramas) config() (*sarama.Config, error) {
	c := sarama.NewConfig()
	c.Version = sarama.MaxVersion
	c.ClientID = "interop-sarama"
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Return.Successes = true
	c.Producer.Retry.Max = 3
	c.Metadata.Retry.Max = 1
	c.Metadata.AllowAutoTopicCreation = false
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.IsolationLevel = sarama.ReadCommitted
	tls, err := secure()
	if err != nil || tls == nil {
		return c, err
	}
	if os.Getenv("INTEROP_MECHANISM") != "OAUTHBEARER" {
		return nil, lacking("Sarama has no AWS_MSK_IAM; it signs in by OAUTHBEARER")
	}
	c.Net.TLS.Enable, c.Net.TLS.Config = true, tls
	c.Net.SASL.Enable, c.Net.SASL.Mechanism, c.Net.SASL.TokenProvider = true, sarama.SASLTypeOAuth, s
	return c, nil
}

func addresses() []string { return strings.Split(os.Getenv("EB_BOOTSTRAP_SERVERS"), ",") }

func (s saramas) produce(_ context.Context, feature, mark string) error {
	c, err := s.config()
	if err != nil {
		return err
	}
	switch feature {
	case "transactions":
		c.Producer.Transaction.ID = mark
		fallthrough
	case "idempotent":
		c.Producer.Idempotent, c.Net.MaxOpenRequests = true, 1
	default:
		c.Producer.Compression = map[string]sarama.CompressionCodec{"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP,
			"snappy": sarama.CompressionSnappy, "lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD}[feature]
		c.Producer.Flush.Frequency = 20 * time.Millisecond
	}
	p, err := sarama.NewSyncProducer(addresses(), c)
	if err != nil {
		return err
	}
	defer p.Close()
	if feature != "transactions" {
		return first(p.SendMessages(messages(values(mark))))
	}
	for _, one := range []struct {
		mark string
		end  func() error
	}{{mark, p.CommitTxn}, {mark + "-aborted", p.AbortTxn}} {
		if err := p.BeginTxn(); err != nil {
			return err
		}
		if err := first(p.SendMessages(messages(values(one.mark)))); err != nil {
			return err
		}
		if err := one.end(); err != nil {
			return err
		}
	}
	return nil
}

// first gives the first error of many.
func first(err error) error {
	var many sarama.ProducerErrors
	if errors.As(err, &many) && len(many) > 0 {
		return many[0].Err
	}
	return err
}

func (s saramas) send(_ context.Context, values [][]byte) error {
	c, err := s.config()
	if err != nil {
		return err
	}
	p, err := sarama.NewSyncProducer(addresses(), c)
	if err != nil {
		return err
	}
	defer p.Close()
	return first(p.SendMessages(messages(values)))
}

func (s saramas) stay(_ context.Context, values <-chan []byte) error {
	c, err := s.config()
	if err != nil {
		return err
	}
	p, err := sarama.NewSyncProducer(addresses(), c)
	if err != nil {
		return err
	}
	defer p.Close()
	for v := range values {
		if err := first(p.SendMessages(messages([][]byte{v}))); err != nil {
			return err
		}
	}
	return nil
}

func messages(values [][]byte) []*sarama.ProducerMessage {
	var all []*sarama.ProducerMessage
	for _, v := range values {
		all = append(all, &sarama.ProducerMessage{Topic: topic, Value: sarama.ByteEncoder(v)})
	}
	return all
}

func (s saramas) consume(ctx context.Context, feature, group string, see func([]byte) bool) error {
	if feature == "next" {
		return lacking("Sarama does not speak KIP-848")
	}
	c, err := s.config()
	if err != nil {
		return err
	}
	g, err := sarama.NewConsumerGroup(addresses(), group, c)
	if err != nil {
		return err
	}
	defer g.Close()
	enough := &reader{see: see, found: make(chan struct{})}
	if err := g.Consume(ctx, []string{topic}, enough); err != nil {
		return err
	}
	select {
	case <-enough.found:
		return nil
	default:
		return errors.New("the expected records did not come")
	}
}

// reader ends its session when it has seen enough; `test` has one partition or
// several, each with a claim of its own.
type reader struct {
	see   func([]byte) bool
	lock  chan struct{}
	found chan struct{}
}

// Setup begins a session.
func (r *reader) Setup(sarama.ConsumerGroupSession) error {
	r.lock = make(chan struct{}, 1)
	return nil
}

// Cleanup ends it.
func (r *reader) Cleanup(sarama.ConsumerGroupSession) error { return nil }

// ConsumeClaim reads one partition.
func (r *reader) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case m, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			session.MarkMessage(m, "")
			if r.take(m.Value) {
				return nil
			}
		case <-r.found:
			return nil
		case <-session.Context().Done():
			return nil
		}
	}
}

// take shows a value, one at a time, and reports whether it was the last.
func (r *reader) take(value []byte) bool {
	r.lock <- struct{}{}
	defer func() { <-r.lock }()
	select {
	case <-r.found:
		return true
	default:
	}
	if r.see(value) {
		close(r.found)
		return true
	}
	return false
}
