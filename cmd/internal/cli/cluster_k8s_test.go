//go:build k8s

package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/stretchr/testify/require"
	rbac "k8s.io/api/rbac/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	client "k8s.io/client-go/kubernetes"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/kubernetes"
)

// onCluster is the command line as it is shipped, with the test cluster chosen, and a way to look at what it does there.
type onCluster struct {
	*testing.T
	cluster *kubernetes.Backend
	program string
	env     []string
}

func newOnCluster(t *testing.T) *onCluster {
	t.Helper()
	dir := t.TempDir()
	// A version of its own is an image of its own, which no node has yet.
	version := "-X github.com/kurtosis-go/kurtosis/cmd/internal/cli.Version=" + backends.NewUUID()[:8]
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w "+version, "-o", dir+"/", "./cmd/kurtosis", "./cmd/kurtosis-pod")
	build.Dir = filepath.Join("..", "..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	b, err := kubernetes.Open(t.Context(), kubernetes.Options{Containerd: containerd(t)})
	require.NoError(t, err)
	t.Cleanup(func() { b.Close() })
	c := &onCluster{T: t, cluster: b, program: filepath.Join(dir, "kurtosis"), env: os.Environ()}
	for name, sub := range map[string]string{"XDG_CACHE_HOME": "cache", "XDG_CONFIG_HOME": "config", "XDG_DATA_HOME": "data"} {
		c.env = append(c.env, name+"="+filepath.Join(dir, sub))
	}
	c.ok("cluster", "add", "test", "--context", c.context(), "--containerd", containerd(t))
	require.Equal(t, "commands work on cluster 'test' from now on\n", c.ok("cluster", "set", "test"))
	return c
}

func containerd(t *testing.T) string {
	t.Helper()
	socket := os.Getenv("KURTOSIS_TEST_CONTAINERD")
	require.NotEmpty(t, socket, "KURTOSIS_TEST_CONTAINERD is the socket of the node's containerd: see scripts/cluster.sh")
	return socket
}

// context is the one that kubectl would use.
func (c *onCluster) context() string {
	c.Helper()
	list, err := kubernetes.Contexts("")
	require.NoError(c, err)
	for _, one := range list {
		if one.Current {
			return one.Name
		}
	}
	c.Fatal("the kubeconfig has no current context")
	return ""
}

func (c *onCluster) run(args ...string) (stdout, stderr string, status int) {
	c.Helper()
	var out, errOut bytes.Buffer
	cmd := exec.Command(c.program, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = c.env, &out, &errOut
	if err := cmd.Run(); err != nil {
		var ended *exec.ExitError
		require.ErrorAs(c, err, &ended)
		status = ended.ExitCode()
	}
	return out.String(), errOut.String(), status
}

func (c *onCluster) ok(args ...string) string {
	c.Helper()
	out, errOut, status := c.run(args...)
	require.Zero(c, status, "%v: %s%s", args, out, errOut)
	return out
}

// stopped removes enclaves and the engine at the end, and asserts that nothing is left.
func (c *onCluster) stopped(enclaves ...string) {
	c.Cleanup(func() {
		gone := []string{kubernetes.EngineNamespace}
		for _, name := range enclaves {
			_, _, _ = c.run("enclave", "rm", "-f", name) // one that a failed test has not made is told of
			gone = append(gone, backends.NamespaceName(name))
		}
		c.ok("engine", "stop", "--forget")
		ours := meta.ListOptions{LabelSelector: "kurtosistech.com/app-id=kurtosis"}
		namespaces, err := client.NewForConfigOrDie(c.cluster.Config()).CoreV1().Namespaces().List(context.WithoutCancel(c.Context()), ours)
		require.NoError(c, err)
		for _, n := range namespaces.Items {
			require.NotContains(c, gone, n.Name, "it is left")
		}
		bindings, err := client.NewForConfigOrDie(c.cluster.Config()).RbacV1().ClusterRoleBindings().List(context.WithoutCancel(c.Context()), ours)
		require.NoError(c, err)
		require.Empty(c, bindings.Items)
	})
}

// fromDocker loads an image of Docker's into the node.
func (c *onCluster) fromDocker(ref string) {
	c.Helper()
	save := exec.Command("docker", "save", ref)
	archive, err := save.StdoutPipe()
	require.NoError(c, err)
	require.NoError(c, save.Start())
	_, err = c.cluster.LoadImage(c.Context(), archive, "")
	require.NoError(c, err)
	require.NoError(c, save.Wait())
}

// gateway is a running one, with what it has opened.
type gateway struct {
	lines chan forward
}

type forward struct{ Local, Enclave, Service, Port string }

func (c *onCluster) gateway() *gateway {
	c.Helper()
	cmd := exec.Command(c.program, "gateway", "--port", "0", "-o", "json")
	cmd.Env, cmd.Stderr = c.env, os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(c, err)
	require.NoError(c, cmd.Start())
	g := &gateway{make(chan forward, 100)}
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var f forward
			if json.Unmarshal(lines.Bytes(), &f) == nil {
				g.lines <- f
			}
		}
	}()
	c.Cleanup(func() {
		require.NoError(c, cmd.Process.Signal(syscall.SIGINT))
		_ = cmd.Wait() // 130 or 0
	})
	return g
}

