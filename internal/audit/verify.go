package audit

import (
	"context"
	"fmt"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Report is what Verify found.
type Report struct {
	Entries  int64  // entries read, up to the first bad one
	FirstBad int64  // Seq of the first bad or missing entry, 0 when all is well
	Problem  string // what is wrong with it, in plain words; empty when all is well
	HeadSeq  int64  // the last good entry
	HeadHash string
}

// OK reports whether nothing was found.
func (r Report) OK() bool { return r.FirstBad == 0 }

// verifier walks the chain from its first entry.
type verifier struct {
	report Report
	ends   []Head // where the chain must pass: the store's head and saved ones
}

// Verify reads the whole chain and names the first entry that was edited,
// removed or swapped. A tail that was cut off is seen against the head that the
// store keeps and against every saved head given; the caller has checked the
// signatures of those (Head.Check). A chain that was rewritten as a whole, head
// included, is seen only against a saved head. Entries appended meanwhile do
// not disturb it. The error is about reading, never about what was found.
func Verify(ctx context.Context, s Store, saved ...Head) (Report, error) {
	seq, hash, err := s.AuditHead(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("verify the audit chain: %w", err)
	}
	v := &verifier{ends: append([]Head{{Seq: seq, Hash: hash}}, saved...)}
	for {
		page, err := s.AuditEntries(ctx, eventbus.AuditQuery{AfterSeq: v.report.HeadSeq, Limit: 1000})
		if err != nil {
			return v.report, fmt.Errorf("verify the audit chain after entry %d: %w", v.report.HeadSeq, err)
		}
		for _, e := range page {
			v.report.Entries++
			if v.next(e); !v.report.OK() {
				return v.report, nil
			}
		}
		if len(page) == 0 {
			v.finish()
			return v.report, nil
		}
	}
}

// next checks one entry against the one before.
func (v *verifier) next(e eventbus.AuditEntry) {
	last := v.report.HeadSeq
	switch sound := e.ComputeHash() == e.Hash; {
	case e.Seq != last+1:
		v.bad(last+1, "the entry is missing")
	case !sound:
		v.bad(e.Seq, "the entry was edited: its content does not have its hash")
	case e.PrevHash != v.report.HeadHash && last > 0:
		// This entry is as it was written, so the one before it is not.
		v.bad(last, "the entry was replaced: the next one was chained to another")
	case e.PrevHash != v.report.HeadHash:
		v.bad(e.Seq, "the entry was not the first when it was written")
	default:
		v.report.HeadSeq, v.report.HeadHash = e.Seq, e.Hash
		v.pass(e)
	}
}

// pass compares an entry with the heads known for its place.
func (v *verifier) pass(e eventbus.AuditEntry) {
	for _, h := range v.ends {
		if h.Seq == e.Seq && h.Hash != e.Hash {
			v.bad(e.Seq, "the entry was replaced: the saved head of the chain names another")
		}
	}
}

// finish compares the chain's end with the heads.
func (v *verifier) finish() {
	for _, h := range v.ends {
		if h.Seq > v.report.HeadSeq && v.report.OK() {
			v.bad(v.report.HeadSeq+1, fmt.Sprintf("the entry is missing: the chain was cut off, it had %d entries", h.Seq))
		}
	}
}

func (v *verifier) bad(seq int64, problem string) {
	v.report.FirstBad, v.report.Problem = seq, problem
}
