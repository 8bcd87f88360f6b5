// Package awscloud keeps the principals of an environment on AWS: IAM roles for
// those on AWS, IAM users with access keys for those outside, and their policies
// on an Amazon MSK cluster. It also knows the facts of that cluster.
//
// It owns how a principal is made, compared, changed and deleted through AWS's
// API, and what it may touch: only what carries its tags, below its path. It does
// not decide who may do what, nor in which order things are done: package
// provision does, plans and documents included, and calls an Account as its
// Access. Package server opens an Account for each environment whose access is
// "aws" and hands it to provision; nobody else imports this package.
//
// # How things stand on AWS
//
// Everything lies below the path /eventbus/ENVIRONMENT/ and carries the tags
// eventbus:managed, eventbus:deployment and eventbus:environment, and
// eventbus:team and eventbus:event where they are known. A role or user that has
// the name and not the first two tags is somebody else's: it is refused, unread
// and unchanged. A role has one inline policy; AWS allows a user only 2,048
// characters of those, so that a user has a managed policy of its own.
//
// # Done twice is done once
//
// Every method looks first and does what is missing, so that a call which a crash
// cut short is carried on by calling again. AWS shows new things late: a method
// that makes one waits until AWS shows it. The secret of a key goes to Config.Keep,
// which seals it, and nowhere else: not into a result, a log or an error.
package awscloud
