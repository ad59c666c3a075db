package packages

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNeedsAndVendor(t *testing.T) {
	dir := layOut(t, `
remote/github.com/dep/a@v1/link -> main.star
-- me/kurtosis.yml --
name: github.com/me/p
replace:
  github.com/dep/near: ./near
  github.com/dep/b: github.com/fork/b@v2
-- me/main.star --
lib = import_module("./lib.star")
BASE = "github.com/dep/a@v1"
a = import_module(BASE + "/main.star")
near = import_module("github.com/dep/near/main.star")

def run(plan, name):
    plan.upload_files(src = "github.com/dep/files/dir")
    plan.upload_files("./missing")
    plan.upload_files("https://example.com/x")
    read_file(name)
-- me/lib.star --
image = ImageBuildSpec("x", build_context_dir = "github.com/dep/image")
-- me/near/kurtosis.yml --
name: github.com/dep/near
-- me/near/main.star --
b = import_module("github.com/dep/b/main.star")
-- remote/github.com/dep/a@v1/kurtosis.yml --
name: github.com/dep/a
-- remote/github.com/dep/a@v1/main.star --
this = import_module("./other.star")
-- remote/github.com/dep/a@v1/other.star --
me = import_module("/main.star")
-- remote/github.com/dep/files/dir/x --
-- remote/github.com/dep/image/Dockerfile --
-- remote/github.com/fork/b@v2/kurtosis.yml --
name: github.com/fork/b
-- remote/github.com/fork/b@v2/main.star --
`)
	p, err := Open(t.Context(), filepath.Join(dir, "me"), Options{Fetcher: &fetched{dir: filepath.Join(dir, "remote")}})
	if err != nil {
		t.Fatal(err)
	}
	needs, doubts, err := p.Needs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range needs {
		got = append(got, n.Repository+"@"+n.Version)
	}
	if want := "github.com/dep/a@v1 github.com/dep/files@ github.com/dep/image@ github.com/fork/b@v2"; strings.Join(got, " ") != want {
		t.Errorf("needs %s, want %s", strings.Join(got, " "), want)
	}
	got = nil
	for _, d := range doubts {
		got = append(got, fmt.Sprintf("%s:%s: %s", d.File, d.Pos, d.Message))
	}
	if want := `github.com/me/p/main.star:8:23: '/missing' doesn't exist in the package 'me/p'
github.com/me/p/main.star:9:23: 'https://example.com/x' is downloaded when it runs
github.com/me/p/main.star:10:15: what read_file takes here is only known when it runs`; strings.Join(got, "\n") != want {
		t.Errorf("doubts:\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}

	out := filepath.Join(dir, "vendor")
	for range 2 { // the second time over what the first one wrote
		if _, err := Vendor(t.Context(), needs, out); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(out, VendorRecord))
	if want := `{
  "repositories": [
    {
      "repository": "github.com/dep/a",
      "version": "v1"
    },
    {
      "repository": "github.com/dep/files"
    },
    {
      "repository": "github.com/dep/image"
    },
    {
      "repository": "github.com/fork/b",
      "version": "v2"
    }
  ]
}
`; err != nil || string(text) != want {
		t.Errorf("record %s, %v", text, err)
	}
	if to, err := os.Readlink(filepath.Join(out, "github.com/dep/a/link")); to != "main.star" {
		t.Errorf("link: %q, %v", to, err)
	}
	// The tree is all that the package needs.
	p, err = Open(t.Context(), filepath.Join(dir, "me"), Options{Vendor: out})
	if err != nil {
		t.Fatal(err)
	}
	if again, _, err := p.Needs(t.Context()); err != nil || len(again) != len(needs) {
		t.Errorf("from the vendor tree: %v, %v", again, err)
	}
	_, err = Vendor(t.Context(), []Need{{"github.com/dep/a", "", dir}, {"github.com/dep/a", "v1", dir}}, out)
	if want := "two versions of 'github.com/dep/a' are needed, 'the default branch' and 'v1', and a vendor tree holds one"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestNeedsOfABrokenImport(t *testing.T) {
	dir := layOut(t, `
-- me/kurtosis.yml --
name: github.com/me/p
-- me/main.star --
lib = import_module("./lob.star")
-- me/lib.star --
`)
	p, err := Open(t.Context(), filepath.Join(dir, "me"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = p.Needs(t.Context())
	if want := "github.com/me/p/main.star:1:21: '/lob.star' doesn't exist in the package 'me/p'"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
