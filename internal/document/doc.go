// Package document reads YAML (and so JSON) that comes from outside, strictly:
// it owns the limits, the refusal of everything that makes YAML surprising
// (aliases, merge keys, explicit tags, duplicate and unknown keys) and the line
// and column of every fault.
//
// It does not know what a document means. Packages onboarding (requests) and
// catalog (Backstage entities) call it; their rules report faults by path, and
// Locate gives each fault its place in the file.
package document
