package samples

import (
	"bytes"
	"embed"
	"encoding/json"
	"strconv"
	"strings"
	"text/template"

	"github.com/enterprise-event-bus/eventbus"
)

// Language is a programming language, or a client, that there are programs for.
type Language string

// The languages.
const (
	Java      Language = "java"       // AWS_MSK_IAM, as in the VA sample
	JavaOAuth Language = "java-oauth" // OAUTHBEARER
	Go        Language = "go"         // franz-go and the client package of this module
	Python    Language = "python"     // confluent-kafka and AWS's signer
	Node      Language = "node"       // kafkajs and AWS's signer
	Kcat      Language = "kcat"       // PLAINTEXT only
)

// LanguageInfo is a Language for people.
type LanguageInfo struct {
	Name  Language
	Title string
	IAM   bool // can sign in with IAM; without it there are programs for PLAINTEXT only
}

// Languages lists the languages in the order to show them.
func Languages() []LanguageInfo {
	return []LanguageInfo{
		{Java, "Java", true},
		{JavaOAuth, "Java (OAUTHBEARER)", true},
		{Go, "Go", true},
		{Python, "Python", true},
		{Node, "Node.js", true},
		{Kcat, "kcat", false},
	}
}

// Topic is what a program is about.
type Topic struct {
	Name    string
	Example string // one value as JSON, as the schema's Avro JSON encoding has it; "" = {}
}

// Sample is a complete program. Files[0] is the program itself; the others say
// what it depends on.
type Sample struct {
	Language Language
	Files    []File
	Run      []string // shell commands, one a line, that run it
	Notes    []string // what goes wrong and why, a sentence or two each
}

// File is one file of a program.
type File struct{ Name, Text string }

// recipe says how the programs of a language are made.
type recipe struct {
	templates string                     // prefix of the templates' names
	kind      Kind                       // of the settings
	files     func(verb string) []string // names: the program first
	run       func(verb string) []string
}

var recipes = map[Language]recipe{
	Java:      java(KindMSKIAM),
	JavaOAuth: java(KindOAuthBearer),
	Go: {"go", KindLibrdkafka, func(string) []string { return []string{"main.go"} }, func(string) []string {
		return []string{"go mod init sample", "go get github.com/enterprise-event-bus/eventbus/client github.com/twmb/franz-go/pkg/kgo", "go run ."}
	}},
	Python: {"python", KindLibrdkafka, func(verb string) []string { return []string{verb + ".py", "requirements.txt"} }, func(verb string) []string {
		return []string{"pip install -r requirements.txt", "python3 " + verb + ".py"}
	}},
	Node: {"node", KindLibrdkafka, func(verb string) []string { return []string{verb + ".js", "package.json"} }, func(verb string) []string {
		return []string{"npm install", "node " + verb + ".js"}
	}},
	Kcat: {"kcat", KindLibrdkafka, func(verb string) []string { return []string{verb + ".sh"} }, func(verb string) []string { return []string{"sh " + verb + ".sh"} }},
}

func java(kind Kind) recipe {
	class := func(verb string) string { return strings.ToUpper(verb[:1]) + verb[1:] }
	return recipe{"java", kind, func(verb string) []string { return []string{"src/main/java/" + class(verb) + ".java", "pom.xml"} },
		func(verb string) []string { return []string{"mvn compile exec:java -Dexec.mainClass=" + class(verb)} }}
}

// words is what the templates speak of.
type words struct {
	Access
	Topic
	Settings     []Setting
	Signed       bool
	Group        string
	ValueSubject string
}

// MaxExample bounds Topic.Example, in bytes.
const MaxExample = 64 << 10

