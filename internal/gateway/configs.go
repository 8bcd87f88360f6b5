package gateway

import (
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus"
)

const (
	describing = false
	altering   = true
)

// mayConfigure decides about one resource of the config APIs by its type:
// topics by the topic's DynamicConfiguration actions, brokers and broker loggers
// by the cluster's, groups by the group's own.
func (c *call) mayConfigure(kind kmsg.ConfigResourceType, name string, alter bool) int16 {
	pick := func(describe, alteration string) string {
		if alter {
			return alteration
		}
		return describe
	}
	switch kind {
	case kmsg.ConfigResourceTypeTopic:
		if !c.topic(pick(actDescribeTopicConfig, actAlterTopicConfig), name) {
			return errTopicDenied
		}
	case kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeBrokerLogger:
		if !c.cluster(pick(actDescribeClusterConfig, actAlterClusterConfig)) {
			return errClusterDenied
		}
	case kmsg.ConfigResourceTypeGroupConfig:
		if !c.group(pick(actDescribeGroup, actAlterGroup), name) {
			return errGroupDenied
		}
	default:
		return errInvalidRequest
	}
	return 0
}

// DescribeConfigs: v0-4
//
// Needs: Describe…DynamicConfiguration on each topic or on the cluster. The
// addresses that a broker's own configs name are not shown.
func describeConfigsRow() *api {
	return row(32, 0, 4, "[{1 s [s]}] 1@1+ 1@3+", describeConfigs, describedConfigs)
}

func describeConfigs(c *call, q *kmsg.DescribeConfigsRequest) {
	resources, aside := sift(q.Resources, func(r kmsg.DescribeConfigsRequestResource) *kmsg.DescribeConfigsResponseResource {
		code := c.mayConfigure(r.ResourceType, r.ResourceName, describing)
		if code == 0 {
			return nil
		}
		bad := kmsg.NewDescribeConfigsResponseResource()
		bad.ResourceType, bad.ResourceName, bad.ErrorCode = r.ResourceType, r.ResourceName, code
		return &bad
	})
	q.Resources = resources
	settle(c, len(resources), len(aside), func(p *kmsg.DescribeConfigsResponse) { p.Resources = append(p.Resources, aside...) })
}

func describedConfigs(c *call, p *kmsg.DescribeConfigsResponse) {
	for i := range p.Resources {
		if p.Resources[i].ResourceType != kmsg.ConfigResourceTypeBroker {
			continue
		}
		for j := range p.Resources[i].Configs {
			config := &p.Resources[i].Configs[j]
			synonyms := config.ConfigSynonyms
			if tellsPlace(config.Name, config.Value) || slices.ContainsFunc(synonyms, func(s kmsg.DescribeConfigsResponseResourceConfigConfigSynonym) bool {
				return tellsPlace(s.Name, s.Value)
			}) {
				config.Value, config.ConfigSynonyms, c.changed = nil, nil, true
			}
		}
	}
}

