package typecheck

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/types"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
)

// importModule is the type of import_module(…).
func (a *fn) importModule(e *syntax.CallExpr, args []argument) types.Type {
	arg := locatorOf(args, "module_file")
	if arg == nil {
		return types.Unknown
	}
	locator, ok := arg.typ.(types.StringLit)
	if !ok || locator == "" {
		return types.Unknown
	}
	if a.c.in.Import == nil {
		return types.Unknown
	}
	imported, seen := a.c.imports[string(locator)]
	if !seen {
		imported = a.c.in.Import(a.c.ctx, string(locator))
		a.c.imports[string(locator)] = imported
	}
	if a.c.unrecorded == 0 {
		a.c.info.Imports = append(a.c.info.Imports, Import{Call: e, Locator: string(locator), Imported: imported})
	}
	at := rangeOf(arg.expr)
	switch {
	case imported.Err != nil:
		a.badLocator(at, arg.expr, string(locator), imported.Err, "module")
		return types.Unknown
	case len(imported.Cycle) > 0:
		names := make([]string, len(imported.Cycle))
		for i, l := range imported.Cycle {
			names[i] = path.Base(l)
		}
		a.c.report("import-cycle", at, "modules import each other in a circle: "+strings.Join(names, " → "), "move what both need into a third module")
		return types.Unknown
	}
	a.unpinned(at, string(locator))
	if imported.Module == nil {
		return types.Unknown
	}
	m := &types.Module{Name: imported.Target.Locator, Exports: imported.Module}
	if a.c.foreign(imported.Target) && imported.Target.Version == "" {
		return types.Likely(m) // what is at hand need not be what runs
	}
	return m
}

func locatorOf(args []argument, name string) *argument {
	for i := range args {
		if args[i].name != nil && args[i].name.Name == name || args[i].name == nil && args[i].star == 0 && i == 0 {
			return &args[i]
		}
	}
	return nil
}

// foreign says whether a module is of another repository than this one.
func (c *checker) foreign(t workspace.Target) bool {
	return repository(t.Locator) != repository(c.in.Target.Locator)
}

// repository is the github.com/owner/name that a locator starts with.
func repository(locator string) string {
	parts := strings.SplitN(locator, "/", 4)
	if len(parts) < 3 {
		return locator
	}
	return strings.Join(parts[:3], "/")
}

// unpinned reports an import of another package that names no version.
func (a *fn) unpinned(at source.Range, locator string) {
	if !strings.HasPrefix(locator, "github.com/") || strings.Contains(locator, "@") || repository(locator) == repository(a.c.in.Target.Locator) || a.c.in.Replaced(locator) {
		return
	}
	a.c.report("unpinned-import", at, "import without a version: what it gives may change any day", "add @TAG or @COMMIT behind the repository")
}

func (a *fn) badLocator(at source.Range, e syntax.Expr, locator string, err error, what string) {
	var fault *workspace.LocatorError
	if !errors.As(err, &fault) {
		a.c.report("unresolved-locator", at, err.Error(), "")
		return
	}
	switch fault.Fault {
	case workspace.LocatorMissing:
		code := "missing-module"
		if what != "module" {
			code = "missing-file"
		}
		a.c.report(code, at, lower(fault.Message), fault.Hint)
	case workspace.LocatorOffline:
		if what == "module" {
			a.unpinned(at, locator)
		}
		a.c.report("unresolved-locator", at, lower(fault.Message), fault.Hint)
	default:
		if own, ok := a.c.ownLocator(locator); ok {
			var related []diag.Related
			if def := a.c.constant(e); def != nil { // what is wrong stands where the constant is written
				related = append(related, diag.Related{File: a.c.file.Name(), Range: at, Message: "used here"})
				e, at = def, rangeOf(def)
			}
			var fixes []diag.Fix
			if _, isLit := unparen(e).(*syntax.Literal); isLit {
				fixes = append(fixes, a.c.fix("change to "+own, true, at, quote(own)))
			}
			a.c.reportAll("own-package-locator", 0, at, "absolute locator of a file of the same package, which is refused", "write "+own, related, fixes)
			return
		}
		a.c.report("bad-locator", at, lower(fault.Message), fault.Hint)
	}
}

// constant is the value that a global is assigned at the top level, where e is the name of one; nil otherwise.
func (c *checker) constant(e syntax.Expr) syntax.Expr {
	id, ok := unparen(e).(*syntax.Ident)
	if !ok {
		return nil
	}
	if v := c.b.uses[id]; v != nil && v.Kind == Global && len(v.Defs) == 1 {
		if assign := c.assignmentOf(v); assign != nil {
			return assign.RHS
		}
	}
	return nil
}

// assignmentOf is the statement of the top level that assigns v alone, or nil.
func (c *checker) assignmentOf(v *Binding) *syntax.AssignStmt {
	for _, s := range c.b.globals.body {
		if assign, ok := s.(*syntax.AssignStmt); ok && assign.LHS == syntax.Expr(v.Defs[0]) {
			return assign
		}
	}
	return nil
}

func lower(s string) string {
	s = strings.TrimSuffix(s, ".")
	if len(s) > 1 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'a' && s[1] <= 'z' {
		s = string(s[0]+'a'-'A') + s[1:]
	}
	return s
}

// ownLocator is how a file of the same package is named from this module: relative to it.
func (c *checker) ownLocator(locator string) (string, bool) {
	pkg := c.in.Target.Package
	if pkg == "" || !strings.HasPrefix(locator, pkg+"/") || strings.Contains(locator, "@") {
		return "", false
	}
	from := path.Dir(c.in.Target.Locator)
	target := strings.Split(locator, "/")
	base := strings.Split(from, "/")
	n := 0
	for n < len(base) && n < len(target)-1 && base[n] == target[n] {
		n++
	}
	out := strings.Join(target[n:], "/")
	if up := len(base) - n; up > 0 {
		out = strings.Repeat("../", up) + out
	} else {
		out = "./" + out
	}
	return out, true
}

