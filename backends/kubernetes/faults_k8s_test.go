//go:build k8s

package kubernetes_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/backendtest"
	"github.com/kurtosis-go/kurtosis/backends/kubernetes"
)

// patience is short here: nothing that these tests wait for comes.
const patience = 3 * time.Second

// faulty is a backend with an enclave and what a service needs.
type faulty struct {
	*testing.T
	*kubernetes.Backend
	ctx     context.Context
	enclave backends.Enclave
	toolbox string
}

func newFaulty(t *testing.T, options kubernetes.Options) *faulty {
	t.Helper()
	t.Parallel()
	return newAlone(t, options)
}

// newAlone is for tests that nothing may run beside.
func newAlone(t *testing.T, options kubernetes.Options) *faulty {
	t.Helper()
	options.PodImage, options.Patience = podImage(t), patience
	f := &faulty{T: t, Backend: open(t, options), toolbox: backendtest.Toolbox(t, imagesOf(t))}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	f.ctx = ctx
	uuid := backends.NewUUID()
	t.Cleanup(func() { require.NoError(t, f.RemoveEnclave(context.WithoutCancel(ctx), uuid)) })
	var err error
	f.enclave, err = f.CreateEnclave(ctx, backends.EnclaveSpec{UUID: uuid, Name: "test-" + backends.ShortUUID(uuid)})
	require.NoError(t, err)
	return f
}

func (f *faulty) namespace() string { return backends.NamespaceName(f.enclave.Name) }

func (f *faulty) spec(name string, command ...string) backends.ServiceSpec {
	return backends.ServiceSpec{Name: name, Image: f.toolbox, Cmd: command}
}

// refused adds a service that cannot run and expects that nothing of it is left.
func (f *faulty) refused(spec backends.ServiceSpec, kind backends.Kind, text, hint string) {
	f.Helper()
	_, err := f.AddService(f.ctx, f.enclave.UUID, spec)
	require.Error(f, err)
	require.Regexp(f, text, err.Error())
	require.Equal(f, kind, backends.KindOf(err))
	require.Equal(f, hint, backends.HintOf(err))
	list, err := f.ListServices(f.ctx, f.enclave.UUID)
	require.NoError(f, err)
	require.Empty(f, list)
	services, err := f.Client().CoreV1().Services(f.namespace()).List(f.ctx, meta.ListOptions{})
	require.NoError(f, err)
	require.Empty(f, services.Items)
}

const noRoom = "ask for less cpu or memory, change node selectors or tolerations, or add a node; a volume that does not bind needs a storage class"

func TestUnschedulable(t *testing.T) {
	f := newFaulty(t, kubernetes.Options{})
	spec := f.spec("huge", "sleep")
	spec.MinCPU = 1_000_000
	f.refused(spec, backends.Unschedulable, `^starting service "huge": no node takes pod huge-\w+: 0/1 nodes are available: 1 Insufficient cpu`, noRoom)
	spec = f.spec("picky", "sleep")
	spec.NodeSelectors = map[string]string{"disk": "gold"}
	f.refused(spec, backends.Unschedulable, `^starting service "picky": no node takes pod picky-\w+: 0/1 nodes are available: 1 node\(s\) didn't match Pod's node affinity/selector`, noRoom)
}

func TestVolumeNeverBinds(t *testing.T) {
	f := newFaulty(t, kubernetes.Options{StorageClass: "no-such-class"})
	spec := f.spec("web", "sleep")
	spec.Directories = []backends.Directory{{Path: "/data", Key: "data"}}
	f.refused(spec, backends.Unschedulable, `^starting service "web": no node takes pod web-\w+: .*unbound immediate PersistentVolumeClaims`, noRoom)
}

