package iam_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/iam/sigv4"
)

// caller authenticates a request to STS that AWS's own code signed.
func (w *world) caller(c credentials) (*iam.Session, error) {
	w.Helper()
	body := []byte("Action=GetCallerIdentity&Version=2011-06-15")
	r, err := http.NewRequest(http.MethodPost, "http://127.0.0.1:8080/aws/sts", bytes.NewReader(body))
	w.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sum := sha256.Sum256(body)
	w.must(v4.NewSigner().SignHTTP(context.Background(), aws.Credentials{AccessKeyID: c.id, SecretAccessKey: c.secret, SessionToken: c.token},
		r, hex.EncodeToString(sum[:]), "sts", demo.Region, w.clock.Now()))
	r.Header.Set("Content-Length", "43")
	all, err := io.ReadAll(r.Body)
	w.must(err)
	signed, err := sigv4.ParseHeader(r.Method, r.URL.Host, r.URL.EscapedPath(), r.URL.RawQuery, r.Header, all)
	w.must(err)
	return w.dir.Authenticate(w.Context(), signed, here)
}
