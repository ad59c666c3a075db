//go:build docker

package cli_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/backendtest/images"
	"github.com/kurtosis-go/kurtosis/backends/backendtest/registry"
	"github.com/kurtosis-go/kurtosis/backends/docker"
)

// TestServiceOfPrivateImage adds and updates a service whose image's registry wants a login: the one of `docker login`, or
// one in the service's JSON. Neither is kept, and an update that leaves the image alone needs none.
func TestServiceOfPrivateImage(t *testing.T) {
	r := registry.Start(t)
	b, err := docker.Open(t.Context(), docker.Options{})
	require.NoError(t, err)
	defer b.Close()
	toolbox := images.Toolbox(t)
	images.Ensure(t, b, toolbox)
	one, _ := r.PushLocal(t.Context(), toolbox.Ref, "private/toolbox:1")
	two, _ := r.PushLocal(t.Context(), toolbox.Ref, "private/toolbox:2")
	three, _ := r.PushLocal(t.Context(), toolbox.Ref, "private/toolbox:3")
	file, name := program(t, "login"), "login-"+backends.NewUUID()[:8]
	t.Setenv("KURTOSIS_ENGINE", name)
	nobody, mary := t.TempDir(), r.Login(registry.User, registry.Password)
	as := func(who string) { t.Setenv("DOCKER_CONFIG", who) }
	ok := func(args ...string) string {
		t.Helper()
		out, errOut, status := command(t, file, args...)
		require.Zero(t, status, "%v: %s", args, errOut)
		require.NotContains(t, out+errOut, registry.Password)
		return out
	}
	refused := func(want string, args ...string) {
		t.Helper()
		_, errOut, status := command(t, file, args...)
		require.Equal(t, 1, status)
		require.Equal(t, want, errOut)
	}
	var started engineStatus
	require.NoError(t, json.Unmarshal([]byte(ok("engine", "start", "--name", name, "--port", freePort(t), "-o", "json")), &started))
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if e, err := b.InspectEnclave(ctx, name); err == nil {
			require.NoError(t, b.RemoveEnclave(ctx, e.UUID))
		}
		ok("engine", "stop", "--name", name, "--forget")
		for _, image := range []string{one, two, three, started.Image} {
			_ = exec.Command("docker", "rmi", image).Run()
		}
	})
	ok("enclave", "add", "--name", name)

	without := func(image string) string {
		return `kurtosis: pulling image "` + image + `": Head "https://` + r.Host + "/v2/private/toolbox/manifests/" + image[len(image)-1:] + "\": no basic auth credentials\n" +
			"hint: log in with `docker login`, or give username and password in an ImageSpec\n"
	}
	as(nobody)
	refused(without(one), "service", "add", name, "web", one)
	as(mary)
	ok("service", "add", name, "web", one, "--env", "A=1")
	as(nobody)
	refused(without(two), "service", "update", name, "web", "--image", two)
	require.Contains(t, ok("service", "inspect", name, "web"), one, "a refused update changes nothing")
	require.Contains(t, ok("service", "update", name, "web", "--env", "A=2"), one)
	as(mary)
	out := ok("service", "update", name, "web", "--image", two)
	require.Contains(t, out, two)
	require.Contains(t, out, "A=2")

	as(nobody)
	config := filepath.Join(t.TempDir(), "web.json")
	text, err := json.Marshal(map[string]any{"image": map[string]string{"image": three, "registry": "https://" + r.Host, "username": registry.User, "password": registry.Password}, "cmd": []string{"sleep"}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(config, text, 0o600))
	require.Contains(t, ok("service", "add", name, "other", "--json-service-config", config), three)
	require.Contains(t, ok("service", "update", name, "other", "--env", "B=1"), three)
	require.NotContains(t, ok("service", "inspect", name, "other", "-o", "json"), registry.User)
}
