package server

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
)

var update = flag.Bool("update", false, "rewrite the answers in testdata/lsp")

//go:generate go test . -run TestFeatures -update

const features = "../../../../testdata/lsp"

// TestFeatures asks what the marks in testdata/lsp/<feature>/<case>.txtar ask, twice: of package ide, and of a server
// over JSON-RPC. Both must give what the section "want" has.
//
// A mark is a comment line of its own: #@ hover "add_|service". The place is where the bar stands in the text quoted,
// which is looked for in the nearest line above that is no mark; without a bar, at its start. What follows the text is
// given to the question. Files that are open are those with marks.
func TestFeatures(t *testing.T) {
	var cases []string
	for _, pattern := range []string{"*/*.txtar"} {
		found, err := filepath.Glob(filepath.Join(features, pattern))
		require.NoError(t, err)
		cases = append(cases, found...)
	}
	require.NotEmpty(t, cases)
	for _, path := range cases {
		name, err := filepath.Rel(features, path)
		require.NoError(t, err)
		t.Run(strings.TrimSuffix(filepath.ToSlash(name), ".txtar"), func(t *testing.T) { runFeature(t, path) })
	}
}

// mark is one question.
type mark struct {
	path  string // absolute
	shown string // file:line question "text" rest
	ask   string
	at    source.Pos
	rest  string
}

// asker answers marks as text, one line each at least.
type asker interface {
	ask(m mark) string
}

func runFeature(t *testing.T, path string) {
	archive, err := txtar.ParseFile(path)
	require.NoError(t, err)
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(root, ".cache"))
	var marks []mark
	texts := map[string]string{}
	want := ""
	for _, f := range archive.Files {
		if f.Name == "want" {
			want = string(f.Data)
			continue
		}
		file := filepath.Join(root, filepath.FromSlash(f.Name))
		text := string(f.Data)
		if strings.HasPrefix(text, "#unterminated\n") { // the file ends without a line break
			text = strings.TrimSuffix(text, "\n")
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
		found := marksOf(t, file, f.Name, text)
		if len(found) > 0 {
			texts[file] = text
		}
		marks = append(marks, found...)
	}
	require.NotEmpty(t, marks)
	view := ide.NewView(workspace.Disk(), []string{root}, ide.Settings{Hints: ide.HintSettings{ParameterNames: true, VariableTypes: true, Futures: true}})
	client := start(t, root, fullCapabilities)
	for file, text := range texts {
		view = view.WithText(t.Context(), file, []byte(text))
		client.open(file, text, 1)
	}
	direct := answers(marks, &direct{t.Context(), view, root})
	wire := answers(marks, &wire{client, root})
	require.Equal(t, direct, wire, "package ide and the server differ")
	require.NotContains(t, client.log.String(), "panic")
	if *update {
		rewrite(t, path, archive, direct)
		return
	}
	require.Equal(t, want, direct)
	require.Zero(t, client.leave())
}

func answers(marks []mark, a asker) string {
	var b strings.Builder
	for _, m := range marks {
		fmt.Fprintf(&b, "%s\n", m.shown)
		for _, line := range strings.Split(strings.TrimRight(a.ask(m), "\n"), "\n") {
			b.WriteString(strings.TrimRight("    "+line, " ") + "\n")
		}
	}
	return b.String()
}

func marksOf(t *testing.T, file, name, text string) []mark {
	var out []mark
	lines := strings.Split(text, "\n")
	f := source.NewFile(file, []byte(text))
	for i, line := range lines {
		question, ok := strings.CutPrefix(strings.TrimSpace(line), "#@ ")
		if !ok {
			continue
		}
		ask, rest, _ := strings.Cut(question, " ")
		m := mark{path: file, ask: ask, shown: fmt.Sprintf("%s:%d %s", name, i+1, question), at: source.Pos{Line: 1, Col: 1}}
		above := i - 1
		for above >= 0 && strings.HasPrefix(strings.TrimSpace(lines[above]), "#@ ") {
			above--
		}
		if needle, after, quoted := quoted(rest); quoted {
			before, _, barred := strings.Cut(needle, "|")
			plain := strings.Replace(needle, "|", "", 1)
			require.GreaterOrEqual(t, above, 0, m.shown)
			at := strings.Index(lines[above], plain)
			require.GreaterOrEqual(t, at, 0, "%s: the line above has no such text", m.shown)
			if barred {
				at += len(before)
			}
			m.at = f.Pos(f.LineStart(above+1) + at)
			rest = after
		} else if above >= 0 {
			m.at = source.Pos{Line: int32(above) + 1, Col: 1}
		}
		m.rest = strings.TrimSpace(rest)
		out = append(out, m)
	}
	return out
}

// quoted takes a text in backquotes or double quotes off the start of s.
func quoted(s string) (text, rest string, ok bool) {
	if s == "" || s[0] != '"' && s[0] != '`' {
		return "", s, false
	}
	end := strings.IndexByte(s[1:], s[0])
	if end < 0 {
		return "", s, false
	}
	return s[1 : 1+end], s[2+end:], true
}

func rewrite(t *testing.T, path string, archive *txtar.Archive, want string) {
	files := archive.Files[:0]
	for _, f := range archive.Files {
		if f.Name != "want" {
			files = append(files, f)
		}
	}
	archive.Files = append(files, txtar.File{Name: "want", Data: []byte(want)})
	require.NoError(t, os.WriteFile(path, txtar.Format(archive), 0o644))
}
