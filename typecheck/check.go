// Package typecheck infers the types of a module and checks it: what certainly fails when it runs is an error,
// what is almost surely wrong a warning, the rest advice. See docs/diagnostics for every kind of diagnostic.
//
// Typing is gradual and cautious. A value is unknown until something says what it is, and an unknown value is never
// wrong. What only probably holds (a documented type, the type of a default, the arguments of the calls that are
// seen, a part of a list that others may change) is a types.Guess: an editor shows it, no error is made of it.
//
// A module is checked by itself, given what it imports: [Check]. A package, with everything that it imports:
// [CheckPackage].
package typecheck

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"unicode"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/types"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
)

// Input is what checking one module needs.
type Input struct {
	Target workspace.Target
	Tree   *parse.Tree
	// Import loads what import_module gives for a locator that is written in this module. Nil is the same as
	// answering that nothing is known.
	Import func(ctx context.Context, locator string) Imported
	// Find says whether the file or directory that a locator names is there, for read_file, upload_files and
	// build contexts. Nil is the same as a yes.
	Find func(ctx context.Context, locator string) error
	// File reads a file that Find has found, for the Dockerfiles of build contexts. Nil skips what is to be said of them.
	File func(ctx context.Context, locator string) ([]byte, error)
	// Sites are the types of the arguments with which other modules call the functions of this one, by function
	// and parameter.
	Sites map[string][]types.Type
	// Main says that the module is one whose run function is called by Kurtosis.
	Main bool
	// Types records the type of every expression in the Info, which an editor needs and a linter does not.
	Types bool
	// Focus asks for what is known around that place only: functions that have nothing to do with it stay without
	// types, and what is reported is not complete. The zero Pos asks for everything.
	Focus source.Pos
	// Read, when not nil, is told of each global of another module that is read.
	Read func(m *Info, name string)
	Options
}

// Imported is the outcome of an import.
type Imported struct {
	Module *Info // nil when it is not known what the module holds
	Target workspace.Target
	Err    error    // why there is no such module
	Cycle  []string // the locators of a circle of imports that this one closes
}

// checker checks one module.
type checker struct {
	ctx  context.Context
	in   Input
	file *source.File
	b    *binder
	info *Info

	fn         *Func // being walked
	muted      int   // above 0 nothing is reported
	unrecorded int   // above 0 nothing is recorded
	nesting    int
	loaded     bool // the walk over the top level is done
	test       bool // a *_test.star file

	defaults     map[syntax.Expr]types.Type
	sites        map[*Func][]types.Type
	typeComments map[int32]string
	ignored      suppressions
	misspelt     []misspelt
	predeclared  map[string]*Binding
	imports      map[string]Imported
}

// Check infers and checks one module. It never fails; when ctx ends, what was found so far is returned. The
// diagnostics are those of the tree and those of the checker, in the order of the text, without those that
// options or comments switch off.
func Check(ctx context.Context, in Input) (*Info, []diag.Diagnostic) {
	c := &checker{
		ctx: ctx, in: in, file: in.Tree.File, defaults: map[syntax.Expr]types.Type{}, sites: map[*Func][]types.Type{},
		predeclared: map[string]*Binding{}, imports: map[string]Imported{},
		test: strings.HasSuffix(in.Target.Path, "_test.star") || strings.HasSuffix(in.Tree.File.Name(), "_test.star"),
	}
	c.info = &Info{Target: in.Target, Tree: in.Tree}
	c.readComments()
	c.b = bind(in.Tree.Syntax, len(in.Tree.File.Text())/16, c.lookup)
	c.info.bound(c.b)
	for _, f := range c.b.funcs {
		c.declare(f)
		if f.Parent == c.b.globals {
			f.sites = in.Sites[f.Name]
		}
	}
	c.infer(c.b.globals)
	c.loaded = true
	for _, f := range c.b.funcs[1:] { // what was walked while globals were missing is walked again
		f.early, f.state = false, notInferred
	}
	if in.Focus.IsValid() {
		c.inferAround(in.Focus)
		c.info.finish(c)
		return c.info, nil
	}
	for _, f := range c.b.funcs {
		c.infer(f)
	}
	c.closeFunctions(func(*Func) bool { return true })
	for _, f := range c.b.funcs {
		if f.signature != nil {
			f.signature.Result = c.returned(f)
		}
	}
	c.fn = c.b.globals
	c.wholeModule()
	c.info.finish(c)
	return c.info, c.diagnostics()
}

