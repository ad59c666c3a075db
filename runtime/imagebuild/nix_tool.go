package imagebuild

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// nixVariable chooses where nix runs: "host", "container", or on the host if it has nix and in a container otherwise.
// nixImageVariable is the image of that container.
const (
	nixVariable      = "KURTOSIS_NIX"
	nixImageVariable = "KURTOSIS_NIX_IMAGE"
	nixImage         = "nixos/nix:2.24.9"
)

// features are what flakes need, whatever the configuration says.
var features = []string{"--extra-experimental-features", "nix-command flakes"}

// nix finds a nix to build with.
func (o Options) nix(ctx context.Context, n *plan.NixBuildSpec) (nix, error) {
	getenv := o.Getenv
	if getenv == nil {
		getenv = os.Getenv
	}
	choice := getenv(nixVariable)
	switch choice {
	case "", "host", "container":
	default:
		return nil, backends.Errorf(backends.Invalid, "%s is %q", nixVariable, choice).WithHint("it can be host or container")
	}
	if choice != "container" {
		program, err := exec.LookPath("nix")
		if err == nil {
			return hostNix{program, n.ContextPath}, nil
		}
		if choice == "host" {
			return nil, backends.Errorf(backends.Unsupported, "image %q is built by nix, which is not installed", n.ImageName).
				WithHint("install it from https://nixos.org/download, or let it run in a container with %s=container", nixVariable)
		}
	}
	tools, ok := o.Backend.(backends.Tools)
	if !ok {
		return nil, backends.Errorf(backends.Unsupported, "image %q is built by nix, which is not installed, and this engine cannot run it", n.ImageName).
			WithHint("install it from https://nixos.org/download")
	}
	ref := getenv(nixImageVariable)
	if ref == "" {
		ref = nixImage
	}
	o.Update = false // a program, not a part of the image
	image, _, err := o.fetch(ctx, backends.PullSpec{Ref: ref}, "downloading "+ref)
	if err != nil {
		return nil, &backends.Error{
			Kind: backends.KindOf(err), Message: fmt.Sprintf("image %q is built by nix in a container, whose image cannot be had: %s", n.ImageName, err),
			Hint: fmt.Sprintf("install nix from https://nixos.org/download, or name another image with %s", nixImageVariable), Err: err,
		}
	}
	return &boxedNix{tools: tools, ref: ref, dir: n.ContextPath, config: getenv("NIX_CONFIG"), volume: StoreVolume(image)}, nil
}

// StoreVolume is where an engine keeps the store of a nix in a container: another image's nix would not find itself in this
// one's store.
func StoreVolume(image backends.Image) string {
	sum := sha256.Sum256([]byte(image.ID))
	return "kurtosis-nix-store--" + hex.EncodeToString(sum[:6])
}

// hostNix is the nix of this machine.
type hostNix struct{ program, dir string }

func (h hostNix) place() string { return h.dir }

func (h hostNix) flake(text string) (string, func(), error) {
	dir, err := os.MkdirTemp("", "kurtosis-flake-")
	if err != nil {
		return "", nil, err
	}
	remove := func() { _ = os.RemoveAll(dir) }
	if err := os.WriteFile(filepath.Join(dir, flakeFile), []byte(text), 0o644); err != nil {
		remove()
		return "", nil, err
	}
	return dir, remove, nil
}

func (h hostNix) run(ctx context.Context, stdout, stderr io.Writer, args ...string) (int, error) {
	all := append([]string{args[0]}, features...)
	all = append(all, h.options()...)
	cmd := exec.CommandContext(ctx, h.program, append(all, args[1:]...)...)
	cmd.WaitDelay = 5 * time.Second
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// options let root build without a daemon where nobody made the build users, as after installing a distribution's
// package: nix refuses otherwise.
func (h hostNix) options() []string {
	if os.Geteuid() != 0 {
		return nil
	}
	if _, err := os.Stat("/nix/var/nix/daemon-socket/socket"); err == nil {
		return nil
	}
	var unknown user.UnknownGroupError
	if _, err := user.LookupGroup("nixbld"); errors.As(err, &unknown) {
		return []string{"--option", "build-users-group", ""}
	}
	return nil
}

func (h hostNix) image(ctx context.Context, out string) (io.ReadCloser, error) {
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
		var complaint bytes.Buffer
		cmd.Stdout, cmd.Stderr = w, &complaint
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%w: %s", err, strings.TrimSpace(complaint.String()))
		}
		return nil
	}), f.Close()
}

// boxedNix runs in a container, with a store that is kept.
type boxedNix struct {
	tools       backends.Tools
	ref, volume string
	dir, config string
	extra       map[string]string // files beside the build context
}

// Where things are in the container.
const (
	boxedContext = "kurtosis-build"
	boxedFlake   = "kurtosis-flake"
)

func (b *boxedNix) place() string { return "/" + boxedContext }

func (b *boxedNix) flake(text string) (string, func(), error) {
	b.extra = map[string]string{boxedFlake + "/" + flakeFile: text}
	return "/" + boxedFlake, func() {}, nil
}

func (b *boxedNix) run(ctx context.Context, stdout, stderr io.Writer, args ...string) (int, error) {
	all := append([]string{"nix", args[0]}, features...)
	return b.start(ctx, stdout, stderr, append(all, args[1:]...)...)
}

func (b *boxedNix) start(ctx context.Context, stdout, stderr io.Writer, command ...string) (int, error) {
	env := map[string]string{}
	if b.config != "" {
		env["NIX_CONFIG"] = b.config
	}
	return b.tools.RunTool(ctx, backends.ToolSpec{
		Image: b.ref, Command: command, Env: env, Volume: b.volume, VolumeType: backends.VolumeTypeNix, VolumePath: "/nix", Stdout: stdout, Stderr: stderr,
		Files: func(ctx context.Context) (io.ReadCloser, error) {
			t, err := wholeTree(b.dir)
			if err != nil {
				return nil, err
			}
			return t.archive(ctx, boxedContext+"/", b.extra), nil
		},
	})
}

// openImage writes what nix built, or what it writes where it is a script.
const openImage = `if [ -d "$1" ]; then echo "$1 is a directory, not an image archive" >&2; exit 1; fi
if [ "$(head -c 2 "$1")" = "#!" ]; then exec "$1"; fi
exec cat "$1"`

func (b *boxedNix) image(ctx context.Context, out string) (io.ReadCloser, error) {
	return streamed(func(w io.Writer) error {
		var complaint bytes.Buffer
		code, err := b.start(ctx, w, &complaint, "sh", "-c", openImage, "sh", out)
		if err == nil && code != 0 {
			err = errors.New(strings.TrimSpace(complaint.String()))
		}
		return err
	}), nil
}
