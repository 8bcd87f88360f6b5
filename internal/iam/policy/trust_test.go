package policy

import (
	"errors"
	"strings"
	"testing"
)

const (
	anna    = "arn:aws-us-gov:iam::123456789012:user/anna"
	session = "arn:aws-us-gov:sts::123456789012:assumed-role/deployer/s-1"
)

func trusting(principal string, more ...string) string {
	return document(`{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"` + strings.Join(more, "") + `}`)
}

func TestEvaluateTrust(t *testing.T) {
	external := `,"Condition":{"StringEquals":{"sts:ExternalId":"e-1"}}`
	for _, c := range []struct {
		name, trust, caller string
		context             map[string][]string
		allowed, delegated  bool
	}{
		{"a user", trusting(`{"AWS":"` + anna + `"}`), anna, nil, true, false},
		{"one of several", trusting(`{"AWS":["` + roleARN + `","` + anna + `"]}`), anna, nil, true, false},
		{"another user", trusting(`{"AWS":"` + anna + `"}`), anna + "2", nil, false, false},
		{"case", trusting(`{"AWS":"` + anna + `"}`), strings.Replace(anna, "anna", "Anna", 1), nil, false, false},
		{"another partition", trusting(`{"AWS":"` + anna + `"}`), strings.Replace(anna, "aws-us-gov", "aws", 1), nil, false, false},
		{"session of a role", trusting(`{"AWS":"arn:aws-us-gov:iam::123456789012:role/deployer"}`), session, nil, true, false},
		{"session of a role with a path", trusting(`{"AWS":"arn:aws-us-gov:iam::123456789012:role/a/b/deployer"}`), session, nil, true, false},
		{"the role itself", trusting(`{"AWS":"arn:aws-us-gov:iam::123456789012:role/deployer"}`), "arn:aws-us-gov:iam::123456789012:role/deployer", nil, true, false},
		{"one session", trusting(`{"AWS":"` + session + `"}`), session, nil, true, false},
		{"another session", trusting(`{"AWS":"` + session + `"}`), session + "2", nil, false, false},
		{"session of another role", trusting(`{"AWS":"arn:aws-us-gov:iam::123456789012:role/deploy"}`), session, nil, false, false},
		{"session name with a slash", trusting(`{"AWS":"arn:aws-us-gov:iam::123456789012:role/x"}`), "arn:aws-us-gov:sts::123456789012:assumed-role/x/y/z", nil, false, false},
		{"no session name", trusting(`{"AWS":"arn:aws-us-gov:iam::123456789012:role/x"}`), "arn:aws-us-gov:sts::123456789012:assumed-role/x/", nil, false, false},
		{"a role of that name elsewhere", trusting(`{"AWS":"arn:aws-us-gov:iam::999999999999:role/deployer"}`), session, nil, false, false},
		{"user named like a role", trusting(`{"AWS":"arn:aws-us-gov:iam::123456789012:role/anna"}`), anna, nil, false, false},
		{"account number", trusting(`{"AWS":"123456789012"}`), anna, nil, true, true},
		{"account root", trusting(`{"AWS":"arn:aws-us-gov:iam::123456789012:root"}`), session, nil, true, true},
		{"root of another partition", trusting(`{"AWS":"arn:aws:iam::123456789012:root"}`), session, nil, false, false},
		{"another account", trusting(`{"AWS":"999999999999"}`), anna, nil, false, false},
		{"everyone", trusting(`"*"`), anna, nil, true, true},
		{"everyone of AWS", trusting(`{"AWS":"*"}`), anna, nil, true, true},
		{"by name beats by account", document(
			`{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}`,
			`{"Effect":"Allow","Principal":{"AWS":"`+anna+`"},"Action":"sts:AssumeRole"}`), anna, nil, true, false},
		{"another account's user by name", trusting(`{"AWS":"arn:aws-us-gov:iam::999999999999:user/x"}`), "arn:aws-us-gov:iam::999999999999:user/x", nil, true, true},
		{"denied", document(
			`{"Effect":"Allow","Principal":{"AWS":"`+anna+`"},"Action":"sts:AssumeRole"}`,
			`{"Effect":"Deny","Principal":"*","Action":"sts:*"}`), anna, nil, false, false},
		{"external id", trusting(`{"AWS":"`+anna+`"}`, external), anna, map[string][]string{"sts:ExternalId": {"e-1"}}, true, false},
		{"wrong external id", trusting(`{"AWS":"`+anna+`"}`, external), anna, map[string][]string{"sts:ExternalId": {"E-1"}}, false, false},
		{"no external id", trusting(`{"AWS":"`+anna+`"}`, external), anna, nil, false, false},
		{"no caller", trusting(`"*"`), "", nil, false, false},
		{"caller without ARN", trusting(`"*"`), "anna", nil, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			trust, err := ParseTrust([]byte(c.trust))
			if err != nil {
				t.Fatal(err)
			}
			again, err := ParseTrust([]byte(trust.String()))
			if err != nil || again.String() != trust.String() || !again.Trust() {
				t.Fatalf("%v, %v", again, err)
			}
			d, delegated := EvaluateTrust(Request{Principal: c.caller, Action: AssumeRole, Resource: roleARN, Context: c.context}, again)
			if d.Allowed != c.allowed || delegated != c.delegated || d.Reason == "" || d.Explicit != (d.Index >= 0) {
				t.Fatalf("%+v, delegated %v", d, delegated)
			}
		})
	}
}

