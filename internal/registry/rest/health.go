package rest

import (
	"errors"
	"net/http"

	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// healthBody answers health checks; reason says what is wrong in plain words.
type healthBody struct {
	Status string `json:"status"` // "up" or "down"
	Reason string `json:"reason,omitempty"`
	Leader string `json:"leader,omitempty"` // URL of the node that writes
}

// GET /healthz/live: the process answers.
func healthLive(*call) (any, error) { return healthBody{Status: "up"}, nil }

// GET /healthz/ready: it has read the topic, follows it, and knows the leader.
func healthReady(c *call) (any, error) {
	url, _ := c.h.reg.Leader()
	err := c.h.reg.Ready()
	if err == nil {
		return healthBody{Status: "up", Leader: url}, nil
	}
	reason := "not ready"
	var fault *registry.Error
	if errors.As(err, &fault) {
		reason = fault.Message
	}
	writeJSON(c.w, c.r, http.StatusServiceUnavailable, healthBody{"down", reason, url})
	return nil, nil
}

// GET /v1/metadata/id
func metadataID(c *call) (any, error) {
	return map[string]any{"id": "", "scope": map[string]any{"path": []string{},
		"clusters": map[string]string{"kafka-cluster": c.h.cfg.ClusterID, "schema-registry-cluster": c.h.cfg.Group}}}, nil
}

// GET /v1/metadata/version
func metadataVersion(c *call) (any, error) {
	return map[string]string{"version": c.h.cfg.Version, "commitId": c.h.cfg.Commit}, nil
}

// GET /v1/metadata/deployment
func metadataDeployment(*call) (any, error) {
	return map[string]any{"attributes": map[string]string{}}, nil
}
