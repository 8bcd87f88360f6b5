package iam

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"slices"
	"strings"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
	"github.com/enterprise-event-bus/eventbus/internal/iam/sigv4"
)

// The SASL mechanisms of MSK's IAM listeners.
const (
	MechanismMSKIAM      = "AWS_MSK_IAM"
	MechanismOAuthBearer = "OAUTHBEARER"
)

const (
	maxLogin      = 64 << 10 // bytes of a client's SASL message
	actionConnect = sigv4.ConnectAction
)

// Login answers a client's first and only SASL message. It makes every check of
// a server in order: form, algorithm, scope, region, time (sigv4); session
// token, key, user, role and its trust; the signature; and kafka-cluster:Connect
// on the cluster. The response belongs on the wire: MSK's JSON for AWS_MSK_IAM,
// empty for OAUTHBEARER. from is the remote address, listener names the
// listener in log and audit.
//
// The text of an error is MSK's, "[request id]: Access denied", and fit for the
// client; the reason is in log and audit under that id. Codes: Unauthenticated,
// Forbidden (Connect), Unavailable (the audit record cannot be written).
func (d *Directory) Login(ctx context.Context, mechanism string, message []byte, from, listener string) (*Session, []byte, error) {
	a := d.newAttempt(from, mechanism, listener)
	signed, authzid, p := parseLogin(a, mechanism, message)
	if p != nil {
		return nil, nil, d.refuse(ctx, a, p)
	}
	s, p := d.authenticate(a, signed, sigv4.Rules{Regions: d.cfg.Regions, Hosts: d.cfg.Hosts, Now: d.cfg.Now()})
	if p == nil && authzid != "" && authzid != s.Principal.ARN && authzid != s.identity {
		p = failed(CheckAuthzID, "the client asks to act as another identity than it signed for").next("leave the authorization id out")
	}
	if p == nil && d.cfg.OneAddress {
		p = d.uses.check(signed, s.address, d.cfg.Now())
	}
	if p != nil {
		return nil, nil, d.refuse(ctx, a, p)
	}
	if p := d.connect(ctx, a, s); p != nil {
		return nil, nil, d.refuse(ctx, a, p)
	}
	if mechanism == MechanismOAuthBearer {
		return s, []byte{}, nil
	}
	// aws-msk-iam-auth reads this strictly: exactly these two members.
	response, _ := json.Marshal(struct {
		Version   string `json:"version"`
		RequestID string `json:"request-id"`
	}{"2020_10_22", a.id})
	return s, response, nil
}

func parseLogin(a *attempt, mechanism string, message []byte) (signed *sigv4.Signed, authzid string, p *problem) {
	if len(message) > maxLogin {
		return nil, "", failed(sigv4.CheckSyntax, "the message has %d bytes, more than %d", len(message), maxLogin)
	}
	var err error
	switch mechanism {
	case MechanismMSKIAM:
		signed, err = sigv4.ParsePayload(message)
	case MechanismOAuthBearer:
		var token string
		if authzid, token, err = sigv4.ParseInitialResponse(message); err == nil {
			signed, err = sigv4.ParseToken(token)
		}
	default:
		a.door = "an unknown mechanism"
		return nil, "", failed(CheckMechanism, "the mechanism is neither %s nor %s", MechanismMSKIAM, MechanismOAuthBearer)
	}
	if err != nil {
		return nil, "", problemOf(err)
	}
	return signed, authzid, nil
}

// connect decides kafka-cluster:Connect and records the login, which does not
// happen when it cannot be recorded.
func (d *Directory) connect(ctx context.Context, a *attempt, s *Session) *problem {
	cluster := d.cfg.Deployment.ClusterARN()
	decision := d.decide(s, actionConnect, cluster)
	if !decision.Allowed {
		return failed(CheckConnect, "%s", decision.Reason).next("allow " + actionConnect + " on " + cluster)
	}
	reason := decision.Reason + "; " + a.door + " on " + a.listener + " as " + s.Principal.ARN + " with " + s.AccessKeyID + ", request " + a.id
	if err := d.audit.DataPlane(ctx, s.identity, actionConnect, cluster, true, reason, a.from); err != nil {
		return failed(CheckAudit, "%v", err)
	}
	return nil
}

// globalRegion is what AWS's SDK for Java signs for when a client of STS was told
// no region ("StsClient" with Region.AWS_GLOBAL, as aws-msk-iam-auth makes it).
const globalRegion = "aws-global"

// Authenticate verifies a signed request to STS and says who sent it. Errors are
// those of Login; CheckOf tells them apart.
func (d *Directory) Authenticate(ctx context.Context, signed *sigv4.Signed, from string) (*Session, error) {
	a := d.newAttempt(from, "request", "sts")
	regions := append(slices.Clone(d.cfg.Regions), globalRegion)
	s, p := d.authenticate(a, signed, sigv4.Rules{Regions: regions, Now: d.cfg.Now()})
	if p != nil {
		return nil, d.refuse(ctx, a, p)
	}
	return s, nil
}

