package typecheck

import (
	"fmt"
	"slices"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

// resultOf is the type of what a call returns.
func (a *fn) resultOf(e *syntax.CallExpr, callee Callee, args []argument) types.Type {
	switch {
	case callee.Builtin != nil:
		if t := a.special(e, callee, args); t != nil {
			return t
		}
		return a.generic(callee, args)
	case callee.Func != nil && a.c.owns(callee.Func):
		return a.c.returned(callee.Func)
	}
	if callee.Type.Result == nil {
		return types.Unknown
	}
	return callee.Type.Result
}

// generic is the result as the table declares it, with its type variables filled in.
func (a *fn) generic(callee Callee, args []argument) types.Type {
	row := callee.Builtin
	if row.Result == nil {
		return types.Unknown
	}
	if row.Result == types.Never {
		return types.Never
	}
	if !types.HasVar(row.Result) {
		if m, ok := row.Result.(*types.Module); ok && m.Exports == nil {
			return types.Unknown
		}
		return row.Result
	}
	bound := types.Bindings{}
	guess := false
	bind := func(param, arg types.Type) {
		sure, ok := types.Sure(arg)
		guess = guess || !ok
		bound.Bind(param, sure)
	}
	switch row.Receiver {
	case "list":
		bind(types.ListOf(varT), callee.receiver)
	case "dict":
		bind(types.DictOf(varK, varV), callee.receiver)
	}
	for _, arg := range args {
		if arg.param >= 0 && arg.param < len(row.Params) && arg.star == 0 {
			bind(row.Params[arg.param].Type, arg.typ)
		}
	}
	for i, p := range row.Params { // what is left out stands for its default
		v, isVar := p.Type.(*types.Var)
		if !isVar || slices.ContainsFunc(args, func(arg argument) bool { return arg.param == i || arg.star != 0 }) {
			continue
		}
		if p.Default == "None" {
			bind(v, types.None)
		} else if bound[v.Name] == nil {
			bound[v.Name] = types.Never
		}
	}
	if u, ok := row.Result.(*types.Union); ok { // V | D without a default: V
		var out types.Type
		for _, m := range u.Members {
			if v, isVar := m.(*types.Var); !isVar || bound[v.Name] != types.Never {
				out = types.Join(out, bound.Substitute(m))
			}
		}
		if out != nil {
			if guess {
				return types.Likely(out)
			}
			return out
		}
	}
	for name, t := range bound {
		if t == types.Never {
			bound[name] = types.Unknown
		}
	}
	t := bound.Substitute(row.Result)
	if guess {
		return types.Likely(t)
	}
	return t
}

var (
	varT = &types.Var{Name: "T"}
	varK = &types.Var{Name: "K"}
	varV = &types.Var{Name: "V"}
)

// special is the result of the builtins whose result depends on more than the types of the arguments; nil for
// all others.
func (a *fn) special(e *syntax.CallExpr, callee Callee, args []argument) types.Type {
	row := callee.Builtin
	switch row.Receiver {
	case "":
		return a.specialFunction(e, row, args)
	case "string":
		if row.Name == "format" {
			return a.formatted(e, callee.receiver, args)
		}
	case "list":
		a.listMethod(e, row.Name, args)
	case "dict":
		return a.dictMethod(e, row.Name, callee.receiver, args)
	case "plan":
		return a.instruction(e, row, args)
	case "json":
		if row.Name == "decode" && len(args) > 0 && args[0].star == 0 {
			a.future(args[0].expr, args[0].typ, "parsed")
		}
	}
	return nil
}

func (a *fn) specialFunction(e *syntax.CallExpr, row *builtins.Builtin, args []argument) types.Type {
	first := func() types.Type {
		if len(args) > 0 && args[0].star == 0 && args[0].name == nil {
			return args[0].typ
		}
		return types.Unknown
	}
	switch row.Name {
	case "reveal_type":
	case "struct":
		return a.structOf(args)
	case "dict":
		return a.dictOf(args)
	case "import_module":
		return a.importModule(e, args)
	case "read_file":
		a.readFile(args, "src")
	case "str":
		switch t := first().(type) {
		case types.StringLit:
			return t
		case types.IntLit:
			return types.StringLit(t.String())
		case *types.Future:
			return types.FutureOf(types.String)
		}
	case "type":
		if t, ok := types.Sure(first()); ok && !isFuture(t) {
			if name := types.TypeName(types.Widen(t)); name != "" {
				return types.StringLit(name)
			}
		}
		return types.String
	case "getattr":
		if len(args) < 2 {
			return nil
		}
		name, ok := args[1].typ.(types.StringLit)
		if !ok {
			return types.Unknown
		}
		sure, isSure := types.Sure(first())
		var out types.Type
		for _, m := range types.Members(sure) {
			t := memberType(m, string(name))
			if t == nil {
				if len(args) < 3 {
					if isSure && len(types.Members(sure)) == 1 {
						a.c.report("unknown-attribute", rangeOf(args[1].expr), fmt.Sprintf("%s has no attribute %s", show(sure), spelled(string(name))), "")
					}
					continue
				}
				t = args[2].typ
			} else if len(args) >= 3 {
				t = types.Join(t, args[2].typ)
			}
			out = types.Join(out, t)
		}
		if out == nil {
			return types.Unknown
		}
		if !isSure {
			return types.Likely(out)
		}
		return out
	case "len":
		a.futureArgument(args, "its length is that of the placeholder")
	case "int", "float":
		a.futureArgument(args, "a placeholder is no number")
	case "bool":
		a.futureArgument(args, "a placeholder is always true")
	case "sorted":
		if t, ok := types.Sure(first()); ok {
			if elem, can := types.Elem(t); can && elem != types.Never {
				return types.ListOf(elem)
			}
		}
	case "max", "min":
		several := slices.DeleteFunc(slices.Clone(args), func(arg argument) bool { return arg.name != nil })
		if len(several) == 1 && several[0].star == 0 {
			if elem, ok := types.Elem(several[0].typ); ok {
				return types.Widen(nonEmpty(elem))
			}
			return types.Unknown
		}
		var out types.Type
		for _, arg := range args {
			if arg.star != 0 {
				return types.Unknown
			}
			if arg.name == nil {
				out = types.Join(out, types.Widen(arg.typ))
			}
		}
		if out != nil {
			return out
		}
	case "zip":
		elems := make([]types.Type, len(args))
		for i, arg := range args {
			elem, ok := types.Elem(arg.typ)
			if !ok || arg.star != 0 {
				return types.ListOf(types.Unknown)
			}
			elems[i] = nonEmpty(elem)
		}
		return types.ListOf(types.TupleOf(elems...))
	case "fail":
		a.failed(args)
		return types.Never
	}
	if row.Kind == builtins.Constructor {
		return a.constructed(e, row, args)
	}
	return nil
}

// constructed is the value of a constructor: the attributes that were not given are absent.
func (a *fn) constructed(e *syntax.CallExpr, row *builtins.Builtin, args []argument) types.Type {
	named, ok := row.Result.(*types.Named)
	if !ok {
		return row.Result
	}
	given := map[string]bool{}
	for _, arg := range args {
		switch {
		case arg.star != 0:
			return named
		case arg.param >= 0 && arg.param < len(row.Params):
			given[row.Params[arg.param].Name] = arg.typ != types.None
		}
	}
	a.constructorRules(e, row, args, given)
	return named
}

// instruction narrows the result of an instruction by its arguments: exec, request and wait have a key for each
// extract of the recipe, add_services one for each name.
func (a *fn) instruction(e *syntax.CallExpr, row *builtins.Builtin, args []argument) types.Type {
	a.instructionRules(e, row, args)
	result, _ := row.Result.(*types.Dict)
	if result == nil {
		return nil
	}
	for _, arg := range args {
		if arg.param < 0 || arg.param >= len(row.Params) || arg.star != 0 {
			continue
		}
		switch name := row.Params[arg.param].Name; {
		case name == "recipe":
			return a.recipeResult(result, arg.expr)
		case name == "configs" && row.Name == "add_services":
			configs, ok := arg.typ.(*types.Dict)
			if !ok || !configs.Exact {
				return nil
			}
			d := &types.Dict{Key: types.String, Value: result.Value}
			for _, f := range configs.Known {
				d.Known = append(d.Known, types.Field{Name: f.Name, Type: result.Value, Optional: f.Optional})
			}
			return d
		}
	}
	return nil
}

// recipeResult is the result of a recipe that is written in the call: all its keys are known then.
func (a *fn) recipeResult(result *types.Dict, recipe syntax.Expr) types.Type {
	call, ok := unparen(recipe).(*syntax.CallExpr)
	if !ok {
		return nil
	}
	keys, byPosition := []string{"code", "body"}, 2
	switch a.universe(call.Fn) {
	case "ExecRecipe":
		keys, byPosition = []string{"code", "output"}, 1
	case "GetHttpRequestRecipe", "PostHttpRequestRecipe":
	default:
		return nil
	}
	d := &types.Dict{Key: types.String, Value: result.Value, Exact: true}
	for _, name := range keys {
		f, ok := types.Attr(result, name)
		if !ok {
			return nil
		}
		f.Optional = false
		d.Known = append(d.Known, f)
	}
	for i, arg := range call.Args {
		kw, ok := arg.(*syntax.BinaryExpr)
		if !ok || kw.Op != syntax.EQ {
			if _, star := arg.(*syntax.UnaryExpr); star || i >= byPosition {
				return nil // it may have an extract
			}
			continue
		}
		if id, ok := kw.X.(*syntax.Ident); !ok || id.Name != "extract" {
			continue
		}
		extract, ok := a.typeOf(kw.Y).(*types.Dict)
		if !ok || !extract.Exact {
			return nil
		}
		for _, f := range extract.Known {
			d.Known = append(d.Known, types.Field{Name: "extract." + f.Name, Type: result.Value, Optional: f.Optional})
		}
	}
	return d
}

func (a *fn) formatted(e *syntax.CallExpr, base types.Type, args []argument) types.Type {
	dot, ok := unparen(e.Fn).(*syntax.DotExpr)
	if !ok {
		return nil
	}
	format, isLit := base.(types.StringLit)
	for _, arg := range args {
		if isFuture(arg.typ) {
			if isLit {
				a.format(e, dot, string(format), args)
			}
			return types.FutureOf(types.String)
		}
	}
	if !isLit {
		return types.String
	}
	a.format(e, dot, string(format), args)
	return constantFormat(string(format), args)
}

// constantFormat computes a format call whose arguments are all known.
func constantFormat(format string, args []argument) types.Type {
	var values []string
	for _, arg := range args {
		if arg.name != nil || arg.star != 0 {
			return types.String
		}
		switch t := arg.typ.(type) {
		case types.StringLit:
			values = append(values, string(t))
		case types.IntLit:
			values = append(values, t.String())
		default:
			return types.String
		}
	}
	var out strings.Builder
	next := 0
	for i := 0; i < len(format); i++ {
		switch c := format[i]; c {
		case '{':
			if strings.HasPrefix(format[i:], "{{") {
				out.WriteByte('{')
				i++
				continue
			}
			end := strings.IndexByte(format[i:], '}')
			if end < 0 {
				return types.String
			}
			field := format[i+1 : i+end]
			n := next
			if field == "" {
				next++
			} else if _, err := fmt.Sscanf(field, "%d", &n); err != nil || fmt.Sprint(n) != field {
				return types.String
			}
			if n >= len(values) || n < 0 {
				return types.String
			}
			out.WriteString(values[n])
			i += end
		case '}':
			if strings.HasPrefix(format[i:], "}}") {
				i++
			}
			out.WriteByte('}')
		default:
			out.WriteByte(c)
		}
	}
	if out.Len() > 200 {
		return types.String
	}
	return types.StringLit(out.String())
}
