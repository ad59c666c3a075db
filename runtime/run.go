package runtime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/execute"
	"github.com/kurtosis-go/kurtosis/runtime/imagebuild"
	"github.com/kurtosis-go/kurtosis/runtime/interp"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// RunOptions say how a plan is executed. Package, State and Sink are required.
type RunOptions struct {
	Options
	State      string // directory that holds a directory per enclave
	Sink       event.Sink
	Enclave    string // name or UUID; one that does not exist is made; "" makes one with a name of its own
	Production bool   // of an enclave that is made: services start again when they end

	ArgsText         string // the arguments as they were given, for the history
	Parallelism      int    // 0 is execute.DefaultParallelism
	Parallel         bool
	ImageDownload    execute.ImageDownload
	Built            map[string]imagebuild.Built // on a cluster, which builds none: the images that were built for it, by imagebuild.Key
	NonBlockingTasks bool
	NoConnect        bool // publish no port on the host
	Prune            bool
	ResourceCheck    bool                    // services that need more than the engine has are problems of the plan
	ImagesFirst      bool                    // images that can't be had are problems of the plan: all are there before the first step
	Fresh            bool                    // run every step, whatever was done before
	Planned          func(*plan.Plan)        // where not nil, is given the plan before its first step runs
	Checked          func([]diag.Diagnostic) // where not nil, is given what Checker found before anything is made
	NoWait           bool                    // be refused, instead of waiting, when another run is in the enclave
	Host             *backends.Info          // what the backend says about itself, for callers that run often; nil asks it
	HTTP             *http.Client
	Now              func() time.Time
}

// Result is what a run came to. It is as complete as the run got.
type Result struct {
	Preview
	execute.Outcome
	Enclave backends.Enclave
	Created bool       // the run made the enclave
	Delta   plan.Delta // what there was to do
}

// Run plans a package for an enclave and executes the plan there. Nothing is made before the plan is known to be
// valid; the enclave that a failed run made stays, for people to look at. Events go to the sink, the last of them
// an event.Result, whatever happens. Errors are those of Plan, *ProblemsError, *BusyError, *execute.StepError,
// *state.NewerError and *backends.Error.
func Run(ctx context.Context, backend backends.Backend, o RunOptions) (Result, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &session{RunOptions: o, enclaves: Enclaves{backend, o.State, o.Now}}
	started := o.Now()
	err := r.run(ctx)
	r.closeImages() // nothing of this run outlives it
	err = errors.Join(err, r.release())
	r.emitResult(ctx, started, err)
	r.result.hide(r.secrets)
	return r.result, hidden(err, r.secrets)
}

// Compare says what Run would do in an enclave that may exist, and changes nothing.
func Compare(ctx context.Context, backend backends.Backend, o RunOptions) (Result, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &session{RunOptions: o, enclaves: Enclaves{backend, o.State, o.Now}, look: true}
	err := r.decide(ctx)
	r.closeImages()
	r.result.hide(r.secrets)
	return r.result, hidden(err, r.secrets)
}

// session is one run, or one comparison.
type session struct {
	RunOptions
	enclaves  Enclaves
	look      bool            // only look
	exists    bool            // the enclave is there already
	images    *execute.Images // nil before the engine is known to answer
	overrides bool            // set_service of an earlier run may have changed which images there are
	store     *state.Store
	marked    *plan.Secrets // among the arguments of this run
	secrets   *plan.Secrets // these, and those of the enclave
	unlock    func() error
	result    Result
}

func (r *session) run(ctx context.Context) error {
	if err := r.decide(ctx); err != nil {
		return err
	}
	if r.Checked != nil {
		r.Checked(plan.HideIn(r.secrets, r.result.Diagnostics))
	}
	if len(r.result.Problems) > 0 {
		return &ProblemsError{r.result.Problems}
	}
	if !r.overrides {
		r.images.Prefetch(r.result.Plan.Steps, r.result.Delta, nil) // while the enclave is made
	}
	if !r.exists {
		if err := r.create(ctx); err != nil {
			return err
		}
	}
	if err := r.store.KeepSecrets(r.marked); err != nil {
		return err
	}
	if r.Planned != nil {
		r.Planned(r.result.Plan.Hidden(r.secrets))
	}
	r.sink().Emit(r.planned())
	if r.ImagesFirst {
		if err := r.phase(event.Images, func() error { return r.awaitImages(ctx) }); err != nil {
			return err
		}
	}
	var err error
	r.result.Outcome, err = execute.Run(ctx, execute.Options{
		Plan: r.result.Plan, Delta: r.result.Delta, Backend: r.enclaves.Backend, Host: *r.Host, Enclave: r.result.Enclave, Store: r.store, Sink: r.sink(), Secrets: r.secrets,
		Images: r.images, Args: r.ArgsText, Parallelism: r.Parallelism, Parallel: r.Parallel, NonBlockingTasks: r.NonBlockingTasks,
		NoConnect: r.NoConnect, Prune: r.Prune, HTTP: r.HTTP, Now: r.Now,
	})
	return err
}

