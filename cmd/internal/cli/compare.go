package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// compare shows what a run in an enclave would do, step by step, and changes nothing.
func (a *app) compare(ctx context.Context, j *job) error {
	found := false
	err := a.withEngine(ctx, needEnclaves, func(s *session) error {
		enclave, err := s.lookUp(ctx, j.enclave)
		if err != nil || enclave.UUID == "" {
			return err
		}
		found = true
		e, err := s.dial(enclave)
		if err != nil {
			return err
		}
		defer e.Close()
		o, err := a.runOptions(ctx, j, false)
		if err != nil {
			return err
		}
		result, err := e.Compare(ctx, o)
		result.Enclave = enclave.Enclave
		return a.compared(ctx, j, result, err)
	})
	if found || err != nil && !errors.Is(err, errNoEngine) {
		return err
	}
	// An enclave that would be made holds nothing yet.
	made, err := runtime.Plan(ctx, j.options())
	result := runtime.Result{Preview: *made}
	if err == nil {
		result.Delta = plan.Diff(made.Plan, nil, plan.World{})
	}
	return a.compared(ctx, j, result, err)
}

func (a *app) compared(ctx context.Context, j *job, result runtime.Result, err error) error {
	if err != nil {
		return a.refusal(ctx, &result.Preview, err)
	}
	if !j.quiet {
		fmt.Fprint(a.Err, a.findings(result.Diagnostics))
	}
	switch a.output {
	case formatText:
		a.showDecisions(j, result)
		if j.images {
			if err := a.showStates(ctx, result.Plan); err != nil {
				return err
			}
		}
	case formatJSON:
		doc, err := planDocumentOf(result.Plan, result.Problems)
		if err != nil {
			return err
		}
		for i, s := range result.Plan.Steps {
			d := result.Delta.Of(s)
			doc.Instructions[i].Skip, doc.Instructions[i].Cause = &d.Skip, d.Cause
		}
		doc.Removed = result.Delta.Removed
		if j.images {
			if err := a.addStates(ctx, result.Plan, doc.Images); err != nil {
				return err
			}
		}
		a.printJSON(doc)
	default:
		if err := a.showPlan(ctx, result.Plan, result.Problems, j); err != nil {
			return err
		}
	}
	return a.previewed(j, &result.Preview)
}

func (a *app) showDecisions(j *job, result runtime.Result) {
	runs := 0
	for i, s := range result.Plan.Steps {
		d := result.Delta.Of(s)
		what := "runs"
		if d.Skip {
			what = "is skipped"
		} else {
			runs++
		}
		if j.quiet {
			continue
		}
		text := strings.TrimRight(s.Text(plan.Verbosity(*j.verbosity)), "\n")
		fmt.Fprintf(a.Out, "[%d/%d] %s (%s: %s)\n", i+1, len(result.Plan.Steps), text, what, d.Cause)
	}
	for _, name := range result.Delta.Removed {
		what := "is no longer added, and stays"
		if j.prune {
			what = "is no longer added, and removed"
		}
		fmt.Fprintf(a.Out, "service %s %s\n", name, what)
	}
	where := "enclave '" + j.enclave + "'"
	if result.Enclave.UUID == "" {
		where += ", which would be made"
	}
	fmt.Fprintf(a.Out, "%d of %d steps would run in %s\n", runs, len(result.Plan.Steps), where)
}
