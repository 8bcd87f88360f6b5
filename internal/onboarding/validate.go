package onboarding

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Validate checks what a content means, without looking at anything but the
// environments that exist: what must be written, how, and what contradicts
// what. now decides which dates lie ahead. Each fault says what to write.
func Validate(c Content, envs []eventbus.Environment, now time.Time) []eventbus.Fault {
	v := &validator{envs: envs, now: now}
	switch c := c.(type) {
	case *ProducerContent:
		v.producer(c)
	case *ConsumerContent:
		v.consumer(c)
	case *ChangeContent:
		v.change(c)
	case *OffboardingContent:
		v.offboarding(c)
	default:
		v.fault("kind", "is not a request", "write ProducerRequest, ConsumerRequest, ChangeRequest or OffboardingRequest")
	}
	return v.faults
}

type validator struct {
	envs   []eventbus.Environment
	now    time.Time
	faults []eventbus.Fault
}

// mostFaults of one content are told; who mends them finds the others.
const mostFaults = 200

func (v *validator) fault(path, message, fix string) {
	if len(v.faults) >= mostFaults {
		return
	}
	v.faults = append(v.faults, eventbus.Fault{Path: path, Message: message, Fix: fix})
}

// text checks presence and length in characters; white space around it is not
// written text, but it counts for the limit.
func (v *validator) text(path, value string, low, high int, fix string) {
	written, all := utf8.RuneCountInString(strings.TrimSpace(value)), utf8.RuneCountInString(value)
	switch {
	case written == 0 && low > 0:
		v.fault(path, "is missing", fix)
	case written < low:
		v.fault(path, fmt.Sprintf("has %d characters, at least %d are needed", written, low), fix)
	case all > high:
		v.fault(path, fmt.Sprintf("has %d characters, at most %d are allowed", all, high), "shorten it")
	case hasControl(value):
		v.fault(path, "holds control characters", "write plain text")
	}
}

// line is text without a line break.
func (v *validator) line(path, value string, low, high int, fix string) {
	if strings.ContainsAny(value, "\n\r") {
		v.fault(path, "has more than one line", "write one line")
		return
	}
	v.text(path, value, low, high, fix)
}

// lines checks a list of short texts: how many, and each of them.
func (v *validator) lines(path string, values []string, most, high int) {
	v.count(path, len(values), most)
	for i, value := range values {
		v.line(fmt.Sprintf("%s[%d]", path, i), value, 1, high, "write it, or leave it out")
	}
}

func (v *validator) count(path string, n, most int) {
	if n > most {
		v.fault(path, fmt.Sprintf("has %d entries, at most %d are allowed", n, most), "keep the most important ones, and link to a page that lists all")
	}
}

// hasControl reports what the catalog refuses: control characters, the line
// separators of Unicode, and the byte order mark.
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xFEFF
	})
}

func (v *validator) oneOf(path, value string, allowed ...string) {
	if value != "" && !slices.Contains(allowed, value) {
		v.fault(path, fmt.Sprintf("%q is not known", value), "write one of "+strings.Join(allowed, ", "))
	}
}

var slug = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func (v *validator) slug(path, value, what string) {
	switch {
	case value == "":
		v.fault(path, "is missing", "write "+what+" in lower-case letters, digits and dashes: decision-letter-availability")
	case !slug.MatchString(value):
		v.fault(path, fmt.Sprintf("%q is not a legal name", value), "use lower-case letters, digits and dashes, at most 63, beginning and ending with a letter or digit")
	}
}

// date checks YYYY-MM-DD and gives the day.
func (v *validator) date(path, value string) (time.Time, bool) {
	if value == "" {
		return time.Time{}, false
	}
	day, err := time.Parse(time.DateOnly, value)
	if err != nil {
		v.fault(path, fmt.Sprintf("%q is not a date", value), "write YYYY-MM-DD: 2027-01-31")
		return time.Time{}, false
	}
	return day, true
}

func (v *validator) dateAhead(path, value string) {
	if day, ok := v.date(path, value); ok && day.Before(v.today()) {
		v.fault(path, value+" is past", "write a day that lies ahead")
	}
}

func (v *validator) dateWithin(path, value string, years int) {
	day, ok := v.date(path, value)
	switch {
	case !ok:
	case day.After(v.today()):
		v.fault(path, value+" lies ahead", "write the day on which it was done")
	case day.AddDate(years, 0, 0).Before(v.today()):
		v.fault(path, fmt.Sprintf("%s is more than %d years ago", value, years), "renew it and write the new date")
	}
}

func (v *validator) today() time.Time {
	day, _ := time.Parse(time.DateOnly, v.now.UTC().Format(time.DateOnly))
	return day
}

func (v *validator) environments(path string, names []string) {
	for i, name := range names {
		if !slices.ContainsFunc(v.envs, func(e eventbus.Environment) bool { return e.Name == name }) {
			v.fault(fmt.Sprintf("%s[%d]", path, i), fmt.Sprintf("there is no environment %q", name), "write one of "+strings.Join(v.names(), ", "))
		} else if slices.Contains(names[:i], name) {
			v.fault(fmt.Sprintf("%s[%d]", path, i), name+" is named twice", "keep one")
		}
	}
}

