package onboarding

import (
	"fmt"
	"strings"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// OnePager writes the page that the form asks for, in Markdown, from the
// answers: business context, purpose, payload, likely consumers, numbers. The
// text of the team is kept as it is, save that it cannot begin a heading.
func OnePager(c Content) string {
	p := &page{}
	switch c := c.(type) {
	case *ProducerContent:
		p.producer(c)
	case *ConsumerContent:
		p.consumer(c)
	case *ChangeContent:
		p.heading(1, "Change of "+c.Event)
		p.section("Why", c.Reason)
		p.section("What consumers have to do", c.MigrationNote)
		p.section("Why it cannot wait for acknowledgements", c.Emergency)
	case *OffboardingContent:
		p.heading(1, c.subject().title)
		p.section("Why", c.Reason)
		p.facts([][2]string{{"Removal", c.RemovalDate}, {"Successor", c.Successor}, {"More", c.Link}})
		p.section("Why less notice is enough", c.OverrideNotice)
	}
	return p.String()
}

type page struct{ strings.Builder }

func (p *page) heading(level int, text string) {
	if p.Len() > 0 {
		p.WriteString("\n")
	}
	p.WriteString(strings.Repeat("#", level) + " " + oneLine(text) + "\n")
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// section writes a heading and a team's text, if there is any.
func (p *page) section(title, text string) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r", ""))
	if text == "" {
		return
	}
	p.heading(2, title)
	p.WriteString("\n")
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(strings.TrimLeft(line, " "), "#") {
			line = `\` + strings.TrimLeft(line, " ")
		}
		p.WriteString(line + "\n")
	}
}

// facts writes a table of those that are known.
func (p *page) facts(rows [][2]string) {
	first := true
	for _, row := range rows {
		if row[1] == "" {
			continue
		}
		if first {
			p.WriteString("\n| | |\n|---|---|\n")
			first = false
		}
		p.WriteString("| " + row[0] + " | " + strings.ReplaceAll(oneLine(row[1]), "|", `\|`) + " |\n")
	}
}

func (p *page) list(title string, items []string) {
	if len(items) == 0 {
		return
	}
	p.heading(2, title)
	p.WriteString("\n")
	for _, item := range items {
		p.WriteString("- " + oneLine(item) + "\n")
	}
}

func (p *page) producer(c *ProducerContent) {
	p.heading(1, c.Event.Title)
	p.WriteString("\n" + oneLine(c.Event.Description) + "\n")
	p.facts([][2]string{
		{"Team", c.Team}, {"Product owner", c.Contacts.ProductOwner}, {"Contact", c.Contacts.Email}, {"Domain", c.Event.Domain},
		{"Data classes", joined(c.Privacy.DataClasses)}, {"Compatibility", string(compatibilityOf(c.Schema))},
		{"Retention", fmt.Sprintf("%d days", retentionOf(c, eventbus.TopicLimits{}))}, {"Expected per day", number(c.Event.PerDay)},
		{"At peak per second", number(c.Event.PeakPerSecond)}, {"Record size", sizes(c.Event)},
	})
	p.section("Business context", c.Event.Context)
	p.section("Purpose", c.Event.Purpose)
	p.section("Problem", c.Fit.Problem)
	p.section("Desired outcome", c.Fit.Outcome)
	p.list("Source systems", systems(c.Event.SourceSystems))
	p.list("Forwarders", systems(c.Event.Forwarders))
	p.list("Likely consumers", c.Event.LikelyConsumers)
	p.section("Versioning", c.Schema.VersioningNote)
	if len(c.Event.Links) > 0 {
		p.heading(2, "Links")
		p.WriteString("\n")
		for _, l := range c.Event.Links {
			p.WriteString("- [" + strings.NewReplacer("[", "", "]", "").Replace(oneLine(titleOf(l))) + "](<" + strings.NewReplacer("<", "%3C", ">", "%3E").Replace(oneLine(l.URL)) + ">)\n")
		}
	}
}

func titleOf(l eventbus.Link) string {
	if l.Title == "" {
		return l.URL
	}
	return l.Title
}

func (p *page) consumer(c *ConsumerContent) {
	p.heading(1, c.Consumer.Name+" consumes "+c.Event)
	p.facts([][2]string{{"Team", c.Team}, {"Consumer group", c.GroupPrefix}, {"Review", either(c.Until == "", "a year after the request was submitted", c.Until)},
		{"Fields used", strings.Join(c.FieldsUsed, ", ")}, {"Shown to VA staff", either(c.DisplaysToStaff, "yes", "no")}})
	p.section("Purpose", c.Purpose)
	p.section("Filtering of sensitive records", c.FilteringPlan)
}

func joined[T ~string](items []T) string {
	var words []string
	for _, item := range items {
		words = append(words, string(item))
	}
	return strings.Join(words, ", ")
}

func number(n int64) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func sizes(e EventFacts) string {
	switch {
	case e.AverageBytes > 0 && e.MaxBytes > 0:
		return fmt.Sprintf("%s on average, at most %s", size1024(e.AverageBytes), size1024(e.MaxBytes))
	case e.MaxBytes > 0:
		return "at most " + size1024(e.MaxBytes)
	case e.AverageBytes > 0:
		return size1024(e.AverageBytes) + " on average"
	default:
		return ""
	}
}

func systems(list []eventbus.SourceSystem) []string {
	var lines []string
	for _, s := range list {
		line := s.SystemName
		if s.TeamName != "" {
			line += ", team " + s.TeamName
		}
		if s.ProductOwner != "" {
			line += ", " + s.ProductOwner
		}
		lines = append(lines, line)
	}
	return lines
}
