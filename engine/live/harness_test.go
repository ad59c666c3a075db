//go:build docker || faults

// Package live shows on a real Docker Engine what no unit test of the engine and its API containers can: faults with
// the state after them, isolation, who may look at what, and what large things cost.
package live_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	pb "github.com/kurtosis-go/kurtosis/api/apicontainerapi"
	"github.com/kurtosis-go/kurtosis/api/apicontainerapi/apicontainerapiconnect"
	"github.com/kurtosis-go/kurtosis/api/engineapi"
	"github.com/kurtosis-go/kurtosis/api/engineapi/engineapiconnect"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/backendtest/images"
	"github.com/kurtosis-go/kurtosis/backends/docker"
)

// buildDir is the variable that names the directory in which the program is built; TestMain makes and removes it.
const buildDir = "KURTOSIS_LIVE_DIR"

// build is the program as it is shipped. KURTOSIS names one that is there.
var build = sync.OnceValues(func() (string, error) {
	if file := os.Getenv("KURTOSIS"); file != "" {
		return file, nil
	}
	file := filepath.Join(os.Getenv(buildDir), "kurtosis")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w -X github.com/kurtosis-go/kurtosis/cmd/internal/cli.Version=live", "-o", file, "github.com/kurtosis-go/kurtosis/cmd/kurtosis")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the program: %w\n%s", err, out)
	}
	return file, nil
})