// decide plans for the enclave as it is, and compares with what was done in it.
func (r *session) decide(ctx context.Context) error {
	var err error
	if r.marked, err = plan.MarkSecrets(r.Args, r.Secrets); err != nil {
		return err
	}
	r.secrets = r.marked
	info, err := r.host(ctx)
	if err != nil {
		return err
	}
	r.Cluster = string(info.ClusterType)
	images := execute.ImageOptions{Backend: r.enclaves.Backend, Sink: r.sink(), Download: r.ImageDownload, Platform: info.Platform, Now: r.Now}
	if info.ClusterType == backends.Kubernetes {
		if images.Built = r.Built; images.Built == nil {
			images.Built = map[string]imagebuild.Built{}
		}
	}
	if r.look {
		images.Download = execute.DownloadMissing
	}
	r.images = execute.NewImages(ctx, images)
	if err := r.find(ctx); err != nil {
		return err
	}
	var remembered state.Enclave
	var services []backends.Service
	if r.exists {
		if err := r.open(ctx); err != nil {
			return err
		}
		remembered = *r.store.Enclave()
		r.secrets = r.marked.With(r.store.Secrets())
		r.overrides = len(remembered.Overrides) > 0
		if services, err = r.enclaves.Backend.ListServices(ctx, r.result.Enclave.UUID); err != nil {
			return err
		}
		services = slices.DeleteFunc(services, func(s backends.Service) bool { return execute.IsLostTask(s.Name, &remembered) })
	}
	if err := r.phase(event.Interpreting, func() error {
		preview, err := planFor(ctx, r.Options, environment(&remembered, services))
		r.result.Preview = *preview
		return err
	}); err != nil {
		return err
	}
	if r.ResourceCheck {
		r.result.Problems = append(r.result.Problems, resources(r.result.Plan, info)...)
	}
	for _, w := range r.result.Plan.Warnings {
		at := event.Position{File: w.Position.Module, Line: int(w.Position.Line), Column: int(w.Position.Col)}
		r.sink().Emit(event.Warning{Message: w.Message, Hint: w.Hint, Position: &at})
	}
	if err := identifyFiles(ctx, r.result.Plan); err != nil {
		return err
	}
	world := world(&remembered, services)
	if world.Images, err = imagesPresent(ctx, r.result.Plan, &remembered, r.images); err != nil {
		return err
	}
	records := remembered.Records()
	if r.Fresh {
		records = nil
	}
	r.result.Delta = plan.Diff(r.result.Plan, records, world)
	return nil
}

// sink takes what happens, and tells it without secrets.
func (r *session) sink() event.Sink { return hiding{r} }

// host is what the backend says about itself, asked once.
func (r *session) host(ctx context.Context) (backends.Info, error) {
	if r.Host == nil {
		info, err := r.enclaves.Backend.Info(ctx)
		if err != nil {
			return info, err
		}
		r.Host = &info
	}
	return *r.Host, nil
}

func (r *session) phase(p event.Phase, do func() error) error {
	started := r.Now()
	r.sink().Emit(event.PhaseStarted{Phase: p})
	err := do()
	r.sink().Emit(event.PhaseEnded{Phase: p, Duration: event.Seconds(r.Now().Sub(started)), Failed: err != nil})
	return err
}

// find looks the enclave up; one that is named and does not exist is to be made.
func (r *session) find(ctx context.Context) error {
	if r.Enclave == "" {
		return nil
	}
	enclave, err := r.enclaves.Backend.InspectEnclave(ctx, r.Enclave)
	if backends.KindOf(err) == backends.NotFound {
		return nil
	} else if err != nil {
		return err
	}
	r.result.Enclave, r.exists = enclave, true
	return nil
}

func (r *session) create(ctx context.Context) error {
	enclave, err := r.enclaves.Create(ctx, r.Enclave, r.Production)
	if err != nil {
		return err
	}
	r.result.Enclave, r.result.Created = enclave, true
	return r.open(ctx)
}

