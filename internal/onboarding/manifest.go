package onboarding

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Manifest is what the approval of a request wants provisioned in one
// environment, laid over what was wanted of the event before: topics and
// schemas of its other environments stay as they are. A content that is not
// approved gives the same document, for previews.
func (s *Service) Manifest(ctx context.Context, r eventbus.Request, environment string) (eventbus.Manifest, error) {
	content, err := DecodeContent(r.Kind, r.Content)
	if err != nil {
		return eventbus.Manifest{}, err
	}
	b := builder{request: r, at: s.now()}
	for _, e := range s.environments() {
		if e.Name == environment {
			b.env = e
		}
	}
	if b.env.Name == "" {
		return eventbus.Manifest{}, eventbus.Errorf(eventbus.CodeNotFound, "there is no environment %q", environment)
	}
	b.deployment = b.env.Place(s.cfg.Deployment)
	if b.base, err = s.base(ctx, r.Event); err != nil {
		return eventbus.Manifest{}, err
	}
	if c, ok := content.(*OffboardingContent); ok {
		if b.removal, err = s.removalDate(r); err != nil {
			return eventbus.Manifest{}, err
		}
		if c.Consumer != "" || removing(r, environment) {
			b.grants, err = s.grants(ctx, r.Event, environment)
		}
	}
	if c, ok := content.(*ChangeContent); ok && len(c.Revoke) > 0 {
		b.grants, err = s.grants(ctx, r.Event, environment)
	}
	if err != nil {
		return eventbus.Manifest{}, err
	}
	return b.manifest(content)
}

func removing(r eventbus.Request, environment string) bool {
	e, _ := r.Environment(environment)
	return e.Remove
}

// base is what is wanted of an event now; for an event that was imported, its
// catalog entry alone.
func (s *Service) base(ctx context.Context, name string) (eventbus.EventManifest, error) {
	if s.sources.Events == nil {
		return eventbus.EventManifest{}, nil
	}
	event, found, err := s.event(ctx, name)
	if err != nil {
		return eventbus.EventManifest{}, err
	}
	wanted, err := s.sources.Events.Wanted(ctx)
	if err != nil {
		return eventbus.EventManifest{}, err
	}
	base := eventbus.EventManifest{}
	for _, w := range wanted {
		if w.Event.Name == name {
			base = w
		}
	}
	if found {
		base.Event = event
	}
	return base, nil
}

func (s *Service) grants(ctx context.Context, event, environment string) ([]eventbus.Grant, error) {
	if s.sources.Lineage == nil {
		return nil, nil
	}
	return s.sources.Lineage.Grants(ctx, eventbus.GrantQuery{Event: event, Environment: environment, ActiveOnly: true})
}

// builder lays a content over a base; it is pure.
type builder struct {
	request    eventbus.Request
	env        eventbus.Environment
	deployment eventbus.Deployment // where the environment's principals live
	at         time.Time
	base       eventbus.EventManifest
	grants     []eventbus.Grant // in force: offboarding and revocation
	removal    string
}

func (b builder) manifest(c Content) (eventbus.Manifest, error) {
	m := eventbus.Manifest{Source: "request " + b.request.ID}
	switch c := c.(type) {
	case *ProducerContent:
		m.Events = []eventbus.EventManifest{b.produced(c)}
		m.Grants = b.produceGrants(c.Access, c.Team, c.Event.Name, c.Event.Purpose, c.Contacts.TechnicalContact, c.Producer, topicName(c.Topic, c.Event.Name, b.env))
	case *ConsumerContent:
		grants, err := b.consumeGrants(c)
		if err != nil {
			return m, err
		}
		m.Grants = grants
	case *ChangeContent:
		event, err := b.changed(c)
		if err != nil {
			return m, err
		}
		m.Events = []eventbus.EventManifest{event}
		topic, _ := b.base.Event.TopicIn(b.env.Name)
		m.Grants = b.produceGrants(c.Access, c.Team, c.Event, c.Reason, "", c.Producer, topic.Name)
		m.Grants = append(m.Grants, b.revoked(func(g eventbus.Grant) bool { return slices.Contains(b.arns(c.Revoke[b.env.Name]), g.Principal) })...)
	case *OffboardingContent:
		b.retire(c, &m)
	}
	return m, nil
}

