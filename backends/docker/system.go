package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/mount"
	dockernet "github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"

	"github.com/kurtosis-go/kurtosis/backends"
)

var _ backends.Systems = (*Backend)(nil)

const (
	// controlSocket is where a container finds the engine's socket: the first place that Open looks at.
	controlSocket = "/var/run/docker.sock"
	// socketVariable tells a process in a container where the engine's host has the socket.
	socketVariable = "KURTOSIS_DOCKER_SOCKET"
	// hostNetwork is where a container that controls the engine finds the host's own network tables: enclaves must not
	// be put where the host has routes.
	hostNetwork = "/run/kurtosis/host-net"
)

// StartSystem creates and starts a container of ours.
func (b *Backend) StartSystem(ctx context.Context, spec backends.SystemSpec) (backends.System, error) {
	doing := fmt.Sprintf("starting %s", spec.Name)
	var n *network
	var err error
	if spec.Enclave != "" {
		if n, err = b.network(ctx, spec.Enclave); err != nil {
			return backends.System{}, err
		}
	}
	var last error
	for range launchAttempts {
		last = nil
		var address netip.Addr
		if n != nil {
			if address, err = b.address(ctx, n); err != nil {
				return backends.System{}, err
			}
		}
		host := hostPort{backends.TCP, spec.PublishPort}
		if host.number == 0 {
			if host, err = b.pick(backends.TCP); err != nil {
				return backends.System{}, err
			}
		}
		last = b.launchSystem(ctx, n, address, host.number, spec)
		b.unpick([]binding{{host: host}})
		if last == nil {
			return b.systemNamed(ctx, spec)
		}
		if n != nil {
			n.release(address)
		}
		if _, taken := takenPort(last); taken && spec.PublishPort == 0 {
			continue
		}
		if n != nil && isAddressTaken(last) {
			n.reload()
			continue
		}
		break
	}
	return backends.System{}, b.systemError(ctx, spec, last, doing)
}

func (b *Backend) systemError(ctx context.Context, spec backends.SystemSpec, err error, doing string) error {
	if port, taken := takenPort(err); taken {
		return &backends.Error{Kind: backends.PortTaken, Message: fmt.Sprintf("%s: port %s is taken on the host", doing, cmp.Or(port, strconv.Itoa(int(spec.PublishPort)))),
			Hint: "choose another port, or free it (`docker ps` and `ss -tulpn` show who has it)", Err: err}
	}
	text := engineText(err)
	switch {
	case cerrdefs.IsConflict(err) && strings.Contains(text, "name"):
		return backends.Errorf(backends.AlreadyExists, "%s: there is a container of that name already", doing)
	case cerrdefs.IsNotFound(err) && strings.Contains(strings.ToLower(text), "no such image") || strings.Contains(text, "image not known"):
		return &backends.Error{Kind: backends.ImageNotFound, Message: fmt.Sprintf("%s: the engine has no image %q", doing, spec.Image), Hint: "pull or build it first", Err: err}
	}
	return b.wrap(ctx, err, doing)
}

// launchSystem makes one attempt. After an error nothing is left.
func (b *Backend) launchSystem(ctx context.Context, n *network, address netip.Addr, published uint16, spec backends.SystemSpec) error {
	// Not to be cancelled: the engine would go on, and what it makes after we have gone nobody would remove.
	whole, cancel := cleanupContext(ctx)
	defer cancel()
	config, host := b.systemConfig(n, address, published, spec)
	endpoint := &dockernet.EndpointSettings{}
	if n != nil {
		endpoint.IPAMConfig = &dockernet.EndpointIPAMConfig{IPv4Address: address.String()}
	} else if err := b.ownNetwork(whole, spec); err != nil {
		return err
	}
	created, err := b.client.ContainerCreate(whole, config, host,
		&dockernet.NetworkingConfig{EndpointsConfig: map[string]*dockernet.EndpointSettings{string(host.NetworkMode): endpoint}}, nil, spec.Name)
	if err == nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err == nil {
		err = b.start(ctx, created.ID)
	}
	if err != nil {
		b.discard(ctx, created.ID)
		if n == nil && !cerrdefs.IsConflict(err) {
			_ = b.removeNetwork(whole, spec.Name) // found by its labels when this fails
		}
	}
	return err
}

// ownNetwork makes the network of a container that is in no enclave: on the engine's default one every container
// of the machine could connect to it.
func (b *Backend) ownNetwork(ctx context.Context, spec backends.SystemSpec) error {
	_, err := b.client.NetworkCreate(ctx, spec.Name, dockernet.CreateOptions{Driver: "bridge", Labels: map[string]string{
		backends.LabelAppID: backends.AppID, backends.LabelContainerType: spec.Kind, backends.LabelGUID: spec.UUID,
	}})
	if err != nil && sameName().MatchString(err.Error()) {
		return nil // of a container that was removed by hand
	}
	return err
}

