package apicontainer_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	pb "github.com/kurtosis-go/kurtosis/api/apicontainerapi"
	"github.com/kurtosis-go/kurtosis/backends"
)

// Services that ended while nobody looked are started again; those that ended before are not.
func TestRevive(t *testing.T) {
	b := newBench(t)
	life, end := context.WithCancel(t.Context())
	var watch sync.WaitGroup
	watch.Go(func() { b.server.Run(life) })
	said := b.script(`
def run(plan):
    for name in ["lost", "off"]:
        plan.add_service(name=name, config=ServiceConfig(image="toolbox", cmd=["sleep"]))
`, nil)
	require.Equal(t, "finished true ", said[len(said)-1])
	alive := func() int {
		data, err := os.ReadFile(filepath.Join(b.dir, "alive.json"))
		if err != nil {
			return 0
		}
		return len(data) / len(`"0123456789abcdef0123456789abcdef",`)
	}
	require.Eventually(t, func() bool { return alive() == 2 }, 10*time.Second, time.Millisecond)
	enclave, err := b.backend.InspectEnclave(t.Context(), "demo")
	require.NoError(t, err)
	require.NoError(t, b.backend.StopService(t.Context(), enclave.UUID, "off"))
	require.Eventually(t, func() bool { return alive() == 1 }, 20*time.Second, 10*time.Millisecond, "what is stopped on purpose is forgotten")
	end()
	watch.Wait()
	require.NoError(t, b.backend.StopService(t.Context(), enclave.UUID, "lost"))
	require.Equal(t, 1, alive())

	b.serve(t.Context())
	require.NoError(t, b.server.Revive(t.Context()))
	list, err := b.client.GetServices(t.Context(), connect.NewRequest(&pb.GetServicesArgs{}))
	require.NoError(t, err)
	require.Equal(t, pb.ServiceStatus_RUNNING, list.Msg.ServiceInfo["lost"].ServiceStatus)
	require.Equal(t, pb.ServiceStatus_STOPPED, list.Msg.ServiceInfo["off"].ServiceStatus)
}

// A service whose Pod was taken away, as by the drain of a node, is started again; one that ends by itself is not.
func TestInterrupted(t *testing.T) {
	b := newBench(t)
	life, end := context.WithCancel(t.Context())
	var watch sync.WaitGroup
	watch.Go(func() { b.server.Run(life) })
	defer watch.Wait()
	defer end()
	said := b.script(`
def run(plan):
    for name in ["drained", "done"]:
        plan.add_service(name=name, config=ServiceConfig(image="toolbox", cmd=["sleep"]))
`, nil)
	require.Equal(t, "finished true ", said[len(said)-1])
	enclave, err := b.backend.InspectEnclave(t.Context(), "demo")
	require.NoError(t, err)
	events, err := b.backend.Watch(t.Context(), enclave.UUID)
	require.NoError(t, err)
	require.NoError(t, b.backend.StopService(t.Context(), enclave.UUID, "done"))
	require.NoError(t, b.backend.Interrupt(t.Context(), enclave.UUID, "drained"))
	for event := range events {
		require.NoError(t, event.Err)
		if event.Type == backends.ServiceStarted {
			require.Equal(t, "drained", event.Service)
			break
		}
	}
	drained, err := b.backend.InspectService(t.Context(), enclave.UUID, "drained")
	require.NoError(t, err)
	require.Equal(t, backends.Running, drained.State)
	require.False(t, drained.Interrupted)
	done, err := b.backend.InspectService(t.Context(), enclave.UUID, "done")
	require.NoError(t, err)
	require.Equal(t, backends.Stopped, done.State)
}
