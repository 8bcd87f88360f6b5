package provision

import (
	"cmp"
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
	place := j.p.places().principal(c.Name)
	have, err := place.Access.Principal(ctx, c.Name)
	made := err == nil
	switch {
	case eventbus.CodeOf(err) == eventbus.CodeNotFound:
		have = ManagedPrincipal{ARN: c.Name, Kind: id.Kind, Name: id.Name, Managed: true}
	case err != nil:
		return err
	case !have.Managed:
		return eventbus.Errorf(eventbus.CodeConflict, "%s was made by hand meanwhile", c.Name)
	}
	have.Team, have.Event = cmp.Or(have.Team, teamOf(grants)), cmp.Or(have.Event, c.Event)
	if trusted := trustedBy(grants); id.Kind == eventbus.PrincipalRole && (!made || len(trusted) > 0 || place.onAWS()) {
		have.Trust = place.trust(trusted)
	}
	if err := place.Access.EnsurePrincipal(ctx, j.actor, have); err != nil {
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
	place := j.p.places().principal(user.ARN)
	offered, err := place.Offers.Offered(ctx, user.Name)
	if err != nil || offered {
		return err
	}
	if err := place.Offers.Withdraw(ctx, user.Name); err != nil {
		return err
	}
	keyID, err := place.Access.NewKey(ctx, j.actor, user.ARN)
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
	return place.Offers.Offer(ctx, offer)
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
	place := j.p.places().principal(c.Name)
	document, err := policyOf(place.arns(), grants)
	if err != nil {
		return err
	}
	return place.Access.SetPolicy(ctx, j.actor, c.Name, document)
}

// removePrincipal deletes a principal whose grants have all ended; one that was
// granted something meanwhile stays.
func (j *job) removePrincipal(ctx context.Context, c eventbus.Change) error {
	grants, err := j.granted(ctx, c.Name)
	if err != nil || len(grants) > 0 {
		return err
	}
	remover, can := j.p.places().principal(c.Name).Access.(Remover)
	if !can {
		return eventbus.Errorf(eventbus.CodeCorrupt, "the plan deletes %s, which its directory cannot", c.Name)
	}
	return remover.RemovePrincipal(ctx, j.actor, c.Name)
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
