package kubernetes

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/distribution/reference"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/kubernetes/pod"
)

// sigterm is the exit code of a process that was asked to end. A Pod that ends so was deleted, by a person or for a node's
// maintenance, and comes back.
const sigterm = 143

// refuse names what a spec asks for that cannot be had here.
func (b *Backend) refuse(spec *backends.ServiceSpec) error {
	switch {
	case len(spec.Devices) > 0:
		return b.unsupported(fmt.Sprintf("service %q: there are no devices of the host", spec.Name), "use a device plugin's resource through gpu")
	case spec.GPU != nil && (len(spec.GPU.DeviceIDs) > 0 || spec.GPU.Count < 0):
		return b.unsupported(fmt.Sprintf("service %q: gpus cannot be chosen by their ids, nor all be had,", spec.Name), "ask for a count")
	case b.options.PodImage == "":
		return noPodImage()
	}
	return nil
}

func noPodImage() error {
	return backends.Errorf(backends.Invalid, "no image for what Pods carry is configured").WithHint("set engine-image of this cluster, or KURTOSIS_ENGINE_IMAGE")
}

// controller makes what keeps a service's one Pod. A Job makes it anew when its node is drained or it is deleted, and not when its
// process ends by itself; with a restart policy a ReplicaSet does so whatever happens. A Job that restarts on failure only is
// neither done by a process that fails nor kept by one that succeeds.
func (b *Backend) controller(e *enclave, spec *backends.ServiceSpec, address, launch string, pieces []string) *controller {
	labels := func() map[string]string {
		set := serviceLabels(e.info.UUID, spec.Name, spec.UUID)
		set[labelLaunch] = launch
		return set
	}
	object := meta.ObjectMeta{Name: spec.Name, Labels: labels()}
	describe(&object, spec)
	template := core.PodTemplateSpec{ObjectMeta: meta.ObjectMeta{Labels: labels()}, Spec: b.pod(e, spec, address, pieces)}
	one := int32(1)
	if spec.Restart == backends.RestartAlways || e.info.Production {
		template.Spec.RestartPolicy = core.RestartPolicyAlways
		return ofSet(&apps.ReplicaSet{ObjectMeta: object, Spec: apps.ReplicaSetSpec{
			Replicas: &one, Template: template, Selector: &meta.LabelSelector{MatchLabels: map[string]string{labelUUID: spec.UUID, labelLaunch: launch}},
		}})
	}
	backoff, suspended, replace := int32(math.MaxInt32), false, batch.Failed
	job := &batch.Job{ObjectMeta: object, Spec: batch.JobSpec{
		Parallelism: &one, Completions: &one, BackoffLimit: &backoff, Suspend: &suspended, PodReplacementPolicy: &replace, Template: template,
	}}
	if spec.Restart == backends.RestartOnFailure {
		job.Spec.Template.Spec.RestartPolicy = core.RestartPolicyOnFailure
		return ofJob(job)
	}
	name := container
	job.Spec.PodFailurePolicy = &batch.PodFailurePolicy{Rules: []batch.PodFailurePolicyRule{
		{Action: batch.PodFailurePolicyActionIgnore, OnPodConditions: []batch.PodFailurePolicyOnPodConditionsPattern{{Type: core.DisruptionTarget, Status: core.ConditionTrue}}},
		{Action: batch.PodFailurePolicyActionFailJob, OnExitCodes: &batch.PodFailurePolicyOnExitCodesRequirement{
			ContainerName: &name, Operator: batch.PodFailurePolicyOnExitCodesOpNotIn, Values: []int32{0, sigterm}}},
	}}
	return ofJob(job)
}

