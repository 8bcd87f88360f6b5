package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Metadata: v0-13
//
// Needs: DescribeTopic on each topic. Topics that are not named are left out;
// named ones get TOPIC_AUTHORIZATION_FAILED without an id, ones asked by id
// without a name. It never creates a topic, whatever the client wishes: versions
// before 4 have no word for that, so the engine is asked in version 4.
//
// Here: broker addresses, rack and cluster id are rewritten, authorized
// operations computed.
//
// v4: auto-creation. v8: authorized operations. v10: topic ids.
func metadataRow() *api {
	return row(keyMetadata, 0, 13, "[{u@10+ s}] 1@4+ 1@8-10 1@8+", metadata, describedMetadata)
}

func metadata(c *call, q *kmsg.MetadataRequest) {
	if c.version == 0 && len(q.Topics) == 0 {
		q.Topics = nil // all of them, as later versions say it
	}
	if c.version < 4 {
		q.SetVersion(4)
		c.changed = true
	}
	if q.AllowAutoTopicCreation {
		q.AllowAutoTopicCreation = false
		c.changed = true
	}
	if q.Topics == nil || c.session == nil {
		return
	}
	var aside []kmsg.MetadataResponseTopic
	topics := make([]kmsg.MetadataRequestTopic, 0, len(q.Topics)) // never nil, which would mean all
	for _, t := range q.Topics {
		byID := t.TopicID != [16]byte{}
		if t.Topic == nil && !byID {
			continue
		}
		name := ""
		if t.Topic != nil {
			name = *t.Topic
		}
		_, code := c.mayTopic(actDescribeTopic, name, t.TopicID, byID)
		if code == 0 {
			topics = append(topics, t)
			continue
		}
		bad := kmsg.NewMetadataResponseTopic()
		if bad.ErrorCode = code; byID {
			bad.TopicID = t.TopicID
		} else {
			bad.Topic = t.Topic
		}
		aside = append(aside, bad)
	}
	if len(aside) == 0 {
		return
	}
	// With all topics refused the request still goes through, for the brokers.
	q.Topics = topics
	settle(c, 1, len(aside), func(p *kmsg.MetadataResponse) { p.Topics = append(p.Topics, aside...) })
}

func describedMetadata(c *call, p *kmsg.MetadataResponse) {
	q := c.req.(*kmsg.MetadataRequest)
	c.changed = true
	for i := range p.Brokers {
		b := &p.Brokers[i]
		b.Host, b.Port = c.address(b.NodeID)
		b.Rack = nil
	}
	if id := c.f.g.cfg.ClusterID; id != "" && p.ClusterID != nil {
		p.ClusterID = &id
	}
	topics := p.Topics[:0]
	for _, t := range p.Topics {
		if t.Topic != nil && *t.Topic != "" {
			if !c.topicQuietly(actDescribeTopic, *t.Topic) {
				continue // named ones were decided before; this is the list of all
			}
			if q.IncludeTopicAuthorizedOperations {
				t.AuthorizedOperations = c.operations(topicOperations, c.deployment().TopicARN(*t.Topic))
			}
		}
		topics = append(topics, t)
	}
	p.Topics = topics
	if q.IncludeClusterAuthorizedOperations {
		p.AuthorizedOperations = c.operations(clusterOperations, c.deployment().ClusterARN())
	}
}
