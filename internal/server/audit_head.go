package server

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/audit"
)

// auditHeadFile holds the signed head of the audit chain, in the data folder
// unless Config.AuditHead names a better place.
const auditHeadFile = "audit-head.json"

// auditHead keeps the signed head of the audit chain outside the database, and
// says it in the log, which leaves the machine: whoever can change the database
// cannot cut the record's end, or put back an older copy, without being seen.
type auditHead struct {
	file string // empty: the log only
	key  []byte
	log  *slog.Logger
}

// openAuditHead derives the signing key from the master key (HKDF, RFC 5869).
func (s *Server) openAuditHead(master []byte) (auditHead, error) {
	key, err := hkdf.Key(sha256.New, master, nil, "eventbus audit head v1", sha256.Size)
	if err != nil {
		return auditHead{}, fmt.Errorf("derive the key that signs the audit head: %w", err)
	}
	h := auditHead{file: s.cfg.AuditHead, key: key, log: s.cfg.Logger}
	if h.file == "" && s.cfg.DataDir != "" {
		h.file = filepath.Join(s.cfg.DataDir, auditHeadFile)
	}
	return h, nil
}

func (h auditHead) save(ctx context.Context, head audit.Head) error {
	h.log.InfoContext(ctx, "the head of the audit record", "seq", head.Seq, "hash", head.Hash, "at", head.At, "mac", head.MAC)
	if h.file == "" {
		return nil
	}
	return audit.WriteHeadFile(h.file, head)
}

// saved gives the head that was saved last, its signature checked; none before
// the first was.
func (h auditHead) saved() ([]audit.Head, error) {
	if h.file == "" {
		return nil, nil
	}
	head, err := audit.ReadHeadFile(h.file)
	if eventbus.CodeOf(err) == eventbus.CodeNotFound {
		return nil, nil
	}
	if err == nil {
		err = head.Check(h.key)
	}
	return []audit.Head{head}, err
}
