package apicontainer

import (
	"context"

	"github.com/distribution/reference"

	"github.com/kurtosis-go/kurtosis/backends"
)

// withLogins is a backend that pulls, builds and starts with logins where none are given with the image. They are
// nowhere but in what it returns, which is for one run.
func withLogins(b backends.Backend, logins []backends.RegistryAuth) backends.Backend {
	if len(logins) == 0 {
		return b
	}
	with := loggedIn{b, map[string]*backends.RegistryAuth{}, logins}
	for i := range logins {
		with.by[logins[i].Domain()] = &logins[i]
	}
	if tools, ok := b.(backends.Tools); ok {
		return loggedInTools{with, tools}
	}
	return with
}

type loggedIn struct {
	backends.Backend
	by     map[string]*backends.RegistryAuth // by domain
	logins []backends.RegistryAuth
}

type loggedInTools struct {
	loggedIn
	backends.Tools
}

// auth is the login for an image, given unless there is one already.
func (b loggedIn) auth(given *backends.RegistryAuth, image string) *backends.RegistryAuth {
	if given != nil {
		return given
	}
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return nil // the backend says so
	}
	return b.by[reference.Domain(named)]
}

// PullImage is backends.Images's.
func (b loggedIn) PullImage(ctx context.Context, spec backends.PullSpec, progress func(backends.PullProgress)) (backends.Image, error) {
	spec.Auth = b.auth(spec.Auth, spec.Ref)
	return b.Backend.PullImage(ctx, spec, progress)
}

// BuildImage is backends.Images's.
func (b loggedIn) BuildImage(ctx context.Context, spec backends.BuildSpec, progress func(backends.BuildProgress)) (backends.Image, error) {
	spec.Logins = append(spec.Logins, b.logins...)
	return b.Backend.BuildImage(ctx, spec, progress)
}

// AddService is backends.Services's.
func (b loggedIn) AddService(ctx context.Context, enclave string, spec backends.ServiceSpec) (backends.Service, error) {
	spec.ImageAuth = b.auth(spec.ImageAuth, spec.Image)
	return b.Backend.AddService(ctx, enclave, spec)
}

// UpdateService is backends.Services's.
func (b loggedIn) UpdateService(ctx context.Context, enclave string, spec backends.ServiceSpec) (backends.Service, error) {
	spec.ImageAuth = b.auth(spec.ImageAuth, spec.Image)
	return b.Backend.UpdateService(ctx, enclave, spec)
}
