package execute

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// A port is tried soon and then less and less often: most open within a second, some take minutes.
const (
	firstPoll = 20 * time.Millisecond
	lastPoll  = 500 * time.Millisecond
	dialTime  = 2 * time.Second // for one attempt: a packet that nobody answers
	retryNews = time.Second     // how often a retry is news
)

// ready waits until the service's ports are open and its ready conditions hold.
func (r *runner) ready(ctx context.Context, about event.Step, name string, config *plan.ServiceConfig) error {
	if err := r.portsOpen(ctx, about, name, config.Ports); err != nil {
		return err
	}
	if c := config.ReadyConditions; c != nil {
		r.Sink.Emit(event.StepProgress{Step: about, Message: fmt.Sprintf("checking the ready conditions of service %s", name)})
		_, err := r.until(ctx, about, condition{
			service: name, recipe: c.Recipe, field: c.Field, assertion: c.Assertion, target: c.TargetValue,
			interval: c.Interval, timeout: c.Timeout, what: fmt.Sprintf("service %q did not become ready", name),
		})
		return err
	}
	return nil
}

// portsOpen waits for all ports at once; the first that fails ends the others.
func (r *runner) portsOpen(ctx context.Context, about event.Step, service string, ports plan.Map[plan.PortSpec]) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ended := r.endOf(ctx, service)
	var waits sync.WaitGroup
	for id, p := range ports.All() {
		if p.Wait == nil || *p.Wait <= 0 {
			continue
		}
		waits.Go(func() {
			if err := r.portOpen(ctx, ended, about, service, id, p); err != nil {
				stop(err)
			}
		})
	}
	waits.Wait()
	return context.Cause(ctx)
}

// endOf gives a channel that closes when the service ends, if that can be watched: an address that nobody has any
// more takes seconds to say so.
func (r *runner) endOf(ctx context.Context, service string) <-chan struct{} {
	ended := make(chan struct{})
	if r.Enclave.Production {
		return ended // it starts again
	}
	happening, err := r.Backend.Watch(ctx, r.Enclave.UUID)
	if err != nil {
		return ended // dialling finds out, later
	}
	go func() {
		for e := range happening {
			if e.Service != service || e.Type != backends.ServiceEnded {
				continue
			}
			// It may be the end of the container that an update has replaced.
			if s, err := r.Backend.InspectService(ctx, r.Enclave.UUID, service); err == nil && s.State == backends.Running {
				continue
			}
			close(ended)
			break
		}
		for range happening { // to its end, which is that of ctx
		}
	}()
	return ended
}

func (r *runner) portOpen(ctx context.Context, ended <-chan struct{}, about event.Step, service, id string, p plan.PortSpec) error {
	var (
		at      = port(p)
		what    = fmt.Sprintf("port %q (%s)", id, at)
		wait    = *p.Wait
		started = r.Now()
		told    = started
		timeout = time.NewTimer(wait)
		last    error
	)
	defer timeout.Stop()
	for attempt, pause := 1, firstPoll; ; attempt++ {
		last = r.dialOnce(ctx, ended, service, at, wait)
		elapsed := r.Now().Sub(started)
		switch kind := backends.KindOf(last); {
		case last == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case kind == backends.Exited && !r.Enclave.Production:
			return r.ended(ctx, service, "waiting for its "+what, elapsed, attempt, last)
		case kind == backends.NotFound, kind == backends.EngineUnreachable:
			return last
		}
		if now := r.Now(); now.Sub(told) >= retryNews {
			told = now
			r.Sink.Emit(event.StepRetry{
				Step: about, Attempt: attempt, Elapsed: event.Seconds(elapsed), Timeout: event.Seconds(wait),
				Reason: fmt.Sprintf("%s of service %s is not open: %s", what, service, last),
			})
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timeout.C:
			timer.Stop()
			hint := fmt.Sprintf("the service runs, but nothing in it listens on %s: check the number, and that it listens on all addresses (0.0.0.0)", at)
			if errors.Is(last, context.DeadlineExceeded) {
				hint = cutOff
			}
			return r.withLog(ctx, event.Failure{
				Message: fmt.Sprintf("%s of service %q did not open within %s", what, service, wait),
				Hint:    hint + "; wait=\"10m\" in its PortSpec waits longer, wait=None not at all",
				Tried:   "connecting to " + what, Attempts: attempt, Elapsed: event.Seconds(r.Now().Sub(started)),
			}, service, last)
		case <-ended:
			timer.Stop()
		case <-timer.C:
		}
		pause = min(pause*3/2, lastPoll)
	}
}

