// Package questions is what the portal asks a team about a request: the pages of
// the wizards, their fields and the words of both, and the document that the
// answers make.
//
// It knows where each answer stands in a request's content and what kind of text
// it takes; it does not judge answers, which onboarding does, and it draws
// nothing, which the portal does.
package questions
