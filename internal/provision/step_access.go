package provision

import (
	"context"
	"strings"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// granted gives the grants in force of a principal once the plan is applied.
func (j *job) granted(ctx context.Context, arn string) ([]eventbus.Grant, error) {
	list, err := j.p.world.Grants.Grants(ctx, eventbus.GrantQuery{Principal: arn})
	if err != nil {
		return nil, err
	}
	stored := make(map[string]eventbus.Grant, len(list))
	for _, g := range list {
		stored[g.ID] = g
	}
	return activeByPrincipal(stored, j.of[arn], j.revoked)[arn], nil
}

// principal makes a role or a user; a user gets one key, which waits for its
// contact.
func (j *job) principal(ctx context.Context, c eventbus.Change) error {
	grants, err := j.granted(ctx, c.Name)
	if err != nil {
		return err
	}
	id, err := eventbus.ParseIdentityARN(c.Name)
	if err != nil {
		return err
	}
	have, err := j.p.world.Access.Principal(ctx, c.Name)
	switch {
	case eventbus.CodeOf(err) == eventbus.CodeNotFound:
		have = ManagedPrincipal{ARN: c.Name, Kind: id.Kind, Name: id.Name, Team: teamOf(grants), Managed: true}
		if id.Kind == eventbus.PrincipalRole {
			have.Trust = accountTrust(j.p.cfg.Deployment)
		}
	case err != nil:
		return err
	case !have.Managed:
		return eventbus.Errorf(eventbus.CodeConflict, "%s was made by hand meanwhile", c.Name)
	}
	if trusted := trustedBy(grants); id.Kind == eventbus.PrincipalRole && len(trusted) > 0 {
		have.Trust = trustDocument(trusted)
	}
	if err := j.p.world.Access.EnsurePrincipal(ctx, j.actor, have); err != nil {
		return err
	}
	if id.Kind != eventbus.PrincipalUser {
		return nil
	}
	if err := j.p.fail(pointPrincipal); err != nil {
		return err
	}
	return j.offerKey(ctx, id, grants)
}

// offerKey makes the user's one key. A key that was made before a crash and not
// offered is replaced.
func (j *job) offerKey(ctx context.Context, user eventbus.Principal, grants []eventbus.Grant) error {
	offered, err := j.p.world.Offers.Offered(ctx, user.Name)
	if err != nil || offered {
		return err
	}
	if err := j.p.world.Offers.Withdraw(ctx, user.Name); err != nil {
		return err
	}
	keyID, err := j.p.world.Access.NewKey(ctx, j.actor, user.ARN)
	if err != nil {
		return err
	}
	if err := j.p.fail(pointKeyMade); err != nil {
		return err
	}
	now := j.p.now()
	offer := eventbus.KeyOffer{User: user.Name, KeyID: keyID, Team: teamOf(grants), OfferedAt: now, ExpiresAt: now.Add(OfferTime)}
	if request, isRequest := strings.CutPrefix(j.plan.Source, "request "); isRequest {
		offer.RequestID = request
	}
	for _, g := range grants {
		if offer.Contact = g.Contact; offer.Contact != "" {
			break
		}
	}
	return j.p.world.Offers.Offer(ctx, offer)
}

func teamOf(grants []eventbus.Grant) string {
	for _, g := range grants {
		if g.Team != "" {
			return g.Team
		}
	}
	return ""
}

func (j *job) policy(ctx context.Context, c eventbus.Change) error {
	grants, err := j.granted(ctx, c.Name)
	if err != nil {
		return err
	}
	document, err := policyOf(j.p.arns(), grants)
	if err != nil {
		return err
	}
	return j.p.world.Access.SetPolicy(ctx, j.actor, c.Name, document)
}

func (j *job) grant(ctx context.Context, c eventbus.Change) error {
	want, named := j.grants[c.Name]
	if !named {
		return eventbus.Errorf(eventbus.CodeCorrupt, "the plan's manifest has no grant %s", c.Name)
	}
	have, exists, err := j.storedGrant(ctx, want)
	if err != nil {
		return err
	}
	inForce := exists && have.Active()
	if inForce && len(differences(fieldsOf(have, kept...), fieldsOf(want, kept...))) == 0 {
		return nil
	}
	want.Version, want.CreatedAt, want.RevokedAt = have.Version, j.plan.MadeAt, time.Time{}
	if inForce {
		want.CreatedAt = have.CreatedAt
	}
	_, err = j.p.world.Grants.SaveGrant(ctx, want)
	return err
}

// storedGrant finds a grant among those of its event.
func (j *job) storedGrant(ctx context.Context, want eventbus.Grant) (eventbus.Grant, bool, error) {
	list, err := j.p.world.Grants.Grants(ctx, eventbus.GrantQuery{Event: want.Event})
	if err != nil {
		return eventbus.Grant{}, false, err
	}
	for _, g := range list {
		if g.ID == want.ID {
			return g, true, nil
		}
	}
	return eventbus.Grant{}, false, nil
}

func (j *job) revoke(ctx context.Context, c eventbus.Change) error {
	have, exists, err := j.storedGrant(ctx, eventbus.Grant{ID: c.Name, Event: c.Event})
	if err != nil || !exists || !have.Active() {
		return err
	}
	have.RevokedAt = j.p.now()
	_, err = j.p.world.Grants.SaveGrant(ctx, have)
	return err
}
