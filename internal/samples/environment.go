package samples

// Access is how one principal reaches one bus.
type Access struct {
	Bootstrap        string // host:port
	SecurityProtocol string // PLAINTEXT or SASL_SSL
	RegistryURL      string
	RoleARN          string // role to assume; empty on PLAINTEXT
	AccessKeyID      string
	SecretAccessKey  string
	Region           string
	STSEndpoint      string // URL of the bus's STS
	CAFile           string // PEM
	Truststore       string // PKCS#12, passwordless
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
