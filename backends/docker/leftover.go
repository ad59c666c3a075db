package docker

import (
	"context"
	"fmt"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	dockernet "github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"github.com/kurtosis-go/kurtosis/backends"
)

var _ backends.Leftovers = (*Backend)(nil)

// Leftovers finds what has our labels and belongs to nothing: containers and volumes of an enclave that has no network,
// networks of an engine that has no container, and tools that have ended while nobody waited. A store that is kept for
// builds is none.
func (b *Backend) Leftovers(ctx context.Context) ([]backends.Leftover, error) {
	const doing = "looking for what is left over"
	ours := filters.NewArgs(filters.Arg("label", backends.LabelAppID+"="+backends.AppID))
	networks, err := b.client.NetworkList(ctx, dockernet.ListOptions{Filters: ours})
	if err != nil {
		return nil, b.wrap(ctx, err, doing)
	}
	containers, err := b.client.ContainerList(ctx, container.ListOptions{All: true, Filters: ours})
	if err != nil {
		return nil, b.wrap(ctx, err, doing)
	}
	volumes, err := b.client.VolumeList(ctx, volume.ListOptions{Filters: ours})
	if err != nil {
		return nil, b.wrap(ctx, err, doing)
	}
	enclaves, names := map[string]bool{}, map[string]bool{}
	for _, n := range networks {
		if uuid := n.Labels[backends.LabelEnclaveUUID]; uuid != "" {
			enclaves[uuid] = true
		}
	}
	var left []backends.Leftover
	for _, c := range containers {
		name := c.Labels[backends.LabelID]
		if len(c.Names) > 0 {
			name = c.Names[0][1:]
		}
		names[name] = true
		if uuid := c.Labels[backends.LabelEnclaveUUID]; uuid != "" && !enclaves[uuid] {
			left = append(left, backends.Leftover{Kind: backends.LeftoverContainer, ID: c.ID, Name: name, Enclave: uuid})
		}
		if c.Labels[backends.LabelContainerType] == backends.ContainerTypeTool && c.State == container.StateExited {
			left = append(left, backends.Leftover{Kind: backends.LeftoverContainer, ID: c.ID, Name: name})
		}
	}
	for _, n := range networks {
		if n.Labels[backends.LabelContainerType] == backends.ContainerTypeEngine && !names[n.Name] {
			left = append(left, backends.Leftover{Kind: backends.LeftoverNetwork, ID: n.ID, Name: n.Name})
		}
	}
	for _, v := range volumes.Volumes {
		if uuid := v.Labels[backends.LabelEnclaveUUID]; uuid != "" && !enclaves[uuid] {
			left = append(left, backends.Leftover{Kind: backends.LeftoverVolume, ID: v.Name, Name: v.Name, Enclave: uuid})
		}
	}
	return left, nil
}

// RemoveLeftover removes one.
func (b *Backend) RemoveLeftover(ctx context.Context, l backends.Leftover) error {
	var err error
	switch l.Kind {
	case backends.LeftoverContainer:
		err = b.removeContainer(ctx, l.ID)
	case backends.LeftoverNetwork:
		err = b.removeNetwork(ctx, l.ID)
	case backends.LeftoverVolume:
		if err = b.client.VolumeRemove(ctx, l.ID, true); cerrdefs.IsNotFound(err) {
			err = nil
		}
	}
	return b.wrap(ctx, err, fmt.Sprintf("removing %s %s", l.Kind, l.Name))
}
