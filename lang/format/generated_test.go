package format

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// programCount is how many random programs a test takes, by default n; KURTOSIS_TEST_PROGRAMS has another number.
func programCount(t *testing.T, n int) int {
	if s := os.Getenv("KURTOSIS_TEST_PROGRAMS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// TestGeneratedPasses compares single passes with black's.
func TestGeneratedPasses(t *testing.T) {
	o := startOracle(t, "once")
	same := 0
	n := programCount(t, 80)
	for seed := range n {
		src := randomProgram(uint64(seed), true)
		if strings.Contains(src, "fmt: skip") || doubledParenComment(t, src) {
			continue
		}
		text, _, err := decode("main.star", []byte(src))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		got, err := pass("main.star", text)
		status, want := o.format(t, src)
		if err != nil {
			if status != "refused" {
				t.Errorf("seed %d: %v, but black formats\n%s", seed, err, src)
			}
			continue
		}
		if status == "refused" {
			t.Errorf("seed %d: black refuses: %s\n%s", seed, want, src)
			continue
		}
		if got != want {
			t.Errorf("seed %d: from\n%s\ngot\n%s\nwant\n%s", seed, src, got, want)
			continue
		}
		same++
	}
	if same < n*8/10 {
		t.Errorf("only %d of %d programs could be compared", same, n)
	}
}

// TestGeneratedFiles compares whole runs, with the comparison of syntax trees, with black's.
func TestGeneratedFiles(t *testing.T) {
	o := startOracle(t)
	same := 0
	n := programCount(t, 30)
	for i := range n {
		seed := 1_000_000 + i
		src := randomProgram(uint64(seed), false)
		if doubledParenComment(t, src) {
			continue
		}
		got, err := Source("main.star", []byte(src))
		status, want := o.format(t, src)
		switch {
		case status == "same":
			want = src
		case status == "refused":
			if err == nil {
				t.Errorf("seed %d: black refuses: %s\n%s", seed, want, src)
			}
			continue
		}
		if err != nil {
			t.Errorf("seed %d: %v, but black formats\n%s", seed, err, src)
			continue
		}
		if string(got) != want {
			t.Errorf("seed %d (%s): from\n%s\ngot\n%s\nwant\n%s", seed, status, src, got, want)
			continue
		}
		same++
	}
	if same < n*7/10 {
		t.Errorf("only %d of %d programs could be compared", same, n)
	}
}

// doubledParenComment reports whether src has a comment in doubled parentheses, which black loses.
func doubledParenComment(t *testing.T, src string) bool {
	text, _, err := decode("main.star", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	out, err := pass("main.star", text)
	return err == nil && strings.Contains(text, "((") && strings.Count(out, "#") > 0 && lossy(text)
}

// lossy reports whether parentheses directly inside others have a comment before them.
func lossy(text string) bool {
	var a arena
	root, err := parse(text+"\n", &a)
	if err != nil {
		return false
	}
	found := false
	root.leaves(func(l *node) bool {
		if p := l.parent; p.kind == atom && (l.kind == tokLParen || l.kind == tokRParen) && p.parent.kind == atom {
			found = found || strings.Contains(l.prefix, "#")
		}
		return !found
	})
	return found
}

// TestGeneratedKeepsAll checks what must hold without black: a settled layout, the same syntax tree, all comments.
func TestGeneratedKeepsAll(t *testing.T) {
	n := programCount(t, 600)
	for i := range n {
		checkKeepsAll(t, randomProgram(uint64(2_000_000+i), true))
	}
}

// escapedBreak finds escapes that may stand for a line break. Taking the white space after one from a docstring's line
// changes, for black too, what the docstring says: it leaves such a file alone, and so do we.
var escapedBreak = regexp.MustCompile(`\\(?:[rvfxuU]|[0-7])`)

func checkKeepsAll(t *testing.T, src string) {
	t.Helper()
	got, err := Source("main.star", []byte(src))
	if err != nil {
		var syntax *SyntaxError
		var internal *InternalError
		if !errors.As(err, &syntax) && !(errors.As(err, &internal) && mayProtect(src)) && !escapedBreak.MatchString(src) && !strings.Contains(src, "b'") && !strings.Contains(src, `b"`) {
			t.Errorf("%v\n%s", err, src)
		}
		return
	}
	again, err := Source("main.star", got)
	if err != nil || string(again) != string(got) {
		t.Errorf("%v: from\n%s\ngot\n%s\nthen\n%s", err, src, got, again)
	}
	if !sameText("main.star", []byte(src), got) {
		t.Errorf("meaning changed: from\n%s\ngot\n%s", src, got)
	}
	if a, b := commentLetters(t, src), commentLetters(t, string(got)); a != b && !mayProtect(src) {
		t.Errorf("comments changed: from\n%s\ngot\n%s", src, got)
	}
}

// commentLetters is the text of all comments without white space and in alphabetical order: lines that are joined
// can bring comments together, and change their order.
func commentLetters(t *testing.T, src string) string {
	text, _, err := decode("main.star", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	var a arena
	root, err := parse(text+"\n", &a)
	if err != nil {
		t.Fatal(err)
	}
	var letters []rune
	root.leaves(func(l *node) bool {
		for _, c := range prefixComments(l.prefix, false) {
			for _, r := range c.value {
				if !isSpace(r) {
					letters = append(letters, r)
				}
			}
		}
		return true
	})
	slices.Sort(letters)
	return string(letters)
}

func FuzzSource(f *testing.F) {
	for _, c := range goldenCases(f) {
		f.Add(c.in)
	}
	for seed := range 50 {
		f.Add(randomProgram(uint64(seed), true))
	}
	f.Fuzz(func(t *testing.T, src string) {
		if _, _, err := decode("main.star", []byte(src)); err != nil {
			return
		}
		checkKeepsAll(t, src)
	})
}
