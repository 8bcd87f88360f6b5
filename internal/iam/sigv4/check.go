package sigv4

import (
	"slices"
	"time"
)

// Rules say what a signature must fit.
type Rules struct {
	// Regions that are ours; none means DefaultRegion.
	Regions []string
	// Hosts are the names that we answer to, without port (with it, if clients
	// sign it). kafka.REGION.amazonaws.com is always among them for Payload and
	// Token. When empty, Payload and Header may be signed for any host: Java
	// clients may sign the reverse-DNS name of an address.
	Hosts []string
	// Now is the time of the check; the zero time refuses everything.
	Now time.Time
}

// Check makes every check that needs no key, in this order: algorithm, signed
// headers, action, service, end of scope, day of scope, region, expiry, clock,
// host. It returns the first *Failure, or nil. The signature itself is checked
// by Verify.
func (s *Signed) Check(r Rules) error {
	if err := s.checkScope(r); err != nil {
		return err
	}
	if err := s.checkTime(r.Now); err != nil {
		return err
	}
	return s.checkHost(r.Hosts)
}

func (s *Signed) checkScope(r Rules) error {
	service, regions := KafkaService, r.Regions
	if s.Form == Header {
		service = STSService
	}
	if len(regions) == 0 {
		regions = []string{DefaultRegion}
	}
	switch {
	case s.algorithm != Algorithm:
		return fail(CheckAlgorithm, "algorithm is %s", short(s.algorithm))
	case s.Form != Header && s.signedHeaders != "host":
		return fail(CheckSignedHeaders, "signed headers are %s, not host", short(s.signedHeaders))
	case s.Form != Header && s.Action != ConnectAction:
		return fail(CheckAction, "action is %s", short(s.Action))
	case s.Service != service:
		return fail(CheckService, "signed for service %s, not %s", short(s.Service), service)
	case s.terminator != terminator:
		return fail(CheckTerminator, "scope ends in %s", short(s.terminator))
	case s.ScopeDate != s.date[:8]:
		return fail(CheckScopeDay, "scope is of %s, signed on %s", short(s.ScopeDate), s.date)
	case !slices.Contains(regions, s.Region):
		return fail(CheckRegion, "signed for region %s; allowed are %q", short(s.Region), regions)
	}
	return nil
}

// checkTime wants Date - MaxSkew <= now <= End.
func (s *Signed) checkTime(now time.Time) error {
	end := s.End()
	if s.Form != Header && (s.Expires <= 0 || s.Expires > MaxExpires) {
		return fail(CheckExpires, "valid for %v; more than 0 and at most %v are allowed", s.Expires, MaxExpires)
	}
	if now.Before(s.Date.Add(-MaxSkew)) {
		return fail(CheckNotYet, "signed %v in the future, at most %v are allowed; set the client's clock", s.Date.Sub(now).Round(time.Second), MaxSkew)
	}
	if now.After(end) {
		return fail(CheckExpired, "ended %v ago", now.Sub(end).Round(time.Second))
	}
	return nil
}

func (s *Signed) checkHost(hosts []string) error {
	switch {
	case s.Form != Header && s.Host == "kafka."+s.Region+".amazonaws.com":
	case s.Form != Token && len(hosts) == 0:
	case slices.Contains(hosts, s.Host):
	default:
		return fail(CheckHost, "signed for host %s", short(s.Host))
	}
	return nil
}
