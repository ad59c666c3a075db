package docker

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/go-connections/nat"
	"github.com/docker/go-units"

	"github.com/kurtosis-go/kurtosis/backends"
)

// containerConfig is a launch in the engine's words.
func (b *Backend) containerConfig(l *launch, ports []binding) (*container.Config, *container.HostConfig, error) {
	spec := l.spec
	placed := func(s string) string {
		if spec.AddressPlaceholder == "" {
			return s
		}
		return strings.ReplaceAll(s, spec.AddressPlaceholder, l.address.String())
	}
	placedAll := func(list []string) []string {
		if list == nil {
			return nil
		}
		out := make([]string, len(list))
		for i, s := range list {
			out[i] = placed(s)
		}
		return out
	}
	env := make([]string, 0, len(spec.Env))
	for _, name := range slices.Sorted(maps.Keys(spec.Env)) {
		env = append(env, name+"="+placed(spec.Env[name]))
	}
	exposed := nat.PortSet{}
	for _, p := range spec.Ports {
		exposed[nat.Port(p.String())] = struct{}{}
	}
	bindings := nat.PortMap{}
	for _, bind := range ports {
		p := nat.Port(bind.port.String())
		exposed[p] = struct{}{}
		bindings[p] = append(bindings[p], nat.PortBinding{HostIP: b.options.PublishAddress, HostPort: strconv.Itoa(int(bind.host.number))})
	}
	grace := int(cmp.Or(spec.StopGrace, backends.DefaultStopGrace).Round(time.Second) / time.Second)
	config := &container.Config{
		Image:        spec.Image,
		Entrypoint:   placedAll(spec.Entrypoint),
		Cmd:          placedAll(spec.Cmd),
		Env:          env,
		ExposedPorts: exposed,
		Tty:          spec.TTY,
		Labels:       serviceLabels(l),
		StopTimeout:  &grace,
		Hostname:     hostname(spec.Name),
	}
	if spec.User != nil {
		config.User = strconv.FormatInt(spec.User.UID, 10)
		if spec.User.GID != nil {
			config.User += ":" + strconv.FormatInt(*spec.User.GID, 10)
		}
	}
	host := &container.HostConfig{
		NetworkMode:  container.NetworkMode(backends.NetworkName(l.network.name)),
		PortBindings: bindings,
		Mounts:       mounts(l),
		CapAdd:       spec.Capabilities,
		Privileged:   spec.Privileged,
		ShmSize:      spec.ShmSize,
		Resources: container.Resources{
			NanoCPUs:          spec.MaxCPU * 1e6,
			Memory:            spec.MaxMemory,
			MemorySwap:        spec.MaxMemory, // no swap on top: the limit is the limit
			MemoryReservation: spec.MinMemory,
		},
		RestartPolicy: restartPolicy(spec.Restart, l.network.production),
	}
	if spec.Init {
		host.Init = &spec.Init
	}
	if spec.HostPIDNamespace {
		host.PidMode = "host"
	}
	for _, device := range spec.Devices {
		mapping, err := deviceMapping(device)
		if err != nil {
			return nil, nil, err
		}
		host.Devices = append(host.Devices, mapping)
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Ulimits)) {
		host.Ulimits = append(host.Ulimits, &units.Ulimit{Name: name, Soft: spec.Ulimits[name], Hard: spec.Ulimits[name]})
	}
	if gpu := spec.GPU; gpu != nil && (gpu.Count != 0 || len(gpu.DeviceIDs) > 0) {
		request := container.DeviceRequest{Driver: gpu.Driver, Count: gpu.Count, DeviceIDs: gpu.DeviceIDs, Capabilities: [][]string{{"gpu"}}}
		if len(gpu.DeviceIDs) > 0 {
			request.Count = 0 // the engine refuses both
		}
		host.DeviceRequests = []container.DeviceRequest{request}
	}
	return config, host, nil
}

// hostname is the service's name as its own host name, cut to what the kernel takes.
func hostname(service string) string { return service[:min(len(service), 63)] }

