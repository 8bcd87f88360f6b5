// Package iam is the bus's own directory of principals: who is calling, and may
// they. It does on one machine what AWS IAM and STS do for Amazon MSK.
//
// It owns users, roles with their trust, access keys, temporary credentials,
// sessions of clients and the decision on every named resource. Policies are
// read and evaluated by iam/policy and signatures verified by iam/sigv4, both
// pure; this package brings the records, the clock and the master key to them.
// It speaks no protocol: the Kafka gateway calls Login and Decide, iam/sts calls
// Authenticate and AssumeRole, the API, the portal and provision call the
// administration. It keeps nothing on disk by itself; a Store does.
//
// # One view of the world
//
// Open reads every user, role and key into an immutable snapshot behind an
// atomic pointer. Each change made here is followed by a new snapshot at once;
// changes made by another instance are seen by Run, which polls the version of
// the records. Parts that did not change are carried over as the same pointers,
// so that "what this session stands on has changed" is a comparison of
// pointers, and exactly those sessions end that must.
//
// # Secrets
//
// The secrets of access keys must be known to verify AWS Signature Version 4.
// They are sealed with AES-256-GCM under a key derived from Config.MasterKey,
// opened for the moment in which a day's signing key is derived, and leave the
// bus once, when they are made. Temporary credentials are not stored: the
// session token is a sealed record of what was granted, and the secret is
// derived from the key id, so that every instance with the same master key can
// verify them.
package iam
