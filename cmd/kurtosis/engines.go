package main

import (
	"cmp"
	"context"
	"os"

	core "k8s.io/api/core/v1"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/docker"
	"github.com/kurtosis-go/kurtosis/backends/kubernetes"
	"github.com/kurtosis-go/kurtosis/cmd/internal/cli"
)

// engines are the container engines that this program knows.
func engines() cli.Engines {
	return cli.Engines{Docker: openDocker, Kubernetes: openKubernetes, Contexts: contexts, InPod: os.Getenv(kubernetes.OptionsVariable) != "", Logins: logins}
}

func openDocker(ctx context.Context) (backends.Backend, error) {
	return docker.Open(ctx, docker.Options{})
}

func openKubernetes(ctx context.Context, c cli.Cluster) (backends.Backend, error) {
	options, inPod, err := kubernetes.InPod(os.Getenv)
	if err != nil {
		return nil, err
	}
	if !inPod {
		options = kubernetes.Options{
			Kubeconfig: c.Kubeconfig, Context: c.Context, StorageClass: c.StorageClass, DataSize: c.DataMegabytes << 20,
			PublicPorts: core.ServiceType(c.PublicPorts), PullPolicy: core.PullPolicy(c.PullPolicy), Containerd: c.Containerd,
			PodImage: cmp.Or(os.Getenv("KURTOSIS_ENGINE_IMAGE"), c.EngineImage),
		}
	}
	return kubernetes.Open(ctx, options)
}

// logins are those that `docker login` stored.
func logins() (cli.Logins, error) { return docker.OpenLogins(docker.Options{}) }

func contexts() ([]cli.Context, error) {
	list, err := kubernetes.Contexts("")
	named := make([]cli.Context, len(list))
	for i, c := range list {
		named[i] = cli.Context(c)
	}
	return named, err
}
