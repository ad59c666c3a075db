package cli

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/distribution/reference"
	"golang.org/x/sync/errgroup"

	"github.com/kurtosis-go/kurtosis/api/client"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/engine/image"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/execute"
	"github.com/kurtosis-go/kurtosis/runtime/imagebuild"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// A cluster builds no images. Those of a package are built here, and its nodes get them by way of the cluster's image
// registry or, where the only node is this machine, of its containerd.

// buildsAtOnce is how many images are built or pushed at once.
const buildsAtOnce = 4

// imageRegistry is the registry of a setting "registry.example.com/team", and says whether it is one.
func imageRegistry(prefix string) bool {
	named, err := reference.ParseNormalizedNamed(prefix + "/image")
	return err == nil && reference.IsNameOnly(named) && strings.HasPrefix(prefix+"/", reference.Domain(named)+"/")
}

// workshop builds images for a cluster; ok is false where the cluster has no way to get them. The caller calls done.
func (a *app) workshop(ctx context.Context, c Cluster, logins Logins) (w imagebuild.Workshop, done func(), ok bool, err error) {
	done = func() {}
	switch {
	case c.ImageRegistry != "":
		found, err := logins.For(ctx, []string{c.ImageRegistry + "/image"})
		if err != nil {
			return w, done, false, err
		}
		var auth *backends.RegistryAuth
		if len(found) > 0 {
			auth = &found[0]
		}
		w.Nodes = imagebuild.Registry{Prefix: c.ImageRegistry, Auth: auth, Lookup: func(ctx context.Context, ref string) (backends.Image, error) {
			return image.Lookup(ctx, ref, auth)
		}}
	case c.Containerd != "":
		b, err := a.engines.Kubernetes(ctx, c)
		if err != nil {
			return w, done, false, err
		}
		done = func() { _ = b.Close() }
		w.Nodes = imagebuild.Node{Images: b}
	default:
		return w, done, false, nil
	}
	var opened backends.Backend
	open := sync.OnceValues(func() (backends.Backend, error) {
		if a.engines.Docker == nil {
			return nil, backends.Errorf(backends.EngineUnreachable, "this build has no container engine")
		}
		b, err := a.engines.Docker(ctx)
		if err != nil {
			return nil, err
		}
		opened = b
		return b, nil
	})
	w.Engine = func(context.Context) (backends.Backend, error) { return open() }
	closeNodes := done
	done = func() {
		closeNodes()
		if opened != nil {
			_ = opened.Close()
		}
	}
	return w, done, true, nil
}

