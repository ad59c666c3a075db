package typecheck

import (
	"slices"
	"sort"
	"sync"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/types"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
)

// Info is what is known of one checked module: beside its tree, never in it. It does not change once Check has
// returned. Tables by expression are there only when Input.Types asked for them.
type Info struct {
	Target  workspace.Target
	Tree    *parse.Tree
	Doc     *Docstring // of the module, nil when it has none
	Globals []*Binding // in the order of the source
	Funcs   []*Func    // all functions and lambdas, in the order of the source; the first is the top level
	Imports []Import   // calls of import_module with a constant, in the order of the walk

	uses   map[*syntax.Ident]*Binding
	byNode map[syntax.Node]*Func
	sites  map[*Func][]types.Type
	calls  []Call

	typesOnce sync.Once
	types     map[syntax.Expr]types.Type
	namesOnce sync.Once
	names     []*syntax.Ident // all of uses, in the order of the text
}

// Import is one call of import_module.
type Import struct {
	Call    *syntax.CallExpr
	Locator string
	Imported
}

// bound takes over what name resolution found.
func (info *Info) bound(b *binder) {
	info.uses, info.byNode, info.Funcs = b.uses, b.lambdas, b.funcs
	info.Doc = docstringOf(b.globals.body)
	b.globals.Doc = info.Doc
	for _, v := range b.globals.Bindings {
		if v.Kind == Global {
			info.Globals = append(info.Globals, v)
		}
	}
}

func (info *Info) finish(c *checker) {
	info.sites = c.sites
	for _, f := range info.Funcs {
		info.calls = append(info.calls, f.calls...)
	}
	for _, v := range info.Globals {
		if v.typ == nil {
			v.typ = types.Unknown
		}
	}
}

// abridge keeps what modules that import this one need, and lets go of the rest: what a package is checked with is
// in memory all at once.
func (info *Info) abridge() {
	info.uses, info.calls, info.sites = nil, nil, nil
	top := info.Funcs[0]
	top.Bindings = info.Globals
	kept := []*Func{top}
	byNode := map[syntax.Node]*Func{}
	for _, v := range info.Globals {
		if f := info.Func(v.Name); f != nil {
			f.Bindings, f.scope = nil, nil
			kept = append(kept, f)
			byNode[f.Node] = f
		}
	}
	for _, f := range kept {
		f.body, f.loops, f.found, f.exprs, f.calls, f.sites = nil, nil, nil, nil, nil, nil
	}
	info.Funcs, info.byNode = kept, byNode
}

// Export returns the type of a global; with Names it makes Info a types.Exports.
func (info *Info) Export(name string) (types.Type, bool) {
	if v := info.Global(name); v != nil {
		return v.Type(), true
	}
	// What a broken module holds is not known for sure.
	return types.Unknown, !info.Tree.OK()
}

// Names lists the globals in the order of the source.
func (info *Info) Names() []string {
	names := make([]string, len(info.Globals))
	for i, v := range info.Globals {
		names[i] = v.Name
	}
	return names
}

// Global returns the global of that name, or nil.
func (info *Info) Global(name string) *Binding {
	return info.Funcs[0].scope[name]
}

// Func returns the function that the global of that name is, or nil when it is none, or may be another value.
func (info *Info) Func(name string) *Func {
	v := info.Global(name)
	if v == nil || v.def == nil || len(v.Defs) != 1 {
		return nil
	}
	return info.byNode[v.def]
}

// FuncOf returns the function of a def or lambda.
func (info *Info) FuncOf(n syntax.Node) *Func { return info.byNode[n] }

// Binding returns what a name stands for where id is written, or nil when it is undefined. Names of attributes
// and of keyword arguments have none.
func (info *Info) Binding(id *syntax.Ident) *Binding { return info.uses[id] }

