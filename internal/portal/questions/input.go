package questions

import "strings"

// Kind says how a field is typed in and how its text becomes a value.
type Kind string

// The kinds of inputs.
const (
	Text   Kind = "text"
	Long   Kind = "long"   // several lines
	Code   Kind = "code"   // several lines, monospaced
	Number Kind = "number" // whole
	Date   Kind = "date"
	Check  Kind = "check" // true when ticked
	Select Kind = "select"
	Radio  Kind = "radio"
	Checks Kind = "checks" // several of a list
	Lines  Kind = "lines"  // one value a line
)

// Input describes one field of a request's form.
type Input struct {
	Path     string // where its value lives in the content: "event.sourceSystems.0.systemName"; faults carry such paths
	Kind     Kind   // Text when empty
	Label    string
	Hint     string
	Required bool
	Options  []Choice // of Select, Radio, Checks
	Rows     int      // of Long, Code, Lines; 0 = the page's default
	Suggest  []string // completions
}

// Choice is an option of a select or a set of radio buttons.
type Choice struct {
	Value, Label, Hint string
	Chosen             bool
}

// Owns reports whether a fault's path is about the input: the path itself or
// something within it.
func (in Input) Owns(path string) bool {
	path = strings.NewReplacer("[", ".", "]", "").Replace(path)
	return path == in.Path || strings.HasPrefix(path, in.Path+".")
}

// ID is the input's id in a page.
func (in Input) ID() string { return "f-" + strings.ReplaceAll(in.Path, ".", "-") }