func (b builder) produced(c *ProducerContent) eventbus.EventManifest {
	topic := b.topic(c)
	m := eventbus.EventManifest{Event: b.event(c), Topics: b.otherTopics()}
	m.Topics = append(m.Topics, topic)
	m.Event.Topics = withTopic(b.base.Event.Topics, eventbus.EventTopic{Environment: b.env.Name, Name: topic.Topic.Name})
	return m
}

// otherTopics are those wanted in the other environments already.
func (b builder) otherTopics() []eventbus.TopicManifest {
	return slices.DeleteFunc(slices.Clone(b.base.Topics), func(t eventbus.TopicManifest) bool { return t.Environment == b.env.Name })
}

func withTopic(topics []eventbus.EventTopic, t eventbus.EventTopic) []eventbus.EventTopic {
	topics = slices.Clone(topics)
	for i := range topics {
		if topics[i].Environment == t.Environment {
			topics[i].Name = t.Name
			return topics
		}
	}
	return append(topics, t)
}

func (b builder) event(c *ProducerContent) eventbus.Event {
	e := b.base.Event
	e.Name, e.Title, e.Description, e.Domain, e.Type = c.Event.Name, c.Event.Title, c.Event.Description, c.Event.Domain, "event"
	e.Owner, e.Contact, e.System = c.Team, c.Contacts.ProductOwner, c.Event.System
	e.Lifecycle = b.lifecycle(c.Event.Lifecycle, b.base.Event.Lifecycle)
	e.Tags, e.Links = slices.Clone(c.Event.Tags), c.Event.Links
	if c.Event.BIPSourced && !slices.Contains(e.Tags, bipTag) {
		e.Tags = append(e.Tags, bipTag)
	}
	e.SourceSystems, e.Forwarders, e.DataClasses = c.Event.SourceSystems, c.Event.Forwarders, c.Privacy.DataClasses
	e.Schema, e.Compatibility = c.Schema.Value, compatibilityOf(c.Schema)
	e.RetentionDays, e.ExpectedPerDay = retentionOf(c, eventbus.TopicLimits{}), c.Event.PerDay
	e.OnePager, e.Source = OnePager(c), "request "+b.request.ID
	return e
}

// lifecycle never goes back: an event in production stays there whatever a
// lower environment's manifest says.
func (b builder) lifecycle(asked, base eventbus.Lifecycle) eventbus.Lifecycle {
	switch {
	case base == eventbus.LifecycleProduction || base == eventbus.LifecycleDeprecated:
		return base
	case b.env.Production:
		return eventbus.LifecycleProduction
	case asked == "" || asked == eventbus.LifecycleProduction:
		return eventbus.LifecycleDevelopment
	default:
		return asked
	}
}

func compatibilityOf(s SchemaFacts) eventbus.Compatibility {
	if level, ok := eventbus.ParseCompatibility(string(s.Compatibility)); ok {
		return level
	}
	return eventbus.CompatibilityBackward
}

func throughputOf(c *ProducerContent, replication int16) Throughput {
	return Throughput{PerDay: c.Event.PerDay, PeakPerSecond: c.Event.PeakPerSecond, AverageBytes: c.Event.AverageBytes, MaxBytes: c.Event.MaxBytes,
		LongestOutageDays: c.Topic.LongestOutageDays, Ordering: c.Topic.Ordering, Replication: replication}
}

// retentionOf is what was asked for, else the advice within an environment's
// limits; the zero limits speak of the event as a whole.
func retentionOf(c *ProducerContent, limits eventbus.TopicLimits) int {
	if c.Topic.RetentionDays > 0 {
		return c.Topic.RetentionDays
	}
	return Advise(throughputOf(c, 1), limits).RetentionDays
}

func (b builder) topic(c *ProducerContent) eventbus.TopicManifest {
	limits := b.env.Limits.WithDefaults()
	t := eventbus.Topic{Name: topicName(c.Topic, c.Event.Name, b.env), Partitions: c.Topic.Partitions, ReplicationFactor: limits.ReplicationFactor}
	if t.Partitions == 0 {
		t.Partitions = Advise(throughputOf(c, limits.ReplicationFactor), b.env.Limits).Partitions
	}
	t.Configs = map[string]string{"retention.ms": days(retentionOf(c, b.env.Limits))}
	if c.Topic.Cleanup != "" && c.Topic.Cleanup != "delete" {
		t.Configs["cleanup.policy"] = c.Topic.Cleanup
	}
	if c.Event.MaxBytes > eventbus.KafkaMaxMessageBytes {
		t.Configs["max.message.bytes"] = strconv.FormatInt(c.Event.MaxBytes, 10)
	}
	if limits.MinInsyncReplicas > 1 {
		t.Configs["min.insync.replicas"] = strconv.Itoa(int(limits.MinInsyncReplicas))
	}
	guard := c.Schema.Guard
	if guard == "" || b.env.OnAWS() { // where no gateway stands, none is set
		guard = b.env.SchemaGuardDefault()
	}
	return eventbus.TopicManifest{Environment: b.env.Name, Topic: t, ValueSchema: c.Schema.Value, KeySchema: c.Schema.Key,
		Compatibility: compatibilityOf(c.Schema), Guard: guard, Synthetic: c.Privacy.SyntheticData}
}

