package cluster

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

func TestClampDelete(t *testing.T) {
	for _, c := range []struct {
		name                     string
		offset, start, end, want int64
	}{
		{"in the middle", 5, 0, 10, 5},
		{"the last record stays", 10, 0, 10, 9},
		{"everything means all but the last", -1, 0, 10, 9},
		{"before the start is the start", 2, 4, 10, 4},
		{"only one record is left", -1, 9, 10, 9},
		{"an empty partition", -1, 0, 0, 0},
		{"an emptied partition", -1, 7, 7, 7},
		{"after the end is refused by the engine", 11, 0, 10, 11},
		{"nonsense is refused by the engine", -7, 0, 10, -7},
	} {
		if got := ClampDelete(c.offset, c.start, c.end); got != c.want {
			t.Errorf("%s: ClampDelete(%d, %d, %d) = %d, want %d", c.name, c.offset, c.start, c.end, got, c.want)
		}
	}
}

func TestClampDeleteNeverEmptiesAPartition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.Int64Range(0, 1000).Draw(t, "start")
		end := start + rapid.Int64Range(1, 1000).Draw(t, "records")
		offset := rapid.Int64Range(-1, end).Draw(t, "offset")
		if got := ClampDelete(offset, start, end); got < start || got > end-1 {
			t.Fatalf("ClampDelete(%d, %d, %d) = %d", offset, start, end, got)
		}
	})
}

// An emptied partition would start again at offset 0 and hide records from
// consumers that committed higher offsets.
func TestOffsetsGoOnAfterEverythingWasDeleted(t *testing.T) {
	for _, way := range []string{"clean stop", "crash"} {
		t.Run(way, func(t *testing.T) {
			dir, kept := filepath.Join(t.TempDir(), "data"), &keptStarts{}
			e := start(t, Config{DataDir: dir}, kept)
			create(t, e, "orders", 1, nil)
			produce(t, e, "orders", 10, nil)
			if resp := deleteRecords(t, e, "orders", -1); resp.Err != nil || resp.LowWatermark != 9 {
				t.Fatalf("delete: %+v", resp)
			}
			if way == "crash" {
				dir = crashImage(t, dir)
			} else {
				stop(t, e)
			}
			e = start(t, Config{DataDir: dir}, kept)
			if s, end := offsets(t, e, "orders"); s != 9 || end != 10 {
				t.Errorf("offsets %d to %d, want 9 to 10", s, end)
			}
			produce(t, e, "orders", 1, nil)
			if _, end := offsets(t, e, "orders"); end != 11 {
				t.Errorf("end %d, want 11", end)
			}
		})
	}
}

// The engine remembers a log start at a clean stop only.
func TestDeletedRecordsStayDeletedAfterACrash(t *testing.T) {
	dir, kept := filepath.Join(t.TempDir(), "data"), &keptStarts{}
	e := start(t, Config{DataDir: dir}, kept)
	create(t, e, "orders", 1, nil)
	produce(t, e, "orders", 10, nil)
	deleteRecords(t, e, "orders", 6)

	e = start(t, Config{DataDir: crashImage(t, dir)}, kept)
	if s, end := offsets(t, e, "orders"); s != 6 || end != 10 {
		t.Errorf("offsets %d to %d, want 6 to 10", s, end)
	}
	if got := values(t, e, "orders"); len(got) != 4 || got[0] != "value 6" {
		t.Errorf("records: %v", got)
	}
}

func TestNothingIsDeletedThatCouldComeBack(t *testing.T) {
	kept := &keptStarts{}
	e := start(t, Config{}, kept)
	create(t, e, "orders", 1, nil)
	produce(t, e, "orders", 10, nil)
	kept.fail = errors.New("no store")
	if resp := deleteRecords(t, e, "orders", 6); !errors.Is(resp.Err, kerr.KafkaStorageError) {
		t.Errorf("delete without a store: %v", resp.Err)
	}
	if s, _ := offsets(t, e, "orders"); s != 0 {
		t.Errorf("start %d: deleted without keeping the start", s)
	}
	if e.Ready() == nil {
		t.Error("ready although log starts cannot be kept")
	}
}