func (b *Backend) systemConfig(n *network, address netip.Addr, published uint16, spec backends.SystemSpec) (*container.Config, *container.HostConfig) {
	port := nat.Port(backends.Port{Number: spec.Port}.String())
	if spec.Control {
		spec.Env = maps.Clone(spec.Env)
		if spec.Env == nil {
			spec.Env = map[string]string{}
		}
		spec.Env[socketVariable] = b.socketOnHost() // it makes such containers in its turn
	}
	labels := maps.Clone(spec.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, map[string]string{
		backends.LabelAppID:         backends.AppID,
		backends.LabelContainerType: spec.Kind,
		backends.LabelID:            spec.Name,
		backends.LabelGUID:          spec.UUID,
		backends.LabelImage:         spec.Image,
		backends.LabelSystemPort:    strconv.Itoa(int(spec.Port)),
	})
	env := make([]string, 0, len(spec.Env))
	for _, name := range slices.Sorted(maps.Keys(spec.Env)) {
		env = append(env, name+"="+spec.Env[name])
	}
	grace := int(backends.DefaultStopGrace / time.Second)
	config := &container.Config{
		Image: spec.Image, Cmd: spec.Command, Env: env, Labels: labels, StopTimeout: &grace,
		ExposedPorts: nat.PortSet{port: struct{}{}},
	}
	host := &container.HostConfig{
		NetworkMode: container.NetworkMode(spec.Name),
		PortBindings: nat.PortMap{port: {{
			HostIP: cmp.Or(spec.PublishAddress, b.options.PublishAddress), HostPort: strconv.Itoa(int(published)),
		}}},
		// An engine that is stopped is removed: one that is there is to run.
		RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyAlways},
	}
	volumeLabels := map[string]string{backends.LabelAppID: backends.AppID, backends.LabelVolumeType: spec.VolumeType}
	if n != nil {
		host.RestartPolicy.Name = container.RestartPolicyUnlessStopped
		host.NetworkMode = container.NetworkMode(backends.NetworkName(n.name))
		labels[backends.LabelEnclaveUUID], labels[backends.LabelEnclaveName] = n.uuid, n.name
		labels[backends.LabelPrivateIP] = address.String()
		volumeLabels[backends.LabelEnclaveUUID] = n.uuid
	}
	if spec.Volume != "" {
		host.Mounts = append(host.Mounts, mount.Mount{Type: mount.TypeVolume, Source: spec.Volume, Target: spec.VolumePath, VolumeOptions: &mount.VolumeOptions{Labels: volumeLabels}})
	}
	if spec.Control {
		host.Mounts = append(host.Mounts,
			mount.Mount{Type: mount.TypeBind, Source: b.socketOnHost(), Target: controlSocket},
			mount.Mount{Type: mount.TypeBind, Source: "/proc/1/net", Target: hostNetwork, ReadOnly: true})
	}
	return config, host
}

// socketOnHost is where the engine's host has the engine's socket: where we are told, or where we reach it ourselves,
// unless that is by other means or from within a container.
func (b *Backend) socketOnHost() string {
	if path := b.options.Getenv(socketVariable); path != "" {
		return path
	}
	if path, ok := strings.CutPrefix(b.endpoint, "unix://"); ok && b.local {
		return path
	}
	return controlSocket
}

func (b *Backend) systemNamed(ctx context.Context, spec backends.SystemSpec) (backends.System, error) {
	list, err := b.ListSystems(ctx, spec.Kind)
	if err != nil {
		return backends.System{}, err
	}
	for _, s := range list {
		if s.Name == spec.Name {
			return s, nil
		}
	}
	return backends.System{}, backends.Errorf(backends.Exited, "%s was removed while it was being started", spec.Name)
}

// ListSystems lists containers of ours with one call.
func (b *Backend) ListSystems(ctx context.Context, kind string) ([]backends.System, error) {
	list, err := b.client.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(
		filters.Arg("label", backends.LabelAppID+"="+backends.AppID), filters.Arg("label", backends.LabelContainerType+"="+kind))})
	if err != nil {
		return nil, b.wrap(ctx, err, "listing the project's own containers")
	}
	systems := make([]backends.System, len(list))
	for i, c := range list {
		systems[i] = systemOf(c)
	}
	slices.SortFunc(systems, func(a, b backends.System) int { return cmp.Compare(a.Name, b.Name) })
	return systems, nil
}

