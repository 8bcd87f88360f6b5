package cluster

import (
	"bytes"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
	"pgregory.net/rapid"

	"github.com/enterprise-event-bus/eventbus"
)

// batchOf is a batch as a client sends it.
func batchOf(p idempotent, sequence, records int32) kmsg.RecordBatch {
	var raw []byte
	for i := range records {
		r := kmsg.Record{OffsetDelta: i, Value: []byte("value")}
		r.Length = int32(len(r.AppendTo(nil)) - 1)
		raw = r.AppendTo(raw)
	}
	b := kmsg.RecordBatch{
		Magic: 2, PartitionLeaderEpoch: -1, LastOffsetDelta: records - 1,
		FirstTimestamp: 1_700_000_000_000, MaxTimestamp: 1_700_000_000_000,
		ProducerID: p.id, ProducerEpoch: p.epoch, FirstSequence: sequence, NumRecords: records, Records: raw,
	}
	enc := b.AppendTo(nil)
	b.Length = int32(len(enc) - batchPrefix)
	b.CRC = int32(crc32.Checksum(b.AppendTo(nil)[crcFrom:], castagnoli))
	return b
}

// produceByName keeps clients at versions that name topics instead of ids.
func produceByName() *kversion.Versions {
	v := kversion.Stable()
	v.SetMaxKeyVersion(kmsg.Produce.Int16(), 11)
	return v
}

// segmentOf is a stored segment of batches with 2 records each.
func segmentOf(batches int) (raw []byte, size int) {
	for i := range batches {
		b := batchOf(idempotent{1, 0}, int32(2*i), 2)
		b.FirstOffset = int64(2 * i)
		raw = b.AppendTo(raw)
	}
	return raw, len(raw) / batches
}

func TestScanSegment(t *testing.T) {
	whole, size := segmentOf(4)
	flip := func(at int) []byte {
		raw := bytes.Clone(whole)
		raw[at] ^= 1
		return raw
	}
	for _, c := range []struct {
		name string
		raw  []byte
		good int // batches
	}{
		{"empty", nil, 0},
		{"whole", whole, 4},
		{"torn in the last batch", whole[:4*size-1], 3},
		{"torn in the last header", whole[:3*size+10], 3},
		{"a flipped bit in a record", flip(2*size + batchHeader + 3), 2},
		{"a flipped bit in a checksum", flip(size + 18), 1},
		{"a flipped bit in a length", flip(size + 8), 1},
		{"a flipped bit in an offset", flip(2 * size), 2},
		{"zeros after the end", append(bytes.Clone(whole), make([]byte, 100)...), 4},
	} {
		visited := 0
		batches, good, err := scanSegment(bytes.NewReader(c.raw), int64(len(c.raw)), 0, nil, func(stored) { visited++ })
		if err != nil || batches != c.good || visited != c.good || good != int64(c.good*size) {
			t.Errorf("%s: %d batches, %d visited, %d bytes, %v; want %d batches", c.name, batches, visited, good, err, c.good)
		}
	}
	if _, _, err := scanSegment(bytes.NewReader(whole[:size+5]), int64(len(whole)), 0, nil, func(stored) {}); err == nil {
		t.Error("a file that shrinks while it is read is an error")
	}
}

