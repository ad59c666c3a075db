//go:build docker

package live_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"
	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/api/engineapi"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/docker"
)

// The benchmarks compare what is ours with the bare calls for the same, in turn, since other work on a machine only
// ever makes a run slower: the figure is the ratio of the best times.

type duel struct{ ours, theirs time.Duration }

func best(d *time.Duration, took time.Duration) {
	if *d == 0 || took < *d {
		*d = took
	}
}

func (d duel) report(b *testing.B) {
	b.ReportMetric(d.ours.Seconds(), "ours-s")
	b.ReportMetric(d.theirs.Seconds(), "theirs-s")
	b.ReportMetric(d.ours.Seconds()/d.theirs.Seconds(), "ratio")
	b.ReportMetric(0, "ns/op") // of both together: tells nothing
}

func took(do func()) time.Duration {
	began := time.Now()
	do()
	return time.Since(began)
}

func openDocker(b *testing.B) *docker.Backend {
	b.Helper()
	backend, err := docker.Open(b.Context(), docker.Options{})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, backend.Close()) })
	return backend
}

// raw starts a container with one create and one start call, and removes it when the benchmark ends.
func raw(b *testing.B, backend *docker.Backend, config *container.Config, host *container.HostConfig, name string) {
	b.Helper()
	created, err := backend.Client().ContainerCreate(b.Context(), config, host, nil, nil, name)
	require.NoError(b, err)
	b.Cleanup(func() {
		_ = backend.Client().ContainerRemove(context.WithoutCancel(b.Context()), created.ID, container.RemoveOptions{Force: true}) // or removed already
	})
	require.NoError(b, backend.Client().ContainerStart(b.Context(), created.ID, container.StartOptions{}))
}

// BenchmarkEngineStart: engine start where Docker has nothing, the image neither, against one import of the same
// image and one start of a container of it.
func BenchmarkEngineStart(b *testing.B) {
	backend := openDocker(b)
	start := func() (name, image string) {
		var s status
		name = "bench-" + backends.NewUUID()[:8]
		require.NoError(b, json.Unmarshal([]byte(kurtosis(b, "engine", "start", "--name", name, "--port", freePort(b), "-o", "json")), &s))
		return name, s.Image
	}
	stop := func(name string) { kurtosis(b, "engine", "stop", "--name", name, "--forget") }
	name, image := start()
	b.Cleanup(func() { removeUsers(b, image) })
	archive := filepath.Join(b.TempDir(), "image.tar")
	dockerOut(b, "save", "-o", archive, image)
	stop(name)
	var d duel
	for b.Loop() {
		removeUsers(b, image)
		best(&d.ours, took(func() { name, _ = start() }))
		stop(name)
		removeUsers(b, image)
		best(&d.theirs, took(func() {
			file, err := os.Open(archive)
			require.NoError(b, err)
			defer file.Close()
			_, err = backend.LoadImage(b.Context(), file, "")
			require.NoError(b, err)
			raw(b, backend, &container.Config{Image: image, Cmd: []string{"version"}}, &container.HostConfig{}, "")
		}))
	}
	d.report(b)
}

// removeUsers removes an image and every container of it.
func removeUsers(b *testing.B, image string) {
	b.Helper()
	for _, id := range strings.Fields(dockerOut(b, "ps", "-aq", "--filter", "ancestor="+image)) {
		dockerOut(b, "rm", "-f", id)
	}
	if dockerOut(b, "images", "-q", image) != "" {
		dockerOut(b, "rmi", "-f", image)
	}
}

// BenchmarkEnclaveAdd: an enclave through the engine, until its API container answers, against one network and one
// start of a container of the same image on it.
func BenchmarkEnclaveAdd(b *testing.B) {
	backend, engine := openDocker(b), startEngine(b)
	var d duel
	for b.Loop() {
		var e *enclaveOf
		best(&d.ours, took(func() { e = engine.enclave(b, "bench") }))
		engine.remove(b, e)
		name := "bench-" + backends.NewUUID()[:8]
		best(&d.theirs, took(func() {
			_, err := backend.Client().NetworkCreate(b.Context(), name, network.CreateOptions{Driver: "bridge"})
			require.NoError(b, err)
			raw(b, backend, &container.Config{Image: engine.image, Cmd: []string{"engine", "--help"}}, &container.HostConfig{NetworkMode: container.NetworkMode(name)}, name)
		}))
		dockerOut(b, "rm", "-f", name)
		dockerOut(b, "network", "rm", name)
	}
	d.report(b)
}

func (e *engineOf) remove(b *testing.B, one *enclaveOf) {
	b.Helper()
	_, err := e.DestroyEnclave(b.Context(), connect.NewRequest(&engineapi.DestroyEnclaveArgs{EnclaveIdentifier: one.uuid}))
	require.NoError(b, err)
}

