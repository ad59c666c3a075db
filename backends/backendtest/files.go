package backendtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
)

func itoa(n int) string { return strconv.Itoa(n) }

func testFiles(e *env) {
	enclave := e.enclave()
	one := archive(map[string]string{"a.txt": "a", "dir/": "", "dir/b.txt": "b", "link": "->dir/b.txt"})
	two := zipped(archive(map[string]string{"./a.txt": "overwritten\n", "./c.txt": "c", strings.Repeat("long/", 40) + "name": "deep"}))
	evil := archive(map[string]string{"../../escaped": "tame"})
	spec := e.toolbox("web", "read", "/etc/app/a.txt", "+", "sleep")
	spec.Files = []backends.Files{
		{Path: "/etc/app", Archives: []backends.Archive{opener(one), opener(two)}},
		{Path: "/srv/deep/down/", Archives: []backends.Archive{opener(evil)}},
		{Path: "/etc/app/nested", Archives: []backends.Archive{opener(one)}},
		{Path: "/empty", Archives: nil},
	}
	e.add(enclave, spec)
	e.eventually("its output", func() bool { return len(e.log(enclave, "web", backends.LogOptions{})) > 0 })
	require.Equal(e, []string{"overwritten"}, texts(e.log(enclave, "web", backends.LogOptions{})), "files are there before the start")
	require.Equal(e, "bbc", e.output(enclave, "web", "read", "/etc/app/link", "/etc/app/dir/b.txt", "/etc/app/c.txt"))
	require.Equal(e, "deep", e.output(enclave, "web", "read", "/etc/app/"+strings.Repeat("long/", 40)+"name"))
	require.Equal(e, "tame", e.output(enclave, "web", "read", "/srv/deep/down/escaped"))
	require.Equal(e, "ab", e.output(enclave, "web", "read", "/etc/app/nested/a.txt", "/etc/app/nested/link"))
	require.Empty(e, e.output(enclave, "web", "ls", "/empty"))
}

func testFilesHideImage(e *env) {
	enclave := e.enclave()
	spec := e.toolbox("web", "sleep")
	spec.Files = []backends.Files{{Path: "/from-image", Archives: []backends.Archive{opener(archive(map[string]string{"mine.txt": "1"}))}}}
	e.add(enclave, spec)
	require.Equal(e, "mine.txt", e.output(enclave, "web", "ls", "/from-image"))
}

func testFilesUnreadable(e *env) {
	enclave := e.enclave()
	spec := e.toolbox("web", "sleep")
	spec.Files = []backends.Files{{Path: "/files", Archives: []backends.Archive{func(context.Context) (io.ReadCloser, error) {
		return nil, errors.New("the store is broken")
	}}}}
	before := e.leftovers(enclave)
	_, err := e.Backend.AddService(e.ctx, enclave, spec)
	require.EqualError(e, err, `starting service "web": files for /files: the store is broken`)
	spec.Files[0].Archives[0] = opener([]byte("this is no archive at all, whatever anybody says about it"))
	_, err = e.Backend.AddService(e.ctx, enclave, spec)
	require.EqualError(e, err, `starting service "web": files for /files: reading the archive: unexpected EOF`)
	require.Equal(e, before, e.leftovers(enclave))
}

func testFilesLarge(e *env) {
	enclave := e.enclave()
	spec := e.toolbox("web", "sleep")
	spec.Files = []backends.Files{{Path: "/files", Archives: []backends.Archive{opener(archive(map[string]string{"big": strings.Repeat("x", 20<<20)}))}}}
	e.add(enclave, spec)
	r, err := e.Backend.CopyFrom(e.ctx, enclave, "web", "/files/big")
	require.NoError(e, err)
	defer r.Close()
	require.Len(e, unpacked(e, r)["big"], 20<<20)
}

func testDirectories(e *env) {
	enclave := e.enclave()
	spec := e.toolbox("one", "sleep")
	spec.Directories = []backends.Directory{{Path: "/data", Key: "shared", Size: 1 << 20}}
	e.add(enclave, spec)
	e.output(enclave, "one", "write", "/data/f", "kept")
	require.NoError(e, e.Backend.RemoveService(e.ctx, enclave, "one"))
	e.add(enclave, spec)
	require.Equal(e, "kept", e.output(enclave, "one", "read", "/data/f"))
	spec.Name = "two"
	spec.Directories[0].Path = "/elsewhere"
	e.add(enclave, spec)
	require.Equal(e, "kept", e.output(enclave, "two", "read", "/elsewhere/f"), "shared by key")
	other := e.enclave()
	e.add(other, spec)
	require.Empty(e, e.output(other, "two", "ls", "/elsewhere"), "an enclave's own")
	// A new directory begins with what the image has there.
	spec = e.toolbox("three", "sleep")
	spec.Directories = []backends.Directory{{Path: "/from-image", Key: "begun"}}
	e.add(enclave, spec)
	require.Equal(e, "default.txt", e.output(enclave, "three", "ls", "/from-image"))
}

