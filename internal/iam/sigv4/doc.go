// Package sigv4 verifies AWS Signature Version 4 in the three forms that a bus
// meets: the AWS_MSK_IAM payload, the OAUTHBEARER token of the MSK signers (a
// presigned URL) and the Authorization header of an STS request.
//
// It owns parsing, the canonical request, every check that needs no directory,
// and the signature itself. It does not look up keys, know who is calling, read
// a clock or keep anything: the caller parses, checks with Rules, finds the
// secret of Signed.AccessKeyID, compares the session token and verifies. Each
// refusal is a Failure, whose reason belongs in the audit log and never on the
// wire.
//
// Its callers are internal/iam (Kafka logins) and internal/iam/sts. Sources:
// "AWS Signature Version 4" in the IAM User Guide, the README of
// aws/aws-msk-iam-auth, RFC 7628 (OAUTHBEARER).
package sigv4
