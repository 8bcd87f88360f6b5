package provision

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

type principal struct {
	ManagedPrincipal
	Found   bool
	Offered bool // users that the bus manages: see Offers
}

// AWS answers for one principal at a time and slows down who asks much (each look
// is two or three calls of IAM). A plan, and whoever asks for drift, must know, so
// they look at every principal that they are about; Run, which measures drift for
// all of them once a minute, looks at few in a round, and at each again only after
// a while.
const (
	glancesInRound = 100
	glanceHolds    = 15 * time.Minute
)

// glances are the principals on AWS as they were seen last.
type glances struct {
	mu   sync.Mutex
	last map[string]glance // by ARN
}

type glance struct {
	principal
	at time.Time
}

// keep remembers what was seen.
func (g *glances) keep(arn string, seen principal, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.last == nil {
		g.last = map[string]glance{}
	}
	g.last[arn] = glance{seen, at}
}

// only forgets all but some principals, and gives what is known of those.
func (g *glances) only(arns map[string]bool) map[string]glance {
	g.mu.Lock()
	defer g.mu.Unlock()
	maps.DeleteFunc(g.last, func(arn string, _ glance) bool { return !arns[arn] })
	return maps.Clone(g.last)
}

// lookAtPrincipals sees principals as they are; sparing, those on AWS as they were
// seen last while that holds, and no more than some of them anew: who has waited
// longest first. One that was never seen is left out of the comparison.
func (p *Provisioner) lookAtPrincipals(ctx context.Context, s *seen, arns map[string]bool, sparing bool) error {
	known, looks := map[string]glance{}, len(arns)
	if sparing {
		known, looks = p.glances.only(arns), glancesInRound
	}
	order := slices.SortedFunc(maps.Keys(arns), func(a, b string) int {
		return cmp.Or(known[a].at.Compare(known[b].at), strings.Compare(a, b))
	})
	for _, arn := range order {
		last, seenBefore := known[arn]
		spare := sparing && p.places().principal(arn).onAWS()
		switch {
		case spare && seenBefore && (looks == 0 || p.now().Sub(last.at) < glanceHolds):
			s.principals[arn] = last.principal
			s.remembered[arn] = true
			continue
		case spare && looks == 0:
			s.unseen[arn] = true
			continue
		case spare:
			looks--
		}
		if err := p.lookAtPrincipal(ctx, s, arn); err != nil {
			return err
		}
	}
	return nil
}

func (p *Provisioner) lookAtPrincipal(ctx context.Context, s *seen, arn string) error {
	place := p.places().principal(arn)
	found, err := place.Access.Principal(ctx, arn)
	if eventbus.CodeOf(err) == eventbus.CodeNotFound {
		found, err = ManagedPrincipal{}, nil
	}
	if err != nil {
		return fmt.Errorf("look at principal %s: %w", arn, err)
	}
	now := principal{ManagedPrincipal: found, Found: found.ARN != ""}
	if found.Managed && found.Kind == eventbus.PrincipalUser {
		if now.Offered, err = place.Offers.Offered(ctx, found.Name); err != nil {
			return fmt.Errorf("look at the keys of %s: %w", arn, err)
		}
	}
	s.principals[arn] = now
	if place.onAWS() {
		p.glances.keep(arn, now, p.now())
	}
	return nil
}

// lookAgain looks anew at those principals of which a comparison, made with what
// was seen a while ago, says that they differ. It reports whether there are any.
func (p *Provisioner) lookAgain(ctx context.Context, s *seen, changes []eventbus.Change, problems problems) (bool, error) {
	doubtful := map[string]bool{}
	doubt := func(c eventbus.Change) {
		if s.remembered[c.Name] {
			doubtful[c.Name] = true
		}
	}
	for _, c := range changes {
		doubt(c)
	}
	for _, problem := range problems {
		doubt(problem.change)
	}
	for arn := range doubtful {
		if err := p.lookAtPrincipal(ctx, s, arn); err != nil {
			return false, err
		}
		delete(s.remembered, arn)
	}
	return len(doubtful) > 0, nil
}
