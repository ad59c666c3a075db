package state

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// Pack writes a file, or the content of a directory, as a tar stream: by name, owned by root, as whose files they
// were on this machine means nothing in a container. A link that leaves the directory is refused.
func Pack(ctx context.Context, source string, out io.Writer) error {
	w := tar.NewWriter(out)
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		if err := packMember(w, source, info.Name(), info); err != nil {
			return err
		}
		return w.Close()
	}
	err = filepath.WalkDir(source, func(file string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || file == source {
			return err
		}
		rel, err := filepath.Rel(source, file)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return packMember(w, file, filepath.ToSlash(rel), info)
	})
	if err != nil {
		return err
	}
	return w.Close()
}

func packMember(w *tar.Writer, file, name string, info fs.FileInfo) error {
	h := &tar.Header{Name: name, Mode: int64(info.Mode().Perm()), ModTime: info.ModTime().Truncate(time.Second)}
	switch {
	case info.Mode().IsRegular():
		h.Typeflag, h.Size = tar.TypeReg, info.Size()
	case info.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, name+"/"
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(file)
		if err != nil {
			return err
		}
		h.Typeflag, h.Linkname = tar.TypeSymlink, filepath.ToSlash(target)
		if leaves(path.Dir(name), h.Linkname) {
			return &ArchiveError{fmt.Sprintf("%q links to %q, outside of the directory that is uploaded", name, target)}
		}
	default:
		return &ArchiveError{fmt.Sprintf("%q is not a file, a directory or a link", name)}
	}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	if h.Typeflag != tar.TypeReg {
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	n, err := io.Copy(w, io.LimitReader(f, h.Size))
	if err == nil && n < h.Size {
		err = fmt.Errorf("%s became shorter while it was read", file)
	}
	return err
}

// Member is one entry of an archive, as Members lists it.
type Member struct {
	Name string // slash-separated, directories end with a slash
	Size int64
	Mode fs.FileMode
	Link string
	Body io.Reader // of a regular file, until the next member
}

// Members ranges over a tar stream, plain or gzip.
func Members(archive io.Reader) iter.Seq2[Member, error] {
	return func(yield func(Member, error) bool) {
		plain, err := gunzip(archive)
		if err != nil {
			yield(Member{}, err)
			return
		}
		for r := tar.NewReader(plain); ; {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				yield(Member{}, archiveError(err))
				return
			}
			if !yield(Member{h.Name, h.Size, h.FileInfo().Mode(), h.Linkname, r}, nil) {
				return
			}
		}
	}
}

// Extract unpacks a tar stream, plain or gzip, below dir, which is made if missing. Nothing is written outside of
// dir, whatever the archive says: such an archive is refused.
func Extract(ctx context.Context, archive io.Reader, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	plain, err := gunzip(archive)
	if err != nil {
		return err
	}
	for r := tar.NewReader(plain); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return archiveError(err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		kept, err := checkMember(h, Strict)
		if err != nil {
			return err
		}
		if kept != nil {
			if err := extractMember(root, kept, r); err != nil {
				return err
			}
		}
	}
}

func extractMember(root *os.Root, h *tar.Header, body io.Reader) error {
	name := filepath.FromSlash(strings.TrimSuffix(h.Name, "/"))
	mode := fs.FileMode(h.Mode & 0o777)
	if name == "." {
		return nil
	}
	if h.Typeflag == tar.TypeDir {
		return root.MkdirAll(name, mode|0o700) // its own files still have to go in
	}
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := ignoreMissing(root.Remove(name)); err != nil { // the later of two members counts
		return err
	}
	switch h.Typeflag {
	case tar.TypeSymlink:
		return root.Symlink(filepath.FromSlash(h.Linkname), name)
	case tar.TypeLink:
		return root.Link(filepath.FromSlash(h.Linkname), name)
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, body)
	return errors.Join(archiveError(err), f.Close())
}

// Digest is the digest that a file or directory has as a files artifact, without storing it.
func Digest(ctx context.Context, source string) (string, error) {
	r, w := io.Pipe()
	go func() { w.CloseWithError(Pack(ctx, source, w)) }() // ends when the reader is closed
	defer r.Close()
	c, err := normalise(ctx, r, io.Discard, Strict, defaultLimits)
	return c.Digest, err
}
