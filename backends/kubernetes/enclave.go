package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"

	"github.com/kurtosis-go/kurtosis/backends"
)

// CreateEnclave makes a namespace that lets nobody in from other namespaces, and waits until Pods can be made in it.
func (b *Backend) CreateEnclave(ctx context.Context, spec backends.EnclaveSpec) (backends.Enclave, error) {
	if spec.UUID == "" || spec.Name == "" {
		return backends.Enclave{}, backends.Errorf(backends.Invalid, "an enclave needs a name and a uuid")
	}
	if spec.Created.IsZero() {
		spec.Created = time.Now()
	}
	same, err := b.namespaces(ctx, labels.Set{labelEnclave: spec.UUID})
	if err != nil {
		return backends.Enclave{}, err
	}
	if len(same) > 0 {
		return backends.Enclave{}, backends.Errorf(backends.AlreadyExists, "there is an enclave with uuid %q already", spec.UUID)
	}
	doing := fmt.Sprintf("creating enclave %q", spec.Name)
	namespace := &core.Namespace{ObjectMeta: meta.ObjectMeta{
		Name:   backends.NamespaceName(spec.Name),
		Labels: map[string]string{labelAppID: backends.AppID, labelResource: resourceEnclave, labelEnclave: spec.UUID},
		Annotations: map[string]string{
			noteEnclaveName: spec.Name, noteCreated: backends.FormatCreation(spec.Created),
			noteProduction: fmt.Sprint(spec.Production), noteLabels: encodeLabels(spec.Labels),
		},
	}}
	made, err := b.client.namespaces().Create(ctx, namespace, meta.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return backends.Enclave{}, b.taken(ctx, spec.Name)
	} else if err != nil {
		return backends.Enclave{}, b.wrap(ctx, err, doing)
	}
	e := enclaveOf(made)
	if err := b.furnish(ctx, e.namespace); err != nil {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
		defer cancel()
		return backends.Enclave{}, errors.Join(b.wrap(ctx, err, doing), b.RemoveEnclave(cleanup, spec.UUID))
	}
	b.mu.Lock()
	b.enclaves[spec.UUID] = e
	b.mu.Unlock()
	info := e.info
	info.Status, info.Created = backends.EnclaveEmpty, spec.Created
	return info, nil
}

// taken tells whose the namespace of a name is.
func (b *Backend) taken(ctx context.Context, name string) error {
	namespace, err := b.client.namespaces().Get(ctx, backends.NamespaceName(name), meta.GetOptions{})
	switch {
	case err == nil && namespace.DeletionTimestamp != nil:
		return backends.Errorf(backends.Conflict, "enclave %q is still being removed", name).
			WithHint("try again in a moment; `kubectl describe namespace %s` shows what holds it", namespace.Name)
	case err == nil && namespace.Labels[labelAppID] != backends.AppID:
		return backends.Errorf(backends.AlreadyExists, "there is a namespace %q that is no enclave", namespace.Name).WithHint("choose another name")
	}
	return backends.Errorf(backends.AlreadyExists, "there is an enclave %q already", name)
}

// furnish makes what Pods of a namespace need.
func (b *Backend) furnish(ctx context.Context, namespace string) error {
	if err := b.enter(ctx, namespace); err != nil {
		return err
	}
	if err := b.isolate(ctx, namespace, []networking.NetworkPolicyPeer{{PodSelector: &meta.LabelSelector{}}}); err != nil {
		return err
	}
	const account = "default" // without which no Pod is admitted; a controller makes it
	accounts := b.client.serviceAccounts(namespace)
	_, err := watchtools.UntilWithSync(ctx, one(account, accounts.List, accounts.Watch), &core.ServiceAccount{}, nil,
		func(event watch.Event) (bool, error) { return event.Type == watch.Added, nil })
	return err
}

func (b *Backend) namespaces(ctx context.Context, extra labels.Set) ([]core.Namespace, error) {
	set := labels.Set{labelAppID: backends.AppID, labelResource: resourceEnclave}
	maps.Copy(set, extra)
	if b.options.Namespace != "" {
		own, err := b.client.namespaces().Get(ctx, b.options.Namespace, meta.GetOptions{})
		if err != nil {
			return nil, b.wrap(ctx, err, "looking for the enclave")
		}
		if !set.AsSelector().Matches(labels.Set(own.Labels)) {
			return nil, nil
		}
		return []core.Namespace{*own}, nil
	}
	list, err := b.client.namespaces().List(ctx, meta.ListOptions{LabelSelector: set.String()})
	if err != nil {
		return nil, b.wrap(ctx, err, "listing the enclaves")
	}
	return list.Items, nil
}

// ListEnclaves takes four requests, however many there are.
func (b *Backend) ListEnclaves(ctx context.Context) ([]backends.Enclave, error) {
	namespaces, err := b.namespaces(ctx, nil)
	if err != nil {
		return nil, err
	}
	controllers, err := b.controllers(ctx, b.options.Namespace, of(""))
	if err != nil {
		return nil, b.wrap(ctx, err, "listing the services")
	}
	pods, err := b.client.pods(b.options.Namespace).List(ctx, of(""))
	if err != nil {
		return nil, b.wrap(ctx, err, "listing the services")
	}
	status := map[string]backends.EnclaveStatus{}
	for _, c := range controllers {
		status[c.Namespace] = backends.EnclaveStopped
	}
	for i := range pods.Items {
		if p := &pods.Items[i]; isRunning(p) && status[p.Namespace] != "" {
			status[p.Namespace] = backends.EnclaveRunning
		}
	}
	var list []backends.Enclave
	for i := range namespaces {
		if namespaces[i].DeletionTimestamp != nil {
			continue
		}
		e := enclaveOf(&namespaces[i]).info
		if e.Status = status[namespaces[i].Name]; e.Status == "" {
			e.Status = backends.EnclaveEmpty
		}
		list = append(list, e)
	}
	slices.SortStableFunc(list, func(x, y backends.Enclave) int { return x.Created.Compare(y.Created) })
	return list, nil
}

