package ide

import (
	"context"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/types"
	"github.com/kurtosis-go/kurtosis/typecheck"
)

// HintKind says what a hint tells.
type HintKind uint8

const (
	HintType HintKind = iota + 1
	HintParameter
)

// Hint is text that an editor shows between the characters of a line.
type Hint struct {
	At      source.Pos
	Label   string
	Kind    HintKind
	Tooltip string
}

// Hints lists the hints of the lines that within touches: names of positional arguments, types of variables, values
// that are futures.
func (v *View) Hints(ctx context.Context, path string, within source.Range) ([]Hint, error) {
	if !v.isStarlark(path) {
		return nil, nil
	}
	m, err := v.Module(ctx, path)
	if err != nil {
		return nil, err
	}
	h := hinter{v: v, ctx: ctx, m: m, settings: v.settings.Hints}
	for i := range m.Info.Tree.Stmts {
		for _, s := range m.Info.Tree.Stmts[i].Nodes {
			if r := nodeRange(s); !r.End.Before(within.Start) && !within.End.Before(r.Start) {
				syntax.Walk(s, h.node)
			}
		}
	}
	out := h.out[:0]
	for _, hint := range h.out {
		if within.Contains(hint.At) {
			out = append(out, hint)
		}
	}
	return out, ctx.Err()
}

type hinter struct {
	v        *View
	ctx      context.Context
	m        *Module
	settings HintSettings
	out      []Hint
}

func (h *hinter) node(n syntax.Node) bool {
	switch n := n.(type) {
	case *syntax.CallExpr:
		if h.settings.ParameterNames {
			h.call(n)
		}
	case *syntax.AssignStmt:
		if n.Op == syntax.EQ {
			h.assignment(n.LHS, n.RHS)
		}
	case *syntax.ForStmt:
		h.variables(n.Vars, nil)
	}
	return true
}

// call names the positional arguments whose meaning the text does not tell.
func (h *hinter) call(call *syntax.CallExpr) {
	if len(call.Args) == 0 {
		return
	}
	if name, _ := keyword(call.Args[0]); name != nil {
		return
	}
	c := h.v.calleeOf(h.ctx, h.m, call)
	if c.typ == nil || c.typ.Loose || c.row != nil && quiet(c) {
		return
	}
	for i, arg := range call.Args {
		if name, _ := keyword(arg); name != nil || starred(arg) || i >= len(c.typ.Params) {
			return
		}
		p := c.typ.Params[i]
		if p.Variadic != "" || parse.IsMissing(arg) || obvious(arg, p.Name) {
			if p.Variadic != "" {
				return
			}
			continue
		}
		h.out = append(h.out, Hint{At: nodeRange(arg).Start, Label: p.Name + "=", Kind: HintParameter, Tooltip: c.paramDoc(p.Name)})
	}
}

// quiet says whether the arguments of a builtin need no names: there is one, or everybody knows them.
func quiet(c callee) bool {
	if c.row.Receiver != "plan" && (c.row.Receiver != "" || c.row.Kind == "universe") {
		return true
	}
	return len(c.typ.Params) == 0 || c.typ.Params[0].Positional || c.row.Name == "print" || c.row.Name == "import_module" || c.row.Name == "read_file"
}

// obvious says whether an argument says itself what it is: its name is that of the parameter.
func obvious(arg syntax.Expr, param string) bool {
	name := ""
	switch e := unparen(arg).(type) {
	case *syntax.Ident:
		name = e.Name
	case *syntax.DotExpr:
		name = e.Name.Name
	}
	name, param = strings.ToLower(strings.Trim(name, "_")), strings.ToLower(strings.Trim(param, "_"))
	return name != "" && (name == param || strings.HasSuffix(name, "_"+param) || strings.HasPrefix(name, param+"_"))
}

// assignment says what a variable is, where the right side does not.
func (h *hinter) assignment(lhs, rhs syntax.Expr) { h.variables(lhs, rhs) }

func (h *hinter) variables(lhs, rhs syntax.Expr) {
	for _, id := range targetsOf(lhs) {
		t := h.m.Info.TypeOf(id)
		if t == nil {
			continue
		}
		s := sure(t)
		if f, ok := s.(*types.Future); ok {
			if h.settings.Futures {
				h.hint(id, "⏱ "+f.Elem.String(), "Known only when the plan runs. Until then it is a placeholder string.")
			}
			continue
		}
		if !h.settings.VariableTypes || s == types.Unknown || s == types.Any || s == types.None || rhs != nil && plainly(rhs) {
			continue
		}
		if _, ok := s.(*types.Module); ok {
			continue
		}
		if b := h.m.Info.Binding(id); b != nil && b.Kind == typecheck.Global && b.Import != "" {
			continue
		}
		h.hint(id, hintType(s), "")
	}
}

func (h *hinter) hint(id *syntax.Ident, label, tooltip string) {
	h.out = append(h.out, Hint{At: nodeRange(id).End, Label: ": " + label, Kind: HintType, Tooltip: tooltip})
}

// hintType prints a type as short as is useful beside a name.
func hintType(t types.Type) string {
	switch x := t.(type) {
	case types.StringLit, types.IntLit:
		return types.Widen(t).String()
	case *types.Struct:
		return "struct"
	case *types.Function:
		return "function"
	case *types.Dict:
		if len(x.String()) > 30 {
			return "dict"
		}
	case *types.List:
		if len(x.String()) > 30 {
			return "list[" + hintType(sure(x.Elem)) + "]"
		}
	}
	s := t.String()
	if r := []rune(s); len(r) > 30 {
		return string(r[:29]) + "…"
	}
	return s
}

// plainly says whether an expression shows what type it has: a literal, a constructor.
func plainly(e syntax.Expr) bool {
	switch e := unparen(e).(type) {
	case *syntax.Literal, *syntax.ListExpr, *syntax.DictExpr, *syntax.TupleExpr, *syntax.LambdaExpr, *syntax.Comprehension:
		return true
	case *syntax.Ident:
		return e.Name == "True" || e.Name == "False" || e.Name == "None"
	case *syntax.UnaryExpr:
		return true
	case *syntax.CallExpr:
		name := calledName(e)
		return name == "struct" || name == "import_module" || name != "" && name[0] >= 'A' && name[0] <= 'Z'
	}
	return false
}
