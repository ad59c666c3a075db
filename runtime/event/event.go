// Package event defines what a run reports while it happens: typed values that a run emits into a Sink, and that
// a renderer (a live terminal view, plain lines, JSON lines, a stream on the wire) turns into something to read.
// Events carry facts, never layout.
package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"
)

// Event is one thing that happened in a run. The set is closed: it is the types of this file.
type Event interface {
	// Type is the stable name that the JSON form carries as "type".
	Type() string
}

// Sink takes the events of a run in the order in which they happened. Emit may be called from several goroutines
// at once; the run waits for it, so that an implementation which writes to a slow reader sets the pace.
type Sink interface {
	Emit(Event)
}

// Func makes a Sink of a function.
type Func func(Event)

// Emit calls the function.
func (f Func) Emit(e Event) { f(e) }

// Discard is the Sink for those who only want the outcome.
var Discard Sink = Func(func(Event) {})

// Phase is a stretch of a run, in the order in which they come.
type Phase string

const (
	Interpreting Phase = "interpreting" // the Starlark code runs and becomes a plan
	Validating   Phase = "validating"   // the plan is checked against itself and against the enclave
	Images       Phase = "images"       // images are looked for, pulled or built
	Executing    Phase = "executing"    // the steps run
)

// Seconds is a duration whose JSON form is a number of seconds, to the millisecond.
type Seconds time.Duration

// MarshalJSON gives seconds with at most three decimals: 1.25.
func (s Seconds) MarshalJSON() ([]byte, error) {
	return json.Marshal(float64(time.Duration(s).Round(time.Millisecond).Milliseconds()) / 1000)
}

// UnmarshalJSON is the reverse of MarshalJSON.
func (s *Seconds) UnmarshalJSON(data []byte) error {
	var f float64
	if err := json.Unmarshal(data, &f); err != nil {
		return err
	}
	*s = Seconds(time.Duration(f*1000) * time.Millisecond)
	return nil
}

func (s Seconds) String() string { return time.Duration(s).Round(time.Millisecond).String() }

// Position is a place in a package: 1-based line, 1-based column in code points.
type Position struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// Step says which step of the plan an event is about.
type Step struct {
	ID          string   `json:"id"`          // the plan's own id of the step, stable between runs of one script
	Index       int      `json:"index"`       // 1-based place in the plan
	Total       int      `json:"total"`       // how many steps the plan has
	Instruction string   `json:"instruction"` // add_service, exec …
	Description string   `json:"description"` // one English sentence, futures already replaced where known
	Position    Position `json:"position"`    // the line that asked for it
}

// Failure is why a step, or a whole run, did not succeed.
type Failure struct {
	Message  string    `json:"message"`            // what is wrong, one sentence, lower case
	Hint     string    `json:"hint,omitempty"`     // what to do about it
	Position *Position `json:"position,omitempty"` // the line that asked for it
	Tried    string    `json:"tried,omitempty"`    // what was tried: "dial tcp 172.20.0.4:5432"
	Attempts int       `json:"attempts,omitempty"` // how often
	Elapsed  Seconds   `json:"elapsed_seconds,omitempty"`
	Service  string    `json:"service,omitempty"` // whose log Log is
	Log      []string  `json:"log,omitempty"`     // last lines of that service's log, oldest first
}

// UploadProgress says how much of a package has been sent to where it runs, which is the last when Current is Total. There
// is none for a small package, and for one that is there already.
type UploadProgress struct {
	Current int64 `json:"current_bytes"`
	Total   int64 `json:"total_bytes"`
}

// PhaseStarted opens a phase. Total is how many items it will work through, 0 where that is not known.
type PhaseStarted struct {
	Phase Phase `json:"phase"`
	Total int   `json:"total,omitempty"`
}

// PhaseEnded closes a phase; a phase that failed is closed too.
type PhaseEnded struct {
	Phase    Phase   `json:"phase"`
	Duration Seconds `json:"seconds"`
	Failed   bool    `json:"failed,omitempty"`
}

