package interop

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/enterprise-event-bus/eventbus/interop/go/kafka"
)

// makePrincipal makes a user, and the role of the same name that it assumes, with
// the policy testdata/NAME.json, as an administrator does on the command line. It
// gives the environment of a client.
func (b *bus) makePrincipal(t *testing.T, name string) map[string]string {
	t.Helper()
	var user, role struct{ ARN string }
	var key struct{ ID, Secret string }
	iam := func(into any, arguments ...string) {
		t.Helper()
		if err := json.Unmarshal([]byte(b.eventbus(t, "", append([]string{"iam", "-o", "json"}, arguments...)...)), into); err != nil {
			t.Fatalf("eventbus iam %v: %v", arguments, err)
		}
	}
	iam(&user, "user", "create", name)
	iam(&key, "key", "create", name)
	iam(&role, "role", "create", name, "--trusted-by", user.ARN)
	iam(&struct{}{}, "policy", "put", name, filepath.Join(kafka.Folder(), "go", "testdata", name+".json"), "--role", name)
	set := maps.Clone(b.clientSet(t, "test-producer")) // the addresses are the same
	set["AWS_ACCESS_KEY_ID"], set["AWS_SECRET_ACCESS_KEY"], set["AWS_ROLE"] = key.ID, key.Secret, role.ARN
	return set
}

// signedIn gives the environment of a principal whose role was assumed already:
// temporary credentials, and no role left to assume.
func signedIn(t *testing.T, set map[string]string) map[string]string {
	t.Helper()
	client := sts.New(sts.Options{Region: set["AWS_REGION"], BaseEndpoint: aws.String(set["AWS_ENDPOINT_URL_STS"]),
		Credentials: credentials.NewStaticCredentialsProvider(set["AWS_ACCESS_KEY_ID"], set["AWS_SECRET_ACCESS_KEY"], "")})
	out, err := client.AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(set["AWS_ROLE"]), RoleSessionName: aws.String("interop")})
	if err != nil {
		t.Fatal(err)
	}
	got := maps.Clone(set)
	delete(got, "AWS_ROLE")
	got["AWS_ACCESS_KEY_ID"], got["AWS_SECRET_ACCESS_KEY"], got["AWS_SESSION_TOKEN"] =
		*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken
	return got
}
