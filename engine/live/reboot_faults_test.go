//go:build faults && linux

package live_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/kurtosis-go/kurtosis/api/apicontainerapi"
	"github.com/kurtosis-go/kurtosis/api/engineapi"
)

// TestReboot ends the Docker daemon in the middle of a run, once together with all that it runs, as a power cut does,
// and once alone, and starts it again: engine, API container and services come back by themselves with their
// addresses, ports and data, what was stopped on purpose stays so, and the run goes on where it was.
func TestReboot(t *testing.T) {
	withMachine(t, func(m *machine) {
		image, engine := toolbox(t), startEngine(t)
		t.Cleanup(func() { m.explain(engine) })
		for _, end := range []struct {
			how string
			do  func()
		}{{"power cut", m.cut}, {"daemon killed", m.kill}} {
			e := engine.enclave(t, "reboot")
			script := fmt.Sprintf(`
def run(plan, code=1):
    plan.add_service(name="first", config=ServiceConfig(image=%[1]q, cmd=["http", "8080", "first"], ports={"http": PortSpec(number=8080)}))
    plan.exec(service_name="first", recipe=ExecRecipe(command=["/toolbox", "write", "/kept", "since before"]))
    plan.add_service(name="off", config=ServiceConfig(image=%[1]q, cmd=["sleep"]))
    plan.stop_service(name="off")
    plan.add_service(name="ended", config=ServiceConfig(image=%[1]q, cmd=["exit", "0"]))
    plan.wait(service_name="first", recipe=ExecRecipe(command=["/toolbox", "exit", "0"]), field="code", assertion="==", target_value=code, timeout="1h")
    plan.render_templates(name="made-after", config={"/a": struct(template="x", data={})})
`, image)
			ports := map[string]uint32{}
			_, err := e.run(within(t, time.Minute), script, `{"code": 1}`, func(l *pb.StarlarkRunResponseLine) {
				if l.GetInstruction().GetInstructionName() != "wait" {
					return
				}
				ports["first"] = e.services(t)["first"].MaybePublicPorts["http"].Number
				var alive []string
				require.Eventually(t, func() bool { // what has ended is known to have, a moment later
					text, err := os.ReadFile(filepath.Join(m.volume(e.uuid), "alive.json"))
					return err == nil && json.Unmarshal(text, &alive) == nil && len(alive) == 1
				}, 30*time.Second, 50*time.Millisecond, "%s: %v of %v", end.how, &alive, e.services(t))
				end.do()
			})
			require.Error(t, err, "%s: the API container is gone with the daemon", end.how)
			m.start()
			answers(t, func(ctx context.Context) error {
				_, err := engine.GetEngineInfo(ctx, connect.NewRequest(&emptypb.Empty{}))
				return err
			})
			e.answers(t)
			list, err := engine.GetEnclaves(t.Context(), connect.NewRequest(&emptypb.Empty{}))
			require.NoError(t, err)
			back := list.Msg.EnclaveInfo[e.uuid]
			require.Equal(t, engineapi.EnclaveContainersStatus_EnclaveContainersStatus_RUNNING, back.GetContainersStatus(), end.how)
			require.Equal(t, e.info.ApiContainerInfo.IpInsideEnclave, back.ApiContainerInfo.IpInsideEnclave)
			// The services that ran run again, with what they had written.
			services := e.services(t)
			require.Equal(t, pb.ServiceStatus_RUNNING, services["first"].ServiceStatus, "%s: the service runs again by itself", end.how)
			require.Equal(t, ports["first"], services["first"].MaybePublicPorts["http"].Number)
			code, out := e.exec(t, "first", "/toolbox", "read", "/kept")
			require.Zero(t, code)
			require.Equal(t, "since before", strings.TrimSpace(out))
			require.Equal(t, pb.ServiceStatus_STOPPED, services["off"].ServiceStatus, "%s: what was stopped on purpose stays so", end.how)
			require.Equal(t, pb.ServiceStatus_STOPPED, services["ended"].ServiceStatus, "%s: what had ended is not begun again", end.how)
			// The run goes on where it was; a service that ended by itself is asked for again.
			o := e.succeed(t, script, `{"code": 0}`)
			require.Equal(t, []bool{true, true, true, true, false, false, false}, o.skipped, end.how)
			// Nothing was left half: the enclave can be removed whole.
			_, err = engine.DestroyEnclave(t.Context(), connect.NewRequest(&engineapi.DestroyEnclaveArgs{EnclaveIdentifier: e.uuid}))
			require.NoError(t, err)
			require.Empty(t, dockerOut(t, "ps", "-aq", "--filter", "name="+e.uuid))
			require.Empty(t, dockerOut(t, "volume", "ls", "-q", "--filter", "name="+e.uuid))
		}
	})
}