func testCopyFrom(e *env) {
	enclave := e.enclave()
	spec := e.toolbox("web", "sleep")
	spec.Files = []backends.Files{{Path: "/out", Archives: []backends.Archive{opener(archive(map[string]string{
		"a.txt": "a", "sub/": "", "sub/b.txt": "b", "file-link": "->sub/b.txt", "dir-link": "->sub",
	}))}}}
	e.add(enclave, spec)
	from := func(path string) map[string]string {
		e.Helper()
		r, err := e.Backend.CopyFrom(e.ctx, enclave, "web", path)
		require.NoError(e, err)
		defer r.Close()
		return unpacked(e, r)
	}
	check := func() {
		e.Helper()
		require.Equal(e, map[string]string{"a.txt": "a"}, from("/out/a.txt"))
		require.Equal(e, map[string]string{"out/a.txt": "a", "out/sub/b.txt": "b"}, from("/out"))
		require.Equal(e, map[string]string{"sub/b.txt": "b"}, from("/out/sub/"))
		require.Equal(e, map[string]string{"file-link": "b"}, from("/out/file-link"))
		require.Equal(e, map[string]string{"dir-link/b.txt": "b"}, from("/out/dir-link"))
	}
	check()
	_, err := e.Backend.CopyFrom(e.ctx, enclave, "web", "/out/none")
	e.fails(err, backends.NotFound, `service "web" has no file or directory /out/none`)
	_, err = e.Backend.CopyFrom(e.ctx, enclave, "web", "out")
	e.fails(err, backends.Invalid, `copying from service "web": path "out" is not absolute`)
	require.NoError(e, e.Backend.StopService(e.ctx, enclave, "web"))
	if e.Forgets {
		_, err := e.Backend.CopyFrom(e.ctx, enclave, "web", "/out")
		require.Equal(e, backends.Exited, backends.KindOf(err))
		return
	}
	check() // of a stopped service too
}

func testCopyTo(e *env) {
	enclave := e.enclave()
	e.add(enclave, e.toolbox("web", "sleep"))
	require.NoError(e, e.Backend.CopyTo(e.ctx, enclave, "web", "/tmp/new/dir", bytes.NewReader(archive(map[string]string{"a": "1", "b/c": "2"}))))
	require.Equal(e, "12", e.output(enclave, "web", "read", "/tmp/new/dir/a", "/tmp/new/dir/b/c"))
	require.NoError(e, e.Backend.CopyTo(e.ctx, enclave, "web", "/tmp/new/dir", bytes.NewReader(zipped(archive(map[string]string{"a": "3"})))))
	require.Equal(e, "32", e.output(enclave, "web", "read", "/tmp/new/dir/a", "/tmp/new/dir/b/c"))
	require.NoError(e, e.Backend.StopService(e.ctx, enclave, "web"))
	whileStopped := e.Backend.CopyTo(e.ctx, enclave, "web", "/tmp", bytes.NewReader(archive(map[string]string{"while-stopped": "4"})))
	_, err := e.Backend.StartService(e.ctx, enclave, "web")
	require.NoError(e, err)
	if e.Forgets {
		require.Equal(e, backends.Exited, backends.KindOf(whileStopped))
	} else {
		require.NoError(e, whileStopped)
		require.Equal(e, "4", e.output(enclave, "web", "read", "/tmp/while-stopped"))
	}
	err = e.Backend.CopyTo(e.ctx, enclave, "web", "/toolbox", bytes.NewReader(archive(nil)))
	e.fails(err, backends.Invalid, `copying to /toolbox of service "web": it is not a directory`)
	err = e.Backend.CopyTo(e.ctx, enclave, "web", "tmp", bytes.NewReader(archive(nil)))
	e.fails(err, backends.Invalid, `copying to service "web": path "tmp" is not absolute`)
	err = e.Backend.CopyTo(e.ctx, enclave, "web", "/tmp", strings.NewReader("no archive"))
	require.EqualError(e, err, `copying to /tmp of service "web": reading the archive: unexpected EOF`)
}

