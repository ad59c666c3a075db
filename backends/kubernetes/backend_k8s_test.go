//go:build k8s

package kubernetes_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	client "k8s.io/client-go/kubernetes"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/backendtest"
	"github.com/kurtosis-go/kurtosis/backends/backendtest/images"
	"github.com/kurtosis-go/kurtosis/backends/kubernetes"
)

// loader puts images where the test cluster's node finds them.
type loader struct {
	backends.Images
	socket string
}

func (l loader) InspectImage(context.Context, string) (backends.Image, error) {
	return backends.Image{}, backends.Errorf(backends.ImageNotFound, "the node tells late") // importing what is there is cheap
}

// imports lets one import at a time: two of the same image get in each other's way.
var imports sync.Mutex

func (l loader) LoadImage(ctx context.Context, archive io.Reader, _ string) (backends.Image, error) {
	imports.Lock()
	defer imports.Unlock()
	cmd := exec.CommandContext(ctx, "ctr", "-a", l.socket, "-n", "k8s.io", "images", "import", "-")
	cmd.Stdin = archive
	out, err := cmd.CombinedOutput()
	if err != nil {
		return backends.Image{}, backends.Errorf(backends.Unknown, "ctr: %s: %w", out, err)
	}
	return backends.Image{}, nil
}

func imagesOf(t testing.TB) backends.Images {
	t.Helper()
	socket := os.Getenv("KURTOSIS_TEST_CONTAINERD")
	require.NotEmpty(t, socket, "KURTOSIS_TEST_CONTAINERD is the socket of the node's containerd: see scripts/cluster.sh")
	return loader{socket: socket}
}

// podProgram builds what Pods carry, once.
var podProgram = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "kurtosis-pod")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "kurtosis-pod")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", binary, "github.com/kurtosis-go/kurtosis/cmd/kurtosis-pod")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	return os.ReadFile(binary)
})

// podImage is the image with the program that Pods carry.
func podImage(t testing.TB) string {
	t.Helper()
	content, err := podProgram()
	require.NoError(t, err)
	image, err := images.Build("kurtosis-test/pod", images.Config{Entrypoint: []string{"/kurtosis-pod"}}, images.File{Path: "kurtosis-pod", Content: content})
	require.NoError(t, err)
	images.Ensure(t, imagesOf(t), image)
	return image.Ref
}

// open connects to the cluster that `kubectl` would use.
func open(t testing.TB, options kubernetes.Options) *kubernetes.Backend {
	t.Helper()
	if options.PullPolicy == "" {
		options.PullPolicy = core.PullNever
	}
	b, err := kubernetes.Open(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() { b.Close() })
	return b
}

// leftovers lists what an enclave's namespace holds of ours.
// all is a client of the whole API of the cluster, which the backend has no use for.
func all(b *kubernetes.Backend) client.Interface { return client.NewForConfigOrDie(b.Config()) }

func leftovers(b *kubernetes.Backend) func(context.Context, string) ([]string, error) {
	return func(ctx context.Context, enclave string) ([]string, error) {
		var list []string
		namespaces, err := all(b).CoreV1().Namespaces().List(ctx, meta.ListOptions{LabelSelector: "kurtosistech.com/enclave-id=" + enclave})
		if err != nil {
			return nil, err
		}
		ours := meta.ListOptions{LabelSelector: "kurtosistech.com/app-id=kurtosis"}
		for _, n := range namespaces.Items {
			list = append(list, "namespace "+n.Name)
			c := all(b)
			pods, err := c.CoreV1().Pods(n.Name).List(ctx, ours)
			if err != nil {
				return nil, err
			}
			for range pods.Items { // named at random
				list = append(list, "pod")
			}
			jobs, err := c.BatchV1().Jobs(n.Name).List(ctx, ours)
			if err != nil {
				return nil, err
			}
			for _, o := range jobs.Items {
				list = append(list, "job "+o.Name)
			}
			sets, err := c.AppsV1().ReplicaSets(n.Name).List(ctx, ours)
			if err != nil {
				return nil, err
			}
			for _, o := range sets.Items {
				list = append(list, "set "+o.Name)
			}
			services, err := c.CoreV1().Services(n.Name).List(ctx, ours)
			if err != nil {
				return nil, err
			}
			for _, o := range services.Items {
				list = append(list, "service "+o.Name)
			}
			files, err := c.CoreV1().ConfigMaps(n.Name).List(ctx, ours)
			if err != nil {
				return nil, err
			}
			for range files.Items {
				list = append(list, "configmap")
			}
			claims, err := c.CoreV1().PersistentVolumeClaims(n.Name).List(ctx, ours)
			if err != nil {
				return nil, err
			}
			for _, o := range claims.Items {
				list = append(list, "claim "+o.Name)
			}
			secrets, err := c.CoreV1().Secrets(n.Name).List(ctx, ours)
			if err != nil {
				return nil, err
			}
			for _, o := range secrets.Items {
				list = append(list, "secret "+o.Name)
			}
		}
		return list, nil
	}
}

// gaps are where a cluster cannot do what the suite asks; what it does instead is tested beside it.
var gaps = map[string]string{
	"PortTaken":       "ports of nodes have a range of their own and another hint; see TestPublicPortTaken",
	"Image":           "nodes tell names and sizes of images, not what is inside",
	"ImageBuild":      "clusters build no images",
	"ImageBuildFails": "clusters build no images",
}

func TestConformance(t *testing.T) {
	b := open(t, kubernetes.Options{PodImage: podImage(t)})
	toolbox, busybox := backendtest.Prepare(t, imagesOf(t))
	backendtest.Run(t, func(t *testing.T) backendtest.Engine {
		t.Parallel() // they wait more than they work
		return backendtest.Engine{Backend: b, Toolbox: toolbox, Busybox: busybox, Leftovers: leftovers(b), Gaps: gaps, Forgets: true, OneStream: true}
	})
}
