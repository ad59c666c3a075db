package wire

import (
	"encoding/json"
	"errors"

	"github.com/kurtosis-go/kurtosis/api/rpc"

	pb "github.com/kurtosis-go/kurtosis/api/kurtosisv1"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/execute"
	"github.com/kurtosis-go/kurtosis/runtime/interp"
)

// Failure is an error of runtime.Run or runtime.Compare, nil for none.
func Failure(err error, interrupted bool, paths Paths) *pb.Failure {
	if err == nil {
		return nil
	}
	m := &pb.Failure{Message: paths(err.Error()), Interrupted: interrupted}
	var (
		step     *execute.StepError
		refusal  *interp.Error
		check    *runtime.CheckError
		problems *runtime.ProblemsError
		busy     *runtime.BusyError
	)
	switch {
	case errors.As(err, &step):
		m.Why = stepFailure(step, paths)
	case errors.As(err, &refusal):
		r := &pb.Refusal{
			Code: refusal.Code, Message: paths(refusal.Message), Causes: each(refusal.Causes, paths), Hint: paths(refusal.Hint), At: frame(refusal.At, paths),
		}
		for _, f := range refusal.Stack {
			r.Stack = append(r.Stack, frame(f, paths))
		}
		m.Why = &pb.Failure_Refusal{Refusal: r}
	case errors.As(err, &check):
		m.Why = &pb.Failure_Check{Check: &pb.Diagnostics{Diagnostics: Diagnostics(check.Diagnostics, paths)}}
	case errors.As(err, &problems):
		m.Why = &pb.Failure_Problems{Problems: &pb.Problems{Problems: Problems(problems.Problems, paths)}}
	case errors.As(err, &busy):
		m.Why = &pb.Failure_Busy{Busy: &pb.Busy{Enclave: busy.Enclave, Holder: Holder(&busy.Holder)}}
	default:
		m.Why = &pb.Failure_Error{Error: detail(err, paths)}
	}
	return m
}

// detail is an error in which paths are translated.
func detail(err error, paths Paths) *pb.ErrorDetail {
	m := rpc.Detail(err)
	m.Message, m.Hint = paths(m.Message), paths(m.Hint)
	return m
}

func goDetail(m *pb.ErrorDetail, paths Paths) error {
	e := rpc.FromDetail(m)
	e.Message, e.Hint = paths(e.Message), paths(e.Hint)
	return e
}

// each is nil for none.
func each(list []string, paths Paths) []string {
	var out []string
	for _, text := range list {
		out = append(out, paths(text))
	}
	return out
}

func inFailure(f event.Failure, paths Paths) event.Failure {
	f.Message, f.Hint, f.Tried = paths(f.Message), paths(f.Hint), paths(f.Tried)
	return f
}

func stepFailure(e *execute.StepError, paths Paths) *pb.Failure_Step {
	m := &pb.StepFailure{}
	m.Step, _ = json.Marshal(e.Step) // neither has anything that JSON could refuse
	m.Failure, _ = json.Marshal(inFailure(e.Failure, paths))
	if e.Err != nil {
		m.Error = detail(e.Err, paths)
	}
	return &pb.Failure_Step{Step: m}
}

func frame(f interp.Frame, paths Paths) *pb.Frame {
	if f == (interp.Frame{}) {
		return nil
	}
	return &pb.Frame{Position: position(f.Position), Path: paths(f.Path), Function: f.Function}
}

func goFrame(m *pb.Frame, paths Paths) interp.Frame {
	if m == nil {
		return interp.Frame{}
	}
	return interp.Frame{Position: goPosition(m.Position), Path: paths(m.Path), Function: m.Function}
}

// GoFailure is the reverse of Failure: an error of the same type, with the same text.
func GoFailure(m *pb.Failure, paths Paths) error {
	switch why := m.GetWhy().(type) {
	case nil:
		if m == nil {
			return nil
		}
		return errors.New(m.Message)
	case *pb.Failure_Step:
		e := &execute.StepError{}
		if err := errors.Join(json.Unmarshal(why.Step.Step, &e.Step), json.Unmarshal(why.Step.Failure, &e.Failure)); err != nil {
			return errors.New(m.Message)
		}
		e.Failure = inFailure(e.Failure, paths)
		if why.Step.Error != nil {
			e.Err = goDetail(why.Step.Error, paths)
		}
		return e
	case *pb.Failure_Refusal:
		r := why.Refusal
		e := &interp.Error{
			Code: r.Code, Message: paths(r.Message), Causes: each(r.Causes, paths), Hint: paths(r.Hint), At: goFrame(r.At, paths),
		}
		for _, f := range r.Stack {
			e.Stack = append(e.Stack, goFrame(f, paths))
		}
		return e
	case *pb.Failure_Check:
		return &runtime.CheckError{Diagnostics: GoDiagnostics(why.Check.Diagnostics, paths)}
	case *pb.Failure_Problems:
		return &runtime.ProblemsError{Problems: GoProblems(why.Problems.Problems, paths)}
	case *pb.Failure_Busy:
		e := &runtime.BusyError{Enclave: why.Busy.Enclave}
		if h := GoHolder(why.Busy.Holder); h != nil {
			e.Holder = *h
		}
		return e
	case *pb.Failure_Error:
		return goDetail(why.Error, paths)
	}
	return errors.New(paths(m.Message))
}
