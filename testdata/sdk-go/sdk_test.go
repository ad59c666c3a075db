// Package sdk drives an engine with the Go SDK of the reference, as it is published, through the life of enclaves.
package sdk

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	rpc "github.com/kurtosis-tech/kurtosis/api/golang/core/kurtosis_core_rpc_api_bindings"
	"github.com/kurtosis-tech/kurtosis/api/golang/core/lib/enclaves"
	"github.com/kurtosis-tech/kurtosis/api/golang/core/lib/services"
	"github.com/kurtosis-tech/kurtosis/api/golang/core/lib/starlark_run_config"
	engine "github.com/kurtosis-tech/kurtosis/api/golang/engine/kurtosis_engine_rpc_api_bindings"
	"github.com/kurtosis-tech/kurtosis/api/golang/engine/lib/kurtosis_context"
	"github.com/stretchr/testify/require"
)

func toolbox(t *testing.T) string {
	t.Helper()
	ref := os.Getenv("SDK_TEST_IMAGE")
	require.NotEmpty(t, ref, "SDK_TEST_IMAGE names the test image; scripts/test-sdk.sh sets it")
	return ref
}

func connect(t *testing.T) *kurtosis_context.KurtosisContext {
	t.Helper()
	k, err := kurtosis_context.NewKurtosisContextFromLocalEngine()
	require.NoError(t, err)
	return k
}

// enclave makes an enclave that is gone after the test.
func enclave(t *testing.T, k *kurtosis_context.KurtosisContext, prefix string) *enclaves.EnclaveContext {
	t.Helper()
	var b [3]byte
	_, _ = rand.Read(b[:])
	name := prefix + "-" + hex.EncodeToString(b[:])
	e, err := k.CreateEnclave(t.Context(), name)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if _, err := k.GetEnclave(ctx, string(e.GetEnclaveUuid())); err == nil {
			require.NoError(t, k.DestroyEnclave(ctx, string(e.GetEnclaveUuid())))
		}
	})
	return e
}

func script(image string) string {
	return fmt.Sprintf(`
def run(plan, args):
    plan.print("hello " + args["who"])
    plan.add_service(name="web", config=ServiceConfig(
        image=%q, cmd=["print", "one apple", "two pears", "three apples", "+", "http", "8080", "it works"],
        ports={"http": PortSpec(number=8080, application_protocol="http")}))
    return {"who": args["who"]}
`, image)
}

func config(params string, options ...func(*starlark_run_config.StarlarkRunConfig)) *starlark_run_config.StarlarkRunConfig {
	c := starlark_run_config.NewRunStarlarkConfig(starlark_run_config.WithSerializedParams(params))
	for _, o := range options {
		o(c)
	}
	return c
}

func runScript(t *testing.T, e *enclaves.EnclaveContext, image string) *enclaves.StarlarkRunResult {
	t.Helper()
	result, err := e.RunStarlarkScriptBlocking(t.Context(), script(image), config(`{"who": "world"}`))
	require.NoError(t, err)
	return result
}

func TestEnclave(t *testing.T) {
	k, ctx := connect(t), t.Context()
	e := enclave(t, k, "sdk-life")
	uuid := string(e.GetEnclaveUuid())
	require.Len(t, uuid, 32)

	info, err := k.GetEnclave(ctx, e.GetEnclaveName())
	require.NoError(t, err)
	require.Equal(t, uuid, info.EnclaveUuid)
	require.Equal(t, uuid[:12], info.ShortenedUuid)
	require.Equal(t, engine.EnclaveContainersStatus_EnclaveContainersStatus_RUNNING, info.ContainersStatus)
	require.Equal(t, engine.EnclaveAPIContainerStatus_EnclaveAPIContainerStatus_RUNNING, info.ApiContainerStatus)
	require.Equal(t, "127.0.0.1", info.ApiContainerHostMachineInfo.IpOnHostMachine)
	require.WithinDuration(t, time.Now(), info.CreationTime.AsTime(), time.Minute)
	for _, identifier := range []string{e.GetEnclaveName(), uuid[:12], uuid} {
		again, err := k.GetEnclaveContext(ctx, identifier)
		require.NoError(t, err, identifier)
		require.Equal(t, e.GetEnclaveUuid(), again.GetEnclaveUuid())
	}
	all, err := k.GetEnclaves(ctx)
	require.NoError(t, err)
	require.Contains(t, all.GetEnclavesByUuid(), uuid)

	_, err = k.CreateEnclave(ctx, e.GetEnclaveName())
	require.ErrorContains(t, err, fmt.Sprintf("there is an enclave %q already", e.GetEnclaveName()))
	_, err = k.CreateEnclave(ctx, "No Such Name")
	require.ErrorContains(t, err, `enclave name "No Such Name"`)

	runScript(t, e, toolbox(t))
	require.NoError(t, k.StopEnclave(ctx, e.GetEnclaveName()))
	stopped, err := k.GetEnclave(ctx, uuid)
	require.NoError(t, err)
	require.Equal(t, engine.EnclaveContainersStatus_EnclaveContainersStatus_STOPPED, stopped.ContainersStatus)
	require.Equal(t, engine.EnclaveAPIContainerStatus_EnclaveAPIContainerStatus_STOPPED, stopped.ApiContainerStatus)

	require.NoError(t, k.DestroyEnclave(ctx, uuid[:12]))
	_, err = k.GetEnclave(ctx, uuid)
	require.ErrorContains(t, err, "No running enclave found")
	past, err := k.GetExistingAndHistoricalEnclaveIdentifiers(ctx)
	require.NoError(t, err)
	require.Contains(t, past.GetOrderedListOfNames(), e.GetEnclaveName())
	require.ErrorContains(t, k.DestroyEnclave(ctx, uuid), "there is no enclave")
}

