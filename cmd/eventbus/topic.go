package main

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/enterprise-event-bus/eventbus"
)

func (a *app) topicCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "topic", Short: "List and show topics, and look at their records"}
	cmd.AddCommand(a.topicListCommand(), a.topicShowCommand(), a.topicRecordsCommand())
	return cmd
}

func (a *app) topicListCommand() *cobra.Command {
	var environment string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the topics",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			topics, err := a.topics(cmd, environment)
			if err != nil {
				return err
			}
			return a.print(topics, func() table {
				t := table{header: []string{"name", "partitions", "replication"}}
				for _, topic := range topics {
					t.rows = append(t.rows, []string{topic.Name, strconv.Itoa(int(topic.Partitions)), strconv.Itoa(int(topic.ReplicationFactor))})
				}
				return t
			})
		},
	}
	cmd.Flags().StringVar(&environment, "environment", "", "only topics of this environment")
	return cmd
}

// topics gives the topics of an environment, of all when it is empty.
func (a *app) topics(cmd *cobra.Command, environment string) ([]eventbus.Topic, error) {
	var page struct {
		Topics []eventbus.Topic `json:"topics"`
	}
	err := a.api().Get(cmd.Context(), "/api/v1/topics?environment="+url.QueryEscape(environment), &page)
	return page.Topics, err
}

func (a *app) topicShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "show TOPIC",
		Short:             "Show one topic with its configuration",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeTopics,
		RunE: func(cmd *cobra.Command, args []string) error {
			var topic eventbus.Topic
			if err := a.api().Get(cmd.Context(), "/api/v1/topics/"+url.PathEscape(args[0]), &topic); err != nil {
				return err
			}
			return a.print(topic, func() table {
				t := table{header: []string{"property", "value"}, rows: [][]string{
					{"name", topic.Name},
					{"partitions", strconv.Itoa(int(topic.Partitions))},
					{"replication factor", strconv.Itoa(int(topic.ReplicationFactor))},
				}}
				for name, value := range topic.Configs {
					t.rows = append(t.rows, []string{name, value})
				}
				slices.SortFunc(t.rows[3:], func(x, y []string) int { return strings.Compare(x[0], y[0]) })
				return t
			})
		},
	}
}

// completeTopics offers live topic names to the shell.
func (a *app) completeTopics(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	topics, err := a.topics(cmd, "")
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, topic := range topics {
		names = append(names, topic.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
