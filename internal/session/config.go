package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Config of Sessions. The zero value refuses every sign-in and still knows
// tokens.
type Config struct {
	Issuer       string // of the identity provider: https, or http on loopback
	ClientID     string
	ClientSecret string   // empty: a public client, protected by PKCE alone
	RedirectURL  string   // where the provider sends the browser back, absolute; https makes the cookies Secure and __Host-
	Scopes       []string // asked besides openid; default profile, email
	HTTP         *http.Client

	GroupsClaim string                     // claim that lists a person's groups; default "groups"
	GroupRoles  map[string][]eventbus.Role // what a group means; whoever signs in is a member
	GroupTeams  map[string][]string
	TeamPrefix  string   // a group that begins with it names a team: "team-" makes "team-claims" the team claims
	AllowGroups []string // only members of one of them may sign in; empty: everybody whom the provider signs in

	Idle     time.Duration // a session unused this long has ended; default 30 minutes
	Absolute time.Duration // a session this old has ended; default 12 hours
	TokenTTL time.Duration // of a token that does not say; default 30 days

	// Key (32 bytes) seals the cookie of a sign-in under way; instances that
	// share one address share it. Nil: a key of this process.
	Key []byte

	Audit  Audit            // told of refused sign-ins; nil: not told
	Now    func() time.Time // default time.Now
	Rand   io.Reader        // default crypto/rand
	Logger *slog.Logger     // default discards
}

// Audit takes entries that belong to no other change.
type Audit interface {
	Append(ctx context.Context, e eventbus.AuditEntry) error
}

// People keeps who has signed in, with the roles and teams of the last time.
type People interface {
	SavePerson(ctx context.Context, p eventbus.Person, audit ...eventbus.AuditEntry) error
	Person(ctx context.Context, id string) (eventbus.Person, error) // CodeNotFound
}

// BrowserStore keeps browser sessions by the hash of their id.
type BrowserStore interface {
	SaveSession(ctx context.Context, session eventbus.Session) error
	Session(ctx context.Context, hash string) (eventbus.Session, error) // CodeNotFound
	TouchSession(ctx context.Context, hash string, at time.Time) error  // CodeNotFound; revives none that has ended
	DeleteSession(ctx context.Context, hash string) error
}

// SessionSweep ends many browser sessions at once.
type SessionSweep interface {
	DeleteSessionsOf(ctx context.Context, person string, audit ...eventbus.AuditEntry) error
	PruneSessions(ctx context.Context, before time.Time) error
}

// DeviceStore keeps the sign-ins of command lines that are under way, so that
// any instance of the bus may be asked next.
type DeviceStore interface {
	SaveDeviceLogin(ctx context.Context, d eventbus.DeviceLogin, perCaller, inAll int64) error                                   // CodeLimited
	DeviceLogin(ctx context.Context, code string, now time.Time) (eventbus.DeviceLogin, error)                                   // CodeNotFound
	DecideDeviceLogin(ctx context.Context, d eventbus.DeviceLogin, now time.Time) error                                          // CodeNotFound, CodeConflict when it was decided before
	PollDeviceLogin(ctx context.Context, secretHash string, now time.Time, interval time.Duration) (eventbus.DeviceLogin, error) // CodeNotFound, CodeLimited; a decided one is given once
}

// GuessStore counts the wrong guesses of people, for all instances together.
type GuessStore interface {
	Forgiven(ctx context.Context, who string) (time.Time, error)
	CountGuess(ctx context.Context, who string, now time.Time, pause time.Duration) error
}

// TokenStore keeps API tokens by the hash of their secret.
type TokenStore interface {
	SaveToken(ctx context.Context, t eventbus.APIToken, audit ...eventbus.AuditEntry) error
	TokenByHash(ctx context.Context, hash string) (eventbus.APIToken, error) // CodeNotFound; expired and revoked ones too
	Tokens(ctx context.Context, person string) ([]eventbus.APIToken, error)
	RevokeToken(ctx context.Context, id string, at time.Time, audit ...eventbus.AuditEntry) error
	TouchToken(ctx context.Context, id string, at time.Time) error
}

// Store is all that Sessions keeps.
type Store interface {
	People
	BrowserStore
	SessionSweep
	TokenStore
	DeviceStore
	GuessStore
}

// Sessions knows who is signed in. It is safe for concurrent use.
type Sessions struct {
	cfg      Config
	store    Store
	provider *provider
	seal     *seal
	guesses  *guesses // of tokens, by address; of this instance alone: secrets of 256 bits are not found by guessing

	localMu sync.RWMutex
	local   map[string]eventbus.Person // by hash of the secret
}

// New makes Sessions; the identity provider is not asked before the first
// sign-in, and is asked again when it did not answer.
func New(cfg Config, store Store) *Sessions {
	cfg = cfg.withDefaults()
	return &Sessions{
		cfg: cfg, store: store, provider: newProvider(cfg), seal: newSeal(cfg),
		guesses: newGuesses(cfg.Now, tokenGuesses, tokenGuessEvery),
		local:   map[string]eventbus.Person{},
	}
}

func (c Config) withDefaults() Config {
	if c.Scopes == nil {
		c.Scopes = []string{"profile", "email"}
	}
	if c.HTTP == nil {
		c.HTTP = &http.Client{Timeout: 10 * time.Second}
	}
	if c.GroupsClaim == "" {
		c.GroupsClaim = "groups"
	}
	c.Idle = positive(c.Idle, 30*time.Minute)
	c.Absolute = positive(c.Absolute, 12*time.Hour)
	c.TokenTTL = positive(c.TokenTTL, 30*24*time.Hour)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func positive(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}

// Faults tells what is wrong with the configuration, before anybody signs in;
// the paths are the fields' names. An empty Issuer (no sign-in) is no fault.
func (c Config) Faults() []eventbus.Fault {
	if c.Issuer == "" {
		return nil
	}
	var faults []eventbus.Fault
	for path, address := range map[string]string{"issuer": c.Issuer, "redirectURL": c.RedirectURL} {
		if u, err := url.Parse(address); err != nil || u.Host == "" || !(u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())) {
			faults = append(faults, eventbus.Fault{Path: path, Message: "is not an https address", Fix: "write https://…; http is for loopback only"})
		}
	}
	if c.ClientID == "" {
		faults = append(faults, eventbus.Fault{Path: "clientID", Message: "is missing", Fix: "write the id under which the identity provider knows the bus"})
	}
	if len(c.Key) != 0 && len(c.Key) != 32 {
		faults = append(faults, eventbus.Fault{Path: "key", Message: "is not 32 bytes long"})
	}
	for group, roles := range c.GroupRoles {
		for _, role := range roles {
			if !known(role) {
				faults = append(faults, eventbus.Fault{Path: "groupRoles." + group, Message: "there is no role " + string(role)})
			}
		}
	}
	return faults
}

// now is the time in the store's resolution.
func (s *Sessions) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Microsecond) }

// secret makes 256 random bits as text.
func (s *Sessions) secret() (string, error) {
	raw := make([]byte, 32)
	if _, err := io.ReadFull(s.cfg.Rand, raw); err != nil {
		return "", eventbus.Errorf(eventbus.CodeInternal, "no random bits: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// secretLength is that of secret's text.
const secretLength = 43

// digest is what is kept of a secret. Secrets are 256 random bits, so that a
// plain hash cannot be searched.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func isLoopback(host string) bool {
	return host == "localhost" || host == "::1" || strings.HasPrefix(host, "127.")
}
