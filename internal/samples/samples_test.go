package samples

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	local = Access{Bootstrap: "127.0.0.1:9092", SecurityProtocol: "PLAINTEXT", RegistryURL: "http://127.0.0.1:8081"}
	bus   = Access{Bootstrap: "127.0.0.1:9098", SecurityProtocol: "SASL_SSL", RegistryURL: "http://127.0.0.1:8081",
		RoleARN: "arn:aws-us-gov:iam::123456789012:role/test-producer", Region: "us-gov-west-1", STSEndpoint: "http://127.0.0.1:8080/aws/sts",
		AccessKeyID: "AKIASECRETID", SecretAccessKey: "the-secret", CAFile: "/data/ca.pem", Truststore: "/data/truststore.p12"}
	msk = Access{Bootstrap: "b-1.msk.example:9098,b-2.msk.example:9098", SecurityProtocol: "SASL_SSL", RegistryURL: "https://registry.example",
		Region: "us-gov-west-1", Idempotent: true}
	user = Topic{Name: "test", Example: `{"name": "Ada", "company": "Analytical", "dateOfBirth": -56270, "sequenceNumber": 1}`}
)

// each calls do for every program that there is.
func each(t *testing.T, a Access, topic Topic, group string, do func(name string, s Sample)) {
	t.Helper()
	for _, language := range Languages() {
		for _, direction := range []eventbus.Direction{eventbus.Produced, eventbus.Consumed} {
			sample, err := Program(language.Name, a, topic, direction, group)
			if language.Name == Kcat && (a.signed() || direction == eventbus.Produced) {
				if eventbus.CodeOf(err) != eventbus.CodeInvalid {
					t.Errorf("%s %s: error = %v, want a refusal: kcat can neither sign in nor write Avro", language.Name, direction, err)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%s %s: %v", language.Name, direction, err)
			}
			do(string(language.Name)+"-"+string(direction), sample)
		}
	}
}

// text writes a sample as one golden file.
func text(s Sample) string {
	var b strings.Builder
	for _, f := range s.Files {
		fmt.Fprintf(&b, "==> %s <==\n%s\n", f.Name, f.Text)
	}
	fmt.Fprintf(&b, "==> run <==\n%s\n\n==> notes <==\n%s\n", strings.Join(s.Run, "\n"), strings.Join(s.Notes, "\n"))
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run the test with -update", err)
	}
	if got != string(want) {
		t.Errorf("%s differs from its golden file; run with -update and look at the difference.\n%s", name, got)
	}
}

func TestPrograms(t *testing.T) {
	for name, a := range map[string]Access{"local": local, "bus": bus, "msk": msk} {
		each(t, a, user, "test-consumer-1", func(program string, s Sample) { golden(t, name+"-"+program, text(s)) })
	}
}

func TestPropertiesFiles(t *testing.T) {
	for name, a := range map[string]Access{"local": local, "bus": bus, "msk": msk} {
		for _, kind := range Kinds() {
			got, err := Properties(a, kind)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+"-"+string(kind)+".properties", got)
		}
	}
}

// TestTraps keeps what cost others days.
func TestTraps(t *testing.T) {
	for _, kind := range []Kind{KindMSKIAM, KindOAuthBearer} {
		settings, err := Settings(bus, kind)
		if err != nil {
			t.Fatal(err)
		}
		jaas := settings[slices.IndexFunc(settings, func(s Setting) bool { return s.Name == "sasl.jaas.config" })].Value
		for want, in := range map[string]bool{`awsRoleArn="` + bus.RoleARN + `"`: true, `awsAddDefaultProviders="false"`: true, "awsStsRegion": false, "password": false} {
			if strings.Contains(jaas, want) != in {
				t.Errorf("%s: jaas = %s; want %s in it: %v", kind, jaas, want, in)
			}
		}
		if !strings.HasSuffix(jaas, ";") {
			t.Errorf("%s: jaas = %s, want a semicolon at its end", kind, jaas)
		}
		settings, err = Settings(msk, kind)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(fmt.Sprint(settings), "awsAddDefaultProviders") {
			t.Errorf("%s without a role: %v; without the default chain there would be no credentials at all", kind, settings)
		}
	}
	says := func(notes []string, word string) bool {
		return slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, word) })
	}
	each(t, bus, user, "g", func(name string, s Sample) {
		if produces := strings.HasSuffix(name, "produce"); says(s.Notes, "WriteDataIdempotently") != produces {
			t.Errorf("%s: notes = %q; the grant for idempotence is for producers without it", name, s.Notes)
		}
		if !says(s.Notes, "AWS_ENDPOINT_URL_STS") || says(s.Notes, "awsStsRegion") != strings.HasPrefix(name, "java") {
			t.Errorf("%s: notes = %q, want the STS endpoint, and awsStsRegion for Java alone", name, s.Notes)
		}
	})
	each(t, msk, user, "g", func(name string, s Sample) {
		if says(s.Notes, "WriteDataIdempotently") || says(s.Notes, "AWS_ENDPOINT_URL_STS") {
			t.Errorf("%s: notes = %q speak of what is no matter here", name, s.Notes)
		}
	})
}

