package typecheck

import (
	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/types"
)

// cond evaluates a condition and returns what is known where it holds and where it does not; either may be nil
// when the condition cannot turn out that way.
func (a *fn) cond(e syntax.Expr) (yes, no *env) {
	_, yes, no = a.test(e, true)
	return yes, no
}

// test evaluates e and returns its type besides what is known where its truth value is true, and where it is
// false. tested says that the truth value itself decides something.
func (a *fn) test(e syntax.Expr, tested bool) (t types.Type, yes, no *env) {
	if a.env == nil {
		return types.Never, nil, nil
	}
	switch e := e.(type) {
	case *syntax.ParenExpr:
		t, yes, no = a.test(e.X, tested)
		a.c.record(e, t)
		return t, yes, no
	case *syntax.UnaryExpr:
		if e.Op == syntax.NOT && e.X != nil {
			_, yes, no = a.test(e.X, true)
			a.c.record(e, types.Bool)
			return types.Bool, no, yes
		}
	case *syntax.BinaryExpr:
		if e.Op != syntax.AND && e.Op != syntax.OR {
			break
		}
		if a.blocks++; a.blocks > maxDepth {
			a.blocks--
			return types.Unknown, a.env.clone(), a.env
		}
		left, yes, no := a.test(e.X, true)
		var right types.Type
		if e.Op == syntax.AND {
			a.env = yes
			var no2 *env
			right, yes, no2 = a.test(e.Y, tested)
			if yes != nil {
				a.guards(yes, e, true)
			}
			no = join(no, no2, nil)
			if known, value := types.Truth(left); known && !value {
				right = types.Never
			}
			left = decided(left, types.OnlyFalsy)
		} else {
			a.env = no
			var yes2 *env
			right, yes2, no = a.test(e.Y, tested)
			if no != nil {
				a.guards(no, e, false)
			}
			yes = join(yes, yes2, nil)
			if known, value := types.Truth(left); known && value {
				right = types.Never
			}
			left = decided(left, types.OnlyTruthy)
		}
		a.blocks--
		t = right
		if left != types.Never {
			t = types.Join(left, nonNever(right))
		}
		a.c.record(e, t)
		return t, yes, no
	}
	t = a.expr(e)
	if tested {
		a.futureTest(e, t)
	}
	if a.env == nil {
		return t, nil, nil
	}
	yes, no = a.env.clone(), a.env
	a.narrow(yes, e, t, true)
	a.narrow(no, e, t, false)
	return t, yes, no
}

// decided is what is left of the left operand of and, or, when it is the result.
func decided(t types.Type, by func(types.Type) types.Type) types.Type {
	if g, ok := t.(*types.Guess); ok {
		return types.Likely(by(g.Elem))
	}
	return by(t)
}

// narrow refines en by the outcome of the test e, whose value has type t.
func (a *fn) narrow(en *env, e syntax.Expr, t types.Type, want bool) {
	a.guards(en, e, want)
	switch e := e.(type) {
	case *syntax.ParenExpr:
		a.narrow(en, e.X, t, want)
	case *syntax.Ident, *syntax.DotExpr, *syntax.IndexExpr:
		a.refine(en, e.(syntax.Expr), t, func(t types.Type) types.Type {
			if want {
				return types.OnlyTruthy(t)
			}
			return types.OnlyFalsy(t)
		})
	case *syntax.BinaryExpr:
		a.narrowBinary(en, e, want)
	case *syntax.CallExpr:
		a.narrowCall(en, e, want)
	}
}

func (a *fn) typeOf(e syntax.Expr) types.Type {
	return a.quiet(func() types.Type { return a.expr(e) })
}

func (a *fn) narrowBinary(en *env, e *syntax.BinaryExpr, want bool) {
	switch e.Op {
	case syntax.EQL, syntax.NEQ:
		same := want == (e.Op == syntax.EQL)
		x, y := unparen(e.X), unparen(e.Y)
		if isNone(x) {
			x, y = y, x
		}
		if isNone(y) {
			a.refine(en, x, nil, func(t types.Type) types.Type {
				if same {
					return types.OnlyNone(t)
				}
				return types.Without(t, types.None)
			})
			return
		}
		if of := a.typeCall(x); of != nil {
			a.narrowType(en, of, y, same)
			return
		}
		if of := a.typeCall(y); of != nil {
			a.narrowType(en, of, x, same)
			return
		}
		a.narrowEqual(en, x, y, same)
		a.narrowEqual(en, y, x, same)
	case syntax.IN, syntax.NOT_IN:
		present := want == (e.Op == syntax.IN)
		if key, ok := a.typeOf(e.X).(types.StringLit); ok {
			a.refine(en, e.Y, nil, func(t types.Type) types.Type {
				if present {
					return types.WithKey(t, string(key))
				}
				return t
			})
		}
		if present {
			list, ok := types.Sure(a.typeOf(e.Y))
			if !ok {
				return
			}
			if elem, can := types.Elem(list); can && elem != types.Never && elem != types.Unknown {
				if _, guess := elem.(*types.Guess); guess {
					return
				}
				if types.Possible(types.None, elem) {
					return
				}
				a.refine(en, e.X, nil, func(t types.Type) types.Type { return types.Without(t, types.None) })
			}
		}
	}
}

