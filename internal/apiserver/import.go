package apiserver

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/catalog"
)

// Fetcher gets documents from addresses that people typed, guarded against
// server-side request forgery.
type Fetcher interface {
	// Fetch gets a document: CodeInvalid for what is no https address or no
	// document, CodeForbidden for an address that must not be reached,
	// CodeTooLarge, CodeUnavailable.
	Fetch(ctx context.Context, address string) ([]byte, error)
}

// registerImports adds the import of what lies at an address, such as a file of
// a Git server.
func (a *API) registerImports() {
	load := operation(http.MethodPost, "/imports", "import-address",
		"Import the catalog-info.yaml at an address, or only say what is wrong in it", http.StatusNotFound)
	load.BodyReadTimeout = 30 * time.Second
	register(a, load, a.importAddress)
}

type importAddressInput struct {
	Body struct {
		URL   string `json:"url" format:"uri" minLength:"1" maxLength:"2048" doc:"https address of the file itself; it must not redirect"`
		Check bool   `json:"check,omitempty" doc:"say what it holds and what is wrong; import nothing"`
	}
}

func (a *API) importAddress(ctx context.Context, in *importAddressInput) (*body[catalog.Imported], error) {
	text, err := a.parts.Fetch.Fetch(ctx, in.Body.URL)
	if eventbus.CodeOf(err) == eventbus.CodeUnavailable { // not the bus is out of order, but what it was sent to
		return nil, eventbus.Invalid("nothing was imported", eventbus.Fault{Path: "url", Message: "could not be reached", Fix: "check the address, and try again"})
	}
	if err != nil {
		return nil, err
	}
	var imported catalog.Imported
	if source := withoutQuery(in.Body.URL); in.Body.Check {
		imported, err = catalog.Check(text, source)
	} else {
		imported, err = a.parts.Catalog.Import(ctx, actorOf(ctx), text, source)
	}
	if err != nil {
		return nil, err
	}
	return &body[catalog.Imported]{imported}, nil
}

// withoutQuery leaves out of an address what may be a secret: a query is kept by
// nobody and shown to nobody.
func withoutQuery(address string) string {
	u, err := url.Parse(address)
	if err != nil { // the fetcher took it, so it parses
		return "an address"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
