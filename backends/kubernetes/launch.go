package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kurtosis-go/kurtosis/backends"
)

// AddService makes a service. The name is taken by creating its Service, which also gives its address.
func (b *Backend) AddService(ctx context.Context, enclave string, spec backends.ServiceSpec) (backends.Service, error) {
	if err := spec.Validate(); err != nil {
		return backends.Service{}, err
	}
	if err := b.refuse(&spec); err != nil {
		return backends.Service{}, err
	}
	e, err := b.enclave(ctx, enclave)
	if err != nil {
		return backends.Service{}, err
	}
	if spec.UUID == "" {
		spec.UUID = backends.NewUUID()
	}
	doing := fmt.Sprintf("starting service %q", spec.Name)
	whole, cancel := cleanupContext(ctx) // a request that was cancelled may have succeeded
	defer cancel()
	release, free := e.reserve(spec.Name)
	if !free {
		return backends.Service{}, serviceTaken(e, spec.Name)
	}
	defer release()
	svc, err := b.client.services(e.namespace).Create(whole, service(e, &spec), meta.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		half, unclear := b.isHalf(ctx, e, spec.Name)
		if unclear != nil {
			return backends.Service{}, b.wrap(ctx, unclear, doing)
		}
		if half {
			if err := b.remove(whole, e, spec.Name); err != nil {
				return backends.Service{}, b.wrap(ctx, err, doing)
			}
			svc, err = b.client.services(e.namespace).Create(whole, service(e, &spec), meta.CreateOptions{})
		}
	}
	switch {
	case apierrors.IsAlreadyExists(err):
		return backends.Service{}, serviceTaken(e, spec.Name)
	case apierrors.IsNotFound(err):
		b.forget(enclave)
		return backends.Service{}, noEnclave(enclave)
	case err != nil:
		return backends.Service{}, b.wrap(ctx, err, doing)
	}
	s, err := b.launch(ctx, e, &spec, svc)
	if err != nil {
		cleanup, cancel := cleanupContext(ctx)
		defer cancel()
		b.remove(cleanup, e, spec.Name) // if this fails too, RemoveEnclave finds it
		return backends.Service{}, b.failed(ctx, err, doing)
	}
	return s, nil
}

func serviceTaken(e *enclave, name string) error {
	return backends.Errorf(backends.AlreadyExists, "enclave %q has a service %q already", e.info.Name, name)
}

// isHalf tells whether a name is held by what a process left that was killed between the first object of a service and its
// controller, or between the controller's removal and the rest's. Nobody else would ever remove it. What this process is making is
// reserved, and two processes do not work in an enclave at once: its API container does, or who holds its lock.
func (b *Backend) isHalf(ctx context.Context, e *enclave, name string) (bool, error) {
	_, err := b.controllerNamed(ctx, e, name)
	if err == nil || !apierrors.IsNotFound(err) {
		return false, err
	}
	held, err := b.client.services(e.namespace).List(ctx, of(name))
	return err == nil && len(held.Items) > 0, err
}

func cleanupContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
}

// failed says what was being done, unless the error is the caller's own.
func (b *Backend) failed(ctx context.Context, err error, doing string) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var typed *backends.Error
	if errors.As(err, &typed) && err == error(typed) {
		told := *typed
		told.Message = doing + ": " + typed.Message
		return &told
	}
	return b.wrap(ctx, err, doing)
}

// launch makes all that a service has besides its Service, and waits until its process runs or has run.
func (b *Backend) launch(ctx context.Context, e *enclave, spec *backends.ServiceSpec, svc *core.Service) (backends.Service, error) {
	packed, err := pack(ctx, spec.Files)
	if err != nil {
		return backends.Service{}, err
	}
	v, err := b.watch(ctx, e)
	if err != nil {
		return backends.Service{}, err
	}
	open, err := b.publish(ctx, e, spec)
	if err != nil {
		return backends.Service{}, err
	}
	return b.run(ctx, e, v, spec, packed, svc, open)
}