// Planned says what the run is going to do, once, before the first step: the steps and, for each, whether it will
// run and why. Removed are services that earlier runs made and the script no longer asks for.
type Planned struct {
	Enclave string      `json:"enclave"`
	Steps   []StepCause `json:"steps"`
	Removed []string    `json:"removed,omitempty"`
}

// StepCause is a step with the reason for which it runs, or is left out.
type StepCause struct {
	Step
	Skip  bool   `json:"skip,omitempty"`
	Cause string `json:"cause"`
}

// ImageSource says where an image came from.
type ImageSource string

const (
	ImageCached ImageSource = "cached" // it was on the engine already
	ImagePulled ImageSource = "pulled"
	ImageBuilt  ImageSource = "built"
	ImagePushed ImageSource = "pushed" // it was built before, and a cluster's nodes can have it now
)

// ImageProgress is the state of one pull or build. Bytes are of the compressed layers and grow towards Total,
// which is 0 until the registry has said it, and may grow when another layer is announced.
type ImageProgress struct {
	Image   string `json:"image"`
	Status  string `json:"status"`         // "pulling", "extracting", a build's current step …
	Line    string `json:"line,omitempty"` // of a build's log
	Current int64  `json:"current_bytes"`
	Total   int64  `json:"total_bytes"`
}

// ImageReady says that an image can be used. Digest is the engine's content id.
type ImageReady struct {
	Image        string      `json:"image"`
	Source       ImageSource `json:"source"`
	Digest       string      `json:"digest,omitempty"`
	Architecture string      `json:"architecture,omitempty"`
	Duration     Seconds     `json:"seconds"`
}

// StepStarted opens a step. Cause is why it runs: "new", "changed: …", "artifact nginx-conf changed".
type StepStarted struct {
	Step  Step   `json:"step"`
	Cause string `json:"cause,omitempty"`
}

// StepProgress says what a running step is doing now: "creating container", "waiting for port http".
type StepProgress struct {
	Step    Step   `json:"step"`
	Message string `json:"message"`
}

// StepRetry says that an attempt (a readiness check, a wait) did not succeed and that another follows.
type StepRetry struct {
	Step    Step    `json:"step"`
	Attempt int     `json:"attempt"` // the one that did not succeed, from 1
	Elapsed Seconds `json:"elapsed_seconds"`
	Timeout Seconds `json:"timeout_seconds"`
	Reason  string  `json:"reason"`
}

// StepFinished closes a step that succeeded. Result is the text that the instruction gives a reader.
type StepFinished struct {
	Step     Step    `json:"step"`
	Result   string  `json:"result"`
	Duration Seconds `json:"seconds"`
}

// StepFailed closes a step that did not succeed, or that was interrupted.
type StepFailed struct {
	Step        Step    `json:"step"`
	Failure     Failure `json:"failure"`
	Interrupted bool    `json:"interrupted,omitempty"`
	Duration    Seconds `json:"seconds"`
}

// StepSkipped stands for a step that has no need to run, with the reason: "unchanged". Result is what it gave when
// it ran.
type StepSkipped struct {
	Step   Step   `json:"step"`
	Cause  string `json:"cause"`
	Result string `json:"result"`
}

// Port is one port of a service as others reach it.
type Port struct {
	ID          string `json:"id"`
	Number      int    `json:"number"`
	Transport   string `json:"transport"`             // TCP, UDP, SCTP
	Application string `json:"application,omitempty"` // http, postgresql …
	Public      string `json:"public,omitempty"`      // host:port on this machine, "" where it is not published
}

// ServiceReady says that a service runs and that all its ports and ready conditions are satisfied.
type ServiceReady struct {
	Service  string  `json:"service"`
	UUID     string  `json:"uuid"`
	Address  string  `json:"address"`
	Ports    []Port  `json:"ports"`
	Duration Seconds `json:"seconds"`
}

