package avro

import "testing"

// benchPair is a claim, about as large as real events, and its next version.
func benchPair(b *testing.B) (text string, old, new *Schema) {
	old = mustParse(b, claimSchema)
	new = mustParse(b, `{"type":"record","name":"va.Claim","fields":[{"name":"icn","type":"string"},{"name":"added","type":["null","string"],"default":null},
 {"name":"filed","type":"long"},{"name":"state","type":{"type":"enum","name":"State","symbols":["OPEN"]}},
 {"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[{"name":"code","type":"bytes"},{"name":"parent","type":["null","Line"]}]}}}]}`)
	return claimSchema, old, new
}

func BenchmarkParse(b *testing.B) {
	text, _, _ := benchPair(b)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseLarge(b *testing.B) {
	text := distinctFields(3_000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompatible(b *testing.B) {
	_, old, new := benchPair(b)
	b.ReportAllocs()
	for b.Loop() {
		Compatible(new, old)
	}
}

func BenchmarkCompatibleLarge(b *testing.B) {
	s := mustParse(b, distinctFields(3_000))
	b.ReportAllocs()
	for b.Loop() {
		if list := Compatible(s, s); list != nil {
			b.Fatal(list)
		}
	}
}

func BenchmarkCompatibleExhausted(b *testing.B) {
	s := mustParse(b, hostile()["a wide union in use"])
	for b.Loop() {
		Compatible(s, s)
	}
}

func BenchmarkCanonical(b *testing.B) {
	_, old, _ := benchPair(b)
	b.ReportAllocs()
	for b.Loop() {
		_ = old.root.canonical()
	}
}

func BenchmarkNormalized(b *testing.B) {
	_, old, _ := benchPair(b)
	b.ReportAllocs()
	for b.Loop() {
		_ = old.Normalized()
	}
}

func BenchmarkFingerprint(b *testing.B) {
	_, old, _ := benchPair(b)
	for b.Loop() {
		_ = old.Fingerprint()
	}
}

func BenchmarkDiff(b *testing.B) {
	_, old, new := benchPair(b)
	for b.Loop() {
		Diff(old, new)
	}
}

func BenchmarkFields(b *testing.B) {
	_, old, _ := benchPair(b)
	for b.Loop() {
		_ = old.Fields()
	}
}
