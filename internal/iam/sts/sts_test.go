package sts_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/audit"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
	"github.com/enterprise-event-bus/eventbus/internal/iam/sts"
	"github.com/enterprise-event-bus/eventbus/internal/store"
)

const (
	region  = "us-gov-west-1"
	account = "123456789012"
	appARN  = "arn:aws-us-gov:iam::123456789012:role/app"
	bobsARN = "arn:aws-us-gov:iam::123456789012:role/bobs"
)

var admin = eventbus.Actor{Person: eventbus.Person{ID: "operator"}}

// world is the endpoint on a real directory, store and record; user alice may
// assume role app but not role bobs.
type world struct {
	*testing.T
	dir    *iam.Directory
	key    iam.Secret
	server *httptest.Server
	ahead  atomic.Int64 // how far the bus's clock is ahead
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t}
	now := func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "bus.db")})
	w.must(err)
	t.Cleanup(func() { s.Close() })
	w.dir, err = iam.Open(t.Context(), iam.Config{MasterKey: make([]byte, 32), Now: now}, s, audit.New(audit.Config{}, s))
	w.must(err)
	alice, err := w.dir.CreateUser(t.Context(), admin, eventbus.IAMUser{Name: "alice"})
	w.must(err)
	w.key, err = w.dir.CreateAccessKey(t.Context(), admin, "alice")
	w.must(err)
	for name, trusted := range map[string]string{"app": alice.ARN, "bobs": strings.Replace(alice.ARN, "alice", "bob", 1)} {
		_, err = w.dir.CreateRole(t.Context(), admin, eventbus.IAMRole{Name: name, Trust: iam.TrustOf(trusted), MaxSession: 2 * time.Hour})
		w.must(err)
	}
	mux := http.NewServeMux()
	h := sts.New(sts.Config{}, w.dir)
	mux.Handle("/aws/sts", h)
	mux.Handle("/aws/sts/", h)
	mux.Handle("/{$}", h)
	w.server = httptest.NewServer(mux)
	t.Cleanup(w.server.Close)
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// client is AWS's own.
func (w *world) client(p aws.CredentialsProvider, path string) *awssts.Client {
	return awssts.New(awssts.Options{Region: region, BaseEndpoint: aws.String(w.server.URL + path), Credentials: p, RetryMaxAttempts: 1})
}

func (w *world) alice() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(w.key.ID, w.key.Secret, "")
}

func TestAWSClient(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/aws/sts", "/aws/sts/", ""} {
		t.Run("path "+path, func(t *testing.T) {
			c := w.client(w.alice(), path)
			who, err := c.GetCallerIdentity(t.Context(), &awssts.GetCallerIdentityInput{})
			w.must(err)
			if *who.Arn != "arn:aws-us-gov:iam::123456789012:user/alice" || *who.Account != account || !strings.HasPrefix(*who.UserId, "AIDA") {
				t.Errorf("%s, %s, %s", *who.Arn, *who.Account, *who.UserId)
			}
			got, err := c.AssumeRole(t.Context(), &awssts.AssumeRoleInput{RoleArn: aws.String(appARN), RoleSessionName: aws.String("me@work"),
				DurationSeconds: aws.Int32(900), Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kafka-cluster:*","Resource":"*"}]}`)})
			w.must(err)
			const taken = "arn:aws-us-gov:sts::123456789012:assumed-role/app/me@work"
			//lint:ignore SA1019 clients that are older than its replacement read PackedPolicySize
			if *got.AssumedRoleUser.Arn != taken || !strings.HasSuffix(*got.AssumedRoleUser.AssumedRoleId, ":me@work") || *got.PackedPolicySize == 0 {
				t.Errorf("%+v", got.AssumedRoleUser)
			}
			if left := time.Until(*got.Credentials.Expiration); left > 15*time.Minute || left < 14*time.Minute {
				t.Errorf("they last %v", left)
			}
			who, err = w.client(credentials.NewStaticCredentialsProvider(*got.Credentials.AccessKeyId, *got.Credentials.SecretAccessKey,
				*got.Credentials.SessionToken), path).GetCallerIdentity(t.Context(), &awssts.GetCallerIdentityInput{})
			w.must(err)
			if *who.Arn != taken || *who.UserId != *got.AssumedRoleUser.AssumedRoleId {
				t.Errorf("%s, %s", *who.Arn, *who.UserId)
			}
		})
	}
	t.Run("credentials provider", func(t *testing.T) {
		provider := aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(w.client(w.alice(), "/aws/sts"), appARN))
		who, err := w.client(provider, "/aws/sts").GetCallerIdentity(t.Context(), &awssts.GetCallerIdentityInput{})
		w.must(err)
		if !strings.HasPrefix(*who.Arn, "arn:aws-us-gov:sts::123456789012:assumed-role/app/") {
			t.Error(*who.Arn)
		}
	})
}

