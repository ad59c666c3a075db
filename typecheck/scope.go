package typecheck

import (
	"go.starlark.net/syntax"
)

// binder resolves every name of a file, as go.starlark.net does.
type binder struct {
	globals   *Func
	funcs     []*Func
	uses      map[*syntax.Ident]*Binding
	undefined []*syntax.Ident
	lambdas   map[syntax.Node]*Func
	predecl   func(name string) *Binding

	directCalls []directCall
	faults      []fault

	fn     *Func
	blocks []map[string]*Binding // comprehensions around the current node
	loops  []*loop
	depth  int
}

// directCall is a call of a name.
type directCall struct {
	from   *Func
	callee *syntax.Ident
	call   *syntax.CallExpr
}

// maxDepth bounds the nesting of expressions and blocks that is looked at; go.starlark.net refuses deeper ones.
const maxDepth = 1000

func bind(file *syntax.File, size int, predecl func(string) *Binding) *binder {
	b := &binder{uses: make(map[*syntax.Ident]*Binding, size), lambdas: map[syntax.Node]*Func{}, predecl: predecl}
	top := &Func{Node: file, body: file.Stmts, scope: map[string]*Binding{}}
	b.globals, b.fn = top, top
	b.funcs = append(b.funcs, top)
	b.collect(file.Stmts)
	b.stmts(file.Stmts)
	return b
}

// declare makes, or finds, the variable name of the current function.
func (b *binder) declare(id *syntax.Ident, kind BindingKind) *Binding {
	v := b.fn.scope[id.Name]
	if v == nil {
		v = b.variable(id.Name, kind)
		b.fn.scope[id.Name] = v
	}
	return v
}

func (b *binder) variable(name string, kind BindingKind) *Binding {
	v := &Binding{Name: name, Kind: kind, Func: b.fn, slot: int32(len(b.fn.Bindings))}
	b.fn.Bindings = append(b.fn.Bindings, v)
	return v
}

// collect declares what stmts bind in the current function, not looking into inner ones.
func (b *binder) collect(stmts []syntax.Stmt) {
	kind := Local
	if b.fn.Parent == nil {
		kind = Global
	}
	for _, s := range stmts {
		switch s := s.(type) {
		case *syntax.AssignStmt:
			b.collectTarget(s.LHS, kind)
		case *syntax.DefStmt:
			b.declare(s.Name, kind)
		case *syntax.ForStmt:
			b.collectTarget(s.Vars, kind)
			b.collect(s.Body)
		case *syntax.WhileStmt:
			b.collect(s.Body)
		case *syntax.IfStmt:
			b.collect(s.True)
			b.collect(s.False)
		case *syntax.LoadStmt:
			for _, id := range s.To {
				b.declare(id, kind)
			}
		}
	}
}

func (b *binder) collectTarget(e syntax.Expr, kind BindingKind) {
	switch e := e.(type) {
	case *syntax.Ident:
		b.declare(e, kind)
	case *syntax.ParenExpr:
		b.collectTarget(e.X, kind)
	case *syntax.TupleExpr:
		for _, x := range e.List {
			b.collectTarget(x, kind)
		}
	case *syntax.ListExpr:
		for _, x := range e.List {
			b.collectTarget(x, kind)
		}
	}
}

func (b *binder) stmts(stmts []syntax.Stmt) {
	if b.depth++; b.depth < maxDepth {
		for _, s := range stmts {
			b.stmt(s)
		}
	}
	b.depth--
}

