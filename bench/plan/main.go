// Command plan measures provisioning at size: how long the bus takes to compare
// manifests of 1,000 and of 10,000 topics with the world, over the API and on
// the embedded engine, first when there is nothing and then when all is there.
//
//	cd bench && go run ./plan
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
	"github.com/enterprise-event-bus/eventbus/client"
	"github.com/enterprise-event-bus/eventbus/internal/server"
)

// event is one manifest: a topic with three partitions, a schema of its own and
// a role that may produce to it and to the nine beside it.
const event = `apiVersion: eventbus/v1
kind: Event
name: bench-%05[1]d
title: Bench %[1]d
owner: bench
schema:
  value: '{"type":"record","name":"Bench%[1]d","namespace":"gov.va.bench","fields":[{"name":"f","type":"string"}]}'
topics:
  - environment: development
    partitions: 3
    retentionDays: 2
---
apiVersion: eventbus/v1
kind: Grant
event: bench-%05[1]d
environment: development
direction: produce
principal: arn:aws-us-gov:iam::123456789012:role/bench-%05[2]d
team: bench
purpose: bench
`

// chunk is how many events are applied at once.
const chunk = 250

func main() {
	rounds := flag.Int("rounds", 5, "plans of each kind and size")
	most := flag.Int("topics", 10_000, "the larger size; the smaller is a tenth")
	flag.Parse()
	err := error(nil)
	if measure.Role() != "" {
		err = measure.ServeBus(server.Config{DataDir: flag.Arg(0)})
	} else {
		err = run(*rounds, *most)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "plan:", err)
		os.Exit(1)
	}
}

func run(rounds, most int) error {
	dir, err := measure.Scratch()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	report := measure.New()
	for _, n := range []int{most / 10, most} {
		if err := at(report, filepath.Join(dir, fmt.Sprint(n)), n, rounds); err != nil {
			return fmt.Errorf("%d topics: %w", n, err)
		}
	}
	report.Print(measure.Compare{Name: "plan of ten times as many topics, nothing to change",
		A: fmt.Sprintf("%d topics, nothing to change s", most), B: fmt.Sprintf("%d topics, nothing to change s", most/10)})
	return report.Write("plan")
}

func at(report *measure.Report, dir string, n, rounds int) error {
	ctx := context.Background()
	bus, err := measure.Start("bus", dir)
	if err != nil {
		return err
	}
	api := client.API{Server: bus.Hello["http"], Token: bus.Hello["token"], HTTP: &http.Client{Timeout: 5 * time.Minute}}
	plan := func(name string, empty bool) error {
		for range rounds {
			began := time.Now()
			plan, err := api.Plan(ctx, manifests(0, n))
			if err != nil {
				return err
			}
			if (len(plan.Changes) == 0) != empty {
				return fmt.Errorf("a plan of %d changes", len(plan.Changes))
			}
			report.Add(fmt.Sprintf("%d topics, %s s", n, name), time.Since(began).Seconds())
		}
		return nil
	}
	if err := plan("all to make", false); err != nil {
		return err
	}
	began := time.Now()
	for from := 0; from < n; from += chunk {
		if err := apply(ctx, api, manifests(from, min(n, from+chunk))); err != nil {
			return err
		}
	}
	report.Add(fmt.Sprintf("%d topics, applied s", n), time.Since(began).Seconds())
	if err := plan("nothing to change", true); err != nil {
		return err
	}
	return bus.Stop()
}

func apply(ctx context.Context, api client.API, files map[string]string) error {
	plan, err := api.Plan(ctx, files)
	if err != nil {
		return err
	}
	return api.Apply(ctx, files, plan, false, true)
}

// manifests gives one file per hundred events.
func manifests(from, to int) map[string]string {
	files := map[string]string{}
	for i := from; i < to; i++ {
		name := fmt.Sprintf("events-%03d.yaml", i/100)
		if files[name] != "" {
			files[name] += "---\n"
		}
		files[name] += fmt.Sprintf(event, i, i/10)
	}
	return files
}
