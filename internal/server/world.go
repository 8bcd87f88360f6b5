package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/provision"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// topicWorld lets provision see and change the topics of every cluster.
type topicWorld struct{ kafkas *kafkas }

// Topics gives every topic with the configs set on it, in two calls for each
// cluster. A topic that lies on another cluster than its environment is not seen:
// it is nobody's here.
func (w topicWorld) Topics(ctx context.Context) ([]eventbus.Topic, error) {
	var topics []eventbus.Topic
	for _, one := range w.kafkas.all {
		listed, err := topicsOf(ctx, one.admin)
		if err != nil {
			return nil, err
		}
		for _, t := range listed {
			if w.kafkas.ofTopic(t.Name) == one {
				topics = append(topics, t)
			}
		}
	}
	return topics, nil
}

func topicsOf(ctx context.Context, admin *kadm.Client) ([]eventbus.Topic, error) {
	// A plan must see what is: asking for authorised operations makes kadm ask
	// Kafka instead of its cache of some seconds.
	details, err := admin.ListTopics(kadm.WithAuthorizedOps(ctx))
	if err != nil {
		return nil, kafkaUnavailable(err, "list the topics")
	}
	names := details.Names()
	configs := map[string]map[string]string{}
	if len(names) > 0 {
		resources, err := admin.DescribeTopicConfigs(ctx, names...)
		if err != nil {
			return nil, kafkaUnavailable(err, "read the topics' configuration")
		}
		for _, resource := range resources {
			configs[resource.Name] = dynamicConfigs(resource)
		}
	}
	topics := make([]eventbus.Topic, 0, len(names))
	for _, name := range names {
		detail := details[name]
		topics = append(topics, eventbus.Topic{Name: name, ID: eventbus.TopicID(detail.ID), Partitions: int32(len(detail.Partitions)),
			ReplicationFactor: int16(detail.Partitions.NumReplicas()), Configs: configs[name]})
	}
	return topics, nil
}

// dynamicConfigs are the configs set on a topic, not the defaults.
func dynamicConfigs(resource kadm.ResourceConfig) map[string]string {
	configs := map[string]string{}
	for _, config := range resource.Configs {
		if config.Source.String() == "DYNAMIC_TOPIC_CONFIG" {
			configs[config.Key] = config.MaybeValue()
		}
	}
	return configs
}

// CreateTopics makes topics, each on the Kafka of its environment, and gives the
// error of each in their order: nil, or CodeConflict when it is there.
func (w topicWorld) CreateTopics(ctx context.Context, topics []eventbus.Topic) []error {
	places := map[*kafka][]int{} // of topics
	for i, t := range topics {
		place := w.kafkas.ofTopic(t.Name)
		places[place] = append(places[place], i)
	}
	errs := make([]error, len(topics))
	for place, indexes := range places {
		some := make([]eventbus.Topic, len(indexes))
		for i, index := range indexes {
			some[i] = topics[index]
		}
		for i, err := range place.engine.CreateTopics(ctx, some) {
			errs[indexes[i]] = err
		}
	}
	return errs
}

// SetTopicConfigs sets some configs and takes others off.
func (w topicWorld) SetTopicConfigs(ctx context.Context, topic string, set map[string]string, remove []string) error {
	var changes []kadm.AlterConfig
	for name, value := range set {
		if err := eventbus.CheckTopicConfig(name, value); err != nil {
			return err
		}
		changes = append(changes, kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: &value})
	}
	for _, name := range remove {
		changes = append(changes, kadm.AlterConfig{Op: kadm.DeleteConfig, Name: name})
	}
	answers, err := w.kafkas.ofTopic(topic).admin.AlterTopicConfigs(ctx, changes, topic)
	if err != nil {
		return kafkaUnavailable(err, "configure topic "+topic)
	}
	for _, answer := range answers {
		if answer.Err != nil {
			return topicError(answer.Err, "configure topic "+topic)
		}
	}
	return nil
}

// AddPartitions makes the topic have total partitions.
func (w topicWorld) AddPartitions(ctx context.Context, topic string, total int32) error {
	answers, err := w.kafkas.ofTopic(topic).admin.UpdatePartitions(ctx, int(total), topic)
	if err != nil {
		return kafkaUnavailable(err, "add partitions to "+topic)
	}
	return topicError(answers[topic].Err, "add partitions to "+topic)
}

