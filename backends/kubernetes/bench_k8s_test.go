//go:build k8s

package kubernetes_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiwatch "k8s.io/apimachinery/pkg/watch"

	"github.com/kurtosis-go/kurtosis/backends/kubernetes"
)

// TestTenServices adds ten services at once, beside ten bare Pods of the same image made with client-go, in turns: three
// times, and more often where other work on the machine disturbs, as the best counts.
func TestTenServices(t *testing.T) {
	const n, enough, rounds, limit = 10, 3, 8, 1.25
	f := newAlone(t, kubernetes.Options{})
	best, least := [2]time.Duration{}, 0.0
	for round := range rounds {
		services, bare := f.tenServices(round, n), f.tenPods(n)
		t.Logf("%d services %s, %d bare pods %s: ratio %.2f", n, services.Round(time.Millisecond), n, bare.Round(time.Millisecond), services.Seconds()/bare.Seconds())
		if ratio := services.Seconds() / bare.Seconds(); round == 0 || ratio < least {
			best, least = [2]time.Duration{services, bare}, ratio
		}
		if round+1 >= enough && least <= limit {
			break
		}
	}
	require.LessOrEqual(t, least, limit, "ten services took %s, and ten bare pods %s, at best of %d", best[0], best[1], rounds)
}

// tenServices is how long n services take until all run.
func (f *faulty) tenServices(round, n int) time.Duration {
	f.Helper()
	began := time.Now()
	var wait sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wait.Go(func() {
			_, errs[i] = f.AddService(f.ctx, f.enclave.UUID, f.spec(fmt.Sprintf("s%d-%d", round, i), "sleep"))
		})
	}
	wait.Wait()
	took := time.Since(began)
	for i, err := range errs {
		require.NoError(f, err)
		wait.Go(func() { errs[i] = f.RemoveService(f.ctx, f.enclave.UUID, fmt.Sprintf("s%d-%d", round, i)) })
	}
	wait.Wait()
	require.NoError(f, errors.Join(errs...))
	return took
}

// tenPods is how long n bare Pods take until all are ready.
func (f *faulty) tenPods(n int) time.Duration {
	f.Helper()
	pods := f.Client().CoreV1().Pods(f.namespace())
	bare := meta.ListOptions{LabelSelector: "bare=yes"}
	watch, err := pods.Watch(f.ctx, bare)
	require.NoError(f, err)
	defer watch.Stop()
	began := time.Now()
	var wait sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wait.Go(func() {
			_, errs[i] = pods.Create(f.ctx, &core.Pod{ObjectMeta: meta.ObjectMeta{Name: fmt.Sprintf("bare%d", i), Labels: map[string]string{"bare": "yes"}},
				Spec: core.PodSpec{Containers: []core.Container{{Name: "c", Image: f.toolbox, Args: []string{"sleep"}, ImagePullPolicy: core.PullNever}}}}, meta.CreateOptions{})
		})
	}
	wait.Wait()
	require.NoError(f, errors.Join(errs...))
	ready, took := map[string]bool{}, time.Duration(0)
	gone := 0
	for gone < n {
		select {
		case event := <-watch.ResultChan():
			p, ok := event.Object.(*core.Pod)
			require.True(f, ok)
			if event.Type == apiwatch.Deleted {
				gone++
				continue
			}
			for _, c := range p.Status.Conditions {
				if c.Type == core.PodReady && c.Status == core.ConditionTrue && p.DeletionTimestamp == nil {
					ready[p.Name] = true
				}
			}
			if len(ready) == n && took == 0 {
				took = time.Since(began)
				require.NoError(f, pods.DeleteCollection(f.ctx, meta.DeleteOptions{}, bare))
			}
		case <-f.ctx.Done():
			f.Fatal("the bare pods are not ready in time")
		}
	}
	return took
}
