package session

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// loginTTL is how long a sign-in may take.
const loginTTL = 10 * time.Minute

// Secure reports whether the portal is reached by https; the cookies are then
// Secure and carry the __Host- prefix (RFC 6265bis section 4.1.3.2), so that no
// neighbouring host can plant them.
func (s *Sessions) Secure() bool { return strings.HasPrefix(s.cfg.RedirectURL, "https://") }

// SessionCookieName is the name of the cookie that holds a session's id.
func (s *Sessions) SessionCookieName() string { return s.cookieName("eventbus-session") }

// LoginCookieName is the name of the cookie of a sign-in under way.
func (s *Sessions) LoginCookieName() string { return s.cookieName("eventbus-login") }

// SessionCookie describes the cookie that holds a session's id; with an empty
// id, the one that removes it.
func (s *Sessions) SessionCookie(id string) *http.Cookie {
	return s.cookie(s.SessionCookieName(), id, s.cfg.Absolute)
}

// LoginCookie describes the cookie that BeginLogin's second result is kept in
// until FinishLogin; with an empty value, the one that removes it. It is Lax:
// the way back from the identity provider is a navigation from another site.
func (s *Sessions) LoginCookie(value string) *http.Cookie {
	return s.cookie(s.LoginCookieName(), value, loginTTL)
}

func (s *Sessions) cookieName(name string) string {
	if s.Secure() {
		return "__Host-" + name
	}
	return name
}

func (s *Sessions) cookie(name, value string, age time.Duration) *http.Cookie {
	c := &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, Secure: s.Secure(), SameSite: http.SameSiteLaxMode, MaxAge: int(age.Seconds())}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}

// attempt is a sign-in under way, kept by the browser alone.
type attempt struct {
	State    string    `json:"s"`
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"` // PKCE, RFC 7636
	ReturnTo string    `json:"r"`
	Expires  time.Time `json:"e"`
}

// seal encrypts attempts, so that nobody but this bus writes or reads them.
type seal struct{ aead cipher.AEAD }

// newSeal derives the key: it never seals with the configured one itself.
func newSeal(cfg Config) *seal {
	secret := cfg.Key
	if len(secret) == 0 {
		secret = make([]byte, 32)
		_, _ = rand.Read(secret) // never fails (crypto/rand)
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "eventbus sign-in cookie", 32)
	if err != nil {
		panic("session: derive a key: " + err.Error()) // 32 bytes are always possible
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("session: " + err.Error()) // 32 bytes are an AES-256 key
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("session: " + err.Error()) // AES has the block size of GCM
	}
	return &seal{aead}
}

func (s *seal) close(a attempt) (string, error) {
	text, err := json.Marshal(a)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, text, nil)), nil
}

func (s *seal) open(value string, now time.Time) (a attempt, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil || len(value) > 4096 {
		return attempt{}, false
	}
	text, err := s.aead.Open(nil, nil, sealed, nil)
	if err != nil || json.Unmarshal(text, &a) != nil {
		return attempt{}, false
	}
	return a, now.Before(a.Expires)
}
