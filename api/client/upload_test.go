package client_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/api/client"
	"github.com/kurtosis-go/kurtosis/runtime/event"
)

// TestUploadProgress: who sends a large package hears how far it is, and nothing where it is there already.
func TestUploadProgress(t *testing.T) {
	b := newBench(t)
	dir := layOut(t, `
-- kurtosis.yml --
name: github.com/me/large
-- main.star --
def run(plan):
    plan.print("a")
`)
	const size = 5 << 20
	require.NoError(t, os.WriteFile(filepath.Join(dir, "data"), bytes.Repeat([]byte("x"), size), 0o600))
	_, bundle := open(t, dir)
	run := func() (seen []event.UploadProgress) {
		_, err := b.client.Run(t.Context(), client.RunOptions{Bundle: bundle, Sink: event.Func(func(e event.Event) {
			if p, ok := e.(event.UploadProgress); ok {
				seen = append(seen, p)
			}
		})})
		require.NoError(t, err)
		return seen
	}
	seen := run()
	require.Len(t, seen, 7, "a beginning, an end, and what is between them a MiB apart")
	require.Zero(t, seen[0].Current)
	for i, p := range seen {
		require.Equal(t, bundle.Size, p.Total)
		require.True(t, i == 0 || p.Current > seen[i-1].Current)
	}
	require.Equal(t, bundle.Size, seen[6].Current)
	require.Empty(t, run())

	require.NoError(t, os.WriteFile(filepath.Join(dir, "data"), nil, 0o600))
	_, bundle = open(t, dir)
	require.Empty(t, run(), "a small one is sent in a moment")
}
