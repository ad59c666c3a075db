// Package execute makes a plan happen: it walks the steps, puts values in the place of futures, asks the backend
// for what each step says, waits and retries as the script told it, reports events, and saves the enclave's state
// after every step. What is to be done, and what need not be done again, was decided before.
package execute

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// DefaultParallelism is how many services of one add_services are created at once, and how many steps run at once
// where steps run in parallel.
const DefaultParallelism = 4

// Options are what a run needs. Plan, Backend, Host, Images, Enclave, Store and Sink are required; the caller holds the
// store's lock.
type Options struct {
	Plan    *plan.Plan
	Delta   plan.Delta // what to do with each step
	Backend backends.Backend
	Host    backends.Info // what Backend says about itself
	Images  *Images       // the caller closes it
	Enclave backends.Enclave
	Store   *state.Store
	Sink    event.Sink
	Secrets *plan.Secrets // are in no text that is kept for people to read, nor in labels; Sink hides them itself

	Args             string       // for the history
	Parallelism      int          // 0 is DefaultParallelism
	Parallel         bool         // run independent steps at once instead of in the script's order
	NonBlockingTasks bool         // leave the containers of run_sh and run_python
	NoConnect        bool         // publish no port on the host
	Prune            bool         // remove the services that the script no longer adds
	HTTP             *http.Client // for upload_files of a URL; nil is a client with no more than Go's defaults
	Now              func() time.Time
}

// Outcome is what a run came to. It is complete also when the run failed.
type Outcome struct {
	Output   string // what the script returned, futures replaced; "" where it did not succeed
	Executed int
	Skipped  int
}

// StepError is the failure of a run: the step that failed, and why.
type StepError struct {
	Step    event.Step
	Failure event.Failure
	Err     error
}

// Error names the line that asked for the step, then what went wrong.
func (e *StepError) Error() string {
	p := e.Step.Position
	return fmt.Sprintf("%s at %s[%d:%d]: %s", e.Step.Instruction, p.File, p.Line, p.Column, e.Failure.Message)
}

func (e *StepError) Unwrap() error { return e.Err }

// runner is one run.
type runner struct {
	Options

	mu        sync.Mutex
	futures   map[plan.Future]plan.Value
	services  map[string]backends.Service // as they were seen last, by name
	overrides map[string]*plan.Object     // from set_service, by service
	previous  map[string]state.Step       // what earlier runs of the package did, by their step ids
	effects   map[string]effect           // of the steps that ran, by id
	outcome   Outcome
	current   []string // the steps that run now, for the history
	run       state.Run
}

