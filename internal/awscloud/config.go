package awscloud

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Config says which environment an Account serves, and where on AWS. Environment
// and Deployment's Partition, Region, Account and Cluster are needed; the rest
// has defaults.
type Config struct {
	Environment string              // for the tags and the path
	Deployment  eventbus.Deployment // UUID: of the only cluster of that name when empty; Path: "eventbus/ENVIRONMENT/" when empty

	// Name is this bus's mark in the tag eventbus:deployment; the cluster's name
	// when empty. Two buses in one account need two names.
	Name string

	// Boundary is the ARN of a policy that AWS sets as permissions boundary on
	// every role and user; none when empty.
	Boundary string

	// Bootstrap lists the broker addresses that the configuration gives to
	// clients, host:port. Each must be one of the cluster's IAM addresses.
	Bootstrap []string

	// Attempts is how often a call is made before AWS's "slow down", or its
	// silence, becomes an error; 8 when zero.
	Attempts int

	// Patience is how long a new role, user or policy may stay unseen (IAM is
	// eventually consistent); 60 s when zero.
	Patience time.Duration

	// Keep seals the secret of a new access key of a user (ARN) until its contact
	// collects it. Without it no keys are made.
	Keep func(ctx context.Context, user, keyID, secret string) error

	Logger *slog.Logger // discards when nil
}

const (
	defaultAttempts = 8
	defaultPatience = time.Minute
	longestBackoff  = 20 * time.Second
)

// filled is the configuration with the names that were left out.
func (c Config) filled() Config {
	if c.Deployment.Path == "" {
		c.Deployment.Path = "eventbus/" + c.Environment + "/"
	}
	if c.Name == "" {
		c.Name = c.Deployment.Cluster
	}
	return c
}

// Place gives the deployment with its Path, before AWS is asked.
func (c Config) Place() eventbus.Deployment { return c.filled().Deployment }

func (c Config) withDefaults() (Config, error) {
	c = c.filled()
	if c.Attempts <= 0 {
		c.Attempts = defaultAttempts
	}
	if c.Patience <= 0 {
		c.Patience = defaultPatience
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if faults := c.Faults(); len(faults) > 0 {
		return c, eventbus.Invalid("AWS access of environment "+c.Environment+" was not opened", faults...)
	}
	return c, nil
}

// What AWS allows in the parts of an ARN, and what a tag of ours may hold.
var (
	partitions  = regexp.MustCompile(`^(aws|aws-us-gov|aws-cn)$`)
	region      = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)
	account     = regexp.MustCompile(`^\d{12}$`)
	clusterName = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
	clusterUUID = regexp.MustCompile(`^([A-Za-z0-9-]{1,64})?$`)
	environment = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)
	iamPath     = regexp.MustCompile(`^([A-Za-z0-9_+=,.@-]+/){1,8}$`)
	tagValue    = regexp.MustCompile(`^[A-Za-z0-9_.:/=+@ -]{1,256}$`)
	policyARN   = regexp.MustCompile(`^(arn:[a-z-]+:iam::(\d{12}|aws):policy/[\w+=,.@/-]{1,512})?$`)
	brokerName  = regexp.MustCompile(`^[A-Za-z0-9.-]{1,253}:\d{1,5}$`)
)

// Faults lists everything that is wrong with the configuration by itself, at once
// and without a call to AWS; Open refuses it for the same.
func (c Config) Faults() []eventbus.Fault {
	var faults []eventbus.Fault
	c = c.filled()
	check := func(path, value string, legal *regexp.Regexp, fix string) {
		if !legal.MatchString(value) {
			faults = append(faults, eventbus.Fault{Path: path, Message: fmt.Sprintf("%q cannot be", value), Fix: fix})
		}
	}
	d := c.Deployment
	check("environment", c.Environment, environment, "write the environment's name")
	check("deployment.partition", d.Partition, partitions, "write aws, aws-us-gov or aws-cn")
	check("deployment.region", d.Region, region, "write a region such as us-gov-west-1")
	check("deployment.account", d.Account, account, "write the 12 digits of the account")
	check("deployment.cluster", d.Cluster, clusterName, "write the name of the MSK cluster")
	check("deployment.uuid", d.UUID, clusterUUID, "write the last part of the cluster's ARN, or leave it out")
	check("deployment.path", d.Path, iamPath, "write folders that each end in a slash, such as eventbus/production/")
	check("name", c.Name, tagValue, "write letters, digits and dashes")
	check("boundary", c.Boundary, policyARN, "write the ARN of a policy, or leave it out")
	for i, address := range c.Bootstrap {
		check(fmt.Sprintf("bootstrap[%d]", i), address, brokerName, "write host:port")
	}
	if d.Region != "" && strings.HasPrefix(d.Region, "us-gov-") != (d.Partition == "aws-us-gov") {
		faults = append(faults, eventbus.Fault{Path: "deployment.partition",
			Message: fmt.Sprintf("region %s is not of partition %s", d.Region, d.Partition), Fix: "regions us-gov-… are of partition aws-us-gov"})
	}
	return faults
}
