package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kurtosis-go/kurtosis/api/client"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/cmd/internal/ui"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/execute"
	"github.com/kurtosis-go/kurtosis/runtime/imagebuild"
	"github.com/kurtosis-go/kurtosis/runtime/interp"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// frameTime is how often the live view is drawn anew.
const frameTime = 100 * time.Millisecond

// execute runs a package in an enclave. Progress goes to standard error, what the package returned to standard output,
// and the enclave after it; as JSON, all of it is events on standard output.
func (a *app) execute(ctx context.Context, j *job) error {
	return a.withEngine(ctx, needEngine, func(s *session) error {
		found, err := s.lookUp(ctx, j.enclave)
		if err != nil {
			return err
		}
		made := found.UUID == ""
		o, err := a.runOptions(ctx, j, made)
		if err != nil {
			return err
		}
		if made {
			if found, err = s.Create(ctx, j.enclave, j.production); err != nil {
				return err
			}
		}
		e, err := s.dial(found)
		if err != nil {
			return err
		}
		defer e.Close()
		if err := a.bringUnplanned(ctx, j, e, &o); err != nil {
			return a.refused(ctx, j, &runtime.Preview{}, err)
		}
		view := a.view(j)
		var unwritten error
		var planned atomic.Bool
		o.Checked = view.checked
		o.Sink = event.Func(func(happened event.Event) {
			if _, ok := happened.(event.Planned); ok {
				planned.Store(true)
			}
			view.sink.Emit(happened)
		})
		if view.planned != nil || j.outputGraph { // else it need not be sent
			o.Planned = func(p *plan.Plan) {
				if view.planned != nil {
					view.planned(p)
				}
				if j.outputGraph {
					unwritten = j.writeGraph(p)
				}
			}
		}
		result, err := e.Run(ctx, o)
		view.close()
		if result.Enclave.UUID == "" {
			result.Enclave = found.Enclave
		}
		result.Created = made
		if err == nil {
			return errors.Join(a.runDone(ctx, j, found, e, result), unwritten)
		}
		if made && !planned.Load() && endedThere(err) {
			// Nothing came of it: what was made for it goes, too, though the caller may be in a hurry.
			if _, gone := s.Remove(context.WithoutCancel(ctx), found.UUID); gone == nil {
				result.Enclave, result.Created = backends.Enclave{}, false
			}
		}
		return a.runFailed(ctx, j, result, err)
	})
}

// endedThere says that a run is over: when the connection broke, it goes on.
func endedThere(err error) bool { return backends.KindOf(err) != backends.EngineUnreachable }

// lookUp finds the enclave of a run; it is the zero value where there is none of this name yet, or "".
func (s *session) lookUp(ctx context.Context, identifier string) (client.EnclaveInfo, error) {
	if identifier == "" {
		return client.EnclaveInfo{}, nil
	}
	found, err := s.Find(ctx, identifier)
	if backends.KindOf(err) == backends.NotFound {
		return client.EnclaveInfo{}, nil
	}
	return found, err
}

