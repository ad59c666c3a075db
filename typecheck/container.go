package typecheck

import (
	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/types"
)

func (a *fn) structOf(args []argument) types.Type {
	s := &types.Struct{}
	for _, arg := range args {
		switch {
		case arg.name != nil:
			s.Fields = append(s.Fields, types.Field{Name: arg.name.Name, Type: arg.typ})
		case arg.star == syntax.STARSTAR:
			sure, isSure := types.Sure(arg.typ)
			d, ok := sure.(*types.Dict)
			if !ok {
				s.Open = true
				continue
			}
			for _, f := range d.Known {
				if !isSure {
					f.Type = types.Likely(f.Type)
				}
				s.Fields = withField(s.Fields, f)
			}
			s.Open = s.Open || !d.Exact || !isSure
		default:
			s.Open = true
		}
	}
	return s
}

func (a *fn) dictOf(args []argument) types.Type {
	d := &types.Dict{Key: types.Never, Value: types.Never, Exact: true}
	var out types.Type = d
	for _, arg := range args {
		switch {
		case arg.name != nil:
			out = withElement(out, types.StringLit(arg.name.Name), arg.typ)
		case arg.star == 0:
			if from, ok := arg.typ.(*types.Dict); ok {
				from, _ = soften(from).(*types.Dict)
				out = merged(out.(*types.Dict), from)
				continue
			}
			out = &types.Dict{Key: types.Unknown, Value: types.Unknown}
		default:
			if from, ok := arg.typ.(*types.Dict); ok {
				out = merged(out.(*types.Dict), from)
				continue
			}
			out = &types.Dict{Key: types.Unknown, Value: types.Unknown}
		}
	}
	return out
}

func (a *fn) listMethod(e *syntax.CallExpr, name string, args []argument) {
	dot, ok := unparen(e.Fn).(*syntax.DotExpr)
	if !ok || !changesReceiver[name] {
		return
	}
	root := a.c.b.root(dot.X)
	if root == nil {
		return
	}
	a.leak(root)
	a.frozen(dot.X, root)
	a.changeElement(dot.X, root, func(old types.Type) types.Type {
		l, ok := old.(*types.List)
		if !ok {
			return reopenedGuess(old)
		}
		var added types.Type = types.Unknown
		switch name {
		case "append":
			if len(args) == 1 {
				added = args[0].typ
			}
		case "insert":
			if len(args) == 2 {
				added = args[1].typ
			}
		case "extend":
			if len(args) == 1 {
				if elem, ok := types.Elem(args[0].typ); ok {
					added = elem
				}
			}
		default:
			return old
		}
		return types.ListOf(orNever(types.Join(nonNever(l.Elem), nonNever(types.Widen(added)))))
	})
}

// reopenedGuess is what is left of a type through which something is changed that is not known to be a container.
func reopenedGuess(t types.Type) types.Type {
	if g, ok := t.(*types.Guess); ok {
		return types.Likely(soften(g.Elem))
	}
	return soften(t)
}

func (a *fn) dictMethod(e *syntax.CallExpr, name string, base types.Type, args []argument) types.Type {
	dot, ok := unparen(e.Fn).(*syntax.DotExpr)
	if !ok {
		return nil
	}
	d, isDict := base.(*types.Dict)
	var key types.Type
	if len(args) > 0 && args[0].star == 0 && args[0].name == nil {
		key = args[0].typ
	}
	if changesReceiver[name] {
		if root := a.c.b.root(dot.X); root != nil {
			a.leak(root)
			a.frozen(dot.X, root)
			a.changeElement(dot.X, root, func(old types.Type) types.Type { return changedDict(old, name, key, args) })
		}
	}
	switch name {
	case "get", "setdefault", "pop":
		if key != nil {
			a.dictKey(args[0].expr, key, base)
		}
	}
	if !isDict {
		return nil
	}
	switch name {
	case "get":
		k, isName := key.(types.StringLit)
		if !isName || len(args) == 0 {
			return nil
		}
		var def types.Type = types.None
		if len(args) > 1 {
			def = args[1].typ
		}
		f, known := types.Attr(d, string(k))
		switch {
		case known && !f.Optional:
			return a.part(dot.X, base, f.Type)
		case known:
			return a.part(dot.X, base, types.Join(f.Type, def))
		case d.Exact:
			return types.Likely(def) // a key that is never there: the default, but who knows
		}
		return types.Join(nonEmpty(d.Value), def)
	case "items":
		return types.ListOf(types.TupleOf(nonEmpty(d.Key), a.part(dot.X, base, nonEmpty(d.Value))))
	case "values":
		return types.ListOf(a.part(dot.X, base, nonEmpty(d.Value)))
	case "keys":
		return types.ListOf(nonEmpty(d.Key))
	}
	return nil
}

// part is the type of a part of a container, which is another name for it from here on.
func (a *fn) part(container syntax.Expr, base, t types.Type) types.Type {
	if !mutable(t) {
		return t
	}
	a.taken(container, base)
	return soften(t)
}

func changedDict(old types.Type, name string, key types.Type, args []argument) types.Type {
	d, ok := old.(*types.Dict)
	if !ok {
		return reopenedGuess(old)
	}
	switch name {
	case "setdefault":
		var value types.Type = types.None
		if len(args) > 1 {
			value = args[1].typ
		}
		if k, ok := key.(types.StringLit); ok {
			if f, known := types.Attr(d, string(k)); known {
				if !f.Optional {
					return d
				}
				value = types.Join(f.Type, value)
			} else if !d.Exact {
				value = types.Join(nonEmpty(d.Value), value)
			}
			return withElement(d, key, value)
		}
		return opened(d)
	case "update":
		out := d
		for _, arg := range args {
			from, isDict := arg.typ.(*types.Dict)
			switch {
			case arg.name != nil:
				out, _ = withElement(out, types.StringLit(arg.name.Name), arg.typ).(*types.Dict)
			case isDict:
				out, _ = merged(out, from).(*types.Dict)
			default:
				return opened(out)
			}
		}
		return out
	case "clear":
		return &types.Dict{Key: types.Never, Value: types.Never, Exact: true}
	case "pop":
		if k, ok := key.(types.StringLit); ok {
			out := &types.Dict{Key: d.Key, Value: d.Value, Exact: d.Exact}
			for _, f := range d.Known {
				if f.Name != string(k) {
					out.Known = append(out.Known, f)
				}
			}
			return out
		}
	}
	return opened(d)
}
