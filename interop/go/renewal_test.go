package interop

import (
	"bufio"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enterprise-event-bus/eventbus/eventbustest"
	"github.com/enterprise-event-bus/eventbus/internal/server"
)

// The shortest session that the bus tells clients of is a minute (clients take
// about a second for their floor and would loop), so they stay a little longer.
const (
	session = time.Minute
	staying = session + 15*time.Second
)

// renewals keeps every client that signs in producing beyond the end of its
// session, side by side, each at a bus of its own so that the logins counted are
// its own. More logins than connections: it signed in again on a connection that
// it had (KIP-368).
func renewals(t *testing.T, runs []*run) {
	var waiting sync.WaitGroup
	defer waiting.Wait()
	for _, r := range runs {
		if r.signs() {
			// Not t.Parallel, which runs no more at a time than there are cores: these wait.
			waiting.Go(func() {
				t.Run(r.c.name+" "+r.c.version+" "+r.door, func(t *testing.T) { r.T = t; r.renew() })
			})
		}
	}
}

func (r *run) renew() {
	own := eventbustest.Start(r.T, func(c *server.Config) { c.Gateway.MaxSession = session })
	job := fmt.Sprintf("stay/%s-stay/%d", r.mark, staying/time.Second)
	o := r.bus.do(r.T, r.c, r.set(own.Environment(r.T, "test-producer")), job)[job]
	logins, connections := counted(r.T, own.HTTP, "eventbus_gateway_logins_total", `outcome="accepted"`),
		counted(r.T, own.HTTP, "eventbus_gateway_closes_total", "")+counted(r.T, own.HTTP, "eventbus_gateway_connections", "")
	if o.verdict == "ok" && logins <= connections {
		o = outcome{"error", "no connection signed in again"}
	}
	o.text += fmt.Sprintf(" %d logins on %d connections", logins, connections)
	r.cell("re-authenticates", o)
}

// counted adds the samples of a metric that have a label.
func counted(t *testing.T, bus, metric, label string) int {
	t.Helper()
	response, err := http.Get(bus + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	total := 0
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if !strings.HasPrefix(name, metric+"{") || !strings.Contains(name, label) {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatal(err)
		}
		total += int(n)
	}
	return total
}
