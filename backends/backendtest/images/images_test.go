package images

import (
	"archive/tar"
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// Content decides the tag, and nothing else does.
func TestBuildIsDeterministic(t *testing.T) {
	file := File{Path: "a/b/c.txt", Content: []byte("x")}
	one, err := Build("test/one", Config{Cmd: []string{"c"}}, file)
	require.NoError(t, err)
	again, err := Build("test/one", Config{Cmd: []string{"c"}}, file)
	require.NoError(t, err)
	require.Equal(t, one, again)
	file.Content = []byte("y")
	other, err := Build("test/one", Config{Cmd: []string{"c"}}, file)
	require.NoError(t, err)
	require.NotEqual(t, one.Ref, other.Ref)
	require.Regexp(t, `^test/one:[0-9a-f]{12}$`, one.Ref)
}

func TestLayerHasParents(t *testing.T) {
	layer, err := Layer(File{Path: "a/b/c.txt", Content: []byte("x")}, File{Path: "a/d", Link: "b"})
	require.NoError(t, err)
	var names []string
	for r := tar.NewReader(bytes.NewReader(layer)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		names = append(names, h.Name)
	}
	require.Equal(t, []string{"tmp/", "a/", "a/b/", "a/b/c.txt", "a/d"}, names)
}
