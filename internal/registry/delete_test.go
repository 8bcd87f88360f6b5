package registry_test

import (
	"fmt"
	"slices"
	"testing"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// mustDelete removes versions of a subject, the first time softly, then for good.
func mustDelete(t testing.TB, reg *registry.Registry, subject string, permanent bool, numbers ...int) {
	t.Helper()
	for _, number := range numbers {
		if got, err := reg.Delete(t.Context(), alice, subject, number, permanent); err != nil || got != number {
			t.Fatalf("delete %s %d: %d %v", subject, number, got, err)
		}
	}
}

// numbersOf lists the versions of a subject, nil if there are none.
func numbersOf(reg *registry.Registry, subject string, filter registry.Filter) []int {
	list, err := reg.Versions(subject, filter)
	if err != nil {
		return nil
	}
	return list
}

// TestSoftDelete: what is softly deleted is no longer offered, but every id that
// data carries still answers.
func TestSoftDelete(t *testing.T) {
	reg, _ := node(t, kafka(t), registry.Config{}, nil)
	one := mustRegister(t, reg, "s", record(fieldA))
	two := mustRegister(t, reg, "s", record(fieldA+","+fieldB))
	mustDelete(t, reg, "s", false, 1)

	if got := numbersOf(reg, "s", registry.Live); !slices.Equal(got, []int{2}) {
		t.Errorf("live: %v", got)
	}
	if got := numbersOf(reg, "s", registry.WithDeleted); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("with deleted: %v", got)
	}
	if got := numbersOf(reg, "s", registry.OnlyDeleted); !slices.Equal(got, []int{1}) {
		t.Errorf("only deleted: %v", got)
	}
	_, err := reg.Version("s", 1, registry.Live)
	wantCode(t, err, registry.ErrVersionNotFound)
	if v, err := reg.ByID(one.ID, ""); err != nil || v.Text != one.Text {
		t.Errorf("the id of a deleted version: %+v %v", v, err)
	}
	if reg.AllowedUnder("s", one.ID) || !reg.AllowedUnder("s", two.ID) {
		t.Error("new records may carry the id of a deleted version")
	}
	_, err = reg.Lookup(t.Context(), "s", registry.RegisterRequest{Text: one.Text}, registry.Live)
	wantCode(t, err, registry.ErrSchemaNotFound)
	if v, err := reg.Lookup(t.Context(), "s", registry.RegisterRequest{Text: one.Text}, registry.WithDeleted); err != nil || v.Version != 1 || !v.Deleted {
		t.Errorf("%+v %v", v, err)
	}
	_, err = reg.Delete(t.Context(), alice, "s", 1, false)
	wantCode(t, err, registry.ErrVersionSoftDeleted)

	mustDelete(t, reg, "s", false, 2)
	for name, call := range map[string]func() error{
		"latest":        func() error { _, err := reg.Version("s", registry.Latest, registry.Live); return err },
		"versions":      func() error { _, err := reg.Versions("s", registry.Live); return err },
		"delete latest": func() error { _, err := reg.Delete(t.Context(), alice, "s", registry.Latest, false); return err },
		"lookup": func() error {
			_, err := reg.Lookup(t.Context(), "s", registry.RegisterRequest{Text: one.Text}, registry.Live)
			return err
		},
		"no such":        func() error { _, err := reg.Delete(t.Context(), alice, "nobody", 1, false); return err },
		"restore nobody": func() error { _, err := reg.RestoreVersion(t.Context(), alice, "nobody", 1); return err },
	} {
		if got := registry.CodeOf(call()); got != registry.ErrSubjectNotFound {
			t.Errorf("%s of a subject without live versions: %d", name, got)
		}
	}
	if v, err := reg.RestoreVersion(t.Context(), alice, "s", 1); err != nil || v.ID != one.ID || v.Version != 1 || v.Deleted || v.RegisteredBy != "alice" || !v.RegisteredAt.Equal(one.RegisteredAt) {
		t.Errorf("restored: %+v %v", v, err)
	}
	if !reg.AllowedUnder("s", one.ID) {
		t.Error("a restored version is not allowed")
	}
}

