package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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

// send gives kcat each value as a file, because it splits its input at newlines.
func (k kcats) send(ctx context.Context, values [][]byte) error {
	dir, err := os.MkdirTemp("", "kcat")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	arguments := []string{"-P", "-t", topic}
	for i, v := range values {
		file := filepath.Join(dir, strconv.Itoa(i))
		if err := os.WriteFile(file, v, 0o600); err != nil {
			return err
		}
		arguments = append(arguments, file)
	}
	cmd, err := k.command(ctx, arguments...)
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		return fmt.Errorf("kcat: %w: %s", errors.Join(err), out)
	}
	return nil
}

func (kcats) stay(context.Context, <-chan []byte) error {
	return lacking("kcat signs in with no token that would have to be renewed")
}

// avroUsers reads the values of a mark with kcat's own decoder when its build has
// one. A build without says so, and is shown to carry the bytes unharmed.
func (k kcats) avroUsers(ctx context.Context, mark, group string) error {
	cmd, err := k.command(ctx, "-X", "auto.offset.reset=earliest", "-u", "-s", "value=avro", "-r", os.Getenv("SCHEMA_REGISTRY_URL"), "-G", group, topic)
	if err != nil {
		return err
	}
	if out, _ := exec.CommandContext(ctx, "kcat", "-V").CombinedOutput(); !bytes.Contains(out, []byte("Avro")) {
		said, err := cmd.CombinedOutput()
		if err == nil || !bytes.Contains(said, []byte("lacks Avro")) {
			return fmt.Errorf("kcat is built without Avro and does not say so: %s", said)
		}
		if err := avroConsume(ctx, k, mark, group); err != nil {
			return err
		}
		return carrying("this build of kcat lacks Avro")
	}
	seen := map[float64]bool{}
	return follow(cmd, func(out *bufio.Reader) (bool, error) {
		line, err := out.ReadBytes('\n')
		var u struct {
			Name           string
			SequenceNumber float64
		}
		if json.Unmarshal(line, &u) == nil && strings.HasPrefix(u.Name, mark+"-") {
			seen[u.SequenceNumber] = true
		}
		return len(seen) == count, err
	})
}

func (k kcats) consume(ctx context.Context, feature, group string, see func([]byte) bool) error {
	if feature == "next" {
		return lacking("librdkafka before 2.12 does not speak KIP-848")
	}
	cmd, err := k.command(ctx, "-X", "auto.offset.reset=earliest", "-X", "isolation.level=read_committed", "-u", "-f", "%S %s", "-G", group, topic)
	if err != nil {
		return err
	}
	return follow(cmd, func(out *bufio.Reader) (bool, error) {
		length, err := out.ReadString(' ')
		if err != nil {
			return false, err
		}
		value := make([]byte, max(atoi(strings.TrimSpace(length)), 0)) // -1: no value
		_, err = io.ReadFull(out, value)
		return see(value), err
	})
}

// follow runs a kcat that consumes until next has read enough of its output.
func follow(cmd *exec.Cmd, next func(*bufio.Reader) (enough bool, err error)) error {
	var fault strings.Builder
	cmd.Stderr = &fault
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	out, enough := bufio.NewReader(pipe), false
	for err == nil && !enough {
		enough, err = next(out)
	}
	_ = cmd.Process.Signal(os.Interrupt) // it has read enough, or ended by itself
	_ = cmd.Wait()
	if !enough {
		return fmt.Errorf("the expected records did not come: %w: %s", err, fault.String())
	}
	return nil
}
