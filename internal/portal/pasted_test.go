package portal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus/eventbustest"
	"github.com/enterprise-event-bus/eventbus/internal/portal"
)

// paster runs what pages offer to copy: in a shell, with the binary on its path
// and a token, as a reader does.
type paster struct {
	t      *testing.T
	client *http.Client
	base   string
	env    []string
	done   map[string]bool
}

// pastedManifest is an event that the two test principals may use.
const pastedManifest = `apiVersion: eventbus/v1
kind: Event
name: pasted
title: Pasted
description: Something was copied and pasted.
domain: claims
owner: claims
dataClasses: [none]
schema:
  value: '{"type":"record","name":"Pasted","namespace":"a","doc":"d","fields":[{"name":"text","type":"string","doc":"What was pasted."}]}'
topics:
  - environment: development
    partitions: 1
    retentionDays: 1
---
apiVersion: eventbus/v1
kind: Grant
event: pasted
environment: development
direction: produce
principal: arn:aws-us-gov:iam::123456789012:role/test-producer
team: claims
purpose: the tests of what is pasted
---
apiVersion: eventbus/v1
kind: Grant
event: pasted
environment: development
direction: consume
principal: arn:aws-us-gov:iam::123456789012:role/test-consumer
groupPrefix: claims-pasted*
team: claims
purpose: the tests of what is pasted
`

// TestPasted runs every line for a shell that the pages of a whole bus offer,
// and gives every YAML document to the validator.
func TestPasted(t *testing.T) {
	for _, program := range []string{"sh", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			if portal.Required("browser") {
				t.Fatalf("what pages offer cannot be pasted without %s", program)
			}
			t.Skipf("what pages offer cannot be pasted without %s", program)
		}
	}
	bus := eventbustest.Start(t, eventbustest.Demo())
	p := newPaster(t, bus)
	files := map[string]string{"pasted.yaml": pastedManifest}
	plan, err := bus.API().Plan(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	if err := bus.API().Apply(t.Context(), files, plan, false, true); err != nil {
		t.Fatal(err)
	}
	commits(t, bus.Kafka)
	p.signIn("producer")
	p.env = append(p.env, "EVENTBUS_TOKEN="+p.token())
	p.connects(bus)
	request := p.draft()
	pages := []string{"/", "/catalog", "/catalog?q=letter&lifecycle=production", "/catalog/pasted", "/catalog/pasted/schema", "/catalog/pasted/messages", "/catalog/pasted/consumers", "/catalog/pasted/connect",
		"/catalog/pasted/history", "/requests", request, "/schemas", "/schemas/dev_pasted-value", "/topics", "/topics/dev_pasted", "/groups", "/groups/claims-pasted-1",
		"/environments", "/settings", "/inbox", "/status"}
	ran := 0
	for _, page := range pages {
		ran += p.runs(page)
	}
	p.signIn("auditor")
	p.env = append(p.env, "EVENTBUS_TOKEN="+p.token())
	ran += p.runs("/audit") + p.runs("/access?principal=test-consumer&action=kafka-cluster:ReadData&resource=dev_pasted") // a denial would exit 4
	if ran < 40 {
		t.Errorf("only %d lines and documents were found on the pages", ran)
	}
}

func newPaster(t *testing.T, bus *eventbustest.Bus) *paster {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "eventbus"), "../../cmd/eventbus")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the binary: %v: %s", err, text)
	}
	jar, _ := cookiejar.New(nil)
	return &paster{t: t, client: &http.Client{Jar: jar, Timeout: 30 * time.Second}, base: bus.HTTP, done: map[string]bool{},
		env: []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "XDG_STATE_HOME=" + dir}}
}

// commits makes a consumer group to look at.
func commits(t *testing.T, kafka string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(kafka))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: "dev_pasted", Partition: 0, At: 0, LeaderEpoch: -1})
	if err := kadm.NewClient(client).CommitAllOffsets(context.Background(), "claims-pasted-1", offsets); err != nil {
		t.Fatal(err)
	}
}

func (p *paster) signIn(persona string) {
	p.t.Helper()
	if page := p.get("/login?as=" + persona + "&to=%2Fsettings"); !strings.Contains(page, "Make a token") {
		p.t.Fatalf("signing in as %s leads to %.300s", persona, page)
	}
}

func (p *paster) get(path string) string {
	p.t.Helper()
	response, err := p.client.Get(p.base + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %s, %v", path, response.Status, err)
	}
	return string(text)
}