// lookup finds a predeclared name.
func (c *checker) lookup(name string) *Binding {
	if v, ok := c.predeclared[name]; ok {
		return v
	}
	var v *Binding
	if row := builtins.Lookup("", name); row != nil && (!row.TestOnly || c.test) {
		v = &Binding{Name: name, Kind: Predeclared, Builtin: row}
	} else if name == "reveal_type" && c.in.Reveal {
		v = &Binding{Name: name, Kind: Predeclared, Builtin: revealType}
	}
	c.predeclared[name] = v
	return v
}

var revealType = &builtins.Builtin{Name: "reveal_type", Kind: builtins.Universe, Result: types.None,
	Params: []builtins.Param{{Name: "x", Type: types.Any, Required: true, Positional: true}}}

// inferAround infers the functions around a place, those that call the outermost of them, and what all these need.
func (c *checker) inferAround(at source.Pos) {
	around := map[*Func]bool{}
	for _, f := range c.b.funcs[1:] {
		if rangeOf(f.Node).Contains(at) {
			around[f] = true
		}
	}
	for _, call := range c.b.directCalls {
		if v := c.b.uses[call.callee]; v != nil && v.def != nil && around[c.b.lambdas[v.def]] {
			c.infer(call.from)
		}
	}
	for _, f := range c.b.funcs {
		if around[f] {
			c.infer(f)
		}
	}
	c.closeFunctions(func(f *Func) bool { return around[f] })
	for _, f := range c.b.funcs {
		if f.signature != nil && f.state == inferred {
			f.signature.Result = c.returned(f)
		}
	}
}

// closeFunctions walks private functions again whose every call has been seen: their parameters are then known.
func (c *checker) closeFunctions(which func(*Func) bool) {
	for _, f := range c.b.funcs {
		if !which(f) || f.Parent != c.b.globals || f.binding == nil || !strings.HasPrefix(f.Name, "_") || f.recursive || len(f.binding.Defs) != 1 {
			continue
		}
		sites, seen := c.sites[f]
		if !seen || f.binding.calls != f.binding.Reads {
			continue
		}
		known := false
		for i, p := range f.Params {
			known = known || p.Star == "" && i < len(sites) && sites[i] != nil && sites[i] != types.Unknown
		}
		if !known {
			continue
		}
		f.sites, f.closed, f.state = sites, true, notInferred
		c.infer(f)
	}
}

// site notes the types of the arguments of a call.
func (c *checker) site(callee Callee, args []argument) {
	f := callee.Func
	if f == nil || c.unrecorded > 0 {
		return
	}
	sites := c.sites[f]
	if sites == nil {
		sites = make([]types.Type, len(f.Params))
		c.sites[f] = sites
	}
	at := func(name string) int {
		return slices.IndexFunc(f.Params, func(p Parm) bool { return p.Name != nil && p.Name.Name == name && p.Star == "" })
	}
	given := make([]bool, len(f.Params))
	for _, arg := range args {
		switch {
		case arg.star != 0: // anything may come from it
			for i := range sites {
				sites[i] = types.Unknown
			}
			return
		case arg.param >= 0 && arg.param < len(callee.Type.Params):
			if i := at(callee.Type.Params[arg.param].Name); i >= 0 {
				given[i] = true
				sites[i] = limit(types.Join(sites[i], types.Widen(soften(arg.typ))))
			}
		}
	}
}

// found returns the walk's diagnostics so far, for loops that are walked again.
func (a *fn) mark() [3]int {
	return [3]int{len(a.f.found), len(a.f.exprs), len(a.f.calls)}
}

func (a *fn) reset(m [3]int) {
	a.f.found, a.f.exprs, a.f.calls = a.f.found[:m[0]], a.f.exprs[:m[1]], a.f.calls[:m[2]]
}

func (c *checker) record(e syntax.Expr, t types.Type) {
	if !c.in.Types || c.unrecorded > 0 || c.fn == nil {
		return
	}
	c.fn.exprs = append(c.fn.exprs, typed{e, t})
}

