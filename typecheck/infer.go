package typecheck

import (
	"slices"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

var planType, _ = builtins.NamedType("plan").(*types.Named)

// fn infers one function: it walks the statements in the order they run, keeping in env what is known of the
// variables. The walk is abstract: both branches of an if are taken and joined, a loop's body is walked until
// another turn would teach nothing.
type fn struct {
	c       *checker
	f       *Func
	env     *env // nil where the flow cannot come
	result  *result
	loops   []*frame
	steps   int
	budget  int
	blocks  int // nesting
	inner   []*Func
	initial []types.Type // of the parameters
	base    types.Type   // what the last attribute was read of
}

type frame struct{ breaks, continues *env }

// result is what the walk over a function found.
type result struct {
	typ    types.Type // join of what is returned; Never when no call returns
	falls  bool       // the end can be reached without a return
	valued bool       // some return has a value
}

// stepsPerNode bounds the work for a function: beyond that many times its size, loops are walked once, with what
// they assign unknown.
const stepsPerNode, minBudget = 40, 5000

// infer walks f, once; a function that is being walked already (it is recursive) is unknown.
func (c *checker) infer(f *Func) *result {
	switch f.state {
	case inferred:
		return f.result
	case inferring:
		f.recursive = true
		return nil
	}
	if c.nesting++; c.nesting > 200 || c.ctx.Err() != nil {
		c.nesting--
		return nil
	}
	defer func() { c.nesting-- }()
	f.state = inferring
	f.leaks = make([]bool, len(f.Params))
	muted, outer := c.muted, c.fn
	c.muted, c.fn = 0, f
	f.found, f.exprs, f.calls = f.found[:0], f.exprs[:0], f.calls[:0]
	a := &fn{c: c, f: f, result: &result{typ: types.Never}}
	start, end := f.Node.Span()
	a.budget = minBudget + stepsPerNode*int(end.Line-start.Line)*8
	a.env = &env{vars: make([]place, len(f.Bindings))}
	a.parameters()
	a.stmts(f.body)
	if a.env != nil {
		a.result.falls = true
	}
	c.finish(a)
	c.muted, c.fn = muted, outer
	f.result = a.result
	f.state = inferred
	return a.result
}

// returned is the type of a call of f.
func (c *checker) returned(f *Func) types.Type {
	if f.state == notInferred && !c.loaded {
		f.early, f.ranEarly = true, true
	}
	r := c.infer(f)
	if f.Doc != nil && f.Doc.Result != nil && (r == nil || r.typ == types.Unknown) {
		return types.Likely(f.Doc.Result)
	}
	if f.comment != nil && f.comment.result != nil {
		return f.comment.result
	}
	if r == nil {
		return types.Unknown
	}
	if !r.falls {
		return r.typ
	}
	return types.Join(r.typ, types.None)
}

func (a *fn) parameters() {
	for i, p := range a.f.Params {
		if p.Name == nil {
			continue
		}
		v := a.f.scope[p.Name.Name]
		if v == nil {
			continue
		}
		t := a.c.paramType(a.f, i)
		a.env.vars[v.slot] = place{typ: t, state: set}
		if a.initial == nil {
			a.initial = make([]types.Type, len(a.f.Params))
		}
		if int(v.slot) < len(a.initial) {
			a.initial[v.slot] = t
		}
		if v.captured {
			v.typ = types.Likely(t)
		}
		a.c.record(p.Name, t)
	}
}

// paramType is what is known of a parameter inside the function.
func (c *checker) paramType(f *Func, i int) types.Type {
	p := f.Params[i]
	switch {
	case p.Star == "*":
		return &types.Tuple{Rest: types.Unknown}
	case p.Star == "**":
		return types.DictOf(types.String, types.Unknown)
	case f.Parent == c.b.globals && p.Name.Name == "plan" && i == 0:
		return planType
	}
	var t types.Type
	if i < len(f.sites) {
		t = f.sites[i]
	}
	if f.closed && t != nil { // all calls are known
		if p.Default != nil {
			return types.Join(t, c.literal(p.Default))
		}
		return t
	}
	if p.Type != nil {
		t = types.Join(t, p.Type)
	}
	if p.Default != nil {
		if d := c.literal(p.Default); d != types.None {
			t = types.Join(t, types.Widen(d))
		} else if t != nil {
			t = types.Join(t, d)
		}
	}
	if t == nil {
		return types.Unknown
	}
	return types.Likely(t)
}

// literal is the type of a parameter's default, which is evaluated where the function is defined.
func (c *checker) literal(e syntax.Expr) types.Type {
	if t, ok := c.defaults[e]; ok {
		return t
	}
	return types.Unknown
}

func (a *fn) stmts(stmts []syntax.Stmt) {
	if a.blocks++; a.blocks > maxDepth/2 {
		a.blocks--
		return
	}
	defer func() { a.blocks-- }()
	dead := false
	for i, s := range stmts {
		if a.env == nil && !dead {
			dead = true
			a.unreachable(stmts[i:])
			// What cannot be reached is looked at for the editor's sake, in silence.
			a.c.muted++
			a.env = a.unknowns()
		}
		a.stmt(s)
	}
	if dead {
		a.c.muted--
		a.env = nil
	}
}

// unknowns is an environment in which every variable is there and nothing is known of it.
func (a *fn) unknowns() *env {
	e := &env{vars: make([]place, len(a.f.Bindings))}
	for i := range e.vars {
		e.vars[i] = place{typ: types.Unknown, state: set}
	}
	return e
}

func (a *fn) stmt(s syntax.Stmt) {
	if a.env == nil {
		a.c.muted++
		a.env = a.unknowns()
		defer func() { a.c.muted--; a.env = nil }()
	}
	a.steps++
	switch s := s.(type) {
	case *syntax.ExprStmt:
		t := a.expr(s.X)
		a.noEffect(s, t)
		if t == types.Never && isCall(s.X) {
			a.env = nil
		}
	case *syntax.AssignStmt:
		a.assignment(s)
	case *syntax.DefStmt:
		a.def(s)
	case *syntax.IfStmt:
		a.topLevelControl(s.If, "if")
		filled := a.fills(s)
		yes, no := a.cond(s.Cond)
		a.env = yes
		a.block(s.True)
		yes = a.env
		a.env = no
		a.block(s.False)
		a.env = join(yes, a.env, s.Cond)
		a.flags(s, filled)
	case *syntax.ForStmt:
		a.topLevelControl(s.For, "for")
		elem := a.iterate(s.X)
		a.runtimeLoop(s)
		a.loop(s, func() { a.assign(s.Vars, elem, nil) }, s.Body, nil)
	case *syntax.WhileStmt:
		a.whileLoop(s)
		a.loop(s, nil, s.Body, s.Cond)
	case *syntax.ReturnStmt:
		a.returns(s)
	case *syntax.BranchStmt:
		if s.Token == syntax.PASS {
			return
		}
		if len(a.loops) > 0 {
			l := a.loops[len(a.loops)-1]
			if s.Token == syntax.BREAK {
				l.breaks = join(l.breaks, a.env, nil)
			} else {
				l.continues = join(l.continues, a.env, nil)
			}
		}
		a.env = nil
	case *syntax.LoadStmt:
		a.load(s)
	}
}

// flags lets a test of a variable that a branch sets stand for the test that led there:
//
//	if wanted:
//	    started = True
//	    node = launch()
//	if started:
//	    node is assigned
//
// A list that was empty and gets something there is such a flag, too; filled are those.
func (a *fn) flags(s *syntax.IfStmt, filled []guard) {
	if a.env == nil {
		return
	}
	for _, branch := range []struct {
		stmts []syntax.Stmt
		want  bool
	}{{s.True, true}, {s.False, false}} {
		var more []guard
		for _, f := range filled {
			if f.want == branch.want {
				more = append(more, guard{f.cond, true})
			}
		}
		for _, stmt := range branch.stmts {
			assign, ok := stmt.(*syntax.AssignStmt)
			if !ok || assign.Op != syntax.EQ || !isIdent(assign.LHS) || isNone(assign.RHS) {
				continue
			}
			if id, ok := assign.RHS.(*syntax.Ident); ok && id.Name == "False" {
				more = append(more, guard{assign.LHS, false})
				continue
			}
			none := &syntax.Ident{NamePos: assign.OpPos, Name: "None"}
			more = append(more, guard{assign.LHS, true}, guard{&syntax.BinaryExpr{X: assign.LHS, OpPos: assign.OpPos, Op: syntax.NEQ, Y: none}, true})
		}
		if len(more) == 0 {
			continue
		}
		for i := range a.env.vars {
			p := &a.env.vars[i]
			if p.state == maybe && slices.Contains(p.guards.list(), guard{s.Cond, branch.want}) {
				p.guards = allGuards(p.guards, more)
			}
		}
	}
}

func isCall(e syntax.Expr) bool {
	_, ok := unparen(e).(*syntax.CallExpr)
	return ok
}

func unparen(e syntax.Expr) syntax.Expr {
	for {
		p, ok := e.(*syntax.ParenExpr)
		if !ok {
			return e
		}
		e = p.X
	}
}

// block walks a branch; a branch that is not reached because its condition never holds is walked in silence.
func (a *fn) block(stmts []syntax.Stmt) {
	if a.env == nil {
		return
	}
	a.stmts(stmts)
}

func (a *fn) returns(s *syntax.ReturnStmt) {
	t := types.Type(types.None)
	if s.Result != nil {
		t = a.expr(s.Result) // the function's own names of it end here
		a.leaked(s.Result)
		if t == types.Never {
			a.env = nil
			return
		}
		a.result.valued = true
	}
	if a.c.muted == 0 || a.env != nil {
		a.result.typ = limit(types.Join(nonNever(a.result.typ), t))
	}
	a.env = nil
}

func nonNever(t types.Type) types.Type {
	if t == types.Never {
		return nil
	}
	return t
}

func (a *fn) def(s *syntax.DefStmt) {
	f := a.c.b.lambdas[s]
	v := a.c.b.uses[s.Name]
	if f == nil || v == nil {
		return
	}
	a.defaults(f)
	a.mutableDefaults(f)
	a.bind(s.Name, v, a.c.signature(f))
	a.inner = append(a.inner, f)
}

func (a *fn) defaults(f *Func) {
	for _, p := range f.Params {
		if p.Default != nil {
			a.c.defaults[p.Default] = a.take(p.Default)
		}
	}
}

// bind gives a variable its value.
func (a *fn) bind(id *syntax.Ident, v *Binding, t types.Type) {
	if t == types.Never {
		t = types.Unknown
	}
	if t = limit(t); v.open {
		t = soften(t)
	}
	a.c.record(id, t)
	if v.captured || v.Kind == Global {
		if v.captured {
			t = soften(t)
		}
		v.typ = types.Join(v.typ, t)
	}
	if v.Func == a.f && a.env != nil {
		a.env.vars[v.slot] = place{typ: t, state: set}
		a.env.forget(v)
	}
}

func (a *fn) load(s *syntax.LoadStmt) {
	a.c.report("load-statement", rangeOf(s), "load does not work in Kurtosis", "use import_module instead")
	for _, id := range s.To {
		if v := a.c.b.uses[id]; v != nil {
			a.bind(id, v, types.Unknown)
		}
	}
}

var rangeOf = parse.Range
