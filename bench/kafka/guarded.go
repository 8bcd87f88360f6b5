package main

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"net/http"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/client"
)

// guardedEvent is an event whose topic takes records of its schema only.
const guardedEvent = `apiVersion: eventbus/v1
kind: Event
name: %[1]s
title: Bench
owner: bench
schema:
  value: '{"type":"record","name":"Bench","namespace":"gov.va.bench","fields":[{"name":"f","type":"string"}]}'
topics:
  - environment: bench
    partitions: %[2]d
    schemaGuard: enforce
`

// guardedTopic is the topic of the i-th load behind the schema guard.
func guardedTopic(i int) string { return fmt.Sprintf("bench_guarded-%d", i) }

// guard makes the topics of the loads with the schema guard on, waits until it
// holds, and gives how each record must begin.
func guard(ctx context.Context, gateway *subject, http *http.Client, at addresses, loads []load) (prefix []byte, err error) {
	api := client.API{Server: at.HTTP, Token: administratorToken, HTTP: http}
	files := map[string]string{}
	for i, l := range loads {
		files[fmt.Sprintf("%d.yaml", i)] = fmt.Sprintf(guardedEvent, fmt.Sprintf("guarded-%d", i), l.partitions)
	}
	plan, err := api.Plan(ctx, files)
	if err != nil {
		return nil, err
	}
	if err := api.Apply(ctx, files, plan, false, true); err != nil {
		return nil, err
	}
	registry := client.API{Server: at.Registry, HTTP: http}
	var version struct{ ID int }
	if err := registry.Get(ctx, "/subjects/"+eventbus.ValueSubject(guardedTopic(0))+"/versions/latest", &version); err != nil {
		return nil, err
	}
	prefix = binary.BigEndian.AppendUint32([]byte{0}, uint32(version.ID))
	for i := range loads {
		for held := false; !held; time.Sleep(50 * time.Millisecond) {
			if held, err = gateway.refuses(ctx, guardedTopic(i)); err != nil {
				return nil, err
			}
		}
	}
	return prefix, nil
}

// refuses reports whether a record without a schema id is refused.
func (s *subject) refuses(ctx context.Context, topic string) (bool, error) {
	client, err := s.client(kgo.DefaultProduceTopic(topic))
	if err != nil {
		return false, err
	}
	defer client.Close()
	err = client.ProduceSync(ctx, &kgo.Record{Value: []byte("no schema id")}).FirstErr()
	return err != nil, ctx.Err()
}

// webClient trusts what the Kafka clients trust.
func webClient(trusted *tls.Config) *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: trusted}, Timeout: time.Minute}
}
