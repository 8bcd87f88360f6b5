package server

import (
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
)

// rules collects the faults of a configuration.
type rules []eventbus.Fault

func (r *rules) add(path, message, fix string) {
	*r = append(*r, eventbus.Fault{Path: path, Message: message, Fix: fix})
}

// faults are the rules of the file of `serve`; each fault says what to write.
func (s settings) faults() []eventbus.Fault {
	var r rules
	s.checkStorage(&r)
	s.checkDoors(&r)
	s.checkAdvertised(&r)
	s.checkPeople(&r)
	s.checkOutward(&r)
	s.checkEnvironments(&r)
	s.checkAccess(&r)
	s.checkDeployment(&r)
	if level := slog.Level(0); s.Log.Level != "" && level.UnmarshalText([]byte(s.Log.Level)) != nil {
		r.add("log.level", strconv.Quote(s.Log.Level)+" is not a level", "write debug, info, warn or error")
	}
	return r
}

func (s settings) embedded() bool {
	return !slices.ContainsFunc(s.Environments, func(e environmentSettings) bool { return e.Cluster != nil })
}

func (s settings) postgres() bool {
	return strings.HasPrefix(s.Database, "postgres://") || strings.HasPrefix(s.Database, "postgresql://")
}

func (s settings) checkStorage(r *rules) {
	switch {
	case s.postgres():
		if u, err := url.Parse(s.Database); err != nil {
			r.add("database", "is not a URL", "write postgres://user@host/name")
		} else if _, password := u.User.Password(); password {
			r.add("database", "holds a password", "leave it out and give it as PGPASSWORD or in the file that PGPASSFILE names")
		}
	case s.Database != "" && s.Database != "sqlite":
		r.add("database", "is neither sqlite nor a URL of PostgreSQL", "write sqlite, or postgres://user@host/name")
	}
	switch {
	case s.DataDir == "" && !s.postgres():
		r.add("dataDir", "is missing: SQLite keeps its file there", "name a folder, or a PostgreSQL in database")
	case s.DataDir == "" && s.embedded():
		r.add("dataDir", "is missing: the embedded engine keeps its records there", "name a folder, or an Apache Kafka in environments[].cluster")
	case s.DataDir != "" && !filepath.IsAbs(s.DataDir):
		r.add("dataDir", strconv.Quote(s.DataDir)+" depends on where the bus is started", "write the whole path, from /")
	}
	if s.postgres() && s.embedded() && len(s.Environments) > 0 {
		r.add("database", "is shared by several instances, but the embedded engine has one", "use sqlite, or name an Apache Kafka in environments[].cluster")
	}
	r.secret("masterKey", s.MasterKey, true)
}

// secret checks that a secret stands in exactly one place.
func (r *rules) secret(path string, s secretSettings, required bool) {
	switch {
	case s.File != "" && s.Env != "":
		r.add(path, "stands in two places", "keep one of file and env")
	case required && !s.given():
		r.add(path, "is missing", "write file: or env: below it")
	}
}

func (s settings) checkDoors(r *rules) {
	for i, c := range s.TLS.Certificates {
		if c.Certificate == "" || c.Key == "" {
			r.add(fmt.Sprintf("tls.certificates[%d]", i), "is not complete", "name two PEM files, certificate and key")
		}
	}
	type door struct {
		path, address string
		tls, needed   bool
	}
	doors := []door{
		{"listeners.http", s.Listeners.HTTP, false, true}, {"listeners.registry", s.Listeners.Registry, false, true},
		{"listeners.admin", s.Listeners.Admin, false, false},
		{"listeners.kafkaIAM", s.Listeners.KafkaIAM, true, false}, {"listeners.kafkaIAMExternal", s.Listeners.KafkaIAMExternal, true, false},
	}
	for i, e := range s.Environments {
		path := fmt.Sprintf("environments[%d].listeners", i)
		doors = append(doors, door{path + ".kafkaIAM", e.Listeners.KafkaIAM, true, false}, door{path + ".kafkaIAMExternal", e.Listeners.KafkaIAMExternal, true, false})
	}
	taken := map[string]string{}
	for _, d := range doors {
		if d.address == "" {
			if d.needed {
				r.add(d.path, "is missing", "write host:port, 127.0.0.1:8080 for example")
			}
			continue
		}
		host, port, ok := r.hostPort(d.path, d.address, true)
		switch {
		case !ok:
		case len(s.TLS.Certificates) == 0 && d.tls:
			r.add(d.path, "speaks TLS, and there is no certificate", "name certificate and key under tls.certificates")
		case len(s.TLS.Certificates) == 0 && !loopbackHost(host):
			r.add(d.path, strconv.Quote(d.address)+" is not a loopback address, and there is no certificate", "name certificate and key under tls.certificates, or listen on 127.0.0.1")
		case port != 0 && taken[d.address] != "":
			r.add(d.path, "is the address of "+taken[d.address]+" too", "choose another port")
		}
		taken[d.address] = d.path
	}
	if s.Routing.By != "" && s.Routing.By != "port" && s.Routing.By != "name" {
		r.add("routing.by", strconv.Quote(s.Routing.By)+" is not a way of routing", "write port or name")
	}
	if s.Routing.Ports < 0 || s.Routing.Ports > 1000 {
		r.add("routing.ports", strconv.Itoa(s.Routing.Ports)+" is not between 1 and 1000", "write the highest broker id plus one")
	}
}

