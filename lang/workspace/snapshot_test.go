package workspace_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
)

// relative resolves a locator against the directory of the module that uses it.
type relative struct{ files workspace.FS }

func (r relative) Resolve(ctx context.Context, from workspace.Target, locator string) (workspace.Target, error) {
	path := filepath.Join(filepath.Dir(from.Path), locator)
	if _, err := r.files.Stat(ctx, path); err != nil {
		return workspace.Target{}, &workspace.LocatorError{Fault: workspace.LocatorMissing, Locator: locator, Message: fmt.Sprintf("'%s' doesn't exist", locator)}
	}
	return at(path), nil
}

func at(path string) workspace.Target {
	return workspace.Target{Locator: "github.com/o/r" + path, Path: path}
}

// counting counts what is read from the FS below it.
type counting struct {
	workspace.FS
	reads, stats, lists atomic.Int32
}

func (c *counting) Read(ctx context.Context, path string) ([]byte, error) {
	c.reads.Add(1)
	return c.FS.Read(ctx, path)
}

func (c *counting) Stat(ctx context.Context, path string) (workspace.Info, error) {
	c.stats.Add(1)
	return c.FS.Stat(ctx, path)
}

func (c *counting) List(ctx context.Context, path string) ([]workspace.Info, error) {
	c.lists.Add(1)
	return c.FS.List(ctx, path)
}

func snapshot(disk workspace.FS) *workspace.Snapshot {
	return workspace.New(workspace.Options{
		Disk:     disk,
		Resolver: func(files workspace.FS) workspace.Resolver { return relative{files} },
		Cache:    workspace.NewCache(1 << 20),
	})
}

func memory(files map[string]string) *workspace.Snapshot { return snapshot(workspace.Memory(files)) }

