package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kurtosis-go/kurtosis/backends"
)

// find returns a service's controller.
func (b *Backend) find(ctx context.Context, uuid, service string) (*enclave, *controller, error) {
	e, err := b.enclave(ctx, uuid)
	if err != nil {
		return nil, nil, err
	}
	c, err := b.controllerNamed(ctx, e, service)
	if apierrors.IsNotFound(err) || err == nil && (c.DeletionTimestamp != nil || c.Labels[labelResource] != resourceService) {
		return nil, nil, backends.Errorf(backends.NotFound, "enclave %q has no service %q", e.info.Name, service)
	}
	return e, c, b.wrap(ctx, err, fmt.Sprintf("looking for service %q", service))
}

// newest is the Pod that counts; nil for none.
func newest(pods []core.Pod, c *controller) *core.Pod {
	var found *core.Pod
	for i := range pods {
		if p := &pods[i]; c.owns(p) && (found == nil || p.CreationTimestamp.After(found.CreationTimestamp.Time)) {
			found = p
		}
	}
	return found
}

func (b *Backend) podOf(ctx context.Context, e *enclave, c *controller) (*core.Pod, error) {
	list, err := b.client.pods(e.namespace).List(ctx, of(c.Name))
	if err != nil {
		return nil, b.wrap(ctx, err, fmt.Sprintf("looking for the pod of service %q", c.Name))
	}
	return newest(list.Items, c), nil
}

func status(pod *core.Pod) *core.ContainerStatus {
	if pod == nil {
		return nil
	}
	i := slices.IndexFunc(pod.Status.ContainerStatuses, func(s core.ContainerStatus) bool { return s.Name == container })
	if i < 0 {
		return nil
	}
	return &pod.Status.ContainerStatuses[i]
}

func isRunning(pod *core.Pod) bool {
	s := status(pod)
	return s != nil && s.State.Running != nil && pod.DeletionTimestamp == nil
}

// InspectService takes three requests.
func (b *Backend) InspectService(ctx context.Context, enclave, service string) (backends.Service, error) {
	e, c, err := b.find(ctx, enclave, service)
	if err != nil {
		return backends.Service{}, err
	}
	return b.inspect(ctx, e, c)
}

func (b *Backend) inspect(ctx context.Context, e *enclave, c *controller) (backends.Service, error) {
	pod, err := b.podOf(ctx, e, c)
	if err != nil {
		return backends.Service{}, err
	}
	services, err := b.client.services(e.namespace).List(ctx, of(c.Name))
	if err != nil {
		return backends.Service{}, b.wrap(ctx, err, fmt.Sprintf("looking for the address of service %q", c.Name))
	}
	svc, open := pair(services.Items, c)
	return b.describeService(ctx, c, svc, open, pod)
}

// pair finds a service's two Services; the second is nil without public ports.
func pair(services []core.Service, c *controller) (svc, open *core.Service) {
	for i := range services {
		switch s := &services[i]; s.Name {
		case c.Name:
			svc = s
		case publicName(c.Labels[labelUUID]):
			open = s
		}
	}
	return svc, open
}

