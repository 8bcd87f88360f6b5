package portal

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/samples"
)

// connectView is the tab with code that runs: language × environment.
type connectView struct {
	Head         eventHead
	Environments []NavItem
	Languages    []NavItem
	Directions   []NavItem
	Facts        []Fact
	Blocks       []codeBlock
	Notes        []string
	Grant        *Alert
	Empty        *Empty
}

// codeBlock is one thing to copy.
type codeBlock struct {
	ID, Title, Note, Code string
}

// connection is what the samples are filled with.
type connection struct {
	Topic, Group, Environment string
	Produces, granted         bool
	access                    samples.Access
	inside, external          string // the brokers, from AWS and from outside AWS
	user                      string // ARN of the user that the reader's team signs in as; empty: a role
	decides                   string // who decides, where it is not the bus
	onAWS                     bool
	example                   string
}

func (p *Portal) eventConnect(w http.ResponseWriter, v visit) error {
	e, head, shell, err := p.event(v, "connect")
	if err != nil {
		return err
	}
	view := connectView{Head: head}
	chosen, environments := p.chosenTopic(v, e)
	view.Environments = environments
	if chosen.Name == "" {
		view.Empty = &Empty{Icon: "wifi", Title: "Nothing to connect to yet", Text: "The event has no topic in any environment. It gets them when its request is approved."}
		return p.render(w, v, http.StatusOK, "connect", shell, view)
	}
	c := p.connection(v, e, chosen)
	known := p.language(w, v, c)
	for _, l := range languages(c) {
		view.Languages = append(view.Languages, NavItem{Link: Link{l.Title, with(v.URL, "language", string(l.Name))}, Current: l.Name == known})
	}
	view.Directions = []NavItem{{Link: Link{"Consume", with(v.URL, "do", "consume")}, Current: !c.Produces}, {Link: Link{"Produce", with(v.URL, "do", "produce")}, Current: c.Produces}}
	view.Facts = connectFacts(c)
	if !c.granted {
		view.Grant = &Alert{Tone: ToneInfo, Heading: "You need access first", Text: "The code below is complete, but no principal of your teams may do this here yet.", Link: head.ask()}
	}
	if view.Blocks, view.Notes, err = snippets(known, c); err == nil {
		view.Notes = append(view.Notes, p.place(c.Environment).Lacks()...)
	} else {
		if eventbus.CodeOf(err) != eventbus.CodeInvalid {
			return err
		}
		view.Grant = &Alert{Tone: ToneWarn, Heading: "No code for this", Text: sentence(message(err))}
	}
	return p.render(w, v, http.StatusOK, "connect", shell, view)
}

// chosenTopic is the topic of the environment that ?in= or the switch at the top
// names, else the first, with links to the others.
func (p *Portal) chosenTopic(v visit, e eventbus.Event) (chosen eventbus.EventTopic, environments []NavItem) {
	wanted := v.URL.Query().Get("in")
	if wanted == "" {
		wanted = v.env
	}
	topics := p.inOrder(e.Topics)
	for i, t := range topics {
		if t.Environment == wanted || i == 0 {
			chosen = t
		}
	}
	for _, t := range topics {
		environments = append(environments, NavItem{Link: Link{p.environmentLabel(t.Environment), with(v.URL, "in", t.Environment)}, Current: t.Environment == chosen.Environment})
	}
	return chosen, environments
}

// connectFacts are the addresses beside the code.
func connectFacts(c connection) []Fact {
	facts := []Fact{{Term: "Topic", Text: c.Topic, Mono: true}, {Term: "Brokers, from AWS", Text: c.inside, Mono: true}, {Term: "Brokers, from outside AWS", Text: c.external, Mono: true},
		{Term: "Schema registry", Text: c.access.RegistryURL, Mono: true}, {Term: "Role", Text: roleShown(c), Mono: true}, {Term: "User", Text: c.user, Mono: true}, {Term: "Access decided by", Text: c.decides}, {Term: "Sign-in", Text: "SASL_SSL with AWS_MSK_IAM or OAUTHBEARER"}}
	return slices.DeleteFunc(facts, func(f Fact) bool { return f.Text == "" })
}

