package diag_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

func at(line, col, endLine, endCol int32) source.Range {
	return source.Range{Start: source.Pos{Line: line, Col: col}, End: source.Pos{Line: endLine, Col: endCol}}
}

var files = map[string]string{
	"/pkg/main.star":  "def run(plan):\n\tplan.add_servise(name = \"日本\", x = 1)\n    x = [\n        1,\n    ]\n" + strings.Repeat("y", 200) + " = bad + " + strings.Repeat("z", 200) + "\n\x1b[31m = \x00\n",
	"/pkg/lib a.star": "def f():\n    pass\n",
}

var sample = []diag.Diagnostic{
	{Code: "unknown-attribute", Severity: diag.Error, File: "/pkg/main.star", Range: at(2, 7, 2, 18), Message: "plan has no instruction 'add_servise'", Hint: "did you mean 'add_service'?",
		Fixes: []diag.Fix{{Title: "write add_service", Safe: true, Edits: []diag.Edit{{File: "/pkg/main.star", Range: at(2, 7, 2, 18), NewText: "add_service"}}}}},
	{Code: "unknown-argument", Severity: diag.Warning, File: "/pkg/main.star", Range: at(2, 33, 2, 38), Message: "no argument 'x', <100%>",
		Related: []diag.Related{{File: "/pkg/lib a.star", Range: at(1, 5, 1, 6), Message: "declared here"}, {File: "/gone.star", Range: at(1, 1, 1, 1), Message: "and here"}}},
	{Code: "no-effect", Severity: diag.Info, File: "/pkg/main.star", Range: at(3, 9, 5, 6), Message: "the list is not used"},
	{Code: "undefined-name", Severity: diag.Error, File: "/pkg/main.star", Range: at(6, 204, 6, 207), Message: "undefined: bad"},
	{Code: "bad-character", Severity: diag.Error, File: "/pkg/main.star", Range: at(7, 1, 7, 2), Message: "unexpected character \x1b"},
	{Code: "missing-expression", Severity: diag.Error, File: "/pkg/main.star", Range: at(7, 99, 7, 99), Message: "unexpected end of line"},
	{Code: "no-docstring", Severity: diag.Hint, File: "/pkg/lib a.star", Message: "the module has no docstring"},
}

func file(name string) *source.File {
	text, ok := files[name]
	if !ok {
		return nil
	}
	return source.NewFile(name, []byte(text))
}

func TestText(t *testing.T) {
	var b bytes.Buffer
	short := func(name string) string { return strings.TrimPrefix(name, "/pkg/") }
	require.NoError(t, diag.Text(&b, sample, diag.Frames{File: file, Path: short, Width: 60}))
	golden(t, "text.golden", b.Bytes())
	require.NotContains(t, b.String(), "\x1b")

	b.Reset()
	require.NoError(t, diag.Text(&b, sample[:2], diag.Frames{File: file, Color: true}))
	golden(t, "color.golden", b.Bytes())

	b.Reset()
	require.NoError(t, diag.Text(&b, sample[:1], diag.Frames{}))
	require.Equal(t, "/pkg/main.star:2:7: error: plan has no instruction 'add_servise' [unknown-attribute]\nhint: did you mean 'add_service'?\n", b.String())

	b.Reset()
	require.NoError(t, diag.Text(&b, nil, diag.Frames{}))
	require.Empty(t, b.String())
}

func TestTextOfHugeLine(t *testing.T) {
	huge := source.NewFile("a.star", bytes.Repeat([]byte("x"), 10<<20))
	var b bytes.Buffer
	d := diag.Diagnostic{Code: "c", Severity: diag.Error, File: "a.star", Range: at(1, 5<<20, 1, 6<<20), Message: "m"}
	require.NoError(t, diag.Text(&b, []diag.Diagnostic{d}, diag.Frames{File: func(string) *source.File { return huge }}))
	require.Less(t, b.Len(), 400)
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, diag.JSON(&b, sample))
	golden(t, "json.golden", b.Bytes())
	var list []map[string]any
	require.NoError(t, json.Unmarshal(b.Bytes(), &list))
	require.Len(t, list, len(sample))

	one, err := json.Marshal(sample[0])
	require.NoError(t, err)
	var same map[string]any
	require.NoError(t, json.Unmarshal(one, &same))
	require.Equal(t, list[0], same)

	b.Reset()
	require.NoError(t, diag.JSON(&b, nil))
	require.Equal(t, "[]\n", b.String())
}

func TestSARIF(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, diag.SARIF(&b, sample, diag.Tool{Name: "kurtosis lint", Version: "1.2.3"}))
	golden(t, "sarif.golden", b.Bytes())
	require.True(t, json.Valid(b.Bytes()))
	b.Reset()
	require.NoError(t, diag.SARIF(&b, nil, diag.Tool{Name: "kurtosis lint"}))
	require.Contains(t, b.String(), `"results": []`, "a log without results says that it ran")
}

func TestGitHub(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, diag.GitHub(&b, sample, func(name string) string { return "a,b:" + filepath.Base(name) }))
	golden(t, "github.golden", b.Bytes())
}

