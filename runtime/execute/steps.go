package execute

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// maxResult bounds the text of a step's result.
const maxResult = 64 << 10

// done is what executing one instruction came to.
type done struct {
	text      string                // for a reader
	values    map[string]plan.Value // of the step's own future, by field
	services  []state.Service       // added or changed
	removed   []string              // services that are gone
	artifacts []state.Artifact
	overrides map[string]json.RawMessage // set_service: by service
}

// steps runs what has to run: in the script's order, or as soon as the steps it needs are done.
func (r *runner) steps(ctx context.Context) error {
	started := r.Now()
	r.Sink.Emit(event.PhaseStarted{Phase: event.Executing, Total: len(r.Plan.Steps)})
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	r.Images.Prefetch(r.Plan.Steps, r.Delta, r.overridden)

	err := r.schedule(ctx, stop)
	r.Sink.Emit(event.PhaseEnded{Phase: event.Executing, Duration: event.Seconds(r.Now().Sub(started)), Failed: err != nil})
	return err
}

// schedule starts each step as soon as it may start, and returns when all that were started have ended.
func (r *runner) schedule(ctx context.Context, stop context.CancelFunc) error {
	slots := 1
	if r.Parallel {
		slots = r.Parallelism
	}
	type ended struct {
		step *plan.Step
		err  error
	}
	var (
		waiting = slices.Clone(r.Plan.Steps)
		over    = map[string]bool{}
		results = make(chan ended)
		running int
		failed  error
	)
	ready := func(s *plan.Step) bool {
		return !slices.ContainsFunc(s.Needs, func(e plan.Edge) bool { return !over[e.Step] })
	}
	for {
		for failed == nil && ctx.Err() == nil && running < slots {
			next := 0
			if r.Parallel {
				next = slices.IndexFunc(waiting, ready)
			}
			if next < 0 || next >= len(waiting) {
				break
			}
			step := waiting[next]
			waiting = slices.Delete(waiting, next, next+1)
			running++
			go func() { results <- ended{step, r.step(ctx, step)} }()
		}
		if running == 0 {
			break
		}
		end := <-results
		running--
		over[end.step.ID] = end.err == nil
		if end.err != nil && failed == nil {
			failed = end.err
			stop()
		}
	}
	if failed == nil && len(waiting) > 0 {
		return context.Cause(ctx)
	}
	return failed
}

// describe is the step as events name it. Futures in the description that are known by now are replaced.
func (r *runner) describe(s *plan.Step) event.Step {
	text, err := plan.ReplaceText(s.Description, r.lookup)
	if err != nil {
		text = s.Description
	}
	index := slices.Index(r.Plan.Steps, s) + 1
	return event.Step{
		ID: s.ID, Index: index, Total: len(r.Plan.Steps), Instruction: s.Name, Description: text,
		Position: event.Position{File: s.Position.Module, Line: int(s.Position.Line), Column: int(s.Position.Col)},
	}
}

// step runs one step, or leaves it out, and saves the outcome.
func (r *runner) step(ctx context.Context, s *plan.Step) error {
	decision := r.decide(s)
	about := r.describe(s)
	if decision.Skip {
		result, err := r.leaveOut(s, decision)
		r.Sink.Emit(event.StepSkipped{Step: about, Cause: decision.Cause, Result: result})
		return err
	}
	started := r.Now()
	r.Sink.Emit(event.StepStarted{Step: about, Cause: decision.Cause})
	r.running(about, true)
	out, err := r.execute(ctx, s, about)
	took := event.Seconds(r.Now().Sub(started))
	r.running(about, false)
	if err == nil {
		if err = r.save(s, out, started); err == nil {
			r.Sink.Emit(event.StepFinished{Step: about, Result: r.truncate(out.text), Duration: took})
			return nil
		}
	} else {
		err = errors.Join(err, r.saveFailure(s, out, started, err))
	}
	failed := &StepError{Step: about, Failure: explain(err), Err: err}
	failed.Failure.Position = &about.Position
	interrupted := ctx.Err() != nil && errors.Is(err, ctx.Err())
	if interrupted {
		failed.Failure.Message = "interrupted"
	}
	r.Sink.Emit(event.StepFailed{Step: about, Failure: failed.Failure, Interrupted: interrupted, Duration: took})
	return failed
}

// running keeps the history's note of what is being done: all that is left of it when the process is killed.
func (r *runner) running(about event.Step, now bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	note := fmt.Sprintf("%s at %s[%d:%d]", about.Instruction, about.Position.File, about.Position.Line, about.Position.Column)
	if i := slices.Index(r.current, note); !now && i >= 0 {
		r.current = slices.Delete(r.current, i, i+1)
	} else if now {
		r.current = append(r.current, note)
	}
}

