package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/awscloud"
	"github.com/enterprise-event-bus/eventbus/internal/awscloud/mototest"
)

// amazon stands for an AWS account with an MSK cluster: IAM and STS of moto, the
// IAM door of another bus for the brokers, because it checks signatures and
// policies as MSK does, and what MSK's API tells of that cluster.
type amazon struct {
	*bus                 // the brokers, and the directory that they know
	hand  *awsiam.Client // a person with the console
	at    eventbus.Deployment
	api   *httptest.Server // what the bus takes for AWS
	moto  *url.URL
	asked atomic.Int64 // calls of AWS
}

// newAmazon starts it, and signs this process in as AWS's default chain does: by
// variables of the environment, as a role that was assumed. The bus that is tried has
// the least policy that docs/operate/msk.md gives it, as far as brokers decide it.
func newAmazon(t *testing.T) *amazon {
	t.Helper()
	moto := mototest.Start(t)
	a := &amazon{bus: startBus(t, func(c *Config) { c.Listeners.KafkaIAMExternal = "127.0.0.1:0" }), at: eventbus.DemoDeployment()}
	const role = "the-bus-before-it"
	runner := a.principal(role)
	if _, err := a.iam.PutPolicy(a.ctx, a.as("operator"), a.roleARN(role), "least", onBrokers(t, awscloud.Needs(a.at, ""))); err != nil {
		t.Fatal(err)
	}
	signedIn := need[aws.Credentials](a.world)(a.assumed(runner, role, "instance-1").Retrieve(a.ctx))
	a.moto = need[*url.URL](a.world)(url.Parse(moto.URL))
	a.api = httptest.NewServer(a.answers())
	t.Cleanup(a.api.Close)
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": signedIn.AccessKeyID, "AWS_SECRET_ACCESS_KEY": signedIn.SecretAccessKey, "AWS_SESSION_TOKEN": signedIn.SessionToken, "AWS_PROFILE": "",
		"AWS_REGION": a.at.Region, "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
		"AWS_ENDPOINT_URL": a.api.URL} {
		t.Setenv(name, value)
	}
	a.hand = awsiam.New(awsiam.Options{Region: a.at.Region, BaseEndpoint: aws.String(moto.URL),
		Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "of a person with the console", "")})
	return a
}

// onBrokers leaves of a policy what the brokers of MSK decide; the rest is AWS's.
func onBrokers(t *testing.T, text string) string {
	t.Helper()
	var document struct {
		Version   string
		Statement []map[string]any
	}
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	document.Statement = slices.DeleteFunc(document.Statement, func(s map[string]any) bool {
		return !strings.HasPrefix(s["Action"].([]any)[0].(string), "kafka-cluster:")
	})
	left, err := json.Marshal(document)
	if err != nil || len(document.Statement) == 0 {
		t.Fatal("the policy says nothing of the brokers", err)
	}
	return string(left)
}

// answers is AWS: the paths of MSK's API are told here, the rest is moto's.
func (a *amazon) answers() http.Handler {
	rest := httputil.NewSingleHostReverseProxy(a.moto)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.asked.Add(1)
		if strings.Contains(r.URL.Path, "/clusters") {
			a.tell(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// tell answers as MSK's API does for its one cluster.
func (a *amazon) tell(w http.ResponseWriter, r *http.Request) {
	cluster := fmt.Sprintf(`{"clusterArn":%q,"clusterName":%q,"clusterType":"PROVISIONED","state":"ACTIVE","provisioned":{"numberOfBrokerNodes":1}}`, a.at.ClusterARN(), a.at.Cluster)
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/bootstrap-brokers"):
		fmt.Fprintf(w, `{"bootstrapBrokerStringSaslIam":%q,"bootstrapBrokerStringPublicSaslIam":%q}`, a.Addresses().KafkaIAM, a.Addresses().KafkaIAMExternal)
	case strings.HasSuffix(r.URL.Path, "/api/v2/clusters"):
		fmt.Fprintf(w, `{"clusterInfoList":[%s]}`, cluster)
	default:
		fmt.Fprintf(w, `{"clusterInfo":%s}`, cluster)
	}
}

// picture is every role, user and policy of the account.
func (a *amazon) picture() string {
	a.t.Helper()
	var b strings.Builder
	roles := need[*awsiam.ListRolesOutput](a.world)(a.hand.ListRoles(a.ctx, &awsiam.ListRolesInput{}))
	for _, r := range roles.Roles {
		tags := need[*awsiam.ListRoleTagsOutput](a.world)(a.hand.ListRoleTags(a.ctx, &awsiam.ListRoleTagsInput{RoleName: r.RoleName}))
		policies := need[*awsiam.ListRolePoliciesOutput](a.world)(a.hand.ListRolePolicies(a.ctx, &awsiam.ListRolePoliciesInput{RoleName: r.RoleName}))
		fmt.Fprintln(&b, "role", *r.Arn, policies.PolicyNames)
		for _, tag := range tags.Tags {
			fmt.Fprintln(&b, "  ", *tag.Key, *tag.Value)
		}
	}
	users := need[*awsiam.ListUsersOutput](a.world)(a.hand.ListUsers(a.ctx, &awsiam.ListUsersInput{}))
	for _, u := range users.Users {
		fmt.Fprintln(&b, "user", *u.Arn, len(a.keys(*u.UserName)))
	}
	policies := need[*awsiam.ListPoliciesOutput](a.world)(a.hand.ListPolicies(a.ctx, &awsiam.ListPoliciesInput{Scope: "Local"}))
	for _, p := range policies.Policies {
		fmt.Fprintln(&b, "policy", *p.Arn, *p.AttachmentCount)
	}
	return b.String()
}

// keys are the ids of a user's access keys.
func (a *amazon) keys(user string) []string {
	a.t.Helper()
	var ids []string
	keys := need[*awsiam.ListAccessKeysOutput](a.world)(a.hand.ListAccessKeys(a.ctx, &awsiam.ListAccessKeysInput{UserName: &user}))
	for _, key := range keys.AccessKeyMetadata {
		ids = append(ids, *key.AccessKeyId)
	}
	return ids
}

// rolePolicy is what a role may do.
func (a *amazon) rolePolicy(role string) string {
	a.t.Helper()
	got := need[*awsiam.GetRolePolicyOutput](a.world)(a.hand.GetRolePolicy(a.ctx, &awsiam.GetRolePolicyInput{RoleName: &role, PolicyName: aws.String("eventbus-grants")}))
	return a.decoded(*got.PolicyDocument)
}

// userPolicy is what a user may do.
func (a *amazon) userPolicy(user string) string {
	a.t.Helper()
	arn := aws.String(fmt.Sprintf("arn:%s:iam::%s:policy/eventbus/staging/%s-eventbus-grants", a.at.Partition, a.at.Account, user))
	got := need[*awsiam.GetPolicyOutput](a.world)(a.hand.GetPolicy(a.ctx, &awsiam.GetPolicyInput{PolicyArn: arn}))
	version := need[*awsiam.GetPolicyVersionOutput](a.world)(a.hand.GetPolicyVersion(a.ctx, &awsiam.GetPolicyVersionInput{PolicyArn: arn, VersionId: got.Policy.DefaultVersionId}))
	return a.decoded(*version.PolicyVersion.Document)
}

func (a *amazon) decoded(text string) string {
	a.t.Helper()
	return need[string](a.world)(url.PathUnescape(text))
}
