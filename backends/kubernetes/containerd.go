package kubernetes

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"

	"github.com/distribution/reference"

	"github.com/kurtosis-go/kurtosis/backends"
)

func noImage(ref string) error {
	return backends.Errorf(backends.ImageNotFound, "the engine has no image %q", ref).WithHint("pull or build it first")
}

// ctr asks the containerd of the cluster's only node, which is this machine.
func (b *Backend) ctr(ctx context.Context, doing string, in io.Reader, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "ctr", append([]string{"--address", b.options.Containerd, "--namespace", "k8s.io"}, args...)...)
	var out, complaint bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &out, &complaint
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, backends.Errorf(backends.Unknown, "%s containerd at %s: %s: %w", doing, b.options.Containerd, oneLine(complaint.String()+out.String()), err).
			WithHint("`ctr --address %s version` tells whether it answers", b.options.Containerd)
	}
	return out.Bytes(), nil
}

// LoadImage is for clusters of one node that is this machine; the others' nodes pull from a registry.
func (b *Backend) LoadImage(ctx context.Context, archive io.Reader, tag string) (backends.Image, error) {
	if b.options.Containerd == "" {
		return backends.Image{}, b.unsupported("images cannot be loaded", "push it to a registry that the nodes reach")
	}
	if tag != "" {
		return backends.Image{}, b.unsupported("an image cannot be loaded under another name", "give the archive the name")
	}
	b.loading.Lock() // two imports of one image get in each other's way
	defer b.loading.Unlock()
	_, err := b.ctr(ctx, "loading an image into", archive, "images", "import", "-")
	return backends.Image{}, err
}

// inspectLoaded describes an image by what containerd has of it. Its ID is the digest of what its name leads to.
func (b *Backend) inspectLoaded(ctx context.Context, ref string) (backends.Image, error) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return backends.Image{}, noImage(ref)
	}
	full := reference.TagNameOnly(named).String()
	doing := fmt.Sprintf("looking for image %q in", ref)
	out, err := b.ctr(ctx, doing, nil, "images", "ls", "name=="+full)
	if err != nil {
		return backends.Image{}, err
	}
	found := listedImage(string(out), full)
	if found.ID == "" {
		return found, noImage(ref)
	}
	digest := found.ID
	for range 3 { // a list of images, an image, its configuration
		text, err := b.ctr(ctx, doing, nil, "content", "get", digest)
		if err != nil {
			return backends.Image{}, err
		}
		var content struct {
			Manifests []struct{ Digest string }
			Config    json.RawMessage
			OS        string
			Arch      string `json:"architecture"`
			Variant   string
		}
		if err := json.Unmarshal(text, &content); err != nil {
			return backends.Image{}, backends.Errorf(backends.Unknown, "%s containerd: %s is no part of an image: %w", doing, digest, err)
		}
		var next struct {
			Digest          string
			Entrypoint, Cmd []string
			Labels          map[string]string
		}
		if err := json.Unmarshal(content.Config, &next); err != nil && len(content.Config) > 0 {
			return backends.Image{}, backends.Errorf(backends.Unknown, "%s containerd: %s is no part of an image: %w", doing, digest, err)
		}
		switch {
		case len(content.Manifests) > 0:
			digest = content.Manifests[0].Digest
		case next.Digest != "":
			digest = next.Digest
		default:
			found.Platform = content.OS + "/" + content.Arch
			if content.Variant != "" {
				found.Platform += "/" + content.Variant
			}
			found.Entrypoint, found.Cmd, found.Labels = next.Entrypoint, next.Cmd, next.Labels
			return found, nil
		}
	}
	return found, nil
}

// sizeUnits are those of ctr.
var sizeUnits = map[string]float64{"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}

// listedImage reads the list of images: REF TYPE DIGEST SIZE PLATFORMS LABELS.
func listedImage(list, name string) backends.Image {
	for line := range strings.Lines(list) {
		f := strings.Fields(line)
		if len(f) < 5 || f[0] != name {
			continue
		}
		image := backends.Image{ID: f[2], Tags: []string{name}}
		if n, err := strconv.ParseFloat(f[3], 64); err == nil {
			image.Size = int64(n * sizeUnits[f[4]])
		}
		return image
	}
	return backends.Image{}
}
