//go:build k8s

package kubernetes_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/kubernetes"
)

// until waits for a state of a service.
func (f *faulty) until(name string, is func(backends.Service) bool) (s backends.Service) {
	f.Helper()
	require.Eventually(f, func() bool {
		var err error
		s, err = f.InspectService(f.ctx, f.enclave.UUID, name)
		return err == nil && is(s)
	}, 90*time.Second, 50*time.Millisecond)
	return s
}

// onlyPod is the Pod of the enclave's only service.
func (f *faulty) onlyPod() core.Pod {
	f.Helper()
	pods, err := f.Client().CoreV1().Pods(f.namespace()).List(f.ctx, meta.ListOptions{})
	require.NoError(f, err)
	require.Len(f, pods.Items, 1)
	return pods.Items[0]
}

// cordon keeps new Pods off all nodes, until the test ends or the result is called.
func (f *faulty) cordon() func() {
	f.Helper()
	nodes, err := f.Client().CoreV1().Nodes().List(f.ctx, meta.ListOptions{})
	require.NoError(f, err)
	set := func(closed bool) {
		for _, n := range nodes.Items {
			patch, err := json.Marshal(map[string]any{"spec": map[string]any{"unschedulable": closed}})
			require.NoError(f, err)
			_, err = f.Client().CoreV1().Nodes().Patch(context.WithoutCancel(f.ctx), n.Name, types.MergePatchType, patch, meta.PatchOptions{})
			require.NoError(f, err)
		}
	}
	set(true)
	open := true
	again := func() {
		if open {
			set(false)
		}
		open = false
	}
	f.Cleanup(again)
	return again
}

// A node is drained: what runs there is evicted, waits for another node, and says so.
func TestNodeDrained(t *testing.T) {
	f := newAlone(t, kubernetes.Options{})
	before, err := f.AddService(f.ctx, f.enclave.UUID, f.spec("web", "sleep", "+", "exit", "143")) // as most programs end when they are asked to
	require.NoError(t, err)
	uncordon := f.cordon()
	gone := f.onlyPod()
	require.NoError(t, f.Client().PolicyV1().Evictions(f.namespace()).Evict(f.ctx, &policy.Eviction{ObjectMeta: meta.ObjectMeta{Name: gone.Name, Namespace: gone.Namespace}}))
	waiting := f.until("web", func(s backends.Service) bool { return strings.HasPrefix(s.Reason, "no node takes pod") })
	require.Equal(t, backends.Starting, waiting.State)
	require.Regexp(t, `^no node takes pod web-\w+: 0/1 nodes are available: 1 node\(s\) were unschedulable`, waiting.Reason)
	require.Equal(t, before.Address, waiting.Address)
	uncordon()
	after := f.until("web", func(s backends.Service) bool { return s.State == backends.Running })
	require.Equal(t, before.UUID, after.UUID)
	require.Equal(t, before.Address, after.Address)
	require.NotEqual(t, gone.UID, f.onlyPod().UID)
}

// A service of a production enclave comes back whatever happens to it.
func TestAlwaysRestored(t *testing.T) {
	f := newFaulty(t, kubernetes.Options{})
	uuid := backends.NewUUID()
	t.Cleanup(func() { require.NoError(t, f.RemoveEnclave(context.WithoutCancel(f.ctx), uuid)) })
	production, err := f.CreateEnclave(f.ctx, backends.EnclaveSpec{UUID: uuid, Name: "live-" + backends.ShortUUID(uuid), Production: true})
	require.NoError(t, err)
	f.enclave = production
	before, err := f.AddService(f.ctx, uuid, f.spec("web", "sleep"))
	require.NoError(t, err)
	gone := f.onlyPod()
	require.Equal(t, core.RestartPolicyAlways, gone.Spec.RestartPolicy)
	require.NoError(t, f.Client().CoreV1().Pods(f.namespace()).Delete(f.ctx, gone.Name, meta.DeleteOptions{GracePeriodSeconds: new(int64)}))
	require.Eventually(t, func() bool {
		pods, err := f.Client().CoreV1().Pods(f.namespace()).List(f.ctx, meta.ListOptions{})
		if err != nil || len(pods.Items) != 1 || pods.Items[0].UID == gone.UID {
			return false
		}
		s, err := f.InspectService(f.ctx, uuid, "web")
		return err == nil && s.State == backends.Running && s.Address == before.Address && s.UUID == before.UUID
	}, time.Minute, 50*time.Millisecond)
	require.NoError(t, f.RemoveService(f.ctx, uuid, "web"))

	// One that ends with code 0 is started again, too.
	_, err = f.AddService(f.ctx, uuid, f.spec("brief", "print", "done"))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		pods, err := f.Client().CoreV1().Pods(f.namespace()).List(f.ctx, meta.ListOptions{})
		return err == nil && len(pods.Items) == 1 && len(pods.Items[0].Status.ContainerStatuses) == 1 && pods.Items[0].Status.ContainerStatuses[0].RestartCount > 0
	}, time.Minute, 50*time.Millisecond)
}

// A service that fails again and again says with what, and the last that it said.
func TestCrashLoop(t *testing.T) {
	f := newFaulty(t, kubernetes.Options{})
	spec := f.spec("web", "print", "no configuration", "giving up", "+", "exit", "3")
	spec.Restart = backends.RestartAlways
	_, err := f.AddService(f.ctx, f.enclave.UUID, spec)
	require.NoError(t, err)
	s := f.until("web", func(s backends.Service) bool { return s.Reason == "CrashLoopBackOff" })
	require.Equal(t, backends.Stopped, s.State)
	require.Equal(t, 3, s.ExitCode)
	_, err = f.Exec(f.ctx, f.enclave.UUID, "web", backends.Exec{Command: []string{"/toolbox", "true"}})
	require.EqualError(t, err, `service "web" does not run: it exited with code 3`)
	var failure *backends.Error
	require.ErrorAs(t, err, &failure)
	require.Equal(t, backends.Exited, failure.Kind)
	require.Equal(t, []string{"no configuration", "giving up"}, failure.Log)
}

