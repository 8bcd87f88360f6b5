package client

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/enterprise-event-bus/eventbus"
)

// magicByte opens every value in Confluent's wire format; four bytes of schema
// id follow.
const (
	magicByte    = 0x00
	headerLength = 5
)

// Serde encodes and decodes record values by the schemas of a registry, in
// Confluent's wire format. It looks each schema up once and never registers
// one. A Serde is safe for concurrent use.
type Serde struct {
	registry *sr.Client
	mu       sync.Mutex
	byID     map[int]*Codec
}

// maxCodecs bounds the parsed schemas that a Serde keeps; beyond it the cache
// starts anew, which costs one lookup each.
const maxCodecs = 1000

// NewSerde makes a Serde on the registry at url; token is sent as bearer when
// not empty.
func NewSerde(url, token string, http *http.Client) (*Serde, error) {
	opts := []sr.ClientOpt{sr.URLs(url), sr.UserAgent("eventbus-client")}
	if http != nil {
		opts = append(opts, sr.HTTPClient(http))
	}
	if token != "" {
		opts = append(opts, sr.BearerToken(token))
	}
	registry, err := sr.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("open the schema registry client: %w", err)
	}
	return &Serde{registry: registry, byID: map[int]*Codec{}}, nil
}

// Registry gives the registry client underneath.
func (s *Serde) Registry() *sr.Client { return s.registry }

// Encoder gives the encoder of a subject's latest version.
func (s *Serde) Encoder(ctx context.Context, subject string) (*Encoder, error) {
	latest, err := s.registry.SchemaByVersion(ctx, subject, -1)
	if err != nil {
		return nil, registryError(err, "look up the latest schema of subject "+subject)
	}
	codec, err := s.codec(ctx, latest.ID, latest.Schema)
	if err != nil {
		return nil, err
	}
	return &Encoder{ID: latest.ID, codec: codec}, nil
}

// Encoder writes values of one schema.
type Encoder struct {
	ID    int // schema id that goes before each value
	codec *Codec
}

// Encode turns one JSON value into a record value with its schema id.
func (e *Encoder) Encode(text []byte) ([]byte, error) {
	data, err := e.codec.Encode(text)
	if err != nil {
		return nil, err
	}
	value := make([]byte, headerLength, headerLength+len(data))
	binary.BigEndian.PutUint32(value[1:], uint32(e.ID))
	return append(value, data...), nil
}

// SchemaID reads the schema id in front of a record value, in Confluent's wire
// format; ok is false when the value carries none.
func SchemaID(value []byte) (id int, ok bool) {
	if len(value) < headerLength || value[0] != magicByte {
		return 0, false
	}
	return int(binary.BigEndian.Uint32(value[1:])), true
}

// Decode turns a record value into one line of JSON.
func (s *Serde) Decode(ctx context.Context, value []byte) ([]byte, error) {
	id, ok := SchemaID(value)
	if !ok {
		return nil, eventbus.Errorf(eventbus.CodeInvalid, "the value carries no schema id (it does not begin with a zero byte and four bytes of id)")
	}
	codec, err := s.Codec(ctx, id)
	if err != nil {
		return nil, err
	}
	return codec.Decode(value[headerLength:])
}

// Codec gives the codec of a schema id.
func (s *Serde) Codec(ctx context.Context, id int) (*Codec, error) {
	s.mu.Lock()
	codec, ok := s.byID[id]
	s.mu.Unlock()
	if ok {
		return codec, nil
	}
	schema, err := s.registry.SchemaByID(ctx, id)
	if err != nil {
		return nil, registryError(err, fmt.Sprintf("look up schema id %d", id))
	}
	return s.codec(ctx, id, schema)
}

func (s *Serde) codec(ctx context.Context, id int, schema sr.Schema) (*Codec, error) {
	texts, err := s.references(ctx, schema.References, nil, map[string]bool{})
	if err != nil {
		return nil, err
	}
	codec, err := NewCodec(schema.Schema, texts...)
	if err != nil {
		return nil, fmt.Errorf("schema id %d: %w", id, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.byID) >= maxCodecs {
		clear(s.byID)
	}
	s.byID[id] = codec
	return codec, nil
}

// references collects the texts that a schema refers to, each after those that
// it uses itself.
func (s *Serde) references(ctx context.Context, refs []sr.SchemaReference, texts []string, seen map[string]bool) ([]string, error) {
	for _, ref := range refs {
		key := fmt.Sprintf("%s/%d", ref.Subject, ref.Version)
		if seen[key] {
			continue
		}
		seen[key] = true
		referred, err := s.registry.SchemaByVersion(ctx, ref.Subject, ref.Version)
		if err != nil {
			return nil, registryError(err, "look up referenced schema "+key)
		}
		if texts, err = s.references(ctx, referred.References, texts, seen); err != nil {
			return nil, err
		}
		texts = append(texts, referred.Schema.Schema)
	}
	return texts, nil
}

// registryError translates the registry's HTTP status.
func registryError(err error, doing string) error {
	var response *sr.ResponseError
	if !errors.As(err, &response) {
		return &eventbus.Error{Code: eventbus.CodeUnavailable, Message: doing, Err: err}
	}
	return &eventbus.Error{Code: codeOfStatus(response.StatusCode), Message: fmt.Sprintf("%s: %s", doing, response.Message)}
}
