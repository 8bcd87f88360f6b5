package avro

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew; those of Java need a JDK and Maven")

// question and answer are the lines that interop/java-avro speaks.
type question struct {
	ID         int      `json:"id"`
	Reader     string   `json:"reader"`
	Writer     string   `json:"writer,omitempty"`
	References []string `json:"references,omitempty"`
	Lax        bool     `json:"lax,omitempty"`
}

type answer struct {
	ID              int    `json:"id"`
	Verdict         string `json:"verdict"`
	Detail          string `json:"detail,omitempty"`
	CanonicalReader string `json:"canonicalReader,omitempty"`
	CanonicalWriter string `json:"canonicalWriter,omitempty"`
	ResolvedReader  string `json:"resolvedReader,omitempty"`
	ParsingReader   string `json:"parsingReader,omitempty"`
	Fingerprint     string `json:"fingerprintReader,omitempty"`
	ReaderError     string `json:"readerError,omitempty"`
	WriterError     string `json:"writerError,omitempty"`
}

const oracleFolder = "../../../interop/java-avro"

func required(name string) bool {
	words := strings.Split(os.Getenv("EVENTBUS_REQUIRE"), ",")
	return slices.Contains(words, name) || slices.Contains(words, "all")
}

// oracle starts Java's Avro, building it first when it is required.
func oracle(t *testing.T) func([]question) []answer {
	t.Helper()
	jar := filepath.Join(oracleFolder, "target", "java-avro.jar")
	if !required("java") && !*update {
		t.Skip("compares with Java; set EVENTBUS_REQUIRE=java (needs a JDK 17 and Maven)")
	}
	if _, err := os.Stat(jar); err != nil {
		build := exec.Command("mvn", "-q", "-B", "package")
		build.Dir = oracleFolder
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("building the oracle: %v\n%s", err, out)
		}
	}
	return func(questions []question) []answer { return ask(t, jar, questions) }
}

