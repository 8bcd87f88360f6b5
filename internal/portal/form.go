package portal

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/onboarding"
	"github.com/enterprise-event-bus/eventbus/internal/portal/questions"
)

// inputView is an input as the template draws it.
type inputView struct {
	ID, Name, Kind, Label, Hint, Value string
	Required, Checked                  bool
	Options                            []Choice
	Rows                               int
	Faults                             []string
	Describes                          string // ids of hint and faults
	Suggest                            []string
}

// contentFrom turns answers into what onboarding keeps.
func contentFrom(d questions.Document, kind eventbus.RequestKind) (onboarding.Content, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return nil, eventbus.Errorf(eventbus.CodeInvalid, "the form does not encode: %w", err)
	}
	return onboarding.DecodeContent(kind, text)
}

// drawn makes an input ready for the template, with its value and its faults.
func drawn(d questions.Document, in questions.Input, faults []eventbus.Fault) inputView {
	value := d.Get(in.Path)
	out := inputView{ID: in.ID(), Name: in.Path, Kind: string(in.Kind), Label: in.Label, Hint: in.Hint, Required: in.Required,
		Rows: in.Rows, Suggest: in.Suggest, Value: questions.Shown(value), Checked: value == true}
	if out.Rows == 0 {
		out.Rows = 4
	}
	for _, o := range in.Options {
		o.Chosen = o.Value == out.Value
		if list, ok := value.([]any); ok {
			o.Chosen = slices.Contains(list, any(o.Value))
		}
		out.Options = append(out.Options, o)
	}
	for _, f := range faults {
		if in.Owns(f.Path) {
			text := sentence(f.Message)
			if f.Fix != "" {
				text += ". " + sentence(f.Fix) + "."
			}
			out.Faults = append(out.Faults, text)
		}
	}
	var described []string
	if in.Hint != "" {
		described = append(described, out.ID+"-hint")
	}
	if len(out.Faults) > 0 {
		described = append(described, out.ID+"-error")
	}
	out.Describes = strings.Join(described, " ")
	return out
}
