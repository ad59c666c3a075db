// Package image makes the image that engines and API containers run: this very program, FROM scratch, with the
// certificate roots of this machine. Nothing is pulled.
package image

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/kurtosis-go/kurtosis/backends"
)

// Repository is the name of images that are made here; their tag is the hash of the content.
const Repository = "kurtosis/engine"

// Entrypoint is where the program is in the image.
const Entrypoint = "/kurtosis"

// file is a file of this machine that goes into the image, or a directory.
type file struct {
	path    string // in the image
	mode    int64
	content string // where it is on this machine
	dir     bool
}

// certificates are where Linux systems keep their roots, as crypto/x509 looks for them.
var certificates = []string{
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
	"/etc/pki/tls/cacert.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
}

// Image is one that engines can be run from.
type Image struct {
	Ref   string
	build *build // nil for one of a registry
}

// build is what an image of our own is made from.
type build struct {
	config    []byte
	layerID   string
	layerSize int64
	files     []file
}

// Of describes the image of a program, an executable for Linux that needs no libraries, for a platform as
// "linux/amd64". A named image is taken from its registry instead. Nothing is made or pulled yet.
func Of(platform, named, program string) (Image, error) {
	if named != "" {
		return Image{Ref: named}, nil
	}
	if err := Usable(program, platform); err != nil {
		return Image{}, err
	}
	files := []file{{path: "tmp/", mode: 0o1777, dir: true}, {path: strings.TrimPrefix(Entrypoint, "/"), mode: 0o755, content: program}}
	for _, path := range certificates {
		if _, err := os.Stat(path); err == nil {
			files = append(files, file{path: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, content: path})
			break
		}
	}
	if beside := podProgram(program); Usable(beside, platform) == nil {
		files = append(files, file{path: podName, mode: 0o755, content: beside})
	}
	layer := sha256.New()
	size := &counter{}
	if err := writeLayer(io.MultiWriter(layer, size), files); err != nil {
		return Image{}, fmt.Errorf("making the engine's image: %w", err)
	}
	layerID := hex.EncodeToString(layer.Sum(nil))
	config, err := imageConfig(platform, layerID)
	if err != nil {
		return Image{}, err
	}
	id := sha256.Sum256(config)
	return Image{Repository + ":" + hex.EncodeToString(id[:])[:12], &build{config, layerID, size.n, files}}, nil
}

// podName is what Pods on Kubernetes carry, in the image and beside the program where it is known for one platform only.
const podName = "kurtosis-pod"

// podProgram is beside a program "kurtosis" or "kurtosis-linux-arm64" and has the same ending.
func podProgram(program string) string {
	return filepath.Join(filepath.Dir(program), strings.Replace(filepath.Base(program), "kurtosis", podName, 1))
}

// HasPod says whether Pods find there what they carry. What is in an image of a registry is not known.
func (i Image) HasPod() bool {
	return i.build == nil || slices.ContainsFunc(i.build.files, func(f file) bool { return f.path == podName })
}

// Ensure makes the container engine have the image.
func (i Image) Ensure(ctx context.Context, images backends.Images) error {
	_, err := images.InspectImage(ctx, i.Ref)
	if backends.KindOf(err) != backends.ImageNotFound {
		return err
	}
	if i.build == nil {
		_, err := images.PullImage(ctx, backends.PullSpec{Ref: i.Ref}, nil)
		return err
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(i.build.writeArchive(w, i.Ref)) }() // ends when the reader does
	defer r.Close()
	_, err = images.LoadImage(ctx, r, "")
	return err
}

// Error says that no image can be made from a program.
type Error struct{ message string }

func (e *Error) Error() string { return e.message }

// Hint says what to do instead.
func (e *Error) Hint() string {
	return "build it with `make build`, or name an image: --image or KURTOSIS_ENGINE_IMAGE"
}

// Usable refuses programs that could not run in an empty image on the platform ("linux/amd64").
func Usable(program, platform string) error {
	f, err := elf.Open(program)
	if err != nil {
		return &Error{fmt.Sprintf("the engine's image can't be made from %s: it is no program for Linux", program)}
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return &Error{fmt.Sprintf("the engine's image can't be made from %s: it needs the C library", program)}
		}
	}
	machines := map[elf.Machine]string{elf.EM_X86_64: "linux/amd64", elf.EM_AARCH64: "linux/arm64"}
	if got := machines[f.Machine]; platform != "" && got != platform {
		return &Error{fmt.Sprintf("the engine's image can't be made from %s: it is for %s, and Docker runs on %s", program, got, platform)}
	}
	return nil
}

func imageConfig(platform, layerID string) ([]byte, error) {
	arch := runtime.GOARCH
	if _, a, ok := strings.Cut(platform, "/"); ok {
		arch = a
	}
	return json.Marshal(map[string]any{
		"architecture": arch, "os": "linux", "created": "1970-01-01T00:00:00Z",
		"config": map[string]any{
			"Entrypoint": []string{Entrypoint},
			"Env":        []string{"HOME=/tmp", "TMPDIR=/tmp"},
			"WorkingDir": "/tmp",
		},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + layerID}},
		"history": []map[string]string{{"created": "1970-01-01T00:00:00Z", "created_by": "kurtosis"}},
	})
}

// writeArchive writes what `docker save` does. The layer is written twice, here and for its hash, so that it is
// never in memory.
func (b *build) writeArchive(out io.Writer, ref string) error {
	id := sha256.Sum256(b.config)
	configName, layerName := hex.EncodeToString(id[:])+".json", b.layerID+"/layer.tar"
	manifest, err := json.Marshal([]map[string]any{{"Config": configName, "RepoTags": []string{ref}, "Layers": []string{layerName}}})
	if err != nil {
		return err
	}
	w := tar.NewWriter(out)
	for _, f := range []struct {
		name string
		text []byte
	}{{configName, b.config}, {"manifest.json", manifest}} {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.text))}); err != nil {
			return err
		}
		if _, err := w.Write(f.text); err != nil {
			return err
		}
	}
	if err := w.WriteHeader(&tar.Header{Name: layerName, Mode: 0o644, Size: b.layerSize}); err != nil {
		return err
	}
	if err := writeLayer(w, b.files); err != nil {
		return err
	}
	return w.Close()
}

func writeLayer(out io.Writer, files []file) error {
	w := tar.NewWriter(out)
	for _, f := range files {
		if f.dir {
			if err := w.WriteHeader(&tar.Header{Name: f.path, Mode: f.mode, Typeflag: tar.TypeDir}); err != nil {
				return err
			}
			continue
		}
		if err := writeFile(w, f); err != nil {
			return err
		}
	}
	return w.Close()
}

func writeFile(w *tar.Writer, f file) (err error) {
	in, err := os.Open(f.content)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: f.path, Mode: f.mode, Size: info.Size(), Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err = io.Copy(w, in)
	return err
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}
