package state

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	stdruntime "runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func archive(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		body := h.Linkname
		if h.Typeflag == 0 || h.Typeflag == tar.TypeReg {
			h.Typeflag, h.Size, h.Linkname = tar.TypeReg, int64(len(body)), ""
		}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		require.NoError(t, w.WriteHeader(&h))
		if h.Typeflag == tar.TypeReg {
			_, err := io.WriteString(w, body)
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// file has its content in Linkname, see archive.
func file(name, content string) tar.Header { return tar.Header{Name: name, Linkname: content} }

func zipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(data)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

func TestDigestIsOfTheContent(t *testing.T) {
	s := open(t, t.TempDir())
	digest := func(data []byte) string {
		c, err := s.Put(t.Context(), bytes.NewReader(data), Strict)
		require.NoError(t, err)
		return c.Digest
	}
	want := digest(archive(t, file("a", "1"), file("b", "2")))
	later := file("a", "1")
	later.ModTime = time.Unix(1e9, 0)
	require.Equal(t, want, digest(archive(t, file("b", "2"), later)), "neither order nor times count")
	require.Equal(t, want, digest(zipped(t, archive(t, file("./a", "1"), file("b", "2")))), "nor compression, nor spelling")
	mode := file("a", "1")
	mode.Mode = 0o755
	for _, other := range [][]byte{
		archive(t, file("a", "1"), file("b", "3")),
		archive(t, file("a", "1"), file("c", "2")),
		archive(t, mode, file("b", "2")),
		archive(t, file("a", "1")),
		archive(t, file("a", "1"), tar.Header{Name: "b", Typeflag: tar.TypeSymlink, Linkname: "a"}),
	} {
		require.NotEqual(t, want, digest(other))
	}
}

func TestBadArchives(t *testing.T) {
	link := func(name, target string) tar.Header {
		return tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target}
	}
	whole := archive(t, file("a", "some text"))
	tests := []struct {
		data []byte
		want string
	}{
		{archive(t, file("../x", "")), `archive entry "../x" leaves the archive's root`},
		{archive(t, file("a/../../x", "")), `archive entry "a/../../x" leaves the archive's root`},
		{archive(t, file("/etc/passwd", "")), `archive entry "/etc/passwd" has an absolute path`},
		{archive(t, link("a/l", "../../x")), `archive entry "a/l" links to "../../x", outside of the archive`},
		{archive(t, link("l", "/etc")), `archive entry "l" links to "/etc", outside of the archive`},
		{archive(t, tar.Header{Name: "h", Typeflag: tar.TypeLink, Linkname: "../x"}), `archive entry "h" links to "../x", outside of the archive`},
		{archive(t, tar.Header{Name: "d", Typeflag: tar.TypeChar}), `archive entry "d" is a device or a pipe, not a file`},
		{whole[:520], "the archive is damaged: unexpected EOF"},
		{bytes.Repeat([]byte("x"), 1024), "the archive is damaged: archive/tar: invalid tar header"},
		{[]byte("\x1f\x8bxxxxxxxxxxxx"), "the archive is damaged: gzip: invalid header"},
	}
	for _, test := range tests {
		dir := t.TempDir()
		_, err := open(t, dir).Put(t.Context(), bytes.NewReader(test.data), Strict)
		require.EqualError(t, err, test.want)
		var refused *ArchiveError
		require.ErrorAs(t, err, &refused)
		left, err := os.ReadDir(filepath.Join(dir, artifactsDir))
		require.NoError(t, err)
		require.Empty(t, left)

		target := filepath.Join(t.TempDir(), "out")
		require.EqualError(t, Extract(t.Context(), bytes.NewReader(test.data), target), test.want)
	}
}

func TestAServicesOwnTreeIsTakenAsItIs(t *testing.T) {
	s := open(t, t.TempDir())
	c, err := s.Put(t.Context(), bytes.NewReader(archive(t,
		tar.Header{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o755},
		tar.Header{Name: "d/l", Typeflag: tar.TypeSymlink, Linkname: "/etc/ssl"},
		tar.Header{Name: "d/pipe", Typeflag: tar.TypeFifo},
		file("d/f", "x"),
	)), FromService)
	require.NoError(t, err)
	require.Equal(t, 1, c.Files)
	r, err := s.Content(c.Digest)
	require.NoError(t, err)
	defer r.Close()
	var names []string
	for m, err := range Members(r) {
		require.NoError(t, err)
		names = append(names, m.Name)
	}
	require.Equal(t, []string{"d/", "d/l", "d/f"}, names)
}

