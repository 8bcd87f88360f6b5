package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/streams"
)

// look is what `topic records` asks for.
type look struct {
	Reason     string    `json:"reason,omitempty"`
	Start      string    `json:"start,omitempty"`
	Offset     int64     `json:"offset,omitempty"`
	Time       time.Time `json:"time,omitzero"`
	Partitions []int32   `json:"partitions,omitempty"`
	Limit      int       `json:"limit,omitempty"`
}

func (a *app) topicRecordsCommand() *cobra.Command {
	var from string
	var asked look
	cmd := &cobra.Command{
		Use:   "records TOPIC",
		Short: "Look at records through the control plane, with personal data masked",
		Long: "Shows records to the team that owns the event and to those that were granted to consume it, without a\n" +
			"principal of Kafka: decoded, and masked by the tags of the schema. Every look is in the audit log with its\n" +
			"reason, which is required where the topic may hold personal data. `consume` reads as a Kafka client.",
		Example: "  eventbus topic records dev_letter-ready --reason 'a letter is missing'\n  eventbus topic records dev_letter-ready --from 2026-12-01T09:30:00Z -n 5",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: a.completeTopics,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := asked.begin(from); err != nil {
				return err
			}
			var page streams.Records
			path := "/api/v1/topics/" + url.PathEscape(args[0]) + "/records"
			if err := a.api().Do(cmd.Context(), http.MethodPost, path, asked, &page); err != nil {
				return err
			}
			if page.Short != "" {
				a.say("There are fewer records than asked for: %s", page.Short)
			}
			return a.print(page, func() table { return recordTable(page) })
		},
	}
	cmd.Flags().StringVar(&asked.Reason, "reason", "", "why you look; it is kept in the audit log")
	cmd.Flags().StringVar(&from, "from", "latest", "latest, earliest, an offset, or a time (RFC 3339)")
	cmd.Flags().IntVarP(&asked.Limit, "count", "n", 10, "how many records, at most 500")
	cmd.Flags().Int32SliceVar(&asked.Partitions, "partition", nil, "of these partitions only")
	return cmd
}

// begin reads where to begin.
func (l *look) begin(from string) (err error) {
	if from == "latest" || from == "earliest" {
		l.Start = from
		return nil
	}
	if l.Time, err = time.Parse(time.RFC3339, from); err == nil {
		l.Start = "timestamp"
		return nil
	}
	if n, err := fmt.Sscanf(from, "%d", &l.Offset); n == 1 && err == nil && l.Offset >= 0 && fmt.Sprint(l.Offset) == from {
		l.Start = "offset"
		return nil
	}
	return eventbus.Invalid("nothing was read", eventbus.Fault{Path: "--from", Message: fmt.Sprintf("%q is no place to begin", from),
		Fix: "write latest, earliest, an offset such as 1200, or a time such as 2026-12-01T09:30:00Z"})
}

func recordTable(page streams.Records) table {
	t := table{header: []string{"partition / offset", "time", "key", "value"}}
	for _, r := range page.Records {
		t.rows = append(t.rows, []string{fmt.Sprintf("%d / %d", r.Partition, r.Offset), r.Timestamp.Format(time.RFC3339), contentCell(r.Key), contentCell(r.Value)})
	}
	return t
}

// contentCell is a key or value on one line.
func contentCell(c streams.Content) string {
	switch c.Format {
	case streams.FormatNull:
		return "none"
	case streams.FormatHidden:
		return "hidden: " + c.Reason
	}
	return strings.Join(strings.Fields(c.Text), " ")
}
