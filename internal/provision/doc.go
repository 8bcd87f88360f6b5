// Package provision makes the world what a manifest wants: topics, their
// configuration, schemas and compatibility levels, the schema guard, principals
// and their policies, grants and catalog entries. It owns the difference between
// wanted and is (Plan), its exact application (Apply, Resume), what differs
// later on (Drift) and the manifest files of GitOps (ReadManifests).
//
// It does not decide whether a change was approved: package onboarding and the
// doors do, and say so in ApplyOptions. It does not talk to Kafka, the registry,
// the directory or the database: World names what it needs of each, and the
// server fills it. Onboarding's reconciler (through server), the control-plane
// API and the command line call it; all take the same road.
//
// # How a plan becomes true
//
// A plan carries the hash of everything that it looked at. Apply looks again
// and refuses when anything moved. Each change is one step: recorded as running
// together with its audit entry, done, recorded as done. Doing a step twice is
// harmless, so that a plan which a crash cut short is simply carried on. The new
// wanted state is saved before the last step is recorded as done: an unfinished
// plan is never forgotten, and a finished one has always said what it wanted.
//
// # What is touched
//
// Only what a manifest names. A config that nobody named stays; one that an
// earlier manifest named and this one does not goes back to its default. A
// field of a catalog entry that is left out stays. Topics are never deleted at
// once: they are quarantined (access ends, data stays) and deleted by a later
// plan, after Config.Quarantine.
package provision
