package provision

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/document"
	"github.com/enterprise-event-bus/eventbus/internal/registry/avro"
)

// ManifestSchema is the JSON Schema (2020-12) of manifest documents, published
// for editors.
//
//go:embed schema/manifest.schema.json
var ManifestSchema []byte

// Limits of manifest files.
const (
	MaxManifestBytes     = 4 << 20   // one file
	MaxManifestDocuments = 10_000    // in one file
	MaxManifestTotal     = 256 << 20 // all files together
)

// header is in every document.
type header struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
}

type eventDocument struct {
	Header         header                  `yaml:",inline"`
	Name           string                  `yaml:"name"`
	Title          string                  `yaml:"title"`
	Description    string                  `yaml:"description"`
	Domain         string                  `yaml:"domain"`
	Lifecycle      eventbus.Lifecycle      `yaml:"lifecycle"`
	Owner          string                  `yaml:"owner"`
	Contact        string                  `yaml:"contact"`
	System         string                  `yaml:"system"`
	Tags           []string                `yaml:"tags"`
	Links          []eventbus.Link         `yaml:"links"`
	SourceSystems  []eventbus.SourceSystem `yaml:"sourceSystems"`
	Forwarders     []eventbus.SourceSystem `yaml:"forwarders"`
	DataClasses    []eventbus.DataClass    `yaml:"dataClasses"`
	ExpectedPerDay int64                   `yaml:"expectedPerDay"`
	OnePager       string                  `yaml:"onePager"`
	OnePagerFile   string                  `yaml:"onePagerFile"`
	RemovalDate    string                  `yaml:"removalDate"`
	Successor      string                  `yaml:"successor"`
	Schema         schemaDocument          `yaml:"schema"`
	Topics         []topicDocument         `yaml:"topics"`
	Remove         []string                `yaml:"remove"`
}

// schemaDocument gives Avro text, or names the file that holds it.
type schemaDocument struct {
	Value         string `yaml:"value"`
	File          string `yaml:"file"`
	Key           string `yaml:"key"`
	KeyFile       string `yaml:"keyFile"`
	Compatibility string `yaml:"compatibility"`
}

type topicDocument struct {
	Environment   string               `yaml:"environment"`
	Name          string               `yaml:"name"`
	Partitions    int32                `yaml:"partitions"`
	RetentionDays int                  `yaml:"retentionDays"`
	Configs       map[string]string    `yaml:"configs"`
	Schema        schemaDocument       `yaml:"schema"` // what it gives goes before the event's
	SchemaGuard   eventbus.SchemaGuard `yaml:"schemaGuard"`
	GuardSubjects []string             `yaml:"guardSubjects"`
	SyntheticData bool                 `yaml:"syntheticData"`
}

type grantDocument struct {
	Header          header             `yaml:",inline"`
	ID              string             `yaml:"id"`
	Event           string             `yaml:"event"`
	Environment     string             `yaml:"environment"`
	Direction       eventbus.Direction `yaml:"direction"`
	Principal       string             `yaml:"principal"`
	TrustedBy       []string           `yaml:"trustedBy"`
	GroupPrefix     string             `yaml:"groupPrefix"`
	Idempotent      bool               `yaml:"idempotent"`
	TransactionalID string             `yaml:"transactionalId"`
	System          string             `yaml:"system"`
	Team            string             `yaml:"team"`
	Contact         string             `yaml:"contact"`
	Purpose         string             `yaml:"purpose"`
	ReviewDate      string             `yaml:"reviewDate"`
	Revoked         bool               `yaml:"revoked"`
}

type environmentDocument struct {
	Header     header               `yaml:",inline"`
	Name       string               `yaml:"name"`
	Label      string               `yaml:"label"`
	Prefix     string               `yaml:"prefix"`
	Order      int                  `yaml:"order"`
	Production bool                 `yaml:"production"`
	PHI        bool                 `yaml:"phi"`
	Limits     eventbus.TopicLimits `yaml:"limits"`
}

