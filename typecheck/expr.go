package typecheck

import (
	"fmt"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

// expr is the type of e where the flow stands. It never returns nil.
func (a *fn) expr(e syntax.Expr) types.Type {
	a.steps++
	if a.blocks++; a.blocks > maxDepth {
		a.blocks--
		return types.Unknown
	}
	if a.env == nil { // behind a call that never returns, in the same expression
		a.c.muted++
		a.env = a.unknowns()
		defer func() { a.c.muted--; a.env = nil }()
	}
	t := a.value(e)
	a.blocks--
	if t == nil {
		t = types.Unknown
	}
	a.c.record(e, t)
	return t
}

// quiet runs f without reporting or recording anything.
func (a *fn) quiet(f func() types.Type) types.Type {
	a.c.muted++
	a.c.unrecorded++
	t := f()
	a.c.muted--
	a.c.unrecorded--
	return t
}

func (a *fn) value(e syntax.Expr) types.Type {
	switch e := e.(type) {
	case *syntax.Ident:
		return a.name(e)
	case *syntax.Literal:
		return literalType(e)
	case *syntax.ParenExpr:
		return a.expr(e.X)
	case *syntax.CallExpr:
		return a.call(e)
	case *syntax.DotExpr:
		return a.dot(e)
	case *syntax.IndexExpr:
		return a.index(e)
	case *syntax.SliceExpr:
		return a.slice(e)
	case *syntax.ListExpr:
		var elem types.Type
		for _, x := range e.List {
			elem = types.Join(elem, a.take(x))
		}
		if elem == nil {
			elem = types.Never
		}
		return types.ListOf(types.Widen(elem))
	case *syntax.TupleExpr:
		elems := make([]types.Type, len(e.List))
		for i, x := range e.List {
			elems[i] = a.take(x)
		}
		return types.TupleOf(elems...)
	case *syntax.DictExpr:
		return a.dict(e)
	case *syntax.CondExpr:
		yes, no := a.cond(e.Cond)
		a.env = yes
		t := a.branch(e.True)
		yes = a.env
		a.env = no
		f := a.branch(e.False)
		a.env = join(yes, a.env, nil)
		if t == types.Never {
			return f
		}
		if f == types.Never {
			return t
		}
		return types.Join(t, f)
	case *syntax.UnaryExpr:
		return a.unary(e)
	case *syntax.BinaryExpr:
		return a.binary(e)
	case *syntax.LambdaExpr:
		f := a.c.b.lambdas[e]
		if f == nil {
			return types.Unknown
		}
		a.defaults(f)
		a.c.infer(f)
		return a.c.signature(f)
	case *syntax.Comprehension:
		return a.comprehension(e)
	}
	return types.Unknown
}

func (a *fn) branch(e syntax.Expr) types.Type {
	if a.env == nil {
		return types.Never
	}
	return a.expr(e)
}

func literalType(e *syntax.Literal) types.Type {
	switch e.Token {
	case syntax.STRING:
		if s, ok := e.Value.(string); ok {
			if len(s) > 200 {
				return types.String
			}
			return types.StringLit(s)
		}
	case syntax.BYTES:
		return types.Bytes
	case syntax.INT:
		if n, ok := e.Value.(int64); ok {
			return types.IntLit(n)
		}
		return types.Int
	case syntax.FLOAT:
		return types.Float
	}
	return types.Unknown
}

// name is the type of a variable, or of a predeclared name.
func (a *fn) name(e *syntax.Ident) types.Type {
	v := a.c.b.uses[e]
	if v == nil {
		return types.Unknown
	}
	switch {
	case v.Kind == Predeclared:
		return a.c.predeclaredType(e, v)
	case v.Func == a.f:
		p := &a.env.vars[v.slot]
		switch p.state {
		case unset:
			a.unassigned(e, v)
		case maybe:
			a.maybeUnassigned(e, v, p)
		}
		if p.typ == nil {
			return types.Unknown
		}
		return p.typ
	}
	if len(a.env.paths) > 0 {
		if t, ok := a.env.narrowed(v, ""); ok {
			return t
		}
	}
	if v.Kind == Global {
		return a.c.global(v)
	}
	if len(v.Defs) == 1 && v.typ != nil && !v.changed {
		return soften(v.typ)
	}
	return types.Unknown
}

func (a *fn) dict(e *syntax.DictExpr) types.Type {
	d := &types.Dict{Key: types.Never, Value: types.Never, Exact: true}
	var key, value types.Type
	for _, entry := range e.List {
		entry, ok := entry.(*syntax.DictEntry)
		if !ok {
			continue
		}
		k := a.expr(entry.Key)
		v := a.take(entry.Value)
		a.dictKey(entry.Key, k, d)
		key = types.Join(key, types.Widen(k))
		value = types.Join(value, types.Widen(v))
		if name, ok := k.(types.StringLit); ok && len(d.Known) < 400 {
			d.Known = append(d.Known, types.Field{Name: string(name), Type: v})
		} else {
			d.Exact = false
		}
	}
	a.duplicateKeys(e)
	if !d.Exact {
		for i := range d.Known { // a key that is not known may be the same one
			d.Known[i].Type = types.Likely(d.Known[i].Type)
		}
	}
	if key != nil {
		d.Key, d.Value = key, value
	}
	return d
}

func (a *fn) comprehension(e *syntax.Comprehension) types.Type {
	saved := a.env.clone()
	for _, clause := range e.Clauses {
		switch c := clause.(type) {
		case *syntax.ForClause:
			elem := a.iterate(c.X)
			if a.env == nil {
				a.env = a.unknowns()
			}
			a.assign(c.Vars, elem, nil)
		case *syntax.IfClause:
			yes, _ := a.cond(c.Cond)
			if yes == nil {
				yes = a.unknowns()
			}
			a.env = yes
		}
	}
	var t types.Type
	if entry, ok := e.Body.(*syntax.DictEntry); ok {
		k := a.expr(entry.Key)
		v := a.take(entry.Value)
		t = types.DictOf(types.Widen(k), types.Widen(v))
	} else {
		elem := a.take(e.Body)
		if elem == types.Never {
			elem = types.Unknown
		}
		t = types.ListOf(types.Widen(elem))
	}
	// Nothing a comprehension learns outlives it, but what it did to the lists and dicts around does.
	for i, p := range saved.vars {
		if a.env != nil && p.typ != nil && a.env.vars[i].typ != nil && p.state != unset && mutable(p.typ) && !mutable(a.env.vars[i].typ) {
			saved.vars[i].typ = soften(p.typ)
		}
	}
	a.env = saved
	return t
}

// iterate is the type of what a loop over e yields.
func (a *fn) iterate(e syntax.Expr) types.Type {
	t := a.expr(e)
	a.iterated(e, t)
	elem, ok := types.Elem(t)
	if !ok || elem == types.Never || elem == nil {
		return types.Unknown
	}
	if mutable(elem) { // the variable is another name for what is in the container
		a.taken(e, t)
		elem = soften(elem)
	}
	return elem
}

func (a *fn) iterated(e syntax.Expr, t types.Type) {
	sure, ok := types.Sure(t)
	if !ok || !definitely(sure, func(m types.Type) bool { _, can := types.Elem(m); return !can }) {
		return
	}
	a.c.report("not-iterable", rangeOf(e), "cannot iterate over "+show(sure), iterableHint(sure))
}

func iterableHint(t types.Type) string {
	switch {
	case types.Widen(t) == types.String:
		return "a string is iterated by .elems() or .codepoints()"
	case isFuture(t):
		return "the value is known only when the plan runs; until then it is a placeholder string"
	case types.Widen(t) == types.Int:
		return "did you mean range(...)?"
	}
	return ""
}

// definitely says whether every alternative of t satisfies wrong, and none is unknown.
func definitely(t types.Type, wrong func(types.Type) bool) bool {
	for _, m := range types.Members(t) {
		if m == types.Unknown || m == types.Any || m == types.Never || m == nil {
			return false
		}
		if _, guess := m.(*types.Guess); guess {
			return false
		}
		if _, v := m.(*types.Var); v {
			return false
		}
		if !wrong(m) {
			return false
		}
	}
	return true
}

func (a *fn) dot(e *syntax.DotExpr) types.Type {
	base := a.expr(e.X)
	if parse.IsMissing(e.Name) {
		return types.Unknown
	}
	if root, key, ok := a.reference(e); ok && key != "" && len(a.env.paths) > 0 {
		if t, ok := a.env.narrowed(root, key); ok {
			a.base = base
			return t
		}
	}
	t := a.attribute(e, base)
	a.base = base
	if a.c.in.Read != nil {
		if m, ok := types.Sure(base); ok || m != nil {
			if m, ok := m.(*types.Module); ok {
				if info, ok := m.Exports.(*Info); ok {
					a.c.in.Read(info, e.Name.Name)
				}
			}
		}
	}
	return t
}

func (a *fn) index(e *syntax.IndexExpr) types.Type {
	base := a.expr(e.X)
	key := a.expr(e.Y)
	if root, path, ok := a.reference(e); ok && len(a.env.paths) > 0 {
		if t, ok := a.env.narrowed(root, path); ok {
			return t
		}
	}
	a.dictKey(e.Y, key, base)
	a.missingFromDefault(e, base, key)
	a.futureUse(e.X, base, "indexed")
	t := a.element(e, base, key)
	if l, ok := t.(*types.List); ok && l.Elem == types.Never {
		return types.ListOf(types.Unknown)
	}
	return t
}

func (a *fn) slice(e *syntax.SliceExpr) types.Type {
	base := a.expr(e.X)
	for _, x := range []syntax.Expr{e.Lo, e.Hi, e.Step} {
		if x == nil {
			continue
		}
		t := a.expr(x)
		sure, ok := types.Sure(t)
		if ok && definitely(sure, func(m types.Type) bool { m = types.Widen(m); return m != types.Int && m != types.None }) {
			a.c.report("bad-index", rangeOf(x), fmt.Sprintf("found %s where a slice wants an int", show(sure)), "")
		}
	}
	sure, ok := types.Sure(base)
	wrap := func(t types.Type) types.Type {
		if !ok {
			return types.Likely(t)
		}
		return t
	}
	if ok && definitely(sure, func(m types.Type) bool { return sliced(m) == nil }) {
		a.c.report("bad-index", rangeOf(e), "cannot slice "+show(sure), "")
		return types.Unknown
	}
	a.futureUse(e.X, sure, "sliced")
	var out types.Type
	for _, m := range types.Members(sure) {
		if t := sliced(m); t != nil {
			out = types.Join(out, t)
		}
	}
	if out == nil {
		return types.Unknown
	}
	if nested(out) { // the copy has the same elements
		out = a.taken(e.X, out)
	}
	return wrap(out)
}

func sliced(t types.Type) types.Type {
	switch x := t.(type) {
	case *types.List:
		return t
	case *types.Tuple:
		elem, _ := types.Elem(t)
		return &types.Tuple{Rest: nonEmpty(elem)}
	case types.StringLit, *types.Future:
		return types.String
	case *types.Iterable:
		return types.Unknown
	case *types.Named:
		if x.Elem != nil || len(x.Fields) == 0 {
			return t
		}
		return nil
	}
	switch t {
	case types.String, types.Bytes, types.Unknown, types.Any:
		return t
	}
	return nil
}

// element is the type of base[key].
func (a *fn) element(e *syntax.IndexExpr, base, key types.Type) types.Type {
	sure, ok := types.Sure(base)
	var out types.Type
	wrong := 0
	members := types.Members(sure)
	for _, m := range members {
		t := a.elementOf(m, key, e)
		if t == nil {
			wrong++
			continue
		}
		out = types.Join(out, t)
	}
	if out == nil {
		out = types.Unknown
		if ok && wrong == len(members) {
			a.badIndex(e, sure, key)
		}
	}
	if !ok {
		return types.Likely(out)
	}
	return nonEmpty(out)
}

// elementOf is the type of an element of one alternative, or nil where indexing it, or with such a key, fails.
func (a *fn) elementOf(m, key types.Type, e *syntax.IndexExpr) types.Type {
	keySure, _ := types.Sure(key)
	integer := types.Possible(keySure, types.Int) && !isFuture(keySure)
	switch x := m.(type) {
	case *types.Guess:
		return types.Likely(a.elementOf(x.Elem, key, e))
	case *types.List:
		if !integer {
			return nil
		}
		return nonEmpty(x.Elem)
	case *types.Tuple:
		if !integer {
			return nil
		}
		if n, ok := key.(types.IntLit); ok && x.Rest == nil {
			i := int(n)
			if i < 0 {
				i += len(x.Elems)
			}
			if i < 0 || i >= len(x.Elems) {
				return nil
			}
			return x.Elems[i]
		}
		elem, _ := types.Elem(m)
		return nonEmpty(elem)
	case *types.Iterable:
		return nonEmpty(x.Elem)
	case *types.Dict:
		if name, ok := key.(types.StringLit); ok {
			if f, ok := types.Attr(x, string(name)); ok {
				return f.Type
			}
			if x.Exact {
				return nil
			}
		}
		return nonEmpty(x.Value)
	case *types.Named:
		if x.Elem != nil {
			return x.Elem
		}
		if len(x.Fields) == 0 {
			return types.Unknown
		}
		return nil
	case types.StringLit, *types.Future:
		if !integer {
			return nil
		}
		return types.String
	}
	switch m {
	case types.Unknown, types.Any, types.Never:
		return types.Unknown
	case types.String:
		if !integer {
			return nil
		}
		return types.String
	case types.Bytes:
		if !integer {
			return nil
		}
		return types.Int
	}
	return nil
}