// TypeOf returns the type of an expression: for a variable that is assigned, of the value it gets. It is nil for
// what was never evaluated.
func (info *Info) TypeOf(e syntax.Expr) types.Type {
	info.typesOnce.Do(func() {
		n := 0
		for _, f := range info.Funcs {
			n += len(f.exprs)
		}
		info.types = make(map[syntax.Expr]types.Type, n)
		for _, f := range info.Funcs {
			for _, t := range f.exprs {
				info.types[t.expr] = t.typ
			}
		}
	})
	t := info.types[e]
	if l, ok := t.(*types.List); ok && l.Elem == types.Never {
		return types.ListOf(types.Unknown)
	}
	if d, ok := t.(*types.Dict); ok && d.Value == types.Never {
		return types.DictOf(types.Unknown, types.Unknown)
	}
	return t
}

// Constant returns the value of an expression that is a known string or int, as a Starlark literal.
func (info *Info) Constant(e syntax.Expr) (string, bool) {
	switch t := info.TypeOf(e).(type) {
	case types.StringLit, types.IntLit:
		return t.String(), true
	}
	return "", false
}

// CalleeOf returns what a call calls.
func (info *Info) CalleeOf(call *syntax.CallExpr) Callee {
	for i := len(info.calls) - 1; i >= 0; i-- {
		if info.calls[i].Expr == call {
			return info.calls[i].Callee
		}
	}
	return Callee{}
}

// Calls lists the calls of the module.
func (info *Info) Calls() []Call { return slices.Clone(info.calls) }

// Uses calls f for each place that binds or reads a name, in the order of the text.
func (info *Info) Uses(f func(*syntax.Ident, *Binding)) {
	info.namesOnce.Do(func() {
		info.names = make([]*syntax.Ident, 0, len(info.uses))
		for id := range info.uses {
			info.names = append(info.names, id)
		}
		sort.Slice(info.names, func(i, j int) bool {
			return parse.Pos(info.names[i].NamePos).Before(parse.Pos(info.names[j].NamePos))
		})
	})
	for _, id := range info.names {
		f(id, info.uses[id])
	}
}

// References lists the places that bind or read v, in the order of the text.
func (info *Info) References(v *Binding) []*syntax.Ident {
	var out []*syntax.Ident
	info.Uses(func(id *syntax.Ident, of *Binding) {
		if of == v {
			out = append(out, id)
		}
	})
	return out
}

// Scope lists what can be named at a place, innermost first: the variables of the functions around it, then the
// globals. Predeclared names are not among them.
func (info *Info) Scope(at source.Pos) []*Binding {
	inner := info.Funcs[0]
	for _, f := range info.Funcs[1:] {
		if rangeOf(f.Node).Contains(at) && depth(f) > depth(inner) {
			inner = f
		}
	}
	var out []*Binding
	seen := map[string]bool{}
	for f := inner; f != nil; f = f.Parent {
		for _, v := range f.Bindings {
			if !seen[v.Name] && v.Kind != Iteration {
				seen[v.Name] = true
				out = append(out, v)
			}
		}
	}
	return out
}

func depth(f *Func) int {
	n := 0
	for ; f.Parent != nil; f = f.Parent {
		n++
	}
	return n
}

// FuncAt returns the innermost function around a place; the top level when there is none.
func (info *Info) FuncAt(at source.Pos) *Func {
	inner := info.Funcs[0]
	for _, f := range info.Funcs[1:] {
		if rangeOf(f.Node).Contains(at) && depth(f) > depth(inner) {
			inner = f
		}
	}
	return inner
}

// Type is what the variable can be: of a global, what it is once the module has loaded.
func (v *Binding) Type() types.Type {
	switch {
	case v.typ != nil:
		return v.typ
	case v.Builtin != nil:
		return rowType(v.Builtin)
	}
	return types.Unknown
}

// Def returns the function definition that binds v, or nil.
func (v *Binding) Def() *syntax.DefStmt { return v.def }

// Type is the signature of f, with what it returns.
func (f *Func) Type() *types.Function { return f.signature }

// Param returns the parameter of that name, or nil.
func (f *Func) Param(name string) *Parm {
	for i := range f.Params {
		if f.Params[i].Name != nil && f.Params[i].Name.Name == name {
			return &f.Params[i]
		}
	}
	return nil
}