func TestNoSecretInText(t *testing.T) {
	each(t, bus, user, "g", func(name string, s Sample) {
		if all := text(s); strings.Contains(all, bus.SecretAccessKey) || strings.Contains(all, bus.AccessKeyID) {
			t.Errorf("%s shows a credential", name)
		}
	})
	for _, kind := range Kinds() {
		if got, _ := Properties(bus, kind); strings.Contains(got, bus.SecretAccessKey) || strings.Contains(got, bus.AccessKeyID) {
			t.Errorf("%s shows a credential", kind)
		}
	}
}

func TestRefusals(t *testing.T) {
	with := func(change func(*Access)) Access {
		a := bus
		change(&a)
		return a
	}
	tests := []struct {
		name     string
		a        Access
		language Language
		topic    Topic
		d        eventbus.Direction
		group    string
		path     string
	}{
		{"a language that is not there", bus, "cobol", user, eventbus.Produced, "", ""},
		{"no address", with(func(a *Access) { a.Bootstrap = "" }), Java, user, eventbus.Produced, "", "bootstrap"},
		{"a protocol that is not there", with(func(a *Access) { a.SecurityProtocol = "SSL" }), Java, user, eventbus.Produced, "", "securityProtocol"},
		{"no region to sign for", with(func(a *Access) { a.Region = "" }), Go, user, eventbus.Produced, "", "region"},
		{"a role that is none", with(func(a *Access) { a.RoleARN = `x" evil="` }), Java, user, eventbus.Produced, "", "roleARN"},
		{"a second line in a path", with(func(a *Access) { a.CAFile = "/ca\nsasl.jaas.config=x" }), Python, user, eventbus.Produced, "", "caFile"},
		{"a second line in an address", with(func(a *Access) { a.RegistryURL = "http://x\r" }), Node, user, eventbus.Produced, "", "registryURL"},
		{"a topic that is none", bus, Go, Topic{Name: `a"b`}, eventbus.Produced, "", "topic"},
		{"an example that is no JSON", bus, Go, Topic{Name: "a", Example: `{`}, eventbus.Produced, "", "example"},
		{"an endless example", bus, Go, Topic{Name: "a", Example: `"` + strings.Repeat("x", MaxExample) + `"`}, eventbus.Produced, "", "example"},
		{"no direction", bus, Go, user, "", "g", "direction"},
		{"no group", bus, Go, user, eventbus.Consumed, "", "group"},
		{"a group of two lines", bus, Go, user, eventbus.Consumed, "a\nb", "group"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Program(tt.language, tt.a, tt.topic, tt.d, tt.group)
			if eventbus.CodeOf(err) != eventbus.CodeInvalid {
				t.Fatalf("error = %v, want a refusal", err)
			}
			if faults := eventbus.FaultsOf(err); tt.path != "" && (len(faults) != 1 || faults[0].Path != tt.path) {
				t.Errorf("faults = %v, want one at %s", faults, tt.path)
			}
		})
	}
	for _, bad := range []Access{{}, with(func(a *Access) { a.Truststore = "a\nb" })} {
		if _, err := Properties(bad, KindMSKIAM); eventbus.CodeOf(err) != eventbus.CodeInvalid {
			t.Errorf("properties of %+v: error = %v, want a refusal", bad, err)
		}
	}
	if _, err := Properties(bus, "cobol"); eventbus.CodeOf(err) != eventbus.CodeInvalid {
		t.Errorf("unknown kind: error = %v", err)
	}
}