// TestHardDelete: only what is softly deleted goes for good, and its id is never
// given again, not even by the next leader.
func TestHardDelete(t *testing.T) {
	opts := kafka(t)
	reg, stop := node(t, opts, registry.Config{}, nil)
	mustRegister(t, reg, "s", record(fieldA))
	two := mustRegister(t, reg, "s", record(fieldA+","+fieldB))
	_, err := reg.Delete(t.Context(), alice, "s", 2, true)
	wantCode(t, err, registry.ErrVersionNotSoftDeleted)
	_, err = reg.DeleteSubject(t.Context(), alice, "s", true)
	wantCode(t, err, registry.ErrSubjectNotSoftDeleted)
	mustDelete(t, reg, "s", false, 2)
	mustDelete(t, reg, "s", true, 2)
	_, err = reg.ByID(two.ID, "")
	wantCode(t, err, registry.ErrSchemaNotFound)
	_, err = reg.Delete(t.Context(), alice, "s", 2, true)
	wantCode(t, err, registry.ErrVersionNotFound)
	_, err = reg.RestoreVersion(t.Context(), alice, "s", 2)
	wantCode(t, err, registry.ErrVersionNotFound)
	stop()

	reg, _ = node(t, opts, registry.Config{}, nil)
	if v := mustRegister(t, reg, "s", two.Text); v.ID <= two.ID {
		t.Errorf("id %d is given again after a hard deletion of %d", v.ID, two.ID)
	}
	if _, err := reg.DeleteSubject(t.Context(), alice, "s", false); err != nil {
		t.Fatal(err)
	}
	_, err = reg.DeleteSubject(t.Context(), alice, "s", false)
	wantCode(t, err, registry.ErrSubjectSoftDeleted)
	if gone, err := reg.DeleteSubject(t.Context(), alice, "s", true); err != nil || len(gone) != 2 {
		t.Fatalf("%v %v", gone, err)
	}
	if got := reg.Subjects("", registry.WithDeleted); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
	if c := reg.Counts(); c != (registry.Counts{}) {
		t.Errorf("left: %+v", c)
	}
}

// TestDeleteSettings: with its last version a subject's level and mode go too;
// while one is left they stay.
func TestDeleteSettings(t *testing.T) {
	reg, _ := node(t, kafka(t), registry.Config{}, nil)
	for _, subject := range []string{"one", "whole"} {
		mustRegister(t, reg, subject, record(fieldA))
		mustRegister(t, reg, subject, record(fieldA+","+fieldB))
		if err := reg.SetCompatibility(t.Context(), alice, subject, eventbus.CompatibilityNone); err != nil {
			t.Fatal(err)
		}
		if err := reg.SetMode(t.Context(), alice, subject, registry.ModeReadWrite, false); err != nil {
			t.Fatal(err)
		}
	}
	mustDelete(t, reg, "one", false, 1)
	if _, err := reg.Compatibility("one", false); err != nil {
		t.Errorf("a level went with a version that was not the last: %v", err)
	}
	mustDelete(t, reg, "one", false, 2)
	if _, err := reg.DeleteSubject(t.Context(), alice, "whole", false); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"one", "whole"} {
		_, err := reg.Compatibility(subject, false)
		wantCode(t, err, registry.ErrNoSubjectLevel)
		_, err = reg.Mode(subject, false)
		wantCode(t, err, registry.ErrNoSubjectMode)
	}
}

