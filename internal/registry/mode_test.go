package registry_test

import (
	"fmt"
	"strings"
	"testing"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// TestModes is the matrix of modes and operations: what each mode lets pass, set
// for everything, for a context or for the subject alone.
func TestModes(t *testing.T) {
	all := []string{"register", "register known", "register with id", "delete", "delete for good", "delete subject", "restore", "set level", "clear level", "read"}
	for mode, allowed := range map[registry.Mode]string{
		registry.ModeReadWrite:        "register,register known,delete,delete for good,delete subject,restore,set level,clear level,read",
		registry.ModeReadOnly:         "register known,read",
		registry.ModeReadOnlyOverride: "register known,read",
		registry.ModeImport:           "register known,register with id,delete,delete for good,delete subject,restore,set level,clear level,read",
	} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			reg, _ := node(t, kafka(t), registry.Config{}, nil)
			for i, scope := range []string{"", ":.lab:", "alone"} {
				prefix := []string{"s", ":.lab:s", "alone"}[i]
				for n, op := range all {
					subject := prefix
					if scope != "alone" {
						subject = fmt.Sprint(prefix, n)
					}
					prepare(t, reg, subject)
					if err := reg.SetMode(t.Context(), alice, scope, mode, true); err != nil {
						t.Fatal(err)
					}
					want := registry.ErrorCode(0)
					if !strings.Contains(","+allowed+",", ","+op+",") {
						want = registry.ErrNotPermitted
					}
					if got := registry.CodeOf(operate(t, reg, subject, op)); got != want {
						t.Errorf("%s of %q while %q is %s: %d, want %d", op, subject, scope, mode, got, want)
					}
					if _, err := reg.ClearMode(t.Context(), alice, scope, false); err != nil && registry.CodeOf(err) != registry.ErrSubjectNotFound {
						t.Fatal(err) // a subject's own mode goes with its last version
					}
				}
			}
		})
	}
}

// prepare gives a subject version 1, deleted for good, 2, deleted softly, and 3,
// live, with a level of its own.
func prepare(t testing.TB, reg *registry.Registry, subject string) {
	t.Helper()
	_, _ = reg.DeleteSubject(t.Context(), alice, subject, false)
	_, _ = reg.DeleteSubject(t.Context(), alice, subject, true)
	mustRegister(t, reg, subject, `"int"`)
	if err := reg.SetCompatibility(t.Context(), alice, subject, eventbus.CompatibilityNone); err != nil {
		t.Fatal(err)
	}
	mustRegister(t, reg, subject, `"long"`)
	mustDelete(t, reg, subject, false, 1)
}

func operate(t testing.TB, reg *registry.Registry, subject, op string) error {
	t.Helper()
	ctx := t.Context()
	var err error
	switch op {
	case "register":
		_, err = reg.Register(ctx, alice, subject, registry.RegisterRequest{Text: `"string"`})
	case "register known": // nothing is written: a serializer may ask
		_, err = reg.Register(ctx, alice, subject, registry.RegisterRequest{Text: `"long"`})
	case "register with id":
		_, err = reg.Register(ctx, alice, subject, registry.RegisterRequest{Text: `"bytes"`, ID: 900})
	case "delete":
		_, err = reg.Delete(ctx, alice, subject, 2, false)
	case "delete for good":
		_, err = reg.Delete(ctx, alice, subject, 1, true)
		if registry.CodeOf(err) == registry.ErrVersionNotFound { // IMPORT has purged it
			err = nil
		}
	case "delete subject":
		_, err = reg.DeleteSubject(ctx, alice, subject, false)
	case "restore":
		_, err = reg.RestoreVersion(ctx, alice, subject, 1)
		if registry.CodeOf(err) == registry.ErrVersionNotFound {
			err = nil
		}
	case "set level":
		err = reg.SetCompatibility(ctx, alice, subject, eventbus.CompatibilityFull)
	case "clear level":
		_, err = reg.ClearCompatibility(ctx, alice, subject)
	case "read":
		if _, err = reg.Version(subject, registry.Latest, registry.Live); err == nil {
			_, err = reg.Check(ctx, subject, registry.AllVersions, registry.RegisterRequest{Text: `"string"`})
		}
	default:
		t.Fatalf("no operation %q", op)
	}
	return err
}

