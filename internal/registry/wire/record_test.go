package wire

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// TestKeyBytes: the bytes of a key are its identity for compaction; these are
// the ones Confluent's registry writes.
func TestKeyBytes(t *testing.T) {
	for want, key := range map[string]Key{
		`{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}`:                 {Type: KeySchema, Subject: "s", Version: 1},
		`{"keytype":"SCHEMA","subject":"a/\"b\\\u001F<é\n","version":2,"magic":1}`: {Type: KeySchema, Subject: "a/\"b\\\x1f<é\n", Version: 2},
		`{"keytype":"CONFIG","magic":0}`:                                           {Type: KeyConfig},
		`{"keytype":"CONFIG","subject":"s","magic":0}`:                             {Type: KeyConfig, Subject: "s"},
		`{"keytype":"MODE","subject":"s","magic":0}`:                               {Type: KeyMode, Subject: "s"},
		`{"keytype":"DELETE_SUBJECT","subject":"s","magic":0}`:                     {Type: KeyDeleteSubject, Subject: "s"},
		`{"keytype":"CLEAR_SUBJECT","subject":"s","magic":0}`:                      {Type: KeyClearSubject, Subject: "s"},
		`{"keytype":"NOOP","magic":0}`:                                             {Type: KeyNoop},
		`{"keytype":"CONTEXT","tenant":"default","context":".c","magic":0}`:        {Type: KeyContext, Tenant: "default", Context: ".c"},
	} {
		if got := string(key.Bytes()); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		back, err := ParseKey([]byte(want))
		key.Magic = back.Magic
		if err != nil || back != key {
			t.Errorf("%s: %+v %v", want, back, err)
		}
	}
}

func TestValueBytes(t *testing.T) {
	text := `{"type":"string","doc":"<&>"}`
	v := SchemaValue{Subject: "s", Version: 2, ID: 7, Schema: text}
	want := `{"subject":"s","version":2,"id":7,"md5":"` // then the rest
	got := string(v.Bytes(FingerprintOf(text, nil, nil, nil)))
	if !strings.HasPrefix(got, want) || !strings.HasSuffix(got, `==","schema":"{\"type\":\"string\",\"doc\":\"<&>\"}","deleted":false}`) {
		t.Error(got)
	}
	v.References = []eventbus.SchemaReference{{Name: "n", Subject: "r", Version: 1}}
	v.Metadata, v.Deleted = &Metadata{Properties: map[string]string{"a": "b"}}, true
	v.RuleSet = &RuleSet{DomainRules: []Rule{{Name: "r"}}}
	var back SchemaValue
	if err := json.Unmarshal(v.Bytes(Fingerprint{}), &back); err != nil || back.References[0] != v.References[0] || back.RuleSet.DomainRules[0].Name != "r" || !back.Deleted {
		t.Errorf("%+v %v", back, err)
	}
	setting := Setting{"compatibilityLevel": json.RawMessage(`"FULL"`), "normalize": json.RawMessage(`true`), "later": json.RawMessage(`1`)}
	if got := string(setting.Bytes("s")); got != `{"subject":"s","normalize":true,"compatibilityLevel":"FULL","later":1}` {
		t.Error(got)
	}
}

// TestGUID: MD5 of the text, printed as a UUID, read back.
func TestGUID(t *testing.T) {
	print := FingerprintOf(`"string"`, nil, nil, nil)
	if got, want := print.GUID(), "095d71cf-1255-6b9d-5e33-0ad575b3df5d"; got != want {
		t.Error(got)
	}
	if back, ok := ParseGUID(print.GUID()); !ok || back != print {
		t.Error("not read back")
	}
	for _, bad := range []string{"", "x", strings.Repeat("-", 36), strings.Repeat("g", 36)} {
		if _, ok := ParseGUID(bad); ok {
			t.Errorf("%q accepted", bad)
		}
	}
	if FingerprintOf(`"string"`, nil, &Metadata{Sensitive: []string{"x"}}, nil) == print {
		t.Error("metadata does not count")
	}
}

// TestParseKey: keys of older registries are read, damaged ones refused, unknown
// ones told apart so that they can be skipped.
func TestParseKey(t *testing.T) {
	for raw, want := range map[string]Key{
		`{"magic":0,"version":3,"subject":"s","keytype":"SCHEMA"}`:                       {Type: KeySchema, Subject: "s", Version: 3},
		`{"keytype":"CONFIG","subject":null,"magic":0}`:                                  {Type: KeyConfig},
		`{ "keytype": "MODE", "subject": "s", "magic": 0, "later": [1] }`:                {Type: KeyMode, Subject: "s"},
		`{"keytype":"SCHEMA","subject":"a\u0022b","version":1,"magic":1}`:                {Type: KeySchema, Subject: `a"b`, Version: 1, Magic: 1},
		`{"keytype":"SCHEMA","subject":"s","version":2147483647,"magic":1}`:              {Type: KeySchema, Subject: "s", Version: 1<<31 - 1, Magic: 1},
		`{"keytype":"CONTEXT","tenant":"default","context":".c","magic":0,"subject":""}`: {Type: KeyContext, Tenant: "default", Context: ".c"},
	} {
		if got, err := ParseKey([]byte(raw)); err != nil || got != want {
			t.Errorf("%s: %+v %v", raw, got, err)
		}
	}
	for _, raw := range []string{``, `null`, `[]`, `{`, `{}`, `{"keytype":"SCHEMA","subject":"s","version":1,"magic":2}`, `{"keytype":"SCHEMA","subject":"s","version":0,"magic":1}`,
		`{"keytype":"SCHEMA","subject":"s","version":-1,"magic":1}`, `{"keytype":"SCHEMA","subject":"s","version":2147483648,"magic":1}`, `{"keytype":"SCHEMA","subject":7,"version":1,"magic":1}`,
		`{"keytype":"CONFIG","magic":1}`, `{"keytype":"MODE","magic":-1}`, `{"keytype":"NOOP","magic":1}`, `{"keytype":"DELETE_SUBJECT","subject":"s","magic":1}`} {
		if got, err := ParseKey([]byte(raw)); err == nil {
			t.Errorf("%s is taken: %+v", raw, got)
		}
	}
	for _, raw := range []string{`{"keytype":"ASSOC","tenant":"default","magic":0}`, `{"keytype":"LATER","magic":9}`, `{"keytype":"schema","magic":0}`} {
		if _, err := ParseKey([]byte(raw)); !errors.Is(err, ErrUnknownKey) {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// FuzzKey: a key that is read is written so that it reads the same.
func FuzzKey(f *testing.F) {
	f.Add([]byte(`{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}`))
	f.Add([]byte(`{"magic":0,"keytype":"CONTEXT","tenant":"\u0000","context":".\ud800"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		key, err := ParseKey(raw)
		if err != nil {
			return
		}
		again, err := ParseKey(key.Bytes())
		if err != nil {
			t.Fatalf("%s is written as %s: %v", raw, key.Bytes(), err)
		}
		if string(again.Bytes()) != string(key.Bytes()) || again.Type != key.Type {
			t.Fatalf("%s is written as %s, then as %s", raw, key.Bytes(), again.Bytes())
		}
	})
}
