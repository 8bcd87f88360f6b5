package onboarding

import (
	"fmt"
	"slices"
	"strings"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Location says where a system runs.
type Location string

// The locations of the onboarding form.
const (
	LocationVAEC    Location = "vaec-aws"    // inside the VAEC AWS organisation
	LocationAWS     Location = "other-aws"   // another AWS organisation
	LocationOutside Location = "outside-aws" // anywhere else
	LocationUnsure  Location = "unsure"
)

// Locations lists them.
func Locations() []Location {
	return []Location{LocationVAEC, LocationAWS, LocationOutside, LocationUnsure}
}

// Need is the answer to "do we need an ESECC request".
type Need string

// The answers.
const (
	NeedYes Need = "yes"
	NeedNo  Need = "no"
	NeedAsk Need = "ask"
)

// PacketFacts are what an ESECC request must contain.
type PacketFacts struct {
	Port         int      `json:"port"` // 9098 from AWS, 9198 from outside
	Sources      []string `json:"sources,omitempty"`
	Destinations []string `json:"destinations,omitempty"` // bootstrap addresses
	ConnectionID string   `json:"connectionId,omitempty"`
	Protocol     string   `json:"protocol"`
	Missing      []string `json:"missing,omitempty"` // what the team must still find out
}

// ESECCDecision is the answer with its reasons and the packet of facts.
type ESECCDecision struct {
	Needed  Need        `json:"needed"`
	Reasons []string    `json:"reasons"`
	Packet  PacketFacts `json:"packet"`
}

// ESECC decides from where a system runs whether the network change request is
// needed (product.md, 3): inside the VAEC AWS organisation not as a rule; from
// another AWS organisation or outside AWS as a rule; unsure: ask the bus team.
// A connection test overrules the rule in both directions.
func ESECC(n Network, envs []eventbus.Environment) ESECCDecision {
	d := ESECCDecision{Packet: PacketFacts{Port: 9098, Protocol: "TCP, TLS 1.2 or later", Sources: n.CIDRs, ConnectionID: n.ConnectionID}}
	switch n.Location {
	case LocationVAEC:
		d.Needed, d.Reasons = NeedNo, []string{"Systems inside the VAEC AWS organisation reach the bus through the organisation's own network."}
	case LocationAWS:
		d.Needed, d.Reasons = NeedYes, []string{"Another AWS organisation reaches the bus across a boundary that only an approved ESECC request opens."}
	case LocationOutside:
		d.Needed, d.Reasons = NeedYes, []string{"Systems outside AWS reach the bus across a boundary that only an approved ESECC request opens."}
		d.Packet.Port = 9198
	default:
		d.Needed, d.Reasons = NeedAsk, []string{"Where the system runs is not known; the bus team can tell from an account number or a host name."}
	}
	switch n.Test.Outcome {
	case "reached":
		if d.Needed != NeedNo {
			d.Needed, d.Reasons = NeedAsk, append(d.Reasons, "The connection test reached "+n.Test.Target+": the path may be open already, the bus team confirms.")
		}
	case "blocked":
		d.Needed, d.Reasons = NeedYes, append(d.Reasons, "The connection test to "+n.Test.Target+" was blocked.")
	}
	for _, e := range envs {
		address := e.BootstrapIAM
		if d.Packet.Port == 9198 {
			address = e.BootstrapExternal
		}
		if address != "" {
			d.Packet.Destinations = append(d.Packet.Destinations, e.Name+": "+address)
		}
	}
	if d.Needed != NeedNo {
		if len(n.CIDRs) == 0 {
			d.Packet.Missing = append(d.Packet.Missing, "addresses or CIDRs that the system calls from")
		}
		if n.ConnectionID == "" {
			d.Packet.Missing = append(d.Packet.Missing, "NSOC connection id")
		}
		if n.Test.Outcome == "" {
			d.Packet.Missing = append(d.Packet.Missing, "result of a connection test")
		}
	}
	return d
}

// Throughput is what a team knows about its traffic; zero fields are unknown.
type Throughput struct {
	PerDay, PeakPerSecond, AverageBytes, MaxBytes int64
	LongestOutageDays                             int    // of any consumer
	Ordering                                      string // none, per key, total
	Replication                                   int16  // copies kept; default 1
}

// Advice is what the bus recommends for a topic, with its reasons.
type Advice struct {
	Partitions    int32    `json:"partitions"`
	RetentionDays int      `json:"retentionDays"`
	StorageBytes  int64    `json:"storageBytes"` // at that retention, all copies
	Reasons       []string `json:"reasons"`
}

// One partition carries this much with room to spare: well below the 10 MB/s
// that brokers are commonly sized for, and what one consumer thread can decode.
const (
	bytesPerPartition   = 1 << 20
	recordsPerPartition = 1000
	defaultRetention    = 7
)

// Advise recommends partitions and retention from throughput, message size and
// the longest outage that a consumer must survive.
func Advise(t Throughput, limits eventbus.TopicLimits) Advice {
	limits = limits.WithDefaults()
	a := Advice{Partitions: 1, RetentionDays: min(defaultRetention, limits.MaxRetentionDays)}
	peak, size := max(t.PeakPerSecond, t.PerDay/86400), max(t.AverageBytes, 1)
	switch {
	case t.Ordering == "total":
		a.Reasons = append(a.Reasons, "One partition: a total order exists within one partition only.")
	case peak == 0:
		a.Partitions = min(3, limits.MaxPartitions)
		a.Reasons = append(a.Reasons, "Three partitions: throughput is not known, and three consumers can share the work.")
	default:
		byRate, byBytes := ceil(peak, recordsPerPartition), ceil(saturating(peak, size), bytesPerPartition)
		n := min(max(byRate, byBytes, 1)*2, int64(limits.MaxPartitions))
		a.Partitions = max(int32(n), min(3, limits.MaxPartitions)) //nolint:gosec // bounded by MaxPartitions
		a.Reasons = append(a.Reasons, fmt.Sprintf("%d partitions: %d records/s of %d bytes at peak, twice the room that needs, because partitions can only grow and growing moves keys.", a.Partitions, peak, size))
	}
	if outage := min(t.LongestOutageDays, longestOutage); outage > 0 {
		a.RetentionDays = min(max(defaultRetention, 2*outage), limits.MaxRetentionDays)
		a.Reasons = append(a.Reasons, fmt.Sprintf("%d days: twice the longest outage of a consumer (%d days), at least a week, at most what the environment keeps.", a.RetentionDays, outage))
	} else {
		a.Reasons = append(a.Reasons, fmt.Sprintf("%d days: a week is long enough to find and mend a consumer after a weekend.", a.RetentionDays))
	}
	a.StorageBytes = StorageBytes(t, a.RetentionDays)
	if a.StorageBytes > 0 {
		a.Reasons = append(a.Reasons, fmt.Sprintf("About %s on disk at that retention.", size1024(a.StorageBytes)))
	}
	return a
}

// StorageBytes estimates what a topic takes on disk at a retention.
func StorageBytes(t Throughput, days int) int64 {
	return saturating(saturating(saturating(t.PerDay, max(t.AverageBytes, 0)), int64(max(days, 0))), int64(max(t.Replication, 1)))
}

func ceil(n, by int64) int64 {
	if n <= 0 {
		return 0
	}
	return (n-1)/by + 1
}

// saturating multiplies two numbers that are not negative without overflow.
func saturating(a, b int64) int64 {
	const most = 1<<63 - 1
	if a <= 0 || b <= 0 {
		return 0
	}
	if a > most/b {
		return most
	}
	return a * b
}

func size1024(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	f, i := float64(n), 0
	for f >= 1024 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	return fmt.Sprintf("%.4g %s", f, units[i])
}

// FitAnswers are the answers to "is an event bus the right tool".
type FitAnswers struct {
	Problem     string   `json:"problem,omitempty" yaml:"problem,omitempty"`
	Outcome     string   `json:"outcome,omitempty" yaml:"outcome,omitempty"`
	Measures    string   `json:"measures,omitempty" yaml:"measures,omitempty"`
	Timeline    string   `json:"timeline,omitempty" yaml:"timeline,omitempty"`
	Deadline    string   `json:"deadline,omitempty" yaml:"deadline,omitempty"` // external, YYYY-MM-DD
	DataSources []string `json:"dataSources,omitempty" yaml:"dataSources,omitempty"`
	Decouple    bool     `json:"decouple,omitempty" yaml:"decouple,omitempty"`       // systems must not know each other
	PollsToday  bool     `json:"pollsToday,omitempty" yaml:"pollsToday,omitempty"`   // consumers ask again and again
	RealTime    bool     `json:"realTime,omitempty" yaml:"realTime,omitempty"`       // seconds matter
	Independent bool     `json:"independent,omitempty" yaml:"independent,omitempty"` // parts fail and scale on their own
	Simple      bool     `json:"simple,omitempty" yaml:"simple,omitempty"`           // one sender, one receiver
	Infrequent  bool     `json:"infrequent,omitempty" yaml:"infrequent,omitempty"`   // a few records a day
	Synchronous bool     `json:"synchronous,omitempty" yaml:"synchronous,omitempty"` // the caller waits for an answer
}

// Fit tells whether the bus is the right tool: stop is the reason why not (the
// bus is authorised for FISMA Low and Moderate only), warnings are reasons to
// think again.
func Fit(a FitAnswers, fisma string) (stop string, warnings []string) {
	if strings.EqualFold(fisma, "high") {
		stop = "The bus is authorised for FISMA Low and Moderate; data of level High may not pass through it."
	}
	if a.Simple {
		warnings = append(warnings, "One sender and one receiver: a plain API call may be simpler.")
	}
	if a.Infrequent {
		warnings = append(warnings, "A few records a day: a file or an API call may be cheaper to run.")
	}
	if a.Synchronous {
		warnings = append(warnings, "The caller waits for an answer: events do not answer; use an API for that part.")
	}
	if good := []bool{a.Decouple, a.PollsToday, a.RealTime, a.Independent}; a.Problem != "" && !slices.Contains(good, true) {
		warnings = append(warnings, "None of the usual reasons (decoupling, polling today, real time, independent parts) was named.")
	}
	return stop, warnings
}
