package plan

import (
	"reflect"
	"strings"
)

// Resolve replaces the futures in the fields of a decoded instruction that are tagged so: as text in strings,
// with their type in a Value. The other fields keep them; Validate has reported those.
func Resolve(in Instruction, lookup Lookup) error {
	return resolveFields(reflect.ValueOf(in).Elem(), lookup)
}

func resolveFields(record reflect.Value, lookup Lookup) error {
	shape := record.Type()
	for i := range shape.NumField() {
		if _, opts, _ := strings.Cut(shape.Field(i).Tag.Get("star"), ","); opts != "future" {
			continue
		}
		if err := resolveValue(record.Field(i), lookup); err != nil {
			return err
		}
	}
	return nil
}

func resolveValue(v reflect.Value, lookup Lookup) error {
	if v.Type() == valueType {
		if v.IsNil() {
			return nil
		}
		out, err := Replace(v.Interface().(Value), lookup)
		if err == nil {
			v.Set(reflect.ValueOf(out))
		}
		return err
	}
	switch v.Kind() {
	case reflect.String:
		text, err := ReplaceText(v.String(), lookup)
		if err == nil {
			v.SetString(text)
		}
		return err
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return resolveValue(v.Elem(), lookup)
	case reflect.Slice:
		for i := range v.Len() {
			item := v.Index(i)
			if isMap(v.Type()) {
				item = item.Field(1)
			}
			if err := resolveValue(item, lookup); err != nil {
				return err
			}
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[Recipe]() { // a sum: its members carry the tags
			for i := range v.NumField() {
				if err := resolveValue(v.Field(i), lookup); err != nil {
					return err
				}
			}
			return nil
		}
		return resolveFields(v, lookup)
	}
	return nil
}
