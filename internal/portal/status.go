package portal

import (
	"net/http"
	"strings"
)

// statusView says how the parts are, and how to reach people.
type statusView struct {
	Summary    Alert
	Components []componentRow
	Channels   []channelView
	Version    string
}

type componentRow struct {
	Name, Detail string
	State        Pill
}

type channelView struct {
	Name, Text, URL, Answered string
}

func (p *Portal) statusPage(w http.ResponseWriter, v visit) error {
	view := statusView{Version: p.cfg.Version, Summary: Alert{Tone: ToneGood, Heading: "Everything works"}}
	if p.cfg.Commit != "" {
		view.Version += " (" + p.cfg.Commit + ")"
	}
	if p.parts.Status != nil {
		for _, c := range p.parts.Status(v.Context()) {
			row := componentRow{Name: c.Name, Detail: c.Detail, State: Pill{"Works", ToneGood, "check_circle"}}
			if !c.Healthy {
				row.State = Pill{"Does not work", ToneBad, "error"}
				view.Summary = Alert{Tone: ToneBad, Heading: "Something does not work", Text: "The table says what, and since when as far as it is known."}
			}
			view.Components = append(view.Components, row)
		}
	}
	for _, c := range p.cfg.Support {
		channel := channelView{Name: c.Name, Text: c.Address, Answered: c.Answered, URL: outside(c.Address)}
		if mail, ok := strings.CutPrefix(c.Address, "mailto:"); ok {
			channel.Text, channel.URL = mail, c.Address
		}
		view.Channels = append(view.Channels, channel)
	}
	return p.render(w, v, http.StatusOK, "status", Shell{Title: "Status and support", Lede: "How the bus is now, and whom to ask.", Elsewhere: Elsewhere{Curl: p.curl("/healthz/ready")}}, view)
}