// authenticate makes the checks of a signature, and fills in what becomes known
// of the attempt on the way.
func (d *Directory) authenticate(a *attempt, signed *sigv4.Signed, rules sigv4.Rules) (*Session, *problem) {
	a.keyID = shownKey(signed.AccessKeyID)
	if err := signed.Check(rules); err != nil {
		return nil, problemOf(err)
	}
	c, p := d.credentialOf(signed, rules.Now)
	if p != nil {
		return nil, p
	}
	a.claimed = d.view.Load().claimed(c)
	g, p := d.view.Load().find(c)
	if p != nil {
		return nil, p
	}
	if err := d.verify(signed, g, c); err != nil {
		// Whose key it is may be told, but not that it was this principal.
		p := problemOf(err)
		p.reason += " (access key " + a.keyID + " belongs to " + a.claimed + ")"
		return nil, p
	}
	s := d.newSession(a, signed, g, c, rules.Now)
	a.actor = s.identity
	if g, p = d.stands(d.view.Load(), c); p != nil {
		return nil, p
	}
	if s.policy, p = sessionPolicy(c); p != nil {
		return nil, p
	}
	s.tie = d.tieTo(c, g)
	s.bearer = d.bearers.share(s.bearer)
	if c.claims == nil {
		g.key.used.Store(rules.Now.UnixNano())
	}
	return s, nil
}

const (
	longLived = "AKIA"
	temporary = "ASIA"
)

// credentialOf reads which credential signed, from the key id and the token.
func (d *Directory) credentialOf(signed *sigv4.Signed, now time.Time) (credential, *problem) {
	if !strings.HasPrefix(signed.AccessKeyID, temporary) {
		if signed.SessionToken != "" {
			return credential{}, failed(CheckToken, "a session token with the long-lived key %s", shownKey(signed.AccessKeyID)).
				next("unset AWS_SESSION_TOKEN, which is left over from other credentials")
		}
		return credential{keyID: signed.AccessKeyID}, nil
	}
	if signed.SessionToken == "" {
		return credential{}, failed(CheckToken, "the temporary key %s came without its session token", shownKey(signed.AccessKeyID)).
			next("set AWS_SESSION_TOKEN together with the key")
	}
	claims, err := d.vault.openClaims(signed.AccessKeyID, signed.SessionToken)
	if err != nil {
		return credential{}, failed(CheckToken, "the session token of %s cannot be used: %v", shownKey(signed.AccessKeyID), errSeal).
			next("assume the role again at this bus; tokens of AWS are not valid here")
	}
	if end := time.UnixMicro(claims.Expires); !now.Before(end) {
		return credential{}, failed(CheckExpired, "the temporary credentials for role %s ended at %s", claims.Role, end.UTC().Format(time.RFC3339)).
			next("assume the role again; let the client refresh its credentials")
	}
	return credential{keyID: claims.KeyID, claims: &claims}, nil
}

// verify compares the signature.
func (d *Directory) verify(signed *sigv4.Signed, g ground, c credential) error {
	if c.claims != nil {
		return signed.Verify(d.vault.temporarySecret(signed.AccessKeyID, signed.SessionToken))
	}
	if subtle.ConstantTimeCompare([]byte(g.key.id), []byte(signed.AccessKeyID)) != 1 {
		return &sigv4.Failure{Check: sigv4.CheckSignature, Detail: "another key"}
	}
	key, err := d.signing.get(d.vault, signingKey{g.key, signed.ScopeDate, signed.Region, signed.Service})
	if err != nil {
		return &sigv4.Failure{Check: sigv4.CheckSignature,
			Detail: "the stored secret does not open: the master key is not the one it was sealed with"}
	}
	return signed.VerifyKey(key)
}

func sessionPolicy(c credential) (*policy.Document, *problem) {
	if c.claims == nil || c.claims.Policy == "" {
		return nil, nil
	}
	doc, err := policy.Parse([]byte(c.claims.Policy))
	if err != nil {
		return nil, failed(CheckPolicy, "the session policy cannot be read: %v", err).next("assume the role again")
	}
	return doc, nil
}

// newSession says who signed and until when that holds.
func (d *Directory) newSession(a *attempt, signed *sigv4.Signed, g ground, c credential, now time.Time) *Session {
	s := &Session{RequestID: a.id, From: a.from, bearer: &bearer{AccessKeyID: cloneText(signed.AccessKeyID), credential: c,
		address: addressOf(a.from), Principal: g.actor().principal, UserID: g.actor().id}}
	lifetime := d.cfg.SessionLifetime
	if c.claims != nil {
		dep := d.cfg.Deployment
		s.Principal.Kind, s.Principal.Session = eventbus.PrincipalTaken, c.claims.Session
		s.Principal.ARN = eventbus.AssumedRoleARN(dep.Partition, s.Principal.Account, s.Principal.Name, c.claims.Session)
		s.UserID += ":" + c.claims.Session
		lifetime = min(lifetime, time.UnixMicro(c.claims.Expires).Sub(now))
	}
	s.Expires = now.Add(lifetime) // keeps now's monotonic clock
	s.identity = s.Principal.Identity()
	return s
}
