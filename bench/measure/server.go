package measure

import (
	"context"
	"os"
	"runtime/pprof"

	"golang.org/x/sync/errgroup"

	"github.com/enterprise-event-bus/eventbus/internal/server"
)

// ServeBus plays the whole bus, as `eventbus dev --no-demo` runs it, for
// benchmarks that must set what has no flag or look at the live heap. With
// EVENTBUS_BENCH_PROFILE=FILE it writes a CPU profile of its whole life there.
func ServeBus(cfg server.Config) error {
	if file := os.Getenv("EVENTBUS_BENCH_PROFILE"); file != "" {
		out, err := os.Create(file)
		if err != nil {
			return err
		}
		defer out.Close()
		if err := pprof.StartCPUProfile(out); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	const free = "127.0.0.1:0"
	cfg.Dev = true
	cfg.Listeners = server.Listeners{Kafka: free, KafkaIAM: free, Registry: free, HTTP: free}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	bus, err := server.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer bus.Close()
	var group errgroup.Group
	group.Go(func() error { return bus.Run(ctx) })
	<-bus.Ready()
	at := bus.Addresses()
	err = Serve(map[string]string{"http": at.HTTP, "registry": at.Registry, "kafka": at.Kafka, "iam": at.KafkaIAM,
		"ca": at.CAFile, "token": bus.AdministratorToken()})
	stop()
	if failed := group.Wait(); err == nil {
		err = failed
	}
	return err
}
