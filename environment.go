package eventbus

import (
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// Environment is one place where topics live: development, staging, production
// or any other that configuration names. Environments are data, never an enum.
type Environment struct {
	Name       string `json:"name" yaml:"name"`             // lower-case, unique: "production"
	Label      string `json:"label" yaml:"label"`           // for people: "Production"
	Prefix     string `json:"prefix" yaml:"prefix"`         // every topic of it begins so: "prod_"
	Order      int    `json:"order" yaml:"order"`           // promotion goes from low to high
	Production bool   `json:"production" yaml:"production"` // its own stage, gates and approval
	PHI        bool   `json:"phi" yaml:"phi"`               // PHI and PII are allowed here

	// Where clients connect. Filled with real addresses when doors are bound.
	Bootstrap         string `json:"bootstrap,omitempty" yaml:"bootstrap,omitempty"`                 // PLAINTEXT, loopback only; empty when absent
	BootstrapIAM      string `json:"bootstrapIAM,omitempty" yaml:"bootstrapIAM,omitempty"`           // SASL_SSL "from AWS"
	BootstrapExternal string `json:"bootstrapExternal,omitempty" yaml:"bootstrapExternal,omitempty"` // SASL_SSL "from outside AWS"
	RegistryURL       string `json:"registryURL,omitempty" yaml:"registryURL,omitempty"`

	// AWS names the MSK cluster of an environment where AWS keeps the principals
	// and decides what they may: clients speak to its brokers, not to the bus.
	// Zero where the bus's own directory and gateway do. Filled like the addresses.
	AWS Deployment `json:"aws,omitzero" yaml:"-"`

	Limits TopicLimits `json:"limits" yaml:"limits"`
}

// OnAWS reports whether AWS keeps the principals of the environment.
func (e Environment) OnAWS() bool { return e.AWS.Path != "" }

// Place gives the names under which principals and topics of the environment are
// addressed; own are those of the bus's own directory.
func (e Environment) Place(own Deployment) Deployment {
	if e.OnAWS() {
		return e.AWS
	}
	return own
}

// Lacks says, a sentence each, what the bus cannot do in an environment on AWS,
// because nothing of it stands between client and broker; nil elsewhere.
func (e Environment) Lacks() []string {
	if !e.OnAWS() {
		return nil
	}
	return []string{
		"Who really produces and consumes is not seen: clients speak to Amazon MSK itself. AWS CloudTrail and the consumer groups tell.",
		"Records are not held against their schema when they are produced: there is no schema guard.",
		"Fields of PII and PHI are masked for people in the portal, not on the wire.",
		"A change of access takes up to about a minute until Amazon MSK enforces it.",
	}
}

// At gives the environment with the place of another: what the server fills in,
// and nobody writes into a manifest.
func (e Environment) At(other Environment) Environment {
	e.Bootstrap, e.BootstrapIAM, e.BootstrapExternal = other.Bootstrap, other.BootstrapIAM, other.BootstrapExternal
	e.RegistryURL, e.AWS = other.RegistryURL, other.AWS
	return e
}

// SchemaGuardDefault is the guard of a topic whose manifest does not name one:
// enforce in production, else warn; off where clients do not pass the gateway.
func (e Environment) SchemaGuardDefault() SchemaGuard {
	if e.OnAWS() {
		return SchemaGuardOff
	}
	if e.Production {
		return SchemaGuardEnforce
	}
	return SchemaGuardWarn
}

var environmentName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)

// longestRetention bounds TopicLimits.MaxRetentionDays: a century, in days.
const longestRetention = 36_500

// ValidateEnvironments checks names, prefixes and limits of a whole set and
// reports every fault at once. Two environments may not share a prefix, nor may
// one prefix begin another, or a topic would belong to both.
func ValidateEnvironments(envs []Environment) []Fault {
	var faults []Fault
	seen := map[string]bool{}
	for i, e := range envs {
		path := "environments[" + e.Name + "]"
		if !environmentName.MatchString(e.Name) {
			faults = append(faults, Fault{Path: path + ".name", Message: "not a legal environment name", Fix: "use lower-case letters, digits and dashes, at most 31"})
		}
		if seen[e.Name] {
			faults = append(faults, Fault{Path: path + ".name", Message: "named twice"})
		}
		seen[e.Name] = true
		if InternalTopic(e.Prefix) || CheckTopicName(e.Prefix+"x") != nil {
			faults = append(faults, Fault{Path: path + ".prefix", Message: strconv.Quote(e.Prefix) + " cannot begin the name of a topic",
				Fix: "use letters, digits, '.', '_' and '-'; the first is no '_'"})
		}
		if l := e.Limits; l.MaxPartitions < 0 || l.MaxMessageBytes < 0 || l.MaxRetentionDays < 0 || l.MaxRetentionDays > longestRetention {
			faults = append(faults, Fault{Path: path + ".limits", Message: "a limit is below zero, or records are kept for more than a century", Fix: "leave a limit out for its default"})
		}
		for _, o := range envs[:i] {
			if strings.HasPrefix(o.Prefix, e.Prefix) || strings.HasPrefix(e.Prefix, o.Prefix) {
				faults = append(faults, Fault{Path: path + ".prefix", Message: "overlaps with the prefix of " + o.Name, Fix: "give each environment a prefix that begins no other"})
			}
		}
	}
	return faults
}

// SortEnvironments orders environments as promotion goes.
func SortEnvironments(envs []Environment) {
	sort.SliceStable(envs, func(i, j int) bool { return envs[i].Order < envs[j].Order })
}

// EnvironmentOf finds the environment that owns a topic name by its prefix.
func EnvironmentOf(envs []Environment, topic string) (Environment, bool) {
	for _, e := range envs {
		if e.Prefix != "" && strings.HasPrefix(topic, e.Prefix) {
			return e, true
		}
	}
	return Environment{}, false
}

// DemoEnvironments are the three environments of `eventbus dev`.
func DemoEnvironments() []Environment {
	return []Environment{
		{Name: "development", Label: "Development", Prefix: "dev_", Order: 1},
		{Name: "staging", Label: "Staging", Prefix: "staging_", Order: 2},
		{Name: "production", Label: "Production", Prefix: "prod_", Order: 3, Production: true, PHI: true},
	}
}
