package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"
)

// user is a value of the topic. Its schema is the registry's: nothing here could
// register one.
type user struct {
	Name           string    `avro:"name"`
	Company        string    `avro:"company"`
	DateOfBirth    time.Time `avro:"dateOfBirth"`
	SequenceNumber int       `avro:"sequenceNumber"`
}

var born = time.Date(1815, 12, 10, 0, 0, 0, 0, time.UTC)

// wire reads and writes Confluent's wire format with franz-go's client of the
// registry and an Avro library; Sarama has neither, kcat only as an option of its
// build.
type wire struct {
	registry *sr.Client
	header   sr.ConfluentHeader
	schemas  map[int]*avro.Schema // by id
}

func newWire() (*wire, error) {
	registry, err := sr.NewClient(sr.URLs(os.Getenv("SCHEMA_REGISTRY_URL")))
	return &wire{registry: registry, schemas: map[int]*avro.Schema{}}, err
}

// users encodes as many values as the test wants, by the latest version.
func (w *wire) users(ctx context.Context, mark string) ([][]byte, error) {
	latest, err := w.registry.SchemaByVersion(ctx, topic+"-value", -1)
	if err != nil {
		return nil, err
	}
	schema, err := avro.Parse(latest.Schema.Schema)
	if err != nil {
		return nil, err
	}
	var all [][]byte
	for i := range count {
		head, err := w.header.AppendEncode(nil, latest.ID, nil)
		if err != nil {
			return nil, err
		}
		body, err := schema.Encode(&user{fmt.Sprintf("%s-%d", mark, i), "Analytical", born, i})
		if err != nil {
			return nil, err
		}
		all = append(all, append(head, body...))
	}
	return all, nil
}

// read decodes a value by the schema that it names; false when it names none.
func (w *wire) read(ctx context.Context, value []byte) (user, bool, error) {
	id, body, err := w.header.DecodeID(value)
	if err != nil {
		return user{}, false, nil // another run's record
	}
	if w.schemas[id] == nil {
		text, err := w.registry.SchemaByID(ctx, id)
		if err != nil {
			return user{}, false, err
		}
		if w.schemas[id], err = avro.Parse(text.Schema); err != nil {
			return user{}, false, err
		}
	}
	var u user
	if _, err := w.schemas[id].Decode(body, &u); err != nil {
		return user{}, false, err
	}
	return u, true, nil
}

func avroProduce(ctx context.Context, l library, mark string) error {
	w, err := newWire()
	if err != nil {
		return err
	}
	all, err := w.users(ctx, mark)
	if err != nil {
		return err
	}
	return l.send(ctx, all)
}

// avroConsume reads every value of a mark in a group.
func avroConsume(ctx context.Context, l library, mark, group string) error {
	w, err := newWire()
	if err != nil {
		return err
	}
	seen := map[int]bool{}
	var fault error
	err = l.consume(ctx, "classic", group, func(value []byte) bool {
		u, ok, err := w.read(ctx, value)
		if fault = err; fault != nil {
			return true
		}
		if ok && strings.HasPrefix(u.Name, mark+"-") {
			if !u.DateOfBirth.Equal(born) {
				fault = fmt.Errorf("date of birth %s", u.DateOfBirth)
				return true
			}
			seen[u.SequenceNumber] = true
		}
		return len(seen) == count
	})
	if fault != nil {
		return fault
	}
	return err
}
