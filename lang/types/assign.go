package types

import "slices"

// Equal says whether a and b are the same type. The order of a union's members does not count, nor do docs.
func Equal(a, b Type) bool {
	switch x := a.(type) {
	case *List:
		y, ok := b.(*List)
		return ok && (x == y || Equal(x.Elem, y.Elem))
	case *Dict:
		y, ok := b.(*Dict)
		return ok && (x == y || x.Exact == y.Exact && Equal(x.Key, y.Key) && Equal(x.Value, y.Value) && equalFields(x.Known, y.Known))
	case *Tuple:
		y, ok := b.(*Tuple)
		return ok && (x == y || (x.Rest == nil) == (y.Rest == nil) && (x.Rest == nil || Equal(x.Rest, y.Rest)) && slices.EqualFunc(x.Elems, y.Elems, Equal))
	case *Iterable:
		y, ok := b.(*Iterable)
		return ok && Equal(x.Elem, y.Elem)
	case *Future:
		y, ok := b.(*Future)
		return ok && Equal(x.Elem, y.Elem)
	case *Function:
		y, ok := b.(*Function)
		return ok && (x == y || x.Name == y.Name && x.Loose == y.Loose && Equal(x.Result, y.Result) && slices.EqualFunc(x.Params, y.Params, equalParams))
	case *Struct:
		y, ok := b.(*Struct)
		return ok && (x == y || x.Open == y.Open && equalFields(x.Fields, y.Fields))
	case *Module:
		y, ok := b.(*Module)
		return ok && x.Name == y.Name
	case *Named:
		y, ok := b.(*Named)
		return ok && x.Name == y.Name
	case *Var:
		y, ok := b.(*Var)
		return ok && x.Name == y.Name
	case *Guess:
		y, ok := b.(*Guess)
		return ok && (x == y || Equal(x.Elem, y.Elem))
	case *Union:
		y, ok := b.(*Union)
		if !ok || len(x.Members) != len(y.Members) {
			return false
		}
		for _, m := range x.Members {
			if !slices.ContainsFunc(y.Members, func(n Type) bool { return Equal(m, n) }) {
				return false
			}
		}
		return true
	}
	return a == b // basics, literals, nil
}

func equalFields(a, b []Field) bool {
	if len(a) != len(b) {
		return false
	}
	for _, f := range a {
		g, ok := find(b, f.Name)
		if !ok || f.Optional != g.Optional || !Equal(f.Type, g.Type) {
			return false
		}
	}
	return true
}

func equalParams(a, b Param) bool {
	x, y := a.Type, b.Type
	a.Type, b.Type = nil, nil
	return a == b && Equal(x, y)
}

// Assignable says whether every value of type from may go where to is wanted. Unknown and Any are welcome both
// ways. A future is a string until the plan runs, so it goes where str is wanted, whatever it will hold. An int
// goes where float is wanted; a bool does not go where int is. Containers are covariant: the languages's lists
// are mutable, but a script that reads them only, as nearly all do, is right.
func Assignable(from, to Type) bool { return relate(from, to, all) }

// Possible says whether some value of type from may go where to is wanted: of a union, any member will do.
func Possible(from, to Type) bool { return relate(from, to, some) }

type quantifier bool

const (
	all  quantifier = true
	some quantifier = false
)

func relate(from, to Type, q quantifier) bool {
	if silent(from) || silent(to) || from == Never {
		return true
	}
	if u, ok := from.(*Union); ok {
		for _, m := range u.Members {
			if relate(m, to, q) != bool(q) {
				return !bool(q)
			}
		}
		return bool(q)
	}
	if u, ok := to.(*Union); ok {
		return slices.ContainsFunc(u.Members, func(m Type) bool { return relate(from, m, q) })
	}
	if it, ok := to.(*Iterable); ok {
		elem, can := Elem(from)
		return can && relate(elem, it.Elem, q)
	}
	switch f := from.(type) {
	case Basic:
		if f == Int && to == Float {
			return true
		}
		if q == some { // a str may be the very string that is wanted
			switch to.(type) {
			case StringLit:
				return f == String
			case IntLit:
				return f == Int
			}
		}
		if t, ok := to.(*Future); ok {
			return f == String && t.Elem == String
		}
	case StringLit:
		if t, ok := to.(*Future); ok {
			return t.Elem == String
		}
		return f == to || to == String
	case IntLit:
		return f == to || to == Int || to == Float
	case *Future:
		if t, ok := to.(*Future); ok {
			return relate(f.Elem, t.Elem, q)
		}
		return to == String
	case *List:
		t, ok := to.(*List)
		return ok && relate(f.Elem, t.Elem, q)
	case *Dict:
		t, ok := to.(*Dict)
		return ok && relateDicts(f, t, q)
	case *Tuple:
		t, ok := to.(*Tuple)
		return ok && relateTuples(f, t, q)
	case *Struct:
		t, ok := to.(*Struct)
		return ok && relateStructs(f, t, q)
	case *Function:
		_, ok := to.(*Function)
		return ok // signatures of callbacks are checked where they are called
	}
	return Equal(from, to)
}

func silent(t Type) bool {
	switch t.(type) {
	case nil, *Var, *Guess:
		return true
	}
	return t == Unknown || t == Any
}

func relateDicts(from, to *Dict, q quantifier) bool {
	for _, want := range to.Known {
		have, ok := find(from.Known, want.Name)
		if !ok {
			if from.Exact && !want.Optional {
				return false
			}
			continue
		}
		if !relate(have.Type, want.Type, q) {
			return false
		}
	}
	if len(from.Known) == 0 && from.Exact {
		return true // {}
	}
	if len(to.Known) == 0 && len(from.Known) > 0 {
		if !relate(from.Key, to.Key, q) {
			return false
		}
		for _, f := range from.Known {
			if !relate(f.Type, to.Value, q) {
				return false
			}
		}
		return from.Exact || relate(from.Value, to.Value, q)
	}
	return relate(from.Key, to.Key, q) && relate(from.Value, to.Value, q)
}

func relateTuples(from, to *Tuple, q quantifier) bool {
	switch {
	case to.Rest != nil:
		elem, _ := Elem(from)
		return relate(elem, to.Rest, q)
	case from.Rest != nil:
		return q == some && !slices.ContainsFunc(to.Elems, func(e Type) bool { return !relate(from.Rest, e, q) })
	case len(from.Elems) != len(to.Elems):
		return false
	}
	for i, e := range from.Elems {
		if !relate(e, to.Elems[i], q) {
			return false
		}
	}
	return true
}

func relateStructs(from, to *Struct, q quantifier) bool {
	for _, want := range to.Fields {
		have, ok := find(from.Fields, want.Name)
		if !ok {
			if !want.Optional && !from.Open {
				return false
			}
			continue
		}
		if !relate(have.Type, want.Type, q) {
			return false
		}
	}
	return true
}
