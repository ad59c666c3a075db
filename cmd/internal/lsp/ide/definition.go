package ide

import (
	"context"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/types"
	"github.com/kurtosis-go/kurtosis/typecheck"
)

// Definition is where what stands at a place is defined.
type Definition struct {
	Origin  source.Range // the name at the place
	Targets []Target
}

// Target is a place to go to.
type Target struct {
	Location              // of the name
	Full     source.Range // of the whole definition
}

// Definition finds where the name at a place is defined: in this module, in another one, or in the stub of a
// builtin. It is nil where there is nothing to go to.
func (v *View) Definition(ctx context.Context, path string, at source.Pos) (*Definition, error) {
	m, err := v.Module(ctx, path)
	if err != nil {
		return nil, err
	}
	s := v.symbolAt(ctx, m, at)
	if s == nil {
		return nil, nil
	}
	d := &Definition{Origin: s.at}
	switch {
	case s.file != nil:
		if s.file.err == nil {
			d.Targets = v.fileTarget(ctx, s.file)
		}
	case s.service != "":
		d.Targets = v.madeAt(ctx, m, s.service)
	case s.row != nil:
		param := ""
		if s.rowParam != nil {
			param = s.rowParam.Name
		}
		if l, ok := stubOf(s.row, param); ok {
			d.Targets = []Target{{l, l.Range}}
		}
	case s.param != nil && s.binding == nil:
		d.Targets = []Target{nameTarget(s.module, s.param.Name, s.fn.Node)}
	case s.binding != nil:
		d.Targets = v.bindingTargets(ctx, s)
	case s.owner != nil:
		d.Targets = v.fieldTargets(ctx, m, s)
	}
	if len(d.Targets) == 0 {
		return nil, nil
	}
	return d, nil
}

// bindingTargets are the places that bind a name. A name that is bound to an attribute of another module stays
// itself; a load leads to the other module.
func (v *View) bindingTargets(ctx context.Context, s *symbol) []Target {
	var out []Target
	for _, id := range s.binding.Defs {
		path := nodesAt(s.module.Info.Tree, nodeRange(id).Start)
		if load := innermost[*syntax.LoadStmt](path); load != nil {
			for i, to := range load.To {
				if to == id {
					if other := v.loadSymbol(ctx, s.module, load, load.From[i]); other != nil {
						return v.bindingTargets(ctx, other)
					}
				}
			}
		}
		full := syntax.Node(id)
		switch def := innermost[*syntax.DefStmt](path); {
		case def != nil && def.Name == id:
			full = def
		default:
			if a := innermost[*syntax.AssignStmt](path); a != nil && nodeRange(a.LHS).Contains(nodeRange(id).Start) {
				full = a
			}
		}
		out = append(out, nameTarget(s.module, id, full))
	}
	return out
}

func nameTarget(m *Module, id *syntax.Ident, full syntax.Node) Target {
	return Target{Location{m.Path(), nodeRange(id)}, nodeRange(full)}
}

func (v *View) fileTarget(ctx context.Context, f *fileString) []Target {
	info, err := v.files.Stat(ctx, f.target.Path)
	if err != nil || info.Dir {
		return nil
	}
	start := source.Pos{Line: 1, Col: 1}
	at := source.Range{Start: start, End: start}
	return []Target{{Location{f.target.Path, at}, at}}
}

// fieldTargets finds where a field of a struct, or a key of a dict, gets its value.
func (v *View) fieldTargets(ctx context.Context, m *Module, s *symbol) []Target {
	if n, ok := s.owner.(*types.Named); ok {
		return v.builtinFieldTargets(n, s.name)
	}
	if call, ok := s.base.(*syntax.CallExpr); ok && s.at.Start.IsValid() {
		for _, a := range call.Args {
			if name, _ := keyword(a); name != nil && nodeRange(name) == s.at {
				return []Target{nameTarget(m, name, a)}
			}
		}
	}
	var out []Target
	v.fieldSites(ctx, m, s.base, s.name, 0, func(m *Module, name, full syntax.Node) {
		t := Target{Location{m.Path(), nodeRange(name)}, nodeRange(full)}
		for _, have := range out {
			if have == t {
				return
			}
		}
		out = append(out, t)
	})
	return out
}

// builtinFieldTargets leads from a field of a builtin type to the argument of its constructor, or to what returns it.
func (v *View) builtinFieldTargets(n *types.Named, field string) []Target {
	row := builtins.Lookup("", n.Name)
	if row == nil {
		if i, ok := resultOf(n); ok {
			row = i
		}
	}
	if row == nil {
		return nil
	}
	if l, ok := stubOf(row, field); ok {
		return []Target{{l, l.Range}}
	}
	return nil
}

// resultOf is the first instruction that returns a type.
func resultOf(n *types.Named) (*builtins.Builtin, bool) {
	for _, row := range builtins.Instructions() {
		if types.Equal(row.Result, n) {
			return row, true
		}
	}
	return nil, false
}

const maxFieldDepth = 12

