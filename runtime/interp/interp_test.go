package interp_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/runtime/interp"
)

// TestBuffers plans what an editor has open, with one Interpreter: the program of a text that changed is not that
// of the text before.
func TestBuffers(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "kurtosis.yml", "name: github.com/test/pkg\n")
	write(t, dir, "main.star", "def run(plan):\n    return 1\n")
	pkg, err := packages.Open(t.Context(), dir, packages.Options{})
	require.NoError(t, err)
	files, interpreter := snapshot(pkg), interp.New()
	result := func(files *workspace.Snapshot) string {
		p, err := interpreter.Plan(t.Context(), files, interp.Input{Target: pkg.Main})
		require.NoError(t, err)
		return p.ResultText()
	}
	edited := files.With(pkg.Main.Path, []byte("def run(plan):\n    return 2\n"))
	require.Equal(t, "1", result(files))
	require.Equal(t, "2", result(edited))
	require.Equal(t, "1", result(files))
	interpreter.Retain(func(source.Hash) bool { return false })
	require.Equal(t, "2", result(edited))
}

// TestConvert imports a file that is no Starlark.
func TestConvert(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "kurtosis.yml", "name: github.com/test/pkg\n")
	write(t, dir, "main.star", "other = import_module(\"./other.txt\")\n\ndef run(plan):\n    return other.value\n")
	write(t, dir, "other.txt", "seven")
	pkg, err := packages.Open(t.Context(), dir, packages.Options{})
	require.NoError(t, err)
	convert := func(_ context.Context, target workspace.Target) ([]byte, bool, error) {
		return []byte("value = 7\n"), filepath.Ext(target.Path) == ".txt", nil
	}
	p, err := interp.Plan(t.Context(), snapshot(pkg), interp.Input{Target: pkg.Main, Convert: convert})
	require.NoError(t, err)
	require.Equal(t, "7", p.ResultText())

	refuse := func(_ context.Context, target workspace.Target) ([]byte, bool, error) {
		if filepath.Ext(target.Path) == ".txt" {
			return nil, false, errors.New("no number")
		}
		return nil, false, nil
	}
	_, err = interp.Plan(t.Context(), snapshot(pkg), interp.Input{Target: pkg.Main, Convert: refuse})
	require.EqualError(t, err, "Evaluation error: 'github.com/test/pkg/other.txt' cannot be imported\n\tCaused by: no number\n\tat [github.com/test/pkg/main.star:1:22]: <toplevel>")
}
