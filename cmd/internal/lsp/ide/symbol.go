package ide

import (
	"context"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/types"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/kurtosis-go/kurtosis/typecheck"
)

// symbol is what the text at a place stands for. Exactly one of the groups below is set.
type symbol struct {
	at   source.Range // the name in the text
	name string
	typ  types.Type // of the expression, nil where there is none

	// A variable, function or parameter of module.
	binding *typecheck.Binding
	module  *Module

	// A parameter of a function of module.
	fn    *typecheck.Func
	param *typecheck.Parm

	// A row of the table, or a parameter of it.
	row      *builtins.Builtin
	rowParam *builtins.Param

	// A field of a struct or of a builtin type, or a key of a dict.
	owner types.Type
	field types.Field
	base  syntax.Expr // what it is a field of

	// A string that names a file.
	file    *fileString
	service string // a string that names a service or an artifact
}

// fileString is a locator in the text.
type fileString struct {
	literal *syntax.Literal
	locator string
	target  workspace.Target
	err     error
}

// symbolAt finds what stands at a place; nil where there is nothing to say.
func (v *View) symbolAt(ctx context.Context, m *Module, at source.Pos) *symbol {
	path := nodesAt(m.Info.Tree, at)
	if len(path) == 0 {
		return nil
	}
	switch n := path[len(path)-1].(type) {
	case *syntax.Ident:
		return v.identSymbol(ctx, m, path, n)
	case *syntax.Literal:
		return v.literalSymbol(ctx, m, path, n, at)
	case *syntax.DotExpr:
		if nodeRange(n.Name).Contains(at) && !parse.IsMissing(n.Name) {
			return v.attributeSymbol(ctx, m, n)
		}
	}
	return nil
}

func (v *View) identSymbol(ctx context.Context, m *Module, path []syntax.Node, id *syntax.Ident) *symbol {
	if id.Name == "" {
		return nil
	}
	switch parent := parentOf(path, id).(type) {
	case *syntax.DotExpr:
		if parent.Name == id {
			return v.attributeSymbol(ctx, m, parent)
		}
	case *syntax.BinaryExpr:
		if call, ok := parentOf(path, parent).(*syntax.CallExpr); ok && parent.Op == syntax.EQ && parent.X == id && isArg(call, parent) {
			return v.argumentSymbol(ctx, m, call, id)
		}
	case *syntax.LoadStmt:
		for i, from := range parent.From {
			if from == id || parent.To[i] == id {
				if s := v.loadSymbol(ctx, m, parent, from); s != nil {
					s.at = nodeRange(id)
					return s
				}
			}
		}
	}
	return v.bindingSymbol(m, id)
}

func isArg(call *syntax.CallExpr, e syntax.Expr) bool {
	for _, a := range call.Args {
		if a == e {
			return true
		}
	}
	return false
}

func (v *View) bindingSymbol(m *Module, id *syntax.Ident) *symbol {
	b := m.Info.Binding(id)
	if b == nil {
		return nil
	}
	s := &symbol{at: nodeRange(id), name: id.Name, typ: m.Info.TypeOf(id)}
	if b.Kind == typecheck.Predeclared {
		s.row = b.Builtin
		return s
	}
	s.binding, s.module = b, m
	if s.typ == nil {
		s.typ = b.Type()
	}
	if b.Kind == typecheck.Parameter && b.Func != nil {
		s.fn, s.param = b.Func, b.Func.Param(id.Name)
	}
	return s
}

// loadSymbol is what a name in a load statement stands for.
func (v *View) loadSymbol(ctx context.Context, m *Module, load *syntax.LoadStmt, from *syntax.Ident) *symbol {
	locator, _ := stringValue(load.Module)
	to, err := v.files.Resolver().Resolve(ctx, m.Target, locator)
	if err != nil {
		return nil
	}
	return v.globalSymbol(ctx, to.Path, from.Name, nodeRange(from))
}

