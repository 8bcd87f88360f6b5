package gateway

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus"
)

// api is a row of the table: everything the gateway knows about one API key.
type api struct {
	key      int16
	name     string
	min, max int16 // versions spoken with clients
	hidden   bool  // answered when asked, but not advertised
	shape    field
	// request decides a parsed request: it may change it, set aside entries, or
	// answer it here. Every row has one; it is where authorisation happens.
	request func(*call)
	// response changes what the engine answered; nil passes it untouched.
	response func(*call, kmsg.Response)
}

// row makes a table row with typed hooks.
func row[Q kmsg.Request, P kmsg.Response](key, low, high int16, shape string, request func(*call, Q), response func(*call, P)) *api {
	a := requestRow(key, low, high, shape, request)
	a.response = func(c *call, r kmsg.Response) { response(c, r.(P)) }
	return a
}

// requestRow makes a row whose responses pass untouched.
func requestRow[Q kmsg.Request](key, low, high int16, shape string, request func(*call, Q)) *api {
	return &api{key: key, name: kmsg.NameForKey(key), min: low, max: high, shape: parseShape(shape),
		request: func(c *call) { request(c, c.req.(Q)) }}
}

// call is one request on its way through a filter.
type call struct {
	f           *filter
	ctx         context.Context
	api         *api
	version     int16
	correlation int32
	client      string
	req         kmsg.Request
	session     *Session // nil: the local administrator
	held        int64    // bytes of the in-flight budget

	changed bool                  // req differs from the frame: encode it anew
	silent  bool                  // no response will come (acks=0)
	local   kmsg.Response         // the answer, made here
	cut     error                 // close the connection instead of answering
	merges  []func(kmsg.Response) // entries set aside, to be added to the engine's answer
	then    func(kmsg.Response)   // told of the final answer, for observation

	last   error  // ends the connection after the answer
	answer []byte // encoded answer that waits for its turn
	done   bool   // answer may be written
}

// reply answers the call here: fill completes an empty response.
func reply[P kmsg.Response](c *call, fill func(P)) {
	p := c.req.ResponseKind().(P)
	fill(p)
	c.local = p
}

// sift parts the entries of a request: refuse gives the answer to an entry that
// is refused, nil for one that goes on. kept is nil only when entries is: to some
// calls nil means all there are.
func sift[E, R any](entries []E, refuse func(E) *R) (kept []E, aside []R) {
	kept = entries[:0:0]
	for _, e := range entries {
		if bad := refuse(e); bad != nil {
			aside = append(aside, *bad)
			continue
		}
		kept = append(kept, e)
	}
	return kept, aside
}

// settle ends a request hook that has set entries aside. left and aside count
// the entries that remain and that were taken out; add appends the latter to a
// response. With nothing left, the call is answered here.
func settle[P kmsg.Response](c *call, left, aside int, add func(P)) {
	switch {
	case aside == 0:
	case left == 0:
		reply(c, add)
	default:
		c.changed = true
		c.merges = append(c.merges, func(r kmsg.Response) { add(r.(P)) })
	}
}

// The actions of MSK's IAM access control that decide requests (AWS MSK
// Developer Guide, "Authorization policy actions").
const (
	actDescribeCluster         = "kafka-cluster:DescribeCluster"
	actAlterCluster            = "kafka-cluster:AlterCluster"
	actDescribeClusterConfig   = "kafka-cluster:DescribeClusterDynamicConfiguration"
	actAlterClusterConfig      = "kafka-cluster:AlterClusterDynamicConfiguration"
	actWriteDataIdempotently   = "kafka-cluster:WriteDataIdempotently"
	actCreateTopic             = "kafka-cluster:CreateTopic"
	actDescribeTopic           = "kafka-cluster:DescribeTopic"
	actAlterTopic              = "kafka-cluster:AlterTopic"
	actDeleteTopic             = "kafka-cluster:DeleteTopic"
	actDescribeTopicConfig     = "kafka-cluster:DescribeTopicDynamicConfiguration"
	actAlterTopicConfig        = "kafka-cluster:AlterTopicDynamicConfiguration"
	actReadData                = "kafka-cluster:ReadData"
	actWriteData               = "kafka-cluster:WriteData"
	actDescribeGroup           = "kafka-cluster:DescribeGroup"
	actAlterGroup              = "kafka-cluster:AlterGroup"
	actDeleteGroup             = "kafka-cluster:DeleteGroup"
	actDescribeTransactionalID = "kafka-cluster:DescribeTransactionalId"
	actAlterTransactionalID    = "kafka-cluster:AlterTransactionalId"
)

func (c *call) deployment() eventbus.Deployment { return c.f.g.cfg.Deployment }

// decide asks the authority and lets it record the decision; the local
// administrator may do anything.
func (c *call) decide(action, resource string) bool {
	if c.session == nil {
		return true
	}
	ok, _ := c.f.g.auth.Decide(c.ctx, c.session, action, resource)
	return ok
}

