package portal

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestDecideOnWhatIsShown: the form of a decision carries the content that the
// page shows; one that was opened before an edit decides nothing, and shows what
// is there now.
func TestDecideOnWhatIsShown(t *testing.T) {
	w := fullWorld(t)
	id := w.requestID("payment-issued")
	at := "/requests/" + id
	found := regexp.MustCompile(`name="seen" value="([0-9a-f]{64})"`).FindStringSubmatch(body(t, w.get("bill", at)))
	if found == nil {
		t.Fatal("the form does not say what it is about")
	}
	response := w.fill("bill", at+"/decide", "seen", strings.Repeat("0", 64), "stage", "bus", "decision", "approve")
	page := body(t, response)
	if response.StatusCode != http.StatusConflict || !strings.Contains(page, "edited since") || !strings.Contains(page, found[1]) {
		t.Errorf("status %d: %s", response.StatusCode, problems(page))
	}
	if r := w.must(w.store.Request(context.Background(), id)); len(r.Approvals) != 0 {
		t.Fatalf("approvals %+v", r.Approvals)
	}
	w.goesTo(w.fill("bill", at+"/decide", "seen", found[1], "stage", "bus", "decision", "approve"), at)
}
