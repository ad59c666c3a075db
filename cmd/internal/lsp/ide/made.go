package ide

import (
	"context"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

// made is a service or a files artifact that a call names with a constant.
type made struct {
	name     string
	artifact bool
	call     *syntax.CallExpr
	row      *builtins.Builtin
	at       syntax.Node // the name in the text
	m        *Module
}

// makers are the instructions that make something, and the parameter that names it.
var makers = map[string]string{
	"add_service": "name", "upload_files": "name", "render_templates": "name", "store_service_files": "name", "run_sh": "", "run_python": "",
}

// made lists the services and artifacts that a module makes by constant names, in the order of the text.
func (v *View) made(ctx context.Context, m *Module) []made {
	var out []made
	syntax.Walk(m.Info.Tree.Syntax, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok {
			return true
		}
		dot, ok := call.Fn.(*syntax.DotExpr)
		if !ok {
			return true
		}
		if dot.Name.Name == "add_services" {
			out = append(out, v.madeByDict(m, call)...)
			return true
		}
		param, ok := makers[dot.Name.Name]
		if !ok {
			return true
		}
		row := builtins.Lookup("plan", dot.Name.Name)
		if row == nil || param == "" {
			out = append(out, stored(m, call, row)...)
			return true
		}
		if arg := argument(call, row, param); arg != nil {
			if name, ok := v.constantString(m, arg); ok && name != "" {
				out = append(out, made{name, dot.Name.Name != "add_service", call, row, arg, m})
			}
		}
		return true
	})
	return out
}

// argument is the value that a call of a builtin gives to a parameter, or nil.
func argument(call *syntax.CallExpr, row *builtins.Builtin, param string) syntax.Expr {
	for i, a := range call.Args {
		name, value := keyword(a)
		if name != nil && name.Name == param || name == nil && !starred(a) && i < len(row.Params) && row.Params[i].Name == param {
			return value
		}
	}
	return nil
}

func (v *View) constantString(m *Module, e syntax.Expr) (string, bool) {
	if s, ok := stringValue(e); ok {
		return s, true
	}
	s, ok := sure(v.typeOf(m, e)).(types.StringLit)
	return string(s), ok
}

func (v *View) madeByDict(m *Module, call *syntax.CallExpr) []made {
	row := builtins.Lookup("plan", "add_services")
	d, ok := unparen(argument(call, row, "configs")).(*syntax.DictExpr)
	if !ok {
		return nil
	}
	var out []made
	for _, entry := range d.List {
		if e, ok := entry.(*syntax.DictEntry); ok {
			if name, ok := v.constantString(m, e.Key); ok {
				out = append(out, made{name, false, call, row, e.Key, m})
			}
		}
	}
	return out
}

// stored are the artifacts that a task stores: StoreSpec(name = "…").
func stored(m *Module, call *syntax.CallExpr, row *builtins.Builtin) []made {
	var out []made
	for _, a := range call.Args {
		syntax.Walk(a, func(n syntax.Node) bool {
			spec, ok := n.(*syntax.CallExpr)
			if !ok {
				return true
			}
			id, ok := spec.Fn.(*syntax.Ident)
			if !ok || id.Name != "StoreSpec" {
				return true
			}
			if arg := argument(spec, builtins.Lookup("", "StoreSpec"), "name"); arg != nil {
				if name, ok := stringValue(arg); ok {
					out = append(out, made{name, true, call, row, arg, m})
				}
			}
			return true
		})
	}
	return out
}

// madeAround lists what this module makes, and those it imports.
func (v *View) madeAround(ctx context.Context, m *Module) []made {
	out := v.made(ctx, m)
	seen := map[string]bool{m.Path(): true}
	for _, imp := range m.Info.Imports {
		if imp.Module == nil || seen[imp.Target.Path] {
			continue
		}
		seen[imp.Target.Path] = true
		if other, err := v.Plain(ctx, imp.Target.Path); err == nil {
			out = append(out, v.made(ctx, other)...)
		}
	}
	return out
}

// madeAt is where a service or artifact of that name is made.
func (v *View) madeAt(ctx context.Context, m *Module, name string) []Target {
	var out []Target
	for _, s := range v.madeAround(ctx, m) {
		if s.name == name {
			out = append(out, Target{Location{s.m.Path(), nodeRange(s.at)}, nodeRange(s.call)})
		}
	}
	return out
}

func (v *View) describeService(ctx context.Context, m *Module, name string) string {
	for _, s := range v.madeAround(ctx, m) {
		if s.name != name {
			continue
		}
		kind := "service"
		if s.artifact {
			kind = "files artifact"
		}
		lines := strings.Split(text(s.m.File(), s.call), "\n")
		if len(lines) > 15 {
			lines = append(lines[:15], "…")
		}
		return code("("+kind+") "+name) + "\nMade by `plan." + s.row.Name + "`:\n\n" + code(strings.Join(lines, "\n"))
	}
	return ""
}
