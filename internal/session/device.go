package session

import (
	"context"
	"crypto/subtle"
	"io"
	"strings"
	"sync"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// The sign-in of a command line through the portal, in the manner of RFC 8628:
// the command line starts it and shows a code; the person, signed in to the
// portal, looks at what the code stands for and confirms it; the command line
// asks until it gets a token. Sign-ins under way are kept in memory: with
// several instances the portal and the command line must reach the same one.
const (
	deviceTTL      = 10 * time.Minute
	deviceInterval = 2 * time.Second // between two questions of a command line
	deviceTokenTTL = 7 * 24 * time.Hour
	maxDevices     = 1000
	maxDevicesFrom = 20
	codeGuesses    = 10 // wrong codes of one person before a wait
	codeGuessEvery = time.Minute
	codeLength     = 8
	codeLetters    = "BCDFGHJKLMNPQRSTVWXZ" // no vowels, no look-alikes (RFC 8628 section 6.1)
)

// DeviceState is how far a device sign-in has come.
type DeviceState string

// The states of a device sign-in.
const (
	DevicePending   DeviceState = "pending"
	DeviceConfirmed DeviceState = "confirmed"
	DeviceDenied    DeviceState = "denied"
)

// Device is a sign-in under way, as the person sees it before confirming.
type Device struct {
	Code      string    `json:"code"` // XXXX-XXXX
	Client    string    `json:"client"`
	From      string    `json:"from"`
	StartedAt time.Time `json:"startedAt"`
	ExpiresAt time.Time `json:"expiresAt"`
}

type device struct {
	Device
	secret string // hash
	state  DeviceState
	actor  eventbus.Actor
	asked  time.Time
}

type devices struct {
	now     func() time.Time
	guesses *guesses // of codes, by person
	mu      sync.Mutex
	byCode  map[string]*device // without the dash
}

func newDevices(now func() time.Time) *devices {
	return &devices{now: now, guesses: newGuesses(now, codeGuesses, codeGuessEvery), byCode: map[string]*device{}}
}

// StartDevice starts a device sign-in for a client ("eventbus on build-17") at
// an address: device.Code is for the person, secret for PollDevice. It lasts ten
// minutes. Errors: CodeLimited.
func (s *Sessions) StartDevice(client, from string) (d Device, secret string, err error) {
	if secret, err = s.secret(); err != nil {
		return Device{}, "", err
	}
	code, err := s.userCode()
	if err != nil {
		return Device{}, "", err
	}
	now := s.now()
	d = Device{Code: code[:4] + "-" + code[4:], Client: plain(client, 100), From: from, StartedAt: now, ExpiresAt: now.Add(deviceTTL)}
	if !s.devices.add(code, &device{Device: d, secret: digest(secret), state: DevicePending}) {
		return Device{}, "", &eventbus.Error{Code: eventbus.CodeLimited, Message: "too many sign-ins are under way; none was started", Next: "try again in ten minutes, or use EVENTBUS_TOKEN"}
	}
	return d, secret, nil
}

// Device shows a person what a code stands for. Errors: CodeNotFound,
// CodeLimited after ten wrong codes.
func (s *Sessions) Device(actor eventbus.Actor, code string) (Device, error) {
	d, err := s.devices.find(actor, code, func(*device) {})
	return d, err
}

// ConfirmDevice lets a device act for the actor, who must have signed in by the
// browser: a token cannot make a wider one. Errors: CodeForbidden, CodeNotFound,
// CodeConflict when it was decided before, CodeLimited.
func (s *Sessions) ConfirmDevice(actor eventbus.Actor, code string) error {
	return s.decideDevice(actor, code, DeviceConfirmed)
}

// DenyDevice refuses a device; errors as for ConfirmDevice.
func (s *Sessions) DenyDevice(actor eventbus.Actor, code string) error {
	return s.decideDevice(actor, code, DeviceDenied)
}

func (s *Sessions) decideDevice(actor eventbus.Actor, code string, to DeviceState) error {
	if actor.Person.ID == "" || actor.System != "" || actor.Token != "" {
		return &eventbus.Error{Code: eventbus.CodeForbidden, Message: "a device is confirmed in the browser, by a person; nothing was changed", Next: "sign in to the portal"}
	}
	decided := false
	_, err := s.devices.find(actor, code, func(d *device) {
		if decided = d.state != DevicePending; !decided {
			d.state, d.actor = to, actor
		}
	})
	if err == nil && decided {
		return eventbus.Errorf(eventbus.CodeConflict, "this code was used already; nothing was changed")
	}
	return err
}

// PollDevice asks what became of a device sign-in. Once it is confirmed, and
// once only, it gives a token of all scopes for seven days. Errors:
// CodeUnauthenticated (unknown, expired, used), CodeForbidden (denied),
// CodeLimited when asked more often than every two seconds.
func (s *Sessions) PollDevice(ctx context.Context, secret string) (DeviceState, string, eventbus.APIToken, error) {
	d, err := s.devices.poll(secret)
	if err != nil || d.state == DevicePending {
		return DevicePending, "", eventbus.APIToken{}, err
	}
	if d.state == DeviceDenied {
		return DeviceDenied, "", eventbus.APIToken{}, eventbus.Errorf(eventbus.CodeForbidden, "the sign-in was denied in the portal")
	}
	name := "command line"
	if d.Client != "" {
		name = d.Client
	}
	token, kept, err := s.CreateToken(ctx, d.actor, name, ScopeNames(), deviceTokenTTL)
	return DeviceConfirmed, token, kept, err
}

func (s *Sessions) userCode() (string, error) {
	code := make([]byte, 0, codeLength)
	raw := make([]byte, 1)
	for len(code) < codeLength {
		if _, err := io.ReadFull(s.cfg.Rand, raw); err != nil {
			return "", eventbus.Errorf(eventbus.CodeInternal, "no random bits: %w", err)
		}
		if int(raw[0]) < 256-256%len(codeLetters) { // else the first letters would be likelier
			code = append(code, codeLetters[int(raw[0])%len(codeLetters)])
		}
	}
	return string(code), nil
}

func (d *devices) add(code string, added *device) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget()
	same := 0
	for _, other := range d.byCode {
		if caller(other.From) == caller(added.From) {
			same++
		}
	}
	if _, taken := d.byCode[code]; taken || len(d.byCode) >= maxDevices || same >= maxDevicesFrom {
		return false
	}
	d.byCode[code] = added
	return true
}

