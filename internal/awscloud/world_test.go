package awscloud

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

const clusterUUIDs = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0-7"

var by = eventbus.Actor{System: "provision"}

// cloud is one AWS account: IAM and STS of moto, MSK in memory, with a wire in
// between that records each call and can cut it.
type cloud struct {
	t        *testing.T
	account  string
	endpoint string
	logs     *safeBuffer
	offered  string            // the key that the contact was offered
	secrets  map[string]string // what Config.Keep was given, by key id
	clusters []string          // JSON of DescribeClusterV2's clusterInfo
	brokers  string            // JSON of GetBootstrapBrokers

	mu     sync.Mutex
	calls  []string                                    // "iam:GetRole" in order; those by hand are not among them
	answer func(call string) (status int, body string) // instead of AWS, when status is not 0
	cut    func(call string) (before, after bool)      // the connection breaks before or after AWS has done it
	wrap   func(call string, next func() (*http.Response, error)) (*http.Response, error)
}

// accounts numbers the accounts of all tests.
var accounts atomic.Int64

// newCloud gives an empty account with the cluster "eventbus".
func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{t: t, account: fmt.Sprintf("%012d", 210000000000+accounts.Add(1)), endpoint: motoURL(t), logs: &safeBuffer{}}
	c.msk()
	t.Cleanup(c.checkCalls)
	return c
}

// fakeCloud is a cloud whose every answer the test gives.
func fakeCloud(t *testing.T, answer func(call string) (int, string)) *cloud {
	t.Helper()
	c := &cloud{t: t, account: "123456789012", endpoint: "http://aws.invalid", logs: &safeBuffer{}}
	c.msk()
	c.answer = func(call string) (int, string) {
		if call == "sts:GetCallerIdentity" {
			return 200, identityAnswer("arn:aws-us-gov:sts::123456789012:assumed-role/bus/i-1", "123456789012")
		}
		return answer(call)
	}
	t.Cleanup(c.checkCalls)
	return c
}

func (c *cloud) msk() {
	c.clusters = []string{fmt.Sprintf(`{"clusterArn":%q,"clusterName":"eventbus","clusterType":"PROVISIONED","state":"ACTIVE",
		"provisioned":{"numberOfBrokerNodes":6,"currentBrokerSoftwareInfo":{"kafkaVersion":"3.9.x"}}}`, c.deployment().ClusterARN())}
	c.brokers = `{"bootstrapBrokerStringSaslIam":"b-2.eventbus.x1.c2.kafka.us-gov-west-1.amazonaws.com:9098,b-1.eventbus.x1.c2.kafka.us-gov-west-1.amazonaws.com:9098",
		"bootstrapBrokerStringPublicSaslIam":"b-1-public.eventbus.x1.c2.kafka.us-gov-west-1.amazonaws.com:9198"}`
}

func (c *cloud) deployment() eventbus.Deployment {
	return eventbus.Deployment{Partition: "aws-us-gov", Region: "us-gov-west-1", Account: c.account, Cluster: "eventbus", UUID: clusterUUIDs, Path: "eventbus/production/"}
}

func (c *cloud) config() Config {
	keep := func(_ context.Context, _, keyID, secret string) error {
		if c.secrets == nil {
			c.secrets = map[string]string{}
		}
		c.secrets[keyID] = secret
		return nil
	}
	return Config{Environment: "production", Keep: keep, Deployment: c.deployment(), Logger: slog.New(slog.NewTextHandler(c.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))}
}

// shared is the SDK's configuration of a client whose wire is this cloud.
func (c *cloud) shared(transport http.RoundTripper, attempts int) aws.Config {
	return aws.Config{Region: "us-gov-west-1", BaseEndpoint: aws.String(c.endpoint), HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "the bus's own secret", ""),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts = attempts
				o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
			})
		}}
}