// Run executes the plan. It returns when every step is done or left out, when one fails, or when ctx ends: then
// nothing new is started, what was half made is taken back by the backend, and the state says where it stopped.
// The error is a *StepError where a step is at fault, and ctx's own error within it where ctx ended.
func Run(ctx context.Context, o Options) (Outcome, error) {
	if o.Parallelism <= 0 {
		o.Parallelism = DefaultParallelism
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &runner{
		Options:  o,
		futures:  map[plan.Future]plan.Value{},
		services: map[string]backends.Service{}, overrides: map[string]*plan.Object{},
		previous: map[string]state.Step{}, effects: map[string]effect{},
	}
	r.run = state.Run{
		ID: backends.NewUUID(), Package: o.Plan.Owner(), Args: o.Secrets.Hide(o.Plan.HideSecrets(o.Args)), Started: o.Now(),
		Status: state.RunRunning, Total: len(o.Plan.Steps),
	}
	err := r.prepare(ctx)
	if err == nil {
		err = r.steps(ctx)
	}
	if err == nil && o.Prune {
		err = r.prune(ctx)
	}
	if err == nil {
		r.outcome.Output, err = r.output()
	}
	return r.outcome, errors.Join(err, r.finish(ctx, err))
}

// prepare finds out what there is, and takes over from the last run what this one will not do again.
func (r *runner) prepare(ctx context.Context) error {
	present, err := r.Backend.ListServices(ctx, r.Enclave.UUID)
	if err != nil {
		return err
	}
	remembered := r.Store.Enclave()
	for _, s := range present {
		if IsLostTask(s.Name, remembered) {
			if err := r.Backend.RemoveService(ctx, r.Enclave.UUID, s.Name); err != nil {
				return err
			}
			continue
		}
		r.services[s.Name] = s
	}
	for name, text := range remembered.Overrides {
		v, err := plan.UnmarshalValue(text)
		if err != nil {
			return fmt.Errorf("the stored configuration of service %q: %w", name, err)
		}
		if o, ok := v.(*plan.Object); ok {
			r.overrides[name] = o
		}
	}
	change := state.Change{Run: &r.run}
	if e := r.Enclave; e.UUID != remembered.UUID || e.Name != remembered.Name || !e.Created.Equal(remembered.Created) {
		change.Enclave = &state.Identity{UUID: e.UUID, Name: e.Name, Created: e.Created}
	}
	owner := r.Plan.Owner()
	var before, after []state.Step
	for _, s := range remembered.Steps {
		if s.Package == owner {
			r.previous[s.ID] = s
			before = append(before, s)
		}
	}
	for _, step := range r.Plan.Steps {
		d := r.Delta.Of(step)
		old, ok := r.previous[d.Previous]
		if !ok || !d.Skip {
			continue
		}
		if err := r.adopt(step, old); err != nil {
			return err
		}
		after = append(after, r.carry(step, old))
	}
	if same, err := sameOnDisk(before, after); err != nil {
		return err
	} else if !same {
		change.ReplaceSteps, change.Steps = &owner, after
	}
	for _, name := range sortedKeys(remembered.Services) {
		if _, there := r.services[name]; !there {
			change.DropServices = append(change.DropServices, name)
		}
	}
	if change.ReplaceSteps == nil && change.DropServices == nil && change.Enclave == nil {
		return r.Store.Note(change) // what is on disk of the steps is right already
	}
	return r.Store.Apply(change)
}

// sameOnDisk says whether records of steps are the same in a file.
func sameOnDisk(a, b []state.Step) (bool, error) {
	if len(a) != len(b) {
		return false, nil
	}
	for i := range a {
		if reflect.DeepEqual(a[i], b[i]) {
			continue
		}
		x, err := json.Marshal(a[i])
		if err != nil {
			return false, err
		}
		y, err := json.Marshal(b[i])
		if err != nil || !bytes.Equal(x, y) {
			return false, err
		}
	}
	return true, nil
}

// adopt takes over the values that a step resolved in an earlier run.
func (r *runner) adopt(step *plan.Step, old state.Step) error {
	for i, f := range old.Futures {
		if i >= len(step.Futures) {
			break
		}
		for name, text := range f.Values {
			v, err := plan.UnmarshalValue(text)
			if err != nil {
				return fmt.Errorf("the stored result of %s at %s: %w", step.Name, step.Position, err)
			}
			r.futures[plan.Future{ID: step.Futures[i].ID, Field: name}] = v
		}
	}
	return nil
}

// carry makes the record of an earlier run one of this plan: its values get the ids of this plan's sources.
func (r *runner) carry(step *plan.Step, old state.Step) state.Step {
	record := r.Delta.Record(step)
	record.Images, record.Done = old.Images, true
	old.Record, old.Futures = record, slices.Clone(old.Futures)
	for i := range old.Futures {
		if i < len(step.Futures) {
			old.Futures[i].ID = step.Futures[i].ID
		}
	}
	return old
}

// lookup gives the value of a future.
func (r *runner) lookup(f plan.Future) (plan.Value, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lookupLocked(f)
}

func (r *runner) lookupLocked(f plan.Future) (plan.Value, error) {
	if v, ok := r.futures[f]; ok {
		return v, nil
	}
	for _, s := range r.Plan.Steps {
		for _, source := range s.Futures {
			if source.ID == f.ID {
				return nil, fmt.Errorf("%s at %s did not give %q", s.Name, s.Position, f.Field)
			}
		}
	}
	return nil, fmt.Errorf("no step gives the value %s", f)
}

// output is what the script returned, as text.
func (r *runner) output() (string, error) {
	v, err := plan.Replace(r.Plan.Result, r.lookup)
	if err != nil {
		return "", fmt.Errorf("the value that the script returned: %w", err)
	}
	return plan.FormatResult(v), nil
}

// prune removes the services that earlier runs made and that the script no longer adds.
func (r *runner) prune(ctx context.Context) error {
	for _, name := range r.Delta.Removed {
		if err := r.Backend.RemoveService(ctx, r.Enclave.UUID, name); err != nil && backends.KindOf(err) != backends.NotFound {
			return fmt.Errorf("removing service %q, which the script no longer adds: %w", name, err)
		}
		if err := r.Store.Apply(state.Change{DropServices: []string{name}}); err != nil {
			return err
		}
		r.Sink.Emit(event.ServiceRemoved{Service: name, Cause: "the script no longer adds it"})
	}
	return nil
}

// finish writes the end of the run into the history.
func (r *runner) finish(ctx context.Context, err error) error {
	r.run.Ended, r.run.Executed, r.run.Skipped = r.Now(), r.outcome.Executed, r.outcome.Skipped
	r.run.Status, r.run.Output, r.run.Current = state.RunSucceeded, r.Secrets.Hide(r.outcome.Output), nil
	if err != nil {
		r.run.Status, r.run.Error = state.RunFailed, r.Secrets.Hide(err.Error())
		if ctx.Err() != nil {
			r.run.Status = state.RunInterrupted
		}
		var failed *StepError
		if errors.As(err, &failed) {
			p := failed.Step.Position
			r.run.Failed = fmt.Sprintf("%s at %s[%d:%d]", failed.Step.Instruction, p.File, p.Line, p.Column)
		}
	}
	return r.Store.Apply(state.Change{Run: &r.run})
}
