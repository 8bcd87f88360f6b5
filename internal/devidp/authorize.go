package devidp

import (
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

//go:embed authorize.html
var pageText string

//go:embed style.css
var styleText []byte

var page = template.Must(template.New("authorize").Parse(pageText))

// authorization is a request of the client (RFC 6749 section 4.1.1, PKCE of RFC
// 7636, nonce of OpenID Connect).
type authorization struct {
	ClientID, RedirectURL, State, Nonce, Challenge, Hint string
}

// authorize shows the page of personas. A login_hint that names a persona signs
// it in without the page, for the command line: not when a page of another site
// sent the browser here, which could else sign people in as whom it likes.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	request, ok := p.read(w, r, r.URL.Query())
	if !ok {
		return
	}
	if persona, known := p.persona(request.Hint); known && !fromElsewhere(r) {
		p.approve(w, r, request, persona)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, map[string]any{ // the client left
		"Style": p.issuer.Path + "/style.css", "Action": p.issuer.Path + "/authorize", "Request": request, "Personas": p.personas})
}

// choose takes the press of a persona's button.
func (p *Provider) choose(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form cannot be read.", http.StatusBadRequest)
		return
	}
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		http.Error(w, "This form was sent from another site.", http.StatusForbidden)
		return
	}
	request, ok := p.read(w, r, r.PostForm)
	if !ok {
		return
	}
	persona, known := p.persona(r.PostForm.Get("persona"))
	if !known {
		p.refuse(w, r, request, "access_denied")
		return
	}
	p.approve(w, r, request, persona)
}

// read checks a request. A wrong client or redirect address is answered here and
// never redirected (RFC 6749 section 4.1.2.1); other faults go back to the client.
func (p *Provider) read(w http.ResponseWriter, r *http.Request, q url.Values) (authorization, bool) {
	a := authorization{ClientID: q.Get("client_id"), RedirectURL: q.Get("redirect_uri"), State: q.Get("state"), Nonce: q.Get("nonce"),
		Challenge: q.Get("code_challenge"), Hint: q.Get("login_hint")}
	if a.ClientID != p.cfg.ClientID || !slices.Contains(p.cfg.RedirectURLs, a.RedirectURL) || len(q["redirect_uri"]) != 1 || len(q["client_id"]) != 1 {
		http.Error(w, "The client or its redirect address is not known. Nothing was sent anywhere.", http.StatusBadRequest)
		return a, false
	}
	fault := ""
	switch {
	case q.Get("response_type") != "code":
		fault = "unsupported_response_type"
	case !slices.Contains(strings.Fields(q.Get("scope")), "openid"):
		fault = "invalid_scope"
	case a.State == "" || a.Nonce == "" || len(a.State)+len(a.Nonce) > 1000:
		fault = "invalid_request"
	case q.Get("code_challenge_method") != "S256" || len(a.Challenge) != 43: // base64url of SHA-256
		fault = "invalid_request"
	}
	if fault != "" {
		p.refuse(w, r, a, fault)
		return a, false
	}
	return a, true
}

func (p *Provider) persona(name string) (Persona, bool) {
	i := slices.IndexFunc(p.personas, func(persona Persona) bool { return persona.Person.ID == name })
	if i < 0 {
		return Persona{}, false
	}
	return p.personas[i], true
}

// approve makes a code and sends the browser back with it.
func (p *Provider) approve(w http.ResponseWriter, r *http.Request, a authorization, persona Persona) {
	text, err := p.random()
	if err != nil || !p.keep(text, code{request: a, persona: persona, expires: p.cfg.Now().Add(codeTTL)}) {
		p.refuse(w, r, a, "temporarily_unavailable")
		return
	}
	p.back(w, r, a, url.Values{"code": {text}})
}

func (p *Provider) refuse(w http.ResponseWriter, r *http.Request, a authorization, fault string) {
	p.back(w, r, a, url.Values{"error": {fault}})
}

func (p *Provider) back(w http.ResponseWriter, r *http.Request, a authorization, answer url.Values) {
	target, err := url.Parse(a.RedirectURL)
	if err != nil { // it is one of the configured ones, which New parsed
		http.Error(w, "The redirect address cannot be read.", http.StatusInternalServerError)
		return
	}
	q := target.Query()
	q.Set("state", a.State)
	q.Set("iss", p.cfg.Issuer) // RFC 9207
	for name, values := range answer {
		q[name] = values
	}
	target.RawQuery = q.Encode()
	http.Redirect(w, r, target.String(), http.StatusSeeOther)
}

// keep remembers a code, unless too many wait.
func (p *Provider) keep(text string, c code) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.cfg.Now()
	for old, waiting := range p.codes {
		if !now.Before(waiting.expires) {
			delete(p.codes, old)
		}
	}
	if len(p.codes) >= maxCodes {
		return false
	}
	p.codes[text] = c
	return true
}

// take gives what a code stands for, once.
func (p *Provider) take(text string) (code, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.codes[text]
	delete(p.codes, text)
	return c, ok && p.cfg.Now().Before(c.expires)
}

func (p *Provider) style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(styleText) // the client left
}

// fromElsewhere reports whether a page of another origin sent the browser;
// programs that are no browser do not say, and nobody sends them.
func fromElsewhere(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site != "" && site != "same-origin" && site != "none"
}