// BenchmarkNothingToDo: a second run of a package of a hundred steps, in which nothing is left to do, against its
// preview: both as people ask for them, a process each; and as a program does that has a connection to the API container.
func BenchmarkNothingToDo(b *testing.B) {
	image, engine := toolbox(b), startEngine(b)
	b.Setenv("KURTOSIS_ENGINE", engine.name)
	script := fmt.Sprintf(`
def run(plan):
    plan.add_service(name="one", config=ServiceConfig(image=%q, cmd=["sleep"]))
    for i in range(99):
        plan.render_templates(name="a%%d" %% i, config={"/a": struct(template="{{ .n }}", data={"n": i})})
`, image)
	dir := b.TempDir()
	for name, text := range map[string]string{"kurtosis.yml": "name: github.com/kurtosis-test/hundred\n", "main.star": script} {
		require.NoError(b, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	compare := func(b *testing.B, run func()) {
		var d duel
		for b.Loop() {
			best(&d.ours, took(run))
			best(&d.theirs, took(func() { kurtosis(b, "run", dir, "--dry-run") }))
		}
		d.report(b)
	}
	b.Run("command", func(b *testing.B) {
		e := engine.enclave(b, "bench")
		kurtosis(b, "run", dir, "--enclave", e.name)
		require.Contains(b, kurtosis(b, "run", dir, "--enclave", e.name, "-o", "json"), `"executed":0,"skipped":100,`)
		compare(b, func() { kurtosis(b, "run", dir, "--enclave", e.name) })
	})
	b.Run("API", func(b *testing.B) {
		e := engine.enclave(b, "bench")
		e.succeed(b, script, "{}")
		compare(b, func() {
			o := e.succeed(b, script, "{}")
			require.Len(b, o.skipped, 100)
			require.NotContains(b, o.skipped, false)
		})
	})
}

const benchServices = 10

func tenServices(image string) string {
	return fmt.Sprintf(`
def run(plan):
    plan.add_services(configs={"s%%d" %% i: ServiceConfig(image=%q, cmd=["tcp", "7000"], ports={"echo": PortSpec(number=7000)}) for i in range(%d)})
`, image, benchServices)
}

// BenchmarkTenServices: ten services with a port each through engine and API container, until every port is open,
// against ten bare create and start calls at once.
func BenchmarkTenServices(b *testing.B) {
	image, engine, backend := toolbox(b), startEngine(b), openDocker(b)
	var d duel
	for b.Loop() {
		name := "bench-" + backends.NewUUID()[:8]
		_, err := backend.Client().NetworkCreate(b.Context(), name, network.CreateOptions{Driver: "bridge"})
		require.NoError(b, err)
		best(&d.theirs, took(func() {
			var all sync.WaitGroup
			for i := range benchServices {
				all.Go(func() {
					port := nat.Port("7000/tcp")
					raw(b, backend, &container.Config{Image: image, Cmd: []string{"tcp", "7000"}, ExposedPorts: nat.PortSet{port: {}}},
						&container.HostConfig{NetworkMode: container.NetworkMode(name), PortBindings: nat.PortMap{port: {{HostIP: "127.0.0.1"}}}}, name+"-"+strconv.Itoa(i))
				})
			}
			all.Wait()
		}))
		for i := range benchServices {
			dockerOut(b, "rm", "-f", name+"-"+strconv.Itoa(i))
		}
		dockerOut(b, "network", "rm", name)
		e := engine.enclave(b, "bench")
		best(&d.ours, took(func() { e.succeed(b, tenServices(image), "{}") }))
		engine.remove(b, e)
	}
	d.report(b)
}

// BenchmarkCompose: the same ten services, with an enclave for them, against docker-compose up of the same ten. Both
// make a network first; ours an API container as well.
func BenchmarkCompose(b *testing.B) {
	image, engine := toolbox(b), startEngine(b)
	var text strings.Builder
	text.WriteString("version: \"3\"\nservices:\n")
	for i := range benchServices {
		fmt.Fprintf(&text, "  s%d:\n    image: %s\n    command: [\"tcp\", \"7000\"]\n    ports: [\"127.0.0.1::7000\"]\n", i, image)
	}
	file := filepath.Join(b.TempDir(), "docker-compose.yml")
	require.NoError(b, os.WriteFile(file, []byte(text.String()), 0o600))
	compose := func(args ...string) {
		out, err := exec.Command("docker-compose", append([]string{"-f", file}, args...)...).CombinedOutput()
		require.NoError(b, err, "%s", out)
	}
	var d duel
	for b.Loop() {
		best(&d.theirs, took(func() { compose("up", "-d") }))
		compose("down", "-t", "0")
		var e *enclaveOf
		best(&d.ours, took(func() {
			e = engine.enclave(b, "bench")
			e.succeed(b, tenServices(image), "{}")
		}))
		engine.remove(b, e)
	}
	d.report(b)
}
