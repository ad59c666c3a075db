package workspace

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"

	"github.com/kurtosis-go/kurtosis/lang/source"
)

// text is the content of one version of a file.
type text struct {
	path    string
	content []byte

	once    sync.Once
	indexed *source.File
}

func (t *text) file() *source.File {
	t.once.Do(func() { t.indexed = source.NewFile(t.path, t.content) })
	return t.indexed
}

// keepBelow is the size in bytes from which on files are read anew each time: they are not modules but files
// that packages upload.
const keepBelow = 4 << 20

// view remembers what was read from an FS, so that a snapshot does not change under its readers.
type view struct {
	fs FS

	mu    sync.Mutex
	texts map[string]answer[*text]
	stats map[string]answer[Info]
	lists map[string]answer[[]Info]
}

type answer[T any] struct {
	value T
	err   error
}

func newView(fs FS) *view {
	return &view{fs: fs, texts: map[string]answer[*text]{}, stats: map[string]answer[Info]{}, lists: map[string]answer[[]Info]{}}
}

// remember returns the answer for path in m, asking for it if there is none. Two that ask at once get the
// same answer. An answer that came of a cancelled context is not kept.
func remember[T any](v *view, m map[string]answer[T], path string, keep func(T) bool, ask func() (T, error)) (T, error) {
	v.mu.Lock()
	a, ok := m[path]
	v.mu.Unlock()
	if ok {
		return a.value, a.err
	}
	value, err := ask()
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || err == nil && !keep(value) {
		return value, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if a, ok := m[path]; ok {
		return a.value, a.err
	}
	m[path] = answer[T]{value, err}
	return value, err
}

func always[T any](T) bool { return true }

func (v *view) read(ctx context.Context, path string) (*text, error) {
	small := func(t *text) bool { return len(t.content) < keepBelow || filepath.Ext(path) == ".star" }
	return remember(v, v.texts, path, small, func() (*text, error) {
		content, err := v.fs.Read(ctx, path)
		if err != nil {
			return nil, err
		}
		return &text{path: path, content: content}, nil
	})
}

func (v *view) stat(ctx context.Context, path string) (Info, error) {
	return remember(v, v.stats, path, always, func() (Info, error) { return v.fs.Stat(ctx, path) })
}

func (v *view) list(ctx context.Context, dir string) ([]Info, error) {
	return remember(v, v.lists, dir, always, func() ([]Info, error) { return v.fs.List(ctx, dir) })
}

func (v *view) readPaths() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	paths := make([]string, 0, len(v.texts))
	for path := range v.texts {
		paths = append(paths, path)
	}
	return paths
}

// without returns a view that has forgotten the paths, what is below them and the directories above them.
func (v *view) without(paths []string) *view {
	stale := func(path string) bool {
		for _, p := range paths {
			p = filepath.Clean(p)
			if path == p || below(path, p) || below(p, path) {
				return true
			}
		}
		return false
	}
	out := newView(v.fs)
	v.mu.Lock()
	defer v.mu.Unlock()
	carry(out.texts, v.texts, stale)
	carry(out.stats, v.stats, stale)
	carry(out.lists, v.lists, stale)
	return out
}

func carry[T any](to, from map[string]answer[T], stale func(string) bool) {
	for path, a := range from {
		if !stale(path) {
			to[path] = a
		}
	}
}

func below(path, dir string) bool {
	return strings.HasPrefix(path, strings.TrimSuffix(dir, string(filepath.Separator))+string(filepath.Separator))
}