func TestOutOfMemory(t *testing.T) {
	f := newFaulty(t, kubernetes.Options{})
	spec := f.spec("greedy", "eat", "200", "+", "sleep")
	spec.MaxMemory = 48 << 20
	_, err := f.AddService(f.ctx, f.enclave.UUID, spec)
	require.NoError(t, err)
	s := f.until("greedy", func(s backends.Service) bool { return s.State == backends.Stopped })
	require.True(t, s.OutOfMemory)
	require.Equal(t, "OOMKilled", s.Reason)
	_, err = f.Exec(f.ctx, f.enclave.UUID, "greedy", backends.Exec{Command: []string{"/toolbox", "true"}})
	require.EqualError(t, err, `service "greedy" was killed for its memory: more than 48 MB`)
	require.Equal(t, backends.OutOfMemory, backends.KindOf(err))
	require.Equal(t, "raise max_memory, or remove it", backends.HintOf(err))
}

// restartAPIServer is for the cluster of our own, whose processes are this machine's.
func restartAPIServer(t *testing.T, between func()) {
	t.Helper()
	script, err := filepath.Abs("../../scripts/cluster.sh")
	require.NoError(t, err)
	for _, step := range []string{"halt", "again"} {
		out, err := exec.Command(script, step, "apiserver").CombinedOutput()
		require.NoError(t, err, "%s", out)
		if step == "halt" {
			between()
		}
	}
}

// The API server goes and comes back while a service waits for its node: what waits goes on waiting, what asks is told.
func TestAPIServerRestarted(t *testing.T) {
	if os.Getenv("KURTOSIS_TEST_CLUSTER") != "own" {
		t.Skip("only the cluster of scripts/cluster.sh can be broken")
	}
	f := newAlone(t, kubernetes.Options{RemovalPatience: time.Minute})
	patient := open(t, kubernetes.Options{PodImage: podImage(t), Patience: 2 * time.Minute})
	_, err := f.AddService(f.ctx, f.enclave.UUID, f.spec("first", "sleep"))
	require.NoError(t, err)
	events, err := f.Watch(f.ctx, f.enclave.UUID)
	require.NoError(t, err)
	uncordon := f.cordon()
	added := make(chan error, 1)
	go func() {
		_, err := patient.AddService(f.ctx, f.enclave.UUID, f.spec("second", "sleep"))
		added <- err
	}()
	f.until("second", func(s backends.Service) bool { return s.State == backends.Starting })
	restartAPIServer(t, func() {
		_, err := f.ListServices(f.ctx, f.enclave.UUID)
		require.Error(t, err)
		require.Regexp(t, `^listing the services: the cluster does not answer: .*(refused|reset|EOF|lost)`, err.Error())
		require.Equal(t, backends.EngineUnreachable, backends.KindOf(err))
		require.Equal(t, "see whether `kubectl version` reaches it, and whether the kubeconfig's context is the right one", backends.HintOf(err))
	})
	f.until("first", func(s backends.Service) bool { return s.State == backends.Running })
	uncordon()
	require.NoError(t, <-added)
	list, err := f.ListServices(f.ctx, f.enclave.UUID)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.NoError(t, f.StopService(f.ctx, f.enclave.UUID, "first"))
	for event := range events {
		require.NoError(t, event.Err)
		if event.Type == backends.ServiceEnded && event.Service == "first" {
			return
		}
	}
	t.Fatal("the watch ended with the connection")
}

// Objects of what this cluster cannot carry out: load balancers and GPUs.
func TestObjects(t *testing.T) {
	f := newFaulty(t, kubernetes.Options{PublicPorts: core.ServiceTypeLoadBalancer})
	spec := f.spec("web", "http", "8080", "x")
	spec.Ports = map[string]backends.Port{"http": {Number: 8080}}
	spec.PublicPorts = map[string]backends.Port{"http": {Number: 80}}
	s, err := f.AddService(f.ctx, f.enclave.UUID, spec)
	require.NoError(t, err)
	require.Empty(t, s.Published, "nobody gave it an address yet")
	public, err := f.Client().CoreV1().Services(f.namespace()).Get(f.ctx, "public-"+backends.ShortUUID(s.UUID), meta.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, core.ServiceTypeLoadBalancer, public.Spec.Type)
	require.EqualValues(t, 80, public.Spec.Ports[0].Port)
	require.EqualValues(t, 8080, public.Spec.Ports[0].TargetPort.IntValue())
	public.Status.LoadBalancer.Ingress = []core.LoadBalancerIngress{{IP: "203.0.113.7"}}
	_, err = f.Client().CoreV1().Services(f.namespace()).UpdateStatus(f.ctx, public, meta.UpdateOptions{})
	require.NoError(t, err)
	s, err = f.InspectService(f.ctx, f.enclave.UUID, "web")
	require.NoError(t, err)
	require.Equal(t, map[string]backends.Endpoint{"http": {Address: "203.0.113.7", Port: backends.Port{Number: 80, Transport: backends.TCP}}}, s.Published)

	spec = f.spec("vision", "sleep")
	spec.GPU = &backends.GPU{Count: 2}
	_, err = f.AddService(f.ctx, f.enclave.UUID, spec)
	require.Regexp(t, `^starting service "vision": no node takes pod vision-\w+: 0/1 nodes are available: 1 Insufficient nvidia.com/gpu`, fmt.Sprint(err))
	require.Equal(t, backends.Unschedulable, backends.KindOf(err))
}
