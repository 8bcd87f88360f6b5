package onboarding

import (
	"bytes"
	"encoding/json"
	"fmt"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/document"
)

// Submission is a request as a team wrote it.
type Submission struct {
	Kind    eventbus.RequestKind
	Content Content
	doc     document.Document
}

// Locate gives faults of Validate their file, line and column, when the
// submission was read from a text.
func (s Submission) Locate(faults []eventbus.Fault) []eventbus.Fault { return s.doc.Locate(faults) }

// newContent gives an empty content of a kind, nil for an unknown one.
func newContent(kind eventbus.RequestKind) Content {
	switch kind {
	case eventbus.ProducerRequest:
		return &ProducerContent{}
	case eventbus.ConsumerRequest:
		return &ConsumerContent{}
	case eventbus.ChangeRequest:
		return &ChangeContent{}
	case eventbus.OffboardingRequest:
		return &OffboardingContent{}
	default:
		return nil
	}
}

// ParseRequest reads one request document, YAML or JSON, at most 256 KiB. It
// checks the form (kind, known fields, kinds of values), not the meaning:
// Validate does. The error is CodeTooLarge, or CodeInvalid with all faults.
func ParseRequest(text []byte, file string) (Submission, error) {
	docs, err := document.Read(text, file, document.Limits{})
	if err != nil {
		return Submission{}, err
	}
	if len(docs) != 1 {
		return Submission{}, eventbus.Invalid("nothing was submitted", eventbus.Fault{File: file, Line: 1, Column: 1,
			Message: fmt.Sprintf("%d documents, a request is one", len(docs)), Fix: "write one request per file"})
	}
	doc := docs[0]
	kind := eventbus.RequestKind(doc.Text("kind"))
	content := newContent(kind)
	var faults []eventbus.Fault
	if v := doc.Text("apiVersion"); v != eventbus.APIVersion {
		faults = append(faults, eventbus.Fault{Path: "apiVersion", Message: fmt.Sprintf("is %q", v), Fix: "write apiVersion: " + eventbus.APIVersion})
	}
	if content == nil {
		faults = append(faults, eventbus.Fault{Path: "kind", Message: fmt.Sprintf("%q is not a kind of request", kind),
			Fix: "write ProducerRequest, ConsumerRequest, ChangeRequest or OffboardingRequest"})
	}
	if len(faults) > 0 {
		return Submission{}, eventbus.Invalid("nothing was submitted", doc.Locate(faults)...)
	}
	if err := decode(doc, content); err != nil {
		return Submission{}, err
	}
	return Submission{Kind: kind, Content: content, doc: doc}, nil
}

// envelope stands before every content in a file.
type envelope[C any] struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Content    C      `yaml:",inline"`
}

func decode(doc document.Document, into Content) error {
	switch c := into.(type) {
	case *ProducerContent:
		return decodeInto(doc, c)
	case *ConsumerContent:
		return decodeInto(doc, c)
	case *ChangeContent:
		return decodeInto(doc, c)
	case *OffboardingContent:
		return decodeInto(doc, c)
	default:
		return eventbus.Errorf(eventbus.CodeInternal, "content %T has no decoder", into)
	}
}

func decodeInto[C any](doc document.Document, into *C) error {
	var e envelope[C]
	if err := doc.Decode(&e); err != nil {
		return err
	}
	*into = e.Content
	return nil
}

// DecodeContent reads the stored content of a request, or a content that came
// as JSON; unknown fields are refused.
func DecodeContent(kind eventbus.RequestKind, text json.RawMessage) (Content, error) {
	content := newContent(kind)
	if content == nil {
		return nil, eventbus.Invalid("nothing was changed", eventbus.Fault{Path: "kind", Message: fmt.Sprintf("%q is not a kind of request", kind),
			Fix: "write ProducerRequest, ConsumerRequest, ChangeRequest or OffboardingRequest"})
	}
	if len(text) == 0 {
		return content, nil
	}
	if len(text) > maxContent {
		return nil, eventbus.Errorf(eventbus.CodeTooLarge, "the content has %d bytes, the limit is %d", len(text), maxContent)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(content); err != nil {
		return nil, eventbus.Invalid("nothing was changed", eventbus.Fault{Path: "content", Message: err.Error()})
	}
	return content, nil
}

// maxContent bounds the stored content of one request, in bytes.
const maxContent = 256 << 10

// encodeContent gives the canonical JSON of a content: fields in the order of
// its type, map keys sorted.
func encodeContent(c Content) (json.RawMessage, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, eventbus.Errorf(eventbus.CodeInternal, "the content does not encode: %w", err)
	}
	if len(text) > maxContent {
		return nil, eventbus.Errorf(eventbus.CodeTooLarge, "the content has %d bytes, the limit is %d; nothing was saved", len(text), maxContent)
	}
	return text, nil
}
