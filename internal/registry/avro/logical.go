package avro

import (
	"math"
	"strconv"
)

// javaProps exclude a logical type in Java when they are strings.
var javaProps = []string{"avro.java.string", "java-class", "java-key-class", "java-element-class"}

// logicalType is the logical type of n when it has one that Avro 1.12 knows and
// that is valid on n; an unknown or invalid one is ignored, as the specification
// asks, and gives "".
func logicalType(n *node) string {
	word := prop(n.props, "logicalType")
	if word == "" {
		return ""
	}
	for _, p := range javaProps {
		if v := find(n.props, p); v != nil && v.kind == stringValue {
			return ""
		}
	}
	valid := false
	switch word {
	case "date", "time-millis":
		valid = n.kind == kindInt
	case "time-micros", "timestamp-millis", "timestamp-micros", "timestamp-nanos",
		"local-timestamp-millis", "local-timestamp-micros", "local-timestamp-nanos":
		valid = n.kind == kindLong
	case "uuid":
		valid = n.kind == kindString || n.kind == kindFixed && n.size == 16
	case "duration":
		valid = n.kind == kindFixed && n.size == 12
	case "big-decimal":
		valid = n.kind == kindBytes
	case "decimal":
		valid = validDecimal(n)
	}
	if !valid {
		return ""
	}
	return word
}

func validDecimal(n *node) bool {
	precision, ok := intProp(n, "precision")
	if !ok || precision <= 0 {
		return false
	}
	scale := 0
	if find(n.props, "scale") != nil {
		if scale, ok = intProp(n, "scale"); !ok || scale < 0 || scale > precision {
			return false
		}
	}
	switch n.kind {
	case kindBytes:
		return true
	case kindFixed:
		return float64(precision) <= math.Floor(math.Log10(2)*float64(8*n.size-1))
	}
	return false
}

func intProp(n *node, name string) (int, bool) {
	v := find(n.props, name)
	if v == nil || !v.fits(32) {
		return 0, false
	}
	i, err := strconv.Atoi(v.text)
	return i, err == nil
}
