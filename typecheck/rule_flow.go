package typecheck

import (
	"fmt"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

func (a *fn) unreachable(rest []syntax.Stmt) {
	if len(rest) == 0 || a.c.broken(rest[0]) {
		return
	}
	at := source.Range{Start: rangeOf(rest[0]).Start, End: rangeOf(rest[len(rest)-1]).End}
	a.c.report("unreachable", at, "this is never reached", "")
}

// missingReturn reports a function that returns a value on some paths and falls off its end on others.
func (a *fn) missingReturn() {
	def, ok := a.f.Node.(*syntax.DefStmt)
	if !ok || !a.result.valued || a.c.broken(def) {
		return
	}
	if a.result.falls && a.result.typ != types.None {
		a.c.report("missing-return", rangeOf(def.Name), fmt.Sprintf("%s returns a value on some paths only; on the others it returns None", a.f.Name),
			"end it with return or fail(...)")
	}
}

// noEffect reports an expression that is computed for nothing.
func (a *fn) noEffect(s *syntax.ExprStmt, t types.Type) {
	e := unparen(s.X)
	switch x := e.(type) {
	case *syntax.CallExpr:
		return
	case *syntax.Literal:
		if x.Token == syntax.STRING {
			return // a docstring, or a comment that is written as one
		}
	case *syntax.Comprehension, *syntax.CondExpr, *syntax.TupleExpr, *syntax.ListExpr, *syntax.IndexExpr:
		if hasCall(e) {
			return
		}
	case *syntax.BinaryExpr:
		if (x.Op == syntax.AND || x.Op == syntax.OR) && hasCall(x.Y) {
			return
		}
	case *syntax.Ident:
		if x.Name == "" {
			return
		}
	}
	if parse.IsMissing(e) || a.c.broken(s) {
		return
	}
	hint := ""
	if _, isFn := t.(*types.Function); isFn {
		hint = "a call needs parentheses"
	}
	if b, ok := e.(*syntax.BinaryExpr); ok && b.Op == syntax.EQL {
		hint = "did you mean =?"
	}
	a.c.report("no-effect", rangeOf(s), "this expression has no effect", hint)
}

func hasCall(e syntax.Expr) bool {
	found := false
	syntax.Walk(e, func(n syntax.Node) bool {
		if _, ok := n.(*syntax.CallExpr); ok {
			found = true
		}
		return !found
	})
	return found
}

// topLevelControl reports what the dialect forbids outside of functions.
func (a *fn) topLevelControl(at syntax.Position, what string) {
	if a.f.Parent != nil || !a.c.in.Tree.OK() { // where lines are indented wrongly, what is the top level is not known
		return
	}
	start := parse.Pos(at)
	word := what
	if text := string(a.c.file.Line(int(start.Line))); len(text) >= int(start.Col)+3 && text[start.Col-1:int(start.Col)+3] == "elif" {
		return // the if above says it
	}
	a.c.report("top-level-control", source.Range{Start: start, End: source.Pos{Line: start.Line, Col: start.Col + int32(len(word))}},
		fmt.Sprintf("%s does not work outside of a function", what), "move it into a function")
}

func (a *fn) whileLoop(s *syntax.WhileStmt) {
	start := parse.Pos(s.While)
	a.c.report("while-loop", source.Range{Start: start, End: source.Pos{Line: start.Line, Col: start.Col + 5}},
		"while does not exist in Kurtosis", "use for _ in range(n) with a break")
}

// mutableDefaults reports defaults that look as if each call got a fresh one.
func (a *fn) mutableDefaults(f *Func) {
	for _, p := range f.Params {
		if p.Default == nil || p.Name == nil {
			continue
		}
		v := f.scope[p.Name.Name]
		if v == nil || !v.changed || len(v.Defs) > 1 { // reassigned, it is likely a copy
			continue
		}
		switch unparen(p.Default).(type) {
		case *syntax.ListExpr, *syntax.DictExpr, *syntax.Comprehension:
			a.c.report("mutable-default", rangeOf(p.Default), fmt.Sprintf("the default of %s is changed in the function, which fails: it is frozen once the module has loaded", p.Name.Name),
				fmt.Sprintf("use %s = None and make a new one in the function", p.Name.Name))
		}
	}
}

// frozen reports a change to a global in a function: globals are frozen once their module has loaded.
func (a *fn) frozen(e syntax.Expr, root *Binding) {
	if root.Kind != Global || a.f.Parent == nil || root.Func == nil || len(root.Defs) != 1 {
		return
	}
	if a.c.calledAtTop(a.f) {
		return
	}
	t, ok := types.Sure(a.c.global(root))
	if !ok || !definitely(t, func(m types.Type) bool {
		switch m.(type) {
		case *types.List, *types.Dict:
			return true
		}
		return false
	}) {
		return
	}
	a.c.report("frozen-global", rangeOf(e), fmt.Sprintf("cannot change global %s in a function: it is frozen once the module has loaded", root.Name),
		"make a copy: list(…) or dict(…)")
}

// calledAtTop says whether f may run while the module loads, when globals can still be changed.
func (c *checker) calledAtTop(f *Func) bool { return f.ranEarly }

// recursions reports functions that call themselves, which the dialect forbids.
func (c *checker) recursions() {
	calls := map[*Func][]*Func{}
	where := map[[2]*Func]*syntax.CallExpr{}
	for _, e := range c.b.directCalls {
		def := c.b.uses[e.callee]
		if def == nil || def.def == nil || len(def.Defs) != 1 {
			continue
		}
		to := c.b.lambdas[def.def]
		if to == nil || e.from == nil {
			continue
		}
		key := [2]*Func{e.from, to}
		if where[key] == nil {
			where[key] = e.call
			calls[e.from] = append(calls[e.from], to)
		}
	}
	for _, f := range c.b.funcs {
		for _, to := range calls[f] {
			if to == f || reaches(calls, to, f, map[*Func]bool{}) {
				call := where[[2]*Func{f, to}]
				msg := fmt.Sprintf("%s calls itself, which fails: the language has no recursion", f.Name)
				if to != f {
					msg = fmt.Sprintf("%s calls itself by way of %s, which fails: the language has no recursion", f.Name, to.Name)
				}
				c.report("recursion", rangeOf(call.Fn), msg, "use a loop")
				break
			}
		}
	}
}

func reaches(calls map[*Func][]*Func, from, to *Func, seen map[*Func]bool) bool {
	if seen[from] {
		return false
	}
	seen[from] = true
	for _, next := range calls[from] {
		if next == to || reaches(calls, next, to, seen) {
			return true
		}
	}
	return false
}
