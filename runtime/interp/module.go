package interp

import (
	"errors"
	"fmt"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
)

// module is a loaded module, or one that is being loaded.
type module struct {
	target  workspace.Target
	shown   string              // what positions call it: an absolute locator as it was written, with its version
	globals starlark.StringDict // nil while it is being loaded
	value   *loaded
}

// loaded is what import_module returns: the module's globals as attributes. starlarkstruct.Module would freeze all
// that it imports, again and again, each time an importer's globals are frozen.
type loaded struct {
	name    string
	globals starlark.StringDict // frozen
}

var _ starlark.HasAttrs = (*loaded)(nil)

func (m *loaded) String() string                           { return fmt.Sprintf("<module %q>", m.name) }
func (m *loaded) Type() string                             { return "module" }
func (m *loaded) Freeze()                                  {}
func (m *loaded) Truth() starlark.Bool                     { return true }
func (m *loaded) Hash() (uint32, error)                    { return 0, errors.New("unhashable: module") }
func (m *loaded) Attr(name string) (starlark.Value, error) { return m.globals[name], nil }
func (m *loaded) AttrNames() []string                      { return m.globals.Keys() }

// load runs a module's top level, once per run. The module's globals are frozen afterwards.
func (r *run) load(thread *starlark.Thread, target workspace.Target, shown string) (*module, error) {
	if m := r.byPath[target.Path]; m != nil {
		if m.globals == nil {
			return nil, &fault{code: "import-cycle", message: "There's a cycle in the import_module calls", causes: []string{fmt.Sprintf("'%s' imports itself, directly or through others", target.Locator)}}
		}
		return m, nil
	}
	tree, err := r.parse(target)
	if err != nil {
		return nil, err
	}
	m := &module{target: target, shown: shown}
	r.byPath[target.Path], r.modules[tree.File.Name()] = m, m
	if !tree.OK() {
		return nil, r.malformed(thread, m, tree)
	}
	compiled, err := r.interpreter.compile(tree)
	if err != nil {
		return nil, r.static(thread, r.explain(err))
	}
	globals, err := compiled.Init(thread, r.predeclared)
	if err != nil {
		return nil, err
	}
	globals.Freeze()
	m.globals = globals
	m.value = &loaded{name: target.Locator, globals: globals}
	return m, nil
}

// parse gives the tree of a module, or of what a file of another kind is converted to.
func (r *run) parse(target workspace.Target) (*parse.Tree, error) {
	if r.in.Convert != nil {
		text, ok, err := r.in.Convert(r.ctx, target)
		if err != nil {
			return nil, &fault{code: "conversion", message: fmt.Sprintf("'%s' cannot be imported", target.Locator), causes: []string{err.Error()}}
		}
		if ok {
			return parse.Parse(source.NewFile(target.Path, text)), nil
		}
	}
	return r.from.Module(r.ctx, target)
}

// malformed is the error of a module with syntax errors. The reference has one, the first, in the words of
// go.starlark.net's parser; ours are the tree's diagnostics.
func (r *run) malformed(thread *starlark.Thread, m *module, tree *parse.Tree) error {
	e := &Error{Code: "syntax", Message: syntaxHeader}
	_, err := (&syntax.FileOptions{}).Parse(tree.File.Name(), tree.File.Text(), 0)
	var first syntax.Error
	if errors.As(err, &first) {
		e.Stack = []Frame{r.staticFrame(first.Pos, first.Msg)}
	}
	if len(tree.Diagnostics) > 0 {
		d := tree.Diagnostics[0]
		e.Hint = d.Hint
		e.At = Frame{Path: m.target.Path, Function: d.Message}
		e.At.Position.Module, e.At.Position.Pos = m.shown, d.Range.Start
		if len(e.Stack) == 0 { // upstream reads on where ours does not: after a NUL byte
			e.Stack = []Frame{e.At}
		}
	}
	return r.static(thread, e)
}

// static is the error of a module that cannot be compiled. In the module that is run the errors are listed; in one
// that is imported the first of them is what import_module fails with.
func (r *run) static(thread *starlark.Thread, e *Error) error {
	if thread.CallStackDepth() == 0 || len(e.Stack) == 0 {
		return e
	}
	first := e.Stack[0]
	if !e.At.Position.IsValid() {
		e.At = first
	}
	where := first.Position.Pos.String()
	if first.Position.Module != "" {
		where = first.Position.Module + ":" + where
	}
	e.Message = evaluationPrefix + where + ": " + first.Function
	e.Stack = r.stack(thread.CallStack())
	return e
}

// importModule is import_module.
func (r *run) importModule(thread *starlark.Thread, c *call) (starlark.Value, error) {
	locator := c.text("module_file")
	from := r.caller(thread).target
	target, err := r.resolver.Resolve(r.ctx, from, locator)
	if err != nil {
		return nil, locatorFault(err)
	}
	r.depend(locator, target)
	shown := target.Locator
	if repositoryOf(locator) != "" {
		shown = locator
	}
	m, err := r.load(thread, target, shown)
	if err != nil {
		return nil, err
	}
	return m.value, nil
}

// readFile is read_file.
func (r *run) readFile(thread *starlark.Thread, c *call) (starlark.Value, error) {
	locator := c.text("src")
	target, err := r.resolver.Resolve(r.ctx, r.caller(thread).target, locator)
	if err != nil {
		return nil, locatorFault(err)
	}
	text, err := r.from.Read(r.ctx, target.Path)
	if err != nil {
		return nil, &fault{code: "unreadable", message: fmt.Sprintf("There was an error reading the contents of the file '%s'", locator), causes: []string{err.Error()}}
	}
	return starlark.String(text), nil
}

// depend records the repository of an imported module, unless it is the package's own. The reference tells
// versions that were asked for apart.
func (r *run) depend(locator string, target workspace.Target) {
	repository := repositoryOf(target.Locator)
	if repository == "" || repository == repositoryOf(r.in.Target.Locator) {
		return
	}
	if version := versionOf(locator); version != "" {
		repository += "@" + version
	}
	r.packages[repository] = true
}

// repositoryOf is github.com/owner/name of a locator, "" for a file of a standalone script.
func repositoryOf(locator string) string {
	parts := strings.SplitN(locator, "/", 4)
	if len(parts) < 3 || !strings.Contains(parts[0], ".") || strings.HasPrefix(locator, ".") {
		return ""
	}
	return strings.Join(parts[:3], "/")
}

// versionOf is what stands behind @ in an absolute locator.
func versionOf(locator string) string {
	_, rest, ok := strings.Cut(locator, "@")
	if !ok {
		return ""
	}
	if i := strings.LastIndex(rest, "/"); i >= 0 && strings.Contains(rest[i:], ".") {
		rest = rest[:i]
	}
	return rest
}

func locatorFault(err error) *fault {
	var l *workspace.LocatorError
	if errors.As(err, &l) {
		return &fault{code: "locator", message: l.Message, hint: l.Hint}
	}
	return &fault{code: "locator", message: err.Error(), hint: hintOf(err)}
}

func isRefused(err error) bool {
	var l *workspace.LocatorError
	return errors.As(err, &l) && l.Fault == workspace.LocatorRefused
}
