package fake

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/kurtosis-go/kurtosis/backends"
)

const platform = "linux/amd64"

// Image is an image with the program that its containers run.
type Image struct {
	backends.Image
	Env   map[string]string
	Files map[string]string // path → content
	// Program runs whatever the command is; nil is Listen.
	Program Program
	// Commands, if not nil, are the only first words that can be executed.
	Commands []string
	// PullError fails pulls; NeedAuth refuses those without credentials.
	PullError error
	NeedAuth  bool
}

// command is what a service runs: as in Docker, an entrypoint of its own drops the image's command.
func (i *Image) command(spec backends.ServiceSpec) []string {
	entrypoint, cmd := spec.Entrypoint, spec.Cmd
	if entrypoint == nil {
		entrypoint = i.Entrypoint
		if cmd == nil {
			cmd = i.Cmd
		}
	}
	all := slices.Concat(entrypoint, cmd)
	if len(all) == 0 && i.Commands == nil {
		return []string{"/program"}
	}
	return all
}

func (i *Image) program([]string) Program {
	if i.Program == nil {
		return Listen
	}
	return i.Program
}

// AddImage puts an image on the engine.
func (b *Backend) AddImage(ref string, image Image) {
	b.mu.Lock()
	b.images[ref] = whole(ref, image)
	b.mu.Unlock()
}

// AddRemoteImage puts an image into the registry, to be pulled.
func (b *Backend) AddRemoteImage(ref string, image Image) {
	b.mu.Lock()
	b.registry[ref] = whole(ref, image)
	b.mu.Unlock()
}

func whole(ref string, image Image) *Image {
	if image.ID == "" {
		image.ID = digest(ref)
	}
	image.Tags = append(slices.Clone(image.Tags), ref)
	image.Platform = cmp.Or(image.Platform, platform)
	image.Size = cmp.Or(image.Size, 1<<20)
	return &image
}

// image finds one on the engine; b.mu is held.
func (b *Backend) image(ref string) *Image {
	if i := b.images[ref]; i != nil || !b.options.AnyImage {
		return i
	}
	return whole(ref, Image{})
}

