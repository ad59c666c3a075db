package imagebuild

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// member is a file of a build context.
type member struct {
	name string // with slashes, below the context
	path string // on disk
	info fs.FileInfo
	link string // target, of a symbolic link
}

// tree is a directory of which some files are left out.
type tree struct {
	root   string
	ignore *patternmatcher.PatternMatcher
	keep   string // is there whatever is to be left out
}

// tree is the context without what its ignore file leaves out.
func (w *work) tree() (tree, error) {
	patterns, from, err := w.ignored()
	if err != nil {
		return tree{}, err
	}
	ignore, err := patternmatcher.New(patterns)
	if err != nil {
		return tree{}, fmt.Errorf("%s: %w", from, err)
	}
	return tree{w.ContextPath, ignore, path.Clean(w.name)}, nil
}

// members calls do for the files in order. Unlike an upload, a context may have links that lead out of it: what they
// mean is decided in the image.
func (t tree) members(ctx context.Context, do func(member) error) error {
	return filepath.WalkDir(t.root, func(file string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || file == t.root {
			return err
		}
		rel, err := filepath.Rel(t.root, file)
		if err != nil {
			return err
		}
		m := member{name: filepath.ToSlash(rel), path: file}
		leave, err := t.ignore.MatchesOrParentMatches(m.name)
		if err != nil {
			return err
		}
		if leave && m.name != t.keep {
			if d.IsDir() && !t.ignore.Exclusions() && !strings.HasPrefix(t.keep, m.name+"/") {
				return filepath.SkipDir
			}
			return nil
		}
		if m.info, err = d.Info(); err != nil {
			return err
		}
		switch {
		case m.info.Mode()&fs.ModeSymlink != 0:
			if m.link, err = os.Readlink(file); err != nil {
				return err
			}
		case !m.info.IsDir() && !m.info.Mode().IsRegular():
			return nil // sockets and pipes mean nothing in an image
		}
		return do(m)
	})
}

// ignored reads the ignore file that belongs to the Dockerfile, else the directory's.
func (w *work) ignored() (patterns []string, from string, err error) {
	for _, name := range []string{w.name + ".dockerignore", ".dockerignore"} {
		f, err := os.Open(filepath.Join(w.ContextPath, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, name, err
		}
		defer f.Close()
		patterns, err := ignorefile.ReadAll(f)
		return patterns, name, err
	}
	return nil, "", nil
}

// header is the member in an archive: nobody's, so that images do not depend on who builds them.
func (m member) header() (*tar.Header, error) {
	h, err := tar.FileInfoHeader(m.info, filepath.ToSlash(m.link))
	if err != nil {
		return nil, err
	}
	h.Name, h.Uid, h.Gid, h.Uname, h.Gname = m.name, 0, 0, "", ""
	if m.info.IsDir() {
		h.Name += "/"
	}
	return h, nil
}

// archive is the context as a tar stream.
func (w *work) archive(ctx context.Context) (io.ReadCloser, error) {
	t, err := w.tree()
	if err != nil {
		return nil, err
	}
	return t.archive(ctx, "", nil), nil
}

// archive is the directory as a tar stream, below prefix, after extra files by their names.
func (t tree) archive(ctx context.Context, prefix string, extra map[string]string) io.ReadCloser {
	return streamed(func(out io.Writer) error {
		archive := tar.NewWriter(out)
		for _, name := range slices.Sorted(maps.Keys(extra)) {
			h := &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(extra[name]))}
			if err := archive.WriteHeader(h); err != nil {
				return err
			}
			if _, err := io.WriteString(archive, extra[name]); err != nil {
				return err
			}
		}
		err := t.members(ctx, func(m member) error {
			h, err := m.header()
			if err != nil {
				return err
			}
			h.Name = prefix + h.Name
			if err := archive.WriteHeader(h); err != nil || !m.info.Mode().IsRegular() {
				return err
			}
			return copyFile(archive, m.path)
		})
		if err != nil {
			return err
		}
		return archive.Close()
	})
}

// streamed is what write writes, to be read. It ends when the reader does: a closed pipe refuses writes.
func streamed(write func(io.Writer) error) io.ReadCloser {
	r, w := io.Pipe()
	go func() { w.CloseWithError(write(w)) }()
	return r
}

func copyFile(w io.Writer, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// digest identifies what the image is built from: the files without their times, the Dockerfile's name, the stage and the
// arguments.
func (w *work) digest(ctx context.Context) (string, error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "%q %q\n", w.name, strings.ToLower(w.TargetStage))
	for _, name := range slices.Sorted(maps.Keys(w.args)) {
		fmt.Fprintf(sum, "%q %q\n", name, w.args[name])
	}
	t, err := w.tree()
	if err == nil {
		err = t.hash(ctx, sum)
	}
	if err != nil {
		return "", fmt.Errorf("the build context of image %q: %w", w.ImageName, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// hash adds the files to a sum, without their times.
func (t tree) hash(ctx context.Context, sum io.Writer) error {
	return t.members(ctx, func(m member) error {
		h, err := m.header()
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%q %c %o %q %d\n", h.Name, h.Typeflag, h.Mode, h.Linkname, h.Size)
		if !m.info.Mode().IsRegular() {
			return nil
		}
		return copyFile(sum, m.path)
	})
}

// wholeTree is a directory of which nothing is left out.
func wholeTree(dir string) (tree, error) {
	nothing, err := patternmatcher.New(nil)
	return tree{root: dir, ignore: nothing}, err
}
