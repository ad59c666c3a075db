package packages

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// unpacked bundles a package and opens the bundle elsewhere, where nothing is fetched.
func unpacked(t *testing.T, p *Package, o BundleOptions) (*Bundle, string, *Package) {
	t.Helper()
	b, err := p.Bundle(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := b.Write(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "b")
	if err := state.Extract(t.Context(), &out, dir); err != nil {
		t.Fatal(err)
	}
	opened, err := OpenBundle(t.Context(), dir, Options{Converted: []string{"compose.yml"}})
	if err != nil {
		t.Fatal(err)
	}
	return b, dir, opened
}

// reads resolves locators from a package's main file and gives where they are, as the bundle's machine calls it.
func reads(t *testing.T, dir string, p *Package, locators ...string) []string {
	t.Helper()
	var out []string
	for _, l := range locators {
		from := p.Main
		if at, inner, ok := strings.Cut(l, " "); ok {
			var err error
			if from, err = p.Resolve(t.Context(), from, at); err != nil {
				t.Fatalf("%s: %v", at, err)
			}
			l = inner
		}
		target, err := p.Resolve(t.Context(), from, l)
		if err != nil {
			out = append(out, "error: "+err.Error())
			continue
		}
		if _, err := os.Stat(target.Path); err != nil {
			t.Error(err)
		}
		out = append(out, BundledPath(dir, target.Path))
	}
	return out
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

const bundledPackage = `
remote/github.com/dep/a@v1/link -> main.star
src/repo/me/inner -> ./lib.star
src/repo/me/shared -> ../common/data
src/repo/me/out -> /etc/hostname
-- src/repo/me/kurtosis.yml --
name: github.com/me/repo/me
replace:
  github.com/dep/near: ../../near
  github.com/dep/inside: ./inside
  github.com/dep/b: github.com/fork/b@v2
-- src/repo/me/main.star --
lib = import_module("./lib.star")
a = import_module("github.com/dep/a@v1/main.star")
near = import_module("github.com/dep/near/main.star")
inside = import_module("github.com/dep/inside/main.star")
other = import_module("../other/main.star")

def run(plan, name):
    plan.upload_files(src = "../files/some")
    read_file(name)
-- src/repo/me/lib.star --
image = ImageBuildSpec("x", build_context_dir = "github.com/dep/image")
-- src/repo/me/.git/config --
-- src/repo/me/inside/kurtosis.yml --
name: github.com/dep/inside
-- src/repo/me/inside/main.star --
-- src/repo/other/kurtosis.yml --
name: github.com/me/repo/other
-- src/repo/other/main.star --
b = import_module("github.com/dep/b/main.star")
-- src/repo/other/notes.txt --
-- src/repo/files/some/x --
-- src/repo/files/unused --
-- src/repo/common/data --
-- src/repo/late.txt --
-- src/near/kurtosis.yml --
name: github.com/dep/near
-- src/near/main.star --
-- src/near/y --
-- remote/github.com/dep/a@v1/kurtosis.yml --
name: github.com/dep/a
-- remote/github.com/dep/a@v1/main.star --
-- remote/github.com/dep/image/Dockerfile --
-- remote/github.com/fork/b@v2/kurtosis.yml --
name: github.com/fork/b
-- remote/github.com/fork/b@v2/main.star --
`

func TestBundle(t *testing.T) {
	dir := layOut(t, bundledPackage)
	open := func(o Options) *Package {
		t.Helper()
		o.Fetcher = &fetched{dir: filepath.Join(dir, "remote")}
		p, err := Open(t.Context(), filepath.Join(dir, "src/repo/me"), o)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := open(Options{})
	asked := 0
	discover := func(ctx context.Context) error {
		asked++
		_, err := p.Resolve(ctx, p.Main, "../late.txt")
		return errors.Join(err, errors.New("for somebody else to tell"))
	}
	b, at, q := unpacked(t, p, BundleOptions{Discover: discover})
	if asked != 1 {
		t.Errorf("asked %d times for what is only known when it runs", asked)
	}
	same(t, "resolved", reads(t, at, q,
		"./lib.star", "github.com/dep/a@v1/main.star", "github.com/dep/near/main.star", "github.com/dep/near/y", "github.com/dep/inside/main.star",
		"../other/main.star", "../other/notes.txt", "../files/some", "../late.txt", "./inner", "./shared",
		"./lib.star github.com/dep/image", "../other/main.star github.com/dep/b/main.star",
		"../files/unused", "github.com/dep/a/main.star", "github.com/dep/a@v1/gone.star",
	), []string{
		"bundle:own@/me/lib.star", "bundle:fetched@/github.com/dep/a/1/main.star", "bundle:replaced@4/main.star", "bundle:replaced@4/y", "bundle:own@/me/inside/main.star",
		"bundle:own@/other/main.star", "bundle:own@/other/notes.txt", "bundle:own@/files/some", "bundle:own@/late.txt", "bundle:own@/me/inner", "bundle:own@/me/shared",
		"bundle:fetched@/github.com/dep/image/2", "bundle:fetched@/github.com/fork/b/3/main.star",
		"error: 'github.com/me/repo' is not part of the bundle, and nothing is fetched here",
		"error: 'github.com/dep/a' is not part of the bundle, and nothing is fetched here",
		"error: '/gone.star' doesn't exist in the package 'dep/a'",
	})
	same(t, "left", b.Left, []string{filepath.Join(dir, "src/repo/me/out")})
	for _, name := range []string{"own@/me/.git", "own@/me/out", "own@/files/unused"} {
		if _, err := os.Lstat(filepath.Join(at, name)); err == nil {
			t.Errorf("%s is in the bundle", name)
		}
	}
	if q.Name != p.Name || q.Main.Locator != p.Main.Locator || q.Identity() != "github.com/me/repo/me" {
		t.Errorf("opened as %s, %v, %s", q.Name, q.Main, q.Identity())
	}
	for wire, want := range map[string]string{
		BundledPath(at, filepath.Join(at, "own@/me/lib.star")):                 filepath.Join(dir, "src/repo/me/lib.star"),
		BundledPath(at, filepath.Join(at, "fetched@/github.com/dep/a/1/link")): filepath.Join(dir, "remote/github.com/dep/a@v1/link"),
		BundledPath(at, "/elsewhere"):                                          "/elsewhere",
		BundledPath(at, ""):                                                    "",
	} {
		if got := b.Local(wire); got != want {
			t.Errorf("%s is %s here, want %s", wire, got, want)
		}
	}

	again, err := p.Bundle(t.Context(), BundleOptions{})
	if err != nil || again.Digest != b.Digest {
		t.Errorf("the same files have digest %s, then %s, %v", b.Digest, again.Digest, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "src/near/y"), []byte("changed"), 0o644); err != nil {
		t.Fatal(err)
	}
	if again, err = p.Bundle(t.Context(), BundleOptions{}); err != nil || again.Digest == b.Digest {
		t.Errorf("an edit in a replacement leaves the digest at %s, %v", again.Digest, err)
	}
	_, err = p.Bundle(t.Context(), BundleOptions{MaxBytes: 100})
	const tooLarge = "the package and what it imports hold more than 100 bytes, too much to send"
	var refused *PackageError
	if !errors.As(err, &refused) || refused.Message != tooLarge || !strings.Contains(refused.Hint, "src/repo/me") {
		t.Errorf("got %v", err)
	}

	// From a vendor tree, inside of the package and outside of it.
	for _, vendor := range []string{filepath.Join(dir, "src/repo/me/vendor"), filepath.Join(t.TempDir(), "v")} {
		needs, _, err := open(Options{}).Needs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Vendor(t.Context(), needs, vendor); err != nil {
			t.Fatal(err)
		}
		b, at, q := unpacked(t, open(Options{Vendor: vendor}), BundleOptions{})
		prefix := "bundle:own@/me/vendor/"
		if !strings.HasPrefix(vendor, dir) {
			prefix = "bundle:vendor@/"
		}
		_, err = q.Resolve(t.Context(), q.Main, "github.com/dep/absent/x.star")
		if got, want := b.Local(BundledPath(at, err.Error())), "'github.com/dep/absent' isn't in the vendor tree '"+vendor+"'"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got, want := string(b.LocalJSON([]byte(BundledPath(at, strconv.Quote(err.Error()))))), strconv.Quote("'github.com/dep/absent' isn't in the vendor tree '"+vendor+"'"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		same(t, "resolved", reads(t, at, q, "./lib.star", "github.com/dep/a@v7/main.star", "../other/main.star github.com/dep/b/main.star"),
			[]string{"bundle:own@/me/lib.star", prefix + "github.com/dep/a/main.star", prefix + "github.com/fork/b/main.star"})
	}
}

func TestBundleOfWhatWasFetched(t *testing.T) {
	dir := layOut(t, `
-- remote/github.com/o/r@v1/sub/kurtosis.yml --
name: github.com/o/r/sub
-- remote/github.com/o/r@v1/sub/main.star --
x = import_module("../lib/x.star")
back = import_module("github.com/dep/back/main.star")
-- remote/github.com/o/r@v1/lib/kurtosis.yml --
name: github.com/o/r/lib
-- remote/github.com/o/r@v1/lib/x.star --
-- remote/github.com/dep/back/kurtosis.yml --
name: github.com/dep/back
-- remote/github.com/dep/back/main.star --
r = import_module("github.com/o/r@v1/lib/x.star")
`)
	p, err := Open(t.Context(), "github.com/o/r/sub@v1", Options{Fetcher: &fetched{dir: filepath.Join(dir, "remote")}})
	if err != nil {
		t.Fatal(err)
	}
	_, at, q := unpacked(t, p, BundleOptions{})
	same(t, "resolved", reads(t, at, q, "../lib/x.star", "github.com/dep/back/main.star", "github.com/dep/back/main.star github.com/o/r@v1/lib/x.star"),
		[]string{"bundle:own@/lib/x.star", "bundle:fetched@/github.com/dep/back/1/main.star", "bundle:own@/lib/x.star"})
	if q.Main.Version != "v1" || !q.fetched {
		t.Errorf("opened as %+v", q.Main)
	}
}

func TestBundleOfAScript(t *testing.T) {
	dir := layOut(t, `
-- s/one.star --
a = import_module("github.com/dep/a/main.star")
-- s/huge --
not part of it
-- remote/github.com/dep/a/kurtosis.yml --
name: github.com/dep/a
-- remote/github.com/dep/a/main.star --
`)
	file := filepath.Join(dir, "s/one.star")
	p, err := Open(t.Context(), file, Options{Fetcher: &fetched{dir: filepath.Join(dir, "remote")}})
	if err != nil {
		t.Fatal(err)
	}
	_, at, q := unpacked(t, p, BundleOptions{})
	same(t, "resolved", reads(t, at, q, "github.com/dep/a/main.star"), []string{"bundle:fetched@/github.com/dep/a/1/main.star"})
	for _, alone := range []bool{false, true} {
		elsewhere := &fetched{dir: filepath.Join(dir, "remote")}
		b, err := p.Bundle(t.Context(), BundleOptions{Alone: alone})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		at := t.TempDir()
		if err := errors.Join(b.Write(t.Context(), &out), state.Extract(t.Context(), &out, at)); err != nil {
			t.Fatal(err)
		}
		q, err := OpenBundle(t.Context(), at, Options{Fetcher: elsewhere})
		if err != nil {
			t.Fatal(err)
		}
		_, err = q.Resolve(t.Context(), q.Main, "github.com/dep/late/main.star")
		if fetches := len(elsewhere.asked) == 1; err == nil || fetches == alone {
			t.Errorf("alone %t: asked for %q, %v", alone, elsewhere.asked, err)
		}
	}
	if want := (workspace.Target{Locator: "one.star", Path: filepath.Join(at, "own@/one.star")}); q.Main != want || q.Identity() != file {
		t.Errorf("opened as %+v, %s", q.Main, q.Identity())
	}
	if _, err := os.Stat(filepath.Join(at, "own@/huge")); err == nil {
		t.Error("what lies beside a script is in the bundle")
	}
}

func TestBundleOfAComposeFile(t *testing.T) {
	dir := layOut(t, `
-- home/compose.yml --
services:
  web:
    build: ./image
    env_file: [conf/web.env]
-- home/.env --
-- home/conf/web.env --
-- home/conf/other.env --
-- home/image/Dockerfile --
-- home/photos/large --
`)
	p, err := Open(t.Context(), filepath.Join(dir, "home"), Options{Converted: []string{"compose.yml"}})
	if err != nil {
		t.Fatal(err)
	}
	_, at, q := unpacked(t, p, BundleOptions{Discover: func(ctx context.Context) error {
		_, err := p.Resolve(ctx, p.Main, "./image")
		return err
	}})
	var got []string
	for _, name := range []string{"compose.yml", ".env", "conf/web.env", "image/Dockerfile", "conf/other.env", "photos"} {
		if _, err := os.Stat(filepath.Join(q.Root, name)); err == nil {
			got = append(got, name)
		}
	}
	same(t, "files", got, []string{"compose.yml", ".env", "conf/web.env", "image/Dockerfile"})
	if q.Name != "github.com/compose-file/home" || BundledPath(at, q.Main.Path) != "bundle:own@/compose.yml" {
		t.Errorf("opened as %s, %+v", q.Name, q.Main)
	}
}

func TestOpenBundleRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:             "the bundle has no bundle.json that can be read: no such file or directory",
		`x`:            "bundle.json of the bundle can't be understood: invalid character 'x' looking for beginning of value",
		`{"format":9}`: "the bundle has format 9, and this version opens 1",
		`{"format":1,"root":"../etc","main":"main.star"}`:                                 "bundle.json of the bundle puts 'root' at '../etc', which is outside of it",
		`{"format":1,"root":"own@","main":"m.star","replaced":{"github.com/a/b":"/etc"}}`: "bundle.json of the bundle puts 'github.com/a/b' at '/etc', which is outside of it",
		`{"format":1,"root":"own@","main":"m.star","name":"github.com/a/b"}`:              "the bundle has no kurtosis.yml of 'github.com/a/b' that can be read: no such file or directory",
	} {
		dir := t.TempDir()
		if text != "" {
			if err := os.WriteFile(filepath.Join(dir, "bundle.json"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for range 5 { // the order in which places are looked at does not count
			if _, err := OpenBundle(t.Context(), dir, Options{}); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s: got %v, want %s", text, err, want)
			}
		}
	}
}
