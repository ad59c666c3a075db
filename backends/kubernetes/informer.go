package kubernetes

import (
	"context"
	"fmt"
	"sync"

	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/kurtosis-go/kurtosis/backends"
)

// enclave is what is known of an enclave, with the watches on it: one of each kind, whoever waits for something.
type enclave struct {
	info      backends.Enclave
	namespace string

	mu     sync.Mutex
	views  *views
	cancel context.CancelFunc
	making map[string]bool // names of services
}

// reserve takes the name of a service that is being made, until release is called; ok is false while another has it.
func (e *enclave) reserve(name string) (release func(), ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.making[name] {
		return nil, false
	}
	if e.making == nil {
		e.making = map[string]bool{}
	}
	e.making[name] = true
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.making, name)
	}, true
}

// views are copies of an enclave's objects that follow the cluster.
type views struct {
	pods   corelisters.PodNamespaceLister
	events corelisters.EventNamespaceLister

	informers []cache.SharedIndexInformer // of pods, jobs, replica sets, events
	synced    chan struct{}               // closed when all are complete
	broken    chan struct{}               // closed when a watch is refused
	err       error                       // why
}

func enclaveOf(n *core.Namespace) *enclave {
	created, err := backends.ParseCreation(n.Annotations[noteCreated])
	if err != nil {
		created = n.CreationTimestamp.Time
	}
	return &enclave{namespace: n.Name, info: backends.Enclave{
		UUID: n.Labels[labelEnclave], Name: n.Annotations[noteEnclaveName], Created: created,
		Production: n.Annotations[noteProduction] == "true", Labels: decodeLabels(n.Annotations[noteLabels]),
	}}
}

// enclave finds an enclave by its UUID.
func (b *Backend) enclave(ctx context.Context, uuid string) (*enclave, error) {
	b.mu.Lock()
	e := b.enclaves[uuid]
	b.mu.Unlock()
	if e != nil {
		return e, nil
	}
	list, err := b.namespaces(ctx, labels.Set{labelEnclave: uuid})
	if err != nil {
		return nil, err
	}
	if uuid == "" || len(list) == 0 || list[0].DeletionTimestamp != nil {
		return nil, noEnclave(uuid)
	}
	if err := b.enter(ctx, list[0].Name); err != nil { // another may have made it
		return nil, b.wrap(ctx, err, fmt.Sprintf("looking for enclave %q", uuid))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.enclaves[uuid]; e != nil {
		return e, nil
	}
	e = enclaveOf(&list[0])
	b.enclaves[uuid] = e
	return e, nil
}

func (b *Backend) forget(uuid string) {
	b.mu.Lock()
	e := b.enclaves[uuid]
	delete(b.enclaves, uuid)
	b.mu.Unlock()
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cancel != nil {
		e.cancel()
	}
}

// watch returns an enclave's views, started and complete.
func (b *Backend) watch(ctx context.Context, e *enclave) (*views, error) {
	e.mu.Lock()
	if e.views == nil {
		var running context.Context
		running, e.cancel = context.WithCancel(b.lifetime)
		e.views = b.follow(running, e.namespace)
	}
	v := e.views
	e.mu.Unlock()
	select {
	case <-v.synced:
	case <-v.broken:
		e.mu.Lock()
		if e.views == v {
			e.cancel()
			e.views = nil // a right may be given meanwhile
		}
		e.mu.Unlock()
		return nil, b.wrap(ctx, v.err, fmt.Sprintf("watching enclave %q", e.info.Name))
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return v, nil
}

func (b *Backend) follow(ctx context.Context, namespace string) *views {
	informer := func(of rest.Interface, resource string, example runtime.Object) cache.SharedIndexInformer {
		return cache.NewSharedIndexInformer(cache.NewListWatchFromClient(of, resource, namespace, fields.Everything()), example, 0,
			cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	}
	c := b.client
	pods, events := informer(c.core, "pods", &core.Pod{}), informer(c.core, "events", &core.Event{})
	v := &views{
		pods: corelisters.NewPodLister(pods.GetIndexer()).Pods(namespace), events: corelisters.NewEventLister(events.GetIndexer()).Events(namespace),
		informers: []cache.SharedIndexInformer{
			pods, informer(c.batch, "jobs", &batch.Job{}), informer(c.apps, "replicasets", &apps.ReplicaSet{}), events,
		},
		synced: make(chan struct{}),
		broken: make(chan struct{}),
	}
	var once sync.Once
	var synced []cache.InformerSynced
	for _, informer := range v.informers {
		synced = append(synced, informer.HasSynced)
		// Fails after a start only. The reflector tries again by itself, which is of no use without the right to.
		informer.SetWatchErrorHandler(func(_ *cache.Reflector, err error) {
			if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
				once.Do(func() {
					v.err = err
					close(v.broken)
				})
			}
		})
	}
	for _, informer := range v.informers {
		go informer.RunWithContext(ctx)
	}
	go func() {
		if cache.WaitForCacheSync(ctx.Done(), synced...) {
			close(v.synced)
		}
	}()
	return v
}

// changes reports that something changed, until stop is called. Reports that nobody has read yet are one.
func (v *views) changes() (<-chan struct{}, func()) {
	changed := make(chan struct{}, 1)
	note := func(any) {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	var stops []func()
	for _, informer := range v.informers {
		// An error says that the informer has stopped: nothing will change any more.
		registration, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: note, UpdateFunc: func(_, o any) { note(o) }, DeleteFunc: note})
		if err == nil {
			stops = append(stops, func() { informer.RemoveEventHandler(registration) })
		}
	}
	return changed, func() {
		for _, stop := range stops {
			stop()
		}
	}
}

// podsOf returns a controller's Pods as last seen.
func (v *views) podsOf(c *controller) []*core.Pod {
	all, _ := v.pods.List(labels.SelectorFromSet(labels.Set{labelName: c.Labels[labelName]})) // from memory
	var pods []*core.Pod
	for _, pod := range all {
		if c.owns(pod) {
			pods = append(pods, pod)
		}
	}
	return pods
}
