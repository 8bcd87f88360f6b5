package apiserver

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/catalog"
)

// registerEvents adds the catalog.
func (a *API) registerEvents() {
	const bad, missing, stale = http.StatusUnprocessableEntity, http.StatusNotFound, http.StatusConflict
	register(a, operation(http.MethodGet, "/catalog", "search-catalog", "Search the events of the catalog, with counted facets"), a.searchCatalog)
	register(a, operation(http.MethodGet, "/events", "list-events", "All events of the catalog, by name"), a.listEvents)
	register(a, operation(http.MethodGet, "/events/{name}", "get-event", "Show one event", missing), a.getEvent)
	register(a, operation(http.MethodPut, "/events/{name}", "put-event", "Write an event into the catalog, as a catalog-info.yaml", bad, stale), a.putEvent)
	a.document("/events/{name}", http.MethodPut, "One Backstage entity of kind Event.")
	register(a, operation(http.MethodDelete, "/events/{name}", "delete-event", "Take an event out of the catalog", missing), a.deleteEvent)
	load := operation(http.MethodPost, "/events/import", "import-events", "Import a catalog-info.yaml, with what is wrong in it", bad)
	load.MaxBodyBytes, load.BodyReadTimeout = maxDocument, 30*time.Second
	register(a, load, a.importEvents)
	a.document("/events/import", http.MethodPost, "Backstage entities (Event, Component, System), many documents in one text.")
	register(a, operation(http.MethodGet, "/systems", "list-systems", "All consuming systems, by name"), a.listSystems)
	if a.parts.Grants != nil {
		register(a, operation(http.MethodGet, "/events/{name}/consumers", "list-event-consumers",
			"Who consumes an event: by declaration, by grant, or both", missing), a.listConsumers)
	}
}

type searchInput struct {
	Text        string `query:"q" maxLength:"200" doc:"every term must match: name, title, topic, schema field, description"`
	Domain      string `query:"domain" maxLength:"63"`
	Lifecycle   string `query:"lifecycle" enum:"experimental,development,production,deprecated"`
	System      string `query:"system" maxLength:"120"`
	Team        string `query:"team" maxLength:"63"`
	Environment string `query:"environment" maxLength:"31"`
	DataClass   string `query:"dataClass" enum:"none,PII,PHI"`
	Sort        string `query:"sort" enum:"relevance,name,-name,title,lifecycle,updated"`
	Page        int    `query:"page" minimum:"1" maximum:"100000" default:"1"`
	PageSize    int    `query:"pageSize" minimum:"1" maximum:"200" default:"20"`
}

// searchCatalog looks at what was written a moment ago, too: a pipeline that
// applied a manifest finds its event.
func (a *API) searchCatalog(ctx context.Context, in *searchInput) (*body[catalog.Result], error) {
	if err := a.parts.Catalog.Refresh(ctx); err != nil {
		return nil, err
	}
	result, err := a.parts.Catalog.Search(ctx, catalog.Query{
		Text: in.Text, Domain: in.Domain, Lifecycle: eventbus.Lifecycle(in.Lifecycle), System: in.System, Team: in.Team,
		Environment: in.Environment, DataClass: eventbus.DataClass(in.DataClass), Sort: in.Sort, Page: in.Page, PageSize: in.PageSize,
	})
	if err != nil {
		return nil, err
	}
	return &body[catalog.Result]{result}, nil
}

type eventList struct {
	Events []eventbus.Event `json:"events"`
}

func (a *API) listEvents(ctx context.Context, _ *none) (*body[eventList], error) {
	events, err := a.parts.Catalog.Events(ctx)
	if err != nil {
		return nil, err
	}
	return &body[eventList]{eventList{events}}, nil
}

// EventPath names an event.
type EventPath struct {
	Name string `path:"name" minLength:"1" maxLength:"63"`
}

func (a *API) getEvent(ctx context.Context, in *EventPath) (*body[eventbus.Event], error) {
	event, err := a.parts.Catalog.Event(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	return &body[eventbus.Event]{event}, nil
}

type putEventInput struct {
	EventPath
	Version int64 `query:"version" minimum:"0" doc:"the version that you edited; 0 for as it stands now"`
	RawBody []byte
}

func (a *API) putEvent(ctx context.Context, in *putEventInput) (*body[eventbus.Event], error) {
	entities, err := catalog.Read(in.RawBody, "")
	if err != nil {
		return nil, err
	}
	if len(entities.Events) != 1 || len(entities.Systems) != 0 || entities.Events[0].Name != in.Name {
		return nil, eventbus.Invalid("nothing was saved", eventbus.Fault{Path: "metadata.name",
			Message: "the text is not exactly the event " + in.Name, Fix: "send one document of kind Event with this name"})
	}
	event := entities.Events[0]
	event.Version, event.Source = in.Version, "api"
	saved, err := a.parts.Catalog.Put(ctx, actorOf(ctx), event)
	if err != nil {
		return nil, err
	}
	return &body[eventbus.Event]{saved}, nil
}

func (a *API) deleteEvent(ctx context.Context, in *EventPath) (*none, error) {
	return nil, a.parts.Catalog.Delete(ctx, actorOf(ctx), in.Name)
}

type importInput struct {
	Source  string `query:"source" maxLength:"500" doc:"where the text comes from: a file or repository"`
	RawBody []byte
}

func (a *API) importEvents(ctx context.Context, in *importInput) (*body[catalog.Imported], error) {
	source := strings.TrimSpace(in.Source)
	if source == "" {
		source = "import"
	}
	imported, err := a.parts.Catalog.Import(ctx, actorOf(ctx), in.RawBody, source)
	if err != nil {
		return nil, err
	}
	return &body[catalog.Imported]{imported}, nil
}

type systemList struct {
	Systems []eventbus.System `json:"systems"`
}

func (a *API) listSystems(ctx context.Context, _ *none) (*body[systemList], error) {
	systems, err := a.parts.Catalog.Systems(ctx)
	if err != nil {
		return nil, err
	}
	return &body[systemList]{systemList{systems}}, nil
}

type consumerList struct {
	Consumers []catalog.Consumer `json:"consumers"`
}

func (a *API) listConsumers(ctx context.Context, in *EventPath) (*body[consumerList], error) {
	if _, err := a.parts.Catalog.Event(ctx, in.Name); err != nil {
		return nil, err
	}
	grants, err := a.parts.Grants.Grants(ctx, eventbus.GrantQuery{Event: in.Name, Direction: eventbus.Consumed, ActiveOnly: true})
	if err != nil {
		return nil, err
	}
	consumers, err := a.parts.Catalog.Consumers(ctx, in.Name, grants)
	if err != nil {
		return nil, err
	}
	return &body[consumerList]{consumerList{consumers}}, nil
}
