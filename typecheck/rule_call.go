package typecheck

import (
	"fmt"
	"slices"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/rule"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

// builtinArgument checks an argument of a row of the table: its type, its value, whether it is out of date.
func (a *fn) builtinArgument(e *syntax.CallExpr, callee Callee, arg *argument, p types.Param, t types.Type) {
	row := callee.Builtin
	param := row.Param(p.Name)
	if param == nil || param.Variadic != "" {
		return
	}
	if param.Deprecated != "" && arg.name != nil && t != types.None {
		var fixes []diag.Fix
		if param.Replaced != "" && !gives(e, param.Replaced) {
			fixes = append(fixes, a.c.fix("change to "+param.Replaced, true, rangeOf(arg.name), param.Replaced))
		}
		a.c.report("deprecated-argument", rangeOf(arg.name), fmt.Sprintf("argument %s of %s is deprecated", p.Name, row.QualifiedName()), param.Deprecated, fixes...)
	}
	kurtosis := row.Kind == builtins.Constructor || row.Kind == builtins.Instruction
	if t == types.None && kurtosis && !param.Required {
		return // the same as leaving it out
	}
	want := p.Type
	if types.HasVar(want) || want == nil {
		if row.Receiver != "" || row.Name == "dict" || types.Possible(t, want) {
			return
		}
	}
	if !possibleArgument(t, want) || mixed(t, want) && a.misfits(arg.expr, t, want) {
		a.argumentTypeError(callee, arg, param, t, want)
		return
	}
	if kurtosis && !param.Futures && isFuture(t) && replaceable(want) {
		severity := diag.Error
		if p.Name == builtins.Description.Name { // it is only shown
			severity = diag.Warning
		}
		a.c.reportAs("future-not-replaced", severity, rangeOf(arg.expr), fmt.Sprintf("argument %s of %s is used while the plan is made, when this value of the run is not known", p.Name, row.QualifiedName()),
			"what the placeholder stands for is filled in only in commands, environment variables and the like")
	}
	a.argumentValue(arg.expr, param, t)
}

// mixed says whether t is a list or dict some of whose elements cannot go into want.
func mixed(t, want types.Type) bool {
	elem, ok := t.(*types.List)
	value, isDict := t.(*types.Dict)
	for _, w := range types.Members(want) {
		switch w := w.(type) {
		case *types.List:
			if ok && someMisfit(elem.Elem, w.Elem) {
				return true
			}
		case *types.Iterable:
			if ok && someMisfit(elem.Elem, w.Elem) {
				return true
			}
		case *types.Dict:
			if isDict && someMisfit(value.Value, w.Value) {
				return true
			}
		}
	}
	return false
}

func someMisfit(t, want types.Type) bool {
	return slices.ContainsFunc(types.Members(t), func(m types.Type) bool { return m != types.Never && !types.Possible(m, want) })
}

func (a *fn) misfits(e syntax.Expr, t, want types.Type) bool {
	_, _, _, _, ok := a.misfit(e, t, want)
	return ok
}

// replaceable says whether the parameter takes plain text.
func replaceable(want types.Type) bool {
	return slices.Contains(types.Members(want), types.Type(types.String))
}

// possibleArgument is types.Possible, with what the interpreter lets through besides.
func possibleArgument(t, want types.Type) bool {
	for _, m := range types.Members(t) {
		if types.Possible(m, want) {
			return true
		}
		switch m := m.(type) {
		case *types.Tuple: // where a list is wanted by a universe function, any sequence will do
			if _, ok := want.(*types.List); ok {
				continue
			}
		case *types.List:
			if m.Elem == types.Never && holdsList(want) {
				return true
			}
		case *types.Dict:
			if (m.Value == types.Never || m.Exact && all(m.Known, func(f types.Field) bool { return f.Optional })) && holdsDict(want) {
				return true // it may be empty
			}
		}
	}
	return false
}

func holdsList(t types.Type) bool {
	for _, m := range types.Members(t) {
		if _, ok := m.(*types.List); ok {
			return true
		}
	}
	return false
}

func holdsDict(t types.Type) bool {
	for _, m := range types.Members(t) {
		if _, ok := m.(*types.Dict); ok {
			return true
		}
	}
	return false
}

func gives(e *syntax.CallExpr, name string) bool {
	for _, arg := range e.Args {
		if kw, ok := arg.(*syntax.BinaryExpr); ok && kw.Op == syntax.EQ {
			if id, ok := kw.X.(*syntax.Ident); ok && id.Name == name {
				return true
			}
		}
	}
	return false
}

func (a *fn) argumentTypeError(callee Callee, arg *argument, param *builtins.Param, t, want types.Type) {
	row := callee.Builtin
	at := rangeOf(arg.expr)
	hint := ""
	var fixes []diag.Fix
	found, part := show(t), ""
	// Point at the entry of a literal that does not fit, rather than at all of it.
	if place, what, ft, wt, ok := a.misfit(arg.expr, t, want); ok {
		at, part, found, t, want = rangeOf(place), what, show(ft), ft, wt
	}
	switch {
	case want == types.String && (types.Widen(t) == types.Int || t == types.Float || t == types.Bool):
		hint = "use str(...)"
		text := string(a.c.file.Text()[a.c.file.Offset(at.Start):a.c.file.Offset(at.End)])
		if _, ok := t.(types.IntLit); ok {
			fixes = append(fixes, a.c.fix("write it as a string", false, at, quote(text)))
		}
	case want == types.Int && types.Widen(t) == types.String:
		hint = "use int(...)"
		if lit, ok := t.(types.StringLit); ok && lit != "" && strings.Trim(string(lit), "0123456789") == "" {
			fixes = append(fixes, a.c.fix("write it as a number", false, at, string(lit)))
			hint = "write it without quotes"
		}
	case want == types.Int && isFuture(t):
		hint = "the value is known only when the plan runs; until then it is a placeholder string"
	case isStruct(t) && holdsDict(want):
		hint = "a struct is not a dict"
	}
	name := param.Name
	if param.Positional && !arg.named() {
		a.c.report("argument-type", at, fmt.Sprintf("found %s%s as an argument of %s, want %s", found, part, row.QualifiedName(), show(want)), hint, fixes...)
		return
	}
	a.c.report("argument-type", at, fmt.Sprintf("found %s%s for argument %s of %s, want %s", found, part, name, row.QualifiedName(), show(want)), hint, fixes...)
}

func (arg *argument) named() bool { return arg.name != nil }

func isStruct(t types.Type) bool { _, ok := t.(*types.Struct); return ok }

// misfit finds the entry of a list or dict literal that does not fit.
func (a *fn) misfit(e syntax.Expr, t, want types.Type) (place syntax.Expr, what string, found, wanted types.Type, ok bool) {
	for _, w := range types.Members(want) {
		if it, ok := w.(*types.Iterable); ok {
			w = types.ListOf(it.Elem)
		}
		switch w := w.(type) {
		case *types.List:
			list, isList := unparen(e).(*syntax.ListExpr)
			if !isList {
				continue
			}
			for _, x := range list.List {
				xt, sure := types.Sure(a.typeOf(x))
				if sure && !possibleArgument(xt, w.Elem) {
					return x, " in the list", xt, w.Elem, true
				}
			}
		case *types.Dict:
			dict, isDict := unparen(e).(*syntax.DictExpr)
			if !isDict {
				continue
			}
			for _, entry := range dict.List {
				entry, isEntry := entry.(*syntax.DictEntry)
				if !isEntry {
					continue
				}
				kt, sure := types.Sure(a.typeOf(entry.Key))
				if sure && !possibleArgument(kt, w.Key) {
					return entry.Key, " as a key", kt, w.Key, true
				}
				vt, sure := types.Sure(a.typeOf(entry.Value))
				if sure && !possibleArgument(vt, w.Value) {
					return entry.Value, " as a value", vt, w.Value, true
				}
			}
		}
	}
	return nil, "", nil, nil, false
}

// argumentValue checks constants by the named rules of the table. Tests validate no plan, so rules that hold only then
// are no business of theirs.
func (a *fn) argumentValue(e syntax.Expr, param *builtins.Param, t types.Type) {
	if param.Late && a.c.test {
		return
	}
	switch v := t.(type) {
	case types.StringLit:
		if len(param.Enum) > 0 && !slices.Contains(param.Enum, string(v)) && !(v == "" && param.Rule != "") {
			a.badEnum(e, param, string(v))
			return
		}
		a.checkText(e, param.Rule, string(v))
	case types.IntLit:
		a.checkNumber(e, param.Rule, int64(v))
	}
	if param.KeyRule == "" && param.ElemRule == "" {
		return
	}
	switch x := unparen(e).(type) {
	case *syntax.DictExpr:
		for _, entry := range x.List {
			entry, ok := entry.(*syntax.DictEntry)
			if !ok {
				continue
			}
			if k, ok := a.typeOf(entry.Key).(types.StringLit); ok {
				a.checkText(entry.Key, param.KeyRule, string(k))
			}
			if v, ok := a.typeOf(entry.Value).(types.StringLit); ok {
				a.checkText(entry.Value, param.ElemRule, string(v))
			}
		}
	case *syntax.ListExpr:
		for _, item := range x.List {
			if v, ok := a.typeOf(item).(types.StringLit); ok {
				a.checkText(item, param.ElemRule, string(v))
			}
		}
	}
}

func (a *fn) badEnum(e syntax.Expr, param *builtins.Param, v string) {
	at := rangeOf(e)
	hint := "want one of " + strings.Join(quoted(param.Enum), ", ")
	var fixes []diag.Fix
	for _, option := range param.Enum {
		if strings.EqualFold(option, v) {
			hint = "write " + quote(option)
			if _, ok := unparen(e).(*syntax.Literal); ok {
				fixes = append(fixes, a.c.fix("change to "+quote(option), true, at, quote(option)))
			}
			break
		}
	}
	if near, ok := diag.Closest(v, param.Enum); ok && len(fixes) == 0 {
		hint = "did you mean " + quote(near) + "?"
		fixes = append(fixes, a.c.fix("change to "+quote(near), false, at, quote(near)))
	}
	a.c.report("bad-value", at, fmt.Sprintf("%s is no value of %s", quote(v), param.Name), hint, fixes...)
}

func quoted(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = quote(s)
	}
	return out
}