func (c *onCluster) forwarded(g *gateway, is func(forward) bool) string {
	c.Helper()
	for late := time.After(time.Minute); ; {
		select {
		case f := <-g.lines:
			if is(f) {
				return f.Local
			}
		case <-late:
			c.Fatal("the gateway never opened it")
		}
	}
}

func get(address string) (string, error) {
	resp, err := http.Get("http://" + address)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// TestClusterExamples runs the examples on a cluster as they are, and reaches a service through the gateway while the engine and the
// service are killed.
func TestClusterExamples(t *testing.T) {
	c := newOnCluster(t)
	c.fromDocker("kurtosis-example/postgres:15")
	c.fromDocker("kurtosis-example/guestbook-api:1")
	c.stopped("book", "quick")
	c.strangers()
	start := c.ok("engine", "start")
	require.Contains(t, start, "engine 'default' runs as kurtosis-engine/kurtosis-engine--default (")
	require.Contains(t, c.ok("engine", "start"), "engine 'default' runs already as kurtosis-engine/")

	examples := filepath.Join("..", "..", "..", "examples")
	out := c.ok("run", filepath.Join(examples, "guestbook"), "--enclave", "book")
	require.Contains(t, out, `"rows": 4`)
	c.ok("run", filepath.Join(examples, "quickstart"), "--enclave", "quick")
	list := c.ok("enclave", "ls")
	require.Contains(t, list, "book")
	require.Contains(t, list, "quick")
	require.Contains(t, c.ok("service", "exec", "book", "postgres", "whoami"), "root")

	g := c.gateway()
	require.NotEmpty(t, c.forwarded(g, func(f forward) bool { return f.Enclave == "" }))
	api := c.forwarded(g, func(f forward) bool { return f.Enclave == "book" && f.Service == "api" })
	body, err := get(api + "/entries")
	require.NoError(t, err)
	require.Contains(t, body, "Ada")

	// The engine's Pod and the service's are killed: both come back, and the gateway finds them where they were.
	pods := client.NewForConfigOrDie(c.cluster.Config()).CoreV1()
	at := meta.DeleteOptions{GracePeriodSeconds: new(int64)}
	require.NoError(t, pods.Pods(kubernetes.EngineNamespace).DeleteCollection(t.Context(), at, meta.ListOptions{}))
	require.Eventually(t, func() bool {
		_, _, status := c.run("engine", "status")
		return status == 0
	}, time.Minute, 200*time.Millisecond)
	require.Contains(t, c.ok("enclave", "ls"), "book")
	require.NoError(t, pods.Pods("kt-book").DeleteCollection(t.Context(), meta.DeleteOptions{}, meta.ListOptions{LabelSelector: "kurtosistech.com/resource-type=api-container"}))
	require.Eventually(t, func() bool {
		_, _, status := c.run("enclave", "inspect", "book")
		return status == 0
	}, time.Minute, 200*time.Millisecond)
	body, err = get(api + "/entries")
	require.NoError(t, err)
	require.Contains(t, body, "Ada")
	c.ok("enclave", "rm", "-f", "quick")

	// A process that ends with code 0 when it is asked to, as a database does, comes back as well: by its API container.
	mine := meta.ListOptions{LabelSelector: "kurtosistech.com/id=postgres"}
	before, err := pods.Pods("kt-book").List(t.Context(), mine)
	require.NoError(t, err)
	require.Len(t, before.Items, 1)
	require.NoError(t, pods.Pods("kt-book").Delete(t.Context(), before.Items[0].Name, meta.DeleteOptions{}))
	require.Eventually(t, func() bool {
		after, err := pods.Pods("kt-book").List(t.Context(), mine)
		if err != nil || len(after.Items) != 1 || after.Items[0].UID == before.Items[0].UID {
			return false
		}
		out, _, status := c.run("service", "exec", "book", "postgres", "whoami")
		return status == 0 && strings.Contains(out, "root")
	}, time.Minute, 200*time.Millisecond)

	// The doctor finds what strangers has made.
	out, errOut, status := c.run("doctor")
	require.Equal(t, 1, status, errOut)
	require.Regexp(t, `^ok       configuration: \S+/kurtosis-config\.yml
ok       containers: Kubernetes \S+ at https://\S+ \(linux/\w+\)
ok       engine: 'default' runs as kurtosis-engine/kurtosis-engine--default \(\w{8}\)
ok       enclave book: 2 services, \d+ files artifacts
note     enclave stray: it is of engine 'gone', which does not run
         hint: 'kurtosis engine start --name gone' starts one that has it again; KURTOSIS_ENGINE=gone then makes commands use that
Left over +Name +Of enclave *
cluster role binding +kurtosis-engine--removed-by-hand *
problem  leftovers: 1 object belongs to no enclave
         hint: 'kurtosis doctor -f' removes what is left over
$`, out)
	require.Contains(t, c.ok("doctor", "-f"), "\nok       leftovers: 1 removed\n")
	require.Contains(t, c.ok("doctor"), "\nok       leftovers: none\n")
}

// strangers makes an enclave of an engine that is not there, and the rights of another that was removed by hand.
func (c *onCluster) strangers() {
	c.Helper()
	uuid := backends.NewUUID()
	c.Cleanup(func() { require.NoError(c, c.cluster.RemoveEnclave(context.WithoutCancel(c.Context()), uuid)) })
	_, err := c.cluster.CreateEnclave(c.Context(), backends.EnclaveSpec{UUID: uuid, Name: "stray", Labels: map[string]string{"kurtosis-engine": "gone"}})
	require.NoError(c, err)
	bindings := client.NewForConfigOrDie(c.cluster.Config()).RbacV1().ClusterRoleBindings()
	binding := &rbac.ClusterRoleBinding{
		ObjectMeta: meta.ObjectMeta{Name: "kurtosis-engine--removed-by-hand", Labels: map[string]string{"kurtosistech.com/app-id": "kurtosis"}},
		RoleRef:    rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "ClusterRole", Name: "kurtosis-engine"},
	}
	_, err = bindings.Create(c.Context(), binding, meta.CreateOptions{})
	require.NoError(c, err)
	c.Cleanup(func() {
		_ = bindings.Delete(context.WithoutCancel(c.Context()), binding.Name, meta.DeleteOptions{}) // the doctor has removed it, unless the test failed
	})
}

