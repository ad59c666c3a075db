package plan

import (
	"reflect"
	"strings"
	"time"
)

// Object is the reverse of decoding: the call of ServiceConfig that makes this configuration, without what has its
// default. Images that were built are named, as they exist.
func (c *ServiceConfig) Object() *Object {
	plain := *c
	if plain.Image.Build != nil || plain.Image.Nix != nil {
		plain.Image = Image{Name: plain.Image.Reference()}
	}
	plain.DeprecatedCPU, plain.DeprecatedMemory = 0, 0 // folded into the others
	return encodeObject("ServiceConfig", reflect.ValueOf(plain))
}

// encodeObject makes a call of a constructor that decodeFields reads back.
func encodeObject(constructor string, v reflect.Value) *Object {
	o := &Object{Constructor: constructor}
	standard := reflect.New(v.Type())
	if d, ok := standard.Interface().(defaulted); ok {
		d.defaults()
	}
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("star"), ",")
		if name == "" || name == "-" || reflect.DeepEqual(v.Field(i).Interface(), standard.Elem().Field(i).Interface()) {
			continue
		}
		o.Fields = append(o.Fields, Field{Name: name, Value: encodeValue(v.Field(i))})
	}
	return o
}

// encodable is a type whose shape in Starlark is not a plain record.
type encodable interface{ encode() Value }

func encodeValue(v reflect.Value) Value {
	if e, ok := v.Interface().(encodable); ok && (v.Kind() != reflect.Pointer || !v.IsNil()) {
		return e.encode()
	}
	switch x := v.Interface().(type) {
	case Value:
		return x
	case time.Duration:
		return String(x.String())
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return None{}
		}
		return encodeValue(v.Elem())
	case reflect.String:
		return String(v.String())
	case reflect.Bool:
		return Bool(v.Bool())
	case reflect.Int64, reflect.Int:
		return NewInt(v.Int())
	case reflect.Uint64, reflect.Uint16:
		return NewInt(int64(v.Uint()))
	case reflect.Slice:
		if isMap(v.Type()) {
			d := &Dict{}
			for i := range v.Len() {
				d.Items = append(d.Items, Item{String(v.Index(i).Field(0).String()), encodeValue(v.Index(i).Field(1))})
			}
			return d
		}
		l := &List{}
		for i := range v.Len() {
			l.Items = append(l.Items, encodeValue(v.Index(i)))
		}
		return l
	case reflect.Struct:
		return encodeObject(v.Type().Name(), v)
	}
	return None{}
}

func (i Image) encode() Value {
	switch {
	case i.Spec != nil:
		return encodeObject("ImageSpec", reflect.ValueOf(*i.Spec))
	case i.Build != nil:
		return encodeObject("ImageBuildSpec", reflect.ValueOf(*i.Build))
	case i.Nix != nil:
		return encodeObject("NixBuildSpec", reflect.ValueOf(*i.Nix))
	}
	return String(i.Name)
}

func (d Directory) encode() Value {
	if d.PersistentKey != "" {
		d.Size /= megabyte
	}
	return encodeObject("Directory", reflect.ValueOf(d))
}

func (r Recipe) encode() Value {
	if r.Exec != nil {
		return encodeObject("ExecRecipe", reflect.ValueOf(*r.Exec))
	}
	if r.HTTP.Method == "POST" {
		return encodeObject("PostHttpRequestRecipe", reflect.ValueOf(*r.HTTP))
	}
	return encodeObject("GetHttpRequestRecipe", reflect.ValueOf(*r.HTTP))
}

func (d GpuDriver) encode() Value {
	return &Dict{[]Item{{String("docker"), String(d.Docker)}, {String("kubernetes"), String(d.Kubernetes)}}}
}
