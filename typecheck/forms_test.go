package typecheck_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.starlark.net/resolve"
	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/kurtosis-go/kurtosis/typecheck"
)

// What go.starlark.net refuses when it resolves a module is reported on the same lines, and nothing else is reported as
// refused: the texts of all tests are tried, and each of them with a character less or more.
func TestRefusedFormsAsUpstream(t *testing.T) {
	files, err := filepath.Glob("testdata/*.star")
	require.NoError(t, err)
	compared := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, chunk := range strings.Split(string(text), "\n---\n") {
			sameForms(t, chunk)
			compared++
			if filepath.Base(file) != "forms.star" {
				continue
			}
			for i := range len(chunk) {
				sameForms(t, chunk[:i]+chunk[i+1:])
				for _, more := range []string{"*", "=", ","} {
					sameForms(t, chunk[:i]+more+chunk[i:])
				}
			}
		}
	}
	require.NotZero(t, compared)
}

func sameForms(t *testing.T, text string) {
	t.Helper()
	tree := parse.Parse(source.NewFile("main.star", []byte(text)))
	if !tree.OK() {
		return
	}
	_, found := typecheck.Check(context.Background(), typecheck.Input{Target: workspace.Target{Locator: "main.star", Path: "main.star"}, Tree: tree})
	ours, twice := map[int32]bool{}, map[int32]bool{}
	for _, d := range found {
		switch d.Code {
		case "refused-form":
			ours[d.Range.Start.Line] = true
		case "duplicate-argument":
			twice[d.Range.Start.Line] = true
		}
	}
	f, err := (&syntax.FileOptions{}).Parse("main.star", text, 0)
	require.NoError(t, err)
	var list resolve.ErrorList
	anything := func(string) bool { return true }
	theirs := map[int32]bool{}
	if err := resolve.File(f, anything, anything); errors.As(err, &list) {
		for _, e := range list {
			switch { // rules of their own
			case strings.HasPrefix(e.Msg, "cannot reassign"), strings.Contains(e.Msg, "not support"), strings.Contains(e.Msg, "load"):
			case strings.HasSuffix(e.Msg, "not within a function") && !strings.HasPrefix(e.Msg, "return"):
			default:
				theirs[e.Pos.Line] = true
				require.True(t, ours[e.Pos.Line] || twice[e.Pos.Line], "line %d: %s is not reported in\n%s", e.Pos.Line, e.Msg, text)
			}
		}
	}
	for line := range ours {
		require.True(t, theirs[line], "line %d is refused here alone:\n%s", line, text)
	}
}
