package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// keyType is what the values of a condition key are.
type keyType string

const (
	stringKey keyType = "string"
	arnKey    keyType = "ARN"
	boolKey   keyType = "boolean"
	dateKey   keyType = "date"
	epochKey  keyType = "number of seconds" // a date and a number
	addrKey   keyType = "IP address"
)

// keyInfo is one condition key that the bus fills in, or leaves out when it
// does not know the value.
type keyInfo struct {
	name  string
	kind  keyType
	trust bool // only in trust policies
}

// conditionKeys is the closed list; any other key is refused when written,
// since it would be absent from every request and its condition a silent no (or,
// with IfExists, a silent yes). Source: "AWS global condition context keys" and
// the keys of AWS STS.
var conditionKeys = []keyInfo{
	{name: "aws:CurrentTime", kind: dateKey},
	{name: "aws:EpochTime", kind: epochKey},
	{name: "aws:PrincipalAccount", kind: stringKey},
	{name: "aws:PrincipalArn", kind: arnKey},
	{name: "aws:PrincipalType", kind: stringKey},
	{name: "aws:RequestedRegion", kind: stringKey},
	{name: "aws:SecureTransport", kind: boolKey},
	{name: "aws:SourceIp", kind: addrKey},
	{name: "aws:TokenIssueTime", kind: dateKey},
	{name: "aws:userid", kind: stringKey},
	{name: "aws:username", kind: stringKey},
	{name: "sts:ExternalId", kind: stringKey, trust: true},
	{name: "sts:RoleSessionName", kind: stringKey, trust: true},
}

func conditionKey(name string, trust bool) (keyInfo, error) {
	var known []string
	for _, k := range conditionKeys {
		if k.trust && !trust {
			continue
		}
		if strings.EqualFold(k.name, name) { // key names ignore case
			return k, nil
		}
		known = append(known, k.name)
	}
	return keyInfo{}, fmt.Errorf("the bus does not know this condition key; known are %s", strings.Join(known, ", "))
}

// setOperator says how a key with several values is compared.
type setOperator string

const (
	single   setOperator = ""
	everyOne setOperator = "ForAllValues:"
	anyOne   setOperator = "ForAnyValue:"
)

// test reports whether one value of the request fits one of the document.
type test func(value string) bool

// operator is one of AWS's condition operators.
type operator struct {
	negated bool // holds when no value of the document fits
	keys    []keyType
	compile func(value string) (test, error)
}

// operatorNamed finds an operator by its name without prefix and suffix; names
// keep their case. BinaryEquals is left out: no key of the bus is binary.
func operatorNamed(name string) (operator, bool) {
	negated := strings.Contains(name, "Not")
	text := []keyType{stringKey, arnKey, addrKey, boolKey, dateKey, epochKey}
	switch name {
	case "StringEquals", "StringNotEquals":
		return operator{negated, text, compileEqual}, true
	case "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase":
		return operator{negated, text, compileFold}, true
	case "StringLike", "StringNotLike":
		return operator{negated, text, compileLike}, true
	case "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike": // AWS: Equals and Like behave identically
		return operator{negated, []keyType{arnKey}, compileARNLike}, true
	case "Bool":
		return operator{negated, []keyType{boolKey}, compileBool}, true
	case "IpAddress", "NotIpAddress":
		return operator{negated, []keyType{addrKey}, compileAddr}, true
	}
	if rest, ok := strings.CutPrefix(name, "Numeric"); ok && comparison(rest) != nil {
		return operator{negated, []keyType{epochKey}, numeric(comparison(rest))}, true
	}
	if rest, ok := strings.CutPrefix(name, "Date"); ok && comparison(rest) != nil {
		return operator{negated, []keyType{dateKey, epochKey}, date(comparison(rest))}, true
	}
	return operator{}, false
}

// comparison gives what the sign of (request - document) must be. NotEquals is
// the negation of equals, so it compares the same.
func comparison(name string) func(sign int) bool {
	switch name {
	case "Equals", "NotEquals":
		return func(sign int) bool { return sign == 0 }
	case "LessThan":
		return func(sign int) bool { return sign < 0 }
	case "LessThanEquals":
		return func(sign int) bool { return sign <= 0 }
	case "GreaterThan":
		return func(sign int) bool { return sign > 0 }
	case "GreaterThanEquals":
		return func(sign int) bool { return sign >= 0 }
	}
	return nil
}

func compileEqual(value string) (test, error) {
	value, err := plain(value)
	return func(v string) bool { return v == value }, err
}

func compileFold(value string) (test, error) {
	value, err := plain(value)
	return func(v string) bool { return strings.EqualFold(v, value) }, err
}

func compileLike(value string) (test, error) {
	p, err := compilePattern(value)
	return p.match, err
}

// plain undoes ${*} and its like where * is no wildcard.
func plain(value string) (string, error) {
	if !strings.Contains(value, "${") {
		return value, checkText(value)
	}
	if _, err := compilePattern(value); err != nil {
		return "", err
	}
	return strings.NewReplacer("${*}", "*", "${?}", "?", "${$}", "$").Replace(value), nil
}

