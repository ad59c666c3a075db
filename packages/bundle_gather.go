package packages

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/kurtosis-go/kurtosis/lang/workspace"
)

// Names of trees in a bundle. No locator has an @ in a directory's name, so that going up from a module by what
// directories are called ends there, as it does on the machine that the tree is from.
const (
	ownTree      = "own@"
	replacedTree = "replaced@"
	fetchedTree  = "fetched@"
	vendorTree   = "vendor@"
)

// gatherer finds out which files a bundle is made of.
type gatherer struct {
	p        *Package
	own      string // the locator of the package's own tree, "" for a script
	max      int64
	record   bundleRecord
	trees    []bundleTree
	members  map[string]bundleMember
	included map[string]bool  // paths that were walked, with all below them
	sizes    map[string]int64 // of what is in the roots of trees
	total    int64
	left     []string
}

func (g *gatherer) gather(ctx context.Context) error {
	p := g.p
	own := bundleTree{ownTree, p.Root}
	if p.Manifest != nil {
		whole := treeOf(p.Main)
		own.dir, g.own = whole.dir, whole.locator
	}
	if vendor := p.options.Vendor; vendor != "" {
		g.record.Vendor = vendorTree
		if rel, ok := inside(vendor, own.dir); ok {
			own.name = path.Join(vendorTree, rel)
		} else if _, ok := inside(p.Root, vendor); ok && p.Manifest != nil && !p.converted() {
			rel, _ := inside(own.dir, vendor)
			g.record.Vendor = path.Join(own.name, rel)
		}
		if g.record.Vendor == vendorTree && own.name != vendorTree {
			g.trees = append(g.trees, bundleTree{vendorTree, vendor}) // so that messages can name it
		}
		g.members[g.record.Vendor] = bundleMember{name: g.record.Vendor, mode: fs.ModeDir | 0o755}
	}
	g.trees = append(g.trees, own)
	g.describe(own)
	var err error
	switch {
	case p.Manifest == nil:
		err = g.include(ctx, own, p.Main.Path)
	case p.fetched:
		err = g.include(ctx, own, own.dir)
	case p.converted():
		err = g.includeNamed(ctx, own)
	default:
		err = g.include(ctx, own, p.Root)
	}
	if err != nil {
		return g.explain(err)
	}
	for _, t := range p.targets() {
		if err := g.target(ctx, own, t); err != nil {
			return g.explain(err)
		}
	}
	text, err := json.MarshalIndent(g.record, "", "  ")
	if err != nil {
		return err
	}
	g.members[bundleFile] = bundleMember{name: bundleFile, mode: 0o644, text: append(text, '\n')}
	return nil
}

func (g *gatherer) describe(own bundleTree) {
	p := g.p
	rel, _ := inside(own.dir, p.Root)
	main, _ := inside(p.Root, p.Main.Path)
	r := &g.record
	r.Format, r.Root, r.Main, r.Name, r.Identity = bundleFormat, path.Join(own.name, rel), main, p.Name, p.Identity()
	r.Version, r.Fetched, r.Converted = p.Main.Version, p.fetched, p.Manifest != nil && p.converted()
	if p.Manifest != nil && !p.fetched {
		r.Checkout = p.isCheckout(own.dir)
	}
}

// targets is all that was resolved, in an order that does not change.
func (p *Package) targets() []workspace.Target {
	var list []workspace.Target
	p.resolved.Range(func(_, t any) bool {
		list = append(list, t.(workspace.Target))
		return true
	})
	slices.SortFunc(list, func(a, b workspace.Target) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Locator, b.Locator), cmp.Compare(a.Version, b.Version))
	})
	return list
}

