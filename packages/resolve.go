package packages

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
)

// tree is a directory that stands for a locator and all below it.
type tree struct {
	locator string // github.com/o/r, or a package below it where no more is on disk
	dir     string
	version string
	remote  bool // vendored or fetched: what is in it must be called as its place says
}

func (t tree) path(locator string) string {
	return filepath.Join(t.dir, filepath.FromSlash(strings.TrimPrefix(locator, t.locator)))
}

// treeOf finds the tree that a module belongs to, by going up for as long as the directories on disk are called as
// the locator has it: a package in a subdirectory of its repository then sees the rest of its checkout.
func treeOf(from workspace.Target) tree {
	t := tree{locator: from.Locator, dir: from.Path, version: from.Version}
	for strings.Count(t.locator, "/") > 2 && path.Base(t.locator) == filepath.Base(t.dir) {
		t.locator, t.dir = path.Dir(t.locator), filepath.Dir(t.dir)
	}
	return t
}

// Resolve is workspace.Resolver's.
func (p *Package) Resolve(ctx context.Context, from workspace.Target, locator string) (workspace.Target, error) {
	find, relative := p.resolveNamed, isRelative(locator) || isBare(locator)
	if relative {
		find = p.resolveRelative
	}
	target, err := find(ctx, from, locator)
	if err != nil {
		return workspace.Target{}, err
	}
	shown := locator
	if relative {
		shown = target.Locator
	}
	p.paths.Store(shown, target.Path)
	p.resolved.Store(target.Path+"@"+target.Version, target)
	return target, nil
}

func (p *Package) resolveNamed(ctx context.Context, from workspace.Target, locator string) (workspace.Target, error) {
	l, err := ParseLocator(locator)
	if err != nil {
		return workspace.Target{}, err
	}
	if from.Package != "" && within(from.Package, l.Absolute()) {
		return workspace.Target{}, refused(locator, fmt.Sprintf("write '%s'", relativeForm(from, l.Absolute())),
			"Locator '%s' is referencing a file within the same package using absolute import syntax, but only relative import syntax (path starting with '/' or '.') is allowed for within-package imports", locator)
	}
	return p.resolveAbsolute(ctx, from, locator, l)
}

func refused(locator, hint, format string, args ...any) *workspace.LocatorError {
	return &workspace.LocatorError{Fault: workspace.LocatorRefused, Locator: locator, Hint: hint, Message: fmt.Sprintf(format, args...)}
}

// relativeForm is how from would name absolute, which is in the same package.
func relativeForm(from workspace.Target, absolute string) string {
	rel, err := filepath.Rel(filepath.FromSlash(path.Dir(from.Locator)), filepath.FromSlash(absolute))
	if err != nil {
		return absolute
	}
	rel = filepath.ToSlash(rel)
	if strings.HasPrefix(rel, "../") {
		return rel
	}
	return "./" + rel
}

func (p *Package) resolveRelative(ctx context.Context, from workspace.Target, locator string) (workspace.Target, error) {
	if from.Package == "" {
		return workspace.Target{}, refused(locator, "make a package of it with 'kurtosis package init', or use an absolute locator",
			"Locator '%s' is relative, and a standalone script has no package that it could be relative to", locator)
	}
	base, err := ParseLocator(from.Locator)
	if err != nil {
		return workspace.Target{}, err
	}
	inside := strings.TrimLeft(locator, "/")
	if !strings.HasPrefix(locator, "/") {
		inside = path.Join(path.Dir(base.Path), locator)
	}
	clean, ok := cleanInside(inside)
	if !ok {
		return workspace.Target{}, refused(locator, "", "Locator '%s' leaves the repository '%s'", locator, base.Repository())
	}
	target := Locator{Owner: base.Owner, Name: base.Name, Path: clean}
	if !within(from.Package, target.Absolute()) {
		if r, ok := p.replacement(target.Absolute()); ok && !within(r.Package, from.Locator) {
			return p.resolveReplaced(ctx, from, locator, target, r)
		}
	}
	return p.inRepository(ctx, from, locator, target, false)
}

func (p *Package) resolveAbsolute(ctx context.Context, from workspace.Target, locator string, l Locator) (workspace.Target, error) {
	if r, ok := p.replacement(l.Absolute()); ok {
		return p.resolveReplaced(ctx, from, locator, l, r)
	}
	return p.inRepository(ctx, from, locator, l, true)
}