func (a *fn) checkText(e syntax.Expr, name, value string) {
	r := rule.Lookup(name)
	if r == nil || r.Text == nil {
		return
	}
	if message, ok := r.Text(value); !ok {
		a.c.report("bad-value", rangeOf(e), message, "")
	}
}

func (a *fn) checkNumber(e syntax.Expr, name string, value int64) {
	r := rule.Lookup(name)
	if r == nil || r.Number == nil {
		return
	}
	if message, ok := r.Number(value); !ok {
		a.c.report("bad-value", rangeOf(e), message, "")
	}
}

// removed reports a name that earlier versions had.
func (a *fn) removed(e *syntax.DotExpr, receiver, name string, at source.Range) bool {
	r := builtins.FindRemoved(receiver, name)
	if r == nil {
		return false
	}
	var fixes []diag.Fix
	if _, member, ok := strings.Cut(r.Replacement, "."); ok {
		fixes = append(fixes, a.c.fix("change to "+member, true, at, member))
	}
	a.c.report("removed-name", at, fmt.Sprintf("%s.%s does not exist any more", receiver, name), r.Hint, fixes...)
	return true
}

// afterCall applies the rules that look at a call as a whole.
func (a *fn) afterCall(e *syntax.CallExpr, callee Callee, args []argument) {
	a.futureMethod(e, callee)
	row := callee.Builtin
	if row == nil {
		return
	}
	if row.Refused != "" {
		at := rangeOf(e.Fn)
		var fixes []diag.Fix
		if row.Name == "print" && row.Receiver == "" && a.c.planInScope(at.Start) {
			fixes = append(fixes, a.c.fix("change to plan.print", len(args) == 1, at, "plan.print"))
		}
		a.c.report("refused-builtin", at, row.QualifiedName()+" always fails in Kurtosis", row.Refused, fixes...)
	}
	if row.Replaced != "" {
		a.c.report("deprecated-argument", rangeOf(e.Fn), row.QualifiedName()+" is deprecated", "use "+row.Replaced)
	}
	if row == revealType && len(args) == 1 {
		a.c.reportAs("reveal-type", diag.Info, rangeOf(e), reveal(args[0].typ), "")
	}
}

func reveal(t types.Type) string {
	switch x := t.(type) {
	case *types.Guess:
		return reveal(x.Elem) + " (guess)"
	case *types.List:
		if x.Elem == types.Never {
			return "list[unknown]"
		}
	case *types.Dict:
		if x.Value == types.Never {
			return "dict[unknown, unknown]"
		}
	}
	return t.String()
}
