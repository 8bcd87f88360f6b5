package awscloud

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
	"github.com/enterprise-event-bus/eventbus/internal/provision"
)

const teamRole = "arn:aws-us-gov:iam::210987654321:role/claims-app"

func (c *cloud) wantedRole() provision.ManagedPrincipal {
	return provision.ManagedPrincipal{ARN: c.deployment().RoleARN("claims-service"), Kind: eventbus.PrincipalRole, Name: "claims-service",
		Team: "claims", Event: "claim-filed", Trust: trusting(teamRole), Managed: true}
}

func (c *cloud) wantedUser() provision.ManagedPrincipal {
	return provision.ManagedPrincipal{ARN: c.deployment().UserARN("partner"), Kind: eventbus.PrincipalUser, Name: "partner", Team: "partners & friends", Event: "claim-filed", Managed: true}
}

func trusting(arns ...string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["` + strings.Join(arns, `","`) + `"]},"Action":"sts:AssumeRole"}]}`
}

// reading is the least policy of a consumer of n topics.
func (c *cloud) reading(n int) string {
	d := c.deployment()
	arns := policy.ARNs{Partition: d.Partition, Region: d.Region, Account: d.Account, Name: d.Cluster, UUID: d.UUID}
	statements := make([]string, n)
	for i := range statements {
		statements[i] = `{"Effect":"Allow","Action":["kafka-cluster:DescribeTopic","kafka-cluster:ReadData"],"Resource":["` + arns.Topic("prod_claim-"+strconv.Itoa(i)) + `"]}`
	}
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

// make brings a role and a user with a key and policies into the account.
func (c *cloud) make(a *Account) (keyID, secret string) {
	c.t.Helper()
	ctx := c.t.Context()
	for _, p := range []provision.ManagedPrincipal{c.wantedRole(), c.wantedUser()} {
		must(c.t, a.EnsurePrincipal(ctx, by, p))
		must(c.t, a.SetPolicy(ctx, by, p.ARN, c.reading(1)))
	}
	keyID, err := a.NewKey(ctx, by, c.wantedUser().ARN)
	must(c.t, err)
	return keyID, c.secrets[keyID]
}

// TestMadeAsWanted makes, looks, changes and deletes; each look finds what was
// asked for, in partition aws-us-gov, below the path and with all tags.
func TestMadeAsWanted(t *testing.T) {
	c := newCloud(t)
	a := c.open()
	for _, want := range []provision.ManagedPrincipal{c.wantedRole(), c.wantedUser()} {
		t.Run(string(want.Kind), func(t *testing.T) {
			ctx := t.Context()
			c.step("plan, drift", func() {
				_, err := a.Principal(ctx, want.ARN)
				wantCode(t, err, eventbus.CodeNotFound)
			})
			c.step("make a role or user, or put its trust and tags right", func() { must(t, a.EnsurePrincipal(ctx, by, want)) })
			for i := range 7 { // AWS keeps five versions of a managed policy
				c.step("set a policy", func() { must(t, a.SetPolicy(ctx, by, want.ARN, c.reading(i+1))) })
				have, err := a.Principal(ctx, want.ARN)
				must(t, err)
				if !have.Managed || have.Foreign != "" || have.Repair != "" || !samePolicy(have.Policy, c.reading(i+1)) || !sameTrust(have.Trust, want.Trust) {
					t.Fatalf("after policy %d: %+v", i+1, have)
				}
				if have.Team != legalTag(want.Team) || have.Event != want.Event {
					t.Errorf("team %q, event %q", have.Team, have.Event)
				}
			}
			before := len(c.made())
			must(t, a.EnsurePrincipal(ctx, by, want))
			if again := c.changes(before); len(again) > 0 {
				t.Errorf("made again, it makes the calls %q", again)
			}
			c.step("take a policy off", func() { must(t, a.SetPolicy(ctx, by, want.ARN, "")) })
			have, err := a.Principal(ctx, want.ARN)
			must(t, err)
			if have.Policy != "" || have.Repair != "" {
				t.Errorf("without a policy: %+v", have)
			}
			must(t, a.SetPolicy(ctx, by, want.ARN, ""))
			c.step("delete a role or user", func() { must(t, a.RemovePrincipal(ctx, by, want.ARN)) })
			must(t, a.RemovePrincipal(ctx, by, want.ARN))
			must(t, a.SetPolicy(ctx, by, want.ARN, ""))
		})
	}
	if left := c.picture(); left != "" {
		t.Errorf("what is left:\n%s", left)
	}
}

// TestOnAWS is what an administrator of the account sees.
func TestOnAWS(t *testing.T) {
	c := newCloud(t)
	c.make(c.open())
	d := c.deployment()
	marks := "eventbus:deployment:eventbus eventbus:environment:production eventbus:event:claim-filed"
	for _, want := range []string{
		"role arn:aws-us-gov:iam::" + c.account + ":role/eventbus/production/claims-service map[" + marks + " eventbus:managed:true eventbus:team:claims] " + trusting(teamRole),
		"  policy eventbus-grants " + c.reading(1),
		"user arn:aws-us-gov:iam::" + c.account + ":user/eventbus/production/partner map[" + marks + " eventbus:managed:true eventbus:team:partners _ friends] keys 1",
		"  attached arn:aws-us-gov:iam::" + c.account + ":policy/eventbus/production/partner-eventbus-grants",
		"policy arn:aws-us-gov:iam::" + c.account + ":policy/eventbus/production/partner-eventbus-grants map[" + marks + " eventbus:managed:true eventbus:team:partners _ friends] " + c.reading(1),
	} {
		if picture := c.picture(); !strings.Contains(picture, want+"\n") {
			t.Errorf("no line\n%s\nin\n%s", want, picture)
		}
	}
	if !strings.Contains(c.reading(1), d.TopicARN("prod_claim-0")) {
		t.Errorf("the policy does not name %s", d.TopicARN("prod_claim-0"))
	}
}

// TestPutRight changes one thing by hand; the bus shows it, and puts it right.
func TestPutRight(t *testing.T) {
	tests := []struct {
		name   string
		byHand func(c *cloud, hand *iam.Client) error
		of     func(c *cloud) provision.ManagedPrincipal
		shown  func(c *cloud, have provision.ManagedPrincipal) bool
	}{
		{"policy of a role edited", func(c *cloud, hand *iam.Client) error {
			_, err := hand.PutRolePolicy(c.t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("claims-service"), PolicyName: aws.String(provision.PolicyName), PolicyDocument: aws.String(c.reading(2))})
			return err
		}, (*cloud).wantedRole, func(c *cloud, have provision.ManagedPrincipal) bool { return samePolicy(have.Policy, c.reading(2)) }},
		{"policy of a role allows all of AWS", func(c *cloud, hand *iam.Client) error {
			_, err := hand.PutRolePolicy(c.t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("claims-service"), PolicyName: aws.String(provision.PolicyName),
				PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)})
			return err
		}, (*cloud).wantedRole, func(c *cloud, have provision.ManagedPrincipal) bool { return !samePolicy(have.Policy, c.reading(1)) }},
		{"trust of a role widened", func(c *cloud, hand *iam.Client) error {
			_, err := hand.UpdateAssumeRolePolicy(c.t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String("claims-service"), PolicyDocument: aws.String(trusting(teamRole, "arn:aws-us-gov:iam::666666666666:root"))})
			return err
		}, (*cloud).wantedRole, func(_ *cloud, have provision.ManagedPrincipal) bool {
			return strings.Contains(have.Trust, "666666666666")
		}},
		{"tags of a role removed", func(c *cloud, hand *iam.Client) error {
			_, err := hand.UntagRole(c.t.Context(), &iam.UntagRoleInput{RoleName: aws.String("claims-service"), TagKeys: []string{tagEvent, tagEnvironment}})
			return err
		}, (*cloud).wantedRole, func(_ *cloud, have provision.ManagedPrincipal) bool {
			return have.Repair == "tags eventbus:environment, eventbus:event"
		}},
		{"tag of a user changed", func(c *cloud, hand *iam.Client) error {
			_, err := hand.TagUser(c.t.Context(), &iam.TagUserInput{UserName: aws.String("partner"), Tags: tags{tagEnvironment: "staging"}.list()})
			return err
		}, (*cloud).wantedUser, func(_ *cloud, have provision.ManagedPrincipal) bool {
			return have.Repair == "tags eventbus:environment"
		}},
		{"tag of a user's policy removed", func(c *cloud, hand *iam.Client) error {
			_, err := hand.UntagPolicy(c.t.Context(), &iam.UntagPolicyInput{PolicyArn: aws.String(c.grantsARN()), TagKeys: []string{tagTeam}})
			return err
		}, (*cloud).wantedUser, func(_ *cloud, have provision.ManagedPrincipal) bool { return have.Repair == "tags eventbus:team" }},
		{"policy of a user detached", func(c *cloud, hand *iam.Client) error {
			_, err := hand.DetachUserPolicy(c.t.Context(), &iam.DetachUserPolicyInput{UserName: aws.String("partner"), PolicyArn: aws.String(c.grantsARN())})
			return err
		}, (*cloud).wantedUser, func(_ *cloud, have provision.ManagedPrincipal) bool { return have.Policy == "" }},
		{"policy of a user edited", func(c *cloud, hand *iam.Client) error {
			_, err := hand.CreatePolicyVersion(c.t.Context(), &iam.CreatePolicyVersionInput{PolicyArn: aws.String(c.grantsARN()), PolicyDocument: aws.String(c.reading(3)), SetAsDefault: true})
			return err
		}, (*cloud).wantedUser, func(c *cloud, have provision.ManagedPrincipal) bool { return samePolicy(have.Policy, c.reading(3)) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCloud(t)
			a := c.open()
			c.make(a)
			calm := c.picture()
			must(t, tt.byHand(c, c.hand()))
			want := tt.of(c)
			have, err := a.Principal(t.Context(), want.ARN)
			must(t, err)
			if !tt.shown(c, have) {
				t.Fatalf("it is not shown: %+v", have)
			}
			want.Team = legalTag(want.Team)
			c.step("make a role or user, or put its trust and tags right", func() { must(t, a.EnsurePrincipal(t.Context(), by, want)) })
			c.step("set a policy", func() { must(t, a.SetPolicy(t.Context(), by, want.ARN, c.reading(1))) })
			if got := c.picture(); got != calm {
				t.Errorf("put right:\n%s\nwant\n%s", got, calm)
			}
		})
	}
}

func (c *cloud) grantsARN() string {
	return "arn:aws-us-gov:iam::" + c.account + ":policy/eventbus/production/partner-eventbus-grants"
}

// TestForeign: what has the name and is not ours is refused by every method; the
// account is untouched, and no call that changes anything was made.
func TestForeign(t *testing.T) {
	role := func(path string, marks tags) func(c *cloud, hand *iam.Client) error {
		return func(c *cloud, hand *iam.Client) error {
			_, err := hand.CreateRole(c.t.Context(), &iam.CreateRoleInput{RoleName: aws.String("claims-service"), Path: aws.String(path), AssumeRolePolicyDocument: aws.String(trusting(teamRole)), Tags: marks.list()})
			return err
		}
	}
	user := func(path string, marks tags) func(c *cloud, hand *iam.Client) error {
		return func(c *cloud, hand *iam.Client) error {
			_, err := hand.CreateUser(c.t.Context(), &iam.CreateUserInput{UserName: aws.String("partner"), Path: aws.String(path), Tags: marks.list()})
			return err
		}
	}
	const path = "/eventbus/production/"
	tests := []struct {
		name   string
		byHand func(c *cloud, hand *iam.Client) error
		of     func(c *cloud) provision.ManagedPrincipal
		why    string
	}{
		{"role without tags", role(path, nil), (*cloud).wantedRole, "does not carry the tags eventbus:managed=true and eventbus:deployment=eventbus"},
		{"role of another bus", role(path, tags{tagManaged: "true", tagDeployment: "sandbox"}), (*cloud).wantedRole, "belongs to the bus sandbox, not to eventbus"},
		{"role elsewhere, even with our tags", role("/", tags{tagManaged: "true", tagDeployment: "eventbus"}), (*cloud).wantedRole, "the name claims-service is taken by arn:aws-us-gov:iam::"},
		{"role managed: false", role(path, tags{tagManaged: "false", tagDeployment: "eventbus"}), (*cloud).wantedRole, "does not carry the tags"},
		{"user without tags", user(path, nil), (*cloud).wantedUser, "does not carry the tags"},
		{"user elsewhere", user("/staff/", nil), (*cloud).wantedUser, "the name partner is taken by arn:aws-us-gov:iam::"},
		{"policy without tags under a user of ours", func(c *cloud, hand *iam.Client) error {
			if err := user(path, tags{tagManaged: "true", tagDeployment: "eventbus"})(c, hand); err != nil {
				return err
			}
			_, err := hand.CreatePolicy(c.t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String("partner-eventbus-grants"), Path: aws.String(path), PolicyDocument: aws.String(c.reading(1))})
			return err
		}, (*cloud).wantedUser, "partner-eventbus-grants does not carry the tags"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCloud(t)
			must(t, tt.byHand(c, c.hand()))
			calm := c.picture()
			a, want, ctx := c.open(), tt.of(c), t.Context()
			have, err := a.Principal(ctx, want.ARN)
			must(t, err)
			if have.Managed || !strings.Contains(have.Foreign, tt.why) || have.Policy != "" || have.Trust != "" {
				t.Errorf("shown as %+v, want it foreign: %s", have, tt.why)
			}
			failures := map[string]error{"make": a.EnsurePrincipal(ctx, by, want), "set": a.SetPolicy(ctx, by, want.ARN, c.reading(2)),
				"take off": a.SetPolicy(ctx, by, want.ARN, ""), "delete": a.RemovePrincipal(ctx, by, want.ARN)}
			if want.Kind == eventbus.PrincipalUser {
				_, failures["key"] = a.NewKey(ctx, by, want.ARN)
			}
			for what, err := range failures {
				if eventbus.CodeOf(err) != eventbus.CodeConflict || !strings.Contains(err.Error(), "nothing was changed: ") || !strings.Contains(err.Error(), tt.why) {
					t.Errorf("%s: %v", what, err)
				}
			}
			if changed := c.changes(0); len(changed) > 0 {
				t.Errorf("calls were made: %q", changed)
			}
			if got := c.picture(); got != calm {
				t.Errorf("it was touched:\n%s\nwas\n%s", got, calm)
			}
		})
	}
}

// TestNotOfThisEnvironment: an ARN outside the path, account or partition is
// refused before any call.
func TestNotOfThisEnvironment(t *testing.T) {
	c := newCloud(t)
	a, ctx := c.open(), t.Context()
	before := len(c.made())
	for _, arn := range []string{
		"arn:aws-us-gov:iam::" + c.account + ":role/claims-service",
		"arn:aws-us-gov:iam::" + c.account + ":role/eventbus/staging/claims-service",
		"arn:aws-us-gov:iam::" + c.account + ":role/eventbus/production/deeper/claims-service",
		"arn:aws:iam::" + c.account + ":role/eventbus/production/claims-service",
		"arn:aws-us-gov:iam::999999999999:role/eventbus/production/claims-service",
		"arn:aws-us-gov:iam::" + c.account + ":root", "*", "",
	} {
		_, lookErr := a.Principal(ctx, arn)
		_, keyErr := a.NewKey(ctx, by, arn)
		_, keysErr := a.Keys(ctx, arn)
		for what, err := range map[string]error{"look": lookErr, "make": a.EnsurePrincipal(ctx, by, provision.ManagedPrincipal{ARN: arn}), "set": a.SetPolicy(ctx, by, arn, ""),
			"delete": a.RemovePrincipal(ctx, by, arn), "key": keyErr, "keys": keysErr} {
			if eventbus.CodeOf(err) != eventbus.CodeInvalid {
				t.Errorf("%s %q: %v", what, arn, err)
			}
		}
	}
	_, err := a.NewKey(ctx, by, c.wantedRole().ARN)
	wantCode(t, err, eventbus.CodeInvalid)
	if calls := c.made()[before:]; len(calls) > 0 {
		t.Errorf("calls were made: %q", calls)
	}
}

// TestSizes: what AWS would refuse for its size is refused before any call.
func TestSizes(t *testing.T) {
	c := newCloud(t)
	a, ctx := c.open(), t.Context()
	c.make(a)
	big := c.reading(40)
	for _, tt := range []struct {
		arn      string
		document string
		limit    string
	}{
		{c.wantedUser().ARN, big, "AWS allows 6144"},
		{c.wantedRole().ARN, c.reading(60), "AWS allows 10240"},
	} {
		before := len(c.made())
		err := a.SetPolicy(ctx, by, tt.arn, tt.document)
		if eventbus.CodeOf(err) != eventbus.CodeTooLarge || !strings.Contains(err.Error(), tt.limit) || len(c.made()) > before {
			t.Errorf("%s: %v after %q", tt.arn, err, c.made()[before:])
		}
	}
	must(t, a.SetPolicy(ctx, by, c.wantedRole().ARN, big)) // larger than a user may have
	must(t, a.SetPolicy(ctx, by, c.wantedUser().ARN, c.reading(20)+strings.Repeat(" \n\t", 3000)))
	wide := c.wantedRole()
	wide.Trust = trusting(strings.Fields(strings.Repeat(teamRole+" ", 90))...)
	wantCode(t, a.EnsurePrincipal(ctx, by, wide), eventbus.CodeTooLarge)
}

// TestBoundary: new principals get the configured permissions boundary, and those
// that lost it get it back.
func TestBoundary(t *testing.T) {
	c := newCloud(t)
	made, err := c.hand().CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String("edge"), PolicyDocument: aws.String(c.reading(1))})
	must(t, err)
	edge := *made.Policy.Arn
	a := c.open(func(cfg *Config) { cfg.Boundary = edge })
	must(t, a.EnsurePrincipal(t.Context(), by, c.wantedRole()))
	if have, err := a.Principal(t.Context(), c.wantedRole().ARN); err != nil || have.Repair != "" {
		t.Errorf("new: %+v, %v", have, err)
	}
	_, err = c.hand().DeleteRolePermissionsBoundary(t.Context(), &iam.DeleteRolePermissionsBoundaryInput{RoleName: aws.String("claims-service")})
	must(t, err)
	if have, err := a.Principal(t.Context(), c.wantedRole().ARN); err != nil || have.Repair != "permissions boundary" {
		t.Errorf("lost: %+v, %v", have, err)
	}
	must(t, a.EnsurePrincipal(t.Context(), by, c.wantedRole()))
	if have, err := a.Principal(t.Context(), c.wantedRole().ARN); err != nil || have.Repair != "" {
		t.Errorf("put right: %+v, %v", have, err)
	}

	// moto keeps none for users: every look finds it lost.
	c.answer = func(call string) (int, string) {
		if call == "iam:PutUserPermissionsBoundary" {
			return 200, `<PutUserPermissionsBoundaryResponse/>`
		}
		return 0, ""
	}
	must(t, a.EnsurePrincipal(t.Context(), by, c.wantedUser()))
	must(t, a.EnsurePrincipal(t.Context(), by, c.wantedUser()))
	if got := strings.Join(c.changes(0), " "); !strings.HasSuffix(got, "iam:CreateUser iam:PutUserPermissionsBoundary iam:TagUser iam:TagPolicy") {
		t.Errorf("the calls were %s", got)
	}
}

// TestRemoveTakesAllOfIt: what was added to a principal of ours by hand goes with
// it; a policy of others that was attached to it stays in the account.
func TestRemoveTakesAllOfIt(t *testing.T) {
	c := newCloud(t)
	a, ctx, hand := c.open(), t.Context(), c.hand()
	c.make(a)
	foreign, err := hand.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("theirs"), PolicyDocument: aws.String(c.reading(1))})
	must(t, err)
	_, err = hand.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String("claims-service"), PolicyArn: foreign.Policy.Arn})
	must(t, err)
	_, err = hand.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: aws.String("partner"), PolicyArn: foreign.Policy.Arn})
	must(t, err)
	_, err = hand.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("claims-service"), PolicyName: aws.String("more"), PolicyDocument: aws.String(c.reading(1))})
	must(t, err)
	_, err = hand.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: aws.String("partner"), PolicyName: aws.String("more"), PolicyDocument: aws.String(c.reading(1))})
	must(t, err)
	_, err = hand.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String("partner")})
	must(t, err)
	c.step("delete a role or user", func() {
		must(t, a.RemovePrincipal(ctx, by, c.wantedRole().ARN))
		must(t, a.RemovePrincipal(ctx, by, c.wantedUser().ARN))
	})
	if left := strings.TrimSpace(c.picture()); !strings.HasPrefix(left, "policy "+*foreign.Policy.Arn) || strings.Contains(left, "\n") {
		t.Errorf("what is left:\n%s", left)
	}
}

// TestNewThingsAreSeenLate: IAM is eventually consistent. Whoever was told that a
// principal is made can use it at once.
func TestNewThingsAreSeenLate(t *testing.T) {
	for _, kind := range []string{"role", "user"} {
		t.Run(kind, func(t *testing.T) {
			c := newCloud(t)
			a := c.open()
			late := map[string]int{"iam:GetRole": 3, "iam:GetUser": 3, "iam:GetPolicy": 3}
			made := map[string]bool{}
			c.wrap = func(call string, next func() (*http.Response, error)) (*http.Response, error) {
				if strings.HasPrefix(call, "iam:Create") {
					made["iam:Get"+strings.TrimPrefix(call, "iam:Create")] = true
				}
				if made[call] && late[call] > 0 {
					late[call]--
					return reply(404, refusal("NoSuchEntity")), nil
				}
				return next()
			}
			want := c.wantedRole()
			if kind == "user" {
				want = c.wantedUser()
			}
			must(t, a.EnsurePrincipal(t.Context(), by, want))
			must(t, a.SetPolicy(t.Context(), by, want.ARN, c.reading(1)))
			if have, err := a.Principal(t.Context(), want.ARN); err != nil || have.Policy == "" {
				t.Errorf("%+v, %v", have, err)
			}
		})
	}
}

// TestSomebodyMakesItMeanwhile: the name is taken between the look and the make.
func TestSomebodyMakesItMeanwhile(t *testing.T) {
	for name, tt := range map[string]struct {
		marks tags
		code  eventbus.Code
	}{
		"another instance of this bus": {tags{tagManaged: "true", tagDeployment: "eventbus"}, ""},
		"a stranger":                   {nil, eventbus.CodeConflict},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			a := c.open()
			c.wrap = func(call string, next func() (*http.Response, error)) (*http.Response, error) {
				if call == "iam:CreateRole" {
					_, err := c.hand().CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("claims-service"), Path: aws.String("/eventbus/production/"),
						AssumeRolePolicyDocument: aws.String(trusting("arn:aws-us-gov:iam::111111111111:root")), Tags: tt.marks.list()})
					must(t, err)
				}
				return next()
			}
			err := a.EnsurePrincipal(t.Context(), by, c.wantedRole())
			wantCode(t, err, tt.code)
			if tt.code == "" && !strings.Contains(c.picture(), trusting(teamRole)) {
				t.Errorf("its trust was not put right:\n%s", c.picture())
			}
			if tt.code != "" && strings.Contains(c.picture(), teamRole) {
				t.Errorf("it was touched:\n%s", c.picture())
			}
		})
	}
}
