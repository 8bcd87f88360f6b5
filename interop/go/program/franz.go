package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-msk-iam-sasl-signer-go/signer"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/aws"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
)

// franz is franz-go.
type franz struct{}

func (franz) client(more ...kgo.Opt) (*kgo.Client, error) {
	opts := append([]kgo.Opt{kgo.SeedBrokers(strings.Split(os.Getenv("EB_BOOTSTRAP_SERVERS"), ",")...), kgo.ClientID("interop-franz"),
		kgo.DefaultProduceTopic(topic), kgo.RecordDeliveryTimeout(10 * time.Second), kgo.ProducerLinger(20 * time.Millisecond)}, more...)
	tls, err := secure()
	if err != nil {
		return nil, err
	}
	if tls != nil {
		opts = append(opts, kgo.DialTLSConfig(tls))
		if os.Getenv("INTEROP_MECHANISM") == "OAUTHBEARER" {
			opts = append(opts, kgo.SASL(oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
				token, err := mskToken(ctx)
				return oauth.Auth{Token: token}, err
			})))
		} else {
			opts = append(opts, kgo.SASL(altering{aws.ManagedStreamingIAM(roleKeys)}))
		}
	}
	return kgo.NewClient(opts...)
}

// mskToken is AWS's own signer.
func mskToken(ctx context.Context) (token string, err error) {
	region := os.Getenv("AWS_REGION")
	if role := os.Getenv("AWS_ROLE"); role != "" {
		token, _, err = signer.GenerateAuthTokenFromRole(ctx, region, role, "interop-go")
	} else {
		token, _, err = signer.GenerateAuthToken(ctx, region)
	}
	if os.Getenv("INTEROP_ALTER") != "" {
		token = alterToken(token)
	}
	return token, err
}

// alterToken asks for another lifetime than was signed.
func alterToken(token string) string {
	url, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		panic(err) // the signer made it
	}
	return base64.RawURLEncoding.EncodeToString(bytes.Replace(url, []byte("X-Amz-Expires=900"), []byte("X-Amz-Expires=899"), 1))
}

// altering is a mechanism that, when the test asks for it, says another lifetime
// than it signed.
type altering struct{ sasl.Mechanism }

func (a altering) Authenticate(ctx context.Context, host string) (sasl.Session, []byte, error) {
	session, message, err := a.Mechanism.Authenticate(ctx, host)
	if os.Getenv("INTEROP_ALTER") != "" {
		message = bytes.Replace(message, []byte(`"x-amz-expires":"300"`), []byte(`"x-amz-expires":"299"`), 1)
	}
	return session, message, err
}

func roleKeys(ctx context.Context) (aws.Auth, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return aws.Auth{}, err
	}
	credentials := cfg.Credentials
	if role := os.Getenv("AWS_ROLE"); role != "" {
		credentials = stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), role)
	}
	keys, err := credentials.Retrieve(ctx)
	return aws.Auth{AccessKey: keys.AccessKeyID, SecretKey: keys.SecretAccessKey, SessionToken: keys.SessionToken}, err
}

func (f franz) produce(ctx context.Context, feature, mark string) error {
	var opts []kgo.Opt
	switch feature {
	case "idempotent":
	case "transactions":
		return f.transact(ctx, mark)
	default:
		codec := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
			"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}[feature]
		opts = append(opts, kgo.DisableIdempotentWrite(), kgo.ProducerBatchCompression(codec))
	}
	cl, err := f.client(opts...)
	if err != nil {
		return err
	}
	defer cl.Close()
	return cl.ProduceSync(ctx, records(values(mark))...).FirstErr()
}

func (f franz) send(ctx context.Context, values [][]byte) error {
	cl, err := f.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	return cl.ProduceSync(ctx, records(values)...).FirstErr()
}

func (f franz) stay(ctx context.Context, values <-chan []byte) error {
	cl, err := f.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	for v := range values {
		if err := cl.ProduceSync(ctx, kgo.SliceRecord(v)).FirstErr(); err != nil {
			return err
		}
	}
	return nil
}

func records(values [][]byte) []*kgo.Record {
	var all []*kgo.Record
	for _, v := range values {
		all = append(all, kgo.SliceRecord(v))
	}
	return all
}

func (f franz) transact(ctx context.Context, mark string) error {
	cl, err := f.client(kgo.TransactionalID(mark))
	if err != nil {
		return err
	}
	defer cl.Close()
	for _, one := range []struct {
		mark string
		end  kgo.TransactionEndTry
	}{{mark, kgo.TryCommit}, {mark + "-aborted", kgo.TryAbort}} {
		if err := cl.BeginTransaction(); err != nil {
			return err
		}
		if err := cl.ProduceSync(ctx, records(values(one.mark))...).FirstErr(); err != nil {
			return err
		}
		if err := cl.EndTransaction(ctx, one.end); err != nil {
			return err
		}
	}
	return nil
}

func (f franz) consume(ctx context.Context, feature, group string, see func([]byte) bool) error {
	opts := []kgo.Opt{kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted())}
	if feature == "next" {
		opts = append(opts, kgo.ServerSideBalancer(), kgo.Balancers(kgo.RangeBalancer()))
	}
	cl, err := f.client(opts...)
	if err != nil {
		return err
	}
	defer cl.Close()
	for {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		for _, r := range fetches.Records() {
			if see(r.Value) {
				return cl.CommitUncommittedOffsets(ctx)
			}
		}
	}
}
