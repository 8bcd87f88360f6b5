package devidp

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
)

// token trades a code for an identity token (RFC 6749 section 4.1.3). A code is
// spent by the first attempt, whether it succeeds or not.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		tokenError(w, "invalid_request")
		return
	}
	form := r.PostForm
	if form.Get("grant_type") != "authorization_code" {
		tokenError(w, "unsupported_grant_type")
		return
	}
	c, ok := p.take(form.Get("code"))
	verifier := form.Get("code_verifier")
	switch {
	case form.Get("client_id") != p.cfg.ClientID:
		tokenError(w, "invalid_client")
	case !ok, form.Get("redirect_uri") != c.request.RedirectURL, !fits(verifier, c.request.Challenge):
		tokenError(w, "invalid_grant")
	default:
		p.grant(w, c)
	}
}

// fits is RFC 7636 section 4.6 for S256.
func fits(verifier, challenge string) bool {
	if len(verifier) < 43 || len(verifier) > 128 {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}

func (p *Provider) grant(w http.ResponseWriter, c code) {
	identity, err := p.identity(c)
	if err != nil {
		tokenError(w, "server_error")
		return
	}
	access, err := p.random() // opens nothing: the provider has no other resource
	if err != nil {
		tokenError(w, "server_error")
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"token_type": "Bearer", "access_token": access, "expires_in": int(tokenTTL.Seconds()), "id_token": identity})
}

// identity makes the signed identity token (OpenID Connect Core section 2).
func (p *Provider) identity(c code) (string, error) {
	now, who := p.cfg.Now(), c.persona.Person
	text, err := json.Marshal(map[string]any{
		"iss": p.cfg.Issuer, "sub": who.ID, "aud": p.cfg.ClientID, "nonce": c.request.Nonce,
		"iat": now.Unix(), "auth_time": now.Unix(), "exp": now.Add(tokenTTL).Unix(),
		"name": who.Name, "email": who.Email, "email_verified": true, "groups": c.persona.groups(),
	})
	if err != nil {
		return "", err
	}
	signed, err := p.signer.Sign(text)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

func tokenError(w http.ResponseWriter, fault string) {
	status := http.StatusBadRequest
	switch fault {
	case "invalid_client":
		status = http.StatusUnauthorized
	case "server_error":
		status = http.StatusInternalServerError
	}
	writeJSON(w, status, map[string]string{"error": fault})
}