// hostPort splits an address; port 0 takes a free one where that is allowed.
func (r *rules) hostPort(path, address string, free bool) (host string, port int, ok bool) {
	host, digits, err := net.SplitHostPort(address)
	n, bad := strconv.ParseUint(digits, 10, 16)
	if err != nil || bad != nil || n == 0 && !free {
		r.add(path, strconv.Quote(address)+" is not an address", "write host:port")
		return "", 0, false
	}
	return host, int(n), true
}

func (s settings) checkAdvertised(r *rules) {
	for _, a := range []struct{ path, url, listens string }{
		{"advertise.http", s.Advertise.HTTP, s.Listeners.HTTP}, {"advertise.registry", s.Advertise.Registry, s.Listeners.Registry}, {"advertise.instance", s.Advertise.Instance, ""},
	} {
		u, err := url.Parse(a.url)
		switch {
		case a.url == "" && everywhere(a.listens):
			r.add(a.path, "is missing: nobody can connect to "+a.listens, "write the URL that people and clients use: https://bus.example.org")
		case a.url != "" && (err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopbackHost(u.Hostname())) || strings.Trim(u.Path, "/") != "" || u.RawQuery != ""):
			r.add(a.path, strconv.Quote(a.url)+" is not an https address without a path", "write https://host or https://host:port; http is for loopback only")
		}
	}
	doors := []struct{ path, advertised, listens string }{
		{"advertise.kafkaIAM", s.Advertise.KafkaIAM, s.Listeners.KafkaIAM}, {"advertise.kafkaIAMExternal", s.Advertise.KafkaIAMExternal, s.Listeners.KafkaIAMExternal},
	}
	for i, e := range s.Environments {
		path := fmt.Sprintf("environments[%d].advertise", i)
		doors = append(doors, struct{ path, advertised, listens string }{path + ".kafkaIAM", e.Advertise.KafkaIAM, e.Listeners.KafkaIAM},
			struct{ path, advertised, listens string }{path + ".kafkaIAMExternal", e.Advertise.KafkaIAMExternal, e.Listeners.KafkaIAMExternal})
	}
	for _, d := range doors {
		switch {
		case d.advertised == "" && everywhere(d.listens):
			r.add(d.path, "is missing: no client can connect to "+d.listens, "write the host:port that clients use")
		case d.advertised != "":
			host, _, ok := r.hostPort(d.path, d.advertised, false)
			if ok && s.Routing.By == "name" && net.ParseIP(host) != nil {
				r.add(d.path, "is an IP address, and routing.by is name", "write the domain whose names b-0, b-1, … lead here")
			}
		}
	}
}

// everywhere reports whether an address listens on all of a machine's addresses,
// so that it cannot be told to anybody.
func everywhere(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "" || ip != nil && ip.IsUnspecified())
}

func (s settings) checkPeople(r *rules) {
	r.secret("administrator.token", s.Administrator.Token, false)
	p := s.SignIn
	if p.Issuer == "" {
		if !s.Administrator.Token.given() {
			r.add("signIn.issuer", "is missing, and there is no administrator: nobody could sign in", "name the OpenID Connect provider, or a token in administrator.token")
		}
		return
	}
	if u, err := url.Parse(p.Issuer); err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopbackHost(u.Hostname())) {
		r.add("signIn.issuer", strconv.Quote(p.Issuer)+" is not an https address", "write https://…; http is for loopback only")
	}
	if p.ClientID == "" {
		r.add("signIn.clientID", "is missing", "write the id under which the provider knows the bus")
	}
	r.secret("signIn.clientSecret", p.ClientSecret, false)
	for _, group := range slices.Sorted(maps.Keys(p.GroupRoles)) {
		for i, role := range p.GroupRoles[group] {
			if !slices.Contains(eventbus.Roles(), eventbus.Role(role)) {
				r.add(fmt.Sprintf("signIn.groupRoles.%s[%d]", group, i), "there is no role "+strconv.Quote(role), "the roles are "+roleList())
			}
		}
	}
}