func testImage(e *env) {
	image, err := e.Backend.InspectImage(e.ctx, e.Toolbox)
	require.NoError(e, err)
	require.Regexp(e, `^sha256:[0-9a-f]{64}$`, image.ID)
	require.Contains(e, strings.Join(image.Tags, " "), e.Toolbox)
	require.Equal(e, []string{"/toolbox"}, image.Entrypoint)
	require.Equal(e, []string{"sleep"}, image.Cmd)
	require.Positive(e, image.Size)
	info, err := e.Backend.Info(e.ctx)
	require.NoError(e, err)
	require.Equal(e, info.Platform, image.Platform)
	_, err = e.Backend.InspectImage(e.ctx, "kurtosis-test/no-such-image:1")
	failure := e.fails(err, backends.ImageNotFound, `the engine has no image "kurtosis-test/no-such-image:1"`)
	require.Equal(e, "pull or build it first", failure.Hint)
	require.NoError(e, e.Backend.RemoveImage(e.ctx, "kurtosis-test/no-such-image:1"))
	_, err = e.Backend.LoadImage(e.ctx, strings.NewReader("no archive"), "")
	require.Error(e, err)
}

func testImageMissing(e *env) {
	enclave := e.enclave()
	spec := e.toolbox("web", "sleep")
	spec.Image = "kurtosis-test/no-such-image:1"
	before := e.leftovers(enclave)
	_, err := e.Backend.AddService(e.ctx, enclave, spec)
	failure := e.fails(err, backends.ImageNotFound, `starting service "web": the engine has no image "kurtosis-test/no-such-image:1"`)
	require.Equal(e, "pull or build it first", failure.Hint)
	require.Equal(e, before, e.leftovers(enclave))
}

// built is a build of the Dockerfile given, on top of the toolbox.
func (e *env) built(tag, dockerfile string, args map[string]string, target string) (backends.Image, []string, error) {
	e.Helper()
	var log []string
	image, err := e.Backend.BuildImage(e.ctx, backends.BuildSpec{
		Tag: tag, Args: args, Target: target, Dockerfile: "build/Dockerfile.test",
		Context: opener(archive(map[string]string{"build/Dockerfile.test": dockerfile, "hello.txt": "hello"})),
	}, func(p backends.BuildProgress) { log = append(log, p.Line) })
	return image, log, err
}

func testImageBuild(e *env) {
	tag := "kurtosis-test/built:" + backends.NewUUID()[:8]
	e.Cleanup(func() { require.NoError(e, e.Backend.RemoveImage(context.WithoutCancel(e.ctx), tag)) }) // after the enclave
	dockerfile := fmt.Sprintf("FROM %s AS first\nARG WHAT=nothing\nENV WHAT=$WHAT\nCOPY hello.txt /hello.txt\nFROM first AS second\nCMD [\"exit\", \"1\"]\n", e.Toolbox)
	image, log, err := e.built(tag, dockerfile, map[string]string{"WHAT": "argument"}, "first")
	require.NoError(e, err)
	require.NotEmpty(e, log)
	require.Regexp(e, `^sha256:`, image.ID)
	enclave := e.enclave()
	e.add(enclave, backends.ServiceSpec{Name: "built", Image: tag})
	require.Equal(e, "hello", e.output(enclave, "built", "read", "/hello.txt"))
	require.Equal(e, "argument", e.output(enclave, "built", "env", "WHAT"))
	again, _, err := e.built(tag, dockerfile, map[string]string{"WHAT": "argument"}, "first")
	require.NoError(e, err)
	require.Equal(e, image.ID, again.ID, "nothing changed, nothing is built")
}

func testImageBuildFails(e *env) {
	tag := "kurtosis-test/broken:" + backends.NewUUID()[:8]
	// BuildKit may forget what a step wrote in its very last moment.
	_, log, err := e.built(tag, "FROM "+e.Toolbox+"\nRUN [\"/toolbox\", \"complain\", \"oh dear\", \"+\", \"sleep\", \"300ms\", \"+\", \"exit\", \"3\"]\n", nil, "")
	require.Equal(e, backends.BuildFailed, backends.KindOf(err))
	require.Contains(e, err.Error(), fmt.Sprintf("building image %q: ", tag))
	require.Contains(e, err.Error(), "3")
	var failure *backends.Error
	require.ErrorAs(e, err, &failure)
	require.Contains(e, strings.Join(failure.Log, "\n"), "oh dear")
	require.NotEmpty(e, log)
	_, err = e.Backend.InspectImage(e.ctx, tag)
	require.Equal(e, backends.ImageNotFound, backends.KindOf(err))
}
