package typecheck

import (
	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/types"
)

// A list or dict that has one name is known exactly. As soon as it has another (it is stored, passed on, captured),
// what is in it is a guess.

// reopened is what is left of the type of a list or dict that the turns of a loop change: its known keys may be
// joined by others, its values may be replaced.
func reopened(t types.Type) types.Type {
	switch t := t.(type) {
	case *types.Dict:
		return opened(t)
	case *types.Struct, *types.Tuple, *types.Union:
		return soften(t)
	}
	return t
}

func opened(d *types.Dict) *types.Dict {
	known := make([]types.Field, len(d.Known))
	for i, f := range d.Known {
		f.Type, f.Optional = types.Likely(f.Type), true
		known[i] = f
	}
	return &types.Dict{Key: likely(d.Key), Value: likely(d.Value), Known: known}
}

// likely is types.Likely, but nothing stays nothing: the parts of an empty list or dict.
func likely(t types.Type) types.Type {
	if t == types.Never {
		return t
	}
	return types.Likely(t)
}

func nonEmpty(t types.Type) types.Type {
	if t == types.Never || t == nil {
		return types.Unknown
	}
	return t
}

// soften is the type of a value that others can reach, too: the parts of its lists and dicts are guesses from now
// on, since they may be changed elsewhere. Structs and tuples cannot be changed, only what is in them.
func soften(t types.Type) types.Type {
	switch x := t.(type) {
	case *types.List:
		if _, ok := x.Elem.(*types.Guess); ok || x.Elem == types.Unknown {
			return t
		}
		return types.ListOf(likely(x.Elem))
	case *types.Dict:
		if _, ok := x.Value.(*types.Guess); ok && !x.Exact && len(x.Known) == 0 {
			return t
		}
		return opened(x)
	case *types.Struct:
		if !mutable(t) {
			return t
		}
		fields := make([]types.Field, len(x.Fields))
		for i, f := range x.Fields {
			f.Type = soften(f.Type)
			fields[i] = f
		}
		return &types.Struct{Fields: fields, Open: x.Open}
	case *types.Tuple:
		if !mutable(t) {
			return t
		}
		if x.Rest != nil {
			return &types.Tuple{Rest: soften(x.Rest)}
		}
		elems := make([]types.Type, len(x.Elems))
		for i, e := range x.Elems {
			elems[i] = soften(e)
		}
		return types.TupleOf(elems...)
	case *types.Union:
		if !mutable(t) {
			return t
		}
		members := make([]types.Type, len(x.Members))
		for i, m := range x.Members {
			members[i] = soften(m)
		}
		return types.Unite(members...)
	}
	return t
}

// mutable says whether t is, or holds, a list or dict whose parts are taken for sure.
func mutable(t types.Type) bool {
	switch t := t.(type) {
	case *types.List:
		_, guess := t.Elem.(*types.Guess)
		return !guess && t.Elem != types.Unknown
	case *types.Dict:
		_, guess := t.Value.(*types.Guess)
		return t.Exact || len(t.Known) > 0 && !t.Known[0].Optional || !guess && t.Value != types.Unknown
	case *types.Struct:
		for _, f := range t.Fields {
			if mutable(f.Type) {
				return true
			}
		}
	case *types.Tuple:
		if t.Rest != nil {
			return mutable(t.Rest)
		}
		for _, e := range t.Elems {
			if mutable(e) {
				return true
			}
		}
	case *types.Union:
		for _, m := range t.Members {
			if mutable(m) {
				return true
			}
		}
	}
	return false
}

// nested says whether what t contains is mutable.
func nested(t types.Type) bool {
	switch x := t.(type) {
	case *types.List:
		return mutable(x.Elem)
	case *types.Dict:
		if mutable(nonEmpty(x.Value)) {
			return true
		}
		for _, f := range x.Known {
			if mutable(f.Type) {
				return true
			}
		}
		return false
	}
	return mutable(t)
}

// take evaluates e where its value gets another name: it is stored, passed on or returned. What was known of the
// parts of its lists and dicts becomes a guess.
func (a *fn) take(e syntax.Expr) types.Type {
	t := a.expr(e)
	return a.taken(e, t)
}

func (a *fn) taken(e syntax.Expr, t types.Type) types.Type {
	switch x := unparen(e).(type) {
	case *syntax.CondExpr:
		a.share(x.True)
		a.share(x.False)
	case *syntax.BinaryExpr:
		if x.Op == syntax.OR || x.Op == syntax.AND {
			a.share(x.X)
			a.share(x.Y)
		}
	case *syntax.SliceExpr:
		if !nested(t) || !a.share(e) {
			return t
		}
	case *syntax.DotExpr, *syntax.IndexExpr:
		if !mutable(t) || !a.share(e) {
			return t
		}
	default:
		if !a.share(e) {
			return t
		}
	}
	return soften(t)
}

// share notes that the value of e has another name from here on, and says whether that matters.
func (a *fn) share(e syntax.Expr) bool {
	root := a.c.b.root(e)
	if root == nil || root.Func == nil {
		return false
	}
	a.leak(root)
	if root.Func != a.f {
		return root.Kind != Global // a global cannot be changed once its module is loaded
	}
	if a.env == nil {
		return true
	}
	p := &a.env.vars[root.slot]
	if p.typ != nil && mutable(p.typ) {
		p.typ = soften(p.typ)
		if root.Kind == Global {
			root.typ = p.typ
		}
		a.env.forget(root)
	}
	return true
}

// leaked notes which parameters are returned themselves.
func (a *fn) leaked(e syntax.Expr) {
	switch x := unparen(e).(type) {
	case *syntax.Ident:
		if v := a.c.b.uses[x]; v != nil {
			a.leak(v)
		}
	case *syntax.CondExpr:
		a.leaked(x.True)
		a.leaked(x.False)
	case *syntax.BinaryExpr:
		if x.Op == syntax.OR || x.Op == syntax.AND {
			a.leaked(x.X)
			a.leaked(x.Y)
		}
	}
}

// leak notes that f keeps or changes what it was given for a parameter.
func (a *fn) leak(v *Binding) {
	if v.Kind == Parameter && v.Func == a.f && int(v.slot) < len(a.f.leaks) {
		for i, p := range a.f.Params {
			if p.Name != nil && p.Name.Name == v.Name {
				a.f.leaks[i] = true
			}
		}
	}
}
