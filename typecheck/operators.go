package typecheck

import (
	"fmt"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

func (a *fn) unary(e *syntax.UnaryExpr) types.Type {
	if e.X == nil {
		return types.Unknown
	}
	t := a.expr(e.X)
	switch e.Op {
	case syntax.NOT:
		a.futureTest(e.X, t)
		return types.Bool
	case syntax.STAR, syntax.STARSTAR:
		return t
	}
	sure, ok := types.Sure(t)
	if !ok {
		return types.Unknown
	}
	if definitely(sure, func(m types.Type) bool {
		m = types.Widen(m)
		_, named := m.(*types.Named)
		return m != types.Int && !(m == types.Float && e.Op != syntax.TILDE) && !named
	}) {
		a.c.report("bad-operand", rangeOf(e), fmt.Sprintf("cannot apply %s to %s", e.Op, show(sure)), "")
		return types.Unknown
	}
	if n, ok := t.(types.IntLit); ok && e.Op == syntax.MINUS {
		return -n
	}
	return types.Widen(t)
}

func (a *fn) binary(e *syntax.BinaryExpr) types.Type {
	switch e.Op {
	case syntax.AND, syntax.OR:
		return a.logic(e)
	}
	if e.Op == syntax.PLUS { // a + b + c + … nests to the left, deeper than a stack likes
		if t, ok := a.sum(e); ok {
			return t
		}
	}
	x := a.expr(e.X)
	y := a.expr(e.Y)
	return a.binaryResult(e, e.Op, e.X, e.Y, x, y)
}

func (a *fn) sum(e *syntax.BinaryExpr) (types.Type, bool) {
	var spine []*syntax.BinaryExpr
	var x syntax.Expr = e
	for {
		b, ok := x.(*syntax.BinaryExpr)
		if !ok || b.Op != syntax.PLUS {
			break
		}
		spine = append(spine, b)
		x = b.X
	}
	if len(spine) < 3 {
		return nil, false
	}
	t := a.expr(x)
	for i := len(spine) - 1; i >= 0; i-- {
		b := spine[i]
		t = a.binaryResult(b, b.Op, b.X, b.Y, t, a.expr(b.Y))
	}
	return t, true
}

func (a *fn) logic(e *syntax.BinaryExpr) types.Type {
	t, yes, no := a.test(e, false)
	a.env = join(yes, no, nil)
	return t
}

// binaryResult is the type of x op y, written at e.
func (a *fn) binaryResult(e syntax.Node, op syntax.Token, ex, ey syntax.Expr, x, y types.Type) types.Type {
	switch op {
	case syntax.EQL, syntax.NEQ:
		a.futureCompared(ex, ey, x, y)
		return types.Bool
	}
	if parse.IsMissing(ex) || parse.IsMissing(ey) {
		return types.Unknown
	}
	if s, ok := x.(types.StringLit); ok && op == syntax.PLUS {
		if t, ok := y.(types.StringLit); ok && len(s)+len(t) < 200 {
			return s + t
		}
	}
	if op == syntax.PERCENT {
		if s, ok := x.(types.StringLit); ok {
			a.percent(e, string(s), ey, y)
		}
	}
	sx, okx := types.Sure(x)
	sy, oky := types.Sure(y)
	var out types.Type
	fine := false
	mx, my := types.Members(sx), types.Members(sy)
	if len(mx)*len(my) > 64 {
		return types.Unknown
	}
	for _, m := range mx {
		for _, n := range my {
			if t := operate(op, m, n); t != nil {
				fine = true
				out = types.Join(out, t)
			}
		}
	}
	a.futureOperand(op, ex, ey, sx, sy)
	if !fine {
		if okx && oky {
			a.badOperands(e, op, ex, ey, sx, sy)
		}
		switch op {
		case syntax.IN, syntax.NOT_IN, syntax.LT, syntax.LE, syntax.GT, syntax.GE:
			return types.Bool
		}
		return types.Unknown
	}
	if !okx || !oky {
		return types.Likely(out)
	}
	return out
}

func (a *fn) badOperands(e syntax.Node, op syntax.Token, ex, ey syntax.Expr, x, y types.Type) {
	hint := ""
	sx, sy := types.Widen(x), types.Widen(y)
	switch {
	case (isFuture(x) || isFuture(y)) && op != syntax.PLUS:
		hint = "the value is known only when the plan runs; until then it is a placeholder string"
	case op == syntax.PLUS && (sx == types.String || isFuture(x)) && sy != types.None:
		hint = "convert with str(...), or use .format(...)"
	case op == syntax.PLUS && (sy == types.String || isFuture(y)) && sx != types.None:
		hint = "convert with str(...), or use .format(...)"
	}
	verb := fmt.Sprintf("cannot compute %s %s %s", show(x), op, show(y))
	switch op {
	case syntax.LT, syntax.LE, syntax.GT, syntax.GE:
		verb = fmt.Sprintf("cannot compare %s %s %s", show(x), op, show(y))
	case syntax.IN, syntax.NOT_IN:
		verb = fmt.Sprintf("cannot look for %s in %s", show(x), show(y))
	}
	a.c.report("bad-operand", rangeOf(e), verb, hint)
}

// operate is the type of x op y for two types without alternatives, or nil where the operation fails.
func operate(op syntax.Token, x, y types.Type) types.Type {
	if silent(x) || silent(y) {
		switch op {
		case syntax.LT, syntax.LE, syntax.GT, syntax.GE, syntax.IN, syntax.NOT_IN:
			return types.Bool
		}
		// What one operand is often tells the result.
		if op == syntax.PLUS {
			for _, t := range []types.Type{x, y} {
				if t := types.Widen(t); t == types.String {
					return types.Likely(types.String)
				}
			}
		}
		if op == syntax.PERCENT && types.Widen(x) == types.String {
			return types.String
		}
		return types.Unknown
	}
	if isNamed(x) || isNamed(y) {
		return operateNamed(op, x, y)
	}
	fut := isFuture(x) || isFuture(y)
	x, y = plain(x), plain(y)
	switch op {
	case syntax.PLUS:
		switch {
		case number(x) && number(y):
			return wider(x, y)
		case x == types.String && y == types.String:
			if fut {
				return types.FutureOf(types.String)
			}
			return types.String
		case x == types.Bytes && y == types.Bytes:
			return types.Bytes
		}
		switch x := x.(type) {
		case *types.List:
			if y, ok := y.(*types.List); ok {
				return types.ListOf(orNever(types.Join(nonNever(x.Elem), nonNever(y.Elem))))
			}
		case *types.Struct:
			if y, ok := y.(*types.Struct); ok {
				return joinedStruct(x, y)
			}
		case *types.Tuple:
			if y, ok := y.(*types.Tuple); ok {
				if x.Rest == nil && y.Rest == nil {
					return types.TupleOf(append(append([]types.Type{}, x.Elems...), y.Elems...)...)
				}
				return &types.Tuple{Rest: types.Unknown}
			}
		}
	case syntax.MINUS:
		if number(x) && number(y) {
			return wider(x, y)
		}
	case syntax.STAR:
		switch {
		case number(x) && number(y):
			return wider(x, y)
		case x == types.Int && repeatable(y):
			return repeated(y)
		case y == types.Int && repeatable(x):
			return repeated(x)
		}
	case syntax.SLASH:
		if number(x) && number(y) {
			return types.Float
		}
	case syntax.SLASHSLASH:
		if number(x) && number(y) {
			return wider(x, y)
		}
	case syntax.PERCENT:
		if x == types.String {
			return types.String
		}
		if number(x) && number(y) {
			return wider(x, y)
		}
	case syntax.AMP, syntax.CIRCUMFLEX, syntax.LTLT, syntax.GTGT:
		if x == types.Int && y == types.Int {
			return types.Int
		}
	case syntax.PIPE:
		if x == types.Int && y == types.Int {
			return types.Int
		}
		if dx, ok := x.(*types.Dict); ok {
			if dy, ok := y.(*types.Dict); ok {
				return merged(dx, dy)
			}
		}
	case syntax.LT, syntax.LE, syntax.GT, syntax.GE:
		if number(x) && number(y) || x == y && (x == types.String || x == types.Bytes || x == types.Bool) {
			return types.Bool
		}
		switch x.(type) {
		case *types.List:
			if _, ok := y.(*types.List); ok {
				return types.Bool
			}
		case *types.Tuple:
			if _, ok := y.(*types.Tuple); ok {
				return types.Bool
			}
		}
	case syntax.IN, syntax.NOT_IN:
		switch y.(type) {
		case *types.List, *types.Tuple, *types.Dict, *types.Iterable:
			return types.Bool
		}
		if y == types.String && x == types.String || y == types.Bytes && (x == types.Bytes || x == types.Int) {
			return types.Bool
		}
	}
	return nil
}

// operateNamed knows times, durations, ranges; anything else that has a name of its own has no operators.
func operateNamed(op syntax.Token, x, y types.Type) types.Type {
	nx, okx := x.(*types.Named)
	ny, oky := y.(*types.Named)
	if okx && strings.HasPrefix(nx.Name, "time") || oky && strings.HasPrefix(ny.Name, "time") {
		return types.Unknown
	}
	switch op {
	case syntax.IN, syntax.NOT_IN:
		if oky && (ny.Elem != nil || len(ny.Fields) == 0 && ny.Name != "plan") || !oky && operateIn(y) {
			return types.Bool
		}
		return nil
	case syntax.LT, syntax.LE, syntax.GT, syntax.GE:
		return nil
	}
	if okx && len(nx.Fields) == 0 && nx.Name != "plan" || oky && len(ny.Fields) == 0 && ny.Name != "plan" {
		return types.Unknown // ranges and other values of the language that are not described
	}
	if op == syntax.PERCENT && plain(x) == types.String {
		return types.String
	}
	return nil
}

func operateIn(y types.Type) bool {
	switch y.(type) {
	case *types.List, *types.Tuple, *types.Dict, *types.Iterable:
		return true
	}
	return false
}

func orNever(t types.Type) types.Type {
	if t == nil {
		return types.Never
	}
	return t
}

func merged(x, y *types.Dict) types.Type {
	d := &types.Dict{Key: orNever(types.Join(nonNever(x.Key), nonNever(y.Key))), Value: orNever(types.Join(nonNever(x.Value), nonNever(y.Value))), Exact: x.Exact && y.Exact}
	for _, f := range x.Known {
		if !y.Exact {
			if _, ok := types.Attr(y, f.Name); !ok {
				f.Type = types.Join(f.Type, nonEmpty(y.Value))
			}
		}
		d.Known = append(d.Known, f)
	}
	for _, f := range y.Known {
		if old, ok := types.Attr(x, f.Name); ok && f.Optional {
			f.Type, f.Optional = types.Join(old.Type, f.Type), old.Optional
		}
		d.Known = withField(d.Known, f)
	}
	return d
}

// joinedStruct is the sum of two structs: the fields of both, where both have one that of the right.
func joinedStruct(x, y *types.Struct) types.Type {
	s := &types.Struct{Fields: append([]types.Field(nil), x.Fields...), Open: x.Open || y.Open}
	for _, f := range y.Fields {
		if old, ok := types.Attr(x, f.Name); ok && f.Optional {
			f.Type, f.Optional = types.Join(old.Type, f.Type), old.Optional
		}
		s.Fields = withField(s.Fields, f)
	}
	return s
}

func silent(t types.Type) bool {
	switch t.(type) {
	case nil, *types.Guess, *types.Var:
		return true
	}
	return t == types.Unknown || t == types.Any || t == types.Never
}

func isNamed(t types.Type) bool { _, ok := t.(*types.Named); return ok }

func isFuture(t types.Type) bool { _, ok := t.(*types.Future); return ok }

// plain is t as the interpreter sees it: literals are strings and ints, futures are strings.
func plain(t types.Type) types.Type {
	if isFuture(t) {
		return types.String
	}
	return types.Widen(t)
}

func number(t types.Type) bool { return t == types.Int || t == types.Float }

func wider(x, y types.Type) types.Type {
	if x == types.Float || y == types.Float {
		return types.Float
	}
	return types.Int
}

func repeatable(t types.Type) bool {
	switch t.(type) {
	case *types.List, *types.Tuple:
		return true
	}
	return t == types.String || t == types.Bytes
}

func repeated(t types.Type) types.Type {
	if tuple, ok := t.(*types.Tuple); ok {
		elem, _ := types.Elem(tuple)
		return &types.Tuple{Rest: nonEmpty(elem)}
	}
	return t
}
