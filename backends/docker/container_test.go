package docker

import (
	"net/netip"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/go-connections/nat"
	"github.com/docker/go-units"
	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
)

// What cannot be seen on any machine (GPUs, devices, SCTP where the kernel has none) is seen in the request.
func TestContainerConfig(t *testing.T) {
	b := &Backend{options: Options{PublishAddress: "127.0.0.1"}, picked: map[hostPort]struct{}{}}
	gid := int64(5)
	l := &launch{
		network: newNetwork("id", "uuid", "enclave", false, netip.MustParsePrefix("10.0.0.0/24")),
		address: netip.MustParseAddr("10.0.0.9"),
		spec: backends.ServiceSpec{
			Name: "web", UUID: "u", Image: "i", Cmd: []string{"at ADDR"}, AddressPlaceholder: "ADDR",
			Env:         map[string]string{"B": "2", "A": "ADDR"},
			Ports:       map[string]backends.Port{"s": {Number: 7, Transport: backends.SCTP}, "u": {Number: 8, Transport: backends.UDP}},
			PublicPorts: map[string]backends.Port{"s": {Number: 9000, Transport: backends.SCTP}},
			Files:       []backends.Files{{Path: "/f"}}, Directories: []backends.Directory{{Path: "/d", Key: "k"}},
			BindMounts: map[string]string{"/var/run/docker.sock": "/sock"},
			User:       &backends.User{UID: 4, GID: &gid}, Init: true, TTY: true,
			MinCPU: 100, MaxCPU: 1500, MinMemory: 10 << 20, MaxMemory: 20 << 20, ShmSize: 1 << 20,
			Ulimits: map[string]int64{"nofile": 10}, GPU: &backends.GPU{Count: -1, Driver: "nvidia"},
			Labels: map[string]string{"x": "y"}, Capabilities: []string{"NET_ADMIN"}, Devices: []string{"/dev/fuse", "/dev/a:/dev/b:r"},
			Privileged: true, HostPIDNamespace: true, Restart: backends.RestartAlways,
		},
	}
	ports, err := b.publish(l)
	require.NoError(t, err)
	config, host, err := b.containerConfig(l, ports)
	require.NoError(t, err)
	require.Equal(t, nat.PortMap{"7/sctp": {{HostIP: "127.0.0.1", HostPort: "9000"}}}, host.PortBindings, "UDP only with publish_udp")
	require.Equal(t, nat.PortSet{"7/sctp": {}, "8/udp": {}}, config.ExposedPorts)
	require.Equal(t, []string{"A=10.0.0.9", "B=2"}, config.Env)
	require.Equal(t, []string{"at 10.0.0.9"}, []string(config.Cmd))
	require.Nil(t, config.Entrypoint)
	require.Equal(t, "4:5", config.User)
	require.True(t, config.Tty)
	require.True(t, *host.Init)
	require.Equal(t, container.PidMode("host"), host.PidMode)
	require.True(t, host.Privileged)
	require.Equal(t, "kt-enclave", string(host.NetworkMode))
	require.Equal(t, int64(1_500_000_000), host.NanoCPUs)
	require.Equal(t, []int64{20 << 20, 20 << 20, 10 << 20, 1 << 20}, []int64{host.Memory, host.MemorySwap, host.MemoryReservation, host.ShmSize})
	require.Equal(t, []*units.Ulimit{{Name: "nofile", Soft: 10, Hard: 10}}, host.Ulimits)
	require.Equal(t, []container.DeviceRequest{{Driver: "nvidia", Count: -1, Capabilities: [][]string{{"gpu"}}}}, host.DeviceRequests)
	require.Equal(t, []container.DeviceMapping{
		{PathOnHost: "/dev/fuse", PathInContainer: "/dev/fuse", CgroupPermissions: "rwm"},
		{PathOnHost: "/dev/a", PathInContainer: "/dev/b", CgroupPermissions: "r"},
	}, host.Devices)
	require.Equal(t, container.RestartPolicyUnlessStopped, host.RestartPolicy.Name)
	require.Equal(t, []string{"NET_ADMIN"}, []string(host.CapAdd))
	require.Len(t, host.Mounts, 3)
	require.Equal(t, "", host.Mounts[0].Source)
	require.True(t, host.Mounts[0].VolumeOptions.NoCopy)
	require.Equal(t, "k--uuid", host.Mounts[1].Source)
	require.Equal(t, mount.Mount{Type: mount.TypeBind, Source: "/var/run/docker.sock", Target: "/sock"}, host.Mounts[2])
	require.Equal(t, map[string]string{
		"com.kurtosistech.app-id": "kurtosis", "com.kurtosistech.container-type": "user-service", "com.kurtosistech.id": "web",
		"com.kurtosistech.guid": "u", "com.kurtosistech.enclave-id": "uuid", "com.kurtosistech.enclave-name": "enclave",
		"com.kurtosistech.ports": "s:7/SCTP,u:8/UDP", "com.kurtosistech.public-ports": "s:9000/SCTP", "com.kurtosistech.private-ip": "10.0.0.9",
		"com.kurtosistech.image": "i", "com.kurtosistech.custom.x": "y",
		"kurtosis_enclave_name": "enclave", "kurtosis_enclave_uuid": "uuid", "kurtosis_service_name": "web", "kurtosis_service_uuid": "u",
	}, config.Labels)

	l.spec.Devices = []string{"fuse"}
	_, _, err = b.containerConfig(l, ports)
	require.EqualError(t, err, `malformed device "fuse"`)
}

func TestTakenPort(t *testing.T) {
	for text, want := range map[string]string{
		"driver failed programming external connectivity on endpoint x (abc): Bind for 127.0.0.1:8080 failed: port is already allocated":                               "8080",
		"driver failed programming external connectivity on endpoint x (abc): Error starting userland proxy: listen tcp4 127.0.0.1:8081: bind: address already in use": "8081",
		"cannot listen on the TCP port: listen tcp4 127.0.0.1:8082: bind: address already in use":                                                                      "8082",
	} {
		port, taken := takenPort(textError(text))
		require.True(t, taken, text)
		require.Equal(t, want, port)
		require.False(t, isAddressTaken(textError(text)))
	}
	_, taken := takenPort(textError("Address already in use"))
	require.False(t, taken)
	require.True(t, isAddressTaken(textError("Address already in use")))
}

type textError string

func (e textError) Error() string { return string(e) }
