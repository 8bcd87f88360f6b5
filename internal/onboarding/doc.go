// Package onboarding owns the road of a request from draft to active event:
// the documents that teams write (producer, consumer, change, offboarding),
// their validation and advice, the state machine with its stages, gates and
// four-eyes rules, and the Manifest that an approval wants provisioned.
//
// It does not provision, register or catalogue anything: the server's
// reconciler asks NextWork, lets package provision apply the Manifest, and
// reports back through EnvironmentApplied. It does not deliver notifications;
// it hands them to the store together with the decision they tell of.
//
// The rules are pure: step(request, act, world) gives the next request or an
// error and touches nothing else. Service reads what step needs, calls it, and
// saves request, audit entries and notifications in one transaction. Package
// apiserver, package portal and the command line call Service.
//
// # Who may decide
//
// A stage is decided by a person who holds its role, who neither submitted nor
// edited the content, and who has not approved, for the same request, a stage
// of another role. The owner stage belongs to a product owner of the team that
// owns the event (for a new event: of the team that asks). The stages bus and
// production belong to the same role and may be decided by the same person:
// every environment needs the owner's approval too, so that two people have
// always agreed.
//
// # What an edit voids
//
// An approval is bound to the sections of the content that its stage looks at.
// An edit of any of them voids the approval for ever, even when the edit is
// taken back. Sections that a stage does not look at are listed in stages.go;
// a section that is not listed there concerns every stage.
package onboarding
