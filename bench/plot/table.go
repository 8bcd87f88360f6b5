package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
)

// end closes what write replaces in the page.
const end = "<!-- end -->"

// write puts the table of a comparison into a page, in place of what stands
// between its mark and the end; a page without the mark stays as it is.
func (c comparison) write(report *measure.Report, page []byte) []byte {
	mark := []byte("<!-- table " + c.name + " -->\n")
	before, rest, found := bytes.Cut(page, mark)
	_, after, closed := bytes.Cut(rest, []byte(end))
	if !found || !closed {
		return page
	}
	return bytes.Join([][]byte{before, mark, []byte(c.table(report)), []byte(end), after}, nil)
}

// table has the ratios first: over one, our side is ahead.
func (c comparison) table(report *measure.Report) string {
	var out strings.Builder
	fmt.Fprintf(&out, "| | %s ahead by | range | %s | %s |\n|---|---|---|---|---|\n", c.oursIs, c.oursIs, c.other)
	for _, r := range c.rows(report) {
		fmt.Fprintf(&out, "| %s | %.2f× | %.2f–%.2f | %s | %s |\n", r.label, r.median, r.least, r.most, figure(r.ours), figure(r.theirs))
	}
	return out.String()
}

// figure writes three digits, and all of a large number.
func figure(v float64) string {
	switch {
	case v >= 1000:
		digits := fmt.Sprintf("%.0f", v)
		for i := len(digits) - 3; i > 0; i -= 3 {
			digits = digits[:i] + "," + digits[i:]
		}
		return digits
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}
