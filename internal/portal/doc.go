// Package portal is the web interface of the bus for people: sign-in, the event
// catalog, wizards for producers and consumers, requests with their reviews,
// schemas, topics, access, audit and the guides.
//
// It renders pages on the server (html/template) and owns their words, their
// form fields and their style. It decides nothing: every act goes through the
// domain (onboarding, catalog, iam, registry), which refuses what a person may
// not do, and the page shows the refusal. It keeps no state but cookies.
// internal/server mounts Handler at "/".
//
// What needs no request to be worked out lies in packages of its own below it:
// questions (the wizards' pages and fields), guide (Markdown), lineage (the
// drawing of producers and consumers), static (style sheets, scripts, fonts).
//
// # How a page is made
//
// One file per page beside its template: catalog.go and templates/catalog.html.
// The handler reads the domain, fills a view struct in which every word stands
// already, and calls render; templates hold no logic beyond range and if. Every
// page works without JavaScript: links and forms do the work, htmx only saves a
// reload. State that a person may want to share is in the URL.
//
// # The dialect of htmx 4
//
// Inheritance is explicit (hx-target:inherited), events are called
// htmx:after:swap, hx-disable disables elements during a request, and responses
// of any status are swapped. TestDialect refuses the names of htmx 2.
//
// # Content security
//
// No inline script or style, no nonce: style= and hx-on: do not work and a test
// refuses them. Widths of bars are SVG attributes.
package portal