// narrowEqual narrows x by x == y, or x != y, where y is a constant.
func (a *fn) narrowEqual(en *env, x, y syntax.Expr, same bool) {
	switch v := a.typeOf(y).(type) {
	case types.StringLit, types.IntLit:
		a.refine(en, x, nil, func(t types.Type) types.Type {
			if !same {
				return types.Without(t, v)
			}
			if t == types.Unknown || t == types.Any {
				return t
			}
			return types.Filter(t, func(m types.Type) bool { return types.Possible(v, m) || m == types.Unknown })
		})
	}
}

// typeCall is the x of type(x), or nil.
func (a *fn) typeCall(e syntax.Expr) syntax.Expr {
	call, ok := e.(*syntax.CallExpr)
	if !ok || len(call.Args) != 1 {
		return nil
	}
	if a.universe(call.Fn) != "type" {
		return nil
	}
	return call.Args[0]
}

// universe is the name of the universe function that e stands for, or "".
func (a *fn) universe(e syntax.Expr) string {
	id, ok := unparen(e).(*syntax.Ident)
	if !ok {
		return ""
	}
	if v := a.c.b.uses[id]; v != nil && v.Kind == Predeclared {
		return v.Name
	}
	return ""
}

func (a *fn) narrowType(en *env, x, name syntax.Expr, same bool) {
	var typeName string
	if of := a.typeCall(name); of != nil {
		t, ok := types.Sure(a.typeOf(of))
		if !ok {
			a.widen(en, x)
			return
		}
		typeName = types.TypeName(types.Widen(t))
	} else if lit, ok := a.typeOf(name).(types.StringLit); ok {
		typeName = string(lit)
	}
	if typeName == "" {
		a.widen(en, x)
		return
	}
	if same {
		if root, key, ok := a.reference(x); ok { // the test knows better than a guess
			if t, has := a.lookup(en, root, key); has {
				if g, guess := t.(*types.Guess); guess && types.OnlyTypeName(g.Elem, typeName) == types.Never {
					a.store(en, root, key, types.OnlyTypeName(types.Unknown, typeName))
					return
				}
			}
		}
	}
	a.refine(en, x, nil, func(t types.Type) types.Type {
		if same {
			return types.OnlyTypeName(t, typeName)
		}
		return types.NotTypeName(t, typeName)
	})
}

func (a *fn) widen(en *env, x syntax.Expr) {
	a.refine(en, x, nil, func(types.Type) types.Type { return types.Unknown })
}

func (a *fn) narrowCall(en *env, e *syntax.CallExpr, want bool) {
	switch name := a.universe(e.Fn); {
	case name == "hasattr" && len(e.Args) == 2:
		attr, ok := a.typeOf(e.Args[1]).(types.StringLit)
		if !ok {
			a.widen(en, e.Args[0])
			return
		}
		a.refine(en, e.Args[0], nil, func(t types.Type) types.Type {
			if !want {
				return types.WithoutAttr(t, string(attr))
			}
			with := types.WithAttr(t, string(attr))
			for _, m := range types.Members(with) {
				if memberType(m, string(attr)) != nil {
					return with
				}
			}
			return types.Unknown // what it is asked for is not described: another version, an engine's setting
		})
	case name == "bool" && len(e.Args) == 1:
		a.narrow(en, e.Args[0], nil, want)
	case name == "type" || name == "len" || name == "any" || name == "all":
	case name == "":
		// A predicate of the package's own: it may tell what its argument is, in a way we do not follow.
		if dot, ok := unparen(e.Fn).(*syntax.DotExpr); ok {
			if t, sure := types.Sure(a.typeOf(dot.X)); sure {
				switch t.(type) {
				case *types.Module:
				default:
					return
				}
			}
		}
		for _, arg := range e.Args {
			if kw, ok := arg.(*syntax.BinaryExpr); ok && kw.Op == syntax.EQ {
				arg = kw.Y
			}
			a.refine(en, arg, nil, types.Likely)
		}
	}
}

// refine applies narrowing to what e names. Where nothing is left, the test and what is known contradict each
// other; the value is then taken for unknown.
func (a *fn) refine(en *env, e syntax.Expr, t types.Type, by func(types.Type) types.Type) {
	root, key, ok := a.reference(e)
	if !ok {
		return
	}
	known, has := a.lookup(en, root, key)
	if !has {
		if t == nil {
			t = a.typeOf(e)
		}
		known = t
	}
	var narrowed types.Type
	if g, ok := known.(*types.Guess); ok {
		narrowed = types.Likely(by(g.Elem))
	} else {
		narrowed = by(known)
	}
	if narrowed == types.Never {
		narrowed = types.Unknown
		en.impossible = true
	}
	if narrowed == known {
		return
	}
	a.store(en, root, key, narrowed)
}

func isNone(e syntax.Expr) bool {
	id, ok := e.(*syntax.Ident)
	return ok && id.Name == "None"
}
