package portal

import (
	"net/http"
	"strings"
)

// environmentsView says where clients connect.
type environmentsView struct {
	Rows []placeView
}

type placeView struct {
	Name, Label string
	Facts       []Fact
	Data        Pill
	Production  bool
	Lacks       []string // what the bus cannot do there
	Properties  codeBlock
}

func (p *Portal) environmentsPage(w http.ResponseWriter, v visit) error {
	var view environmentsView
	var lines []string
	for _, e := range p.cfg.Environments() {
		if v.env != "" && e.Name != v.env {
			continue
		}
		row := placeView{Name: e.Name, Label: e.Label, Production: e.Production, Data: Pill{"No PII or PHI; made-up data only", ToneQuiet, "lock"}}
		if e.PHI {
			row.Data = Pill{"PII and PHI are allowed", ToneWarn, "lock"}
		}
		for _, f := range []Fact{{Term: "Brokers, from AWS", Text: e.BootstrapIAM}, {Term: "Brokers, from outside AWS", Text: e.BootstrapExternal},
			{Term: "Brokers, this machine only", Text: e.Bootstrap}, {Term: "Schema registry", Text: e.RegistryURL}, {Term: "Topics begin with", Text: e.Prefix}} {
			if f.Mono = true; f.Text != "" {
				row.Facts = append(row.Facts, f)
			}
		}
		login := "IAMLoginModule required;"
		if e.OnAWS() {
			row.Facts = append(row.Facts, Fact{Term: "Access decided by", Text: "AWS IAM, account " + e.AWS.Account + " (" + e.AWS.Partition + ")"},
				Fact{Term: "Roles and users below", Text: e.AWS.RoleARN(""), Mono: true})
			row.Lacks, login = e.Lacks(), `IAMLoginModule required awsRoleArn="`+e.AWS.RoleARN("your-role")+`" awsAddDefaultProviders="false";`
		}
		row.Properties = codeBlock{ID: "properties-" + e.Name, Title: "client.properties", Code: "bootstrap.servers=" + e.BootstrapIAM + "\nsecurity.protocol=SASL_SSL\nsasl.mechanism=AWS_MSK_IAM\n" +
			"sasl.jaas.config=software.amazon.msk.auth.iam." + login + "\nsasl.client.callback.handler.class=software.amazon.msk.auth.iam.IAMClientCallbackHandler\nschema.registry.url=" + e.RegistryURL + "\nauto.register.schemas=false\n"}
		view.Rows = append(view.Rows, row)
		lines = append(lines, p.cli("env", "--environment", e.Name))
	}
	return p.render(w, v, http.StatusOK, "environments", Shell{Title: "Environments", Lede: "Each has its own topics, addresses and rules. Requests move from left to right: what works in the lower ones is promoted to production.", Wide: true,
		Elsewhere: Elsewhere{CLI: strings.Join(lines, "\n"), Curl: p.curl("/api/v1/environments")}}, view)
}
