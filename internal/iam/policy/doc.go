// Package policy reads and decides AWS IAM policy documents, as far as they
// concern Kafka (the kafka-cluster:* actions) and assuming a role.
//
// It owns the grammar of a document (Parse, ParseTrust), the decision
// (Evaluate, EvaluateTrust, Compile), the closed list of actions, the linter
// and the builders of least-privilege documents. It does not know who a
// principal is, which policies it has, what time it is or where a request came
// from: the caller says so in Request. It is pure, without clock, network or
// store.
//
// Its callers are internal/iam (decisions, simulate, roles and their trust),
// provision (builders, linter) and the validate command.
//
// The rules are AWS's: "IAM JSON policy elements reference", "Policy
// evaluation logic" and "Actions, resources, and condition keys for Apache
// Kafka APIs for Amazon MSK clusters". Where the bus is stricter, it refuses a
// document when it is written, never silently when it is evaluated: elements,
// operators, condition keys, policy variables and actions that the bus does not
// decide are faults of Parse.
package policy
