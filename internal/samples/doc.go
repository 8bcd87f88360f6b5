// Package samples writes what a client needs: environment variables, client
// properties and complete programs per language, with the real addresses of an
// environment. It knows text only; it connects to nothing.
package samples
