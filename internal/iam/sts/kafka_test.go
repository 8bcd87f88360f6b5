package sts_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	mskiam "github.com/twmb/franz-go/pkg/sasl/aws"

	"github.com/enterprise-event-bus/eventbus/internal/iam"
)

// kafkaLogin signs in as franz-go does.
func kafkaLogin(t *testing.T, dir *iam.Directory, c aws.Credentials) error {
	t.Helper()
	t.Setenv("AWS_REGION", region)
	_, message, err := mskiam.Auth{AccessKey: c.AccessKeyID, SecretKey: c.SecretAccessKey, SessionToken: c.SessionToken}.
		AsManagedStreamingIAMMechanism().Authenticate(t.Context(), "bus.example:9098")
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = dir.Login(t.Context(), iam.MechanismMSKIAM, message, "192.0.2.1:1", "kafka-iam")
	return err
}
