package typecheck

import (
	"slices"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/types"
)

// Guards are the tests behind which a variable has been assigned. Here is what is known of tests alone: when the outcome
// of one makes another hold.

// guards marks the variables as set that were set under conditions one of which is now known to hold.
func (a *fn) guards(en *env, e syntax.Expr, want bool) {
	for i := range en.vars {
		if p := &en.vars[i]; p.state == maybe && covered(p.guards.list(), e, want) {
			p.state = set
		}
	}
}

// covered says whether e being want makes one of the guards hold, whichever of the ways there are for e to be so.
func covered(guards []guard, e syntax.Expr, want bool) bool {
	for _, g := range guards {
		if implied(g, e, want) {
			return true
		}
	}
	test, ok := unparen(e).(*syntax.BinaryExpr)
	if !ok {
		return false
	}
	if test.Op == syntax.OR && want || test.Op == syntax.AND && !want {
		return covered(guards, test.X, want) && covered(guards, test.Y, want)
	}
	subject, among, ok := membership(test, want)
	if !ok || len(among) < 2 {
		return false
	}
	for _, value := range among {
		if !covered(guards, &syntax.BinaryExpr{X: subject, Op: syntax.EQL, Y: value}, true) {
			return false
		}
	}
	return true
}

// fills lists the lists and dicts that are empty before an if and that one of its branches puts something into: want says
// which.
func (a *fn) fills(s *syntax.IfStmt) []guard {
	if a.env == nil {
		return nil
	}
	var out []guard
	for _, stmt := range s.True {
		if id := a.fill(stmt); id != nil {
			out = append(out, guard{id, true})
		}
	}
	for _, stmt := range s.False {
		if id := a.fill(stmt); id != nil {
			out = append(out, guard{id, false})
		}
	}
	return out
}

// fill is the variable of an empty list or dict that a statement puts something into, nil for any other statement.
func (a *fn) fill(s syntax.Stmt) *syntax.Ident {
	var filled syntax.Expr
	switch s := s.(type) {
	case *syntax.ExprStmt:
		if call, ok := s.X.(*syntax.CallExpr); ok {
			if dot, ok := call.Fn.(*syntax.DotExpr); ok && (dot.Name.Name == "append" || dot.Name.Name == "extend") {
				filled = dot.X
			}
		}
	case *syntax.AssignStmt:
		switch left := s.LHS.(type) {
		case *syntax.IndexExpr:
			filled = left.X
		case *syntax.Ident:
			if s.Op == syntax.PLUS_EQ {
				filled = left
			}
		}
	}
	id, ok := filled.(*syntax.Ident)
	if !ok {
		return nil
	}
	v := a.c.b.uses[id]
	if v == nil || v.Func != a.f {
		return nil
	}
	switch t := a.env.vars[v.slot].typ.(type) {
	case *types.List:
		if t.Elem == types.Never {
			return id
		}
	case *types.Dict:
		if t.Exact && len(t.Known) == 0 && t.Value == types.Never {
			return id
		}
	}
	return nil
}

// membership takes x in [a, b] apart, and x == a, which is the same as x in [a].
func membership(test *syntax.BinaryExpr, want bool) (subject syntax.Expr, among []syntax.Expr, ok bool) {
	switch {
	case test.Op == syntax.EQL && want, test.Op == syntax.NEQ && !want:
		return test.X, []syntax.Expr{test.Y}, true
	case test.Op == syntax.IN && want, test.Op == syntax.NOT_IN && !want:
		switch list := unparen(test.Y).(type) {
		case *syntax.ListExpr:
			return test.X, list.List, true
		case *syntax.TupleExpr:
			return test.X, list.List, true
		}
	}
	return nil, nil, false
}

// emptiness takes tests apart of whether a list, dict or string has something in it: x, x != [], len(x) > 0 and what
// else says so. has is which of the two the test finds when its outcome is want.
func emptiness(e syntax.Expr, want bool) (subject syntax.Expr, has, ok bool) {
	switch e := unparen(e).(type) {
	case *syntax.Ident, *syntax.DotExpr, *syntax.IndexExpr:
		return e, want, true
	case *syntax.BinaryExpr:
		if e.Op == syntax.EQL || e.Op == syntax.NEQ {
			empty := false
			switch y := unparen(e.Y).(type) {
			case *syntax.ListExpr:
				empty = len(y.List) == 0
			case *syntax.DictExpr:
				empty = len(y.List) == 0
			case *syntax.Literal:
				empty = y.Value == ""
			}
			if empty {
				return e.X, want == (e.Op == syntax.NEQ), true
			}
		}
		call, isCall := unparen(e.X).(*syntax.CallExpr)
		bound, isLiteral := unparen(e.Y).(*syntax.Literal)
		if !isCall || !isLiteral || len(call.Args) != 1 {
			return nil, false, false
		}
		if name, named := call.Fn.(*syntax.Ident); !named || name.Name != "len" {
			return nil, false, false
		}
		zero, one := bound.Value == int64(0), bound.Value == int64(1)
		switch {
		case zero && (e.Op == syntax.NEQ || e.Op == syntax.GT), one && e.Op == syntax.GE:
			return call.Args[0], want, true
		case zero && (e.Op == syntax.EQL || e.Op == syntax.LE), one && e.Op == syntax.LT:
			return call.Args[0], !want, true
		}
	}
	return nil, false, false
}

