package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/document"
)

// settings are the file of `serve --config` as it is written (contract,
// "Formats"). The texts are those of its JSON Schema.
type settings struct {
	DataDir       string                `yaml:"dataDir" json:"dataDir,omitempty" doc:"Folder of what this instance keeps: the SQLite database and the embedded engine's data. Not needed with PostgreSQL and Kafka."`
	Database      string                `yaml:"database" json:"database,omitempty" doc:"sqlite (a file in dataDir; the default), or the URL of a PostgreSQL that all instances share: postgres://user@host/name. The password comes from PGPASSWORD or PGPASSFILE."`
	MasterKey     secretSettings        `yaml:"masterKey" json:"masterKey" doc:"32 bytes as 64 hexadecimal digits that seal secrets at rest; the same for every instance. Losing it makes every access key worthless. Make one with: openssl rand -hex 32"`
	Administrator administratorSettings `yaml:"administrator" json:"administrator,omitempty" doc:"An administrator with every role who needs no identity provider: for the first steps and for scripts."`
	Deployment    deploymentSettings    `yaml:"deployment" json:"deployment,omitempty" doc:"The names in the ARNs of policies."`
	TLS           tlsSettings           `yaml:"tls" json:"tls,omitempty"`
	Listeners     listenerSettings      `yaml:"listeners" json:"listeners"`
	Advertise     advertiseSettings     `yaml:"advertise" json:"advertise,omitempty" doc:"Where clients find the doors, when that is not where they listen."`
	Routing       routingSettings       `yaml:"routing" json:"routing,omitempty" doc:"How a client reaches one broker of several."`
	OneAddress    bool                  `yaml:"oneAddress" json:"oneAddress,omitempty" doc:"Refuse a Kafka login whose signature was first used from another IP address, as a stolen token would be. Off as on MSK: clients that share a token among hosts need it off."`
	SignIn        signInSettings        `yaml:"signIn" json:"signIn,omitempty" doc:"The OpenID Connect provider by which people sign in."`
	Registry      registrySettings      `yaml:"registry" json:"registry,omitempty"`
	Notifications notificationSettings  `yaml:"notifications" json:"notifications,omitempty" doc:"Ways to people besides the inbox in the portal."`
	Outbound      outboundSettings      `yaml:"outbound" json:"outbound,omitempty" doc:"Where the bus may reach out to, for catalog files and the webhook."`
	Environments  []environmentSettings `yaml:"environments" json:"environments" doc:"Lowest first: promotion goes from the first to the last."`
	Log           logSettings           `yaml:"log" json:"log,omitempty"`
}

// secretSettings is a secret that stands elsewhere: in a file or in a variable.
type secretSettings struct {
	File string `yaml:"file" json:"file,omitempty" doc:"A file that holds it; white space around it does not count."`
	Env  string `yaml:"env" json:"env,omitempty" doc:"A variable of the environment that holds it."`
}

func (s secretSettings) given() bool { return s.File != "" || s.Env != "" }

type administratorSettings struct {
	Token secretSettings `yaml:"token" json:"token,omitempty" doc:"A bearer token of at least 32 characters. Make one with: openssl rand -hex 32"`
}

type deploymentSettings struct {
	Partition string `yaml:"partition" json:"partition,omitempty" doc:"aws, aws-us-gov or aws-cn."`
	Region    string `yaml:"region" json:"region,omitempty"`
	Account   string `yaml:"account" json:"account,omitempty" doc:"Twelve digits."`
	Cluster   string `yaml:"cluster" json:"cluster,omitempty"`
	UUID      string `yaml:"uuid" json:"uuid,omitempty"`
}

type tlsSettings struct {
	Certificates []certificateSettings `yaml:"certificates" json:"certificates,omitempty" doc:"Of the doors; the first that fits the name a client asks for. Read again when they change."`
	CA           string                `yaml:"ca" json:"ca,omitempty" doc:"PEM file of the CA that signed them, when not everybody trusts it anyway."`
}

type certificateSettings struct {
	Certificate string `yaml:"certificate" json:"certificate" doc:"PEM file, with the chain."`
	Key         string `yaml:"key" json:"key" doc:"PEM file."`
}

type listenerSettings struct {
	HTTP             string `yaml:"http" json:"http,omitempty" doc:"Portal, API and STS, host:port."`
	Registry         string `yaml:"registry" json:"registry,omitempty" doc:"Schema registry."`
	KafkaIAM         string `yaml:"kafkaIAM" json:"kafkaIAM,omitempty" doc:"Kafka for clients in AWS."`
	KafkaIAMExternal string `yaml:"kafkaIAMExternal" json:"kafkaIAMExternal,omitempty" doc:"Kafka for clients outside AWS."`
	Admin            string `yaml:"admin" json:"admin,omitempty" doc:"Metrics and health, on loopback. On another address it speaks TLS and metrics need an API token."`
}