// readFile checks that the file of read_file, upload_files or a build context is there.
func (a *fn) readFile(args []argument, name string) {
	arg := locatorOf(args, name)
	if arg == nil || a.c.in.Find == nil {
		return
	}
	locator, ok := arg.typ.(types.StringLit)
	if !ok || locator == "" || strings.Contains(string(locator), "://") || a.c.muted > 0 {
		return
	}
	if err := a.c.in.Find(a.c.ctx, string(locator)); err != nil {
		a.badLocator(rangeOf(arg.expr), arg.expr, string(locator), err, "file")
	}
}

// wholeModule applies the rules that need all of the module.
func (c *checker) wholeModule() {
	c.refusedForms()
	c.undefinedNames()
	c.unused()
	c.shadowed()
	c.recursions()
	c.entry()
	c.docstrings()
	c.unknownCodes()
}

// entry checks the run function of a module that Kurtosis runs.
func (c *checker) entry() {
	if !c.in.Main {
		return
	}
	v := c.info.Global("run")
	if v == nil {
		if c.in.Tree.OK() {
			c.report("missing-run", source.Range{Start: source.Pos{Line: 1, Col: 1}, End: source.Pos{Line: 1, Col: 1}},
				"no run function: the package cannot be run", "define def run(plan): …")
		}
		return
	}
	if v.def == nil {
		return
	}
	f := c.b.lambdas[v.def]
	if len(f.Params) == 0 || f.Params[0].Name == nil || f.Params[0].Name.Name != "plan" || f.Params[0].Star != "" {
		at := rangeOf(v.def.Name)
		found := "it has no parameters"
		if len(f.Params) > 0 && f.Params[0].Name != nil {
			at = rangeOf(f.Params[0].Name)
			found = "found " + f.Params[0].Name.Name
		}
		c.report("plan-not-first", at, "the first parameter of run must be plan: "+found, "def run(plan, …)")
	}
}

// docstrings compares docstrings with what they document.
func (c *checker) docstrings() {
	for _, f := range c.b.funcs {
		def, ok := f.Node.(*syntax.DefStmt)
		if !ok {
			continue
		}
		if f.Doc == nil {
			if f.Parent == c.b.globals && !strings.HasPrefix(f.Name, "_") && !c.test {
				c.report("missing-docstring", rangeOf(def.Name), fmt.Sprintf("public function %s has no docstring", f.Name), "describe it, or start its name with _")
			}
			continue
		}
		c.docstring(f)
	}
}

func (c *checker) docstring(f *Func) {
	documented := map[string]bool{}
	kwargs := false
	for _, p := range f.Params {
		kwargs = kwargs || p.Star == "**"
	}
	typed := 0
	for _, d := range f.Doc.Args {
		at := c.docRange(f.Doc, d)
		if d.TypeText != "" {
			typed++
		}
		if documented[d.Name] {
			c.report("docstring", at, fmt.Sprintf("parameter %s is documented twice", d.Name), "")
		}
		documented[d.Name] = true
		if f.Param(d.Name) == nil && !kwargs {
			// Without a type it may be prose, or the key of a dict that is documented in this way.
			if d.TypeText == "" && f.Param("args") != nil {
				continue
			}
			var names []string
			for _, p := range f.Params {
				if p.Name != nil {
					names = append(names, p.Name.Name)
				}
			}
			hint := ""
			if near, ok := diag.Closest(d.Name, names); ok {
				hint = "did you mean " + near + "?"
			} else if f.Param("args") != nil {
				continue // the keys of args, described one by one
			}
			c.report("docstring", at, fmt.Sprintf("%s documents parameter %s, which it does not have", f.Name, d.Name), hint)
		}
		if d.Fault != "" {
			c.reportAs("docstring", diag.Info, at, fmt.Sprintf("the type of %s cannot be read: %s", d.Name, d.Fault), "types are string, int, bool, list[…], dict[…, …]")
		}
		c.documentedDefault(f, d)
	}
	if typed == 0 {
		return
	}
	for _, p := range f.Params {
		if p.Name == nil || p.Star != "" || p.Name.Name == "plan" || p.Name.Name == "args" || documented[p.Name.Name] || strings.HasPrefix(p.Name.Name, "_") {
			continue
		}
		c.reportAs("docstring", diag.Info, rangeOf(p.Name), fmt.Sprintf("parameter %s is missing in the docstring", p.Name.Name), "")
	}
}

// documentedDefault reports a default that has not the documented type.
func (c *checker) documentedDefault(f *Func, d DocArg) {
	p := f.Param(d.Name)
	if p == nil || p.Default == nil || d.Type == nil {
		return
	}
	t, ok := types.Sure(c.literal(p.Default))
	if !ok || t == types.None || t == types.Unknown {
		return
	}
	if !possibleArgument(t, d.Type) {
		c.report("docstring", rangeOf(p.Default), fmt.Sprintf("the default of %s is %s, documented is %s", d.Name, show(t), show(d.Type)), "")
	}
}

// docRange is the place of the name of an entry.
func (c *checker) docRange(doc *Docstring, d DocArg) source.Range {
	line := string(c.file.Line(int(d.Line)))
	if i := strings.Index(line, d.Name); i >= 0 {
		start := int32(len([]rune(line[:i]))) + 1
		return source.Range{Start: source.Pos{Line: d.Line, Col: start}, End: source.Pos{Line: d.Line, Col: start + int32(len(d.Name))}}
	}
	return rangeOf(doc.Literal)
}
