package workspace

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// FS is where a snapshot finds what no open buffer holds. Paths are absolute and clean. Errors wrap those of
// io/fs, so that errors.Is(err, fs.ErrNotExist) works.
type FS interface {
	Read(ctx context.Context, path string) ([]byte, error)
	// Stat follows symbolic links.
	Stat(ctx context.Context, path string) (Info, error)
	// List returns the entries of a directory sorted by name.
	List(ctx context.Context, dir string) ([]Info, error)
}

// Info describes a file or directory.
type Info struct {
	Name string // base name
	Dir  bool
	Link bool // a symbolic link; set by List only, which does not follow it
	Size int64
}

// Disk is the FS of the operating system.
func Disk() FS { return disk{} }

type disk struct{}

func (disk) Read(ctx context.Context, path string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

func (disk) Stat(ctx context.Context, path string) (Info, error) {
	if err := ctx.Err(); err != nil {
		return Info{}, err
	}
	st, err := os.Stat(path)
	if err != nil {
		return Info{}, err
	}
	return Info{Name: filepath.Base(path), Dir: st.IsDir(), Size: st.Size()}, nil
}

func (disk) List(ctx context.Context, dir string) ([]Info, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	infos := make([]Info, 0, len(entries))
	for _, e := range entries {
		info := Info{Name: e.Name(), Dir: e.IsDir(), Link: e.Type()&fs.ModeSymlink != 0}
		if st, err := e.Info(); err == nil { // it may have gone since
			info.Size = st.Size()
		}
		infos = append(infos, info)
	}
	return infos, nil
}

// Memory returns an FS with the given files; their keys are absolute paths. Directories exist where files do.
func Memory(files map[string]string) FS {
	m := memory{}
	for path, text := range files {
		m[filepath.Clean(path)] = text
	}
	return m
}

type memory map[string]string

func (m memory) Read(_ context.Context, path string) ([]byte, error) {
	if text, ok := m[path]; ok {
		return []byte(text), nil
	}
	return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
}

func (m memory) Stat(ctx context.Context, path string) (Info, error) {
	if text, ok := m[path]; ok {
		return Info{Name: filepath.Base(path), Size: int64(len(text))}, nil
	}
	if _, err := m.List(ctx, path); err != nil {
		return Info{}, &fs.PathError{Op: "stat", Path: path, Err: fs.ErrNotExist}
	}
	return Info{Name: filepath.Base(path), Dir: true}, nil
}

func (m memory) List(_ context.Context, dir string) ([]Info, error) {
	found := map[string]Info{}
	for path, text := range m {
		if info, ok := entry(dir, path, int64(len(text))); ok {
			found[info.Name] = info
		}
	}
	if len(found) == 0 {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: fs.ErrNotExist}
	}
	return sorted(found), nil
}

// entry describes what the file at path contributes to the listing of dir: itself, or the directory it is in.
func entry(dir, path string, size int64) (Info, bool) {
	prefix := strings.TrimSuffix(dir, string(filepath.Separator)) + string(filepath.Separator)
	rest, ok := strings.CutPrefix(path, prefix)
	if !ok || rest == "" {
		return Info{}, false
	}
	if name, _, below := strings.Cut(rest, string(filepath.Separator)); below {
		return Info{Name: name, Dir: true}, true
	}
	return Info{Name: rest, Size: size}, true
}

func sorted(infos map[string]Info) []Info {
	out := make([]Info, 0, len(infos))
	for _, info := range infos {
		out = append(out, info)
	}
	slices.SortFunc(out, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return out
}
