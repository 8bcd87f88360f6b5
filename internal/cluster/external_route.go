package cluster

import (
	"net"
	"strconv"
	"strings"
)

// Clients must reach each broker by an address of ours. Two ways: a port for each
// broker, which works without TLS and DNS, or one port and a name for each broker
// (TLS server name, SNI), which needs a wildcard certificate and DNS.

// PortPerBroker advertises node n as host:base+n. A node whose port would not be
// a port gets the base, where anything may be asked.
func PortPerBroker(host string, base int32) func(node int32) (string, int32) {
	return func(node int32) (string, int32) {
		if node < 0 || base+node > 65535 {
			return host, base
		}
		return host, base + node
	}
}

// NamePerBroker advertises node n as b-n.domain:port; NodeOfName is its reverse.
func NamePerBroker(domain string, port int32) func(node int32) (string, int32) {
	return func(node int32) (string, int32) {
		if node < 0 {
			return domain, port
		}
		return "b-" + strconv.Itoa(int(node)) + "." + domain, port
	}
}

// NodeOfName gives the node that a TLS server name means. ok is false for every
// other name, and for none: Java sends none for addresses and names without a
// dot. Such a client is served by any node.
func NodeOfName(domain, name string) (node int32, ok bool) {
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	label, found := strings.CutSuffix(name, "."+strings.ToLower(domain))
	digits, prefixed := strings.CutPrefix(label, "b-")
	if !found || !prefixed || digits == "" || digits[0] == '+' || len(digits) > 1 && digits[0] == '0' {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	return int32(n), err == nil
}

// hostOf gives the host of host:port, for a certificate.
func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}
