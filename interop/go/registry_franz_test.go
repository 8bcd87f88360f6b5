package interop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/sr"
)

// franz is franz-go's client of the schema registry; each method is a job.
type franz struct {
	*sr.Client
	closed *sr.Client
	mark   string
}

const (
	letterV1  = `{"type":"record","name":"Letter","namespace":"gov.va.interop","fields":[{"name":"to","type":"string"}]}`
	letterV2  = `{"type":"record","name":"Letter","namespace":"gov.va.interop","fields":[{"name":"to","type":"string"},{"name":"pages","type":"int","default":1}]}`
	letterBad = `{"type":"record","name":"Letter","namespace":"gov.va.interop","fields":[{"name":"to","type":"string"},{"name":"stamp","type":"int"}]}`
)

// doFranz does the jobs in this process.
func doFranz(ctx context.Context, registry, closed, mark string, jobs []string) (map[string]outcome, error) {
	open, err := sr.NewClient(sr.URLs(registry))
	if err != nil {
		return nil, err
	}
	shut, err := sr.NewClient(sr.URLs(closed))
	if err != nil {
		return nil, err
	}
	f := &franz{open, shut, mark}
	all := map[string]func(context.Context) error{"register": f.register, "lookup": f.lookup, "id": f.byID, "versions": f.versions, "check": f.check,
		"level": f.level, "mode": f.mode, "references": f.references, "delete": f.delete, "closed": f.refused}
	outcomes := map[string]outcome{}
	for _, job := range jobs {
		outcomes[job] = outcome{verdict: "none"}
		if all[job] != nil {
			outcomes[job] = outcome{verdict: "ok"}
			if err := all[job](ctx); err != nil {
				outcomes[job] = outcome{"error", err.Error()}
			}
		}
	}
	return outcomes, nil
}

func (f *franz) subject() string { return f.mark + "/letters-value" }

// same tells what differs, nil if nothing.
func same(got, want any) error {
	if fmt.Sprint(got) != fmt.Sprint(want) {
		return fmt.Errorf("got %v, want %v", got, want)
	}
	return nil
}

// code demands that err is the registry's own.
func code(err error, want *sr.Error) error {
	var response *sr.ResponseError
	if !errors.As(err, &response) || response.ErrorCode != want.Code {
		return fmt.Errorf("got %v, want %v", err, want)
	}
	return nil
}

func (f *franz) register(ctx context.Context) error {
	first, err := f.CreateSchema(ctx, f.subject(), sr.Schema{Schema: letterV1})
	if err != nil {
		return err
	}
	again, err := f.RegisterSchema(ctx, f.subject(), sr.Schema{Schema: letterV1}, -1, -1)
	second, err2 := f.CreateSchema(ctx, f.subject(), sr.Schema{Schema: letterV2})
	_, bad := f.CreateSchema(ctx, f.subject(), sr.Schema{Schema: letterBad})
	_, junk := f.CreateSchema(ctx, f.subject(), sr.Schema{Schema: "{"})
	return errors.Join(err, err2, same(first.Version, 1), same(again, first.ID), same(second.Version, 2),
		code(bad, sr.ErrIncompatibleSchema), code(junk, sr.ErrInvalidSchema))
}

func (f *franz) lookup(ctx context.Context) error {
	found, err := f.LookupSchema(ctx, f.subject(), sr.Schema{Schema: letterV2})
	_, bad := f.LookupSchema(ctx, f.subject(), sr.Schema{Schema: letterBad})
	_, nobody := f.LookupSchema(ctx, f.mark+"-nobody", sr.Schema{Schema: letterV1})
	return errors.Join(err, same(found.Version, 2), code(bad, sr.ErrSchemaNotFound), code(nobody, sr.ErrSubjectNotFound))
}

func (f *franz) byID(ctx context.Context) error {
	v, err := f.SchemaByVersion(ctx, f.subject(), 1)
	if err != nil {
		return err
	}
	one, err := f.SchemaByID(ctx, v.ID)
	text, err2 := f.SchemaTextByID(ctx, v.ID)
	subjects, err3 := f.SubjectsByID(ctx, v.ID)
	places, err4 := f.SchemaVersionsByID(ctx, v.ID)
	_, none := f.SchemaByID(ctx, 1<<30)
	if !slices.Contains(places, sr.SubjectVersion{Subject: f.subject(), Version: 1}) || !slices.Contains(subjects, f.subject()) {
		err4 = errors.Join(err4, fmt.Errorf("the places of id %d are %v and %v", v.ID, places, subjects))
	}
	return errors.Join(err, err2, err3, err4, same(one.Schema, letterV1), same(text, letterV1), code(none, sr.ErrSchemaNotFound))
}

func (f *franz) versions(ctx context.Context) error {
	numbers, err := f.SubjectVersions(ctx, f.subject())
	all, err2 := f.Schemas(ctx, f.subject())
	latest, err3 := f.SchemaByVersion(ctx, f.subject(), -1)
	text, err4 := f.SchemaTextByVersion(ctx, f.subject(), 1)
	names, err5 := f.Subjects(sr.WithParams(ctx, sr.SubjectPrefix(f.mark+"/")))
	everything, err6 := f.AllSchemas(ctx)
	types, err7 := f.SupportedTypes(ctx)
	contexts, err8 := f.Contexts(ctx)
	_, none := f.SchemaByVersion(ctx, f.subject(), 9)
	if len(everything) < 2 {
		err6 = errors.Join(err6, fmt.Errorf("all schemas: %v", everything))
	}
	return errors.Join(err, err2, err3, err4, err5, err6, err7, err8, same(numbers, []int{1, 2}), same(len(all), 2), same(latest.Version, 2),
		same(text, letterV1), same(names, []string{f.subject()}), same(types, []sr.SchemaType{sr.TypeAvro}), same(contexts, []string{"."}), code(none, sr.ErrVersionNotFound))
}