func TestScript(t *testing.T) {
	k, ctx := connect(t), t.Context()
	e := enclave(t, k, "sdk-script")
	lines, cancel, err := e.RunStarlarkScript(ctx, script(toolbox(t)), config(`{"who": "world"}`))
	require.NoError(t, err)
	defer cancel()
	var kinds []string
	var instructions []*rpc.StarlarkInstruction
	var finished *rpc.StarlarkRunFinishedEvent
	for line := range lines {
		switch {
		case line.GetInstruction() != nil:
			kinds = append(kinds, "instruction")
			instructions = append(instructions, line.GetInstruction())
		case line.GetInstructionResult() != nil:
			kinds = append(kinds, "result: "+line.GetInstructionResult().SerializedInstructionResult)
		case line.GetRunFinishedEvent() != nil:
			kinds = append(kinds, "finished")
			finished = line.GetRunFinishedEvent()
		case line.GetError() != nil:
			t.Fatal(line.GetError())
		}
	}
	web, err := e.GetServiceContext("web")
	require.NoError(t, err)
	require.Equal(t, []string{
		"instruction", "result: hello world",
		"instruction", fmt.Sprintf("result: Service 'web' added with service UUID '%s'", web.GetServiceUUID()),
		"finished",
	}, kinds)
	require.Equal(t, "print", instructions[0].InstructionName)
	require.Equal(t, `print(msg="hello world")`, instructions[0].ExecutableInstruction)
	require.EqualValues(t, 3, instructions[0].Position.Line)
	require.EqualValues(t, 15, instructions[0].Position.Column)
	require.Equal(t, `"hello world"`, instructions[0].Arguments[0].SerializedArgValue)
	require.Equal(t, "msg", instructions[0].Arguments[0].GetArgName())
	require.True(t, finished.IsRunSuccessful)
	require.JSONEq(t, `{"who": "world"}`, finished.GetSerializedOutput())

	// The same again has nothing to do.
	again := runScript(t, e, toolbox(t))
	require.Contains(t, string(again.RunOutput), "SKIPPED - This instruction has already been run in this enclave")
	for _, i := range again.Instructions {
		require.True(t, i.IsSkipped, i.InstructionName)
	}

	record, err := e.GetStarlarkRun(ctx)
	require.NoError(t, err)
	require.Equal(t, script(toolbox(t)), record.SerializedScript)
	require.JSONEq(t, `{"who": "world"}`, record.SerializedParams)
	require.Equal(t, rpc.RestartPolicy_NEVER, record.RestartPolicy)
}

