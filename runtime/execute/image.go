package execute

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/imagebuild"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// ImageDownload says when images are asked of their registry.
type ImageDownload string

const (
	DownloadMissing ImageDownload = "missing" // when the engine does not have them: the default
	DownloadAlways  ImageDownload = "always"  // every time; what the engine has serves when the registry does not answer
)

// imageSlots is how many images are downloaded or built at once.
const imageSlots = 4

// ImageOptions say how a run gets its images.
type ImageOptions struct {
	Backend  backends.Backend
	Sink     event.Sink
	Download ImageDownload // "" is DownloadMissing
	Platform string        // the engine's; images for another are warned of
	Now      func() time.Time
	// Built, where not nil, says that Backend builds no images, and has those that were built elsewhere for it.
	Built map[string]imagebuild.Built
}

// Images gets the images of a run's steps, each once, beside the steps: a step waits for its own.
type Images struct {
	ImageOptions
	ctx     context.Context
	stop    context.CancelFunc
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

// NewImages has begun with none yet. ctx ends the work, and so does Close.
func NewImages(ctx context.Context, o ImageOptions) *Images {
	ctx, stop := context.WithCancel(ctx)
	return &Images{ImageOptions: o, ctx: ctx, stop: stop, slots: make(chan struct{}, imageSlots), jobs: map[string]*imageJob{}}
}

// Close ends the work that still goes on, and returns when none does.
func (m *Images) Close() {
	m.stop()
	m.running.Wait()
}

// Prefetch begins with the images of those steps that will run. as, if not nil, gives a step as it will be executed.
func (m *Images) Prefetch(steps []*plan.Step, delta plan.Delta, as func(*plan.Step) *plan.Step) {
	for _, s := range steps {
		if delta.Of(s).Skip {
			continue
		}
		if as != nil {
			s = as(s)
		}
		in, err := s.Instruction()
		if err != nil {
			continue // executing the step reports it
		}
		for _, image := range plan.ImagesOf(in) {
			m.start(image)
		}
	}
}

func (m *Images) start(image plan.Image) *imageJob {
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

// Need waits for one image.
func (m *Images) Need(ctx context.Context, image plan.Image) (backends.Image, error) {
	job := m.start(image)
	select {
	case <-job.ready:
		return job.image, job.err
	case <-ctx.Done():
		return backends.Image{}, ctx.Err()
	}
}

// Identity is the content of an image that a step of an earlier run used, as it is now: "" where the engine does not have
// it, imagebuild.Outdated where it would be built anew. Where images are always downloaded, that is after asking for them.
func (m *Images) Identity(ctx context.Context, image plan.Image) (string, error) {
	o := m.options(image.Reference())
	if !o.Update || imagebuild.Key(image) != "" {
		return imagebuild.Identity(ctx, o, image)
	}
	got, err := m.Need(ctx, image)
	if err != nil && ctx.Err() == nil {
		return "", nil // it is not there: a step that needs it says why
	}
	return got.ID, err
}

// reference is what services name an image by that has been got.
func (m *Images) reference(asked plan.Image, got backends.Image) string {
	if m.Built != nil && imagebuild.Key(asked) != "" {
		return got.Tags[0]
	}
	return asked.Reference()
}

// id is the content id of an image that has been got, "" otherwise.
func (m *Images) id(ref string) string {
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

func (m *Images) get(image plan.Image) (backends.Image, error) {
	started, ref := m.Now(), image.Reference()
	got, source, err := imagebuild.Get(m.ctx, m.options(ref), image)
	if err != nil {
		return got, err
	}
	m.Sink.Emit(event.ImageReady{
		Image: ref, Source: source, Digest: got.ID, Architecture: got.Platform, Duration: event.Seconds(m.Now().Sub(started)),
	})
	if got.Platform != "" && m.Platform != "" && got.Platform != m.Platform {
		m.Sink.Emit(event.Warning{
			Message: fmt.Sprintf("image %s is made for %s, but the engine runs %s", ref, got.Platform, m.Platform),
			Hint:    "it may be slow under emulation, or not run at all",
		})
	}
	return got, nil
}

// options say how an image is got for this run; ref is what events call it.
func (m *Images) options(ref string) imagebuild.Options {
	return imagebuild.Options{
		Backend: m.Backend, Update: m.Download == DownloadAlways, Built: m.Built,
		Progress: func(p imagebuild.Progress) {
			m.Sink.Emit(event.ImageProgress{Image: ref, Status: p.Status, Line: p.Line, Current: p.Current, Total: p.Total})
		},
		Warn: func(message, hint string) { m.Sink.Emit(event.Warning{Message: message, Hint: hint}) },
	}
}