// ReadManifests reads the manifests of a folder: every file that ends in .yaml,
// .yml or .json holds documents of kind Event, Grant or Environment; other files
// are read when a manifest names them, by a path relative to it. files maps
// slash-separated paths to contents. The error is CodeTooLarge, or CodeInvalid
// with every fault of every file, each with line, column and what to write.
func ReadManifests(files map[string][]byte) (eventbus.Manifest, error) {
	r := reader{files: files, places: map[string]string{}}
	total := 0
	var read []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if total += len(files[name]); total > MaxManifestTotal {
			return eventbus.Manifest{}, eventbus.Errorf(eventbus.CodeTooLarge, "the files are larger than %d bytes together", MaxManifestTotal)
		}
		switch path.Ext(name) {
		case ".yaml", ".yml", ".json":
		default:
			continue
		}
		docs, err := document.Read(files[name], name, document.Limits{Bytes: MaxManifestBytes, Documents: MaxManifestDocuments})
		if err != nil {
			if eventbus.CodeOf(err) != eventbus.CodeInvalid {
				return eventbus.Manifest{}, err
			}
			r.faults = append(r.faults, eventbus.FaultsOf(err)...)
			continue
		}
		for _, doc := range docs {
			r.read(doc, name)
		}
		read = append(read, name)
	}
	if len(r.faults) > 0 {
		return eventbus.Manifest{}, eventbus.Invalid("the manifests cannot be used", r.faults...)
	}
	r.m.Source = strings.Join(read, ", ")
	if len(read) > 3 {
		r.m.Source = fmt.Sprintf("%s and %d more files", read[0], len(read)-1)
	}
	return r.m, nil
}

// Referenced lists the files that a manifest names, as paths of the same root as
// name; a caller who reads one manifest only loads them as well. A text that
// cannot be read names none.
func Referenced(name string, text []byte) []string {
	docs, err := document.Read(text, name, document.Limits{Bytes: MaxManifestBytes, Documents: MaxManifestDocuments})
	if err != nil {
		return nil
	}
	var found []string
	for _, doc := range docs {
		var e eventDocument
		if doc.Text("kind") != string(eventbus.ManifestEvent) || doc.Decode(&e) != nil {
			continue
		}
		names := []string{e.OnePagerFile, e.Schema.File, e.Schema.KeyFile}
		for _, t := range e.Topics {
			names = append(names, t.Schema.File, t.Schema.KeyFile)
		}
		for _, n := range names {
			if full, ok := beside(name, n); ok && !slices.Contains(found, full) {
				found = append(found, full)
			}
		}
	}
	return found
}

