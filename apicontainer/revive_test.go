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
