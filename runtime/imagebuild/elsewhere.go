package imagebuild

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/distribution/reference"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// Built is an image that was built where the command line is, for a cluster, which builds none.
type Built struct {
	Reference string // what the cluster's nodes call it
	Image     backends.Image
}

// Key is what an image that is built is asked for as: all of its ImageBuildSpec or NixBuildSpec. It is "" for others.
func Key(image plan.Image) string {
	sum := sha256.New()
	switch b, n := image.Build, image.Nix; {
	case b != nil:
		fmt.Fprintf(sum, "dockerfile %q %q %q %q", b.ImageName, b.BuildContextDir, b.BuildFile, b.TargetStage)
		for name, value := range b.BuildArgs.All() {
			fmt.Fprintf(sum, " %q=%q", name, value)
		}
	case n != nil:
		fmt.Fprintf(sum, "flake %q %q %q %q", n.ImageName, n.BuildContextDir, n.FlakeLocationDir, n.FlakeOutput)
	default:
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// built finds an image that the engine of the run cannot build.
func (o Options) built(image plan.Image) (backends.Image, error) {
	b, ok := o.Built[Key(image)]
	if !ok {
		return backends.Image{}, backends.Errorf(backends.Unsupported, "image %q cannot be built on Kubernetes, and nobody has built it before the run", image.Reference()).
			WithHint("`kurtosis run PACKAGE` builds it where it is called, and pushes it to the cluster's image registry; for other clients, push it to a registry and name its reference in the package")
	}
	found := b.Image
	found.Tags = []string{b.Reference}
	return found, nil
}

// Workshop builds images for a cluster, which builds none, and gives them to its nodes.
type Workshop struct {
	// Engine opens the engine that builds, a backends.Exporter. It is asked when there is something to build, and may be
	// asked several times.
	Engine   func(context.Context) (backends.Backend, error)
	Nodes    Nodes
	Update   bool // ask registries for newer images below Dockerfiles
	Progress func(image string, p Progress)
	Warn     func(message, hint string)
}

// Nodes are the nodes of a cluster, as far as they take images.
type Nodes interface {
	// Name is what they call an image, by what it is built from.
	Name(image, content string) (string, error)
	// Find describes an image by that name; ImageNotFound where they cannot have it yet.
	Find(ctx context.Context, name string) (backends.Image, error)
	// Give makes an image of the engine theirs, and returns the id by which Find knows it.
	Give(ctx context.Context, engine backends.Exporter, image, name string, progress func(Progress)) (id string, err error)
}

// Find describes an image of a plan that the nodes can have already, built from the same content. Errors are ImageNotFound where
// they cannot, and those of reading the content.
func (w Workshop) Find(ctx context.Context, image plan.Image) (Built, error) {
	name, err := w.name(ctx, image)
	if err != nil {
		return Built{}, err
	}
	found, err := w.Nodes.Find(ctx, name)
	return Built{pinned(name, found.ID), found}, err
}

// name is what nodes call an image.
func (w Workshop) name(ctx context.Context, image plan.Image) (string, error) {
	content, err := Content(ctx, image)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(Key(image) + content))
	return w.Nodes.Name(image.Reference(), hex.EncodeToString(sum[:16]))
}

// Bring makes the nodes have an image of a plan, for which it is built unless they have it, or the engine does.
func (w Workshop) Bring(ctx context.Context, image plan.Image) (Built, event.ImageSource, error) {
	ref := image.Reference()
	name, err := w.name(ctx, image)
	if err != nil {
		return Built{}, "", err
	}
	if !w.Update {
		found, err := w.Nodes.Find(ctx, name)
		if err == nil || ctx.Err() != nil {
			return Built{pinned(name, found.ID), found}, event.ImageCached, ctx.Err()
		} // where nobody says so, it may still be given
	}
	engine, err := w.Engine(ctx)
	if err != nil {
		return Built{}, "", unbuilt(ctx, ref, err)
	}
	exporter, ok := engine.(backends.Exporter)
	if !ok {
		return Built{}, "", backends.Errorf(backends.Unsupported, "the engine that would build image %q for the cluster does not give images away", ref)
	}
	progress := func(p Progress) { w.Progress(ref, p) }
	got, source, err := Get(ctx, Options{Backend: engine, Update: w.Update, Progress: progress, Warn: w.Warn}, image)
	if err != nil {
		return Built{}, "", unbuilt(ctx, ref, err)
	}
	if source == event.ImageCached {
		source = event.ImagePushed
	}
	if got.ID, err = w.Nodes.Give(ctx, exporter, ref, name, progress); err != nil {
		return Built{}, "", err
	}
	return Built{pinned(name, got.ID), got}, source, nil
}

// unbuilt says where an image would have been built that the engine there, as there is none, has not built.
func unbuilt(ctx context.Context, ref string, err error) error {
	var e *backends.Error
	if ctx.Err() != nil || !errors.As(err, &e) || e.Kind != backends.EngineUnreachable {
		return err
	}
	c := *e
	c.Message = fmt.Sprintf("image %q has to be built on this machine, as clusters build none: %s", ref, e.Message)
	c.Hint = "a container engine here builds it (DOCKER_HOST names another); or push it to a registry and name its reference in the package"
	c.Err = err
	return &c
}

// pinned is a name in a registry that stays what it is when somebody pushes to it.
func pinned(name, id string) string {
	if named, err := reference.ParseNormalizedNamed(name); err != nil || !strings.HasPrefix(name, reference.Domain(named)+"/") {
		return name // of a node
	}
	return name + "@" + id
}

// Registry is a registry that the nodes of a cluster pull from.
type Registry struct {
	Prefix string // registry.example.com/team
	// Lookup asks it for an image. Errors are ImageNotFound, and what else can be.
	Lookup func(ctx context.Context, ref string) (backends.Image, error)
	// Auth is the login; nil uses what `docker login` stored.
	Auth *backends.RegistryAuth
}

// Name is a repository of the registry for each name of an image.
func (r Registry) Name(image, content string) (string, error) {
	path, err := pathOf(image)
	if err != nil {
		return "", err
	}
	prefix, err := reference.ParseNormalizedNamed(r.Prefix + "/" + path)
	if err != nil {
		return "", backends.Errorf(backends.Invalid, "image %q has no name in the image registry %s: %w", image, r.Prefix, err)
	}
	if reference.Domain(prefix) == "docker.io" { // where names have two parts
		path = strings.ReplaceAll(path, "/", "-")
	}
	return r.Prefix + "/" + path + ":" + content, nil
}

// pathOf is the name of an image without its registry and tag.
func pathOf(image string) (string, error) {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return "", backends.Errorf(backends.Invalid, "image %q is no name of an image: %w", image, err)
	}
	return strings.TrimPrefix(reference.FamiliarName(named), reference.Domain(named)+"/"), nil
}

