package sts

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/enterprise-event-bus/eventbus/internal/iam"
)

type metadata struct {
	RequestID string `xml:"RequestId"`
}

// assumeRoleResponse is the answer of AssumeRole (AWS STS API Reference).
type assumeRoleResponse struct {
	XMLName xml.Name         `xml:"AssumeRoleResponse"`
	Space   string           `xml:"xmlns,attr"`
	Result  assumeRoleResult `xml:"AssumeRoleResult"`
	Meta    metadata         `xml:"ResponseMetadata"`
}

type assumeRoleResult struct {
	User struct {
		ID  string `xml:"AssumedRoleId"`
		ARN string `xml:"Arn"`
	} `xml:"AssumedRoleUser"`
	Credentials struct {
		AccessKeyID     string `xml:"AccessKeyId"`
		SecretAccessKey string `xml:"SecretAccessKey"`
		SessionToken    string `xml:"SessionToken"`
		Expiration      string `xml:"Expiration"`
	} `xml:"Credentials"`
	// PackedPolicySize is the share, in percent, of the room for session policies
	// that this one takes.
	PackedPolicySize int `xml:"PackedPolicySize,omitempty"`
}

// parameters of AssumeRole. Others exist at AWS (PolicyArns, Tags, MFA, …); to
// ignore them could give more than was asked for, so they are refused.
var assumeRoleParameters = []string{"Action", "Version", "RoleArn", "RoleSessionName", "DurationSeconds", "ExternalId", "Policy"}

const roomForPolicy = 2048 // characters of a session policy

func (h *handler) assumeRole(r *http.Request, c call) (any, error) {
	if err := c.only(assumeRoleParameters); err != nil {
		return nil, err
	}
	for _, name := range []string{"RoleArn", "RoleSessionName"} {
		if c.values.Get(name) == "" {
			return nil, fault("ValidationError", "1 validation error detected: "+name+" must not be empty")
		}
	}
	in := iam.AssumeRoleInput{RoleARN: c.values.Get("RoleArn"), SessionName: c.values.Get("RoleSessionName"),
		ExternalID: c.values.Get("ExternalId"), Policy: c.values.Get("Policy")}
	if text := c.values.Get("DurationSeconds"); text != "" {
		seconds, err := strconv.ParseUint(text, 10, 31)
		if err != nil || seconds == 0 {
			return nil, fault("ValidationError", "1 validation error detected: DurationSeconds must be a number of seconds")
		}
		in.Duration = time.Duration(seconds) * time.Second
	}
	credentials, taken, err := h.dir.AssumeRole(r.Context(), c.by, in)
	if err != nil {
		return nil, err
	}
	a := assumeRoleResponse{Space: namespace, Meta: metadata{c.by.RequestID}}
	a.Result.User.ID = h.dir.RoleID(taken.Name) + ":" + taken.Session
	a.Result.User.ARN = taken.ARN
	a.Result.Credentials.AccessKeyID = credentials.AccessKeyID
	a.Result.Credentials.SecretAccessKey = credentials.SecretAccessKey
	a.Result.Credentials.SessionToken = credentials.SessionToken
	a.Result.Credentials.Expiration = when(credentials.Expiration)
	if in.Policy != "" {
		a.Result.PackedPolicySize = max(1, len(in.Policy)*100/roomForPolicy)
	}
	return a, nil
}

type getCallerIdentityResponse struct {
	XMLName xml.Name `xml:"GetCallerIdentityResponse"`
	Space   string   `xml:"xmlns,attr"`
	Result  struct {
		ARN     string `xml:"Arn"`
		UserID  string `xml:"UserId"`
		Account string `xml:"Account"`
	} `xml:"GetCallerIdentityResult"`
	Meta metadata `xml:"ResponseMetadata"`
}

func (h *handler) getCallerIdentity(_ *http.Request, c call) (any, error) {
	if err := c.only([]string{"Action", "Version"}); err != nil {
		return nil, err
	}
	a := getCallerIdentityResponse{Space: namespace, Meta: metadata{c.by.RequestID}}
	a.Result.ARN, a.Result.UserID, a.Result.Account = c.by.Principal.ARN, c.by.UserID, c.by.Principal.Account
	return a, nil
}

func (c call) only(known []string) error {
	for name := range c.values {
		if !slices.Contains(known, name) {
			return fault("ValidationError", "1 validation error detected: this bus does not support the parameter "+short(name))
		}
	}
	return nil
}
