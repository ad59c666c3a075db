// Package pod is the program that runs inside of Pods, put there by an init container: it fills files and directories before a service
// starts, and does for images without a shell or tar what `docker exec` and `docker cp` do outside of the container.
package pod

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kurtosis-go/kurtosis/backends/archive"
	"github.com/kurtosis-go/kurtosis/backends/docker/relay"
)

// Where things are in a Pod. All are directories of volumes.
const (
	InImage  = "/kurtosis-pod"       // this program in the image that brings it
	Dir      = "/.kurtosis"          // in the service's container too
	Program  = Dir + "/kurtosis-pod" // this program
	Archives = "/.kurtosis-archives" // pieces of one gzip tar, in order of their names
	Files    = "/.kurtosis-files"    // a directory for each of ServiceSpec.Files, by its index
	Seeds    = "/.kurtosis-seeds"    // a directory for each of ServiceSpec.Directories
)

// Commands of the program.
const (
	Install = "install" // : copy the program into Dir, and unpack Archives into Files
	Seed    = "seed"    // FROM TO…: copy the contents of FROM to TO where TO is empty
	Extract = "extract" // DIR: unpack standard input there
	Archive = "archive" // PATH: write it to standard output, as tar
	Relay   = "relay"   // NETWORK ADDRESS: see package relay
	Run     = "run"     // see RunArgs
)

// Exit codes of Extract and Archive.
const (
	ExitFailed       = 1
	ExitNotFound     = 44
	ExitNotDirectory = 45
)

// Main is the whole program; it returns its exit code.
func Main(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	if len(args) == 0 {
		fmt.Fprintln(errOut, "kurtosis-pod: no command")
		return 2
	}
	if args[0] == Run {
		return run(args[1:], errOut)
	}
	err := command(ctx, args[0], args[1:], in, out)
	if err == nil {
		return 0
	}
	fmt.Fprintln(errOut, err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ExitNotFound
	case errors.Is(err, errNotDirectory):
		return ExitNotDirectory
	}
	return ExitFailed
}

var errNotDirectory = errors.New("it is not a directory")

func command(ctx context.Context, name string, args []string, in io.Reader, out io.Writer) error {
	switch {
	case name == Install && len(args) == 0:
		return install()
	case name == Seed && len(args)%2 == 0:
		for pair := range slices.Chunk(args, 2) {
			if err := seed(pair[0], pair[1]); err != nil {
				return err
			}
		}
		return nil
	case name == Extract && len(args) == 1:
		return extractTo(args[0], in)
	case name == Archive && len(args) == 1:
		return write(args[0], out)
	case name == Relay:
		return relay.Main(ctx, args, in, out)
	}
	return fmt.Errorf("no command %q with %d arguments", name, len(args))
}

func install() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := copyFile(self, Program, 0o755); err != nil {
		return err
	}
	pieces, err := filepath.Glob(Archives + "/[0-9]*")
	if err != nil || len(pieces) == 0 {
		return err
	}
	slices.Sort(pieces)
	var readers []io.Reader
	for _, piece := range pieces {
		f, err := os.Open(piece)
		if err != nil {
			return err
		}
		defer f.Close()
		readers = append(readers, f)
	}
	return extract(Files, io.MultiReader(readers...))
}

func copyFile(from, to string, mode fs.FileMode) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return errors.Join(err, w.Close())
}

func extractTo(dir string, from io.Reader) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	case err != nil:
		return err
	case !info.IsDir():
		return errNotDirectory
	}
	return extract(dir, from)
}

// extract unpacks a tar stream, plain or gzip. Names are clean: archive.Rebase made them.
func extract(dir string, from io.Reader) error {
	return archive.Walk(from, func(h *tar.Header, content io.Reader) error { return member(dir, h, content) })
}

func member(dir string, h *tar.Header, content io.Reader) error {
	at := filepath.Join(dir, h.Name)
	mode := fs.FileMode(h.Mode).Perm()
	if h.Typeflag == tar.TypeDir {
		if err := os.MkdirAll(at, 0o755); err != nil {
			return err
		}
		return os.Chmod(at, mode)
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	if err := os.Remove(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	switch h.Typeflag {
	case tar.TypeSymlink:
		return os.Symlink(h.Linkname, at)
	case tar.TypeLink:
		return os.Link(filepath.Join(dir, h.Linkname), at)
	case tar.TypeReg:
		f, err := os.OpenFile(at, os.O_CREATE|os.O_WRONLY|os.O_EXCL, mode)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, content)
		return errors.Join(err, f.Close(), os.Chmod(at, mode))
	}
	return fmt.Errorf("%s: a member of type %q cannot be unpacked", h.Name, h.Typeflag)
}

// write archives a file or directory under its base name. A symbolic link is followed when it is the path itself.
func write(source string, out io.Writer) error {
	at, err := filepath.EvalSymlinks(source)
	if err != nil {
		return err
	}
	w := tar.NewWriter(out)
	base := path.Base(path.Clean(source))
	err = filepath.WalkDir(at, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rest, err := filepath.Rel(at, p)
		if err != nil {
			return err
		}
		return writeMember(w, p, path.Join(base, filepath.ToSlash(rest)))
	})
	return errors.Join(err, w.Close())
}

func writeMember(w *tar.Writer, from, name string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if info.Mode()&(fs.ModeSocket|fs.ModeDevice|fs.ModeNamedPipe) != 0 {
		return nil // nothing that could be copied
	}
	target := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if target, err = os.Readlink(from); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	if h.Name = strings.TrimPrefix(name, "/"); info.IsDir() {
		h.Name += "/"
	}
	if err := w.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
		return err
	}
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	// A file that grows meanwhile, such as a log, is as long as its header says.
	_, err = io.CopyN(w, f, h.Size)
	return err
}

// seed fills an empty persistent directory with what the image has in its place.
func seed(from, to string) error {
	entries, err := os.ReadDir(to)
	if err != nil || len(entries) > 0 {
		return err
	}
	if info, err := os.Stat(from); err != nil || !info.IsDir() {
		return nil // the image has nothing there
	}
	r, w := io.Pipe()
	go func() {
		t := tar.NewWriter(w)
		err := filepath.WalkDir(from, func(p string, _ fs.DirEntry, err error) error {
			if err != nil || p == from {
				return err
			}
			rest, err := filepath.Rel(from, p)
			if err != nil {
				return err
			}
			return writeMember(t, p, rest)
		})
		w.CloseWithError(errors.Join(err, t.Close()))
	}()
	return extract(to, r)
}