// What AWS's client makes of each refusal.
func TestAWSClientRefused(t *testing.T) {
	w := newWorld(t)
	taken := func() aws.Credentials {
		c, err := stscreds.NewAssumeRoleProvider(w.client(w.alice(), "/aws/sts"), appARN).Retrieve(w.Context())
		w.must(err)
		return c
	}
	role := taken()
	in := func(change func(*awssts.AssumeRoleInput)) *awssts.AssumeRoleInput {
		i := &awssts.AssumeRoleInput{RoleArn: aws.String(appARN), RoleSessionName: aws.String("session")}
		change(i)
		return i
	}
	same := in(func(*awssts.AssumeRoleInput) {})
	for _, c := range []struct {
		name          string
		id, key, with string // credentials; alice's when empty
		input         *awssts.AssumeRoleInput
		code          string
		message       string
	}{
		{name: "wrong secret", id: w.key.ID, key: "wrong", input: same, code: "SignatureDoesNotMatch"},
		{name: "unknown key", id: "AKIAAAAAAAAAAAAAAAAA", key: w.key.Secret, input: same, code: "InvalidClientTokenId"},
		{name: "altered token", id: role.AccessKeyID, key: role.SecretAccessKey, with: "A" + role.SessionToken, input: same, code: "InvalidClientTokenId"},
		{name: "another's token", id: taken().AccessKeyID, key: role.SecretAccessKey, with: role.SessionToken, input: same, code: "InvalidClientTokenId"},
		{name: "token with a long-lived key", id: w.key.ID, key: w.key.Secret, with: role.SessionToken, input: same, code: "InvalidClientTokenId"},
		{name: "a role that does not trust", input: in(func(i *awssts.AssumeRoleInput) { i.RoleArn = aws.String(bobsARN) }), code: "AccessDenied",
			message: "User: arn:aws-us-gov:iam::123456789012:user/alice is not authorized to perform: sts:AssumeRole on resource: " + bobsARN},
		{name: "no such role", input: in(func(i *awssts.AssumeRoleInput) { i.RoleArn = aws.String(appARN + "2") }), code: "AccessDenied",
			message: "User: arn:aws-us-gov:iam::123456789012:user/alice is not authorized to perform: sts:AssumeRole on resource: " + appARN + "2"},
		{name: "too long", input: in(func(i *awssts.AssumeRoleInput) { i.DurationSeconds = aws.Int32(7201) }), code: "ValidationError"},
		{name: "too short", input: in(func(i *awssts.AssumeRoleInput) { i.DurationSeconds = aws.Int32(899) }), code: "ValidationError"},
		{name: "a role that does not trust itself", id: role.AccessKeyID, key: role.SecretAccessKey, with: role.SessionToken,
			input: in(func(i *awssts.AssumeRoleInput) { i.DurationSeconds = aws.Int32(3601) }), code: "AccessDenied"},
		{name: "no session name", input: in(func(i *awssts.AssumeRoleInput) { i.RoleSessionName = aws.String("") }), code: "ValidationError"},
		{name: "bad policy", input: in(func(i *awssts.AssumeRoleInput) { i.Policy = aws.String("{") }), code: "MalformedPolicyDocument"},
		{name: "what is not supported", input: in(func(i *awssts.AssumeRoleInput) { i.SourceIdentity = aws.String("me") }), code: "ValidationError"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := w.alice()
			if c.id != "" {
				p = credentials.NewStaticCredentialsProvider(c.id, c.key, c.with)
			}
			_, err := w.client(p, "/aws/sts").AssumeRole(t.Context(), c.input)
			var api smithy.APIError
			if !errors.As(err, &api) || api.ErrorCode() != c.code || c.message != "" && api.ErrorMessage() != c.message {
				t.Errorf("%v, want %s", err, c.code)
			}
		})
	}
	t.Run("ended", func(t *testing.T) {
		defer w.ahead.Store(0)
		short, err := w.client(w.alice(), "/aws/sts").AssumeRole(t.Context(), in(func(i *awssts.AssumeRoleInput) { i.DurationSeconds = aws.Int32(900) }))
		w.must(err)
		w.ahead.Store(int64(20 * time.Minute))
		status, code := w.signed(aws.Credentials{AccessKeyID: *short.Credentials.AccessKeyId, SecretAccessKey: *short.Credentials.SecretAccessKey,
			SessionToken: *short.Credentials.SessionToken}, request{body: callerIdentity, at: time.Now().Add(20 * time.Minute)})
		if status != http.StatusForbidden || code != "ExpiredToken" {
			t.Error(status, code)
		}
	})
}

