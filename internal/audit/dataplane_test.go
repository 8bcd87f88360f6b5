package audit_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/audit"
	"github.com/enterprise-event-bus/eventbus/internal/clocktest"
)

const arn = "arn:aws-us-gov:iam::123456789012:role/claims-producer"

// line shows what matters of an entry.
func line(e eventbus.AuditEntry) string {
	actor := e.Actor[strings.LastIndex(e.Actor, "/")+1:]
	return fmt.Sprintf("%s %s %s %s %d", actor, e.Action, e.Resource, e.Outcome, e.Count)
}

func lines(c *chain) string {
	var all []string
	for _, e := range c.all() {
		all = append(all, line(e))
	}
	return strings.Join(all, "\n")
}

func expect(t *testing.T, c *chain, want ...string) {
	t.Helper()
	if got := lines(c); got != strings.Join(want, "\n") {
		t.Fatalf("record\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// caller gives a short way to record calls of one principal.
func caller(t *testing.T, log *audit.Log) func(action, resource string, allowed bool) {
	return func(action, resource string, allowed bool) {
		t.Helper()
		if err := log.DataPlane(t.Context(), arn, action, resource, allowed, "statement 1", "10.0.0.1:5"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFirstOfEachWindow(t *testing.T) {
	c, now := &chain{}, clocktest.At(day.Add(20*time.Second))
	call := caller(t, audit.New(audit.Config{Now: now.Now}, c))
	call("Write", "t1", true)
	call("Write", "t1", true)
	call("Write", "t1", false)
	call("Write", "t2", true)
	call("Read", "t1", true)
	call("Write", "t1", true)
	first := []string{"claims-producer Write t1 allowed 1", "claims-producer Write t1 denied 1",
		"claims-producer Write t2 allowed 1", "claims-producer Read t1 allowed 1"}
	expect(t, c, first...)
	if e := c.all()[0]; e.Reason != "statement 1" || e.From != "10.0.0.1:5" || e.Actor != arn || !e.Time.Equal(day.Add(20*time.Second)) {
		t.Errorf("first entry %+v", e)
	}
	now.Advance(40 * time.Second) // the next minute begins
	call("Write", "t1", true)
	call("Write", "t2", true) // was called once: there is no count to write
	expect(t, c, append(first, "claims-producer Write t1 allowed 2", "claims-producer Write t1 allowed 1", "claims-producer Write t2 allowed 1")...)
	if d := c.all()[4].Detail; d["since"] != "2026-03-02T09:30:00Z" || d["until"] != "2026-03-02T09:31:00Z" {
		t.Errorf("the count's window is %v", d)
	}
	now.Advance(-30 * time.Second) // a clock that steps back opens no window
	call("Write", "t1", true)
	if n := len(c.all()); n != 7 {
		t.Errorf("%d entries after the clock stepped back, want 7", n)
	}
}

func TestMillionDenials(t *testing.T) {
	c, now := &chain{}, clocktest.At(day)
	log := audit.New(audit.Config{Now: now.Now}, c)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 250_000 {
				if err := log.DataPlane(context.Background(), arn, "Read", "t", false, "no statement allows it", ""); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := log.Run(ctx); err != nil {
		t.Fatal(err)
	}
	expect(t, c, "claims-producer Read t denied 1", "claims-producer Read t denied 999999")
}

// Everyone waits for the first entry; nobody is let through before.
func TestDurableBeforeAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		c := &chain{before: func(...eventbus.AuditEntry) { <-release }}
		log := audit.New(audit.Config{}, c)
		var answered atomic.Int64
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				if err := log.DataPlane(t.Context(), arn, "Write", "t", true, "", ""); err != nil {
					t.Error(err)
				}
				answered.Add(1)
			})
		}
		synctest.Wait()
		if n := answered.Load(); n != 0 {
			t.Errorf("%d calls were answered before the entry was durable", n)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := log.DataPlane(ctx, arn, "Write", "t", true, "", ""); eventbus.CodeOf(err) != eventbus.CodeUnavailable {
			t.Errorf("a caller whose context has ended got %v", err)
		}
		close(release)
		wg.Wait()
		expect(t, c, "claims-producer Write t allowed 1")
	})
}

// Fail closed: without an entry no answer, and the next call tries again.
func TestDataPlaneWithoutStore(t *testing.T) {
	c, now := &chain{}, clocktest.At(day)
	log := audit.New(audit.Config{Now: now.Now}, c)
	record := func() error {
		return log.DataPlane(t.Context(), arn, "Write", "t", true, "", "")
	}
	for name, prepare := range map[string]func(){
		"first call ever": func() {},
		"first call of the next window": func() {
			for range 3 {
				if err := record(); err != nil {
					t.Fatal(err)
				}
			}
			now.Advance(time.Minute)
		},
	} {
		t.Run(name, func(t *testing.T) {
			prepare()
			c.broken(errors.New("disk full"))
			for range 3 {
				if err := record(); eventbus.CodeOf(err) != eventbus.CodeUnavailable {
					t.Fatalf("without a store: %v", err)
				}
			}
			c.broken(nil)
			if err := record(); err != nil {
				t.Fatal(err)
			}
			now.Advance(time.Minute)
		})
	}
	if log.Failures() != 6 {
		t.Errorf("%d failures counted, want 6", log.Failures())
	}
	if got := lines(c); !strings.Contains(got, "allowed 2") {
		t.Errorf("the count of the window before was lost:\n%s", got)
	}
}

// A principal that guesses names fills neither the record nor the memory.
func TestManyRefusedResources(t *testing.T) {
	c, now := &chain{}, clocktest.At(day)
	log := audit.New(audit.Config{Now: now.Now, MaxRefused: 3}, c)
	call := caller(t, log)
	for minute := range 2 {
		for i := range 1000 {
			call("Read", fmt.Sprint("guess", i), false)
		}
		call("Describe", "guess0", false) // another action has its own limit
		call("Read", "t", true)           // and what is allowed is not limited
		if minute == 0 {
			now.Advance(time.Minute)
		}
	}
	stop(t, log)
	minute := "claims-producer Read guess0 denied 1\nclaims-producer Read guess1 denied 1\nclaims-producer Read guess2 denied 1\n" +
		"claims-producer Read (others) denied 1\nclaims-producer Describe guess0 denied 1\nclaims-producer Read t allowed 1\n"
	got := lines(c) + "\n"
	if strings.Count(got, "denied 996") != 2 || strings.ReplaceAll(got, "claims-producer Read (others) denied 996\n", "") != minute+minute {
		t.Errorf("record\n%s", got)
	}
}

func TestManyCalls(t *testing.T) {
	c := &chain{}
	log := audit.New(audit.Config{Now: clocktest.At(day).Now, MaxCalls: 5}, c)
	for i := range 100 {
		if err := log.DataPlane(t.Context(), fmt.Sprint("role/", i), "Write", "t", true, "", ""); err != nil {
			t.Fatal(err)
		}
	}
	stop(t, log)
	got := c.all()
	if len(got) != 7 || line(got[5]) != "(others) Write (others) allowed 1" || line(got[6]) != "(others) Write (others) allowed 94" {
		t.Errorf("record\n%s", lines(c))
	}
}

func TestLongNames(t *testing.T) {
	c := &chain{}
	call := caller(t, audit.New(audit.Config{}, c))
	call("Read", strings.Repeat("x", 32<<10), false)
	if got := c.all()[0].Resource; len(got) > 1024 || !strings.HasSuffix(got, "… (32768 bytes)") {
		t.Errorf("kept a name of %d bytes: …%s", len(got), got[len(got)-20:])
	}
}

// stop runs the log just long enough to write what is left.
func stop(t *testing.T, log *audit.Log) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := log.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestRunWritesCountsAtTheEndOfTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &chain{}
		log := audit.New(audit.Config{}, c)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- log.Run(ctx) }()
		call := caller(t, log)
		time.Sleep(10 * time.Second)
		for range 5 {
			call("Write", "t", true)
		}
		time.Sleep(49 * time.Second)
		synctest.Wait()
		expect(t, c, "claims-producer Write t allowed 1")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		expect(t, c, "claims-producer Write t allowed 1", "claims-producer Write t allowed 4")

		c.broken(errors.New("disk full")) // a count that cannot be written waits
		time.Sleep(time.Minute)
		c.broken(nil)
		call("Write", "t", true)
		call("Write", "t", true)
		c.broken(errors.New("disk full"))
		time.Sleep(time.Minute)
		c.broken(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		want := []string{"claims-producer Write t allowed 1", "claims-producer Write t allowed 4",
			"claims-producer Write t allowed 1", "claims-producer Write t allowed 1"}
		expect(t, c, want...)

		call("Read", "t", true)
		call("Read", "t", true)
		cancel() // what is left is written at the end
		if err := <-ended; err != nil {
			t.Error(err)
		}
		expect(t, c, append(want, "claims-producer Read t allowed 1", "claims-producer Read t allowed 1")...)
	})
}

