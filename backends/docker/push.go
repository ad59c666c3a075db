package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"

	"github.com/kurtosis-go/kurtosis/backends"
)

// PushImage gives an image to a registry. The name that it has there is the engine's for as long as that takes.
func (b *Backend) PushImage(ctx context.Context, spec backends.PushSpec, progress func(backends.PushProgress)) (string, error) {
	doing := fmt.Sprintf("pushing image %q to %s", spec.Ref, spec.To)
	named, err := reference.ParseNormalizedNamed(spec.To)
	if err != nil {
		return "", backends.Errorf(backends.Invalid, "%s: %w", doing, err)
	}
	domain := reference.Domain(named)
	auth := spec.Auth
	if auth == nil {
		if auth, err = b.storedAuth(ctx, domain); err != nil {
			return "", err
		}
	}
	var options image.PushOptions
	if auth == nil {
		auth = &backends.RegistryAuth{} // the engine wants the header
	}
	if options.RegistryAuth, err = encodeAuth(*auth, domain); err != nil {
		return "", err
	}
	p := pushed{progress: progress, byID: map[string]layer{}}
	forget, err := b.named(ctx, spec.Ref, spec.To, func() error {
		stream, err := b.client.ImagePush(ctx, reference.TagNameOnly(named).String(), options)
		if err != nil {
			return err
		}
		defer stream.Close()
		return readMessages(stream, p.message)
	})
	if err != nil {
		return "", b.pushError(ctx, err, doing, domain)
	}
	defer forget()
	if p.digest != "" {
		return p.digest, nil
	}
	return b.pushedDigest(ctx, spec.To, reference.FamiliarName(named), doing)
}

// namings is how often an image is named again when somebody else takes the name away meanwhile.
const namings = 3

var nameGone = compiled(`(?i)does not exist locally|no such image|image not known|reference does not exist`)

// named calls an image by another name and does something with that; forget takes the name away again. Who does the same
// at the same time, e.g. another run of the package, shares the name, and may be the first to be done.
func (b *Backend) named(ctx context.Context, ref, name string, do func() error) (forget func(), err error) {
	forget = func() {
		_, _ = b.client.ImageRemove(context.WithoutCancel(ctx), name, image.RemoveOptions{}) // a name too many does no harm
	}
	for range namings {
		if err = b.client.ImageTag(ctx, ref, name); err != nil {
			return nil, err
		}
		if err = do(); err == nil {
			return forget, nil
		}
		if !nameGone().MatchString(err.Error()) {
			break
		}
	}
	forget()
	return nil, err
}

// pushedDigest asks the engine for what an engine that does not say so has pushed, as Podman does not.
func (b *Backend) pushedDigest(ctx context.Context, ref, name, doing string) (string, error) {
	found, err := b.InspectImage(ctx, ref)
	if err != nil {
		return "", err
	}
	for _, d := range found.Digests {
		if repository, digest, ok := strings.Cut(d, "@"); ok && repository == name {
			return digest, nil
		}
	}
	return "", backends.Errorf(backends.Unknown, "%s: the engine does not say which digest it has there", doing)
}

func (b *Backend) pushError(ctx context.Context, err error, doing, domain string) error {
	err = b.wrap(ctx, err, doing)
	var e *backends.Error
	if !errors.As(err, &e) {
		return err
	}
	c := *e
	switch {
	case c.Kind == backends.AuthNeeded:
		c.Hint = fmt.Sprintf("log in with `docker login %s`, as somebody who may push there", domain)
	case unknownCertificate().MatchString(c.Message):
		c.Hint += fmt.Sprintf(": put its authority's into /etc/docker/certs.d/%s/ca.crt", domain)
	case noTLS().MatchString(c.Message):
		c.Hint += fmt.Sprintf(": if that is meant, add %q to insecure-registries in the engine's daemon.json", domain)
	}
	return &c
}

// pushed is what the engine says while it pushes.
type pushed struct {
	progress func(backends.PushProgress)
	byID     map[string]layer
	digest   string
}

func (p *pushed) message(m message) {
	var aux struct{ Digest string }
	if json.Unmarshal(m.Aux, &aux) == nil && aux.Digest != "" {
		p.digest = aux.Digest
	}
	if p.progress == nil || m.Status != "Pushing" || m.Progress == nil {
		return
	}
	p.byID[m.ID] = layer{current: m.Progress.Current, total: max(m.Progress.Total, m.Progress.Current)}
	var sum backends.PushProgress
	for _, l := range p.byID {
		sum.Current += l.current
		sum.Total += l.total
	}
	p.progress(sum)
}

// SaveImage opens an image as an archive.
func (b *Backend) SaveImage(ctx context.Context, ref, name string) (io.ReadCloser, error) {
	doing := fmt.Sprintf("saving image %q", ref)
	var archive io.ReadCloser
	forget, err := b.named(ctx, ref, name, func() (err error) {
		archive, err = b.client.ImageSave(ctx, []string{name})
		return err
	})
	if err != nil {
		return nil, b.wrap(ctx, err, doing)
	}
	return saved{archive, forget}, nil
}

// saved is an archive whose name of the image is forgotten with it.
type saved struct {
	io.ReadCloser
	forget func()
}

func (s saved) Close() error {
	defer s.forget()
	return s.ReadCloser.Close()
}
