package apicontainer

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func bundleOf(t *testing.T, headers ...tar.Header) (data []byte, digest string) {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range headers {
		h.Mode = 0o644
		require.NoError(t, w.WriteHeader(&h))
		_, err := io.CopyN(w, zeros{}, h.Size)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	sum := sha256.Sum256(out.Bytes())
	return out.Bytes(), hex.EncodeToString(sum[:])
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestBadBundles: what could lead out of the directory, or fill the disk, is refused, and nothing of it stays.
func TestBadBundles(t *testing.T) {
	dir := t.TempDir()
	b, err := openBundles(filepath.Join(dir, "bundles"), time.Now)
	require.NoError(t, err)
	b.max = 1 << 20
	for want, h := range map[string]tar.Header{
		`archive entry "own@/../../up" leaves the archive's root`:                     {Name: "own@/../../up"},
		`archive entry "/etc/passwd" has an absolute path`:                            {Name: "/etc/passwd"},
		`archive entry "own@/out" links to "../../x", outside of the archive`:         {Name: "own@/out", Typeflag: tar.TypeSymlink, Linkname: "../../x"},
		`archive entry "own@/abs" links to "/etc", outside of the archive`:            {Name: "own@/abs", Typeflag: tar.TypeSymlink, Linkname: "/etc"},
		`archive entry "own@/hard" links to "../x", outside of the archive`:           {Name: "own@/hard", Typeflag: tar.TypeLink, Linkname: "../x"},
		`archive entry "own@/pipe" is a device or a pipe, not a file`:                 {Name: "own@/pipe", Typeflag: tar.TypeFifo},
		"the bundle holds more than 1 MiB, which is the most that a package may have": {Name: "own@/bomb", Size: 2 << 20},
	} {
		data, digest := bundleOf(t, h)
		require.EqualError(t, b.put(t.Context(), digest, bytes.NewReader(data)), want)
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, err := z.Write(data)
		require.NoError(t, err)
		require.NoError(t, z.Close())
		require.EqualError(t, b.put(t.Context(), digest, &packed), want)
	}
	data, digest := bundleOf(t, tar.Header{Name: "own@/x", Size: 3})
	require.ErrorContains(t, b.put(t.Context(), digest, bytes.NewReader(data[:514])), "the archive is damaged: unexpected EOF")
	trailing := append(bytes.Clone(data), "and more"...)
	require.ErrorContains(t, b.put(t.Context(), digest, bytes.NewReader(trailing)), "the package was changed while it was uploaded")
	left, err := os.ReadDir(b.dir)
	require.NoError(t, err)
	require.Empty(t, left)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing was written beside it")

	require.NoError(t, b.put(t.Context(), digest, bytes.NewReader(data)))
	require.True(t, b.has(digest))
	require.NoError(t, b.put(t.Context(), digest, bytes.NewReader(data)), "a second time changes nothing")
	// One that is used stays, however old it is.
	at, release, err := b.open(digest)
	require.NoError(t, err)
	past := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(at, past, past))
	for i := range keptBundles + 2 {
		data, digest := bundleOf(t, tar.Header{Name: "own@/x", Size: int64(100 + i)})
		require.NoError(t, b.put(t.Context(), digest, bytes.NewReader(data)))
	}
	require.True(t, b.has(digest))
	release()
	data, other := bundleOf(t, tar.Header{Name: "own@/x", Size: 500})
	require.NoError(t, b.put(t.Context(), other, bytes.NewReader(data)))
	require.False(t, b.has(digest))
	_, _, err = b.open(digest)
	require.EqualError(t, err, "the bundle "+digest[:12]+" was not uploaded")
}