func ask(t *testing.T, jar string, questions []question) []answer {
	t.Helper()
	cmd := exec.Command("java", "-jar", jar)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	sent := make(chan error, 1)
	go func() {
		w := bufio.NewWriter(in)
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		for _, q := range questions {
			if err := enc.Encode(q); err != nil {
				sent <- err
				return
			}
		}
		sent <- w.Flush()
		in.Close()
	}()
	var answers []answer
	dec := json.NewDecoder(out)
	for {
		var a answer
		if err := dec.Decode(&a); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if len(answers) != len(questions) {
		t.Fatalf("%d answers to %d questions", len(answers), len(questions))
	}
	return answers
}

// ours answers q as the oracle does.
func ours(q question) answer {
	a := answer{ID: q.ID, Verdict: "NONE"}
	opt := Options{Lax: q.Lax}
	for _, text := range q.References {
		opt.References = append(opt.References, Reference{Text: text})
	}
	reader, err := Parse(q.Reader, opt)
	if err != nil {
		a.Verdict, a.ReaderError = "PARSE_ERROR", err.Error()
	} else {
		a.CanonicalReader, a.ResolvedReader, a.ParsingReader = reader.Canonical(), reader.Resolved(), reader.ParsingForm()
		a.Fingerprint = fingerprint(reader)
	}
	if q.Writer == "" {
		return a
	}
	writer, err := Parse(q.Writer, opt)
	if err != nil {
		a.Verdict, a.WriterError = "PARSE_ERROR", err.Error()
		return a
	}
	a.CanonicalWriter = writer.Canonical()
	if reader == nil {
		return a
	}
	list := Compatible(reader, writer)
	a.Verdict, a.Detail = "OK", details(list)
	if len(list) > 0 {
		a.Verdict = "INCOMPATIBLE"
		if list[0].Type == Ambiguous {
			a.Verdict, a.Detail = "EXC", "org.apache.avro.AvroRuntimeException: "+list[0].Message
		}
	}
	return a
}

// fingerprint is the hexadecimal number; Schema.Fingerprint has its last byte first.
func fingerprint(s *Schema) string {
	f := s.Fingerprint()
	slices.Reverse(f[:])
	return hex.EncodeToString(f[:])
}

// diffAnswers names the first thing in which we differ from Java, "" if nothing.
func diffAnswers(ours, java answer) string {
	for _, c := range []struct{ what, ours, java string }{
		{"verdict", ours.Verdict, java.Verdict},
		{"detail", ours.Detail, java.Detail},
		{"canonical text of the reader", ours.CanonicalReader, java.CanonicalReader},
		{"canonical text of the writer", ours.CanonicalWriter, java.CanonicalWriter},
		{"resolved text", ours.ResolvedReader, java.ResolvedReader},
		{"parsing form", ours.ParsingReader, java.ParsingReader},
		{"fingerprint", ours.Fingerprint, java.Fingerprint},
	} {
		if c.ours != c.java {
			return c.what + "\n  ours " + c.ours + "\n  Java " + c.java +
				"\n  ours refuses: " + ours.ReaderError + ours.WriterError + "\n  Java refuses: " + java.ReaderError + java.WriterError
		}
	}
	return ""
}

func generated(seed uint64, n int) []question {
	g := newGenerator(seed)
	questions := make([]question, n)
	for i := range questions {
		reader, writer := g.pair()
		questions[i] = question{ID: i, Reader: reader, Writer: writer, Lax: g.chance(15)}
		if g.chance(10) { // the reader builds on types that another text defines
			questions[i].References = []string{writer}
			questions[i].Reader, questions[i].Writer = g.building(writer, reader), ""
		}
	}
	return questions
}

// building is a text that uses the types of a reference.
func (g *generator) building(reference, other string) string {
	if g.chance(30) {
		return other
	}
	s, err := Parse(reference, Options{Lax: true})
	if err != nil || s.Name() == "" {
		return other
	}
	names := []string{s.Name()}
	for _, f := range s.root.fields {
		if f.typ.named() {
			names = append(names, f.typ.name.full)
		}
	}
	return object(member{"type", text("record")}, member{"name", text("Main")}, member{"fields", list(
		object(member{"name", text("a")}, member{"type", text(pick(g, names...))}),
		object(member{"name", text("b")}, member{"type", list(text("null"), text(pick(g, names...)))}))}).String()
}

// TestAgainstJava compares fresh random pairs with Apache Avro Java: 1,000 of
// them, or 100,000 with EVENTBUS_SOAK=1.
func TestAgainstJava(t *testing.T) {
	ask := oracle(t)
	n, seed := 1_000, rand.Uint64()
	if os.Getenv("EVENTBUS_SOAK") == "1" {
		n = 100_000
	}
	t.Logf("seed %d, %d pairs", seed, n)
	verdicts := map[string]int{}
	for batch := 0; batch < n; batch += 10_000 {
		questions := generated(seed+uint64(batch), min(n-batch, 10_000))
		for i, java := range ask(questions) {
			verdicts[java.Verdict]++
			if diff := diffAnswers(ours(questions[i]), java); diff != "" {
				q, _ := json.Marshal(questions[i])
				t.Errorf("seed %d, question %s\ndiffers in %s", seed+uint64(batch), q, diff)
			}
		}
	}
	t.Logf("verdicts: %v", verdicts)
}

const (
	canonicalGolden = "testdata/java-canonical.jsonl.gz" // of the vectors, in their order
	generatedGolden = "testdata/java-generated.jsonl.gz" // questions and answers of a fixed seed
	generatedSeed   = 20260101
)

type goldenCase struct {
	Question question `json:"q"`
	Answer   answer   `json:"a"`
}

// TestGolden holds canonical texts, parsing forms and verdicts to what Java gave
// for a fixed seed and for the vectors.
func TestGolden(t *testing.T) {
	if *update {
		writeGolden(t)
	}
	t.Run("generated", func(t *testing.T) {
		eachLine(t, generatedGolden, func(line []byte) {
			var c goldenCase
			if err := json.Unmarshal(line, &c); err != nil {
				t.Fatal(err)
			}
			if diff := diffAnswers(ours(c.Question), c.Answer); diff != "" {
				t.Errorf("question %d differs in %s\nreader %s\nwriter %s", c.Question.ID, diff, c.Question.Reader, c.Question.Writer)
			}
		})
	})
	t.Run("vectors", func(t *testing.T) {
		vectors := append(readVectors(t, handFile), readVectors(t, fuzzFile)...)
		eachLine(t, canonicalGolden, func(line []byte) {
			var want [2]string
			if err := json.Unmarshal(line, &want); err != nil {
				t.Fatal(err)
			}
			v := vectors[0]
			vectors = vectors[1:]
			for i, text := range []string{string(v.Reader), string(v.Writer)} {
				s, err := Parse(text, Options{})
				if got := canonicalOf(s); got != want[i] {
					t.Errorf("%s: %s\nours %s (%v)\nJava %s", v.ID, text, got, err, want[i])
				}
			}
		})
		if len(vectors) > 0 {
			t.Errorf("%d vectors without a golden line", len(vectors))
		}
	})
}

func canonicalOf(s *Schema) string {
	if s == nil {
		return "" // refused
	}
	return s.Canonical()
}

func writeGolden(t *testing.T) {
	ask := oracle(t)
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	enc.SetEscapeHTML(false)
	questions := generated(generatedSeed, 2_000)
	for i, a := range ask(questions) {
		a.ReaderError, a.WriterError = "", "" // words and counters of Java that nobody needs
		if err := enc.Encode(goldenCase{questions[i], a}); err != nil {
			t.Fatal(err)
		}
	}
	writeGzip(t, generatedGolden, lines.Bytes())
	lines.Reset()
	questions = nil
	for i, v := range append(readVectors(t, handFile), readVectors(t, fuzzFile)...) {
		questions = append(questions, question{ID: i, Reader: string(v.Reader), Writer: string(v.Writer)})
	}
	for _, a := range ask(questions) {
		if err := enc.Encode([2]string{a.CanonicalReader, a.CanonicalWriter}); err != nil {
			t.Fatal(err)
		}
	}
	writeGzip(t, canonicalGolden, lines.Bytes())
}

func writeGzip(t *testing.T, file string, data []byte) {
	t.Helper()
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	z.Write(data)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
