// Package state keeps what an enclave has to remember between runs: the steps that were done, the values they
// resolved, the services and files artifacts they made, and the history of runs.
//
// It is one directory per enclave. state.json is a snapshot; journal.jsonl holds the changes since, one checked
// line each, fsynced, so that saving after every step costs one small write however large the plan is. Files
// artifacts lie beside them, named by the digest of their content. What exists (containers, networks) is the
// engine's to say, not this package's.
package state

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// Enclave is everything that is remembered about one enclave. It is changed through Store.Apply only.
type Enclave struct {
	UUID      string                     `json:"uuid"` // 32 hex digits
	Name      string                     `json:"name"`
	Created   time.Time                  `json:"created"`
	Steps     []Step                     `json:"steps"`               // of all packages that ran here
	Services  map[string]Service         `json:"services"`            // by name
	Artifacts map[string]Artifact        `json:"artifacts"`           // by name
	Runs      []Run                      `json:"runs"`                // oldest first, at most keptRuns
	Overrides map[string]json.RawMessage `json:"overrides,omitempty"` // by service: what set_service said
}

// keptRuns bounds the history: an enclave may live for a year in a test bench.
const keptRuns = 100

// Step is a step that was executed: the plan's own record of it, and what it gave.
type Step struct {
	plan.Record
	Futures []Future  `json:"futures,omitempty"` // in the order of the plan's sources
	Result  string    `json:"result"`
	Error   string    `json:"error,omitempty"` // where it is not Done
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
}

// Future is the source of values that a step resolved, in the order of the plan's own list.
type Future struct {
	ID     string                     `json:"id"`
	Values map[string]json.RawMessage `json:"values"` // by field: ip_address, code, extract.name …
}

// Service is a service that a run made.
type Service struct {
	Name     string          `json:"name"`
	UUID     string          `json:"uuid"`
	Hostname string          `json:"hostname"`
	Address  string          `json:"address"`
	Image    string          `json:"image"`
	Digest   string          `json:"digest,omitempty"`  // the image's content
	Package  string          `json:"package,omitempty"` // of the run that made it
	Config   json.RawMessage `json:"config,omitempty"`  // what it was made from, for a later update or start
	Updated  time.Time       `json:"updated"`
}

// Artifact is a named files artifact; several names may share one content.
type Artifact struct {
	Name    string    `json:"name"`
	UUID    string    `json:"uuid"`
	Digest  string    `json:"digest"` // of the content, see Content
	Size    int64     `json:"size"`   // bytes of the stored archive
	Files   int       `json:"files"`
	Updated time.Time `json:"updated"`
}

// Records are the steps as a plan compares them.
func (e *Enclave) Records() []plan.Record {
	records := make([]plan.Record, len(e.Steps))
	for i, s := range e.Steps {
		records[i] = s.Record
	}
	return records
}

// Run is one entry of the history.
type Run struct {
	ID       string    `json:"id"` // 32 hex digits
	Package  string    `json:"package"`
	Args     string    `json:"args,omitempty"` // as given, secrets and all left out by the caller
	Started  time.Time `json:"started"`
	Ended    time.Time `json:"ended,omitzero"`
	Status   RunStatus `json:"status"`
	Current  []string  `json:"current,omitempty"` // instruction and position of the steps that run now
	Executed int       `json:"executed"`
	Skipped  int       `json:"skipped"`
	Total    int       `json:"total"`
	Failed   string    `json:"failed,omitempty"` // position and instruction of the step that failed
	Error    string    `json:"error,omitempty"`
	Output   string    `json:"output,omitempty"`
}

// RunStatus is where a run stands. A run found Running while nobody holds the enclave's lock was killed.
type RunStatus string

const (
	RunRunning     RunStatus = "running"
	RunSucceeded   RunStatus = "succeeded"
	RunFailed      RunStatus = "failed"
	RunInterrupted RunStatus = "interrupted"
)

// Change is what one save adds. Every part is idempotent: applying a change twice is applying it once.
type Change struct {
	Enclave       *Identity                  `json:"enclave,omitempty"`
	ReplaceSteps  *string                    `json:"replace_steps,omitempty"`  // the package whose steps are forgotten first
	Steps         []Step                     `json:"steps,omitempty"`          // put, by package and ID, new ones at the end
	Services      []Service                  `json:"services,omitempty"`       // put, by name
	DropServices  []string                   `json:"drop_services,omitempty"`  // by name
	Artifacts     []Artifact                 `json:"artifacts,omitempty"`      // put, by name
	DropArtifacts []string                   `json:"drop_artifacts,omitempty"` // by name
	Overrides     map[string]json.RawMessage `json:"overrides,omitempty"`      // put, by service
	Run           *Run                       `json:"run,omitempty"`            // put, by ID
}

// Identity names an enclave.
type Identity struct {
	UUID    string    `json:"uuid"`
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
}

func (e *Enclave) apply(c Change) {
	if c.Enclave != nil {
		e.UUID, e.Name, e.Created = c.Enclave.UUID, c.Enclave.Name, c.Enclave.Created
	}
	if c.ReplaceSteps != nil {
		e.Steps = slices.DeleteFunc(e.Steps, func(s Step) bool { return s.Package == *c.ReplaceSteps })
	}
	for _, s := range c.Steps {
		if i := slices.IndexFunc(e.Steps, func(old Step) bool { return old.ID == s.ID && old.Package == s.Package }); i >= 0 {
			e.Steps[i] = s
		} else {
			e.Steps = append(e.Steps, s)
		}
	}
	for _, name := range c.DropServices {
		delete(e.Services, name)
	}
	for _, s := range c.Services {
		put(&e.Services, s.Name, s)
	}
	for _, name := range c.DropArtifacts {
		delete(e.Artifacts, name)
	}
	for _, a := range c.Artifacts {
		put(&e.Artifacts, a.Name, a)
	}
	for name, config := range c.Overrides {
		put(&e.Overrides, name, config)
	}
	if c.Run != nil {
		if i := slices.IndexFunc(e.Runs, func(r Run) bool { return r.ID == c.Run.ID }); i >= 0 {
			e.Runs[i] = *c.Run
		} else if e.Runs = append(e.Runs, *c.Run); len(e.Runs) > keptRuns {
			e.Runs = slices.Delete(e.Runs, 0, len(e.Runs)-keptRuns)
		}
	}
}

func put[V any](m *map[string]V, key string, value V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[key] = value
}

// clone copies what callers could otherwise change under the store.
func (e *Enclave) clone() *Enclave {
	c := *e
	c.Steps, c.Runs = slices.Clone(e.Steps), slices.Clone(e.Runs)
	c.Services, c.Artifacts, c.Overrides = maps.Clone(e.Services), maps.Clone(e.Artifacts), maps.Clone(e.Overrides)
	return &c
}

// LastRun is the newest entry of the history, or nil.
func (e *Enclave) LastRun() *Run {
	if len(e.Runs) == 0 {
		return nil
	}
	return &e.Runs[len(e.Runs)-1]
}
