package iam

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam/sigv4"
)

// vault holds the keys derived from the master key (HKDF, RFC 5869), one for
// each purpose.
type vault struct {
	secrets cipher.AEAD // seals the secrets of access keys
	foreign cipher.AEAD // seals the secrets of keys that AWS made
	tokens  cipher.AEAD // seals session tokens
	derive  []byte      // gives temporary keys their secrets
	random  sync.Mutex
	rand    io.Reader
}

func newVault(master []byte, rand io.Reader) (*vault, error) {
	v := &vault{rand: rand}
	var err error
	if v.secrets, err = aead(master, "eventbus access key secrets v1"); err != nil {
		return nil, err
	}
	if v.foreign, err = aead(master, "eventbus foreign key secrets v1"); err != nil {
		return nil, err
	}
	if v.tokens, err = aead(master, "eventbus session tokens v1"); err != nil {
		return nil, err
	}
	v.derive, err = hkdf.Key(sha256.New, master, nil, "eventbus temporary secrets v1", sha256.Size)
	return v, err
}

func aead(master []byte, purpose string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, master, nil, purpose, 32)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	return cipher.NewGCM(block)
}

// bytes gives n random bytes.
func (v *vault) bytes(n int) ([]byte, error) {
	b := make([]byte, n)
	v.random.Lock()
	defer v.random.Unlock()
	if _, err := io.ReadFull(v.rand, b); err != nil {
		return nil, eventbus.Errorf(eventbus.CodeUnavailable, "no randomness for a key, nothing was made: %w", err)
	}
	return b, nil
}

// keyID makes an access key id as AWS writes them: a prefix and 16 characters.
func (v *vault) keyID(prefix string) (string, error) {
	b, err := v.bytes(10)
	return prefix + base32.StdEncoding.EncodeToString(b), err
}

// secret makes the secret of a long-lived key: 40 characters, 240 bits.
func (v *vault) secret() (string, error) {
	b, err := v.bytes(30)
	return base64.StdEncoding.EncodeToString(b), err
}

const sealVersion = 1

var errSeal = errors.New("it does not open: altered, of another key, or sealed under another master key")

// sealed gives version, nonce and ciphertext; about is bound to it.
func (v *vault) sealed(with cipher.AEAD, plain []byte, about string) ([]byte, error) {
	nonce, err := v.bytes(with.NonceSize())
	if err != nil {
		return nil, err
	}
	return with.Seal(append([]byte{sealVersion}, nonce...), nonce, plain, []byte(about)), nil
}

func opened(with cipher.AEAD, box []byte, about string) ([]byte, error) {
	if len(box) < 1+with.NonceSize()+with.Overhead() || box[0] != sealVersion {
		return nil, errSeal
	}
	nonce, box := box[1:1+with.NonceSize()], box[1+with.NonceSize():]
	plain, err := with.Open(nil, nonce, box, []byte(about))
	if err != nil {
		return nil, errSeal
	}
	return plain, nil
}

func keyLabel(id, user string) string { return "access key " + id + " of " + user }

// sealSecret seals a long-lived key's secret, bound to the key's id and user.
func (v *vault) sealSecret(id, user, secret string) ([]byte, error) {
	return v.sealed(v.secrets, []byte(secret), keyLabel(id, user))
}

func (v *vault) openSecret(id, user string, box []byte) (string, error) {
	plain, err := opened(v.secrets, box, keyLabel(id, user))
	return string(plain), err
}

// claims is what a session token says, sealed and bound to its access key id.
// Times are Unix microseconds.
type claims struct {
	KeyID      string   `json:"k"`           // the long-lived key at the root
	Via        []string `json:"v,omitempty"` // roles assumed before, first to last
	Role       string   `json:"r"`
	Session    string   `json:"s"`
	Issued     int64    `json:"i"`
	Expires    int64    `json:"e"`
	Policy     string   `json:"p,omitempty"` // session policy
	Caller     string   `json:"c"`           // ARN of who assumed the role
	ExternalID string   `json:"x,omitempty"`
	From       string   `json:"f,omitempty"` // its IP address
}

// maxToken bounds what is opened at all.
const maxToken = 8 << 10

func (v *vault) sealClaims(keyID string, c claims) (string, error) {
	plain, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("write session token: %w", err)
	}
	box, err := v.sealed(v.tokens, plain, keyID)
	// Without + and / the token stays short where it is escaped in a URL.
	return base64.RawURLEncoding.EncodeToString(box), err
}

func (v *vault) openClaims(keyID, token string) (c claims, err error) {
	if len(token) > maxToken || strings.ContainsAny(token, "\r\n") { // which base64 skips
		return c, errSeal
	}
	box, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return c, errSeal
	}
	plain, err := opened(v.tokens, box, keyID)
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(plain, &c)
}

// temporarySecret is the secret of a temporary key: 40 characters derived from
// its id and its token, so that nothing needs to be kept.
func (v *vault) temporarySecret(keyID, token string) string {
	mac := hmac.New(sha256.New, v.derive)
	fmt.Fprintf(mac, "%d %s %s", len(keyID), keyID, token)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil)[:30])
}

// signingKeys keeps the keys that long-lived secrets give for a day, region and
// service, so that secrets need not be opened for each signature.
type signingKeys struct {
	mu   sync.RWMutex
	keys map[signingKey][32]byte
}

type signingKey struct {
	key                   *accessKey
	date, region, service string
}

// maxSigningKeys bounds the cache; it starts again when full.
const maxSigningKeys = 10_000

func (c *signingKeys) get(v *vault, k signingKey) ([32]byte, error) {
	c.mu.RLock()
	signing, ok := c.keys[k]
	c.mu.RUnlock()
	if ok {
		return signing, nil
	}
	secret, err := v.openSecret(k.key.id, k.key.user, k.key.sealed)
	if err != nil {
		return signing, err
	}
	signing = sigv4.SigningKey(secret, k.date, k.region, k.service)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.keys) >= maxSigningKeys {
		clear(c.keys)
	}
	c.keys[k] = signing
	return signing, nil
}

// forget drops what belongs to keys that are gone or changed.
func (c *signingKeys) forget(now *snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := range c.keys {
		if now.keys[k.key.id] != k.key {
			delete(c.keys, k)
		}
	}
}