// DeleteTopic removes a topic and its records, CodeNotFound when there is none.
func (w topicWorld) DeleteTopic(ctx context.Context, topic string) error {
	answers, err := w.kafkas.ofTopic(topic).admin.DeleteTopics(ctx, topic)
	if err != nil {
		return kafkaUnavailable(err, "delete topic "+topic)
	}
	return topicError(answers[topic].Err, "delete topic "+topic)
}

func kafkaUnavailable(err error, doing string) error {
	return &eventbus.Error{Code: eventbus.CodeUnavailable, Message: doing, Err: err}
}

func topicError(err error, doing string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return &eventbus.Error{Code: eventbus.CodeNotFound, Message: doing + ": there is no such topic"}
	case errors.Is(err, kerr.TopicAlreadyExists):
		return &eventbus.Error{Code: eventbus.CodeConflict, Message: doing + ": the topic exists"}
	default:
		return &eventbus.Error{Code: eventbus.CodeUnavailable, Message: doing, Err: err}
	}
}

// schemaWorld lets provision and onboarding use the registry.
type schemaWorld struct {
	registry  *registry.Registry
	instances *instances
}

// provisionAuthor is who registers what was approved.
const provisionAuthor = "system:provision"

// Latest gives the latest live version of a subject.
func (w schemaWorld) Latest(_ context.Context, subject string) (eventbus.Schema, bool, error) {
	version, err := w.registry.Version(subject, registry.Latest, registry.Live)
	if eventbus.CodeOf(err) == eventbus.CodeNotFound {
		return eventbus.Schema{}, false, nil
	}
	return version.Schema, err == nil, err
}

// Versions gives the live versions of a subject, oldest first.
func (w schemaWorld) Versions(_ context.Context, subject string) ([]eventbus.Schema, error) {
	numbers, err := w.registry.Versions(subject, registry.Live)
	if err != nil {
		if eventbus.CodeOf(err) == eventbus.CodeNotFound {
			return nil, nil
		}
		return nil, err
	}
	var schemas []eventbus.Schema
	for _, number := range numbers {
		version, err := w.registry.Version(subject, number, registry.Live)
		if err != nil {
			return nil, err
		}
		schemas = append(schemas, version.Schema)
	}
	return schemas, nil
}

// Compatibility gives the level set on the subject itself.
func (w schemaWorld) Compatibility(_ context.Context, subject string) (eventbus.Compatibility, bool, error) {
	level, err := w.registry.Compatibility(subject, false)
	if eventbus.CodeOf(err) == eventbus.CodeNotFound {
		return "", false, nil
	}
	return level, err == nil && level != "", err
}

// SetCompatibility sets the level of a subject.
func (w schemaWorld) SetCompatibility(ctx context.Context, subject string, level eventbus.Compatibility) error {
	return w.led(ctx, func(leader string) error {
		if leader != "" {
			return w.instances.setCompatibility(ctx, leader, subject, level)
		}
		return w.registry.SetCompatibility(ctx, registry.Caller{Author: provisionAuthor}, subject, level)
	})
}

// Register gives the version that is there when the text is registered already.
func (w schemaWorld) Register(ctx context.Context, subject, text string) (schema eventbus.Schema, err error) {
	err = w.led(ctx, func(leader string) error {
		if leader == "" {
			version, err := w.registry.Register(ctx, registry.Caller{Author: provisionAuthor}, subject, registry.RegisterRequest{Text: text})
			schema = version.Schema
			return err
		}
		number, err := w.instances.register(ctx, leader, subject, text)
		if err == nil {
			schema, err = w.arrived(ctx, subject, number)
		}
		return err
	})
	return schema, err
}

// leaderWait is how long a write of provisioning waits for the next leader when
// the one that is known does not answer, because it has died.
const leaderWait = 15 * time.Second

