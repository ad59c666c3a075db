package ide

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/kurtosis-go/kurtosis/packages"
)

// Diagnostics is what there is to say about a file: a module, or a kurtosis.yml. Other files have none.
func (v *View) Diagnostics(ctx context.Context, path string) ([]diag.Diagnostic, error) {
	switch {
	case isManifest(path):
		f, err := v.files.File(ctx, path)
		if err != nil {
			return nil, err
		}
		_, found := packages.ParseManifest(f)
		return found, nil
	case !v.isStarlark(path):
		return nil, nil
	}
	check := v.Plain
	if v.files.Open(path) {
		check = v.Module // an editor will ask for the types next
	}
	m, err := check(ctx, path)
	if err != nil {
		return nil, err
	}
	return v.findings(m), nil
}

// isStarlark says whether a document is Starlark: a module, or a buffer that is no file yet.
func (v *View) isStarlark(path string) bool {
	return !IsStub(path) && (IsModule(path) || v.files.Open(path) && workspaceBuffer(path))
}

// findings are the diagnostics of a module. An import that others read as an attribute of this module is used.
func (v *View) findings(m *Module) []diag.Diagnostic {
	return slices.DeleteFunc(slices.Clone(m.found), func(d diag.Diagnostic) bool {
		if d.Code != "unused-import" {
			return false
		}
		for _, g := range m.Info.Globals {
			if len(g.Defs) > 0 && nodeRange(g.Defs[0]) == d.Range {
				return v.readElsewhere(m.Path(), g.Name)
			}
		}
		return false
	})
}

// Diagnosable lists the files of the workspace that may have diagnostics.
func (v *View) Diagnosable(ctx context.Context) ([]string, error) {
	modules, err := v.Modules(ctx)
	if err != nil {
		return nil, err
	}
	roots := map[string]bool{}
	out := slices.Clone(modules)
	for _, path := range modules {
		if root, ok := v.PackageRoot(ctx, path); ok && v.inRoots(root) && !roots[root] {
			roots[root] = true
			out = append(out, manifestOf(root))
		}
	}
	return out, nil
}

// Warm parses modules on all processors, so that checking them one after another goes faster.
func (v *View) Warm(ctx context.Context, paths []string) {
	var wait sync.WaitGroup
	work := make(chan string)
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for path := range work {
				_, _ = v.files.Module(ctx, workspace.Target{Path: path}) // an error comes up again where it is checked
			}
		})
	}
	for _, path := range paths {
		if ctx.Err() != nil {
			break
		}
		v.mu.Lock()
		known := v.modules[path] != nil || v.before[path] != nil
		v.mu.Unlock()
		if !known && IsModule(path) {
			work <- path
		}
	}
	close(work)
	wait.Wait()
}