// replacement finds the root package's longest replacement that covers an absolute locator.
func (p *Package) replacement(absolute string) (Replacement, bool) {
	for _, r := range p.replacements() {
		if within(r.Package, absolute) {
			return r, true
		}
	}
	return Replacement{}, false
}

func (p *Package) replacements() []Replacement {
	if p.Manifest == nil {
		return nil
	}
	return p.Manifest.Replace
}

// replacedBy is the directory of a local replacement.
func (p *Package) replacedBy(r Replacement) (dir string, local bool) {
	if !r.IsLocal() {
		return "", false
	}
	if dir, moved := p.moved[r.Package]; moved {
		return dir, true
	}
	dir = filepath.FromSlash(r.With)
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(p.Root, dir)
	}
	return dir, true
}

func (p *Package) resolveReplaced(ctx context.Context, from workspace.Target, locator string, l Locator, r Replacement) (workspace.Target, error) {
	rest := strings.TrimPrefix(l.Absolute(), r.Package)
	if dir, local := p.replacedBy(r); local {
		if info, err := p.files.Stat(ctx, dir); err != nil || !info.Dir {
			return workspace.Target{}, &workspace.LocatorError{
				Fault: workspace.LocatorMissing, Locator: locator,
				Message: fmt.Sprintf("'%s' is replaced with '%s', which isn't a directory", r.Package, r.With),
				Hint:    fmt.Sprintf("see 'replace' in %s, line %d", filepath.Join(p.Root, ManifestName), r.Range.Start.Line),
			}
		}
		return p.target(ctx, tree{locator: r.Package, dir: dir}, locator, l)
	}
	with, err := ParseLocator(r.With)
	if err != nil {
		return workspace.Target{}, err
	}
	with.Path = strings.TrimPrefix(path.Join(with.Path, rest), "/")
	for i := range with.others {
		with.others[i].Path = strings.TrimPrefix(path.Join(with.others[i].Path, rest), "/")
	}
	return p.inRepository(ctx, from, locator, with, true)
}

// inRepository looks a locator up in the trees that can have it: the one its user is part of, the vendor tree, and
// what can be fetched. fixed says that the locator was absolute, so that a version in it counts.
func (p *Package) inRepository(ctx context.Context, from workspace.Target, locator string, l Locator, fixed bool) (workspace.Target, error) {
	if from.Package != "" && (!fixed || l.Version == "" || p.options.Vendor != "") {
		own := treeOf(from)
		if within(own.locator, l.Absolute()) {
			t, err := p.target(ctx, own, locator, l)
			// A package on its own, without the repository around it, finds the rest of that elsewhere.
			if err == nil || within(from.Package, l.Absolute()) || !p.alone(from, own) {
				return t, err
			}
		}
	}
	trees, err := p.remote(ctx, locator, l)
	if err != nil {
		return workspace.Target{}, err
	}
	var first error
	for i, t := range trees {
		found, err := p.target(ctx, t.tree, locator, t.locator)
		if err == nil {
			return found, nil
		}
		if i == 0 {
			first = err
		}
	}
	return workspace.Target{}, first
}

func (p *Package) alone(from workspace.Target, own tree) bool {
	if p.fetched || from.PackageRoot != p.Root {
		return false
	}
	return !p.isCheckout(own.dir)
}

// isCheckout says whether dir is a repository that somebody works on.
func (p *Package) isCheckout(dir string) bool {
	if p.checkout {
		return true
	}
	_, err := os.Lstat(filepath.Join(dir, ".git"))
	return err == nil
}

type reading struct {
	tree    tree
	locator Locator
}

