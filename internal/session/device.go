package session

import (
	"context"
	"io"
	"strings"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// The sign-in of a command line through the portal, in the manner of RFC 8628:
// the command line starts it and shows a code; the person, signed in to the
// portal, looks at what the code stands for and confirms it; the command line
// asks until it gets a token. All of it is in the store, so that each step may
// reach another instance.
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

// Device is a sign-in under way, as the person sees it before confirming.
type Device struct {
	Code      string    `json:"code"` // XXXX-XXXX
	Client    string    `json:"client"`
	From      string    `json:"from"`
	StartedAt time.Time `json:"startedAt"`
	ExpiresAt time.Time `json:"expiresAt"`
}

func deviceOf(d eventbus.DeviceLogin) Device {
	return Device{Code: d.Code[:codeLength/2] + "-" + d.Code[codeLength/2:], Client: d.Client, From: d.From, StartedAt: d.StartedAt, ExpiresAt: d.ExpiresAt}
}

// StartDevice starts a device sign-in for a client ("eventbus on build-17") at
// an address: device.Code is for the person, secret for PollDevice. It lasts ten
// minutes. Errors: CodeLimited.
func (s *Sessions) StartDevice(ctx context.Context, client, from string) (d Device, secret string, err error) {
	if secret, err = s.secret(); err != nil {
		return Device{}, "", err
	}
	code, err := s.userCode()
	if err != nil {
		return Device{}, "", err
	}
	now := s.now()
	login := eventbus.DeviceLogin{Code: code, Secret: digest(secret), Client: plain(client, 100), From: from, Caller: caller(from), State: eventbus.DevicePending, StartedAt: now, ExpiresAt: now.Add(deviceTTL)}
	switch err = s.store.SaveDeviceLogin(ctx, login, maxDevicesFrom, maxDevices); eventbus.CodeOf(err) {
	case eventbus.CodeLimited, eventbus.CodeConflict: // a code that is in use is as rare as it is harmless
		return Device{}, "", &eventbus.Error{Code: eventbus.CodeLimited, Message: "too many sign-ins are under way; none was started", Next: "try again in ten minutes, or use EVENTBUS_TOKEN", Err: err}
	}
	if err != nil {
		return Device{}, "", err
	}
	return deviceOf(login), secret, nil
}

// Device shows a person what a code stands for. Errors: CodeNotFound,
// CodeLimited after ten wrong codes.
func (s *Sessions) Device(ctx context.Context, actor eventbus.Actor, code string) (Device, error) {
	d, err := s.find(ctx, actor, code)
	if err != nil {
		return Device{}, err
	}
	return deviceOf(d), nil
}

// ConfirmDevice lets a device act for the actor, who must have signed in by the
// browser: a token cannot make a wider one. Errors: CodeForbidden, CodeNotFound,
// CodeConflict when it was decided before, CodeLimited.
func (s *Sessions) ConfirmDevice(ctx context.Context, actor eventbus.Actor, code string) error {
	return s.decideDevice(ctx, actor, code, eventbus.DeviceConfirmed)
}

// DenyDevice refuses a device; errors as for ConfirmDevice.
func (s *Sessions) DenyDevice(ctx context.Context, actor eventbus.Actor, code string) error {
	return s.decideDevice(ctx, actor, code, eventbus.DeviceDenied)
}

func (s *Sessions) decideDevice(ctx context.Context, actor eventbus.Actor, code string, to eventbus.DeviceState) error {
	if actor.Person.ID == "" || actor.System != "" || actor.Token != "" {
		return &eventbus.Error{Code: eventbus.CodeForbidden, Message: "a device is confirmed in the browser, by a person; nothing was changed", Next: "sign in to the portal"}
	}
	d, err := s.find(ctx, actor, code)
	if err != nil {
		return err
	}
	d.State, d.Person, d.DecidedFrom = to, actor.Person.ID, actor.From
	return s.store.DecideDeviceLogin(ctx, d, s.now())
}

// find looks a code up for a person and counts the wrong ones.
func (s *Sessions) find(ctx context.Context, actor eventbus.Actor, code string) (eventbus.DeviceLogin, error) {
	now, who := s.now(), "device "+actor.Person.ID
	forgiven, err := s.store.Forgiven(ctx, who)
	if err != nil {
		return eventbus.DeviceLogin{}, err
	}
	if forgiven.Sub(now) > (codeGuesses-1)*codeGuessEvery {
		return eventbus.DeviceLogin{}, &eventbus.Error{Code: eventbus.CodeLimited, Message: "you entered too many wrong codes", Next: "wait a minute"}
	}
	code = strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(plain(code, 20)))
	d, err := s.store.DeviceLogin(ctx, code, now)
	if eventbus.CodeOf(err) != eventbus.CodeNotFound {
		return d, err
	}
	if err := s.store.CountGuess(ctx, who, now, codeGuessEvery); err != nil {
		return eventbus.DeviceLogin{}, err
	}
	return eventbus.DeviceLogin{}, &eventbus.Error{Code: eventbus.CodeNotFound, Message: "there is no sign-in with this code, or it took longer than ten minutes", Next: "start it again with eventbus login"}
}

// PollDevice asks what became of a device sign-in. Once it is confirmed, and
// once only, it gives a token of all scopes for seven days. Errors:
// CodeUnauthenticated (unknown, expired, used), CodeForbidden (denied),
// CodeLimited when asked more often than every two seconds.
func (s *Sessions) PollDevice(ctx context.Context, secret string) (eventbus.DeviceState, string, eventbus.APIToken, error) {
	d, err := s.store.PollDeviceLogin(ctx, digest(secret), s.now(), deviceInterval)
	switch {
	case eventbus.CodeOf(err) == eventbus.CodeNotFound:
		return eventbus.DevicePending, "", eventbus.APIToken{}, refusedLogin("this sign-in is not known, or took longer than ten minutes")
	case eventbus.CodeOf(err) == eventbus.CodeLimited:
		return eventbus.DevicePending, "", eventbus.APIToken{}, &eventbus.Error{Code: eventbus.CodeLimited, Message: "asked too often", Next: "ask every two seconds"}
	case err != nil || d.State == eventbus.DevicePending:
		return eventbus.DevicePending, "", eventbus.APIToken{}, err
	case d.State != eventbus.DeviceConfirmed:
		return eventbus.DeviceDenied, "", eventbus.APIToken{}, eventbus.Errorf(eventbus.CodeForbidden, "the sign-in was denied in the portal")
	}
	person, err := s.store.Person(ctx, d.Person)
	if err != nil {
		return eventbus.DevicePending, "", eventbus.APIToken{}, err
	}
	name := "command line"
	if d.Client != "" {
		name = d.Client
	}
	token, kept, err := s.CreateToken(ctx, eventbus.Actor{Person: person, From: d.DecidedFrom}, name, ScopeNames(), deviceTokenTTL)
	return eventbus.DeviceConfirmed, token, kept, err
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
