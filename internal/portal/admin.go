package portal

import (
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/onboarding"
)

// SettingGroup is a part of what the bus runs with, in words that operators and
// auditors understand. It never holds a secret.
type SettingGroup struct {
	Title, About string
	Settings     []Setting
}

// Setting is one of them.
type Setting struct{ Name, Value string }

// adminView shows what the bus runs with; nothing of it is changed here.
type adminView struct {
	Teams        []teamRow
	Environments []limitRow
	Stages       []ruleRow
	Gates        []ruleRow
	Groups       []settingsGroup
}

type teamRow struct{ Name, URL, People, Events, Systems string }

type limitRow struct{ Label, Prefix, Data, Partitions, Size, Retention, Copies, Guard string }

type ruleRow struct{ Name, Who, About, When, Where string }

type settingsGroup struct {
	Title, About string
	Facts        []Fact
}

func (p *Portal) adminPage(w http.ResponseWriter, v visit) error {
	if !v.actor.Person.Has(eventbus.RoleOperator) && !v.actor.Person.Has(eventbus.RoleAuditor) {
		return &eventbus.Error{Code: eventbus.CodeForbidden, Message: "What the bus runs with is open to operators and auditors.",
			Next: "What your own teams run stands under My applications. If you need more, ask the Event Bus team for the role auditor."}
	}
	view := adminView{Environments: p.limits(), Stages: stageRules(p.cfg.Stages), Gates: p.gateRules()}
	var err error
	if view.Teams, err = p.teams(v); err != nil {
		return err
	}
	if p.parts.Settings != nil {
		for _, group := range p.parts.Settings(v.Context()) {
			shown := settingsGroup{Title: group.Title, About: group.About}
			for _, s := range group.Settings {
				shown.Facts = append(shown.Facts, Fact{Term: s.Name, Text: s.Value})
			}
			view.Groups = append(view.Groups, shown)
		}
	}
	return p.render(w, v, http.StatusOK, "admin", Shell{Title: "Administration", Wide: true,
		Lede: "What the bus runs with. It is changed in the configuration and with the identity provider, not here; every change of access is in the audit record."}, view)
}

// teams are those that somebody belongs to, or that own something.
func (p *Portal) teams(v visit) ([]teamRow, error) {
	known, err := p.relations(v)
	if err != nil {
		return nil, err
	}
	people, err := p.parts.Records.People(v.Context())
	if err != nil {
		return nil, err
	}
	members, names := map[string][]string{}, map[string]bool{}
	for _, person := range people {
		for _, team := range person.Teams {
			members[team], names[team] = append(members[team], person.Name), true
		}
	}
	for team := range known.mine {
		names[team] = true
	}
	for team := range known.systems {
		names[team] = true
	}
	var rows []teamRow
	for team := range names {
		if team == "" {
			continue
		}
		row := teamRow{Name: team, URL: "/catalog?team=" + url.QueryEscape(team), People: "nobody has signed in", Events: strconv.Itoa(len(known.mine[team])), Systems: strconv.Itoa(known.systems[team])}
		if list := members[team]; len(list) > 0 {
			sort.Strings(list)
			row.People = strings.Join(list, ", ")
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b teamRow) int { return strings.Compare(a.Name, b.Name) })
	return rows, nil
}

func (p *Portal) limits() []limitRow {
	var rows []limitRow
	for _, e := range p.cfg.Environments() {
		l := e.Limits.WithDefaults()
		row := limitRow{Label: e.Label, Prefix: e.Prefix, Data: "made-up only", Partitions: grouped(int64(l.MaxPartitions)), Size: sized(int64(l.MaxMessageBytes)), Retention: count(int64(l.MaxRetentionDays), "day"),
			Copies: strconv.Itoa(int(l.ReplicationFactor)) + ", " + strconv.Itoa(int(l.MinInsyncReplicas)) + " in sync", Guard: string(e.SchemaGuardDefault())}
		if e.PHI {
			row.Data = "PII and PHI"
		}
		rows = append(rows, row)
	}
	return rows
}

// conditions say when a rule applies.
var conditions = map[onboarding.Condition]string{onboarding.Always: "always", onboarding.PersonalData: "records hold PII or PHI", onboarding.HealthData: "records hold PHI",
	onboarding.OutsideVAEC: "the system runs outside the VAEC, or nobody knows where", onboarding.Sensitive: "records hold PHI, or personal data leaves the VAEC",
	onboarding.WebApplication: "people use the system through a browser", onboarding.BIPSourced: "the data comes from an authoritative source"}

func stageRules(stages []onboarding.StageRule) []ruleRow {
	var rows []ruleRow
	for _, s := range stages {
		row := ruleRow{Name: stageName(s.Stage), Who: sentence(roleName(string(s.Stage.Reviewer()))), About: kindNames(s.Kinds), When: conditions[s.When], Where: "every environment"}
		switch {
		case s.ProductionOnly:
			row.Where = "production, as a promotion"
		case s.PersonalOnly:
			row.Where = "where personal data may flow"
		}
		rows = append(rows, row)
	}
	return rows
}

func (p *Portal) gateRules() []ruleRow {
	var rows []ruleRow
	for _, g := range p.cfg.Gates {
		row := ruleRow{Name: g.Title, About: kindNames(g.Kinds), When: conditions[g.When], Where: "production"}
		var who, where []string
		for _, role := range g.Reviewers {
			who = append(who, roleName(string(role)))
		}
		for _, e := range g.Environments {
			where = append(where, p.environmentLabel(e))
		}
		row.Who = sentence(strings.Join(who, ", "))
		switch {
		case len(where) > 0:
			row.Where = strings.Join(where, ", ")
		case g.Everywhere:
			row.Where = "every environment"
		}
		rows = append(rows, row)
	}
	return rows
}

func kindNames(kinds []eventbus.RequestKind) string {
	if len(kinds) == 0 {
		return "every request"
	}
	var names []string
	for _, k := range kinds {
		names = append(names, strings.ToLower(kindName(k)))
	}
	return strings.Join(names, ", ")
}
