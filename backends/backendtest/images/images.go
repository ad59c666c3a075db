// Package images makes the images that tests run, without a registry: FROM scratch around a static binary. They come as
// archives any engine loads, tagged by their content, so that an engine needs each only once.
package images

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kurtosis-go/kurtosis/backends"
)

// File of an image: a regular file with Content, a link to Link, or, with neither and a path that ends in a slash, a directory.
type File struct {
	Path    string // in the image, without leading slash
	Content []byte
	Mode    int64  // 0 is 0755
	Link    string // target of a symbolic link
}

// Config of an image.
type Config struct {
	Entrypoint []string          `json:",omitempty"`
	Cmd        []string          `json:",omitempty"`
	Env        []string          `json:",omitempty"`
	User       string            `json:",omitempty"`
	Labels     map[string]string `json:",omitempty"`

	Architecture string `json:"-"` // that the image says it is made for; "" is this machine's
}

// Image is an archive as `docker save` writes it.
type Image struct {
	// Ref is its name with a tag made from the content.
	Ref     string
	archive []byte
}

// Open returns the archive.
func (i Image) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(i.archive)), nil
}

// Build makes an image called name of one layer.
func Build(name string, config Config, files ...File) (Image, error) {
	layer, err := Layer(files...)
	if err != nil {
		return Image{}, err
	}
	layerDigest := sha256.Sum256(layer)
	imageConfig, err := json.Marshal(map[string]any{
		"architecture": cmp.Or(config.Architecture, runtime.GOARCH),
		"os":           "linux",
		"created":      "1970-01-01T00:00:00Z",
		"config":       config,
		"rootfs":       map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + hex.EncodeToString(layerDigest[:])}},
		"history":      []map[string]string{{"created": "1970-01-01T00:00:00Z", "created_by": "kurtosis test image"}},
	})
	if err != nil {
		return Image{}, err
	}
	id := sha256.Sum256(imageConfig)
	ref := name + ":" + hex.EncodeToString(id[:])[:12]
	configName := hex.EncodeToString(id[:]) + ".json"
	layerName := hex.EncodeToString(layerDigest[:]) + "/layer.tar"
	manifest, err := json.Marshal([]map[string]any{{"Config": configName, "RepoTags": []string{ref}, "Layers": []string{layerName}}})
	if err != nil {
		return Image{}, err
	}
	archive, err := writeTar([]File{
		{Path: layerName, Content: layer, Mode: 0o644},
		{Path: configName, Content: imageConfig, Mode: 0o644},
		{Path: "manifest.json", Content: manifest, Mode: 0o644},
	})
	if err != nil {
		return Image{}, err
	}
	return Image{Ref: ref, archive: archive}, nil
}

// Layer makes the archive of a layer, with the directories that every image needs and those above files.
func Layer(files ...File) ([]byte, error) {
	all := []File{{Path: "tmp/", Mode: 0o1777}}
	seen := map[string]bool{"tmp": true}
	for _, f := range files {
		var above []string
		for dir := filepath.Dir(strings.TrimSuffix(f.Path, "/")); dir != "." && !seen[dir]; dir = filepath.Dir(dir) {
			above = append(above, dir)
			seen[dir] = true
		}
		slices.Reverse(above)
		for _, dir := range above {
			all = append(all, File{Path: dir + "/"})
		}
		seen[strings.TrimSuffix(f.Path, "/")] = true
		all = append(all, f)
	}
	return writeTar(all)
}

func writeTar(files []File) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: f.Path, Mode: f.Mode, Typeflag: tar.TypeReg, Size: int64(len(f.Content))}
		if h.Mode == 0 {
			h.Mode = 0o755
		}
		switch {
		case f.Link != "":
			h.Typeflag, h.Linkname = tar.TypeSymlink, f.Link
		case strings.HasSuffix(f.Path, "/"):
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.Content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

var toolboxProgram = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "kurtosis-toolbox")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "toolbox")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", binary, "github.com/kurtosis-go/kurtosis/backends/backendtest/images/toolbox")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the toolbox: %w\n%s", err, out)
	}
	return os.ReadFile(binary)
})

