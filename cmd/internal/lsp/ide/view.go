// Package ide answers what editors ask about Kurtosis packages: pure functions of a View and a place in it that
// return plain data. It knows no protocol, talks to no process and changes nothing.
package ide

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/runtime/interp"
	"github.com/kurtosis-go/kurtosis/typecheck"
)

// Settings are what the user chose.
type Settings struct {
	Check   typecheck.Options
	Vendor  string           // a vendor tree that packages are taken from, "" for none
	Fetcher packages.Fetcher // finds packages that are not around the workspace; nil finds none
	Hints   HintSettings
	Lenses  bool
}

// HintSettings choose the inlay hints.
type HintSettings struct{ ParameterNames, VariableTypes, Futures bool }

// View is one state of the workspace: files, open buffers and settings. What it answers does not change. Methods
// that change something return another View, which takes over what is still known.
type View struct {
	files    *workspace.Snapshot
	roots    []string
	settings Settings
	layout   int // which files there are; modules checked under another layout may find others
	shared   *shared

	mu       sync.Mutex
	modules  map[string]*Module           // checked in this state
	before   map[string]*Module           // checked in an earlier one
	focus    focused                      // the last partial check
	packages map[string]*packages.Package // by root directory
	starlark *[]string                    // modules below the roots, once listed
	flights  map[string]chan struct{}     // checks of whole modules that are under way
}

// shared outlives single views.
type shared struct {
	interpreter *interp.Interpreter
	mu          sync.Mutex
	reads       map[string]map[string]bool // by module: its globals that other modules read
}

// cacheBytes is how much text of parsed modules is kept besides those that are checked. A tree takes about twenty times
// its text.
const cacheBytes = 512 << 10

// NewView is the state before any file is open.
func NewView(disk workspace.FS, roots []string, settings Settings) *View {
	v := &View{
		roots: roots, settings: settings, shared: &shared{interpreter: interp.New(), reads: map[string]map[string]bool{}},
		modules: map[string]*Module{}, before: map[string]*Module{}, packages: map[string]*packages.Package{}, flights: map[string]chan struct{}{},
	}
	v.files = workspace.New(workspace.Options{Disk: disk, Resolver: v.resolver, Cache: workspace.NewCache(cacheBytes)})
	return v
}

// resolver is handed to the snapshots; which packages there are is found out through the files given.
func (v *View) resolver(files workspace.FS) workspace.Resolver {
	return &resolver{files: files, settings: v.settings, packages: map[string]*packages.Package{}}
}

// next is a view of other files in which what was known before may still hold, but for the file that changed.
func (v *View) next(files *workspace.Snapshot, changed string) *View {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := &View{
		files: files, roots: v.roots, settings: v.settings, layout: v.layout, shared: v.shared,
		modules: map[string]*Module{}, packages: map[string]*packages.Package{}, flights: map[string]chan struct{}{},
		before: make(map[string]*Module, len(v.before)+len(v.modules)), starlark: v.starlark,
	}
	for path, m := range v.before {
		n.before[path] = m
	}
	for path, m := range v.modules {
		n.before[path] = m
	}
	delete(n.before, changed)
	return n
}

// WithText is the view in which the file at path has that text, whether or not it exists on disk.
func (v *View) WithText(ctx context.Context, path string, text []byte) *View {
	n := v.next(v.files.With(path, text), path)
	// What a file that is no module holds may matter to any module: a kurtosis.yml, a Dockerfile.
	if _, err := v.files.Stat(ctx, path); err != nil || !IsModule(path) && !workspaceBuffer(path) {
		n.relayout()
	}
	return n
}

// Without is the view in which the file at path is again what is on disk.
func (v *View) Without(ctx context.Context, path string) *View {
	n := v.next(v.files.Without(path), path)
	if _, err := n.files.Stat(ctx, path); err != nil || !IsModule(path) {
		n.relayout()
	}
	return n
}

// Reload is the view that reads these files from disk again.
func (v *View) Reload(paths ...string) *View {
	n := v.next(v.files.Reload(paths...), "")
	n.relayout()
	return n
}

// Configure is the view with other settings or roots.
func (v *View) Configure(roots []string, settings Settings) *View {
	n := &View{
		roots: roots, settings: settings, layout: v.layout + 1, shared: v.shared,
		modules: map[string]*Module{}, before: map[string]*Module{}, packages: map[string]*packages.Package{}, flights: map[string]chan struct{}{},
	}
	n.files = v.files.WithResolver(n.resolver)
	return n
}

