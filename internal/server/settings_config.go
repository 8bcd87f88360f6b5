package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/cluster"
	"github.com/enterprise-event-bus/eventbus/internal/session"
)

// reader turns settings into a Config. It reads the secrets and files that they
// name and notes all that is wrong with them.
type reader struct {
	settings
	rules
	ctx    context.Context
	getenv func(string) string
}

// ReadConfig reads the file of `serve`, with the secrets and CA certificates that
// it names; getenv gives variables of the environment. The error is CodeInvalid
// with every fault that there is, each with its place and what to write. level is
// what to log. ctx bounds the reading of AWS's configuration.
func ReadConfig(ctx context.Context, text []byte, file string, getenv func(string) string) (cfg Config, level slog.Level, err error) {
	s, doc, err := readSettings(text, file)
	if err != nil {
		return cfg, level, err
	}
	r := reader{settings: s, ctx: ctx, getenv: getenv}
	cfg = r.config()
	if len(r.rules) > 0 {
		return Config{}, level, eventbus.Invalid("what "+file+" names cannot be used", doc.Locate(r.rules)...)
	}
	return cfg, level, level.UnmarshalText([]byte(cmp.Or(s.Log.Level, "info")))
}

func (r *reader) config() Config {
	cfg := Config{
		DataDir: r.DataDir,
		Listeners: Listeners{HTTP: r.Listeners.HTTP, Registry: r.Listeners.Registry, Admin: r.Listeners.Admin,
			KafkaIAM: r.Listeners.KafkaIAM, KafkaIAMExternal: r.Listeners.KafkaIAMExternal},
		Advertise: Advertise{HTTP: strings.TrimSuffix(r.Advertise.HTTP, "/"), Registry: strings.TrimSuffix(r.Advertise.Registry, "/"),
			Instance: strings.TrimSuffix(r.Advertise.Instance, "/"), KafkaIAM: r.Advertise.KafkaIAM, KafkaIAMExternal: r.Advertise.KafkaIAMExternal},
		Routing:             Routing{ByName: r.Routing.By == "name", BrokerPorts: r.Routing.Ports},
		CAFile:              r.TLS.CA,
		OneAddress:          r.OneAddress,
		RegistryEnvironment: r.Registry.Environment,
		Environments:        r.environments(),
		Deployment:          r.deployment(),
		MasterKey:           r.masterKey(),
		AdministratorToken:  r.administratorToken(),
		SignIn:              r.signIn(),
		Kafka:               r.kafka(),
		Accounts:            r.accounts(),
		Fetch:               r.outbound(),
		Mail:                r.mail(),
		Webhook:             r.webhook(),
	}
	if r.postgres() {
		cfg.Database = r.Database
	}
	for _, c := range r.TLS.Certificates {
		cfg.Certificates = append(cfg.Certificates, CertificateFiles(c))
	}
	return cfg
}

// environments are those of the file, in its order.
func (s settings) environments() []eventbus.Environment {
	var environments []eventbus.Environment
	for i, e := range s.Environments {
		environments = append(environments, eventbus.Environment{
			Name: e.Name, Label: cmp.Or(e.Label, e.Name), Prefix: e.Prefix, Order: i + 1, Production: e.Production, PHI: e.PHI,
			Limits: eventbus.TopicLimits{MaxPartitions: e.MaxPartitions, MaxRetentionDays: e.MaxRetentionDays,
				ReplicationFactor: e.Replication, MinInsyncReplicas: e.MinInsyncReplicas},
		})
	}
	return environments
}

func (s settings) deployment() eventbus.Deployment {
	d, standard := s.Deployment, eventbus.DemoDeployment()
	return eventbus.Deployment{Partition: cmp.Or(d.Partition, standard.Partition), Region: cmp.Or(d.Region, standard.Region),
		Account: cmp.Or(d.Account, standard.Account), Cluster: cmp.Or(d.Cluster, standard.Cluster), UUID: cmp.Or(d.UUID, standard.UUID)}
}

// secret reads a secret from its place; "" when it names none.
func (r *reader) secret(path string, s secretSettings) string {
	value := ""
	switch {
	case s.File != "":
		text, err := os.ReadFile(s.File)
		if err != nil {
			r.add(path+".file", "cannot be read: "+err.Error(), "name a file that the user of the bus may read")
			return ""
		}
		value = strings.TrimSpace(string(text))
	case s.Env != "":
		value = strings.TrimSpace(r.getenv(s.Env))
	default:
		return ""
	}
	if value == "" {
		r.add(path, "is empty", "put the secret there")
	}
	return value
}

func (r *reader) masterKey() []byte {
	text := r.secret("masterKey", r.MasterKey)
	key, err := hex.DecodeString(text)
	if text != "" && (err != nil || len(key) != 32) {
		r.add("masterKey", "is not 64 hexadecimal digits", "make one with: openssl rand -hex 32")
	}
	return key
}