func TestErrors(t *testing.T) {
	k, ctx := connect(t), t.Context()
	e := enclave(t, k, "sdk-errors")
	result, err := e.RunStarlarkScriptBlocking(ctx, "def run(plan):\n    plan.nothing()\n", config("{}"))
	require.Error(t, err)
	require.Contains(t, result.InterpretationError.GetErrorMessage(), "nothing")

	result, err = e.RunStarlarkScriptBlocking(ctx, "def run(plan):\n    plan.remove_service(name=\"absent\")\n", config("{}"))
	require.Error(t, err)
	require.Len(t, result.ValidationErrors, 1)
	require.Contains(t, result.ValidationErrors[0].ErrorMessage, "absent")

	result, err = e.RunStarlarkScriptBlocking(ctx, "def run(plan):\n    plan.verify(value=\"a\", assertion=\"==\", target_value=\"b\")\n", config("{}"))
	require.Error(t, err)
	require.Contains(t, result.ExecutionError.GetErrorMessage(), "verify at [2:16]")

	result, err = e.RunStarlarkScriptBlocking(ctx, "def run(plan):\n    pass\n", config(`[1]`))
	require.Error(t, err)
	require.Contains(t, result.InterpretationError.GetErrorMessage(), "the arguments are a list, and must be a JSON or YAML object")

	dry := func(c *starlark_run_config.StarlarkRunConfig) { c.DryRun = true }
	result, err = e.RunStarlarkScriptBlocking(ctx, script(toolbox(t)), config(`{"who": "nobody"}`, dry))
	require.NoError(t, err)
	require.Len(t, result.Instructions, 2)
	require.Empty(t, result.RunOutput)
	list, err := e.GetServices()
	require.NoError(t, err)
	require.Empty(t, list, "a dry run starts nothing")
}

func TestPackage(t *testing.T) {
	k, ctx := connect(t), t.Context()
	e := enclave(t, k, "sdk-package")
	params := fmt.Sprintf(`{"image": %q, "count": 2}`, toolbox(t))
	result, err := e.RunStarlarkPackageBlocking(ctx, "package", config(params))
	require.NoError(t, err)
	require.Contains(t, string(result.RunOutput), `"body": "worker 0"`)

	plan, err := e.GetStarlarkPackagePlanYaml(ctx, "package", params)
	require.NoError(t, err)
	require.Contains(t, plan.PlanYaml, "packageId: github.com/example/sdk-package\n")
	require.Contains(t, plan.PlanYaml, "name: worker-1\n")

	list, err := e.GetServices()
	require.NoError(t, err)
	require.Len(t, list, 2)
	contexts, err := e.GetServiceContexts(map[string]bool{"worker-0": true, string(list["worker-1"])[:12]: true})
	require.NoError(t, err)
	require.Len(t, contexts, 2)
	first := contexts["worker-0"]
	require.Equal(t, map[string]string{"tier": "back"}, first.GetLabels())
	require.EqualValues(t, 8080, first.GetPrivatePorts()["http"].GetNumber())
	require.Equal(t, "127.0.0.1", first.GetMaybePublicIPAddress())
	public := fmt.Sprintf("http://127.0.0.1:%d/", first.GetPublicPorts()["http"].GetNumber())
	resp, err := http.Get(public)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, errors.Join(err, resp.Body.Close()))
	require.Equal(t, "worker 0", string(body))

	code, output, err := first.ExecCommand([]string{"/toolbox", "read", "/static/hello.txt"})
	require.NoError(t, err)
	require.EqualValues(t, 0, code)
	require.Equal(t, "hello from the package\n", output)
	code, _, err = first.ExecCommand([]string{"/toolbox", "exit", "3"})
	require.NoError(t, err)
	require.EqualValues(t, 3, code)
	_, err = e.GetServiceContext("absent")
	require.ErrorContains(t, err, `has no service "absent"`)

	// Services are started, stopped and removed by scripts.
	for _, step := range []struct {
		call   string
		states map[string]rpc.ServiceStatus
	}{
		{"stop_service", map[string]rpc.ServiceStatus{"worker-0": rpc.ServiceStatus_RUNNING, "worker-1": rpc.ServiceStatus_STOPPED}},
		{"start_service", map[string]rpc.ServiceStatus{"worker-0": rpc.ServiceStatus_RUNNING, "worker-1": rpc.ServiceStatus_RUNNING}},
		{"remove_service", map[string]rpc.ServiceStatus{"worker-0": rpc.ServiceStatus_RUNNING}},
	} {
		_, err := e.RunStarlarkScriptBlocking(ctx, fmt.Sprintf("def run(plan):\n    plan.%s(name=\"worker-1\")\n", step.call), config("{}"))
		require.NoError(t, err, step.call)
		require.Equal(t, step.states, states(t, e), step.call)
	}
}

func states(t *testing.T, e *enclaves.EnclaveContext) map[string]rpc.ServiceStatus {
	t.Helper()
	list, err := e.GetServices()
	require.NoError(t, err)
	out := map[string]rpc.ServiceStatus{}
	for name, uuid := range list {
		out[string(name)] = rpc.ServiceStatus_STOPPED
		if s, err := e.GetServiceContext(string(uuid)); err == nil && len(s.GetPublicPorts()) > 0 {
			out[string(name)] = rpc.ServiceStatus_RUNNING
		}
	}
	return out
}