func serviceLabels(l *launch) map[string]string {
	labels := map[string]string{
		backends.LabelAppID:          backends.AppID,
		backends.LabelContainerType:  backends.ContainerTypeService,
		backends.LabelID:             l.spec.Name,
		backends.LabelGUID:           l.spec.UUID,
		backends.LabelEnclaveUUID:    l.network.uuid,
		backends.LabelEnclaveName:    l.network.name,
		backends.LabelPorts:          backends.FormatPorts(l.spec.Ports),
		backends.LabelPrivateIP:      l.address.String(),
		backends.LabelImage:          l.spec.Image,
		backends.LogLabelEnclaveName: l.network.name,
		backends.LogLabelEnclaveUUID: l.network.uuid,
		backends.LogLabelServiceName: l.spec.Name,
		backends.LogLabelServiceUUID: l.spec.UUID,
	}
	if len(l.spec.PublicPorts) > 0 {
		labels[backends.LabelPublicPorts] = backends.FormatPorts(l.spec.PublicPorts)
	}
	for k, v := range l.spec.Labels {
		labels[backends.CustomLabelPrefix+k] = v
	}
	return labels
}

// mounts: files are anonymous volumes, filled before the start and gone with the container; persistent
// directories are named ones.
func mounts(l *launch) []mount.Mount {
	var list []mount.Mount
	label := func(kind string) map[string]string {
		return map[string]string{
			backends.LabelAppID:       backends.AppID,
			backends.LabelVolumeType:  kind,
			backends.LabelEnclaveUUID: l.network.uuid,
			backends.LabelGUID:        l.spec.UUID,
		}
	}
	for _, f := range l.spec.Files {
		list = append(list, mount.Mount{Type: mount.TypeVolume, Target: f.Path, VolumeOptions: &mount.VolumeOptions{NoCopy: true, Labels: label(backends.VolumeTypeFiles)}})
	}
	for _, d := range l.spec.Directories {
		list = append(list, mount.Mount{
			Type: mount.TypeVolume, Target: d.Path, Source: backends.PersistentVolumeName(d.Key, l.network.uuid),
			VolumeOptions: &mount.VolumeOptions{Labels: label(backends.VolumeTypePersistent)},
		})
	}
	for _, source := range slices.Sorted(maps.Keys(l.spec.BindMounts)) {
		list = append(list, mount.Mount{Type: mount.TypeBind, Source: source, Target: l.spec.BindMounts[source]})
	}
	return list
}

func restartPolicy(policy backends.RestartPolicy, production bool) container.RestartPolicy {
	switch {
	case policy == backends.RestartOnFailure:
		return container.RestartPolicy{Name: container.RestartPolicyOnFailure}
	case policy == backends.RestartAlways || production:
		return container.RestartPolicy{Name: container.RestartPolicyUnlessStopped}
	}
	return container.RestartPolicy{Name: container.RestartPolicyDisabled}
}

// deviceMapping reads "host[:container[:permissions]]".
func deviceMapping(s string) (container.DeviceMapping, error) {
	parts := strings.Split(s, ":")
	m := container.DeviceMapping{PathOnHost: parts[0], PathInContainer: parts[0], CgroupPermissions: "rwm"}
	if len(parts) > 1 && parts[1] != "" {
		m.PathInContainer = parts[1]
	}
	if len(parts) > 2 {
		m.CgroupPermissions = parts[2]
	}
	if len(parts) > 3 || !strings.HasPrefix(m.PathOnHost, "/") || !strings.HasPrefix(m.PathInContainer, "/") || strings.Trim(m.CgroupPermissions, "rwm") != "" {
		return m, backends.Errorf(backends.Invalid, "malformed device %q", s).WithHint("it looks like /dev/fuse or /dev/fuse:/dev/fuse:rwm")
	}
	return m, nil
}

// exitStatus is the code in a container list's "Exited (3) 2 minutes ago".
func exitStatus(status string) (int, bool) {
	rest, ok := strings.CutPrefix(status, "Exited (")
	if !ok {
		return 0, false
	}
	var code int
	_, err := fmt.Sscanf(rest, "%d)", &code)
	return code, err == nil
}
