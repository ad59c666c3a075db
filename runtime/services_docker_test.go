//go:build docker

package runtime_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
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
	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/event"
)

const (
	benchServices = 10
	benchPort     = 7000
)

// BenchmarkTenServices compares ten services with a port each, added at once until every port is open, with ten raw
// create and start calls for the same containers at once: by the executor, the step alone and the whole run around it,
// and by the backend. Rounds take turns; a figure is the ratio of the best times.
func BenchmarkTenServices(b *testing.B) {
	backend, err := docker.Open(b.Context(), docker.Options{})
	require.NoError(b, err)
	b.Cleanup(func() { backend.Close() })
	toolbox := backendtest.Toolbox(b, backend)
	var raw, alone, step, run time.Duration
	best := func(d *time.Duration, took time.Duration) {
		if *d == 0 || took < *d {
			*d = took
		}
	}
	for b.Loop() {
		best(&raw, rawServices(b, backend, toolbox))
		best(&alone, addedServices(b, backend, toolbox))
		stepTook, runTook := runServices(b, backend, toolbox)
		best(&step, stepTook)
		best(&run, runTook)
	}
	b.ReportMetric(raw.Seconds(), "raw-s")
	b.ReportMetric(alone.Seconds()/raw.Seconds(), "backend-ratio")
	b.ReportMetric(step.Seconds()/raw.Seconds(), "step-ratio")
	b.ReportMetric(run.Seconds()/raw.Seconds(), "run-ratio")
}

// runServices executes a package that adds the services, in an enclave that is there.
func runServices(b *testing.B, backend *docker.Backend, image string) (step, run time.Duration) {
	ctx, enclave, dir := b.Context(), "bench-"+backends.ShortUUID(backends.NewUUID()), b.TempDir()
	execute := func(script string) (*events, time.Duration) {
		file := filepath.Join(dir, "main.star")
		require.NoError(b, os.WriteFile(file, []byte(script), 0o600))
		pkg, err := packages.Open(ctx, file, packages.Options{})
		require.NoError(b, err)
		seen := &events{}
		began := time.Now()
		_, err = runtime.Run(ctx, backend, runtime.RunOptions{Options: runtime.Options{Package: pkg}, State: filepath.Join(dir, "state"), Sink: seen, Enclave: enclave})
		took := time.Since(began)
		require.NoError(b, err)
		return seen, took
	}
	execute("def run(plan):\n    pass\n")
	defer func() {
		there, err := backend.InspectEnclave(context.WithoutCancel(ctx), enclave)
		require.NoError(b, err)
		require.NoError(b, backend.RemoveEnclave(context.WithoutCancel(ctx), there.UUID))
	}()
	seen, run := execute(fmt.Sprintf(`
def run(plan):
    config = ServiceConfig(image=%q, cmd=["tcp", "%d"], ports={"echo": PortSpec(number=%d)})
    plan.add_services(configs={"s%%d" %% i: config for i in range(%d)})
`, image, benchPort, benchPort, benchServices))
	ready := of[event.ServiceReady](seen)
	require.Len(b, ready, benchServices)
	finished := of[event.StepFinished](seen)
	require.Len(b, finished, 1)
	return time.Duration(finished[0].Duration), run
}

// addedServices adds the services with the backend alone.
func addedServices(b *testing.B, backend *docker.Backend, image string) time.Duration {
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
		return backendtest.Retry(ctx, func() error {
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
