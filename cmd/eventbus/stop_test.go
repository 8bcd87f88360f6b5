package main

import (
	"context"
	"encoding/binary"
	"errors"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestStoppedMidProduce sends SIGTERM while records are in flight: the bus drains
// and exits 0, and every record that was acknowledged is there after the next
// start, in order.
func TestStoppedMidProduce(t *testing.T) {
	dir := t.TempDir()
	bus := startDev(t, dir)
	kafka := newClient(t, bus.at, kgo.RecordRetries(0))
	createTopic(t, kafka, "stopped")
	acknowledged := produceUntilStopped(t, bus, kafka)
	kafka.Close()
	again := startDev(t, dir)
	kept := keptInOrder(t, again, "stopped")
	t.Logf("%d acknowledged, %d kept", len(acknowledged), len(kept))
	for _, n := range acknowledged {
		if !kept[n] {
			t.Fatalf("record %d was acknowledged and is lost", n)
		}
	}
}

// produceUntilStopped gives the numbers of the acknowledged records.
func produceUntilStopped(t *testing.T, bus *devProcess, kafka *kgo.Client) []uint64 {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var mu sync.Mutex
	var acknowledged []uint64
	enough := make(chan struct{})
	var producing sync.WaitGroup
	producing.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			kafka.Produce(ctx, numbered("stopped", n), func(r *kgo.Record, err error) {
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					return
				}
				if acknowledged = append(acknowledged, binary.BigEndian.Uint64(r.Value)); len(acknowledged) == 20_000 {
					close(enough)
				}
			})
		}
	})
	select {
	case <-enough:
	case <-time.After(readyLimit):
		t.Fatal("too few records were acknowledged in time")
	}
	if err := bus.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- bus.cmd.Wait() }()
	select {
	case err := <-exited:
		var exit *exec.ExitError
		if errors.As(err, &exit) || err != nil {
			t.Fatalf("SIGTERM mid-produce ended with %v, want exit 0", err)
		}
	case <-time.After(readyLimit):
		t.Fatal("the bus did not stop")
	}
	cancel()
	producing.Wait()
	mu.Lock()
	defer mu.Unlock()
	return append([]uint64(nil), acknowledged...)
}
