package apiserver

import (
	"context"
	"net/http"
	"time"

	"github.com/enterprise-event-bus/eventbus"
)

// registerDeviceLogin adds the sign-in of a command line through the portal, in
// the manner of RFC 8628.
func (a *API) registerDeviceLogin() {
	const limited = http.StatusTooManyRequests
	register(a, operation(http.MethodPost, "/login/device", "start-device-login",
		"Start a sign-in that a person confirms in the portal", limited), a.startDevice)
	register(a, operation(http.MethodPost, "/login/device/poll", "poll-device-login",
		"Ask what became of a sign-in; gives a token once it is confirmed", limited), a.pollDevice)
}

type startDeviceInput struct {
	Body struct {
		Client string `json:"client,omitempty" maxLength:"100" doc:"what the person is shown: eventbus on build-17"`
	}
}

type startedDevice struct {
	Code      string    `json:"code" doc:"for the person to compare and confirm"`
	Secret    string    `json:"secret" doc:"for the command line to poll with"`
	Path      string    `json:"path" doc:"page of the portal that confirms it"`
	ExpiresAt time.Time `json:"expiresAt"`
}

func (a *API) startDevice(ctx context.Context, in *startDeviceInput) (*body[startedDevice], error) {
	device, secret, err := a.parts.Sessions.StartDevice(ctx, in.Body.Client, actorOf(ctx).From)
	if err != nil {
		return nil, err
	}
	return &body[startedDevice]{startedDevice{device.Code, secret, "/device?code=" + device.Code, device.ExpiresAt}}, nil
}

type pollDeviceInput struct {
	Body struct {
		Secret string `json:"secret" minLength:"1" maxLength:"256"`
	}
}

type polledDevice struct {
	State  eventbus.DeviceState `json:"state" doc:"pending or confirmed"`
	Token  string               `json:"token,omitempty"`
	Expire time.Time            `json:"expiresAt,omitzero"`
}

func (a *API) pollDevice(ctx context.Context, in *pollDeviceInput) (*body[polledDevice], error) {
	state, secret, token, err := a.parts.Sessions.PollDevice(ctx, in.Body.Secret)
	if err != nil {
		return nil, err
	}
	return &body[polledDevice]{polledDevice{state, secret, token.ExpiresAt}}, nil
}