// InspectImage describes an image.
func (b *Backend) InspectImage(ctx context.Context, ref string) (backends.Image, error) {
	if err := b.enter(ctx, "InspectImage", "", ref); err != nil {
		return backends.Image{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := b.image(ref); i != nil {
		return i.Image, nil
	}
	return backends.Image{}, backends.Errorf(backends.ImageNotFound, "the engine has no image %q", ref).WithHint("pull or build it first")
}

// PullImage takes an image out of the registry, in two layers.
func (b *Backend) PullImage(ctx context.Context, spec backends.PullSpec, progress func(backends.PullProgress)) (backends.Image, error) {
	if err := b.enter(ctx, "PullImage", "", spec.Ref); err != nil {
		return backends.Image{}, err
	}
	b.mu.Lock()
	i := b.registry[spec.Ref]
	if i == nil && b.options.AnyImage {
		i = b.image(spec.Ref)
	}
	b.mu.Unlock()
	doing := fmt.Sprintf("pulling image %q", spec.Ref)
	switch {
	case i == nil:
		return backends.Image{}, backends.Errorf(backends.ImageNotFound, "%s: the registry does not have it", doing).
			WithHint("check name and tag; if it is private, log in with `docker login` or give username and password in an ImageSpec")
	case i.PullError != nil:
		return backends.Image{}, i.PullError
	case i.NeedAuth && spec.Auth == nil:
		return backends.Image{}, backends.Errorf(backends.AuthNeeded, "%s: unauthorized", doing).
			WithHint("log in with `docker login`, or give username and password in an ImageSpec")
	}
	if progress != nil {
		for n := range 3 {
			progress(backends.PullProgress{Ref: spec.Ref, Current: i.Size * int64(n) / 2, Total: i.Size, Layers: 2, Present: n, Status: "Downloading"})
		}
	}
	b.mu.Lock()
	b.images[spec.Ref] = i
	b.mu.Unlock()
	return i.Image, nil
}

// BuildImage makes an image whose identity is that of its context and arguments. It runs Listen, or what AddImage said
// about the tag before.
func (b *Backend) BuildImage(ctx context.Context, spec backends.BuildSpec, progress func(backends.BuildProgress)) (backends.Image, error) {
	if err := b.enter(ctx, "BuildImage", "", spec.Tag); err != nil {
		return backends.Image{}, err
	}
	archive, err := spec.Context(ctx)
	if err != nil {
		return backends.Image{}, backends.Errorf(backends.BuildFailed, "building image %q: the build context: %w", spec.Tag, err)
	}
	defer archive.Close()
	content, err := io.ReadAll(archive)
	if err != nil {
		return backends.Image{}, backends.Errorf(backends.BuildFailed, "building image %q: the build context: %w", spec.Tag, err)
	}
	if progress != nil {
		progress(backends.BuildProgress{Step: "FROM scratch", Line: "Step 1/1 : FROM scratch"})
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	built := Image{}
	if before := b.images[spec.Tag]; before != nil {
		built = *before
		built.Tags = nil
	}
	built.ID = digest(fmt.Sprint(string(content), spec.Dockerfile, spec.Target, slices.Sorted(maps.Keys(spec.Args)), spec.Args))
	built.Labels = spec.Labels
	b.images[spec.Tag] = whole(spec.Tag, built)
	return b.images[spec.Tag].Image, nil
}

// LoadImage makes an image from an archive, by its content; without a tag it is called so too.
func (b *Backend) LoadImage(ctx context.Context, archive io.Reader, tag string) (backends.Image, error) {
	if err := b.enter(ctx, "LoadImage", "", tag); err != nil {
		return backends.Image{}, err
	}
	content, err := io.ReadAll(archive)
	if err != nil {
		return backends.Image{}, err
	}
	if len(content) < 512 {
		return backends.Image{}, invalidf("loading an image archive: it has no image in it")
	}
	id := digest(string(content))
	tag = cmp.Or(tag, "loaded:"+id[7:19])
	b.AddImage(tag, Image{Image: backends.Image{ID: id}})
	return b.InspectImage(ctx, tag)
}

// PushImage puts an image into the registry, by its identity.
func (b *Backend) PushImage(ctx context.Context, spec backends.PushSpec, progress func(backends.PushProgress)) (string, error) {
	if err := b.enter(ctx, "PushImage", "", spec.To); err != nil {
		return "", err
	}
	image, err := b.InspectImage(ctx, spec.Ref)
	if err != nil {
		return "", err
	}
	if progress != nil {
		progress(backends.PushProgress{Current: image.Size, Total: image.Size})
	}
	b.AddRemoteImage(spec.To, Image{Image: image})
	return image.ID, nil
}

// SaveImage makes an archive that is different for each image and name.
func (b *Backend) SaveImage(ctx context.Context, ref, name string) (io.ReadCloser, error) {
	if err := b.enter(ctx, "SaveImage", "", name); err != nil {
		return nil, err
	}
	image, err := b.InspectImage(ctx, ref)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(strings.NewReader(fmt.Sprintf("%-512s", name+" "+image.ID))), nil
}

// RemoveImage removes a tag.
func (b *Backend) RemoveImage(ctx context.Context, ref string) error {
	if err := b.enter(ctx, "RemoveImage", "", ref); err != nil {
		return err
	}
	b.mu.Lock()
	delete(b.images, ref)
	b.mu.Unlock()
	return nil
}

// Listen is the program of images that say nothing else: every port that the service declares accepts and hangs
// up, or speaks HTTP 200 where the application protocol is http; it runs until it is stopped.
func Listen(ctx context.Context, p *Process) int {
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
	var wait sync.WaitGroup
	for _, port := range p.Ports {
		l, err := p.Listen(port)
		if err != nil {
			continue // several ids of one port
		}
		context.AfterFunc(ctx, func() { l.Close() })
		wait.Go(func() {
			if port.Application == "http" {
				http.Serve(l, ok)
				return
			}
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				c.Close()
			}
		})
	}
	<-ctx.Done()
	wait.Wait()
	return 0
}

// Serve is a program that answers HTTP on a port.
func Serve(port uint16, handler http.Handler) Program {
	return func(ctx context.Context, p *Process) int {
		l, err := p.Listen(backends.Port{Number: port})
		if err != nil {
			fmt.Fprintln(p.Stderr, err)
			return 1
		}
		server := &http.Server{Handler: handler}
		context.AfterFunc(ctx, func() { server.Close() })
		server.Serve(l)
		return 0
	}
}

// Exit is a program that prints lines and ends with a code.
func Exit(code int, lines ...string) Program {
	return func(_ context.Context, p *Process) int {
		for _, line := range lines {
			fmt.Fprintln(p.Stdout, line)
		}
		return code
	}
}
