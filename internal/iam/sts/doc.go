// Package sts is the door for temporary credentials: the query API of the AWS
// Security Token Service, version 2011-06-15, as far as clients of a bus need
// it (AssumeRole and GetCallerIdentity).
//
// It owns the protocol: the form, the signature header, XML answers and XML
// errors with AWS's codes. Who is calling and what may be assumed is decided by
// internal/iam. It is mounted by internal/server on /aws/sts and, when asked
// for, on a TLS listener of its own.
package sts
