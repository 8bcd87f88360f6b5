package policy

// ARNs names the things of one cluster as MSK does. Every field is text without
// wildcards and must not be empty.
type ARNs struct {
	Partition string // aws, aws-us-gov or aws-cn
	Region    string // for example us-gov-west-1
	Account   string // 12 digits
	Name      string // the cluster's name
	UUID      string // the last part of the cluster's ARN
}

// Cluster returns arn:P:kafka:REGION:ACCOUNT:cluster/NAME/UUID.
func (a ARNs) Cluster() string { return a.arn(Cluster) }

// Topic returns arn:P:kafka:REGION:ACCOUNT:topic/NAME/UUID/TOPIC, the ARN of a
// request; it is no pattern.
func (a ARNs) Topic(name string) string { return a.arn(Topic) + "/" + name }

// Group returns arn:P:kafka:REGION:ACCOUNT:group/NAME/UUID/GROUP.
func (a ARNs) Group(name string) string { return a.arn(Group) + "/" + name }

// TransactionalID returns
// arn:P:kafka:REGION:ACCOUNT:transactional-id/NAME/UUID/ID.
func (a ARNs) TransactionalID(name string) string { return a.arn(TransactionalID) + "/" + name }

func (a ARNs) arn(t ResourceType) string {
	return "arn:" + a.Partition + ":kafka:" + a.Region + ":" + a.Account + ":" + string(t) + "/" + a.Name + "/" + a.UUID
}

// MayOnlyConnect allows Connect and nothing else.
func MayOnlyConnect(a ARNs) *Document { return build(connect(a)) }

// Produce is the least policy of a producer that is not idempotent: Connect,
// DescribeTopic, WriteData. Java producers since 3.0 and franz-go are idempotent
// by default and need ProduceIdempotent. Source of all builders: "Common use
// cases for client authorization policy" of the MSK Developer Guide. Names are
// taken literally, their *, ? and $ too.
func Produce(a ARNs, topic string) *Document {
	return build(connect(a), write(a, topic))
}

// ProduceIdempotent adds WriteDataIdempotently, which is an action on the
// cluster.
func ProduceIdempotent(a ARNs, topic string) *Document {
	return build(connect(a), write(a, topic), idempotent(a))
}

// ProduceTransactional allows producing in transactions of one transactional id.
// That is idempotent without WriteDataIdempotently, which is asked only of a
// producer that has no such id; one that does both needs both documents.
func ProduceTransactional(a ARNs, topic, txid string) *Document {
	return produceTransactional(a, topic, escape(txid))
}

// ProduceTransactionalPrefix is ProduceTransactional for every transactional id
// that starts with the prefix, as Kafka Streams and Connect make them up.
func ProduceTransactionalPrefix(a ARNs, topic, txidPrefix string) *Document {
	return produceTransactional(a, topic, escape(txidPrefix)+"*")
}

func produceTransactional(a ARNs, topic, txid string) *Document {
	return build(connect(a), write(a, topic),
		allow("Transaction", a.TransactionalID(txid), "DescribeTransactionalId", "AlterTransactionalId"))
}

// Consume is the least policy of a consumer in one group: Connect,
// DescribeTopic, ReadData, DescribeGroup, AlterGroup.
func Consume(a ARNs, topic, group string) *Document { return consume(a, topic, escape(group)) }

// ConsumePrefix is Consume for every group whose name starts with the prefix.
func ConsumePrefix(a ARNs, topic, groupPrefix string) *Document {
	return consume(a, topic, escape(groupPrefix)+"*")
}

func consume(a ARNs, topic, group string) *Document {
	return build(connect(a),
		allow("Read", a.Topic(escape(topic)), "DescribeTopic", "ReadData"),
		allow("Group", a.Group(group), "DescribeGroup", "AlterGroup"))
}

func connect(a ARNs) statement { return allow("Connect", a.Cluster(), "Connect") }

func write(a ARNs, topic string) statement {
	return allow("Write", a.Topic(escape(topic)), "DescribeTopic", "WriteData")
}

func idempotent(a ARNs) statement {
	return allow("Idempotent", a.Cluster(), "WriteDataIdempotently")
}

// allow makes a statement about one resource. A resource that Parse would
// refuse allows nothing.
func allow(sid, on string, names ...string) statement {
	s := statement{sid: sid, actions: needs(names...)}
	for _, a := range s.actions {
		s.set |= 1 << actionIndex(a)
	}
	r, err := compileResource(on)
	if err != nil {
		s.set = 0
	}
	s.resources = []resource{r}
	return s
}

func build(statements ...statement) *Document { return newDocument(statements, false) }
