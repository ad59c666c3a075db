package typecheck

import (
	"fmt"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

// Callee is what a call calls, as far as it is known.
type Callee struct {
	Type    *types.Function   // the signature, nil when it is not known
	Builtin *builtins.Builtin // the row, of a builtin
	Func    *Func             // the definition, of a function of a package
	Module  *Info             // the module that defines Func

	Guess bool // it probably is that function, but not for sure

	receiver types.Type // of a method: what it is called on
}

// argument is one argument of a call, evaluated.
type argument struct {
	expr  syntax.Expr // the value; the argument itself for f(*x) and f(**x)
	node  syntax.Expr // the whole argument, name included
	name  *syntax.Ident
	star  syntax.Token // STAR or STARSTAR, or 0
	typ   types.Type
	param int // index in the signature, -1 when there is none
}

func (a *fn) call(e *syntax.CallExpr) types.Type {
	fnType := a.expr(e.Fn)
	callee := a.callee(e.Fn, fnType)
	args := a.arguments(e, callee)
	a.c.call(e, callee)
	sure, isSure := types.Sure(fnType)
	if isSure && callee.Type == nil && definitely(sure, func(m types.Type) bool { _, ok := m.(*types.Function); return !ok }) {
		hint := ""
		if _, ok := sure.(*types.Module); ok {
			hint = "call one of its functions, such as .run(...)"
		}
		a.c.report("not-callable", rangeOf(e.Fn), "cannot call "+show(sure), hint)
		return types.Unknown
	}
	if callee.Type == nil {
		return types.Unknown
	}
	if callee.Guess {
		a.c.muted++
		a.match(e, callee, args)
		t := a.resultOf(e, callee, args)
		a.c.muted--
		return types.Likely(nonEmpty(t))
	}
	a.match(e, callee, args)
	t := a.resultOf(e, callee, args)
	a.afterCall(e, callee, args)
	return t
}

// callee resolves what is called: a row of the table, a function of this module or of an imported one.
func (a *fn) callee(e syntax.Expr, t types.Type) Callee {
	var c Callee
	sureType, sure := types.Sure(t)
	c.Type, _ = sureType.(*types.Function)
	c.Guess = !sure
	switch e := unparen(e).(type) {
	case *syntax.Ident:
		v := a.c.b.uses[e]
		switch {
		case v == nil:
		case v.Kind == Predeclared:
			c.Builtin = v.Builtin
		case v.def != nil && len(v.Defs) == 1:
			c.Func, c.Module = a.c.b.lambdas[v.def], a.c.info
		}
	case *syntax.DotExpr:
		c.receiver = a.base
		base, sure := types.Sure(a.base)
		c.Guess = !sure
		if m, ok := base.(*types.Module); ok {
			if exports, ok := m.Exports.(*Info); ok {
				if f := exports.Func(e.Name.Name); f != nil {
					c.Func, c.Module = f, exports
				}
			} else {
				c.Builtin = builtins.Lookup(m.Name, e.Name.Name)
			}
			break
		}
		if len(types.Members(base)) == 1 {
			if receiver := receiverOf(base); receiver != "" {
				c.Builtin = builtins.Lookup(receiver, e.Name.Name)
			}
		}
	}
	if c.Builtin != nil && !c.Builtin.Callable() {
		c.Builtin = nil
	}
	if c.Builtin != nil {
		c.Type, _ = rowType(c.Builtin).(*types.Function)
	}
	if c.Type != nil && c.Type.Loose {
		c.Type, c.Builtin, c.Func = nil, nil, nil
	}
	return c
}

// arguments evaluates the arguments. A builtin keeps nothing of what it is given, but for those that store it.
func (a *fn) arguments(e *syntax.CallExpr, callee Callee) []argument {
	keeps := callee.Builtin == nil || keepsArguments[callee.Builtin.Name]
	copies := callee.Builtin != nil && copiesElements[callee.Builtin.Name]
	args := make([]argument, 0, len(e.Args))
	for i, x := range e.Args {
		arg := argument{expr: x, node: x, param: -1}
		switch n := x.(type) {
		case *syntax.BinaryExpr:
			if n.Op == syntax.EQ {
				arg.name, _ = n.X.(*syntax.Ident)
				arg.expr = n.Y
			}
		case *syntax.UnaryExpr:
			if n.Op == syntax.STAR || n.Op == syntax.STARSTAR {
				arg.star = n.Op
				if n.X != nil {
					arg.expr = n.X
				}
			}
		}
		arg.typ = a.expr(arg.expr)
		if keeps && arg.star == 0 && !(callee.Func != nil && !nested(arg.typ) && a.keptFor(callee.Func, arg, i)) {
			arg.typ = a.taken(arg.expr, arg.typ)
		}
		if copies && nested(arg.typ) {
			arg.typ = a.taken(arg.expr, arg.typ)
		}
		if t := arg.typ; t == types.Never {
			arg.typ = types.Unknown
		}
		args = append(args, arg)
	}
	return args
}

// keepsArguments are the builtins whose result, or receiver, holds their arguments; copiesElements those that
// hold the elements of them.
var keepsArguments = map[string]bool{"append": true, "insert": true, "setdefault": true, "struct": true, "get": true, "getattr": true}

var copiesElements = map[string]bool{
	"extend": true, "update": true, "dict": true, "list": true, "tuple": true, "zip": true, "enumerate": true, "reversed": true,
	"sorted": true, "max": true, "min": true,
}

// keptFor says whether f only reads the argument it is given, so that nothing changes for the caller.
func (a *fn) keptFor(f *Func, arg argument, i int) bool {
	if f.state != inferred {
		if f.state == notInferred && a.c.owns(f) {
			a.c.returned(f)
		}
		if f.state != inferred {
			return false
		}
	}
	for j, p := range f.Params {
		if p.Name == nil || p.Star != "" {
			if p.Star == "*" && j <= i && arg.name == nil {
				return false
			}
			continue
		}
		if arg.name != nil && p.Name.Name == arg.name.Name || arg.name == nil && i == j {
			if root := a.c.b.root(arg.expr); root != nil && root.Kind == Parameter && f.leaks[j] {
				a.leak(root)
			}
			return !f.leaks[j]
		}
	}
	return false
}

// match binds the arguments to the parameters and reports what does not fit.
func (a *fn) match(e *syntax.CallExpr, callee Callee, args []argument) {
	params := callee.Type.Params
	bound := make([]*argument, len(params))
	var rest, kwargs = -1, -1
	for i, p := range params {
		switch p.Variadic {
		case "*":
			rest = i
		case "**":
			kwargs = i
		}
	}
	var starred, doubled bool
	positional := 0
	next := 0
	var surplus *argument
	for i := range args {
		arg := &args[i]
		switch {
		case arg.star == syntax.STAR:
			starred = true
			if t, ok := arg.typ.(*types.Tuple); ok && t.Rest == nil {
				starred = false
				for range t.Elems {
					for next < len(params) && (params[next].Variadic != "" || params[next].Keyword) {
						next++
					}
					if next < len(params) && bound[next] == nil {
						bound[next] = arg
						next++
					}
				}
				starred = true
			}
		case arg.star == syntax.STARSTAR:
			doubled = true
		case arg.name != nil:
			a.bindName(e, callee, arg, bound, kwargs)
		default:
			positional++
			if starred {
				continue
			}
			for next < len(params) && bound[next] != nil {
				next++
			}
			if next < len(params) && params[next].Variadic == "" && !params[next].Keyword {
				bound[next] = arg
				arg.param = next
				next++
				continue
			}
			if next < len(params) && isDescription(callee, params[next]) {
				bound[next] = arg
				arg.param = next
				next++
				a.c.reportCall("positional-description", rangeOf(arg.node), fmt.Sprintf("the last argument of %s by position is its description", calleeName(e, callee)), "write description = … if that is meant", callee)
				continue
			}
			if rest >= 0 {
				arg.param = rest
				continue
			}
			if surplus == nil {
				surplus = arg
			}
		}
	}
	if surplus != nil {
		limit := 0
		for _, p := range params {
			if p.Variadic == "" && (!p.Keyword || isDescription(callee, p)) {
				limit++
			}
		}
		if len(args) > 0 && positional > 0 {
			a.c.reportCall("too-many-arguments", rangeOf(surplus.node), fmt.Sprintf("%s takes %s, found %d", calleeName(e, callee), pluralAtMost(limit, "positional argument"), positional), a.signatureHint(e, callee), callee)
		}
	}
	if !starred && !doubled {
		a.missing(e, callee, bound, args)
	} else if doubled {
		a.spread(e, callee, args, bound, kwargs)
	}
	for i := range args {
		if args[i].param >= 0 && args[i].star == 0 {
			a.argumentType(e, callee, &args[i], params[args[i].param])
		}
	}
	a.c.site(callee, args)
}

// isDescription says whether a parameter is the description that builtins of Kurtosis take after their own.
func isDescription(callee Callee, p types.Param) bool {
	return callee.Builtin != nil && callee.Builtin.Described() && p.Name == builtins.Description.Name
}

func pluralAtMost(n int, noun string) string {
	if n == 0 {
		return "no " + noun + "s"
	}
	return "at most " + plural(n, noun)
}

func (a *fn) bindName(e *syntax.CallExpr, callee Callee, arg *argument, bound []*argument, kwargs int) {
	params := callee.Type.Params
	for i, p := range params {
		if p.Name != arg.name.Name || p.Variadic != "" {
			continue
		}
		if p.Positional {
			break
		}
		if bound[i] != nil {
			how := "as a positional argument, too"
			if bound[i].name != nil {
				how = "twice"
			}
			a.c.reportCall("duplicate-argument", rangeOf(arg.node), fmt.Sprintf("argument %s of %s is given %s", p.Name, calleeName(e, callee), how), "", callee)
			return
		}
		bound[i] = arg
		arg.param = i
		return
	}
	if kwargs >= 0 {
		arg.param = -1
		return
	}
	if parse.IsMissing(arg.name) {
		return
	}
	a.unknownArgument(e, callee, arg, bound)
}

func (a *fn) unknownArgument(e *syntax.CallExpr, callee Callee, arg *argument, bound []*argument) {
	name := arg.name.Name
	at := rangeOf(arg.name)
	if callee.Builtin != nil {
		for _, p := range callee.Builtin.Params {
			for _, former := range p.Former {
				if former == name {
					a.c.reportCall("unknown-argument", at, fmt.Sprintf("%s has no argument %s", calleeName(e, callee), name),
						fmt.Sprintf("%s takes %s", callee.Builtin.Name, p.Name), callee, a.c.fix("change to "+p.Name, true, at, p.Name))
					return
				}
			}
		}
	}
	var free []string
	for i, p := range callee.Type.Params {
		if p.Variadic == "" && bound[i] == nil && !p.Positional {
			free = append(free, p.Name)
		}
	}
	hint, fixes := a.signatureHint(e, callee), []diag.Fix(nil)
	if near, ok := closest(name, free); ok {
		hint = "did you mean " + near + "?"
		fixes = append(fixes, a.c.fix("change to "+near, false, at, near))
	}
	if callee.Func != nil && rangeOf(e.Fn).End.Line != at.Start.Line { // the line of the call is the one that fails
		at = rangeOf(e.Fn)
	}
	a.c.reportCall("unknown-argument", at, fmt.Sprintf("%s has no argument %s", calleeName(e, callee), name), hint, callee, fixes...)
}

func (a *fn) missing(e *syntax.CallExpr, callee Callee, bound []*argument, args []argument) {
	var names []string
	for i, p := range callee.Type.Params {
		if bound[i] == nil && !p.Optional && p.Variadic == "" {
			names = append(names, p.Name)
		}
	}
	if len(names) == 0 || missingSyntax(args) {
		return
	}
	noun := "argument"
	if len(names) > 1 {
		noun = "arguments"
	}
	at := rangeOf(e)
	at.Start = rangeOf(e.Fn).Start
	if at.Start.Line != at.End.Line {
		at = rangeOf(e.Fn)
	}
	a.c.reportCall("missing-argument", at, fmt.Sprintf("%s misses %s %s", calleeName(e, callee), noun, strings.Join(names, ", ")), a.signatureHint(e, callee), callee)
}

// missingSyntax says whether an argument is not written yet: the call is being typed.
func missingSyntax(args []argument) bool {
	for _, arg := range args {
		if parse.IsMissing(arg.expr) {
			return true
		}
	}
	return false
}

// spread checks the known keys of f(**d).
func (a *fn) spread(e *syntax.CallExpr, callee Callee, args []argument, bound []*argument, kwargs int) {
	complete := true
	given := map[string]bool{}
	for i := range args {
		if args[i].star == syntax.STAR {
			complete = false
		}
		if args[i].star != syntax.STARSTAR {
			continue
		}
		d, ok := args[i].typ.(*types.Dict)
		if !ok {
			sure, isSure := types.Sure(args[i].typ)
			if isSure && definitely(sure, func(m types.Type) bool { _, d := m.(*types.Dict); return !d }) {
				a.c.report("argument-type", rangeOf(args[i].expr), fmt.Sprintf("found %s after **, want a dict", show(sure)), "")
			}
			complete = false
			continue
		}
		complete = complete && d.Exact
		for _, f := range d.Known {
			given[f.Name] = true
			if f.Optional {
				continue
			}
			if _, guess := f.Type.(*types.Guess); guess {
				continue
			}
			found := false
			for j, p := range callee.Type.Params {
				if p.Name == f.Name && p.Variadic == "" {
					found = true
					if bound[j] != nil && bound[j].star == 0 {
						a.c.reportCall("duplicate-argument", rangeOf(args[i].node), fmt.Sprintf("argument %s of %s is given twice, once by **", f.Name, calleeName(e, callee)), "", callee)
					}
				}
			}
			if !found && kwargs < 0 {
				a.c.reportCall("unknown-argument", rangeOf(args[i].node), fmt.Sprintf("%s has no argument %s, which the dict gives", calleeName(e, callee), f.Name), a.signatureHint(e, callee), callee)
			}
		}
	}
	if !complete {
		return
	}
	rest := make([]*argument, len(bound))
	copy(rest, bound)
	for j, p := range callee.Type.Params {
		if given[p.Name] {
			rest[j] = &argument{}
		}
	}
	a.missing(e, callee, rest, args)
}

// argumentType checks one argument against its parameter.
func (a *fn) argumentType(e *syntax.CallExpr, callee Callee, arg *argument, p types.Param) {
	if parse.IsMissing(arg.expr) {
		return
	}
	sure, ok := types.Sure(arg.typ)
	if !ok {
		return
	}
	if callee.Builtin != nil {
		a.builtinArgument(e, callee, arg, p, sure)
		return
	}
	if p.Type == nil || silent(p.Type) || sure == types.None && p.Optional {
		return
	}
	if !types.Possible(sure, p.Type) {
		a.c.reportCall("documented-type", rangeOf(arg.expr), fmt.Sprintf("argument %s of %s is documented as %s, found %s", p.Name, calleeName(e, callee), show(p.Type), show(sure)), "", callee)
	}
}

// calleeName is how a message names what is called.
func calleeName(e *syntax.CallExpr, callee Callee) string {
	switch {
	case callee.Builtin != nil && callee.Builtin.Kind != builtins.Method:
		return callee.Builtin.QualifiedName()
	case callee.Func != nil && callee.Func.Name != "":
		return callee.Func.Name
	case callee.Builtin != nil:
		return callee.Builtin.Name
	case callee.Type.Name != "":
		return callee.Type.Name
	}
	if id, ok := unparen(e.Fn).(*syntax.Ident); ok {
		return id.Name
	}
	return "the function"
}

func (a *fn) signatureHint(e *syntax.CallExpr, callee Callee) string {
	s := callee.Type.Signature(calleeName(e, callee))
	if i := strings.LastIndex(s, " -> "); i > 0 {
		s = s[:i]
	}
	if len(s) > 160 {
		var names []string
		for _, p := range callee.Type.Params {
			if !p.Optional && p.Variadic == "" {
				names = append(names, p.Name)
			}
		}
		if len(names) == 0 {
			return ""
		}
		return "required: " + strings.Join(names, ", ")
	}
	return "the signature is " + s
}