// InspectEnclave finds an enclave.
func (b *Backend) InspectEnclave(ctx context.Context, identifier string) (backends.Enclave, error) {
	list, err := b.ListEnclaves(ctx)
	if err != nil {
		return backends.Enclave{}, err
	}
	return backends.MatchEnclave(list, identifier)
}

// RemoveEnclave ends the Pods, then removes the namespace with all that is in it, and waits until it is gone.
func (b *Backend) RemoveEnclave(ctx context.Context, uuid string) error {
	namespaces, err := b.namespaces(ctx, labels.Set{labelEnclave: uuid})
	if err != nil {
		return err
	}
	for i := range namespaces {
		var err error
		if namespaces[i].DeletionTimestamp == nil {
			err = b.enter(ctx, namespaces[i].Name) // another may have made it
		}
		if err == nil {
			err = b.removeNamespace(ctx, namespaces[i].Name)
		}
		if err != nil {
			return b.wrap(ctx, err, fmt.Sprintf("removing enclave %q", namespaces[i].Annotations[noteEnclaveName]))
		}
	}
	b.forget(uuid)
	return nil
}

func (b *Backend) removeNamespace(ctx context.Context, name string) error {
	background := meta.DeletePropagationBackground
	orphans := meta.DeleteOptions{PropagationPolicy: &background}
	for _, remove := range []func() error{
		func() error { return b.client.jobs(name).DeleteCollection(ctx, orphans, ours()) },
		func() error { return b.client.replicaSets(name).DeleteCollection(ctx, orphans, ours()) },
		func() error { return b.client.pods(name).DeleteCollection(ctx, atOnce(), ours()) },
	} {
		err := remove()
		// Of hundreds, one call removes as many as the server's time allows; then it says so, or breaks off.
		for broken := 0; apierrors.IsTimeout(err) || ctx.Err() == nil && isBroken(err) && broken < maxBroken; broken++ {
			err = remove()
		}
		if err != nil {
			return err
		}
	}
	if err := b.client.namespaces().Delete(ctx, name, meta.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	patient, cancel := context.WithTimeout(ctx, b.options.RemovalPatience)
	defer cancel()
	all := b.client.namespaces()
	_, err := watchtools.UntilWithSync(patient, one(name, all.List, all.Watch), &core.Namespace{},
		func(store cache.Store) (bool, error) { return len(store.List()) == 0, nil },
		func(event watch.Event) (bool, error) { return event.Type == watch.Deleted, nil })
	if err != nil && ctx.Err() == nil && patient.Err() != nil {
		return b.stuck(ctx, name)
	}
	return err
}

// maxBroken is how often a call that broke off is made again.
const maxBroken = 5

// isBroken says that a call ended without an answer of the server's.
func isBroken(err error) bool {
	var status apierrors.APIStatus
	return err != nil && !errors.As(err, &status)
}

// stuck tells what holds a namespace that does not go.
func (b *Backend) stuck(ctx context.Context, name string) error {
	namespace, err := b.client.namespaces().Get(ctx, name, meta.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil // just now
	} else if err != nil {
		return err
	}
	why := "the cluster does not say why"
	for _, c := range namespace.Status.Conditions {
		if c.Status == core.ConditionTrue { // what remains, and which finalizers hold it, comes last
			why = oneLine(c.Message)
		}
	}
	return backends.Errorf(backends.Conflict, "namespace %s does not go away: %s", name, why).
		WithHint("see `kubectl describe namespace %s`; who put a finalizer on an object has to take it off", name)
}

// one follows the object of a name.
func one[L runtime.Object](name string, list func(context.Context, meta.ListOptions) (L, error), follow func(context.Context, meta.ListOptions) (watch.Interface, error)) *cache.ListWatch {
	selector := fields.OneTermEqualSelector("metadata.name", name).String()
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o meta.ListOptions) (runtime.Object, error) {
			o.FieldSelector = selector
			return list(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o meta.ListOptions) (watch.Interface, error) {
			o.FieldSelector = selector
			return follow(ctx, o)
		},
	}
}

// shortestGrace is the least that a node is told: 0 would forget a Pod before its processes have ended.
const shortestGrace = 1

func atOnce() meta.DeleteOptions {
	grace := int64(shortestGrace)
	return meta.DeleteOptions{GracePeriodSeconds: &grace}
}

// StopEnclave suspends all services.
func (b *Backend) StopEnclave(ctx context.Context, uuid string) error {
	e, err := b.enclave(ctx, uuid)
	if err != nil {
		return err
	}
	return b.each(ctx, e, func(c *controller) error { return b.suspend(ctx, e, c, true) })
}

// StartEnclave runs those that are suspended.
func (b *Backend) StartEnclave(ctx context.Context, uuid string) error {
	e, err := b.enclave(ctx, uuid)
	if err != nil {
		return err
	}
	return b.each(ctx, e, func(c *controller) error {
		if !c.stopped {
			return nil
		}
		return b.resume(ctx, e, c)
	})
}

// parallel bounds how many services of an enclave are worked on at a time.
const parallel = 32

func (b *Backend) each(ctx context.Context, e *enclave, do func(*controller) error) error {
	controllers, err := b.controllers(ctx, e.namespace, of(""))
	if err != nil {
		return b.wrap(ctx, err, "listing the services")
	}
	errs := make([]error, len(controllers))
	slots := make(chan struct{}, parallel)
	var wait sync.WaitGroup
	for i, c := range controllers {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			errs[i] = do(c)
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}