// globalSymbol is a global of another module.
func (v *View) globalSymbol(ctx context.Context, path, name string, at source.Range) *symbol {
	other, err := v.Module(ctx, path)
	if err != nil {
		return nil
	}
	b := other.Info.Global(name)
	if b == nil {
		return nil
	}
	return &symbol{at: at, name: name, typ: b.Type(), binding: b, module: other}
}

// attributeSymbol is what e.X.name stands for.
func (v *View) attributeSymbol(ctx context.Context, m *Module, e *syntax.DotExpr) *symbol {
	base, _ := types.Sure(v.typeOf(m, e.X))
	name, at := e.Name.Name, nodeRange(e.Name)
	for _, t := range types.Members(base) {
		t, _ = types.Sure(t)
		if mod, ok := t.(*types.Module); ok {
			if info, ok := mod.Exports.(*typecheck.Info); ok {
				if s := v.globalSymbol(ctx, info.Target.Path, name, at); s != nil {
					return s
				}
				continue
			}
			if row := builtins.Lookup(mod.Name, name); row != nil {
				return &symbol{at: at, name: name, typ: v.typeOf(m, e), row: row}
			}
			continue
		}
		if _, isDict := t.(*types.Dict); !isDict {
			if f, ok := types.Attr(t, name); ok {
				return &symbol{at: at, name: name, typ: f.Type, owner: t, field: f, base: e.X}
			}
		}
		if row := builtins.Lookup(receiverOf(t), name); row != nil && receiverOf(t) != "" {
			return &symbol{at: at, name: name, typ: v.typeOf(m, e), row: row}
		}
	}
	return nil
}

// argumentSymbol is the parameter that a keyword argument gives.
func (v *View) argumentSymbol(ctx context.Context, m *Module, call *syntax.CallExpr, id *syntax.Ident) *symbol {
	callee := v.calleeOf(ctx, m, call)
	s := &symbol{at: nodeRange(id), name: id.Name}
	switch {
	case callee.row != nil:
		if p := callee.row.Param(id.Name); p != nil {
			s.row, s.rowParam, s.typ = callee.row, p, p.Type
			return s
		}
		if callee.row.Name == "struct" && callee.row.Receiver == "" {
			_, value := keyword(call.Args[argIndex(call, id)])
			s.typ = v.typeOf(m, value)
			s.owner, s.field = v.typeOf(m, call), types.Field{Name: id.Name, Type: s.typ}
			s.base = call
			return s
		}
	case callee.fn != nil:
		if p := callee.fn.Param(id.Name); p != nil {
			s.fn, s.param, s.module = callee.fn, p, callee.module
			s.binding = callee.module.Info.Binding(p.Name)
			if s.typ = callee.module.Info.TypeOf(p.Name); s.typ == nil {
				s.typ = p.Type
			}
			return s
		}
	}
	return nil
}

func argIndex(call *syntax.CallExpr, id *syntax.Ident) int {
	for i, a := range call.Args {
		if name, _ := keyword(a); name == id {
			return i
		}
	}
	return 0
}

// callee is what a call calls, in the present version of the module that defines it.
type callee struct {
	typ    *types.Function
	row    *builtins.Builtin
	fn     *typecheck.Func
	module *Module
}

func (v *View) calleeOf(ctx context.Context, m *Module, call *syntax.CallExpr) callee {
	c := m.Info.CalleeOf(call)
	out := callee{typ: c.Type, row: c.Builtin}
	switch {
	case c.Func == nil:
	case c.Module == nil || c.Module == m.Info:
		out.fn, out.module = c.Func, m
	default:
		if other, err := v.Module(ctx, c.Module.Target.Path); err == nil {
			if fn := other.Info.Func(c.Func.Name); fn != nil {
				out.fn, out.module, out.typ = fn, other, fn.Type()
			}
		}
	}
	if out.row == nil && out.fn == nil {
		// The call may be too broken to be typed: go by what is called.
		v.calleeByName(ctx, m, call.Fn, &out)
	}
	return out
}