func (b *binder) stmt(s syntax.Stmt) {
	switch s := s.(type) {
	case *syntax.AssignStmt:
		b.expr(s.RHS)
		b.aliased(s.RHS)
		b.assignable(s.LHS, s.Op != syntax.EQ)
		b.target(s.LHS, s.Op != syntax.EQ)
		if _, single := s.LHS.(*syntax.Ident); !single {
			b.loosen(s.LHS)
		}
		if v := b.root(s.LHS); v != nil && isIdent(s.LHS) && isCall(s.RHS) {
			v.effect = true
		}
		if v := b.root(s.LHS); v != nil && !isIdent(s.LHS) {
			b.change(v)
		} else if v != nil && s.Op != syntax.EQ {
			b.change(v)
		}
	case *syntax.DefStmt:
		v := b.fn.scope[s.Name.Name]
		b.bindIdent(s.Name, v)
		f := b.function(s, s.Name.Name, s.Params, s.Body)
		f.binding = v
		v.def = s
	case *syntax.ExprStmt:
		b.expr(s.X)
	case *syntax.ForStmt:
		b.expr(s.X)
		l := &loop{}
		if b.fn.loops == nil {
			b.fn.loops = map[syntax.Stmt]*loop{}
		}
		b.fn.loops[s] = l
		b.loops = append(b.loops, l)
		b.assignable(s.Vars, false)
		b.target(s.Vars, false)
		b.loosen(s.Vars)
		b.stmts(s.Body)
		b.loops = b.loops[:len(b.loops)-1]
	case *syntax.WhileStmt:
		l := &loop{}
		if b.fn.loops == nil {
			b.fn.loops = map[syntax.Stmt]*loop{}
		}
		b.fn.loops[s] = l
		b.loops = append(b.loops, l)
		b.expr(s.Cond)
		b.stmts(s.Body)
		b.loops = b.loops[:len(b.loops)-1]
	case *syntax.IfStmt:
		b.expr(s.Cond)
		b.stmts(s.True)
		b.stmts(s.False)
	case *syntax.BranchStmt:
		b.branch(s)
	case *syntax.ReturnStmt:
		if b.fn.Parent == nil {
			b.refuse(s, "return outside of a function", "")
		}
		if s.Result != nil {
			b.expr(s.Result)
		}
	case *syntax.LoadStmt:
		for _, id := range s.To {
			if v := b.fn.scope[id.Name]; v != nil {
				b.bindIdent(id, v)
			}
		}
	}
}

func (b *binder) bindIdent(id *syntax.Ident, v *Binding) {
	if v == nil {
		return
	}
	b.uses[id] = v
	v.Defs = append(v.Defs, id)
	for _, l := range b.loops {
		l.assigned = append(l.assigned, v)
	}
}

func (b *binder) target(e syntax.Expr, augmented bool) {
	switch e := e.(type) {
	case *syntax.Ident:
		v := b.lookup(e.Name)
		if v == nil {
			return
		}
		b.bindIdent(e, v)
		if augmented && v.Func != nil && len(v.Defs) == 1 {
			v.Reads++ // x += 1 of a name that nothing else binds is a fault of its own, not an unused variable
		}
	case *syntax.ParenExpr:
		b.target(e.X, augmented)
	case *syntax.TupleExpr:
		for _, x := range e.List {
			b.target(x, augmented)
		}
	case *syntax.ListExpr:
		for _, x := range e.List {
			b.target(x, augmented)
		}
	default:
		b.expr(e)
	}
}

// loosen marks the variables of a loop or of a tuple.
func (b *binder) loosen(e syntax.Expr) {
	switch e := e.(type) {
	case *syntax.Ident:
		if v := b.uses[e]; v != nil {
			v.loose = true
		}
	case *syntax.ParenExpr:
		b.loosen(e.X)
	case *syntax.TupleExpr:
		for _, x := range e.List {
			b.loosen(x)
		}
	case *syntax.ListExpr:
		for _, x := range e.List {
			b.loosen(x)
		}
	}
}

// lookup finds name from the inside out; nil when nothing has it.
func (b *binder) lookup(name string) *Binding {
	for i := len(b.blocks) - 1; i >= 0; i-- {
		if v := b.blocks[i][name]; v != nil {
			return v
		}
	}
	for f := b.fn; f != nil; f = f.Parent {
		if v := f.scope[name]; v != nil {
			if f != b.fn && v.Kind != Global {
				v.captured = true
			}
			return v
		}
	}
	return b.predecl(name)
}

