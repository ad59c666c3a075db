package kubernetes

import (
	"context"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/kurtosis-go/kurtosis/backends"
)

// Watch tells what the enclave's watches see, which are shared with everybody who waits.
func (b *Backend) Watch(ctx context.Context, uuid string) (<-chan backends.Event, error) {
	e, err := b.enclave(ctx, uuid)
	if err != nil {
		return nil, err
	}
	v, err := b.watch(ctx, e)
	if err != nil {
		return nil, err
	}
	out := make(chan backends.Event)
	send := func(event backends.Event) {
		select {
		case out <- event: // a slow reader's events wait in the informer
		case <-ctx.Done():
		}
	}
	var synced []cache.InformerSynced
	var remove []func()
	removed := controllerEvents(send)
	for i, handler := range []cache.ResourceEventHandlerDetailedFuncs{podEvents(send), removed, removed} {
		registration, err := v.informers[i].AddEventHandler(handler)
		if err != nil {
			return nil, b.wrap(ctx, err, "watching the enclave")
		}
		synced = append(synced, registration.HasSynced)
		remove = append(remove, func() { v.informers[i].RemoveEventHandler(registration) })
	}
	cache.WaitForCacheSync(ctx.Done(), synced...)
	go func() {
		select {
		case <-ctx.Done():
		case <-v.broken:
			send(backends.Event{Err: b.wrap(ctx, v.err, "watching the enclave")})
		case <-b.lifetime.Done():
		}
		for _, f := range remove {
			f()
		}
	}()
	// Handlers may still be at it when they are removed: nobody closes what they send on.
	events := make(chan backends.Event)
	go func() {
		defer close(events)
		for {
			select {
			case event := <-out:
				select {
				case events <- event:
				case <-ctx.Done():
					return
				}
				if event.Err != nil {
					return
				}
			case <-ctx.Done():
				return
			case <-b.lifetime.Done():
				return
			}
		}
	}()
	return events, nil
}

func podEvents(send func(backends.Event)) cache.ResourceEventHandlerDetailedFuncs {
	event := func(p *core.Pod, kind backends.EventType, at time.Time) backends.Event {
		if at.IsZero() {
			at = time.Now()
		}
		return backends.Event{Type: kind, Service: p.Labels[labelName], UUID: p.Labels[labelUUID], Time: at}
	}
	change := func(before, after *core.Pod) {
		was, is := status(before), status(after)
		if is == nil || after.Labels[labelResource] != resourceService {
			return
		}
		if r := is.State.Running; r != nil && (was == nil || was.State.Running == nil) {
			send(event(after, backends.ServiceStarted, r.StartedAt.Time))
		}
		ended := is.State.Terminated
		if ended == nil {
			ended = is.LastTerminationState.Terminated
		}
		if ended == nil || was != nil && (was.State.Terminated != nil && was.State.Terminated.ContainerID == ended.ContainerID ||
			was.LastTerminationState.Terminated != nil && was.LastTerminationState.Terminated.ContainerID == ended.ContainerID) {
			return
		}
		if is.State.Terminated != nil && (was == nil || was.State.Running == nil) {
			send(event(after, backends.ServiceStarted, ended.StartedAt.Time)) // too short to be seen
		}
		if ended.Reason == "OOMKilled" {
			send(event(after, backends.ServiceOutOfMemory, ended.FinishedAt.Time))
		}
		e := event(after, backends.ServiceEnded, ended.FinishedAt.Time)
		e.ExitCode = int(ended.ExitCode)
		send(e)
	}
	return cache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(o any, initial bool) {
			if p, ok := o.(*core.Pod); ok && !initial {
				change(nil, p)
			}
		},
		UpdateFunc: func(before, after any) {
			was, ok1 := before.(*core.Pod)
			is, ok2 := after.(*core.Pod)
			if ok1 && ok2 {
				change(was, is)
			}
		},
	}
}

// A service is removed with its controller, unless another takes its place.
func controllerEvents(send func(backends.Event)) cache.ResourceEventHandlerDetailedFuncs {
	return cache.ResourceEventHandlerDetailedFuncs{DeleteFunc: func(o any) {
		if d, ok := o.(cache.DeletedFinalStateUnknown); ok {
			o = d.Obj
		}
		if c, ok := o.(meta.Object); ok && c.GetLabels()[labelResource] == resourceService && c.GetAnnotations()[noteReplaced] == "" {
			send(backends.Event{Type: backends.ServiceRemoved, Service: c.GetName(), UUID: c.GetLabels()[labelUUID], Time: time.Now()})
		}
	}}
}
