//go:build k8s

package kubernetes_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	coordination "k8s.io/api/coordination/v1"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/kubernetes"
)

// counted counts requests of a client by what they do.
type counted struct {
	mu    sync.Mutex
	calls map[string]int
}

func (c *counted) wrap(next http.RoundTripper) http.RoundTripper {
	return tripper(func(r *http.Request) (*http.Response, error) {
		c.mu.Lock()
		c.calls[r.Method]++
		c.mu.Unlock()
		return next.RoundTrip(r)
	})
}

func (c *counted) total() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.calls {
		n += v
	}
	return n
}

type tripper func(*http.Request) (*http.Response, error)

func (t tripper) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

var metric = regexp.MustCompile(`^apiserver_request_total{.*resource="([^"]*)".*subresource="([^"]*)".*verb="([^"]*)".*} (\S+)`)

// served is how many requests the API server has answered, of everybody, by what they were; watches excepted.
func (f *faulty) served() map[string]float64 {
	f.Helper()
	raw, err := f.Client().CoreV1().RESTClient().Get().AbsPath("/metrics").Do(f.ctx).Raw()
	require.NoError(f, err)
	n := map[string]float64{}
	for line := range strings.Lines(string(raw)) {
		m := metric.FindStringSubmatch(line)
		if m == nil || m[3] == "WATCH" {
			continue
		}
		v, err := strconv.ParseFloat(m[4], 64)
		require.NoError(f, err)
		n[strings.ToLower(m[3])+" "+strings.TrimSuffix(m[1]+"/"+m[2], "/")] += v
	}
	return n
}

// paperNode is a node on which Pods run in the books alone: it takes as many as nobody's machine does. Its Pods are said to be
// ready as soon as they are placed there.
func (f *faulty) paperNode(name string, pods int64) {
	api := f.Client()
	f.Helper()
	nodes := api.CoreV1().Nodes()
	room := core.ResourceList{core.ResourcePods: *resource.NewQuantity(pods, resource.DecimalSI), core.ResourceCPU: resource.MustParse("1000"), core.ResourceMemory: resource.MustParse("1000Gi")}
	ready := core.NodeStatus{Capacity: room, Allocatable: room, Conditions: []core.NodeCondition{{Type: core.NodeReady, Status: core.ConditionTrue, LastHeartbeatTime: meta.Now(), LastTransitionTime: meta.Now()}}}
	_, err := nodes.Create(f.ctx, &core.Node{ObjectMeta: meta.ObjectMeta{Name: name, Labels: map[string]string{"kind": "paper"}}, Status: ready}, meta.CreateOptions{})
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, nodes.Delete(context.WithoutCancel(f.ctx), name, meta.DeleteOptions{})) })
	// The cluster's own controllers write to a node that is new, too: a patch does not mind what they did meanwhile.
	status, err := json.Marshal(map[string]any{"status": ready})
	require.NoError(f, err)
	_, err = nodes.Patch(f.ctx, name, types.MergePatchType, status, meta.PatchOptions{}, "status")
	require.NoError(f, err)
	ctx, stop := context.WithCancel(context.WithoutCancel(f.ctx))
	leases := api.CoordinationV1().Leases(core.NamespaceNodeLease)
	span := int32(40)
	_, err = leases.Create(f.ctx, &coordination.Lease{ObjectMeta: meta.ObjectMeta{Name: name}, Spec: coordination.LeaseSpec{
		HolderIdentity: &name, LeaseDurationSeconds: &span, RenewTime: &meta.MicroTime{Time: time.Now()}}}, meta.CreateOptions{})
	require.NoError(f, err)
	here := meta.ListOptions{FieldSelector: fields.OneTermEqualSelector("spec.nodeName", name).String()}
	watch, err := api.CoreV1().Pods(f.namespace()).Watch(ctx, here)
	require.NoError(f, err)
	var all sync.WaitGroup
	all.Go(func() { // a node is given up when its lease is not renewed
		beat := time.NewTicker(10 * time.Second)
		defer beat.Stop()
		for {
			select {
			case <-beat.C:
				patch := fmt.Sprintf(`{"spec":{"renewTime":%q}}`, time.Now().UTC().Format("2006-01-02T15:04:05.000000Z07:00"))
				_, _ = leases.Patch(ctx, name, types.MergePatchType, []byte(patch), meta.PatchOptions{}) // the next one comes soon
			case <-ctx.Done():
				return
			}
		}
	})
	f.Cleanup(func() {
		stop()
		watch.Stop()
		all.Wait()
		require.NoError(f, leases.Delete(context.WithoutCancel(f.ctx), name, meta.DeleteOptions{}))
		now := meta.DeleteOptions{GracePeriodSeconds: new(int64)} // those of a test that failed
		require.NoError(f, api.CoreV1().Pods(f.namespace()).DeleteCollection(context.WithoutCancel(f.ctx), now, here))
	})
	all.Go(func() {
		known := map[string]bool{}
		for event := range watch.ResultChan() {
			pod, ok := event.Object.(*core.Pod)
			if ok && pod.DeletionTimestamp != nil && event.Type != apiwatch.Deleted { // nobody there ends it
				all.Go(func() {
					// A request that a busy server refuses is made again: there is no other event for this Pod.
					_ = wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(ctx context.Context) (bool, error) {
						err := api.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, meta.DeleteOptions{GracePeriodSeconds: new(int64)})
						return err == nil || apierrors.IsNotFound(err), nil
					})
				})
			}
			if !ok || known[pod.Name] || pod.DeletionTimestamp != nil {
				continue
			}
			known[pod.Name] = true
			all.Go(func() {
				started := &core.ContainerStateRunning{StartedAt: meta.Now()}
				yes := true
				pod.Status.Phase, pod.Status.PodIP = core.PodRunning, "192.0.2.1"
				pod.Status.Conditions = append(pod.Status.Conditions, core.PodCondition{Type: core.PodReady, Status: core.ConditionTrue})
				pod.Status.ContainerStatuses = []core.ContainerStatus{{Name: pod.Spec.Containers[0].Name, Image: pod.Spec.Containers[0].Image, Ready: true, Started: &yes, State: core.ContainerState{Running: started}}}
				pod.ResourceVersion = "" // whatever the scheduler writes meanwhile
				_ = wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(ctx context.Context) (bool, error) {
					_, err := api.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, pod, meta.UpdateOptions{})
					return err == nil || apierrors.IsNotFound(err), nil // one that has gone needs none
				})
			})
		}
	})
}