func (v *View) relayout() {
	v.layout++
	v.starlark = nil
}

// Settings are the view's.
func (v *View) Settings() Settings { return v.settings }

// Roots are the folders of the workspace.
func (v *View) Roots() []string { return v.roots }

// Files are the files of the view.
func (v *View) Files() *workspace.Snapshot { return v.files }

// File is a file of the workspace, or one of the stubs of builtins.
func (v *View) File(ctx context.Context, path string) (*source.File, error) {
	if IsStub(path) {
		return stubFile(path)
	}
	return v.files.File(ctx, path)
}

// Target says what the file at path is.
func (v *View) Target(ctx context.Context, path string) workspace.Target {
	alone := workspace.Target{Locator: filepath.Base(path), Path: path}
	if !filepath.IsAbs(path) {
		return alone // a buffer without a file
	}
	root, ok := findRoot(ctx, v.files, filepath.Dir(path))
	if !ok {
		return alone
	}
	t, err := v.Package(ctx, root).File(path)
	if err != nil {
		return alone
	}
	return t
}

// Package is the package in the directory root.
func (v *View) Package(ctx context.Context, root string) *packages.Package {
	v.mu.Lock()
	defer v.mu.Unlock()
	p := v.packages[root]
	if p == nil {
		p = packages.Around(ctx, v.files, root, packages.Options{Vendor: v.settings.Vendor, Fetcher: v.settings.Fetcher})
		v.packages[root] = p
	}
	return p
}

// PackageRoot is the directory of the package that the file at path is part of, ok is false where there is none.
func (v *View) PackageRoot(ctx context.Context, path string) (root string, ok bool) {
	if !filepath.IsAbs(path) {
		return "", false
	}
	return findRoot(ctx, v.files, filepath.Dir(path))
}

func findRoot(ctx context.Context, files workspace.FS, dir string) (string, bool) {
	for {
		if info, err := files.Stat(ctx, filepath.Join(dir, packages.ManifestName)); err == nil && !info.Dir {
			return dir, true
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", false
		}
		dir = up
	}
}

// resolver sends each locator to the package that its module is part of.
type resolver struct {
	files    workspace.FS
	settings Settings
	mu       sync.Mutex
	packages map[string]*packages.Package
}

func (r *resolver) Resolve(ctx context.Context, from workspace.Target, locator string) (workspace.Target, error) {
	root := from.PackageRoot
	if root == "" {
		root = filepath.Dir(from.Path)
	}
	r.mu.Lock()
	p := r.packages[root]
	if p == nil {
		p = packages.Around(ctx, r.files, root, packages.Options{Vendor: r.settings.Vendor, Fetcher: r.settings.Fetcher})
		r.packages[root] = p
	}
	r.mu.Unlock()
	return p.Resolve(ctx, from, locator)
}

// maxModules bounds how many modules of a workspace are looked at.
const maxModules = 5000

// Modules lists the modules of the workspace: the .star files below its roots, and open ones elsewhere.
func (v *View) Modules(ctx context.Context) ([]string, error) {
	v.mu.Lock()
	known := v.starlark
	v.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	var all []string
	for _, root := range v.roots {
		found, err := v.files.Files(ctx, root, IsModule)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil {
			all = append(all, found...)
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) > maxModules {
		all = all[:maxModules]
	}
	v.mu.Lock()
	v.starlark = &all
	v.mu.Unlock()
	return all, nil
}

// IsModule says whether a path is that of a Starlark module.
func IsModule(path string) bool { return filepath.Ext(path) == ".star" }

func isManifest(path string) bool { return filepath.Base(path) == packages.ManifestName }

// IsManifest says whether a path is that of a kurtosis.yml.
func IsManifest(path string) bool { return isManifest(path) }

// inRoots says whether a file lies in the workspace.
func (v *View) inRoots(path string) bool {
	return slices.ContainsFunc(v.roots, func(root string) bool {
		return path == root || strings.HasPrefix(path, strings.TrimSuffix(root, string(filepath.Separator))+string(filepath.Separator))
	})
}

func manifestOf(root string) string { return filepath.Join(root, packages.ManifestName) }

// workspaceBuffer says whether a path is that of a buffer without a file: untitled:Untitled-1.
func workspaceBuffer(path string) bool {
	return !filepath.IsAbs(path) && strings.Contains(path, ":") && !IsStub(path)
}