// TestDeleteReferenced: what a live schema refers to cannot be deleted, neither
// softly nor for good, directly nor with its subject; once nobody does, it can.
func TestDeleteReferenced(t *testing.T) {
	reg, _ := node(t, kafka(t), registry.Config{}, nil)
	mustRegister(t, reg, "part", `{"type":"enum","name":"a.Kind","symbols":["X"]}`)
	refer := func(subject, name string) {
		t.Helper()
		_, err := reg.Register(t.Context(), alice, subject, registry.RegisterRequest{Text: fmt.Sprintf(`{"type":"record","name":"a.%s","fields":[{"name":"k","type":"a.Kind"}]}`, name),
			References: []eventbus.SchemaReference{{Name: "a.Kind", Subject: "part", Version: 1}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	refer("w1", "W")
	refer("w2", "W") // the same schema, in two subjects
	ask := func() (codes [2]registry.ErrorCode) {
		_, err := reg.Delete(t.Context(), alice, "part", 1, false)
		codes[0] = registry.CodeOf(err)
		_, err = reg.DeleteSubject(t.Context(), alice, "part", false)
		codes[1] = registry.CodeOf(err)
		return codes
	}
	refused := [2]registry.ErrorCode{registry.ErrReferenceExists, registry.ErrReferenceExists}
	if got := ask(); got != refused {
		t.Fatalf("with two referrers: %v", got)
	}
	mustDelete(t, reg, "w1", false, 1)
	if got := ask(); got != refused {
		t.Fatalf("with one referrer left: %v", got)
	}
	if ids, err := reg.ReferencedBy("part", 1, registry.Live); err != nil || !slices.Equal(ids, []int{2}) {
		t.Fatalf("%v %v", ids, err)
	}
	mustDelete(t, reg, "w2", false, 1)
	mustDelete(t, reg, "part", false, 1) // its referrers are all deleted softly
	if _, err := reg.Register(t.Context(), alice, "w3", registry.RegisterRequest{Text: `{"type":"record","name":"a.V","fields":[{"name":"k","type":"a.Kind"}]}`,
		References: []eventbus.SchemaReference{{Name: "a.Kind", Subject: "part", Version: 1}}}); err != nil {
		t.Fatalf("a reference to a softly deleted version: %v", err)
	}
	_, err := reg.Delete(t.Context(), alice, "part", 1, true)
	wantCode(t, err, registry.ErrReferenceExists)
	_, err = reg.DeleteSubject(t.Context(), alice, "part", true)
	wantCode(t, err, registry.ErrReferenceExists)
	mustDelete(t, reg, "w3", false, 1)
	mustDelete(t, reg, "part", true, 1)
	_, err = reg.RestoreVersion(t.Context(), alice, "w3", 1)
	wantCode(t, err, registry.ErrInvalidSchema) // what it refers to is gone
}

// TestRegisterAgain: a soft deletion does not use up the id; the old number gives
// way unless somebody refers to it.
func TestRegisterAgain(t *testing.T) {
	reg, _ := node(t, kafka(t), registry.Config{}, nil)
	kind := `{"type":"enum","name":"a.Kind","symbols":["X"]}`
	first := mustRegister(t, reg, "part", kind)
	mustDelete(t, reg, "part", false, 1)
	again := mustRegister(t, reg, "part", kind)
	if again.ID != first.ID || again.Version != 2 || !slices.Equal(numbersOf(reg, "part", registry.WithDeleted), []int{2}) {
		t.Fatalf("%+v, versions %v", again, numbersOf(reg, "part", registry.WithDeleted))
	}
	if _, err := reg.Register(t.Context(), alice, "whole", registry.RegisterRequest{Text: `{"type":"record","name":"a.W","fields":[{"name":"k","type":"a.Kind"}]}`,
		References: []eventbus.SchemaReference{{Name: "a.Kind", Subject: "part", Version: 2}}}); err != nil {
		t.Fatal(err)
	}
	mustDelete(t, reg, "whole", false, 1)
	mustDelete(t, reg, "part", false, 2)
	if third := mustRegister(t, reg, "part", kind); third.ID != first.ID || third.Version != 3 || !slices.Equal(numbersOf(reg, "part", registry.WithDeleted), []int{2, 3}) {
		t.Fatalf("%+v, versions %v: version 2 is referred to", third, numbersOf(reg, "part", registry.WithDeleted))
	}
}
