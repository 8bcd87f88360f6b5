package provision

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Defaults of Config.
const (
	DefaultQuarantine = 30 * 24 * time.Hour
	DefaultInterval   = time.Minute
)

// leaseTime is how long another instance waits for one that died while applying;
// who applies renews the lease three times in it.
const leaseTime = 5 * time.Second

// Config configures a Provisioner; the zero value works.
type Config struct {
	Environments func() []eventbus.Environment // those of now; DemoEnvironments when nil
	Deployment   eventbus.Deployment           // DemoDeployment when zero
	Now          func() time.Time              // time.Now when nil
	NewID        func() string                 // ids of plans; random when nil
	Quarantine   time.Duration                 // between the end of access and deletion; 30 days when zero
	Interval     time.Duration                 // of Run's rounds; a minute when zero
	LeaseWait    time.Duration                 // how long to wait for another instance to finish; zero refuses at once
	Logger       *slog.Logger                  // discards when nil

	// Failpoint, when set, is called at every point of Failpoints. An error ends
	// the work there and then, with nothing recorded, as a crash would.
	Failpoint func(name string) error
}

func (c Config) withDefaults() Config {
	if c.Environments == nil {
		c.Environments = eventbus.DemoEnvironments
	}
	if c.Deployment == (eventbus.Deployment{}) {
		c.Deployment = eventbus.DemoDeployment()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.NewID == nil {
		c.NewID = func() string { return "plan-" + rand.Text()[:16] }
	}
	if c.Quarantine <= 0 {
		c.Quarantine = DefaultQuarantine
	}
	if c.Interval <= 0 {
		c.Interval = DefaultInterval
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Provisioner plans and applies manifests. Its methods may be called from
// several goroutines; only one plan is applied at a time.
type Provisioner struct {
	cfg    Config
	world  World
	holder string        // of the lease
	turn   chan struct{} // holds one token: whoever takes it may apply
	drift  atomic.Int64
	open   atomic.Int64 // unfinished plans

	wantedNow wantedState
	glances   glances
}

// New makes a Provisioner. world.Leases and world.Audit may be nil when there is
// one instance only and refusals are recorded elsewhere.
func New(cfg Config, world World) *Provisioner {
	p := &Provisioner{cfg: cfg.withDefaults(), world: world, holder: rand.Text(), turn: make(chan struct{}, 1), wantedNow: wantedState{version: -1}}
	p.turn <- struct{}{}
	return p
}

// Register adds the gauges eventbus_provision_drift (changes that Drift found
// in the last round of Run) and eventbus_provision_unfinished_plans.
func (p *Provisioner) Register(reg prometheus.Registerer) error {
	for name, gauge := range map[string]struct {
		help  string
		value *atomic.Int64
	}{
		"eventbus_provision_drift":            {"Things that differ from what is wanted.", &p.drift},
		"eventbus_provision_unfinished_plans": {"Plans that were begun and are not finished.", &p.open},
	} {
		if err := reg.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: gauge.help},
			func() float64 { return float64(gauge.value.Load()) })); err != nil {
			return fmt.Errorf("register %s: %w", name, err)
		}
	}
	return nil
}

// now has the precision that the store keeps.
func (p *Provisioner) now() time.Time { return p.cfg.Now().UTC().Truncate(time.Microsecond) }