// target takes what a locator led to, with what is around it.
func (g *gatherer) target(ctx context.Context, own bundleTree, t workspace.Target) error {
	whole := treeOf(t)
	if vendor := g.p.options.Vendor; vendor != "" && whole.dir != own.dir {
		if rel, ok := inside(vendor, whole.dir); ok {
			return g.include(ctx, g.tree(path.Join(g.record.Vendor, rel), whole.dir), whole.dir)
		}
	}
	if rel, ok := inside(own.dir, t.Path); ok && g.own != "" && t.Locator == path.Join(g.own, rel) {
		if g.p.fetched {
			g.repository(path.Join(strings.Split(g.own, "/")[:3]...), t.Version, own.name)
		}
		if g.p.converted() && t.PackageRoot == g.p.Root {
			return g.include(ctx, own, t.Path) // its directory may be anybody's home
		}
		return g.include(ctx, own, around(own.dir, t))
	}
	for _, r := range g.p.replacements() {
		dir, local := g.p.replacedBy(r)
		if _, ok := inside(dir, t.Path); !local || !ok || !within(r.Package, t.Locator) {
			continue
		}
		tree := own
		if _, ok := inside(own.dir, whole.dir); !ok {
			tree = g.tree(replacedTree+strconv.Itoa(len(g.trees)), whole.dir)
		}
		if g.record.Replaced == nil {
			g.record.Replaced = map[string]string{}
		}
		rel, _ := inside(tree.dir, dir)
		g.record.Replaced[r.Package] = path.Join(tree.name, rel)
		return g.include(ctx, tree, around(tree.dir, t))
	}
	tree := g.tree(path.Join(fetchedTree, whole.locator, strconv.Itoa(len(g.trees))), whole.dir)
	g.repository(whole.locator, t.Version, tree.name)
	return g.include(ctx, tree, whole.dir)
}

// around is the package that a target is part of, or the target alone where it is in none.
func around(dir string, t workspace.Target) string {
	if _, ok := inside(dir, t.PackageRoot); ok && t.PackageRoot != "" {
		return t.PackageRoot
	}
	return t.Path
}

// tree finds the tree of a directory; name is that of a new one.
func (g *gatherer) tree(name, dir string) bundleTree {
	for _, t := range g.trees {
		if t.dir == dir {
			return t
		}
	}
	t := bundleTree{name, dir}
	g.trees = append(g.trees, t)
	return t
}

func (g *gatherer) repository(name, version, dir string) {
	r := bundleRepository{name, version, dir}
	if !slices.Contains(g.record.Repositories, r) {
		g.record.Repositories = append(g.record.Repositories, r)
	}
}

// inside is the way from a directory down to a file, slash-separated.
func inside(dir, file string) (string, bool) {
	rel, err := filepath.Rel(dir, file)
	if err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// includeNamed takes a file that a module is made of and the files around it whose names it holds. Files and
// directories that the module uploads are targets.
func (g *gatherer) includeNamed(ctx context.Context, own bundleTree) error {
	p := g.p
	names := map[string]bool{filepath.Base(p.Main.Path): true, ".env": true}
	text, err := p.files.Read(ctx, p.Main.Path)
	if err != nil {
		return &PackageError{Message: fmt.Sprintf("can't read '%s': %s", p.Main.Path, plainError(err))}
	}
	var doc yaml.Node
	if yaml.Unmarshal(text, &doc) == nil { // else the conversion says what is wrong
		scalars(&doc, names)
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		file := filepath.Join(p.Root, filepath.FromSlash(name))
		if _, ok := inside(p.Root, file); !ok || !p.staysIn(own.dir, file) {
			continue
		}
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			if err := g.include(ctx, own, file); err != nil {
				return err
			}
		}
	}
	return nil
}

func scalars(n *yaml.Node, names map[string]bool) {
	if n.Kind == yaml.ScalarNode && n.Value != "" && len(n.Value) < 1000 && !strings.ContainsRune(n.Value, 0) {
		names[n.Value] = true
	}
	for _, c := range n.Content {
		scalars(c, names)
	}
}