func days(n int) string { return strconv.FormatInt(int64(n)*24*60*60*1000, 10) }

// changed lays a change over what is wanted in the environment.
func (b builder) changed(c *ChangeContent) (eventbus.EventManifest, error) {
	i := slices.IndexFunc(b.base.Topics, func(t eventbus.TopicManifest) bool { return t.Environment == b.env.Name })
	if i < 0 {
		return eventbus.EventManifest{}, eventbus.Errorf(eventbus.CodeConflict, "event %s has no topic in %s that the bus manages; nothing can be changed there", c.Event, b.env.Name)
	}
	m := b.base
	m.Topics = slices.Clone(b.base.Topics)
	t := &m.Topics[i]
	if c.Schema.Value != "" {
		t.ValueSchema, m.Event.Schema = c.Schema.Value, c.Schema.Value
	}
	if c.Schema.Key != "" {
		t.KeySchema = c.Schema.Key
	}
	if level, ok := eventbus.ParseCompatibility(string(c.Schema.Compatibility)); ok {
		t.Compatibility, m.Event.Compatibility = level, level
	}
	if c.Schema.Guard != "" && !b.env.OnAWS() {
		t.Guard = c.Schema.Guard
	}
	if c.Topic.Partitions > 0 {
		t.Topic.Partitions = c.Topic.Partitions
	}
	configs := map[string]string{}
	for k, v := range t.Topic.Configs {
		configs[k] = v
	}
	if c.Topic.RetentionDays > 0 {
		configs["retention.ms"], m.Event.RetentionDays = days(c.Topic.RetentionDays), c.Topic.RetentionDays
	}
	if c.Topic.Cleanup != "" {
		configs["cleanup.policy"] = c.Topic.Cleanup
	}
	t.Topic.Configs = configs
	b.changedText(c, &m.Event)
	return m, nil
}

func (b builder) changedText(c *ChangeContent, e *eventbus.Event) {
	set := func(field *string, value string) {
		if value != "" {
			*field = value
		}
	}
	set(&e.Title, c.Catalog.Title)
	set(&e.Description, c.Catalog.Description)
	set(&e.Domain, c.Catalog.Domain)
	if c.Catalog.Lifecycle != "" {
		e.Lifecycle = c.Catalog.Lifecycle
	}
	if len(c.Catalog.Links) > 0 {
		e.Links = c.Catalog.Links
	}
	if len(c.Privacy.DataClasses) > 0 {
		e.DataClasses = c.Privacy.DataClasses
	}
}

// arns lists the identities of one environment's access.
func (b builder) arns(a Access) []string {
	arns := slices.Clone(a.Principals)
	if a.Role != "" {
		arns = append(arns, b.deployment.RoleARN(a.Role))
	}
	if a.User != "" {
		arns = append(arns, b.deployment.UserARN(a.User))
	}
	return arns
}

func (b builder) grant(event, team, principal string, a Access) eventbus.Grant {
	g := eventbus.Grant{Event: event, Environment: b.env.Name, Principal: principal, Team: team, RequestID: b.request.ID, CreatedAt: b.at}
	for _, approval := range b.request.Approvals {
		if counts(b.request, approval) && !slices.Contains(g.ApprovedBy, approval.By) {
			g.ApprovedBy = append(g.ApprovedBy, approval.By)
		}
	}
	if a.Role != "" && principal == b.deployment.RoleARN(a.Role) {
		g.TrustedBy = a.TrustedBy
	}
	return g
}

func (b builder) produceGrants(access map[string]Access, team, event, purpose, contact string, o ProducerOptions, topic string) []eventbus.Grant {
	a := access[b.env.Name]
	var grants []eventbus.Grant
	for _, arn := range b.arns(a) {
		g := b.grant(event, team, arn, a)
		g.ID = eventbus.GrantID(event, b.env.Name, eventbus.Produced, arn, "")
		g.Direction, g.Topic, g.Purpose, g.Contact = eventbus.Produced, topic, purpose, contact
		g.Idempotent, g.TransactionalID = o.Idempotent, o.TransactionalID
		grants = append(grants, g)
	}
	return grants
}

