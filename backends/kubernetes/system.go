package kubernetes

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kurtosis-go/kurtosis/backends"
)

var _ backends.Systems = (*Backend)(nil)

// EngineNamespace is where engines are; API containers are in the namespaces of their enclaves.
const EngineNamespace = "kurtosis-engine"

// Variables that containers of ours are told by how the cluster is used: Options as JSON, and the address of the node.
const (
	OptionsVariable = "KURTOSIS_KUBERNETES"
	nodeVariable    = "KURTOSIS_KUBERNETES_NODE"
)

// InPod reads the options of a process in a container of ours; ok is false elsewhere.
func InPod(getenv func(string) string) (o Options, ok bool, err error) {
	text := getenv(OptionsVariable)
	if text == "" {
		return Options{}, false, nil
	}
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return Options{}, false, backends.Errorf(backends.Invalid, "%s cannot be read: %w", OptionsVariable, err)
	}
	o.NodeAddress = getenv(nodeVariable)
	return o, true, nil
}

// StartSystem makes a ReplicaSet of one Pod with an account of its own. Nothing is published: DialSystem leads there. An image that
// the nodes lack they pull.
func (b *Backend) StartSystem(ctx context.Context, spec backends.SystemSpec) (backends.System, error) {
	doing := fmt.Sprintf("starting %s", spec.Name)
	e, err := b.home(ctx, spec.Enclave)
	if err != nil {
		return backends.System{}, b.failed(ctx, err, doing)
	}
	whole, cancel := cleanupContext(ctx) // a request that was cancelled may have succeeded
	defer cancel()
	_, err = b.setNamed(ctx, e.namespace, spec.Name)
	if err == nil {
		return backends.System{}, backends.Errorf(backends.AlreadyExists, "%s: there is a container of that name already", doing)
	} else if !apierrors.IsNotFound(err) {
		return backends.System{}, b.failed(ctx, err, doing)
	}
	s, err := b.launchSystem(ctx, whole, e, &spec)
	if err != nil {
		cleanup, cancel := cleanupContext(ctx)
		defer cancel()
		return backends.System{}, errors.Join(b.failed(ctx, err, doing), b.RemoveSystem(cleanup, e.namespace+"/"+spec.Name))
	}
	return s, nil
}

// home is where a container of ours lives: the namespace of an enclave, or that of engines, which is made if missing and lets
// nobody in.
func (b *Backend) home(ctx context.Context, uuid string) (*enclave, error) {
	if uuid != "" {
		return b.enclave(ctx, uuid)
	}
	_, err := b.client.namespaces().Create(ctx, &core.Namespace{ObjectMeta: meta.ObjectMeta{
		Name: EngineNamespace, Labels: map[string]string{labelAppID: backends.AppID, labelResource: resourceEngine},
	}}, meta.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return nil, err
	}
	if err == nil {
		if err := b.isolate(ctx, EngineNamespace, nil); err != nil {
			return nil, err
		}
	}
	return b.engines(), nil
}

// engines is the namespace of engines, with its watches.
func (b *Backend) engines() *enclave {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.enclaves[EngineNamespace]
	if e == nil {
		e = &enclave{namespace: EngineNamespace, info: backends.Enclave{Name: EngineNamespace}}
		b.enclaves[EngineNamespace] = e
	}
	return e
}

// isolate lets only these peers connect to the Pods of a namespace.
func (b *Backend) isolate(ctx context.Context, namespace string, peers []networking.NetworkPolicyPeer) error {
	policy := &networking.NetworkPolicy{
		ObjectMeta: meta.ObjectMeta{Name: "enclave", Labels: map[string]string{labelAppID: backends.AppID}},
		Spec:       networking.NetworkPolicySpec{PolicyTypes: []networking.PolicyType{networking.PolicyTypeIngress}},
	}
	if peers != nil {
		policy.Spec.Ingress = []networking.NetworkPolicyIngressRule{{From: peers}}
	}
	_, err := b.client.networkPolicies(namespace).Create(ctx, policy, meta.CreateOptions{})
	return err
}

