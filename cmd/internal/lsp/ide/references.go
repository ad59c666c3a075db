package ide

import (
	"bytes"
	"context"
	"slices"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/types"
	"github.com/kurtosis-go/kurtosis/typecheck"
)

// Reference is a place that names something.
type Reference struct {
	Location
	Definition bool // it binds the name
	Write      bool // it gives it a value
	quoted     bool // it stands in a docstring or a string
}

// References lists the places of the workspace that name what is named at a place, in the order of files and text.
// The definitions are among them.
func (v *View) References(ctx context.Context, path string, at source.Pos) ([]Reference, error) {
	m, err := v.Module(ctx, path)
	if err != nil {
		return nil, err
	}
	s := v.symbolAt(ctx, m, at)
	if s == nil {
		return nil, nil
	}
	return v.referencesTo(ctx, m, s, true)
}

// Highlights lists the places of one file that name what is named at a place.
func (v *View) Highlights(ctx context.Context, path string, at source.Pos) ([]Reference, error) {
	m, err := v.Module(ctx, path)
	if err != nil {
		return nil, err
	}
	s := v.symbolAt(ctx, m, at)
	if s == nil {
		return nil, nil
	}
	all, err := v.referencesTo(ctx, m, s, false)
	return slices.DeleteFunc(all, func(r Reference) bool { return r.Path != path }), err
}

func (v *View) referencesTo(ctx context.Context, m *Module, s *symbol, everywhere bool) ([]Reference, error) {
	find := finder{v: v, ctx: ctx, s: s, origin: m}
	switch {
	case s.file != nil:
		if s.file.err != nil {
			return nil, nil
		}
		find.name = ""
	case s.binding != nil && s.binding.Kind != typecheck.Global && s.param == nil:
		// A local name is not seen from elsewhere.
		find.module(s.module)
		return find.out, nil
	case s.binding != nil || s.row != nil || s.owner != nil || s.service != "":
		find.name = s.name
	default:
		return nil, nil
	}
	paths := []string{m.Path()}
	if everywhere {
		all, err := v.Modules(ctx)
		if err != nil {
			return nil, err
		}
		paths = append(paths, all...)
	}
	if s.module != nil {
		paths = append(paths, s.module.Path())
	}
	slices.Sort(paths)
	for _, path := range slices.Compact(paths) {
		if !find.mentions(path) {
			continue
		}
		other, err := v.Module(ctx, path)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil {
			find.module(other)
		}
	}
	return find.out, nil
}

// finder collects the references to one symbol.
type finder struct {
	v      *View
	ctx    context.Context
	s      *symbol
	origin *Module // where the symbol was found
	name   string  // what the text of a module must have, "" for any
	out    []Reference
}

// mentions says whether a module can have references at all, which a search in its text tells quickly.
func (f *finder) mentions(path string) bool {
	if f.name == "" {
		return true
	}
	text, err := f.v.files.Read(f.ctx, path)
	return err == nil && bytes.Contains(text, []byte(f.name))
}

func (f *finder) add(m *Module, r source.Range, ref Reference) {
	ref.Location = Location{m.Path(), r}
	if slices.ContainsFunc(f.out, func(have Reference) bool { return have.Location == ref.Location }) {
		return
	}
	f.out = append(f.out, ref)
}

func (f *finder) module(m *Module) {
	s := f.s
	switch {
	case s.file != nil:
		f.imports(m)
	case s.service != "":
		f.strings(m)
	case s.binding != nil:
		f.uses(m)
		if s.param != nil {
			f.arguments(m)
		}
		if s.binding.Kind == typecheck.Global {
			f.attributes(m)
		}
	case s.row != nil:
		f.rows(m)
	case s.owner != nil:
		f.fields(m)
	}
	slices.SortStableFunc(f.out, func(a, b Reference) int {
		if a.Path != b.Path {
			return 0
		}
		return int(a.Range.Start.Line-b.Range.Start.Line)*10_000 + int(a.Range.Start.Col-b.Range.Start.Col)
	})
}

// uses are the places in the module of a variable.
func (f *finder) uses(m *Module) {
	if m.Path() != f.s.module.Path() {
		return
	}
	b := f.s.binding
	if m.Info != f.s.module.Info && b.Kind == typecheck.Global {
		b = m.Info.Global(b.Name)
	}
	if b == nil {
		return
	}
	for _, id := range m.Info.References(b) {
		def := slices.Contains(b.Defs, id)
		f.add(m, nodeRange(id), Reference{Definition: def, Write: def})
	}
	if f.s.param != nil && f.s.fn != nil && f.s.fn.Doc != nil {
		for _, a := range f.s.fn.Doc.Args {
			if r, ok := docArgRange(m.File(), a); ok && a.Name == f.s.name {
				f.add(m, r, Reference{quoted: true})
			}
		}
	}
}

// arguments are the keyword arguments that give a parameter.
func (f *finder) arguments(m *Module) {
	fn := f.s.fn
	if fn == nil || fn.Name == "" {
		return
	}
	f.eachCall(m, func(call *syntax.CallExpr) {
		var name *syntax.Ident
		for _, a := range call.Args {
			if id, _ := keyword(a); id != nil && id.Name == f.s.name {
				name = id
			}
		}
		if name == nil {
			return
		}
		c := f.v.calleeOf(f.ctx, m, call)
		if c.fn != nil && c.module.Path() == f.s.module.Path() && sameNode(c.fn, fn) {
			f.add(m, nodeRange(name), Reference{})
		}
	})
}

func sameNode(a, b *typecheck.Func) bool {
	return a == b || a.Name == b.Name && nodeRange(a.Node).Start == nodeRange(b.Node).Start
}

