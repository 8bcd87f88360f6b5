// Package server composes the bus: it reads one Config, opens every part in
// order, connects them, runs them until told to stop, and closes what it opened.
//
// It is the only package that imports every part, and it decides nothing else:
// rules live in the domain packages, protocols in the doors, technology in the
// drivers. cmd/eventbus and eventbustest call it.
//
// Open binds the listeners first, so that a port in use fails at once and port 0
// is known before anything advertises an address; it accepts last.
package server
