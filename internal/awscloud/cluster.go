package awscloud

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/aws/aws-sdk-go-v2/service/kafka/types"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Cluster is what AWS says of an MSK cluster.
type Cluster struct {
	ARN        string
	Name       string
	UUID       string // the last part of the ARN; topics' and groups' ARNs have it too
	State      string // ACTIVE, CREATING, UPDATING, …
	Serverless bool
	Version    string // of Kafka; empty when serverless
	Brokers    int    // 0 when serverless

	// Where clients sign in with IAM, host:port. Private is for those within the
	// VPC (9098), Public from outside AWS (9198), VPC for those of other VPCs
	// (multi-VPC connectivity, 14001 and up). Empty where the cluster has none.
	Private, Public, VPC []string
}

// Cluster asks AWS about the configured cluster: by its ARN when the UUID is
// known, else by its name. CodeNotFound when there is none.
func (a *Account) Cluster(ctx context.Context) (Cluster, error) {
	found, err := a.describe(ctx)
	if err != nil {
		return Cluster{}, err
	}
	c := Cluster{ARN: aws.ToString(found.ClusterArn), Name: aws.ToString(found.ClusterName), State: string(found.State),
		Serverless: found.ClusterType == types.ClusterTypeServerless}
	c.UUID = c.ARN[strings.LastIndexByte(c.ARN, '/')+1:]
	if p := found.Provisioned; p != nil {
		c.Brokers = int(aws.ToInt32(p.NumberOfBrokerNodes))
		if p.CurrentBrokerSoftwareInfo != nil {
			c.Version = aws.ToString(p.CurrentBrokerSoftwareInfo.KafkaVersion)
		}
	}
	brokers, err := a.kafka.GetBootstrapBrokers(ctx, &kafka.GetBootstrapBrokersInput{ClusterArn: &c.ARN})
	if err != nil {
		return Cluster{}, translate("ask for the brokers of "+c.ARN, err)
	}
	c.Private, c.Public = addresses(brokers.BootstrapBrokerStringSaslIam), addresses(brokers.BootstrapBrokerStringPublicSaslIam)
	c.VPC = addresses(brokers.BootstrapBrokerStringVpcConnectivitySaslIam)
	return c, nil
}

func (a *Account) describe(ctx context.Context) (types.Cluster, error) {
	d := a.cfg.Deployment
	if d.UUID != "" {
		got, err := a.kafka.DescribeClusterV2(ctx, &kafka.DescribeClusterV2Input{ClusterArn: aws.String(d.ClusterARN())})
		if err != nil {
			return types.Cluster{}, translate("look at MSK cluster "+d.ClusterARN(), err)
		}
		return *got.ClusterInfo, nil
	}
	pages := kafka.NewListClustersV2Paginator(a.kafka, &kafka.ListClustersV2Input{ClusterNameFilter: &d.Cluster})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return types.Cluster{}, translate("look for MSK cluster "+d.Cluster, err)
		}
		for _, one := range page.ClusterInfoList {
			if aws.ToString(one.ClusterName) == d.Cluster { // the filter is a prefix
				return one, nil
			}
		}
	}
	return types.Cluster{}, &eventbus.Error{Code: eventbus.CodeNotFound, Message: "there is no MSK cluster " + d.Cluster + " in " + d.Region + " of account " + d.Account,
		Next: "correct the name, or write the UUID of a cluster that the bus may look at"}
}

// sameCluster reports whether two broker addresses differ at most in the broker:
// AWS names three of them, whatever their number.
func sameCluster(a, b string) bool {
	_, domainA, _ := strings.Cut(a, ".")
	_, domainB, _ := strings.Cut(b, ".")
	return domainA != "" && strings.EqualFold(domainA, domainB)
}

func addresses(list *string) []string {
	all := strings.FieldsFunc(aws.ToString(list), func(r rune) bool { return r == ',' || r == ' ' })
	slices.Sort(all)
	return all
}

// check holds the cluster against the configuration.
func (c Cluster) check(cfg Config) error {
	var faults []eventbus.Fault
	want := cfg.Deployment
	parsed, err := arn.Parse(c.ARN)
	if err != nil || parsed.Partition != want.Partition || parsed.AccountID != want.Account || parsed.Region != want.Region {
		faults = append(faults, eventbus.Fault{Path: "deployment", Message: c.ARN + " is not of account " + want.Account + " (" + want.Partition + ") in " + want.Region})
	}
	iam := slices.Concat(c.Private, c.Public, c.VPC)
	if len(iam) == 0 {
		faults = append(faults, eventbus.Fault{Path: "cluster", Message: "the cluster has no address where clients sign in with IAM", Fix: "turn IAM access control on (aws kafka update-security)"})
	}
	for i, address := range cfg.Bootstrap {
		if len(iam) > 0 && !slices.ContainsFunc(iam, func(of string) bool { return sameCluster(of, address) }) {
			faults = append(faults, eventbus.Fault{Path: fmt.Sprintf("bootstrap[%d]", i), Message: address + " is not an address of the cluster", Fix: "write " + strings.Join(iam, ",")})
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return eventbus.Invalid("AWS access of environment "+cfg.Environment+" was not opened: the configuration does not match MSK cluster "+c.Name, faults...)
}