// fieldSites visits the places that give the field of a value, as far as they can be found by following names,
// calls and modules.
func (v *View) fieldSites(ctx context.Context, m *Module, e syntax.Expr, field string, depth int, visit func(m *Module, name, full syntax.Node)) {
	if depth > maxFieldDepth || ctx.Err() != nil {
		return
	}
	follow := func(m *Module, e syntax.Expr) { v.fieldSites(ctx, m, e, field, depth+1, visit) }
	switch e := unparen(e).(type) {
	case *syntax.CallExpr:
		c := v.calleeOf(ctx, m, e)
		switch {
		case c.row != nil && (c.row.Name == "struct" || c.row.Name == "dict") && c.row.Receiver == "":
			for _, a := range e.Args {
				if name, _ := keyword(a); name != nil && name.Name == field {
					visit(m, name, a)
				} else if u, ok := a.(*syntax.UnaryExpr); ok && u.Op == syntax.STARSTAR {
					follow(m, u.X)
				}
			}
		case c.fn != nil:
			if def, ok := c.fn.Node.(*syntax.DefStmt); ok {
				eachReturn(def.Body, func(x syntax.Expr) { follow(c.module, x) })
			} else if l, ok := c.fn.Node.(*syntax.LambdaExpr); ok {
				follow(c.module, l.Body)
			}
		}
	case *syntax.DictExpr:
		for _, entry := range e.List {
			if en, ok := entry.(*syntax.DictEntry); ok {
				if key, ok := stringValue(en.Key); ok && key == field {
					visit(m, en.Key, en)
				}
			}
		}
	case *syntax.CondExpr:
		follow(m, e.True)
		follow(m, e.False)
	case *syntax.BinaryExpr:
		follow(m, e.X)
		follow(m, e.Y)
	case *syntax.Ident:
		if b := m.Info.Binding(e); b != nil {
			v.assigned(m, b, follow)
		}
	case *syntax.DotExpr:
		if s := v.attributeSymbol(ctx, m, e); s != nil {
			switch {
			case s.binding != nil:
				v.assigned(s.module, s.binding, follow)
			case s.owner != nil && s.base != nil:
				v.fieldSites(ctx, m, s.base, s.name, depth+1, func(m *Module, _, full syntax.Node) { follow(m, valueOf(full)) })
			}
		}
	case *syntax.IndexExpr:
		if key, ok := stringValue(e.Y); ok {
			v.fieldSites(ctx, m, e.X, key, depth+1, func(m *Module, _, full syntax.Node) { follow(m, valueOf(full)) })
		}
	}
}

// valueOf is what a keyword argument, dict entry or assignment gives.
func valueOf(n syntax.Node) syntax.Expr {
	switch n := n.(type) {
	case *syntax.BinaryExpr:
		return n.Y
	case *syntax.DictEntry:
		return n.Value
	case *syntax.AssignStmt:
		return n.RHS
	case syntax.Expr:
		return n
	}
	return nil
}

// assigned visits the values that are assigned to a variable as a whole, and, in a dict, to its keys.
func (v *View) assigned(m *Module, b *typecheck.Binding, visit func(*Module, syntax.Expr)) {
	for _, id := range b.Defs {
		path := nodesAt(m.Info.Tree, nodeRange(id).Start)
		if a := innermost[*syntax.AssignStmt](path); a != nil && unparen(a.LHS) == syntax.Expr(id) {
			visit(m, a.RHS)
		}
	}
	if b.Kind == typecheck.Parameter && b.Func != nil {
		if p := b.Func.Param(b.Name); p != nil && p.Default != nil {
			visit(m, p.Default)
		}
	}
}

// eachReturn visits the values that a body returns, not those of functions in it.
func eachReturn(body []syntax.Stmt, visit func(syntax.Expr)) {
	for _, s := range body {
		switch s := s.(type) {
		case *syntax.ReturnStmt:
			if s.Result != nil {
				visit(s.Result)
			}
		case *syntax.IfStmt:
			eachReturn(s.True, visit)
			eachReturn(s.False, visit)
		case *syntax.ForStmt:
			eachReturn(s.Body, visit)
		}
	}
}

// TypeDefinition finds where the type of the expression at a place is defined: the constructor of a Kurtosis type in
// its stub, the function that makes a struct, the module that a value is.
func (v *View) TypeDefinition(ctx context.Context, path string, at source.Pos) (*Definition, error) {
	m, err := v.Module(ctx, path)
	if err != nil {
		return nil, err
	}
	s := v.symbolAt(ctx, m, at)
	if s == nil || s.typ == nil {
		return nil, nil
	}
	d := &Definition{Origin: s.at}
	for _, t := range types.Members(sure(s.typ)) {
		d.Targets = append(d.Targets, v.typeTargets(ctx, m, s, sure(t))...)
	}
	if len(d.Targets) == 0 {
		return nil, nil
	}
	return d, nil
}

func (v *View) typeTargets(ctx context.Context, m *Module, s *symbol, t types.Type) []Target {
	var row *builtins.Builtin
	switch t := t.(type) {
	case *types.Named:
		if row = builtins.Lookup("", t.Name); row == nil {
			if members := builtins.Members(t.Name); len(members) > 0 {
				row = members[0]
			} else {
				row, _ = resultOf(t)
			}
		}
	case *types.Module:
		if info, ok := t.Exports.(*typecheck.Info); ok {
			return v.fileTarget(ctx, &fileString{target: info.Target})
		}
		row = builtins.Lookup("", t.Name)
	case *types.Function:
		if s.binding != nil {
			return v.bindingTargets(ctx, s)
		}
	case *types.Struct:
		if s.binding == nil || len(t.Fields) == 0 {
			return nil
		}
		var out []Target
		for _, f := range t.Fields[:1] {
			v.assigned(s.module, s.binding, func(m *Module, e syntax.Expr) {
				v.fieldSites(ctx, m, e, f.Name, 0, func(m *Module, name, full syntax.Node) {
					out = append(out, Target{Location{m.Path(), nodeRange(name)}, nodeRange(full)})
				})
			})
		}
		return out
	}
	if row == nil {
		return nil
	}
	if l, ok := stubOf(row, ""); ok {
		return []Target{{l, l.Range}}
	}
	return nil
}