func TestRunReportsWhatIsLost(t *testing.T) {
	c := &chain{}
	log := audit.New(audit.Config{}, c)
	call := caller(t, log)
	call("Write", "t", true)
	call("Write", "t", true)
	full := errors.New("disk full")
	c.broken(full)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := log.Run(ctx); !errors.Is(err, full) {
		t.Errorf("Run ended with %v", err)
	}
}

// Whatever happens at the same time (windows ending, the store failing,
// limits), the counts of the record add up to the calls that were answered.
func TestCountsAddUp(t *testing.T) {
	c, now := &chain{}, clocktest.At(day)
	var appends atomic.Int64
	log := audit.New(audit.Config{Now: now.Now, MaxRefused: 4, MaxCalls: 40}, failEvery{c, &appends})
	var answered atomic.Int64
	var wg sync.WaitGroup
	for w := range 8 {
		random := rand.New(rand.NewPCG(1, uint64(w)))
		wg.Go(func() {
			for range 5000 {
				err := log.DataPlane(context.Background(), fmt.Sprint("role/", random.IntN(3)), "Write",
					fmt.Sprint("t", random.IntN(20)), random.IntN(2) == 0, "", "")
				if err == nil {
					answered.Add(1)
				}
				if random.IntN(200) == 0 {
					now.Advance(30 * time.Second)
				}
				if random.IntN(500) == 0 {
					ctx, cancel := context.WithCancel(context.Background())
					cancel()
					_ = log.Run(ctx) // may fail, and keeps what it cannot write
				}
			}
		})
	}
	wg.Wait()
	appends.Store(-1 << 40) // no more failures
	stop(t, log)
	var counted int64
	for _, e := range c.all() {
		counted += e.Count
	}
	if counted != answered.Load() {
		t.Errorf("the record counts %d calls, %d were answered", counted, answered.Load())
	}
}