func TestSalvage(t *testing.T) {
	whole, size := segmentOf(5)
	flip := func(at ...int) []byte {
		raw := bytes.Clone(whole)
		for _, a := range at {
			raw[a] ^= 1
		}
		return raw
	}
	n := int64(size)
	for _, c := range []struct {
		name  string
		raw   []byte
		keeps string
		holes []hole
	}{
		{"nothing wrong", whole, "01234", nil},
		{"a flipped bit in the middle", flip(2*size + 70), "0134", []hole{{n, 4, 6}}},
		{"a flipped bit in a length", flip(2*size + 8), "0134", []hole{{n, 4, 6}}},
		{"a flipped bit in the first", flip(70), "1234", []hole{{n, 0, 2}}},
		{"a flipped bit in the last", flip(4*size + 70), "0123", []hole{{n, 8, -1}}},
		{"a flipped bit in an offset", flip(2*size + 6), "0134", []hole{{n, 4, 6}}},
		{"a flipped bit in the last offset", flip(4*size + 6), "0123", []hole{{n, 8, -1}}},
		{"two apart", flip(size+70, 3*size+70), "024", []hole{{n, 2, 4}, {n, 6, 8}}},
		{"two together", flip(size+70, 2*size+70), "034", []hole{{2 * n, 2, 6}}},
		{"a torn end", whole[:5*size-3], "0123", []hole{{n - 3, 8, -1}}},
	} {
		var want []byte
		for _, i := range c.keeps {
			want = append(want, whole[int(i-'0')*size:int(i-'0'+1)*size]...)
		}
		kept, dat, holes := salvage(c.raw, 0)
		if !bytes.Equal(dat, want) {
			t.Errorf("%s: kept %d bytes, want batches %s", c.name, len(dat), c.keeps)
		}
		if len(kept) != len(c.keeps) {
			t.Errorf("%s: kept %d batches, want %d", c.name, len(kept), len(c.keeps))
		}
		if len(holes) != len(c.holes) {
			t.Errorf("%s: holes %+v, want %+v", c.name, holes, c.holes)
			continue
		}
		for i := range holes {
			if holes[i] != c.holes[i] {
				t.Errorf("%s: hole %+v, want %+v", c.name, holes[i], c.holes[i])
			}
		}
	}
}

func TestSalvageKeepsEveryUntouchedBatch(t *testing.T) {
	whole, size := segmentOf(6)
	rapid.Check(t, func(t *rapid.T) {
		raw := bytes.Clone(whole)
		at := rapid.IntRange(0, len(raw)-1).Draw(t, "at")
		raw[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		_, dat, _ := salvage(raw, 0)
		for i := range 6 {
			b := whole[i*size : (i+1)*size]
			if i != at/size && !bytes.Contains(dat, b) {
				t.Fatalf("a fault at %d in batch %d lost batch %d", at, at/size, i)
			}
		}
	})
}

func FuzzSegment(f *testing.F) {
	whole, size := segmentOf(3)
	f.Add(whole)
	f.Add(whole[:size+20])
	f.Add(append(bytes.Clone(whole[5:]), whole...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 1<<14 {
			return
		}
		batches, good, err := scanSegment(bytes.NewReader(raw), int64(len(raw)), 0, nil, func(stored) {})
		if err != nil || good > int64(len(raw)) {
			t.Fatalf("%d batches, %d of %d bytes, %v", batches, good, len(raw), err)
		}
		kept, dat, _ := salvage(raw, 0)
		var index segmentIndex
		for _, b := range kept {
			index.add(b)
		}
		_, clean, err := scanSegment(bytes.NewReader(dat), int64(len(dat)), 0, index.entries, func(stored) {})
		if err != nil || clean != int64(len(dat)) || len(dat) > len(raw) {
			t.Fatalf("salvaged %d bytes of which %d are good, %v", len(dat), clean, err)
		}
	})
}

// damaged makes a stopped data directory with 20 records and flips one bit of it.
func damaged(t *testing.T, flip func(segment []byte)) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	e := start(t, Config{DataDir: dir}, nil)
	create(t, e, "orders", 1, nil)
	produce(t, e, "orders", 20, nil)
	stop(t, e)
	name := filepath.Join(dir, "engine", "partitions", "orders-0", "0.dat")
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	flip(raw)
	if err := os.WriteFile(name, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAFlippedBitIsNoticedAndCostsOneBatch(t *testing.T) {
	for name, at := range map[string]int64{"offset": 3, "length": 10, "checksum": 18, "record": batchHeader + 2} {
		t.Run(name, func(t *testing.T) { flippedBit(t, at) })
	}
}

func flippedBit(t *testing.T, at int64) {
	dir := damaged(t, func(raw []byte) {
		b, _ := readHeader(raw) // the first ten batches have one size
		raw[5*b.size+at] ^= 4
	})
	var log bytes.Buffer
	e := start(t, Config{DataDir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))}, nil)
	wantCode(t, e.Ready(), eventbus.CodeCorrupt)
	wantCode(t, e.Writable(), eventbus.CodeCorrupt)
	if !strings.Contains(log.String(), "stored records are damaged") {
		t.Errorf("log: %s", log.String())
	}
	got := values(t, e, "orders")
	if len(got) != 19 || got[18] != "value 19" {
		t.Errorf("readable: %v, want all but one", got)
	}
	if _, end := offsets(t, e, "orders"); end != 20 {
		t.Errorf("end %d: offsets would be given twice", end)
	}
	aside, err := fs.Glob(os.DirFS(filepath.Join(dir, quarantine)), "orders-0.0.*.dat")
	if err != nil || len(aside) != 1 {
		t.Errorf("set aside: %v, %v", aside, err)
	}

	// It stays so until a person has looked.
	stop(t, e)
	e = start(t, Config{DataDir: dir}, nil)
	wantCode(t, e.Ready(), eventbus.CodeCorrupt)
	wantCode(t, e.CreateTopic(t.Context(), eventbus.Topic{Name: "more", Partitions: 1}), eventbus.CodeCorrupt)
	stop(t, e)
	if err := os.RemoveAll(filepath.Join(dir, quarantine)); err != nil {
		t.Fatal(err)
	}
	e = start(t, Config{DataDir: dir}, nil)
	if err := e.Ready(); err != nil {
		t.Errorf("after the quarantine was removed: %v", err)
	}
	if err := e.Writable(); err != nil {
		t.Errorf("after the quarantine was removed: %v", err)
	}
}