// language is the one asked for, or the one chosen last; a cookie keeps it for
// the whole site.
func (p *Portal) language(w http.ResponseWriter, v visit, c connection) samples.Language {
	asked := v.URL.Query().Get("language")
	if cookie, err := v.Cookie("eventbus-language"); err == nil && asked == "" {
		asked = cookie.Value
	}
	list := languages(c)
	known := list[0].Name
	for _, l := range list {
		if string(l.Name) == asked {
			known = l.Name
		}
	}
	http.SetCookie(w, &http.Cookie{Name: "eventbus-language", Value: string(known), Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, Secure: p.parts.Sessions.Secure(), SameSite: http.SameSiteLaxMode})
	return known
}

// connection finds real addresses and, if the reader's team has one, the role or
// user that may produce or consume the event. On AWS they are those of Amazon MSK,
// whose certificates everybody trusts, and of AWS's own STS.
func (p *Portal) connection(v visit, e eventbus.Event, t eventbus.EventTopic) connection {
	c := connection{Topic: t.Name, Environment: t.Environment, Group: "your-group", example: samples.Exemplar(e.Schema), Produces: v.URL.Query().Get("do") == string(eventbus.Produced)}
	env := p.place(t.Environment)
	at := env.Place(p.cfg.Deployment)
	c.inside, c.external, c.onAWS = env.BootstrapIAM, env.BootstrapExternal, env.OnAWS()
	c.access = samples.Access{SecurityProtocol: "SASL_SSL", Region: p.cfg.Region, STSEndpoint: p.cfg.STSEndpoint, CAFile: p.cfg.CAFile, Truststore: p.cfg.Truststore,
		RoleARN: at.RoleARN("your-role"), Bootstrap: env.BootstrapIAM, RegistryURL: env.RegistryURL}
	if c.onAWS {
		c.access.Region, c.access.STSEndpoint, c.access.CAFile, c.access.Truststore = at.Region, "", "", ""
		c.decides = "AWS IAM, account " + at.Account + " (" + at.Partition + ")"
	}
	if c.access.Bootstrap == "" && len(t.BrokerAddresses) > 0 {
		c.access.Bootstrap = strings.Join(t.BrokerAddresses, ",")
	}
	grants, err := p.parts.Records.Grants(v.Context(), eventbus.GrantQuery{Event: e.Name, Environment: t.Environment, ActiveOnly: true})
	if err != nil {
		return c
	}
	do := eventbus.Direction(v.URL.Query().Get("do"))
	for _, g := range grants {
		if mine(v.actor.Person, g.Team) && (do == "" || do == g.Direction) && (!c.granted || do == "" && c.Produces && g.Direction == eventbus.Consumed) {
			c.grant(g)
		}
	}
	return c
}

// grant makes the connection that of a grant's principal. A user has a key of its
// own and takes no role; it is for systems outside AWS.
func (c *connection) grant(g eventbus.Grant) {
	c.granted, c.Produces, c.user, c.access.RoleARN, c.access.Idempotent = true, g.Direction == eventbus.Produced, "", g.Principal, g.Idempotent
	if id, err := eventbus.ParseIdentityARN(g.Principal); err == nil && id.Kind == eventbus.PrincipalUser {
		c.user, c.access.RoleARN, c.access.Bootstrap = g.Principal, "", cmp.Or(c.external, c.inside)
	}
	if g.GroupPrefix != "" {
		c.Group = strings.TrimSuffix(g.GroupPrefix, "*")
	}
}

// roleShown is the role in a few words; on AWS, where its path matters, all of it.
func roleShown(c connection) string {
	if c.onAWS {
		return c.access.RoleARN
	}
	return shortARN(c.access.RoleARN)
}

// shellQuote quotes an argument for a POSIX shell.
func shellQuote(s string) string {
	if u, err := url.Parse(s); err == nil && u.String() == s && !strings.ContainsAny(s, "&?;'\"$`()*!~# ") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
