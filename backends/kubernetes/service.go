package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kurtosis-go/kurtosis/backends"
)

// find returns a service's controller.
func (b *Backend) find(ctx context.Context, uuid, service string) (*enclave, *batch.Job, error) {
	e, err := b.enclave(ctx, uuid)
	if err != nil {
		return nil, nil, err
	}
	job, err := b.client.BatchV1().Jobs(e.namespace).Get(ctx, service, meta.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && (job.DeletionTimestamp != nil || job.Labels[labelAppID] != backends.AppID) {
		return nil, nil, backends.Errorf(backends.NotFound, "enclave %q has no service %q", e.info.Name, service)
	}
	return e, job, b.wrap(ctx, err, fmt.Sprintf("looking for service %q", service))
}

func owned(pod *core.Pod, job *batch.Job) bool {
	return meta.IsControlledBy(pod, job)
}

// newest is the Pod that counts; nil for none.
func newest(pods []core.Pod, job *batch.Job) *core.Pod {
	var found *core.Pod
	for i := range pods {
		if p := &pods[i]; owned(p, job) && (found == nil || p.CreationTimestamp.After(found.CreationTimestamp.Time)) {
			found = p
		}
	}
	return found
}

func (b *Backend) podOf(ctx context.Context, e *enclave, job *batch.Job) (*core.Pod, error) {
	list, err := b.client.CoreV1().Pods(e.namespace).List(ctx, of(job.Name))
	if err != nil {
		return nil, b.wrap(ctx, err, fmt.Sprintf("looking for the pod of service %q", job.Name))
	}
	return newest(list.Items, job), nil
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
	e, job, err := b.find(ctx, enclave, service)
	if err != nil {
		return backends.Service{}, err
	}
	return b.inspect(ctx, e, job)
}

func (b *Backend) inspect(ctx context.Context, e *enclave, job *batch.Job) (backends.Service, error) {
	pod, err := b.podOf(ctx, e, job)
	if err != nil {
		return backends.Service{}, err
	}
	services, err := b.client.CoreV1().Services(e.namespace).List(ctx, of(job.Name))
	if err != nil {
		return backends.Service{}, b.wrap(ctx, err, fmt.Sprintf("looking for the address of service %q", job.Name))
	}
	svc, open := pair(services.Items, job)
	return b.describeService(ctx, job, svc, open, pod)
}

// pair finds a service's two Services; the second is nil without public ports.
func pair(services []core.Service, job *batch.Job) (svc, open *core.Service) {
	for i := range services {
		switch s := &services[i]; s.Name {
		case job.Name:
			svc = s
		case publicName(job.Labels[labelUUID]):
			open = s
		}
	}
	return svc, open
}

// ListServices takes three requests, however many there are.
func (b *Backend) ListServices(ctx context.Context, enclave string) ([]backends.Service, error) {
	e, err := b.enclave(ctx, enclave)
	if err != nil {
		return nil, err
	}
	jobs, err := b.client.BatchV1().Jobs(e.namespace).List(ctx, of(""))
	if err != nil {
		return nil, b.wrap(ctx, err, "listing the services")
	}
	pods, err := b.client.CoreV1().Pods(e.namespace).List(ctx, of(""))
	if err != nil {
		return nil, b.wrap(ctx, err, "listing the services")
	}
	services, err := b.client.CoreV1().Services(e.namespace).List(ctx, of(""))
	if err != nil {
		return nil, b.wrap(ctx, err, "listing the services")
	}
	var list []backends.Service
	for i := range jobs.Items { // sorted by name, as the API has them
		job := &jobs.Items[i]
		if job.DeletionTimestamp != nil {
			continue
		}
		svc, open := pair(services.Items, job)
		s, err := b.describeService(ctx, job, svc, open, newest(pods.Items, job))
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// describeService puts together what the objects of a service say.
func (b *Backend) describeService(ctx context.Context, job *batch.Job, svc, open *core.Service, pod *core.Pod) (backends.Service, error) {
	notes := job.Annotations
	s := backends.Service{
		Name: job.Name, UUID: job.Labels[labelUUID], Hostname: job.Name, Image: notes[noteImage],
		Labels: decodeLabels(notes[noteLabels]), State: backends.Stopped,
	}
	s.Ports, _ = backends.ParsePorts(notes[notePorts]) // damaged by hand: none
	if svc != nil {
		s.Address = svc.Spec.ClusterIP
	}
	c := status(pod)
	if c != nil {
		s.ImageID = c.ImageID
	}
	switch {
	case isRunning(pod):
		s.State, s.Started = backends.Running, c.State.Running.StartedAt.Time
		if open != nil {
			node, err := b.node(ctx)
			if err != nil {
				return backends.Service{}, err
			}
			ids, _ := backends.ParsePorts(notes[notePublic])
			s.Published = published(open, s.Ports, ids, node)
		}
	case c != nil && c.State.Terminated != nil:
		ended(&s, c.State.Terminated)
	case c != nil && c.LastTerminationState.Terminated != nil: // between two tries
		ended(&s, c.LastTerminationState.Terminated)
		s.Reason = c.State.Waiting.Reason
	case job.Spec.Suspend != nil && *job.Spec.Suspend, finished(job):
		s.Finished, _ = time.Parse(time.RFC3339Nano, notes[noteStopped])
		s.Started = job.CreationTimestamp.Time
		if s.Finished.IsZero() && job.Status.CompletionTime != nil {
			s.Finished = job.Status.CompletionTime.Time
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
	return s, nil
}

func ended(s *backends.Service, t *core.ContainerStateTerminated) {
	s.ExitCode, s.Started, s.Finished = int(t.ExitCode), t.StartedAt.Time, t.FinishedAt.Time
	s.OutOfMemory = t.Reason == "OOMKilled"
	if t.Reason != "Completed" && t.Reason != "Error" {
		s.Reason = t.Reason
	}
}

func finished(job *batch.Job) bool {
	return slices.ContainsFunc(job.Status.Conditions, func(c batch.JobCondition) bool {
		return (c.Type == batch.JobComplete || c.Type == batch.JobFailed) && c.Status == core.ConditionTrue
	})
}

// StopService suspends the Job, which ends its Pod.
func (b *Backend) StopService(ctx context.Context, enclave, service string) error {
	e, job, err := b.find(ctx, enclave, service)
	if err != nil {
		return err
	}
	return b.suspend(ctx, e, job, false)
}

func (b *Backend) suspend(ctx context.Context, e *enclave, job *batch.Job, now bool) error {
	doing := fmt.Sprintf("stopping service %q", job.Name)
	v, err := b.watch(ctx, e)
	if err != nil {
		return err
	}
	if finished(job) || job.Spec.Suspend != nil && *job.Spec.Suspend {
		return b.gone(ctx, v, job, true)
	}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}},"spec":{"suspend":true}}`, noteStopped, time.Now().UTC().Format(time.RFC3339Nano))
	if _, err := b.client.BatchV1().Jobs(e.namespace).Patch(ctx, job.Name, types.StrategicMergePatchType, []byte(patch), meta.PatchOptions{}); err != nil {
		return b.wrap(ctx, err, doing)
	}
	if now {
		if err := b.client.CoreV1().Pods(e.namespace).DeleteCollection(ctx, atOnce(), of(job.Name)); err != nil {
			return b.wrap(ctx, err, doing)
		}
	}
	return b.gone(ctx, v, job, true)
}

// gone waits until no Pod of a Job is left; with ended, those whose process has ended may stay.
func (b *Backend) gone(ctx context.Context, v *views, job *batch.Job, ended bool) error {
	changed, stop := v.changes()
	defer stop()
	for {
		left := slices.ContainsFunc(v.podsOf(job), func(p *core.Pod) bool {
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
	e, job, err := b.find(ctx, enclave, service)
	if err != nil {
		return backends.Service{}, err
	}
	if finished(job) || job.Spec.Suspend != nil && *job.Spec.Suspend {
		if err := b.resume(ctx, e, job); err != nil {
			return backends.Service{}, err
		}
	}
	return b.InspectService(ctx, enclave, service)
}

// resume makes a Job anew: one that was suspended may have come to its end while its Pod was ending, and cannot run again.
func (b *Backend) resume(ctx context.Context, e *enclave, job *batch.Job) error {
	doing := fmt.Sprintf("starting service %q", job.Name)
	v, err := b.watch(ctx, e)
	if err != nil {
		return err
	}
	if err := b.retire(ctx, e, v, job); err != nil {
		return b.failed(ctx, err, doing)
	}
	again, err := b.client.BatchV1().Jobs(e.namespace).Create(ctx, fresh(job), meta.CreateOptions{})
	if err != nil {
		return b.failed(ctx, err, doing)
	}
	_, err = b.await(ctx, v, again)
	return b.failed(ctx, err, doing)
}

// retire removes a Job with its Pods, for another that takes its name. Who watches does not take it for the service's end.
func (b *Backend) retire(ctx context.Context, e *enclave, v *views, job *batch.Job) error {
	note := fmt.Sprintf(`{"metadata":{"annotations":{%q:"true"}}}`, noteReplaced)
	if _, err := b.client.BatchV1().Jobs(e.namespace).Patch(ctx, job.Name, types.StrategicMergePatchType, []byte(note), meta.PatchOptions{}); err != nil {
		return err
	}
	return b.removeJob(ctx, e, v, job, false)
}

func (b *Backend) removeJob(ctx context.Context, e *enclave, v *views, job *batch.Job, now bool) error {
	background := meta.DeletePropagationBackground
	err := b.client.BatchV1().Jobs(e.namespace).Delete(ctx, job.Name, meta.DeleteOptions{PropagationPolicy: &background, Preconditions: &meta.Preconditions{UID: &job.UID}})
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	options := meta.DeleteOptions{}
	if now {
		options = atOnce()
	}
	if err := b.client.CoreV1().Pods(e.namespace).DeleteCollection(ctx, options, of(job.Name)); err != nil {
		return err
	}
	return b.gone(ctx, v, job, false)
}

// fresh is a Job as it was before the cluster filled it in.
func fresh(job *batch.Job) *batch.Job {
	again := &batch.Job{ObjectMeta: meta.ObjectMeta{Name: job.Name, Labels: job.Labels, Annotations: job.Annotations}, Spec: *job.Spec.DeepCopy()}
	delete(again.Annotations, noteStopped)
	again.Spec.Selector, again.Spec.ManualSelector = nil, nil
	for _, label := range []string{"controller-uid", "job-name", batch.ControllerUidLabel, batch.JobNameLabel} {
		delete(again.Spec.Template.Labels, label)
	}
	no := false
	again.Spec.Suspend = &no
	return again
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
	job, err := b.client.BatchV1().Jobs(e.namespace).Get(ctx, service, meta.GetOptions{})
	if err == nil {
		err = b.removeJob(ctx, e, v, job, true)
	}
	errs := []error{err}
	errs = append(errs, b.client.CoreV1().ConfigMaps(e.namespace).DeleteCollection(ctx, meta.DeleteOptions{}, filesOf(service)))
	errs = append(errs, b.client.CoreV1().Secrets(e.namespace).DeleteCollection(ctx, meta.DeleteOptions{}, of(service)))
	services, err := b.client.CoreV1().Services(e.namespace).List(ctx, of(service))
	errs = append(errs, err)
	if err == nil {
		for _, s := range services.Items {
			errs = append(errs, b.client.CoreV1().Services(e.namespace).Delete(ctx, s.Name, meta.DeleteOptions{}))
		}
	}
	for i, err := range errs {
		if apierrors.IsNotFound(err) {
			errs[i] = nil
		}
	}
	return errors.Join(errs...)
}