// quietly asks without a record: for lists and operation bits.
func (c *call) quietly(action, resource string) bool {
	return c.session == nil || c.f.g.auth.Allowed(c.session, action, resource)
}

func (c *call) topic(action, name string) bool {
	return c.decide(action, c.deployment().TopicARN(name))
}

func (c *call) topicQuietly(action, name string) bool {
	return c.quietly(action, c.deployment().TopicARN(name))
}

func (c *call) group(action, name string) bool {
	return c.decide(action, c.deployment().GroupARN(name))
}

func (c *call) transaction(action, id string) bool {
	return c.decide(action, c.deployment().TransactionalIDARN(id))
}

func (c *call) cluster(action string) bool {
	return c.decide(action, c.deployment().ClusterARN())
}

// topicName is the name that a message means: by id where the version says so.
// known is false for an id that no topic is known to have.
func (c *call) topicName(name string, id [16]byte, byID bool) (_ string, known bool) {
	if !byID {
		return name, true
	}
	return c.f.g.up.TopicName(id)
}

// mayTopic decides about a topic that is named, or given by id where byID: its
// name and 0, or the code of the refusal. What cannot be named cannot be decided,
// so an id that is not known is refused here, as a broker refuses it: the engine
// may know more ids than the gateway does at this moment.
func (c *call) mayTopic(action, name string, id [16]byte, byID bool) (string, int16) {
	name, known := c.topicName(name, id, byID)
	switch {
	case !known:
		return "", errUnknownTopicID
	case !c.topic(action, name):
		return name, errTopicDenied
	}
	return name, 0
}

// reserved reports whether nobody, or not this caller, may write to, alter or
// delete a topic through a door; see the package comment.
func (c *call) reserved(topic string) bool {
	if !eventbus.InternalTopic(topic) {
		return false
	}
	return c.session != nil || topic == "_schemas" || len(topic) > 1 && topic[1] == '_'
}

// Kafka's error codes that the gateway itself gives (Apache Kafka, Errors).
const (
	errUnknownTopic        = 3
	errCorruptMessage      = 2
	errMessageTooLarge     = 10
	errInvalidTopic        = 17
	errTopicDenied         = 29
	errGroupDenied         = 30
	errClusterDenied       = 31
	errUnsupportedMech     = 33
	errIllegalSASLState    = 34
	errUnsupportedVersion  = 35
	errInvalidPartitions   = 37
	errInvalidReplication  = 38
	errInvalidConfig       = 40
	errInvalidRequest      = 42
	errPolicyViolation     = 44
	errTransactionalDenied = 53
	errSecurityDisabled    = 54
	errNotAttempted        = 55
	errStorage             = 56
	errSASLFailed          = 58
	errFetchSession        = 70
	errInvalidRecord       = 87
	errUnknownTopicID      = 100
)

const reservedMessage = "The topic is reserved: only the bus itself writes to it, alters or deletes it. Nothing was changed."

// Codes of Kafka's AclOperation, the bits of authorized-operations fields.
const (
	opRead            = 3
	opWrite           = 4
	opCreate          = 5
	opDelete          = 6
	opAlter           = 7
	opDescribe        = 8
	opDescribeConfigs = 10
	opAlterConfigs    = 11
	opIdempotentWrite = 12
)

type operation struct {
	bit    int
	action string
}

var topicOperations = []operation{{opRead, actReadData}, {opWrite, actWriteData}, {opCreate, actCreateTopic},
	{opDelete, actDeleteTopic}, {opAlter, actAlterTopic}, {opDescribe, actDescribeTopic},
	{opDescribeConfigs, actDescribeTopicConfig}, {opAlterConfigs, actAlterTopicConfig}}

var groupOperations = []operation{{opRead, actAlterGroup}, {opDelete, actDeleteGroup}, {opDescribe, actDescribeGroup}}

var clusterOperations = []operation{{opAlter, actAlterCluster}, {opDescribe, actDescribeCluster},
	{opDescribeConfigs, actDescribeClusterConfig}, {opAlterConfigs, actAlterClusterConfig},
	{opIdempotentWrite, actWriteDataIdempotently}}

// operations computes an authorized-operations field for a resource: an engine
// without ACLs would report everything.
func (c *call) operations(ops []operation, resource string) int32 {
	var bits int32
	for _, op := range ops {
		if c.quietly(op.action, resource) {
			bits |= 1 << op.bit
		}
	}
	return bits
}

// address gives where a client of this door reaches a node.
func (c *call) address(node int32) (string, int32) { return c.f.door.advertise(node) }

// consumesIn remembers in which group a client id consumes, for observation.
func (c *call) consumesIn(group string) {
	c.f.g.groups.put(c.principal(), c.client, group)
}

// principal is who the call is counted under.
func (c *call) principal() string {
	if c.session == nil {
		return eventbus.LocalAdministrator().Identity()
	}
	return c.session.Principal.Identity()
}

func text(s string) *string { return &s }
