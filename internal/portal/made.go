package portal

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
)

// madeView is what an approval makes in one environment.
type madeView struct {
	Environment string
	Summary     string
	Lines       []madeLine
}

type madeLine struct{ Sign, What, Name, Detail string }

// made lists what an approval makes, per environment. The planner compares with
// the world; without one, the wanted state itself is shown.
func (p *Portal) made(v visit, r eventbus.Request) []madeView {
	var list []madeView
	asked := r.Environments
	if len(asked) == 0 { // a draft: where it would go
		for _, e := range p.cfg.Environments() {
			asked = append(asked, eventbus.RequestEnvironment{Name: e.Name})
		}
	}
	for _, e := range asked {
		m, err := p.parts.Onboarding.Manifest(v.Context(), r, e.Name)
		if err != nil {
			continue // a draft that says too little yet
		}
		view := madeView{Environment: p.environmentLabel(e.Name)}
		if p.parts.Planner != nil {
			plan, err := p.parts.Planner.Plan(v.Context(), m)
			if err == nil {
				view.plan(plan)
				list = append(list, view)
				continue
			}
		}
		view.wanted(m, e.Name)
		list = append(list, view)
	}
	return list
}

func (m *madeView) plan(plan eventbus.Plan) {
	add, change, remove, _ := plan.Counts()
	m.Summary = fmt.Sprintf("%d to add, %d to change, %d to remove", add, change, remove)
	if plan.Empty() {
		m.Summary = "Nothing to change: it is as wanted."
	}
	for _, c := range plan.Changes {
		sign := map[eventbus.ChangeAction]string{eventbus.ActionCreate: "+", eventbus.ActionUpdate: "~"}[c.Action]
		if sign == "" {
			sign = "−"
		}
		detail := c.Note
		if c.Old != "" || c.New != "" && len(c.New) < 120 {
			detail = strings.TrimPrefix(c.Old+" → "+c.New, " → ") + " " + c.Note
		}
		m.Lines = append(m.Lines, madeLine{sign, sentence(strings.ReplaceAll(string(c.Resource), "-", " ")), c.Name, strings.TrimSpace(detail)})
	}
}

func (m *madeView) wanted(manifest eventbus.Manifest, environment string) {
	add := func(what, name, detail string) { m.Lines = append(m.Lines, madeLine{"+", what, name, detail}) }
	for _, e := range manifest.Events {
		if t, ok := e.Topic(environment); ok {
			detail := count(int64(t.Topic.Partitions), "partition")
			if ms, err := strconv.ParseInt(t.Topic.Configs["retention.ms"], 10, 64); err == nil && ms > 0 {
				detail += ", records kept for " + count(ms/86400000, "day")
			}
			add("Topic", t.Topic.Name, detail)
			if t.ValueSchema != "" {
				add("Schema", eventbus.ValueSubject(t.Topic.Name), "compatibility "+string(t.Compatibility))
			}
		}
		add("Catalog entry", e.Event.Name, e.Event.Title)
	}
	for _, g := range manifest.Grants {
		if g.Environment == environment {
			add("Access", shortARN(g.Principal), "may "+string(g.Direction)+" "+g.Topic)
		}
	}
}
