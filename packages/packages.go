// Package packages opens Kurtosis packages and standalone scripts, and finds what the locators in them mean: in
// the package's own tree, in a vendor tree, in a replacement, or in what a Fetcher brings.
package packages

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
)

// DefaultMain is the file of a package that is run.
const DefaultMain = "main.star"

// Fetcher brings a repository's tree onto this machine.
type Fetcher interface {
	// Fetch gives the directory that holds the tree of repository (github.com/owner/name) at the first of versions
	// that is a tag, branch or commit there, and which one it was; "" is the default branch. The directory stays as
	// it is for as long as the process runs, and is not to be written to.
	Fetch(ctx context.Context, repository string, versions []string) (dir, version string, err error)
}

// Options say where packages may come from.
type Options struct {
	Vendor  string  // a tree that holds DIR/github.com/<owner>/<repository>: nothing is fetched, versions are ignored
	Fetcher Fetcher // nil: what is not on disk is an error
	Main    string  // the file to run, relative to the package; "" is main.star
	// Converted are names of files of another kind that can be run, as modules are made of them; of several in one
	// directory the first of the list counts.
	Converted []string
}

// Package is an opened package, or a standalone script. It resolves the locators of its own modules and of all
// that they import, and is safe for concurrent use.
type Package struct {
	Name     string           // the name in kurtosis.yml, "" for a standalone script
	Root     string           // the directory of kurtosis.yml, or of the script
	Main     workspace.Target // the file that is run
	Manifest *Manifest        // nil for a standalone script
	options  Options
	files    workspace.FS // the disk, or a snapshot over it
	fetched  bool         // opened by its locator, so the whole repository is around it

	paths    *sync.Map // locator as positions show it → path, for Path
	resolved *sync.Map // what was resolved, workspace.Target, by path and version, for Bundle

	// Of a package that came in a bundle:
	moved    map[string]string // where local replacements are, by the package that they replace
	checkout bool              // there is a repository around it where it is from
	identity string            // of a script

	mu    sync.Mutex
	names map[string]named // directory → the kurtosis.yml that is in force there
	over  *Package         // made last by Over

	direct sync.Map // directory → whether no symbolic link leads there
}

var _ workspace.Resolver = (*Package)(nil)

// OperandError says that what the user named cannot be opened: it is the command line that is wrong.
type OperandError struct{ Message, Hint string }

func (e *OperandError) Error() string { return e.Message }

// PackageError says that a package, though found, is not whole.
type PackageError struct{ Message, Hint string }

func (e *PackageError) Error() string { return e.Message }

// ManifestError says what is wrong in a kurtosis.yml.
type ManifestError struct {
	File        *source.File
	Diagnostics []diag.Diagnostic
}

func (e *ManifestError) Error() string {
	d := e.Diagnostics[0]
	more := ""
	if n := len(e.Diagnostics) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	return fmt.Sprintf("%s:%s: %s%s", d.File, d.Range.Start, d.Message, more)
}