func (f *finder) eachCall(m *Module, visit func(*syntax.CallExpr)) {
	syntax.Walk(m.Info.Tree.Syntax, func(n syntax.Node) bool {
		if call, ok := n.(*syntax.CallExpr); ok {
			visit(call)
		}
		return true
	})
}

// attributes are the places that name a global by way of its module, and the loads of it.
func (f *finder) attributes(m *Module) {
	syntax.Walk(m.Info.Tree.Syntax, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.DotExpr:
			if n.Name.Name == f.s.name {
				if info := exportsOf(f.v.typeOf(m, n.X)); info != nil && info.Target.Path == f.s.module.Path() {
					f.add(m, nodeRange(n.Name), Reference{})
				}
			}
		case *syntax.LoadStmt:
			for i, from := range n.From {
				if from.Name != f.s.name {
					continue
				}
				if s := f.v.loadSymbol(f.ctx, m, n, from); s == nil || s.module.Path() != f.s.module.Path() {
					continue
				}
				f.add(m, nodeRange(from), Reference{})
				if to := n.To[i]; to.Name == from.Name {
					if b := m.Info.Binding(to); b != nil {
						for _, id := range m.Info.References(b) {
							if !slices.Contains(b.Defs, id) {
								f.add(m, nodeRange(id), Reference{})
							}
						}
					}
				}
			}
		}
		return true
	})
}

// exportsOf is the module that a value of type t is.
func exportsOf(t types.Type) *typecheck.Info {
	for _, m := range types.Members(sure(t)) {
		if mod, ok := sure(m).(*types.Module); ok {
			if info, ok := mod.Exports.(*typecheck.Info); ok {
				return info
			}
		}
	}
	return nil
}

// rows are the places that name a builtin, or give a parameter of one.
func (f *finder) rows(m *Module) {
	row := f.s.row
	if p := f.s.rowParam; p != nil {
		f.eachCall(m, func(call *syntax.CallExpr) {
			for _, a := range call.Args {
				if id, _ := keyword(a); id != nil && id.Name == p.Name && f.v.calleeOf(f.ctx, m, call).row == row {
					f.add(m, nodeRange(id), Reference{})
				}
			}
		})
		return
	}
	syntax.Walk(m.Info.Tree.Syntax, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Ident:
			if b := m.Info.Binding(n); row.Receiver == "" && b != nil && b.Builtin == row {
				f.add(m, nodeRange(n), Reference{})
			}
		case *syntax.DotExpr:
			if row.Receiver == "" || n.Name.Name != row.Name {
				break
			}
			base := sure(f.v.typeOf(m, n.X))
			mod, _ := base.(*types.Module)
			if receiverOf(base) == row.Receiver || mod != nil && mod.Exports != nil && mod.Name == row.Receiver && builtins.Lookup(mod.Name, row.Name) == row {
				f.add(m, nodeRange(n.Name), Reference{})
			}
		}
		return true
	})
}

// fields are the places that give or read a field, where the value it is of can be followed to the same places.
func (f *finder) fields(m *Module) {
	wanted := f.homes()
	visit := func(name syntax.Node, r source.Range, base syntax.Expr, owner types.Type) {
		if n, ok := f.s.owner.(*types.Named); ok {
			if o, ok := owner.(*types.Named); ok && types.Equal(n, o) {
				f.add(m, r, Reference{})
			}
			return
		}
		homes := f.v.fieldTargets(f.ctx, m, &symbol{name: f.s.name, owner: owner, base: base, at: nodeRange(name)})
		for _, h := range homes {
			if wanted[h.Location] {
				f.add(m, r, Reference{})
				return
			}
		}
	}
	syntax.Walk(m.Info.Tree.Syntax, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.DotExpr:
			if n.Name.Name == f.s.name {
				visit(n.Name, nodeRange(n.Name), n.X, sure(f.v.typeOf(m, n.X)))
			}
		case *syntax.IndexExpr:
			if key, ok := stringValue(n.Y); ok && key == f.s.name {
				visit(n.Y, inside(m.File(), stringLiteral(n.Y)), n.X, sure(f.v.typeOf(m, n.X)))
			}
		}
		return true
	})
	for home := range wanted {
		if home.Path == m.Path() {
			f.add(m, home.Range, Reference{Definition: true, Write: true})
		}
	}
}

// homes are the places that give the field its value.
func (f *finder) homes() map[Location]bool {
	out := map[Location]bool{}
	for _, t := range f.v.fieldTargets(f.ctx, f.origin, f.s) {
		out[t.Location] = true
	}
	return out
}

// imports are the strings that name a file.
func (f *finder) imports(m *Module) {
	edges, err := f.v.files.Imports(f.ctx, m.Target)
	if err != nil {
		return
	}
	for _, e := range edges {
		if e.Err == nil && e.Target.Path == f.s.file.target.Path {
			f.add(m, inside(m.File(), e.Literal), Reference{})
		}
	}
}

// strings are those that name the same service or artifact.
func (f *finder) strings(m *Module) {
	syntax.Walk(m.Info.Tree.Syntax, func(n syntax.Node) bool {
		lit, ok := n.(*syntax.Literal)
		if !ok || lit.Token != syntax.STRING || lit.Value != any(f.s.service) {
			return true
		}
		path := nodesAt(m.Info.Tree, nodeRange(lit).Start)
		if s := f.v.literalSymbol(f.ctx, m, path, lit, nodeRange(lit).Start); s != nil && s.service != "" {
			def := slices.ContainsFunc(f.v.made(f.ctx, m), func(k made) bool { return k.at == syntax.Node(lit) })
			f.add(m, inside(m.File(), lit), Reference{Definition: def, Write: def})
		}
		return true
	})
}