func compileARNLike(value string) (test, error) {
	segments, ok := splitARN(value)
	if !ok {
		return nil, errors.New("write an ARN with six parts; each part may hold wildcards")
	}
	var parts [arnFields]pattern
	for i, s := range segments {
		p, err := compilePattern(s)
		if err != nil {
			return nil, err
		}
		parts[i] = p
	}
	return func(v string) bool {
		got, ok := splitARN(v)
		for i := 0; ok && i < arnFields; i++ {
			ok = parts[i].match(got[i])
		}
		return ok
	}, nil
}

func compileBool(value string) (test, error) {
	if value != "true" && value != "false" {
		return nil, errors.New("write true or false")
	}
	return func(v string) bool { return strings.EqualFold(v, value) }, nil
}

func compileAddr(value string) (test, error) {
	prefix, err := netip.ParsePrefix(value)
	if err != nil {
		addr, err := netip.ParseAddr(value)
		if err != nil || addr.Zone() != "" {
			return nil, errors.New("write an IP address or a range such as 192.0.2.0/24")
		}
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	}
	if prefix != prefix.Masked() {
		return nil, fmt.Errorf("bits are set behind the prefix; write %s", prefix.Masked())
	}
	if prefix.Addr().Is4In6() {
		return nil, errors.New("write IPv4 addresses as IPv4")
	}
	return func(v string) bool {
		addr, err := netip.ParseAddr(v)
		return err == nil && prefix.Contains(addr.Unmap().WithZone(""))
	}, nil
}

func numeric(fits func(int) bool) func(string) (test, error) {
	return func(value string) (test, error) {
		want, err := parseNumber(value)
		if err != nil {
			return nil, err
		}
		return func(v string) bool {
			got, err := parseNumber(v)
			if err != nil {
				return false
			}
			switch {
			case got < want:
				return fits(-1)
			case got > want:
				return fits(1)
			}
			return fits(0)
		}, nil
	}
}

func parseNumber(s string) (float64, error) {
	for _, c := range s {
		if (c < '0' || c > '9') && c != '.' && c != '-' {
			return 0, errors.New("write a decimal number")
		}
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, errors.New("write a decimal number")
	}
	return n, nil
}

func date(fits func(int) bool) func(string) (test, error) {
	return func(value string) (test, error) {
		want, err := parseDate(value)
		if err != nil {
			return nil, err
		}
		return func(v string) bool {
			got, err := parseDate(v)
			return err == nil && fits(got.Compare(want))
		}, nil
	}
}

// parseDate reads the forms of the W3C note on ISO 8601 and seconds since 1970.
// Four digits are a year.
func parseDate(s string) (time.Time, error) {
	if len(s) > 4 {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return time.Unix(n, 0), nil
		}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01", "2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("write a date such as 2026-01-31T00:00:00Z or seconds since 1970")
}

// condition is one key under one operator; all of a statement must hold.
type condition struct {
	operator string // as written, with prefix and suffix
	set      setOperator
	negated  bool
	ifExists bool
	isNull   bool
	key      string
	values   []string // as written
	tests    []test
}

// holds applies AWS's rules for the values of a request. values is empty when
// the key is absent; then a negated operator holds and any other does not,
// IfExists and ForAllValues hold, ForAnyValue does not.
func (c *condition) holds(values []string) bool {
	switch {
	case c.isNull:
		return slices.Contains(c.values, strconv.FormatBool(len(values) == 0))
	case len(values) == 0:
		if c.ifExists || c.set == everyOne {
			return true
		}
		return c.negated && c.set != anyOne
	case c.set == everyOne, c.set == single && c.negated:
		return !slices.ContainsFunc(values, func(v string) bool { return c.fits(v) == c.negated })
	}
	return slices.ContainsFunc(values, func(v string) bool { return c.fits(v) != c.negated })
}

func (c *condition) fits(value string) bool {
	for _, t := range c.tests {
		if t(value) {
			return true
		}
	}
	return false
}

// compileCondition reads one operator with one key; a fault names the value's
// place through the index, -1 for the operator or the key itself.
func compileCondition(name string, key keyInfo, values []string) (condition, int, error) {
	c := condition{operator: name, key: key.name, values: values}
	base := name
	for _, set := range []setOperator{everyOne, anyOne} {
		if rest, ok := strings.CutPrefix(base, string(set)); ok {
			c.set, base = set, rest
			break // one is all there may be
		}
	}
	if base == "Null" && c.set == single {
		c.isNull = true
		for i, v := range values {
			if v != "true" && v != "false" {
				return c, i, errors.New("write true (the key must be absent) or false")
			}
		}
		return c, -1, nil
	}
	base, c.ifExists = strings.CutSuffix(base, "IfExists")
	op, ok := operatorNamed(base)
	if !ok {
		return c, -1, fmt.Errorf("unknown condition operator %q", name)
	}
	if !slices.Contains(op.keys, key.kind) {
		return c, -1, fmt.Errorf("%s does not fit %s, which is a %s", name, key.name, key.kind)
	}
	c.negated = op.negated
	for i, v := range values {
		t, err := op.compile(v)
		if err != nil {
			return c, i, err
		}
		c.tests = append(c.tests, t)
	}
	return c, -1, nil
}

// contextValues finds the values of a key in a request, whose spelling may
// differ in case.
func contextValues(context map[string][]string, key string) []string {
	if v, ok := context[key]; ok {
		return v
	}
	for k, v := range context {
		if strings.EqualFold(k, key) {
			return v
		}
	}
	return nil
}