func names(infos []workspace.Info) string {
	var out []string
	for _, info := range infos {
		name := info.Name
		if info.Dir {
			name += "/"
		}
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

func paths(targets []workspace.Target) string {
	var out []string
	for _, t := range targets {
		out = append(out, t.Path)
	}
	return strings.Join(out, " ")
}

func TestSnapshotDoesNotChange(t *testing.T) {
	ctx := t.Context()
	files := map[string]string{"/p/a.star": "a = 1\n"}
	s := memory(files)
	edited := s.With("/p/a.star", []byte("a = 2\n")).With("/p/new/b.star", []byte("b = 1\n"))

	read := func(s *workspace.Snapshot, path string) string {
		text, err := s.Read(ctx, path)
		if err != nil {
			return err.Error()
		}
		return string(text)
	}
	require.Equal(t, "a = 1\n", read(s, "/p/a.star"))
	require.Equal(t, "a = 2\n", read(edited, "/p/../p/a.star"))
	require.Equal(t, "open /p/new/b.star: file does not exist", read(s, "/p/new/b.star"))
	require.Equal(t, "b = 1\n", read(edited, "/p/new/b.star"))
	require.True(t, edited.Open("/p/a.star"))
	require.False(t, s.Open("/p/a.star"))

	closed := edited.Without("/p/a.star")
	require.Equal(t, "a = 1\n", read(closed, "/p/a.star"))
	require.Equal(t, "a = 2\n", read(edited, "/p/a.star"))
	require.Same(t, closed, closed.Without("/p/a.star"))
}

func TestDirectoriesIncludeBuffers(t *testing.T) {
	ctx := t.Context()
	s := memory(map[string]string{"/p/a.star": "1", "/p/sub/b.star": "22", "/q": "3"}).
		With("/p/a.star", []byte("longer")).With("/p/c.star", nil).With("/p/sub/d.star", nil).With("/p/deep/er/e.star", nil)
	list := func(dir string) string {
		infos, err := s.List(ctx, dir)
		require.NoError(t, err)
		return names(infos)
	}
	require.Equal(t, "a.star c.star deep/ sub/", list("/p"))
	require.Equal(t, "b.star d.star", list("/p/sub"))
	require.Equal(t, "er/", list("/p/deep"))
	require.Equal(t, "p/ q", list("/"))
	_, err := s.List(ctx, "/none")
	require.ErrorIs(t, err, fs.ErrNotExist)

	info, err := s.Stat(ctx, "/p/a.star")
	require.NoError(t, err)
	require.Equal(t, workspace.Info{Name: "a.star", Size: 6}, info)
	info, err = s.Stat(ctx, "/p/deep")
	require.NoError(t, err)
	require.Equal(t, workspace.Info{Name: "deep", Dir: true}, info)
	_, err = s.Stat(ctx, "/p/none")
	require.ErrorIs(t, err, fs.ErrNotExist)

	found, err := s.Files(ctx, "/p", func(path string) bool { return filepath.Ext(path) == ".star" })
	require.NoError(t, err)
	require.Equal(t, []string{"/p/a.star", "/p/c.star", "/p/deep/er/e.star", "/p/sub/b.star", "/p/sub/d.star"}, found)
}

func TestDisk(t *testing.T) {
	ctx := t.Context()
	root := t.TempDir()
	write := func(path, text string) {
		path = filepath.Join(root, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	write("a.star", "a = 1\n")
	write("sub/b.star", "b = 1\n")
	write(".git/c.star", "c = 1\n")
	require.NoError(t, os.Symlink(root, filepath.Join(root, "sub", "loop.star")))
	require.NoError(t, os.Symlink("b.star", filepath.Join(root, "sub", "link.star")))
	s := snapshot(workspace.Disk())

	found, err := s.Files(ctx, root, func(path string) bool { return filepath.Ext(path) == ".star" })
	require.NoError(t, err)
	for i := range found {
		found[i], _ = filepath.Rel(root, found[i])
	}
	require.Equal(t, []string{"a.star", "sub/b.star", "sub/link.star"}, found)

	path := filepath.Join(root, "a.star")
	text, err := s.Read(ctx, path)
	require.NoError(t, err)
	require.Equal(t, "a = 1\n", string(text))

	write("a.star", "a = 2\n")
	write("sub/new.star", "")
	text, err = s.Read(ctx, path)
	require.NoError(t, err)
	require.Equal(t, "a = 1\n", string(text), "a snapshot keeps what it read")
	infos, err := s.List(ctx, filepath.Join(root, "sub"))
	require.NoError(t, err)
	require.Equal(t, "b.star link.star loop.star", names(infos))

	reloaded := s.Reload(path, filepath.Join(root, "sub", "new.star"))
	text, err = reloaded.Read(ctx, path)
	require.NoError(t, err)
	require.Equal(t, "a = 2\n", string(text))
	infos, err = reloaded.List(ctx, filepath.Join(root, "sub"))
	require.NoError(t, err)
	require.Equal(t, "b.star link.star loop.star new.star", names(infos))

	changed, err := reloaded.Changed(ctx, s)
	require.NoError(t, err)
	require.Equal(t, []string{path}, changed)

	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	_, err = snapshot(workspace.Disk()).Read(cancelled, path)
	require.ErrorIs(t, err, context.Canceled)
	_, err = snapshot(workspace.Disk()).Read(ctx, filepath.Join(root, "sub"))
	require.ErrorContains(t, err, "is a directory")
}

func TestEachFileIsReadOnce(t *testing.T) {
	ctx := t.Context()
	disk := &counting{FS: workspace.Memory(map[string]string{"/a.star": "a = 1\n", "/big": strings.Repeat("x", 5<<20)})}
	s := snapshot(disk)
	for range 3 {
		_, err := s.Read(ctx, "/a.star")
		require.NoError(t, err)
		_, err = s.With("/b.star", nil).Module(ctx, at("/a.star"))
		require.NoError(t, err)
		_, err = s.Stat(ctx, "/none")
		require.Error(t, err)
		_, err = s.List(ctx, "/")
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, disk.reads.Load())
	require.EqualValues(t, 1, disk.stats.Load())
	require.EqualValues(t, 1, disk.lists.Load())
	for range 2 {
		_, err := s.Read(ctx, "/big")
		require.NoError(t, err)
	}
	require.EqualValues(t, 3, disk.reads.Load(), "a large file is not kept")
}

// flaky fails its first read as a cancelled one would.
type flaky struct {
	workspace.FS
	reads int
}

func (f *flaky) Read(ctx context.Context, path string) ([]byte, error) {
	if f.reads++; f.reads == 1 {
		return nil, fmt.Errorf("read: %w", context.Canceled)
	}
	return f.FS.Read(ctx, path)
}

func TestCancelledReadIsNotKept(t *testing.T) {
	s := snapshot(&flaky{FS: workspace.Memory(map[string]string{"/a.star": "a = 1\n"})})
	_, err := s.Read(t.Context(), "/a.star")
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.Read(t.Context(), "/a.star")
	require.NoError(t, err)
}

func TestTreesAreShared(t *testing.T) {
	ctx := t.Context()
	s := memory(map[string]string{"/a.star": "a = 1\n", "/b.star": "a = 1\n"})
	tree, err := s.Module(ctx, at("/a.star"))
	require.NoError(t, err)
	require.Equal(t, "/a.star", tree.File.Name())

	same, err := s.With("/a.star", []byte("a = 1\n")).Module(ctx, at("/a.star"))
	require.NoError(t, err)
	require.Same(t, tree, same)
	other, err := s.Module(ctx, at("/b.star"))
	require.NoError(t, err)
	require.NotSame(t, tree, other, "its positions name another file")
	edited, err := s.With("/a.star", []byte("a = 2\n")).Module(ctx, at("/a.star"))
	require.NoError(t, err)
	require.NotSame(t, tree, edited)

	_, err = s.Module(ctx, at("/none.star"))
	require.EqualError(t, err, "read module: open /none.star: file does not exist")
}

func TestCacheForgetsWhatIsNotUsed(t *testing.T) {
	ctx := t.Context()
	text := strings.Repeat("#", 99) + "\n"
	s := workspace.New(workspace.Options{
		Disk:     workspace.Memory(map[string]string{"/a.star": text, "/b.star": text, "/c.star": text, "/big.star": strings.Repeat(text, 9)}),
		Resolver: func(files workspace.FS) workspace.Resolver { return relative{files} },
		Cache:    workspace.NewCache(200),
	})
	load := func(path string) *parse.Tree {
		tree, err := s.Module(ctx, at(path))
		require.NoError(t, err)
		return tree
	}
	a, b := load("/a.star"), load("/b.star")
	require.Same(t, a, load("/a.star"))
	load("/c.star") // b goes, it was not used since a
	require.Same(t, a, load("/a.star"))
	require.NotSame(t, b, load("/b.star"))
	big := load("/big.star")
	require.Same(t, big, load("/big.star"))
	require.NotSame(t, a, load("/a.star"))
}

func TestConcurrentReadersGetOneTree(t *testing.T) {
	ctx := t.Context()
	s := memory(map[string]string{"/a.star": strings.Repeat("a = 1\n", 1000)})
	trees := make([]*parse.Tree, 8)
	var wg sync.WaitGroup
	for i := range trees {
		wg.Go(func() {
			tree, err := s.With(fmt.Sprintf("/%d.star", i), nil).Module(ctx, at("/a.star"))
			if err == nil {
				trees[i] = tree
			}
		})
	}
	wg.Wait()
	require.NotNil(t, trees[0])
	for _, tree := range trees {
		require.Same(t, trees[0], tree)
	}
}

func TestImports(t *testing.T) {
	ctx := t.Context()
	s := memory(map[string]string{
		"/a.star": `b = import_module("./b.star")
load("c.star", "x")
def run(plan):
    return import_module(module_file = "none.star").f(import_module(name()), import_module())
d = import_module("b.star`,
		"/b.star": "", "/c.star": "",
	})
	edges, err := s.Imports(ctx, at("/a.star"))
	require.NoError(t, err)
	var got []string
	for _, e := range edges {
		got = append(got, fmt.Sprintf("%v %s %q -> %s %v", e.Range, e.Name, e.Locator, e.Target.Path, e.Err))
	}
	require.Equal(t, []string{
		`{1:19 1:29} b "./b.star" -> /b.star <nil>`,
		`{2:6 2:14}  "c.star" -> /c.star <nil>`,
		`{4:40 4:51}  "none.star" ->  'none.star' doesn't exist`,
		`{5:19 5:26} d "b.star" -> /b.star <nil>`,
	}, got)
	edges, err = s.With("/none.star", nil).Imports(ctx, at("/a.star"))
	require.NoError(t, err)
	require.NoError(t, edges[2].Err, "an open buffer can be imported")
	_, err = s.Imports(ctx, at("/none.star"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestGraph(t *testing.T) {
	ctx := t.Context()
	s := memory(map[string]string{
		"/main.star": `a = import_module("a.star"); b = import_module("b.star"); e = import_module("dir")`,
		"/a.star":    `c = import_module("c.star")`,
		"/b.star":    `c = import_module("c.star"); again = import_module("./c.star")`,
		"/c.star":    `d = import_module("none.star")`,
		"/x.star":    `y = import_module("y.star")`,
		"/y.star":    `x = import_module("x.star"); self = import_module("y.star"); a = import_module("a.star")`,
		"/dir/f":     "",
	})
	g, err := s.Graph(ctx, at("/main.star"), at("/x.star"))
	require.NoError(t, err)
	require.Equal(t, "/c.star /a.star /b.star /main.star /y.star /x.star", paths(g.Modules))
	require.Equal(t, []string{"/a.star", "/b.star"}, g.Importers("/c.star"))
	require.Equal(t, [][]string{{"/x.star", "/y.star", "/x.star"}, {"/y.star", "/y.star"}}, g.Cycles())
	require.EqualError(t, g.Imports("/main.star")[2].Err, "read module: open /dir: file does not exist")
	require.EqualError(t, g.Imports("/c.star")[0].Err, "'none.star' doesn't exist")

	require.Equal(t, "/c.star /a.star /b.star /main.star /y.star /x.star", paths(g.Dependents("/c.star")))
	require.Equal(t, "/b.star /main.star", paths(g.Dependents("/b.star")))
	require.Equal(t, "/y.star /x.star", paths(g.Dependents("/x.star")))
	require.Empty(t, g.Dependents("/kurtosis.yml"))
	require.Equal(t, "/main.star", paths(g.Dependents("/main.star", "/unknown")))

	_, err = s.Graph(ctx, at("/none.star"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// stopping cancels after n resolutions.
type stopping struct {
	relative
	n      *atomic.Int32
	cancel func()
}

func (s stopping) Resolve(ctx context.Context, from workspace.Target, locator string) (workspace.Target, error) {
	if s.n.Add(-1) == 0 {
		s.cancel()
		return workspace.Target{}, ctx.Err()
	}
	return s.relative.Resolve(ctx, from, locator)
}

func TestGraphStopsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var n atomic.Int32
	n.Store(2)
	s := workspace.New(workspace.Options{
		Disk:     workspace.Memory(map[string]string{"/a.star": `b = import_module("b.star")`, "/b.star": `c = import_module("c.star")`, "/c.star": ""}),
		Resolver: func(files workspace.FS) workspace.Resolver { return stopping{relative{files}, &n, cancel} },
		Cache:    workspace.NewCache(1 << 20),
	})
	_, err := s.Graph(ctx, at("/a.star"))
	require.True(t, errors.Is(err, context.Canceled), "%v", err)
}

func TestChanged(t *testing.T) {
	ctx := t.Context()
	s := memory(map[string]string{"/a.star": "a = 1\n", "/b.star": "b = 1\n"})
	changed := func(s, since *workspace.Snapshot) string {
		out, err := s.Changed(ctx, since)
		require.NoError(t, err)
		require.True(t, slices.IsSorted(out))
		return strings.Join(out, " ")
	}
	opened := s.With("/a.star", []byte("a = 1\n"))
	require.Empty(t, changed(opened, s), "opening a file changes nothing")
	edited := opened.With("/a.star", []byte("a = 2\n")).With("/new.star", nil)
	require.Equal(t, "/a.star /new.star", changed(edited, opened))
	require.Equal(t, "/a.star /new.star", changed(opened, edited))
	require.Equal(t, "/new.star", changed(edited.With("/a.star", []byte("a = 1\n")), s))
	require.Empty(t, changed(s.Reload(), s))
}
