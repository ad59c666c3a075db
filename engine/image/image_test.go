package image_test

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/fake"
	"github.com/kurtosis-go/kurtosis/engine/image"
)

// program builds a small one for this processor.
func program(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o600))
	file := filepath.Join(dir, "program")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, filepath.Join(dir, "main.go"))
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return file
}

// foreign is the program as if for another processor: its header says which.
func foreign(t *testing.T) (file, platform string) {
	t.Helper()
	machine, platform := elf.EM_AARCH64, "linux/arm64"
	if runtime.GOARCH == "arm64" {
		machine, platform = elf.EM_X86_64, "linux/amd64"
	}
	content, err := os.ReadFile(program(t))
	require.NoError(t, err)
	const machineOffset = 18
	binary.LittleEndian.PutUint16(content[machineOffset:], uint16(machine))
	file = filepath.Join(t.TempDir(), "foreign")
	require.NoError(t, os.WriteFile(file, content, 0o700))
	return file, platform
}

// images is an engine that keeps what is loaded.
type images struct {
	backends.Images
	loaded []byte
	pulled []string
}

func (i *images) InspectImage(context.Context, string) (backends.Image, error) {
	if i.loaded != nil || i.pulled != nil {
		return backends.Image{}, nil
	}
	return backends.Image{}, backends.Errorf(backends.ImageNotFound, "no image")
}

func (i *images) LoadImage(_ context.Context, archive io.Reader, _ string) (b backends.Image, err error) {
	i.loaded, err = io.ReadAll(archive)
	return b, err
}

func (i *images) PullImage(_ context.Context, spec backends.PullSpec, _ func(backends.PullProgress)) (backends.Image, error) {
	i.pulled = append(i.pulled, spec.Ref)
	return backends.Image{}, nil
}

func TestImage(t *testing.T) {
	file := program(t)
	platform := "linux/" + runtime.GOARCH
	made, err := image.Of(platform, "", file)
	require.NoError(t, err)
	require.Regexp(t, `^kurtosis/engine:[0-9a-f]{12}$`, made.Ref)
	again, err := image.Of(platform, "", file)
	require.NoError(t, err)
	require.Equal(t, made.Ref, again.Ref, "the same program is the same image")

	engine := &images{}
	require.NoError(t, made.Ensure(t.Context(), engine))
	content := untar(t, engine.loaded)
	var manifest []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	require.NoError(t, json.Unmarshal(content["manifest.json"], &manifest))
	require.Equal(t, []string{made.Ref}, manifest[0].RepoTags)
	layer := untar(t, content[manifest[0].Layers[0]])
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, layer["kurtosis"]))
	require.Contains(t, layer, "tmp/")
	loaded := len(engine.loaded)
	engine.loaded = engine.loaded[:1]
	require.NoError(t, made.Ensure(t.Context(), engine))
	require.Len(t, engine.loaded, 1, "what is there is not loaded again, as %d bytes were", loaded)
}

func untar(t *testing.T, data []byte) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		require.NoError(t, err)
		files[h.Name], err = io.ReadAll(r)
		require.NoError(t, err)
	}
}

func TestNamed(t *testing.T) {
	named, err := image.Of("linux/amd64", "registry.example.com/kurtosis:1", "/no/such/program")
	require.NoError(t, err)
	engine := &images{}
	require.NoError(t, named.Ensure(t.Context(), engine))
	require.NoError(t, named.Ensure(t.Context(), engine))
	require.Equal(t, []string{"registry.example.com/kurtosis:1"}, engine.pulled)
	refused := fake.New(t.Context(), fake.Options{})
	defer refused.Close()
	require.Equal(t, backends.ImageNotFound, backends.KindOf(named.Ensure(t.Context(), refused)))
}

func TestRefused(t *testing.T) {
	other, platform := foreign(t)
	text := filepath.Join(t.TempDir(), "text")
	require.NoError(t, os.WriteFile(text, []byte("#!/bin/sh\n"), 0o700))
	shell, err := exec.LookPath("bash") // needs the C library wherever tests run
	require.NoError(t, err)
	for file, why := range map[string]string{
		text:                             "it is no program for Linux",
		other:                            "it is for " + platform + ", and Docker runs on linux/" + runtime.GOARCH,
		filepath.Join(text, "not-there"): "it is no program for Linux",
		shell:                            "it needs the C library",
	} {
		_, err := image.Of("linux/"+runtime.GOARCH, "", file)
		require.EqualError(t, err, "the engine's image can't be made from "+file+": "+why)
		var hinted interface{ Hint() string }
		require.ErrorAs(t, err, &hinted)
		require.True(t, strings.HasPrefix(hinted.Hint(), "build it with `make build`"))
	}
}