// runOptions are what the API container has to know of a job. A run in an enclave that is to be made is planned before:
// one that can't work makes nothing.
func (a *app) runOptions(ctx context.Context, j *job, planFirst bool) (client.RunOptions, error) {
	o := client.RunOptions{
		Function: j.function, Args: j.args, Privileged: j.privileged, Strict: j.strict, NoCheck: j.noCheck, ArgsText: j.argsText(),
		Parallelism: j.parallelism, Parallel: j.parallel, ImageDownload: execute.ImageDownload(*j.imageDownload),
		NonBlockingTasks: j.nonBlocking, NoConnect: j.noConnect, Prune: j.prune, ResourceCheck: j.resourceCheck, Fresh: j.uncached(),
		GitHubToken: gitHubToken(),
	}
	for _, path := range j.secrets {
		o.Secrets = append(o.Secrets, client.Secret{Path: path})
	}
	logins, err := a.engines.logins()
	if err != nil {
		return o, err
	}
	cluster, err := a.engines.cluster()
	if err != nil {
		return o, err
	}
	builds := cluster.Type == backends.Docker // its engine does
	if !builds {
		kind := string(cluster.Type)
		j.cluster = &kind
	}
	var previewed *runtime.Preview
	if planFirst || logins.Any() || !builds {
		if previewed, err = runtime.Plan(ctx, j.options()); err == nil && len(previewed.Problems) > 0 {
			err = &runtime.ProblemsError{Problems: previewed.Problems}
		}
		if err != nil && planFirst {
			return o, a.refused(ctx, j, previewed, err)
		}
	}
	if logins.Any() && previewed.Plan != nil { // what can't be planned here without the enclave, its run will say
		if o.Logins, err = planLogins(ctx, logins, previewed.Plan); err != nil {
			return o, err
		}
	}
	if !builds && previewed.Plan != nil {
		if err := a.bringImages(ctx, j, cluster, logins, previewed.Plan, &o); err != nil {
			return o, a.refused(ctx, j, previewed, err)
		}
	}
	o.Bundle, err = j.pkg.Bundle(ctx, packages.BundleOptions{Alone: j.offline, Discover: func(ctx context.Context) error {
		if previewed != nil {
			return nil
		}
		_, err := runtime.Plan(ctx, j.options())
		return err
	}})
	if err != nil || len(o.Bundle.Left) == 0 {
		return o, err
	}
	if previewed == nil {
		previewed, _ = runtime.Plan(ctx, j.options()) // its run says what is wrong with it
	}
	if err := uploadable(ctx, previewed.Plan, o.Bundle.Left); err != nil {
		return o, a.refused(ctx, j, previewed, err)
	}
	return o, nil
}

// refused says why there is no run. As JSON, that is its result.
func (a *app) refused(ctx context.Context, j *job, previewed *runtime.Preview, err error) error {
	if a.output == formatJSON {
		status := event.Failed
		if ctx.Err() != nil {
			status = event.Interrupted
		}
		event.NewJSONLines(a.Out, time.Now).Emit(event.Result{Status: status, Error: err.Error(), Failure: runtime.Explain(err)})
	}
	return a.runFailed(ctx, j, runtime.Result{Preview: *previewed}, err)
}

// uploadable finds a step that wants files which are not part of the bundle, as a link leads out of what is uploaded.
func uploadable(ctx context.Context, p *plan.Plan, left []string) error {
	if p == nil {
		return nil
	}
	for _, s := range p.Steps {
		for _, at := range s.Locators {
			wanted := slices.ContainsFunc(left, func(file string) bool {
				rel, err := filepath.Rel(at.Path, file)
				return at.Path != "" && err == nil && filepath.IsLocal(rel)
			})
			if !wanted {
				continue
			}
			if err := state.Pack(ctx, at.Path, io.Discard); err != nil {
				position := event.Position{File: s.Position.Module, Line: int(s.Position.Line), Column: int(s.Position.Col)}
				return &execute.StepError{Failure: event.Failure{Message: fmt.Sprintf("uploading %s: %s", at.Locator, err), Position: &position}, Err: err}
			}
		}
	}
	return nil
}

// planLogins finds the logins for the registries that a plan's images, and what those are built on, come from.
func planLogins(ctx context.Context, logins Logins, p *plan.Plan) ([]client.Login, error) {
	images, err := p.Images()
	if err != nil {
		return nil, err
	}
	var refs []string
	for _, image := range images {
		pulls, err := imagebuild.Pulls(image)
		if err != nil {
			continue // the build says what is wrong
		}
		for _, spec := range pulls {
			refs = append(refs, spec.Ref)
		}
	}
	return loginsFor(ctx, logins, refs)
}

// argsText is what the history keeps of the arguments: their names, as values may be secrets.
func (j *job) argsText() string {
	if j.args == nil {
		return ""
	}
	names := make([]string, len(j.args.Items))
	for i, item := range j.args.Items {
		names[i] = plan.StringOf(item.Key)
	}
	return strings.Join(names, ", ")
}

// uncached says whether steps are to run also when they were done before.
func (j *job) uncached() bool { return len(j.experimental) > 0 }

// view is how a run is shown.
type view struct {
	sink    event.Sink
	planned func(*plan.Plan)
	checked func([]diag.Diagnostic)
	close   func()
}

