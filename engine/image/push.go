package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/kurtosis-go/kurtosis/backends"
)

// Push uploads the image to a registry as "registry/name:tag", with the login that Docker's configuration has for the registry.
func (i Image) Push(ctx context.Context, ref string) error {
	to, err := name.NewTag(ref, name.StrictValidation)
	if err != nil {
		return backends.Errorf(backends.Invalid, "'%s' is no name to push an image to", ref).WithHint("it looks like registry.example.com/team/kurtosis:1.0")
	}
	if i.build == nil {
		return backends.Errorf(backends.Invalid, "image '%s' is in a registry already", i.Ref)
	}
	archive, err := tarball.Image(func() (io.ReadCloser, error) {
		r, w := io.Pipe()
		go func() { w.CloseWithError(i.build.writeArchive(w, i.Ref)) }() // ends when the reader does
		return r, nil
	}, nil)
	if err != nil {
		return fmt.Errorf("making the engine's image: %w", err)
	}
	return answered(ctx, remote.Write(to, archive, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)),
		fmt.Sprintf("pushing '%s'", ref), to.RegistryStr())
}

// Lookup asks a registry, with a login unless it is nil, for an image "registry/name:tag". Its ID is the digest of its
// manifest. Errors are ImageNotFound, AuthNeeded, RegistryUnreachable.
func Lookup(ctx context.Context, ref string, login *backends.RegistryAuth) (backends.Image, error) {
	from, err := name.NewTag(ref, name.StrictValidation)
	if err != nil {
		return backends.Image{}, backends.Errorf(backends.Invalid, "'%s' is no name of an image in a registry", ref)
	}
	auth := authn.Anonymous
	if login != nil {
		c := authn.AuthConfig{Username: login.Username, Password: login.Password}
		if login.Username == backends.TokenUser {
			c = authn.AuthConfig{IdentityToken: login.Password}
		}
		auth = authn.FromConfig(c)
	}
	doing := fmt.Sprintf("asking for '%s'", ref)
	found, err := remote.Get(from, remote.WithContext(ctx), remote.WithAuth(auth), remote.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH}))
	if err != nil {
		return backends.Image{}, answered(ctx, err, doing, from.RegistryStr())
	}
	image, err := found.Image()
	if err != nil {
		return backends.Image{}, answered(ctx, err, doing, from.RegistryStr())
	}
	config, err := image.ConfigFile()
	if err != nil {
		return backends.Image{}, answered(ctx, err, doing, from.RegistryStr())
	}
	return backends.Image{
		ID: found.Digest.String(), Tags: []string{ref}, Platform: config.Platform().String(),
		Entrypoint: config.Config.Entrypoint, Cmd: config.Config.Cmd, Labels: config.Config.Labels,
	}, nil
}

// answered words a registry's refusal.
func answered(ctx context.Context, err error, doing, registry string) error {
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	var answer *transport.Error
	switch {
	case !errors.As(err, &answer):
		return backends.Errorf(backends.RegistryUnreachable, "%s: the registry does not answer: %w", doing, err).WithHint("check its name, and the way there")
	case answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden:
		return backends.Errorf(backends.AuthNeeded, "%s: the registry refuses: %w", doing, err).WithHint("log in with `docker login %s`", registry)
	case answer.StatusCode == http.StatusNotFound:
		return backends.Errorf(backends.ImageNotFound, "%s: the registry does not have it: %w", doing, err)
	}
	return backends.Errorf(backends.Unknown, "%s: %w", doing, err)
}
