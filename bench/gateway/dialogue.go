package main

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/twmb/franz-go/pkg/kmsg"
	saslaws "github.com/twmb/franz-go/pkg/sasl/aws"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
	"github.com/enterprise-event-bus/eventbus/internal/gateway"
)

// signed gives the first message of an AWS_MSK_IAM login with a role assumed
// through the bus's STS. It may be used for 15 minutes by any connection, so
// that the client's signing is not what is measured.
func signed(ctx context.Context, bus *measure.Child, principal string) ([]byte, error) {
	set, err := environment(bus, principal)
	if err != nil {
		return nil, err
	}
	service := sts.New(sts.Options{Region: set["AWS_REGION"], BaseEndpoint: aws.String(set["AWS_ENDPOINT_URL_STS"]),
		Credentials: credentials.NewStaticCredentialsProvider(set["AWS_ACCESS_KEY_ID"], set["AWS_SECRET_ACCESS_KEY"], "")})
	role, err := service.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: aws.String(set["AWS_ROLE"]), RoleSessionName: aws.String("bench")})
	if err != nil {
		return nil, err
	}
	keys := role.Credentials
	auth := saslaws.Auth{AccessKey: *keys.AccessKeyId, SecretKey: *keys.SecretAccessKey, SessionToken: *keys.SessionToken, UserAgent: "bench"}
	_, message, err := auth.AsManagedStreamingIAMMechanism().Authenticate(ctx, "b-1.eventbus.kafka."+set["AWS_REGION"]+".amazonaws.com:9098")
	return message, err
}

// frame encodes a request.
func frame(r kmsg.Request) []byte {
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("bench")).AppendRequest(nil, r, 1)
}

func versionsFrame() []byte {
	r := kmsg.NewPtrApiVersionsRequest()
	r.Version, r.ClientSoftwareName, r.ClientSoftwareVersion = 3, "bench", "1"
	return frame(r)
}

func handshakeFrame(mechanism string) []byte {
	r := kmsg.NewPtrSASLHandshakeRequest()
	r.Version, r.Mechanism = 1, mechanism
	return frame(r)
}

func authenticateFrame(message []byte) []byte {
	r := kmsg.NewPtrSASLAuthenticateRequest()
	r.Version, r.SASLAuthBytes = 1, message
	return frame(r)
}

// exchange sends a frame and gives the answer's body, after its correlation id.
func exchange(conn net.Conn, request []byte) ([]byte, error) {
	if _, err := conn.Write(request); err != nil {
		return nil, err
	}
	var size [4]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(conn, body); err != nil {
		return nil, err
	}
	return body[4:], nil
}

var dials atomic.Uint32

// dial opens a TCP connection from one of many loopback addresses, so that
// ports do not run out.
func dial(address string) (net.Conn, error) {
	n := dials.Add(1)
	from := &net.TCPAddr{IP: net.IPv4(127, 0, byte(1+n%16), 1)}
	dialer := net.Dialer{LocalAddr: from, Timeout: 30 * time.Second}
	return dialer.Dial("tcp", address)
}

// greet makes a TLS connection and has one small exchange on it.
func greet(address string, config *tls.Config) (net.Conn, error) {
	conn, err := secure(address, config)
	if err != nil {
		return nil, err
	}
	hello := make([]byte, 100)
	if _, err := conn.Write(hello); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(conn, hello); err != nil {
		return nil, err
	}
	return conn, nil
}

func secure(address string, config *tls.Config) (net.Conn, error) {
	conn, err := dial(address)
	if err != nil {
		return nil, err
	}
	c := tls.Client(conn, config)
	if err := c.Handshake(); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

// login makes a TLS connection and signs in as clients do: ApiVersions,
// SaslHandshake, SaslAuthenticate.
func login(address string, config *tls.Config, message []byte) (net.Conn, error) {
	conn, err := secure(address, config)
	if err != nil {
		return nil, err
	}
	for i, request := range [][]byte{versionsFrame(), handshakeFrame(gateway.MechanismIAM), authenticateFrame(message)} {
		body, err := exchange(conn, request)
		if err == nil && i > 0 && binary.BigEndian.Uint16(body) != 0 {
			err = fmt.Errorf("step %d of the login was answered with error %d", i, binary.BigEndian.Uint16(body))
		}
		if err != nil {
			conn.Close()
			return nil, err
		}
	}
	return conn, nil
}