func TestMain(m *testing.M) {
	if script := os.Getenv(clientVariable); script != "" { // a process that a test is going to kill
		os.Exit(beClient(os.Getenv(clientAddress), script))
	}
	dir, err := os.MkdirTemp("", "kurtosis-live")
	if err == nil {
		err = os.Setenv(buildDir, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

// engineOf is an engine that a test started.
type engineOf struct {
	engineapiconnect.EngineServiceClient
	name, address, image, container string
	http                            *http.Client
}

type status struct {
	Name, Status, Address, Build, Image, Container string
}

// kurtosis runs the program and gives what it printed.
func kurtosis(t testing.TB, args ...string) string {
	t.Helper()
	file, err := build()
	require.NoError(t, err)
	var out, errOut bytes.Buffer
	cmd := exec.Command(file, args...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	require.NoError(t, cmd.Run(), "%v: %s", args, &errOut)
	return out.String()
}

// startEngine starts an engine that is gone after the test, with what it made.
func startEngine(t testing.TB, flags ...string) *engineOf {
	t.Helper()
	name := "live-" + backends.NewUUID()[:8]
	return startNamed(t, name, flags...)
}

func startNamed(t testing.TB, name string, flags ...string) *engineOf {
	t.Helper()
	var s status
	e := &engineOf{name: name, http: &http.Client{Transport: &http.Transport{}}}
	t.Cleanup(func() {
		if e.EngineServiceClient != nil {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Minute)
			defer cancel()
			_, err := e.Clean(ctx, connect.NewRequest(&engineapi.CleanArgs{ShouldCleanAll: new(true)}))
			require.NoError(t, err)
		}
		kurtosis(t, "engine", "stop", "--name", name, "--forget")
		if s.Image != "" {
			_ = exec.Command("docker", "rmi", s.Image).Run() // another engine may run from it
		}
		e.http.CloseIdleConnections()
	})
	args := append([]string{"engine", "start", "--name", name, "--port", freePort(t), "-o", "json"}, flags...)
	require.NoError(t, json.Unmarshal([]byte(kurtosis(t, args...)), &s))
	e.address, e.image, e.container = s.Address, s.Image, s.Container
	e.EngineServiceClient = engineapiconnect.NewEngineServiceClient(e.http, "http://"+s.Address)
	return e
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// enclaveOf is an enclave that a test made, with its API container.
type enclaveOf struct {
	apicontainerapiconnect.ApiContainerServiceClient
	engine     *engineOf
	info       *engineapi.EnclaveInfo
	address    string // of the API container on this machine
	container  string // its name
	uuid, name string
}

func (e *engineOf) enclave(t testing.TB, prefix string) *enclaveOf {
	t.Helper()
	made, err := e.add(t.Context(), prefix+"-"+backends.NewUUID()[:6])
	require.NoError(t, err)
	return made
}

func (e *engineOf) add(ctx context.Context, name string) (*enclaveOf, error) {
	resp, err := e.CreateEnclave(ctx, connect.NewRequest(&engineapi.CreateEnclaveArgs{EnclaveName: &name}))
	if err != nil {
		return nil, err
	}
	return e.open(resp.Msg.EnclaveInfo), nil
}

func (e *engineOf) open(info *engineapi.EnclaveInfo) *enclaveOf {
	host := info.ApiContainerHostMachineInfo
	address := net.JoinHostPort(host.GetIpOnHostMachine(), strconv.Itoa(int(host.GetGrpcPortOnHostMachine())))
	return &enclaveOf{
		ApiContainerServiceClient: apicontainerapiconnect.NewApiContainerServiceClient(e.http, "http://"+address),
		engine:                    e, info: info, address: address, container: backends.APIContainerName(info.EnclaveUuid), uuid: info.EnclaveUuid, name: info.Name,
	}
}

// outcome is what a run said.
type outcome struct {
	steps    []string // instruction names
	skipped  []bool
	results  []string
	infos    []string
	warnings []string
	errors   []string
	ended    bool // it said how it ended
	ok       bool
}

func (o *outcome) add(l *pb.StarlarkRunResponseLine) {
	switch l := l.RunResponseLine.(type) {
	case *pb.StarlarkRunResponseLine_Instruction:
		o.steps = append(o.steps, l.Instruction.InstructionName)
		o.skipped = append(o.skipped, l.Instruction.IsSkipped)
	case *pb.StarlarkRunResponseLine_InstructionResult:
		o.results = append(o.results, l.InstructionResult.SerializedInstructionResult)
	case *pb.StarlarkRunResponseLine_Info:
		o.infos = append(o.infos, l.Info.InfoMessage)
	case *pb.StarlarkRunResponseLine_Warning:
		o.warnings = append(o.warnings, l.Warning.WarningMessage)
	case *pb.StarlarkRunResponseLine_Error:
		e := l.Error
		o.errors = append(o.errors, e.GetInterpretationError().GetErrorMessage()+e.GetValidationError().GetErrorMessage()+e.GetExecutionError().GetErrorMessage())
	case *pb.StarlarkRunResponseLine_RunFinishedEvent:
		o.ended, o.ok = true, l.RunFinishedEvent.IsRunSuccessful
	}
}

func runArgs(script, params string) *connect.Request[pb.RunStarlarkScriptArgs] {
	return connect.NewRequest(&pb.RunStarlarkScriptArgs{SerializedScript: script, SerializedParams: &params})
}

// run runs a script; each, unless nil, is called for each line as it comes.
func (e *enclaveOf) run(ctx context.Context, script, params string, each func(*pb.StarlarkRunResponseLine)) (outcome, error) {
	return receive(ctx, e.ApiContainerServiceClient, runArgs(script, params), each)
}

var errUnfinished = errors.New("the stream ended before the run did")

func receive(ctx context.Context, c apicontainerapiconnect.ApiContainerServiceClient, req *connect.Request[pb.RunStarlarkScriptArgs], each func(*pb.StarlarkRunResponseLine)) (outcome, error) {
	var o outcome
	stream, err := c.RunStarlarkScript(ctx, req)
	if err != nil {
		return o, err
	}
	for stream.Receive() {
		o.add(stream.Msg())
		if each != nil {
			each(stream.Msg())
		}
	}
	err = stream.Err()
	_ = stream.Close() // it has ended
	if err == nil && !o.ended {
		err = errUnfinished
	}
	return o, err
}

// succeed runs a script that has to succeed.
func (e *enclaveOf) succeed(t testing.TB, script, params string) outcome {
	t.Helper()
	o, err := e.run(t.Context(), script, params, nil)
	require.NoError(t, err)
	require.Empty(t, o.errors)
	require.True(t, o.ok)
	return o
}

// services gives the states of the enclave's services by name.
func (e *enclaveOf) services(t testing.TB) map[string]*pb.ServiceInfo {
	t.Helper()
	resp, err := e.GetServices(t.Context(), connect.NewRequest(&pb.GetServicesArgs{}))
	require.NoError(t, err)
	return resp.Msg.ServiceInfo
}

func (e *enclaveOf) exec(t testing.TB, service string, words ...string) (int32, string) {
	t.Helper()
	resp, err := e.ExecCommand(t.Context(), connect.NewRequest(&pb.ExecCommandArgs{ServiceIdentifier: service, CommandArgs: words}))
	require.NoError(t, err)
	return resp.Msg.ExitCode, resp.Msg.LogOutput
}

// dockerOut runs the docker command, which has to succeed.
func dockerOut(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	require.NoError(t, err, "docker %v: %s", args, out)
	return strings.TrimSpace(string(out))
}

// kill ends a container's process as nothing in it can prevent.
func kill(t testing.TB, container string) {
	t.Helper()
	require.NoError(t, exec.Command("kill", "-9", dockerOut(t, "inspect", "-f", "{{.State.Pid}}", container)).Run())
}

// answers waits until a container of ours answers again.
func answers(t testing.TB, ask func(context.Context) error) {
	t.Helper()
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		return ask(ctx) == nil
	}, 60*time.Second, 50*time.Millisecond)
}

func (e *enclaveOf) answers(t testing.TB) {
	t.Helper()
	answers(t, func(ctx context.Context) error {
		_, err := e.GetServices(ctx, connect.NewRequest(&pb.GetServicesArgs{}))
		return err
	})
}

// toolbox makes Docker have the test image, and gives its name.
func toolbox(t testing.TB) string {
	t.Helper()
	b, err := docker.Open(t.Context(), docker.Options{})
	require.NoError(t, err)
	defer b.Close()
	image := images.Toolbox(t)
	images.Ensure(t, b, image)
	return image.Ref
}
