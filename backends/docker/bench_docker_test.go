//go:build docker

package docker_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"
	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/backendtest"
	"github.com/kurtosis-go/kurtosis/backends/docker"
)

const (
	benchServices = 10
	benchPort     = 7000
)

// BenchmarkTenServices compares ten services with a port each, added at once until every port is open, with ten raw
// create and start calls for the same containers at once. Rounds alternate; the figure is the ratio of the best times.
func BenchmarkTenServices(b *testing.B) {
	backend := open(b, docker.Options{})
	toolbox := backendtest.Toolbox(b, backend)
	var ours, raw time.Duration
	best := func(d *time.Duration, took time.Duration) {
		if *d == 0 || took < *d {
			*d = took
		}
	}
	for b.Loop() {
		best(&raw, rawServices(b, backend, toolbox))
		best(&ours, ourServices(b, backend, toolbox))
	}
	b.ReportMetric(ours.Seconds(), "ours-s")
	b.ReportMetric(raw.Seconds(), "raw-s")
	b.ReportMetric(ours.Seconds()/raw.Seconds(), "ratio")
}

func ourServices(b *testing.B, backend *docker.Backend, image string) time.Duration {
	ctx, enclave := b.Context(), backends.NewUUID()
	_, err := backend.CreateEnclave(ctx, backends.EnclaveSpec{UUID: enclave, Name: "bench-" + backends.ShortUUID(enclave)})
	require.NoError(b, err)
	defer func() { require.NoError(b, backend.RemoveEnclave(ctx, enclave)) }()
	began := time.Now()
	tenTimes(b, func(i int) error {
		name := "s" + strconv.Itoa(i)
		port := backends.Port{Number: benchPort}
		_, err := backend.AddService(ctx, enclave, backends.ServiceSpec{Name: name, Image: image, Cmd: []string{"tcp", strconv.Itoa(benchPort)}, Ports: map[string]backends.Port{"echo": port}})
		if err != nil {
			return err
		}
		return retry(ctx, func() error {
			c, err := backend.Dial(ctx, enclave, name, port)
			if err != nil {
				return err
			}
			return c.Close()
		})
	})
	return time.Since(began)
}

func rawServices(b *testing.B, backend *docker.Backend, image string) time.Duration {
	ctx, c, name := b.Context(), backend.Client(), "bench-"+backends.ShortUUID(backends.NewUUID())
	n, err := c.NetworkCreate(ctx, name, network.CreateOptions{Driver: "bridge"})
	require.NoError(b, err)
	ids := make([]string, benchServices)
	defer func() {
		tenTimes(b, func(i int) error {
			return c.ContainerRemove(context.WithoutCancel(ctx), ids[i], container.RemoveOptions{Force: true})
		})
		require.NoError(b, c.NetworkRemove(context.WithoutCancel(ctx), n.ID))
	}()
	port := nat.Port(strconv.Itoa(benchPort) + "/tcp")
	began := time.Now()
	tenTimes(b, func(i int) error {
		created, err := c.ContainerCreate(ctx,
			&container.Config{Image: image, Cmd: []string{"tcp", strconv.Itoa(benchPort)}, ExposedPorts: nat.PortSet{port: {}}},
			&container.HostConfig{NetworkMode: container.NetworkMode(name), PortBindings: nat.PortMap{port: {{HostIP: "127.0.0.1"}}}},
			nil, nil, fmt.Sprintf("%s-%d", name, i))
		if err != nil {
			return err
		}
		ids[i] = created.ID
		return c.ContainerStart(ctx, created.ID, container.StartOptions{})
	})
	return time.Since(began)
}

func tenTimes(b *testing.B, do func(i int) error) {
	b.Helper()
	errs := make([]error, benchServices)
	var wait sync.WaitGroup
	for i := range benchServices {
		wait.Go(func() { errs[i] = do(i) })
	}
	wait.Wait()
	for _, err := range errs {
		require.NoError(b, err)
	}
}

// retry calls until there is no error, every few milliseconds.
func retry(ctx context.Context, do func() error) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := do()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}
