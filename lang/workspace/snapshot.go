// Package workspace is the view of the files that everything above reads through: what is on disk, with the
// buffers that an editor has open laid over it. A Snapshot never changes, so work on it needs no locks and its
// answers agree with each other; an edit makes a new one.
package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

// Options of a first snapshot. All are needed.
type Options struct {
	Disk FS
	// Resolver returns the resolver to use with the files of one snapshot. It is called for each snapshot
	// that is asked for its resolver, so it must be cheap.
	Resolver func(files FS) Resolver
	Cache    *Cache
}

// Snapshot is an immutable view of the disk and the open buffers. What was read once from the disk stays as
// it was for this snapshot and those made from it, until Reload.
type Snapshot struct {
	opts    Options
	buffers map[string]*text // by path; never written after the snapshot is made
	disk    *view
}

var _ FS = (*Snapshot)(nil)

// New returns the snapshot without open buffers.
func New(opts Options) *Snapshot {
	return &Snapshot{opts: opts, disk: newView(opts.Disk)}
}

// With returns the snapshot in which the file at path has the given text. The caller must not change the
// bytes afterwards. The text need not exist on disk.
func (s *Snapshot) With(path string, content []byte) *Snapshot {
	path = filepath.Clean(path)
	buffers := make(map[string]*text, len(s.buffers)+1)
	maps.Copy(buffers, s.buffers)
	buffers[path] = &text{path: path, content: content}
	return &Snapshot{opts: s.opts, buffers: buffers, disk: s.disk}
}

// Without returns the snapshot in which the file at path is again what is on disk.
func (s *Snapshot) Without(path string) *Snapshot {
	path = filepath.Clean(path)
	if s.buffers[path] == nil {
		return s
	}
	buffers := maps.Clone(s.buffers)
	delete(buffers, path)
	return &Snapshot{opts: s.opts, buffers: buffers, disk: s.disk}
}

// Reload returns the snapshot that reads the given files and directories, and what is in them, from disk
// again; without paths, everything.
func (s *Snapshot) Reload(paths ...string) *Snapshot {
	d := newView(s.opts.Disk)
	if len(paths) > 0 {
		d = s.disk.without(paths)
	}
	return &Snapshot{opts: s.opts, buffers: s.buffers, disk: d}
}

// WithResolver returns the snapshot whose resolver is made by another function, as after a change of settings.
func (s *Snapshot) WithResolver(resolver func(files FS) Resolver) *Snapshot {
	opts := s.opts
	opts.Resolver = resolver
	return &Snapshot{opts: opts, buffers: s.buffers, disk: s.disk}
}

// Open reports whether the file at path is an open buffer.
func (s *Snapshot) Open(path string) bool { return s.buffers[filepath.Clean(path)] != nil }

// Resolver returns the resolver that sees the files of this snapshot.
func (s *Snapshot) Resolver() Resolver { return s.opts.Resolver(s) }

// Read returns the text of a file. The caller must not change it.
func (s *Snapshot) Read(ctx context.Context, path string) ([]byte, error) {
	t, err := s.text(ctx, path)
	if err != nil {
		return nil, err
	}
	return t.content, nil
}

// File returns a file with its line index.
func (s *Snapshot) File(ctx context.Context, path string) (*source.File, error) {
	t, err := s.text(ctx, path)
	if err != nil {
		return nil, err
	}
	return t.file(), nil
}

func (s *Snapshot) text(ctx context.Context, path string) (*text, error) {
	path = filepath.Clean(path)
	if t := s.buffers[path]; t != nil {
		return t, nil
	}
	return s.disk.read(ctx, path)
}

// Stat describes a file or directory. A directory exists also where only open buffers are in it.
func (s *Snapshot) Stat(ctx context.Context, path string) (Info, error) {
	path = filepath.Clean(path)
	if t := s.buffers[path]; t != nil {
		return Info{Name: filepath.Base(path), Size: int64(len(t.content))}, nil
	}
	info, err := s.disk.stat(ctx, path)
	if err != nil {
		for buffer := range s.buffers {
			if _, ok := entry(path, buffer, 0); ok {
				return Info{Name: filepath.Base(path), Dir: true}, nil
			}
		}
	}
	return info, err
}

// List returns the entries of a directory sorted by name, open buffers included.
func (s *Snapshot) List(ctx context.Context, dir string) ([]Info, error) {
	dir = filepath.Clean(dir)
	infos, err := s.disk.list(ctx, dir)
	found := map[string]Info{}
	for path, t := range s.buffers {
		if info, ok := entry(dir, path, int64(len(t.content))); ok {
			found[info.Name] = info
		}
	}
	if len(found) == 0 {
		return infos, err
	}
	for _, info := range infos {
		if buffer, ok := found[info.Name]; !ok || buffer.Dir {
			found[info.Name] = info
		}
	}
	return sorted(found), nil
}

// Files returns the paths of the files below root that match accepts, sorted. Directories whose name starts
// with a dot and symbolic links to directories are left out.
func (s *Snapshot) Files(ctx context.Context, root string, match func(path string) bool) ([]string, error) {
	infos, err := s.List(ctx, root)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, info := range infos {
		path := filepath.Join(root, info.Name)
		if info.Dir {
			if strings.HasPrefix(info.Name, ".") {
				continue
			}
			below, err := s.Files(ctx, path, match)
			if err != nil {
				return nil, err
			}
			out = append(out, below...)
			continue
		}
		if !match(path) {
			continue
		}
		if info.Link {
			if st, err := s.Stat(ctx, path); err != nil || st.Dir {
				continue
			}
		}
		out = append(out, path)
	}
	slices.Sort(out)
	return out, nil
}

// Module returns the syntax tree of a module. Its file is named by the target's path. Equal texts at the same
// path share one tree across all snapshots with the same cache.
func (s *Snapshot) Module(ctx context.Context, target Target) (*parse.Tree, error) {
	m, err := s.module(ctx, target.Path)
	if err != nil {
		return nil, err
	}
	return m.tree, nil
}

func (s *Snapshot) module(ctx context.Context, path string) (*module, error) {
	t, err := s.text(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("read module: %w", err)
	}
	return s.opts.Cache.module(t.file()), nil
}

// Changed returns the paths, sorted, of the files whose text differs between the older snapshot since and s.
// Of files on disk it knows those that since has read. An error to read a file counts as a text of its own.
func (s *Snapshot) Changed(ctx context.Context, since *Snapshot) ([]string, error) {
	candidates := map[string]bool{}
	for path := range since.buffers {
		candidates[path] = true
	}
	for path := range s.buffers {
		candidates[path] = true
	}
	if s.disk != since.disk {
		for _, path := range since.disk.readPaths() {
			candidates[path] = true
		}
	}
	var changed []string
	for path := range candidates {
		was, wasErr := since.text(ctx, path)
		is, isErr := s.text(ctx, path)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		switch {
		case was == is && wasErr == nil:
		case wasErr != nil || isErr != nil:
			if !missing(wasErr) || !missing(isErr) {
				changed = append(changed, path)
			}
		case was.file().Hash() != is.file().Hash():
			changed = append(changed, path)
		}
	}
	slices.Sort(changed)
	return changed, nil
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
