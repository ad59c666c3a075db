package packages

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/rogpeppe/go-internal/txtar"
)

// layOut writes the files of an archive into a directory of their own. A line "a -> b" in the preamble makes a
// symbolic link.
func layOut(t *testing.T, archive string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	a := txtar.Parse([]byte(archive))
	for _, f := range a.Files {
		file := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range strings.Split(string(a.Comment), "\n") {
		if link, to, ok := strings.Cut(line, " -> "); ok {
			if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// fetched serves repositories from directories named repository@version, the default branch from repository.
type fetched struct {
	dir   string
	asked []string
}

func (f *fetched) Fetch(_ context.Context, repository string, versions []string) (string, string, error) {
	for _, v := range versions {
		dir := filepath.Join(f.dir, filepath.FromSlash(repository))
		if v != "" {
			dir = filepath.Join(f.dir, filepath.FromSlash(repository)+"@"+strings.ReplaceAll(v, "/", "_"))
		}
		f.asked = append(f.asked, path.Base(repository)+"@"+v)
		if _, err := os.Stat(dir); err == nil {
			return dir, v, nil
		}
	}
	return "", "", fmt.Errorf("no version of %s among %q", repository, versions)
}

const trees = `
local/leak.txt -> /etc/hostname
local/inner -> lib
-- local/kurtosis.yml --
name: github.com/me/local
replace:
  github.com/dep/forked: github.com/fork/forked@v2
  github.com/dep/forked/deep: ./lib/deep
  github.com/dep/near: ../near
  github.com/dep/gone: ../gone
-- local/main.star --
-- local/lib/lib.star --
-- local/lib/deep/kurtosis.yml --
name: github.com/dep/forked/deep
-- local/lib/deep/main.star --
-- near/kurtosis.yml --
name: github.com/dep/near
-- near/main.star --
-- near/a/b.star --
-- mono/one/kurtosis.yml --
name: github.com/me/mono/one
-- mono/one/main.star --
-- mono/two/kurtosis.yml --
name: github.com/me/mono/two
-- mono/two/main.star --
-- mono/shared/notes.txt --
-- remote/github.com/dep/plain/kurtosis.yml --
name: github.com/dep/plain
replace:
  github.com/dep/other: github.com/nobody/nothing
-- remote/github.com/dep/plain/main.star --
-- remote/github.com/dep/plain/dir/x.star --
-- remote/github.com/dep/plain@v1/kurtosis.yml --
name: github.com/dep/plain
-- remote/github.com/dep/plain@v1/main.star --
-- remote/github.com/dep/plain@feat_x/kurtosis.yml --
name: github.com/dep/plain
-- remote/github.com/dep/plain@feat_x/main.star --
-- remote/github.com/dep/other/kurtosis.yml --
name: github.com/dep/other
-- remote/github.com/dep/other/main.star --
-- remote/github.com/fork/forked@v2/kurtosis.yml --
name: github.com/fork/forked
-- remote/github.com/fork/forked@v2/main.star --
-- remote/github.com/dep/moved/kurtosis.yml --
name: github.com/dep/elsewhere
-- remote/github.com/dep/moved/main.star --
-- remote/github.com/dep/moved/data.json --
-- remote/github.com/dep/bare/main.star --
-- remote/github.com/dep/bare/data.json --
-- remote/github.com/dep/broken/kurtosis.yml --
name: github.com/dep/broken
replace: [1]
-- remote/github.com/dep/broken/main.star --
`

func TestResolve(t *testing.T) {
	dir := layOut(t, trees)
	const same = "is referencing a file within the same package using absolute import syntax, but only relative import syntax (path starting with '/' or '.') is allowed for within-package imports"
	for _, c := range []struct {
		root, from, locator string
		want                string // locator path, or the error
	}{
		{"local", "", "./lib/lib.star", "github.com/me/local/lib/lib.star local/lib/lib.star"},
		{"local", "./lib/lib.star", "../main.star", "github.com/me/local/main.star local/main.star"},
		{"local", "./lib/lib.star", "/main.star", "github.com/me/local/main.star local/main.star"},
		{"local", "", "./lib", "github.com/me/local/lib local/lib"},
		{"local", "", "/", "github.com/me/local local"},
		{"local", "", "./inner/lib.star", "github.com/me/local/inner/lib.star local/inner/lib.star"},
		{"local", "", "github.com/me/local/main.star", "Locator 'github.com/me/local/main.star' " + same + " | write './main.star'"},
		{"local", "./lib/lib.star", "github.com/me/local/main.star", "Locator 'github.com/me/local/main.star' " + same + " | write '../main.star'"},
		{"local", "", "./lib/lip.star", "'/lib/lip.star' doesn't exist in the package 'me/local' | did you mean 'lib.star'?"},
		{"local", "", "/tmp/x", "'/tmp/x' doesn't exist in the package 'me/local'"},
		{"local", "", "./leak.txt", "'/leak.txt' leaves the package 'me/local' through a symbolic link"},
		{"local", "", "../near/main.star", "Locator '../near/main.star' leaves the repository 'github.com/me/local'"},
		{"local", "", "lib/lib.star", "github.com/me/local/lib/lib.star local/lib/lib.star"},
		{"local", "./lib/lib.star", "lib.star", "github.com/me/local/lib/lib.star local/lib/lib.star"},
		{"local", "", "tmp/x", "'/tmp/x' doesn't exist in the package 'me/local'"},
		{"local", "./lib/lib.star", ".config/x.json", "'/lib/.config/x.json' doesn't exist in the package 'me/local'"},
		{"local", "", "", "locator '' is neither relative nor does it start with 'github.com/' | a file of the same package is './', one of another is github.com/<owner>/<repository>/<path>"},
		{"local", "", "gitlab.com/a/b/main.star", "locator 'gitlab.com/a/b/main.star' is on 'gitlab.com', and only github.com is known"},
		{"local", "", "https://github.com/a/b", "locator 'https://github.com/a/b' has a scheme, 'https://' | write it as 'github.com/a/b'"},
		{"local", "", "github.com/a", "locator 'github.com/a' names no repository: it has the form github.com/<owner>/<repository>[/<path>][@<version>]"},
		{"local", "", "github.com/dep/plain/../x", "locator 'github.com/dep/plain/../x' has a path, '../x', that leaves the repository or cannot be one"},
		{"local", "", "github.com/dep/plain@--upload-pack=x", "locator 'github.com/dep/plain@--upload-pack=x' has a version, '--upload-pack=x', that cannot be a tag, branch or commit"},
		{"local", "", "github.com/dep/plain/main.star", "github.com/dep/plain/main.star remote/github.com/dep/plain/main.star"},
		{"local", "", "github.com/dep/plain@v1/main.star", "github.com/dep/plain/main.star remote/github.com/dep/plain@v1/main.star v1"},
		{"local", "", "github.com/dep/plain/main.star@v1", "github.com/dep/plain/main.star remote/github.com/dep/plain@v1/main.star v1"},
		{"local", "", "github.com/dep/plain/main.star@feat/x", "github.com/dep/plain/main.star remote/github.com/dep/plain@feat_x/main.star feat/x"},
		{"local", "", "github.com/dep/plain@feat/x/main.star", "github.com/dep/plain/main.star remote/github.com/dep/plain@feat_x/main.star feat/x"},
		{"local", "github.com/dep/plain/main.star", "./dir/x.star", "github.com/dep/plain/dir/x.star remote/github.com/dep/plain/dir/x.star"},
		{"local", "github.com/dep/plain/dir/x.star", "/main.star", "github.com/dep/plain/main.star remote/github.com/dep/plain/main.star"},
		// An imported package's own replacements do not count, the root's do.
		{"local", "github.com/dep/plain/main.star", "github.com/dep/other/main.star", "github.com/dep/other/main.star remote/github.com/dep/other/main.star"},
		{"local", "github.com/dep/plain/main.star", "github.com/dep/forked/main.star", "github.com/fork/forked/main.star remote/github.com/fork/forked@v2/main.star v2"},
		{"local", "", "github.com/dep/forked/deep/main.star", "github.com/dep/forked/deep/main.star local/lib/deep/main.star"},
		{"local", "", "github.com/dep/near/main.star", "github.com/dep/near/main.star near/main.star"},
		{"local", "github.com/dep/near/a/b.star", "../main.star", "github.com/dep/near/main.star near/main.star"},
		{"local", "github.com/dep/near/a/b.star", "/main.star", "github.com/dep/near/main.star near/main.star"},
		{"local", "", "github.com/dep/gone/main.star", "'github.com/dep/gone' is replaced with '../gone', which isn't a directory | see 'replace' in DIR/local/kurtosis.yml, line 6"},
		{"local", "", "github.com/dep/moved/main.star", "The package name in kurtosis.yml must match the location it is in. Package name is 'github.com/dep/elsewhere' and kurtosis.yml is found here: 'github.com/dep/moved' | it is to be called 'github.com/dep/moved'"},
		{"local", "", "github.com/dep/moved/data.json", "github.com/dep/moved/data.json remote/github.com/dep/moved/data.json"},
		{"local", "", "github.com/dep/bare/main.star", "'/main.star' in 'dep/bare' isn't part of a Kurtosis package | a module can be imported where there is a kurtosis.yml in its directory or above it"},
		{"local", "", "github.com/dep/bare/data.json", "github.com/dep/bare/data.json remote/github.com/dep/bare/data.json"},
		{"local", "", "github.com/dep/broken/main.star", "DIR/remote/github.com/dep/broken/kurtosis.yml:2:10: 'replace' must be a mapping, not a list"},
		{"local", "", "github.com/dep/plain@nope/main.star", `no version of github.com/dep/plain among ["nope"]`},
		{"mono/one", "", "./main.star", "github.com/me/mono/one/main.star mono/one/main.star"},
		{"mono/one", "", "../two/main.star", "github.com/me/mono/two/main.star mono/two/main.star"},
		{"mono/one", "", "github.com/me/mono/two/main.star", "github.com/me/mono/two/main.star mono/two/main.star"},
		{"mono/one", "", "/shared/notes.txt", "github.com/me/mono/shared/notes.txt mono/shared/notes.txt"},
		{"mono/one", "", "/one/main.star", "github.com/me/mono/one/main.star mono/one/main.star"},
		{"mono/one", "", "../../x", "Locator '../../x' leaves the repository 'github.com/me/mono'"},
		{"near/main.star", "", "./a/b.star", "Locator './a/b.star' is relative, and a standalone script has no package that it could be relative to | make a package of it with 'kurtosis package init', or use an absolute locator"},
		{"near/main.star", "", "github.com/dep/plain/main.star", "github.com/dep/plain/main.star remote/github.com/dep/plain/main.star"},
	} {
		t.Run(c.root+" "+c.from+" "+c.locator, func(t *testing.T) {
			p, err := Open(t.Context(), filepath.Join(dir, c.root), Options{Fetcher: &fetched{dir: filepath.Join(dir, "remote")}})
			if err != nil {
				t.Fatal(err)
			}
			from := p.Main
			if c.from != "" {
				if from, err = p.Resolve(t.Context(), from, c.from); err != nil {
					t.Fatal(err)
				}
			}
			if got := describe(p.Resolve(t.Context(), from, c.locator)); strings.ReplaceAll(got, dir+"/", "") != c.want && strings.ReplaceAll(got, dir, "DIR") != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func describe(target workspace.Target, err error) string {
	if err == nil {
		return strings.TrimSpace(target.Locator + " " + target.Path + " " + target.Version)
	}
	var le *workspace.LocatorError
	if errors.As(err, &le) && le.Hint != "" {
		return err.Error() + " | " + le.Hint
	}
	return err.Error()
}

func TestVendorTreeIsAllThereIs(t *testing.T) {
	dir := layOut(t, trees)
	f := &fetched{dir: filepath.Join(dir, "remote")}
	p, err := Open(t.Context(), filepath.Join(dir, "local"), Options{Vendor: filepath.Join(dir, "remote"), Fetcher: f})
	if err != nil {
		t.Fatal(err)
	}
	for locator, want := range map[string]string{
		"github.com/dep/plain@v9/main.star":     "github.com/dep/plain/main.star DIR/remote/github.com/dep/plain/main.star",
		"github.com/dep/plain@a/b/dir/x.star":   "github.com/dep/plain/dir/x.star DIR/remote/github.com/dep/plain/dir/x.star",
		"github.com/dep/forked/main.star":       "'github.com/fork/forked' isn't in the vendor tree 'DIR/remote' | 'kurtosis package vendor' writes a tree with all that a package needs",
		"github.com/dep/forked/deep/main.star":  "github.com/dep/forked/deep/main.star DIR/local/lib/deep/main.star",
		"github.com/dep/plain/missing/main.txt": "'/missing/main.txt' doesn't exist in the package 'dep/plain'",
	} {
		if got := strings.ReplaceAll(describe(p.Resolve(t.Context(), p.Main, locator)), dir, "DIR"); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", locator, got, want)
		}
	}
	if len(f.asked) > 0 {
		t.Errorf("fetched %q in spite of the vendor tree", f.asked)
	}
}

func TestOpen(t *testing.T) {
	dir := layOut(t, trees+`
-- empty/main.star --
-- nomain/kurtosis.yml --
name: github.com/me/nomain
-- nomain/other.star --
-- bad/kurtosis.yml --
nam: github.com/me/bad
-- bad/main.star --
-- compose/docker-compose.yml --
services: {}
`)
	t.Chdir(dir)
	remote := &fetched{dir: filepath.Join(dir, "remote")}
	composed := []string{"compose.yml", "docker-compose.yml"}
	for _, c := range []struct {
		operand string
		options Options
		want    string
	}{
		{"local", Options{}, "github.com/me/local/main.star DIR/local/main.star"},
		{"local/kurtosis.yml", Options{}, "github.com/me/local/main.star DIR/local/main.star"},
		{"local/main.star", Options{}, "main.star DIR/local/main.star"},
		{"nomain", Options{Main: "other.star"}, "github.com/me/nomain/other.star DIR/nomain/other.star"},
		{"github.com/dep/plain", Options{Fetcher: remote}, "github.com/dep/plain/main.star DIR/remote/github.com/dep/plain/main.star"},
		{"github.com/dep/plain@v1", Options{Fetcher: remote}, "github.com/dep/plain/main.star DIR/remote/github.com/dep/plain@v1/main.star v1"},
		{"github.com/dep/plain@feat/x", Options{Fetcher: remote}, "github.com/dep/plain/main.star DIR/remote/github.com/dep/plain@feat_x/main.star feat/x"},
		{"github.com/dep/plain@v1/main.star", Options{Fetcher: remote}, "github.com/dep/plain/main.star DIR/remote/github.com/dep/plain@v1/main.star v1"},
		{"github.com/dep/plain", Options{Vendor: "remote"}, "github.com/dep/plain/main.star DIR/remote/github.com/dep/plain/main.star"},
		{"nowhere", Options{}, "operand: there is no 'nowhere' | name a directory with a kurtosis.yml, a .star file, or a package on GitHub: github.com/<owner>/<repository>"},
		{"local", Options{Vendor: "nowhere"}, "operand: the vendor tree 'nowhere' isn't a directory | it holds <dir>/github.com/<owner>/<repository>; 'kurtosis package vendor' writes one"},
		{"near/a", Options{}, "package: there is no kurtosis.yml in 'near/a' | there is one in 'DIR/near'; name that directory to run the package"},
		{"empty", Options{}, "package: there is no kurtosis.yml in 'empty' | to run a script that needs no package, name the file: 'empty/main.star'"},
		{"mono", Options{}, "package: there is no kurtosis.yml in 'mono' | 'kurtosis package init github.com/<owner>/<repository>' in 'mono' makes one"},
		{"nomain", Options{}, "package: there is no main.star in the package 'github.com/me/nomain' | run(plan) is defined in 'nomain/main.star'; --main-file names another file"},
		{"local", Options{Main: "no.star"}, "package: there is no no.star in the package 'github.com/me/local' | "},
		{"local", Options{Main: "../near/main.star"}, "operand: the main file '../near/main.star' isn't a path inside the package | "},
		{"bad", Options{}, "manifest: bad/kurtosis.yml:1:1: unknown field 'nam' (and 1 more)"},
		{"compose/docker-compose.yml", Options{}, "operand: 'compose/docker-compose.yml' is neither a package nor a script | name a directory with a kurtosis.yml, or a file that ends in .star"},
		{"compose/docker-compose.yml", Options{Converted: composed}, "github.com/compose-file/compose/docker-compose.yml DIR/compose/docker-compose.yml"},
		{"compose", Options{Converted: composed}, "github.com/compose-file/compose/docker-compose.yml DIR/compose/docker-compose.yml"},
		{"compose", Options{Converted: composed, Main: "main.star"}, "package: there is no kurtosis.yml in 'compose' | 'kurtosis package init github.com/<owner>/<repository>' in 'compose' makes one"},
		{"local", Options{Converted: composed}, "github.com/me/local/main.star DIR/local/main.star"},
		{"github.com/dep", Options{}, "operand: locator 'github.com/dep' names no repository: it has the form github.com/<owner>/<repository>[/<path>][@<version>] | "},
		{"https://github.com/dep/plain.git", Options{}, "operand: locator 'https://github.com/dep/plain.git' has a scheme, 'https://' | write it as 'github.com/dep/plain'"},
		{"github.com/dep/plain/dirr", Options{Fetcher: remote}, "package: '/dirr' doesn't exist in the package 'dep/plain' | did you mean 'dir'?"},
		{"github.com/dep/bare", Options{Fetcher: remote}, "package: there is no kurtosis.yml in 'github.com/dep/bare' | "},
		{"github.com/dep/moved", Options{Fetcher: remote}, "package: The package name in kurtosis.yml must match the location it is in. Package name is 'github.com/dep/elsewhere' and kurtosis.yml is found here: 'github.com/dep/moved' | it is to be called 'github.com/dep/moved'"},
		{"github.com/dep/plain", Options{}, "'github.com/dep/plain' isn't on this machine, and nothing is fetched here"},
	} {
		t.Run(c.operand, func(t *testing.T) {
			got := ""
			p, err := Open(t.Context(), c.operand, c.options)
			var operand *OperandError
			var pkg *PackageError
			var manifest *ManifestError
			switch {
			case err == nil:
				got = describe(p.Main, nil)
			case errors.As(err, &operand):
				got = "operand: " + operand.Message + " | " + operand.Hint
			case errors.As(err, &pkg):
				got = "package: " + pkg.Message + " | " + pkg.Hint
			case errors.As(err, &manifest):
				got = "manifest: " + err.Error()
			default:
				got = err.Error()
			}
			if got = strings.ReplaceAll(got, dir, "DIR"); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestFileOfPackage(t *testing.T) {
	dir := layOut(t, trees)
	p, err := Open(t.Context(), filepath.Join(dir, "local"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.File(filepath.Join(dir, "local/lib/lib.star"))
	if err != nil || got.Locator != "github.com/me/local/lib/lib.star" || got.Package != "github.com/me/local" {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = p.File(filepath.Join(dir, "near/main.star"))
	if want := fmt.Sprintf("'%s/near/main.star' isn't in the package 'github.com/me/local'", dir); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func FuzzLocator(f *testing.F) {
	for _, seed := range []string{
		"github.com/o/r", "github.com/o/r/dir/main.star@v1.2", "github.com/o/r@feat/x/main.star", "github.com/o/r@dir/main.star/x", "github.com/o/r@v/../../x", "./x", "../../x", "/x",
		"github.com/../r", "github.com/o/r/..", "github.com/o/r@-x", "github.com//r", ".", "/.", "a/..", "github.com/o/r//a/./b", "github.com/o/r@", "http://github.com/o/r", "github.com/o/r/a\\..\\b",
	} {
		f.Add(seed)
	}
	dir := f.TempDir()
	p := blank(dir, workspace.Disk(), Options{Vendor: dir}) // "." and its like do resolve: to dir
	p.Name = "github.com/me/p"
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"github.com/me/p/main.star", "github.com/me/p/a/b.star"} {
			from := workspace.Target{Locator: name, Path: filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(name, "github.com/me/p"))), Package: "github.com/me/p", PackageRoot: dir}
			if target, err := p.Resolve(context.Background(), from, text); err == nil && target.Path != dir {
				t.Fatalf("%q is %+v, and there is nothing on disk", text, target)
			}
		}
		l, err := ParseLocator(text)
		if err != nil {
			return
		}
		for _, l := range append([]Locator{l}, l.others...) {
			if l.Path != "" && !filepath.IsLocal(filepath.FromSlash(l.Path)) {
				t.Fatalf("%q leaves its repository: %+v", text, l)
			}
			if strings.HasPrefix(l.Version, "-") || strings.Contains(l.Repository(), "..") && !strings.Contains(text, "..") {
				t.Fatalf("%q: unsafe %+v", text, l)
			}
			again, err := ParseLocator(l.String())
			if err != nil {
				t.Fatalf("%q parses, its own form %q does not: %v", text, l, err)
			}
			if readings := append([]Locator{again}, again.others...); !slices.ContainsFunc(readings, func(r Locator) bool { return r.String() == l.String() }) {
				t.Fatalf("%q: %q reads back as %q", text, l, again)
			}
		}
	})
}

// laid is the disk with one buffer over it.
type laid struct {
	workspace.FS
	path, text string
}

func (l laid) Read(ctx context.Context, path string) ([]byte, error) {
	if path == l.path {
		return []byte(l.text), nil
	}
	return l.FS.Read(ctx, path)
}

func (l laid) Stat(ctx context.Context, path string) (workspace.Info, error) {
	if path == l.path {
		return workspace.Info{Name: filepath.Base(path)}, nil
	}
	return l.FS.Stat(ctx, path)
}

func TestOverBuffers(t *testing.T) {
	dir := layOut(t, trees)
	p, err := Open(t.Context(), filepath.Join(dir, "local"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	fresh := filepath.Join(dir, "local/fresh.star")
	if _, err := p.Resolve(t.Context(), p.Main, "./fresh.star"); err == nil {
		t.Fatal("there is no fresh.star on disk")
	}
	over := p.Over(laid{workspace.Disk(), fresh, "x = 1"})
	if got := describe(over.Resolve(t.Context(), p.Main, "./fresh.star")); got != "github.com/me/local/fresh.star "+fresh {
		t.Errorf("got %s", got)
	}
	if got, ok := p.Path("github.com/me/local/fresh.star"); !ok || got != fresh {
		t.Errorf("Path: %s, %v", got, ok)
	}
}
