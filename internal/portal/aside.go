package portal

import (
	"strconv"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/onboarding"
	"github.com/enterprise-event-bus/eventbus/internal/portal/questions"
	"github.com/enterprise-event-bus/eventbus/internal/registry/avro"
)

// asideView is what the bus says beside the fields.
type asideView struct {
	Saved   string
	Version string
	Kind    string
	Stop    string
	Notes   []string
	ESECC   *esecc
	Advice  *adviceView
	Schema  *schemaView
	Verdict []string // why the schema may not follow the registered ones
	Changes []changeRow
}

type esecc struct {
	Answer  Pill
	Reasons []string
	Facts   []Fact
	Missing []string
}

type adviceView struct {
	Partitions, Retention string
	Reasons               []string
}

// aside works out what the bus has to say about the present step.
func (p *Portal) aside(v visit, e editing) asideView {
	view := asideView{Kind: string(e.steps[e.at].Aside)}
	content, err := contentFrom(e.doc, e.request.Kind)
	if err != nil {
		return view
	}
	switch e.steps[e.at].Aside {
	case questions.AsideFit:
		if c, ok := content.(*onboarding.ProducerContent); ok {
			view.Stop, view.Notes = onboarding.Fit(c.Fit, c.System.FISMA)
		}
	case questions.AsideESECC:
		view.ESECC = p.esecc(content)
	case questions.AsideAdvice:
		if c, ok := content.(*onboarding.ProducerContent); ok {
			view.Advice = p.advice(c)
		}
	case questions.AsideSchema:
		p.schemaAside(v, e, &view)
	}
	return view
}

func (p *Portal) esecc(content onboarding.Content) *esecc {
	var n onboarding.Network
	switch c := content.(type) {
	case *onboarding.ProducerContent:
		n = c.Network
	case *onboarding.ConsumerContent:
		n = c.Network
	}
	if n.Location == "" {
		return nil
	}
	return eseccOf(onboarding.ESECC(n, p.cfg.Environments()))
}

func eseccOf(d onboarding.ESECCDecision) *esecc {
	view := &esecc{Reasons: d.Reasons, Missing: d.Packet.Missing, Facts: []Fact{{Term: "Port", Text: strconv.Itoa(d.Packet.Port)}, {Term: "Protocol", Text: d.Packet.Protocol}}}
	switch d.Needed {
	case onboarding.NeedNo:
		view.Answer = Pill{"ESECC not needed, as a rule", ToneGood, "check_circle"}
	case onboarding.NeedYes:
		view.Answer = Pill{"ESECC needed", ToneWarn, "warning"}
	default:
		view.Answer = Pill{"Ask the Event Bus team", ToneInfo, "info"}
	}
	for _, to := range d.Packet.Destinations {
		view.Facts = append(view.Facts, Fact{Term: "To", Text: to, Mono: true})
	}
	return view
}

func (p *Portal) advice(c *onboarding.ProducerContent) *adviceView {
	var limits eventbus.TopicLimits
	for _, e := range p.cfg.Environments() {
		limits = e.Limits
	}
	t := onboarding.Throughput{PerDay: c.Event.PerDay, PeakPerSecond: c.Event.PeakPerSecond, AverageBytes: c.Event.AverageBytes, MaxBytes: c.Event.MaxBytes,
		LongestOutageDays: c.Topic.LongestOutageDays, Ordering: c.Topic.Ordering, Replication: limits.WithDefaults().ReplicationFactor}
	return adviceOf(onboarding.Advise(t, limits))
}

func adviceOf(a onboarding.Advice) *adviceView {
	return &adviceView{Partitions: count(int64(a.Partitions), "partition"), Retention: count(int64(a.RetentionDays), "day") + " of retention", Reasons: a.Reasons}
}

// schemaAside reads the typed schema, compares it with what is registered.
func (p *Portal) schemaAside(v visit, e editing, view *asideView) {
	text := questions.Shown(e.doc.Get("schema.value"))
	if strings.TrimSpace(text) == "" {
		return
	}
	view.Schema = &schemaView{}
	parsed, err := avro.Parse(text, avro.Options{})
	if err != nil {
		view.Schema.Problem = sentence(err.Error())
		return
	}
	view.Schema.fill(parsed)
	name := e.request.Event
	if e.request.Kind == eventbus.ProducerRequest || name == "" {
		return
	}
	existing, err := p.parts.Catalog.Event(v.Context(), name)
	if err != nil || existing.Schema == "" {
		return
	}
	before, err := avro.Parse(existing.Schema, avro.Options{Lax: true})
	if err != nil {
		return
	}
	view.Changes = changeRows(avro.Diff(before, parsed))
	view.Verdict = onboarding.Incompatibilities(existing.Compatibility, parsed, []eventbus.Schema{{Text: existing.Schema, Version: 1}})
}