type advertiseSettings struct {
	HTTP             string `yaml:"http" json:"http,omitempty" doc:"URL of the portal: https://bus.example.org"`
	Registry         string `yaml:"registry" json:"registry,omitempty" doc:"URL of the schema registry."`
	Instance         string `yaml:"instance" json:"instance,omitempty" doc:"URL of this instance's registry, for the other instances. Left out: advertise.registry."`
	KafkaIAM         string `yaml:"kafkaIAM" json:"kafkaIAM,omitempty" doc:"host:port"`
	KafkaIAMExternal string `yaml:"kafkaIAMExternal" json:"kafkaIAMExternal,omitempty" doc:"host:port"`
}

type routingSettings struct {
	By    string `yaml:"by" json:"by,omitempty" enum:"port,name" doc:"port: broker n is at the door's port + 1 + n. name: broker n is b-n.HOST at the door's port (TLS server name); needs DNS and a certificate for *.HOST."`
	Ports int    `yaml:"ports" json:"ports,omitempty" doc:"How many brokers have a port; ids from 0 to ports-1. Left out: 8."`
}

type signInSettings struct {
	Issuer       string              `yaml:"issuer" json:"issuer,omitempty" doc:"https://…"`
	ClientID     string              `yaml:"clientID" json:"clientID,omitempty"`
	ClientSecret secretSettings      `yaml:"clientSecret" json:"clientSecret,omitempty" doc:"Left out: a public client with PKCE."`
	Scopes       []string            `yaml:"scopes" json:"scopes,omitempty" doc:"Asked besides openid. Left out: profile, email."`
	GroupsClaim  string              `yaml:"groupsClaim" json:"groupsClaim,omitempty" doc:"Left out: groups."`
	GroupRoles   map[string][]string `yaml:"groupRoles" json:"groupRoles,omitempty" doc:"Which roles a group of the provider has."`
	GroupTeams   map[string][]string `yaml:"groupTeams" json:"groupTeams,omitempty" doc:"Which teams a group of the provider is in."`
	TeamPrefix   string              `yaml:"teamPrefix" json:"teamPrefix,omitempty" doc:"A group that begins with it names a team: team- makes team-claims the team claims."`
	AllowGroups  []string            `yaml:"allowGroups" json:"allowGroups,omitempty" doc:"Only their members may sign in. Left out: everybody whom the provider signs in."`
}

type registrySettings struct {
	Environment string `yaml:"environment" json:"environment,omitempty" doc:"Whose Kafka keeps the schemas of all environments. Left out: production's."`
}

type logSettings struct {
	Level string `yaml:"level" json:"level,omitempty" enum:"debug,info,warn,error" doc:"Left out: info."`
}

type environmentSettings struct {
	Name              string           `yaml:"name" json:"name"`
	Label             string           `yaml:"label" json:"label,omitempty" doc:"For people. Left out: the name."`
	Prefix            string           `yaml:"prefix" json:"prefix" doc:"Every topic of the environment begins so: prod_"`
	Production        bool             `yaml:"production" json:"production,omitempty" doc:"Has its own approval and gates."`
	PHI               bool             `yaml:"phi" json:"phi,omitempty" doc:"PHI and PII are allowed here."`
	MaxPartitions     int32            `yaml:"maxPartitions" json:"maxPartitions,omitempty" doc:"Of one topic. Left out: 100."`
	MaxRetentionDays  int              `yaml:"maxRetentionDays" json:"maxRetentionDays,omitempty" doc:"Left out: 365."`
	Replication       int16            `yaml:"replication" json:"replication,omitempty" doc:"Copies of each record. Left out: 3, or the number of brokers when there are fewer."`
	MinInsyncReplicas int16            `yaml:"minInsyncReplicas" json:"minInsyncReplicas,omitempty" doc:"Copies there must be before a record is acknowledged. Left out: more than half."`
	Cluster           *clusterSettings `yaml:"cluster" json:"cluster,omitempty" doc:"The Kafka of the environment. Left out in all of them: the embedded engine."`
	Access            string           `yaml:"access" json:"access,omitempty" enum:"bus,aws" doc:"Who keeps the principals and decides what they may. bus: the bus's own directory, before its gateway. aws: AWS; the bus makes IAM roles, users and policies, and clients speak to Amazon MSK itself. Left out: bus."`
	AWS               *awsSettings     `yaml:"aws" json:"aws,omitempty" doc:"Where on AWS, for access: aws."`
	// Listeners and Advertise are for environments on a cluster of their own.
	Listeners doorSettings `yaml:"listeners" json:"listeners,omitempty" doc:"Doors of an environment whose cluster is not that of the first one."`
	Advertise doorSettings `yaml:"advertise" json:"advertise,omitempty"`
}

