// Package devidp is the identity provider of `dev`: OpenID Connect with one
// button per persona instead of a password, so that sign-in takes the same road
// on a laptop as at an agency.
//
// It owns discovery, keys, the page of personas, codes and identity tokens
// (ES256), and the personas themselves. It checks what a real provider checks:
// client, exact redirect address, PKCE S256, codes that work once. It proves
// nothing about anybody: it answers on loopback only, and package server mounts
// it at /dev/idp in `dev` alone. What a persona may do is decided elsewhere,
// from the groups in the token, like everybody's.
package devidp