// minAdministratorToken is the shortest token that cannot be guessed.
const minAdministratorToken = 32

func (r *reader) administratorToken() string {
	token := r.secret("administrator.token", r.Administrator.Token)
	if token != "" && (len(token) < minAdministratorToken || len(token) > 200) {
		r.add("administrator.token", "is shorter than 32 characters or longer than 200", "make one with: openssl rand -hex 32")
	}
	return token
}

func (r *reader) signIn() session.Config {
	p := r.SignIn
	roles := map[string][]eventbus.Role{}
	for group, names := range p.GroupRoles {
		for _, name := range names {
			roles[group] = append(roles[group], eventbus.Role(name))
		}
	}
	return session.Config{Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: r.secret("signIn.clientSecret", p.ClientSecret), Scopes: p.Scopes,
		GroupsClaim: p.GroupsClaim, GroupRoles: roles, GroupTeams: p.GroupTeams, TeamPrefix: p.TeamPrefix, AllowGroups: p.AllowGroups}
}

// kafka gives the clusters: environments that write down the same one share it.
// Those with a gateway come first, because the first has the doors of the bus.
func (r *reader) kafka() []Kafka {
	var kafkas []Kafka
	var written []*clusterSettings
	defer func() {
		slices.SortStableFunc(kafkas, func(a, b Kafka) int { return cmp.Compare(r.straight(a), r.straight(b)) })
	}()
	for i, e := range r.Environments {
		if e.Cluster == nil {
			continue
		}
		known := -1
		for j, other := range written {
			if reflect.DeepEqual(e.Cluster, other) {
				known = j
			}
		}
		if known < 0 {
			known, written = len(kafkas), append(written, e.Cluster)
			path := fmt.Sprintf("environments[%d].cluster", i)
			kafkas = append(kafkas, Kafka{External: r.external(path, *e.Cluster)})
		}
		k := &kafkas[known]
		k.Environments = append(k.Environments, e.Name)
		if (e.Listeners != doorSettings{}) {
			k.Doors = Listeners{KafkaIAM: e.Listeners.KafkaIAM, KafkaIAMExternal: e.Listeners.KafkaIAMExternal}
			k.Advertise = Advertise{KafkaIAM: e.Advertise.KafkaIAM, KafkaIAMExternal: e.Advertise.KafkaIAMExternal}
		}
	}
	return kafkas
}

func (r *reader) external(path string, c clusterSettings) cluster.ExternalConfig {
	external := cluster.ExternalConfig{Bootstrap: c.Bootstrap}
	if c.TLS != nil {
		external.TLS = r.clusterTLS(path+".tls", *c.TLS)
	}
	if c.SASL == nil {
		return external
	}
	login := cluster.SASL{Mechanism: c.SASL.Mechanism, User: c.SASL.User, Password: r.secret(path+".sasl.password", c.SASL.Password)}
	var err error
	switch c.SASL.Mechanism {
	case "AWS_MSK_IAM":
		if login.IAM, err = cluster.DefaultIAM(r.ctx); err != nil {
			r.add(path+".sasl", err.Error(), "see the AWS variables and files of the bus's user")
			return external
		}
	case "OAUTHBEARER":
		if r.secret(path+".sasl.token", c.SASL.Token) == "" {
			return external
		}
		login.Token = func(context.Context) (string, error) { return tokenNow(c.SASL.Token, r.getenv) }
	}
	if len(r.rules) > 0 {
		return external
	}
	if external.SASL, err = login.Login(); err != nil {
		r.add(path+".sasl", err.Error(), "")
	}
	return external
}

// tokenNow reads a token that others renew in its file.
func tokenNow(s secretSettings, getenv func(string) string) (string, error) {
	if s.File == "" {
		return strings.TrimSpace(getenv(s.Env)), nil
	}
	text, err := os.ReadFile(s.File)
	if err != nil {
		return "", eventbus.Errorf(eventbus.CodeUnavailable, "read the token for Kafka: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

func (r *reader) clusterTLS(path string, c clusterTLSSettings) *tls.Config {
	config := &tls.Config{ServerName: c.ServerName, MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		text, err := os.ReadFile(c.CA)
		config.RootCAs = x509.NewCertPool()
		switch {
		case err != nil:
			r.add(path+".ca", "cannot be read: "+err.Error(), "name a PEM file that the user of the bus may read")
		case !config.RootCAs.AppendCertsFromPEM(text):
			r.add(path+".ca", c.CA+" holds no CA certificate", "name a PEM file")
		}
	}
	if c.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
		if err != nil {
			r.add(path+".certificate", "cannot be used: "+err.Error(), "name PEM files that belong together")
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config
}