func (v *View) calleeByName(ctx context.Context, m *Module, fn syntax.Expr, out *callee) {
	var s *symbol
	switch e := unparen(fn).(type) {
	case *syntax.Ident:
		s = v.bindingSymbol(m, e)
	case *syntax.DotExpr:
		s = v.attributeSymbol(ctx, m, e)
	}
	if s == nil {
		return
	}
	if s.row != nil {
		if s.row.Callable() {
			out.row, out.typ = s.row, s.row.Function()
		}
		return
	}
	if t, ok := sure(s.typ).(*types.Function); ok && out.typ == nil && !t.Loose {
		out.typ = t
	}
	if s.binding != nil && s.binding.Kind != typecheck.Parameter {
		if def := s.binding.Def(); def != nil && len(s.binding.Defs) == 1 {
			if f := s.module.Info.FuncOf(def); f != nil {
				out.fn, out.module, out.typ = f, s.module, f.Type()
			}
		}
	}
}

func sure(t types.Type) types.Type {
	t, _ = types.Sure(t)
	return t
}

// typeOf is the type of an expression, Unknown where nothing was found out. Code that is never reached, as while
// somebody types behind a return, is typed by what its names are elsewhere.
func (v *View) typeOf(m *Module, e syntax.Expr) types.Type {
	if t := m.Info.TypeOf(e); t != nil && t != types.Unknown && t != types.Never {
		return t
	}
	switch e := e.(type) {
	case *syntax.ParenExpr:
		return v.typeOf(m, e.X)
	case *syntax.Ident:
		return v.nameType(m, e)
	case *syntax.DotExpr:
		base := sure(v.typeOf(m, e.X))
		if f, ok := types.Attr(base, e.Name.Name); ok {
			if _, isDict := base.(*types.Dict); !isDict {
				return f.Type
			}
		}
		if row := builtins.Lookup(receiverOf(base), e.Name.Name); row != nil && receiverOf(base) != "" {
			return row.Type()
		}
	case *syntax.IndexExpr:
		base := sure(v.typeOf(m, e.X))
		if key, ok := stringValue(e.Y); ok {
			if f, ok := types.Attr(base, key); ok {
				return f.Type
			}
		}
		if d, ok := base.(*types.Dict); ok {
			return d.Value
		}
		if elem, ok := types.Elem(base); ok {
			return elem
		}
	case *syntax.CallExpr:
		if f, ok := sure(v.typeOf(m, e.Fn)).(*types.Function); ok && f.Result != nil {
			return f.Result
		}
	}
	return types.Unknown
}

// nameType is what a name can be, wherever it stands.
func (v *View) nameType(m *Module, id *syntax.Ident) types.Type {
	b := m.Info.Binding(id)
	if b == nil {
		return types.Unknown
	}
	if b.Kind == typecheck.Parameter && b.Name == "plan" {
		return builtins.NamedType("plan")
	}
	if t := b.Type(); t != types.Unknown {
		return t
	}
	var out types.Type
	for _, def := range b.Defs {
		if t := m.Info.TypeOf(def); t != nil && t != types.Unknown && parse.Pos(def.NamePos).Before(parse.Pos(id.NamePos)) {
			out = t
		}
	}
	if out == nil {
		return types.Unknown
	}
	return out
}

// receiverOf is the name under which the table lists the methods of t.
func receiverOf(t types.Type) string {
	switch t := sure(t).(type) {
	case *types.List:
		return "list"
	case *types.Dict:
		return "dict"
	case *types.Named:
		return t.Name
	case types.StringLit, *types.Future:
		return "string"
	case types.Basic:
		switch t {
		case types.String:
			return "string"
		case types.Bytes:
			return "bytes"
		}
	}
	return ""
}

