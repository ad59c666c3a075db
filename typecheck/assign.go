package typecheck

import (
	"fmt"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

func (a *fn) assignment(s *syntax.AssignStmt) {
	if s.Op != syntax.EQ {
		a.augmented(s)
		return
	}
	t := a.take(s.RHS)
	a.noteImport(s)
	if t == types.Never && isCall(s.RHS) {
		a.env = nil
		a.c.muted++
		a.env = a.unknowns()
		a.assign(s.LHS, types.Unknown, nil)
		a.c.muted--
		a.env = nil
		return
	}
	if declared := a.c.typeComment(s); declared != nil {
		if !types.Possible(t, declared) {
			a.c.report("type-comment", rangeOf(s.RHS), fmt.Sprintf("found %s where the type comment says %s", show(t), show(declared)), "")
		}
		t = types.Likely(declared) // people err: no error is made of what they say
	}
	a.assign(s.LHS, t, s.RHS)
}

// noteImport remembers that a variable is bound to an imported module.
func (a *fn) noteImport(s *syntax.AssignStmt) {
	call, ok := unparen(s.RHS).(*syntax.CallExpr)
	if !ok || len(call.Args) == 0 || a.universe(call.Fn) != "import_module" {
		return
	}
	if v := a.c.b.root(s.LHS); v != nil && isIdent(s.LHS) {
		v.Import = "import_module"
		if locator, ok := a.typeOf(call.Args[0]).(types.StringLit); ok {
			v.Import = string(locator)
		}
	}
}

// assign gives the target e a value of type t; rhs is its expression where it has one of its own.
func (a *fn) assign(e syntax.Expr, t types.Type, rhs syntax.Expr) {
	if a.env == nil {
		return
	}
	switch e := e.(type) {
	case *syntax.Ident:
		v := a.c.b.uses[e]
		if v == nil || v.Func == nil {
			return
		}
		a.reassigned(e, v)
		a.bind(e, v, t)
	case *syntax.ParenExpr:
		a.assign(e.X, t, rhs)
	case *syntax.TupleExpr:
		a.unpack(e, e.List, t, rhs)
	case *syntax.ListExpr:
		a.unpack(e, e.List, t, rhs)
	case *syntax.IndexExpr:
		a.setIndex(e, t)
	case *syntax.DotExpr:
		base := a.expr(e.X)
		if sure, ok := types.Sure(base); ok && definitely(sure, func(m types.Type) bool {
			switch m.(type) {
			case *types.Struct, *types.Module, *types.Named, *types.Function, *types.List, *types.Dict, *types.Tuple, types.StringLit, types.IntLit:
				return true
			}
			return m == types.String || m == types.Int || m == types.None || m == types.Bool || m == types.Float
		}) {
			a.c.report("assign-attribute", rangeOf(e), fmt.Sprintf("cannot assign to attribute %s of %s", e.Name.Name, show(base)),
				"values do not change their attributes; make a new struct")
		}
	case *syntax.SliceExpr:
		a.expr(e)
	}
}

func (a *fn) unpack(e syntax.Expr, targets []syntax.Expr, t types.Type, rhs syntax.Expr) {
	if rhs != nil {
		var values []syntax.Expr
		switch r := unparen(rhs).(type) {
		case *syntax.TupleExpr:
			values = r.List
		case *syntax.ListExpr:
			values = r.List
		}
		if tuple, ok := t.(*types.Tuple); ok && values != nil && len(values) == len(targets) && len(tuple.Elems) == len(targets) {
			for i, x := range targets {
				a.assign(x, tuple.Elems[i], values[i])
			}
			return
		}
	}
	sure, isSure := types.Sure(t)
	if isSure && definitely(sure, func(m types.Type) bool {
		tuple, ok := m.(*types.Tuple)
		return ok && tuple.Rest == nil && len(tuple.Elems) != len(targets)
	}) {
		n := len(types.Members(sure)[0].(*types.Tuple).Elems)
		a.c.report("unpack-count", rangeOf(e), fmt.Sprintf("want %s to unpack, found %d", plural(len(targets), "value"), n), "")
	} else if isSure && definitely(sure, func(m types.Type) bool { _, ok := types.Elem(m); return !ok }) {
		a.c.report("not-iterable", rangeOf(e), fmt.Sprintf("cannot unpack %s into %s", show(sure), plural(len(targets), "variable")), iterableHint(sure))
	}
	for i, x := range targets {
		a.assign(x, elementAt(t, i, len(targets)), nil)
	}
}

// elementAt is the type of element i of a value that is unpacked into n.
func elementAt(t types.Type, i, n int) types.Type {
	if g, ok := t.(*types.Guess); ok {
		return types.Likely(elementAt(g.Elem, i, n))
	}
	var out types.Type
	for _, m := range types.Members(t) {
		if tuple, ok := m.(*types.Tuple); ok && tuple.Rest == nil {
			if len(tuple.Elems) == n {
				out = types.Join(out, tuple.Elems[i])
			}
			continue
		}
		if elem, ok := types.Elem(m); ok {
			out = types.Join(out, nonEmpty(elem))
		}
	}
	if out == nil {
		return types.Unknown
	}
	return out
}

func (a *fn) setIndex(e *syntax.IndexExpr, t types.Type) {
	base := a.expr(e.X)
	key := a.expr(e.Y)
	root := a.c.b.root(e)
	if root != nil {
		a.leak(root)
		a.frozen(e, root)
	}
	sure, ok := types.Sure(base)
	if ok && definitely(sure, func(m types.Type) bool {
		switch m.(type) {
		case *types.Tuple, *types.Struct, *types.Module, *types.Function, types.StringLit, types.IntLit, *types.Future:
			return true
		}
		return m == types.String || m == types.Int || m == types.None || m == types.Bool || m == types.Float
	}) {
		a.c.report("bad-index", rangeOf(e), fmt.Sprintf("cannot assign to an element of %s", show(sure)), "")
	}
	a.dictKey(e.Y, key, base)
	a.changeElement(e.X, root, func(old types.Type) types.Type { return withElement(old, key, t) })
}

// changeElement replaces what is known of the container that e names, or softens all of root where e is only a part.
func (a *fn) changeElement(e syntax.Expr, root *Binding, change func(types.Type) types.Type) {
	if root == nil || root.Func != a.f || a.env == nil {
		return
	}
	p := &a.env.vars[root.slot]
	if id, ok := unparen(e).(*syntax.Ident); ok && p.typ != nil {
		p.typ = limit(change(p.typ))
		if root.Kind == Global {
			root.typ = p.typ
		}
		a.env.forget(root)
		a.c.record(id, p.typ)
		return
	}
	if p.typ != nil {
		p.typ = soften(p.typ)
		if root.Kind == Global {
			root.typ = p.typ
		}
	}
	a.env.forget(root)
}

// withElement is the type of a container of type old after old[key] = t.
func withElement(old, key, t types.Type) types.Type {
	if g, ok := old.(*types.Guess); ok {
		return types.Likely(withElement(g.Elem, key, t))
	}
	switch c := old.(type) {
	case *types.List:
		return types.ListOf(types.Join(nonNever(c.Elem), t))
	case *types.Dict:
		d := &types.Dict{Key: types.Join(nonNever(c.Key), types.Widen(key)), Value: types.Join(nonNever(c.Value), types.Widen(t)), Exact: c.Exact}
		name, isName := key.(types.StringLit)
		if !isName {
			if c.Exact || len(c.Known) > 0 { // any of them may have been replaced
				for _, f := range c.Known {
					f.Type = types.Join(f.Type, t)
					d.Known = append(d.Known, f)
				}
				d.Exact = false
			}
			return d
		}
		d.Known = withField(c.Known, types.Field{Name: string(name), Type: t})
		return d
	case *types.Union:
		return soften(old)
	}
	return old
}

func withField(fields []types.Field, f types.Field) []types.Field {
	out := make([]types.Field, 0, len(fields)+1)
	found := false
	for _, g := range fields {
		if g.Name == f.Name {
			g, found = f, true
		}
		out = append(out, g)
	}
	if !found {
		out = append(out, f)
	}
	return out
}

func (a *fn) augmented(s *syntax.AssignStmt) {
	op := augmentedOps[s.Op]
	lhs := a.expr(s.LHS)
	rhs := a.expr(s.RHS)
	if parse.IsMissing(s.RHS) || op == 0 {
		return
	}
	t := a.binaryResult(s, op, s.LHS, s.RHS, lhs, rhs)
	if root := a.c.b.root(s.LHS); root != nil {
		a.leak(root)
		a.frozen(s.LHS, root)
	}
	switch x := unparen(s.LHS).(type) {
	case *syntax.Ident:
		if v := a.c.b.uses[x]; v != nil && v.Func != nil {
			a.reassigned(x, v)
			a.bind(x, v, t)
		}
	case *syntax.IndexExpr:
		key := a.quiet(func() types.Type { return a.expr(x.Y) })
		a.changeElement(x.X, a.c.b.root(x), func(old types.Type) types.Type { return withElement(old, key, t) })
	}
}

var augmentedOps = map[syntax.Token]syntax.Token{
	syntax.PLUS_EQ: syntax.PLUS, syntax.MINUS_EQ: syntax.MINUS, syntax.STAR_EQ: syntax.STAR, syntax.SLASH_EQ: syntax.SLASH,
	syntax.SLASHSLASH_EQ: syntax.SLASHSLASH, syntax.PERCENT_EQ: syntax.PERCENT, syntax.AMP_EQ: syntax.AMP,
	syntax.PIPE_EQ: syntax.PIPE, syntax.CIRCUMFLEX_EQ: syntax.CIRCUMFLEX, syntax.LTLT_EQ: syntax.LTLT, syntax.GTGT_EQ: syntax.GTGT,
}
