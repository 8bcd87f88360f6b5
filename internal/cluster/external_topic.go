package cluster

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/enterprise-event-bus/eventbus"
)

// CreateTopic makes a topic of the bus's own, with as many copies of each record
// as t asks for (0: the cluster's default). Name, partitions and configs are held
// against the rules of the root package first. It fails with CodeInvalid, also
// when the cluster has too few brokers for the copies, with CodeConflict when the
// topic exists, and with CodeUnavailable when the cluster does not answer.
func (e *External) CreateTopic(ctx context.Context, t eventbus.Topic) error {
	if faults := eventbus.CheckTopic(t, e.cfg.Limits); len(faults) > 0 {
		return eventbus.Invalid(fmt.Sprintf("topic %q was not created", t.Name), faults...)
	}
	req := createRequest(t)
	if req.Topics[0].ReplicationFactor = t.ReplicationFactor; t.ReplicationFactor == 0 {
		req.Topics[0].ReplicationFactor = -1 // KIP-464
	}
	resp, err := req.RequestWith(ctx, e.client)
	if err != nil {
		return eventbus.Errorf(eventbus.CodeUnavailable, "create topic %q: %w", t.Name, err)
	}
	if len(resp.Topics) != 1 {
		return eventbus.Errorf(eventbus.CodeInternal, "create topic %q: the cluster answered for %d topics", t.Name, len(resp.Topics))
	}
	return createdError(t, resp.Topics[0].ErrorCode, deref(resp.Topics[0].ErrorMessage))
}

// createdError translates what a cluster says of a topic that was to be made.
func createdError(t eventbus.Topic, code int16, message string) error {
	switch err := kerr.ErrorForCode(code); {
	case err == nil:
		return nil
	case errors.Is(err, kerr.TopicAlreadyExists):
		return eventbus.Errorf(eventbus.CodeConflict, "topic %q exists already", t.Name)
	case errors.Is(err, kerr.InvalidTopicException):
		return eventbus.Errorf(eventbus.CodeConflict, "topic %q: another topic has the same name but for '.' and '_'", t.Name)
	case errors.Is(err, kerr.InvalidReplicationFactor):
		return &eventbus.Error{Code: eventbus.CodeInvalid, Message: fmt.Sprintf("topic %q was not created: %d copies of each record were asked for (%s)", t.Name, t.ReplicationFactor, message),
			Next: "ask for no more copies than there are brokers (replication of the environment)", Err: err}
	default:
		return eventbus.Errorf(eventbus.CodeUnavailable, "create topic %q: %s: %w", t.Name, message, err)
	}
}
