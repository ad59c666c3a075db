package backends

import (
	"context"
	"io"
)

// Exporter is implemented by engines whose images others can have: clusters, which build none themselves.
type Exporter interface {
	// PushImage gives an image that the engine has to a registry, and returns the digest of its manifest there. AuthNeeded
	// if the registry refuses, RegistryUnreachable. What the registry has already is not sent again.
	PushImage(ctx context.Context, spec PushSpec, progress func(PushProgress)) (digest string, err error)

	// SaveImage opens an image that the engine has as an archive, in which it is called name. The caller closes it.
	SaveImage(ctx context.Context, ref, name string) (io.ReadCloser, error)
}

// PushSpec asks for an image to be put into a registry.
type PushSpec struct {
	Ref string // of the engine's image
	To  string // registry/name:tag
	// Auth; nil uses what `docker login` stored, credential helpers included.
	Auth *RegistryAuth
}

// PushProgress is the sum over the layers known so far, in bytes that were sent and are to be sent.
type PushProgress struct {
	Current, Total int64
}
