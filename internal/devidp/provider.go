package devidp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

const (
	codeTTL  = time.Minute
	tokenTTL = 5 * time.Minute
	maxCodes = 1000
	maxForm  = 16 << 10 // bytes of a request to the token endpoint or from the page
)

// Config of a Provider; Issuer, ClientID and RedirectURLs are needed.
type Config struct {
	Issuer       string   // http://HOST:PORT/dev/idp on loopback; its path is where the Provider is mounted
	ClientID     string   // of the one client, the bus itself
	RedirectURLs []string // compared exactly, all on loopback
	Now          func() time.Time
	Rand         io.Reader // default crypto/rand
}

// Provider is the development identity provider. It keeps codes in memory and
// makes a new key at each start.
type Provider struct {
	cfg      Config
	issuer   *url.URL
	personas []Persona
	key      jose.JSONWebKey
	signer   jose.Signer
	mux      *http.ServeMux

	mu    sync.Mutex
	codes map[string]code
}

// code is what a code stands for until it is used.
type code struct {
	request authorization
	persona Persona
	expires time.Time
}

// New makes a Provider; nil personas mean Personas. Errors: CodeInvalid when the
// issuer or a redirect address is not on loopback (RFC 8252 section 7.3).
func New(cfg Config, personas []Persona) (*Provider, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if personas == nil {
		personas = Personas()
	}
	var faults []eventbus.Fault
	for i, address := range append([]string{cfg.Issuer}, cfg.RedirectURLs...) {
		u, err := url.Parse(address)
		if err != nil || !onLoopback(u.Hostname()) || u.Scheme != "http" && u.Scheme != "https" {
			path := "issuer"
			if i > 0 {
				path = "redirectURLs"
			}
			faults = append(faults, eventbus.Fault{Path: path, Message: address + " is not on loopback"})
		}
	}
	if cfg.ClientID == "" || len(cfg.RedirectURLs) == 0 {
		faults = append(faults, eventbus.Fault{Path: "clientID", Message: "client id and redirect addresses are needed"})
	}
	if len(faults) > 0 {
		return nil, eventbus.Invalid("the development identity provider was not made", faults...)
	}
	p := &Provider{cfg: cfg, personas: personas, codes: map[string]code{}}
	p.issuer, _ = url.Parse(cfg.Issuer)
	if err := p.makeKey(); err != nil {
		return nil, err
	}
	p.mount()
	return p, nil
}

func (p *Provider) makeKey() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), p.cfg.Rand)
	if err != nil {
		return eventbus.Errorf(eventbus.CodeInternal, "make the development key: %w", err)
	}
	id, err := p.random()
	if err != nil {
		return err
	}
	p.key = jose.JSONWebKey{Key: key, KeyID: id, Algorithm: string(jose.ES256), Use: "sig"}
	p.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: p.key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return eventbus.Errorf(eventbus.CodeInternal, "use the development key: %w", err)
	}
	return nil
}

func (p *Provider) mount() {
	base := strings.TrimSuffix(p.issuer.Path, "/")
	p.mux = http.NewServeMux()
	p.mux.HandleFunc("GET "+base+"/.well-known/openid-configuration", p.discovery)
	p.mux.HandleFunc("GET "+base+"/jwks", p.keys)
	p.mux.HandleFunc("GET "+base+"/authorize", p.authorize)
	p.mux.HandleFunc("POST "+base+"/authorize", p.choose)
	p.mux.HandleFunc("POST "+base+"/token", p.token)
	p.mux.HandleFunc("GET "+base+"/style.css", p.style)
}

// ServeHTTP answers everything below the issuer's path, to callers on loopback
// who call it by its own name: not to what a proxy forwards, and not to pages
// whose name was pointed at this machine (DNS rebinding).
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", p.contentPolicy())
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	forwarded := r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != ""
	if err != nil || !remote.Addr().Unmap().IsLoopback() || forwarded || r.Host != p.issuer.Host {
		http.Error(w, "The development identity provider answers on this machine only, at "+p.cfg.Issuer, http.StatusForbidden)
		return
	}
	p.mux.ServeHTTP(w, r)
}

// contentPolicy allows the page its style sheet and the way back to the bus.
func (p *Provider) contentPolicy() string {
	forms := []string{"'self'"}
	for _, address := range p.cfg.RedirectURLs {
		if u, err := url.Parse(address); err == nil && !slices.Contains(forms, u.Scheme+"://"+u.Host) {
			forms = append(forms, u.Scheme+"://"+u.Host)
		}
	}
	return "default-src 'none'; style-src 'self'; form-action " + strings.Join(forms, " ") + "; frame-ancestors 'none'; base-uri 'none'"
}

// discovery is the document of OpenID Connect Discovery section 3.
func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                         p.cfg.Issuer,
		"authorization_endpoint":                         p.cfg.Issuer + "/authorize",
		"token_endpoint":                                 p.cfg.Issuer + "/token",
		"jwks_uri":                                       p.cfg.Issuer + "/jwks",
		"response_types_supported":                       []string{"code"},
		"grant_types_supported":                          []string{"authorization_code"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{string(jose.ES256)},
		"code_challenge_methods_supported":               []string{"S256"},
		"token_endpoint_auth_methods_supported":          []string{"none"},
		"scopes_supported":                               []string{"openid", "profile", "email"},
		"claims_supported":                               []string{"sub", "name", "email", "groups"},
		"authorization_response_iss_parameter_supported": true,
	})
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{p.key.Public()}})
}

func (p *Provider) random() (string, error) {
	raw := make([]byte, 32)
	if _, err := io.ReadFull(p.cfg.Rand, raw); err != nil {
		return "", eventbus.Errorf(eventbus.CodeInternal, "no random bits: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client left
}

// onLoopback accepts the names and addresses of this machine.
func onLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}