// Program writes the program that produces to a topic, or consumes it in a
// group. It is CodeInvalid when the language cannot sign in as the access asks,
// or when a name is not legal.
func Program(language Language, a Access, t Topic, d eventbus.Direction, group string) (Sample, error) {
	recipe, ok := recipes[language]
	if !ok {
		return Sample{}, eventbus.Errorf(eventbus.CodeInvalid, "there are no programs in %q", language)
	}
	if language == Kcat {
		if err := kcatCan(a, d); err != nil {
			return Sample{}, err
		}
	}
	faults := append(a.faults(), t.faults()...)
	if d != eventbus.Produced && d != eventbus.Consumed {
		faults = append(faults, eventbus.Fault{Path: "direction", Message: "must be produce or consume"})
	}
	if d == eventbus.Consumed && (group == "" || len(group) > 255 || !oneLine(group)) {
		faults = append(faults, eventbus.Fault{Path: "group", Message: "must be 1 to 255 printable characters on one line"})
	}
	if len(faults) > 0 {
		return Sample{}, eventbus.Invalid("the program cannot be written", faults...)
	}
	settings, err := Settings(a, recipe.kind)
	if err != nil {
		return Sample{}, err
	}
	if t.Example == "" {
		t.Example = "{}"
	}
	verb := string(d)
	program := Sample{Language: language, Run: recipe.run(verb), Notes: append(kindNotes(a, noteKind(language, recipe)), directionNotes(a, t, d, group)...)}
	w := words{Access: a, Topic: t, Settings: settings, Signed: a.signed(), Group: group, ValueSubject: eventbus.ValueSubject(t.Name)}
	for i, name := range recipe.files(verb) {
		from := recipe.templates + "_" + verb
		if i > 0 {
			from = name
		}
		text, err := render(from, w)
		if err != nil {
			return Sample{}, err
		}
		program.Files = append(program.Files, File{Name: name, Text: text})
	}
	return program, nil
}

// kcatCan refuses what kcat cannot do.
func kcatCan(a Access, d eventbus.Direction) error {
	switch {
	case a.signed():
		return &eventbus.Error{Code: eventbus.CodeInvalid, Message: "kcat cannot sign in with IAM: it cannot be given a source of tokens",
			Next: "use `eventbus consume`, or Python, which is built on the same library"}
	case d == eventbus.Produced:
		return &eventbus.Error{Code: eventbus.CodeInvalid, Message: "kcat writes no Avro", Next: "use `eventbus produce`"}
	}
	return nil
}

// noteKind: what librdkafka cannot do concerns only those that use it bare.
func noteKind(language Language, r recipe) Kind {
	switch language {
	case Java, JavaOAuth:
		return r.kind
	case Python:
		return kindPython
	}
	return ""
}

func (t Topic) faults() []eventbus.Fault {
	var faults []eventbus.Fault
	if err := eventbus.CheckTopicName(t.Name); err != nil {
		faults = append(faults, eventbus.Fault{Path: "topic", Message: err.Error()})
	}
	if t.Example != "" && (len(t.Example) > MaxExample || !json.Valid([]byte(t.Example))) {
		faults = append(faults, eventbus.Fault{Path: "example", Message: "must be one JSON value of at most 64 KiB"})
	}
	return faults
}

//go:embed templates/*.tmpl
var templateFiles embed.FS

var templates = template.Must(template.New("").Option("missingkey=error").Funcs(template.FuncMap{
	"go": strconv.Quote, "js": quote, "python": quote, "java": quote, "sh": shell, "compact": compact,
	"brokers": func(list string) []string { return strings.Split(list, ",") },
}).ParseFS(templateFiles, "templates/*.tmpl"))

func render(name string, w words) (string, error) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name+".tmpl", w); err != nil {
		return "", &eventbus.Error{Code: eventbus.CodeInternal, Message: "write the sample " + name, Err: err}
	}
	return b.String(), nil
}

// quote writes a string literal that is the same in Java, JavaScript and Python.
func quote(text string) (string, error) {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(text)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// shell writes a word that no shell looks into.
func shell(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// compact writes JSON on one line.
func compact(text string) (string, error) {
	var b bytes.Buffer
	err := json.Compact(&b, []byte(text))
	return b.String(), err
}
