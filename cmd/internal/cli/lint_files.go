package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	formatter "github.com/kurtosis-go/kurtosis/lang/format"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/typecheck"
)

// linted is a package, or a directory of scripts, with those of its files that are to be checked.
type linted struct {
	root    string
	modules []string // paths of .star files, sorted
	config  *lintConfig
}

// lintOnce checks, and where it was asked for mends, everything below paths.
func (a *app) lintOnce(ctx context.Context, f *lintFlags, paths []string) (*report, error) {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	files, err := lintFiles(paths)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, &faultError{fmt.Sprintf("there is no .star file in %s", strings.Join(paths, ", ")), ""}
	}
	r := &report{files: files}
	groups, findings, err := a.groupFiles(files)
	if err != nil {
		return nil, err
	}
	r.findings = findings
	for _, group := range groups {
		if f.fix {
			n, err := a.fixPackage(ctx, f, group)
			r.fixed += n
			if err != nil {
				return nil, err
			}
		}
		found, rewritten, err := a.lintPackage(ctx, f, group)
		if err != nil {
			return nil, err
		}
		r.findings = append(r.findings, found...)
		r.formatted += rewritten
	}
	r.findings = diag.Sort(r.findings)
	return r, nil
}

// lintFiles lists the files that the operands stand for, absolute and sorted, each once. Directories whose name
// starts with a dot, node_modules and links to directories are left out, so that a loop of links ends.
func lintFiles(paths []string) ([]string, error) {
	var files []string
	for _, operand := range paths {
		abs, err := filepath.Abs(operand)
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(abs)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, &usageError{fmt.Sprintf("there is no '%s'", operand), "name a .star file, a kurtosis.yml or a directory"}
		case err != nil:
			return nil, &usageError{fmt.Sprintf("can't read '%s'", operand), err.Error()}
		case !info.IsDir() && !isLinted(abs):
			return nil, &usageError{fmt.Sprintf("'%s' is neither Starlark nor a kurtosis.yml", operand), "name a .star file, a kurtosis.yml or a directory"}
		case !info.IsDir():
			files = append(files, abs)
			continue
		}
		err = filepath.WalkDir(abs, func(file string, d fs.DirEntry, err error) error {
			switch {
			case err != nil && d != nil && d.IsDir():
				return filepath.SkipDir // a directory that can't be read hides its files from Kurtosis as well
			case err != nil:
				return err
			case d.IsDir() && file != abs && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules"):
				return filepath.SkipDir
			case !d.IsDir() && isLinted(file):
				if info, err := os.Stat(file); err != nil || !info.IsDir() {
					files = append(files, file)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

func isLinted(file string) bool {
	return path.Ext(filepath.ToSlash(file)) == ".star" || filepath.Base(file) == packages.ManifestName
}

// groupFiles sorts files by the package they are part of, and checks each kurtosis.yml among them.
func (a *app) groupFiles(files []string) ([]*linted, []diag.Diagnostic, error) {
	var groups []*linted
	var findings []diag.Diagnostic
	byRoot := map[string]*linted{}
	for _, file := range files {
		root, ok := packages.FindRoot(file)
		if !ok {
			root = filepath.Dir(file)
		}
		group := byRoot[root]
		if group == nil {
			config, err := a.readLintConfig(root)
			if err != nil {
				return nil, nil, err
			}
			group = &linted{root: root, config: config}
			byRoot[root] = group
			groups = append(groups, group)
		}
		switch {
		case group.config.excludes(root, file):
		case filepath.Base(file) == packages.ManifestName:
			text, err := os.ReadFile(file)
			if err != nil {
				findings = append(findings, unreadable(file, err))
				continue
			}
			_, found := packages.ParseManifest(source.NewFile(file, text))
			findings = append(findings, found...)
		default:
			group.modules = append(group.modules, file)
		}
	}
	return groups, findings, nil
}

func unreadable(file string, err error) diag.Diagnostic {
	start := source.Pos{Line: 1, Col: 1}
	return diag.Diagnostic{
		Code: codeUnreadable, Severity: diag.Error, File: file, Range: source.Range{Start: start, End: start},
		Message: "can't read the file: " + withoutPath(err).Error(),
	}
}

// withoutPath is what is wrong with a file whose name is said already.
func withoutPath(err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		return p.Err
	case errors.As(err, &l):
		return l.Err
	}
	return err
}

// mostBytes is how long a module may be: nobody writes longer ones by hand, and checking one would take gigabytes.
const mostBytes = 4 << 20

func large(file string, size int) diag.Diagnostic {
	start := source.Pos{Line: 1, Col: 1}
	return diag.Diagnostic{
		Code: codeLargeFile, Severity: diag.Warning, File: file, Range: source.Range{Start: start, End: start},
		Message: fmt.Sprintf("the file is not checked: it has %d MB, and %d MB is the most", (size+1<<20-1)>>20, mostBytes>>20),
		Hint:    "data belongs into a JSON file, for read_file",
	}
}

// lintPackage checks the modules of a package: types and rules in one pass over all of them, layout beside it.
func (a *app) lintPackage(ctx context.Context, f *lintFlags, l *linted) (findings []diag.Diagnostic, rewritten int, err error) {
	layouts := make([]*layout, len(l.modules))
	g, shared := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	var checked []diag.Diagnostic
	g.Go(func() (err error) {
		checked, err = a.checkModules(shared, f, l)
		return err
	})
	for i, file := range l.modules {
		g.Go(func() (err error) {
			layouts[i], err = a.layOut(file, f.rewrite)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, 0, err
	}
	findings = checked
	wanted := func(code string) bool {
		return !slices.Contains(f.ignored, code) && !slices.Contains(l.config.Ignore, code)
	}
	for i, made := range layouts {
		switch {
		case made.rewritten:
			rewritten++
		case made.finding != nil && wanted(made.finding.Code) && !hasSyntaxError(checked, l.modules[i]):
			findings = append(findings, *made.finding)
		}
	}
	if rewritten > 0 { // places have moved
		if checked, err = a.checkModules(ctx, f, l); err != nil {
			return nil, rewritten, err
		}
		findings = slices.DeleteFunc(findings, func(d diag.Diagnostic) bool { return d.Code != codeFormatting })
		findings = append(checked, findings...)
	}
	return findings, rewritten, nil
}

// hasSyntaxError says whether the check found that a file does not parse, or is refused for how it is written, so that it need not be said that it cannot
// be formatted either.
func hasSyntaxError(found []diag.Diagnostic, file string) bool {
	return slices.ContainsFunc(found, func(d diag.Diagnostic) bool {
		return d.File == file && d.Severity == diag.Error && (typecheck.Lookup(d.Code) == nil || d.Code == codeRefused)
	})
}

// checkModules runs the checker, and checks the arguments that were given.
func (a *app) checkModules(ctx context.Context, f *lintFlags, l *linted) ([]diag.Diagnostic, error) {
	if slices.Contains(f.ignored, "all") {
		return nil, nil
	}
	files := snapshotOf(ctx, l.root, packages.Options{Vendor: f.vendor, Fetcher: a.cache(true)})
	pkg := packages.Around(ctx, workspace.Disk(), l.root, packages.Options{})
	var roots []workspace.Target
	var findings []diag.Diagnostic
	for _, file := range l.modules {
		text, err := files.Read(ctx, file)
		switch {
		case err != nil:
			findings = append(findings, unreadable(file, err))
			continue
		case len(text) > mostBytes:
			findings = append(findings, large(file, len(text)))
			continue
		}
		target, err := pkg.File(file)
		if err != nil {
			return nil, err
		}
		roots = append(roots, target)
	}
	result, err := typecheck.CheckPackage(ctx, files, roots, typecheck.PackageOptions{Options: l.config.options(f, pkg)})
	if err != nil {
		return nil, err
	}
	for _, module := range result.Roots {
		findings = append(findings, module.Diagnostics...)
		if f.arguments != nil && module.Target.Path == filepath.Join(l.root, packages.DefaultMain) {
			findings = append(findings, typecheck.CheckArgs(module.Info, "run", f.arguments)...)
		}
	}
	return findings, nil
}

// snapshotOf is a first look at the files of a package.
func snapshotOf(ctx context.Context, root string, o packages.Options) *workspace.Snapshot {
	const parsedBytes = 64 << 20
	return workspace.New(workspace.Options{
		Disk:     workspace.Disk(),
		Resolver: func(files workspace.FS) workspace.Resolver { return packages.Around(ctx, files, root, o) },
		Cache:    workspace.NewCache(parsedBytes),
	})
}

// layout is how a file stands to its formatted form.
type layout struct {
	finding   *diag.Diagnostic // nil when there is nothing to say
	rewritten bool
}

func (a *app) layOut(file string, rewrite bool) (*layout, error) {
	text, err := os.ReadFile(file)
	if err != nil || len(text) > mostBytes {
		return &layout{}, nil // said by the check
	}
	start := source.Pos{Line: 1, Col: 1}
	finding := diag.Diagnostic{
		Code: codeFormatting, Severity: diag.Warning, File: file, Range: source.Range{Start: start, End: start},
		Message: "the file is not formatted", Hint: "'kurtosis lint --format' rewrites it",
	}
	refused := func(err *formatter.SyntaxError) *layout {
		at := source.Pos{Line: int32(err.Line), Col: int32(err.Col)}
		finding.Range, finding.Message, finding.Hint = source.Range{Start: at, End: at}, "the file can't be formatted: "+err.Message, ""
		return &layout{finding: &finding}
	}
	var syntax *formatter.SyntaxError
	if !rewrite {
		same, err := formatter.Check(file, text)
		switch {
		case errors.As(err, &syntax):
			return refused(syntax), nil
		case err != nil:
			return nil, err
		case same:
			return &layout{}, nil
		}
		return &layout{finding: &finding}, nil
	}
	out, err := formatter.Source(file, text)
	switch {
	case errors.As(err, &syntax):
		return refused(syntax), nil
	case err != nil:
		return nil, err
	case string(out) == string(text):
		return &layout{}, nil
	}
	return &layout{rewritten: true}, a.replaceFile(file, out)
}

// fixRounds bounds how often fixes are applied: one may make another possible.
const fixRounds = 4

// fixPackage applies the safe fixes of what is found in a package, and says how many there were.
func (a *app) fixPackage(ctx context.Context, f *lintFlags, l *linted) (int, error) {
	applied := 0
	for range fixRounds {
		found, err := a.checkModules(ctx, f, l)
		if err != nil {
			return applied, err
		}
		fixes := map[string][]diag.Fix{}
		for _, d := range found {
			if i := slices.IndexFunc(d.Fixes, func(fix diag.Fix) bool { return fix.Safe }); i >= 0 {
				fixes[d.File] = append(fixes[d.File], d.Fixes[i])
			}
		}
		changed := false
		for _, file := range l.modules {
			if len(fixes[file]) == 0 {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				return applied, err
			}
			fixed, left := diag.Apply(source.NewFile(file, text), fixes[file])
			if string(fixed) == string(text) {
				continue
			}
			if err := a.replaceFile(file, fixed); err != nil {
				return applied, err
			}
			applied += len(fixes[file]) - len(left)
			changed = true
		}
		if !changed {
			break
		}
	}
	return applied, nil
}

// replaceFile puts text in a file's place, whole or not at all, and keeps its mode. A link stays one.
func (a *app) replaceFile(file string, text []byte) error {
	if err := replaceFile(file, text); err != nil {
		return &faultError{fmt.Sprintf("can't rewrite '%s': %s", a.shownPath(file), withoutPath(err)), "a new file takes its place, which its directory must allow"}
	}
	return nil
}

func replaceFile(file string, text []byte) error {
	target, err := filepath.EvalSymlinks(file)
	if err != nil {
		return err
	}
	info, err := os.Stat(target)
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // gone already when all went well
	_, err = temporary.Write(text)
	if err == nil {
		err = temporary.Chmod(info.Mode().Perm())
	}
	if err == nil {
		err = temporary.Sync()
	}
	if closing := temporary.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	return os.Rename(temporary.Name(), target)
}
