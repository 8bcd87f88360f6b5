package portal

import (
	"encoding/json"
	"sort"
	"strconv"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/samples"
)

// commandLine is the bus's own client, beside the languages of samples.
const commandLine samples.Language = "cli"

// languages are the clients that can sign in the way a connection asks.
func languages(c connection) []samples.LanguageInfo {
	var list []samples.LanguageInfo
	for _, l := range samples.Languages() {
		if l.IAM || c.access.SecurityProtocol == "PLAINTEXT" {
			list = append(list, l)
		}
	}
	return append(list, samples.LanguageInfo{Name: commandLine, Title: "eventbus CLI", IAM: true})
}

const credentialsNote = "Set these where the program runs; credentials come from where it runs, never from here."

// snippets gives everything that a program in one language consists of, ready
// to be copied, and what goes wrong with it and why.
func snippets(language samples.Language, c connection) (blocks []codeBlock, notes []string, err error) {
	direction := eventbus.Consumed
	if c.Produces {
		direction = eventbus.Produced
	}
	if language == commandLine {
		return commandLineBlocks(c), nil, nil
	}
	sample, err := samples.Program(language, c.access, samples.Topic{Name: c.Topic, Example: c.example}, direction, c.Group)
	if err != nil {
		return nil, nil, err
	}
	blocks = append(blocks, codeBlock{ID: "code-env", Title: "Environment", Note: credentialsNote, Code: exports(c.access)})
	for i, f := range sample.Files {
		blocks = append(blocks, codeBlock{ID: "code-" + strconv.Itoa(i), Title: f.Name, Code: f.Text})
	}
	if len(sample.Run) > 0 {
		blocks = append(blocks, codeBlock{ID: "code-run", Title: "Run it", Code: strings.Join(sample.Run, "\n") + "\n"})
	}
	return blocks, sample.Notes, nil
}

// exports are the environment variables as a shell takes them.
func exports(a samples.Access) string {
	set := samples.Environment(a)
	lines := make([]string, 0, len(set))
	for name, value := range set {
		lines = append(lines, "export "+name+"="+shellQuote(value))
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n") + "\n"
}

// cli is a line of the bus's own client that runs as it is.
func (p *Portal) cli(words ...string) string {
	line := "eventbus"
	for _, word := range words {
		line += " " + shellQuote(word)
	}
	if p.cfg.BaseURL != defaultBaseURL {
		line += " --server " + shellQuote(p.cfg.BaseURL)
	}
	return line
}

// curlJSON is a line that posts a document to the API.
func (p *Portal) curlJSON(path string, document any) string {
	text, err := json.Marshal(document)
	if err != nil {
		return ""
	}
	return p.curl(path) + " --json " + shellQuote(string(text))
}

// curl is a line that reads a path of the API with the caller's token.
func (p *Portal) curl(path string) string {
	return `curl -fsS -H "Authorization: Bearer $EVENTBUS_TOKEN" ` + shellQuote(p.cfg.BaseURL+path)
}

func commandLineBlocks(c connection) []codeBlock {
	blocks := []codeBlock{{ID: "code-env", Title: "Environment", Note: credentialsNote, Code: exports(c.access)}}
	if c.Produces {
		return append(blocks, codeBlock{ID: "code-0", Title: "Produce", Note: "JSON lines in, Avro on the wire.", Code: "echo " + shellQuote(c.example) + " | eventbus produce " + shellQuote(c.Topic) + "\n"})
	}
	return append(blocks, codeBlock{ID: "code-0", Title: "Consume", Note: "JSON lines, decoded by the registered schema.", Code: "eventbus consume " + shellQuote(c.Topic) + " --group " + shellQuote(c.Group) + "\n"})
}
