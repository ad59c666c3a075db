// Package docker runs enclaves on a Docker Engine, or a Podman one that speaks its API. Objects on the engine, with
// their labels, are the only truth about what exists: the package keeps nothing that it could not read back.
package docker

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"

	"github.com/kurtosis-go/kurtosis/backends"
)

// minAPI is the oldest engine API that is supported: Docker 20.10's is 1.41, Podman 4's too.
const minAPI = "1.40"

// Options choose an engine and how enclaves are placed on it. The zero value is what most people want.
type Options struct {
	// Host is the engine's address, as in DOCKER_HOST; "" finds it as `docker` does, from Getenv and Home.
	Host string
	// Getenv and Home replace the process's environment and home directory.
	Getenv func(string) string
	Home   string

	// SubnetPools are what enclave networks are cut from, in blocks of SubnetBits; nil and 0 are those of the variable
	// KURTOSIS_SUBNET_POOLS or DefaultSubnetPools, and DefaultSubnetBits.
	SubnetPools []netip.Prefix
	SubnetBits  int
	// Routes lists networks the host already routes; nil reads the kernel's table.
	Routes func() ([]netip.Prefix, error)

	// PublishAddress is where ports are published; "" is 127.0.0.1.
	PublishAddress string

	// Relay names the program that Dial runs inside of an enclave whose network this process cannot reach
	// (rootless, remote or virtualised engines); the zero value makes Dial fail there, with an explanation.
	Relay Relay
	// ForceRelay dials through the relay even where the network can be reached.
	ForceRelay bool
}

// Relay is an image with a program that does what package relay does: the network ("tcp") and the address
// are appended to Command.
type Relay struct {
	// Image makes sure that the engine has the image and returns its reference.
	Image   func(ctx context.Context, images backends.Images) (string, error)
	Command []string
}

// Backend is a connection to one engine.
type Backend struct {
	client   *client.Client
	endpoint string
	options  Options
	local    bool // the engine shares this process's loopback interface

	transfers transfers

	mu       sync.Mutex
	networks map[string]*network // by enclave UUID
	relays   map[string]*relay   // by enclave UUID
	picked   map[hostPort]struct{}
}

var _ backends.Backend = (*Backend)(nil)

// Open finds an engine and makes sure that it answers. EngineUnreachable says what was tried; PermissionDenied is its own kind.
func Open(ctx context.Context, options Options) (*Backend, error) {
	if options.Getenv == nil {
		options.Getenv = os.Getenv
	}
	if options.Home == "" {
		options.Home, _ = os.UserHomeDir() // without one, nothing is looked for there
	}
	if len(options.SubnetPools) == 0 {
		var err error
		if options.SubnetPools, err = configuredPools(options.Getenv(subnetPoolsVariable)); err != nil {
			return nil, err
		}
	}
	if options.SubnetBits == 0 {
		options.SubnetBits = DefaultSubnetBits
	}
	if options.Routes == nil {
		options.Routes = hostRoutes
	}
	if options.PublishAddress == "" {
		options.PublishAddress = "127.0.0.1"
	}
	endpoints, err := candidates(options.Host, options.Getenv, options.Home)
	if err != nil {
		return nil, err
	}
	var failures []failure
	for _, e := range endpoints {
		c, err := connect(ctx, e)
		if err == nil {
			return &Backend{
				client: c, endpoint: e.host, options: options, local: sharesLoopback(e.host),
				networks: map[string]*network{}, relays: map[string]*relay{}, picked: map[hostPort]struct{}{},
			}, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		failures = append(failures, failure{e, err})
	}
	return nil, unreachable(failures)
}

// pingTimeout bounds the first answer of an engine: one that is starting takes seconds, one behind a dead address forever.
const pingTimeout = 10 * time.Second

func connect(ctx context.Context, e endpoint) (*client.Client, error) {
	opts, err := e.clientOptions()
	if err != nil {
		return nil, err
	}
	c, err := client.NewClientWithOpts(append(opts, client.WithAPIVersionNegotiation())...)
	if err != nil {
		return nil, err
	}
	pingCtx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if err := e.probe(pingCtx); err != nil {
		c.Close()
		return nil, err
	}
	ping, err := c.Ping(pingCtx)
	if err != nil {
		c.Close()
		return nil, err
	}
	if ping.APIVersion != "" && versions.LessThan(ping.APIVersion, minAPI) {
		c.Close()
		return nil, backends.Errorf(backends.Unsupported, "the engine at %s speaks Docker API %s, and %s is the oldest that works", e.host, ping.APIVersion, minAPI).
			WithHint("upgrade it: Docker 20.10 or Podman 4 is enough")
	}
	c.NegotiateAPIVersionPing(ping)
	return c, nil
}

// sharesLoopback is true for an engine on this machine, in this network namespace.
func sharesLoopback(host string) bool {
	if !strings.HasPrefix(host, "unix://") {
		return false
	}
	// In a container the socket may be the host's, while loopback is the container's own.
	for _, mark := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(mark); err == nil {
			return false
		}
	}
	return true
}

// Client is the connection to the engine's own API, for what an Enclave needs beyond backends.Backend.
func (b *Backend) Client() *client.Client { return b.client }

// Close releases connections.
func (b *Backend) Close() error { return b.client.Close() }

// Info describes the engine.
func (b *Backend) Info(ctx context.Context) (backends.Info, error) {
	info, err := b.client.Info(ctx)
	if err != nil {
		return backends.Info{}, b.wrap(ctx, err, "asking the engine about itself")
	}
	r := backends.Info{
		ClusterType: backends.Docker,
		Name:        "Docker Engine",
		Version:     info.ServerVersion,
		Endpoint:    b.endpoint,
		Platform:    info.OSType + "/" + goarch(info.Architecture),
		TotalCPU:    int64(info.NCPU) * 1000,
		FreeCPU:     int64(info.NCPU) * 1000, // nothing is reserved on Docker
		TotalMemory: info.MemTotal,
	}
	if isPodman(info.InitBinary, info.ServerVersion, info.Runtimes) {
		r.Name = "Podman Engine"
	}
	if b.local {
		r.FreeMemory = availableMemory()
	}
	return r, nil
}

// goarch translates the kernel's name of an architecture.
func goarch(machine string) string {
	switch machine {
	case "x86_64":
		return "amd64"
	case "aarch64":
		return "arm64"
	case "armv7l":
		return "arm"
	}
	return machine
}

// isPodman tells by what `info` of Podman's Docker API alone has: several OCI runtimes with crun among them and no docker-init.
func isPodman[R any](initBinary, version string, runtimes map[string]R) bool {
	_, crun := runtimes["crun"]
	return initBinary == "" && crun
}

// availableMemory is what the kernel thinks could be given to new programs; 0 where it does not say.
func availableMemory() int64 {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		if rest, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
			var kib int64
			if _, err := fmt.Sscan(rest, &kib); err == nil {
				return kib << 10
			}
		}
	}
	return 0
}
