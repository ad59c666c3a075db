//go:build k8s

package kubernetes_test

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	authentication "k8s.io/api/authentication/v1"
	core "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	client "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

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

// Client is a client of the whole API of the cluster.
func (f *faulty) Client() client.Interface { return all(f.Backend) }

// newAlone is for tests that nothing may run beside.
func newAlone(t *testing.T, options kubernetes.Options) *faulty {
	t.Helper()
	return newAloneFor(t, 3*time.Minute, options)
}

func newAloneFor(t *testing.T, limit time.Duration, options kubernetes.Options) *faulty {
	t.Helper()
	options.PodImage = podImage(t)
	if options.Patience == 0 {
		options.Patience = patience
	}
	f := &faulty{T: t, Backend: open(t, options), toolbox: backendtest.Toolbox(t, imagesOf(t))}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
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

// A Pod that is deleted by hand, whose process ends with code 0 when it is asked to, looks like one that is done; it is told apart from
// one that ended by itself and from one that was stopped.
func TestInterrupted(t *testing.T) {
	f := newFaulty(t, kubernetes.Options{})
	before, err := f.AddService(f.ctx, f.enclave.UUID, f.spec("web", "sleep"))
	require.NoError(t, err)
	_, err = f.AddService(f.ctx, f.enclave.UUID, f.spec("done", "print", "done"))
	require.NoError(t, err)
	_, err = f.AddService(f.ctx, f.enclave.UUID, f.spec("off", "sleep"))
	require.NoError(t, err)
	events, err := f.Watch(f.ctx, f.enclave.UUID)
	require.NoError(t, err)
	require.NoError(t, f.Client().CoreV1().Pods(f.namespace()).DeleteCollection(f.ctx, meta.DeleteOptions{}, meta.ListOptions{LabelSelector: "kurtosistech.com/id=web"}))
	for event := range events {
		require.NoError(t, event.Err)
		if event.Type == backends.ServiceEnded && event.Service == "web" {
			require.Zero(t, event.ExitCode)
			break
		}
	}
	require.True(t, f.until("web", func(s backends.Service) bool { return s.State == backends.Stopped }).Interrupted)
	require.Eventually(t, func() bool {
		pods, err := f.Client().CoreV1().Pods(f.namespace()).List(f.ctx, meta.ListOptions{LabelSelector: "kurtosistech.com/id=web"})
		return err == nil && len(pods.Items) == 0
	}, time.Minute, 50*time.Millisecond, "its Pod has gone")
	require.True(t, f.until("web", func(s backends.Service) bool { return s.State == backends.Stopped }).Interrupted)
	after, err := f.StartService(f.ctx, f.enclave.UUID, "web")
	require.NoError(t, err)
	require.Equal(t, backends.Running, after.State)
	require.False(t, after.Interrupted)
	require.Equal(t, before.Address, after.Address)
	require.Equal(t, before.UUID, after.UUID)

	require.NoError(t, f.StopService(f.ctx, f.enclave.UUID, "off"))
	for _, name := range []string{"done", "off"} {
		require.False(t, f.until(name, func(s backends.Service) bool { return s.State == backends.Stopped }).Interrupted, name)
	}
}

// A process was killed while it made a service or replaced one: what it left does not keep the name.
func TestHalfMade(t *testing.T) {
	f := newFaulty(t, kubernetes.Options{})
	spec := f.spec("web", "sleep")
	spec.Ports = map[string]backends.Port{"http": {Number: 8080}}
	before, err := f.AddService(f.ctx, f.enclave.UUID, spec)
	require.NoError(t, err)
	background := meta.DeletePropagationBackground
	require.NoError(t, f.Client().BatchV1().Jobs(f.namespace()).Delete(f.ctx, "web", meta.DeleteOptions{PropagationPolicy: &background}))
	left, err := f.Client().CoreV1().Services(f.namespace()).Get(f.ctx, "web", meta.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, before.Address, left.Spec.ClusterIP)
	_, err = f.InspectService(f.ctx, f.enclave.UUID, "web")
	require.Equal(t, backends.NotFound, backends.KindOf(err))
	after, err := f.AddService(f.ctx, f.enclave.UUID, spec)
	require.NoError(t, err)
	require.Equal(t, backends.Running, after.State)
	require.NotEqual(t, before.UUID, after.UUID)
	_, err = f.AddService(f.ctx, f.enclave.UUID, spec)
	require.EqualError(t, err, `enclave "`+f.enclave.Name+`" has a service "web" already`)

	// What somebody else made is left alone.
	theirs := &core.Service{ObjectMeta: meta.ObjectMeta{Name: "theirs"}, Spec: core.ServiceSpec{Ports: []core.ServicePort{{Port: 80}}}}
	_, err = f.Client().CoreV1().Services(f.namespace()).Create(f.ctx, theirs, meta.CreateOptions{})
	require.NoError(t, err)
	_, err = f.AddService(f.ctx, f.enclave.UUID, f.spec("theirs", "sleep"))
	require.EqualError(t, err, `enclave "`+f.enclave.Name+`" has a service "theirs" already`)
	_, err = f.Client().CoreV1().Services(f.namespace()).Get(f.ctx, "theirs", meta.GetOptions{})
	require.NoError(t, err)
}

// What is dialled can be told that nothing more comes, and goes on answering.
func TestHalfClosed(t *testing.T) {
	f := newFaulty(t, kubernetes.Options{})
	_, err := f.AddService(f.ctx, f.enclave.UUID, f.spec("web", "tcp", "7000"))
	require.NoError(t, err)
	var conn net.Conn
	require.Eventually(t, func() bool {
		conn, err = f.Dial(f.ctx, f.enclave.UUID, "web", backends.Port{Number: 7000})
		return backends.KindOf(err) != backends.PortClosed
	}, time.Minute, 50*time.Millisecond)
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "the last that is said")
	require.NoError(t, err)
	require.NoError(t, conn.(interface{ CloseWrite() error }).CloseWrite())
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Equal(t, "the last that is said", string(answer))
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

// An image that the node cannot pull: from a registry that is not there.
func TestImageUnreachable(t *testing.T) {
	f := newFaulty(t, kubernetes.Options{PullPolicy: core.PullIfNotPresent})
	f.toolbox = "127.0.0.1:9/kurtosis-test/absent:1"
	f.refused(f.spec("web"), backends.RegistryUnreachable, `^starting service "web": the node cannot pull image "127.0.0.1:9/kurtosis-test/absent:1": .*connection refused`,
		"the nodes, not this program, need the way to the registry: check their proxy and DNS settings")
}

// Somebody who may do most things, but make no Jobs.
func TestRightsTooSmall(t *testing.T) {
	f := newFaulty(t, kubernetes.Options{})
	c, namespace := f.Client(), f.namespace()
	_, err := c.CoreV1().ServiceAccounts(namespace).Create(f.ctx, &core.ServiceAccount{ObjectMeta: meta.ObjectMeta{Name: "small"}}, meta.CreateOptions{})
	require.NoError(t, err)
	var rules []rbac.PolicyRule
	for _, rule := range kubernetes.EnclaveRules() {
		if slices.Contains(rule.Resources, "jobs") {
			rule.Verbs = []string{"get", "list", "watch"}
		}
		rules = append(rules, rule)
	}
	_, err = c.RbacV1().Roles(namespace).Create(f.ctx, &rbac.Role{ObjectMeta: meta.ObjectMeta{Name: "small"}, Rules: rules}, meta.CreateOptions{})
	require.NoError(t, err)
	_, err = c.RbacV1().RoleBindings(namespace).Create(f.ctx, &rbac.RoleBinding{ObjectMeta: meta.ObjectMeta{Name: "small"}, RoleRef: rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "Role", Name: "small"},
		Subjects: []rbac.Subject{{Kind: rbac.ServiceAccountKind, Namespace: namespace, Name: "small"}}}, meta.CreateOptions{})
	require.NoError(t, err)
	token, err := c.CoreV1().ServiceAccounts(namespace).CreateToken(f.ctx, "small", &authentication.TokenRequest{}, meta.CreateOptions{})
	require.NoError(t, err)
	config, err := clientcmd.NewDefaultClientConfigLoadingRules().Load()
	require.NoError(t, err)
	config.AuthInfos = map[string]*clientcmdapi.AuthInfo{"small": {Token: token.Status.Token}}
	config.Contexts[config.CurrentContext].AuthInfo = "small"
	file := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, clientcmd.WriteToFile(*config, file))
	small := open(t, kubernetes.Options{Kubeconfig: file, Namespace: namespace, PodImage: podImage(t)})
	_, err = small.AddService(f.ctx, f.enclave.UUID, f.spec("web", "sleep"))
	require.EqualError(t, err, `starting service "web": jobs.batch is forbidden: User "system:serviceaccount:`+namespace+`:small" cannot create resource "jobs" in API group "batch" in the namespace "`+namespace+`"`)
	require.Equal(t, backends.PermissionDenied, backends.KindOf(err))
	require.Equal(t, "ask the cluster's administrator for this right; docs/kubernetes.md lists what is needed", backends.HintOf(err))
	services, err := c.CoreV1().Services(namespace).List(f.ctx, meta.ListOptions{})
	require.NoError(t, err)
	require.Empty(t, services.Items, "what was made before is removed")
	_, err = small.CreateEnclave(f.ctx, backends.EnclaveSpec{UUID: backends.NewUUID(), Name: "another"})
	require.Equal(t, backends.PermissionDenied, backends.KindOf(err))
}