type awsSettings struct {
	Partition string `yaml:"partition" json:"partition" enum:"aws,aws-us-gov,aws-cn"`
	Region    string `yaml:"region" json:"region" doc:"us-gov-west-1, for example."`
	Account   string `yaml:"account" json:"account" doc:"Twelve digits, in quotes."`
	Cluster   string `yaml:"cluster" json:"cluster" doc:"Name of the MSK cluster."`
	UUID      string `yaml:"uuid" json:"uuid,omitempty" doc:"Last part of the cluster's ARN. Left out: of the cluster of that name."`
	Path      string `yaml:"path" json:"path,omitempty" doc:"IAM path below which the bus makes roles, users and policies. Left out: eventbus/ENVIRONMENT/"`
	Name      string `yaml:"name" json:"name,omitempty" doc:"Name of this bus in the tag eventbus:deployment; two buses in one account need two. Left out: the cluster's name."`
	Boundary  string `yaml:"boundary" json:"boundary,omitempty" doc:"ARN of the policy that is every role's and user's permissions boundary. Left out: none."`
}

type doorSettings struct {
	KafkaIAM         string `yaml:"kafkaIAM" json:"kafkaIAM,omitempty"`
	KafkaIAMExternal string `yaml:"kafkaIAMExternal" json:"kafkaIAMExternal,omitempty"`
}

type clusterSettings struct {
	Bootstrap []string            `yaml:"bootstrap" json:"bootstrap" doc:"host:port of some brokers."`
	TLS       *clusterTLSSettings `yaml:"tls" json:"tls,omitempty" doc:"Left out: PLAINTEXT. {} trusts the system's CAs."`
	SASL      *saslSettings       `yaml:"sasl" json:"sasl,omitempty" doc:"How the bus signs in to the brokers."`
}

type clusterTLSSettings struct {
	CA          string `yaml:"ca" json:"ca,omitempty" doc:"PEM file of the CA of the brokers. Left out: the system's CAs."`
	Certificate string `yaml:"certificate" json:"certificate,omitempty" doc:"PEM file of the bus's own certificate, where brokers ask for one."`
	Key         string `yaml:"key" json:"key,omitempty"`
	ServerName  string `yaml:"serverName" json:"serverName,omitempty" doc:"The name in the brokers' certificate, when it is not their host."`
}

type saslSettings struct {
	Mechanism string         `yaml:"mechanism" json:"mechanism" enum:"PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER,AWS_MSK_IAM" doc:"AWS_MSK_IAM takes the credentials of AWS's default chain."`
	User      string         `yaml:"user" json:"user,omitempty" doc:"PLAIN and SCRAM."`
	Password  secretSettings `yaml:"password" json:"password,omitempty" doc:"PLAIN and SCRAM."`
	Token     secretSettings `yaml:"token" json:"token,omitempty" doc:"OAUTHBEARER; a file is read again for each login."`
}

// maxConfig bounds the file of `serve`.
const maxConfig = 256 << 10

// readSettings reads the file strictly: an unknown key, a wrong kind of value or a
// rule that is broken is a fault with line and column, and all are reported at once.
func readSettings(text []byte, file string) (settings, document.Document, error) {
	var s settings
	docs, err := document.Read(text, file, document.Limits{Bytes: maxConfig, Documents: 1})
	if err != nil {
		return s, document.Document{}, err
	}
	if len(docs) == 0 {
		return s, document.Document{}, eventbus.Invalid(file+" is empty", eventbus.Fault{File: file, Message: "there is nothing in it", Fix: "see docs/operate/serve.md for a file to start from"})
	}
	if err := docs[0].Decode(&s); err != nil {
		return s, docs[0], err
	}
	if faults := s.faults(); len(faults) > 0 {
		return s, docs[0], eventbus.Invalid(fmt.Sprintf("%s has %d faults", file, len(faults)), docs[0].Locate(faults)...)
	}
	return s, docs[0], nil
}

// CheckConfig holds the file of `serve` against its rules without looking at the
// files and variables that it names. The error is CodeInvalid with every fault.
func CheckConfig(text []byte, file string) error {
	_, _, err := readSettings(text, file)
	return err
}

// ConfigSchema is the JSON Schema of the file of `serve`.
func ConfigSchema() []byte {
	registry := huma.NewMapRegistry("#/$defs/", huma.DefaultSchemaNamer)
	top := registry.SchemaFromRef(registry.Schema(reflect.TypeFor[settings](), true, "").Ref)
	text, err := json.MarshalIndent(map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Configuration of eventbus serve",
		"type": "object", "properties": top.Properties, "required": top.Required, "additionalProperties": false, "$defs": registry.Map(),
	}, "", " ")
	if err != nil { // a schema of fields always encodes
		panic("server: schema of the configuration: " + err.Error())
	}
	return bytes.ReplaceAll(text, []byte("Settings\""), []byte("\""))
}