func TestEnvironment(t *testing.T) {
	names := slices.Sorted(maps.Keys(Environment(bus)))
	want := []string{"AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL_STS", "AWS_REGION", "AWS_ROLE", "AWS_SECRET_ACCESS_KEY", "EB_BOOTSTRAP_SERVERS",
		"EB_CA_FILE", "EB_SECURITY_PROTOCOL", "EB_TRUSTSTORE", "SCHEMA_REGISTRY_URL"}
	if !slices.Equal(names, want) {
		t.Errorf("names = %q, want those of the contract: %q", names, want)
	}
	if got := Environment(local); len(got) != 3 || got["EB_SECURITY_PROTOCOL"] != "PLAINTEXT" {
		t.Errorf("PLAINTEXT set = %v, want three names", got)
	}
}

// hostile are values that are legal and try to leave their quotes.
func hostile() (Access, Topic, string) {
	a := bus
	a.CAFile = `C:\new "ca" ${HOME} #{x} 'it''s' \u0022.pem`
	a.Truststore = a.CAFile
	a.RegistryURL = `http://r/"'\` + "`"
	return a, Topic{Name: "a.b-c_d", Example: `{"q": "\"'\\ \u2028 ${x} %s €"}`}, `g'"\$(id)` + "`id`"
}

// TestProgramsCompile gives every program to its own language.
func TestProgramsCompile(t *testing.T) {
	root, err := os.MkdirTemp("testdata", "programs") // within the module, where ./... does not look
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	byLanguage := map[string][]string{}
	strange, topic, group := hostile()
	for name, a := range map[string]Access{"local": local, "bus": bus, "msk": msk, "hostile": strange} {
		use, in := user, "test-consumer-1"
		if name == "hostile" {
			use, in = topic, group
		}
		each(t, a, use, in, func(program string, s Sample) {
			dir := filepath.Join(root, name+"-"+program)
			file := filepath.Join(dir, filepath.Base(s.Files[0].Name))
			if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(file, []byte(s.Files[0].Text), 0o600)); err != nil {
				t.Fatal(err)
			}
			byLanguage[string(s.Language)] = append(byLanguage[string(s.Language)], file)
		})
	}
	t.Run("go", func(t *testing.T) {
		run(t, "go", "vet", "./"+root+"/...")
		if out := run(t, "gofmt", "-l", root); out != "" {
			t.Errorf("not formatted as gofmt does: %s", out)
		}
	})
	t.Run("python", func(t *testing.T) {
		require(t, "python", "python3")
		run(t, "python3", append([]string{"-m", "py_compile"}, byLanguage["python"]...)...)
	})
	t.Run("node", func(t *testing.T) {
		require(t, "node", "node")
		for _, file := range byLanguage["node"] {
			run(t, "node", "--check", file)
		}
	})
	t.Run("kcat", func(t *testing.T) {
		require(t, "", "sh")
		for _, file := range byLanguage["kcat"] {
			run(t, "sh", "-n", file)
		}
	})
	t.Run("java", func(t *testing.T) {
		require(t, "java", "javac")
		compileJava(t, byLanguage["java"])
	})
}

// compileJava only parses without the jars: javac's errors about names that are
// not there are not ours. With EVENTBUS_JAVA_JARS, a folder of jars, all must hold.
func compileJava(t *testing.T, files []string) {
	jars := os.Getenv("EVENTBUS_JAVA_JARS")
	arguments := []string{"-proc:none", "-d", t.TempDir(), "-Xmaxerrs", "1000"}
	if jars != "" {
		arguments = append(arguments, "-cp", filepath.Join(jars, "*"))
	}
	for _, access := range []string{"bus-", "hostile-"} { // one compiler takes a class of a name once
		of := slices.DeleteFunc(slices.Clone(files), func(f string) bool { return !strings.Contains(f, string(filepath.Separator)+access) })
		out, err := exec.CommandContext(t.Context(), "javac", append(arguments, of...)...).CombinedOutput()
		if err == nil {
			continue
		}
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "error:") && (jars != "" || !strings.Contains(line, "does not exist") && !strings.Contains(line, "cannot find symbol")) {
				t.Error(line)
			}
		}
	}
}

// require skips without the program, and fails when EVENTBUS_REQUIRE names need.
func require(t *testing.T, need, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	list := strings.Split(os.Getenv("EVENTBUS_REQUIRE"), ",")
	if need != "" && (slices.Contains(list, need) || slices.Contains(list, "all")) {
		t.Fatalf("%s is required and is not installed", program)
	}
	t.Skipf("%s is not installed", program)
}

func run(t *testing.T, name string, arguments ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, arguments...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(arguments, " "), err, out)
	}
	return string(out)
}