func (b builder) consumeGrants(c *ConsumerContent) ([]eventbus.Grant, error) {
	topic, found := b.base.Event.TopicIn(b.env.Name)
	if !found {
		return nil, eventbus.Errorf(eventbus.CodeConflict, "event %s has no topic in %s yet; nothing can be granted there", c.Event, b.env.Name)
	}
	a := c.Access[b.env.Name]
	var grants []eventbus.Grant
	for _, arn := range b.arns(a) {
		g := b.grant(c.Event, c.Team, arn, a)
		g.ID = eventbus.GrantID(c.Event, b.env.Name, eventbus.Consumed, arn, c.GroupPrefix)
		g.Direction, g.Topic, g.Purpose, g.GroupPrefix = eventbus.Consumed, topic.Name, c.Purpose, c.GroupPrefix
		g.System, g.ReviewDate, g.Contact = c.Consumer.Name, b.reviewDate(c.Until), c.Contacts.TechnicalContact
		grants = append(grants, g)
	}
	return grants, nil
}

// reviewDate is the day as written, else a year after the submission, so that
// the same request gives the same grant however often it is provisioned.
func (b builder) reviewDate(written string) string {
	if written != "" {
		return written
	}
	from := b.request.SubmittedAt
	if from.IsZero() { // a preview
		from = b.at
	}
	return from.UTC().AddDate(0, maxReview, 0).Format(time.DateOnly)
}

// revoked marks grants in force as ended.
func (b builder) revoked(which func(eventbus.Grant) bool) []eventbus.Grant {
	var ended []eventbus.Grant
	for _, g := range b.grants {
		if which(g) {
			g.RevokedAt = b.at
			ended = append(ended, g)
		}
	}
	return ended
}

// retire deprecates an event, and when its notice is over removes it from the
// environment together with every access to it; or ends one system's access.
func (b builder) retire(c *OffboardingContent, m *eventbus.Manifest) {
	if c.Consumer != "" {
		m.Grants = b.revoked(func(g eventbus.Grant) bool {
			return g.Direction == eventbus.Consumed && g.System == c.Consumer && g.Team == c.Team
		})
		return
	}
	e := b.base
	e.Event.Lifecycle, e.Event.RemovalDate, e.Event.Successor = eventbus.LifecycleDeprecated, b.removal, c.Successor
	if c.Link != "" && !slices.ContainsFunc(e.Event.Links, func(l eventbus.Link) bool { return l.URL == c.Link }) {
		e.Event.Links = append(slices.Clone(e.Event.Links), eventbus.Link{URL: c.Link, Title: "Replacement"})
	}
	if removing(b.request, b.env.Name) {
		e.Remove, e.Topics = []string{b.env.Name}, b.otherTopics()
		e.Event.Topics = slices.DeleteFunc(slices.Clone(e.Event.Topics), func(t eventbus.EventTopic) bool { return t.Environment == b.env.Name })
		m.Grants = b.revoked(func(eventbus.Grant) bool { return true })
	}
	m.Events = []eventbus.EventManifest{e}
}

// ConsumingSystemOf is the catalog's System of a consumer request, nil for any
// other: it subscribes to the event once its access is provisioned.
func ConsumingSystemOf(r eventbus.Request) (*eventbus.System, error) {
	content, err := DecodeContent(r.Kind, r.Content)
	if err != nil {
		return nil, err
	}
	c, ok := content.(*ConsumerContent)
	if !ok {
		return nil, nil
	}
	s := eventbus.System{Name: c.Consumer.Name, Kind: c.Consumer.Kind, Type: c.Consumer.Type, Title: c.Consumer.Title, Lifecycle: c.Consumer.Lifecycle,
		Owner: c.Consumer.Owner, Domain: c.Consumer.Domain, Subscribes: []string{c.Event}, Source: "request " + r.ID}
	for _, d := range []struct {
		field *string
		value string
	}{{&s.Kind, "Component"}, {&s.Type, "service"}, {&s.Lifecycle, "production"}, {&s.Owner, c.Team}} {
		if *d.field == "" {
			*d.field = d.value
		}
	}
	s.Description = fmt.Sprintf("Consumes %s: %s", c.Event, oneLine(c.Purpose))
	return &s, nil
}
