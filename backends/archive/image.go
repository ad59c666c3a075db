package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// maxDocument is how large the documents of an image are at most: manifests, indexes. What is larger is a layer.
const maxDocument = 1 << 20

// Image copies an image archive, plain or gzip, so that every engine takes it. One in the OCI layout gets what `docker save`
// writes beside it: engines of before 2023 know nothing else. Of an archive for several platforms the image is the one for
// platform ("linux/amd64"). What is no tar archive is copied as it is, for the engine to judge.
func Image(w io.Writer, from io.Reader, platform string) error {
	plain, err := Decompress(from)
	if err != nil {
		return err
	}
	buffered := bufio.NewReaderSize(plain, 64<<10)
	head, err := buffered.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the archive: %w", err)
	}
	if len(head) < 512 || string(head[257:262]) != "ustar" {
		_, err := io.Copy(w, buffered)
		return err
	}
	out := tar.NewWriter(w)
	layout, hasManifest := layout{}, false
	for r := tar.NewReader(buffered); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("reading the archive: %w", err)
		}
		if err := out.WriteHeader(h); err != nil {
			return err
		}
		name := path.Clean(h.Name)
		hasManifest = hasManifest || name == dockerManifest
		if h.Typeflag != tar.TypeReg || h.Size > maxDocument || name != ociIndex && !strings.HasPrefix(name, "blobs/") {
			if _, err := io.Copy(out, r); err != nil {
				return err
			}
			continue
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return fmt.Errorf("reading the archive: %w", err)
		}
		if _, err := out.Write(text); err != nil {
			return err
		}
		if bytes.HasPrefix(text, []byte("{")) {
			layout[name] = text
		}
	}
	if _, isLayout := layout[ociIndex]; isLayout && !hasManifest {
		manifest, err := layout.dockerManifest(platform)
		if err != nil {
			return err
		}
		if err := out.WriteHeader(&tar.Header{Name: dockerManifest, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(manifest))}); err != nil {
			return err
		}
		if _, err := out.Write(manifest); err != nil {
			return err
		}
	}
	return out.Close()
}

// What makes an archive one of `docker save`, and one of the OCI.
const (
	dockerManifest = "manifest.json"
	ociIndex       = "index.json"
)

// layout holds the documents of an OCI layout by their names.
type layout map[string][]byte

// descriptor points to a document or a layer.
type descriptor struct {
	Digest   string `json:"digest"`
	Platform *struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
	} `json:"platform"`
}

// blob is where a layout keeps what a digest names.
func (d descriptor) blob() string { return "blobs/" + strings.Replace(d.Digest, ":", "/", 1) }

// document is an index, with manifests, or a manifest.
type document struct {
	Manifests []descriptor `json:"manifests"`
	Config    descriptor   `json:"config"`
	Layers    []descriptor `json:"layers"`
}

func (l layout) dockerManifest(platform string) ([]byte, error) {
	name := ociIndex
	for range 8 { // an index in an index is usual, more are not
		text, ok := l[name]
		if !ok {
			return nil, fmt.Errorf("the image archive has no %s", name)
		}
		var d document
		if err := json.Unmarshal(text, &d); err != nil {
			return nil, fmt.Errorf("%s of the image archive: %w", name, err)
		}
		if d.Config.Digest != "" {
			layers := make([]string, len(d.Layers))
			for i, layer := range d.Layers {
				layers[i] = layer.blob()
			}
			return json.Marshal([]struct {
				Config   string
				RepoTags []string
				Layers   []string
			}{{d.Config.blob(), nil, layers}})
		}
		next, err := choose(d.Manifests, platform)
		if err != nil {
			return nil, err
		}
		name = next.blob()
	}
	return nil, errors.New("the image archive has indexes of indexes without end")
}

// choose takes the manifest for a platform, or the only one there is.
func choose(list []descriptor, platform string) (descriptor, error) {
	var others []string
	for _, d := range list {
		if d.Platform == nil {
			if len(list) == 1 {
				return d, nil
			}
			continue
		}
		is := d.Platform.OS + "/" + d.Platform.Architecture
		if is == platform {
			return d, nil
		}
		if d.Platform.OS != "unknown" { // an attestation
			others = append(others, is)
		}
	}
	switch {
	case len(others) == 1 && len(list) == 1:
		return list[0], nil // the engine may emulate it
	case len(others) == 0 && len(list) > 1:
		return descriptor{}, fmt.Errorf("the image archive has %d images", len(list))
	case len(others) == 0:
		return descriptor{}, errors.New("the image archive has no image in it")
	}
	return descriptor{}, fmt.Errorf("the image archive has no image for %s, but for %s", platform, strings.Join(others, ", "))
}