func TestQuota(t *testing.T) {
	f := newFaulty(t, kubernetes.Options{})
	quota := &core.ResourceQuota{ObjectMeta: meta.ObjectMeta{Name: "tight"}, Spec: core.ResourceQuotaSpec{Hard: core.ResourceList{core.ResourcePods: resource.MustParse("0")}}}
	_, err := f.Client().CoreV1().ResourceQuotas(f.namespace()).Create(f.ctx, quota, meta.CreateOptions{})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		q, err := f.Client().CoreV1().ResourceQuotas(f.namespace()).Get(f.ctx, "tight", meta.GetOptions{})
		return err == nil && len(q.Status.Hard) > 0
	}, 30*time.Second, 50*time.Millisecond, "the quota counts")
	f.refused(f.spec("web", "sleep"), backends.Unschedulable,
		`^starting service "web": the cluster refuses the pod: .*exceeded quota: tight, requested: pods=1, used: pods=0, limited: pods=0$`,
		"raise the namespace's quota, or ask for less")
}

func TestPublicPortTaken(t *testing.T) {
	f := newFaulty(t, kubernetes.Options{})
	first := f.spec("first", "tcp", "7000")
	first.Ports = map[string]backends.Port{"echo": {Number: 7000, Application: "tcp"}}
	first.PublicPorts = map[string]backends.Port{"echo": {Number: 31789}}
	s, err := f.AddService(f.ctx, f.enclave.UUID, first)
	require.NoError(t, err)
	require.Equal(t, uint16(31789), s.Published["echo"].Number)
	require.Equal(t, "tcp", s.Published["echo"].Application)
	second := first
	second.Name = "second"
	_, err = f.AddService(f.ctx, f.enclave.UUID, second)
	require.EqualError(t, err, `starting service "second": port 31789 is taken on the nodes`)
	require.Equal(t, backends.PortTaken, backends.KindOf(err))
	require.Equal(t, "free it (`kubectl get services -A` shows who has it), or choose another in public_ports", backends.HintOf(err))
}

// A Pod that is deleted by hand comes back, with its files and at its address.
func TestPodDeleted(t *testing.T) {
	f := newFaulty(t, kubernetes.Options{})
	// It does not heed SIGTERM by ending with code 0, as few programs do.
	before, err := f.AddService(f.ctx, f.enclave.UUID, f.spec("web", "sleep", "+", "exit", "143"))
	require.NoError(t, err)
	pods, err := f.Client().CoreV1().Pods(f.namespace()).List(f.ctx, meta.ListOptions{})
	require.NoError(t, err)
	require.Len(t, pods.Items, 1)
	gone := pods.Items[0]
	require.NoError(t, f.Client().CoreV1().Pods(f.namespace()).Delete(f.ctx, gone.Name, meta.DeleteOptions{}))
	require.Eventually(t, func() bool {
		pods, err := f.Client().CoreV1().Pods(f.namespace()).List(f.ctx, meta.ListOptions{})
		if err != nil || len(pods.Items) != 1 || pods.Items[0].UID == gone.UID {
			return false
		}
		after, err := f.InspectService(f.ctx, f.enclave.UUID, "web")
		return err == nil && after.State == backends.Running && after.Address == before.Address
	}, time.Minute, 100*time.Millisecond)
}

func TestUnsupported(t *testing.T) {
	f := newFaulty(t, kubernetes.Options{})
	spec := f.spec("web", "sleep")
	spec.Devices = []string{"/dev/net/tun"}
	f.refused(spec, backends.Unsupported, `^service "web": there are no devices of the host on Kubernetes$`, "use a device plugin's resource through gpu")
	_, err := f.BuildImage(f.ctx, backends.BuildSpec{Tag: "x:1"}, nil)
	require.EqualError(t, err, `image "x:1" cannot be built on Kubernetes`)
}

func TestUnreachable(t *testing.T) {
	_, err := kubernetes.Open(t.Context(), kubernetes.Options{Kubeconfig: "/no/such/kubeconfig"})
	require.Equal(t, backends.Invalid, backends.KindOf(err))
	_, err = kubernetes.Open(t.Context(), kubernetes.Options{Context: "no-such-context"})
	require.EqualError(t, err, `the kubeconfig names no cluster: context "no-such-context" does not exist`)
}
