package portal

import (
	"sync/atomic"
)

// relations say what belongs to what in one version of the catalog. They are
// made once for it: lists ask for them at every visit.
type relations struct {
	version   int64
	owners    map[string]topicOwner // by topic
	consumers map[string][]string   // systems that say that they subscribe, by event
	mine      map[string][]string   // events, by owning team
	heard     map[string][]string   // events that a team's systems subscribe to, by team
	systems   map[string]int        // how many systems a team has in the catalog
}

// topicOwner is the event that a topic belongs to, and its system of record when
// there is only one.
type topicOwner struct{ name, title, system string }

// knownRelations is the place that they are kept in.
type knownRelations = atomic.Pointer[relations]

func (p *Portal) relations(v visit) (*relations, error) {
	picture, err := p.parts.Catalog.Picture(v.Context())
	if err != nil {
		return nil, err
	}
	if known := p.known.Load(); known != nil && known.version == picture.Version {
		return known, nil
	}
	made := &relations{version: picture.Version, owners: map[string]topicOwner{}, consumers: map[string][]string{}, mine: map[string][]string{}, heard: map[string][]string{}, systems: map[string]int{}}
	for _, e := range picture.Events {
		made.mine[e.Owner] = append(made.mine[e.Owner], e.Name)
		owner := topicOwner{name: e.Name, title: titleOf(e.Title, e.Name)}
		if len(e.SourceSystems) == 1 {
			owner.system = e.SourceSystems[0].SystemName
		}
		for _, t := range e.Topics {
			made.owners[t.Name] = owner
		}
	}
	for _, s := range picture.Systems {
		made.systems[s.Owner]++
		made.heard[s.Owner] = append(made.heard[s.Owner], s.Subscribes...)
		for _, event := range s.Subscribes {
			made.consumers[event] = append(made.consumers[event], s.Name)
		}
	}
	p.known.Store(made)
	return made, nil
}

// titleOf is what something is called on pages.
func titleOf(title, name string) string {
	if title == "" {
		return name
	}
	return title
}