// tellsPlace reports whether a broker's config may say where a machine or a file
// is: by its name, or because the value has the form of an address, a URL or a
// path (controller.quorum.voters, say, is "1@host:9093").
func tellsPlace(name string, value *string) bool {
	if value == nil {
		return false
	}
	for _, part := range []string{"listener", "log.dir", "host.name", "broker.rack", "bootstrap.servers"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return strings.ContainsAny(*value, ":/@\\")
}

const brokerConfigMessage = "The bus owns the configuration of its brokers. Nothing was changed; ask an operator."

// checkAlteration decides what both config-changing APIs ask: configs are the
// values to be set, by name.
func (c *call) checkAlteration(kind kmsg.ConfigResourceType, name string, configs map[string]*string, faulty string) (int16, *string) {
	if code := c.mayConfigure(kind, name, altering); code != 0 {
		return code, nil
	}
	switch kind {
	case kmsg.ConfigResourceTypeTopic:
	case kmsg.ConfigResourceTypeGroupConfig:
		return 0, nil
	default:
		return errPolicyViolation, text(brokerConfigMessage)
	}
	if c.reserved(name) {
		return errTopicDenied, text(reservedMessage)
	}
	if faulty != "" {
		return errInvalidConfig, text(faulty + ". Nothing was changed.")
	}
	limits := c.f.g.cfg.Limits(name).WithDefaults()
	for config, value := range configs {
		if value == nil {
			return errInvalidConfig, text("Config " + strconv.Quote(config) + " has no value. Nothing was changed.")
		}
		err := eventbus.CheckTopicConfig(config, *value)
		if n, bad := strconv.ParseInt(*value, 10, 64); err == nil && bad == nil && config == "max.message.bytes" && n > int64(limits.MaxMessageBytes) {
			err = eventbus.Errorf(eventbus.CodeInvalid, "max.message.bytes=%d is over the limit of %d", n, limits.MaxMessageBytes)
		}
		if err != nil {
			return errInvalidConfig, text(err.Error() + ". Nothing was changed.")
		}
	}
	return 0, nil
}

// AlterConfigs: v0-2
//
// Needs: Alter…DynamicConfiguration on each topic. Broker configs are nobody's.
// Values are validated here, because the embedded engine takes retention.ms=banana
// for 0 and empties the topic.
func alterConfigsRow() *api {
	return requestRow(33, 0, 2, "[{1 s [{s s}]}] 1", alterConfigs)
}

func alterConfigs(c *call, q *kmsg.AlterConfigsRequest) {
	resources, aside := sift(q.Resources, func(r kmsg.AlterConfigsRequestResource) *kmsg.AlterConfigsResponseResource {
		set, faulty := map[string]*string{}, ""
		for _, config := range r.Configs {
			if _, twice := set[config.Name]; twice {
				faulty = "Config " + strconv.Quote(config.Name) + " is named twice"
			}
			set[config.Name] = config.Value
		}
		code, message := c.checkAlteration(r.ResourceType, r.ResourceName, set, faulty)
		if code == 0 {
			return nil
		}
		bad := kmsg.NewAlterConfigsResponseResource()
		bad.ResourceType, bad.ResourceName, bad.ErrorCode, bad.ErrorMessage = r.ResourceType, r.ResourceName, code, message
		return &bad
	})
	q.Resources = resources
	settle(c, len(resources), len(aside), func(p *kmsg.AlterConfigsResponse) { p.Resources = append(p.Resources, aside...) })
}

// IncrementalAlterConfigs: v0-1
//
// As AlterConfigs. A config that goes back to its default needs no check.
func incrementalAlterConfigsRow() *api {
	return requestRow(44, 0, 1, "[{1 s [{s 1 s}]}] 1", incrementalAlterConfigs)
}

func incrementalAlterConfigs(c *call, q *kmsg.IncrementalAlterConfigsRequest) {
	resources, aside := sift(q.Resources, func(r kmsg.IncrementalAlterConfigsRequestResource) *kmsg.IncrementalAlterConfigsResponseResource {
		set, seen, faulty := map[string]*string{}, map[string]bool{}, ""
		for _, config := range r.Configs {
			if seen[config.Name] {
				faulty = "Config " + strconv.Quote(config.Name) + " is named twice"
			}
			seen[config.Name] = true
			switch config.Op {
			case kmsg.IncrementalAlterConfigOpDelete:
			case kmsg.IncrementalAlterConfigOpSet, kmsg.IncrementalAlterConfigOpAppend, kmsg.IncrementalAlterConfigOpSubtract:
				set[config.Name] = config.Value
			default:
				faulty = "An operation that is not known"
			}
		}
		code, message := c.checkAlteration(r.ResourceType, r.ResourceName, set, faulty)
		if code == 0 {
			return nil
		}
		bad := kmsg.NewIncrementalAlterConfigsResponseResource()
		bad.ResourceType, bad.ResourceName, bad.ErrorCode, bad.ErrorMessage = r.ResourceType, r.ResourceName, code, message
		return &bad
	})
	q.Resources = resources
	settle(c, len(resources), len(aside), func(p *kmsg.IncrementalAlterConfigsResponse) { p.Resources = append(p.Resources, aside...) })
}

// ListConfigResources: v0-1
//
// Needs: DescribeClusterDynamicConfiguration. It names topics and groups; those
// that may not be seen are left out.
func listConfigResourcesRow() *api {
	return row(74, 0, 1, "[1]@1+", func(c *call, _ *kmsg.ListConfigResourcesRequest) {
		if !c.cluster(actDescribeClusterConfig) {
			reply(c, func(p *kmsg.ListConfigResourcesResponse) { p.ErrorCode = errClusterDenied })
		}
	}, listedConfigResources)
}

func listedConfigResources(c *call, p *kmsg.ListConfigResourcesResponse) {
	if c.session == nil {
		return
	}
	visible := p.ConfigResources[:0]
	for _, r := range p.ConfigResources {
		switch kmsg.ConfigResourceType(r.Type) {
		case kmsg.ConfigResourceTypeTopic:
			if !c.topicQuietly(actDescribeTopic, r.Name) {
				continue
			}
		case kmsg.ConfigResourceTypeGroupConfig:
			if !c.quietly(actDescribeGroup, c.deployment().GroupARN(r.Name)) {
				continue
			}
		}
		visible = append(visible, r)
	}
	p.ConfigResources, c.changed = visible, true
}
