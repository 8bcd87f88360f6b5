package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// kcats is the command line client kcat, which is librdkafka.
type kcats struct{}

func (kcats) command(ctx context.Context, arguments ...string) (*exec.Cmd, error) {
	if os.Getenv("EB_SECURITY_PROTOCOL") == "SASL_SSL" {
		return nil, lacking("kcat cannot be given a source of tokens, so it has no AWS IAM")
	}
	return exec.CommandContext(ctx, "kcat", append([]string{"-q", "-b", os.Getenv("EB_BOOTSTRAP_SERVERS"), "-X", "client.id=interop-kcat", "-X", "message.timeout.ms=10000"}, arguments...)...), nil
}

func (k kcats) produce(ctx context.Context, feature, mark string) error {
	arguments := []string{"-P", "-t", topic}
	switch feature {
	case "idempotent":
		arguments = append(arguments, "-X", "enable.idempotence=true")
	case "transactions":
		arguments = append(arguments, "-X", "transactional.id="+mark)
	default:
		arguments = append(arguments, "-z", feature, "-X", "linger.ms=20")
	}
	cmd, err := k.command(ctx, arguments...)
	if err != nil {
		return err
	}
	cmd.Stdin = bytes.NewReader(append(bytes.Join(values(mark), []byte("\n")), '\n'))
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		return fmt.Errorf("kcat: %w: %s", errors.Join(err), out)
	}
	return nil
}

func (k kcats) consume(ctx context.Context, feature, group string, see func([]byte) bool) error {
	if feature == "next" {
		return lacking("librdkafka before 2.12 does not speak KIP-848")
	}
	cmd, err := k.command(ctx, "-X", "auto.offset.reset=earliest", "-X", "isolation.level=read_committed", "-u", "-G", group, topic)
	if err != nil {
		return err
	}
	var fault strings.Builder
	cmd.Stderr = &fault
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	found := false
	for lines := bufio.NewScanner(out); !found && lines.Scan(); {
		found = see(lines.Bytes())
	}
	_ = cmd.Process.Signal(os.Interrupt) // it has read enough, or ended by itself
	_ = cmd.Wait()
	if !found {
		return errors.New("the expected records did not come: " + fault.String())
	}
	return nil
}
