package docker

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/go-connections/nat"

	"github.com/kurtosis-go/kurtosis/backends"
)

// InspectService asks the engine for everything about a service.
func (b *Backend) InspectService(ctx context.Context, enclave, service string) (backends.Service, error) {
	c, err := b.find(ctx, enclave, service)
	if err != nil {
		return backends.Service{}, err
	}
	info, err := b.client.ContainerInspect(ctx, c.ID)
	if err != nil {
		return backends.Service{}, b.wrap(ctx, err, fmt.Sprintf("inspecting service %q", service))
	}
	return b.inspected(info), nil
}

// ListServices lists with one call; of stopped services it asks for more, since the list does not say why they ended.
func (b *Backend) ListServices(ctx context.Context, enclave string) ([]backends.Service, error) {
	if _, err := b.network(ctx, enclave); err != nil {
		return nil, err
	}
	list, err := b.containers(ctx, enclave)
	if err != nil {
		return nil, err
	}
	services := make([]backends.Service, len(list))
	indexes := make([]int, len(list))
	for i := range list {
		indexes[i] = i
	}
	err = parallel(indexes, func(i int) error {
		info, err := b.client.ContainerInspect(ctx, list[i].ID)
		if err != nil {
			return b.wrap(ctx, err, fmt.Sprintf("inspecting service %q", list[i].Labels[backends.LabelID]))
		}
		services[i] = b.inspected(info)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return services, nil
}

// inspected translates what the engine knows about a container.
func (b *Backend) inspected(c container.InspectResponse) backends.Service {
	labels := c.Config.Labels
	s := backends.Service{
		Name:     labels[backends.LabelID],
		UUID:     labels[backends.LabelGUID],
		Image:    cmp.Or(labels[backends.LabelImage], c.Config.Image),
		ImageID:  c.Image,
		Address:  labels[backends.LabelPrivateIP],
		Hostname: labels[backends.LabelID],
		Labels:   customLabels(labels),
		State:    backends.Stopped,
		ExitCode: c.State.ExitCode,
		// A container that was started again keeps the flag of its last death.
		OutOfMemory: c.State.OOMKilled && !c.State.Running,
		Started:     engineTime(c.State.StartedAt),
		Finished:    engineTime(c.State.FinishedAt),
	}
	// Labels that cannot be read are damaged by hand: a service without ports is what is left of it.
	s.Ports, _ = backends.ParsePorts(labels[backends.LabelPorts])
	if isRunning(c.State.Status) {
		s.State, s.ExitCode = backends.Running, 0
		s.Published = published(labels, c.NetworkSettings.Ports)
	}
	switch {
	case s.OutOfMemory:
		s.Reason = "OOMKilled"
	case c.State.Error != "":
		s.Reason = c.State.Error
	case c.State.Status == container.StateRestarting:
		s.Reason = "Restarting"
	}
	return s
}

// published translates port bindings back to port ids. Several ids of one port share its bindings, in order.
func published(labels map[string]string, ports nat.PortMap) map[string]backends.Endpoint {
	declared, _ := backends.ParsePorts(labels[backends.LabelPorts])
	public, _ := backends.ParsePorts(labels[backends.LabelPublicPorts])
	for id, p := range public {
		if _, ok := declared[id]; !ok {
			declared[id] = p
		}
	}
	list := map[string]backends.Endpoint{}
	used := map[string]int{}
	for _, id := range sortedKeys(declared) {
		p := declared[id]
		bindings := ports[nat.Port(p.String())]
		i := used[p.String()]
		if i >= len(bindings) {
			continue
		}
		used[p.String()]++
		if n, err := strconv.ParseUint(bindings[i].HostPort, 10, 16); err == nil && n != 0 {
			list[id] = backends.Endpoint{Address: bindings[i].HostIP, Port: backends.Port{Number: uint16(n), Transport: p.Protocol(), Application: p.Application}}
		}
	}
	return list
}

// engineTime reads a time of the engine, which writes year 1 for never.
func engineTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Year() <= 1 {
		return time.Time{}
	}
	return t
}
