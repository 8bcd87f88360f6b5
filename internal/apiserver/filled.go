package apiserver

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// unmarshalFilled reads a body in which nothing is null: a field is given, or
// left out. huma takes null for an optional field, though the document that it
// writes does not allow it.
func unmarshalFilled(text []byte, into any) error {
	if err := huma.DefaultJSONFormat.Unmarshal(text, into); err != nil {
		return err
	}
	if whole, first := into.(*any); first { // huma validates before it fills the struct
		if path, found := nullIn(*whole); found {
			return fmt.Errorf("%s is null; leave it out, or give it a value", strings.TrimPrefix(path, "."))
		}
	}
	return nil
}

// nullIn finds a null in a decoded document.
func nullIn(v any) (path string, found bool) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if path, found := nullIn(v[key]); found {
				return "." + key + path, true
			}
		}
	case []any:
		for i, item := range v {
			if path, found := nullIn(item); found {
				return fmt.Sprintf("[%d]%s", i, path), true
			}
		}
	}
	return "", v == nil
}

var marshaler = reflect.TypeFor[json.Marshaler]()

// filled gives a copy of v in which nil lists and maps are empty ones, so that
// answers hold [] where the OpenAPI document says array, never null. v itself,
// which a cache may share, is not touched.
func filled(v any) any {
	if v == nil {
		return nil
	}
	return fill(reflect.ValueOf(v)).Interface()
}

func fill(v reflect.Value) reflect.Value {
	t := v.Type()
	if t.Implements(marshaler) || reflect.PointerTo(t).Implements(marshaler) {
		return v
	}
	switch t.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		out := reflect.New(t.Elem())
		out.Elem().Set(fill(v.Elem()))
		return out
	case reflect.Interface:
		if v.IsNil() {
			return v
		}
		return fill(v.Elem())
	case reflect.Struct:
		return fillStruct(v)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return v
		}
		out := reflect.MakeSlice(t, v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(fill(v.Index(i)))
		}
		return out
	case reflect.Map:
		out := reflect.MakeMapWithSize(t, v.Len())
		for entries := v.MapRange(); entries.Next(); {
			out.SetMapIndex(entries.Key(), fill(entries.Value()))
		}
		return out
	default:
		return v
	}
}

func fillStruct(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() {
			out.Field(i).Set(fill(v.Field(i)))
		}
	}
	return out
}
