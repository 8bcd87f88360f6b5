package main

import (
	"fmt"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/enterprise-event-bus/eventbus/internal/streams"
)

func (a *app) groupCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "group", Short: "List and show consumer groups"}
	cmd.AddCommand(a.groupListCommand(), a.groupShowCommand())
	return cmd
}

func (a *app) groupListCommand() *cobra.Command {
	var prefix, topic string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the consumer groups, or those that read one topic with their lag",
		Example: "  eventbus group list --topic dev_decision-letter-availability",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if topic != "" {
				return a.listTopicGroups(cmd, topic)
			}
			groups, err := a.groups(cmd, prefix)
			if err != nil {
				return err
			}
			return a.print(groups, func() table {
				t := table{header: []string{"id", "state", "protocol"}}
				for _, g := range groups {
					t.rows = append(t.rows, []string{g.ID, g.State, g.Protocol})
				}
				return t
			})
		},
	}
	cmd.Flags().StringVar(&prefix, "prefix", "", "only groups whose id begins so")
	cmd.Flags().StringVar(&topic, "topic", "", "only groups that read this topic")
	cmd.MarkFlagsMutuallyExclusive("prefix", "topic")
	_ = cmd.RegisterFlagCompletionFunc("topic", a.completeTopics) // the flag is there
	return cmd
}

func (a *app) groups(cmd *cobra.Command, prefix string) ([]streams.ListedGroup, error) {
	var page struct {
		Groups []streams.ListedGroup `json:"groups"`
	}
	err := a.api().Get(cmd.Context(), "/api/v1/groups?prefix="+url.QueryEscape(prefix), &page)
	return page.Groups, err
}

func (a *app) listTopicGroups(cmd *cobra.Command, topic string) error {
	var page struct {
		Groups []streams.TopicGroup `json:"groups"`
		More   bool                 `json:"more"`
	}
	if err := a.api().Get(cmd.Context(), "/api/v1/topics/"+url.PathEscape(topic)+"/groups", &page); err != nil {
		return err
	}
	if page.More {
		a.say("There are others that are not listed")
	}
	return a.print(page.Groups, func() table {
		t := table{header: []string{"id", "state", "lag"}}
		for _, g := range page.Groups {
			t.rows = append(t.rows, []string{g.ID, g.State, strconv.FormatInt(g.Lag, 10)})
		}
		return t
	})
}

func (a *app) groupShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "show GROUP",
		Short:             "Show one consumer group: its members, and how far behind it is in each partition",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeGroups,
		RunE: func(cmd *cobra.Command, args []string) error {
			var group streams.Group
			if err := a.api().Get(cmd.Context(), "/api/v1/groups/"+url.PathEscape(args[0]), &group); err != nil {
				return err
			}
			return a.print(group, func() table { return groupTable(group) })
		},
	}
}

func groupTable(g streams.Group) table {
	t := table{header: []string{"property", "value"}, rows: [][]string{
		{"group", g.ID}, {"state", g.State}, {"kind", g.Kind}, {"members", strconv.Itoa(len(g.Members))}, {"lag", strconv.FormatInt(g.Lag, 10)},
	}}
	for _, p := range g.Partitions {
		lag := "lag not known"
		if p.Lag >= 0 {
			lag = fmt.Sprintf("lag %d", p.Lag)
		}
		t.rows = append(t.rows, []string{fmt.Sprintf("%s / %d", p.Topic, p.Partition), lag})
	}
	return t
}

// completeGroups offers live group ids to the shell.
func (a *app) completeGroups(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	groups, err := a.groups(cmd, "")
	if len(args) > 0 || err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ids []string
	for _, g := range groups {
		ids = append(ids, g.ID)
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}
