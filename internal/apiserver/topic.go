package apiserver

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/enterprise-event-bus/eventbus"
)

func (a *API) registerTopics() {
	huma.Register(a.huma, huma.Operation{
		OperationID: "list-topics", Method: http.MethodGet, Path: "/api/v1/topics", Tags: []string{"topics"},
		Summary: "List the topics", Errors: []int{404, 503},
	}, a.listTopics)
	huma.Register(a.huma, huma.Operation{
		OperationID: "get-topic", Method: http.MethodGet, Path: "/api/v1/topics/{name}", Tags: []string{"topics"},
		Summary: "Show one topic with the configuration set on it", Errors: []int{404, 503},
	}, a.getTopic)
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
			return nil, a.problem(err)
		}
		prefix = environment.Prefix
	}
	topics, err := a.parts.Streams.Topics(ctx, prefix)
	if err != nil {
		return nil, a.problem(err)
	}
	return &body[topicList]{topicList{topics}}, nil
}

type topicInput struct {
	Name string `path:"name" maxLength:"249"`
}

func (a *API) getTopic(ctx context.Context, in *topicInput) (*body[eventbus.Topic], error) {
	topic, err := a.parts.Streams.Topic(ctx, in.Name)
	if err != nil {
		return nil, a.problem(err)
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