func (p *paster) post(path string, form url.Values) (*http.Response, string) {
	p.t.Helper()
	request, _ := http.NewRequest(http.MethodPost, p.base+path, strings.NewReader(form.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	response, err := p.client.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response, string(text)
}

// token makes one with every scope on the page of settings.
func (p *paster) token() string {
	p.t.Helper()
	form := url.Values{"name": {"pasted"}, "days": {"7"}}
	for _, scope := range regexp.MustCompile(`name="scope" value="([^"]+)"`).FindAllStringSubmatch(p.get("/settings"), -1) {
		form.Add("scope", scope[1])
	}
	_, page := p.post("/settings/tokens", form)
	secret := regexp.MustCompile(`ebt_[A-Za-z0-9_-]+`).FindString(page)
	if secret == "" {
		p.t.Fatal("no token on the page")
	}
	return secret
}

// draft makes a request and gives its page.
func (p *paster) draft() string {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "producer.yaml"))
	if err != nil {
		p.t.Fatal(err)
	}
	response, page := p.post("/requests/new", url.Values{"yaml": {string(text)}})
	if response.StatusCode != http.StatusOK || !strings.HasSuffix(response.Request.URL.Path, "/edit") {
		p.t.Fatalf("the draft leads to %s: %.300s", response.Request.URL, page)
	}
	return strings.TrimSuffix(response.Request.URL.Path, "/edit")
}

var (
	offered  = regexp.MustCompile(`(?s)<code data-as="(cli|curl)">(.*?)</code>`)
	document = regexp.MustCompile(`data-as="yaml" href="([^"]+)"`)
)

// runs pastes what one page offers, and counts it.
func (p *paster) runs(page string) (n int) {
	p.t.Helper()
	text := p.get(page)
	for _, m := range offered.FindAllStringSubmatch(text, -1) {
		n++
		line := html.UnescapeString(m[2])
		if p.done[line] {
			continue
		}
		p.done[line] = true
		out := p.shell(page, line)
		if m[1] == "curl" && !json.Valid(out) && !strings.Contains(line, "/healthz/") {
			p.t.Errorf("%s: curl prints what is no JSON: %.200s", page, out)
		}
	}
	for _, m := range document.FindAllStringSubmatch(text, -1) {
		n++
		file := filepath.Join(p.t.TempDir(), "catalog-info.yaml")
		if err := os.WriteFile(file, []byte(p.get(html.UnescapeString(m[1]))), 0o600); err != nil {
			p.t.Fatal(err)
		}
		p.shell(page, "eventbus validate "+file)
	}
	return n
}

// shell runs a text as it was pasted.
func (p *paster) shell(page, text string, more ...string) []byte {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "sh", "-ec", text)
	command.Env = append(append([]string{}, p.env...), more...)
	var out, said bytes.Buffer
	command.Stdout, command.Stderr = &out, &said
	if err := command.Run(); err != nil {
		p.t.Errorf("%s: pasting fails: %v\n%s\n%s", page, err, text, said.String())
	} else if out.Len()+said.Len() == 0 {
		p.t.Errorf("%s: pasting prints nothing: %s", page, text)
	}
	return out.Bytes()
}

// connects pastes the whole code of the command line from the Connect tab: what
// one produces, the other reads.
func (p *paster) connects(bus *eventbustest.Bus) {
	p.t.Helper()
	blocks := regexp.MustCompile(`(?s)<code id="code-[^"]*">(.*?)</code>`)
	for _, do := range []struct{ direction, principal, prints string }{{"produce", "test-producer", ""}, {"consume", "test-consumer", "made-up"}} {
		page := "/catalog/pasted/connect?in=development&language=cli&do=" + do.direction
		var code []string
		for _, m := range blocks.FindAllStringSubmatch(p.get(page), -1) {
			code = append(code, html.UnescapeString(m[1]))
		}
		var keys []string // what the place where a program runs has
		for name, value := range bus.Environment(p.t, do.principal) {
			if strings.HasPrefix(name, "AWS_") && strings.Contains(name, "KEY") {
				keys = append(keys, name+"="+value)
			}
		}
		if out := p.shell(page, strings.Join(code, "\n"), keys...); !strings.Contains(string(out), do.prints) {
			p.t.Errorf("%s prints %q, want %q", page, out, do.prints)
		}
	}
}
