// Package catalog owns the event catalog: it reads and writes Backstage
// entities (catalog-info.yaml), validates them, keeps them searchable, and
// exports them so that a Backstage ingests them.
//
// Two shapes of the Event entity are read: the older flat one (productowner,
// team, system, payload, forwarders as a map, topics[].brokerAddress) and the
// later one (sourceSystems, forwarders as a list, schema, retention,
// removalDate, topics[].brokerAddresses). Only the later one is written.
//
// It does not fetch anything: whoever imports by URL hands in the text. It does
// not know topics, schemas or access as they are; provision and the server put
// what is known into an Event. Packages apiserver, portal and the command line
// call it, and the command line validates files with Read alone.
package catalog
