package execute

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/event"
)

// logTail is how many of a service's last lines a failure shows.
const logTail = 20

// failure is an error with what a person needs to find its cause.
type failure struct {
	event.Failure
	err error
}

func (f *failure) Error() string { return f.Message }

func (f *failure) Unwrap() error { return f.err }

// explain turns any error of a step into what is reported of it.
func explain(err error) event.Failure {
	var told *failure
	if errors.As(err, &told) {
		out := told.Failure
		if out.Hint == "" {
			out.Hint = backends.HintOf(told.err)
		}
		return out
	}
	out := event.Failure{Message: err.Error(), Hint: hintOf(err)}
	var engine *backends.Error
	if errors.As(err, &engine) {
		out.Log = engine.Log
	}
	return out
}

// hintOf finds the hint of any error in the chain that has one.
func hintOf(err error) string {
	if hint := backends.HintOf(err); hint != "" {
		return hint
	}
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		return hinted.Hint()
	}
	return ""
}

// withLog adds the last lines of a service's log to what is said of a failure. That the log cannot be read is no
// reason to say less. The log is wanted also when the step's own time is over.
func (r *runner) withLog(ctx context.Context, f event.Failure, service string, err error) error {
	f.Service = service
	var engine *backends.Error
	if errors.As(err, &engine) && len(engine.Log) > 0 {
		f.Log = engine.Log
	} else if ctx.Err() == nil {
		f.Log = r.lastLines(ctx, service)
	}
	return &failure{f, err}
}

func (r *runner) lastLines(ctx context.Context, service string) []string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var lines []string
	for line, err := range r.Backend.Logs(ctx, r.Enclave.UUID, service, backends.LogOptions{Tail: logTail}) {
		if err != nil {
			break
		}
		lines = append(lines, line.Text)
	}
	return lines
}

// ended says that a service stopped while something waited for it.
func (r *runner) ended(ctx context.Context, service, doing string, elapsed time.Duration, attempts int, err error) error {
	f := event.Failure{
		Message:  fmt.Sprintf("service %q ended while %s", service, doing),
		Hint:     backends.HintOf(err),
		Attempts: attempts, Elapsed: event.Seconds(elapsed),
	}
	if s, inspectErr := r.Backend.InspectService(ctx, r.Enclave.UUID, service); inspectErr == nil && s.State == backends.Stopped {
		f.Message = fmt.Sprintf("service %q ended with exit code %d while %s", service, s.ExitCode, doing)
		if s.OutOfMemory {
			f.Message = fmt.Sprintf("service %q was killed for its memory while %s", service, doing)
			f.Hint = "give it more with max_memory"
		}
	}
	return r.withLog(ctx, f, service, err)
}
