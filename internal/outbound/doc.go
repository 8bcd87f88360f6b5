// Package outbound is the bus's only way out to addresses that people typed: it
// fetches documents (catalog files from a URL), posts webhooks and sends mail.
//
// It owns the guard against server-side request forgery: https only, no
// redirects, no proxy, no credentials in addresses, a limit of size and time,
// and above all a check of the address that is really dialled, after the name
// was resolved, so that neither odd spellings nor a name server that changes its
// mind reach this machine or the network around it. It decides nothing about
// contents. Package server makes it and hands it to the domain.
package outbound
