package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/enterprise-event-bus/eventbus"
)

func (a *app) auditCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "Read the record of who did what, and check that it is whole"}
	cmd.AddCommand(a.auditTailCommand(), a.auditVerifyCommand())
	return cmd
}

func (a *app) auditTailCommand() *cobra.Command {
	var lines int
	var follow bool
	filter := map[string]*string{}
	cmd := &cobra.Command{
		Use: "tail", Short: "Show the newest entries", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			values := url.Values{"newest": {"true"}, "limit": {strconv.Itoa(lines)}}
			for name, value := range filter {
				if *value != "" {
					values.Set(name, *value)
				}
			}
			entries, err := a.auditEntries(cmd.Context(), values)
			if err != nil {
				return err
			}
			slices.Reverse(entries)
			if !follow {
				return a.print(entries, func() table { return auditTable(entries) })
			}
			return a.followAudit(cmd.Context(), values, entries)
		},
	}
	flags := cmd.Flags()
	flags.IntVarP(&lines, "lines", "n", 20, "so many entries, 1 to 1000")
	flags.BoolVarP(&follow, "follow", "f", false, "go on with new entries, one JSON line each")
	for name, usage := range map[string]string{"actor": "person or principal, exact or a prefix that ends in *",
		"action": "action, exact or a prefix that ends in *", "resource": "resource, exact or a prefix that ends in *",
		"outcome": "intent, allowed, denied or failed"} {
		filter[name] = flags.String(name, "", usage)
	}
	return cmd
}

func (a *app) auditEntries(ctx context.Context, values url.Values) ([]eventbus.AuditEntry, error) {
	var page struct{ Entries []eventbus.AuditEntry }
	err := a.api().Get(ctx, "/api/v1/audit?"+values.Encode(), &page)
	return page.Entries, err
}

func auditTable(entries []eventbus.AuditEntry) table {
	t := table{header: []string{"seq", "time", "actor", "action", "resource", "outcome", "reason"}}
	for _, e := range entries {
		t.rows = append(t.rows, []string{strconv.FormatInt(e.Seq, 10), e.Time.Format(time.RFC3339), e.Actor, e.Action, e.Resource, string(e.Outcome), e.Reason})
	}
	return t
}

// followAudit prints JSON lines until the command is stopped.
func (a *app) followAudit(ctx context.Context, values url.Values, entries []eventbus.AuditEntry) error {
	encoder := json.NewEncoder(a.out)
	after := int64(0)
	values.Del("newest")
	for {
		for _, e := range entries {
			after = e.Seq
			if err := encoder.Encode(e); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
		values.Set("after", strconv.FormatInt(after, 10))
		var err error
		if entries, err = a.auditEntries(ctx, values); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

func (a *app) auditVerifyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "Read the whole chain and name the first entry that was edited, removed or swapped", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var report struct {
				OK       bool   `json:"ok"`
				Entries  int64  `json:"entries"`
				FirstBad int64  `json:"firstBad,omitempty"`
				Problem  string `json:"problem,omitempty"`
				HeadSeq  int64  `json:"headSeq"`
				HeadHash string `json:"headHash"`
			}
			if err := a.api().Get(cmd.Context(), "/api/v1/audit/verify", &report); err != nil {
				return err
			}
			err := a.print(report, func() table {
				return table{header: []string{"verdict", "entries", "head", "hash"}, rows: [][]string{
					{map[bool]string{true: "whole", false: "BROKEN"}[report.OK], fmt.Sprint(report.Entries), fmt.Sprint(report.HeadSeq), report.HeadHash}}}
			})
			if err == nil && !report.OK {
				return eventbus.Errorf(eventbus.CodeCorrupt, "the audit log is broken at entry %d: %s", report.FirstBad, report.Problem)
			}
			return err
		},
	}
}
