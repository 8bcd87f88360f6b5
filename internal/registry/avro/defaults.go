package avro

import "errors"

// checkDefault refuses a default that does not fit its field's type. A strict
// parser checks it when the field is read and again when names are bound.
func (p *parser) checkDefault(f *field, at *place) error {
	if p.lax || f.def == nil {
		return nil
	}
	ok, err := p.fits(f.typ, f.def)
	if err == nil && !ok {
		err = at.fail("Invalid default for field %s: %s not a %s", f.name, brief(f.def), readable(f.typ))
	}
	return err
}

// errFieldsNotSet is Java's answer to a default of a record type whose fields are
// not known yet, as in a record that has itself, with default {}, as a field.
var errFieldsNotSet = errors.New("Schema fields not set yet: a default of a record type inside that same record")

// fits tells whether v is a default for n, by Avro's rules, which are wider than
// one expects: any text is good for an enum or a fixed of any size; any branch of
// a union may match; a name that is not defined yet takes any object.
func (p *parser) fits(n *node, v *value) (bool, error) {
	if err := p.step(1); err != nil || v == nil {
		return false, err
	}
	switch n.kind {
	case kindNull:
		return v.kind == nullValue, nil
	case kindBoolean:
		return v.kind == trueValue || v.kind == falseValue, nil
	case kindInt:
		return v.fits(32), nil
	case kindLong:
		return v.fits(64), nil
	case kindFloat, kindDouble:
		return v.kind == wholeValue || v.kind == floatingValue, nil
	case kindBytes, kindString, kindEnum, kindFixed:
		return v.kind == stringValue, nil
	case kindPending:
		p.recordDefaults = true
		return v.kind == objectValue, nil
	case kindArray:
		return p.fitsAll(n.item, v, arrayValue)
	case kindMap:
		return p.fitsAll(n.item, v, objectValue)
	case kindRecord:
		return p.fitsRecord(n, v)
	}
	for _, b := range n.branches {
		if ok, err := p.fits(b, v); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func (p *parser) fitsAll(item *node, v *value, want valueKind) (bool, error) {
	if v.kind != want {
		return false, nil
	}
	for _, i := range v.items {
		if ok, err := p.fits(item, i); !ok || err != nil {
			return false, err
		}
	}
	for _, m := range v.members {
		if ok, err := p.fits(item, m.value); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// fitsRecord: every field needs a fitting member, or a fitting default of its own.
func (p *parser) fitsRecord(n *node, v *value) (bool, error) {
	if v.kind != objectValue {
		return false, nil
	}
	p.recordDefaults = true
	if !n.complete {
		return false, errFieldsNotSet
	}
	for _, f := range n.fields {
		if err := p.step(len(v.members) / 16); err != nil {
			return false, err
		}
		given := v.get(f.name)
		if given == nil {
			given = f.def
		}
		if ok, err := p.fits(f.typ, given); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}