// TestScale makes 500 services in batches: some run on the node, as many as it starts in a moment, and the others on a node that is
// on paper. Everything but the node's own work is real: objects, controllers, scheduler, names and watches. It tells how many
// requests a service costs.
func TestScale(t *testing.T) {
	if os.Getenv("KURTOSIS_TEST_CLUSTER") != "own" {
		t.Skip("a node on paper is for the cluster of scripts/cluster.sh alone")
	}
	const services, real, batch = 500, 40, 100
	count := &counted{calls: map[string]int{}}
	f := newAloneFor(t, 15*time.Minute, kubernetes.Options{Patience: time.Minute, RemovalPatience: 8 * time.Minute, Wrap: func(c *rest.Config) { c.Wrap(count.wrap) }})
	uncounted := *f
	uncounted.Backend = open(t, kubernetes.Options{})
	uncounted.paperNode("paper", services)
	began, before, total := time.Now(), count.total(), uncounted.served()
	for first := 0; first < services; first += batch {
		var adding sync.WaitGroup
		errs := make([]error, batch)
		slots := make(chan struct{}, 64) // as many as a run has under way
		for i := range batch {
			adding.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				n := first + i
				spec := f.spec(fmt.Sprintf("s%d", n), "http", "8080", fmt.Sprint(n))
				spec.Ports = map[string]backends.Port{"http": {Number: 8080}}
				if spec.NodeSelectors = map[string]string{"kind": "paper"}; n%(services/real) == 0 {
					spec.NodeSelectors = map[string]string{"kubernetes.io/os": "linux"}
				}
				_, errs[i] = f.AddService(f.ctx, f.enclave.UUID, spec)
			})
		}
		adding.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
		t.Logf("%d services after %s", first+batch, time.Since(began).Round(time.Second))
	}
	own, after := count.total()-before, uncounted.served()
	all := 0.0
	for what := range after {
		after[what] -= total[what]
		all += after[what]
	}
	listed := count.total()
	list, err := f.ListServices(f.ctx, f.enclave.UUID)
	require.NoError(t, err)
	require.Len(t, list, services)
	for _, s := range list {
		require.Equal(t, backends.Running, s.State, s.Name)
	}
	require.Equal(t, 4, count.total()-listed, "a list costs the same however many there are")
	var out strings.Builder
	code, err := f.Exec(f.ctx, f.enclave.UUID, "s0", backends.Exec{Command: []string{"/toolbox", "dial", "tcp", fmt.Sprintf("s%d:8080", services/real), "GET / HTTP/1.0\r\n\r\n"}, Stdout: &out, Stderr: &out})
	require.NoError(t, err)
	require.Zero(t, code, out.String())
	t.Logf("%d services: %.1f requests of ours for each (%s), %.1f of everybody", services, float64(own)/services, count.text(), all/services)
	for _, what := range slices.SortedFunc(maps.Keys(after), func(x, y string) int { return cmp.Compare(after[y], after[x]) })[:15] {
		t.Logf("%5.2f %s", after[what]/services, what)
	}
	require.LessOrEqual(t, float64(own)/services, 3.0, "requests of ours for each service")
	began = time.Now()
	require.NoError(t, f.RemoveEnclave(f.ctx, f.enclave.UUID))
	t.Logf("removed in %s", time.Since(began).Round(time.Second))
}

func (c *counted) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var parts []string
	for _, method := range slices.Sorted(maps.Keys(c.calls)) {
		parts = append(parts, fmt.Sprintf("%s %d", method, c.calls[method]))
	}
	return strings.Join(parts, ", ")
}
