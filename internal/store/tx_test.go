package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/jackc/pgx/v5/pgconn"
)

func TestTransactionIsRepeated(t *testing.T) {
	s, err := Open(t.Context(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	deadlock := &pgconn.PgError{Code: "40P01"}
	tests := []struct {
		name      string
		fails     int
		failure   error
		wantTries int
		want      eventbus.Code
	}{
		{"at once", 0, nil, 1, ""},
		{"lost twice", 2, deadlock, 3, ""},
		{"lost for ever", 100, fmt.Errorf("save: %w", deadlock), attempts, eventbus.CodeUnavailable},
		{"a constraint", 100, &pgconn.PgError{Code: "23505"}, 1, eventbus.CodeConflict},
		{"a refusal of ours", 100, eventbus.Errorf(eventbus.CodeForbidden, "no"), 1, eventbus.CodeForbidden},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tries := 0
			err := s.inTx(t.Context(), "test", func(tx *sql.Tx) error {
				if _, err := exec(t.Context(), tx, "INSERT INTO counters (name, value) VALUES ($1, 1)", test.name); err != nil {
					return err
				}
				if tries++; tries <= test.fails {
					return test.failure
				}
				return nil
			})
			if eventbus.CodeOf(err) != test.want || tries != test.wantTries {
				t.Fatalf("%d tries, %v; want %d and %q", tries, err, test.wantTries, test.want)
			}
			n, err := s.counter(t.Context(), test.name)
			if err != nil || (n == 1) != (test.want == "") {
				t.Errorf("%d rows written, %v", n, err)
			}
		})
	}
}

func TestTransactionEndsWithItsContext(t *testing.T) {
	s, err := Open(t.Context(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	tries := 0
	err = s.inTx(ctx, "test", func(*sql.Tx) error {
		tries++
		cancel()
		return &pgconn.PgError{Code: "40001"}
	})
	if tries != 1 || eventbus.CodeOf(err) != eventbus.CodeUnavailable {
		t.Errorf("%d tries, %v", tries, err)
	}
}

func TestCodes(t *testing.T) {
	for state, want := range map[string]eventbus.Code{
		"23505": eventbus.CodeConflict, "23503": eventbus.CodeConflict, "22021": eventbus.CodeInvalid, "42601": eventbus.CodeInternal,
		"XX001": eventbus.CodeCorrupt, "08006": eventbus.CodeUnavailable, "53100": eventbus.CodeUnavailable, "57P01": eventbus.CodeUnavailable,
	} {
		if got := codeOf(&pgconn.PgError{Code: state}); got != want {
			t.Errorf("SQLSTATE %s: %q, want %q", state, got, want)
		}
	}
	for _, test := range []struct {
		err  error
		want eventbus.Code
	}{
		{sql.ErrNoRows, eventbus.CodeNotFound},
		{context.Canceled, eventbus.CodeUnavailable},
		{errors.New("disk on fire"), eventbus.CodeUnavailable},
	} {
		var e *eventbus.Error
		if err := translate(test.err, "read"); !errors.As(err, &e) || e.Code != test.want || !errors.Is(err, test.err) {
			t.Errorf("%v: %v, want %q and the cause kept", test.err, err, test.want)
		}
	}
	if translate(nil, "read") != nil {
		t.Error("no error became one")
	}
}

func TestTableSQL(t *testing.T) {
	y := systemTable
	if got, want := y.insertSQL(), "INSERT INTO systems (kind, name, document, version) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"; got != want {
		t.Errorf("insert %q, want %q", got, want)
	}
	if got, want := y.updateSQL(), "UPDATE systems SET document = $3, version = $4 WHERE kind = $1 AND name = $2 AND version = $5"; got != want {
		t.Errorf("update %q, want %q", got, want)
	}
}
