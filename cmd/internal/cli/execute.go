package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/kurtosis-go/kurtosis/cmd/internal/ui"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/execute"
	"github.com/kurtosis-go/kurtosis/runtime/interp"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// frameTime is how often the live view is drawn anew.
const frameTime = 100 * time.Millisecond

// execute runs a package in an enclave. Progress goes to standard error, what the package returned to standard output,
// and the enclave after it; as JSON, all of it is events on standard output.
func (a *app) execute(ctx context.Context, j *job) error {
	return a.withEnclaves(ctx, func(e runtime.Enclaves) error {
		view := a.view(j)
		var unwritten error
		planned := func(p *plan.Plan) {
			if view.planned != nil {
				view.planned(p)
			}
			if j.outputGraph {
				unwritten = j.writeGraph(p)
			}
		}
		result, err := runtime.Run(ctx, e.Backend, runtime.RunOptions{
			Options: j.options(), State: e.State, Sink: view.sink, Planned: planned, Checked: view.checked, ResourceCheck: j.resourceCheck,
			Enclave: j.enclave, Production: j.production, ArgsText: j.argsText(),
			Parallelism: j.parallelism, Parallel: j.parallel, ImageDownload: execute.ImageDownload(*j.imageDownload),
			NonBlockingTasks: j.nonBlocking, NoConnect: j.noConnect, Prune: j.prune, Fresh: j.uncached(),
		})
		view.close()
		if err != nil {
			return a.runFailed(ctx, j, result, err)
		}
		return errors.Join(a.runDone(ctx, j, e, result), unwritten)
	})
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
	}
	planned := func(p *plan.Plan) {
		mu.Lock()
		defer mu.Unlock()
		for _, s := range p.Steps {
			steps[s.ID] = s
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
func (a *app) runDone(ctx context.Context, j *job, e runtime.Enclaves, result runtime.Result) error {
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
	return a.showEnclave(ctx, j, e, result)
}

// showEnclave prints the enclave of a run as `enclave inspect` does.
func (a *app) showEnclave(ctx context.Context, j *job, e runtime.Enclaves, result runtime.Result) error {
	if result.Created {
		title := "Created enclave: " + result.Enclave.Name
		side := strings.Repeat("=", len(title)+16)
		fmt.Fprintf(a.Out, "\n%s\n||      %s      ||\n%s\n", side, title, side)
	}
	if !j.inspect {
		return nil
	}
	enclave, err := e.Backend.InspectEnclave(ctx, result.Enclave.UUID)
	if err != nil {
		return err
	}
	fmt.Fprintln(a.Out)
	return a.inspectEnclave(ctx, e, enclave, j.fullUUIDs)
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
