package cluster

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
)

// producerExpiry is Kafka's producer.id.expiration.ms: a producer that has not
// written for so long is forgotten.
const producerExpiry = 24 * 3600 * 1000

// windowSize is how many of its last batches a producer may send again (Kafka's
// ProducerStateEntry.NUM_BATCHES_TO_RETAIN).
const windowSize = 5

// window is the engine's memory of one idempotent producer in one partition, in
// the form of its seq_windows.json. The engine writes it at a clean stop only;
// after a crash a producer's retry of an acknowledged batch would be stored twice.
// As Kafka does, we rebuild it from the log.
type window struct {
	Producer  int64               `json:"pid"`
	Topic     string              `json:"topic"`
	Partition int32               `json:"partition"`
	Entries   [windowSize]written `json:"entries"`
	Count     uint8               `json:"count"`
	At        uint8               `json:"at"`
	Epoch     int16               `json:"epoch"`
	Seen      bool                `json:"seen"`
	Next      int32               `json:"next_seq"`

	lastTimestamp int64
}

// written is one batch a producer wrote.
type written struct {
	First  int32 `json:"first_seq"`
	Next   int32 `json:"next_seq"`
	Offset int64 `json:"offset"`
}

// windows are the producers of one partition, by producer id.
type windows struct {
	topic     string
	partition int32
	byID      map[int64]*window
	newest    int64
}

// add takes the next batch of the log.
func (ws *windows) add(b stored) {
	ws.newest = max(ws.newest, b.maxTimestamp)
	if b.producer < 0 || b.control || b.sequence < 0 || b.records < 1 {
		return
	}
	w := ws.byID[b.producer]
	if w == nil {
		w = &window{Producer: b.producer, Topic: ws.topic, Partition: ws.partition}
		ws.byID[b.producer] = w
	}
	if !w.Seen || w.Epoch != b.epoch { // a new epoch counts from the start
		*w = window{Producer: b.producer, Topic: ws.topic, Partition: ws.partition, Epoch: b.epoch, Seen: true}
	}
	w.Next = int32((int64(b.sequence) + int64(b.records)) % math.MaxInt32)
	w.Entries[w.At] = written{First: b.sequence, Next: w.Next, Offset: b.base}
	w.At = (w.At + 1) % windowSize
	w.Count = min(w.Count+1, windowSize)
	w.lastTimestamp = b.maxTimestamp
}

// live gives the windows of the producers that are not forgotten yet.
func (ws *windows) live() []*window {
	var live []*window
	for _, w := range ws.byID {
		if ws.newest-w.lastTimestamp < producerExpiry {
			live = append(live, w)
		}
	}
	return live
}

// writeWindows replaces the engine's file of windows.
func writeWindows(engineDir string, all []*window) error {
	raw, err := json.Marshal(struct {
		Version int       `json:"version"`
		Windows []*window `json:"windows"`
	}{1, all})
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(engineDir, "seq_windows.json"), raw)
}

// replaceFile writes a file whole or not at all.
func replaceFile(name string, content []byte) error {
	tmp := name + ".tmp"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|openNoFollow, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(tmp, name)
	}
	if err != nil {
		os.Remove(tmp)
	}
	return err
}
