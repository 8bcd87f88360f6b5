// Package samples writes what a client needs: environment variables, client
// properties and complete programs per language, with the real addresses of an
// environment and the role of a principal.
//
// It knows text only: it connects to nothing, and no secret ever stands in a
// program or in properties (Environment alone carries one). Called by the portal,
// the API and `eventbus env`. That the programs are correct is kept by golden
// files and by the compilers; that they run against a bus, by the interop tests.
package samples