// TestModeScopes: the mode of a subject is stronger than its context's, that one
// stronger than the global; a global READONLY_OVERRIDE is stronger than all.
func TestModeScopes(t *testing.T) {
	reg, _ := node(t, kafka(t), registry.Config{}, nil)
	set := func(scope string, mode registry.Mode) {
		t.Helper()
		if err := reg.SetMode(t.Context(), alice, scope, mode, true); err != nil {
			t.Fatal(err)
		}
	}
	inForce := func(subject string, want registry.Mode) {
		t.Helper()
		if got, err := reg.Mode(subject, true); err != nil || got != want {
			t.Errorf("%q: %s %v, want %s", subject, got, err, want)
		}
	}
	set("", registry.ModeReadOnly)
	set(":.lab:", registry.ModeReadWrite)
	set(":.lab:closed", registry.ModeReadOnly)
	inForce("s", registry.ModeReadOnly)
	inForce(":.lab:s", registry.ModeReadWrite)
	inForce(":.lab:closed", registry.ModeReadOnly)
	mustRegister(t, reg, ":.lab:s", `"int"`)

	set("", registry.ModeReadOnlyOverride)
	for _, subject := range []string{"", "s", ":.lab:s", ":.lab:closed"} {
		inForce(subject, registry.ModeReadOnlyOverride)
	}
	_, err := reg.Register(t.Context(), alice, ":.lab:s", registry.RegisterRequest{Text: `"string"`})
	wantCode(t, err, registry.ErrNotPermitted)
	_, err = reg.Import(t.Context(), alice, registry.Archive{Schemas: []registry.ArchivedSchema{{Schema: eventbus.Schema{Subject: "x", Version: 1, ID: 7, Text: `"int"`}}}})
	wantCode(t, err, registry.ErrNotPermitted)
	if mode, err := reg.Mode(":.lab:", false); err != nil || mode != registry.ModeReadWrite {
		t.Errorf("a mode below was lost: %s %v", mode, err)
	}
	if old, err := reg.ClearMode(t.Context(), alice, "", true); err != nil || old != registry.ModeReadOnlyOverride {
		t.Errorf("%s %v", old, err)
	}
	inForce(":.lab:closed", registry.ModeReadWrite)
	_, err = reg.Mode(":.lab:", false)
	wantCode(t, err, registry.ErrNoSubjectMode)
}

// TestModeRefused: what is no mode, no scope, or fixed.
func TestModeRefused(t *testing.T) {
	opts := kafka(t)
	reg, stop := node(t, opts, registry.Config{}, nil)
	mustRegister(t, reg, "s", `"int"`)
	for _, mode := range []registry.Mode{"", "readonly", "FORWARD", "SLEEP"} {
		wantCode(t, reg.SetMode(t.Context(), alice, "s", mode, false), registry.ErrInvalidMode)
	}
	for _, scope := range []string{"__GLOBAL", "__EMPTY", ":.__GLOBAL:", "a\x00b", strings.Repeat("x", 2000)} {
		wantCode(t, reg.SetMode(t.Context(), alice, scope, registry.ModeReadOnly, false), registry.ErrInvalidSubject)
	}
	wantCode(t, reg.SetMode(t.Context(), alice, "s", registry.ModeImport, false), registry.ErrNotPermitted)
	_, err := reg.ClearMode(t.Context(), alice, "s", false)
	wantCode(t, err, registry.ErrSubjectNotFound)
	stop()
	fixed, _ := node(t, opts, registry.Config{ModeFixed: true}, nil)
	wantCode(t, fixed.SetMode(t.Context(), alice, "", registry.ModeReadOnly, false), registry.ErrNotPermitted)
	_, err = fixed.ClearMode(t.Context(), alice, "", true)
	wantCode(t, err, registry.ErrNotPermitted)
}

// TestImportMode: ids and numbers are the caller's; none may change its meaning.
func TestImportMode(t *testing.T) {
	reg, _ := node(t, kafka(t), registry.Config{}, nil)
	mustRegister(t, reg, "old", `"int"`)
	mustDelete(t, reg, "old", false, 1)
	if err := reg.SetMode(t.Context(), alice, "", registry.ModeImport, false); err != nil {
		t.Fatal(err)
	}
	if got := reg.Subjects("", registry.WithDeleted); len(got) != 0 {
		t.Fatalf("softly deleted versions are purged: %v", got)
	}
	for i, step := range []struct {
		subject, text string
		id, version   int
		code          registry.ErrorCode
	}{
		{"s", `"string"`, 100, 5, 0},
		{"s", `"string"`, 100, 5, 0}, // again
		{"s", `"long"`, 100, 6, registry.ErrNotPermitted},
		{"s", `"long"`, 101, 5, registry.ErrNotPermitted},
		{"other", `"string"`, 100, 1, 0}, // one id, two subjects
		{"other", `"string"`, 102, 2, 0}, // a text may have a second id
		{"s", `"long"`, 50, 0, 0},        // the next number; not compatible, and not asked
		{":.lab:s", `"int"`, 100, 1, 0},  // ids count per context
		{"s", `"int"`, 0, 0, registry.ErrNotPermitted},
		{"s", `{"type":"int","default":"x"}`, 103, 0, 0},
		{"s", `{"type":`, 104, 0, registry.ErrInvalidSchema},
		{"s", `"float"`, 1 << 31, 0, registry.ErrNotPermitted},
		{"s", `"float"`, 105, 1 << 31, registry.ErrInvalidVersion},
	} {
		v, err := reg.Register(t.Context(), alice, step.subject, registry.RegisterRequest{Text: step.text, ID: step.id, Version: step.version})
		if got := registry.CodeOf(err); got != step.code {
			t.Errorf("step %d: %d (%v), want %d", i, got, err, step.code)
		} else if err == nil && (v.ID != step.id || step.version > 0 && v.Version != step.version) {
			t.Errorf("step %d: %+v", i, v)
		}
	}
	if _, err := reg.ClearMode(t.Context(), alice, "", false); err != nil {
		t.Fatal(err)
	}
	if v := mustRegister(t, reg, "fresh", `"bytes"`); v.ID != 104 {
		t.Errorf("id %d after an import up to 103", v.ID)
	}
	if v := mustRegister(t, reg, ":.lab:fresh", `"bytes"`); v.ID != 101 {
		t.Errorf("id %d in a context after an import of 100", v.ID)
	}
}
