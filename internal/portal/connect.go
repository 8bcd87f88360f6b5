package portal

import (
	"net/http"
	"net/url"
	"strings"
	"text/template"

	"github.com/enterprise-event-bus/eventbus"
)

// connectView is the tab with code that runs: language × environment.
type connectView struct {
	Head         eventHead
	Environments []NavItem
	Languages    []NavItem
	Facts        []Fact
	Blocks       []codeBlock
	Grant        *Alert
	Empty        *Empty
}

// codeBlock is one thing to copy.
type codeBlock struct {
	ID, Title, Note, Code string
}

// connection is what the snippets are filled with.
type connection struct {
	Topic, Bootstrap, External, Registry, Group, Role, Region, Environment, Event string
}

// languages are the clients for which the tab has code, in their order.
var languages = []struct{ key, label string }{{"java", "Java"}, {"python", "Python"}, {"go", "Go"}, {"node", "Node"}, {"kcat", "kcat"}, {"cli", "eventbus CLI"}}

func (p *Portal) eventConnect(w http.ResponseWriter, v visit) error {
	e, head, shell, err := p.event(v, "connect")
	if err != nil {
		return err
	}
	view := connectView{Head: head}
	var chosen eventbus.EventTopic
	wanted := v.URL.Query().Get("in")
	if wanted == "" {
		wanted = v.env
	}
	for i, t := range p.inOrder(e.Topics) {
		if t.Environment == wanted || i == 0 {
			chosen = t
		}
	}
	if chosen.Name == "" {
		view.Empty = &Empty{"wifi", "Nothing to connect to yet", "The event has no topic in any environment. It gets them when its request is approved.", nil}
		return p.render(w, v, http.StatusOK, "connect", shell, view)
	}
	for _, t := range p.inOrder(e.Topics) {
		view.Environments = append(view.Environments, NavItem{Link: Link{p.environmentLabel(t.Environment), with(v.URL, "in", t.Environment)}, Current: t.Environment == chosen.Environment})
	}
	language := v.URL.Query().Get("language")
	if cookie, err := v.Cookie("eventbus_language"); err == nil && language == "" {
		language = cookie.Value
	}
	known := "java"
	for _, l := range languages {
		if l.key == language {
			known = l.key
		}
	}
	http.SetCookie(w, &http.Cookie{Name: "eventbus_language", Value: known, Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, Secure: p.parts.Sessions.Secure(), SameSite: http.SameSiteLaxMode})
	for _, l := range languages {
		view.Languages = append(view.Languages, NavItem{Link: Link{l.label, with(v.URL, "language", l.key)}, Current: l.key == known})
	}
	c := p.connection(v, e, chosen)
	view.Facts = []Fact{{Term: "Topic", Text: c.Topic, Mono: true}, {Term: "Brokers, from AWS", Text: c.Bootstrap, Mono: true}, {Term: "Brokers, from outside AWS", Text: c.External, Mono: true},
		{Term: "Schema registry", Text: c.Registry, Mono: true}, {Term: "Sign-in", Text: "SASL_SSL with AWS_MSK_IAM or OAUTHBEARER"}}
	if c.Role == "" {
		view.Grant = &Alert{Tone: ToneInfo, Heading: "You need access first", Text: "The code below is complete, but no principal of your teams may read this event here yet.", Link: &Link{"Request access", head.Request}}
		c.Role = eventbus.RoleARN(p.cfg.Deployment.Partition, p.cfg.Deployment.Account, "YOUR-ROLE")
	}
	view.Blocks = snippets(known, c)
	return p.render(w, v, http.StatusOK, "connect", shell, view)
}

// connection finds real addresses and, if the reader's team has one, the role
// that may read the event.
func (p *Portal) connection(v visit, e eventbus.Event, t eventbus.EventTopic) connection {
	c := connection{Topic: t.Name, Region: p.cfg.Region, Environment: t.Environment, Event: e.Name, Group: "YOUR-GROUP"}
	for _, env := range p.cfg.Environments() {
		if env.Name == t.Environment {
			c.Bootstrap, c.External, c.Registry = env.BootstrapIAM, env.BootstrapExternal, env.RegistryURL
		}
	}
	if c.Bootstrap == "" && len(t.BrokerAddresses) > 0 {
		c.Bootstrap = strings.Join(t.BrokerAddresses, ",")
	}
	grants, err := p.parts.Records.Grants(v.Context(), eventbus.GrantQuery{Event: e.Name, Environment: t.Environment, ActiveOnly: true})
	if err != nil {
		return c
	}
	for _, g := range grants {
		if mine(v.actor.Person, g.Team) {
			c.Role = g.Principal
			if g.GroupPrefix != "" {
				c.Group = strings.TrimSuffix(g.GroupPrefix, "*")
			}
		}
	}
	return c
}

// snippets gives the code for one language; text/template, since it is shown as
// text and escaped by the page.
func snippets(language string, c connection) []codeBlock {
	var blocks []codeBlock
	for _, s := range snippetTexts[language] {
		var out strings.Builder
		if err := template.Must(template.New("").Parse(s.Code)).Execute(&out, c); err != nil {
			continue
		}
		blocks = append(blocks, codeBlock{ID: "code-" + s.ID, Title: s.Title, Note: s.Note, Code: strings.TrimSpace(out.String()) + "\n"})
	}
	return blocks
}

const environmentExports = `export EB_BOOTSTRAP_SERVERS={{.Bootstrap}}
export EB_SECURITY_PROTOCOL=SASL_SSL
export SCHEMA_REGISTRY_URL={{.Registry}}
export AWS_ROLE={{.Role}}
export AWS_REGION={{.Region}}`

