package gateway

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// fill gives every field of a message some content. Tags that clients may not
// send keep their defaults.
func fill(v reflect.Value, r *rand.Rand) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.Type() == reflect.TypeFor[*kmsg.Tags]() {
			return
		}
		if r.IntN(4) == 0 {
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), r)
	case reflect.Struct:
		switch v.Type() {
		case reflect.TypeFor[kmsg.Tags]():
			var tags kmsg.Tags
			for i := range r.IntN(3) {
				tags.Set(uint32(100+i), []byte("tag"))
			}
			v.Set(reflect.ValueOf(tags))
			return
		case reflect.TypeFor[kmsg.FetchRequestReplicaState]():
			v.Set(reflect.ValueOf(kmsg.NewFetchRequestReplicaState()))
			return
		}
		if d := v.Addr().MethodByName("Default"); d.IsValid() {
			d.Call(nil) // a tagged field at its default is not written
		}
		for i := range v.NumField() {
			switch v.Type().Field(i).Name {
			case "Version", "ReplicaDirectoryID", "HighWatermark", "ClusterID":
				continue
			}
			fill(v.Field(i), r)
		}
	case reflect.Slice:
		n := r.IntN(3)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(v.Index(i), r)
		}
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).SetUint(uint64(r.Uint32N(256)))
		}
	case reflect.String:
		v.SetString("name"[:r.IntN(5)])
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Float64:
		v.SetFloat(r.Float64())
	case reflect.Uint8:
		v.SetUint(uint64(r.Uint32N(256)))
	default:
		v.SetInt(int64(r.IntN(100)))
	}
}

func filled(key, version int16, r *rand.Rand) kmsg.Request {
	req := kmsg.RequestForKey(key)
	fill(reflect.ValueOf(req).Elem(), r)
	req.SetVersion(version)
	return req
}

// The shapes are what kmsg writes: every key, every version, filled at random.
func TestShapesAgreeWithKmsg(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for key, a := range table() {
		for version := a.min; version <= a.max; version++ {
			for range 40 {
				req := filled(key, version, r)
				body := req.AppendTo(nil)
				if err := a.shape.check(body, version, req.IsFlexible()); err != nil {
					t.Fatalf("%s v%d: %v\n%x", a.name, version, err, body)
				}
				if err := a.shape.check(append(slices.Clone(body), 0), version, req.IsFlexible()); err == nil {
					t.Fatalf("%s v%d: a byte after the end was not noticed", a.name, version)
				}
				for cut := range len(body) {
					if err := a.shape.check(body[:cut], version, req.IsFlexible()); err == nil {
						t.Fatalf("%s v%d: cut at %d of %d was not noticed", a.name, version, cut, len(body))
					}
				}
			}
		}
	}
}

// Every key of the table of decisions has a row with a hook, and nothing else
// has one: a new key without a decision fails here.
func TestEveryServedKeyIsDecided(t *testing.T) {
	want := []int16{0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
		32, 33, 34, 35, 37, 42, 43, 44, 45, 46, 47, 48, 49, 57, 60, 61, 65, 66, 68, 69, 74, 75}
	var got []int16
	for key, a := range table() {
		got = append(got, key)
		if a.request == nil || a.key != key || a.min > a.max {
			t.Errorf("row of key %d: %+v", key, a)
		}
		if k := kmsg.RequestForKey(key); k == nil || k.MaxVersion() < a.max {
			t.Errorf("key %d: version %d is not known to kmsg", key, a.max)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("served keys\n got %v\nwant %v", got, want)
	}
	for _, key := range want {
		if _, ok := decisions[key]; !ok {
			t.Errorf("key %d has no allow and deny case in the table of decisions", key)
		}
	}
}

func TestShapeRefusesBombs(t *testing.T) {
	uv := func(b []byte, n uint64) []byte {
		for n >= 0x80 {
			b, n = append(b, byte(n)|0x80), n>>7
		}
		return append(b, byte(n))
	}
	metadata, fetch := metadataRow().shape, fetchRow().shape
	tests := []struct {
		name     string
		shape    field
		version  int16
		flexible bool
		body     []byte
	}{
		{"array count over the bytes left", metadata, 1, false, []byte{0x7f, 0xff, 0xff, 0xff}},
		{"array count below null", metadata, 1, false, []byte{0xff, 0xff, 0xff, 0xfe}},
		{"compact array count 2^32-1", metadata, 12, true, uv(nil, 1<<32-1)},
		{"compact array count over 32 bits", metadata, 12, true, uv(nil, 1<<40)},
		{"tag count 2^32-1", metadata, 12, true, append([]byte{1, 0, 0}, uv(nil, 1<<32-1)...)},
		{"more tags than anybody sends", metadata, 12, true, append(append([]byte{1, 0, 0}, 65), make([]byte, 130)...)},
		{"tag size over the bytes left", metadata, 12, true, append([]byte{1, 0, 0, 1, 0}, uv(nil, 1<<32-1)...)},
		{"more elements than the limit", metadata, 1, false, append([]byte{0, 1, 0x86, 0xa1}, make([]byte, 300_000)...)},
		{"replica state of a client", fetch, 15, true, append(make([]byte, 24), 1, 1, 1, 1, 0)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.shape.check(tt.body, tt.version, tt.flexible); err == nil {
				t.Error("was accepted")
			}
		})
	}
}

func FuzzCounts(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	apis := table()
	for key, a := range apis {
		f.Add(key, a.max, filled(key, a.max, r).AppendTo(nil))
	}
	f.Add(int16(3), int16(12), []byte{1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, key, version int16, body []byte) {
		a, ok := apis[key]
		if !ok || version < a.min || version > a.max {
			return
		}
		req := kmsg.RequestForKey(key)
		req.SetVersion(version)
		quickly(t, len(body), func() {
			if a.shape.check(body, version, req.IsFlexible()) != nil {
				return
			}
			// What the guard lets through, kmsg reads without spinning, and writes again.
			if err := req.ReadFrom(body); err == nil {
				_ = req.AppendTo(nil)
			}
		})
	})
}

func BenchmarkShapeProduce(b *testing.B) {
	req := kmsg.NewPtrProduceRequest()
	req.Version = 9
	for i := range 10 {
		topic := kmsg.NewProduceRequestTopic()
		topic.Topic = fmt.Sprint("topic-", i)
		part := kmsg.NewProduceRequestTopicPartition()
		part.Records = make([]byte, 1000)
		topic.Partitions = append(topic.Partitions, part)
		req.Topics = append(req.Topics, topic)
	}
	body, shape := req.AppendTo(nil), produceRow().shape
	b.ReportAllocs()
	for b.Loop() {
		if err := shape.check(body, 9, true); err != nil {
			b.Fatal(err)
		}
	}
}
