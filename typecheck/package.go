package typecheck

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/types"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
)

// PackageOptions say how a package is checked.
type PackageOptions struct {
	Options
	Types bool // record the type of every expression, and keep all that is known of each module, for an editor
	// Known answers with modules that were checked before and have not changed since, with all they import: by
	// path. Nil is the same as none.
	Known map[string]*Module
}

// Module is a checked module.
type Module struct {
	Target      workspace.Target
	Info        *Info
	Diagnostics []diag.Diagnostic
}

// Result is a checked package.
type Result struct {
	Modules map[string]*Module // by path: the roots and all they import
	Roots   []*Module          // those that were asked for, in that order
}

// CheckPackage checks modules with everything they import, each once. Diagnostics of imported modules are in
// Modules. The error is one to read a root, or ctx's.
func CheckPackage(ctx context.Context, s *workspace.Snapshot, roots []workspace.Target, o PackageOptions) (*Result, error) {
	p := &session{snapshot: s, resolver: s.Resolver(), options: o, modules: map[string]*Module{}, reads: map[*Info]map[string]bool{}}
	if err := p.parse(ctx, roots); err != nil {
		return nil, err
	}
	r := &Result{Modules: p.modules}
	for _, t := range roots {
		m, err := p.check(ctx, t)
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r.Roots = append(r.Roots, m)
	}
	for _, m := range p.modules {
		p.forget(m)
	}
	return r, nil
}

// Sites are the types of the arguments with which other modules of the result call the functions of one: what
// [Input.Sites] takes.
func (r *Result) Sites(path string) map[string][]types.Type {
	of := r.Modules[path]
	if of == nil {
		return nil
	}
	out := map[string][]types.Type{}
	for _, m := range r.Modules {
		for f, sites := range m.Info.sites {
			if f.Parent != of.Info.Funcs[0] || of.Info.Func(f.Name) != f {
				continue
			}
			have := out[f.Name]
			if have == nil {
				have = make([]types.Type, len(sites))
				out[f.Name] = have
			}
			for i, t := range sites {
				if t != nil {
					have[i] = types.Join(have[i], t)
				}
			}
		}
	}
	return out
}

// session is one run of CheckPackage.
type session struct {
	snapshot *workspace.Snapshot
	resolver workspace.Resolver
	options  PackageOptions
	modules  map[string]*Module
	path     []workspace.Target        // modules being checked
	reads    map[*Info]map[string]bool // globals that other modules read
}

// parse reads and parses the roots on all processors; the trees stay in the snapshot's cache.
func (p *session) parse(ctx context.Context, roots []workspace.Target) error {
	work := make(chan workspace.Target)
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(roots)) {
		wait.Go(func() {
			for t := range work {
				_, _ = p.snapshot.Module(ctx, t) // an error comes up again where the module is checked
			}
		})
	}
	for _, t := range roots {
		if ctx.Err() != nil {
			break
		}
		work <- t
	}
	close(work)
	wait.Wait()
	return ctx.Err()
}

func (p *session) check(ctx context.Context, t workspace.Target) (*Module, error) {
	if m := p.modules[t.Path]; m != nil {
		return m, nil
	}
	if m := p.options.Known[t.Path]; m != nil {
		p.modules[t.Path] = m
		return m, nil
	}
	tree, err := p.snapshot.Module(ctx, t)
	if err != nil {
		return nil, err
	}
	p.path = append(p.path, t)
	in := Input{
		Target: t, Tree: tree, Options: p.options.Options, Types: p.options.Types,
		Main:   t.PackageRoot != "" && t.Path == filepath.Join(t.PackageRoot, "main.star"),
		Import: func(ctx context.Context, locator string) Imported { return p.load(ctx, t, locator) },
		Find:   func(ctx context.Context, locator string) error { return p.find(ctx, t, locator) },
		File: func(ctx context.Context, locator string) ([]byte, error) {
			to, err := p.resolver.Resolve(ctx, t, locator)
			if err != nil {
				return nil, err
			}
			return p.snapshot.Read(ctx, to.Path)
		},
		Read: p.read,
	}
	info, diagnostics := Check(ctx, in)
	p.path = p.path[:len(p.path)-1]
	if !p.options.Types {
		info.abridge()
	}
	m := &Module{Target: t, Info: info, Diagnostics: diagnostics}
	p.modules[t.Path] = m
	return m, nil
}

func (p *session) load(ctx context.Context, from workspace.Target, locator string) Imported {
	to, err := p.resolver.Resolve(ctx, from, locator)
	if err != nil {
		return Imported{Err: err}
	}
	if !strings.HasSuffix(to.Path, ".star") {
		return Imported{Target: to} // a compose file, which is a module with a run
	}
	if info, err := p.snapshot.Stat(ctx, to.Path); err == nil && info.Dir {
		return Imported{Target: to, Err: &workspace.LocatorError{Fault: workspace.LocatorMissing, Locator: locator, Message: fmt.Sprintf("'%s' is a directory, not a module", locator)}}
	}
	if i := slices.IndexFunc(p.path, func(t workspace.Target) bool { return t.Path == to.Path }); i >= 0 {
		cycle := Imported{Target: to}
		for _, t := range p.path[i:] {
			cycle.Cycle = append(cycle.Cycle, t.Locator)
		}
		cycle.Cycle = append(cycle.Cycle, to.Locator)
		return cycle
	}
	m, err := p.check(ctx, to)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return Imported{Target: to, Err: &workspace.LocatorError{Fault: workspace.LocatorMissing, Locator: locator, Message: fmt.Sprintf("'%s' doesn't exist", locator)}}
		}
		return Imported{Target: to, Err: err}
	}
	return Imported{Module: m.Info, Target: to}
}

func (p *session) find(ctx context.Context, from workspace.Target, locator string) error {
	_, err := p.resolver.Resolve(ctx, from, locator)
	return err
}

func (p *session) read(m *Info, name string) {
	if p.reads[m] == nil {
		p.reads[m] = map[string]bool{}
	}
	p.reads[m][name] = true
}

// forget drops what is said of unused imports that other modules read as attributes of this one.
func (p *session) forget(m *Module) {
	reads := p.reads[m.Info]
	if len(reads) == 0 {
		return
	}
	m.Diagnostics = slices.DeleteFunc(m.Diagnostics, func(d diag.Diagnostic) bool {
		if d.Code != "unused-import" {
			return false
		}
		for name := range reads {
			if v := m.Info.Global(name); v != nil && len(v.Defs) > 0 && rangeOf(v.Defs[0]) == d.Range {
				return true
			}
		}
		return false
	})
}