func (b *Backend) pod(e *enclave, spec *backends.ServiceSpec, address string, pieces []string) core.PodSpec {
	no, grace := false, int64(spec.StopGrace.Seconds())
	if spec.StopGrace == 0 {
		grace = int64(backends.DefaultStopGrace.Seconds())
	}
	address = strings.TrimSpace(address)
	main := core.Container{
		Name: container, Image: spec.Image, ImagePullPolicy: b.options.PullPolicy,
		Command: literal(spec.Entrypoint, spec, address), Args: literal(spec.Cmd, spec, address),
		TTY: spec.TTY, Stdin: spec.TTY,
		Resources:       resources(spec),
		SecurityContext: security(spec),
		// The last lines of an ended service are read from its log.
		TerminationMessagePolicy: core.TerminationMessageReadFile,
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Env)) {
		main.Env = append(main.Env, core.EnvVar{Name: name, Value: literal([]string{spec.Env[name]}, spec, address)[0]})
	}
	p := core.PodSpec{
		RestartPolicy: core.RestartPolicyNever, Hostname: spec.Name, TerminationGracePeriodSeconds: &grace,
		EnableServiceLinks: &no, AutomountServiceAccountToken: &no,
		HostPID: spec.HostPIDNamespace, NodeSelector: spec.NodeSelectors,
	}
	if spec.Init {
		shared := true // the Pod's own pause program is process 1 then
		p.ShareProcessNamespace = &shared
	}
	for _, t := range spec.Tolerations {
		p.Tolerations = append(p.Tolerations, core.Toleration{Key: t.Key, Operator: core.TolerationOperator(t.Operator), Value: t.Value, Effect: core.TaintEffect(t.Effect), TolerationSeconds: t.Seconds})
	}
	if spec.ImageAuth != nil {
		p.ImagePullSecrets = []core.LocalObjectReference{{Name: secretName(spec.Name)}}
	}
	b.mounts(&p, &main, spec, pieces)
	p.Containers = []core.Container{main}
	return p
}

// programVolume is where what Pods carry is put.
const programVolume = "kurtosis"

// installer puts the program of package pod into a Pod.
func (b *Backend) installer(name string) core.EphemeralContainerCommon {
	root := int64(0)
	return core.EphemeralContainerCommon{
		Name: name, Image: b.options.PodImage, ImagePullPolicy: b.options.PullPolicy, Command: []string{pod.InImage}, Args: []string{pod.Install},
		SecurityContext: &core.SecurityContext{RunAsUser: &root}, VolumeMounts: []core.VolumeMount{{Name: programVolume, MountPath: pod.Dir}},
	}
}

// mounts adds volumes, and the init containers that fill them.
func (b *Backend) mounts(p *core.PodSpec, main *core.Container, spec *backends.ServiceSpec, pieces []string) {
	root := int64(0)
	volume := func(name string, source core.VolumeSource) {
		p.Volumes = append(p.Volumes, core.Volume{Name: name, VolumeSource: source})
	}
	mount := func(c *core.Container, name, at string) {
		c.VolumeMounts = append(c.VolumeMounts, core.VolumeMount{Name: name, MountPath: at})
	}
	empty := core.VolumeSource{EmptyDir: &core.EmptyDirVolumeSource{}}
	install := core.Container(b.installer("files"))
	volume(programVolume, empty)
	main.VolumeMounts = append(main.VolumeMounts, core.VolumeMount{Name: programVolume, MountPath: pod.Dir, ReadOnly: true})
	if len(pieces) > 0 {
		projected := &core.ProjectedVolumeSource{}
		for i, name := range pieces {
			projected.Sources = append(projected.Sources, core.VolumeProjection{ConfigMap: &core.ConfigMapProjection{
				LocalObjectReference: core.LocalObjectReference{Name: name}, Items: []core.KeyToPath{{Key: pieceKey, Path: fmt.Sprintf("%06d", i)}}}})
		}
		volume("archives", core.VolumeSource{Projected: projected})
		mount(&install, "archives", pod.Archives)
	}
	for i, f := range spec.Files {
		name := fmt.Sprintf("files-%d", i)
		volume(name, empty)
		mount(&install, name, path.Join(pod.Files, fmt.Sprint(i)))
		mount(main, name, path.Clean(f.Path))
	}
	if len(spec.Files) > 0 || len(spec.Directories) > 0 {
		p.InitContainers = []core.Container{install}
	}
	if len(spec.Directories) > 0 {
		seed := core.Container{Name: "directories", Image: spec.Image, ImagePullPolicy: b.options.PullPolicy, Command: []string{pod.Program, pod.Seed},
			SecurityContext: &core.SecurityContext{RunAsUser: &root}}
		mount(&seed, programVolume, pod.Dir)
		for i, d := range spec.Directories {
			name := fmt.Sprintf("directory-%d", i)
			volume(name, core.VolumeSource{PersistentVolumeClaim: &core.PersistentVolumeClaimVolumeSource{ClaimName: claimName(d.Key)}})
			at := path.Join(pod.Seeds, fmt.Sprint(i))
			mount(&seed, name, at)
			mount(main, name, path.Clean(d.Path))
			seed.Args = append(seed.Args, path.Clean(d.Path), at)
		}
		p.InitContainers = append(p.InitContainers, seed)
	}
	for i, host := range slices.Sorted(maps.Keys(spec.BindMounts)) {
		name := fmt.Sprintf("host-%d", i)
		volume(name, core.VolumeSource{HostPath: &core.HostPathVolumeSource{Path: host}})
		mount(main, name, path.Clean(spec.BindMounts[host]))
	}
	if spec.ShmSize > 0 {
		size := resource.NewQuantity(spec.ShmSize, resource.BinarySI)
		volume("shm", core.VolumeSource{EmptyDir: &core.EmptyDirVolumeSource{Medium: core.StorageMediumMemory, SizeLimit: size}})
		mount(main, "shm", "/dev/shm")
	}
}

