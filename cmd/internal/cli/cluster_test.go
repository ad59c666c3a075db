package cli_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/cmd/internal/cli"
)

// clusterLine calls the command line with contexts of a kubeconfig.
func clusterLine(t *testing.T, contexts func() ([]cli.Context, error)) func(args ...string) (out, errOut string, status int) {
	t.Helper()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("KURTOSIS_CLUSTER", "")
	engines := cli.Engines{
		Contexts: contexts,
		Docker: func(context.Context) (backends.Backend, error) {
			return nil, errors.New("docker was asked")
		},
		Kubernetes: func(_ context.Context, c cli.Cluster) (backends.Backend, error) {
			return nil, errors.New("context " + c.Context + " was asked, with class " + c.StorageClass)
		},
	}
	return func(args ...string) (string, string, int) {
		var out, errOut bytes.Buffer
		status := cli.Main(t.Context(), args, cli.Streams{In: &bytes.Buffer{}, Out: &out, Err: &errOut}, engines)
		return out.String(), errOut.String(), status
	}
}

func twoContexts() ([]cli.Context, error) {
	return []cli.Context{{Name: "admin@work", Cluster: "work", Current: true}, {Name: "minikube", Cluster: "minikube"}}, nil
}

func TestClusters(t *testing.T) {
	run := clusterLine(t, twoContexts)
	config := filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "kurtosis", "kurtosis-config.yml")
	for _, step := range []struct {
		args   []string
		out    string
		errOut string
		status int
	}{
		{args: []string{"cluster", "ls"}, out: "    Name         Type         Context      Known From\n*   docker       docker                    built-in\n    admin@work   kubernetes   admin@work   kubeconfig\n    minikube     kubernetes   minikube     kubeconfig\n"},
		{args: []string{"cluster", "get"}, out: "docker\n"},
		{args: []string{"cluster", "set", "minikub"}, status: 1, errOut: "kurtosis: there is no cluster 'minikub'\nhint: did you mean 'minikube'?\n"},
		{args: []string{"cluster", "set"}, status: 2, errOut: "kurtosis: the cluster is missing\nhint: usage: kurtosis cluster set CLUSTER [flags]\n"},
		{args: []string{"cluster", "set", "minikube"}, out: "commands work on cluster 'minikube' from now on\n"},
		{args: []string{"cluster", "get", "-o", "json"}, out: `{"name":"minikube","type":"kubernetes","context":"minikube","source":"kubeconfig","chosen":true}` + "\n"},
		{args: []string{"engine", "status"}, status: 1, errOut: "kurtosis: cluster 'minikube': context minikube was asked, with class \n"},
		{args: []string{"cluster", "add", "work"}, status: 1, errOut: "kurtosis: the kubeconfig has no context 'work'\nhint: --context names one of: admin@work, minikube\n"},
		{args: []string{"cluster", "add", "docker"}, status: 2, errOut: "kurtosis: a cluster can't be called 'docker'\nhint: a name has letters, digits and . _ @ : / -, and docker is taken\n"},
		{args: []string{"cluster", "add", "work", "--context", "admin@work", "--storage-class", "fast"}, out: "cluster 'work' is known; 'kurtosis cluster set work' chooses it\n"},
		{args: []string{"cluster", "add", "work", "--context", "minikube"}, status: 1, errOut: "kurtosis: there is a cluster 'work' already\nhint: --replace writes its settings anew\n"},
		{args: []string{"cluster", "set", "work", "-o", "json"}, out: `{"name":"work","type":"kubernetes","context":"admin@work","source":"configuration","chosen":true}` + "\n"},
		{args: []string{"engine", "status"}, status: 1, errOut: "kurtosis: cluster 'work': context admin@work was asked, with class fast\n"},
		{args: []string{"cluster", "ls", "-o", "json"}, out: `[{"name":"docker","type":"docker","source":"built-in","chosen":false},{"name":"minikube","type":"kubernetes","context":"minikube","source":"kubeconfig","chosen":false},{"name":"work","type":"kubernetes","context":"admin@work","source":"configuration","chosen":true}]` + "\n"},
		{args: []string{"__complete", "cluster", "set", ""}, out: "docker\nminikube\nwork\n:4\n", errOut: "Completion ended with directive: ShellCompDirectiveNoFileComp\n"},
	} {
		out, errOut, status := run(step.args...)
		require.Equal(t, step.out, out, "%v: %s", step.args, errOut)
		require.Equal(t, step.errOut, errOut, step.args)
		require.Equal(t, step.status, status, step.args)
	}
	text, err := os.ReadFile(config)
	require.NoError(t, err)
	require.Equal(t, "kurtosis-clusters:\n  work:\n    type: kubernetes\n    config:\n      kubernetes-cluster-name: admin@work\n      storage-class: fast\n", string(text))
}

