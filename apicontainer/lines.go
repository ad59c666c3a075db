package apicontainer

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/kurtosis-go/kurtosis/api/apicontainerapi"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/execute"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// Sentences of the reference that its clients show.
const (
	interpretingMessage = "Interpreting Starlark code - execution will begin shortly"
	executingMessage    = "Starting execution"
	instructionMessage  = "Executing instruction"
	skippedResult       = "SKIPPED - This instruction has already been run in this enclave"
)

// writer makes lines of the events of a run.
type writer struct {
	emit func(*line)

	mu     sync.Mutex
	steps  map[string]*plan.Step
	images map[string]string // what was last said of an image that is on its way
}

func (w *writer) planned(p *plan.Plan) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range p.Steps {
		w.steps[s.ID] = s
	}
}

// Emit sends what clients of the reference expect of an event.
func (w *writer) Emit(e event.Event) {
	switch e := e.(type) {
	case event.PhaseStarted:
		switch e.Phase {
		case event.Interpreting:
			w.emit(progress(interpretingMessage, 0, 0, nil))
		case event.Executing:
			w.emit(progress(executingMessage, 0, e.Total, nil))
		}
	case event.ImageProgress:
		if w.changed(e.Image, e.Status) {
			w.emit(progress(e.Status+" image "+e.Image, 0, 0, nil))
		}
	case event.ImageReady:
		w.emit(info(fmt.Sprintf("Container image %s: %s", e.Image, e.Source)))
	case event.StepStarted:
		w.begin(e.Step, false)
	case event.StepProgress:
		w.emit(progress(e.Message, e.Step.Index, e.Step.Total, &e.Step.ID))
	case event.StepSkipped:
		w.begin(e.Step, true)
		w.emit(result(e.Step.ID, skippedResult, 0))
	case event.StepFinished:
		w.emit(result(e.Step.ID, e.Result, time.Duration(e.Duration)))
	case event.ServiceRemoved:
		w.emit(info(fmt.Sprintf("Service '%s' was removed: %s", e.Service, e.Cause)))
	case event.Warning:
		text := e.Message
		if e.Hint != "" {
			text += " (" + e.Hint + ")"
		}
		w.emit(&line{RunResponseLine: &pb.StarlarkRunResponseLine_Warning{Warning: &pb.StarlarkWarning{WarningMessage: text}}})
	case event.Info:
		w.emit(info(e.Message))
	}
}

func (w *writer) changed(image, status string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.images == nil {
		w.images = map[string]string{}
	}
	if w.images[image] == status {
		return false
	}
	w.images[image] = status
	return true
}

func (w *writer) begin(s event.Step, skipped bool) {
	w.emit(progress(instructionMessage, s.Index, s.Total, &s.ID))
	w.mu.Lock()
	step := w.steps[s.ID]
	w.mu.Unlock()
	if step != nil {
		w.emit(instruction(step, s.Description, skipped))
	}
}

func instruction(s *plan.Step, description string, skipped bool) *line {
	m := &pb.StarlarkInstruction{
		Position:        &pb.StarlarkInstructionPosition{Filename: s.Position.Module, Line: s.Position.Line, Column: s.Position.Col},
		InstructionName: s.Name, ExecutableInstruction: s.Call(), IsSkipped: skipped, Description: description, InstructionId: &s.ID,
	}
	for _, a := range s.Arguments() {
		m.Arguments = append(m.Arguments, &pb.StarlarkInstructionArg{SerializedArgValue: a.Value, ArgName: proto.String(a.Name), IsRepresentative: a.Representative})
	}
	return &line{RunResponseLine: &pb.StarlarkRunResponseLine_Instruction{Instruction: m}}
}

func progress(message string, number, total int, id *string) *line {
	return &line{RunResponseLine: &pb.StarlarkRunResponseLine_ProgressInfo{ProgressInfo: &pb.StarlarkRunProgress{
		CurrentStepInfo: []string{message}, TotalSteps: uint32(total), CurrentStepNumber: uint32(number), InstructionId: id,
	}}}
}

func result(id, text string, took time.Duration) *line {
	return &line{RunResponseLine: &pb.StarlarkRunResponseLine_InstructionResult{InstructionResult: &pb.StarlarkInstructionResult{
		SerializedInstructionResult: text, ExecutionDuration: duration(took), InstructionId: &id,
	}}}
}

func info(message string) *line {
	return &line{RunResponseLine: &pb.StarlarkRunResponseLine_Info{Info: &pb.StarlarkInfo{InfoMessage: message}}}
}

func duration(d time.Duration) *durationpb.Duration { return durationpb.New(d) }

// errorLine tells why a run failed, by the stage that it had reached.
func errorLine(err error) *line {
	var (
		problems *runtime.ProblemsError
		step     *execute.StepError
		busy     *runtime.BusyError
		typed    *backends.Error
		e        pb.StarlarkError
	)
	text := explain(err)
	switch {
	case errors.As(err, &problems):
		e.Error = &pb.StarlarkError_ValidationError{ValidationError: &pb.StarlarkValidationError{ErrorMessage: text}}
	case errors.As(err, &step), errors.As(err, &busy), errors.As(err, &typed):
		e.Error = &pb.StarlarkError_ExecutionError{ExecutionError: &pb.StarlarkExecutionError{ErrorMessage: text}}
	default:
		e.Error = &pb.StarlarkError_InterpretationError{InterpretationError: &pb.StarlarkInterpretationError{ErrorMessage: text}}
	}
	return &line{RunResponseLine: &pb.StarlarkRunResponseLine_Error{Error: &e}}
}

// explain is an error with all that helps to understand it, as clients show nothing else.
func explain(err error) string {
	text := err.Error()
	var step *execute.StepError
	if errors.As(err, &step) {
		if step.Failure.Hint != "" {
			text += "\nhint: " + step.Failure.Hint
		}
		if len(step.Failure.Log) > 0 {
			text += fmt.Sprintf("\nthe last lines of the log of service '%s':", step.Failure.Service)
			for _, l := range step.Failure.Log {
				text += "\n  " + l
			}
		}
	}
	return text
}