func (v *View) literalSymbol(ctx context.Context, m *Module, path []syntax.Node, lit *syntax.Literal, at source.Pos) *symbol {
	if lit.Token != syntax.STRING {
		return nil
	}
	value, _ := lit.Value.(string)
	s := &symbol{at: inside(m.File(), lit), name: value}
	if load, ok := parentOf(path, lit).(*syntax.LoadStmt); ok && load.Module == lit {
		s.file = v.resolveString(ctx, m, lit)
		return s
	}
	if index, ok := parentOf(path, lit).(*syntax.IndexExpr); ok && index.Y == syntax.Expr(lit) {
		if d, ok := sure(v.typeOf(m, index.X)).(*types.Dict); ok {
			if f, ok := types.Attr(d, value); ok {
				s.typ, s.owner, s.field, s.base = f.Type, d, f, index.X
				return s
			}
		}
		return nil
	}
	call, param := v.parameterAt(ctx, m, path, lit)
	if call != nil && param != nil && locatorParams[param.Name] {
		s.file = v.resolveString(ctx, m, lit)
		return s
	}
	if call != nil && param != nil && (param.Name == "name" || strings.HasSuffix(param.Name, "service_name")) {
		s.service = value
		return s
	}
	if doc := v.docstringArg(m, path, lit, at); doc != nil {
		return doc
	}
	return nil
}

// locatorParams are the parameters that take a locator.
var locatorParams = map[string]bool{"module_file": true, "src": true, "build_context_dir": true}

// parameterAt finds the call of a builtin that a value is an argument of, and the parameter it is for.
func (v *View) parameterAt(ctx context.Context, m *Module, path []syntax.Node, value syntax.Expr) (*syntax.CallExpr, *builtins.Param) {
	var arg syntax.Expr = value
	for i := len(path) - 1; i >= 0; i-- {
		switch n := path[i].(type) {
		case *syntax.BinaryExpr:
			if n.Op == syntax.EQ && n.Y == arg {
				arg = n
			}
		case *syntax.CallExpr:
			if !isArg(n, arg) {
				return nil, nil
			}
			c := v.calleeOf(ctx, m, n)
			if c.row == nil {
				return nil, nil
			}
			if name, _ := keyword(arg); name != nil {
				return n, c.row.Param(name.Name)
			}
			position := 0
			for _, a := range n.Args {
				if a == arg {
					break
				}
				position++
			}
			if position < len(c.row.Params) && c.row.Params[position].Variadic == "" {
				return n, &c.row.Params[position]
			}
			return nil, nil
		case syntax.Expr:
			if n != arg {
				return nil, nil
			}
		}
	}
	return nil, nil
}

func (v *View) resolveString(ctx context.Context, m *Module, lit *syntax.Literal) *fileString {
	locator, _ := lit.Value.(string)
	to, err := v.files.Resolver().Resolve(ctx, m.Target, locator)
	return &fileString{literal: lit, locator: locator, target: to, err: err}
}

// docstringArg is the parameter whose entry in a docstring the place is in.
func (v *View) docstringArg(m *Module, path []syntax.Node, lit *syntax.Literal, at source.Pos) *symbol {
	for i := len(path) - 1; i >= 0; i-- {
		def, ok := path[i].(*syntax.DefStmt)
		if !ok {
			continue
		}
		fn := m.Info.FuncOf(def)
		if fn == nil || fn.Doc == nil || fn.Doc.Literal != lit {
			return nil
		}
		for _, a := range fn.Doc.Args {
			r, ok := docArgRange(m.File(), a)
			if !ok || !r.Contains(at) {
				continue
			}
			if p := fn.Param(a.Name); p != nil {
				return &symbol{at: r, name: a.Name, fn: fn, param: p, module: m, binding: m.Info.Binding(p.Name), typ: p.Type}
			}
		}
		return nil
	}
	return nil
}

// docArgRange is where the name of a docstring's entry stands.
func docArgRange(f *source.File, a typecheck.DocArg) (source.Range, bool) {
	line := string(f.Line(int(a.Line)))
	i := strings.Index(line, a.Name)
	if i < 0 || strings.TrimLeft(line[:i], " \t*`-") != "" {
		return source.Range{}, false
	}
	start := f.LineStart(int(a.Line)) + i
	return rangeAt(f, start, start+len(a.Name)), true
}
