package audit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Head is the end of the chain at one moment, signed, so that whoever can write
// to the database but does not hold the key cannot cut the chain's tail or
// rewrite it without being seen.
type Head struct {
	Seq  int64     `json:"seq"`
	Hash string    `json:"hash"`
	At   time.Time `json:"at"`
	MAC  string    `json:"mac"` // HMAC-SHA-256 over seq, hash and time, hex
}

// SignHead makes the signed head; at is kept to the microsecond, in UTC.
func SignHead(key []byte, seq int64, hash string, at time.Time) Head {
	h := Head{Seq: seq, Hash: hash, At: at.UTC().Truncate(time.Microsecond)}
	h.MAC = h.mac(key)
	return h
}

// Check gives CodeCorrupt when the head was not signed with the key.
func (h Head) Check(key []byte) error {
	if !hmac.Equal([]byte(h.MAC), []byte(h.mac(key))) {
		return &eventbus.Error{Code: eventbus.CodeCorrupt,
			Message: fmt.Sprintf("the saved head of the audit chain (entry %d) carries a wrong signature", h.Seq),
			Next:    "verify with the key it was signed with, or with an older copy of the head"}
	}
	return nil
}

func (h Head) mac(key []byte) string {
	m := hmac.New(sha256.New, key)
	fmt.Fprintf(m, "eventbus audit head\n%d\n%s\n%d\n", h.Seq, h.Hash, h.At.UnixMicro())
	return hex.EncodeToString(m.Sum(nil))
}

// WriteHeadFile replaces a file by the head, in one step, readable by its owner
// only.
func WriteHeadFile(path string, h Head) error {
	text, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("encode the audit head: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".audit-head-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write the audit head: %w", err)
	}
	defer os.Remove(f.Name()) // fails when renamed, as it should
	if _, err = f.Write(append(text, '\n')); err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write the audit head: %w", err)
	}
	return nil
}

// ReadHeadFile reads what WriteHeadFile wrote; call Check before trusting it.
func ReadHeadFile(path string) (Head, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Head{}, eventbus.Errorf(eventbus.CodeNotFound, "read the audit head: %w", err)
	}
	var h Head
	if err := json.Unmarshal(text, &h); err != nil {
		return Head{}, eventbus.Errorf(eventbus.CodeCorrupt, "the audit head %s is not readable: %w", path, err)
	}
	return h, nil
}
