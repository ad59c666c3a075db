package parse_test

import (
	"fmt"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

// upstream parses as the interpreter would.
func upstream(text []byte) (*syntax.File, error) {
	return (&syntax.FileOptions{}).Parse("a.star", text, syntax.RetainComments)
}

func parseText(text string) *parse.Tree {
	return parse.Parse(source.NewFile("a.star", []byte(text)))
}

// agree fails unless our parser and upstream's agree on the text. The one difference that is meant: upstream
// takes a NUL byte for the end of the file.
func agree(t testing.TB, text []byte) {
	t.Helper()
	tree := parse.Parse(source.NewFile("a.star", text))
	check(t, tree)
	for _, d := range tree.Diagnostics {
		if d.Code == "nul-byte" {
			return
		}
	}
	want, err := upstream(text)
	if err != nil {
		if tree.OK() {
			t.Fatalf("upstream refuses %q:\n%v", text, err)
		}
		return
	}
	if !tree.OK() {
		t.Fatalf("upstream accepts %q, we say %v", text, tree.Diagnostics)
	}
	if where := difference(reflect.ValueOf(tree.Syntax), reflect.ValueOf(want), "File"); where != "" {
		t.Fatalf("trees differ on %q: %s", text, where)
	}
}

// check fails if the tree is not well formed: every node can be walked and has a place, ranges of diagnostics
// lie in the file, the statements cover it.
func check(t testing.TB, tree *parse.Tree) {
	t.Helper()
	syntax.Walk(tree.Syntax, func(n syntax.Node) bool {
		if n != nil && len(tree.Syntax.Stmts) > 0 {
			parse.Range(n)
		}
		return true
	})
	last := tree.File.End()
	for _, d := range tree.Diagnostics {
		if d.Range.End.Before(d.Range.Start) || last.Before(d.Range.End) || !d.Range.Start.IsValid() {
			t.Fatalf("range %v of %q is outside of the file, which ends at %v", d.Range, d.Message, last)
		}
		if d.Code == "" || d.Message == "" || d.Severity == 0 || strings.HasSuffix(d.Message, ".") {
			t.Fatalf("bad diagnostic %+v", d)
		}
	}
	end, n := 0, 0
	for _, s := range tree.Stmts {
		if s.Start != end || s.End <= s.Start {
			t.Fatalf("statement from %d to %d of %q, the one before ends at %d", s.Start, s.End, tree.File.Text(), end)
		}
		if at := tree.File.Pos(s.Start); at.Line != s.Line {
			t.Fatalf("statement at offset %d of %q says line %d, is at %v", s.Start, tree.File.Text(), s.Line, at)
		}
		for _, node := range s.Nodes {
			if tree.Syntax.Stmts[n] != node {
				t.Fatalf("statement %d is not node %d", s.Start, n)
			}
			n++
			at, _ := node.Span()
			if off := tree.File.Offset(parse.Pos(at)); off < s.Start || off > s.End {
				t.Fatalf("node at %v is not in its statement %d-%d of %q (%v)", at, s.Start, s.End, tree.File.Text()[s.Start:s.End+60], tree.Diagnostics)
			}
		}
		end = s.End
	}
	if n != len(tree.Syntax.Stmts) {
		t.Fatalf("%d of %d nodes belong to statements", n, len(tree.Syntax.Stmts))
	}
	for _, line := range strings.FieldsFunc(string(tree.File.Text()[end:]), func(r rune) bool { return r == '\n' || r == '\r' }) {
		if line = strings.Trim(line, " \t\\\x00\ufeff"); line != "" && line[0] != '#' && tree.OK() {
			t.Fatalf("no statement has the line %q of %q", line, tree.File.Text())
		}
	}
}

// difference returns where two trees differ, or "".
func difference(a, b reflect.Value, path string) string {
	if a.Kind() != b.Kind() || a.Type() != b.Type() {
		return fmt.Sprintf("%s: %v, want %v", path, a.Type(), b.Type())
	}
	if a.Type() == reflect.TypeOf(syntax.Position{}) {
		p, q := a.Interface().(syntax.Position), b.Interface().(syntax.Position)
		if p.String() != q.String() {
			return fmt.Sprintf("%s: %v, want %v", path, p, q)
		}
		return ""
	}
	switch a.Kind() {
	case reflect.Interface, reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			if a.IsNil() != b.IsNil() {
				return fmt.Sprintf("%s: %v, want %v", path, a, b)
			}
			return ""
		}
		if x, ok := a.Interface().(*big.Int); ok {
			if x.Cmp(b.Interface().(*big.Int)) != 0 {
				return fmt.Sprintf("%s: %v, want %v", path, a, b)
			}
			return ""
		}
		if a.Kind() == reflect.Interface && a.Elem().Type() != b.Elem().Type() {
			return fmt.Sprintf("%s: %v, want %v", path, a.Elem().Type(), b.Elem().Type())
		}
		return difference(a.Elem(), b.Elem(), path)
	case reflect.Struct:
		for i := range a.NumField() {
			name := a.Type().Field(i).Name
			x, y := a.Field(i), b.Field(i)
			if name == "commentsRef" {
				x, y = x.Field(0), y.Field(0)
			}
			if d := difference(exported(x), exported(y), path+"."+name); d != "" {
				return d
			}
		}
		return ""
	case reflect.Slice:
		if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
			return fmt.Sprintf("%s: %d elements (nil: %v), want %d (nil: %v)", path, a.Len(), a.IsNil(), b.Len(), b.IsNil())
		}
		for i := range a.Len() {
			if d := difference(a.Index(i), b.Index(i), fmt.Sprintf("%s[%d]", path, i)); d != "" {
				return d
			}
		}
		return ""
	case reflect.Float64:
		if math.Float64bits(a.Float()) != math.Float64bits(b.Float()) {
			return fmt.Sprintf("%s: %v, want %v", path, a, b)
		}
		return ""
	}
	if x, y := fmt.Sprintf("%#v", a), fmt.Sprintf("%#v", b); x != y {
		return fmt.Sprintf("%s: %s, want %s", path, x, y)
	}
	return ""
}

