package docker

import (
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/kurtosis-go/kurtosis/backends"
)

// Watch follows the engine's events about an enclave's services.
func (b *Backend) Watch(ctx context.Context, enclave string) (<-chan backends.Event, error) {
	if _, err := b.network(ctx, enclave); err != nil {
		return nil, err
	}
	f := filters.NewArgs(filters.Arg("type", string(events.ContainerEventType)),
		filters.Arg("label", backends.LabelEnclaveUUID+"="+enclave),
		filters.Arg("label", backends.LabelContainerType+"="+backends.ContainerTypeService))
	// The call returns once the engine has answered; its subscription comes a moment later, and "since" makes up for it.
	messages, errs := b.client.Events(ctx, events.ListOptions{Filters: f, Since: strconv.FormatInt(time.Now().Unix(), 10)})
	out := make(chan backends.Event)
	from := time.Now()
	go func() {
		defer close(out)
		send := func(e backends.Event) bool {
			select {
			case out <- e:
				return true
			case <-ctx.Done():
				return false
			}
		}
		for {
			select {
			case m := <-messages:
				if b.local && time.Unix(0, m.TimeNano).Before(from) {
					continue // of the same second, but before the watch
				}
				e, ok := b.event(ctx, enclave, m)
				if ok && !send(e) {
					return
				}
			case err := <-errs:
				if ctx.Err() == nil {
					if errors.Is(err, io.EOF) || err == nil {
						err = backends.Errorf(backends.EngineUnreachable, "the engine has ended its stream of events")
					}
					send(backends.Event{Err: b.wrap(ctx, err, "watching the enclave")})
				}
				return
			}
		}
	}()
	return out, nil
}

// event translates a message of the engine; not ok if it means nothing for a service.
func (b *Backend) event(ctx context.Context, enclave string, m events.Message) (backends.Event, bool) {
	a := m.Actor.Attributes
	if a[backends.LabelEnclaveUUID] != enclave || a[backends.LabelContainerType] != backends.ContainerTypeService {
		return backends.Event{}, false // Podman takes one of the labels asked for as enough
	}
	e := backends.Event{Service: a[backends.LabelID], UUID: a[backends.LabelGUID], Time: time.Unix(0, m.TimeNano)}
	switch m.Action {
	case events.ActionStart:
		e.Type = backends.ServiceStarted
	case events.ActionDie, "died": // the latter is Podman's
		e.Type = backends.ServiceEnded
		for _, key := range []string{"exitCode", "containerExitCode"} {
			if code, err := strconv.Atoi(a[key]); err == nil {
				e.ExitCode = code
			}
		}
	case events.ActionOOM:
		e.Type = backends.ServiceOutOfMemory
	case events.ActionDestroy, events.ActionRemove:
		// An update removes a container, and the service stays.
		if left, err := b.containers(ctx, enclave, backends.LabelID+"="+e.Service); err != nil || len(left) > 0 {
			return e, false
		}
		e.Type = backends.ServiceRemoved
	default:
		return e, false
	}
	return e, true
}