func TestBomb(t *testing.T) {
	s := open(t, t.TempDir())
	small := limits{entries: 3, free: 1 << 16, ratio: 10}
	bomb := zipped(t, archive(t, file("zeros", string(make([]byte, 1<<20)))))
	_, err := s.put(t.Context(), bytes.NewReader(bomb), Strict, small)
	require.EqualError(t, err, "the archive unpacks to more than 10 times its size")
	_, err = s.put(t.Context(), bytes.NewReader(archive(t, file("a", ""), file("b", ""), file("c", ""), file("d", ""))), Strict, small)
	require.EqualError(t, err, "the archive has more than 3 entries")
}

func TestPackAndExtract(t *testing.T) {
	from := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(from, "sub", "empty"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(from, "run.sh"), []byte("#!/bin/sh\n"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(from, "sub", "f"), []byte("text"), 0o600))
	require.NoError(t, os.Symlink("sub/f", filepath.Join(from, "link")))
	var packed bytes.Buffer
	require.NoError(t, Pack(t.Context(), from, &packed))

	s := open(t, t.TempDir())
	c, err := s.Put(t.Context(), &packed, Strict)
	require.NoError(t, err)
	require.Equal(t, 2, c.Files)
	require.NoError(t, s.Apply(Change{Artifacts: []Artifact{{Name: "site", UUID: "0123456789abcdef", Digest: c.Digest}}}))

	for _, identifier := range []string{"site", "0123456789ab"} {
		_, r, err := s.Artifact(identifier)
		require.NoError(t, err)
		to := filepath.Join(t.TempDir(), "new")
		require.NoError(t, Extract(t.Context(), r, to))
		require.NoError(t, r.Close())
		data, err := os.ReadFile(filepath.Join(to, "link"))
		require.NoError(t, err)
		require.Equal(t, "text", string(data))
		info, err := os.Stat(filepath.Join(to, "run.sh"))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o755), info.Mode().Perm())
		require.DirExists(t, filepath.Join(to, "sub", "empty"))
	}
	_, _, err = s.Artifact("other")
	require.EqualError(t, err, `no files artifact "other" in the enclave: file does not exist`)

	var one bytes.Buffer
	require.NoError(t, Pack(t.Context(), filepath.Join(from, "run.sh"), &one))
	for m, err := range Members(&one) {
		require.NoError(t, err)
		require.Equal(t, "run.sh", m.Name)
	}
	require.NoError(t, os.Symlink("../../etc", filepath.Join(from, "sub", "out")))
	require.EqualError(t, Pack(t.Context(), from, io.Discard), `"sub/out" links to "../../etc", outside of the directory that is uploaded`)
}

func TestUnusedContentIsDropped(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	var digests []string
	for _, text := range []string{"kept", "replaced"} {
		c, err := s.Put(t.Context(), bytes.NewReader(archive(t, file("f", text))), Strict)
		require.NoError(t, err)
		digests = append(digests, c.Digest)
	}
	require.NoError(t, s.Apply(Change{Artifacts: []Artifact{{Name: "a", Digest: digests[1]}}}))
	require.NoError(t, s.Apply(Change{Artifacts: []Artifact{{Name: "a", Digest: digests[0]}}}))
	require.NoError(t, s.Close())
	left, err := os.ReadDir(filepath.Join(dir, artifactsDir))
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.Equal(t, digests[0]+".tar", left[0].Name())
	_, err = s.Content(digests[1])
	require.EqualError(t, err, "the content "+digests[1][:12]+" of a files artifact is missing from "+dir)
}

// zeros is an endless file.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestMemoryIsFlat(t *testing.T) {
	const size = 256 << 20
	r, w := io.Pipe()
	go func() {
		tw := tar.NewWriter(w)
		_ = tw.WriteHeader(&tar.Header{Name: "big", Typeflag: tar.TypeReg, Mode: 0o644, Size: size})
		_, _ = io.CopyN(tw, zeros{}, size)
		w.CloseWithError(tw.Close())
	}()
	var before, after stdruntime.MemStats
	stdruntime.ReadMemStats(&before)
	c, err := open(t, t.TempDir()).Put(t.Context(), r, Strict)
	require.NoError(t, err)
	stdruntime.ReadMemStats(&after)
	require.GreaterOrEqual(t, c.Size, int64(size))
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20))
}

func TestPutEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := open(t, t.TempDir()).Put(ctx, bytes.NewReader(archive(t, file("a", "b"))), Strict)
	require.ErrorIs(t, err, context.Canceled)
}

func FuzzExtract(f *testing.F) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	_ = w.WriteHeader(&tar.Header{Name: "a/../b", Typeflag: tar.TypeSymlink, Linkname: "../c"})
	_ = w.Close()
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		parent := t.TempDir()
		_ = Extract(t.Context(), bytes.NewReader(data), filepath.Join(parent, "in"))
		entries, err := os.ReadDir(parent)
		require.NoError(t, err)
		require.Len(t, entries, 1, "something was written outside")
	})
}