// beside resolves a reference; it may not leave the root.
func beside(manifest, reference string) (string, bool) {
	if reference == "" || path.IsAbs(reference) || strings.Contains(reference, `\`) {
		return "", false
	}
	full := path.Join(path.Dir(manifest), reference)
	return full, full != ".." && !strings.HasPrefix(full, "../")
}

// reader turns documents into one manifest.
type reader struct {
	files  map[string][]byte
	places map[string]string // what was named → file:line
	m      eventbus.Manifest
	faults []eventbus.Fault
}

// page collects the faults of one document by their path.
type page struct {
	file   string
	faults []eventbus.Fault
}

func (p *page) add(path, message, fix string) {
	p.faults = append(p.faults, eventbus.Fault{Path: path, Message: message, Fix: fix})
}

func (r *reader) read(doc document.Document, file string) {
	p := &page{file: file}
	if v := doc.Text("apiVersion"); v != eventbus.APIVersion {
		p.add("apiVersion", fmt.Sprintf("%q is not a version of manifests", v), "write apiVersion: "+eventbus.APIVersion)
	}
	decode := func(into any) bool {
		err := doc.Decode(into)
		p.faults = append(p.faults, eventbus.FaultsOf(err)...)
		return err == nil
	}
	switch kind := doc.Text("kind"); eventbus.ManifestKind(kind) {
	case eventbus.ManifestEvent:
		var d eventDocument
		if decode(&d) {
			r.once(p, "event "+d.Name)
			r.m.Events = append(r.m.Events, r.event(p, d))
		}
	case eventbus.ManifestGrant:
		var d grantDocument
		if decode(&d) {
			g := d.grant(p)
			r.once(p, "grant "+g.ID)
			r.m.Grants = append(r.m.Grants, g)
		}
	case eventbus.ManifestEnvironment:
		var d environmentDocument
		if decode(&d) {
			r.once(p, "environment "+d.Name)
			r.m.Environments = append(r.m.Environments, d.environment(p))
		}
	default:
		fix := "write kind: Event, Grant or Environment"
		if strings.HasSuffix(kind, "Request") {
			fix = "this is a request: hand it in with eventbus request submit"
		}
		p.add("kind", fmt.Sprintf("%q is not a kind of manifest", kind), fix)
	}
	r.faults = append(r.faults, doc.Locate(p.faults)...)
}

func (r *reader) once(p *page, what string) {
	if before, twice := r.places[what]; twice {
		p.add("name", fmt.Sprintf("%s is written twice, first in %s", what, before), "keep one of them")
	}
	r.places[what] = p.file
}

func (r *reader) event(p *page, d eventDocument) eventbus.EventManifest {
	e := eventbus.EventManifest{Remove: d.Remove, Event: eventbus.Event{Name: d.Name, Title: d.Title, Description: d.Description, Domain: d.Domain, Type: "event",
		Lifecycle: d.Lifecycle, Owner: d.Owner, Contact: d.Contact, System: d.System, Tags: d.Tags, Links: d.Links, SourceSystems: d.SourceSystems,
		Forwarders: d.Forwarders, DataClasses: d.DataClasses, ExpectedPerDay: d.ExpectedPerDay, OnePager: d.OnePager, RemovalDate: d.RemovalDate, Successor: d.Successor}}
	if !eventName.MatchString(d.Name) {
		p.add("name", fmt.Sprintf("%q is not a legal event name", d.Name), "use letters, digits, dashes, dots and underscores, at most 63")
	}
	if len(d.Topics) == 0 && len(d.Remove) == 0 {
		p.add("topics", "the event has no topics", "write one per environment, or remove: with the environments where it shall go")
	}
	if d.Lifecycle != "" && !slices.Contains(eventbus.Lifecycles(), d.Lifecycle) {
		p.add("lifecycle", fmt.Sprintf("%q is not a lifecycle", d.Lifecycle), "use experimental, development, production or deprecated")
	}
	for i, class := range d.DataClasses {
		if !slices.Contains([]eventbus.DataClass{eventbus.DataNone, eventbus.DataPII, eventbus.DataPHI}, class) {
			p.add(fmt.Sprintf("dataClasses[%d]", i), fmt.Sprintf("%q is not a data class", class), "use none, PII or PHI")
		}
	}
	if d.RemovalDate != "" {
		if _, err := time.Parse(time.DateOnly, d.RemovalDate); err != nil {
			p.add("removalDate", fmt.Sprintf("%q is not a day", d.RemovalDate), "write it as 2026-12-31")
		}
	}
	if d.OnePagerFile != "" {
		e.Event.OnePager = r.text(p, "onePagerFile", d.OnePagerFile)
	}
	shared := r.schemas(p, "schema", d.Schema, eventbus.TopicManifest{})
	for i, t := range d.Topics {
		e.Topics = append(e.Topics, r.topic(p, fmt.Sprintf("topics[%d]", i), t, shared))
	}
	return e
}

func (r *reader) topic(p *page, at string, d topicDocument, shared eventbus.TopicManifest) eventbus.TopicManifest {
	t := r.schemas(p, at+".schema", d.Schema, shared)
	t.Environment, t.Guard, t.GuardSubjects, t.Synthetic = d.Environment, d.SchemaGuard, d.GuardSubjects, d.SyntheticData
	t.Topic = eventbus.Topic{Name: d.Name, Partitions: d.Partitions, Configs: maps.Clone(d.Configs)}
	if d.Environment == "" {
		p.add(at+".environment", "the topic has no environment", "write environment: development")
	}
	if d.Name != "" {
		if err := eventbus.CheckTopicName(d.Name); err != nil {
			p.add(at+".name", err.Error(), "leave it out: prefix and event name make one")
		}
	}
	if d.Partitions < 0 {
		p.add(at+".partitions", "a topic has at least one partition", "write 1 or more")
	}
	for _, name := range slices.Sorted(maps.Keys(d.Configs)) {
		if err := eventbus.CheckTopicConfig(name, d.Configs[name]); err != nil {
			p.add(at+".configs."+name, err.Error(), "")
		}
	}
	if !slices.Contains([]eventbus.SchemaGuard{"", eventbus.SchemaGuardOff, eventbus.SchemaGuardWarn, eventbus.SchemaGuardEnforce}, d.SchemaGuard) {
		p.add(at+".schemaGuard", fmt.Sprintf("%q is not a schema guard", d.SchemaGuard), "use off, warn or enforce")
	}
	switch _, both := d.Configs["retention.ms"]; {
	case d.RetentionDays < 0:
		p.add(at+".retentionDays", "records cannot be kept for less than a day", "write 1 or more")
	case d.RetentionDays > 0 && both:
		p.add(at+".retentionDays", "retention is written twice: here and as retention.ms", "keep one of them")
	case d.RetentionDays > 0:
		if t.Topic.Configs == nil {
			t.Topic.Configs = map[string]string{}
		}
		t.Topic.Configs["retention.ms"] = strconv.FormatInt(int64(d.RetentionDays)*24*time.Hour.Milliseconds(), 10)
	}
	return t
}

// schemas lays what a document gives over what holds for the whole event.
func (r *reader) schemas(p *page, at string, d schemaDocument, shared eventbus.TopicManifest) eventbus.TopicManifest {
	for _, s := range []struct {
		field, text, fileField, file string
		into                         *string
	}{{".value", d.Value, ".file", d.File, &shared.ValueSchema}, {".key", d.Key, ".keyFile", d.KeyFile, &shared.KeySchema}} {
		switch {
		case s.text != "" && s.file != "":
			p.add(at+s.fileField, "the schema is written twice: here and as text", "keep one of them")
		case s.text != "":
			*s.into = s.text
			r.checkSchema(p, at+s.field, s.text, "")
		case s.file != "":
			if text := r.text(p, at+s.fileField, s.file); text != "" {
				*s.into = text
				full, _ := beside(p.file, s.file)
				r.checkSchema(p, at+s.fileField, text, full)
			}
		}
	}
	if d.Compatibility != "" {
		level, ok := eventbus.ParseCompatibility(d.Compatibility)
		if !ok {
			p.add(at+".compatibility", fmt.Sprintf("%q is not a compatibility level", d.Compatibility), "use one of "+levels())
		}
		shared.Compatibility = level
	}
	return shared
}

// checkSchema reports what is wrong in an Avro file at its own line and column.
func (r *reader) checkSchema(p *page, at, text, file string) {
	_, err := avro.Parse(text, avro.Options{})
	if err == nil {
		return
	}
	fault := eventbus.Fault{Path: at, Message: "not valid Avro: " + err.Error()}
	var where *avro.ParseError
	if errors.As(err, &where) && file != "" {
		fault = insideSchema(fault, where.Path, text, file)
	}
	p.faults = append(p.faults, fault)
}

// insideSchema gives a fault its place in an Avro file: JSON is YAML.
func insideSchema(fault eventbus.Fault, pointer, text, file string) eventbus.Fault {
	fault.File, fault.Line, fault.Column = file, 1, 1
	docs, err := document.Read([]byte(text), file, document.Limits{Bytes: MaxManifestBytes})
	if err != nil || len(docs) != 1 {
		return fault
	}
	var at strings.Builder
	for _, part := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		if _, err := strconv.Atoi(part); err == nil {
			at.WriteString("[" + part + "]")
		} else {
			at.WriteString("." + part)
		}
	}
	found := docs[0].Locate([]eventbus.Fault{{Path: strings.TrimPrefix(at.String(), ".")}})[0]
	fault.Line, fault.Column = found.Line, found.Column
	return fault
}

func (r *reader) text(p *page, at, reference string) string {
	full, inside := beside(p.file, reference)
	if !inside {
		p.add(at, fmt.Sprintf("%q leaves the folder of the manifests", reference), "name a file beside the manifest")
		return ""
	}
	text, found := r.files[full]
	if !found {
		p.add(at, fmt.Sprintf("there is no file %s", full), "write the path relative to the manifest")
		return ""
	}
	if len(text) > MaxManifestBytes {
		p.add(at, fmt.Sprintf("file %s is larger than %d bytes", full, MaxManifestBytes), "")
		return ""
	}
	return string(text)
}

func (d grantDocument) grant(p *page) eventbus.Grant {
	g := eventbus.Grant{ID: d.ID, Event: d.Event, Environment: d.Environment, Direction: d.Direction, Principal: d.Principal, TrustedBy: d.TrustedBy,
		GroupPrefix: d.GroupPrefix, Idempotent: d.Idempotent, TransactionalID: d.TransactionalID, System: d.System, Team: d.Team,
		Contact: d.Contact, Purpose: d.Purpose, ReviewDate: d.ReviewDate}
	for _, f := range []struct{ path, value string }{{"event", d.Event}, {"environment", d.Environment}} {
		if f.value == "" {
			p.add(f.path, "the grant has no "+f.path, "write it")
		}
	}
	p.faults = append(p.faults, grantFaults(g)...)
	if g.ID == "" {
		g.ID = eventbus.GrantID(g.Event, g.Environment, g.Direction, g.Principal, g.GroupPrefix)
	}
	if d.Revoked {
		g.RevokedAt = revokedInFile
	}
	return g
}

// revokedInFile says that a grant is revoked; when is written when it is done.
var revokedInFile = time.Unix(1, 0).UTC()

func (d environmentDocument) environment(p *page) eventbus.Environment {
	e := eventbus.Environment{Name: d.Name, Label: d.Label, Prefix: d.Prefix, Order: d.Order, Production: d.Production, PHI: d.PHI, Limits: d.Limits}
	for _, f := range eventbus.ValidateEnvironments([]eventbus.Environment{e}) {
		p.add(f.Path[strings.LastIndexByte(f.Path, '.')+1:], f.Message, f.Fix)
	}
	if d.Prefix == "" {
		p.add("prefix", "the environment has no prefix", "write the text that its topics begin with, for example dev_")
	}
	return e
}