// TestClusterConfiguration reads a file of the reference, and leaves the rest of it alone.
func TestClusterConfiguration(t *testing.T) {
	run := clusterLine(t, twoContexts)
	dir := filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "kurtosis")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	file := filepath.Join(dir, "kurtosis-config.yml")
	before := `config-version: 2
should-send-metrics: false # no
kurtosis-clusters:
  docker:
    type: "docker"
  cloud:
    type: "kubernetes"
    config:
      kubernetes-cluster-name: "work"
      storage-class: "standard"
      enclave-size-in-megabytes: 10
`
	require.NoError(t, os.WriteFile(file, []byte(before), 0o600))
	t.Setenv("KURTOSIS_CLUSTER", "cloud")
	_, errOut, _ := run("engine", "status")
	require.Equal(t, "kurtosis: cluster 'cloud': context admin@work was asked, with class standard\n", errOut, "the name of a cluster is as good as that of its context")
	_, errOut, status := run("cluster", "set", "docker")
	require.Zero(t, status)
	require.Equal(t, "warning: KURTOSIS_CLUSTER says 'cloud', which counts here\n", errOut)
	_, errOut, status = run("cluster", "add", "mini", "--context", "minikube", "--public-ports", "LoadBalancer")
	require.Zero(t, status, errOut)
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, before+"  mini:\n    type: kubernetes\n    config:\n      kubernetes-cluster-name: minikube\n      public-ports: LoadBalancer\n", string(after))

	require.NoError(t, os.WriteFile(file, []byte("kurtosis-clusters: [a]\n"), 0o600))
	_, errOut, status = run("cluster", "ls")
	require.Equal(t, 1, status)
	require.Contains(t, errOut, "the configuration '"+file+"' is wrong: ")
	require.NoError(t, os.WriteFile(file, []byte("kurtosis-clusters: {x: {type: swarm}}\n"), 0o600))
	_, errOut, _ = run("cluster", "ls")
	require.Equal(t, "kurtosis: the configuration says of cluster 'x' that its type is 'swarm'\nhint: it is docker or kubernetes\n", errOut)
}

// TestClusterImageRegistry: where images that are built here go is a setting of a cluster.
func TestClusterImageRegistry(t *testing.T) {
	run := clusterLine(t, twoContexts)
	file := filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "kurtosis", "kurtosis-config.yml")
	for _, step := range []struct {
		args   []string
		out    string
		errOut string
		status int
		config string
	}{
		{args: []string{"cluster", "set", "docker", "--image-registry", "registry.example/team"}, status: 1,
			errOut: "kurtosis: cluster 'docker' is Docker, which has the images that it builds\nhint: --image-registry is for Kubernetes clusters\n"},
		{args: []string{"cluster", "set", "minikube", "--image-registry", "team"}, status: 2,
			errOut: "kurtosis: --image-registry can't be 'team'\nhint: it looks like registry.example.com/team\n"},
		{args: []string{"cluster", "add", "work", "--context", "admin@work", "--image-registry", "registry.example/Team"}, status: 2,
			errOut: "kurtosis: --image-registry can't be 'registry.example/Team'\nhint: it looks like registry.example.com/team\n"},
		{args: []string{"cluster", "set", "minikube", "--image-registry", "registry.example/team"}, out: "commands work on cluster 'minikube' from now on\n",
			config: "kurtosis-clusters:\n  minikube:\n    type: kubernetes\n    config:\n      kubernetes-cluster-name: minikube\n      image-registry: registry.example/team\n"},
		{args: []string{"cluster", "set", "minikube", "--image-registry", "", "-o", "json"},
			out:    `{"name":"minikube","type":"kubernetes","context":"minikube","source":"configuration","chosen":true}` + "\n",
			config: "kurtosis-clusters:\n  minikube:\n    type: kubernetes\n    config:\n      kubernetes-cluster-name: minikube\n"},
		{args: []string{"cluster", "add", "work", "--context", "admin@work", "--image-registry", "127.0.0.1:5000"}, out: "cluster 'work' is known; 'kurtosis cluster set work' chooses it\n",
			config: "kurtosis-clusters:\n  minikube:\n    type: kubernetes\n    config:\n      kubernetes-cluster-name: minikube\n" +
				"  work:\n    type: kubernetes\n    config:\n      kubernetes-cluster-name: admin@work\n      image-registry: 127.0.0.1:5000\n"},
	} {
		out, errOut, status := run(step.args...)
		require.Equal(t, step.out, out, "%v: %s", step.args, errOut)
		require.Equal(t, step.errOut, errOut, step.args)
		require.Equal(t, step.status, status, step.args)
		text, err := os.ReadFile(file)
		if step.config == "" {
			require.ErrorIs(t, err, os.ErrNotExist, "%v: nothing is written", step.args)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, step.config, string(text), step.args)
	}
}

func TestClusterUnreadable(t *testing.T) {
	run := clusterLine(t, func() ([]cli.Context, error) { return nil, errors.New("it is a riddle") })
	out, errOut, status := run("cluster", "ls")
	require.Zero(t, status)
	require.Contains(t, out, "docker")
	require.Equal(t, "warning: the kubeconfig can't be read: it is a riddle\n", errOut)
	_, errOut, _ = run("cluster", "set", "work")
	require.Equal(t, "kurtosis: there is no cluster 'work'\nhint: 'kurtosis cluster ls' lists those that there are, and 'kurtosis cluster add' makes one known; the kubeconfig can't be read: it is a riddle\n", errOut)
}

func TestGatewayIsForClusters(t *testing.T) {
	run := clusterLine(t, twoContexts)
	_, errOut, status := run("engine", "image", "load")
	require.Equal(t, 1, status)
	require.Equal(t, "kurtosis: cluster 'docker' is Docker, which has the image when an engine starts\nhint: 'kurtosis cluster set' chooses a Kubernetes cluster\n", errOut)
	_, errOut, status = run("gateway", "--port", "no")
	require.Equal(t, 2, status)
	require.Contains(t, errOut, "--port can't be 'no'")
}
