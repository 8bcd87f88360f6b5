package streams

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/client"
)

// The headers that carry a schema id in Confluent's header form
// (HeaderSchemaIdSerializer).
const (
	keyHeader   = "__key_schema_id"
	valueHeader = "__value_schema_id"
)

// schemaRef is how a record names a schema: by id or by GUID. The zero value is
// no schema.
type schemaRef struct {
	id     int
	guid   string
	prefix int // bytes of the payload before the data
}

func (r schemaRef) none() bool { return r.id == 0 && r.guid == "" }

// String names the schema for people.
func (r schemaRef) String() string {
	if r.guid != "" {
		return "schema " + r.guid
	}
	return fmt.Sprintf("schema id %d", r.id)
}

// schemaOf reads which schema a payload is written by: in a header as magic
// byte 1 and a 16-byte GUID or magic byte 0 and a 4-byte id, else before the
// payload as magic byte 0 and a 4-byte id.
func schemaOf(payload []byte, headers []kgo.RecordHeader, name string) schemaRef {
	for i := len(headers) - 1; i >= 0; i-- { // the last one counts
		h := headers[i]
		if h.Key != name {
			continue
		}
		switch v := h.Value; {
		case len(v) == 17 && v[0] == 1:
			return schemaRef{guid: fmt.Sprintf("%x-%x-%x-%x-%x", v[1:5], v[5:7], v[7:9], v[9:11], v[11:17])}
		case len(v) == 5 && v[0] == 0:
			return schemaRef{id: int(binary.BigEndian.Uint32(v[1:]))}
		}
		return schemaRef{}
	}
	if id, ok := client.SchemaID(payload); ok {
		return schemaRef{id: id, prefix: 5}
	}
	return schemaRef{}
}

// codec gives the codec of a schema, parsed once.
func (s *Streams) codec(ctx context.Context, ref schemaRef) (*client.Codec, error) {
	key := ref.String()
	s.mu.Lock()
	codec, ok := s.codecs[key]
	s.mu.Unlock()
	if ok {
		return codec, nil
	}
	var schema eventbus.Schema
	var err error
	if ref.guid != "" {
		schema, err = s.schemas.SchemaByGUID(ctx, ref.guid)
	} else {
		schema, err = s.schemas.Schema(ctx, ref.id)
	}
	if err != nil {
		return nil, err
	}
	if schema.Type != "" && schema.Type != "AVRO" {
		return nil, eventbus.Errorf(eventbus.CodeInvalid, "it is a %s schema, not an Avro one", schema.Type)
	}
	texts, err := s.references(ctx, schema.References, nil, map[string]bool{})
	if err != nil {
		return nil, err
	}
	if codec, err = client.NewCodec(schema.Text, texts...); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.codecs) >= maxCodecs {
		clear(s.codecs)
	}
	s.codecs[key] = codec
	return codec, nil
}

// references collects the texts that a schema refers to, each after those that
// it uses itself.
func (s *Streams) references(ctx context.Context, refs []eventbus.SchemaReference, texts []string, seen map[string]bool) ([]string, error) {
	for _, ref := range refs {
		key := fmt.Sprintf("%s/%d", ref.Subject, ref.Version)
		if seen[key] {
			continue
		}
		if seen[key] = true; len(seen) > maxReferences {
			return nil, eventbus.Errorf(eventbus.CodeTooLarge, "it refers to more than %d schemas", maxReferences)
		}
		referred, err := s.schemas.SchemaVersion(ctx, ref.Subject, ref.Version)
		if err != nil {
			return nil, err
		}
		if texts, err = s.references(ctx, referred.References, texts, seen); err != nil {
			return nil, err
		}
		texts = append(texts, referred.Text)
	}
	return texts, nil
}
