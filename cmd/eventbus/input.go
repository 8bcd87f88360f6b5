package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/provision"
)

// maxInput bounds one file that a command reads, in bytes.
const maxInput = 16 << 20

// readInput reads a file, or standard input for "-".
func (a *app) readInput(file string) ([]byte, error) {
	input := a.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, eventbus.Errorf(eventbus.CodeNotFound, "open the input: %w", err)
		}
		defer f.Close()
		input = f
	}
	text, err := io.ReadAll(io.LimitReader(input, maxInput+1))
	if err != nil {
		return nil, eventbus.Errorf(eventbus.CodeUnavailable, "read %s: %w", file, err)
	}
	if len(text) > maxInput {
		return nil, eventbus.Errorf(eventbus.CodeTooLarge, "%s is larger than %d bytes", file, maxInput)
	}
	return text, nil
}

// readManifests reads a manifest with the files that it names, or every
// manifest and schema file of a folder, by slash-separated path. Hidden files
// and folders are left out.
func (a *app) readManifests(name string) (map[string]string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, eventbus.Errorf(eventbus.CodeNotFound, "read the manifests: %w", err)
	}
	files := map[string]string{}
	if !info.IsDir() {
		return files, a.readManifest(files, name)
	}
	err = filepath.WalkDir(name, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if file != name && strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if entry.IsDir() || !entry.Type().IsRegular() {
			return nil
		}
		text, err := a.readInput(file)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(name, file)
		files[filepath.ToSlash(relative)] = string(text)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the manifests of %s: %w", name, err)
	}
	return files, nil
}

// readManifest reads one manifest and what it names.
func (a *app) readManifest(files map[string]string, name string) error {
	text, err := a.readInput(name)
	if err != nil {
		return err
	}
	base := filepath.Base(name)
	files[base] = string(text)
	for _, reference := range provision.Referenced(base, text) {
		text, err := a.readInput(filepath.Join(filepath.Dir(name), filepath.FromSlash(path.Clean(reference))))
		if eventbus.CodeOf(err) == eventbus.CodeNotFound {
			continue // the fault is shown with the line that names it
		}
		if err != nil {
			return err
		}
		files[reference] = string(text)
	}
	return nil
}

// requireFlags makes flags obligatory: a call without them is wrong usage.
func requireFlags(cmd *cobra.Command, names ...string) {
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var missing []string
		for _, name := range names {
			if !cmd.Flags().Changed(name) {
				missing = append(missing, "--"+name)
			}
		}
		if len(missing) > 0 {
			return usageError{fmt.Errorf("%s is missing; usage: %s", strings.Join(missing, " and "), cmd.UseLine())}
		}
		return run(cmd, args)
	}
}

// confirm asks before something that cannot be taken back. Without a terminal
// nobody is asked: --yes must say it.
func (a *app) confirm(question string) error {
	if a.yes {
		return nil
	}
	in, isFile := a.in.(*os.File)
	if !isFile {
		return usageError{errors.New(question + ": say --yes")}
	}
	info, err := in.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return usageError{errors.New(question + ": say --yes, there is no terminal to ask")}
	}
	fmt.Fprintf(a.err, "%s? [y/N] ", question)
	var answer string
	if _, err := fmt.Fscanln(in, &answer); errors.Is(err, io.EOF) { // such as /dev/null, which passes for a terminal
		return usageError{errors.New(question + ": say --yes, there is nobody to ask")}
	}
	if !strings.HasPrefix(strings.ToLower(answer), "y") {
		return eventbus.Errorf(eventbus.CodeConflict, "nothing was changed")
	}
	return nil
}