func systemOf(c container.Summary) backends.System {
	port, _ := strconv.ParseUint(c.Labels[backends.LabelSystemPort], 10, 16) // a damaged label is port 0: nothing is published
	s := backends.System{
		ID: c.ID, Name: c.Labels[backends.LabelID], UUID: c.Labels[backends.LabelGUID], Kind: c.Labels[backends.LabelContainerType],
		Enclave: c.Labels[backends.LabelEnclaveUUID], Image: cmp.Or(c.Labels[backends.LabelImage], c.Image), ImageID: c.ImageID,
		Labels: c.Labels, State: backends.Stopped, Created: time.Unix(c.Created, 0), Address: c.Labels[backends.LabelPrivateIP], Port: uint16(port),
	}
	if s.Address == "" && c.NetworkSettings != nil {
		for _, n := range c.NetworkSettings.Networks {
			s.Address = n.IPAddress
		}
	}
	if !isRunning(c.State) {
		s.ExitCode, _ = exitStatus(c.Status)
		return s
	}
	s.State = backends.Running
	for _, p := range c.Ports {
		if p.PrivatePort == s.Port && p.PublicPort != 0 {
			s.Published = backends.Endpoint{Address: p.IP, Port: backends.Port{Number: p.PublicPort}}
			break
		}
	}
	return s
}

// SystemSettings leaves out of the environment what the image and this package put there.
func (b *Backend) SystemSettings(ctx context.Context, id string) (backends.SystemSettings, error) {
	c, err := b.client.ContainerInspect(ctx, id)
	if err != nil {
		return backends.SystemSettings{}, b.wrap(ctx, err, "looking at the container "+id)
	}
	s := backends.SystemSettings{Command: c.Config.Cmd, Env: map[string]string{}}
	for _, entry := range c.Config.Env {
		if name, value, _ := strings.Cut(entry, "="); name != socketVariable && name != "PATH" {
			s.Env[name] = value
		}
	}
	return s, nil
}

// ResumeSystem starts a container that has ended.
func (b *Backend) ResumeSystem(ctx context.Context, id string) error {
	return b.wrap(ctx, b.start(ctx, id), "starting a container of the engine again")
}

// StopSystem stops a container of ours.
func (b *Backend) StopSystem(ctx context.Context, id string) error {
	return b.wrap(ctx, b.client.ContainerStop(ctx, id, container.StopOptions{}), "stopping a container of the engine")
}

// RemoveSystem removes a container of ours and its own network.
func (b *Backend) RemoveSystem(ctx context.Context, id string) error {
	const doing = "removing a container of the engine"
	info, err := b.client.ContainerInspect(ctx, id)
	if cerrdefs.IsNotFound(err) {
		return nil
	} else if err != nil {
		return b.wrap(ctx, err, doing)
	}
	if err := b.removeContainer(ctx, id); err != nil {
		return b.wrap(ctx, err, doing)
	}
	name := strings.TrimPrefix(info.Name, "/")
	if info.Config.Labels[backends.LabelEnclaveUUID] != "" {
		return nil // the network is the enclave's
	}
	return b.wrap(ctx, b.removeNetwork(ctx, name), doing)
}

// RemoveSystemVolume removes a volume.
func (b *Backend) RemoveSystemVolume(ctx context.Context, name string) error {
	err := b.client.VolumeRemove(ctx, name, true)
	if cerrdefs.IsNotFound(err) {
		return nil
	}
	return b.wrap(ctx, err, fmt.Sprintf("removing volume %q", name))
}

// RemoveSystemImages leaves it to the engine to find out which images are in use: it refuses to remove these.
func (b *Backend) RemoveSystemImages(ctx context.Context, repository string) error {
	list, err := b.client.ImageList(ctx, image.ListOptions{Filters: filters.NewArgs(filters.Arg("reference", repository))})
	if err != nil {
		return b.wrap(ctx, err, "listing the images of engines")
	}
	var failed error
	for _, i := range list {
		for _, ref := range i.RepoTags {
			_, err := b.client.ImageRemove(ctx, ref, image.RemoveOptions{PruneChildren: true})
			if err != nil && !cerrdefs.IsNotFound(err) && !cerrdefs.IsConflict(err) {
				failed = errors.Join(failed, b.wrap(ctx, err, fmt.Sprintf("removing image %q", ref)))
			}
		}
	}
	return failed
}

// SystemLogs yields the output of a container of ours.
func (b *Backend) SystemLogs(ctx context.Context, id string, options backends.LogOptions) iter.Seq2[backends.LogLine, error] {
	return func(yield func(backends.LogLine, error) bool) {
		for line, err := range b.logs(ctx, id, false, options) {
			if !yield(line, b.wrap(ctx, err, "reading the log of a container of the engine")) {
				return
			}
		}
	}
}

// DialSystem connects to where a container of ours is published.
func (b *Backend) DialSystem(ctx context.Context, s backends.System) (net.Conn, error) {
	if s.Published.Number == 0 {
		return nil, backends.Errorf(backends.Exited, "%s does not run", s.Name)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(s.Published.Address, strconv.Itoa(int(s.Published.Number))))
	return conn, b.wrap(ctx, err, fmt.Sprintf("connecting to %s", s.Name))
}
