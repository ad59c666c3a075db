package parse_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/parse"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata/errors")

// TestErrors reads chunks separated by lines of ---. Behind each faulty line stand, after ###, its diagnostics:
// first and past-the-end column, code, message and hint. The parser does not see them. Every diagnostic is
// expected and every expectation met.
func TestErrors(t *testing.T) {
	files, err := filepath.Glob("testdata/errors/*.star")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var got []string
		for _, chunk := range strings.Split(string(text), "\n---\n") {
			got = append(got, annotate(t, chunk))
		}
		out := strings.Join(got, "\n---\n")
		if *update {
			require.NoError(t, os.WriteFile(file, []byte(out), 0o644))
		}
		require.Equal(t, string(text), out, file)
	}
}

const marker = "  ### "

// annotate parses the chunk without its expectations and returns it with those that hold.
func annotate(t *testing.T, chunk string) string {
	lines := strings.Split(chunk, "\n")
	for i, line := range lines {
		lines[i], _, _ = strings.Cut(line, marker)
	}
	plain := strings.Join(lines, "\n")
	agree(t, []byte(plain))
	for _, d := range parseText(plain).Diagnostics {
		end := fmt.Sprint(d.Range.End.Col)
		if d.Range.End.Line != d.Range.Start.Line {
			end = d.Range.End.String()
		}
		note := fmt.Sprintf("%d-%s %s: %s", d.Range.Start.Col, end, d.Code, d.Message)
		if d.Hint != "" {
			note += "; hint: " + d.Hint
		}
		lines[d.Range.Start.Line-1] += marker + note
	}
	return strings.Join(lines, "\n")
}

// TestCodes holds the documentation of the codes to what is reported: the bad example has the code, the good
// one nothing. Every code is documented, and every documented one is met in testdata/errors.
func TestCodes(t *testing.T) {
	expected := ""
	files, _ := filepath.Glob("testdata/errors/*.star")
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		expected += string(text)
	}
	elsewhere := []string{"too-many-errors", "nul-byte", "byte-order-mark", "invalid-utf8", "nested-too-deeply"} // TestOddInput
	for _, c := range parse.Codes() {
		require.NotEmpty(t, c.Summary, c.Name)
		if !slices.Contains(elsewhere, c.Name) {
			require.Contains(t, expected, " "+c.Name+": ", "no test of %s", c.Name)
		}
		if c.Good != "" {
			require.Empty(t, parseText(c.Good).Diagnostics, c.Name)
		}
		if c.Bad == "" {
			continue
		}
		has := slices.ContainsFunc(parseText(c.Bad).Diagnostics, func(d diag.Diagnostic) bool { return d.Code == c.Name })
		require.True(t, has, "%q has no %s", c.Bad, c.Name)
	}
}

// TestFixes applies all fixes of a text: it then has no errors.
func TestFixes(t *testing.T) {
	for text, want := range map[string]string{
		"\ufeffx = 1\n": "x = 1\n",
		"def f(a: int, *b: str, c: list[str] = []) -> T:\n  pass\n": "def f(a, *b, c = []):\n  pass\n",
		"x: int = 1\n": "x = 1\n",
		"x = a is None or b is not c && d || e\n": "x = a == None or b != c and d or e\n",
		"x = [1 2, \"a\" 'b' \"c\"]\n":            "x = [1, 2, \"a\" + 'b' + \"c\"]\n",
		"if a\n  pass\nelse if b:\n  pass\n":      "if a:\n  pass\nelif b:\n  pass\n",
	} {
		tree := parseText(text)
		require.False(t, tree.OK())
		var fixes []diag.Fix
		for _, d := range tree.Diagnostics {
			fixes = append(fixes, d.Fixes...)
		}
		got, left := diag.Apply(tree.File, fixes)
		require.Equal(t, want, string(got))
		require.Empty(t, left)
		require.Empty(t, parseText(want).Diagnostics)
	}
}
