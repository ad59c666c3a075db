// Package types defines the type terms of the front end: how they print, parse, unite, narrow and assign.
//
// Typing is gradual. Unknown is what nothing is known about: it goes everywhere and everything goes into it, in
// silence. Two questions are asked of a value and a place: Assignable (is every value of the type welcome?) and
// Possible (is any?). Only a "no" to the second is a definite error.
package types

// Type is a type term. Terms are immutable; compare them with Equal. The concrete types are Basic, StringLit,
// IntLit, *List, *Dict, *Tuple, *Iterable, *Function, *Struct, *Module, *Named, *Future, *Union, *Guess and *Var.
type Type interface {
	// String prints the term as Parse reads it: list[str] | None, dict[str, int], Future[int].
	String() string
	term()
}

// Basic is a term without parts. Basics are compared with ==.
type Basic uint8

const (
	Unknown Basic = iota // nothing is known; silent both ways
	Any                  // declared to be anything; silent both ways, printed as "any"
	Never                // no value: the result of fail, the type of unreachable code
	None
	Bool
	Int
	Float
	String
	Bytes
)

// StringLit is the type of one known string, IntLit of one known int.
type (
	StringLit string
	IntLit    int64
)

// List is list[Elem].
type List struct{ Elem Type }

// Dict is dict[Key, Value]. Known lists the string keys that are known to be there, in the order of the source;
// Exact says that there are no others. Value covers the known ones too.
type Dict struct {
	Key, Value Type
	Known      []Field
	Exact      bool
}

// Field is a known key of a dict, or an attribute of a struct or a named type.
type Field struct {
	Name     string
	Type     Type
	Optional bool   // the attribute may be absent: hasattr decides
	Doc      string // Markdown, or ""
}

// Tuple is tuple[A, B], or tuple[Rest, ...] when Rest is not nil and Elems is empty.
type Tuple struct {
	Elems []Type
	Rest  Type
}

// Iterable is a protocol: anything a for loop accepts, yielding Elem. Lists, tuples, dicts (their keys), bytes'
// elems and range are iterable; strings are not.
type Iterable struct{ Elem Type }

// Function is a callable with its signature.
type Function struct {
	Name   string // "" for a lambda
	Params []Param
	Result Type
	Loose  bool // nothing is known of the parameters: any call is welcome
}

// Param is one parameter of a Function.
type Param struct {
	Name       string
	Type       Type
	Default    string // Starlark text of the default, "" when there is none to show
	Optional   bool   // may be left out
	Variadic   string // "*" or "**", or ""
	Keyword    bool   // by keyword only
	Positional bool   // by position only
}

// Struct is what struct(...) makes. Open says that there may be other fields than those listed.
type Struct struct {
	Fields []Field
	Open   bool
}

// Exports gives the names of a module without typing all of it.
type Exports interface {
	// Export returns the type of one global, and whether the module has it.
	Export(name string) (Type, bool)
	// Names lists the globals in the order of the source.
	Names() []string
}

// Module is the value of import_module, or of a predeclared module such as json. Two modules are equal when
// their names are. A nil Exports is a module whose text is not at hand: any attribute is Unknown.
type Module struct {
	Name    string // the locator
	Exports Exports
}

// Named is a builtin type with a name of its own: Service, PortSpec, plan, time.duration. Two are equal when
// their names are. Its methods are rows of the builtin table, whose receiver is the name.
type Named struct {
	Name   string
	Fields []Field
	Elem   Type // not nil: iteration and indexing give this (range, bytes.elems)
}

// Future is a value known only when the plan runs. While the script is interpreted it is a placeholder string.
type Future struct{ Elem Type }

// Union is one of several types. Unite makes it; Members has at least two terms, no unions among them.
type Union struct{ Members []Type }

// Var stands for a type that a call or a receiver fills in: the T of sorted(list[T]) -> list[T].
type Var struct{ Name string }

func (Basic) term()     {}
func (StringLit) term() {}
func (IntLit) term()    {}
func (*List) term()     {}
func (*Dict) term()     {}
func (*Tuple) term()    {}
func (*Iterable) term() {}
func (*Function) term() {}
func (*Struct) term()   {}
func (*Module) term()   {}
func (*Named) term()    {}
func (*Future) term()   {}
func (*Union) term()    {}
func (*Var) term()      {}

// Callable is a function of which nothing is known.
var Callable = &Function{Loose: true, Result: Unknown}

// ListOf is list[elem].
func ListOf(elem Type) *List { return &List{Elem: elem} }

// DictOf is dict[key, value].
func DictOf(key, value Type) *Dict { return &Dict{Key: key, Value: value} }

// TupleOf is a tuple of known length.
func TupleOf(elems ...Type) *Tuple { return &Tuple{Elems: elems} }

// FutureOf is Future[elem].
func FutureOf(elem Type) *Future { return &Future{Elem: elem} }

// Optional is t | None.
func Optional(t Type) Type { return Unite(t, None) }

// Attr returns the field of a struct, a module or a named type, or the known key of a dict.
func Attr(t Type, name string) (Field, bool) {
	switch t := t.(type) {
	case *Struct:
		return find(t.Fields, name)
	case *Named:
		return find(t.Fields, name)
	case *Dict:
		return find(t.Known, name)
	case *Module:
		if t.Exports == nil {
			return Field{Name: name, Type: Unknown}, true
		}
		if typ, ok := t.Exports.Export(name); ok {
			return Field{Name: name, Type: typ}, true
		}
	}
	return Field{}, false
}

func find(fields []Field, name string) (Field, bool) {
	for _, f := range fields {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}

// Elem returns what a for loop over t yields, and whether t can be iterated at all. Of a union it is the union of
// what its iterable members yield; unknown types yield Unknown.
func Elem(t Type) (Type, bool) {
	switch t := t.(type) {
	case Basic:
		return Unknown, t == Unknown || t == Any
	case *List:
		return t.Elem, true
	case *Dict:
		return t.Key, true
	case *Tuple:
		if t.Rest != nil {
			return t.Rest, true
		}
		return Unite(t.Elems...), true
	case *Iterable:
		return t.Elem, true
	case *Named:
		return t.Elem, t.Elem != nil
	case *Guess:
		elem, ok := Elem(t.Elem)
		if !ok {
			return Unknown, true
		}
		return Likely(elem), true
	case *Var:
		return Unknown, true
	case *Union:
		var elems []Type
		for _, m := range t.Members {
			if e, ok := Elem(m); ok {
				elems = append(elems, e)
			}
		}
		return Unite(elems...), len(elems) > 0
	}
	return Unknown, false
}

// TypeName is what type(x) returns for a value of t, or "" when that is not one known string.
func TypeName(t Type) string {
	switch t := t.(type) {
	case Basic:
		return [...]string{None: "NoneType", Bool: "bool", Int: "int", Float: "float", String: "string", Bytes: "bytes"}[t]
	case StringLit, *Future:
		return "string"
	case IntLit:
		return "int"
	case *List:
		return "list"
	case *Dict:
		return "dict"
	case *Tuple:
		return "tuple"
	case *Struct:
		return "struct"
	case *Module:
		return "module"
	case *Named:
		return t.Name
	}
	return ""
}