func (f *franz) check(ctx context.Context) error {
	good, err := f.CheckCompatibility(ctx, f.subject(), -1, sr.Schema{Schema: letterV2})
	bad, err2 := f.CheckCompatibility(sr.WithParams(ctx, sr.Verbose), f.subject(), 1, sr.Schema{Schema: letterBad})
	all, err3 := f.CheckCompatibility(ctx, f.subject(), -2, sr.Schema{Schema: letterBad})
	return errors.Join(err, err2, err3, same(good.Is, true), same(bad.Is, false), same(all.Is, false),
		same(strings.Contains(strings.Join(bad.Messages, ""), "READER_FIELD_MISSING_DEFAULT_VALUE"), true))
}

func (f *franz) level(ctx context.Context) error {
	set := f.SetCompatibility(ctx, sr.SetCompatibility{Level: sr.CompatFull}, f.subject())[0]
	got := f.Compatibility(ctx, f.subject())[0]
	reset := f.ResetCompatibility(ctx, f.subject())[0]
	none := f.Compatibility(ctx, f.subject())[0]
	global := f.Compatibility(ctx)[0]
	return errors.Join(set.Err, got.Err, reset.Err, global.Err, same(set.Level, sr.CompatFull), same(got.Level, sr.CompatFull),
		same(global.Level, sr.CompatBackward), code(none.Err, sr.ErrSubjectLevelCompatibilityNotConfigured))
}

func (f *franz) mode(ctx context.Context) error {
	set := f.SetMode(ctx, sr.ModeReadOnly, f.subject())[0]
	got := f.Mode(ctx, f.subject())[0]
	_, shut := f.RegisterSchema(ctx, f.subject(), sr.Schema{Schema: letterBad}, -1, -1)
	reset := f.ResetMode(ctx, f.subject())[0]
	none := f.Mode(ctx, f.subject())[0]
	global := f.Mode(ctx)[0]
	return errors.Join(set.Err, got.Err, reset.Err, global.Err, same(got.Mode, sr.ModeReadOnly), same(global.Mode, sr.ModeReadWrite),
		code(shut, sr.ErrOperationNotPermitted), code(none.Err, sr.ErrSubjectLevelModeNotConfigured))
}

func (f *franz) references(ctx context.Context) error {
	part := f.mark + "-part"
	_, err := f.CreateSchema(ctx, part, sr.Schema{Schema: `{"type":"enum","name":"a.Kind","symbols":["X"]}`})
	whole, err2 := f.CreateSchema(ctx, f.mark+"-whole", sr.Schema{Schema: `{"type":"record","name":"a.Whole","fields":[{"name":"k","type":"a.Kind"}]}`,
		References:     []sr.SchemaReference{{Name: "a.Kind", Subject: part, Version: 1}},
		SchemaMetadata: &sr.SchemaMetadata{Properties: map[string]string{"app": "x"}}})
	users, err3 := f.SchemaReferences(ctx, part, 1)
	_, held := f.DeleteSubject(ctx, part, sr.SoftDelete)
	if err := errors.Join(err, err2, err3); err != nil || len(users) != 1 {
		return fmt.Errorf("%w: referenced by %v", err, users)
	}
	return errors.Join(same(users[0].ID, whole.ID), same(whole.References, []sr.SchemaReference{{Name: "a.Kind", Subject: part, Version: 1}}), code(held, sr.ErrReferenceExists))
}

func (f *franz) delete(ctx context.Context) error {
	subject := f.mark + "-gone"
	_, err := f.CreateSchema(ctx, subject, sr.Schema{Schema: letterV1})
	_, err2 := f.CreateSchema(ctx, subject, sr.Schema{Schema: letterV2})
	err3 := f.DeleteSchema(ctx, subject, 2, sr.SoftDelete)
	early := f.DeleteSchema(ctx, subject, 1, sr.HardDelete)
	soft, err4 := f.DeleteSubject(ctx, subject, sr.SoftDelete)
	deleted, err5 := f.SubjectVersions(sr.WithParams(ctx, sr.ShowDeleted), subject)
	hard, err6 := f.DeleteSubject(ctx, subject, sr.HardDelete)
	_, none := f.SubjectVersions(sr.WithParams(ctx, sr.ShowDeleted), subject)
	return errors.Join(err, err2, err3, err4, err5, err6, same(soft, []int{1}), same(deleted, []int{1, 2}),
		code(early, sr.ErrSchemaVersionNotSoftDeleted), code(none, sr.ErrSubjectNotFound), same(len(hard) > 0, true))
}

func (f *franz) refused(ctx context.Context) error {
	known, err := f.closed.SchemaByVersion(ctx, "known-value", -1)
	_, shut := f.closed.RegisterSchema(ctx, "new-value", sr.Schema{Schema: letterV2}, -1, -1)
	var response *sr.ResponseError
	if !errors.As(shut, &response) || response.StatusCode != 403 || !strings.Contains(response.Message, "auto.register.schemas=false") {
		err = errors.Join(err, fmt.Errorf("refused with %v", shut))
	}
	return errors.Join(err, same(known.Version, 1))
}
