package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
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
	err = remote.Write(to, archive, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	doing := fmt.Sprintf("pushing '%s'", ref)
	var answer *transport.Error
	switch {
	case !errors.As(err, &answer):
		return backends.Errorf(backends.RegistryUnreachable, "%s: the registry does not answer: %w", doing, err).WithHint("check its name, and the way there")
	case answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden:
		return backends.Errorf(backends.AuthNeeded, "%s: the registry refuses: %w", doing, err).WithHint("log in with `docker login %s`", to.RegistryStr())
	}
	return backends.Errorf(backends.Unknown, "%s: %w", doing, err)
}
