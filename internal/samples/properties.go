package samples

import (
	"strings"

	"github.com/enterprise-event-bus/eventbus"
)

// Kind says whose properties.
type Kind string

// The kinds of properties.
const (
	KindMSKIAM      Kind = "msk-iam"     // Java, SASL mechanism AWS_MSK_IAM, as in the VA sample
	KindOAuthBearer Kind = "oauthbearer" // Java, SASL mechanism OAUTHBEARER with MSK's token
	KindLibrdkafka  Kind = "librdkafka"  // librdkafka and what is built on it: Python, .NET, Ruby, PHP, kcat
)

// Kinds lists the kinds of properties.
func Kinds() []Kind { return []Kind{KindMSKIAM, KindOAuthBearer, KindLibrdkafka} }

// Setting is one line of properties.
type Setting struct{ Name, Value string }

// Settings gives what a client of a kind needs to connect, in the order to show
// it. Producing and consuming add nothing to it but their own wishes.
func Settings(a Access, kind Kind) ([]Setting, error) {
	if faults := a.faults(); len(faults) > 0 {
		return nil, eventbus.Invalid("the settings cannot be written", faults...)
	}
	settings := []Setting{{"bootstrap.servers", a.Bootstrap}, {"security.protocol", a.SecurityProtocol}}
	switch kind {
	case KindMSKIAM, KindOAuthBearer:
		if a.signed() {
			settings = append(settings, javaLogin(a, kind)...)
		}
	case KindLibrdkafka:
		if a.signed() {
			settings = append(settings, Setting{"sasl.mechanisms", "OAUTHBEARER"})
			if a.CAFile != "" {
				settings = append(settings, Setting{"ssl.ca.location", a.CAFile})
			}
		}
	default:
		return nil, eventbus.Errorf(eventbus.CodeInvalid, "there are no properties of kind %q", kind)
	}
	return settings, nil
}

// javaLogin are the settings of aws-msk-iam-auth (its README, "Configuring a
// Kafka client to use AWS IAM"). awsStsRegion is left out on purpose: it makes
// releases before 2.3.9 ask sts.REGION.amazonaws.com whatever AWS_ENDPOINT_URL_STS
// says.
func javaLogin(a Access, kind Kind) []Setting {
	module, mechanism := "software.amazon.msk.auth.iam.IAMLoginModule", "AWS_MSK_IAM"
	handler := "software.amazon.msk.auth.iam.IAMClientCallbackHandler"
	if kind == KindOAuthBearer {
		module, mechanism = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule", "OAUTHBEARER"
		handler = "software.amazon.msk.auth.iam.IAMOAuthBearerLoginCallbackHandler"
	}
	jaas := module + " required"
	if a.RoleARN != "" {
		jaas += ` awsRoleArn="` + a.RoleARN + `" awsAddDefaultProviders="false"`
	}
	settings := []Setting{{"sasl.mechanism", mechanism}, {"sasl.jaas.config", jaas + ";"}, {"sasl.client.callback.handler.class", handler}}
	if kind == KindOAuthBearer {
		settings = append(settings, Setting{"sasl.login.callback.handler.class", handler})
	}
	if a.Truststore != "" {
		settings = append(settings, Setting{"ssl.truststore.location", a.Truststore}, Setting{"ssl.truststore.type", "PKCS12"})
	}
	return settings
}

// Properties writes the settings as a properties file, with the notes that
// belong to them as comments.
func Properties(a Access, kind Kind) (string, error) {
	settings, err := Settings(a, kind)
	if err != nil {
		return "", err
	}
	escape := javaProperty
	if kind == KindLibrdkafka {
		escape = strings.NewReplacer() // librdkafka's files know no escapes
	}
	var b strings.Builder
	for _, note := range kindNotes(a, kind) {
		b.WriteString("# " + note + "\n")
	}
	for _, s := range settings {
		b.WriteString(s.Name + "=" + escape.Replace(s.Value) + "\n")
	}
	return b.String(), nil
}

// javaProperty escapes a value for java.util.Properties.load.
var javaProperty = strings.NewReplacer(`\`, `\\`)
