package awscloud

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// The tags of everything that the bus makes on AWS. The first two say whose a
// thing is: without them the bus does not touch it.
const (
	tagManaged     = "eventbus:managed"
	tagDeployment  = "eventbus:deployment"
	tagEnvironment = "eventbus:environment"
	tagTeam        = "eventbus:team"
	tagEvent       = "eventbus:event" // the event that it was made for; its policy says what it may do
)

// tags are those of one thing.
type tags map[string]string

func tagsOf(list []types.Tag) tags {
	all := tags{}
	for _, t := range list {
		all[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return all
}

// list is in the SDK's form, in order of the keys.
func (t tags) list() []types.Tag {
	var list []types.Tag
	for _, key := range slices.Sorted(maps.Keys(t)) {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(t[key])})
	}
	return list
}

// wantedTags are the tags of something made for a team and an event; one that is
// not known is empty.
func (a *Account) wantedTags(team, event string) tags {
	return tags{tagManaged: "true", tagDeployment: a.cfg.Name, tagEnvironment: a.cfg.Environment, tagTeam: legalTag(team), tagEvent: legalTag(event)}
}

// ours reports whether the tags say that this bus made the thing.
func (a *Account) ours(t tags) bool {
	return t[tagManaged] == "true" && t[tagDeployment] == a.cfg.Name
}

// foreign says why a thing that is not ours is not touched; empty when it is ours.
func (a *Account) foreign(thing string, t tags) string {
	switch {
	case a.ours(t):
		return ""
	case t[tagManaged] == "true":
		return thing + " belongs to the bus " + t[tagDeployment] + ", not to " + a.cfg.Name + "; it is not touched"
	}
	return thing + " does not carry the tags " + tagManaged + "=true and " + tagDeployment + "=" + a.cfg.Name + ": this bus did not make it, or the tags were removed; it is not touched"
}

// lost names the tags that were removed or changed by hand. Which team and event
// a thing was made for is not known here, only whether it says so.
func (a *Account) lost(t tags) []string {
	var keys []string
	if t[tagEnvironment] != a.cfg.Environment {
		keys = append(keys, tagEnvironment)
	}
	for _, key := range []string{tagEvent, tagTeam} {
		if _, there := t[key]; !there {
			keys = append(keys, key)
		}
	}
	return keys
}

// legalTag writes a text with the characters that AWS allows in the values of
// tags, 256 at most.
func legalTag(value string) string {
	legal := strings.Map(func(r rune) rune {
		if r < 128 && tagValue.MatchString(string(r)) {
			return r
		}
		return '_'
	}, strings.TrimSpace(value))
	return legal[:min(len(legal), 256)]
}
