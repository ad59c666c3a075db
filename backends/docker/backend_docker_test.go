//go:build docker

package docker_test

import (
	"context"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/backendtest"
	"github.com/kurtosis-go/kurtosis/backends/docker"
)

// open connects to the engine that `docker` would use.
func open(t testing.TB, options docker.Options) *docker.Backend {
	t.Helper()
	b, err := docker.Open(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() { b.Close() })
	return b
}

// leftovers lists what carries an enclave's label.
func leftovers(b *docker.Backend) func(context.Context, string) ([]string, error) {
	return func(ctx context.Context, enclave string) ([]string, error) {
		f := filters.NewArgs(filters.Arg("label", backends.LabelEnclaveUUID+"="+enclave))
		var list []string
		containers, err := b.Client().ContainerList(ctx, container.ListOptions{All: true, Filters: f})
		if err != nil {
			return nil, err
		}
		for _, c := range containers {
			list = append(list, "container "+c.Names[0])
		}
		volumes, err := b.Client().VolumeList(ctx, volume.ListOptions{Filters: f})
		if err != nil {
			return nil, err
		}
		for _, v := range volumes.Volumes {
			list = append(list, "volume "+v.Name)
		}
		networks, err := b.Client().NetworkList(ctx, network.ListOptions{Filters: f})
		if err != nil {
			return nil, err
		}
		for _, n := range networks {
			list = append(list, "network "+n.Name)
		}
		return list, nil
	}
}

func TestConformance(t *testing.T) {
	b := open(t, docker.Options{})
	toolbox, busybox := backendtest.Prepare(t, b)
	backendtest.Run(t, func(*testing.T) backendtest.Engine {
		return backendtest.Engine{Backend: b, Toolbox: toolbox, Busybox: busybox, Leftovers: leftovers(b), HostPorts: true}
	})
}
