package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/enterprise-event-bus/eventbus"
)

// TestSTSUnderItsOwnName: a client that insists on sts.REGION.amazonaws.com
// reaches the bus's STS when that name is pointed at it, and trusts it by the
// development CA alone.
func TestSTSUnderItsOwnName(t *testing.T) {
	const free = "127.0.0.1:0"
	bus, err := Open(t.Context(), Config{Dev: true, Listeners: Listeners{STSTLS: free, HTTP: free}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- bus.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
	<-bus.Ready()
	key, err := bus.iam.RevealKey(ctx, eventbus.Actor{System: "dev"}, "test-producer")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(bus.ca.certificate)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, bus.Addresses().STSTLS)
		}}
	t.Cleanup(transport.CloseIdleConnections)
	region := bus.cfg.Deployment.Region
	client := sts.New(sts.Options{Region: region, HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider(key.ID, key.Secret, "")})
	who, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if want := eventbus.UserARN("aws-us-gov", "123456789012", "test-producer"); aws.ToString(who.Arn) != want {
		t.Errorf("caller = %s, want %s", aws.ToString(who.Arn), want)
	}
}

// TestSTSWithoutItsPath: AWS's SDK for Java takes host and port of
// AWS_ENDPOINT_URL_STS and no path, and names no region when aws-msk-iam-auth was
// told none.
func TestSTSWithoutItsPath(t *testing.T) {
	b := startBus(t, nil)
	key, err := b.iam.RevealKey(t.Context(), eventbus.Actor{System: "dev"}, "test-producer")
	if err != nil {
		t.Fatal(err)
	}
	client := sts.New(sts.Options{Region: "aws-global", BaseEndpoint: aws.String(b.Addresses().HTTP),
		Credentials: credentials.NewStaticCredentialsProvider(key.ID, key.Secret, "")})
	who, err := client.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if want := eventbus.UserARN("aws-us-gov", "123456789012", "test-producer"); aws.ToString(who.Arn) != want {
		t.Errorf("caller = %s, want %s", aws.ToString(who.Arn), want)
	}
}
