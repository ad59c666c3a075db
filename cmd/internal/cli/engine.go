package cli

import (
	"context"

	"github.com/kurtosis-go/kurtosis/backends"
)

// Engines are the container engines that a program was built with. Main hands them in, so that who only plans,
// checks or edits links none.
type Engines struct {
	// Docker opens the Docker engine that the environment names.
	Docker func(ctx context.Context) (backends.Backend, error)
	// Kubernetes opens a cluster.
	Kubernetes func(ctx context.Context, c Cluster) (backends.Backend, error)
	// Contexts lists those of the kubeconfig.
	Contexts func() ([]Context, error)
	// InPod says that this process is a container of ours on a cluster, and works there.
	InPod bool
	// Logins reads what `docker login` stored on this machine.
	Logins func() (Logins, error)
}

// Logins are logins for registries.
type Logins interface {
	// Any says whether there may be one.
	Any() bool
	// For finds those of images.
	For(ctx context.Context, images []string) ([]backends.RegistryAuth, error)
}

func (e Engines) logins() (Logins, error) {
	if e.Logins == nil {
		return noLogins{}, nil
	}
	return e.Logins()
}

// noLogins are those of a program that knows none.
type noLogins struct{}

func (noLogins) Any() bool { return false }

func (noLogins) For(context.Context, []string) ([]backends.RegistryAuth, error) { return nil, nil }
