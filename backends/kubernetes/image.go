package kubernetes

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/distribution/reference"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kurtosis-go/kurtosis/backends"
)

// InspectImage asks the nodes which images they have. They tell names and sizes, not what is inside, and few of them when they
// have many; the kubelet's nodeStatusMaxImages bounds the list. Where the only node is this machine, its containerd knows all.
func (b *Backend) InspectImage(ctx context.Context, ref string) (backends.Image, error) {
	if b.options.Containerd != "" {
		found, err := b.inspectLoaded(ctx, ref)
		if err == nil || backends.KindOf(err) == backends.ImageNotFound || ctx.Err() != nil {
			return found, err
		} // who may not ask it asks as everywhere
	}
	nodes, err := b.client.nodes().List(ctx, meta.ListOptions{})
	if apierrors.IsForbidden(err) { // as if they had none: nodes pull by themselves
		nodes, err = &core.NodeList{}, nil
	}
	if err != nil {
		return backends.Image{}, b.wrap(ctx, err, fmt.Sprintf("looking for image %q", ref))
	}
	full := ref
	if named, err := reference.ParseNormalizedNamed(ref); err == nil {
		full = reference.TagNameOnly(named).String()
	}
	for _, node := range nodes.Items {
		for _, image := range node.Status.Images {
			if !slices.Contains(image.Names, full) {
				continue
			}
			found := backends.Image{Size: image.SizeBytes, Platform: node.Status.NodeInfo.OperatingSystem + "/" + node.Status.NodeInfo.Architecture}
			for _, name := range image.Names {
				if _, digest, ok := strings.Cut(name, "@"); ok {
					found.ID, found.Digests = digest, append(found.Digests, name)
				} else {
					found.Tags = append(found.Tags, name)
				}
			}
			return found, nil
		}
	}
	return backends.Image{}, noImage(ref)
}

// PullImage does nothing: nodes pull what their Pods need, each for itself, when a Pod starts.
func (b *Backend) PullImage(_ context.Context, spec backends.PullSpec, _ func(backends.PullProgress)) (backends.Image, error) {
	return backends.Image{Tags: []string{spec.Ref}}, nil
}

// BuildImage is for engines with a builder.
func (b *Backend) BuildImage(_ context.Context, spec backends.BuildSpec, _ func(backends.BuildProgress)) (backends.Image, error) {
	return backends.Image{}, b.unsupported(fmt.Sprintf("image %q cannot be built", spec.Tag), "build it elsewhere and push it to a registry that the nodes reach")
}

// RemoveImage does nothing: nodes remove images by themselves when they need the space.
func (b *Backend) RemoveImage(context.Context, string) error { return nil }
