package server

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
	"github.com/kurtosis-go/kurtosis/internal/tools/genpkg"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
)

// TestCutPoints cuts files off in the middle of things, types `plan.` there, and asks: all functions before the cut
// are still known, the plan's instructions are offered, and hovering over anything does no harm. CORPUS names a
// directory with more files.
func TestCutPoints(t *testing.T) {
	files := genpkg.Files(6, 1500)
	texts := map[string]string{}
	for name, text := range files {
		if filepath.Ext(name) == ".star" {
			texts[name] = text
		}
	}
	for _, dir := range []string{"../../../../examples", os.Getenv("CORPUS")} {
		if dir == "" {
			continue
		}
		require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".star" {
				return err
			}
			text, err := os.ReadFile(path)
			texts[path] = string(text)
			return err
		}))
	}
	var names []string
	for name := range texts {
		names = append(names, name)
	}
	require.NotEmpty(t, names)
	r := rand.New(rand.NewPCG(3, 5))
	const cuts = 500
	for done := 0; done < cuts; {
		name := names[r.IntN(len(names))]
		text := texts[name]
		at, ok := insideFunction(r, text)
		if !ok {
			done++ // a file without functions: the cut counts, the question would make no sense
			continue
		}
		cut(t, name, text[:at])
		done++
	}
}

// insideFunction picks a place in the body of a function that takes the plan.
func insideFunction(r *rand.Rand, text string) (int, bool) {
	f, err := (&syntax.FileOptions{}).Parse("x.star", text, 0)
	if err != nil {
		return 0, false
	}
	var defs []*syntax.DefStmt
	for _, s := range f.Stmts {
		if d, ok := s.(*syntax.DefStmt); ok && len(d.Params) > 0 {
			if p, ok := d.Params[0].(*syntax.Ident); ok && p.Name == "plan" {
				defs = append(defs, d)
			}
		}
	}
	if len(defs) == 0 {
		return 0, false
	}
	d := defs[r.IntN(len(defs))]
	file := source.NewFile("x.star", []byte(text))
	start, _ := d.Body[0].Span()
	_, last := d.Body[len(d.Body)-1].Span()
	from, to := file.Offset(source.Pos{Line: start.Line, Col: start.Col}), file.Offset(source.Pos{Line: last.Line, Col: last.Col})
	if to <= from {
		return 0, false
	}
	return from + r.IntN(to-from), true
}

func cut(t *testing.T, name, text string) {
	t.Helper()
	for len(text) > 0 && text[len(text)-1] >= 0x80 {
		text = text[:len(text)-1]
	}
	path := filepath.Join("/workspace", filepath.Base(name))
	ctx := t.Context()
	// A line of its own after the cut: what is open before stays open.
	full := text + "\n    plan."
	view := ide.NewView(workspace.Memory(nil), []string{"/workspace"}, ide.Settings{}).WithText(ctx, path, []byte(full))
	file := source.NewFile(path, []byte(full))
	c, err := view.Completion(ctx, path, file.End())
	require.NoError(t, err)
	if !inText(text) {
		labels := map[string]bool{}
		for _, i := range c.Items {
			labels[i.Label] = true
		}
		require.True(t, labels["add_service"], "%s cut at %d: `plan.` offers %d items\n%s", name, len(text), len(c.Items), tail(full))
	}
	symbols, err := view.Symbols(ctx, path)
	require.NoError(t, err)
	known := map[string]bool{}
	for _, s := range symbols {
		known[s.Name] = true
	}
	for _, line := range strings.Split(text[:strings.LastIndex("\n"+text, "\ndef ")], "\n") {
		if def, ok := strings.CutPrefix(line, "def "); ok {
			fn, _, _ := strings.Cut(def, "(")
			require.True(t, known[fn], "%s cut at %d: the function %s is lost\n%s", name, len(text), fn, tail(full))
		}
	}
	for _, offset := range []int{len(text), len(text) / 2, len(text) - 3} {
		_, err := view.Hover(ctx, path, file.Pos(offset))
		require.NoError(t, err)
	}
}

// inText says whether a text ends inside of a string in triple quotes, where nothing is completed.
func inText(text string) bool {
	return strings.Count(text, `"""`)%2 == 1 || strings.Count(text, "'''")%2 == 1
}

func tail(text string) string { return text[max(0, len(text)-300):] }