// remote gives the tree of a repository with each reading of the locator that the tree allows.
func (p *Package) remote(ctx context.Context, locator string, l Locator) ([]reading, error) {
	repository := l.Repository()
	readings := append([]Locator{l}, l.others...)
	if p.options.Vendor != "" {
		dir := filepath.Join(p.options.Vendor, filepath.FromSlash(repository))
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return nil, &workspace.LocatorError{
				Fault: workspace.LocatorOffline, Locator: locator,
				Message: fmt.Sprintf("'%s' isn't in the vendor tree '%s'", repository, p.options.Vendor),
				Hint:    "'kurtosis package vendor' writes a tree with all that a package needs",
			}
		}
		out := make([]reading, len(readings))
		for i, r := range readings {
			out[i] = reading{tree{locator: repository, dir: dir, remote: true}, r}
		}
		return out, nil
	}
	if p.options.Fetcher == nil {
		return nil, &workspace.LocatorError{
			Fault: workspace.LocatorOffline, Locator: locator,
			Message: fmt.Sprintf("'%s' isn't on this machine, and nothing is fetched here", repository),
		}
	}
	versions := make([]string, len(readings))
	for i, r := range readings {
		versions[i] = r.Version
	}
	dir, version, err := p.options.Fetcher.Fetch(ctx, repository, versions)
	if err != nil {
		return nil, err
	}
	for _, r := range readings {
		if r.Version == version {
			return []reading{{tree{locator: repository, dir: dir, version: version, remote: true}, r}}, nil
		}
	}
	return nil, fmt.Errorf("%s was fetched at '%s', which was not asked for", repository, version)
}

// target checks that the locator exists in a tree, does not leave it through a symbolic link, and is part of a
// package where it is a module.
func (p *Package) target(ctx context.Context, t tree, locator string, l Locator) (workspace.Target, error) {
	absolute := l.Absolute()
	file := t.path(absolute)
	info, err := p.files.Stat(ctx, file)
	if err != nil && ctx.Err() != nil {
		return workspace.Target{}, ctx.Err()
	}
	if err != nil {
		missing := &workspace.LocatorError{
			Fault: workspace.LocatorMissing, Locator: locator, Hint: p.nearby(ctx, file),
			Message: fmt.Sprintf("'/%s' doesn't exist in the package '%s/%s'", l.Path, l.Owner, l.Name),
		}
		if !errors.Is(err, fs.ErrNotExist) {
			missing.Message = fmt.Sprintf("can't read '/%s' in the package '%s/%s': %s", l.Path, l.Owner, l.Name, plainError(err))
			missing.Hint = ""
		}
		return workspace.Target{}, missing
	}
	if !p.staysIn(t.dir, file) {
		return workspace.Target{}, &workspace.LocatorError{
			Fault: workspace.LocatorMissing, Locator: locator,
			Message: fmt.Sprintf("'/%s' leaves the package '%s/%s' through a symbolic link", l.Path, l.Owner, l.Name),
		}
	}
	dir := file
	if !info.Dir {
		dir = filepath.Dir(file)
	}
	own, err := p.manifestFor(ctx, t, dir)
	if err != nil {
		return workspace.Target{}, err
	}
	if !info.Dir && path.Ext(file) == ".star" {
		if err := p.checkModule(t, locator, l, own); err != nil {
			return workspace.Target{}, err
		}
	}
	return workspace.Target{Locator: absolute, Path: file, Package: own.name, PackageRoot: own.root, Version: t.version}, nil
}

// checkModule refuses what may not be imported: a module outside any package, or of one that is not where its
// name says.
func (p *Package) checkModule(t tree, locator string, l Locator, own named) error {
	if own.root == "" {
		return refused(locator, fmt.Sprintf("a module can be imported where there is a %s in its directory or above it", ManifestName),
			"'/%s' in '%s/%s' isn't part of a Kurtosis package", l.Path, l.Owner, l.Name)
	}
	if !t.remote {
		return nil
	}
	rel, err := filepath.Rel(t.dir, own.root)
	if err != nil {
		return err
	}
	if want := path.Join(t.locator, filepath.ToSlash(rel)); own.name != want {
		return refused(locator, fmt.Sprintf("it is to be called '%s'", want), "%s", misplaced(own.name, want))
	}
	return nil
}

func misplaced(name, want string) string {
	return fmt.Sprintf("The package name in %s must match the location it is in. Package name is '%s' and %s is found here: '%s'", ManifestName, name, ManifestName, want)
}

// nearby suggests a neighbour of a file that does not exist.
func (p *Package) nearby(ctx context.Context, file string) string {
	entries, err := p.files.List(ctx, filepath.Dir(file))
	if err != nil {
		return ""
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name
	}
	if near, ok := diag.Closest(filepath.Base(file), names); ok {
		return fmt.Sprintf("did you mean '%s'?", near)
	}
	return ""
}

