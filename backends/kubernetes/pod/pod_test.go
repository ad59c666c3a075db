package pod_test

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends/kubernetes/pod"
)

// run executes the program as a Pod does.
func run(t *testing.T, in string, args ...string) (out, errOut string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = pod.Main(t.Context(), args, strings.NewReader(in), &stdout, &stderr)
	return stdout.String(), stderr.String(), code
}

// What is archived in one place is the same where it is extracted.
func TestThereAndBack(t *testing.T) {
	from := filepath.Join(t.TempDir(), "site")
	require.NoError(t, os.MkdirAll(filepath.Join(from, "sub", "empty"), 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(from, "sub", "run.sh"), []byte("echo hello\n"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(from, strings.Repeat("long", 40)), []byte("x"), 0o600))
	require.NoError(t, os.Symlink("sub/run.sh", filepath.Join(from, "link")))
	packed, errOut, code := run(t, "", pod.Archive, from)
	require.Zero(t, code, errOut)

	to := filepath.Join(t.TempDir(), "not", "yet")
	for range 2 { // what is there is replaced
		_, errOut, code = run(t, packed, pod.Extract, to)
		require.Zero(t, code, errOut)
	}
	text, err := os.ReadFile(filepath.Join(to, "site", "link"))
	require.NoError(t, err)
	require.Equal(t, "echo hello\n", string(text))
	for _, name := range []string{"sub/run.sh", strings.Repeat("long", 40), "sub/empty"} {
		was, err := os.Stat(filepath.Join(from, name))
		require.NoError(t, err)
		is, err := os.Stat(filepath.Join(to, "site", name))
		require.NoError(t, err)
		require.Equal(t, was.Mode(), is.Mode(), name)
	}
}

func TestSeed(t *testing.T) {
	image, empty, full := t.TempDir(), t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(image, "default.txt"), []byte("from the image"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(full, "own.txt"), []byte("kept"), 0o644))
	_, errOut, code := run(t, "", pod.Seed, image, empty, image, full, filepath.Join(image, "absent"), t.TempDir())
	require.Zero(t, code, errOut)
	text, err := os.ReadFile(filepath.Join(empty, "default.txt"))
	require.NoError(t, err)
	require.Equal(t, "from the image", string(text))
	entries, err := os.ReadDir(full)
	require.NoError(t, err)
	require.Len(t, entries, 1, "a directory that holds something is left alone")
}

func TestFailures(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	var device bytes.Buffer
	require.NoError(t, tar.NewWriter(&device).WriteHeader(&tar.Header{Name: "null", Typeflag: tar.TypeChar}))
	for _, c := range []struct {
		in   string
		args []string
		code int
		want string
	}{
		{"", nil, 2, "kurtosis-pod: no command\n"},
		{"", []string{"dance"}, pod.ExitFailed, "no command \"dance\" with 0 arguments\n"},
		{"", []string{pod.Seed, "/one"}, pod.ExitFailed, "no command \"seed\" with 1 arguments\n"},
		{"", []string{pod.Archive, filepath.Join(dir, "absent")}, pod.ExitNotFound, "lstat " + filepath.Join(dir, "absent") + ": no such file or directory\n"},
		{"", []string{pod.Extract, file}, pod.ExitNotDirectory, "it is not a directory\n"},
		{"no archive, and longer than nothing", []string{pod.Extract, dir}, pod.ExitFailed, "reading the archive: unexpected EOF\n"},
		{device.String(), []string{pod.Extract, dir}, pod.ExitFailed, "null: a member of type '3' cannot be unpacked\n"},
	} {
		_, errOut, code := run(t, c.in, c.args...)
		require.Equal(t, c.code, code, c.args)
		require.Equal(t, c.want, errOut)
	}
}