// TestClusterImage puts the engine's image into a registry, from which the node takes it.
func TestClusterImage(t *testing.T) {
	c := newOnCluster(t)
	c.ok("cluster", "add", "pushed", "--context", c.context())
	c.env = append(c.env, "KURTOSIS_CLUSTER=pushed")
	c.stopped()
	_, errOut, status := c.run("engine", "start")
	require.Equal(t, 1, status)
	require.Regexp(t, `^kurtosis: the nodes of the cluster don't have the engine's image: images cannot be loaded on Kubernetes\nhint: 'kurtosis engine image push REPOSITORY' puts it into a registry that they reach\n$`, errOut)

	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	repository := server.Listener.Addr().String() + "/team/kurtosis"
	var pushed struct{ Image, Cluster string }
	require.NoError(t, json.Unmarshal([]byte(c.ok("engine", "image", "push", repository, "-o", "json")), &pushed))
	require.Equal(t, "pushed", pushed.Cluster)
	require.True(t, strings.HasPrefix(pushed.Image, repository+":"), pushed.Image)
	settings, err := os.ReadFile(strings.TrimSpace(c.ok("config", "path")))
	require.NoError(t, err)
	require.Contains(t, string(settings), "engine-image: "+pushed.Image)
	c.ok("engine", "start")
	var s struct{ Status, Image string }
	require.NoError(t, json.Unmarshal([]byte(c.ok("engine", "status", "-o", "json")), &s))
	require.Equal(t, "running", s.Status)
	require.Equal(t, pushed.Image, s.Image)

	// A restart keeps what the engine was told, which is in a Secret.
	c.ok("engine", "restart", "--token", "s3cret", "--origin", "https://ui.example.com")
	c.ok("engine", "restart")
	secret, err := client.NewForConfigOrDie(c.cluster.Config()).CoreV1().Secrets(kubernetes.EngineNamespace).Get(t.Context(), backends.EngineName("default"), meta.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, "s3cret", string(secret.Data["KURTOSIS_TOKEN"]))
	kept, err := c.cluster.SystemSettings(t.Context(), kubernetes.EngineNamespace+"/"+backends.EngineName("default"))
	require.NoError(t, err)
	require.Contains(t, strings.Join(kept.Command, " "), "--origin https://ui.example.com")
	_, errOut, status = c.run("enclave", "ls")
	require.Equal(t, 1, status)
	require.Equal(t, "kurtosis: the engine 'default' wants a token\nhint: set KURTOSIS_TOKEN to what it was started with\n", errOut)
	c.env = append(c.env, "KURTOSIS_TOKEN=s3cret")
	c.ok("enclave", "ls")

	_, errOut, status = c.run("engine", "image", "push", "registry/kurtosis:1")
	require.Equal(t, 1, status)
	require.Contains(t, errOut, "kurtosis: 'registry/kurtosis:1' is no name to push an image to\nhint: it looks like registry.example.com/team/kurtosis:1.0\n")
}
