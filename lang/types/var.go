package types

// Bindings are the types that variables stand for.
type Bindings map[string]Type

// Bind matches the type of an argument against a parameter's type and records what its variables stand for; a
// variable met twice stands for the union.
func (b Bindings) Bind(param, arg Type) {
	switch p := param.(type) {
	case *Var:
		b[p.Name] = Join(b[p.Name], arg)
	case *List:
		for _, m := range Members(arg) {
			if a, ok := m.(*List); ok {
				b.Bind(p.Elem, a.Elem)
			}
		}
	case *Iterable:
		if elem, ok := Elem(arg); ok {
			b.Bind(p.Elem, elem)
		}
	case *Dict:
		for _, m := range Members(arg) {
			if a, ok := m.(*Dict); ok {
				b.Bind(p.Key, a.Key)
				b.Bind(p.Value, a.Value)
			}
		}
	case *Tuple:
		for _, m := range Members(arg) {
			a, ok := m.(*Tuple)
			switch {
			case !ok:
			case p.Rest != nil:
				elem, _ := Elem(a)
				b.Bind(p.Rest, elem)
			case len(a.Elems) == len(p.Elems):
				for i := range p.Elems {
					b.Bind(p.Elems[i], a.Elems[i])
				}
			}
		}
	case *Future:
		if a, ok := arg.(*Future); ok {
			b.Bind(p.Elem, a.Elem)
		}
	case *Union:
		// T | None against str | None: what the fixed members do not take is the variable's.
		rest := arg
		for _, m := range p.Members {
			if _, ok := m.(*Var); !ok {
				b.Bind(m, arg)
				rest = Filter(rest, func(t Type) bool { return !Equal(t, m) })
			}
		}
		for _, m := range p.Members {
			if _, ok := m.(*Var); ok && rest != Never {
				b.Bind(m, rest)
			}
		}
	case *Function:
		if a, ok := arg.(*Function); ok && a.Result != nil && p.Result != nil {
			b.Bind(p.Result, a.Result)
		}
	}
}

// Substitute replaces the variables of t; one without a binding becomes Unknown.
func (b Bindings) Substitute(t Type) Type {
	if !HasVar(t) {
		return t
	}
	switch t := t.(type) {
	case *Var:
		if bound := b[t.Name]; bound != nil {
			return bound
		}
		return Unknown
	case *List:
		return ListOf(b.Substitute(t.Elem))
	case *Iterable:
		return &Iterable{Elem: b.Substitute(t.Elem)}
	case *Future:
		return FutureOf(b.Substitute(t.Elem))
	case *Dict:
		return DictOf(b.Substitute(t.Key), b.Substitute(t.Value))
	case *Tuple:
		if t.Rest != nil {
			return &Tuple{Rest: b.Substitute(t.Rest)}
		}
		elems := make([]Type, len(t.Elems))
		for i, e := range t.Elems {
			elems[i] = b.Substitute(e)
		}
		return TupleOf(elems...)
	case *Union:
		members := make([]Type, len(t.Members))
		for i, m := range t.Members {
			members[i] = b.Substitute(m)
		}
		return Unite(members...)
	case *Function:
		f := *t
		f.Params = make([]Param, len(t.Params))
		for i, p := range t.Params {
			p.Type = b.Substitute(p.Type)
			f.Params[i] = p
		}
		f.Result = b.Substitute(t.Result)
		return &f
	}
	return t
}

// HasVar says whether a variable occurs in t. Structs, known keys and named types hold none.
func HasVar(t Type) bool {
	switch t := t.(type) {
	case *Var:
		return true
	case *List:
		return HasVar(t.Elem)
	case *Iterable:
		return HasVar(t.Elem)
	case *Future:
		return HasVar(t.Elem)
	case *Dict:
		return HasVar(t.Key) || HasVar(t.Value)
	case *Tuple:
		if t.Rest != nil {
			return HasVar(t.Rest)
		}
		for _, e := range t.Elems {
			if HasVar(e) {
				return true
			}
		}
	case *Union:
		for _, m := range t.Members {
			if HasVar(m) {
				return true
			}
		}
	case *Function:
		for _, p := range t.Params {
			if HasVar(p.Type) {
				return true
			}
		}
		return HasVar(t.Result)
	}
	return false
}