// run makes the controller of a service and what its Pod mounts, and waits until the process runs or has run.
func (b *Backend) run(ctx context.Context, e *enclave, v *views, spec *backends.ServiceSpec, packed []byte, svc, open *core.Service) (backends.Service, error) {
	for _, d := range spec.Directories {
		if err := b.claim(ctx, e, d); err != nil {
			return backends.Service{}, err
		}
	}
	if spec.ImageAuth != nil {
		if err := b.secret(ctx, e, spec); err != nil {
			return backends.Service{}, err
		}
	}
	launch := hash(backends.NewUUID())
	pieces, err := b.storeFiles(ctx, e, spec, launch, packed)
	if err != nil {
		return backends.Service{}, err
	}
	c, err := b.create(ctx, e.namespace, b.controller(e, spec, svc.Spec.ClusterIP, launch, pieces))
	if err != nil {
		return backends.Service{}, err
	}
	pod, err := b.await(ctx, v, c)
	if err != nil {
		return backends.Service{}, err
	}
	return b.describeService(ctx, c, svc, open, pod)
}

// claim makes the volume of a persistent directory, unless another service has.
func (b *Backend) claim(ctx context.Context, e *enclave, d backends.Directory) error {
	size := d.Size
	if size == 0 {
		size = b.options.DirectorySize
	}
	claim := b.claimOf(claimName(d.Key), size, map[string]string{labelAppID: backends.AppID, labelResource: resourceDirectory, labelEnclave: e.info.UUID})
	_, err := b.client.persistentVolumeClaims(e.namespace).Create(ctx, claim, meta.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// claimOf asks for a volume that one node at a time writes to.
func (b *Backend) claimOf(name string, size int64, labels map[string]string) *core.PersistentVolumeClaim {
	claim := &core.PersistentVolumeClaim{
		ObjectMeta: meta.ObjectMeta{Name: name, Labels: labels},
		Spec: core.PersistentVolumeClaimSpec{
			AccessModes: []core.PersistentVolumeAccessMode{core.ReadWriteOnce},
			Resources:   core.VolumeResourceRequirements{Requests: core.ResourceList{core.ResourceStorage: *resource.NewQuantity(size, resource.BinarySI)}},
		},
	}
	if b.options.StorageClass != "" {
		claim.Spec.StorageClassName = &b.options.StorageClass
	}
	return claim
}

func (b *Backend) secret(ctx context.Context, e *enclave, spec *backends.ServiceSpec) error {
	secret, err := registrySecret(spec, serviceLabels(e.info.UUID, spec.Name, spec.UUID))
	if err != nil {
		return err
	}
	_, err = b.client.secrets(e.namespace).Create(ctx, secret, meta.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		_, err = b.client.secrets(e.namespace).Update(ctx, secret, meta.UpdateOptions{})
	}
	return err
}

// publish makes the Service of public ports; nil if there are none.
func (b *Backend) publish(ctx context.Context, e *enclave, spec *backends.ServiceSpec) (*core.Service, error) {
	want := b.public(e, spec)
	if want == nil {
		return nil, nil
	}
	made, err := b.client.services(e.namespace).Create(ctx, want, meta.CreateOptions{})
	if apierrors.IsInvalid(err) {
		for _, p := range want.Spec.Ports {
			if p.NodePort != 0 && containsPort(err, p.NodePort) {
				return nil, (&backends.Error{Kind: backends.PortTaken, Message: fmt.Sprintf("port %d is taken on the nodes", p.NodePort), Err: err}).
					WithHint("free it (`kubectl get services -A` shows who has it), or choose another in public_ports")
			}
		}
	}
	return made, err
}

// await waits for a controller's Pod: until its process runs or has ended, or until trouble that does not pass.
func (b *Backend) await(ctx context.Context, v *views, c *controller) (*core.Pod, error) {
	changed, stop := v.changes()
	defer stop()
	patience := time.NewTimer(b.options.Patience)
	defer patience.Stop()
	tired := false
	for {
		pod, trouble := progress(v, c)
		if pod != nil {
			return pod, nil
		}
		if trouble != nil && (tired || !trouble.passing) {
			return nil, (&backends.Error{Kind: trouble.kind, Message: trouble.message}).WithHint("%s", trouble.hint)
		}
		select {
		case <-changed:
		case <-patience.C:
			tired = true
		case <-v.broken:
			return nil, v.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// progress looks at what is known of a controller: its Pod once the process has begun, or why it has not.
func progress(v *views, c *controller) (*core.Pod, *trouble) {
	pods := v.podsOf(c)
	for _, pod := range pods {
		begun, trouble := podProgress(pod)
		if begun {
			return pod, nil
		}
		if len(pod.Spec.ImagePullSecrets) > 0 {
			trouble = trouble.withLogin()
		}
		if trouble != nil {
			return nil, trouble
		}
	}
	if len(pods) > 0 {
		return nil, nil
	}
	events, _ := v.events.List(labels.Everything()) // from memory
	for _, event := range events {
		if event.InvolvedObject.UID == c.UID && event.Type == core.EventTypeWarning && event.Reason == "FailedCreate" {
			return nil, refused(oneLine(event.Message))
		}
	}
	return nil, nil
}

func podProgress(pod *core.Pod) (begun bool, _ *trouble) {
	for _, s := range pod.Status.ContainerStatuses {
		switch {
		case s.State.Running != nil:
			return true, nil
		case s.State.Terminated != nil:
			if t := waiting(s.Image, s.State.Terminated.Reason, s.State.Terminated.Message); t != nil {
				return false, t
			}
			return true, nil
		case s.State.Waiting != nil && s.LastTerminationState.Terminated != nil:
			if t := waiting(s.Image, s.LastTerminationState.Terminated.Reason, s.LastTerminationState.Terminated.Message); t != nil {
				return false, t
			}
			return true, nil
		case s.State.Waiting != nil:
			if t := waiting(s.Image, s.State.Waiting.Reason, s.State.Waiting.Message); t != nil {
				return false, t
			}
		}
	}
	for _, s := range pod.Status.InitContainerStatuses {
		if s.State.Terminated != nil && s.State.Terminated.ExitCode != 0 {
			return false, &trouble{kind: backends.Unknown, message: fmt.Sprintf("preparing its %s failed with code %d", s.Name, s.State.Terminated.ExitCode),
				hint: fmt.Sprintf("see `kubectl logs -n %s %s -c %s`", pod.Namespace, pod.Name, s.Name)}
		}
		if s.State.Waiting != nil {
			if t := waiting(s.Image, s.State.Waiting.Reason, s.State.Waiting.Message); t != nil {
				return false, t
			}
		}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == core.PodScheduled && c.Status == core.ConditionFalse {
			return false, &trouble{kind: backends.Unschedulable, message: fmt.Sprintf("no node takes pod %s: %s", pod.Name, oneLine(c.Message)),
				hint: "ask for less cpu or memory, change node selectors or tolerations, or add a node; a volume that does not bind needs a storage class", passing: true}
		}
	}
	return false, nil
}

// refused explains why the cluster does not let a Pod be made.
func refused(text string) *trouble {
	t := &trouble{kind: backends.PermissionDenied, message: "the cluster refuses the pod: " + text, hint: "a policy of the cluster forbids it: ask its administrator, or ask for less"}
	if strings.Contains(text, "exceeded quota") {
		t.kind, t.hint = backends.Unschedulable, "raise the namespace's quota, or ask for less"
	}
	return t
}

func containsPort(err error, port int32) bool {
	return strings.Contains(err.Error(), strconv.Itoa(int(port))) && strings.Contains(err.Error(), "already allocated")
}
