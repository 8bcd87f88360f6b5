package policy

import (
	"fmt"
	"strings"
)

// Fault is one thing wrong with a document.
type Fault struct {
	// Path leads to the fault in the JSON text, for example
	// Statement[0].Condition.StringLike["aws:PrincipalArn"][1]. Empty means the
	// document as a whole.
	Path string
	// Message says what is wrong and, where it helps, what to write instead.
	Message string
}

// String gives "path: message".
func (f Fault) String() string {
	if f.Path == "" {
		return f.Message
	}
	return f.Path + ": " + f.Message
}

// Error is what Parse and ParseTrust return for a document that they refuse. It
// lists every fault found (at most MaxFaults), in the order of the text.
type Error struct {
	Faults []Fault
}

// MaxFaults is how many faults of one document are listed.
const MaxFaults = 50

// Error lists all faults in one line, separated by semicolons.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("policy document refused: ")
	for i, f := range e.Faults {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(f.String())
	}
	return b.String()
}

// faults collects what Parse finds wrong.
type faults struct {
	list []Fault
}

func (f *faults) add(path, format string, args ...any) {
	if len(f.list) < MaxFaults {
		f.list = append(f.list, Fault{Path: path, Message: fmt.Sprintf(format, args...)})
	}
}

func (f *faults) err() error {
	if len(f.list) == 0 {
		return nil
	}
	return &Error{Faults: f.list}
}