func TestALogStartDoesNotOutliveItsTopic(t *testing.T) {
	dir, kept := filepath.Join(t.TempDir(), "data"), &keptStarts{}
	e := start(t, Config{DataDir: dir}, kept)
	create(t, e, "orders", 1, nil)
	produce(t, e, "orders", 10, nil)
	deleteRecords(t, e, "orders", 8)
	if _, err := kadm.NewClient(client(t, e)).DeleteTopics(t.Context(), "orders"); err != nil {
		t.Fatal(err)
	}
	create(t, e, "orders", 1, nil)
	produce(t, e, "orders", 10, nil)
	stop(t, e)
	e = start(t, Config{DataDir: dir}, kept)
	if s, end := offsets(t, e, "orders"); s != 0 || end != 10 {
		t.Errorf("offsets of the new topic %d to %d, want 0 to 10", s, end)
	}
}

func TestDeleteRecordsOfUnknownPartitions(t *testing.T) {
	e := start(t, Config{}, nil)
	create(t, e, "orders", 1, nil)
	for _, p := range []int32{-1, 1, 1 << 30} {
		if err := e.deleteBefore(t.Context(), "orders", p, 0); !errors.Is(err, kerr.UnknownTopicOrPartition) {
			t.Errorf("partition %d: %v", p, err)
		}
	}
	if err := e.deleteBefore(t.Context(), "ghost", 0, 0); !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("unknown topic: %v", err)
	}
}

func TestASavedLogStartNeverMovesBack(t *testing.T) {
	kept := &keptStarts{}
	s, err := loadLogStarts(t.Context(), kept)
	if err != nil {
		t.Fatal(err)
	}
	for _, offset := range []int64{5, 3, 5} {
		if err := s.save(t.Context(), "orders#1", 0, offset); err != nil {
			t.Fatal(err)
		}
	}
	if got := kept.kept["orders#1"][0]; got != 5 {
		t.Errorf("kept %d, want 5", got)
	}
}

// The engine's cleaner loses records in a crash and empties compacted topics.
func TestTheCleanerNeverRuns(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	stop(t, start(t, Config{DataDir: dir}, nil))
	// An earlier run that was talked into a short pause.
	saved := `{"version":1,"configs":{"log.cleaner.backoff.ms":"1"}}`
	if err := os.WriteFile(filepath.Join(dir, "engine", "broker_configs.json"), []byte(saved), 0o600); err != nil {
		t.Fatal(err)
	}
	e := start(t, Config{DataDir: dir}, nil)
	create(t, e, SchemasTopic, 1, map[string]string{"cleanup.policy": "compact", "segment.bytes": "100"})
	produce(t, e, SchemasTopic, 200, nil) // one key
	if s, end := offsets(t, e, SchemasTopic); s != 0 || end != 200 {
		t.Errorf("offsets %d to %d, want 0 to 200", s, end)
	}
	if got := values(t, e, SchemasTopic); len(got) != 200 {
		t.Errorf("%d records, want all 200", len(got))
	}
}

func TestBrokerSettingsAreFixed(t *testing.T) {
	e := start(t, Config{}, nil)
	create(t, e, "orders", 1, nil)
	adm := kadm.NewClient(client(t, e))
	change := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "log.cleaner.backoff.ms", Value: kmsg.StringPtr("1")}}
	for name, alter := range map[string]func() (kadm.AlterConfigsResponses, error){
		"IncrementalAlterConfigs": func() (kadm.AlterConfigsResponses, error) {
			return adm.AlterBrokerConfigs(t.Context(), change, engineNode)
		},
		"IncrementalAlterConfigs of all": func() (kadm.AlterConfigsResponses, error) {
			return adm.AlterBrokerConfigs(t.Context(), change)
		},
		"AlterConfigs": func() (kadm.AlterConfigsResponses, error) {
			return adm.AlterBrokerConfigsState(t.Context(), change, engineNode)
		},
		"AlterConfigs of all": func() (kadm.AlterConfigsResponses, error) {
			return adm.AlterBrokerConfigsState(t.Context(), change)
		},
	} {
		for range 2 { // the guard is not used up
			resps, err := alter()
			if err != nil || len(resps) != 1 || !errors.Is(resps[0].Err, kerr.InvalidRequest) {
				t.Errorf("%s: %+v, %v", name, resps, err)
			}
		}
	}
	retention := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: kmsg.StringPtr("5")}}
	if resps, err := adm.AlterTopicConfigs(t.Context(), retention, "orders"); err != nil || resps[0].Err != nil {
		t.Errorf("a topic's settings may be changed: %+v, %v", resps, err)
	}
	var info *kfake.TopicInfo
	e.ask(func(c *kfake.Cluster) { info = c.TopicInfo("orders") })
	if got := configOf(info, "retention.ms"); got != "5" {
		t.Errorf("retention.ms = %q", got)
	}
}
