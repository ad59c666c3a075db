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
	typ       types.Type // join of what is returned; Never when no call returns
	falls     bool       // the end can be reached without a return
	valued    bool       // some return has a value
	bare      bool       // some return has none
	lastReach bool
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
		yes, no := a.cond(s.Cond)
		a.env = yes
		a.block(s.True)
		yes = a.env
		a.env = no
		a.block(s.False)
		a.env = join(yes, a.env, s.Cond)
		a.flags(s)
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
func (a *fn) flags(s *syntax.IfStmt) {
	if a.env == nil {
		return
	}
	for _, branch := range []struct {
		stmts []syntax.Stmt
		want  bool
	}{{s.True, true}, {s.False, false}} {
		var more []guard
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
			if p.state == maybe && slices.Contains(p.guards, guard{s.Cond, branch.want}) {
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
	} else {
		a.result.bare = true
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

// loop walks the body of a for or while loop until another turn teaches nothing.
func (a *fn) loop(s syntax.Stmt, bind func(), body []syntax.Stmt, cond syntax.Expr) {
	l := a.f.loops[s]
	if a.env == nil || l == nil {
		return
	}
	before, head := a.env, a.env.clone()
	for _, v := range l.assigned {
		if v.Func != a.f {
			continue
		}
		p := &head.vars[v.slot]
		switch {
		case p.state == unset:
			*p = place{typ: types.Unknown, state: looped}
		case p.state == maybe:
			p.state = looped
		}
		if p.typ != nil {
			p.typ = types.Widen(p.typ)
		}
		head.forget(v)
	}
	for _, v := range l.changed {
		if v.Func == a.f {
			p := &head.vars[v.slot]
			p.typ = reopened(p.typ)
		}
		head.forget(v)
	}
	exhausted := a.steps > a.budget
	for turn := 0; ; turn++ {
		if turn == 2 || exhausted {
			for _, v := range l.assigned {
				if v.Func == a.f {
					head.vars[v.slot].typ = types.Unknown
				}
			}
		}
		last := turn == 2 || exhausted
		mark := a.mark()
		saved := *a.result
		f := &frame{}
		a.loops = append(a.loops, f)
		a.env = head.clone()
		var exit *env
		if cond != nil {
			a.env, exit = a.cond(cond)
		} else {
			bind()
		}
		a.block(body)
		a.loops = a.loops[:len(a.loops)-1]
		end := join(a.env, f.continues, nil)
		if !last && !head.covers(end) {
			a.reset(mark)
			*a.result = saved
			head = join(head, end, nil)
			exhausted = a.steps > a.budget
			continue
		}
		if cond == nil {
			exit = head
		}
		a.after(l, before, exit, end, f.breaks)
		return
	}
}

// after sets the environment behind a loop: its body may have run or not. What it assigns counts as assigned when
// every way out of the body assigns it, since a loop over nothing is rare, but is marked.
func (a *fn) after(l *loop, before, exit, end, breaks *env) {
	out := exit.clone()
	for _, e := range []*env{end, breaks} {
		out = join(out, e, nil)
	}
	for _, v := range l.assigned {
		if v.Func != a.f || out == nil {
			continue
		}
		p := &out.vars[v.slot]
		if p.state == maybe {
			p.state = looped
		}
		if was := before.vars[v.slot]; was.state == unset || was.state == looped && was.typ == types.Unknown { // its type is what the body gives it
			var t types.Type
			for _, e := range []*env{end, breaks} {
				if e != nil && e.vars[v.slot].state == set {
					t = types.Join(t, e.vars[v.slot].typ)
				}
			}
			if t != nil {
				p.typ = t
			}
		}
	}
	a.env = out
}

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
	t = limit(t)
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
