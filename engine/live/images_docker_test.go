//go:build docker

package live_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/api/client"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/backendtest/images"
	"github.com/kurtosis-go/kurtosis/backends/docker"
	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/imagebuild"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// TestFlake: an engine, whose own image has no nix, builds flakes that are sent to it, with a nix in a container.
func TestFlake(t *testing.T) {
	b, err := docker.Open(t.Context(), docker.Options{})
	require.NoError(t, err)
	defer b.Close()
	nix := images.Nix(t)
	images.Ensure(t, b, nix)
	loaded, err := b.InspectImage(t.Context(), nix.Ref)
	require.NoError(t, err)
	built := "kurtosis-test/live-flake:" + backends.NewUUID()[:12]
	t.Cleanup(func() { // after the enclave
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		require.NoError(t, b.RemoveImage(ctx, built))
		require.NoError(t, b.RemoveImage(ctx, nix.Ref))
		require.NoError(t, b.RemoveSystemVolume(ctx, imagebuild.StoreVolume(loaded)))
	})
	t.Setenv("KURTOSIS_NIX_IMAGE", nix.Ref)
	t.Setenv("NIX_CONFIG", images.NixOffline)
	started := startEngine(t)
	ctx := t.Context()
	engine := client.NewEngine(client.Options{Address: started.address})
	defer engine.Close()
	made, err := engine.Create(ctx, "flake-"+backends.NewUUID()[:6], false)
	require.NoError(t, err)
	enclave := client.NewEnclave(client.Options{Address: made.Address()})
	defer enclave.Close()

	dir := t.TempDir()
	write := func(name string, data []byte) {
		t.Helper()
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o755))
	}
	write("kurtosis.yml", []byte("name: github.com/me/flake\n"))
	write("main.star", []byte(`
def run(plan, output=None):
    image = NixBuildSpec(image_name="`+built+`", build_context_dir="./app", flake_location_dir="nix", flake_output=output) if output else NixBuildSpec(image_name="`+built+`", build_context_dir="./app", flake_location_dir="nix")
    plan.add_service(name="a", config=ServiceConfig(image=image, cmd=["sleep"]))
    return plan.exec(service_name="a", recipe=ExecRecipe(command=["/toolbox", "read", "/greeting"]))["output"]
`))
	write("app/nix/flake.nix", []byte(images.Flake()))
	write("app/toolbox", toolboxBinary(t, b))
	run := func(output string) (runtime.Result, []string, error) {
		t.Helper()
		pkg, err := packages.Open(ctx, dir, packages.Options{})
		require.NoError(t, err)
		bundle, err := pkg.Bundle(ctx, packages.BundleOptions{})
		require.NoError(t, err)
		args, err := plan.DecodeJSON([]byte(`{"output": ` + output + `}`))
		require.NoError(t, err)
		var log []string
		result, err := enclave.Run(ctx, client.RunOptions{Bundle: bundle, Args: args, Sink: event.Func(func(e event.Event) {
			if p, ok := e.(event.ImageProgress); ok && p.Line != "" {
				log = append(log, p.Line)
			}
		})})
		return result, log, err
	}
	for _, output := range []string{"null", `"streamed"`} {
		write("app/greeting", []byte("hello "+output))
		result, log, err := run(output)
		require.NoError(t, err, "%s", strings.Join(log, "\n"))
		require.Equal(t, plan.FormatResult(plan.String("hello "+output)), result.Output)
		require.Contains(t, strings.Join(log, "\n"), "adding layer ", "the log comes all the way")
	}
	result, log, err := run(`"streamed"`)
	require.NoError(t, err)
	require.Equal(t, 2, result.Skipped)
	require.Empty(t, log)

	_, _, err = run(`"absent"`)
	require.ErrorContains(t, err, `image "`+built+`" cannot be built: the flake has no output "absent" for `+images.NixSystem())
}

// toolboxBinary takes the program out of the image of the tests.
func toolboxBinary(t *testing.T, b *docker.Backend) []byte {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "docker", "run", "--rm", toolbox(t), "read", "/toolbox")
	cmd.Stdout = &out
	require.NoError(t, cmd.Run())
	return out.Bytes()
}