// Find asks the registry.
func (r Registry) Find(ctx context.Context, name string) (backends.Image, error) {
	return r.Lookup(ctx, name)
}

// Give has the engine push.
func (r Registry) Give(ctx context.Context, engine backends.Exporter, image, name string, progress func(Progress)) (string, error) {
	status := "pushing to " + r.Prefix
	progress(Progress{Status: status})
	return engine.PushImage(ctx, backends.PushSpec{Ref: image, To: name, Auth: r.Auth}, func(p backends.PushProgress) {
		progress(Progress{Status: status, Current: p.Current, Total: p.Total})
	})
}

// Node is the only node of a cluster, whose container runtime images are loaded into.
type Node struct{ Images backends.Images }

// Name is the image's own name with a tag by its content.
func (n Node) Name(image, content string) (string, error) {
	path, err := pathOf(image)
	if err != nil {
		return "", err
	}
	return "kurtosis-built/" + path + ":" + content, nil
}

// Find asks the node.
func (n Node) Find(ctx context.Context, name string) (backends.Image, error) {
	found, err := n.Images.InspectImage(ctx, name)
	if err == nil && found.ID == "" {
		return found, backends.Errorf(backends.ImageNotFound, "the node does not tell what image %q is", name)
	}
	return found, err
}

// Give loads the image into the node.
func (n Node) Give(ctx context.Context, engine backends.Exporter, image, name string, progress func(Progress)) (string, error) {
	progress(Progress{Status: "loading into the node"})
	archive, err := engine.SaveImage(ctx, image, name)
	if err != nil {
		return "", err
	}
	defer archive.Close()
	if _, err := n.Images.LoadImage(ctx, archive, ""); err != nil {
		return "", err
	}
	found, err := n.Find(ctx, name)
	return found.ID, err
}

// BuiltOf lists the images of a plan that are built, each once.
func BuiltOf(p *plan.Plan) ([]plan.Image, error) {
	var list []plan.Image
	seen := map[string]bool{"": true}
	for _, s := range p.Steps {
		in, err := s.Instruction()
		if err != nil {
			return nil, err
		}
		for _, image := range plan.ImagesNamedIn(in) {
			if key := Key(image); !seen[key] {
				seen[key] = true
				list = append(list, image)
			}
		}
	}
	return list, nil
}