// exported makes a value that was reached through an unexported field readable.
func exported(v reflect.Value) reflect.Value {
	if v.CanInterface() || !v.CanAddr() {
		return v
	}
	return reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem()
}

func FuzzParse(f *testing.F) {
	for _, text := range seeds(f) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<14 {
			return
		}
		agree(t, text)
	})
}

// TestAgreeOnCuts cuts each seed at every byte, and drops each byte of it.
func TestAgreeOnCuts(t *testing.T) {
	for _, text := range seeds(t) {
		agree(t, []byte(text))
		for i := range len(text) {
			agree(t, []byte(text[:i]))
			agree(t, []byte(text[:i]+text[i+1:]))
		}
	}
}

// seeds returns the texts of testdata/seeds and the examples of the diagnostics' documentation.
func seeds(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/seeds/*.star")
	if err != nil || len(files) == 0 {
		t.Fatalf("no seeds: %v", err)
	}
	var texts []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	for _, c := range parse.Codes() {
		texts = append(texts, c.Bad, c.Good)
	}
	return texts
}

// TestAgreeOnCorpus holds the parser to upstream's on the files of CORPUS, a directory, and on each of them
// cut off at many places.
func TestAgreeOnCorpus(t *testing.T) {
	root := os.Getenv("CORPUS")
	if root == "" {
		root = "testdata"
	}
	n := 0
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".star" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		n++
		agree(t, text)
		for i := 0; i < len(text); i += 1 + len(text)/20 {
			agree(t, text[:i])
		}
		return nil
	})
	if err != nil || n == 0 {
		t.Fatalf("%d files: %v", n, err)
	}
}
