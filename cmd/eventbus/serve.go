package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/enterprise-event-bus/eventbus/internal/server"
)

func (a *app) serveCommand() *cobra.Command {
	var file, readyFile, logLevel string
	cmd := &cobra.Command{
		Use:   "serve --config FILE",
		Short: "Run the bus for others: before Apache Kafka or AWS MSK, or on one machine",
		Long: "Runs gateway, schema registry, portal, API and STS as the file says (docs/operate/serve.md); several may run side\n" +
			"by side on one PostgreSQL and one Kafka. `eventbus validate FILE` checks the file without starting anything.",
		Example: "  eventbus serve --config /etc/eventbus/eventbus.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usageError{fmt.Errorf("which configuration? usage: %s", cmd.UseLine())}
			}
			return a.serve(cmd.Context(), file, readyFile, logLevel)
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "the configuration, YAML")
	cmd.Flags().StringVar(&readyFile, "ready-file", "", "write the real addresses to this file, as JSON, once everything answers")
	cmd.Flags().StringVar(&logLevel, "log-level", "", "debug, info, warn or error (default: log.level of the configuration)")
	return cmd
}

func (a *app) serve(ctx context.Context, file, readyFile, logLevel string) error {
	text, err := a.readInput(file)
	if err != nil {
		return startError{err}
	}
	cfg, level, err := server.ReadConfig(ctx, text, file, a.getenv)
	if err != nil {
		return startError{err}
	}
	if logLevel != "" {
		if err := level.UnmarshalText([]byte(logLevel)); err != nil {
			return usageError{fmt.Errorf("--log-level=%s: use debug, info, warn or error", logLevel)}
		}
	}
	cfg.Version = version
	cfg.Logger = slog.New(slog.NewJSONHandler(a.err, &slog.HandlerOptions{Level: level}))
	bus, err := server.Open(ctx, cfg)
	if err != nil {
		return startError{err}
	}
	defer bus.Close()
	return a.serveUntilStopped(ctx, bus, readyFile)
}

// serveBanner says in a few lines where the bus answers.
func serveBanner(out io.Writer, at server.Addresses) {
	fmt.Fprintf(out, "Enterprise Event Bus %s is ready.\n", at.Version)
	for _, line := range [][2]string{
		{"Portal, API", at.HTTP}, {"Schema registry", at.Registry}, {"Kafka, AWS IAM", at.KafkaIAM},
		{"Kafka, AWS IAM (outside AWS)", at.KafkaIAMExternal}, {"Metrics", at.Admin},
	} {
		if line[1] != "" {
			fmt.Fprintf(out, "  %-29s %s\n", line[0], line[1])
		}
	}
}
