package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path"
	"runtime"
	"strings"
)

// writeImage writes an image of one layer that "ctr images import" takes, without a registry:
//
//	cluster image -o pause.tar -name localhost/pause:local -entrypoint /pause ./pause=/pause
//
// Each argument HOSTFILE=/path/in/image is a program.
func writeImage(_ context.Context, name string, args []string) error {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	out := flags.String("o", "image.tar", "archive to write")
	ref := flags.String("name", "", "full name of the image, with a tag")
	entrypoint := flags.String("entrypoint", "", "program to run")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	for _, file := range flags.Args() {
		source, target, ok := strings.Cut(file, "=")
		if !ok || !path.IsAbs(target) {
			return fmt.Errorf("%q is not HOSTFILE=/path/in/image", file)
		}
		content, err := os.ReadFile(source)
		if err != nil {
			return err
		}
		if err := add(w, target[1:], 0o755, content); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	archive, err := imageArchive(*ref, *entrypoint, layer.Bytes())
	if err != nil {
		return err
	}
	return os.WriteFile(*out, archive, 0o644)
}

// imageArchive is the layout that `docker save` writes.
func imageArchive(ref, entrypoint string, layer []byte) ([]byte, error) {
	type object = map[string]any
	digest := func(b []byte) string {
		sum := sha256.Sum256(b)
		return hex.EncodeToString(sum[:])
	}
	config, err := json.Marshal(object{"architecture": runtime.GOARCH, "os": "linux", "config": object{"Entrypoint": []string{entrypoint}},
		"rootfs": object{"type": "layers", "diff_ids": []string{"sha256:" + digest(layer)}}})
	if err != nil {
		return nil, err
	}
	configName, layerName := digest(config)+".json", digest(layer)+"/layer.tar"
	manifest, err := json.Marshal([]object{{"Config": configName, "RepoTags": []string{ref}, "Layers": []string{layerName}}})
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range []struct {
		name    string
		content []byte
	}{{layerName, layer}, {configName, config}, {"manifest.json", manifest}} {
		if err := add(w, f.name, 0o644, f.content); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), w.Close()
}

func add(w *tar.Writer, name string, mode int64, content []byte) error {
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(content)), Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}