func TestFiles(t *testing.T) {
	k, ctx := connect(t), t.Context()
	e := enclave(t, k, "sdk-files")
	runScript(t, e, toolbox(t))
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "small.txt"), []byte("small\n"), 0o644))
	big := make([]byte, 7<<20) // does not compress: several chunks
	_, _ = rand.Read(big)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "big.bin"), big, 0o600))

	uuid, name, err := e.UploadFiles(dir, "files")
	require.NoError(t, err)
	require.EqualValues(t, "files", name)
	for _, identifier := range []string{"files", string(uuid), string(uuid)[:12]} {
		archive, err := e.DownloadFilesArtifact(ctx, identifier)
		require.NoError(t, err)
		got := unpack(t, archive)
		require.Equal(t, "small\n", string(got["small.txt"]))
		require.True(t, bytes.Equal(big, got["big.bin"]), "what was uploaded comes back")
	}
	_, made, err := e.UploadFiles(filepath.Join(dir, "small.txt"), "")
	require.NoError(t, err)
	require.NotEmpty(t, made)

	contents, err := e.InspectFilesArtifact(ctx, "files")
	require.NoError(t, err)
	sizes := map[string]uint64{}
	for _, f := range contents.FileDescriptions {
		sizes[f.Path] = f.Size
		if f.Path == "small.txt" {
			require.Equal(t, "small\n", f.GetTextPreview())
		}
		if f.Path == "big.bin" {
			require.Nil(t, f.TextPreview)
		}
	}
	require.EqualValues(t, 6, sizes["small.txt"])
	require.EqualValues(t, len(big), sizes["big.bin"])

	web, err := e.GetServiceContext("web")
	require.NoError(t, err)
	_, err = e.StoreWebFiles(ctx, fmt.Sprintf("http://%s:8080/", web.GetPrivateIPAddress()), "from-web")
	require.NoError(t, err)
	archive, err := e.DownloadFilesArtifact(ctx, "from-web")
	require.NoError(t, err)
	require.Equal(t, "it works", string(unpack(t, archive)["download"]))

	names, err := e.GetAllFilesArtifactNamesAndUuids(ctx)
	require.NoError(t, err)
	require.Len(t, names, 3)
	_, err = e.DownloadFilesArtifact(ctx, "absent")
	require.ErrorContains(t, err, `has no files artifact "absent"`)
}

func unpack(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(archive))
	require.NoError(t, err)
	files := map[string][]byte{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		require.NoError(t, err)
		files[strings.TrimPrefix(h.Name, "./")], err = io.ReadAll(r)
		require.NoError(t, err)
	}
}

func logs(t *testing.T, k *kurtosis_context.KurtosisContext, enclave, service string, follow, all bool, n uint32, filter *kurtosis_context.LogLineFilter, until int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	uuid := services.ServiceUUID(service)
	stream, stop, err := k.GetServiceLogs(ctx, enclave, map[services.ServiceUUID]bool{uuid: true}, follow, all, n, filter)
	require.NoError(t, err)
	defer stop()
	var lines []string
	for content := range stream {
		require.Empty(t, content.GetNotFoundServiceUuids())
		for _, line := range content.GetServiceLogsByServiceUuids()[uuid] {
			lines = append(lines, line.GetContent())
		}
		if until > 0 && len(lines) >= until {
			return lines
		}
	}
	require.NoError(t, ctx.Err())
	return lines
}

