//go:build k8s

package cli_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	client "k8s.io/client-go/kubernetes"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/backendtest/images"
	"github.com/kurtosis-go/kurtosis/backends/backendtest/registry"
	"github.com/kurtosis-go/kurtosis/backends/docker"
)

// builds is a package whose images are built, from a Dockerfile and from a flake.
type builds struct {
	*onCluster
	engine           backends.Backend // that builds
	dir, site, flake string           // directory, and names of images
}

func newBuilds(c *onCluster) *builds {
	c.Helper()
	engine, err := docker.Open(c.Context(), docker.Options{})
	require.NoError(c, err)
	toolbox := images.Toolbox(c)
	images.Ensure(c, engine, toolbox)
	unique := backends.NewUUID()[:8]
	b := &builds{onCluster: c, engine: engine, dir: c.TempDir(), site: "kurtosis-test/site:" + unique, flake: "kurtosis-test/flake:" + unique}
	c.Cleanup(func() {
		for _, ref := range []string{b.site, b.flake} {
			require.NoError(c, engine.RemoveImage(context.WithoutCancel(c.Context()), ref))
		}
		require.NoError(c, engine.Close())
	})
	b.write("kurtosis.yml", "name: github.com/test/builds\n")
	b.write("main.star", `
def run(plan, nix=False):
    image = ImageBuildSpec(image_name="`+b.site+`", build_context_dir="./app")
    if nix:
        image = NixBuildSpec(image_name="`+b.flake+`", build_context_dir="./app", flake_location_dir="nix")
    plan.add_service(name="site", config=ServiceConfig(image=image, entrypoint=["/toolbox"], cmd=["sleep"]))
    return plan.exec(service_name="site", recipe=ExecRecipe(command=["/toolbox", "read", "/greeting"]))["output"]
`)
	b.write("app/Dockerfile", "FROM "+toolbox.Ref+"\nCOPY greeting /greeting\n")
	b.greets("hello one")
	b.write("app/nix/flake.nix", images.Flake())
	b.write("app/toolbox", string(images.ToolboxProgram(c)))
	b.write("app/.dockerignore", "nix\ntoolbox\n")
	return b
}