// Something in the namespace has a finalizer that nobody acts on.
func TestNamespaceStuck(t *testing.T) {
	f := newFaulty(t, kubernetes.Options{RemovalPatience: 10 * time.Second})
	held := &core.ConfigMap{ObjectMeta: meta.ObjectMeta{Name: "held", Finalizers: []string{"example.com/hold"}}}
	_, err := f.Client().CoreV1().ConfigMaps(f.namespace()).Create(f.ctx, held, meta.CreateOptions{})
	require.NoError(t, err)
	release := func() {
		_, err := f.Client().CoreV1().ConfigMaps(f.namespace()).Patch(f.ctx, "held", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), meta.PatchOptions{})
		require.NoError(t, err)
	}
	err = f.RemoveEnclave(f.ctx, f.enclave.UUID)
	require.EqualError(t, err, "namespace "+f.namespace()+" does not go away: Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances")
	require.Equal(t, backends.Conflict, backends.KindOf(err))
	require.Equal(t, "see `kubectl describe namespace "+f.namespace()+"`; who put a finalizer on an object has to take it off", backends.HintOf(err))
	_, err = f.CreateEnclave(f.ctx, backends.EnclaveSpec{UUID: backends.NewUUID(), Name: f.enclave.Name})
	require.EqualError(t, err, `enclave "`+f.enclave.Name+`" is still being removed`)
	_, err = f.AddService(f.ctx, f.enclave.UUID, f.spec("late", "sleep"))
	require.Error(t, err)
	require.Contains(t, []backends.Kind{backends.Conflict, backends.NotFound}, backends.KindOf(err), err.Error())
	list, err := f.ListEnclaves(f.ctx)
	require.NoError(t, err)
	for _, e := range list {
		require.NotEqual(t, f.enclave.UUID, e.UUID, "an enclave that is being removed is none")
	}
	left, err := f.Leftovers(f.ctx)
	require.NoError(t, err)
	mine := backends.Leftover{Kind: backends.LeftoverNamespace, ID: f.namespace(), Name: f.namespace(), Enclave: f.enclave.UUID}
	require.Contains(t, left, mine)
	release()
	require.NoError(t, f.RemoveLeftover(f.ctx, mine))
	require.NoError(t, f.RemoveLeftover(f.ctx, mine), "it may be repeated")
	left, err = f.Leftovers(f.ctx)
	require.NoError(t, err)
	require.NotContains(t, left, mine)
	require.NoError(t, f.RemoveEnclave(f.ctx, f.enclave.UUID))
}