// literal protects words from the cluster's own replacement of $(NAME), and puts the address in.
func literal(words []string, spec *backends.ServiceSpec, address string) []string {
	if words == nil {
		return nil
	}
	list := make([]string, len(words))
	for i, w := range words {
		if spec.AddressPlaceholder != "" {
			w = strings.ReplaceAll(w, spec.AddressPlaceholder, address)
		}
		list[i] = strings.ReplaceAll(w, "$", "$$")
	}
	return list
}

const defaultGPU = "nvidia.com/gpu"

func resources(spec *backends.ServiceSpec) core.ResourceRequirements {
	r := core.ResourceRequirements{Limits: core.ResourceList{}, Requests: core.ResourceList{}}
	set := func(list core.ResourceList, name core.ResourceName, q *resource.Quantity) {
		if !q.IsZero() {
			list[name] = *q
		}
	}
	set(r.Limits, core.ResourceCPU, resource.NewMilliQuantity(spec.MaxCPU, resource.DecimalSI))
	set(r.Limits, core.ResourceMemory, resource.NewQuantity(spec.MaxMemory, resource.BinarySI))
	set(r.Requests, core.ResourceCPU, resource.NewMilliQuantity(spec.MinCPU, resource.DecimalSI))
	set(r.Requests, core.ResourceMemory, resource.NewQuantity(spec.MinMemory, resource.BinarySI))
	if spec.GPU != nil {
		name := spec.GPU.Resource
		if name == "" {
			name = defaultGPU
		}
		set(r.Limits, core.ResourceName(name), resource.NewQuantity(int64(spec.GPU.Count), resource.DecimalSI))
	}
	return r
}

func security(spec *backends.ServiceSpec) *core.SecurityContext {
	s := &core.SecurityContext{}
	if spec.User != nil {
		s.RunAsUser, s.RunAsGroup = &spec.User.UID, spec.User.GID
	}
	if spec.Privileged {
		s.Privileged = &spec.Privileged
	}
	if len(spec.Capabilities) > 0 {
		s.Capabilities = &core.Capabilities{}
		for _, c := range spec.Capabilities {
			s.Capabilities.Add = append(s.Capabilities.Add, core.Capability(strings.TrimPrefix(c, "CAP_")))
		}
	}
	return s
}

// claimName is a valid name of an object, the same for the same key.
func claimName(key string) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, strings.ToLower(key))
	if clean != key || len(clean) > 40 {
		clean = clean[:min(len(clean), 40)] + "-" + hash(key)
	}
	return "directory-" + strings.Trim(clean, "-")
}

func secretName(service string) string { return "registry-" + service }

// registrySecret opens the registry of an image for the nodes.
func registrySecret(spec *backends.ServiceSpec, labels map[string]string) (*core.Secret, error) {
	registry := spec.ImageAuth.Registry
	if registry == "" {
		named, err := reference.ParseNormalizedNamed(spec.Image)
		if err != nil {
			return nil, backends.Errorf(backends.Invalid, "service %q: image %q is no name of an image", spec.Name, spec.Image)
		}
		if registry = reference.Domain(named); registry == "docker.io" {
			registry = "https://index.docker.io/v1/"
		}
	}
	config, err := json.Marshal(map[string]any{"auths": map[string]any{registry: map[string]string{"username": spec.ImageAuth.Username, "password": spec.ImageAuth.Password}}})
	if err != nil {
		return nil, err
	}
	return &core.Secret{ObjectMeta: meta.ObjectMeta{Name: secretName(spec.Name), Labels: labels}, Type: core.SecretTypeDockerConfigJson,
		Data: map[string][]byte{core.DockerConfigJsonKey: config}}, nil
}