// led does one write at the instance that leads, whose address it gives; "" is
// this one. Writes of provisioning may be repeated.
func (w schemaWorld) led(ctx context.Context, write func(leader string) error) error {
	wait, cancel := context.WithTimeout(ctx, leaderWait)
	defer cancel()
	for {
		leader, self := w.registry.AwaitLeader(wait)
		if self {
			leader = ""
		}
		err := write(leader)
		if eventbus.CodeOf(err) != eventbus.CodeUnavailable || !w.instances.several() {
			return err
		}
		select {
		case <-wait.Done():
			return err
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// arrived waits until this instance has read what the leader wrote.
func (w schemaWorld) arrived(ctx context.Context, subject string, number int) (eventbus.Schema, error) {
	ctx, cancel := context.WithTimeout(ctx, instanceTimeout)
	defer cancel()
	for {
		version, err := w.registry.Version(subject, number, registry.Live)
		if err == nil || eventbus.CodeOf(err) != eventbus.CodeNotFound {
			return version.Schema, err
		}
		select {
		case <-ctx.Done():
			return eventbus.Schema{}, eventbus.Errorf(eventbus.CodeUnavailable, "version %d of %s is registered, but this instance has not read it yet", number, subject)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// accessWorld lets provision use the directory of principals.
type accessWorld struct{ dir *iam.Directory }

// Principal gives a role or user by its ARN.
func (w accessWorld) Principal(ctx context.Context, arn string) (provision.ManagedPrincipal, error) {
	identity, err := eventbus.ParseIdentityARN(arn)
	if err != nil {
		return provision.ManagedPrincipal{}, err
	}
	if identity.Kind == eventbus.PrincipalUser {
		return w.user(ctx, identity)
	}
	r, err := w.dir.Role(ctx, identity.Name)
	if err != nil || r.ARN != arn {
		return provision.ManagedPrincipal{}, noPrincipal(arn, err)
	}
	return provision.ManagedPrincipal{ARN: r.ARN, Kind: eventbus.PrincipalRole, Name: r.Name, Team: r.Team, Trust: r.Trust,
		Policy: grantPolicy(r.Policies), Managed: r.ManagedBy == managedBy}, nil
}

func (w accessWorld) user(ctx context.Context, identity eventbus.Principal) (provision.ManagedPrincipal, error) {
	u, err := w.dir.User(ctx, identity.Name)
	if err != nil || u.ARN != identity.ARN {
		return provision.ManagedPrincipal{}, noPrincipal(identity.ARN, err)
	}
	return provision.ManagedPrincipal{ARN: u.ARN, Kind: eventbus.PrincipalUser, Name: u.Name, Team: u.Team,
		Policy: grantPolicy(u.Policies), Managed: u.ManagedBy == managedBy}, nil
}

// managedBy marks the principals that provisioning made.
const managedBy = "provision"

// noPrincipal says that an ARN is nobody's, unless the directory could not be
// asked.
func noPrincipal(arn string, err error) error {
	if err != nil && eventbus.CodeOf(err) != eventbus.CodeNotFound {
		return err
	}
	return eventbus.Errorf(eventbus.CodeNotFound, "there is no principal %s in the directory", arn)
}

func grantPolicy(policies []eventbus.AttachedPolicy) string {
	for _, p := range policies {
		if p.Name == provision.PolicyName {
			return p.Document
		}
	}
	return ""
}

// EnsurePrincipal makes a role or user, or gives one that provisioning made this
// team and trust; policies stay.
func (w accessWorld) EnsurePrincipal(ctx context.Context, by eventbus.Actor, p provision.ManagedPrincipal) error {
	wanted := iam.Managed{Kind: p.Kind, Name: p.Name, Team: p.Team, ManagedBy: managedBy, Trust: p.Trust}
	current, err := w.Principal(ctx, p.ARN)
	switch {
	case err == nil && current.Policy != "":
		wanted.Policies = []eventbus.AttachedPolicy{{Name: provision.PolicyName, Document: current.Policy}}
	case err != nil && eventbus.CodeOf(err) != eventbus.CodeNotFound:
		return err
	}
	return w.dir.EnsureManaged(ctx, by, wanted)
}

// SetPolicy attaches a document under provision's name; an empty one takes it off.
func (w accessWorld) SetPolicy(ctx context.Context, by eventbus.Actor, arn, document string) error {
	if document != "" {
		_, err := w.dir.PutPolicy(ctx, by, arn, provision.PolicyName, document)
		return err
	}
	err := w.dir.DeletePolicy(ctx, by, arn, provision.PolicyName)
	if eventbus.CodeOf(err) == eventbus.CodeNotFound {
		return nil
	}
	return err
}

// NewKey makes the only access key of a user; its secret stays sealed in the
// directory.
func (w accessWorld) NewKey(ctx context.Context, by eventbus.Actor, arn string) (id string, err error) {
	identity, err := eventbus.ParseIdentityARN(arn)
	if err != nil {
		return "", err
	}
	keys, err := w.dir.AccessKeys(ctx, identity.Name)
	if err != nil {
		return "", err
	}
	for _, key := range keys {
		if err := w.dir.DeleteAccessKey(ctx, by, key.ID); err != nil {
			return "", fmt.Errorf("remove the key that nobody was offered: %w", err)
		}
	}
	made, err := w.dir.CreateAccessKey(ctx, by, identity.Name)
	return made.ID, err
}
