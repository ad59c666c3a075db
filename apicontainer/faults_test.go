package apicontainer_test

import (
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	pb "github.com/kurtosis-go/kurtosis/api/apicontainerapi"
	"github.com/kurtosis-go/kurtosis/api/apicontainerapi/apicontainerapiconnect"
	"github.com/kurtosis-go/kurtosis/apicontainer"
)

// TestClockJumps has the clock jump a day back and a year ahead while runs wait: what waits goes by time that has
// passed, the next run knows what was done, and nothing takes a negative time.
func TestClockJumps(t *testing.T) {
	b := newBench(t)
	var offset atomic.Int64
	server, err := apicontainer.New(t.Context(), apicontainer.Options{
		Backend: b.backend, Enclave: "demo", Dir: b.dir,
		Now: func() time.Time {
			// each look at the clock finds it elsewhere
			if n := offset.Add(1); n%2 == 0 {
				return time.Now().Add(-24 * time.Hour)
			}
			return time.Now().Add(365 * 24 * time.Hour)
		},
	})
	require.NoError(t, err)
	h := httptest.NewServer(server.Handler())
	t.Cleanup(h.Close)
	b.server, b.client = server, apicontainerapiconnect.NewApiContainerServiceClient(h.Client(), h.URL)
	script := `
def run(plan, code):
    plan.add_service(name="web", config=ServiceConfig(image="toolbox", cmd=["http", "8080", "x"], ports={"http": PortSpec(number=8080)}))
    plan.wait(service_name="web", recipe=ExecRecipe(command=["/toolbox", "exit", "0"]), field="code", assertion="==", target_value=code, interval="1ms", timeout="300ms")
`
	with := func(params string) func(*pb.RunStarlarkScriptArgs) {
		return func(a *pb.RunStarlarkScriptArgs) { a.SerializedParams = proto.String(params) }
	}
	got := b.script(script, with(`{"code": 1}`))
	require.Equal(t, "finished false ", got[len(got)-1])
	require.Contains(t, strings.Join(got, "\n"), "did not come true within 300ms")
	got = b.script(script, with(`{"code": 0}`))
	require.Equal(t, "finished true ", got[len(got)-1], "%v", got)
	require.Contains(t, strings.Join(got, "\n"), "instruction add_service at 3:21 skipped=true")
}

// TestThousandServices plans, validates and runs a thousand services, and finds nothing to do in them afterwards.
func TestThousandServices(t *testing.T) {
	b := newBench(t)
	script := `
def run(plan):
    for i in range(1000):
        plan.add_service(name="s%d" % i, config=ServiceConfig(image="toolbox", cmd=["sleep"]))
`
	parallel := func(a *pb.RunStarlarkScriptArgs) { a.Parallel = proto.Bool(true) }
	got := b.script(script, parallel)
	require.Equal(t, "finished true ", got[len(got)-1])
	require.NotNil(t, b.service("s999"))
	got = b.script(script, parallel)
	require.Equal(t, "finished true ", got[len(got)-1])
	skipped := 0
	for _, line := range got {
		if strings.Contains(line, "skipped=true") {
			skipped++
		}
	}
	require.Equal(t, 1000, skipped)
}
