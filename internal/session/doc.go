// Package session says who somebody is: it signs people in by OpenID Connect
// (authorization code, PKCE S256, state, nonce), keeps their browser sessions,
// and makes and checks API tokens.
//
// It owns the rules of sign-in: what a returned identity must prove, how groups
// become roles and teams, how long a session lives (idle 30 minutes, 12 hours
// in all), what a token may do (Scopes). Of ids and secrets only SHA-256 hashes
// are kept. The road is the same in `dev`, where the development identity
// provider stands in for the agency's, and in `serve`.
//
// It serves no HTTP: doors call the pure steps (BeginLogin, FinishLogin, Person,
// Token, …), set the cookies that it describes, and decide with the Actor that
// they get. It does not decide what a role may do; the part concerned does.
package session
