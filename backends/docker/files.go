package docker

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/archive"
)

// fill puts files into a container with a single copy, whatever their number. Volumes of a container that was never
// started are filled too.
func (b *Backend) fill(ctx context.Context, id string, files []backends.Files) error {
	return b.copyIn(ctx, id, func(w *tar.Writer) error {
		for _, f := range files {
			for _, open := range f.Archives {
				if err := unpack(ctx, w, f.Path, open); err != nil {
					return fmt.Errorf("files for %s: %w", f.Path, err)
				}
			}
		}
		return nil
	})
}

func unpack(ctx context.Context, w *tar.Writer, dir string, open backends.Archive) error {
	stream, err := open(ctx)
	if err != nil {
		return err
	}
	defer stream.Close()
	return archive.Rebase(w, stream, func(name string) string { return path.Join(dir, name) })
}

// copyIn streams what write produces, with paths from the root, into a container.
func (b *Backend) copyIn(ctx context.Context, id string, write func(*tar.Writer) error) error {
	r, pipe := io.Pipe()
	written := make(chan error, 1)
	go func() {
		w := tar.NewWriter(pipe)
		err := write(w)
		if err == nil {
			err = w.Close()
		}
		pipe.CloseWithError(err)
		written <- err
	}()
	err := b.client.CopyToContainer(ctx, id, "/", r, container.CopyToContainerOptions{})
	r.Close()
	// Our own failure to read an archive is the cause, where there is one; the engine only saw the stream break.
	if cause := <-written; cause != nil && !errors.Is(cause, io.ErrClosedPipe) {
		return cause
	}
	return err
}

// CopyTo unpacks an archive into a directory of a service.
func (b *Backend) CopyTo(ctx context.Context, enclave, service, dir string, from io.Reader) error {
	if !strings.HasPrefix(dir, "/") {
		return backends.Errorf(backends.Invalid, "copying to service %q: path %q is not absolute", service, dir)
	}
	c, err := b.find(ctx, enclave, service)
	if err != nil {
		return err
	}
	doing := fmt.Sprintf("copying to %s of service %q", dir, service)
	stat, err := b.client.ContainerStatPath(ctx, c.ID, dir)
	missing := cerrdefs.IsNotFound(err)
	if err != nil && !missing {
		return b.wrap(ctx, err, doing)
	}
	if !missing && !stat.Mode.IsDir() && stat.Mode&fs.ModeSymlink == 0 {
		return backends.Errorf(backends.Invalid, "%s: it is not a directory", doing)
	}
	err = b.copyIn(ctx, c.ID, func(w *tar.Writer) error {
		if missing {
			if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: strings.Trim(dir, "/") + "/", Mode: 0o755}); err != nil {
				return err
			}
		}
		return archive.Rebase(w, from, func(name string) string { return path.Join(dir, name) })
	})
	return b.wrap(ctx, err, doing)
}

// linkDepth bounds how many symbolic links CopyFrom follows.
const linkDepth = 8

// CopyFrom streams a file or directory out of a service. Symbolic links are followed, and the members named after
// the path that was asked for.
func (b *Backend) CopyFrom(ctx context.Context, enclave, service, source string) (io.ReadCloser, error) {
	if !strings.HasPrefix(source, "/") {
		return nil, backends.Errorf(backends.Invalid, "copying from service %q: path %q is not absolute", service, source)
	}
	c, err := b.find(ctx, enclave, service)
	if err != nil {
		return nil, err
	}
	doing := fmt.Sprintf("copying %s from service %q", source, service)
	at := path.Clean(source)
	for range linkDepth {
		stream, stat, err := b.client.CopyFromContainer(ctx, c.ID, at)
		if cerrdefs.IsNotFound(err) {
			return nil, backends.Errorf(backends.NotFound, "service %q has no file or directory %s", service, source)
		} else if err != nil {
			return nil, b.wrap(ctx, err, doing)
		}
		if stat.Mode&fs.ModeSymlink == 0 {
			from, to := path.Base(at), path.Base(path.Clean(source))
			if from == to && to != "/" {
				return named(stream, to, stat.Mode.IsDir()), nil
			}
			return renamed(stream, from, to, stat.Mode.IsDir()), nil
		}
		stream.Close()
		target := stat.LinkTarget
		if !strings.HasPrefix(target, "/") {
			target = path.Join(path.Dir(at), target)
		}
		at = target
	}
	return nil, backends.Errorf(backends.Invalid, "%s: too many symbolic links", doing)
}

// named makes sure that names begin with base: Podman leaves it out for mounted directories, and follows links by itself. The stream is only
// rewritten where its first name, which is how it begins, says so.
func named(stream io.ReadCloser, base string, dir bool) io.ReadCloser {
	buffered := bufio.NewReader(stream)
	both := struct {
		io.Reader
		io.Closer
	}{buffered, stream}
	const nameField = 100
	head, _ := buffered.Peek(nameField) // what is too short for a header fails when it is read
	name, _, _ := strings.Cut(string(head), "\x00")
	if name == base || strings.HasPrefix(name, base+"/") {
		return both
	}
	from, _, _ := strings.Cut(name, "/") // "" where the base is left out
	return renamed(both, from, base, dir)
}

// renamed replaces the first element of all names.
func renamed(stream io.ReadCloser, from, to string, dir bool) io.ReadCloser {
	r, pipe := io.Pipe()
	go func() {
		defer stream.Close()
		w := tar.NewWriter(pipe)
		err := archive.Rebase(w, stream, func(name string) string {
			if rest, ok := strings.CutPrefix(name, from+"/"); ok && from != "" {
				return path.Join(to, rest)
			} else if name == from || !dir {
				return to
			}
			return path.Join(to, name)
		})
		if err == nil {
			err = w.Close()
		}
		pipe.CloseWithError(err)
	}()
	return r
}
