package apicontainer_test

import (
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	pb "github.com/kurtosis-go/kurtosis/api/apicontainerapi"
)

// TestMissingImage: what cannot be had is found before the first step, as in the reference.
func TestMissingImage(t *testing.T) {
	b := newBench(t)
	got := b.script(`
def run(plan):
    plan.add_service(name="one", config=ServiceConfig(image="toolbox"))
    plan.add_service(name="two", config=ServiceConfig(image="nowhere:1"))
    plan.add_service(name="three", config=ServiceConfig(image="elsewhere:1"))
    plan.add_service(name="four", config=ServiceConfig(image="nowhere:1"))
`, nil)
	require.Equal(t, `validation error [4:21]: pulling image "nowhere:1": the registry does not have it
[5:21]: pulling image "elsewhere:1": the registry does not have it`, got[len(got)-2])
	require.Equal(t, "finished false ", got[len(got)-1])
	services, err := b.backend.ListServices(t.Context(), b.enclave())
	require.NoError(t, err)
	require.Empty(t, services)
}

func (b *bench) enclave() string {
	b.t.Helper()
	e, err := b.backend.InspectEnclave(b.t.Context(), "demo")
	require.NoError(b.t, err)
	return e.UUID
}

func TestResourceCheck(t *testing.T) {
	b := newBench(t)
	script := `
def run(plan):
    plan.add_service(name="one", config=ServiceConfig(image="toolbox", min_cpu=3000))
`
	refused := "validation error [3:21]: service 'one' needs 3000 thousandths of a CPU, with the services before it 3000, and the engine has 2000"
	for _, check := range []*bool{nil, proto.Bool(true)} {
		got := b.script(script, func(a *pb.RunStarlarkScriptArgs) { a.ResourceCheck = check })
		require.Contains(t, got, refused)
	}
	got := b.script(script, func(a *pb.RunStarlarkScriptArgs) { a.ResourceCheck = proto.Bool(false) })
	require.Equal(t, "finished true ", got[len(got)-1])
}

func TestNoConnect(t *testing.T) {
	b := newBench(t)
	add := func(name string) map[string]*pb.Port {
		t.Helper()
		got := b.script(`
def run(plan, name):
    plan.add_service(name=name, config=ServiceConfig(image="toolbox", ports={"http": PortSpec(80, wait=None)}))
`, func(a *pb.RunStarlarkScriptArgs) { a.SerializedParams = proto.String(`{"name": "` + name + `"}`) })
		require.Equal(t, "finished true ", got[len(got)-1])
		return b.service(name).MaybePublicPorts
	}
	say := func(c pb.Connect) {
		t.Helper()
		_, err := b.client.ConnectServices(t.Context(), connect.NewRequest(&pb.ConnectServicesArgs{Connect: c}))
		require.NoError(t, err)
	}
	require.NotEmpty(t, add("one"))
	say(pb.Connect_NO_CONNECT)
	say(pb.Connect_NO_CONNECT)
	require.Empty(t, add("two"))
	require.NotEmpty(t, b.service("one").MaybePublicPorts, "what runs stays as it is")
	b.serve(t.Context())
	require.Empty(t, add("three"), "also after the API container was started again")
	say(pb.Connect_CONNECT)
	say(pb.Connect_CONNECT)
	require.NotEmpty(t, add("four"))
}
