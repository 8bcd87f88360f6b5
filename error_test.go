package eventbus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestCodeOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want Code
	}{
		{nil, ""},
		{io.EOF, CodeInternal},
		{context.Canceled, CodeInternal},
		{Errorf(CodeConflict, "x"), CodeConflict},
		{fmt.Errorf("doing: %w", Errorf(CodeNotFound, "x")), CodeNotFound},
		{errors.Join(io.EOF, Errorf(CodeLimited, "x")), CodeLimited},
		{Errorf(CodeForbidden, "outer: %w", Errorf(CodeNotFound, "inner")), CodeForbidden},
		{&Error{Code: CodeUnavailable, Err: Errorf(CodeInvalid, "x")}, CodeUnavailable},
	} {
		if got := CodeOf(c.err); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
	codes := Codes()
	if sorted := slices.Sorted(slices.Values(codes)); len(slices.Compact(sorted)) != len(codes) || len(codes) != 10 {
		t.Errorf("the list of codes is not closed: %v", codes)
	}
}

// TestErrorf keeps a cause for errors.Is and says its text once.
func TestErrorf(t *testing.T) {
	err := Errorf(CodeUnavailable, "read the head: %w", io.ErrUnexpectedEOF)
	if !errors.Is(err, io.ErrUnexpectedEOF) || strings.Count(err.Error(), "unexpected EOF") != 1 || err.Message != "read the head: unexpected EOF" {
		t.Errorf("%q", err.Error())
	}
	if plain := Errorf(CodeInvalid, "%d bytes", 3); plain.Err != nil || plain.Error() != "3 bytes" || errors.Unwrap(plain) != nil {
		t.Errorf("%+v", plain)
	}
	inner := &Error{Code: CodeNotFound, Message: "no topic", Next: "make it"}
	outer := fmt.Errorf("plan: %w", Errorf(CodeConflict, "step: %w", inner))
	var found *Error
	if !errors.As(errors.Unwrap(errors.Unwrap(outer)), &found) || found != inner {
		t.Errorf("the cause is lost: %v", outer)
	}
}

// TestErrorText has everything that a reader needs, each once, in this order:
// message, faults, cause, what to do.
func TestErrorText(t *testing.T) {
	err := &Error{Code: CodeInvalid, Message: "no plan was made", Next: "correct it", Err: io.EOF,
		Faults: []Fault{{Path: "topic.name", Message: "is empty", Fix: "write one"}, {Message: "too much"}}}
	if want := "no plan was made: topic.name: is empty (write one): too much: EOF: correct it"; err.Error() != want {
		t.Errorf("%q, want %q", err.Error(), want)
	}
	if faults := FaultsOf(fmt.Errorf("doing: %w", err)); len(faults) != 2 {
		t.Errorf("faults %v", faults)
	}
	if FaultsOf(io.EOF) != nil || FaultsOf(nil) != nil {
		t.Error("faults of nothing")
	}
	if err := Invalid("bad", Fault{Path: "a"}); err.Code != CodeInvalid || len(err.Faults) != 1 {
		t.Errorf("%+v", err)
	}
}

func TestFaultText(t *testing.T) {
	for want, f := range map[string]Fault{
		"is wrong":                                {Message: "is wrong"},
		"a.b: is wrong":                           {Path: "a.b", Message: "is wrong"},
		"a.b: is wrong (do so)":                   {Path: "a.b", Message: "is wrong", Fix: "do so"},
		"3:7: a: is wrong":                        {Path: "a", Message: "is wrong", Line: 3, Column: 7},
		"event.yaml:3:7: a: is wrong":             {File: "event.yaml", Path: "a", Message: "is wrong", Line: 3, Column: 7},
		"event.yaml: is wrong":                    {File: "event.yaml", Message: "is wrong"},
		"event.yaml:1:0: a: is wrong (leave out)": {File: "event.yaml", Line: 1, Path: "a", Message: "is wrong", Fix: "leave out"},
	} {
		if f.String() != want {
			t.Errorf("%q, want %q", f.String(), want)
		}
	}
}