// find looks a code up for a person and does something with it under the lock.
func (d *devices) find(actor eventbus.Actor, code string, do func(*device)) (Device, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget()
	if !d.guesses.allowed(actor.Person.ID) {
		return Device{}, &eventbus.Error{Code: eventbus.CodeLimited, Message: "you entered too many wrong codes", Next: "wait a minute"}
	}
	found, ok := d.byCode[strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(plain(code, 20)))]
	if !ok {
		d.guesses.missed(actor.Person.ID)
		return Device{}, &eventbus.Error{Code: eventbus.CodeNotFound, Message: "there is no sign-in with this code, or it took longer than ten minutes", Next: "start it again with eventbus login"}
	}
	do(found)
	return found.Device, nil
}

// poll gives a copy of the device of a secret; a decided one is removed.
func (d *devices) poll(secret string) (device, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget()
	hash := digest(secret)
	for code, found := range d.byCode {
		if subtle.ConstantTimeCompare([]byte(found.secret), []byte(hash)) != 1 {
			continue
		}
		now := d.now()
		if found.state == DevicePending {
			early := now.Sub(found.asked) < deviceInterval
			found.asked = now
			if early {
				return *found, &eventbus.Error{Code: eventbus.CodeLimited, Message: "asked too often", Next: "ask every two seconds"}
			}
			return *found, nil
		}
		delete(d.byCode, code)
		return *found, nil
	}
	return device{}, refusedLogin("this sign-in is not known, or took longer than ten minutes")
}

func (d *devices) forget() {
	now := d.now()
	for code, old := range d.byCode {
		if !now.Before(old.ExpiresAt) {
			delete(d.byCode, code)
		}
	}
}