// bringImages makes the nodes of a cluster have the images that a plan has built, and tells the run of them. A comparison
// only finds out which they have.
func (a *app) bringImages(ctx context.Context, j *job, c Cluster, logins Logins, p *plan.Plan, o *client.RunOptions) error {
	o.Built = map[string]imagebuild.Built{}
	images, err := imagebuild.BuiltOf(p)
	if err != nil || len(images) == 0 {
		return err
	}
	w, done, ok, err := a.workshop(ctx, c, logins)
	if err != nil {
		return err
	}
	defer done()
	if j.dryRun {
		return findImages(ctx, w, ok, images, o.Built)
	}
	if !ok {
		return backends.Errorf(backends.Unsupported, "image '%s' is to be built on this machine, and the nodes of cluster '%s' have no registry to take it from", images[0].Reference(), c.Name).
			WithHint("'kurtosis cluster set %s --image-registry registry.example.com/team' names one; the login is that of `docker login`", c.Name)
	}
	view := a.view(j)
	defer view.close()
	w.Update = o.ImageDownload == execute.DownloadAlways
	w.Progress = func(ref string, p imagebuild.Progress) {
		view.sink.Emit(event.ImageProgress{Image: ref, Status: p.Status, Line: p.Line, Current: p.Current, Total: p.Total})
	}
	w.Warn = func(message, hint string) { view.sink.Emit(event.Warning{Message: message, Hint: hint}) }
	var mu sync.Mutex
	all, within := errgroup.WithContext(ctx)
	all.SetLimit(buildsAtOnce)
	bring := func(one plan.Image) error {
		started := time.Now()
		built, source, err := w.Bring(within, one)
		if err != nil {
			return &unbuiltError{one, err}
		}
		mu.Lock()
		defer mu.Unlock()
		o.Built[imagebuild.Key(one)] = built
		if source != event.ImageCached {
			view.sink.Emit(event.ImageReady{
				Image: one.Reference(), Source: source, Digest: built.Image.ID, Architecture: built.Image.Platform, Duration: event.Seconds(time.Since(started)),
			})
		}
		return nil
	}
	for _, same := range byName(images) {
		all.Go(func() error {
			for _, one := range same {
				if err := bring(one); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return buildFailure(p, err)
	}
	return a.loginForBuilt(ctx, logins, o)
}

// byName puts those of one name together, as the engine that builds has one of them at a time.
func byName(images []plan.Image) map[string][]plan.Image {
	groups := map[string][]plan.Image{}
	for _, one := range images {
		groups[one.Reference()] = append(groups[one.Reference()], one)
	}
	return groups
}

// bringUnplanned does so for a package that can be planned in its enclave only, as it asks for what is there.
func (a *app) bringUnplanned(ctx context.Context, j *job, e *client.Enclave, o *client.RunOptions) error {
	c, err := a.engines.cluster()
	if err != nil || c.Type == backends.Docker || o.Built != nil {
		return err
	}
	compared, err := e.Compare(ctx, *o)
	if err != nil || compared.Plan == nil {
		return ctx.Err() // its run says what is wrong with it
	}
	logins, err := a.engines.logins()
	if err != nil {
		return err
	}
	return a.bringImages(ctx, j, c, logins, compared.Plan, o)
}

// findImages tells a comparison of the images that the nodes have already.
func findImages(ctx context.Context, w imagebuild.Workshop, ok bool, images []plan.Image, into map[string]imagebuild.Built) error {
	if !ok {
		return nil
	}
	for _, one := range images {
		built, err := w.Find(ctx, one)
		if ctx.Err() != nil {
			return ctx.Err()
		} else if err == nil {
			into[imagebuild.Key(one)] = built
		}
	}
	return nil
}

// loginForBuilt has the nodes pull with the login that pushed.
func (a *app) loginForBuilt(ctx context.Context, logins Logins, o *client.RunOptions) error {
	var refs []string
	for _, b := range o.Built {
		refs = append(refs, b.Reference)
	}
	found, err := loginsFor(ctx, logins, refs)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, l := range o.Logins {
		known[l.Domain()] = true
	}
	for _, l := range found {
		if !known[l.Domain()] {
			o.Logins = append(o.Logins, l)
		}
	}
	return nil
}

// unbuiltError says which image could not be built.
type unbuiltError struct {
	image plan.Image
	error
}

func (e *unbuiltError) Unwrap() error { return e.error }

// buildFailure is a failed build as the failure of the first step that wants the image.
func buildFailure(p *plan.Plan, err error) error {
	var failed *unbuiltError
	if !errors.As(err, &failed) {
		return err
	}
	failure := event.Failure{Message: failed.Error(), Hint: backends.HintOf(failed.error)}
	var known *backends.Error
	if errors.As(err, &known) {
		failure.Log = known.Log
	}
	for _, s := range p.Steps {
		in, err := s.Instruction()
		if err != nil {
			continue
		}
		for _, i := range plan.ImagesOf(in) {
			if failure.Position == nil && imagebuild.Key(i) == imagebuild.Key(failed.image) {
				failure.Position = &event.Position{File: s.Position.Module, Line: int(s.Position.Line), Column: int(s.Position.Col)}
			}
		}
	}
	return &execute.StepError{Failure: failure, Err: failed.error}
}
