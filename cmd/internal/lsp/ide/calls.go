package ide

import (
	"context"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/typecheck"
)

// CallItem is a function in a call hierarchy, or the top level of a module.
type CallItem struct {
	Name   string
	Detail string // the module
	Path   string
	Range  source.Range // the whole function
	At     source.Range // its name
	Top    bool         // it is the top level
}

// CallSite is a function with the places of calls.
type CallSite struct {
	Item  CallItem
	Calls []source.Range // in the caller's file
}

// PrepareCalls finds the function that is named at a place, or that a call there calls.
func (v *View) PrepareCalls(ctx context.Context, path string, at source.Pos) ([]CallItem, error) {
	m, err := v.Module(ctx, path)
	if err != nil {
		return nil, err
	}
	s := v.symbolAt(ctx, m, at)
	if s == nil || s.binding == nil || s.param != nil {
		return nil, nil
	}
	def := s.binding.Def()
	if def == nil {
		return nil, nil
	}
	return []CallItem{v.callItem(s.module, def)}, nil
}

func (v *View) callItem(m *Module, def *syntax.DefStmt) CallItem {
	return CallItem{Name: def.Name.Name, Detail: v.shown(m.Path()), Path: m.Path(), Range: nodeRange(def), At: nodeRange(def.Name)}
}

// Callers lists the functions of the workspace that call the one whose name is at a place.
func (v *View) Callers(ctx context.Context, path string, at source.Pos) ([]CallSite, error) {
	refs, err := v.References(ctx, path, at)
	if err != nil {
		return nil, err
	}
	var out []CallSite
	index := map[Location]int{}
	for _, r := range refs {
		if r.Definition {
			continue
		}
		m, err := v.Module(ctx, r.Path)
		if err != nil {
			return nil, err
		}
		nodes := nodesAt(m.Info.Tree, r.Range.Start)
		if !called(nodes, r.Range) {
			continue
		}
		item := v.enclosing(m, nodes)
		key := Location{item.Path, item.At}
		i, seen := index[key]
		if !seen {
			i = len(out)
			index[key] = i
			out = append(out, CallSite{Item: item})
		}
		out[i].Calls = append(out[i].Calls, r.Range)
	}
	return out, nil
}

// called says whether the name at a range is what a call around it calls.
func called(nodes []syntax.Node, name source.Range) bool {
	for i := len(nodes) - 1; i >= 0; i-- {
		if call, ok := nodes[i].(*syntax.CallExpr); ok {
			fn := nodeRange(unparen(call.Fn))
			return fn.End == name.End && fn.Contains(name.Start)
		}
	}
	return false
}

// enclosing is the function around a place, or the module's top level.
func (v *View) enclosing(m *Module, nodes []syntax.Node) CallItem {
	for _, n := range nodes {
		if def, ok := n.(*syntax.DefStmt); ok {
			return v.callItem(m, def)
		}
	}
	start := source.Pos{Line: 1, Col: 1}
	return CallItem{
		Name: v.shown(m.Path()), Detail: "top level", Path: m.Path(), Top: true,
		Range: source.Range{Start: start, End: m.File().End()}, At: source.Range{Start: start, End: start},
	}
}

// Callees lists the functions that the one whose name is at a place calls; builtins lead to their stubs.
func (v *View) Callees(ctx context.Context, path string, at source.Pos) ([]CallSite, error) {
	m, err := v.Module(ctx, path)
	if err != nil {
		return nil, err
	}
	def := innermost[*syntax.DefStmt](nodesAt(m.Info.Tree, at))
	if def == nil {
		return nil, nil
	}
	var out []CallSite
	index := map[Location]int{}
	syntax.Walk(def, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok {
			return true
		}
		item, ok := v.calleeItem(ctx, m, call)
		if !ok {
			return true
		}
		key := Location{item.Path, item.At}
		i, seen := index[key]
		if !seen {
			i = len(out)
			index[key] = i
			out = append(out, CallSite{Item: item})
		}
		out[i].Calls = append(out[i].Calls, calledRange(call))
		return true
	})
	return out, ctx.Err()
}

func calledRange(call *syntax.CallExpr) source.Range {
	if dot, ok := unparen(call.Fn).(*syntax.DotExpr); ok {
		return nodeRange(dot.Name)
	}
	return nodeRange(call.Fn)
}

func (v *View) calleeItem(ctx context.Context, m *Module, call *syntax.CallExpr) (CallItem, bool) {
	c := v.calleeOf(ctx, m, call)
	switch {
	case c.fn != nil:
		if def, ok := c.fn.Node.(*syntax.DefStmt); ok {
			return v.callItem(c.module, def), true
		}
	case c.row != nil:
		if l, ok := stubOf(c.row, ""); ok {
			return CallItem{Name: c.row.QualifiedName(), Detail: "builtin", Path: l.Path, Range: l.Range, At: l.Range}, true
		}
	}
	return CallItem{}, false
}

// Linked lists the places that must change together with the name at a place: those of a variable of a function,
// which nothing outside of it can see. It is empty where other names may depend on it.
func (v *View) Linked(ctx context.Context, path string, at source.Pos) ([]source.Range, error) {
	m, err := v.Around(ctx, path, at)
	if err != nil || !m.Info.Tree.OK() {
		return nil, err
	}
	s := v.symbolAt(ctx, m, at)
	if s == nil || s.binding == nil || s.module != m || s.param != nil {
		return nil, nil
	}
	if k := s.binding.Kind; k != typecheck.Local && k != typecheck.Iteration || s.binding.Def() != nil {
		return nil, nil
	}
	var out []source.Range
	for _, id := range m.Info.References(s.binding) {
		out = append(out, nodeRange(id))
	}
	if len(out) < 2 {
		return nil, nil
	}
	return out, nil
}
