package iam

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// context fills in the condition keys of a request ("AWS global condition
// context keys"). The address is left out when it is not one; every listener
// that signs in is TLS, and so is STS or on loopback.
func (d *Directory) context(who *identity, arn, from string, issued int64) map[string][]string {
	p := who.principal
	values := map[string][]string{
		"aws:PrincipalArn":     {p.ARN},
		"aws:PrincipalAccount": {p.Account},
		"aws:RequestedRegion":  {d.cfg.Deployment.Region},
		"aws:SecureTransport":  {"true"},
	}
	if p.Kind == eventbus.PrincipalRole {
		values["aws:PrincipalType"] = []string{"AssumedRole"}
		values["aws:userid"] = []string{who.id + ":" + arn[strings.LastIndexByte(arn, '/')+1:]}
	} else {
		values["aws:PrincipalType"] = []string{"User"}
		values["aws:userid"] = []string{who.id}
		values["aws:username"] = []string{p.Name}
	}
	if issued != 0 {
		values["aws:TokenIssueTime"] = []string{time.UnixMicro(issued).UTC().Format(time.RFC3339)}
	}
	if ip := addressOf(from); ip != "" {
		values["aws:SourceIp"] = []string{ip}
	}
	addTime(values, d.cfg.Now())
	return values
}

func addTime(values map[string][]string, now time.Time) {
	values["aws:CurrentTime"] = []string{now.UTC().Format(time.RFC3339)}
	values["aws:EpochTime"] = []string{strconv.FormatInt(now.Unix(), 10)}
}

// changing reports whether a condition key has another value from one request
// of a session to the next.
func changing(keys []string) bool {
	return slices.Contains(keys, "aws:CurrentTime") || slices.Contains(keys, "aws:EpochTime")
}

// cloneText frees a text from the buffer it may be part of.
func cloneText(s string) string { return strings.Clone(s) }

func cloneContext(values map[string][]string) map[string][]string { return maps.Clone(values) }

// addressOf gives the IP address of "host:port" or "host", empty for a name.
func addressOf(from string) string {
	if ap, err := netip.ParseAddrPort(from); err == nil {
		return ap.Addr().Unmap().WithZone("").String()
	}
	if a, err := netip.ParseAddr(from); err == nil {
		return a.Unmap().WithZone("").String()
	}
	return ""
}
