package samples

import (
	"strings"
	"unicode"

	"github.com/enterprise-event-bus/eventbus"
)

// Access is how one principal reaches one bus.
type Access struct {
	Bootstrap        string // host:port, or several with commas between
	SecurityProtocol string // PLAINTEXT or SASL_SSL
	RegistryURL      string
	RoleARN          string // role to assume; empty on PLAINTEXT, or to use the credentials as they are
	AccessKeyID      string
	SecretAccessKey  string
	Region           string
	STSEndpoint      string // URL of the bus's STS; empty where AWS keeps the principals
	CAFile           string // PEM; empty when the system's authorities do
	Truststore       string // PKCS#12, passwordless; empty when Java's do
	Idempotent       bool   // the grant holds kafka-cluster:WriteDataIdempotently
}

// signed reports whether the client signs in with IAM.
func (a Access) signed() bool { return a.SecurityProtocol == "SASL_SSL" }

// faults says what would make broken or harmful text: everything here is put
// into source code and configuration that people paste.
func (a Access) faults() []eventbus.Fault {
	var faults []eventbus.Fault
	add := func(bad bool, path, message string) {
		if bad {
			faults = append(faults, eventbus.Fault{Path: path, Message: message})
		}
	}
	add(a.Bootstrap == "", "bootstrap", "is required")
	add(a.SecurityProtocol != "PLAINTEXT" && !a.signed(), "securityProtocol", "must be PLAINTEXT or SASL_SSL")
	add(a.signed() && a.Region == "", "region", "is required to sign in with IAM")
	for path, text := range map[string]string{"bootstrap": a.Bootstrap, "registryURL": a.RegistryURL, "roleARN": a.RoleARN,
		"region": a.Region, "stsEndpoint": a.STSEndpoint, "caFile": a.CAFile, "truststore": a.Truststore} {
		add(!oneLine(text), path, "must be printable text on one line")
	}
	if a.RoleARN != "" {
		_, err := eventbus.ParseIdentityARN(a.RoleARN)
		add(err != nil, "roleARN", "must be the ARN of an IAM role")
	}
	return faults
}

// oneLine reports whether text can stand inside a quoted string of any language
// once it is escaped.
func oneLine(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar })
}

// Environment gives the variables of `eventbus env` (contract, "Clients"): the
// names are those of the VA sample and of AWS's SDKs. What is empty is left out.
func Environment(a Access) map[string]string {
	set := map[string]string{
		"EB_BOOTSTRAP_SERVERS":  a.Bootstrap,
		"EB_SECURITY_PROTOCOL":  a.SecurityProtocol,
		"SCHEMA_REGISTRY_URL":   a.RegistryURL,
		"AWS_ROLE":              a.RoleARN,
		"AWS_ACCESS_KEY_ID":     a.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY": a.SecretAccessKey,
		"AWS_REGION":            a.Region,
		"AWS_ENDPOINT_URL_STS":  a.STSEndpoint,
		"EB_CA_FILE":            a.CAFile,
		"EB_TRUSTSTORE":         a.Truststore,
	}
	for name, value := range set {
		if value == "" {
			delete(set, name)
		}
	}
	return set
}
