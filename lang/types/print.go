package types

import (
	"strconv"
	"strings"
)

var basicNames = [...]string{"unknown", "any", "never", "None", "bool", "int", "float", "str", "bytes"}

func (t Basic) String() string     { return basicNames[t] }
func (t StringLit) String() string { return strconv.Quote(string(t)) }
func (t IntLit) String() string    { return strconv.FormatInt(int64(t), 10) }
func (t *Var) String() string      { return t.Name }
func (t *Named) String() string    { return t.Name }

func (t *List) String() string     { return write(t) }
func (t *Dict) String() string     { return write(t) }
func (t *Tuple) String() string    { return write(t) }
func (t *Iterable) String() string { return write(t) }
func (t *Function) String() string { return write(t) }
func (t *Struct) String() string   { return write(t) }
func (t *Module) String() string   { return write(t) }
func (t *Future) String() string   { return write(t) }
func (t *Union) String() string    { return write(t) }

func write(t Type) string {
	var b strings.Builder
	writeTo(&b, t, 0)
	return b.String()
}

// maxDepth bounds what is printed of a type that nests without end, such as one inferred from a loop.
const maxDepth = 12

func writeTo(b *strings.Builder, t Type, depth int) {
	if depth > maxDepth {
		b.WriteString("…")
		return
	}
	list := func(open string, ts ...Type) {
		b.WriteString(open)
		for i, e := range ts {
			if i > 0 {
				b.WriteString(", ")
			}
			writeTo(b, e, depth+1)
		}
	}
	switch t := t.(type) {
	case nil:
		b.WriteString("unknown")
	case *Guess:
		writeTo(b, t.Elem, depth)
	case *List:
		list("list[", t.Elem)
		b.WriteByte(']')
	case *Dict:
		list("dict[", t.Key, t.Value)
		b.WriteByte(']')
	case *Tuple:
		switch {
		case t.Rest != nil:
			list("tuple[", t.Rest)
			b.WriteString(", ...]")
		case len(t.Elems) == 0:
			b.WriteString("tuple[()]")
		default:
			list("tuple[", t.Elems...)
			b.WriteByte(']')
		}
	case *Iterable:
		list("iterable[", t.Elem)
		b.WriteByte(']')
	case *Future:
		list("Future[", t.Elem)
		b.WriteByte(']')
	case *Function:
		b.WriteString("function")
		if !t.Loose {
			writeParams(b, t.Params, depth)
			b.WriteString(" -> ")
			writeTo(b, t.Result, depth+1)
		}
	case *Struct:
		b.WriteString("struct(")
		for i, f := range t.Fields {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(f.Name)
			b.WriteString(": ")
			writeTo(b, f.Type, depth+1)
		}
		if t.Open && len(t.Fields) > 0 {
			b.WriteString(", ")
		}
		if t.Open {
			b.WriteString("...")
		}
		b.WriteByte(')')
	case *Module:
		b.WriteString("module")
		if t.Name != "" {
			b.WriteString("(" + strconv.Quote(t.Name) + ")")
		}
	case *Union:
		none := false
		first := true
		for _, m := range t.Members {
			if m == None {
				none = true // last, as people write it
				continue
			}
			if !first {
				b.WriteString(" | ")
			}
			first = false
			if fn, ok := m.(*Function); ok && !fn.Loose {
				b.WriteByte('(')
				writeTo(b, m, depth+1)
				b.WriteByte(')')
				continue
			}
			writeTo(b, m, depth+1)
		}
		if none {
			b.WriteString(" | None")
		}
	default:
		b.WriteString(t.String())
	}
}

// Signature prints the parameters and the result of f as a call of name: name(a: int, b: str = "x") -> bool.
func (t *Function) Signature(name string) string {
	var b strings.Builder
	b.WriteString(name)
	if t.Loose {
		b.WriteString("(...)")
	} else {
		writeParams(&b, t.Params, 0)
	}
	if t.Result != nil && t.Result != Unknown {
		b.WriteString(" -> ")
		writeTo(&b, t.Result, 0)
	}
	return b.String()
}

func writeParams(b *strings.Builder, params []Param, depth int) {
	b.WriteByte('(')
	star := false
	for i, p := range params {
		if i > 0 {
			b.WriteString(", ")
		}
		if p.Variadic == "*" {
			star = true
		}
		if p.Keyword && !star && p.Variadic == "" {
			b.WriteString("*, ")
			star = true
		}
		p.write(b, depth)
		if p.Positional && p.Variadic == "" && (i+1 == len(params) || !params[i+1].Positional) {
			b.WriteString(", /")
		}
	}
	b.WriteByte(')')
}

// String prints the parameter as in a signature: name: str = "x".
func (p Param) String() string {
	var b strings.Builder
	p.write(&b, 0)
	return b.String()
}

func (p Param) write(b *strings.Builder, depth int) {
	b.WriteString(p.Variadic)
	b.WriteString(p.Name)
	typed := p.Type != nil && p.Type != Unknown
	if typed {
		b.WriteString(": ")
		writeTo(b, p.Type, depth+1)
	}
	def := p.Default
	if def == "" && p.Optional && p.Variadic == "" {
		def = "..."
	}
	if def != "" {
		if typed {
			b.WriteString(" = ")
		} else {
			b.WriteByte('=')
		}
		b.WriteString(def)
	}
}
