package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/archive"
)

// InspectImage describes an image of the engine.
func (b *Backend) InspectImage(ctx context.Context, ref string) (backends.Image, error) {
	info, err := b.client.ImageInspect(ctx, ref)
	if cerrdefs.IsNotFound(err) {
		return backends.Image{}, &backends.Error{Kind: backends.ImageNotFound, Message: fmt.Sprintf("the engine has no image %q", ref), Hint: "pull or build it first", Err: err}
	} else if err != nil {
		return backends.Image{}, b.wrap(ctx, err, fmt.Sprintf("inspecting image %q", ref))
	}
	r := backends.Image{ID: info.ID, Tags: info.RepoTags, Digests: info.RepoDigests, Platform: info.Os + "/" + info.Architecture, Size: info.Size}
	if !strings.Contains(r.ID, ":") {
		r.ID = "sha256:" + r.ID // Podman's have no algorithm
	}
	if info.Variant != "" {
		r.Platform += "/" + info.Variant
	}
	if info.Config != nil {
		r.Entrypoint, r.Cmd, r.Labels = info.Config.Entrypoint, info.Config.Cmd, info.Config.Labels
	}
	return r, nil
}

// PullImage downloads an image, reporting bytes over all layers; those of a layer that several pulls at once wait for are
// reported by one of them.
func (b *Backend) PullImage(ctx context.Context, spec backends.PullSpec, progress func(backends.PullProgress)) (backends.Image, error) {
	doing := fmt.Sprintf("pulling image %q", spec.Ref)
	named, err := reference.ParseNormalizedNamed(spec.Ref)
	if err != nil {
		return backends.Image{}, backends.Errorf(backends.Invalid, "%s: %w", doing, err)
	}
	auth := spec.Auth
	if auth == nil {
		if auth, err = b.storedAuth(ctx, reference.Domain(named)); err != nil {
			return backends.Image{}, err
		}
	}
	options := image.PullOptions{Platform: spec.Platform}
	if auth != nil {
		if options.RegistryAuth, err = encodeAuth(*auth, reference.Domain(named)); err != nil {
			return backends.Image{}, err
		}
	}
	stream, err := b.client.ImagePull(ctx, reference.TagNameOnly(named).String(), options)
	if err != nil {
		return backends.Image{}, b.pullError(ctx, err, spec.Ref, doing, auth != nil)
	}
	defer stream.Close()
	layers := b.transfers.watch(spec.Ref, progress)
	defer layers.end()
	if err := readMessages(stream, layers.message); err != nil {
		return backends.Image{}, b.pullError(ctx, err, spec.Ref, doing, auth != nil)
	}
	return b.InspectImage(ctx, spec.Ref)
}

func (b *Backend) pullError(ctx context.Context, err error, ref, doing string, withAuth bool) error {
	err = b.wrap(ctx, err, doing)
	var e *backends.Error
	if !errors.As(err, &e) {
		return err
	}
	c := *e
	if c.Kind == backends.NotFound {
		c.Kind = backends.ImageNotFound
	}
	switch {
	case c.Kind == backends.ImageNotFound:
		// Registries answer alike for what is not there and what is not for everybody.
		c.Hint = "check name and tag; if it is private, log in with `docker login` or give username and password in an ImageSpec"
	case c.Kind == backends.AuthNeeded && withAuth:
		c.Hint = "the credentials that were sent are not accepted: log in again with `docker login`, or correct the ImageSpec"
	case unknownCertificate().MatchString(c.Message):
		c.Hint += fmt.Sprintf(": put its authority's into /etc/docker/certs.d/%s/ca.crt", domainOf(ref))
	case noTLS().MatchString(c.Message):
		c.Hint += fmt.Sprintf(": if that is meant, add %q to insecure-registries in the engine's daemon.json", domainOf(ref))
	}
	return &c
}

// domainOf is the registry of a reference, "" for what is none.
func domainOf(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ""
	}
	return reference.Domain(named)
}

// message is one of a stream that tells how a pull, build or load goes.
type message struct {
	ID       string          `json:"id"`
	Status   string          `json:"status"`
	Stream   string          `json:"stream"`
	Aux      json.RawMessage `json:"aux"`
	Progress *struct {
		Current int64 `json:"current"`
		Total   int64 `json:"total"`
	} `json:"progressDetail"`
	Error *struct {
		Message string `json:"message"`
	} `json:"errorDetail"`
}

// readMessages reads the engine's stream of JSON messages, which carries errors too.
func readMessages(stream io.Reader, each func(message)) error {
	for d := json.NewDecoder(stream); ; {
		var m message
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if m.Error != nil {
			return errors.New(m.Error.Message)
		}
		each(m)
	}
}

// LoadImage takes an image archive, of `docker save` or in the OCI layout.
func (b *Backend) LoadImage(ctx context.Context, from io.Reader, tag string) (backends.Image, error) {
	const doing = "loading an image archive"
	info, err := b.Info(ctx)
	if err != nil {
		return backends.Image{}, err
	}
	body, w := io.Pipe()
	defer body.Close()
	copied := make(chan error, 1)
	go func() {
		err := archive.Image(w, from, info.Platform)
		copied <- err
		w.CloseWithError(err)
	}()
	response, err := b.client.ImageLoad(ctx, body)
	if err != nil {
		body.Close()
		if cause := <-copied; cause != nil && !errors.Is(cause, io.ErrClosedPipe) && ctx.Err() == nil {
			return backends.Image{}, backends.Errorf(backends.Invalid, "%s: %w", doing, cause) // the engine saw a connection that broke
		}
		return backends.Image{}, b.wrap(ctx, err, doing)
	}
	defer response.Body.Close()
	var text bytes.Buffer
	if err := readMessages(response.Body, func(m message) { text.WriteString(m.Stream) }); err != nil {
		return backends.Image{}, b.wrap(ctx, err, doing)
	}
	loaded := loadedImages(text.String())
	if len(loaded) == 0 {
		return backends.Image{}, backends.Errorf(backends.Invalid, "%s: it has no image in it", doing)
	}
	if tag == "" {
		return b.InspectImage(ctx, loaded[0])
	}
	if len(loaded) > 1 {
		return backends.Image{}, backends.Errorf(backends.Invalid, "%s: it has several images (%s), and one was to be tagged %q", doing, strings.Join(loaded, ", "), tag)
	}
	if err := b.client.ImageTag(ctx, loaded[0], tag); err != nil {
		return backends.Image{}, b.wrap(ctx, err, fmt.Sprintf("tagging image %q", tag))
	}
	return b.InspectImage(ctx, tag)
}

// loadedImages reads what the engine says after loading: "Loaded image: name" or "Loaded image ID: sha256:…"; Podman lists
// names with commas.
func loadedImages(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		for _, prefix := range []string{"Loaded image ID:", "Loaded image(s):", "Loaded image:"} {
			if rest, ok := strings.CutPrefix(strings.TrimSpace(line), prefix); ok {
				for name := range strings.SplitSeq(rest, ",") {
					list = append(list, strings.TrimSpace(name))
				}
				break
			}
		}
	}
	return list
}

// RemoveImage removes a tag.
func (b *Backend) RemoveImage(ctx context.Context, ref string) error {
	_, err := b.client.ImageRemove(ctx, ref, image.RemoveOptions{PruneChildren: true})
	if err == nil || cerrdefs.IsNotFound(err) {
		return nil
	}
	return b.wrap(ctx, err, fmt.Sprintf("removing image %q", ref))
}