// open opens the account as the bus does, with one attempt for each call.
func (c *cloud) open(edit ...func(*Config)) *Account {
	c.t.Helper()
	a, err := c.tryOpen(edit...)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

func (c *cloud) tryOpen(edit ...func(*Config)) (*Account, error) {
	c.t.Helper()
	cfg := c.config()
	cfg.Attempts = 1
	for _, e := range edit {
		e(&cfg)
	}
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	a, err := open(c.t.Context(), cfg, c.shared(c, cfg.Attempts))
	if a != nil {
		a.pause = time.Millisecond
	}
	return a, err
}

// hand is a person with the AWS console, past the bus.
func (c *cloud) hand() *iam.Client {
	return iam.NewFromConfig(c.shared(roundTripper(func(r *http.Request) (*http.Response, error) {
		r.Header.Set("x-moto-account-id", c.account)
		return http.DefaultTransport.RoundTrip(r)
	}), 1))
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

var errCut = errors.New("the connection was cut")

// RoundTrip is the wire.
func (c *cloud) RoundTrip(r *http.Request) (*http.Response, error) {
	call, err := callOf(r)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.calls = append(c.calls, call)
	answer, cut, wrap := c.answer, c.cut, c.wrap
	c.mu.Unlock()
	before, after := false, false
	if cut != nil {
		before, after = cut(call)
	}
	if before {
		return nil, errCut
	}
	next := func() (*http.Response, error) { return c.do(r, call, answer) }
	if wrap != nil {
		return wrap(call, next)
	}
	resp, err := next()
	if after && err == nil {
		resp.Body.Close()
		return nil, errCut
	}
	return resp, err
}

func (c *cloud) do(r *http.Request, call string, answer func(string) (int, string)) (*http.Response, error) {
	if answer != nil {
		if status, body := answer(call); status != 0 {
			return reply(status, body), nil
		}
	}
	switch call {
	case "kafka:ListClustersV2":
		return reply(200, `{"clusterInfoList":[`+strings.Join(c.clusters, ",")+`]}`), nil
	case "kafka:DescribeClusterV2":
		path, _ := url.PathUnescape(r.URL.EscapedPath())
		for _, one := range c.clusters {
			if strings.Contains(one, strings.TrimPrefix(path, "/api/v2/clusters/")) {
				return reply(200, `{"clusterInfo":`+one+`}`), nil
			}
		}
		resp := reply(404, `{"message":"The requested resource doesn't exist."}`)
		resp.Header.Set("X-Amzn-Errortype", "NotFoundException")
		return resp, nil
	case "kafka:GetBootstrapBrokers":
		return reply(200, c.brokers), nil
	}
	r.Header.Set("x-moto-account-id", c.account)
	return http.DefaultTransport.RoundTrip(r)
}

func reply(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// callOf names a call as IAM names its action: the service is in the signature,
// the operation in the form (query protocol) or in the path (Amazon MSK).
func callOf(r *http.Request) (string, error) {
	scope := strings.Split(r.Header.Get("Authorization"), "/")
	if len(scope) < 4 {
		return "", errors.New("a call without a signature")
	}
	service := scope[3]
	if service == "kafka" {
		switch path := r.URL.EscapedPath(); {
		case strings.HasSuffix(path, "/bootstrap-brokers"):
			return "kafka:GetBootstrapBrokers", nil
		case strings.HasSuffix(path, "/api/v2/clusters"):
			return "kafka:ListClustersV2", nil
		default:
			return "kafka:DescribeClusterV2", nil
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return "", err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, err := url.ParseQuery(string(body))
	return service + ":" + form.Get("Action"), err
}

// step runs one thing that the bus does and asks that it made no call besides
// those that Steps lists for it.
func (c *cloud) step(name string, do func()) {
	c.t.Helper()
	i := slices.IndexFunc(Steps(), func(s Step) bool { return s.Name == name })
	if i < 0 {
		c.t.Fatalf("there is no step %q", name)
	}
	from := len(c.made())
	do()
	for _, call := range c.made()[from:] {
		if !slices.Contains(Steps()[i].Calls, call) {
			c.t.Errorf("%s made the call %s, which its step does not list", name, call)
		}
	}
}

func (c *cloud) made() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.calls)
}

// changes are the calls since the first n that change something.
func (c *cloud) changes(n int) []string {
	return slices.DeleteFunc(c.made()[n:], func(call string) bool {
		_, operation, _ := strings.Cut(call, ":")
		return strings.HasPrefix(operation, "Get") || strings.HasPrefix(operation, "List") || strings.HasPrefix(operation, "Describe")
	})
}

// checkCalls asks, whatever the test was, that no call was made that the bus's own
// policy does not allow.
func (c *cloud) checkCalls() {
	allowed := allowedCalls(c.t, Needs(c.deployment(), "arn:aws-us-gov:iam::123456789012:policy/boundary"))
	for _, call := range c.made() {
		if call != "sts:GetCallerIdentity" && !allowed[call] {
			c.t.Errorf("the bus called %s, which its own policy does not allow", call)
		}
	}
}

// picture is everything in the account, except what counts attempts.
func (c *cloud) picture() string {
	c.t.Helper()
	var b strings.Builder
	ctx, hand := c.t.Context(), c.hand()
	roles, err := hand.ListRoles(ctx, &iam.ListRolesInput{})
	must(c.t, err)
	for _, r := range roles.Roles {
		got, err := hand.GetRole(ctx, &iam.GetRoleInput{RoleName: r.RoleName})
		must(c.t, err)
		fmt.Fprintln(&b, "role", *got.Role.Arn, pictureOf(got.Role.Tags), decoded(*got.Role.AssumeRolePolicyDocument))
		inline, err := hand.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: r.RoleName})
		must(c.t, err)
		for _, name := range inline.PolicyNames {
			p, err := hand.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: r.RoleName, PolicyName: &name})
			must(c.t, err)
			fmt.Fprintln(&b, "  policy", name, decoded(*p.PolicyDocument))
		}
	}
	users, err := hand.ListUsers(ctx, &iam.ListUsersInput{})
	must(c.t, err)
	for _, u := range users.Users {
		got, err := hand.GetUser(ctx, &iam.GetUserInput{UserName: u.UserName})
		must(c.t, err)
		keys, err := hand.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: u.UserName})
		must(c.t, err)
		attached, err := hand.ListAttachedUserPolicies(ctx, &iam.ListAttachedUserPoliciesInput{UserName: u.UserName})
		must(c.t, err)
		fmt.Fprintln(&b, "user", *got.User.Arn, pictureOf(got.User.Tags), "keys", len(keys.AccessKeyMetadata))
		for _, p := range attached.AttachedPolicies {
			fmt.Fprintln(&b, "  attached", *p.PolicyArn)
		}
	}
	policies, err := hand.ListPolicies(ctx, &iam.ListPoliciesInput{Scope: types.PolicyScopeTypeLocal})
	must(c.t, err)
	for _, p := range policies.Policies {
		got, err := hand.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: p.Arn})
		must(c.t, err)
		v, err := hand.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: p.Arn, VersionId: got.Policy.DefaultVersionId})
		must(c.t, err)
		fmt.Fprintln(&b, "policy", *p.Arn, pictureOf(got.Policy.Tags), decoded(*v.PolicyVersion.Document))
	}
	return b.String()
}

func pictureOf(list []types.Tag) string { return fmt.Sprint(map[string]string(tagsOf(list))) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, code eventbus.Code) {
	t.Helper()
	if got := eventbus.CodeOf(err); got != code {
		t.Fatalf("error %v has code %q, want %q", err, got, code)
	}
}

// safeBuffer is a log that several goroutines write.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// identityAnswer and refusal are answers of the query protocol.
func identityAnswer(arn, account string) string {
	return `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>` + arn + `</Arn><UserId>AIDA</UserId><Account>` +
		account + `</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`
}

func refusal(code string) string {
	return `<ErrorResponse><Error><Type>Sender</Type><Code>` + code + `</Code><Message>` + code + ` it is</Message></Error><RequestId>r-1</RequestId></ErrorResponse>`
}