// implied says whether e being want makes the guard hold: it is the same test, its opposite, or a part of an and.
func implied(g guard, e syntax.Expr, want bool) bool {
	cond, holds := unparen(g.cond), g.want
	for {
		not, ok := cond.(*syntax.UnaryExpr)
		if !ok || not.Op != syntax.NOT {
			break
		}
		cond, holds = unparen(not.X), !holds
	}
	if b, ok := cond.(*syntax.BinaryExpr); ok {
		if b.Op == syntax.OR && holds {
			return implied(guard{b.X, true}, e, want) || implied(guard{b.Y, true}, e, want)
		}
		if b.Op == syntax.AND && !holds {
			return implied(guard{b.X, false}, e, want) || implied(guard{b.Y, false}, e, want)
		}
		if o, ok := e.(*syntax.BinaryExpr); ok && sameExpr(b.X, o.X) && sameExpr(b.Y, o.Y) {
			if opposite[b.Op] == o.Op && o.Op != 0 {
				return holds != want
			}
		}
		if o, ok := unparen(e).(*syntax.BinaryExpr); ok { // x in [a, b] holds where x == a does
			guarded, all, isMember := membership(b, holds)
			subject, among, isTest := membership(o, want)
			if isMember && isTest && sameExpr(guarded, subject) && len(among) > 0 {
				within := func(value syntax.Expr) bool {
					return slices.ContainsFunc(all, func(other syntax.Expr) bool { return sameExpr(value, other) })
				}
				if !slices.ContainsFunc(among, func(value syntax.Expr) bool { return !within(value) }) {
					return true
				}
			}
		}
	}
	if x, has, ok := emptiness(cond, holds); ok {
		if y, found, ok := emptiness(e, want); ok && has == found && sameExpr(x, y) {
			return true
		}
	}
	return holds == want && sameExpr(cond, e)
}

var opposite = map[syntax.Token]syntax.Token{
	syntax.EQL: syntax.NEQ, syntax.NEQ: syntax.EQL, syntax.IN: syntax.NOT_IN, syntax.NOT_IN: syntax.IN,
	syntax.LT: syntax.GE, syntax.GE: syntax.LT, syntax.GT: syntax.LE, syntax.LE: syntax.GT,
}

// sameExpr says whether two expressions are written alike.
func sameExpr(x, y syntax.Expr) bool {
	x, y = unparen(x), unparen(y)
	switch x := x.(type) {
	case *syntax.Ident:
		y, ok := y.(*syntax.Ident)
		return ok && x.Name == y.Name
	case *syntax.Literal:
		y, ok := y.(*syntax.Literal)
		return ok && x.Token == y.Token && x.Value == y.Value
	case *syntax.DotExpr:
		y, ok := y.(*syntax.DotExpr)
		return ok && x.Name.Name == y.Name.Name && sameExpr(x.X, y.X)
	case *syntax.IndexExpr:
		y, ok := y.(*syntax.IndexExpr)
		return ok && sameExpr(x.X, y.X) && sameExpr(x.Y, y.Y)
	case *syntax.BinaryExpr:
		y, ok := y.(*syntax.BinaryExpr)
		return ok && x.Op == y.Op && sameExpr(x.X, y.X) && sameExpr(x.Y, y.Y)
	case *syntax.UnaryExpr:
		y, ok := y.(*syntax.UnaryExpr)
		return ok && x.Op == y.Op && x.X != nil && y.X != nil && sameExpr(x.X, y.X)
	case *syntax.CallExpr:
		y, ok := y.(*syntax.CallExpr)
		if !ok || len(x.Args) != len(y.Args) || !sameExpr(x.Fn, y.Fn) {
			return false
		}
		for i := range x.Args {
			if !sameExpr(x.Args[i], y.Args[i]) {
				return false
			}
		}
		return true
	case *syntax.ListExpr:
		y, ok := y.(*syntax.ListExpr)
		return ok && sameExprs(x.List, y.List)
	case *syntax.TupleExpr:
		y, ok := y.(*syntax.TupleExpr)
		return ok && sameExprs(x.List, y.List)
	}
	return false
}

func sameExprs(x, y []syntax.Expr) bool {
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if !sameExpr(x[i], y[i]) {
			return false
		}
	}
	return true
}