// staysIn says whether file, all symbolic links followed, is still below dir. Each directory is followed once: many
// modules are in few of them.
func (p *Package) staysIn(dir, file string) bool {
	parent := filepath.Dir(file)
	direct, known := p.direct.Load(parent)
	if !known {
		real, err := filepath.EvalSymlinks(parent)
		direct = err == nil && real == parent
		p.direct.Store(parent, direct)
	}
	if direct.(bool) {
		info, err := os.Lstat(file)
		if errors.Is(err, fs.ErrNotExist) {
			return true // a buffer that was never saved
		}
		if err == nil && info.Mode()&fs.ModeSymlink == 0 {
			return true // no link on the way, so it is where its path says
		}
	}
	real, err := filepath.EvalSymlinks(file)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	if err != nil {
		return false
	}
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(root, real)
	return err == nil && filepath.IsLocal(rel)
}

// named is the kurtosis.yml that is in force in a directory; both are "" where there is none.
type named struct{ root, name string }

// manifestFor finds the package that a directory belongs to, no further up than its tree.
func (p *Package) manifestFor(ctx context.Context, t tree, dir string) (named, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var seen []string
	found := named{}
	for {
		if known, ok := p.names[dir]; ok {
			found = known
			break
		}
		seen = append(seen, dir)
		file := filepath.Join(dir, ManifestName)
		text, err := p.files.Read(ctx, file)
		if err == nil {
			f := source.NewFile(file, text)
			manifest, diagnostics := ParseManifest(f)
			if len(diagnostics) > 0 {
				return named{}, &ManifestError{File: f, Diagnostics: diagnostics}
			}
			found = named{root: dir, name: manifest.Name}
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return named{}, &PackageError{Message: fmt.Sprintf("can't read '%s': %s", file, plainError(err))}
		}
		if dir == t.dir || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	for _, d := range seen {
		p.names[d] = found
	}
	return found, nil
}

// openLocator opens a package on GitHub, or the one of that name in the vendor tree.
func openLocator(ctx context.Context, operand string, o Options) (*Package, error) {
	l, err := ParseLocator(strings.TrimSuffix(operand, "/"))
	if err != nil {
		var le *workspace.LocatorError
		if errors.As(err, &le) {
			return nil, &OperandError{Message: le.Message, Hint: le.Hint}
		}
		return nil, err
	}
	finder := blank("", workspace.Disk(), o)
	trees, err := finder.remote(ctx, operand, l)
	if err != nil {
		return nil, err
	}
	chosen := trees[0]
	for _, t := range trees[1:] {
		if info, err := os.Stat(chosen.tree.path(chosen.locator.Absolute())); err == nil && info.IsDir() {
			break
		}
		chosen = t
	}
	dir, inside := chosen.tree.path(chosen.locator.Absolute()), chosen.locator.Path
	switch {
	case path.Base(inside) == ManifestName:
		dir, inside = filepath.Dir(dir), path.Dir(inside)
	case path.Ext(inside) == ".star" && o.Main == "":
		o.Main = path.Base(inside)
		dir, inside = filepath.Dir(dir), path.Dir(inside)
	case slices.Contains(o.Converted, path.Base(inside)):
		o.Converted = []string{path.Base(inside)}
		dir, inside = filepath.Dir(dir), path.Dir(inside)
	}
	if inside == "." {
		inside = ""
	}
	want := path.Join(chosen.locator.Repository(), inside)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, &PackageError{Message: fmt.Sprintf("'/%s' doesn't exist in the package '%s/%s'", inside, l.Owner, l.Name), Hint: finder.nearby(ctx, dir)}
	}
	own, err := finder.manifestFor(ctx, tree{locator: want, dir: dir}, dir)
	if err != nil {
		return nil, err
	}
	if own.root == "" {
		if file, ok := o.convertible(dir); ok {
			pkg, err := openConverted(file, want, o)
			if err == nil {
				pkg.Main.Version, pkg.fetched = chosen.tree.version, true
			}
			return pkg, err
		}
		return nil, &PackageError{Message: fmt.Sprintf("there is no %s in '%s'", ManifestName, want)}
	}
	pkg, err := openRoot(dir, want, o)
	if err != nil {
		return nil, err
	}
	if pkg.Name != want {
		return nil, &PackageError{Message: misplaced(pkg.Name, want), Hint: fmt.Sprintf("it is to be called '%s'", want)}
	}
	pkg.Main.Version, pkg.fetched = chosen.tree.version, true
	return pkg, nil
}