func TestLogs(t *testing.T) {
	k, ctx := connect(t), t.Context()
	e := enclave(t, k, "sdk-logs")
	runScript(t, e, toolbox(t))
	name := e.GetEnclaveName()
	list, err := e.GetServices()
	require.NoError(t, err)
	web := string(list["web"])
	said := []string{"one apple", "two pears", "three apples"}
	require.Equal(t, said, logs(t, k, name, web, false, true, 0, nil, 0))
	require.Equal(t, said[1:], logs(t, k, name, web, false, false, 2, nil, 0))
	for _, c := range []struct {
		filter *kurtosis_context.LogLineFilter
		want   []string
	}{
		{kurtosis_context.NewDoesContainTextLogLineFilter("apple"), []string{said[0], said[2]}},
		{kurtosis_context.NewDoesNotContainTextLogLineFilter("apple"), said[1:2]},
		{kurtosis_context.NewDoesContainMatchRegexLogLineFilter("^t.*s$"), said[1:]},
		{kurtosis_context.NewDoesNotContainMatchRegexLogLineFilter("^t.*s$"), said[:1]},
	} {
		require.Equal(t, c.want, logs(t, k, name, web, false, true, 0, c.filter, 0))
	}

	// Followed, lines arrive that are written later.
	_, err = e.RunStarlarkScriptBlocking(ctx, fmt.Sprintf(`
def run(plan):
    plan.add_service(name="clock", config=ServiceConfig(image=%q, cmd=["count", "5", "300ms", "+", "sleep"]))
`, toolbox(t)), config("{}"))
	require.NoError(t, err)
	list, err = e.GetServices()
	require.NoError(t, err)
	require.Equal(t, []string{"1", "2", "3", "4", "5"}, logs(t, k, name, string(list["clock"]), true, true, 0, nil, 5))

	// A service that is replaced keeps its log.
	_, err = e.RunStarlarkScriptBlocking(ctx, fmt.Sprintf(`
def run(plan):
    plan.add_service(name="web", config=ServiceConfig(image=%q, cmd=["print", "tick 1", "tick 2", "tick 3", "+", "sleep"]))
`, toolbox(t)), config("{}"))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		return slices.Equal(append(slices.Clone(said), "tick 1", "tick 2", "tick 3"), logs(t, k, name, web, false, true, 0, nil, 0))
	}, 20*time.Second, 100*time.Millisecond, "what the replaced container said is kept")

	// The log outlives the service, and the enclave.
	_, err = e.RunStarlarkScriptBlocking(ctx, "def run(plan):\n    plan.remove_service(name=\"web\")\n", config("{}"))
	require.NoError(t, err)
	require.Equal(t, []string{"tick 2"}, logs(t, k, name, web, false, true, 0, kurtosis_context.NewDoesContainTextLogLineFilter("tick 2"), 0))
	require.NoError(t, k.DestroyEnclave(ctx, name))
	require.Equal(t, []string{"tick 3"}, logs(t, k, name, web, false, false, 1, nil, 0))
}

// TestRestart kills an API container in the middle of a run: the next run goes on where it was.
func TestRestart(t *testing.T) {
	k, ctx := connect(t), t.Context()
	e := enclave(t, k, "sdk-restart")
	long := fmt.Sprintf(`
def run(plan, code=1):
    plan.add_service(name="first", config=ServiceConfig(image=%q, cmd=["http", "8080", "x"], ports={"http": PortSpec(number=8080)}))
    plan.wait(service_name="first", recipe=ExecRecipe(command=["/toolbox", "exit", "0"]), field="code", assertion="==", target_value=code, timeout="1h")
    plan.print("after")
`, toolbox(t))
	lines, cancel, err := e.RunStarlarkScript(ctx, long, config("{}"))
	require.NoError(t, err)
	defer cancel()
	for line := range lines {
		if line.GetInstruction().GetInstructionName() == "wait" {
			break
		}
	}
	kill(t, e, true)
	for range lines { // it ends
	}
	var result *enclaves.StarlarkRunResult
	require.Eventually(t, func() bool {
		result, err = e.RunStarlarkScriptBlocking(ctx, long, config(`{"code": 0}`))
		return err == nil
	}, time.Minute, 200*time.Millisecond)
	require.Len(t, result.Instructions, 3)
	require.True(t, result.Instructions[0].IsSkipped, "the service that the killed run made is not made again")
	require.False(t, result.Instructions[1].IsSkipped, "the step that was not done is")
}