func (v *validator) names() []string {
	var names []string
	for _, e := range v.envs {
		names = append(names, e.Name)
	}
	return names
}

func (v *validator) environment(name string) (eventbus.Environment, bool) {
	i := slices.IndexFunc(v.envs, func(e eventbus.Environment) bool { return e.Name == name })
	if i < 0 {
		return eventbus.Environment{}, false
	}
	return v.envs[i], true
}

func (v *validator) team(value string) {
	switch {
	case value == "":
		v.fault("team", "is missing", "write the name of your team")
	case !eventbus.LegalEntityName(value):
		v.fault("team", fmt.Sprintf("%q is not a legal name", value), "use letters, digits, '-', '_' and '.', at most 63")
	}
}

var mail = regexp.MustCompile(`^[^\s@<>,;:"]+@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$`)

func (v *validator) contacts(c Contacts, required bool) {
	low := 0
	if required {
		low = 1
	}
	v.line("contacts.productOwner", c.ProductOwner, low, 200, "write the product owner's name or mail address")
	v.line("contacts.technicalContact", c.TechnicalContact, low, 200, "write who is told about provisioning and sees a new access key, once")
	if c.Email != "" && (!mail.MatchString(c.Email) || len(c.Email) > 254) {
		v.fault("contacts.email", "is not a mail address", "write the group's address: team@example.gov")
	}
	v.line("contacts.slack", c.Slack, 0, 100, "")
	v.line("contacts.onCall", c.OnCall, 0, 200, "")
}

func (v *validator) fit(f FitAnswers, fisma string) {
	if stop, _ := Fit(f, fisma); stop != "" {
		v.fault("system.fisma", stop, "talk to the bus team before you go on")
	}
	if f.Problem != "" {
		v.text("fit.problem", f.Problem, 20, 2000, "say in a sentence or two what is hard today")
	}
	if f.Outcome != "" {
		v.text("fit.outcome", f.Outcome, 20, 2000, "say what will be better")
	}
	v.text("fit.measures", f.Measures, 0, 2000, "")
	v.text("fit.timeline", f.Timeline, 0, 2000, "")
	v.lines("fit.dataSources", f.DataSources, 50, 200)
	v.dateAhead("fit.deadline", f.Deadline)
}

var digits = regexp.MustCompile(`^\d{1,10}$`)

func (v *validator) system(s SystemFacts) {
	for _, id := range []struct{ path, value string }{{"system.vasi", s.VASI}, {"system.emass", s.EMASS}} {
		switch {
		case id.value == "" || digits.MatchString(id.value):
		case id.value == inProcess:
			v.text("system.leaf", s.LEAF, 1, 100, "write the LEAF reference of what is in process")
		default:
			v.fault(id.path, fmt.Sprintf("%q is not an id", id.value), "write digits only, or: in process")
		}
	}
	v.oneOf("system.ato", s.ATO, "active", "cATO", "in process", "none")
	v.date("system.atoExpires", s.ATOExpires)
	v.text("system.atoEvidence", s.ATOEvidence, 0, 500, "")
	if s.FISMA != "" && !strings.EqualFold(s.FISMA, "High") {
		v.oneOf("system.fisma", s.FISMA, "Low", "Moderate")
	}
	if s.LHDI {
		v.text("system.lhdiLiaison", s.LHDILiaison, 1, 200, "write the name of your LHDI liaison")
	}
	if day, ok := v.date("system.wasaDate", s.WASADate); ok && !s.WebApplication {
		v.fault("system.wasaDate", "is given, but the system is not a web application", "write webApplication: true, or leave the date out")
	} else if ok && day.After(v.today()) && day.Before(v.today().AddDate(0, 0, 30)) {
		v.fault("system.wasaDate", "a scan needs 30 days' notice", "write a day at least 30 days ahead")
	}
}

// privacy checks the data classes; required says that they must be given.
func (v *validator) privacy(p Privacy, required bool, asked []eventbus.Environment) {
	if required && len(p.DataClasses) == 0 {
		v.fault("privacy.dataClasses", "is missing", "write dataClasses: [none], or which of PII, PHI the payload holds")
	}
	for i, class := range p.DataClasses {
		v.oneOf(fmt.Sprintf("privacy.dataClasses[%d]", i), string(class), string(eventbus.DataNone), string(eventbus.DataPII), string(eventbus.DataPHI))
		if class == eventbus.DataNone && len(p.DataClasses) > 1 {
			v.fault(fmt.Sprintf("privacy.dataClasses[%d]", i), "none stands beside another class", "write none alone, or leave it out")
		}
	}
	for _, field := range sortedKeys(p.Fields) {
		if class := p.Fields[field]; class != eventbus.DataNone && !slices.Contains(p.DataClasses, class) {
			v.fault("privacy.fields."+field, fmt.Sprintf("is %s, which dataClasses does not name", class), "add "+string(class)+" to dataClasses")
		}
	}
	v.dateWithin("privacy.pta", p.PTA, 1)
	v.dateWithin("privacy.pia", p.PIA, 3)
	v.line("privacy.hipaaReview", p.HIPAAReview, 0, 200, "")
	v.line("privacy.obiApproval", p.OBIApproval, 0, 200, "")
	v.oneOf("privacy.obiScope", p.OBIScope, "dev", "dev+prod")
	v.syntheticData(p, asked)
}

