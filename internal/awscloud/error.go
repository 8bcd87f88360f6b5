package awscloud

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/smithy-go"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// codes says what AWS's error codes mean to the bus. Source: "Common errors" and
// each operation's page in the IAM, STS and Amazon MSK API references. What is not
// listed is CodeUnavailable: AWS's, and worth another try.
var codes = map[string]struct {
	code eventbus.Code
	text string
	next string
}{
	"NoSuchEntity":            {eventbus.CodeNotFound, "AWS knows no such thing", ""},
	"NotFoundException":       {eventbus.CodeNotFound, "AWS knows no such thing", ""},
	"EntityAlreadyExists":     {eventbus.CodeConflict, "AWS has one of that name already", ""},
	"DeleteConflict":          {eventbus.CodeConflict, "something else on AWS still hangs on it", "take away what was added to it by hand, and apply again"},
	"MalformedPolicyDocument": {eventbus.CodeInvalid, "AWS does not accept the policy document", "check that every identity under trustedBy exists"},
	"InvalidInput":            {eventbus.CodeInvalid, "AWS does not accept a value", ""},
	"ValidationError":         {eventbus.CodeInvalid, "AWS does not accept a value", ""},
	"BadRequestException":     {eventbus.CodeInvalid, "AWS does not accept a value", ""},
	"LimitExceeded":           {eventbus.CodeTooLarge, "a quota of the AWS account, or the size of a policy, is used up", "have the quota raised, or give the further access to another role"},
	"LimitExceededException":  {eventbus.CodeTooLarge, "a quota of the AWS account, or the size of a policy, is used up", "have the quota raised, or give the further access to another role"},

	"AccessDenied":                {eventbus.CodeUnavailable, "the bus's own role may not do this on AWS", notAllowed},
	"AccessDeniedException":       {eventbus.CodeUnavailable, "the bus's own role may not do this on AWS", notAllowed},
	"ForbiddenException":          {eventbus.CodeUnavailable, "the bus's own role may not do this on AWS", notAllowed},
	"UnauthorizedException":       {eventbus.CodeUnauthenticated, "AWS does not accept the bus's credentials", badCredentials},
	"ExpiredToken":                {eventbus.CodeUnauthenticated, "the bus's AWS credentials have expired", badCredentials},
	"ExpiredTokenException":       {eventbus.CodeUnauthenticated, "the bus's AWS credentials have expired", badCredentials},
	"InvalidClientTokenId":        {eventbus.CodeUnauthenticated, "AWS does not know the bus's credentials", badCredentials},
	"UnrecognizedClientException": {eventbus.CodeUnauthenticated, "AWS does not know the bus's credentials", badCredentials},
	"SignatureDoesNotMatch":       {eventbus.CodeUnauthenticated, "AWS does not accept the bus's credentials", badCredentials},

	"Throttling":               {eventbus.CodeUnavailable, "AWS asks to slow down", "it is tried again; ask AWS for a higher rate when it stays so"},
	"ThrottlingException":      {eventbus.CodeUnavailable, "AWS asks to slow down", "it is tried again; ask AWS for a higher rate when it stays so"},
	"TooManyRequestsException": {eventbus.CodeUnavailable, "AWS asks to slow down", "it is tried again; ask AWS for a higher rate when it stays so"},
	"RequestLimitExceeded":     {eventbus.CodeUnavailable, "AWS asks to slow down", "it is tried again; ask AWS for a higher rate when it stays so"},
}

const (
	notAllowed     = "attach the policy of docs/operate/msk.md to it"
	badCredentials = "check the role, profile or key that the bus runs with"
)

// translate makes one of the bus's errors of one of the SDK's: what failed, and
// that nothing more was changed by it. The cause is kept for logs; no call's
// parameters are in it, and none of the answers that hold a secret is an error.
func translate(doing string, err error) error {
	if err == nil {
		return nil
	}
	if ctx := (*smithy.CanceledError)(nil); errors.Is(err, context.Canceled) || errors.As(err, &ctx) {
		return &eventbus.Error{Code: eventbus.CodeUnavailable, Message: doing + ": it was called off", Err: context.Canceled}
	}
	var answer smithy.APIError
	if errors.As(err, &answer) {
		known, listed := codes[answer.ErrorCode()]
		if !listed {
			known.code, known.text = eventbus.CodeUnavailable, "AWS answered "+answer.ErrorCode()
		}
		return &eventbus.Error{Code: known.code, Message: doing + ": " + known.text, Next: known.next, Err: err}
	}
	if strings.Contains(err.Error(), "get identity: get credentials:") || strings.Contains(err.Error(), "failed to refresh cached credentials") {
		return &eventbus.Error{Code: eventbus.CodeUnauthenticated, Message: doing + ": the bus found no AWS credentials", Next: badCredentials, Err: err}
	}
	return &eventbus.Error{Code: eventbus.CodeUnavailable, Message: doing + ": AWS cannot be reached", Next: "try again; check the way to AWS's endpoints", Err: err}
}

// notFound reports whether the SDK's error says that there is no such thing.
func notFound(err error) bool {
	var answer smithy.APIError
	return errors.As(err, &answer) && codes[answer.ErrorCode()].code == eventbus.CodeNotFound
}

// exists reports whether the SDK's error says that the name is taken.
func exists(err error) bool {
	var answer smithy.APIError
	return errors.As(err, &answer) && answer.ErrorCode() == "EntityAlreadyExists"
}