func TestEvaluateTrustWithoutTrustPolicy(t *testing.T) {
	all := mustParse(t, document(allowing(`"*"`, `"*"`)))
	for _, d := range []*Document{nil, all} {
		if got, delegated := EvaluateTrust(Request{Principal: anna, Action: AssumeRole, Resource: roleARN}, d); got.Allowed || delegated {
			t.Errorf("%+v", got)
		}
	}
	trust, _ := ParseTrust([]byte(trusting(`"*"`)))
	if got, _ := EvaluateTrust(Request{Principal: anna, Action: "kafka-cluster:Connect", Resource: roleARN}, trust); got.Allowed {
		t.Errorf("%+v", got)
	}
	if got, _ := EvaluateTrust(Request{Principal: anna, Action: AssumeRole}, trust); got.Allowed {
		t.Errorf("%+v", got)
	}
}

func TestParseTrustRefuses(t *testing.T) {
	for _, c := range []struct{ name, in, path string }{
		{"no principal", document(`{"Effect":"Allow","Action":"sts:AssumeRole"}`), "Statement[0].Principal"},
		{"resource", trusting(`"*"`, `,"Resource":"*"`), "Statement[0].Resource"},
		{"not principal", trusting(`"*"`, `,"NotPrincipal":"*"`), "Statement[0].NotPrincipal"},
		{"kafka action", document(`{"Effect":"Allow","Principal":"*","Action":"kafka-cluster:Connect"}`), "Statement[0].Action"},
		{"web identity", document(`{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRoleWithWebIdentity"}`), "Statement[0].Action"},
		{"federated", trusting(`{"Federated":"x"}`), "Statement[0].Principal.Federated"},
		{"service", trusting(`{"Service":"ec2.amazonaws.com"}`), "Statement[0].Principal.Service"},
		{"text", trusting(`"anna"`), "Statement[0].Principal"},
		{"empty object", trusting(`{}`), "Statement[0].Principal"},
		{"empty list", trusting(`{"AWS":[]}`), "Statement[0].Principal.AWS"},
		{"wildcard", trusting(`{"AWS":"arn:aws:iam::123456789012:role/*"}`), "Statement[0].Principal.AWS"},
		{"group", trusting(`{"AWS":"arn:aws:iam::123456789012:group/x"}`), "Statement[0].Principal.AWS"},
		{"no name", trusting(`{"AWS":"arn:aws:iam::123456789012:role/"}`), "Statement[0].Principal.AWS"},
		{"short account", trusting(`{"AWS":"12345"}`), "Statement[0].Principal.AWS"},
		{"region", trusting(`{"AWS":"arn:aws:iam:r:123456789012:role/x"}`), "Statement[0].Principal.AWS"},
		{"too large", trusting(`{"AWS":"` + strings.Repeat("1", MaxTrustSize) + `"}`), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := ParseTrust([]byte(c.in))
			var e *Error
			if d != nil || !errors.As(err, &e) || e.Faults[0].Path != c.path {
				t.Fatalf("%v, %v", d, err)
			}
		})
	}
}

func TestTrustReasonNamesTheCondition(t *testing.T) {
	trust, err := ParseTrust([]byte(trusting(`{"AWS":"`+anna+`"}`, `,"Condition":{"StringEquals":{"sts:ExternalId":"secret-id"}}`)))
	if err != nil {
		t.Fatal(err)
	}
	d, _ := EvaluateTrust(Request{Principal: anna, Action: AssumeRole, Resource: roleARN}, trust)
	if !strings.Contains(d.Reason, "needs sts:ExternalId") || strings.Contains(d.Reason, "secret-id") {
		t.Error(d.Reason)
	}
	d, _ = EvaluateTrust(Request{Principal: session, Action: AssumeRole, Resource: roleARN}, trust)
	if !strings.Contains(d.Reason, "add its ARN") {
		t.Error(d.Reason)
	}
}
