package format

import (
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

//go:generate go test -run TestGoldensAreBlacks -update .

var update = flag.Bool("update", false, "rewrite the goldens in testdata with what black makes of the inputs")

// goldenCase is an input with the layout black gives it. Files whose names end in .quoted are Go string literals.
type goldenCase struct{ name, in, want string }

func goldenArchives(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/black/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	return paths
}

func readArchive(t testing.TB, path string) *txtar.Archive {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return archive
}

func caseText(t testing.TB, f txtar.File) string {
	t.Helper()
	if !strings.Contains(f.Name, ".quoted") {
		return string(f.Data)
	}
	s, err := strconv.Unquote(strings.TrimSpace(string(f.Data)))
	if err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	return s
}

func goldenCases(t testing.TB) []goldenCase {
	t.Helper()
	return readCases(t, goldenArchives(t)...)
}

func readCases(t testing.TB, paths ...string) []goldenCase {
	t.Helper()
	var cases []goldenCase
	for _, path := range paths {
		archive := readArchive(t, path)
		for i := 0; i < len(archive.Files); i++ {
			in := archive.Files[i]
			c := goldenCase{name: strings.TrimSuffix(filepath.Base(path), ".txtar") + "/" + in.Name, in: caseText(t, in)}
			// An input without a golden is laid out already.
			c.want = c.in
			if i+1 < len(archive.Files) && archive.Files[i+1].Name == in.Name+".golden" {
				i++
				c.want = caseText(t, archive.Files[i])
			}
			cases = append(cases, c)
		}
	}
	return cases
}

func TestSource(t *testing.T) {
	cases := goldenCases(t)
	if len(cases) < 250 {
		t.Errorf("only %d cases", len(cases))
	}
	for _, c := range append(cases, readCases(t, differences)...) {
		t.Run(c.name, func(t *testing.T) {
			got, err := Source("main.star", []byte(c.in))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("from\n%s\ngot\n%s\nwant\n%s", c.in, got, c.want)
			}
			again, err := Source("main.star", got)
			if err != nil {
				t.Fatal(err)
			}
			if string(again) != string(got) {
				t.Errorf("second time\n%s\ngot\n%s", got, again)
			}
			same, err := Check("main.star", []byte(c.in))
			if err != nil || same != (c.in == c.want) {
				t.Errorf("Check: %v, %v", same, err)
			}
		})
	}
}

// TestGoldensAreBlacks holds the goldens to black itself; with -update it writes them.
func TestGoldensAreBlacks(t *testing.T) {
	o := startOracle(t)
	if *update {
		for _, path := range goldenArchives(t) {
			updateGoldens(t, o, path)
		}
	}
	for _, c := range goldenCases(t) {
		status, want := o.format(t, c.in)
		switch status {
		case "same":
			want = c.in
		case "changed":
		default:
			t.Errorf("%s: black says %s: %s", c.name, status, want)
			continue
		}
		if c.want != want {
			t.Errorf("%s: the golden is\n%q\nblack makes\n%q", c.name, c.want, want)
		}
	}
}

// differences holds what docs/formatting.md lists: files on which we and black differ.
const differences = "testdata/differences.txtar"

// TestDifferences checks that black still differs there, in the way that the case's name starts with.
func TestDifferences(t *testing.T) {
	o := startOracle(t)
	for _, c := range readCases(t, differences) {
		name := strings.TrimPrefix(c.name, "differences/")
		status, got := o.format(t, c.in)
		if kind, _, _ := strings.Cut(name, "_"); kind != status {
			t.Errorf("%s: black says %s: %s", c.name, status, got)
		}
		if status == "changed" && got == c.want {
			t.Errorf("%s: black makes the same of it", c.name)
		}
	}
}

func updateGoldens(t *testing.T, o *oracle, path string) {
	archive := readArchive(t, path)
	var files []txtar.File
	for _, f := range archive.Files {
		if strings.HasSuffix(f.Name, ".golden") {
			continue
		}
		files = append(files, f)
		status, want := o.format(t, caseText(t, f))
		if status != "changed" {
			continue
		}
		if strings.HasSuffix(f.Name, ".quoted") {
			want = strconv.Quote(want) + "\n"
		}
		files = append(files, txtar.File{Name: f.Name + ".golden", Data: []byte(want)})
	}
	archive.Files = files
	if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}