// syntheticData: personal data stays out of environments that may not hold it.
func (v *validator) syntheticData(p Privacy, asked []eventbus.Environment) {
	if !personal(p.DataClasses) {
		return
	}
	for _, e := range asked {
		if !e.PHI && !p.SyntheticData {
			v.fault("privacy.syntheticData", fmt.Sprintf("PII and PHI may not enter %s", e.Name), "write syntheticData: true, and send made-up data there")
			return
		}
	}
}

func personal(classes []eventbus.DataClass) bool {
	return slices.Contains(classes, eventbus.DataPII) || slices.Contains(classes, eventbus.DataPHI)
}

func (v *validator) agreements(a Agreements) {
	for _, signed := range []struct {
		path string
		Signature
	}{{"agreements.working", a.Working}, {"agreements.dataSharing", a.DataSharing}} {
		path, s := signed.path, signed.Signature
		if s == (Signature{}) {
			continue
		}
		v.text(path+".by", s.By, 1, 200, "write who signed")
		v.text(path+".document", s.Document, 1, 500, "write the document's id or link")
		if s.Date == "" {
			v.fault(path+".date", "is missing", "write the day on which it was signed, YYYY-MM-DD")
		}
		if day, ok := v.date(path+".date", s.Date); ok && day.After(v.today()) {
			v.fault(path+".date", s.Date+" lies ahead", "write the day on which it was signed")
		}
	}
}

func (v *validator) network(n Network) {
	var names []string
	for _, l := range Locations() {
		names = append(names, string(l))
	}
	v.oneOf("network.location", string(n.Location), names...)
	v.line("network.region", n.Region, 0, 63, "")
	v.line("network.zoneId", n.ZoneID, 0, 63, "")
	v.line("network.test.at", n.Test.At, 0, 63, "")
	v.line("network.test.target", n.Test.Target, 0, 300, "")
	v.oneOf("network.test.outcome", n.Test.Outcome, "reached", "blocked")
	v.oneOf("network.eseccState", n.ESECCState, "draft", "submitted", "approved", "rejected")
	v.count("network.cidrs", len(n.CIDRs), 100)
	for i, cidr := range n.CIDRs {
		path := fmt.Sprintf("network.cidrs[%d]", i)
		prefix, err := parsePrefix(cidr)
		switch {
		case err != nil:
			v.fault(path, fmt.Sprintf("%q is not an address or a CIDR", cidr), "write 10.20.30.0/24 or 10.20.30.40")
		case prefix.Bits() == 0:
			v.fault(path, "means the whole internet", "write the addresses that the system calls from")
		}
	}
	least := 0
	if n.Test.Outcome == "blocked" {
		least = 1
		if len(n.CIDRs) == 0 {
			v.fault("network.cidrs", "are missing, and the connection test was blocked", "write the addresses that the system calls from")
		}
	}
	v.line("network.connectionId", n.ConnectionID, least, 100, "write the NSOC connection id")
	v.line("network.esecc", n.ESECC, 0, 100, "")
}

func parsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		return netip.ParsePrefix(s)
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return addr.Prefix(addr.BitLen())
}

func (v *validator) clients(names []string) {
	for i, name := range names {
		v.oneOf(fmt.Sprintf("clients[%d]", i), name, "java", "go", "python", "node", "ruby", "dotnet", "kcat", "other")
	}
}

func (v *validator) offboarding(c *OffboardingContent) {
	v.team(c.Team)
	v.slug("event", c.Event, "the event's name")
	v.environments("environments", c.Environments)
	v.text("reason", c.Reason, 10, 2000, "say why the event is no longer needed")
	v.text("notes", c.Notes, 0, 4000, "")
	if c.Consumer != "" && !eventbus.LegalEntityName(c.Consumer) {
		v.fault("consumer", fmt.Sprintf("%q is not a legal entity name", c.Consumer), "write the system's name as the catalog shows it")
	}
	v.text("overrideNotice", c.OverrideNotice, 0, 2000, "")
	if c.Consumer != "" && (c.RemovalDate != "" || c.Successor != "") {
		v.fault("consumer", "ends one system's access; removal dates and successors belong to a whole event", "leave removalDate and successor out")
	}
	if c.Successor != "" {
		v.slug("successor", c.Successor, "the name of the event that replaces it")
	}
	if c.Link != "" && !httpsURL(c.Link) {
		v.fault("link", "is not an https address", "write https://…")
	}
	v.dateAhead("removalDate", c.RemovalDate)
}
