package execute

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// buildContext is a directory as a tar stream, without what its .dockerignore leaves out. The Dockerfile goes with it
// whatever the file says.
func buildContext(dir, dockerfile string) backends.Archive {
	return func(ctx context.Context) (io.ReadCloser, error) {
		if dockerfile == "" {
			dockerfile = "Dockerfile"
		}
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(dockerfile))); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no %s in %s", dockerfile, dir)
		} else if err != nil {
			return nil, err
		}
		patterns, err := ignored(dir, dockerfile)
		if err != nil {
			return nil, err
		}
		matcher, err := patternmatcher.New(patterns)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(dir, ".dockerignore"), err)
		}
		return streamed(func(w io.Writer) error { return packContext(ctx, dir, dockerfile, matcher, w) }), nil
	}
}

// ignored reads the ignore file that belongs to the Dockerfile, else the directory's.
func ignored(dir, dockerfile string) ([]string, error) {
	for _, name := range []string{dockerfile + ".dockerignore", ".dockerignore"} {
		f, err := os.Open(filepath.Join(dir, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		defer f.Close()
		return ignorefile.ReadAll(f)
	}
	return nil, nil
}

func packContext(ctx context.Context, dir, dockerfile string, ignore *patternmatcher.PatternMatcher, out io.Writer) error {
	w := tar.NewWriter(out)
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || file == dir {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		leave, err := ignore.MatchesOrParentMatches(name)
		if err != nil {
			return err
		}
		if leave && name != path.Clean(dockerfile) && name != ".dockerignore" {
			if d.IsDir() && !ignore.Exclusions() && !strings.HasPrefix(dockerfile, name+"/") {
				return filepath.SkipDir
			}
			return nil
		}
		return packContextFile(w, file, name, d)
	})
	if err != nil {
		return err
	}
	return w.Close()
}

// packContextFile writes one member. Unlike an upload, a build context may have links that lead out of it: what they
// mean is decided in the image.
func packContextFile(w *tar.Writer, file, name string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	target := ""
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		if target, err = os.Readlink(file); err != nil {
			return err
		}
	case !info.IsDir() && !info.Mode().IsRegular():
		return nil // sockets and pipes mean nothing in an image
	}
	h, err := tar.FileInfoHeader(info, filepath.ToSlash(target))
	if err != nil {
		return err
	}
	h.Name, h.Uid, h.Gid, h.Uname, h.Gname = name, 0, 0, "", ""
	if info.IsDir() {
		h.Name += "/"
	}
	if err := w.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// nix builds an image with the system's nix and gives the archive that comes out of it to the engine.
func (m *images) nix(n *plan.NixBuildSpec) (backends.Image, error) {
	if n.ContextPath == "" {
		return backends.Image{}, fmt.Errorf("the build context %q of image %s is not on this machine", n.BuildContextDir, n.ImageName)
	}
	if _, err := exec.LookPath("nix"); err != nil {
		return backends.Image{}, &failure{event.Failure{
			Message: fmt.Sprintf("image %s is built by nix, which is not installed", n.ImageName),
			Hint:    "install it from https://nixos.org/download, or use ImageBuildSpec with a Dockerfile",
		}, err}
	}
	flake := filepath.Join(n.ContextPath, filepath.FromSlash(n.FlakeLocationDir))
	if n.FlakeOutput != "" {
		flake += "#" + n.FlakeOutput
	}
	// path: takes the directory as it is, whether or not it is in a git repository.
	cmd := exec.CommandContext(m.ctx, "nix", "--extra-experimental-features", "nix-command flakes",
		"build", "--no-link", "--print-out-paths", "--print-build-logs", "path:"+flake)
	cmd.WaitDelay = 5 * time.Second
	var stdout, log output
	cmd.Stdout, cmd.Stderr = &stdout, &log
	m.r.Sink.Emit(event.ImageProgress{Image: n.ImageName, Status: "nix build"})
	if err := cmd.Run(); err != nil {
		if m.ctx.Err() != nil {
			return backends.Image{}, m.ctx.Err()
		}
		return backends.Image{}, &failure{event.Failure{
			Message: fmt.Sprintf("nix cannot build image %s from %s: %s", n.ImageName, flake, err),
			Tried:   strings.Join(cmd.Args, " "), Log: tail(log.String()),
		}, err}
	}
	out, _, _ := strings.Cut(strings.TrimSpace(stdout.String()), "\n")
	archive, err := nixArchive(m.ctx, out)
	if err != nil {
		return backends.Image{}, fmt.Errorf("what nix built for image %s: %w", n.ImageName, err)
	}
	defer archive.Close()
	return m.r.Backend.LoadImage(m.ctx, archive, n.ImageName)
}

// nixArchive opens an image that nix built: an archive, or a script that writes one (streamLayeredImage).
func nixArchive(ctx context.Context, out string) (io.ReadCloser, error) {
	info, err := os.Stat(out)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s is a directory, not an image archive", out)
	}
	f, err := os.Open(out)
	if err != nil {
		return nil, err
	}
	head, err := bufio.NewReader(f).Peek(2)
	if _, seekErr := f.Seek(0, io.SeekStart); seekErr != nil {
		return nil, errors.Join(seekErr, f.Close())
	}
	if err != nil || string(head) != "#!" {
		return f, nil
	}
	return streamed(func(w io.Writer) error {
		cmd := exec.CommandContext(ctx, out)
		cmd.Stdout = w
		return cmd.Run()
	}), f.Close()
}
