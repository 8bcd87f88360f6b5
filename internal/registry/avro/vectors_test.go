package avro

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// vector is one pair of schemas with the verdict of Apache Avro Java 1.12.1.
type vector struct {
	ID      string          `json:"id"`
	Rule    string          `json:"rule"`
	Reader  json.RawMessage `json:"reader"`
	Writer  json.RawMessage `json:"writer"`
	Verdict string          `json:"verdict"` // OK, INCOMPATIBLE, EXC (Java throws), PARSE_ERROR
	Detail  string          `json:"detail"`
}

func eachLine(t testing.TB, file string, do func(line []byte)) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		do(lines.Bytes())
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

func readVectors(t testing.TB, file string) []vector {
	var all []vector
	eachLine(t, file, func(line []byte) {
		var v vector
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatal(err)
		}
		v.Reader, v.Writer = append([]byte(nil), v.Reader...), append([]byte(nil), v.Writer...)
		all = append(all, v)
	})
	return all
}

const (
	handFile = "testdata/avro-hand.jsonl.gz"
	fuzzFile = "testdata/avro-fuzz-seed7.jsonl.gz"
)

func details(list []Incompatibility) string {
	texts := make([]string, len(list))
	for i, inc := range list {
		texts[i] = inc.String()
	}
	return strings.Join(texts, " | ")
}

// TestVectors holds every verdict, and every type, path and message behind it, to
// those of the reference implementation.
func TestVectors(t *testing.T) {
	for _, file := range []string{handFile, fuzzFile} {
		t.Run(file, func(t *testing.T) {
			verdicts := map[string]int{}
			for _, v := range readVectors(t, file) {
				verdicts[v.Verdict]++
				if bad := checkVector(v); bad != "" {
					t.Errorf("%s (%s): %s\nreader %s\nwriter %s\nJava   %s %s", v.ID, v.Rule, bad, v.Reader, v.Writer, v.Verdict, v.Detail)
				}
			}
			if verdicts["OK"] == 0 || verdicts["INCOMPATIBLE"] == 0 || verdicts["PARSE_ERROR"] == 0 {
				t.Errorf("the file does not cover all verdicts: %v", verdicts)
			}
			t.Logf("verdicts: %v", verdicts)
		})
	}
}

// checkVector says what is wrong with our answer, "" when it is Java's.
func checkVector(v vector) string {
	reader, readerErr := Parse(string(v.Reader), Options{})
	writer, writerErr := Parse(string(v.Writer), Options{})
	if refused := readerErr != nil || writerErr != nil; refused || v.Verdict == "PARSE_ERROR" {
		switch {
		case !refused:
			return "accepted"
		case v.Verdict != "PARSE_ERROR":
			return "refused: " + errText(readerErr) + errText(writerErr)
		}
		return ""
	}
	list := Compatible(reader, writer)
	got := details(list)
	switch v.Verdict {
	case "OK":
		if len(list) > 0 {
			return "incompatible: " + got
		}
	case "EXC":
		if len(list) != 1 || list[0].Type != Ambiguous || !strings.HasSuffix(v.Detail, list[0].Message) {
			return "not ambiguous: " + got
		}
	default:
		if got != v.Detail {
			return "other details: " + got
		}
	}
	return ""
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
