package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
)

// register makes new schemas under new subjects: as one pipeline does, and as
// sixteen at once.
func (b *bench) register() error {
	bus, err := measure.Run(b.binary, b.folder("register"))
	if err != nil {
		return err
	}
	defer bus.Stop()
	for round := range b.rounds {
		for _, load := range []struct{ callers, schemas int }{{1, 500}, {16, 2000}} {
			used, err := bus.Spend(func() error {
				return registerMany(bus.Registry, fmt.Sprintf("r%d-c%d", round, load.callers), load.callers, load.schemas)
			})
			if err != nil {
				return err
			}
			b.Add(fmt.Sprintf("register, %d callers /s", load.callers), float64(load.schemas)/used.Seconds)
			b.Add(fmt.Sprintf("register, %d callers CPU us", load.callers), used.CPU/float64(load.schemas)*1e6)
		}
	}
	return nil
}

// registerMany registers n different schemas of some 500 bytes under subjects
// of their own.
func registerMany(url, name string, callers, n int) error {
	transport := &http.Transport{MaxIdleConnsPerHost: callers}
	defer transport.CloseIdleConnections()
	c := &http.Client{Transport: transport}
	var next atomic.Int64
	var group errgroup.Group
	for range callers {
		group.Go(func() error {
			for {
				i := int(next.Add(1))
				if i > n {
					return nil
				}
				if err := registerOne(c, url, fmt.Sprintf("%s-%d-value", name, i), schema(fmt.Sprintf("%s_%d", name, i))); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}

func registerOne(c *http.Client, url, subject, schema string) error {
	body, err := json.Marshal(map[string]string{"schema": schema})
	if err != nil {
		return err
	}
	response, err := c.Post(url+"/subjects/"+subject+"/versions", mediaType, bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("register %s: %s: %s", subject, response.Status, text)
	}
	return err
}

// schema is an Avro record of about 500 bytes that no other name gives.
func schema(name string) string {
	field := func(i int) string { return fmt.Sprintf(`{"name":"f%d","type":["null","string"],"default":null}`, i) }
	text := `{"type":"record","name":"Event","namespace":"gov.va.bench","doc":"` + name + `","fields":[`
	for i := range 7 {
		text += field(i) + ","
	}
	return text + field(7) + "]}"
}
