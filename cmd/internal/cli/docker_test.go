//go:build docker

package cli_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/backendtest/images"
	"github.com/kurtosis-go/kurtosis/backends/docker"
)

// TestDocker runs the scripts of testdata/cli-docker on a real engine, that of the suite, with the program as it is
// shipped. Each has enclaves of its own, named after $ENCLAVE, which are gone afterwards, and so is
// kurtosis-test/script-built:dev. The images are kurtosis-test/busybox:script and
// kurtosis-test/toolbox:script.
func TestDocker(t *testing.T) {
	b, err := docker.Open(t.Context(), docker.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { b.Close() })
	for tag, image := range map[string]images.Image{
		"kurtosis-test/busybox:script": images.Busybox(t), "kurtosis-test/toolbox:script": images.Toolbox(t),
	} {
		archive, err := image.Open(t.Context())
		require.NoError(t, err)
		_, err = b.LoadImage(t.Context(), archive, tag)
		require.NoError(t, err)
	}
	const built = "kurtosis-test/script-built:dev"
	require.NoError(t, b.RemoveImage(t.Context(), built))
	t.Cleanup(func() { _ = b.RemoveImage(context.WithoutCancel(t.Context()), built) }) // scripts run side by side: not when one has ended
	file := program(t, "dev")
	engine := "script-" + backends.NewUUID()[:8]
	// Its port is a free one: the default's is of the machine's own engine.
	out, errOut, status := command(t, file, "engine", "start", "--name", engine, "--port", freePort(t), "-o", "json")
	require.Zero(t, status, errOut)
	var started engineStatus
	require.NoError(t, json.Unmarshal([]byte(out), &started))
	t.Cleanup(func() {
		_, errOut, status := command(t, file, "engine", "stop", "--name", engine, "--forget")
		require.Zero(t, status, errOut)
		_ = exec.Command("docker", "rmi", started.Image).Run() // it may be that of a build in bin, too
	})
	runScripts(t, "cli-docker", func(env *testscript.Env) error {
		name := "script-" + backends.NewUUID()[:8]
		env.Setenv("ENCLAVE", name)
		env.Setenv("KURTOSIS_ENGINE", engine)
		env.Setenv("PATH", filepath.Dir(file)+string(os.PathListSeparator)+env.Getenv("PATH"))
		env.Defer(func() {
			ctx := context.Background()
			for _, enclave := range []string{name, name + "-2"} {
				if e, err := b.InspectEnclave(ctx, enclave); err == nil {
					_ = b.RemoveEnclave(ctx, e.UUID)
				}
			}
			_ = exec.Command(file, "engine", "stop", "--name", name, "--forget").Run() // of scripts that have one of their own
		})
		return nil
	})
}