func (b *binder) function(node syntax.Node, name string, params []syntax.Expr, body []syntax.Stmt) *Func {
	f := &Func{Name: name, Node: node, Parent: b.fn, body: body, scope: make(map[string]*Binding, len(params)+8)}
	b.funcs = append(b.funcs, f)
	b.lambdas[node] = f
	b.parameters(params)
	keyword := false
	for _, p := range params { // defaults belong to the scope around
		parm := parmOf(p)
		if parm.Default != nil {
			b.expr(parm.Default)
		}
		parm.Keyword = keyword
		keyword = keyword || parm.Star == "*"
		f.Params = append(f.Params, parm)
	}
	outer, blocks, loops := b.fn, b.blocks, b.loops
	b.fn, b.loops = f, nil
	if len(blocks) > 0 { // a lambda in a comprehension sees its variables
		b.blocks = blocks[:len(blocks):len(blocks)]
	}
	for _, p := range f.Params {
		if p.Name != nil {
			v := b.declare(p.Name, Parameter)
			b.uses[p.Name] = v
			v.Defs = append(v.Defs, p.Name)
		}
	}
	b.collect(body)
	if l, ok := node.(*syntax.LambdaExpr); ok {
		b.expr(l.Body)
	} else {
		f.Doc = docstringOf(body)
		b.stmts(body)
	}
	b.fn, b.blocks, b.loops = outer, blocks, loops
	return f
}

func parmOf(e syntax.Expr) Parm {
	var p Parm
	switch e := e.(type) {
	case *syntax.Ident:
		p.Name = e
	case *syntax.BinaryExpr:
		p.Name, _ = e.X.(*syntax.Ident)
		p.Default = e.Y
	case *syntax.UnaryExpr:
		p.Star = e.Op.String()
		p.Name, _ = e.X.(*syntax.Ident)
	}
	return p
}

func (b *binder) exprs(list []syntax.Expr) {
	for _, x := range list {
		b.expr(x)
	}
}

func (b *binder) expr(e syntax.Expr) {
	if b.depth++; b.depth >= maxDepth {
		b.depth--
		return
	}
	defer func() { b.depth-- }()
	switch e := e.(type) {
	case *syntax.Ident:
		v := b.lookup(e.Name)
		if v == nil {
			b.undefined = append(b.undefined, e)
			return
		}
		v.Reads++
		b.uses[e] = v
	case *syntax.ParenExpr:
		b.expr(e.X)
	case *syntax.UnaryExpr:
		if e.X != nil {
			b.expr(e.X)
		}
	case *syntax.BinaryExpr:
		b.expr(e.X)
		b.expr(e.Y)
	case *syntax.CondExpr:
		b.expr(e.Cond)
		b.expr(e.True)
		b.expr(e.False)
	case *syntax.DotExpr:
		b.expr(e.X)
	case *syntax.IndexExpr:
		b.expr(e.X)
		b.expr(e.Y)
	case *syntax.SliceExpr:
		b.expr(e.X)
		for _, x := range []syntax.Expr{e.Lo, e.Hi, e.Step} {
			if x != nil {
				b.expr(x)
			}
		}
	case *syntax.ListExpr:
		b.exprs(e.List)
		for _, x := range e.List {
			b.aliased(x)
		}
	case *syntax.TupleExpr:
		b.exprs(e.List)
		for _, x := range e.List {
			b.aliased(x)
		}
	case *syntax.DictExpr:
		for _, entry := range e.List {
			if entry, ok := entry.(*syntax.DictEntry); ok {
				b.expr(entry.Key)
				b.expr(entry.Value)
				b.aliased(entry.Value)
			}
		}
	case *syntax.DictEntry:
		b.expr(e.Key)
		b.expr(e.Value)
	case *syntax.CallExpr:
		b.call(e)
	case *syntax.LambdaExpr:
		b.function(e, "", e.Params, []syntax.Stmt{&syntax.ReturnStmt{Return: e.Lambda, Result: e.Body}})
	case *syntax.Comprehension:
		b.comprehension(e)
	}
}

