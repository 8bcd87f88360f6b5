package portal

import (
	"fmt"
	"strings"
	"time"

	"github.com/enterprise-event-bus/eventbus"
)

// Tone colours a pill; the words say the same, so that nothing depends on it.
type Tone string

// The tones of pills and alerts.
const (
	ToneQuiet Tone = "quiet"
	ToneInfo  Tone = "info"
	ToneGood  Tone = "good"
	ToneWarn  Tone = "warn"
	ToneBad   Tone = "bad"
)

// Pill is a short status in words, with a tone and an icon.
type Pill struct {
	Text string
	Tone Tone
	Icon string // of the sprite, "" for none
}

// ago says how long ago something was, in words fit for a sentence.
func ago(now, at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	d := now.Sub(at)
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return count(int64(d/time.Minute), "minute") + " ago"
	case d < 24*time.Hour:
		return count(int64(d/time.Hour), "hour") + " ago"
	default:
		return count(int64(d/(24*time.Hour)), "day") + " ago"
	}
}

// lasting says how long something has been so.
func lasting(now, since time.Time) string {
	text := ago(now, since)
	if text == "just now" {
		return "less than a minute"
	}
	return strings.TrimSuffix(text, " ago")
}

func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(n) + " " + plural(noun)
}

func plural(noun string) string {
	switch {
	case strings.HasSuffix(noun, "y") && !strings.HasSuffix(noun, "day"):
		return strings.TrimSuffix(noun, "y") + "ies"
	case strings.HasSuffix(noun, "s"):
		return noun + "es"
	default:
		return noun + "s"
	}
}

// grouped writes a number with commas.
func grouped(n int64) string {
	if n < 0 {
		return "-" + grouped(-n)
	}
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// sized writes bytes for people.
func sized(n int64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	value, unit := float64(n), 0
	for value >= 1024 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	if unit == 0 {
		return grouped(n) + " bytes"
	}
	return fmt.Sprintf("%.1f %s", value, units[unit])
}

func day(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2 Jan 2006")
}

// moment is a time to the minute, always UTC.
func moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2 Jan 2006 15:04 UTC")
}

func lifecyclePill(l eventbus.Lifecycle) Pill {
	tone := ToneQuiet
	switch l {
	case eventbus.LifecycleProduction:
		tone = ToneGood
	case eventbus.LifecycleDevelopment:
		tone = ToneInfo
	case eventbus.LifecycleDeprecated:
		tone = ToneWarn
	}
	return Pill{Text: sentence(string(l)), Tone: tone}
}

func dataPill(classes []eventbus.DataClass) Pill {
	var held []string
	for _, c := range classes {
		if c != eventbus.DataNone && c != "" {
			held = append(held, string(c))
		}
	}
	switch {
	case len(classes) == 0:
		return Pill{Text: "Data class unknown", Tone: ToneQuiet}
	case len(held) == 0:
		return Pill{Text: "No personal data", Tone: ToneQuiet}
	default:
		return Pill{Text: "Contains " + strings.Join(held, " and "), Tone: ToneWarn, Icon: "lock"}
	}
}

func requestPill(s eventbus.RequestState) Pill {
	switch s {
	case eventbus.RequestDraft:
		return Pill{"Draft", ToneQuiet, "edit"}
	case eventbus.RequestSubmitted:
		return Pill{"In review", ToneInfo, "hourglass_empty"}
	case eventbus.RequestChangesAsked:
		return Pill{"Changes asked", ToneWarn, "edit"}
	case eventbus.RequestApproved:
		return Pill{"Approved", ToneInfo, "autorenew"}
	case eventbus.RequestActive:
		return Pill{"Active", ToneGood, "check_circle"}
	case eventbus.RequestRejected:
		return Pill{"Declined", ToneBad, "cancel"}
	case eventbus.RequestWithdrawn:
		return Pill{"Withdrawn", ToneQuiet, "remove_circle"}
	case eventbus.RequestExpired:
		return Pill{"Expired", ToneQuiet, "schedule"}
	default:
		return Pill{string(s), ToneQuiet, ""}
	}
}

func environmentPill(s eventbus.EnvironmentState) Pill {
	switch s {
	case eventbus.EnvActive:
		return Pill{"Active", ToneGood, "check_circle"}
	case eventbus.EnvApproved, eventbus.EnvProvisioning:
		return Pill{"Being provisioned", ToneInfo, "autorenew"}
	case eventbus.EnvFailed:
		return Pill{"Failed, will be retried", ToneBad, "error"}
	case eventbus.EnvPromotable:
		return Pill{"Ready to promote", ToneInfo, "send"}
	case eventbus.EnvLater:
		return Pill{"Later", ToneQuiet, "schedule"}
	case eventbus.EnvRemoved:
		return Pill{"Removed", ToneQuiet, "remove_circle"}
	default:
		return Pill{"Waiting", ToneQuiet, "hourglass_empty"}
	}
}

func gatePill(s eventbus.GateState) Pill {
	switch s {
	case eventbus.GatePassed:
		return Pill{"Passed", ToneGood, "check_circle"}
	case eventbus.GateNotRequired:
		return Pill{"Not required", ToneQuiet, "remove_circle"}
	case eventbus.GateLapsed:
		return Pill{"Lapsed", ToneBad, "schedule"}
	case eventbus.GateFailed:
		return Pill{"Refused", ToneBad, "cancel"}
	default:
		return Pill{"Open", ToneWarn, "hourglass_empty"}
	}
}

func outcomePill(o eventbus.Outcome) Pill {
	switch o {
	case eventbus.OutcomeAllowed:
		return Pill{"Allowed", ToneGood, "check_circle"}
	case eventbus.OutcomeDenied:
		return Pill{"Denied", ToneBad, "cancel"}
	case eventbus.OutcomeFailed:
		return Pill{"Failed", ToneBad, "error"}
	default:
		return Pill{"Intent", ToneQuiet, "schedule"}
	}
}

func kindName(k eventbus.RequestKind) string {
	switch k {
	case eventbus.ProducerRequest:
		return "New event"
	case eventbus.ConsumerRequest:
		return "Access to an event"
	case eventbus.ChangeRequest:
		return "Change of an event"
	case eventbus.OffboardingRequest:
		return "Retirement of an event"
	default:
		return string(k)
	}
}

func stageName(s eventbus.Stage) string {
	switch s {
	case eventbus.StageBus:
		return "Event Bus review"
	case eventbus.StageOwner:
		return "Product owner review"
	case eventbus.StagePrivacy:
		return "Privacy review"
	case eventbus.StageSecurity:
		return "Security review"
	case eventbus.StageProduction:
		return "Production review"
	default:
		return sentence(string(s)) + " review"
	}
}

func roleName(r string) string {
	switch eventbus.Role(r) {
	case eventbus.RoleOwner:
		return "the product owner"
	case eventbus.RoleBusReviewer:
		return "the Event Bus team"
	case eventbus.RolePrivacyReviewer:
		return "the privacy reviewers"
	case eventbus.RoleSecurityReviewer:
		return "the security reviewers"
	case eventbus.RoleOperator:
		return "the operators"
	}
	switch r {
	case "submitter":
		return "the requesting team"
	case "bus":
		return "the bus (automatic)"
	default:
		return r
	}
}

// sentence begins a word with a capital.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
