package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/enterprise-event-bus/eventbus"
)

// envNames is the order in which `eventbus env` prints the variables.
var envNames = []string{"EB_BOOTSTRAP_SERVERS", "EB_SECURITY_PROTOCOL", "SCHEMA_REGISTRY_URL", "AWS_ROLE",
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL_STS", "EB_CA_FILE", "EB_TRUSTSTORE"}

func (a *app) envCommand() *cobra.Command {
	var principal, environment, format string
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Print what a client needs: addresses and, for a principal, credentials",
		Long: "Prints shell exports that configure any Kafka client, with the names that the VA sample uses.\n" +
			"Without --principal it is the PLAINTEXT set of the local administrator.",
		Example: "  eval \"$(eventbus env --principal test-producer)\"",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := url.Values{}
			if principal != "" {
				query.Set("principal", principal)
			}
			if environment != "" {
				query.Set("environment", environment)
			}
			var set map[string]string
			if err := a.api().Get(cmd.Context(), "/api/v1/client-environment?"+query.Encode(), &set); err != nil {
				return err
			}
			return a.printEnv(set, format)
		},
	}
	cmd.Flags().StringVar(&principal, "principal", "", "IAM principal to sign in as (test-producer, test-consumer, test-nobody)")
	cmd.Flags().StringVar(&environment, "environment", "", "environment whose addresses are printed")
	cmd.Flags().StringVar(&format, "format", "env", "env, json or properties")
	return cmd
}

func (a *app) printEnv(set map[string]string, format string) error {
	switch format {
	case "json":
		encoder := json.NewEncoder(a.out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(set)
	case "env", "properties":
	default:
		return usageError{fmt.Errorf("format %q: use env, json or properties", format)}
	}
	for _, name := range envNames {
		value, ok := set[name]
		if !ok {
			continue
		}
		if format == "env" {
			fmt.Fprintf(a.out, "export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`))
		} else {
			fmt.Fprintf(a.out, "%s=%s\n", name, value)
		}
	}
	if len(set) == 0 {
		return eventbus.Errorf(eventbus.CodeNotFound, "the bus gave no client configuration")
	}
	return nil
}