// dialOnce connects and hangs up.
func (r *runner) dialOnce(ctx context.Context, ended <-chan struct{}, service string, p backends.Port, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, min(dialTime, wait))
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-ended:
			cancel()
		case <-stop:
		}
	}()
	conn, err := r.Backend.Dial(ctx, r.Enclave.UUID, service, p)
	if err != nil {
		select {
		case <-ended:
			return backends.Errorf(backends.Exited, "service %q has ended", service)
		default:
			return err
		}
	}
	_ = conn.Close() // nothing was sent
	return nil
}

// condition is what a recipe's result must satisfy.
type condition struct {
	service   string
	recipe    plan.Recipe
	field     string
	assertion string
	target    plan.Value
	interval  time.Duration
	timeout   time.Duration
	what      string // what to say when it never holds
}

// held is the result that satisfied a condition.
type held struct {
	values   map[string]plan.Value
	text     string
	attempts int
	elapsed  time.Duration
}

// until repeats a recipe, at once and then every interval, until its result satisfies the condition.
func (r *runner) until(ctx context.Context, about event.Step, c condition) (held, error) {
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var (
		started = r.Now()
		told    = started
		last    error
		ticker  *time.Ticker
		ticks   <-chan time.Time
	)
	if c.interval > 0 {
		ticker = time.NewTicker(c.interval)
		defer ticker.Stop()
		ticks = ticker.C
	} else {
		always := make(chan time.Time)
		close(always)
		ticks = always
	}
	for attempt := 1; ; attempt++ {
		result, err := r.recipe(limited, c.service, c.recipe)
		if err == nil {
			value, ok := result.values[c.field]
			if !ok {
				return held{}, noField(c.field, result.values)
			}
			err = assert(value, c.assertion, c.target)
		}
		elapsed := r.Now().Sub(started)
		if err == nil {
			return held{result.values, result.text, attempt, elapsed}, nil
		}
		if limited.Err() == nil || last == nil {
			last = err // the attempt that the end of time cut short explains less than the one before
		}
		switch kind := backends.KindOf(err); {
		case ctx.Err() != nil:
			return held{}, ctx.Err()
		case kind == backends.Exited && !r.Enclave.Production:
			return held{}, r.ended(ctx, c.service, "it was waited for", elapsed, attempt, err)
		case kind == backends.NotFound, kind == backends.EngineUnreachable:
			return held{}, err
		}
		if now := r.Now(); now.Sub(told) >= retryNews {
			told = now
			r.Sink.Emit(event.StepRetry{
				Step: about, Attempt: attempt, Elapsed: event.Seconds(elapsed), Timeout: event.Seconds(c.timeout), Reason: last.Error(),
			})
		}
		select {
		case <-limited.Done():
			if ctx.Err() != nil {
				return held{}, ctx.Err()
			}
			hint := "timeout= waits longer"
			var unanswered *unansweredError
			if errors.As(last, &unanswered) && unanswered.hint != "" {
				hint = unanswered.hint + "; " + hint
			}
			return held{}, r.withLog(ctx, event.Failure{
				Message: fmt.Sprintf("%s within %s: %s", c.what, c.timeout, last),
				Hint:    hint,
				Tried:   c.recipeText(), Attempts: attempt, Elapsed: event.Seconds(r.Now().Sub(started)),
			}, c.service, errors.Join(last))
		case <-ticks:
		}
	}
}

// recipeText says in a few words what was tried.
func (c condition) recipeText() string {
	switch {
	case c.recipe.Exec != nil:
		return fmt.Sprintf("running %q in service %s", c.recipe.Exec.Command, c.service)
	case c.recipe.HTTP != nil:
		return fmt.Sprintf("%s %s on port %q of service %s", c.recipe.HTTP.Method, c.recipe.HTTP.Endpoint, c.recipe.HTTP.PortID, c.service)
	}
	return ""
}

func noField(field string, values map[string]plan.Value) error {
	return fmt.Errorf("the recipe's result has no field %q, only %s", field, quotedList(sortedKeys(values)))
}

func (r *runner) wait(ctx context.Context, about event.Step, in *plan.Wait) (done, error) {
	c := condition{
		service: in.ServiceName, recipe: in.Recipe, field: in.Field, assertion: in.Assertion, target: in.TargetValue,
		interval: in.Interval, timeout: in.Timeout,
	}
	c.what = fmt.Sprintf("%s %s %s did not come true", c.field, c.assertion, c.target)
	result, err := r.until(ctx, about, c)
	if err != nil {
		return done{}, err
	}
	tries := "try"
	if result.attempts != 1 {
		tries = "tries"
	}
	return done{
		text: fmt.Sprintf("Wait took %d %s (%s in total). Assertion passed with following:\n%s",
			result.attempts, tries, result.elapsed.Round(time.Millisecond), result.text),
		values: result.values,
	}, nil
}
