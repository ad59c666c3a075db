package docker

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/docker/docker/api/types/container"

	"github.com/kurtosis-go/kurtosis/backends"
)

// nextSuffix marks a container that is to replace another.
const nextSuffix = "--next"

// UpdateService makes the new container beside the old one, stops the old, starts the new under the same
// address, and only then removes the old: until then going back is a start.
func (b *Backend) UpdateService(ctx context.Context, enclave string, spec backends.ServiceSpec) (backends.Service, error) {
	if err := spec.Validate(); err != nil {
		return backends.Service{}, err
	}
	n, err := b.network(ctx, enclave)
	if err != nil {
		return backends.Service{}, err
	}
	if !n.claim(spec.Name) {
		return backends.Service{}, backends.Errorf(backends.Conflict, "service %q is being changed by another call", spec.Name)
	}
	defer n.disclaim(spec.Name)
	if err := b.settle(ctx, enclave, spec.Name); err != nil {
		return backends.Service{}, err
	}
	found, err := b.find(ctx, enclave, spec.Name)
	if err != nil {
		return backends.Service{}, err
	}
	doing := fmt.Sprintf("updating service %q", spec.Name)
	old, err := b.client.ContainerInspect(ctx, found.ID)
	if err != nil {
		return backends.Service{}, b.wrap(ctx, err, doing)
	}
	address, err := netip.ParseAddr(old.Config.Labels[backends.LabelPrivateIP])
	if err != nil {
		return backends.Service{}, backends.Errorf(backends.Invalid, "%s: its address label %q cannot be read", doing, old.Config.Labels[backends.LabelPrivateIP])
	}
	if spec.UUID == "" {
		spec.UUID = old.Config.Labels[backends.LabelGUID]
	}
	name := backends.ContainerName(spec.Name, spec.UUID)
	l := launch{network: n, spec: spec, address: address, name: name + nextSuffix, keep: boundPorts(old)}
	if err := b.create(ctx, &l); err != nil {
		b.discard(ctx, l.id)
		return backends.Service{}, b.launchError(ctx, n, spec, err, doing)
	}
	if err := b.swap(ctx, &l, old, name); err != nil {
		b.discard(ctx, l.id)
		if old.State.Running {
			undo, cancel := cleanupContext(ctx)
			defer cancel()
			if startErr := b.start(undo, old.ID); startErr != nil {
				return backends.Service{}, &backends.Error{Kind: backends.Conflict, Message: fmt.Sprintf("%s: %s; and the old one does not start again: %s", doing, engineText(err), engineText(startErr)), Err: err}
			}
		}
		return backends.Service{}, b.launchError(ctx, n, spec, err, doing)
	}
	return l.service(), nil
}

// swap stops the old container, starts the new one and gives it the name.
func (b *Backend) swap(ctx context.Context, l *launch, old container.InspectResponse, name string) error {
	if err := b.client.ContainerStop(ctx, old.ID, container.StopOptions{}); err != nil {
		return err
	}
	if err := b.start(ctx, l.id); err != nil {
		// The ports it had are the old one's and were free a moment ago; only a fresh choice can help.
		if port, taken := takenPort(err); !taken || l.isFixed(port) {
			return err
		}
		b.discard(ctx, l.id)
		l.keep = nil
		if err := b.launch(ctx, l); err != nil {
			return err
		}
	}
	// The new one runs: from here on there is no way back, and a name that is wrong for a moment does no harm.
	undo, cancel := cleanupContext(ctx)
	defer cancel()
	if err := b.removeContainer(undo, old.ID); err != nil {
		return err
	}
	return b.client.ContainerRename(undo, l.id, name)
}

// boundPorts are the host's ports of a container, by container port ("80/tcp").
func boundPorts(c container.InspectResponse) map[string][]uint16 {
	ports := map[string][]uint16{}
	for port, bindings := range c.HostConfig.PortBindings {
		for _, binding := range bindings {
			if n, err := strconv.ParseUint(binding.HostPort, 10, 16); err == nil && n != 0 {
				ports[string(port)] = append(ports[string(port)], uint16(n))
			}
		}
	}
	return ports
}
