package eventbus

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestCheckTopicName(t *testing.T) {
	for name, legal := range map[string]bool{
		"a": true, "dev_claim-filed": true, "A.b_C-9": true, "...": true, "_internal": true, strings.Repeat("a", MaxTopicNameLength): true,
		"": false, ".": false, "..": false, strings.Repeat("a", MaxTopicNameLength+1): false, "a b": false, "a/b": false, "a:b": false,
		"é": false, "a\x00": false, "a\n": false, "a*": false, "a,b": false, `a\b`: false,
	} {
		if err := CheckTopicName(name); (err == nil) != legal || err != nil && CodeOf(err) != CodeInvalid {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestTopicNamesCollide: Kafka's metrics know one character for '.' and '_'.
func TestTopicNamesCollide(t *testing.T) {
	for _, c := range []struct {
		a, b    string
		collide bool
	}{{"a.b", "a_b", true}, {"a.b_c", "a_b.c", true}, {"a.b", "a.b", false}, {"a.b", "a-b", false}, {"a.b", "A_b", false}} {
		if TopicNamesCollide(c.a, c.b) != c.collide || TopicNamesCollide(c.b, c.a) != c.collide {
			t.Errorf("%s and %s: want %v", c.a, c.b, c.collide)
		}
	}
	for name, internal := range map[string]bool{"_schemas": true, "__consumer_offsets": true, "claims": false, "a_": false, "": false} {
		if InternalTopic(name) != internal {
			t.Errorf("InternalTopic(%q) is %v", name, !internal)
		}
	}
}

func TestCheckPartitions(t *testing.T) {
	for _, c := range []struct {
		n     int32
		limit int32
		legal bool
	}{{1, 0, true}, {DefaultMaxPartitions, 0, true}, {DefaultMaxPartitions + 1, 0, false}, {0, 0, false}, {-1, 0, false}, {3, 2, false}, {2, 2, true}, {1 << 30, 1 << 30, true}} {
		if err := CheckPartitions(c.n, TopicLimits{MaxPartitions: c.limit}); (err == nil) != c.legal {
			t.Errorf("%d of at most %d: %v", c.n, c.limit, err)
		}
	}
}

func TestTopicLimitsWithDefaults(t *testing.T) {
	if got, want := (TopicLimits{}).WithDefaults(), (TopicLimits{100, 8 << 20, 1, 1, 365}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if set := (TopicLimits{1, 2, 3, 4, 5}); set.WithDefaults() != set {
		t.Errorf("%+v was changed to %+v", set, set.WithDefaults())
	}
}

// TestCheckTopicConfig has the edges of every config that a topic may have; one
// without a row fails. Source: Apache Kafka's TopicConfig and LogConfig.
func TestCheckTopicConfig(t *testing.T) {
	const top, above = "9223372036854775807", "9223372036854775808"
	const most, more = "2147483647", "2147483648"
	for name, values := range map[string]struct{ legal, not []string }{
		"cleanup.policy":                          {[]string{"delete", "compact", "compact,delete", "delete, compact"}, []string{"", "Compact", "compact,", "none", "delete;compact"}},
		"compression.type":                        {[]string{"uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"}, []string{"", "none", "ZSTD", "gzip,lz4"}},
		"compression.gzip.level":                  {[]string{"-1", "1", "9"}, []string{"0", "-2", "10", ""}},
		"compression.lz4.level":                   {[]string{"1", "17"}, []string{"0", "18"}},
		"compression.zstd.level":                  {[]string{"-131072", "0", "22"}, []string{"-131073", "23"}},
		"delete.retention.ms":                     {[]string{"0", top}, []string{"-1", above}},
		"file.delete.delay.ms":                    {[]string{"0"}, []string{"-1"}},
		"flush.messages":                          {[]string{"1", top}, []string{"0"}},
		"flush.ms":                                {[]string{"0"}, []string{"-1"}},
		"follower.replication.throttled.replicas": {[]string{"", "*", "0:1"}, []string{strings.Repeat("0:1,", 1025)}},
		"index.interval.bytes":                    {[]string{"0", most}, []string{"-1", more}},
		"leader.replication.throttled.replicas":   {[]string{"*"}, []string{strings.Repeat("x", 4097)}},
		"local.retention.bytes":                   {[]string{"-2", "0"}, []string{"-3"}},
		"local.retention.ms":                      {[]string{"-2", top}, []string{"-3"}},
		"max.compaction.lag.ms":                   {[]string{"1"}, []string{"0"}},
		"max.message.bytes":                       {[]string{"0", most}, []string{"-1", more, "1e6", "1MB"}},
		"message.timestamp.after.max.ms":          {[]string{"0"}, []string{"-1"}},
		"message.timestamp.before.max.ms":         {[]string{"0"}, []string{"-1"}},
		"message.timestamp.type":                  {[]string{"CreateTime", "LogAppendTime"}, []string{"createtime", ""}},
		"min.cleanable.dirty.ratio":               {[]string{"0", "1", "0.5", "1e-3"}, []string{"-0.1", "1.01", "NaN", "Inf", "half", ""}},
		"min.compaction.lag.ms":                   {[]string{"0"}, []string{"-1"}},
		"min.insync.replicas":                     {[]string{"1"}, []string{"0"}},
		"preallocate":                             {[]string{"true", "false"}, []string{"True", "1"}},
		"remote.storage.enable":                   {[]string{"true"}, []string{"yes"}},
		"retention.bytes":                         {[]string{"-1", "0"}, []string{"-2"}},
		"retention.ms":                            {[]string{"-1", "0", "604800000"}, []string{"-2", "banana", "7d", "", " 1", "1.0", above}},
		"segment.bytes":                           {[]string{"14", most}, []string{"13", more}},
		"segment.index.bytes":                     {[]string{"4"}, []string{"3"}},
		"segment.jitter.ms":                       {[]string{"0"}, []string{"-1"}},
		"segment.ms":                              {[]string{"1"}, []string{"0"}},
		"unclean.leader.election.enable":          {[]string{"false"}, []string{"no"}},
	} {
		for _, v := range values.legal {
			if err := CheckTopicConfig(name, v); err != nil {
				t.Errorf("%s=%q: %v", name, v, err)
			}
		}
		for _, v := range values.not {
			if err := CheckTopicConfig(name, v); CodeOf(err) != CodeInvalid || !strings.Contains(err.Error(), name) {
				t.Errorf("%s=%.20q: %v", name, v, err)
			}
		}
		delete(unchecked, name)
	}
	for name := range unchecked {
		t.Errorf("%s has no row", name)
	}
	for _, name := range []string{"", "retention", "Retention.ms", "message.format.version", "log.retention.ms"} {
		if err := CheckTopicConfig(name, "1"); CodeOf(err) != CodeInvalid {
			t.Errorf("unknown config %q: %v", name, err)
		}
	}
}

// unchecked are the configs that have no row yet.
var unchecked = func() map[string]bool {
	names := map[string]bool{}
	for name := range topicConfigs {
		names[name] = true
	}
	return names
}()

// TestCheckTopicTellsEverythingAtOnce: paths in order, one fault for each.
func TestCheckTopicTellsEverythingAtOnce(t *testing.T) {
	paths := func(topic Topic, l TopicLimits) string {
		var list []string
		for _, f := range CheckTopic(topic, l) {
			list = append(list, f.Path)
		}
		return strings.Join(list, " ")
	}
	for _, c := range []struct {
		topic Topic
		limit TopicLimits
		want  string
	}{
		{Topic{Name: "a", Partitions: 1}, TopicLimits{}, ""},
		{Topic{Name: "a", Partitions: 1, ReplicationFactor: -1}, TopicLimits{}, ""},
		{Topic{}, TopicLimits{}, "name partitions"},
		{Topic{Name: "a b", Partitions: 101, ReplicationFactor: -2, Configs: map[string]string{"x": "1", "retention.ms": "-2", "cleanup.policy": "delete"}}, TopicLimits{},
			"name partitions replicationFactor configs.retention.ms configs.x"},
		{Topic{Name: "a", Partitions: 1, Configs: map[string]string{"max.message.bytes": fmt.Sprint(DefaultMaxMessageBytes)}}, TopicLimits{}, ""},
		{Topic{Name: "a", Partitions: 1, Configs: map[string]string{"max.message.bytes": fmt.Sprint(DefaultMaxMessageBytes + 1)}}, TopicLimits{}, "configs.max.message.bytes"},
		{Topic{Name: "a", Partitions: 1, Configs: map[string]string{"max.message.bytes": "1000"}}, TopicLimits{MaxMessageBytes: 999}, "configs.max.message.bytes"},
		{Topic{Name: "a", Partitions: 1, Configs: map[string]string{"min.compaction.lag.ms": "5", "max.compaction.lag.ms": "5"}}, TopicLimits{}, ""},
		{Topic{Name: "a", Partitions: 1, Configs: map[string]string{"min.compaction.lag.ms": "6", "max.compaction.lag.ms": "5"}}, TopicLimits{}, "configs.min.compaction.lag.ms"},
	} {
		if got := paths(c.topic, c.limit); got != c.want {
			t.Errorf("%+v: %q, want %q", c.topic, got, c.want)
		}
	}
}

func TestEnvironments(t *testing.T) {
	demo := DemoEnvironments()
	if faults := ValidateEnvironments(demo); len(faults) > 0 {
		t.Errorf("the demo's: %v", faults)
	}
	for _, c := range []struct {
		name string
		envs []Environment
		want string // paths
	}{
		{"none", nil, ""},
		{"one without a prefix", []Environment{{Name: "only"}}, ""},
		{"an empty prefix beside others", []Environment{{Name: "a"}, {Name: "b", Prefix: "b_"}}, "environments[b].prefix"},
		{"named twice", []Environment{{Name: "a", Prefix: "a_"}, {Name: "a", Prefix: "b_"}}, "environments[a].name"},
		{"one prefix begins another", []Environment{{Name: "a", Prefix: "dev_"}, {Name: "b", Prefix: "dev_test_"}}, "environments[b].prefix"},
		{"the other way round", []Environment{{Name: "b", Prefix: "dev_test_"}, {Name: "a", Prefix: "dev_"}}, "environments[a].prefix"},
		{"the same prefix", []Environment{{Name: "a", Prefix: "x_"}, {Name: "b", Prefix: "x_"}}, "environments[b].prefix"},
		{"upper case", []Environment{{Name: "Dev", Prefix: "d_"}}, "environments[Dev].name"},
		{"no name", []Environment{{Prefix: "d_"}}, "environments[].name"},
		{"a long name", []Environment{{Name: strings.Repeat("a", 31)}}, ""},
		{"too long a name", []Environment{{Name: strings.Repeat("a", 32)}}, "environments[" + strings.Repeat("a", 32) + "].name"},
		{"begins with a digit", []Environment{{Name: "1a"}}, "environments[1a].name"},
		{"a prefix with a blank", []Environment{{Name: "a", Prefix: "a b"}}, "environments[a].prefix"},
		{"a prefix of Kafka's own", []Environment{{Name: "a", Prefix: "__a"}}, "environments[a].prefix"},
		{"a prefix as long as a topic", []Environment{{Name: "a", Prefix: strings.Repeat("a", MaxTopicNameLength)}}, "environments[a].prefix"},
		{"a limit below zero", []Environment{{Name: "a", Limits: TopicLimits{MaxPartitions: -1}}}, "environments[a].limits"},
		{"more than a century", []Environment{{Name: "a", Limits: TopicLimits{MaxRetentionDays: 36_501}}}, "environments[a].limits"},
	} {
		var got []string
		for _, f := range ValidateEnvironments(c.envs) {
			if got = append(got, f.Path); f.Message == "" {
				t.Errorf("%s: a fault without words: %+v", c.name, f)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	for topic, want := range map[string]string{"dev_x": "development", "prod_x": "production", "staging_": "staging", "test": "", "": "", "DEV_x": ""} {
		if e, found := EnvironmentOf(demo, topic); e.Name != want || found != (want != "") {
			t.Errorf("%q belongs to %q", topic, e.Name)
		}
	}
	if e, found := EnvironmentOf([]Environment{{Name: "only"}}, "x"); found {
		t.Errorf("an environment without a prefix owns %v", e)
	}
	mixed := []Environment{demo[2], demo[0], demo[1]}
	SortEnvironments(mixed)
	if !slices.EqualFunc(mixed, demo, func(a, b Environment) bool { return a.Name == b.Name }) {
		t.Errorf("sorted %v", mixed)
	}
	if demo[0].SchemaGuardDefault() != SchemaGuardWarn || demo[2].SchemaGuardDefault() != SchemaGuardEnforce {
		t.Error("the guard of an environment")
	}
}