// ListServices takes four requests, however many there are.
func (b *Backend) ListServices(ctx context.Context, enclave string) ([]backends.Service, error) {
	e, err := b.enclave(ctx, enclave)
	if err != nil {
		return nil, err
	}
	controllers, err := b.controllers(ctx, e.namespace, of(""))
	if err != nil {
		return nil, b.wrap(ctx, err, "listing the services")
	}
	pods, err := b.client.pods(e.namespace).List(ctx, of(""))
	if err != nil {
		return nil, b.wrap(ctx, err, "listing the services")
	}
	services, err := b.client.services(e.namespace).List(ctx, of(""))
	if err != nil {
		return nil, b.wrap(ctx, err, "listing the services")
	}
	var list []backends.Service
	for _, c := range controllers {
		if c.DeletionTimestamp != nil {
			continue
		}
		svc, open := pair(services.Items, c)
		s, err := b.describeService(ctx, c, svc, open, newest(pods.Items, c))
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// describeService puts together what the objects of a service say.
func (b *Backend) describeService(ctx context.Context, c *controller, svc, open *core.Service, pod *core.Pod) (backends.Service, error) {
	notes := c.Annotations
	s := backends.Service{
		Name: c.Name, UUID: c.Labels[labelUUID], Hostname: c.Name, Image: notes[noteImage],
		Labels: decodeLabels(notes[noteLabels]), State: backends.Stopped,
	}
	s.Ports, _ = backends.ParsePorts(notes[notePorts]) // damaged by hand: none
	if svc != nil {
		s.Address = svc.Spec.ClusterIP
	}
	now := status(pod)
	if now != nil {
		s.ImageID = now.ImageID
	}
	switch {
	case isRunning(pod):
		s.State, s.Started = backends.Running, now.State.Running.StartedAt.Time
		if open != nil {
			node, err := b.node(ctx)
			if err != nil {
				return backends.Service{}, err
			}
			ids, _ := backends.ParsePorts(notes[notePublic])
			s.Published = published(open, s.Ports, ids, node)
		}
	case now != nil && now.State.Terminated != nil:
		ended(&s, now.State.Terminated)
	case now != nil && now.State.Waiting != nil && now.LastTerminationState.Terminated != nil: // between two tries
		ended(&s, now.LastTerminationState.Terminated)
		s.Reason = now.State.Waiting.Reason
	case c.stopped, c.ended:
		s.Finished, _ = time.Parse(time.RFC3339Nano, notes[noteStopped])
		s.Started = c.CreationTimestamp.Time
		if s.Finished.IsZero() {
			s.Finished = c.endedAt
		}
	default:
		s.State = backends.Starting
		if pod != nil {
			s.Reason = string(pod.Status.Phase)
			if _, t := podProgress(pod); t != nil {
				s.Reason = t.message
			}
		}
	}
	s.Interrupted = s.State == backends.Stopped && interrupted(c, pod)
	return s, nil
}

// interrupted tells of a Job whose process ended because its Pod was deleted: with a code that means to the Job that it is done. The
// Pod of a process that ended by itself stays. Whoever stops a service or replaces its controller says so there first.
func interrupted(c *controller, pod *core.Pod) bool {
	if c.job == nil || c.stopped || c.DeletionTimestamp != nil || c.Annotations[noteReplaced] != "" {
		return false
	}
	if pod == nil {
		return c.ended
	}
	return pod.DeletionTimestamp != nil
}

func ended(s *backends.Service, t *core.ContainerStateTerminated) {
	s.ExitCode, s.Started, s.Finished = int(t.ExitCode), t.StartedAt.Time, t.FinishedAt.Time
	s.OutOfMemory = t.Reason == "OOMKilled"
	if t.Reason != "Completed" && t.Reason != "Error" {
		s.Reason = t.Reason
	}
}

// StopService ends the Pod and keeps its controller.
func (b *Backend) StopService(ctx context.Context, enclave, service string) error {
	e, c, err := b.find(ctx, enclave, service)
	if err != nil {
		return err
	}
	return b.suspend(ctx, e, c, false)
}

func (b *Backend) suspend(ctx context.Context, e *enclave, c *controller, now bool) error {
	doing := fmt.Sprintf("stopping service %q", c.Name)
	v, err := b.watch(ctx, e)
	if err != nil {
		return err
	}
	if c.ended || c.stopped {
		return b.gone(ctx, v, c, true)
	}
	if err := b.halt(ctx, c); err != nil {
		return b.wrap(ctx, err, doing)
	}
	if now {
		if err := b.client.pods(e.namespace).DeleteCollection(ctx, atOnce(), of(c.Name)); err != nil {
			return b.wrap(ctx, err, doing)
		}
	}
	return b.gone(ctx, v, c, true)
}

// gone waits until no Pod of a controller is left; with ended, those whose process has ended may stay.
func (b *Backend) gone(ctx context.Context, v *views, c *controller, ended bool) error {
	changed, stop := v.changes()
	defer stop()
	for {
		left := slices.ContainsFunc(v.podsOf(c), func(p *core.Pod) bool {
			return !ended || p.DeletionTimestamp != nil || p.Status.Phase != core.PodSucceeded && p.Status.Phase != core.PodFailed
		})
		if !left {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// StartService starts a stopped service.
func (b *Backend) StartService(ctx context.Context, enclave, service string) (backends.Service, error) {
	e, c, err := b.find(ctx, enclave, service)
	if err != nil {
		return backends.Service{}, err
	}
	if c.ended || c.stopped {
		if err := b.resume(ctx, e, c); err != nil {
			return backends.Service{}, err
		}
	}
	return b.InspectService(ctx, enclave, service)
}

// resume makes a controller anew: a Job that was suspended may have come to its end while its Pod was ending, and cannot run again.
func (b *Backend) resume(ctx context.Context, e *enclave, c *controller) error {
	doing := fmt.Sprintf("starting service %q", c.Name)
	v, err := b.watch(ctx, e)
	if err != nil {
		return err
	}
	if err := b.retire(ctx, v, c); err != nil {
		return b.failed(ctx, err, doing)
	}
	again, err := b.create(ctx, e.namespace, c.fresh())
	if err != nil {
		return b.failed(ctx, err, doing)
	}
	_, err = b.await(ctx, v, again)
	return b.failed(ctx, err, doing)
}

// retire removes a controller with its Pods, for another that takes its name. Who watches does not take it for the service's end.
func (b *Backend) retire(ctx context.Context, v *views, c *controller) error {
	// With the UID it is this controller or none: another may have its name by now.
	if err := b.patch(ctx, c, fmt.Sprintf(`{"metadata":{"uid":%q,"annotations":{%q:"true"}}}`, c.UID, noteReplaced)); err != nil {
		return err
	}
	return b.removeController(ctx, v, c, meta.DeleteOptions{})
}

// removeController removes a controller with its Pods and waits until they are gone.
func (b *Backend) removeController(ctx context.Context, v *views, c *controller, options meta.DeleteOptions) error {
	if err := b.drop(ctx, c); err != nil {
		return err
	}
	named := meta.ListOptions{LabelSelector: labels.SelectorFromSet(labels.Set{labelAppID: backends.AppID, labelName: c.Labels[labelName]}).String()}
	if err := b.client.pods(c.Namespace).DeleteCollection(ctx, options, named); err != nil {
		return err
	}
	return b.gone(ctx, v, c, false)
}

// RemoveService removes all of a service but its persistent directories.
func (b *Backend) RemoveService(ctx context.Context, enclave, service string) error {
	e, _, err := b.find(ctx, enclave, service)
	if err != nil {
		return err
	}
	return b.wrap(ctx, b.remove(ctx, e, service), fmt.Sprintf("removing service %q", service))
}

// remove also takes what a failed launch left: each object is removed whether or not the others exist. The Service, which holds
// the name, comes last.
func (b *Backend) remove(ctx context.Context, e *enclave, service string) error {
	v, err := b.watch(ctx, e)
	if err != nil {
		return err
	}
	c, err := b.controllerNamed(ctx, e, service)
	if err == nil {
		err = b.removeController(ctx, v, c, atOnce())
	}
	errs := []error{err}
	errs = append(errs, b.client.configMaps(e.namespace).DeleteCollection(ctx, meta.DeleteOptions{}, filesOf(service)))
	errs = append(errs, b.client.secrets(e.namespace).DeleteCollection(ctx, meta.DeleteOptions{}, of(service)))
	services, err := b.client.services(e.namespace).List(ctx, of(service))
	errs = append(errs, err)
	if err == nil {
		for _, s := range services.Items {
			errs = append(errs, b.client.services(e.namespace).Delete(ctx, s.Name, meta.DeleteOptions{}))
		}
	}
	for i, err := range errs {
		if apierrors.IsNotFound(err) {
			errs[i] = nil
		}
	}
	return errors.Join(errs...)
}