func TestJUnit(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, diag.JUnit(&b, []string{"/pkg/sound.star", "/pkg/main.star"}, sample))
	golden(t, "junit.golden", b.Bytes())
	require.NoError(t, xml.Unmarshal(b.Bytes(), new(struct{})))
}

func TestSort(t *testing.T) {
	d := func(file string, line int32, code, message string) diag.Diagnostic {
		return diag.Diagnostic{Code: code, Severity: diag.Error, File: file, Range: at(line, 1, line, 2), Message: message}
	}
	warning := d("a", 1, "z", "m")
	warning.Severity = diag.Warning
	in := []diag.Diagnostic{d("b", 1, "x", "m"), d("a", 2, "x", "m"), warning, d("a", 1, "y", "m"), d("a", 1, "x", "m"), d("a", 1, "x", "n"), d("a", 1, "x", "m")}
	before := append([]diag.Diagnostic(nil), in...)
	require.Equal(t, []diag.Diagnostic{d("a", 1, "x", "m"), d("a", 1, "x", "n"), d("a", 1, "y", "m"), warning, d("a", 2, "x", "m"), d("b", 1, "x", "m")}, diag.Sort(in))
	require.Equal(t, before, in)
}

func TestApply(t *testing.T) {
	f := source.NewFile("a", []byte("one twö three\r\nfour\n"))
	edit := func(r source.Range, text string) diag.Edit { return diag.Edit{File: "a", Range: r, NewText: text} }
	fix := func(title string, edits ...diag.Edit) diag.Fix { return diag.Fix{Title: title, Edits: edits} }
	for name, c := range map[string]struct {
		fixes []diag.Fix
		want  string
		left  []string
	}{
		"none":              {nil, "one twö three\r\nfour\n", nil},
		"replace":           {[]diag.Fix{fix("a", edit(at(1, 5, 1, 8), "2"))}, "one 2 three\r\nfour\n", nil},
		"later first":       {[]diag.Fix{fix("a", edit(at(2, 1, 2, 5), "4")), fix("b", edit(at(1, 1, 1, 4), "1"))}, "1 twö three\r\n4\n", nil},
		"overlap":           {[]diag.Fix{fix("a", edit(at(1, 5, 1, 8), "2")), fix("b", edit(at(1, 7, 1, 10), "x"))}, "one 2 three\r\nfour\n", []string{"b"}},
		"inside":            {[]diag.Fix{fix("a", edit(at(1, 1, 1, 14), "")), fix("b", edit(at(1, 5, 1, 5), "x"))}, "\r\nfour\n", []string{"b"}},
		"touching":          {[]diag.Fix{fix("a", edit(at(1, 1, 1, 5), "")), fix("b", edit(at(1, 5, 1, 8), "2"))}, "2 three\r\nfour\n", nil},
		"insert beside":     {[]diag.Fix{fix("a", edit(at(1, 5, 1, 8), "2")), fix("b", edit(at(1, 8, 1, 8), "!"))}, "one 2! three\r\nfour\n", nil},
		"insert before":     {[]diag.Fix{fix("a", edit(at(1, 5, 1, 8), "2")), fix("b", edit(at(1, 5, 1, 5), "!"))}, "one !2 three\r\nfour\n", nil},
		"same insert":       {[]diag.Fix{fix("a", edit(at(1, 4, 1, 4), ",")), fix("b", edit(at(1, 4, 1, 4), ","))}, "one, twö three\r\nfour\n", nil},
		"two inserts":       {[]diag.Fix{fix("a", edit(at(1, 4, 1, 4), ",")), fix("b", edit(at(1, 4, 1, 4), ";"))}, "one, twö three\r\nfour\n", []string{"b"}},
		"whole or nothing":  {[]diag.Fix{fix("a", edit(at(1, 5, 1, 8), "2")), fix("b", edit(at(2, 1, 2, 5), "4"), edit(at(1, 6, 1, 7), "x"))}, "one 2 three\r\nfour\n", []string{"b"}},
		"conflict in one":   {[]diag.Fix{fix("a", edit(at(1, 1, 1, 5), ""), edit(at(1, 2, 1, 3), "x"))}, "one twö three\r\nfour\n", []string{"a"}},
		"several files":     {[]diag.Fix{fix("a", edit(at(1, 1, 1, 4), "1"), diag.Edit{File: "b", Range: at(1, 1, 1, 1)})}, "one twö three\r\nfour\n", []string{"a"}},
		"past end of line":  {[]diag.Fix{fix("a", edit(at(1, 9, 1, 99), ""))}, "one twö \r\nfour\n", nil},
		"backwards":         {[]diag.Fix{fix("a", edit(at(1, 9, 1, 2), ""))}, "one twö three\r\nfour\n", []string{"a"}},
		"across lines":      {[]diag.Fix{fix("a", edit(at(1, 9, 2, 5), "x"))}, "one twö x\n", nil},
		"append at the end": {[]diag.Fix{fix("a", edit(at(3, 1, 3, 1), "five\n"))}, "one twö three\r\nfour\nfive\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			text, left := diag.Apply(f, c.fixes)
			require.Equal(t, c.want, string(text))
			var titles []string
			for _, fix := range left {
				titles = append(titles, fix.Title)
			}
			require.Equal(t, c.left, titles)
		})
	}
}