func TestDamageThatNeedsNoBrokenBatchIsNoticed(t *testing.T) {
	dir := damaged(t, func([]byte) {})
	name := filepath.Join(dir, "engine", "partitions", "orders-0", "0.dat")
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	// The file ends early at the border of a batch: all that is left verifies.
	b, _ := readHeader(raw)
	if err := os.Truncate(name, b.size); err != nil {
		t.Fatal(err)
	}
	e := start(t, Config{DataDir: dir}, nil)
	wantCode(t, e.Ready(), eventbus.CodeCorrupt)
	if got := values(t, e, "orders"); len(got) != 1 {
		t.Errorf("readable: %v", got)
	}
}

func TestATornLastWriteIsNoDamage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	e := start(t, Config{DataDir: dir}, nil)
	create(t, e, "orders", 1, nil)
	produce(t, e, "orders", 5, nil)
	image := crashImage(t, dir)
	name := filepath.Join(image, "engine", "partitions", "orders-0", "0.dat")
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	// Half a sixth batch was written when the process died.
	if err := os.WriteFile(name, append(raw, raw[:40]...), 0o600); err != nil {
		t.Fatal(err)
	}
	e = start(t, Config{DataDir: image}, nil)
	if err := e.Ready(); err != nil {
		t.Errorf("not ready after an ordinary crash: %v", err)
	}
	if got := values(t, e, "orders"); len(got) != 5 {
		t.Errorf("records: %v", got)
	}
	if exists(t, filepath.Join(image, quarantine)) {
		t.Error("a torn write was set aside as damage")
	}
}

func TestStrangeFoldersAreLeftAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	stop(t, start(t, Config{DataDir: dir}, nil))
	root := filepath.Join(dir, "engine", "partitions")
	for _, name := range []string{"nothing", "orders-x", "-1", "%zz-0"} {
		if err := os.MkdirAll(filepath.Join(root, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := start(t, Config{DataDir: dir}, nil).Ready(); err != nil {
		t.Error(err)
	}
}