func (c *checker) call(e *syntax.CallExpr, callee Callee) {
	if !c.in.Types || c.unrecorded > 0 || c.fn == nil {
		return
	}
	c.fn.calls = append(c.fn.calls, Call{e, callee})
}

// report adds a diagnostic at a place, unless its code is switched off.
func (c *checker) report(code string, at source.Range, message, hint string, fixes ...diag.Fix) {
	c.reportAll(code, 0, at, message, hint, nil, fixes)
}

// reportAs is report with a severity of its own, for rules that are an error in one case and advice in another.
func (c *checker) reportAs(code string, severity diag.Severity, at source.Range, message, hint string, fixes ...diag.Fix) {
	c.reportAll(code, severity, at, message, hint, nil, fixes)
}

// reportCall is report with a pointer to the definition of what is called.
func (c *checker) reportCall(code string, at source.Range, message, hint string, callee Callee, fixes ...diag.Fix) {
	var related []diag.Related
	if callee.Func != nil && callee.Module != nil {
		if def, ok := callee.Func.Node.(*syntax.DefStmt); ok {
			related = append(related, diag.Related{File: callee.Module.Tree.File.Name(), Range: rangeOf(def.Name), Message: callee.Func.Name + " is defined here"})
		}
	}
	c.reportAll(code, 0, at, message, hint, related, fixes)
}

func (c *checker) reportAll(code string, severity diag.Severity, at source.Range, message, hint string, related []diag.Related, fixes []diag.Fix) {
	if c.muted > 0 || c.fn == nil {
		return
	}
	rule := registry[code]
	if rule == nil {
		panic("typecheck: no rule " + code)
	}
	if !c.in.enabled(rule) {
		return
	}
	if severity == 0 {
		severity = rule.Severity
	}
	if s, ok := c.in.Severities[code]; ok {
		severity = s
	}
	c.fn.found = append(c.fn.found, diag.Diagnostic{
		Code: code, Severity: severity, File: c.file.Name(), Range: at, Message: message, Hint: hint, Related: related, Fixes: fixes, Tags: rule.Tags,
	})
}

// fix is a change of one place.
func (c *checker) fix(title string, safe bool, at source.Range, text string) diag.Fix {
	return diag.Fix{Title: title, Safe: safe, Edits: []diag.Edit{{File: c.file.Name(), Range: at, NewText: text}}}
}

// diagnostics gathers what was found, in the order of the text.
func (c *checker) diagnostics() []diag.Diagnostic {
	out := slices.Clone(c.in.Tree.Diagnostics)
	for _, f := range c.b.funcs {
		out = append(out, f.found...)
	}
	out = slices.DeleteFunc(out, c.ignored.has)
	sort.SliceStable(out, func(i, j int) bool {
		a, b := out[i], out[j]
		if a.Range.Start != b.Range.Start {
			return a.Range.Start.Before(b.Range.Start)
		}
		return a.Severity < b.Severity
	})
	return slices.CompactFunc(out, func(a, b diag.Diagnostic) bool {
		return a.Code == b.Code && a.Range == b.Range && a.Message == b.Message
	})
}

// owns says whether f is a function of this module.
func (c *checker) owns(f *Func) bool {
	for p := f; p != nil; p = p.Parent {
		if p == c.b.globals {
			return true
		}
	}
	return false
}

// global is the type of a global as seen in a function.
func (c *checker) global(v *Binding) types.Type {
	if v.typ != nil {
		return v.typ
	}
	return types.Unknown
}

func (c *checker) predeclaredType(e *syntax.Ident, v *Binding) types.Type {
	if v.Builtin == revealType {
		return rowType(revealType)
	}
	return rowType(v.Builtin)
}

// finish is called at the end of the walk over a function.
func (c *checker) finish(a *fn) {
	a.missingReturn()
	if a.f.Parent == nil {
		return // functions of the top level are walked when all globals are known
	}
	for _, f := range a.inner {
		c.infer(f)
	}
}

func quote(s string) string { return fmt.Sprintf("%q", s) }

// spelled writes a name that a text holds: as it is where it is an identifier, in quotes where it is anything else.
func spelled(s string) string {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return quote(s)
		}
	}
	if s == "" {
		return quote(s)
	}
	return s
}
