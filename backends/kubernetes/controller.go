package kubernetes

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// controller keeps one Pod: a Job, which lets its process end, or a ReplicaSet, which starts it again whatever it ended with.
// Exactly one of job and set is there.
type controller struct {
	meta.ObjectMeta
	template *core.PodTemplateSpec
	stopped  bool      // on purpose
	ended    bool      // a Job whose process has ended for good
	endedAt  time.Time // zero where nobody wrote it down

	job *batch.Job
	set *apps.ReplicaSet
}

func ofJob(job *batch.Job) *controller {
	c := &controller{ObjectMeta: job.ObjectMeta, template: &job.Spec.Template, job: job, stopped: job.Spec.Suspend != nil && *job.Spec.Suspend}
	c.ended = slices.ContainsFunc(job.Status.Conditions, func(c batch.JobCondition) bool {
		return (c.Type == batch.JobComplete || c.Type == batch.JobFailed) && c.Status == core.ConditionTrue
	})
	if job.Status.CompletionTime != nil {
		c.endedAt = job.Status.CompletionTime.Time
	}
	return c
}

func ofSet(set *apps.ReplicaSet) *controller {
	return &controller{ObjectMeta: set.ObjectMeta, template: &set.Spec.Template, set: set, stopped: set.Spec.Replicas != nil && *set.Spec.Replicas == 0}
}

// owns tells whether a Pod is this controller's.
func (c *controller) owns(pod *core.Pod) bool {
	owner := meta.GetControllerOfNoCopy(pod)
	return owner != nil && owner.UID == c.UID
}

// fresh is a controller as it was before the cluster filled it in, and not stopped.
func (c *controller) fresh() *controller {
	object := meta.ObjectMeta{Name: c.Name, Namespace: c.Namespace, Labels: c.Labels, Annotations: c.Annotations}
	delete(object.Annotations, noteStopped)
	if c.set != nil {
		one := int32(1)
		again := &apps.ReplicaSet{ObjectMeta: object, Spec: *c.set.Spec.DeepCopy()}
		again.Spec.Replicas = &one
		return ofSet(again)
	}
	again := &batch.Job{ObjectMeta: object, Spec: *c.job.Spec.DeepCopy()}
	again.Spec.Selector, again.Spec.ManualSelector = nil, nil
	for _, label := range []string{"controller-uid", "job-name", batch.ControllerUidLabel, batch.JobNameLabel} {
		delete(again.Spec.Template.Labels, label)
	}
	no := false
	again.Spec.Suspend = &no
	return ofJob(again)
}

func (b *Backend) jobNamed(ctx context.Context, namespace, name string) (*controller, error) {
	job, err := b.client.jobs(namespace).Get(ctx, name, meta.GetOptions{})
	if err != nil {
		return nil, err
	}
	return ofJob(job), nil
}

func (b *Backend) setNamed(ctx context.Context, namespace, name string) (*controller, error) {
	set, err := b.client.replicaSets(namespace).Get(ctx, name, meta.GetOptions{})
	if err != nil {
		return nil, err
	}
	return ofSet(set), nil
}

// controllerNamed looks first for the kind that is likely: one request, mostly.
func (b *Backend) controllerNamed(ctx context.Context, e *enclave, name string) (*controller, error) {
	first, second := b.jobNamed, b.setNamed
	if e.info.Production {
		first, second = second, first
	}
	c, err := first(ctx, e.namespace, name)
	if apierrors.IsNotFound(err) {
		return second(ctx, e.namespace, name)
	}
	return c, err
}

// controllers lists those that a selector means, by name; namespace "" is all of them.
func (b *Backend) controllers(ctx context.Context, namespace string, selector meta.ListOptions) ([]*controller, error) {
	jobs, err := b.client.jobs(namespace).List(ctx, selector)
	if err != nil {
		return nil, err
	}
	sets, err := b.client.replicaSets(namespace).List(ctx, selector)
	if err != nil {
		return nil, err
	}
	list := make([]*controller, 0, len(jobs.Items)+len(sets.Items))
	for i := range jobs.Items {
		list = append(list, ofJob(&jobs.Items[i]))
	}
	for i := range sets.Items {
		list = append(list, ofSet(&sets.Items[i]))
	}
	slices.SortFunc(list, func(x, y *controller) int {
		return cmp.Or(cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Name, y.Name))
	})
	return list, nil
}

func (b *Backend) create(ctx context.Context, namespace string, c *controller) (*controller, error) {
	if c.set != nil {
		set, err := b.client.replicaSets(namespace).Create(ctx, c.set, meta.CreateOptions{})
		if err != nil {
			return nil, err
		}
		return ofSet(set), nil
	}
	job, err := b.client.jobs(namespace).Create(ctx, c.job, meta.CreateOptions{})
	if err != nil {
		return nil, err
	}
	return ofJob(job), nil
}

func (b *Backend) patch(ctx context.Context, c *controller, patch string) (err error) {
	if c.set != nil {
		_, err = b.client.replicaSets(c.Namespace).Patch(ctx, c.Name, types.StrategicMergePatchType, []byte(patch), meta.PatchOptions{})
	} else {
		_, err = b.client.jobs(c.Namespace).Patch(ctx, c.Name, types.StrategicMergePatchType, []byte(patch), meta.PatchOptions{})
	}
	return err
}

// halt ends the Pod and keeps the controller.
func (b *Backend) halt(ctx context.Context, c *controller) error {
	stop := `{"suspend":true}`
	if c.set != nil {
		stop = `{"replicas":0}`
	}
	return b.patch(ctx, c, fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}},"spec":%s}`, noteStopped, time.Now().UTC().Format(time.RFC3339Nano), stop))
}

// drop removes a controller; its Pods are the caller's to remove. One that has gone is no error.
func (b *Backend) drop(ctx context.Context, c *controller) (err error) {
	background := meta.DeletePropagationBackground
	options := meta.DeleteOptions{PropagationPolicy: &background, Preconditions: &meta.Preconditions{UID: &c.UID}}
	if c.set != nil {
		err = b.client.replicaSets(c.Namespace).Delete(ctx, c.Name, options)
	} else {
		err = b.client.jobs(c.Namespace).Delete(ctx, c.Name, options)
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