// ServiceRemoved says that a service is gone: taken back after a failed batch, pruned, or removed by a step.
type ServiceRemoved struct {
	Service string `json:"service"`
	Cause   string `json:"cause"`
}

// Warning is something the user should know that does not stop the run.
type Warning struct {
	Message  string    `json:"message"`
	Hint     string    `json:"hint,omitempty"`
	Position *Position `json:"position,omitempty"`
}

// Info is something worth a line.
type Info struct {
	Message string `json:"message"`
}

// Status is how a run ended.
type Status string

const (
	Succeeded   Status = "succeeded"
	Failed      Status = "failed"
	Interrupted Status = "interrupted"
)

// Result is the last event of a run.
type Result struct {
	Status   Status   `json:"status"`
	Enclave  string   `json:"enclave,omitempty"`
	UUID     string   `json:"enclave_uuid,omitempty"`
	Executed int      `json:"executed"` // steps that ran and succeeded
	Skipped  int      `json:"skipped"`  // steps that had no need to
	Duration Seconds  `json:"seconds"`
	Error    string   `json:"error,omitempty"` // the whole error as the reference words it
	Failure  *Failure `json:"failure,omitempty"`
	// Output is what the script returned, as it is printed: indented JSON, or Starlark's own form where it is not
	// JSON. "" is no output. In JSON it is the value itself.
	Output string `json:"-"`
}

// resultOutput is how a result has its output in JSON.
type resultOutput struct {
	Output json.RawMessage `json:"output,omitempty"`
	Text   bool            `json:"output_is_text,omitempty"` // the output is a text that stands for a value which JSON cannot hold
}

// MarshalJSON puts the output in as a value where it is JSON, as a string where it is not, and leaves it out where
// there is none.
func (r Result) MarshalJSON() ([]byte, error) {
	type plain Result
	out := struct {
		plain
		resultOutput
	}{plain: plain(r)}
	switch {
	case r.Output == "":
	case json.Valid([]byte(r.Output)):
		out.resultOutput.Output = json.RawMessage(r.Output)
	default:
		text, err := marshal(r.Output)
		if err != nil {
			return nil, err
		}
		out.resultOutput.Output, out.Text = text, true
	}
	return marshal(out)
}

// UnmarshalJSON is the reverse of MarshalJSON.
func (r *Result) UnmarshalJSON(data []byte) error {
	type plain Result
	var in resultOutput
	if err := errors.Join(json.Unmarshal(data, (*plain)(r)), json.Unmarshal(data, &in)); err != nil {
		return err
	}
	switch {
	case len(in.Output) == 0:
		r.Output = ""
	case in.Text:
		return json.Unmarshal(in.Output, &r.Output)
	default:
		var text bytes.Buffer
		if err := json.Indent(&text, in.Output, "", "\t"); err != nil {
			return err
		}
		r.Output = text.String()
	}
	return nil
}

func (UploadProgress) Type() string { return "upload_progress" }
func (PhaseStarted) Type() string   { return "phase_started" }
func (PhaseEnded) Type() string     { return "phase_ended" }
func (Planned) Type() string        { return "planned" }
func (ImageProgress) Type() string  { return "image_progress" }
func (ImageReady) Type() string     { return "image_ready" }
func (StepStarted) Type() string    { return "step_started" }
func (StepProgress) Type() string   { return "step_progress" }
func (StepRetry) Type() string      { return "step_retry" }
func (StepFinished) Type() string   { return "step_finished" }
func (StepFailed) Type() string     { return "step_failed" }
func (StepSkipped) Type() string    { return "step_skipped" }
func (ServiceReady) Type() string   { return "service_ready" }
func (ServiceRemoved) Type() string { return "service_removed" }
func (Warning) Type() string        { return "warning" }
func (Info) Type() string           { return "info" }
func (Result) Type() string         { return "result" }
