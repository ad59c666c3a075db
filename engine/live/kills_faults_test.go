//go:build faults

package live_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/kurtosis-go/kurtosis/api/apicontainerapi"
)

// sevenSteps is a script of every kind of step that changes an enclave. Its parameter makes each run another one.
func sevenSteps(image string, n int) string {
	return fmt.Sprintf(`
def run(plan, args):
    plan.render_templates(name="conf", config={"/a.txt": struct(template="{{ .n }}", data={"n": %[2]d})})
    one = plan.add_service(name="one", config=ServiceConfig(image=%[1]q, cmd=["http", "8080", "one"], ports={"http": PortSpec(number=8080)}, files={"/conf": "conf"}))
    read = plan.exec(service_name="one", recipe=ExecRecipe(command=["/toolbox", "read", "/conf/a.txt"]))
    plan.store_service_files(service_name="one", src="/from-image/default.txt", name="kept")
    plan.add_services(configs={"two": ServiceConfig(image=%[1]q, cmd=["sleep"], env_vars={"N": "%[2]d"}), "three": ServiceConfig(image=%[1]q, cmd=["sleep"])})
    plan.verify(value=read["output"], assertion="==", target_value="%[2]d")
    plan.print(one.ip_address)
`, image, n)
}

var sevenNames = []string{"render_templates", "add_service", "exec", "store_service_files", "add_services", "verify", "print"}

// settled asserts the state after a run of sevenSteps, which another run finds to be done.
func settled(t *testing.T, e *enclaveOf, script string, what string) {
	t.Helper()
	o := e.succeed(t, script, "{}")
	require.Equal(t, sevenNames, o.steps, what)
	for i, skipped := range o.skipped {
		// print and verify change nothing and are said again
		require.True(t, skipped || slices.Contains([]string{"print", "verify"}, o.steps[i]), "%s: step %d (%s) was not done", what, i+1, o.steps[i])
	}
	services := e.services(t)
	require.Len(t, services, 3, what)
	for name, s := range services {
		require.Equal(t, pb.ServiceStatus_RUNNING, s.ServiceStatus, "%s: %s", what, name)
	}
	names, err := e.ListFilesArtifactNamesAndUuids(t.Context(), connect.NewRequest(&emptypb.Empty{}))
	require.NoError(t, err)
	require.Len(t, names.Msg.FileNamesAndUuids, 2, what)
}

// TestEngineKilledAtEveryStep kills the engine's process as each step of a run begins. The run, which is the API
// container's, goes on and ends well; Docker starts the engine again, and it knows its enclaves.
func TestEngineKilledAtEveryStep(t *testing.T) {
	image, engine := toolbox(t), startEngine(t)
	e := engine.enclave(t, "kills")
	for step := range len(sevenNames) {
		script, begun := sevenSteps(image, step), 0
		o, err := e.run(t.Context(), script, "{}", func(l *pb.StarlarkRunResponseLine) {
			if l.GetInstruction() == nil {
				return
			}
			if begun == step {
				kill(t, engine.container)
			}
			begun++
		})
		require.NoError(t, err, "killed at step %d", step+1)
		require.True(t, o.ok)
		answers(t, func(ctx context.Context) error {
			list, err := engine.GetEnclaves(ctx, connect.NewRequest(&emptypb.Empty{}))
			if err == nil {
				require.Contains(t, list.Msg.EnclaveInfo, e.uuid)
				require.Equal(t, e.info.ApiContainerHostMachineInfo.GrpcPortOnHostMachine, list.Msg.EnclaveInfo[e.uuid].ApiContainerHostMachineInfo.GrpcPortOnHostMachine)
			}
			return err
		})
		settled(t, e, script, fmt.Sprintf("engine killed at step %d", step+1))
	}
}

// TestClientKilledAtEveryStep kills the process that asked for a run as each of its steps begins. The run goes on to
// its end; who asks again waits for it and finds everything done.
func TestClientKilledAtEveryStep(t *testing.T) {
	image, engine := toolbox(t), startEngine(t)
	e := engine.enclave(t, "clients")
	self, err := os.Executable()
	require.NoError(t, err)
	for step := range len(sevenNames) {
		script := sevenSteps(image, step)
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), clientVariable+"="+script, clientAddress+"="+e.address)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		begun := 0
		for lines := bufio.NewScanner(out); lines.Scan(); {
			require.Equal(t, sevenNames[begun], lines.Text())
			if begun == step {
				require.NoError(t, cmd.Process.Kill())
				break
			}
			begun++
		}
		require.ErrorContains(t, cmd.Wait(), "signal: killed")
		settled(t, e, script, fmt.Sprintf("client killed at step %d", step+1))
	}
}