// include takes a file, or a directory with all below it but what git keeps.
func (g *gatherer) include(ctx context.Context, tree bundleTree, root string) error {
	for at := root; ; at = filepath.Dir(at) {
		if g.included[at] {
			return nil
		}
		if at == tree.dir || at == filepath.Dir(at) {
			break
		}
	}
	g.included[root] = true
	return filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, fs.ErrPermission):
			g.left = append(g.left, file)
			return nil
		case err != nil:
			return &PackageError{Message: fmt.Sprintf("can't read '%s': %s", file, plainError(err))}
		case d.Name() == ".git" && file != root:
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case d.Name() == ".git":
			return nil
		}
		return g.entry(ctx, tree, file, d)
	})
}

func (g *gatherer) entry(ctx context.Context, tree bundleTree, file string, d fs.DirEntry) error {
	rel, ok := inside(tree.dir, file)
	if !ok {
		return nil
	}
	m := bundleMember{name: path.Join(tree.name, rel)}
	info, err := d.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it was there a moment ago
	} else if err != nil {
		return err
	}
	m.mode = info.Mode()
	switch {
	case m.mode.IsDir():
	case m.mode.IsRegular():
		if m.mode.Perm()&0o444 != 0o444 && !readable(file) {
			g.left = append(g.left, file)
			return nil
		}
		m.file, m.size = file, info.Size()
		if err := g.count(tree, rel, m.size); err != nil {
			return err
		}
	case m.mode&fs.ModeSymlink != 0:
		to, target, ok := linked(tree.dir, file)
		if !ok {
			g.left = append(g.left, file)
			return nil
		}
		m.link = target
		g.members[m.name] = m
		if _, err := os.Lstat(to); err == nil {
			return g.include(ctx, tree, to)
		}
		return nil
	default: // sockets and devices are nothing to send
		g.left = append(g.left, file)
		return nil
	}
	g.members[m.name] = m
	return nil
}

func readable(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	return f.Close() == nil
}

// linked is where a symbolic link leads, and how it says so from where it is; ok is false where that is outside of dir.
func linked(dir, file string) (to, target string, ok bool) {
	target, err := os.Readlink(file)
	if err != nil {
		return "", "", false
	}
	to = target
	if !filepath.IsAbs(to) {
		to = filepath.Join(filepath.Dir(file), to)
	}
	if _, ok := inside(dir, to); !ok {
		return "", "", false
	}
	if filepath.IsAbs(target) {
		if target, err = filepath.Rel(filepath.Dir(file), to); err != nil {
			return "", "", false
		}
	}
	return to, filepath.ToSlash(target), true
}

func (g *gatherer) count(tree bundleTree, rel string, size int64) error {
	top, _, _ := strings.Cut(rel, "/")
	g.sizes[filepath.Join(tree.dir, top)] += size
	if g.total += size; g.total > g.max {
		return errTooLarge
	}
	return nil
}

func (g *gatherer) explain(err error) error {
	if !errors.Is(err, errTooLarge) {
		return err
	}
	largest := slices.MaxFunc(slices.Sorted(maps.Keys(g.sizes)), func(a, b string) int { return cmp.Compare(g.sizes[a], g.sizes[b]) })
	return &PackageError{
		Message: fmt.Sprintf("the package and what it imports hold more than %s, too much to send", sizeText(g.max)),
		Hint:    fmt.Sprintf("most of it is '%s': keep what the package doesn't need out of its directory", largest),
	}
}

func (g *gatherer) bundle() *Bundle {
	b := &Bundle{Size: g.total, Left: g.left, trees: g.trees}
	for _, name := range slices.Sorted(maps.Keys(g.members)) {
		b.members = append(b.members, g.members[name])
	}
	// The innermost tree has a path.
	slices.SortStableFunc(b.trees, func(x, y bundleTree) int { return cmp.Compare(len(y.name), len(x.name)) })
	return b
}
