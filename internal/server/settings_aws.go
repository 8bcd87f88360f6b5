package server

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/awscloud"
)

// The values of environments[].access.
const (
	accessBus = "bus"
	accessAWS = "aws"
)

func (e environmentSettings) onAWS() bool { return e.Access == accessAWS }

// account is how the AWS account of an environment is opened.
func (e environmentSettings) account() awscloud.Config {
	a := awsSettings{}
	if e.AWS != nil {
		a = *e.AWS
	}
	return awscloud.Config{Environment: e.Name, Name: a.Name, Boundary: a.Boundary,
		Deployment: eventbus.Deployment{Partition: a.Partition, Region: a.Region, Account: a.Account, Cluster: a.Cluster, UUID: a.UUID, Path: a.Path}}
}

// accounts are those of the environments on AWS.
func (s settings) accounts() []awscloud.Config {
	var accounts []awscloud.Config
	for _, e := range s.Environments {
		if e.onAWS() {
			accounts = append(accounts, e.account())
		}
	}
	return accounts
}

// first is the environment whose cluster has the doors at the top of the file: the
// first one with a gateway; -1 when there is none.
func (s settings) first() int {
	return slices.IndexFunc(s.Environments, func(e environmentSettings) bool { return !e.onAWS() })
}

// checkAccess is the rules of environments on AWS.
func (s settings) checkAccess(r *rules) {
	for i, e := range s.Environments {
		path := fmt.Sprintf("environments[%d]", i)
		switch {
		case e.Access != "" && e.Access != accessBus && e.Access != accessAWS:
			r.add(path+".access", fmt.Sprintf("%q is not a way of access", e.Access), "write bus or aws")
		case !e.onAWS() && e.AWS != nil:
			r.add(path+".aws", "is of no use: the bus itself keeps the principals", "write access: aws, or leave it out")
		case e.onAWS():
			s.checkAccount(r, path, i)
		}
	}
	if s.first() < 0 && len(s.Environments) > 0 {
		for _, door := range []struct{ path, address string }{{"listeners.kafkaIAM", s.Listeners.KafkaIAM}, {"listeners.kafkaIAMExternal", s.Listeners.KafkaIAMExternal}} {
			if door.address != "" {
				r.add(door.path, "is a door to nothing: in every environment clients speak to Amazon MSK itself", "leave it out")
			}
		}
	}
}

func (s settings) checkAccount(r *rules, path string, i int) {
	e := s.Environments[i]
	if e.AWS == nil {
		r.add(path+".aws", "is missing", "write partition, region, account and cluster below it")
	} else {
		for _, fault := range e.account().Faults() {
			if fault.Path == "environment" {
				continue // the rules of environments say so
			}
			fault.Path = path + ".aws." + strings.TrimPrefix(fault.Path, "deployment.")
			*r = append(*r, fault)
		}
	}
	if (e.Listeners != doorSettings{} || e.Advertise != doorSettings{}) {
		r.add(path+".listeners", "there is no gateway in this environment: clients speak to Amazon MSK itself", "leave it out")
	}
	switch c := e.Cluster; {
	case c == nil && !s.embedded(): // the rules of environments say so
	case c == nil:
		r.add(path+".cluster", "is missing: access aws is for a cluster of Amazon MSK", "write the brokers of the cluster, tls: {} and sasl: {mechanism: AWS_MSK_IAM}")
	case c.TLS == nil || c.SASL == nil || c.SASL.Mechanism != "AWS_MSK_IAM":
		r.add(path+".cluster.sasl", "is not how the bus signs in where AWS decides", "write tls: {} and sasl: {mechanism: AWS_MSK_IAM}")
	}
	for j, other := range s.Environments {
		switch {
		case other.onAWS() && j < i && samePlace(e, other):
			r.add(path+".aws.path", "is the path of environment "+other.Name+" too", "give each environment of an account a path of its own")
		case !other.onAWS() && sharesBroker(e.Cluster, other.Cluster):
			r.add(path+".cluster", "is that of environment "+other.Name+", whose gateway would let in whom AWS keeps out", "give the environments clusters of their own, or both access: aws")
		}
	}
}

// samePlace reports whether two environments would keep their principals below
// the same path.
func samePlace(a, b environmentSettings) bool {
	x, y := a.account().Place(), b.account().Place()
	return x.Partition == y.Partition && x.Account == y.Account && x.Path == y.Path
}

// sharesBroker reports whether two clusters are one.
func sharesBroker(a, b *clusterSettings) bool {
	return a != nil && b != nil && slices.ContainsFunc(a.Bootstrap, func(address string) bool { return slices.Contains(b.Bootstrap, address) })
}

// straight is 1 for a cluster that clients reach without the gateway, else 0.
func (s settings) straight(k Kafka) int {
	for _, e := range s.Environments {
		if slices.Contains(k.Environments, e.Name) && !e.onAWS() {
			return 0
		}
	}
	return 1
}

// sharesDoors reports whether an environment uses the doors at the top of the file.
func (s settings) sharesDoors(i int) bool {
	first := s.first()
	return i == first || first >= 0 && reflect.DeepEqual(s.Environments[i].Cluster, s.Environments[first].Cluster)
}