// launchSystem makes objects under whole, and waits under ctx.
func (b *Backend) launchSystem(ctx, whole context.Context, e *enclave, spec *backends.SystemSpec) (backends.System, error) {
	labels := systemLabels(e, spec)
	if err := b.account(whole, e.namespace, spec, labels); err != nil {
		return backends.System{}, err
	}
	if spec.Volume != "" {
		if err := b.systemVolume(whole, e, spec); err != nil {
			return backends.System{}, err
		}
	}
	address := ""
	if spec.Enclave != "" {
		svc, err := b.client.services(e.namespace).Create(whole, &core.Service{ObjectMeta: meta.ObjectMeta{Name: spec.Name, Labels: labels}, Spec: core.ServiceSpec{
			Selector: map[string]string{labelUUID: spec.UUID}, Ports: []core.ServicePort{{Name: "api", Port: int32(spec.Port)}},
		}}, meta.CreateOptions{})
		if err != nil {
			return backends.System{}, err
		}
		address = svc.Spec.ClusterIP
	}
	if err := b.environment(whole, e, spec, labels); err != nil {
		return backends.System{}, err
	}
	set, err := b.systemSet(e, spec, labels, address)
	if err != nil {
		return backends.System{}, err
	}
	v, err := b.watch(ctx, e)
	if err != nil {
		return backends.System{}, err
	}
	c, err := b.create(whole, e.namespace, ofSet(set))
	if err != nil {
		return backends.System{}, err
	}
	pod, err := b.await(ctx, v, c)
	if err != nil {
		return backends.System{}, err
	}
	return describeSystem(c, pod), nil
}

func systemLabels(e *enclave, spec *backends.SystemSpec) map[string]string {
	set := map[string]string{labelAppID: backends.AppID, labelResource: spec.Kind, labelName: spec.Name, labelUUID: spec.UUID}
	if spec.Enclave != "" {
		set[labelEnclave] = e.info.UUID
	}
	return set
}

