package typecheck

import (
	"fmt"
	"slices"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

// undefinedNames reports the names that nothing binds.
func (c *checker) undefinedNames() {
	var known []string
	for _, id := range c.b.undefined {
		if id.Name == "" || c.broken(id) {
			continue
		}
		at := rangeOf(id)
		if r := builtins.FindRemoved("", id.Name); r != nil {
			var fixes []diag.Fix
			if r.Replacement != "" && c.planInScope(at.Start) {
				fixes = append(fixes, c.fix("change to "+r.Replacement, true, at, r.Replacement))
			}
			c.report("removed-name", at, id.Name+" does not exist any more", r.Hint, fixes...)
			continue
		}
		if known == nil {
			for _, row := range builtins.Members("") {
				if !row.TestOnly || c.test {
					known = append(known, row.Name)
				}
			}
		}
		names := known[:len(known):len(known)]
		for _, v := range c.info.Scope(at.Start) {
			names = append(names, v.Name)
		}
		hint := pythonNames[id.Name]
		var fixes []diag.Fix
		if near, ok := closest(id.Name, names); ok && hint == "" {
			hint = "did you mean " + near + "?"
			fixes = append(fixes, c.fix("change to "+near, false, at, near))
		}
		c.report("undefined-name", at, "undefined: "+id.Name, hint, fixes...)
	}
}

// pythonNames are what Python has and Starlark has not, with what to write instead.
var pythonNames = map[string]string{
	"true": "did you mean True?", "false": "did you mean False?", "null": "did you mean None?", "nil": "did you mean None?",
	"set": "sets do not exist in Kurtosis; use a dict with the elements as keys", "isinstance": "compare type(x) with a string such as \"list\"",
	"sum": "Starlark has no sum; add in a loop", "map": "use a list comprehension", "filter": "use a list comprehension",
	"round": "Starlark has no round; use int(x + 0.5)", "open": "use read_file", "super": "Starlark has no classes",
	"Exception": "Starlark has no exceptions; use fail(...)", "format": "use \"…\".format(...)", "os": "Starlark cannot reach the system",
	"load_module": "use import_module",
}

func (c *checker) planInScope(at source.Pos) bool {
	for f := c.info.FuncAt(at); f != nil; f = f.Parent {
		if v := f.scope["plan"]; v != nil {
			return true
		}
	}
	return false
}

// broken says whether n is in a statement with syntax errors: what it means is not known for sure.
func (c *checker) broken(n syntax.Node) bool {
	if c.in.Tree.OK() {
		return false
	}
	start, _ := c.offsets(n)
	i := c.in.Tree.StmtAt(start)
	return i >= 0 && c.in.Tree.Stmts[i].Broken
}

// unassigned reports a variable that is read where it certainly has no value.
func (a *fn) unassigned(e *syntax.Ident, v *Binding) {
	if v.Kind == Iteration {
		return
	}
	hint := ""
	if v.Kind == Global {
		if v.def != nil {
			hint = "it is defined further down"
		}
	} else if _, ok := a.c.b.globals.scope[v.Name]; ok {
		hint = "an assignment in the function makes it a variable of the function, not the module's"
	}
	noun := "variable"
	if v.Kind == Global {
		noun = "global"
	}
	a.c.report("unassigned", rangeOf(e), fmt.Sprintf("%s %s is read before it is assigned", noun, v.Name), hint)
	a.env.vars[v.slot] = place{typ: types.Unknown, state: looped} // once is enough
}

// maybeUnassigned reports a variable that has no value on some paths.
func (a *fn) maybeUnassigned(e *syntax.Ident, v *Binding, p *place) {
	if a.c.broken(e) {
		return
	}
	a.c.report("possibly-unassigned", rangeOf(e), fmt.Sprintf("variable %s is not assigned on all paths to here", v.Name),
		"give it a value before the branches, or on each of them")
	p.state = looped
	// Behind this line it was assigned, and with it what else the same branches assign.
	for i := range a.env.vars {
		q := &a.env.vars[i]
		if q.state == maybe && slices.ContainsFunc(q.guards.list(), func(g guard) bool { return slices.Contains(p.guards.list(), g) }) {
			q.state = set
		}
	}
}

// reassigned reports what the dialect forbids: a second value for a global.
func (a *fn) reassigned(id *syntax.Ident, v *Binding) {
	if v.Kind != Global || len(v.Defs) < 2 || v.Defs[0] == id || !a.c.in.Tree.OK() {
		return
	}
	a.c.reportAll("reassigned-global", 0, rangeOf(id), fmt.Sprintf("cannot reassign global %s", v.Name), "a global is assigned once; use another name, or do it in a function",
		[]diag.Related{{File: a.c.file.Name(), Range: rangeOf(v.Defs[0]), Message: "first assigned here"}}, nil)
}

// unused reports what is never read.
func (c *checker) unused() {
	if c.in.Tree.Syntax == nil {
		return
	}
	for _, f := range c.b.funcs {
		for _, v := range f.Bindings {
			if v.Reads > 0 || strings.HasPrefix(v.Name, "_") || len(v.Defs) == 0 || v.Name == "" || c.broken(v.Defs[0]) {
				continue
			}
			at := rangeOf(v.Defs[0])
			switch v.Kind {
			case Parameter:
				c.unusedParameter(f, v, at)
			case Local:
				if v.changed || v.loose {
					continue
				}
				what := "variable"
				if v.def != nil {
					what = "function"
				}
				severity := diag.Warning
				if v.effect {
					severity = diag.Info
				}
				c.reportAs("unused-variable", severity, at, fmt.Sprintf("%s %s is never used", what, v.Name), "remove it, or start its name with _")
			case Global:
				if v.Import != "" {
					c.report("unused-import", at, fmt.Sprintf("import %s is never used", v.Name), "", c.removal(v)...)
				}
			}
		}
	}
}

func (c *checker) unusedParameter(f *Func, v *Binding, at source.Range) {
	if v.Name == "plan" || v.Name == "args" || f.Name == "run" && f.Parent == c.b.globals || c.test {
		return
	}
	for _, p := range f.Params {
		if p.Name != nil && p.Name.Name == v.Name && p.Star != "" {
			return
		}
	}
	if _, lambda := f.Node.(*syntax.LambdaExpr); lambda {
		return
	}
	c.report("unused-parameter", at, fmt.Sprintf("parameter %s is never used", v.Name), "remove it, or start its name with _")
}

// removal deletes the whole statement that assigns an import, when it stands on lines of its own.
func (c *checker) removal(v *Binding) []diag.Fix {
	assign := c.assignmentOf(v)
	if assign == nil {
		return nil
	}
	at := rangeOf(assign)
	if at.Start.Col != 1 || strings.TrimSpace(string(c.file.Text()[c.file.Offset(at.End):c.lineEnd(at.End)])) != "" {
		return nil
	}
	at.End = source.Pos{Line: at.End.Line + 1, Col: 1}
	return []diag.Fix{c.fix("remove the import", false, at, "")}
}

func (c *checker) lineEnd(p source.Pos) int {
	return c.file.Offset(source.Pos{Line: p.Line, Col: 1 << 30})
}

// shadowed reports variables that hide a builtin.
func (c *checker) shadowed() {
	for _, f := range c.b.funcs {
		for _, v := range f.Bindings {
			if len(v.Defs) == 0 || v.Name == "" {
				continue
			}
			row := builtins.Lookup("", v.Name)
			if row == nil || row.TestOnly {
				continue
			}
			c.report("shadowed-builtin", rangeOf(v.Defs[0]), fmt.Sprintf("%s hides the builtin of that name", v.Name), "use another name")
		}
	}
}