// failEvery fails one append in seven.
type failEvery struct {
	*chain
	n *atomic.Int64
}

func (f failEvery) AppendAudit(ctx context.Context, entries ...eventbus.AuditEntry) ([]eventbus.AuditEntry, error) {
	if n := f.n.Add(1); n > 0 && n%7 == 0 {
		return nil, errors.New("disk full")
	}
	return f.chain.AppendAudit(ctx, entries...)
}

func BenchmarkDataPlane(b *testing.B) {
	resource := eventbus.DemoDeployment().TopicARN("prod_claim-received")
	b.Run("repeat", func(b *testing.B) {
		log := audit.New(audit.Config{}, &chain{})
		b.ReportAllocs()
		for b.Loop() {
			if log.DataPlane(b.Context(), arn, "kafka-cluster:WriteData", resource, true, "s1", "10.0.0.1:5") != nil {
				b.Fatal("refused")
			}
		}
	})
	b.Run("repeat in parallel", func(b *testing.B) {
		log := audit.New(audit.Config{}, &chain{})
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if log.DataPlane(context.Background(), arn, "kafka-cluster:WriteData", resource, true, "s1", "10.0.0.1:5") != nil {
					b.Error("refused")
				}
			}
		})
	})
	b.Run("guessed names", func(b *testing.B) {
		log := audit.New(audit.Config{}, &chain{})
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if log.DataPlane(b.Context(), arn, "kafka-cluster:ReadData", resource+fmt.Sprint(i), false, "none", "10.0.0.1:5") != nil {
				b.Fatal("refused")
			}
		}
	})
}
