package types

// Without removes the members of t that are what: Without(None) after `x != None`. Nothing left is Never.
func Without(t, what Type) Type {
	return Filter(t, func(m Type) bool { return !Equal(m, what) })
}

// Filter keeps the members of t that satisfy keep. Unknown and Any stay.
func Filter(t Type, keep func(Type) bool) Type {
	if t == Unknown || t == Any || t == nil {
		return t
	}
	if g, ok := t.(*Guess); ok {
		return Likely(Filter(g.Elem, keep))
	}
	members := Members(t)
	var kept []Type
	for _, m := range members {
		if keep(m) {
			kept = append(kept, m)
		}
	}
	if len(kept) == len(members) {
		return t
	}
	return unionOf(kept)
}

// OnlyNone is t after `x == None`: None when it may be None or is unknown, Never otherwise.
func OnlyNone(t Type) Type {
	if silent(t) {
		return None
	}
	return Filter(t, func(m Type) bool { return m == None })
}

// OnlyTruthy is t after `if x:`: without what is always false.
func OnlyTruthy(t Type) Type {
	return Filter(t, func(m Type) bool {
		always, value := Truth(m)
		return !always || value
	})
}

// OnlyFalsy is t after `if not x:`: without what is always true; a str is then "", an int 0.
func OnlyFalsy(t Type) Type {
	if t == Unknown || t == Any || t == nil {
		return t
	}
	var kept []Type
	for _, m := range Members(t) {
		if always, value := Truth(m); always && value {
			continue
		}
		switch m {
		case String:
			m = StringLit("")
		case Int:
			m = IntLit(0)
		}
		kept = append(kept, m)
	}
	return Unite(kept...)
}

// Truth says whether the truth value of every value of t is known, and which it is.
func Truth(t Type) (known, value bool) {
	switch t := t.(type) {
	case Basic:
		return t == None, false
	case StringLit:
		return true, t != ""
	case IntLit:
		return true, t != 0
	case *Tuple:
		if t.Rest == nil {
			return true, len(t.Elems) > 0
		}
	case *Struct, *Function, *Module, *Future:
		return true, true
	case *Dict:
		for _, f := range t.Known {
			if !f.Optional {
				return true, true
			}
		}
	case *Named:
		// Kurtosis values are always true; range, bytes.elems and durations may be empty or zero.
		return t.Elem == nil && len(t.Fields) > 0 && t.Name != "time.duration", true
	}
	return false, false
}

// OnlyTypeName is t after `type(x) == name`; NotTypeName after `type(x) != name`.
func OnlyTypeName(t Type, name string) Type {
	if silent(t) {
		if b, ok := byTypeName[name]; ok {
			return b
		}
		return Unknown
	}
	return Filter(t, func(m Type) bool { n := TypeName(m); return n == name || n == "" })
}

// NotTypeName is t after `type(x) != name`.
func NotTypeName(t Type, name string) Type {
	return Filter(t, func(m Type) bool { return TypeName(m) != name })
}

var byTypeName = map[string]Type{
	"NoneType": None, "bool": Bool, "int": Int, "float": Float, "string": String, "bytes": Bytes,
	"list": ListOf(Unknown), "dict": DictOf(Unknown, Unknown), "tuple": &Tuple{Rest: Unknown},
	"function": Callable, "builtin_function_or_method": Callable, "struct": &Struct{Open: true},
}

// WithAttr is t after `hasattr(x, name)`: optional attributes become present, structs and named types without the
// attribute go. WithoutAttr is the other branch.
func WithAttr(t Type, name string) Type {
	if silent(t) {
		return t
	}
	var kept []Type
	for _, m := range Members(t) {
		f, ok := Attr(m, name)
		s, isStruct := m.(*Struct)
		switch {
		case isStruct && !ok && s.Open:
			m = &Struct{Fields: append(s.Fields[:len(s.Fields):len(s.Fields)], Field{Name: name, Type: Unknown}), Open: true}
		case !ok && (isStruct || m == None):
			continue
		case ok && f.Optional:
			m = present(m, name)
		}
		kept = append(kept, m)
	}
	return Unite(kept...)
}

// WithoutAttr is t after `not hasattr(x, name)`.
func WithoutAttr(t Type, name string) Type {
	return Filter(t, func(m Type) bool {
		if _, dict := m.(*Dict); dict {
			return true
		}
		f, ok := Attr(m, name)
		return !ok || f.Optional
	})
}

// WithKey is t after `"key" in x`: a dict whose known keys lack it gets it.
func WithKey(t Type, key string) Type {
	if silent(t) {
		return t
	}
	var kept []Type
	for _, m := range Members(t) {
		if d, ok := m.(*Dict); ok {
			f, known := find(d.Known, key)
			switch {
			case known && f.Optional:
				m = present(m, key)
			case !known && d.Exact:
				continue
			case !known:
				m = &Dict{Key: d.Key, Value: d.Value, Known: append(d.Known[:len(d.Known):len(d.Known)], Field{Name: key, Type: d.Value})}
			}
		}
		kept = append(kept, m)
	}
	return Unite(kept...)
}

func present(t Type, name string) Type {
	set := func(fields []Field) []Field {
		out := make([]Field, len(fields))
		copy(out, fields)
		for i := range out {
			if out[i].Name == name {
				out[i].Optional = false
			}
		}
		return out
	}
	switch t := t.(type) {
	case *Struct:
		return &Struct{Fields: set(t.Fields), Open: t.Open}
	case *Dict:
		return &Dict{Key: t.Key, Value: t.Value, Known: set(t.Known), Exact: t.Exact}
	case *Named:
		return &Named{Name: t.Name, Fields: set(t.Fields), Elem: t.Elem}
	}
	return t
}