func roleList() string {
	var names []string
	for _, role := range eventbus.Roles() {
		names = append(names, string(role))
	}
	return strings.Join(names, ", ")
}

func (s settings) checkEnvironments(r *rules) {
	if len(s.Environments) == 0 {
		r.add("environments", "there is none", "name at least one, with name, prefix and cluster")
	}
	for _, fault := range eventbus.ValidateEnvironments(s.environments()) {
		for i, e := range s.Environments { // the rule names an environment, the file numbers it
			fault.Path = strings.Replace(fault.Path, "environments["+e.Name+"]", fmt.Sprintf("environments[%d]", i), 1)
		}
		*r = append(*r, fault)
	}
	for i, e := range s.Environments {
		path := fmt.Sprintf("environments[%d]", i)
		if e.Prefix == "" {
			r.add(path+".prefix", "is missing", "write how the names of its topics begin: "+e.Name+"_")
		}
		if e.Replication < 0 || e.MinInsyncReplicas < 0 || e.Replication > 0 && e.MinInsyncReplicas > e.Replication {
			r.add(path+".minInsyncReplicas", "there are never so many copies", "write at most the replication")
		}
		switch {
		case e.Cluster != nil:
			r.cluster(path+".cluster", *e.Cluster)
		case !s.embedded():
			r.add(path+".cluster", "is missing, but other environments have one", "name the Kafka of each environment, or of none")
		}
		if (e.Listeners != doorSettings{}) && !e.onAWS() && s.sharesDoors(i) {
			r.add(path+".listeners", "this environment shares the doors of the first one", "use listeners at the top; these are for a cluster of its own")
		}
	}
	if name := s.Registry.Environment; name != "" && !slices.ContainsFunc(s.Environments, func(e environmentSettings) bool { return e.Name == name }) {
		r.add("registry.environment", "there is no environment "+strconv.Quote(name), "name one of environments")
	}
}

func (r *rules) cluster(path string, c clusterSettings) {
	if len(c.Bootstrap) == 0 {
		r.add(path+".bootstrap", "no broker is named", "give at least one host:port")
	}
	loopback := true
	for i, address := range c.Bootstrap {
		host, _, ok := r.hostPort(fmt.Sprintf("%s.bootstrap[%d]", path, i), address, false)
		loopback = loopback && ok && loopbackHost(host)
	}
	if c.TLS != nil && (c.TLS.Certificate == "") != (c.TLS.Key == "") {
		r.add(path+".tls", "names one of certificate and key", "name both, or neither")
	}
	if c.SASL == nil {
		return
	}
	sasl, path := *c.SASL, path+".sasl"
	switch sasl.Mechanism {
	case "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512":
		if sasl.User == "" {
			r.add(path+".user", "is missing", "write the user that the brokers know the bus by")
		}
		r.secret(path+".password", sasl.Password, true)
	case "OAUTHBEARER":
		r.secret(path+".token", sasl.Token, true)
	case "AWS_MSK_IAM":
	default:
		r.add(path+".mechanism", strconv.Quote(sasl.Mechanism)+" is not a mechanism", "write PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or AWS_MSK_IAM")
		return
	}
	if readable := !strings.HasPrefix(sasl.Mechanism, "SCRAM"); readable && c.TLS == nil && !loopback {
		r.add(path+".mechanism", sasl.Mechanism+" without TLS shows the credentials to the network", "add tls: {} to the cluster, or use SCRAM-SHA-512")
	}
}

var account = regexp.MustCompile(`^[0-9]{12}$`)

func (s settings) checkDeployment(r *rules) {
	d := s.Deployment
	if d.Account != "" && !account.MatchString(d.Account) {
		r.add("deployment.account", strconv.Quote(d.Account)+" is not an AWS account", "write twelve digits, in quotes")
	}
	if d.Partition != "" && !slices.Contains([]string{"aws", "aws-us-gov", "aws-cn"}, d.Partition) {
		r.add("deployment.partition", strconv.Quote(d.Partition)+" is not a partition", "write aws, aws-us-gov or aws-cn")
	}
}
