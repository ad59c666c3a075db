//go:build k8s

package kubernetes_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kurtosis-go/kurtosis/backends/kubernetes"
)

// TestTenServices prints how long ten services take at once, beside ten bare Pods of the same image made with client-go.
func TestTenServices(t *testing.T) {
	const n = 10
	f := newAlone(t, kubernetes.Options{})
	began := time.Now()
	var wait sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wait.Go(func() {
			_, errs[i] = f.AddService(f.ctx, f.enclave.UUID, f.spec(fmt.Sprintf("s%d", i), "sleep"))
		})
	}
	wait.Wait()
	services := time.Since(began)
	for _, err := range errs {
		require.NoError(t, err)
	}

	pods := f.Client().CoreV1().Pods(f.namespace())
	bare := meta.ListOptions{LabelSelector: "bare=yes"}
	watch, err := pods.Watch(f.ctx, bare)
	require.NoError(t, err)
	defer watch.Stop()
	began = time.Now()
	for i := range n {
		wait.Go(func() {
			_, errs[i] = pods.Create(f.ctx, &core.Pod{ObjectMeta: meta.ObjectMeta{Name: fmt.Sprintf("bare%d", i), Labels: map[string]string{"bare": "yes"}},
				Spec: core.PodSpec{Containers: []core.Container{{Name: "c", Image: f.toolbox, Args: []string{"sleep"}, ImagePullPolicy: core.PullNever}}}}, meta.CreateOptions{})
		})
	}
	wait.Wait()
	ready := map[string]bool{}
	for len(ready) < n {
		select {
		case event := <-watch.ResultChan():
			p, ok := event.Object.(*core.Pod)
			require.True(t, ok)
			for _, c := range p.Status.Conditions {
				if c.Type == core.PodReady && c.Status == core.ConditionTrue {
					ready[p.Name] = true
				}
			}
		case <-f.ctx.Done():
			t.Fatal("the bare pods are not ready in time")
		}
	}
	direct := time.Since(began)
	require.NoError(t, pods.DeleteCollection(f.ctx, meta.DeleteOptions{}, bare))
	t.Logf("%d services %s, %d bare pods %s: ratio %.2f", n, services.Round(time.Millisecond), n, direct.Round(time.Millisecond), services.Seconds()/direct.Seconds())
}
