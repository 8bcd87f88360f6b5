package apiserver

import (
	"context"
	"net/http"

	"github.com/enterprise-event-bus/eventbus"
)

func (a *API) registerTopics() {
	register(a, operation(http.MethodGet, "/topics", "list-topics", "List the topics", http.StatusNotFound), a.listTopics)
	register(a, operation(http.MethodGet, "/topics/{name}", "get-topic",
		"Show one topic with the configuration set on it", http.StatusNotFound), a.getTopic)
}

type topicList struct {
	Topics []eventbus.Topic `json:"topics"`
}

type listTopicsInput struct {
	Environment string `query:"environment" maxLength:"31" doc:"only topics of this environment"`
}

func (a *API) listTopics(ctx context.Context, in *listTopicsInput) (*body[topicList], error) {
	prefix := ""
	if in.Environment != "" {
		environment, err := a.environment(in.Environment)
		if err != nil {
			return nil, err
		}
		prefix = environment.Prefix
	}
	topics, err := a.parts.Streams.Topics(ctx, prefix)
	if err != nil {
		return nil, err
	}
	return &body[topicList]{topicList{topics}}, nil
}

type topicInput struct {
	Name string `path:"name" minLength:"1" maxLength:"249"`
}

func (a *API) getTopic(ctx context.Context, in *topicInput) (*body[eventbus.Topic], error) {
	topic, err := a.parts.Streams.Topic(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	return &body[eventbus.Topic]{topic}, nil
}

func (a *API) environment(name string) (eventbus.Environment, error) {
	for _, environment := range a.parts.Bus().Environments {
		if environment.Name == name {
			return environment, nil
		}
	}
	return eventbus.Environment{}, eventbus.Errorf(eventbus.CodeNotFound, "there is no environment %q", name)
}
