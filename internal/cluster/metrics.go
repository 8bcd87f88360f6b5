package cluster

import (
	"fmt"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// counters count since the engine was opened.
type counters struct {
	retentionPasses  atomic.Int64
	retentionErrors  atomic.Int64
	retentionRecords atomic.Int64
}

// Register adds the engine's metrics, eventbus_cluster_*, to reg.
func (e *Embedded) Register(reg prometheus.Registerer) error {
	metric := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "eventbus", Subsystem: "cluster", Name: name, Help: help}
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts(metric(name, help)), value)
	}
	counter := func(name, help string, n *atomic.Int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts(metric(name, help)), func() float64 { return float64(n.Load()) })
	}
	for _, c := range []prometheus.Collector{
		gauge("data_bytes", "Bytes of data the embedded engine holds.", func() float64 { return float64(e.disk.used.Load()) }),
		gauge("budget_bytes", "Bytes of data the embedded engine may hold; negative: no limit.", func() float64 { return float64(e.cfg.DiskBudget) }),
		gauge("free_bytes", "Bytes free on the disk of the data directory; -1: not known.", func() float64 { return float64(e.disk.free.Load()) }),
		gauge("read_only", "1 while writes are refused.", func() float64 { return truth(e.Writable() != nil) }),
		gauge("ready", "1 while no fault is known.", func() float64 { return truth(e.Ready() == nil) }),
		counter("retention_passes_total", "Passes of retention.", &e.counts.retentionPasses),
		counter("retention_errors_total", "Passes of retention that could not finish.", &e.counts.retentionErrors),
		counter("retention_deleted_records_total", "Records that retention deleted.", &e.counts.retentionRecords),
		counter("engine_warnings_total", "Warnings and errors of the embedded engine.", &e.faults.warnings),
	} {
		if err := reg.Register(c); err != nil {
			return fmt.Errorf("register the metrics of the embedded engine: %w", err)
		}
	}
	return nil
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