// VendorTree is the absolute path of a vendor tree, "" for none. One that is no directory is an *OperandError.
func VendorTree(dir string) (string, error) {
	if dir == "" {
		return "", nil
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(abs); err != nil || !info.IsDir() {
		return "", &OperandError{
			Message: fmt.Sprintf("the vendor tree '%s' isn't a directory", dir),
			Hint:    "it holds <dir>/github.com/<owner>/<repository>; 'kurtosis package vendor' writes one",
		}
	}
	return abs, nil
}

// Open opens what operand names: a directory with a kurtosis.yml, that file, a .star file as a standalone script,
// or a package on GitHub (github.com/owner/repository[/path][@version]). A path on disk wins over a locator.
func Open(ctx context.Context, operand string, o Options) (*Package, error) {
	vendor, err := VendorTree(o.Vendor)
	if err != nil {
		return nil, err
	}
	o.Vendor = vendor
	info, err := os.Stat(operand)
	switch {
	case err == nil && info.IsDir():
		return openRoot(operand, operand, o)
	case err == nil && path.Base(filepath.ToSlash(operand)) == ManifestName:
		return openRoot(filepath.Dir(operand), filepath.Dir(operand), o)
	case err == nil:
		return openScript(operand, o)
	case !errors.Is(err, fs.ErrNotExist) && !strings.HasPrefix(operand, host+"/"):
		return nil, &OperandError{Message: fmt.Sprintf("can't read '%s': %s", operand, plainError(err))}
	case strings.HasPrefix(operand, host+"/"), strings.Contains(operand, "://"):
		return openLocator(ctx, operand, o)
	}
	return nil, &OperandError{
		Message: fmt.Sprintf("there is no '%s'", operand),
		Hint:    "name a directory with a kurtosis.yml, a .star file, or a package on GitHub: github.com/<owner>/<repository>",
	}
}

// plainError is what the system said, without the call and the path that Go puts in front.
func plainError(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

func openScript(file string, o Options) (*Package, error) {
	if slices.Contains(o.Converted, filepath.Base(file)) {
		return openConverted(file, "", o)
	}
	if path.Ext(file) != ".star" {
		return nil, &OperandError{
			Message: fmt.Sprintf("'%s' is neither a package nor a script", file),
			Hint:    "name a directory with a kurtosis.yml, or a file that ends in .star",
		}
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	p := blank(filepath.Dir(abs), workspace.Disk(), o)
	p.Main = workspace.Target{Locator: filepath.Base(abs), Path: abs}
	return p, nil
}

// blank is a package of which nothing but its place is known, with all that resolving needs.
func blank(root string, files workspace.FS, o Options) *Package {
	return &Package{Root: root, options: o, files: files, paths: &sync.Map{}, resolved: &sync.Map{}, names: map[string]named{}}
}

// openConverted opens a file that a module is made of. It may name files around it, so its directory is a package; ""
// gives it a name that says what it is.
func openConverted(file, name string, o Options) (*Package, error) {
	root, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	if name == "" {
		base := strings.Trim(notInName.ReplaceAllString(filepath.Base(root), "-"), "-.")
		if base == "" {
			base = "files"
		}
		name = host + "/compose-file/" + base
	}
	o.Main = filepath.Base(file)
	return newPackage(root, filepath.Dir(file), &Manifest{Name: name}, o)
}

var notInName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// convertible finds the file of a directory that is run where it is no package.
func (o Options) convertible(dir string) (string, bool) {
	if o.Main != "" {
		return "", false
	}
	for _, name := range o.Converted {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			return file, true
		}
	}
	return "", false
}

// Over is the package as seen through files, in which buffers of an editor may lie over the disk. It is cheap, and
// the same for the same files.
func (p *Package) Over(files workspace.FS) *Package {
	p.mu.Lock()
	defer p.mu.Unlock()
	same := reflect.TypeOf(files).Comparable()
	if same && p.over != nil && p.over.files == files {
		return p.over
	}
	over := &Package{
		Name: p.Name, Root: p.Root, Main: p.Main, Manifest: p.Manifest,
		options: p.options, files: files, fetched: p.fetched, paths: p.paths, resolved: p.resolved, names: map[string]named{},
		moved: p.moved, checkout: p.checkout, identity: p.identity,
	}
	if same {
		p.over = over
	}
	return over
}

func openRoot(dir, shown string, o Options) (*Package, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(shown, ManifestName)
	text, err := os.ReadFile(filepath.Join(root, ManifestName))
	if errors.Is(err, fs.ErrNotExist) {
		if file, ok := o.convertible(root); ok {
			return openConverted(file, "", o)
		}
		hint := fmt.Sprintf("'kurtosis package init github.com/<owner>/<repository>' in '%s' makes one", shown)
		if up, ok := FindRoot(filepath.Dir(root)); ok {
			hint = fmt.Sprintf("there is one in '%s'; name that directory to run the package", up)
		} else if _, err := os.Stat(filepath.Join(root, DefaultMain)); err == nil {
			hint = fmt.Sprintf("to run a script that needs no package, name the file: '%s'", filepath.Join(shown, DefaultMain))
		}
		return nil, &PackageError{Message: fmt.Sprintf("there is no %s in '%s'", ManifestName, shown), Hint: hint}
	}
	if err != nil {
		return nil, &PackageError{Message: fmt.Sprintf("can't read '%s': %s", file, plainError(err))}
	}
	f := source.NewFile(file, text)
	manifest, diagnostics := ParseManifest(f)
	if len(diagnostics) > 0 {
		return nil, &ManifestError{File: f, Diagnostics: diagnostics}
	}
	return newPackage(root, shown, manifest, o)
}

// newPackage builds a package of a root whose manifest is sound.
func newPackage(root, shown string, manifest *Manifest, o Options) (*Package, error) {
	name := o.Main
	if name == "" {
		name = DefaultMain
	}
	main, ok := cleanInside(filepath.ToSlash(name))
	if !ok {
		return nil, &OperandError{Message: fmt.Sprintf("the main file '%s' isn't a path inside the package", name)}
	}
	file := filepath.Join(root, filepath.FromSlash(main))
	if info, err := os.Stat(file); err != nil || info.IsDir() {
		message, hint := fmt.Sprintf("there is no %s in the package '%s'", main, manifest.Name), ""
		if o.Main == "" {
			hint = fmt.Sprintf("run(plan) is defined in '%s'; --main-file names another file", filepath.Join(shown, DefaultMain))
		}
		return nil, &PackageError{Message: message, Hint: hint}
	}
	p := blank(root, workspace.Disk(), o)
	p.Name, p.Manifest = manifest.Name, manifest
	p.Main = workspace.Target{Locator: path.Join(manifest.Name, main), Path: file, Package: manifest.Name, PackageRoot: root}
	p.names[root] = named{root: root, name: manifest.Name}
	return p, nil
}

// FindRoot looks for the directory of the package that a file or directory is part of: the nearest one, going up,
// that has a kurtosis.yml.
func FindRoot(from string) (string, bool) {
	dir, err := filepath.Abs(from)
	if err != nil {
		return "", false
	}
	for {
		if info, err := os.Stat(filepath.Join(dir, ManifestName)); err == nil && !info.IsDir() {
			return dir, true
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", false
		}
		dir = up
	}
}

// File gives the target that a file of this package is, for callers that start from a path: an editor, a linter.
func (p *Package) File(file string) (workspace.Target, error) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return workspace.Target{}, err
	}
	if p.Manifest == nil {
		return workspace.Target{Locator: filepath.Base(abs), Path: abs}, nil
	}
	rel, err := filepath.Rel(p.Root, abs)
	if err != nil || !filepath.IsLocal(rel) {
		return workspace.Target{}, fmt.Errorf("'%s' isn't in the package '%s'", file, p.Name)
	}
	t := p.Main
	t.Locator, t.Path = path.Join(p.Name, filepath.ToSlash(rel)), abs
	return t, nil
}

// Identity is what tells the package from others wherever what it did is remembered: its name, or the path of a
// standalone script on the machine that it is from.
func (p *Package) Identity() string {
	switch {
	case p.Name != "":
		return p.Name
	case p.identity != "":
		return p.identity
	}
	return p.Main.Path
}

// Path is where a module is on disk that was resolved before, by the locator that positions show: the one that an
// import was written with where that was absolute.
func (p *Package) Path(locator string) (string, bool) {
	if locator == p.Main.Locator {
		return p.Main.Path, true
	}
	path, ok := p.paths.Load(locator)
	if !ok {
		return "", false
	}
	return path.(string), true
}