const callerIdentity = "Action=GetCallerIdentity&Version=2011-06-15"

// request is one by hand.
type request struct {
	method, path, body string
	contentType        string
	service, region    string
	at                 time.Time
	alter              func(*http.Request) // after signing
}

// signed sends a request and gives status and error code.
func (w *world) signed(c aws.Credentials, q request) (int, string) {
	w.Helper()
	pick := func(s, other string) string {
		if s == "" {
			return other
		}
		return s
	}
	r, err := http.NewRequestWithContext(w.Context(), pick(q.method, http.MethodPost), w.server.URL+pick(q.path, "/aws/sts"), strings.NewReader(q.body))
	w.must(err)
	if r.Method == http.MethodPost {
		r.Header.Set("Content-Type", pick(q.contentType, "application/x-www-form-urlencoded; charset=utf-8"))
	}
	if q.at.IsZero() {
		q.at = time.Now()
	}
	sum := sha256.Sum256([]byte(q.body))
	w.must(v4.NewSigner().SignHTTP(context.Background(), c, r, hex.EncodeToString(sum[:]), pick(q.service, "sts"), pick(q.region, region), q.at))
	if q.alter != nil {
		q.alter(r)
	}
	answer, err := http.DefaultClient.Do(r)
	w.must(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	w.must(err)
	if answer.StatusCode == http.StatusNotFound {
		return answer.StatusCode, ""
	}
	var doc struct {
		XMLName   xml.Name
		Code      string `xml:"Error>Code"`
		RequestID string `xml:"RequestId"`
	}
	if err := xml.Unmarshal(body, &doc); err != nil {
		w.Errorf("%v: %s", err, body)
	}
	if doc.Code != "" && (doc.RequestID == "" || doc.RequestID != answer.Header.Get("X-Amzn-Requestid")) {
		w.Errorf("request id %q, header %q", doc.RequestID, answer.Header.Get("X-Amzn-Requestid"))
	}
	return answer.StatusCode, doc.Code
}

func TestProtocol(t *testing.T) {
	w := newWorld(t)
	alice := aws.Credentials{AccessKeyID: w.key.ID, SecretAccessKey: w.key.Secret}
	assume := "Action=AssumeRole&Version=2011-06-15&RoleSessionName=session&RoleArn=" + appARN
	for _, c := range []struct {
		name   string
		q      request
		status int
		code   string
	}{
		{"POST", request{body: callerIdentity}, 200, ""},
		{"GET", request{method: "GET", path: "/aws/sts?" + callerIdentity}, 200, ""},
		{"GET with a slash", request{method: "GET", path: "/aws/sts/?" + callerIdentity}, 200, ""},
		{"another path", request{path: "/aws/sts/x", body: callerIdentity}, 404, ""},
		{"PUT", request{method: "PUT", body: callerIdentity}, 405, "MethodNotAllowed"},
		{"JSON", request{body: "{}", contentType: "application/json"}, 400, "ValidationError"},
		{"broken escapes", request{body: "Action=%zz"}, 400, "MalformedQueryString"},
		{"no action", request{body: "Version=2011-06-15"}, 400, "MissingAction"},
		{"unknown action", request{body: "Action=GetSessionToken&Version=2011-06-15"}, 400, "InvalidAction"},
		{"no version", request{body: "Action=GetCallerIdentity"}, 400, "InvalidAction"},
		{"a parameter twice", request{body: assume + "&RoleArn=" + bobsARN}, 400, "ValidationError"},
		{"an unknown parameter", request{body: assume + "&PolicyArns.member.1.arn=arn"}, 400, "ValidationError"},
		{"no role", request{body: "Action=AssumeRole&Version=2011-06-15&RoleSessionName=session"}, 400, "ValidationError"},
		{"duration in words", request{body: assume + "&DurationSeconds=hour"}, 400, "ValidationError"},
		{"no duration", request{body: assume + "&DurationSeconds=0"}, 400, "ValidationError"},
		{"64 KiB", request{body: callerIdentity + "&x=" + strings.Repeat("x", 64<<10)}, 413, "RequestEntityTooLarge"},
		{"not signed", request{body: callerIdentity, alter: func(r *http.Request) { r.Header.Del("Authorization") }}, 403, "MissingAuthenticationToken"},
		{"signed in a way we do not know", request{body: callerIdentity, alter: func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }}, 403, "IncompleteSignature"},
		{"another body", request{body: callerIdentity, alter: func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader(strings.Replace(callerIdentity, "2011", "2012", 1)))
		}}, 403, "SignatureDoesNotMatch"},
		{"another path than signed", request{body: callerIdentity, alter: func(r *http.Request) { r.URL.Path = "/aws/sts/" }}, 403, "SignatureDoesNotMatch"},
		{"for another service", request{body: callerIdentity, service: "iam"}, 403, "SignatureDoesNotMatch"},
		{"for no region, as Java does", request{body: callerIdentity, region: "aws-global"}, 200, ""},
		{"for another region", request{body: callerIdentity, region: "eu-west-1"}, 403, "SignatureDoesNotMatch"},
		{"an hour ago", request{body: callerIdentity, at: time.Now().Add(-time.Hour)}, 403, "SignatureDoesNotMatch"},
		{"in an hour", request{body: callerIdentity, at: time.Now().Add(time.Hour)}, 403, "SignatureDoesNotMatch"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if status, code := w.signed(alice, c.q); status != c.status || code != c.code {
				t.Errorf("%d %s, want %d %s", status, code, c.status, c.code)
			}
		})
	}
}

// The credentials that STS gives are those that Kafka's door accepts.
func TestCredentialsForKafka(t *testing.T) {
	w := newWorld(t)
	dep := eventbus.DemoDeployment()
	doc := policy.MayOnlyConnect(policy.ARNs{Partition: dep.Partition, Region: dep.Region, Account: dep.Account, Name: dep.Cluster, UUID: dep.UUID})
	_, err := w.dir.PutPolicy(t.Context(), admin, appARN, "connect", doc.String())
	w.must(err)
	c, err := stscreds.NewAssumeRoleProvider(w.client(w.alice(), "/aws/sts"), appARN).Retrieve(t.Context())
	w.must(err)
	if err := kafkaLogin(t, w.dir, c); err != nil {
		t.Error(err)
	}
	w.must(w.dir.DisableAccessKey(t.Context(), admin, w.key.ID))
	if err := kafkaLogin(t, w.dir, c); iam.CheckOf(err) != iam.CheckKeyDisabled {
		t.Error(err)
	}
}