// open reads what is remembered about the enclave; for a run, once no other run is in it.
func (r *session) open(ctx context.Context) error {
	if r.look {
		var err error
		r.store, err = r.enclaves.Store(r.result.Enclave.UUID)
		return r.quarantined(err)
	}
	r.store = r.enclaves.unread(r.result.Enclave.UUID)
	var err error
	r.unlock, err = r.store.Lock(ctx, "kurtosis run "+r.title(), func(h state.Holder) error {
		if r.NoWait {
			return &BusyError{r.result.Enclave.Name, h}
		}
		r.sink().Emit(event.Info{Message: fmt.Sprintf("enclave %s is in use by %s; waiting for it to end", r.result.Enclave.Name, h)})
		return nil
	})
	return r.quarantined(err)
}

// title tells others what is run.
func (r *session) title() string {
	switch {
	case r.Package.Name != "":
		return r.Package.Name
	case r.Nameless: // its place tells nothing
		return filepath.Base(r.Package.Main.Path)
	}
	return cmp.Or(r.Identity, r.Package.Identity())
}

// quarantined turns a state that could not be read into a warning: what runs is the backend's to say.
func (r *session) quarantined(err error) error {
	var corrupt *state.CorruptError
	if errors.As(err, &corrupt) {
		r.sink().Emit(event.Warning{Message: corrupt.Error(), Hint: corrupt.Hint()})
		return nil
	}
	return err
}

func (r *session) closeImages() {
	if r.images != nil {
		r.images.Close()
	}
}

func (r *session) release() error {
	if r.unlock == nil {
		return nil
	}
	return r.unlock()
}

// environment is what the enclave holds, as interpretation and validation see it.
func environment(remembered *state.Enclave, services []backends.Service) plan.Environment {
	var env plan.Environment
	for _, s := range services {
		existing := plan.ExistingService{Name: s.Name}
		for _, p := range execute.Ports(s) {
			existing.Ports = append(existing.Ports, plan.Entry[plan.PortSpec]{Key: p.ID, Value: plan.PortSpec{
				Number: uint16(p.Number), TransportProtocol: p.Transport, ApplicationProtocol: p.Application,
			}})
		}
		env.Services = append(env.Services, existing)
	}
	for name := range remembered.Artifacts {
		env.Artifacts = append(env.Artifacts, name)
	}
	slices.Sort(env.Artifacts)
	return env
}

func world(remembered *state.Enclave, services []backends.Service) plan.World {
	w := plan.World{Services: map[string]bool{}, Artifacts: map[string]bool{}, Made: map[string]string{}}
	for _, s := range services {
		w.Services[s.Name] = s.State != backends.Stopped
	}
	for name := range remembered.Artifacts {
		w.Artifacts[name] = true
	}
	for name, s := range remembered.Services {
		if _, there := w.Services[name]; there {
			w.Made[name] = s.Package
		}
	}
	return w
}

// planned tells what the run is going to do.
func (r *session) planned() event.Planned {
	out := event.Planned{Enclave: r.result.Enclave.Name, Removed: r.result.Delta.Removed}
	for i, s := range r.result.Plan.Steps {
		d := r.result.Delta.Of(s)
		out.Steps = append(out.Steps, event.StepCause{
			Step: event.Step{
				ID: s.ID, Index: i + 1, Total: len(r.result.Plan.Steps), Instruction: s.Name, Description: s.Description,
				Position: event.Position{File: s.Position.Module, Line: int(s.Position.Line), Column: int(s.Position.Col)},
			},
			Skip: d.Skip, Cause: d.Cause,
		})
	}
	return out
}

// emitResult closes the stream of events.
func (r *session) emitResult(ctx context.Context, started time.Time, err error) {
	out := event.Result{
		Status: event.Succeeded, Enclave: r.result.Enclave.Name, UUID: r.result.Enclave.UUID,
		Executed: r.result.Executed, Skipped: r.result.Skipped, Duration: event.Seconds(r.Now().Sub(started)), Output: r.result.Output,
	}
	if err != nil {
		out.Status, out.Error = event.Failed, err.Error()
		if ctx.Err() != nil {
			out.Status = event.Interrupted
		}
		out.Failure = Explain(err)
	}
	r.sink().Emit(out)
}

// Explain is an error of Run or Plan as the last event of a run carries it.
func Explain(err error) *event.Failure {
	var (
		step *execute.StepError
		why  *interp.Error
		hint interface{ Hint() string }
	)
	switch {
	case errors.As(err, &step):
		return &step.Failure
	case errors.As(err, &why):
		message, _, _ := strings.Cut(why.Message, "\n")
		return &event.Failure{Message: message, Hint: why.Hint}
	case errors.As(err, &hint):
		return &event.Failure{Message: err.Error(), Hint: hint.Hint()}
	}
	return &event.Failure{Message: err.Error(), Hint: backends.HintOf(err)}
}
