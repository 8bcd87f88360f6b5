package interop

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"sync"
	"time"
)

// loginColumns are the second table: what a client must be refused, and
// re-authentication.
var loginColumns = []string{"re-authenticates", "no grant to write", "no grant to transact", "wrong secret", "other key's token", "altered session token", "altered signed token", "foreign role"}

// refusal is one thing that must not be.
type refusal struct {
	column  string
	set     map[string]string
	feature string // that the client tries to produce with
	says    string // regular expression of what the client says
	check   string // that the bus says it failed at; empty when the login is good
}

const saysLogin = `(?i)access denied|authenticat|sasl|denied`

func (r *run) refusalsToTry() []refusal {
	wrongSecret, foreignRole := maps.Clone(r.as.producer), maps.Clone(r.as.producer)
	delete(wrongSecret, "AWS_ROLE")
	wrongSecret["AWS_SECRET_ACCESS_KEY"] = strings.Repeat("x", 40)
	foreignRole["AWS_ROLE"] = r.as.consumer["AWS_ROLE"]

	// Each has a key of its own, by which the bus's log tells them apart.
	otherToken, alteredToken, altered := signedIn(r.T, r.as.producer), signedIn(r.T, r.as.producer), signedIn(r.T, r.as.producer)
	otherToken["AWS_SESSION_TOKEN"] = signedIn(r.T, r.as.consumer)["AWS_SESSION_TOKEN"]
	alteredToken["AWS_SESSION_TOKEN"] = alter(alteredToken["AWS_SESSION_TOKEN"])
	altered["INTEROP_ALTER"] = "true"

	all := []refusal{
		{"no grant to write", r.as.nobody, "none", `(?i)topic.?authorization|not authorized|authorization failed`, ""},
		// kafkajs says the last: it is refused the coordinator, and looks for another.
		{"no grant to transact", r.as.producer, "transactions", `(?i)transactional.?id.*authoriz|not authorized to access transactional|GroupCoordinatorNotFound`, ""},
		{"wrong secret", wrongSecret, "none", saysLogin, "signature"},
		{"other key's token", otherToken, "none", saysLogin, "session-token"},
		{"altered session token", alteredToken, "none", saysLogin, "session-token"},
		{"foreign role", foreignRole, "none", `(?i)denied|not authorized|AssumeRole|authenticat|credentials|token`, "trust"},
	}
	if contains(r.c.noAlter, r.door) {
		r.cell("altered signed token", outcome{"none", "the library signs, and the program never holds what it sends"})
		return all
	}
	return append(all, refusal{"altered signed token", altered, "none", saysLogin, "signature"})
}

// alter changes one character in the middle.
func alter(token string) string {
	at, with := len(token)/2, "A"
	if token[at] == 'A' {
		with = "B"
	}
	return token[:at] + with + token[at+1:]
}

// sideBySide is how many clients that wait to be refused run at a time.
const sideBySide = 3

// refusals tries what must not be: each time the client says so, the bus says why
// in its log, and nothing is written.
func (r *run) refusals() {
	from := r.end()
	var waiting sync.WaitGroup
	var lock sync.Mutex
	places := make(chan struct{}, sideBySide)
	for _, f := range r.refusalsToTry() {
		waiting.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			o := r.refused(f)
			lock.Lock()
			defer lock.Unlock()
			r.cell(f.column, o)
		})
	}
	waiting.Wait()
	if to := r.end(); fmt.Sprint(to) != fmt.Sprint(from) {
		r.Errorf("something was written by who may not: the ends were %v and are %v", from, to)
	}
}

func (r *run) refused(f refusal) outcome {
	began := r.bus.log.size()
	job := "produce/" + f.feature + "/" + r.mark + "-refused"
	o := r.bus.do(r.T, r.c, r.set(f.set), job)[job]
	switch {
	case o.verdict != "error":
		return outcome{"error", "it was not refused: " + o.verdict + " " + o.text}
	case !regexp.MustCompile(f.says).MatchString(o.text):
		return outcome{"error", "it fails with another error: " + o.text}
	}
	if why := r.bus.refusalSince(began, f); f.check != "" && why == "" {
		return outcome{"error", "the bus did not refuse it for its " + f.check + ": " + o.text}
	}
	return outcome{"ok", fmt.Sprintf("%.160s", o.text)}
}

// refusalSince finds the line of the log that says why this key was refused.
func (b *bus) refusalSince(began int, f refusal) string {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		for line := range strings.Lines(b.log.since(began)) {
			var said struct{ Msg, Check, Key, Role, Reason string }
			if json.Unmarshal([]byte(line), &said) != nil {
				continue // half a line yet
			}
			login := said.Msg == "login refused" && said.Check == f.check && said.Key == f.set["AWS_ACCESS_KEY_ID"]
			role := said.Msg == "role refused" && f.check == "trust" && said.Role == f.set["AWS_ROLE"]
			if login || role {
				return said.Reason
			}
		}
		if time.Now().After(deadline) {
			return ""
		}
	}
}
