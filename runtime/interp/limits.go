package interp

import (
	"context"
	"errors"
	"fmt"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"go.starlark.net/starlark"
)

// Limits bound what a script may use. A zero field has the default.
type Limits struct {
	Steps  uint64        // Starlark operations; 1,000,000,000 by default
	Time   time.Duration // one minute by default
	Memory uint64        // bytes of heap above what there was before; 1 GiB by default. Soft: looked at every few milliseconds
}

const (
	defaultSteps  = 1_000_000_000
	defaultTime   = time.Minute
	defaultMemory = 1 << 30

	memoryInterval = 5 * time.Millisecond
)

// limiter stops a thread that uses more than it may.
type limiter struct {
	limits  Limits
	reached atomic.Pointer[fault]
}

// watch starts to guard a thread. The returned function ends that; it must be called.
func (l *limiter) watch(ctx context.Context, thread *starlark.Thread) (stop func()) {
	cancel := func(f *fault) {
		if l.reached.CompareAndSwap(nil, f) {
			thread.Cancel(f.message)
		}
	}
	thread.SetMaxExecutionSteps(l.limits.Steps)
	thread.OnMaxSteps = func(*starlark.Thread) {
		cancel(&fault{
			code:    "step-limit",
			message: fmt.Sprintf("the script did not end within %d steps", l.limits.Steps),
			hint:    "a loop runs for too long; look at the line above",
		})
	}
	limited, release := context.WithTimeout(ctx, l.limits.Time)
	unwatch := context.AfterFunc(limited, func() {
		if ctx.Err() == nil && errors.Is(limited.Err(), context.DeadlineExceeded) {
			cancel(&fault{
				code:    "time-limit",
				message: fmt.Sprintf("the script did not end within %s", l.limits.Time),
				hint:    "a loop runs for too long; look at the line above",
			})
			return
		}
		cancel(&fault{code: "cancelled", message: "interpretation was cancelled"})
	})
	done := make(chan struct{})
	go l.watchMemory(done, cancel)
	return func() {
		close(done)
		unwatch()
		release()
	}
}

func (l *limiter) watchMemory(done <-chan struct{}, cancel func(*fault)) {
	before := heap()
	ticker := time.NewTicker(memoryInterval)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
			if now := heap(); now > before && now-before > l.limits.Memory {
				cancel(&fault{
					code:    "memory-limit",
					message: fmt.Sprintf("the script used more than %d MB of memory", l.limits.Memory>>20),
					hint:    "a list or string grows without end; look at the line above",
				})
				return
			}
		}
	}
}

func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// stopped says which limit ended the run, nil when none did.
func (l *limiter) stopped() *fault { return l.reached.Load() }

func (l Limits) orDefaults() Limits {
	if l.Steps == 0 {
		l.Steps = defaultSteps
	}
	if l.Time == 0 {
		l.Time = defaultTime
	}
	if l.Memory == 0 {
		l.Memory = defaultMemory
	}
	return l
}