var toolbox = sync.OnceValues(func() (Image, error) {
	content, err := toolboxProgram()
	if err != nil {
		return Image{}, err
	}
	return Build("kurtosis-test/toolbox", Config{Entrypoint: []string{"/toolbox"}, Cmd: []string{"sleep"}, Env: []string{"PATH=/", "FROM_IMAGE=yes"}},
		File{Path: "toolbox", Content: content},
		File{Path: "etc/passwd", Content: []byte("root:x:0:0::/:\nnobody:x:65534:65534::/:\n"), Mode: 0o644},
		File{Path: "etc/group", Content: []byte("root:x:0:\nnobody:x:65534:\n"), Mode: 0o644},
		File{Path: "from-image/default.txt", Content: []byte("from the image\n"), Mode: 0o644},
	)
})

// Toolbox is the image of the multi-purpose test program: entrypoint /toolbox, command "sleep". Its directory
// /from-image has a file, default.txt.
func Toolbox(t testing.TB) Image {
	t.Helper()
	return built(t, toolbox)
}

// ToolboxProgram is the program of the toolbox, for images that a test builds.
func ToolboxProgram(t testing.TB) []byte {
	t.Helper()
	content, err := toolboxProgram()
	if err != nil {
		t.Fatal(err)
	}
	return content
}

var busybox = sync.OnceValues(func() (Image, error) {
	path, err := staticBusybox()
	if err != nil {
		return Image{}, err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return Image{}, err
	}
	names, err := exec.Command(path, "--list").Output()
	if err != nil {
		return Image{}, fmt.Errorf("%s --list: %w", path, err)
	}
	files := []File{{Path: "bin/busybox", Content: content}}
	for name := range strings.FieldsSeq(string(names)) {
		if name != "busybox" {
			files = append(files, File{Path: "bin/" + name, Link: "busybox"})
		}
	}
	return Build("kurtosis-test/busybox", Config{Cmd: []string{"sh"}, Env: []string{"PATH=/bin"}}, files...)
})

// staticBusybox finds a busybox that needs no libraries.
func staticBusybox() (string, error) {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return "", fmt.Errorf("no busybox on this machine: install Debian's package busybox-static")
	}
	// A dynamic one names its loader in a PT_INTERP segment, which lies in the first page.
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	head := make([]byte, 4096)
	n, _ := io.ReadFull(f, head)
	if bytes.Contains(head[:n], []byte("/ld-")) {
		return "", fmt.Errorf("%s is not static: install Debian's package busybox-static", path)
	}
	return path, nil
}

// Busybox is an image with a shell and the usual commands in /bin, made from Debian's package busybox-static. Its
// "wget -T" crashes; use the toolbox for HTTP.
func Busybox(t testing.TB) Image {
	t.Helper()
	return built(t, busybox)
}

func built(t testing.TB, f func() (Image, error)) Image {
	t.Helper()
	image, err := f()
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// Ensure loads those images that the engine does not have.
func Ensure(t testing.TB, b backends.Images, list ...Image) {
	t.Helper()
	for _, image := range list {
		_, err := b.InspectImage(t.Context(), image.Ref)
		if backends.KindOf(err) == backends.ImageNotFound {
			archive, _ := image.Open(t.Context())
			_, err = b.LoadImage(t.Context(), archive, "")
		}
		if err != nil {
			t.Fatalf("loading %s: %v", image.Ref, err)
		}
	}
}

// Named makes one of the images above for who is no test: "toolbox" or "busybox".
func Named(name string) (Image, error) {
	switch name {
	case "toolbox":
		return toolbox()
	case "busybox":
		return busybox()
	}
	return Image{}, fmt.Errorf("there is no test image %q", name)
}