func (a *app) view(j *job) view {
	checked := func(found []diag.Diagnostic) { fmt.Fprint(a.Err, a.findings(found)) }
	if j.quiet {
		checked = nil
	}
	if a.output == formatJSON {
		return view{event.NewJSONLines(a.Out, time.Now), nil, checked, func() {}}
	}
	if j.quiet {
		return view{event.Discard, nil, nil, func() {}}
	}
	var (
		mu    sync.Mutex
		steps = map[string]*plan.Step{}
	)
	detail := ui.Detail{Results: true}
	var planned func(*plan.Plan)
	if v := plan.Verbosity(*j.verbosity); v != plan.Describe {
		detail.Step = func(s event.Step) string {
			mu.Lock()
			defer mu.Unlock()
			if step := steps[s.ID]; step != nil {
				return strings.TrimRight(step.Text(v), "\n")
			}
			return s.Description
		}
		detail.Results = v != plan.OutputOnly
		planned = func(p *plan.Plan) {
			mu.Lock()
			defer mu.Unlock()
			for _, s := range p.Steps {
				steps[s.ID] = s
			}
		}
	}
	if !a.style.Terminal {
		return view{ui.NewPlain(a.Err, a.style, detail), planned, checked, func() {}}
	}
	ticker := time.NewTicker(frameTime)
	live := ui.NewLive(a.Err, a.style, detail, time.Now, ticker.C)
	checked = func(found []diag.Diagnostic) {
		if text := a.findings(found); text != "" {
			live.Emit(event.Info{Message: strings.TrimSuffix(text, "\n")})
		}
	}
	return view{live, planned, checked, func() { live.Close(); ticker.Stop() }}
}

// runDone shows what the package returned, and the enclave.
func (a *app) runDone(ctx context.Context, j *job, found client.EnclaveInfo, e *client.Enclave, result runtime.Result) error {
	switch {
	case a.output == formatJSON:
		return nil
	case j.quiet:
		if result.Output != "" {
			fmt.Fprintln(a.Out, result.Output)
		}
		return nil
	}
	fmt.Fprintf(a.Out, "%s", outcome(result.Output, ""))
	if removed := result.Delta.Removed; len(removed) > 0 && !j.prune {
		a.warn("the package no longer adds "+strings.Join(removed, ", "), "--prune removes what earlier runs of the package made")
	}
	return a.showEnclave(ctx, j, found, e, result)
}

// showEnclave prints the enclave of a run as `enclave inspect` does.
func (a *app) showEnclave(ctx context.Context, j *job, found client.EnclaveInfo, e *client.Enclave, result runtime.Result) error {
	if result.Created {
		fmt.Fprintln(a.Out)
		a.createdBanner(result.Enclave.Name)
	}
	if !j.inspect {
		return nil
	}
	fmt.Fprintln(a.Out)
	return a.inspectEnclave(ctx, found, e, j.fullUUIDs)
}

func (a *app) createdBanner(name string) {
	title := "Created enclave: " + name
	side := strings.Repeat("=", len(title)+16)
	fmt.Fprintf(a.Out, "%s\n||      %s      ||\n%s\n", side, title, side)
}

// runFailed says why a run failed. With JSON, the events have said so already.
func (a *app) runFailed(ctx context.Context, j *job, result runtime.Result, err error) error {
	var (
		strict   *runtime.CheckError
		refused  *interp.Error
		problems *runtime.ProblemsError
		step     *execute.StepError
	)
	status := &shownError{statusFault}
	if ctx.Err() != nil {
		status = &shownError{statusInterrupted}
	}
	if a.output == formatJSON {
		if errors.As(err, &strict) {
			a.showFindings(strict.Diagnostics)
		}
		return status
	}
	switch {
	case ctx.Err() != nil:
		fmt.Fprintf(a.Err, "%s interrupted\n", a.style.Red("kurtosis:"))
	case errors.As(err, &problems):
		a.showProblems(j, problems.Problems)
	case errors.As(err, &refused), errors.As(err, &strict):
		return a.refusal(ctx, &result.Preview, err)
	case errors.As(err, &step):
		for _, line := range ui.Failure(step.Failure, a.style) {
			fmt.Fprintln(a.Err, line)
		}
	default:
		return err
	}
	if result.Enclave.Name != "" && !j.quiet {
		fmt.Fprintf(a.Err, "%s enclave '%s' was left as it is: 'kurtosis enclave inspect %s' shows it, 'kurtosis enclave rm -f %s' removes it\n",
			a.style.Bold("note:"), result.Enclave.Name, result.Enclave.Name, result.Enclave.Name)
	}
	return status
}
