package awscloud

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/smithy-go"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// TestOpen gives the facts of the cluster, its UUID too when only the name is
// configured.
func TestOpen(t *testing.T) {
	for name, uuid := range map[string]string{"by its name": "", "by its ARN": clusterUUIDs} {
		t.Run(name, func(t *testing.T) {
			c := fakeCloud(t, func(string) (int, string) { return 0, "" })
			similar := strings.ReplaceAll(strings.ReplaceAll(c.clusters[0], `"eventbus"`, `"eventbus-old"`), "/eventbus/", "/eventbus-old/")
			c.clusters = append([]string{similar}, c.clusters...)
			var a *Account
			c.step("start", func() {
				a = c.open(func(cfg *Config) {
					cfg.Deployment.UUID, cfg.Deployment.Path = uuid, ""
					cfg.Bootstrap = []string{"b-6.eventbus.x1.c2.kafka.us-gov-west-1.amazonaws.com:9098", "b-1-public.eventbus.x1.c2.kafka.us-gov-west-1.amazonaws.com:9198"}
				})
			})
			if a.Deployment() != c.deployment() {
				t.Errorf("deployment %+v, want %+v", a.Deployment(), c.deployment())
			}
			got, err := a.Cluster(t.Context())
			must(t, err)
			if got.ARN != c.deployment().ClusterARN() || got.Version != "3.9.x" || got.Brokers != 6 || got.State != "ACTIVE" || got.Serverless ||
				len(got.Private) != 2 || !strings.HasPrefix(got.Private[0], "b-1.") || len(got.Public) != 1 || !strings.HasSuffix(got.Public[0], ":9198") {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestOpenRefuses: what does not match AWS is refused before anything is used.
func TestOpenRefuses(t *testing.T) {
	identity := func(arn, account string) func(c *cloud) {
		return func(c *cloud) {
			c.answer = func(call string) (int, string) {
				if call == "sts:GetCallerIdentity" {
					return 200, identityAnswer(arn, account)
				}
				return 0, ""
			}
		}
	}
	tests := []struct {
		name string
		aws  func(c *cloud)
		edit func(cfg *Config)
		code eventbus.Code
		want string
	}{
		{"another account", nil, func(cfg *Config) { cfg.Deployment.Account = "999999999999" }, eventbus.CodeInvalid, "the configuration is for account 999999999999 (aws-us-gov)"},
		{"another partition", identity("arn:aws:sts::123456789012:assumed-role/bus/i-1", "123456789012"), nil, eventbus.CodeInvalid, "the credentials are of arn:aws:sts::123456789012:assumed-role/bus/i-1"},
		{"no ARN", identity("root", "123456789012"), nil, eventbus.CodeInvalid, "the credentials are of root"},
		{"no cluster of that name", nil, func(cfg *Config) { cfg.Deployment.Cluster, cfg.Deployment.UUID = "event", "" }, eventbus.CodeNotFound, "there is no MSK cluster event in us-gov-west-1"},
		{"no cluster of that UUID", nil, func(cfg *Config) { cfg.Deployment.UUID = "other-1" }, eventbus.CodeNotFound, "cluster/eventbus/other-1"},
		{"the cluster is elsewhere", func(c *cloud) { c.clusters[0] = strings.ReplaceAll(c.clusters[0], "us-gov-west-1", "us-gov-east-1") }, func(cfg *Config) { cfg.Deployment.UUID = "" },
			eventbus.CodeInvalid, "is not of account"},
		{"no IAM", func(c *cloud) {
			c.brokers = `{"bootstrapBrokerStringTls":"b-1.eventbus.x1.c2.kafka.us-gov-west-1.amazonaws.com:9094"}`
		}, nil, eventbus.CodeInvalid, "turn IAM access control on"},
		{"brokers of another cluster", nil, func(cfg *Config) { cfg.Bootstrap = []string{"b-1.other.x9.c2.kafka.us-gov-west-1.amazonaws.com:9098"} }, eventbus.CodeInvalid,
			"bootstrap[0]: b-1.other.x9.c2.kafka.us-gov-west-1.amazonaws.com:9098 is not an address of the cluster"},
		{"the port without IAM", nil, func(cfg *Config) {
			cfg.Bootstrap = []string{"b-1.eventbus.x1.c2.kafka.us-gov-west-1.amazonaws.com:9094"}
		}, eventbus.CodeInvalid, "write b-1.eventbus.x1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := fakeCloud(t, func(string) (int, string) { return 0, "" })
			if tt.aws != nil {
				tt.aws(c)
			}
			if tt.edit == nil {
				tt.edit = func(*Config) {}
			}
			a, err := c.tryOpen(tt.edit)
			if a != nil || eventbus.CodeOf(err) != tt.code || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v (%s), want %s: %s", err, eventbus.CodeOf(err), tt.code, tt.want)
			}
			for _, call := range c.made() {
				if strings.HasPrefix(call, "iam:") {
					t.Errorf("it called %s", call)
				}
			}
		})
	}
}

// TestDefaultChain: Open finds credentials as AWS's own tools do, and says so when
// there are none.
func TestDefaultChain(t *testing.T) {
	for _, name := range []string{"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_ENDPOINT_URL", motoURL(t))
	for id, want := range map[string]struct {
		code eventbus.Code
		text string
	}{"": {eventbus.CodeUnauthenticated, "the bus found no AWS credentials"}, "AKIAIOSFODNN7EXAMPLE": {eventbus.CodeInvalid, "the configuration is for account 999999999999"}} {
		t.Setenv("AWS_ACCESS_KEY_ID", id)
		t.Setenv("AWS_SECRET_ACCESS_KEY", id)
		_, err := Open(t.Context(), Config{Environment: "production", Attempts: 1,
			Deployment: eventbus.Deployment{Partition: "aws-us-gov", Region: "us-gov-west-1", Account: "999999999999", Cluster: "eventbus"}})
		if eventbus.CodeOf(err) != want.code || !strings.Contains(err.Error(), want.text) {
			t.Errorf("key %q: %v", id, err)
		}
	}
}

// TestConfigFaults are told all at once, before any call.
func TestConfigFaults(t *testing.T) {
	_, err := Open(t.Context(), Config{Environment: "Production!", Name: "a&b", Boundary: "edge", Bootstrap: []string{"broker"},
		Deployment: eventbus.Deployment{Partition: "aws", Region: "us-gov-west-1", Account: "12", Path: "/x", UUID: "*"}})
	wantCode(t, err, eventbus.CodeInvalid)
	var paths []string
	for _, f := range eventbus.FaultsOf(err) {
		paths = append(paths, f.Path)
	}
	if got := strings.Join(paths, " "); got != "environment deployment.account deployment.cluster deployment.uuid deployment.path name boundary bootstrap[0] deployment.partition" {
		t.Errorf("faults at %s", got)
	}
}

// TestThrottled: AWS's "slow down" is waited out; when it lasts, the caller hears
// that it may try again, after exactly the configured number of attempts.
func TestThrottled(t *testing.T) {
	for _, tt := range []struct {
		throttled int
		code      eventbus.Code
		calls     int
	}{{2, eventbus.CodeNotFound, 3}, {100, eventbus.CodeUnavailable, 4}} {
		t.Run(fmt.Sprint(tt.throttled), func(t *testing.T) {
			left := tt.throttled
			c := fakeCloud(t, func(call string) (int, string) {
				if call != "iam:GetRole" {
					return 0, ""
				}
				if left--; left >= 0 {
					return 400, refusal("Throttling")
				}
				return 404, refusal("NoSuchEntity")
			})
			a := c.open(func(cfg *Config) { cfg.Attempts = 4 })
			before := len(c.made())
			_, err := a.Principal(t.Context(), c.wantedRole().ARN)
			wantCode(t, err, tt.code)
			if calls := len(c.made()) - before; calls != tt.calls {
				t.Errorf("%d calls, want %d: %v", calls, tt.calls, err)
			}
			if tt.code == eventbus.CodeUnavailable && !strings.Contains(err.Error(), "AWS asks to slow down") {
				t.Error(err)
			}
		})
	}
}

// TestRetryer waits out AWS's answers that pass, with pauses that end.
func TestRetryer(t *testing.T) {
	r := retryer(Config{Attempts: 5})
	for code, again := range map[string]bool{"Throttling": true, "ThrottlingException": true, "TooManyRequestsException": true, "ConcurrentModification": true,
		"EntityTemporarilyUnmodifiable": true, "ServiceFailure": true, "AccessDenied": false, "NoSuchEntity": false, "LimitExceeded": false} {
		if got := r.IsErrorRetryable(apiError(code)); got != again {
			t.Errorf("%s is tried again: %v", code, got)
		}
	}
	if r.MaxAttempts() != 5 {
		t.Errorf("%d attempts", r.MaxAttempts())
	}
	for attempt := range 30 {
		if pause, err := r.RetryDelay(attempt+1, apiError("Throttling")); err != nil || pause > longestBackoff {
			t.Errorf("attempt %d waits %v (%v)", attempt, pause, err)
		}
	}
}

// TestErrors: what AWS answers becomes one of the bus's codes, with what to do.
func TestErrors(t *testing.T) {
	tests := []struct {
		status int
		code   string
		want   eventbus.Code
		next   string
	}{
		{404, "NoSuchEntity", eventbus.CodeNotFound, ""},
		{403, "AccessDenied", eventbus.CodeUnavailable, "docs/operate/msk.md"},
		{409, "LimitExceeded", eventbus.CodeTooLarge, "have the quota raised"},
		{409, "DeleteConflict", eventbus.CodeConflict, "take away what was added"},
		{400, "MalformedPolicyDocument", eventbus.CodeInvalid, "trustedBy"},
		{403, "ExpiredToken", eventbus.CodeUnauthenticated, "check the role"},
		{403, "InvalidClientTokenId", eventbus.CodeUnauthenticated, "check the role"},
		{500, "ServiceFailure", eventbus.CodeUnavailable, ""},
		{418, "SomethingNew", eventbus.CodeUnavailable, ""},
	}
	for _, tt := range tests {
		t.Run(tt.code, func(t *testing.T) {
			c := fakeCloud(t, func(call string) (int, string) {
				if strings.HasPrefix(call, "iam:") {
					return tt.status, refusal(tt.code)
				}
				return 0, ""
			})
			_, err := c.open().Principal(t.Context(), c.wantedRole().ARN)
			if eventbus.CodeOf(err) != tt.want || !strings.Contains(err.Error(), tt.next) || !strings.Contains(err.Error(), "look at role arn:aws-us-gov:iam::123456789012:role/eventbus/production/claims-service") {
				t.Errorf("%v (%s)", err, eventbus.CodeOf(err))
			}
		})
	}
}

// TestUnreachable: no answer is not "no such thing".
func TestUnreachable(t *testing.T) {
	c := fakeCloud(t, func(string) (int, string) { return 0, "" })
	a := c.open()
	c.cut = func(string) (bool, bool) { return true, false }
	_, err := a.Principal(t.Context(), c.wantedRole().ARN)
	wantCode(t, err, eventbus.CodeUnavailable)
	if !errors.Is(err, errCut) || !strings.Contains(err.Error(), "AWS cannot be reached") {
		t.Error(err)
	}
}

// TestPages: what AWS gives in pages is read to the end.
func TestPages(t *testing.T) {
	pages := map[string]int{}
	var deleted int
	c := fakeCloud(t, func(call string) (int, string) {
		pages[call]++
		switch call {
		case "iam:GetUser":
			return 200, `<GetUserResponse><GetUserResult><User><Arn>arn:aws-us-gov:iam::123456789012:user/eventbus/production/partner</Arn><UserName>partner</UserName><Tags>` +
				tagXML(tagManaged, "true") + tagXML(tagDeployment, "eventbus") + tagXML(tagEnvironment, "production") + tagXML(tagTeam, "") + tagXML(tagEvent, "") + `</Tags></User></GetUserResult></GetUserResponse>`
		case "iam:GetPolicy":
			return 404, refusal("NoSuchEntity")
		case "iam:ListAccessKeys":
			more := "<IsTruncated>false</IsTruncated>"
			if pages[call]%2 == 1 {
				more = "<IsTruncated>true</IsTruncated><Marker>m</Marker>"
			}
			return 200, fmt.Sprintf(`<ListAccessKeysResponse><ListAccessKeysResult>%s<AccessKeyMetadata><member><AccessKeyId>AKIA%d</AccessKeyId></member></AccessKeyMetadata></ListAccessKeysResult></ListAccessKeysResponse>`, more, pages[call])
		case "iam:DeleteAccessKey":
			deleted++
			return 200, `<DeleteAccessKeyResponse/>`
		case "iam:CreateAccessKey":
			return 200, `<CreateAccessKeyResponse><CreateAccessKeyResult><AccessKey><AccessKeyId>AKIA3</AccessKeyId><SecretAccessKey>s</SecretAccessKey></AccessKey></CreateAccessKeyResult></CreateAccessKeyResponse>`
		}
		return 0, ""
	})
	_, err := c.open().NewKey(t.Context(), by, c.wantedUser().ARN)
	must(t, err)
	if deleted != 3 { // AKIA1 and AKIA2, then AKIA4 beside the new AKIA3
		t.Errorf("%d keys were deleted", deleted)
	}
}

func tagXML(key, value string) string {
	return "<member><Key>" + key + "</Key><Value>" + value + "</Value></member>"
}

// TestSecretsStayOut: the secret of a key is what NewKey returns, and nowhere else;
// neither are documents, nor the bus's own secret.
func TestSecretsStayOut(t *testing.T) {
	c := newCloud(t)
	a := c.open()
	_, secret := c.make(a)
	if len(secret) < 20 {
		t.Fatalf("the secret has %d characters", len(secret))
	}
	var errs []string
	c.answer = func(call string) (int, string) {
		if strings.HasPrefix(call, "iam:Create") || strings.HasPrefix(call, "iam:Put") {
			return 500, refusal("ServiceFailure")
		}
		return 0, ""
	}
	_, err := a.NewKey(t.Context(), by, c.wantedUser().ARN)
	errs = append(errs, fmt.Sprintf("%+v %#v", err, err))
	err = a.SetPolicy(t.Context(), by, c.wantedRole().ARN, c.reading(3))
	errs = append(errs, fmt.Sprintf("%+v", err))
	for where, text := range map[string]string{"log": c.logs.String(), "errors": strings.Join(errs, "\n"), "account": fmt.Sprintf("%+v", *a)} {
		for what, hidden := range map[string]string{"the key": secret, "the bus's own": "the bus's own secret", "a document": "kafka-cluster:"} {
			if strings.Contains(text, hidden) {
				t.Errorf("%s is in the %s: %s", what, where, text)
			}
		}
	}
	if !strings.Contains(c.logs.String(), "made the key of") {
		t.Errorf("the log does not say that a key was made:\n%s", c.logs)
	}
}

// apiError is an answer of AWS as the SDK gives it.
func apiError(code string) error { return &smithy.GenericAPIError{Code: code, Message: code} }