// truncate is a result as it is told and kept. What is cut off must not be the half of a secret.
func (r *runner) truncate(text string) string {
	text = r.Secrets.Hide(text)
	if len(text) <= maxResult {
		return text
	}
	return strings.ToValidUTF8(text[:maxResult], "") + "…"
}

// effect is what a step of this run did to those that depend on it.
type effect struct {
	sameValues    bool            // its values are those of the last run
	sameArtifacts map[string]bool // the artifacts whose content is that of the last run
}

// decide is the plan's decision on a step. One that runs only because steps before it run again is left out after
// all when these gave what they gave before.
func (r *runner) decide(s *plan.Step) plan.Decision {
	d := r.Delta.Of(s)
	if len(d.Because) == 0 {
		return d
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range d.Because {
		switch did, ran := r.effects[e.Step]; {
		case !ran:
		case e.Cause == plan.CauseArtifact && did.sameArtifacts[e.Name]:
		case e.Cause == plan.CauseFuture && did.sameValues:
		default:
			return d
		}
	}
	return plan.Decision{Skip: true, Cause: plan.Unchanged, Previous: d.Previous}
}

// leaveOut keeps the record of a step that is not executed.
func (r *runner) leaveOut(s *plan.Step, d plan.Decision) (result string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outcome.Skipped++
	old := r.previous[d.Previous]
	if r.Delta.Of(s).Skip {
		return old.Result, nil // prepare has taken care of it
	}
	if err := r.adopt(s, old); err != nil {
		return "", err
	}
	return old.Result, r.Store.Apply(state.Change{Steps: []state.Step{r.carry(s, old)}})
}

// save puts the outcome of a step on disk and makes its values known to the steps that follow.
func (r *runner) save(s *plan.Step, out done, started time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	record := r.record(s, started)
	record.Done, record.Result = true, r.truncate(out.text)
	old := r.previous[r.Delta.Of(s).Previous]
	did := effect{sameValues: len(old.Futures) == len(s.Futures), sameArtifacts: map[string]bool{}}
	for i, source := range s.Futures {
		values := out.values
		if source.Service != "" {
			var err error
			if values, err = r.serviceValues(source.Service); err != nil {
				return err
			}
		}
		stored := state.Future{ID: source.ID, Values: make(map[string]json.RawMessage, len(values))}
		for field, v := range values {
			r.futures[plan.Future{ID: source.ID, Field: field}] = v
			text, err := plan.MarshalValue(v)
			if err != nil {
				return err
			}
			stored.Values[field] = text
			did.sameValues = did.sameValues && bytes.Equal(stored.Values[field], old.Futures[i].Values[field])
		}
		record.Futures = append(record.Futures, stored)
	}
	before := r.Store.Enclave().Artifacts
	for _, a := range out.artifacts {
		did.sameArtifacts[a.Name] = before[a.Name].Digest == a.Digest
	}
	r.effects[s.ID] = did
	r.outcome.Executed++
	return r.apply(record, out)
}

// saveFailure remembers that a step did not succeed, and what it changed nevertheless.
func (r *runner) saveFailure(s *plan.Step, out done, started time.Time, cause error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	record := r.record(s, started)
	record.Error = r.Secrets.Hide(cause.Error())
	return r.apply(record, out)
}

func (r *runner) record(s *plan.Step, started time.Time) state.Step {
	record := state.Step{Record: r.Delta.Record(s), Started: started, Ended: r.Now()}
	for _, ref := range s.Images() {
		if id := r.Images.id(ref); id != "" {
			if record.Images == nil {
				record.Images = map[string]string{}
			}
			record.Images[ref] = id
		}
	}
	return record
}

// apply saves a step together with what it made; r.mu is held.
func (r *runner) apply(record state.Step, out done) error {
	r.run.Executed, r.run.Skipped, r.run.Current = r.outcome.Executed, r.outcome.Skipped, slices.Clone(r.current)
	run := r.run
	change := state.Change{Steps: []state.Step{record}, Run: &run, DropServices: out.removed, Artifacts: out.artifacts, Overrides: out.overrides}
	for _, service := range out.services {
		service.Package, service.Updated = r.Plan.Owner(), r.Now()
		change.Services = append(change.Services, service)
	}
	return r.Store.Apply(change)
}

// serviceValues are the values that stand for a service; r.mu is held.
func (r *runner) serviceValues(name string) (map[string]plan.Value, error) {
	name, err := plan.ReplaceText(name, r.lookupLocked)
	if err != nil {
		return nil, err
	}
	service, ok := r.services[name]
	if !ok {
		return nil, fmt.Errorf("service %q is not in the enclave", name)
	}
	return map[string]plan.Value{"ip_address": plan.String(service.Address), "hostname": plan.String(service.Hostname)}, nil
}