func (b *Backend) systemVolume(ctx context.Context, e *enclave, spec *backends.SystemSpec) error {
	size := cmp.Or(b.options.DataSize, DefaultDataSize)
	claim := b.claimOf(spec.Volume, size, map[string]string{labelAppID: backends.AppID, labelResource: spec.VolumeType})
	_, err := b.client.persistentVolumeClaims(e.namespace).Create(ctx, claim, meta.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// environment puts what a container of ours is told by variables into a Secret of its name: tokens and keys may be among them, and who may
// see Pods need not see these.
func (b *Backend) environment(ctx context.Context, e *enclave, spec *backends.SystemSpec, labels map[string]string) error {
	secret := &core.Secret{ObjectMeta: meta.ObjectMeta{Name: spec.Name, Labels: labels}, StringData: spec.Env}
	_, err := b.client.secrets(e.namespace).Create(ctx, secret, meta.CreateOptions{})
	if apierrors.IsAlreadyExists(err) { // of one that was half made
		_, err = b.client.secrets(e.namespace).Update(ctx, secret, meta.UpdateOptions{})
	}
	return err
}

// systemSet is the ReplicaSet of a container of ours. It has no rights on its node.
func (b *Backend) systemSet(e *enclave, spec *backends.SystemSpec, labels map[string]string, address string) (*apps.ReplicaSet, error) {
	own := b.options
	own.Kubeconfig, own.Context, own.Namespace, own.NodeAddress, own.Containerd = "", "", "", "", ""
	own.PodImage = cmp.Or(own.PodImage, spec.Image)
	if own.Account = e.namespace + "/" + spec.Name; spec.Enclave != "" {
		own.Account, own.Namespace = "", e.namespace
	}
	text, err := json.Marshal(own)
	if err != nil {
		return nil, err
	}
	no, yes, grace, one := false, true, int64(backends.DefaultStopGrace.Seconds()), int32(1)
	main := core.Container{
		Name: container, Image: spec.Image, ImagePullPolicy: b.options.PullPolicy, Args: spec.Command,
		Ports:   []core.ContainerPort{{Name: "api", ContainerPort: int32(spec.Port)}},
		EnvFrom: []core.EnvFromSource{{SecretRef: &core.SecretEnvSource{LocalObjectReference: core.LocalObjectReference{Name: spec.Name}}}},
		Env: []core.EnvVar{{Name: OptionsVariable, Value: string(text)},
			{Name: nodeVariable, ValueFrom: &core.EnvVarSource{FieldRef: &core.ObjectFieldSelector{FieldPath: "status.hostIP"}}}},
		SecurityContext: &core.SecurityContext{AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes,
			Capabilities: &core.Capabilities{Drop: []core.Capability{"ALL"}}, SeccompProfile: &core.SeccompProfile{Type: core.SeccompProfileTypeRuntimeDefault}},
		VolumeMounts: []core.VolumeMount{{Name: "tmp", MountPath: "/tmp"}},
	}
	p := core.PodSpec{
		ServiceAccountName: spec.Name, EnableServiceLinks: &no, TerminationGracePeriodSeconds: &grace,
		Volumes: []core.Volume{{Name: "tmp", VolumeSource: core.VolumeSource{EmptyDir: &core.EmptyDirVolumeSource{}}}},
	}
	if spec.Volume != "" {
		p.Volumes = append(p.Volumes, core.Volume{Name: "data", VolumeSource: core.VolumeSource{PersistentVolumeClaim: &core.PersistentVolumeClaimVolumeSource{ClaimName: spec.Volume}}})
		main.VolumeMounts = append(main.VolumeMounts, core.VolumeMount{Name: "data", MountPath: spec.VolumePath})
	}
	p.Containers = []core.Container{main}
	return &apps.ReplicaSet{
		ObjectMeta: meta.ObjectMeta{Name: spec.Name, Labels: labels, Annotations: map[string]string{
			noteImage: spec.Image, noteLabels: encodeLabels(spec.Labels), notePorts: strconv.Itoa(int(spec.Port)), noteAddress: address,
		}},
		Spec: apps.ReplicaSetSpec{
			Replicas: &one, Selector: &meta.LabelSelector{MatchLabels: map[string]string{labelUUID: spec.UUID}},
			Template: core.PodTemplateSpec{ObjectMeta: meta.ObjectMeta{Labels: labels}, Spec: p},
		},
	}, nil
}

func describeSystem(c *controller, pod *core.Pod) backends.System {
	s := backends.System{
		ID: c.Namespace + "/" + c.Name, Name: c.Name, UUID: c.Labels[labelUUID], Kind: c.Labels[labelResource], Enclave: c.Labels[labelEnclave],
		Image: c.Annotations[noteImage], Labels: decodeLabels(c.Annotations[noteLabels]), State: backends.Stopped, Created: c.CreationTimestamp.Time, Address: c.Annotations[noteAddress],
	}
	port, _ := strconv.ParseUint(c.Annotations[notePorts], 10, 16) // damaged by hand: 0
	s.Port = uint16(port)
	now := status(pod)
	if now != nil {
		s.ImageID = now.ImageID
	}
	switch {
	case isRunning(pod):
		s.State = backends.Running
	case now != nil && now.State.Terminated != nil:
		s.ExitCode = int(now.State.Terminated.ExitCode)
	case now != nil && now.LastTerminationState.Terminated != nil:
		s.ExitCode = int(now.LastTerminationState.Terminated.ExitCode)
	case !c.stopped:
		s.State = backends.Starting
	}
	return s
}

// ListSystems takes two requests.
func (b *Backend) ListSystems(ctx context.Context, kind string) ([]backends.System, error) {
	const doing = "listing the project's own containers"
	selector := meta.ListOptions{LabelSelector: labels.SelectorFromSet(labels.Set{labelAppID: backends.AppID, labelResource: kind}).String()}
	namespace := b.options.Namespace
	if kind == backends.ContainerTypeEngine {
		namespace = EngineNamespace
	}
	sets, err := b.client.replicaSets(namespace).List(ctx, selector)
	if err != nil {
		return nil, b.wrap(ctx, err, doing)
	}
	if len(sets.Items) == 0 {
		return nil, nil
	}
	pods, err := b.client.pods(namespace).List(ctx, selector)
	if err != nil {
		return nil, b.wrap(ctx, err, doing)
	}
	var systems []backends.System
	for i := range sets.Items {
		c := ofSet(&sets.Items[i])
		if c.DeletionTimestamp != nil {
			continue
		}
		systems = append(systems, describeSystem(c, newest(pods.Items, c)))
	}
	slices.SortFunc(systems, func(x, y backends.System) int { return cmp.Compare(x.Name, y.Name) })
	return systems, nil
}

// system finds the controller of a container of ours by its ID, with the namespace that it is in.
func (b *Backend) system(ctx context.Context, id string) (*enclave, *controller, error) {
	namespace, name, ok := strings.Cut(id, "/")
	if !ok {
		return nil, nil, backends.Errorf(backends.Invalid, "%q is no container of the engine: it looks like namespace/name", id)
	}
	c, err := b.setNamed(ctx, namespace, name)
	if apierrors.IsNotFound(err) {
		return nil, nil, backends.Errorf(backends.NotFound, "there is no container %q", id)
	} else if err != nil {
		return nil, nil, b.wrap(ctx, err, fmt.Sprintf("looking for %s", name))
	}
	if uuid := c.Labels[labelEnclave]; uuid != "" {
		e, err := b.enclave(ctx, uuid)
		return e, c, err
	}
	return b.engines(), c, nil
}

func (b *Backend) systemPod(ctx context.Context, id string) (*core.Pod, error) {
	e, c, err := b.system(ctx, id)
	if err != nil {
		return nil, err
	}
	selector := meta.ListOptions{LabelSelector: labels.SelectorFromSet(labels.Set{labelAppID: backends.AppID, labelName: c.Labels[labelName]}).String()}
	list, err := b.client.pods(e.namespace).List(ctx, selector)
	if err != nil {
		return nil, b.wrap(ctx, err, fmt.Sprintf("looking for the pod of %s", c.Name))
	}
	return newest(list.Items, c), nil
}

// SystemSettings leaves out of the environment what this package put there. It takes the right to see Secrets.
func (b *Backend) SystemSettings(ctx context.Context, id string) (backends.SystemSettings, error) {
	_, c, err := b.system(ctx, id)
	if err != nil {
		return backends.SystemSettings{}, err
	}
	secret, err := b.client.secrets(c.Namespace).Get(ctx, c.Name, meta.GetOptions{})
	if err != nil {
		return backends.SystemSettings{}, b.wrap(ctx, err, fmt.Sprintf("looking at the settings of %s", c.Name))
	}
	s := backends.SystemSettings{Env: map[string]string{}}
	for name, value := range secret.Data {
		s.Env[name] = string(value)
	}
	for _, main := range c.template.Spec.Containers {
		s.Command = main.Args
	}
	return s, nil
}

// ResumeSystem gives it its Pod again.
func (b *Backend) ResumeSystem(ctx context.Context, id string) error {
	e, c, err := b.system(ctx, id)
	if err != nil {
		return err
	}
	doing := fmt.Sprintf("starting %s again", c.Name)
	v, err := b.watch(ctx, e)
	if err != nil {
		return err
	}
	if c.stopped {
		if err := b.patch(ctx, c, `{"spec":{"replicas":1}}`); err != nil {
			return b.failed(ctx, err, doing)
		}
	}
	_, err = b.await(ctx, v, c)
	return b.failed(ctx, err, doing)
}

// StopSystem ends its Pod.
func (b *Backend) StopSystem(ctx context.Context, id string) error {
	e, c, err := b.system(ctx, id)
	if err != nil {
		return err
	}
	v, err := b.watch(ctx, e)
	if err != nil {
		return err
	}
	if err := b.halt(ctx, c); err != nil {
		return b.wrap(ctx, err, fmt.Sprintf("stopping %s", c.Name))
	}
	return b.gone(ctx, v, c, false)
}

// RemoveSystem removes it with its account and rights, not its volume.
func (b *Backend) RemoveSystem(ctx context.Context, id string) error {
	namespace, name, _ := strings.Cut(id, "/")
	doing := fmt.Sprintf("removing %s", name)
	e, c, err := b.system(ctx, id)
	var errs []error
	switch {
	case err == nil:
		v, err := b.watch(ctx, e)
		if err != nil {
			return err
		}
		errs = append(errs, b.removeController(ctx, v, c, meta.DeleteOptions{}))
	case backends.KindOf(err) != backends.NotFound:
		return err
	}
	errs = append(errs, b.client.serviceAccounts(namespace).Delete(ctx, name, meta.DeleteOptions{}), b.client.secrets(namespace).Delete(ctx, name, meta.DeleteOptions{}))
	if namespace == EngineNamespace {
		errs = append(errs, b.client.clusterRoleBindings().Delete(ctx, name, meta.DeleteOptions{}))
	} else {
		errs = append(errs, b.client.roleBindings(namespace).Delete(ctx, name, meta.DeleteOptions{}),
			b.client.services(namespace).Delete(ctx, name, meta.DeleteOptions{}))
	}
	for i, err := range errs {
		if apierrors.IsNotFound(err) {
			errs[i] = nil
		}
	}
	return b.wrap(ctx, errors.Join(errs...), doing)
}

// RemoveSystemImages does nothing, as RemoveImage.
func (b *Backend) RemoveSystemImages(context.Context, string) error { return nil }

// RemoveSystemVolume removes the volume of an engine, and with the last of them all that engines leave in a cluster. The volume of
// an API container goes with its enclave.
func (b *Backend) RemoveSystemVolume(ctx context.Context, name string) error {
	doing := fmt.Sprintf("removing volume %q", name)
	claims := b.client.persistentVolumeClaims(EngineNamespace)
	if err := claims.Delete(ctx, name, meta.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		return b.wrap(ctx, err, doing)
	}
	left, err := claims.List(ctx, meta.ListOptions{})
	if err != nil {
		return b.wrap(ctx, err, doing)
	}
	for _, claim := range left.Items {
		if claim.DeletionTimestamp == nil {
			return nil
		}
	}
	sets, err := b.client.replicaSets(EngineNamespace).List(ctx, ours())
	if err != nil || len(sets.Items) > 0 {
		return b.wrap(ctx, err, doing)
	}
	if _, err := b.client.namespaces().Get(ctx, EngineNamespace, meta.GetOptions{}); apierrors.IsNotFound(err) {
		return nil
	}
	b.forget(EngineNamespace)
	if err := b.removeNamespace(ctx, EngineNamespace); err != nil {
		return b.wrap(ctx, err, doing)
	}
	err = b.client.clusterRoles().DeleteCollection(ctx, meta.DeleteOptions{}, ours())
	return b.wrap(ctx, err, "removing the roles of engines")
}

// SystemLogs yields the output of its present Pod; what an earlier one said is forgotten.
func (b *Backend) SystemLogs(ctx context.Context, id string, options backends.LogOptions) iter.Seq2[backends.LogLine, error] {
	return func(yield func(backends.LogLine, error) bool) {
		pod, err := b.systemPod(ctx, id)
		if err != nil {
			yield(backends.LogLine{}, err)
			return
		}
		if pod == nil {
			return
		}
		for line, err := range b.podLog(ctx, pod, options) {
			if !yield(line, b.wrap(ctx, err, "reading the log of a container of the engine")) {
				return
			}
		}
	}
}
