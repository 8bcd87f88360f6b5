package kafka

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// The ports that tests choose for their servers lie below those that systems give
// to outgoing connections, one of which could take a port between its choice and
// its use.
const (
	firstPort = 10_000
	lastPort  = 29_999
)

var (
	givenLock sync.Mutex
	given     = map[int]bool{} // to a test of this process already
)

// FreePorts gives n ports on loopback that nobody listens on.
func FreePorts(t testing.TB, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		ports = append(ports, FreeRange(t, 1))
	}
	return ports
}

// FreeRange gives the first of n ports in a row that nobody listens on. No port
// is given twice in a process.
func FreeRange(t testing.TB, n int) int {
	t.Helper()
	givenLock.Lock()
	defer givenLock.Unlock()
	for range 10_000 {
		first := firstPort + rand.IntN(lastPort-firstPort-n)
		if !free(first, n) {
			continue
		}
		for port := first; port < first+n; port++ {
			given[port] = true
		}
		return first
	}
	t.Fatalf("there are no %d free ports in a row", n)
	return 0
}

func free(first, n int) bool {
	for port := first; port < first+n; port++ {
		if given[port] {
			return false
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return false
		}
		defer l.Close()
	}
	return true
}
