package policy

import (
	"fmt"
	"strings"
)

// arnFields is the number of parts of an ARN:
// arn:partition:service:region:account:resource. The last may hold colons.
const arnFields = 6

type arn [arnFields]string

// splitARN cuts an ARN into its parts; ok is false when it has fewer than six.
func splitARN(text string) (parts arn, ok bool) {
	for i := range arnFields - 1 {
		head, tail, found := strings.Cut(text, ":")
		if !found {
			return parts, false
		}
		parts[i], text = head, tail
	}
	parts[arnFields-1] = text
	return parts, parts[0] == "arn"
}

// resource is one entry of Resource or NotResource.
//
// AWS's page on the Resource element says that wildcards stand for characters
// within the ARN segments between the colons, and that a star at the end of a
// segment "can expand to match beyond the colon boundaries". Here each of the
// first five segments is compared by itself and no star of theirs ever crosses
// a colon; in the sixth, the resource, * and ? match anything, slashes and
// colons included. The two readings differ only for ARNs whose own resource
// part holds colons (consumer groups and transactional ids may be named so),
// where crossing would let a name chosen by a client stand in for region or
// account. Documents with fewer than six segments, where AWS would need the
// crossing, are refused when they are written.
type resource struct {
	text  string
	all   bool // the single star
	parts [arnFields]pattern
}

func (r *resource) match(a *arn, isARN bool) bool {
	if r.all {
		return true
	}
	if !isARN {
		return false
	}
	for i := arnFields - 1; i > 0; i-- { // the last differs most often
		if !r.parts[i].match(a[i]) {
			return false
		}
	}
	return true
}

// compileResource reads one entry of Resource or NotResource and refuses what
// could never match.
func compileResource(text string) (resource, error) {
	r := resource{text: text}
	if text == "*" {
		r.all = true
		return r, nil
	}
	segments, ok := splitARN(text)
	if !ok {
		return r, fmt.Errorf("write * or an ARN with six parts, arn:partition:kafka:region:account:resource")
	}
	for i, s := range segments {
		p, err := compilePattern(s)
		if err != nil {
			return r, err
		}
		r.parts[i] = p
	}
	return r, checkSegments(segments, r.parts)
}

func checkSegments(s arn, p [arnFields]pattern) error {
	for i, name := range [...]string{1: "partition", 3: "region", 4: "account"} {
		if name != "" && !p[i].wild && s[2] != "iam" && s[i] == "" {
			return fmt.Errorf("the %s is empty, so the ARN matches nothing", name)
		}
	}
	if !p[1].wild && !strings.HasPrefix(s[1], "aws") {
		return fmt.Errorf("unknown partition %q; known are aws, aws-us-gov and aws-cn", s[1])
	}
	if !p[4].wild && !isAccount(s[4]) {
		return fmt.Errorf("the account %q is not 12 digits", s[4])
	}
	types := []ResourceType{Cluster, Topic, Group, TransactionalID}
	switch s[2] {
	case "kafka":
	case "iam":
		if s[3] != "" {
			return fmt.Errorf("an ARN of iam has no region")
		}
		types = []ResourceType{Role}
	default:
		return fmt.Errorf("service %q is not decided by the bus; write kafka (wildcards are not allowed here)", s[2])
	}
	for _, t := range types {
		if fitsType(p[5], t) {
			return nil
		}
	}
	return fmt.Errorf("resource %q is none of %v", s[5], types)
}

// fitsType reports whether a resource of the type could match the pattern of
// the sixth part: up to the first wildcard it must read like "type/".
func fitsType(p pattern, t ResourceType) bool {
	head, want := p.head(), string(t)+"/"
	return strings.HasPrefix(head, want) || p.wild && strings.HasPrefix(want, head)
}

func isAccount(s string) bool {
	if len(s) != 12 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
