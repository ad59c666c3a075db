package docker

import (
	"context"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"

	"github.com/kurtosis-go/kurtosis/backends"
)

// An update that was killed in the middle leaves two containers of one service: the old one and, marked by its
// name, the one that was to replace it. Which of them is the service can always be told: the new one once it runs.

func isNext(c container.Summary) bool {
	return slices.ContainsFunc(c.Names, func(name string) bool { return strings.HasSuffix(name, nextSuffix) })
}

// wins tells whether a is the service and b, of the same service, is not.
func wins(a, b container.Summary) bool {
	if isNext(a) == isNext(b) {
		return a.Created >= b.Created
	}
	if isNext(a) {
		return isRunning(a.State)
	}
	return !isRunning(b.State)
}

// withoutHalves drops from a list of services those containers that are not the service.
func withoutHalves(list []container.Summary) []container.Summary {
	best := map[string]container.Summary{}
	for _, c := range list {
		uuid := c.Labels[backends.LabelGUID]
		if other, ok := best[uuid]; !ok || wins(c, other) {
			best[uuid] = c
		}
	}
	if len(best) == len(list) {
		return list
	}
	return slices.DeleteFunc(list, func(c container.Summary) bool { return best[c.Labels[backends.LabelGUID]].ID != c.ID })
}

// settle ends what a killed update began: the container that is not the service goes, and the one that is gets its name.
func (b *Backend) settle(ctx context.Context, enclave, service string) error {
	list, err := b.client.ContainerList(ctx, container.ListOptions{All: true, Filters: enclaveFilter(enclave,
		backends.LabelContainerType+"="+backends.ContainerTypeService, backends.LabelID+"="+service)})
	if err != nil {
		return b.wrap(ctx, err, "listing services")
	}
	const doing = "completing an update that was interrupted"
	kept := withoutHalves(slices.Clone(list))
	for _, c := range list {
		if !slices.ContainsFunc(kept, func(k container.Summary) bool { return k.ID == c.ID }) {
			if err := b.removeContainer(ctx, c.ID); err != nil {
				return b.wrap(ctx, err, doing)
			}
		}
	}
	for _, c := range kept {
		if isNext(c) {
			if err := b.client.ContainerRename(ctx, c.ID, backends.ContainerName(service, c.Labels[backends.LabelGUID])); err != nil {
				return b.wrap(ctx, err, doing)
			}
		}
	}
	return nil
}
