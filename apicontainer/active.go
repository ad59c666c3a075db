package apicontainer

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"connectrpc.com/connect"

	"github.com/kurtosis-go/kurtosis/backends"
)

// active are the runs that are under way.
type active struct {
	mu   sync.Mutex
	runs map[string]context.CancelFunc
}

// begin gives a run an id and a context that Interrupt ends.
func (a *active) begin(life context.Context) (ctx context.Context, id string, ended func()) {
	ctx, cancel := context.WithCancel(life)
	id = backends.NewUUID()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.runs == nil {
		a.runs = map[string]context.CancelFunc{}
	}
	a.runs[id] = cancel
	return ctx, id, func() {
		cancel()
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.runs, id)
	}
}

// interrupt ends a run, "" all of them, and says how many there were.
func (a *active) interrupt(id string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for run, cancel := range a.runs {
		if id == "" || id == run {
			cancel()
			n++
		}
	}
	return n
}

func (a *active) ids() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(maps.Keys(a.runs))
}

// outlive does work in the life of the server and sends what it gives, for as long as somebody listens.
func outlive[T any](ctx context.Context, s *Server, work func(life context.Context, emit func(*T)), send func(*T) error) error {
	if s.life.Err() != nil {
		return connect.NewError(connect.CodeUnavailable, errors.New("the API container is stopping"))
	}
	var (
		out  = make(chan *T)
		gone = make(chan struct{})
	)
	defer close(gone)
	s.runs.Go(func() {
		defer close(out)
		work(s.life, func(m *T) {
			select {
			case out <- m:
			case <-gone:
			}
		})
	})
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case m, more := <-out:
			if !more {
				return nil
			}
			if err := send(m); err != nil {
				return err
			}
		}
	}
}
