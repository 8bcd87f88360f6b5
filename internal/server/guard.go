package server

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/provision"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// guardEvery is how soon a changed schema guard takes hold.
const guardEvery = time.Second

// schemaGuard tells the gateway which schemas a topic's records may carry. The
// settings belong to the wanted state; topics outside it are not checked.
type schemaGuard struct {
	registry *registry.Registry
	source   *provision.Provisioner
	settings atomic.Pointer[map[string]provision.GuardSetting]
}

// follow rereads the settings until ctx ends; while they cannot be read the last
// ones hold.
func (g *schemaGuard) follow(ctx context.Context) error {
	ticker := time.NewTicker(guardEvery)
	defer ticker.Stop()
	for {
		if err := g.refresh(ctx); err != nil && ctx.Err() == nil && eventbus.CodeOf(err) != eventbus.CodeUnavailable {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (g *schemaGuard) refresh(ctx context.Context) error {
	settings, err := g.source.Guards(ctx)
	if err != nil {
		return err
	}
	g.settings.Store(&settings)
	return nil
}

func (g *schemaGuard) setting(topic string) provision.GuardSetting {
	settings := g.settings.Load()
	if settings == nil {
		return provision.GuardSetting{}
	}
	return (*settings)[topic]
}

// Mode says whether records of a topic are checked.
func (g *schemaGuard) Mode(topic string) eventbus.SchemaGuard {
	if mode := g.setting(topic).Mode; mode != "" {
		return mode
	}
	return eventbus.SchemaGuardOff
}

// Check is nil when the schema is registered under a subject that the topic
// allows; the message goes to the client.
func (g *schemaGuard) Check(topic string, id int32, guid string) error {
	number := int(id)
	if guid != "" {
		raw, err := hex.DecodeString(strings.ReplaceAll(guid, "-", ""))
		if err != nil || len(raw) != 16 {
			return fmt.Errorf("the schema GUID %q is not one", guid)
		}
		var known bool
		if number, known = g.registry.IDOfGUID([16]byte(raw)); !known {
			return fmt.Errorf("schema GUID %s is not registered", guid)
		}
	}
	subjects := append([]string{eventbus.ValueSubject(topic)}, g.setting(topic).Subjects...)
	for _, subject := range subjects {
		if g.registry.AllowedUnder(subject, number) {
			return nil
		}
	}
	return fmt.Errorf("schema id %d is not registered under %s", number, strings.Join(subjects, " or "))
}
