package docker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	dockernet "github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"github.com/kurtosis-go/kurtosis/backends"
)

var _ backends.Leftovers = (*Backend)(nil)

// Leftovers finds what has our labels and belongs to nothing: containers and volumes of an enclave that has no network,
// and networks of an engine that has no container. Enclaves come and go meanwhile, their network first and last: so
// what is left over was there before the networks were looked at, and is there after.
func (b *Backend) Leftovers(ctx context.Context) ([]backends.Leftover, error) {
	const doing = "looking for what is left over"
	ours := filters.NewArgs(filters.Arg("label", backends.LabelAppID+"="+backends.AppID))
	before, _, err := b.belongings(ctx, ours)
	if err != nil {
		return nil, b.wrap(ctx, err, doing)
	}
	networks, err := b.client.NetworkList(ctx, dockernet.ListOptions{Filters: ours})
	if err != nil {
		return nil, b.wrap(ctx, err, doing)
	}
	after, names, err := b.belongings(ctx, ours)
	if err != nil {
		return nil, b.wrap(ctx, err, doing)
	}
	enclaves := map[string]bool{}
	var left []backends.Leftover
	for _, n := range networks {
		if uuid := n.Labels[backends.LabelEnclaveUUID]; uuid != "" {
			enclaves[uuid] = true
		}
	}
	for _, l := range after {
		if !enclaves[l.Enclave] && slices.Contains(before, l) {
			left = append(left, l)
		}
	}
	for _, n := range networks {
		if n.Labels[backends.LabelContainerType] == backends.ContainerTypeEngine && !names[n.Name] && time.Since(n.Created) > startTime {
			left = append(left, backends.Leftover{Kind: backends.LeftoverNetwork, ID: n.ID, Name: n.Name})
		}
	}
	return left, nil
}

// startTime is how long an engine's network may be without the engine: its container is made next.
const startTime = time.Minute

// belongings lists containers and volumes that are labelled as an enclave's, and the names of all containers of ours.
func (b *Backend) belongings(ctx context.Context, ours filters.Args) ([]backends.Leftover, map[string]bool, error) {
	containers, err := b.client.ContainerList(ctx, container.ListOptions{All: true, Filters: ours})
	if err != nil {
		return nil, nil, err
	}
	volumes, err := b.client.VolumeList(ctx, volume.ListOptions{Filters: ours})
	if err != nil {
		return nil, nil, err
	}
	var list []backends.Leftover
	names := map[string]bool{}
	for _, c := range containers {
		name := c.Labels[backends.LabelID]
		if len(c.Names) > 0 {
			name = strings.TrimPrefix(c.Names[0], "/")
		}
		names[name] = true
		if uuid := c.Labels[backends.LabelEnclaveUUID]; uuid != "" {
			list = append(list, backends.Leftover{Kind: backends.LeftoverContainer, ID: c.ID, Name: name, Enclave: uuid})
		}
	}
	for _, v := range volumes.Volumes {
		if uuid := v.Labels[backends.LabelEnclaveUUID]; uuid != "" {
			list = append(list, backends.Leftover{Kind: backends.LeftoverVolume, ID: v.Name, Name: v.Name, Enclave: uuid})
		}
	}
	return list, names, nil
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
