package plan

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"time"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
)

// Instruction decodes the step's arguments; arguments that were not given, or given as None, have their
// defaults. It fails only on a plan that interpretation did not make.
func (s *Step) Instruction() (Instruction, error) {
	in := newInstruction(s.Name)
	if in == nil {
		return nil, fmt.Errorf("unknown instruction %q", s.Name)
	}
	if err := decodeFields(s.Name, s.Args, reflect.ValueOf(in).Elem()); err != nil {
		return nil, fmt.Errorf("%s at %s: %w", s.Name, s.Position, err)
	}
	s.place(in)
	return in, nil
}

// place fills in what is known of a step beside its arguments: where its locators are on disk, and the names
// that were generated for artifacts.
func (s *Step) place(in Instruction) {
	resolved := func(locator string) (path, hash string) {
		for _, r := range s.Locators {
			if r.Locator == locator {
				return r.Path, r.Hash
			}
		}
		return "", ""
	}
	image := func(i *Image) {
		switch {
		case i.Build != nil:
			i.Build.ContextPath, i.Build.ContextHash = resolved(i.Build.BuildContextDir)
		case i.Nix != nil:
			i.Nix.ContextPath, i.Nix.ContextHash = resolved(i.Nix.BuildContextDir)
		}
	}
	switch in := in.(type) {
	case *UploadFiles:
		in.Path, in.Hash = resolved(in.Src)
		in.Name = s.artifact()
	case *RenderTemplates:
		in.Name = s.artifact()
	case *StoreServiceFiles:
		in.Name = s.artifact()
	case *AddService:
		image(&in.Config.Image)
	case *SetService:
		image(&in.Config.Image)
	case *AddServices:
		for i := range in.Configs {
			image(&in.Configs[i].Value.Image)
		}
	case *RunSh:
		image(&in.Image)
		s.nameStored(in.Store)
	case *RunPython:
		image(&in.Image)
		s.nameStored(in.Store)
	}
}

// artifact is the name of the files artifact that the step makes: the one given, or the generated one that
// the call returned.
func (s *Step) artifact() string {
	name, _ := s.Returns.(String)
	return string(name)
}

// nameStored gives the artifacts of a task the names that the call returned.
func (s *Step) nameStored(store []StoreSpec) {
	for i, name := range s.stored() {
		if i < len(store) {
			store[i].Name = name
		}
	}
}

// decodable is a type that reads a Value itself, because its shape in Starlark is not a plain record.
type decodable interface{ decode(Value) error }

// defaulted is a record with defaults that are not zero values.
type defaulted interface{ defaults() }

// finished is a record that tidies up after decoding.
type finished interface{ finish() error }

func decodeFields(what string, fields []Field, into reflect.Value) error {
	if d, ok := into.Addr().Interface().(defaulted); ok {
		d.defaults()
	}
	shape := into.Type()
	known := 0
	for i := range shape.NumField() {
		name, _, _ := strings.Cut(shape.Field(i).Tag.Get("star"), ",")
		if name == "" || name == "-" {
			continue
		}
		v, ok := field(fields, name)
		if !ok {
			continue
		}
		known++
		if _, none := v.(None); none && !keepsNone(into.Field(i)) {
			continue
		}
		if err := decodeValue(v, into.Field(i)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if known != len(fields) {
		for _, f := range fields {
			if f.Name != builtins.Description.Name && !hasTag(shape, f.Name) {
				return fmt.Errorf("%s has no %q", what, f.Name)
			}
		}
	}
	if f, ok := into.Addr().Interface().(finished); ok {
		return f.finish()
	}
	return nil
}

func hasTag(shape reflect.Type, want string) bool {
	for i := range shape.NumField() {
		if name, _, _ := strings.Cut(shape.Field(i).Tag.Get("star"), ","); name == want {
			return true
		}
	}
	return false
}

var (
	valueType    = reflect.TypeFor[Value]()
	durationType = reflect.TypeFor[time.Duration]()
)

// keepsNone reports whether an explicit None means something else than "not given": a Value, and a duration
// that may be switched off.
func keepsNone(into reflect.Value) bool {
	return into.Type() == valueType || into.Kind() == reflect.Pointer && into.Type().Elem() == durationType
}

func decodeValue(v Value, into reflect.Value) error {
	if into.Type() == valueType {
		into.Set(reflect.ValueOf(v))
		return nil
	}
	if d, ok := into.Addr().Interface().(decodable); ok {
		return d.decode(v)
	}
	if into.Type() == durationType {
		d, err := time.ParseDuration(StringOf(v))
		if err != nil {
			return err
		}
		into.SetInt(int64(d))
		return nil
	}
	switch into.Kind() {
	case reflect.Pointer:
		if _, none := v.(None); none {
			into.SetZero()
			return nil
		}
		target := reflect.New(into.Type().Elem())
		if err := decodeValue(v, target.Elem()); err != nil {
			return err
		}
		into.Set(target)
		return nil
	case reflect.String:
		s, ok := v.(String)
		if !ok {
			return expected("a string", v)
		}
		into.SetString(string(s))
		return nil
	case reflect.Bool:
		b, ok := v.(Bool)
		if !ok {
			return expected("a bool", v)
		}
		into.SetBool(bool(b))
		return nil
	case reflect.Int64:
		n, err := integer(v)
		if err != nil {
			return err
		}
		if !n.IsInt64() || into.OverflowInt(n.Int64()) {
			return fmt.Errorf("%s is out of range", n)
		}
		into.SetInt(n.Int64())
		return nil
	case reflect.Uint16, reflect.Uint64:
		n, err := integer(v)
		if err != nil {
			return err
		}
		if !n.IsUint64() || into.OverflowUint(n.Uint64()) {
			return fmt.Errorf("%s is out of range", n)
		}
		into.SetUint(n.Uint64())
		return nil
	case reflect.Slice:
		if isMap(into.Type()) {
			return decodeMap(v, into)
		}
		return decodeList(v, into)
	case reflect.Struct:
		o, ok := v.(*Object)
		if !ok {
			return expected("a "+into.Type().Name(), v)
		}
		return decodeFields(o.Constructor, o.Fields, into)
	}
	return errors.New("cannot decode into " + into.Type().String())
}

func integer(v Value) (*big.Int, error) {
	n, ok := v.(Int)
	if !ok {
		return nil, expected("an int", v)
	}
	return n.Big(), nil
}

func expected(want string, got Value) error {
	return fmt.Errorf("expected %s, got %s", want, got.Type())
}

// isMap recognises the instances of Map.
func isMap(t reflect.Type) bool {
	return t.Elem().Kind() == reflect.Struct && strings.HasPrefix(t.Name(), "Map[")
}

func decodeMap(v Value, into reflect.Value) error {
	d, ok := v.(*Dict)
	if !ok {
		return expected("a dict", v)
	}
	out := reflect.MakeSlice(into.Type(), len(d.Items), len(d.Items))
	for i, item := range d.Items {
		key, ok := item.Key.(String)
		if !ok {
			return expected("a string key", item.Key)
		}
		out.Index(i).Field(0).SetString(string(key))
		if err := decodeValue(item.Value, out.Index(i).Field(1)); err != nil {
			return fmt.Errorf("%q: %w", string(key), err)
		}
	}
	into.Set(out)
	return nil
}

func decodeList(v Value, into reflect.Value) error {
	l, ok := v.(*List)
	if !ok {
		return expected("a list", v)
	}
	out := reflect.MakeSlice(into.Type(), len(l.Items), len(l.Items))
	for i, item := range l.Items {
		if err := decodeValue(item, out.Index(i)); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	into.Set(out)
	return nil
}
