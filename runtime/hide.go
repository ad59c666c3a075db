package runtime

import (
	"errors"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/execute"
	"github.com/kurtosis-go/kurtosis/runtime/interp"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// What leaves this package has no secrets in it: within, plans and errors are as they are.

// hide takes secrets out of a preview.
func (p *Preview) hide(s *plan.Secrets) {
	p.Plan, p.Problems = p.Plan.Hidden(s), plan.HideIn(s, p.Problems)
	p.Diagnostics, p.Causes = plan.HideIn(s, p.Diagnostics), plan.HideIn(s, p.Causes)
}

// hide takes secrets out of the result.
func (r *Result) hide(s *plan.Secrets) {
	r.Preview.hide(s)
	r.Delta, r.Output = r.Delta.Hidden(s), s.Hide(r.Output)
}

// hiding is a sink whose events have no secrets.
type hiding struct{ r *session }

// Emit is event.Sink's.
func (h hiding) Emit(e event.Event) { h.r.RunOptions.Sink.Emit(plan.HideIn(h.r.secrets, e)) }

// hidden is an error without secrets, of the type that it has.
func hidden(err error, s *plan.Secrets) error {
	if err == nil || s.Empty() {
		return err
	}
	switch e := err.(type) {
	case *execute.StepError:
		return &execute.StepError{Step: plan.HideIn(s, e.Step), Failure: plan.HideIn(s, e.Failure), Err: hidden(e.Err, s)}
	case *interp.Error:
		return plan.HideIn(s, e)
	case *ProblemsError:
		return plan.HideIn(s, e)
	case *CheckError:
		return plan.HideIn(s, e)
	case *backends.Error:
		out := *e
		out.Message, out.Hint, out.Tried, out.Log = s.Hide(e.Message), s.Hide(e.Hint), plan.HideIn(s, e.Tried), plan.HideIn(s, e.Log)
		out.Step, out.Err = s.Hide(e.Step), hidden(e.Err, s)
		return &out
	case interface{ Unwrap() []error }:
		var list []error
		for _, one := range e.Unwrap() {
			list = append(list, hidden(one, s))
		}
		return errors.Join(list...)
	}
	inner := errors.Unwrap(err)
	if inner == nil && s.Hide(err.Error()) == err.Error() {
		return err
	}
	return &hiddenError{err: err, inner: hidden(inner, s), secrets: s}
}

// hiddenError words another error without secrets.
type hiddenError struct {
	err     error
	inner   error // what the other wraps, hidden
	secrets *plan.Secrets
}

func (e *hiddenError) Error() string { return e.secrets.Hide(e.err.Error()) }

func (e *hiddenError) Unwrap() error { return e.inner }

// Hint is the other's.
func (e *hiddenError) Hint() string {
	if hinted, ok := e.err.(interface{ Hint() string }); ok {
		return e.secrets.Hide(hinted.Hint())
	}
	return backends.HintOf(e.inner)
}
