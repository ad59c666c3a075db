package ide

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/types"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/kurtosis-go/kurtosis/typecheck"
)

// Module is a checked module.
type Module struct {
	Target workspace.Target
	Info   *typecheck.Info
	found  []diag.Diagnostic
	file   *source.File
	layout int
	typed  bool // Info has the types of expressions
	needs  []need
}

// need is what a module was checked against.
type need struct {
	path string
	info *typecheck.Info // nil where it could not be used
}

// Path is the module's file.
func (m *Module) Path() string { return m.Target.Path }

// File is the module's text.
func (m *Module) File() *source.File { return m.Info.Tree.File }

// Module checks the module at path, and what it imports, unless that is known already. The types of its expressions
// are recorded.
func (v *View) Module(ctx context.Context, path string) (*Module, error) {
	for {
		v.mu.Lock()
		if m := v.modules[path]; m != nil && m.typed {
			v.mu.Unlock()
			return m, nil
		}
		wait := v.flights[path]
		if wait == nil {
			wait = make(chan struct{})
			v.flights[path] = wait
			v.mu.Unlock()
			return v.fly(ctx, path, wait)
		}
		v.mu.Unlock()
		select {
		case <-wait: // another did it, or was cancelled
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (v *View) fly(ctx context.Context, path string, done chan struct{}) (*Module, error) {
	defer func() {
		v.mu.Lock()
		delete(v.flights, path)
		v.mu.Unlock()
		close(done)
	}()
	return (&walk{view: v, resolver: v.files.Resolver()}).check(ctx, v.Target(ctx, path), true)
}

// Plain is Module without the types of expressions, for what needs only names and diagnostics.
func (v *View) Plain(ctx context.Context, path string) (*Module, error) {
	return (&walk{view: v, resolver: v.files.Resolver()}).check(ctx, v.Target(ctx, path), false)
}

// focused is a partial check of one function.
type focused struct {
	path  string
	start source.Pos
	m     *Module
}

// Around is what is known around a place: Module where that is at hand, else a check of the function there alone,
// which is many times faster in a large file.
func (v *View) Around(ctx context.Context, path string, at source.Pos) (*Module, error) {
	v.mu.Lock()
	m, f := v.modules[path], v.focus
	v.mu.Unlock()
	if m != nil && m.typed {
		return m, nil
	}
	w := &walk{view: v, resolver: v.files.Resolver()}
	target := v.Target(ctx, path)
	tree, err := v.files.Module(ctx, target)
	if err != nil {
		return nil, err
	}
	const small = 20_000 // bytes: not worth a partial check
	if len(tree.File.Text()) < small {
		return v.Module(ctx, path)
	}
	start := source.Pos{Line: 1, Col: 1}
	if i := tree.StmtAt(tree.File.Offset(at)); i >= 0 {
		start = tree.File.Pos(tree.Stmts[i].Start)
	}
	if f.path == path && f.start == start && f.m != nil {
		return f.m, nil
	}
	in := w.input(ctx, target, &[]need{})
	in.Tree, in.Types, in.Focus = tree, true, at
	w.path = append(w.path, target)
	info, _ := typecheck.Check(ctx, in)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m = &Module{Target: target, Info: info, file: tree.File, typed: true}
	v.mu.Lock()
	v.focus = focused{path, start, m}
	v.mu.Unlock()
	return m, nil
}

// walk is one way through the imports.
type walk struct {
	view     *View
	resolver workspace.Resolver
	path     []workspace.Target // modules being checked, each imported by the one before
}

func (w *walk) check(ctx context.Context, t workspace.Target, typed bool) (*Module, error) {
	v := w.view
	v.mu.Lock()
	known, old := v.modules[t.Path], v.before[t.Path]
	v.mu.Unlock()
	if known != nil && (known.typed || !typed) {
		return known, nil
	}
	file, err := v.files.File(ctx, t.Path)
	if err != nil {
		return nil, err
	}
	w.path = append(w.path, t)
	defer func() { w.path = w.path[:len(w.path)-1] }()
	if old != nil && old.layout == v.layout && old.file == file && (old.typed || !typed) && w.holds(ctx, old) {
		return v.keep(old), nil
	}
	tree, err := v.files.Module(ctx, t)
	if err != nil {
		return nil, err
	}
	var needs []need
	in := w.input(ctx, t, &needs)
	in.Tree, in.Types = tree, typed
	info, found := typecheck.Check(ctx, in)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return v.keep(&Module{Target: t, Info: info, found: found, file: file, layout: v.layout, typed: typed, needs: needs}), nil
}

// keep remembers a module, unless another was quicker.
func (v *View) keep(m *Module) *Module {
	v.mu.Lock()
	defer v.mu.Unlock()
	if known := v.modules[m.Path()]; known != nil && (known.typed || !m.typed) {
		return known
	}
	v.modules[m.Path()] = m
	delete(v.before, m.Path())
	return m
}

// holds says whether what a module was checked against is as it was: whether nothing that it can see has changed.
func (w *walk) holds(ctx context.Context, m *Module) bool {
	for _, n := range m.needs {
		if w.circular(n.path) {
			continue
		}
		now, err := w.check(ctx, w.view.Target(ctx, n.path), false)
		switch {
		case err != nil:
			return false
		case n.info == nil:
			return false
		case now.Info != n.info && !sameExports(now.Info, n.info):
			return false
		}
	}
	return true
}

func (w *walk) circular(path string) bool {
	return slices.ContainsFunc(w.path, func(t workspace.Target) bool { return t.Path == path })
}

func (w *walk) input(ctx context.Context, t workspace.Target, needs *[]need) typecheck.Input {
	v := w.view
	options := v.settings.Check
	if t.PackageRoot != "" {
		if manifest := v.Package(ctx, t.PackageRoot).Manifest; manifest != nil {
			for _, r := range manifest.Replace {
				options.Replace = append(options.Replace[:len(options.Replace):len(options.Replace)], r.Package)
			}
		}
	}
	return typecheck.Input{
		Target: t, Options: options,
		Main: t.PackageRoot != "" && t.Path == filepath.Join(t.PackageRoot, "main.star"),
		Import: func(ctx context.Context, locator string) typecheck.Imported {
			imported := w.load(ctx, t, locator)
			if IsModule(imported.Target.Path) {
				*needs = append(*needs, need{imported.Target.Path, imported.Module})
			}
			return imported
		},
		Find: func(ctx context.Context, locator string) error {
			_, err := w.resolver.Resolve(ctx, t, locator)
			return err
		},
		File: func(ctx context.Context, locator string) ([]byte, error) {
			to, err := w.resolver.Resolve(ctx, t, locator)
			if err != nil {
				return nil, err
			}
			return w.view.files.Read(ctx, to.Path)
		},
		Read: v.noteRead,
	}
}

func (w *walk) load(ctx context.Context, from workspace.Target, locator string) typecheck.Imported {
	to, err := w.resolver.Resolve(ctx, from, locator)
	if err != nil {
		return typecheck.Imported{Err: err}
	}
	if !IsModule(to.Path) {
		return typecheck.Imported{Target: to} // a compose file, which is a module with a run
	}
	if info, err := w.view.files.Stat(ctx, to.Path); err == nil && info.Dir {
		return missing(to, locator, "'%s' is a directory, not a module")
	}
	if i := slices.IndexFunc(w.path, func(t workspace.Target) bool { return t.Path == to.Path }); i >= 0 {
		circle := typecheck.Imported{Target: to}
		for _, t := range w.path[i:] {
			circle.Cycle = append(circle.Cycle, t.Locator)
		}
		circle.Cycle = append(circle.Cycle, to.Locator)
		return circle
	}
	m, err := w.check(ctx, to, false)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return missing(to, locator, "'%s' doesn't exist")
	case err != nil:
		return typecheck.Imported{Target: to, Err: err}
	}
	return typecheck.Imported{Module: m.Info, Target: to}
}

func missing(to workspace.Target, locator, format string) typecheck.Imported {
	return typecheck.Imported{Target: to, Err: &workspace.LocatorError{
		Fault: workspace.LocatorMissing, Locator: locator, Message: fmt.Sprintf(format, locator),
	}}
}

func (v *View) noteRead(m *typecheck.Info, name string) {
	s := v.shared
	s.mu.Lock()
	defer s.mu.Unlock()
	reads := s.reads[m.Target.Path]
	if reads == nil {
		reads = map[string]bool{}
		s.reads[m.Target.Path] = reads
	}
	reads[name] = true
}

func (v *View) readElsewhere(path, name string) bool {
	v.shared.mu.Lock()
	defer v.shared.mu.Unlock()
	return v.shared.reads[path][name]
}

// sameExports says whether two versions of a module look the same to those who import them.
func sameExports(a, b *typecheck.Info) bool {
	if len(a.Globals) != len(b.Globals) || a.Tree.OK() != b.Tree.OK() {
		return false
	}
	for i, v := range a.Globals {
		w := b.Globals[i]
		if v.Name != w.Name || v.Import != w.Import || !sameType(v.Type(), w.Type()) {
			return false
		}
		f, g := a.Func(v.Name), b.Func(v.Name)
		if (f == nil) != (g == nil) || f != nil && !sameType(f.Type(), g.Type()) {
			return false
		}
	}
	return true
}

func sameType(a, b types.Type) bool {
	if m, ok := a.(*types.Module); ok {
		n, ok := b.(*types.Module)
		if !ok || m.Name != n.Name {
			return false
		}
		x, isInfo := m.Exports.(*typecheck.Info)
		y, _ := n.Exports.(*typecheck.Info)
		return !isInfo || x == y || y != nil && sameExports(x, y)
	}
	return types.Equal(a, b) && a.String() == b.String()
}