func (b *binder) call(e *syntax.CallExpr) {
	b.arguments(e)
	b.expr(e.Fn)
	if id, ok := e.Fn.(*syntax.Ident); ok {
		if v := b.uses[id]; v != nil {
			v.calls++
			b.directCalls = append(b.directCalls, directCall{b.fn, id, e})
		}
	}
	if dot, ok := e.Fn.(*syntax.DotExpr); ok && changesReceiver[dot.Name.Name] {
		if v := b.root(dot.X); v != nil {
			b.change(v)
		}
	}
	for _, arg := range e.Args {
		if kw, ok := arg.(*syntax.BinaryExpr); ok && kw.Op == syntax.EQ {
			b.expr(kw.Y)
			b.aliased(kw.Y)
			continue
		}
		b.expr(arg)
		b.aliased(arg)
	}
}

// changesReceiver are the methods that change the list or dict they are called on.
var changesReceiver = map[string]bool{
	"append": true, "extend": true, "insert": true, "remove": true, "pop": true, "popitem": true, "clear": true,
	"update": true, "setdefault": true,
}

func (b *binder) comprehension(e *syntax.Comprehension) {
	n := len(b.blocks)
	for _, clause := range e.Clauses {
		switch c := clause.(type) {
		case *syntax.ForClause:
			b.expr(c.X)
			b.assignable(c.Vars, false)
			block := map[string]*Binding{}
			b.iteration(c.Vars, block)
			b.blocks = append(b.blocks, block)
		case *syntax.IfClause:
			b.expr(c.Cond)
		}
	}
	b.expr(e.Body)
	b.blocks = b.blocks[:n]
}

func (b *binder) iteration(e syntax.Expr, block map[string]*Binding) {
	switch e := e.(type) {
	case *syntax.Ident:
		v := block[e.Name]
		if v == nil {
			v = b.variable(e.Name, Iteration)
			block[e.Name] = v
		}
		b.uses[e] = v
		v.Defs = append(v.Defs, e)
	case *syntax.ParenExpr:
		b.iteration(e.X, block)
	case *syntax.TupleExpr:
		for _, x := range e.List {
			b.iteration(x, block)
		}
	case *syntax.ListExpr:
		for _, x := range e.List {
			b.iteration(x, block)
		}
	default:
		b.expr(e)
	}
}

// root is the variable that e reads a part of: the x of x, x[0].a and (x).b, or nil.
func (b *binder) root(e syntax.Expr) *Binding {
	if id := rootIdent(e); id != nil {
		return b.uses[id]
	}
	return nil
}

func rootIdent(e syntax.Expr) *syntax.Ident {
	for {
		switch x := e.(type) {
		case *syntax.Ident:
			return x
		case *syntax.ParenExpr:
			e = x.X
		case *syntax.DotExpr:
			e = x.X
		case *syntax.IndexExpr:
			e = x.X
		case *syntax.SliceExpr:
			e = x.X
		default:
			return nil
		}
	}
}

func isIdent(e syntax.Expr) bool {
	_, ok := e.(*syntax.Ident)
	return ok
}

func (b *binder) change(v *Binding) {
	v.changed = true
	v.open = v.open || v.Kind == Global && b.fn.Parent != nil
	for _, l := range b.loops {
		l.changed = append(l.changed, v)
	}
}

// aliased notes that the value of e gets a second name, through which a loop's later turns may change it.
func (b *binder) aliased(e syntax.Expr) {
	if len(b.loops) == 0 {
		return
	}
	if v := b.root(e); v != nil {
		for _, l := range b.loops {
			l.changed = append(l.changed, v)
		}
	}
}