func (b *builds) write(name, text string) {
	b.Helper()
	file := filepath.Join(b.dir, name)
	require.NoError(b, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(b, os.WriteFile(file, []byte(text), 0o755))
}

// greets changes what the image is built from, and takes away what was built before, as a build would leave it nameless.
func (b *builds) greets(greeting string) {
	b.Helper()
	require.NoError(b, b.engine.RemoveImage(b.Context(), b.site))
	b.write("app/greeting", greeting)
}

// runs runs the package, and returns what the run said about it.
func (b *builds) runs(enclave, greeting string, args ...string) string {
	b.Helper()
	out, errOut, status := b.run(append([]string{"run", b.dir, "--enclave", enclave}, args...)...)
	require.Zero(b, status, "%s%s", out, errOut)
	require.Contains(b, out, greeting)
	return errOut
}

// pod is the one of the service.
func (b *builds) pod(enclave string) core.PodSpec {
	b.Helper()
	pods, err := client.NewForConfigOrDie(b.cluster.Config()).CoreV1().Pods(backends.NamespaceName(enclave)).List(b.Context(), meta.ListOptions{})
	require.NoError(b, err)
	for _, p := range pods.Items {
		if strings.HasPrefix(p.Name, "site-") && p.DeletionTimestamp == nil {
			return p.Spec
		}
	}
	b.Fatal("there is no pod of the service")
	return core.PodSpec{}
}

// TestClusterBuilds: a package that builds images runs on a cluster as it is. They are built here and loaded into the
// node, or pushed to a registry from which it pulls; nothing is built or pushed twice.
func TestClusterBuilds(t *testing.T) {
	c := newOnCluster(t)
	b := newBuilds(c)
	c.stopped("built")
	c.env = append(c.env, "KURTOSIS_NIX=host", "NIX_CONFIG="+images.NixOffline, "DOCKER_CONFIG="+t.TempDir())

	// Into the containerd of the only node, this machine.
	said := b.runs("built", "hello one")
	require.Contains(t, said, "image "+b.site+" built in ")
	require.Regexp(t, `^kurtosis-built/kurtosis-test/site:[0-9a-f]{32}$`, b.pod("built").Containers[0].Image)
	said = b.runs("built", "hello one")
	require.NotContains(t, said, "image "+b.site)
	require.Contains(t, said, "skipped")
	b.write("app/toolbox", "what a build does not see")
	require.NotContains(t, b.runs("built", "hello one"), "image "+b.site)
	b.greets("hello two")
	compared := c.ok("run", b.dir, "--enclave", "built", "--dry-run", "--images")
	require.Contains(t, compared, "(runs: files changed)")
	require.Regexp(t, b.site+` +to build`, compared)
	require.Contains(t, b.runs("built", "hello two"), "image "+b.site+" built in ")
	require.Regexp(t, b.site+` +local`, c.ok("run", b.dir, "--enclave", "built", "--dry-run", "--images"))

	// To a registry, which wants a login.
	r := registry.StartAt(t, "127.0.0.1") // where nodes ask for no TLS
	require.Equal(t, "commands work on cluster 'test' from now on\n", c.ok("cluster", "set", "test", "--image-registry", r.Host+"/team"))
	b.greets("hello registry")
	_, errOut, status := c.run("run", b.dir, "--enclave", "refused")
	require.Equal(t, 1, status)
	require.Regexp(t, `(?m)^kurtosis: pushing image "`+b.site+`" to `+r.Host+`/team/kurtosis-test/site:[0-9a-f]{32}: no basic auth credentials$`, errOut)
	require.Contains(t, errOut, "\nhint: log in with `docker login "+r.Host+"`, as somebody who may push there\n")
	require.NotContains(t, c.ok("enclave", "ls"), "refused", "a run that can't work makes nothing")
	c.env = append(c.env, "DOCKER_CONFIG="+r.Login(registry.User, registry.Password))
	require.Contains(t, b.runs("built", "hello registry"), "image "+b.site+" pushed in ")
	pod := b.pod("built")
	require.Regexp(t, `^`+r.Host+`/team/kurtosis-test/site:[0-9a-f]{32}@sha256:[0-9a-f]{64}$`, pod.Containers[0].Image)
	require.Len(t, pod.ImagePullSecrets, 1)
	require.NotContains(t, b.runs("built", "hello registry"), "image "+b.site)
	c.ok("service", "update", "built", "site", "--env", "A=1")
	require.Equal(t, pod.Containers[0].Image, b.pod("built").Containers[0].Image)

	// A flake; what nix makes is pushed as any other image.
	b.write("app/toolbox", string(images.ToolboxProgram(t)))
	require.Contains(t, b.runs("built", "hello registry", `{"nix": true}`), "image "+b.flake+" built in ")
	require.Contains(t, b.pod("built").Containers[0].Image, r.Host+"/team/kurtosis-test/flake:")
	require.NotContains(t, b.runs("built", "hello registry", `{"nix": true}`), "image "+b.flake)

	// Without a builder what is in the registry serves, and what is not is told of.
	c.env = append(c.env, "DOCKER_HOST=tcp://127.0.0.1:1")
	b.runs("built", "hello registry")
	b.greets("hello nobody")
	_, errOut, status = c.run("run", b.dir, "--enclave", "built")
	require.Equal(t, 1, status)
	require.Contains(t, errOut, `kurtosis: image "`+b.site+`" has to be built on this machine, as clusters build none: `)
	require.Contains(t, errOut, "hint: a container engine here builds it (DOCKER_HOST names another); or push it to a registry and name its reference in the package\n")

	// Without a way for the image to the nodes nothing is built.
	c.ok("cluster", "add", "test", "--replace", "--context", c.context(), "--engine-image", "none/none:1")
	_, errOut, status = c.run("run", b.dir, "--enclave", "built")
	require.Equal(t, 1, status)
	require.Contains(t, errOut, "kurtosis: image '"+b.site+"' is to be built on this machine, and the nodes of cluster 'test' have no registry to take it from\n"+
		"hint: 'kurtosis cluster set test --image-registry registry.example.com/team' names one; the login is that of `docker login`\n")
	out, _, status := c.run("run", b.dir, "--enclave", "built", "-o", "json")
	require.Equal(t, 1, status)
	require.Regexp(t, `^\{"type":"result",.*"status":"failed".*have no registry to take it from.*"hint":"'kurtosis cluster set test --image-registry `, out)
	c.ok("cluster", "add", "test", "--replace", "--context", c.context(), "--containerd", containerd(t))
}
