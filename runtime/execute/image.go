package execute

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/imagebuild"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// imageSlots is how many images are downloaded or built at once.
const imageSlots = 4

// images gets the images of a run's steps, from its beginning on and beside the steps: a step waits for its own.
type images struct {
	r       *runner
	ctx     context.Context
	slots   chan struct{}
	running sync.WaitGroup

	mu   sync.Mutex
	jobs map[string]*imageJob // by reference
}

type imageJob struct {
	ready chan struct{} // closed when image and err are set
	image backends.Image
	err   error
}

// startImages begins with the images of all the steps that will run. ctx ends the work.
func (r *runner) startImages(ctx context.Context) *images {
	m := &images{r: r, ctx: ctx, slots: make(chan struct{}, imageSlots), jobs: map[string]*imageJob{}}
	for _, s := range r.Plan.Steps {
		if r.Delta.Of(s).Skip {
			continue
		}
		in, err := r.overridden(s).Instruction()
		if err != nil {
			continue // executing the step reports it
		}
		for _, image := range plan.ImagesOf(in) {
			m.start(image)
		}
	}
	return m
}

func (m *images) start(image plan.Image) *imageJob {
	m.mu.Lock()
	defer m.mu.Unlock()
	ref := image.Reference()
	if job, ok := m.jobs[ref]; ok {
		return job
	}
	job := &imageJob{ready: make(chan struct{})}
	m.jobs[ref] = job
	m.running.Go(func() {
		defer close(job.ready)
		select {
		case m.slots <- struct{}{}:
			job.image, job.err = m.get(image)
			<-m.slots
		case <-m.ctx.Done():
			job.err = m.ctx.Err()
		}
	})
	return job
}

// need waits for one image.
func (m *images) need(ctx context.Context, image plan.Image) (backends.Image, error) {
	job := m.start(image)
	select {
	case <-job.ready:
		return job.image, job.err
	case <-ctx.Done():
		return backends.Image{}, ctx.Err()
	}
}

// id is the content id of an image that has been got, "" otherwise.
func (m *images) id(ref string) string {
	m.mu.Lock()
	job, ok := m.jobs[ref]
	m.mu.Unlock()
	if !ok {
		return ""
	}
	select {
	case <-job.ready:
		return job.image.ID
	default:
		return ""
	}
}

// wait returns when no work goes on.
func (m *images) wait() { m.running.Wait() }

func (m *images) get(image plan.Image) (backends.Image, error) {
	started := m.r.Now()
	var (
		got    backends.Image
		source = event.ImageBuilt
		err    error
	)
	switch {
	case image.Build != nil:
		var built bool
		if got, built, err = imagebuild.Dockerfile(m.ctx, m.builds(image.Reference()), image.Build); !built {
			source = event.ImageCached
		}
	case image.Nix != nil:
		got, err = imagebuild.Nix(m.ctx, m.builds(image.Reference()), image.Nix)
	default:
		got, source, err = m.find(image)
	}
	if err != nil {
		return got, err
	}
	m.r.Sink.Emit(event.ImageReady{
		Image: image.Reference(), Source: source, Digest: got.ID, Architecture: got.Platform,
		Duration: event.Seconds(m.r.Now().Sub(started)),
	})
	if want := m.r.info.Platform; got.Platform != "" && want != "" && got.Platform != want {
		m.r.Sink.Emit(event.Warning{
			Message: fmt.Sprintf("image %s is made for %s, but the engine runs %s", image.Reference(), got.Platform, want),
			Hint:    "it may be slow under emulation, or not run at all",
		})
	}
	return got, nil
}

// find takes the engine's image or the registry's, as the run asked for.
func (m *images) find(image plan.Image) (backends.Image, event.ImageSource, error) {
	ref := image.Reference()
	local, err := m.r.Backend.InspectImage(m.ctx, ref)
	missing := backends.KindOf(err) == backends.ImageNotFound
	if err != nil && !missing {
		return local, "", err
	}
	if !missing && m.r.ImageDownload == DownloadMissing {
		return local, event.ImageCached, nil
	}
	pulled, err := m.r.Backend.PullImage(m.ctx, backends.PullSpec{Ref: ref, Auth: auth(image)}, func(p backends.PullProgress) {
		m.r.Sink.Emit(event.ImageProgress{Image: ref, Status: p.Status, Current: p.Current, Total: p.Total})
	})
	unreachable := []backends.Kind{backends.RegistryUnreachable, backends.RateLimited, backends.ImageNotFound, backends.AuthNeeded}
	switch {
	case err == nil:
		return pulled, event.ImagePulled, nil
	case !missing && slices.Contains(unreachable, backends.KindOf(err)):
		m.r.Sink.Emit(event.Warning{
			Message: fmt.Sprintf("image %s cannot be downloaded again: %s", ref, err), Hint: "the engine's own copy is used",
		})
		return local, event.ImageCached, nil
	}
	return pulled, "", unavailable(ref, err)
}

// unavailable adds what to do about an image that cannot be had, where the backend has no better word.
func unavailable(ref string, err error) error {
	if err == nil || hintOf(err) != "" {
		return err
	}
	f := event.Failure{Message: err.Error()}
	switch backends.KindOf(err) {
	case backends.ImageNotFound:
		f.Hint = fmt.Sprintf("is the name %s right? an image that was built here needs no registry: `docker images` lists what the engine has", ref)
	case backends.AuthNeeded:
		f.Hint = "`docker login`, or username and password in an ImageSpec"
	case backends.RateLimited:
		f.Hint = "`docker login` raises the limit"
	case backends.RegistryUnreachable, backends.Unknown:
		f.Hint = fmt.Sprintf("without its registry, %s can be brought with `docker load`", ref)
	default:
		return err
	}
	return &failure{f, err}
}

// builds says how images are built for this run; ref is what events call the one that is built.
func (m *images) builds(ref string) imagebuild.Options {
	return imagebuild.Options{
		Backend: m.r.Backend, Update: m.r.ImageDownload == DownloadAlways,
		Progress: func(p imagebuild.Progress) {
			m.r.Sink.Emit(event.ImageProgress{Image: ref, Status: p.Status, Line: p.Line, Current: p.Current, Total: p.Total})
		},
	}
}