// kill ends the API container of an enclave as kill -9 does; it is started again by what keeps it. SDK_TEST_KILL is a script
// that does so elsewhere than on Docker, with the UUID as its argument, and "hard" or, where the container is to have its time to
// end, "soft".
func kill(t *testing.T, e *enclaves.EnclaveContext, hard bool) {
	t.Helper()
	script := os.Getenv("SDK_TEST_KILL")
	if script == "" {
		script = `kill -9 "$(docker inspect -f '{{.State.Pid}}' "kurtosis-api--$1")"`
	}
	how := "soft"
	if hard {
		how = "hard"
	}
	out, err := exec.Command("bash", "-c", script, "kill", string(e.GetEnclaveUuid()), how).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// TestKilledAtEveryStep kills the API container's process as each step of a run begins, or as those of SDK_TEST_KILLED_STEPS do. It is
// started again, and the next run does what is left: steps that were done are not done again, and the end is the same.
func TestKilledAtEveryStep(t *testing.T) {
	k, ctx := connect(t), t.Context()
	run := fmt.Sprintf(`
def run(plan):
    plan.render_templates(name="conf", config={"/a.txt": struct(template="{{ .n }}", data={"n": 1})})
    one = plan.add_service(name="one", config=ServiceConfig(image=%[1]q, cmd=["sleep"], files={"/conf": "conf"}))
    read = plan.exec(service_name="one", recipe=ExecRecipe(command=["/toolbox", "read", "/conf/a.txt"]))
    plan.store_service_files(service_name="one", src="/from-image/default.txt", name="kept")
    plan.add_services(configs={"two": ServiceConfig(image=%[1]q, cmd=["sleep"]), "three": ServiceConfig(image=%[1]q, cmd=["sleep"])})
    plan.verify(value=read["output"], assertion="==", target_value="1")
    plan.print(one.ip_address)
    return one.ip_address
`, toolbox(t))
	const steps = 7
	e := enclave(t, k, "sdk-kills")
	fresh := config("{}", func(c *starlark_run_config.StarlarkRunConfig) {
		c.ExperimentalFeatureFlags = []rpc.KurtosisFeatureFlag{rpc.KurtosisFeatureFlag_NO_INSTRUCTIONS_CACHING}
	})
	killed := []int{1, 2, 3, 4, 5, 6, steps}
	if some := os.Getenv("SDK_TEST_KILLED_STEPS"); some != "" {
		killed = nil
		for _, word := range strings.Fields(some) {
			step, err := strconv.Atoi(word)
			require.NoError(t, err)
			killed = append(killed, step)
		}
	}
	for _, last := range killed {
		lines, cancel, err := e.RunStarlarkScript(ctx, run, fresh)
		require.NoError(t, err)
		begun := 0
		for line := range lines {
			if line.GetInstruction() == nil {
				continue
			}
			if begun++; begun == last {
				kill(t, e, last%2 == 1)
			}
		}
		cancel()
		require.GreaterOrEqual(t, begun, last)
		var result *enclaves.StarlarkRunResult
		require.Eventually(t, func() bool {
			result, err = e.RunStarlarkScriptBlocking(ctx, run, config("{}"))
			return err == nil && len(result.Instructions) == steps // the SDK takes a broken connection for the end
		}, 2*time.Minute, 100*time.Millisecond, "killed at step %d", last)
		for i, instruction := range result.Instructions[:last-1] {
			require.True(t, instruction.IsSkipped, "killed at step %d: step %d was done", last, i+1)
		}
		require.Equal(t, map[string]rpc.ServiceStatus{"one": rpc.ServiceStatus_RUNNING, "two": rpc.ServiceStatus_RUNNING, "three": rpc.ServiceStatus_RUNNING}, running(t, e), "killed at step %d", last)
		names, err := e.GetAllFilesArtifactNamesAndUuids(ctx)
		require.NoError(t, err)
		require.Len(t, names, 2, "killed at step %d", last)
	}
}

// running gives the states of services that publish no port.
func running(t *testing.T, e *enclaves.EnclaveContext) map[string]rpc.ServiceStatus {
	t.Helper()
	list, err := e.GetServices()
	require.NoError(t, err)
	out := map[string]rpc.ServiceStatus{}
	for name, uuid := range list {
		s, err := e.GetServiceContext(string(uuid))
		require.NoError(t, err)
		code, _, err := s.ExecCommand([]string{"/toolbox", "exit", "0"})
		if out[string(name)] = rpc.ServiceStatus_STOPPED; err == nil && code == 0 {
			out[string(name)] = rpc.ServiceStatus_RUNNING
		}
	}
	return out
}

// TestTwoRuns starts two runs at once in one enclave: one waits for the other.
func TestTwoRuns(t *testing.T) {
	k := connect(t)
	e := enclave(t, k, "sdk-two")
	results := make(chan error, 2)
	for i := range 2 {
		go func() {
			_, err := e.RunStarlarkScriptBlocking(t.Context(), fmt.Sprintf(`
def run(plan):
    plan.add_service(name="s%d", config=ServiceConfig(image=%q, cmd=["sleep"]))
`, i, toolbox(t)), config("{}"))
			results <- err
		}()
	}
	require.NoError(t, errors.Join(<-results, <-results))
	list, err := e.GetServices()
	require.NoError(t, err)
	require.Len(t, list, 2)
}