// snippetTexts are the texts per language.
var snippetTexts = map[string][]codeBlock{
	"java": {
		{"env", "Environment", "Set these where your program runs.", environmentExports},
		{"properties", "consumer.properties", "Needs software.amazon.msk:aws-msk-iam-auth and io.confluent:kafka-avro-serializer.", `bootstrap.servers={{.Bootstrap}}
security.protocol=SASL_SSL
sasl.mechanism=AWS_MSK_IAM
sasl.jaas.config=software.amazon.msk.auth.iam.IAMLoginModule required awsRoleArn="{{.Role}}" awsStsRegion="{{.Region}}";
sasl.client.callback.handler.class=software.amazon.msk.auth.iam.IAMClientCallbackHandler
schema.registry.url={{.Registry}}
auto.register.schemas=false
specific.avro.reader=false
group.id={{.Group}}
auto.offset.reset=earliest
key.deserializer=org.apache.kafka.common.serialization.StringDeserializer
value.deserializer=io.confluent.kafka.serializers.KafkaAvroDeserializer`},
		{"program", "Consume.java", "", `try (var consumer = new KafkaConsumer<String, GenericRecord>(properties)) {
  consumer.subscribe(List.of("{{.Topic}}"));
  while (true) {
    for (var record : consumer.poll(Duration.ofSeconds(1))) {
      System.out.println(record.key() + " " + record.value());
    }
  }
}`},
	},
	"python": {
		{"env", "Environment", "Set these where your program runs.", environmentExports},
		{"program", "consume.py", "pip install confluent-kafka[avro,schemaregistry] aws-msk-iam-sasl-signer-python", `from aws_msk_iam_sasl_signer import MSKAuthTokenProvider
from confluent_kafka import DeserializingConsumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer

def token(_):
    value, expires_ms = MSKAuthTokenProvider.generate_auth_token_from_role_arn("{{.Region}}", "{{.Role}}")
    return value, expires_ms / 1000

registry = SchemaRegistryClient({"url": "{{.Registry}}"})
consumer = DeserializingConsumer({
    "bootstrap.servers": "{{.Bootstrap}}",
    "security.protocol": "SASL_SSL",
    "sasl.mechanisms": "OAUTHBEARER",
    "oauth_cb": token,
    "group.id": "{{.Group}}",
    "auto.offset.reset": "earliest",
    "value.deserializer": AvroDeserializer(registry),
})
consumer.subscribe(["{{.Topic}}"])
while True:
    record = consumer.poll(1.0)
    if record is not None and record.error() is None:
        print(record.key(), record.value())`},
	},
	"go": {
		{"env", "Environment", "Set these where your program runs.", environmentExports},
		{"program", "main.go", "go get github.com/twmb/franz-go and github.com/aws/aws-sdk-go-v2/config", `client, err := kgo.NewClient(
	kgo.SeedBrokers(strings.Split("{{.Bootstrap}}", ",")...),
	kgo.DialTLS(),
	kgo.SASL(aws.ManagedStreamingIAM(credentials)), // credentials of {{.Role}}
	kgo.ConsumerGroup("{{.Group}}"),
	kgo.ConsumeTopics("{{.Topic}}"),
)
if err != nil {
	return err
}
defer client.Close()
for {
	fetches := client.PollFetches(ctx)
	if err := fetches.Err(); err != nil {
		return err
	}
	fetches.EachRecord(func(r *kgo.Record) { fmt.Printf("%s %d bytes\n", r.Key, len(r.Value)) })
}`},
	},
	"node": {
		{"env", "Environment", "Set these where your program runs.", environmentExports},
		{"program", "consume.mjs", "npm install kafkajs aws-msk-iam-sasl-signer-js @kafkajs/confluent-schema-registry", `import { Kafka } from "kafkajs";
import { generateAuthTokenFromRole } from "aws-msk-iam-sasl-signer-js";
import { SchemaRegistry } from "@kafkajs/confluent-schema-registry";

const registry = new SchemaRegistry({ host: "{{.Registry}}" });
const kafka = new Kafka({
  brokers: "{{.Bootstrap}}".split(","),
  ssl: true,
  sasl: {
    mechanism: "oauthbearer",
    oauthBearerProvider: async () => {
      const { token } = await generateAuthTokenFromRole({ region: "{{.Region}}", awsRoleArn: "{{.Role}}" });
      return { value: token };
    },
  },
});
const consumer = kafka.consumer({ groupId: "{{.Group}}" });
await consumer.connect();
await consumer.subscribe({ topic: "{{.Topic}}", fromBeginning: true });
await consumer.run({ eachMessage: async ({ message }) => console.log(await registry.decode(message.value)) });`},
	},
	"kcat": {
		{"program", "kcat", "For a quick look; the token lasts 15 minutes. Needs a kcat built with OAUTHBEARER.", `kcat -C -b {{.Bootstrap}} -t {{.Topic}} -G {{.Group}} \
  -X security.protocol=SASL_SSL -X sasl.mechanisms=OAUTHBEARER \
  -X sasl.oauthbearer.config="$(eventbus env --principal {{.Role}} --format properties)" \
  -s value=avro -r {{.Registry}}`},
	},
	"cli": {
		{"env", "Environment", "Prints the variables that stock clients read.", `eval "$(eventbus env --principal {{.Role}} --environment {{.Environment}})"`},
		{"consume", "Consume", "JSON lines, decoded by the registered schema.", `eventbus consume {{.Topic}} --group {{.Group}}`},
		{"produce", "Produce", "", `echo '{"field": "value"}' | eventbus produce {{.Topic}}`},
	},
}

// shellQuote quotes an argument for a POSIX shell.
func shellQuote(s string) string {
	if u, err := url.Parse(s); err == nil && u.String() == s && !strings.ContainsAny(s, "&?;'\"$`()*!~# ") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
