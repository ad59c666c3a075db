//go:build docker

package cli_test

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/kurtosis-go/kurtosis/api/engineapi"
	"github.com/kurtosis-go/kurtosis/api/engineapi/engineapiconnect"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/backendtest/images"
	"github.com/kurtosis-go/kurtosis/backends/docker"
)

// program builds kurtosis as it is shipped, of a version.
func program(t *testing.T, version string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kurtosis")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w -X github.com/kurtosis-go/kurtosis/cmd/internal/cli.Version="+version, "-o", file, "github.com/kurtosis-go/kurtosis/cmd/kurtosis")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return file
}

func command(t *testing.T, file string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := exec.Command(file, args...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		var ended *exec.ExitError
		require.ErrorAs(t, err, &ended)
		status = ended.ExitCode()
	}
	return out.String(), errOut.String(), status
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

type engineStatus struct {
	Name, Status, Address, Build, Image, Container string
	API                                            string `json:"api_version"`
	Outdated                                       bool
}

// TestEngine starts, looks at, replaces and stops engines, two side by side.
func TestEngine(t *testing.T) {
	first, second := program(t, "first"), program(t, "second")
	name, port := "test-"+backends.NewUUID()[:8], freePort(t)
	ok := func(file string, args ...string) string {
		t.Helper()
		out, errOut, status := command(t, file, args...)
		require.Zero(t, status, "%v: %s", args, errOut)
		return out
	}
	status := func(file, name string) (s engineStatus) {
		t.Helper()
		require.NoError(t, json.Unmarshal([]byte(ok(file, "engine", "status", "--name", name, "-o", "json")), &s))
		return s
	}
	var made []string
	t.Cleanup(func() {
		ok(first, "engine", "stop", "--name", name, "--forget")
		ok(first, "engine", "stop", "--name", name+"-2", "--forget")
	})
	require.Equal(t, "engine '"+name+"' does not run\n", ok(first, "engine", "status", "--name", name))
	require.Equal(t, "engine '"+name+"' runs on 127.0.0.1:"+port+" (first)\n", ok(first, "engine", "start", "--name", name, "--port", port))
	require.Equal(t, "engine '"+name+"' runs already on 127.0.0.1:"+port+" (first)\n", ok(first, "engine", "start", "--name", name, "--port", port))
	require.Equal(t, backends.SystemReady+"engine first (API 1.20.0) listens on port 9710\n", ok(first, "engine", "logs", "--name", name))
	s := status(first, name)
	made = append(made, s.Image)
	require.Equal(t, engineStatus{Name: name, Status: "running", Address: "127.0.0.1:" + port, Build: "first", Image: s.Image, Container: s.Container, API: "1.20.0"}, s)

	// An enclave, to see that it stays.
	client := engineapiconnect.NewEngineServiceClient(http.DefaultClient, "http://127.0.0.1:"+port)
	created, err := client.CreateEnclave(t.Context(), connect.NewRequest(&engineapi.CreateEnclaveArgs{EnclaveName: proto.String(name)}))
	require.NoError(t, err)

	// Another version explains itself, and replaces the engine where it is.
	_, errOut, code := command(t, second, "engine", "start", "--name", name, "--port", port)
	require.Equal(t, 1, code)
	require.Equal(t, "kurtosis: the engine '"+name+"' that runs is of another version (first, this is second)\n"+
		"hint: 'kurtosis engine restart' replaces it; enclaves and their services stay\n", errOut)
	require.True(t, status(second, name).Outdated)
	require.Equal(t, "engine '"+name+"' runs on 127.0.0.1:"+port+" (second)\n", ok(second, "engine", "restart", "--name", name))
	s = status(second, name)
	made = append(made, s.Image)
	require.False(t, s.Outdated)
	list, err := client.GetEnclaves(t.Context(), connect.NewRequest(&emptypb.Empty{}))
	require.NoError(t, err)
	stayed := list.Msg.EnclaveInfo[created.Msg.EnclaveInfo.EnclaveUuid]
	require.Equal(t, created.Msg.EnclaveInfo.ApiContainerHostMachineInfo.GrpcPortOnHostMachine, stayed.ApiContainerHostMachineInfo.GrpcPortOnHostMachine)

	// Two engines: not on one port, and without each other's enclaves.
	_, errOut, code = command(t, second, "engine", "start", "--name", name+"-2", "--port", port)
	require.Equal(t, 1, code)
	require.Contains(t, errOut, ": port "+port+" is taken on the host\nhint: choose another port, or free it")
	other := freePort(t)
	ok(second, "engine", "start", "--name", name+"-2", "--port", other)
	none, err := engineapiconnect.NewEngineServiceClient(http.DefaultClient, "http://127.0.0.1:"+other).GetEnclaves(t.Context(), connect.NewRequest(&emptypb.Empty{}))
	require.NoError(t, err)
	require.Empty(t, none.Msg.EnclaveInfo)

	// An engine that is killed comes back by itself and knows what it knew.
	pid, err := exec.Command("docker", "inspect", "-f", "{{.State.Pid}}", s.Container).Output()
	require.NoError(t, err)
	require.NoError(t, exec.Command("kill", "-9", strings.TrimSpace(string(pid))).Run())
	require.Eventually(t, func() bool {
		list, err = client.GetEnclaves(t.Context(), connect.NewRequest(&emptypb.Empty{}))
		return err == nil
	}, 20*time.Second, 50*time.Millisecond)
	require.Contains(t, list.Msg.EnclaveInfo, created.Msg.EnclaveInfo.EnclaveUuid)
	removed, err := client.Clean(t.Context(), connect.NewRequest(&engineapi.CleanArgs{ShouldCleanAll: proto.Bool(true)}))
	require.NoError(t, err)
	require.Len(t, removed.Msg.RemovedEnclaveNameAndUuids, 1)

	// The image of the first version stayed for the enclave's API container. Now nothing runs from it.
	require.NotEqual(t, made[0], made[1])
	require.True(t, hasImage(made[0]))
	require.Equal(t, "engine '"+name+"' runs on 127.0.0.1:"+port+" (second)\n", ok(second, "engine", "restart", "--name", name))
	require.False(t, hasImage(made[0]))
	require.True(t, hasImage(made[1]))
	require.Equal(t, "engine '"+name+"' stopped\n", ok(second, "engine", "stop", "--name", name, "--forget"))
	require.Equal(t, "engine '"+name+"' does not run\n", ok(second, "engine", "stop", "--name", name))
	require.True(t, hasImage(made[1]), "the other engine runs from it")
	ok(second, "engine", "stop", "--name", name+"-2", "--forget")
	require.False(t, hasImage(made[1]))
}

func hasImage(ref string) bool { return exec.Command("docker", "image", "inspect", ref).Run() == nil }

// TestEngineIsPrivate looks at the ports of an engine from elsewhere: only this machine's loopback leads there.
func TestEngineIsPrivate(t *testing.T) {
	file := program(t, "private")
	name, port := "test-"+backends.NewUUID()[:8], freePort(t)
	out, errOut, status := command(t, file, "engine", "start", "--name", name, "--port", port, "-o", "json")
	require.Zero(t, status, errOut)
	var s engineStatus
	require.NoError(t, json.Unmarshal([]byte(out), &s))
	t.Cleanup(func() {
		_, errOut, status := command(t, file, "engine", "stop", "--name", name, "--forget")
		require.Zero(t, status, errOut)
		_ = exec.Command("docker", "rmi", s.Image).Run()
	})
	b, err := docker.Open(t.Context(), docker.Options{})
	require.NoError(t, err)
	defer b.Close()
	toolbox := images.Toolbox(t)
	images.Ensure(t, b, toolbox)
	elsewhere := func(args ...string) (string, error) {
		run := exec.Command("timeout", append([]string{"10", "docker", "run", "--rm", "--network", "bridge", toolbox.Ref}, args...)...)
		out, err := run.CombinedOutput()
		return string(out), err
	}
	text, err := elsewhere("print", "it runs")
	require.NoError(t, err, text)
	own, err := exec.Command("docker", "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", s.Container).Output()
	require.NoError(t, err)
	gateway, err := exec.Command("docker", "network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}").Output()
	require.NoError(t, err)
	for _, address := range []string{
		net.JoinHostPort(strings.TrimSpace(string(own)), "9710"),   // of the container, on its network
		net.JoinHostPort(strings.TrimSpace(string(gateway)), port), // of the host, as containers see it
	} {
		text, err := elsewhere("dial", "tcp", address)
		require.Error(t, err, "a container can reach %s: %s", address, text)
	}
	conn, err := net.DialTimeout("tcp", "127.0.0.1:"+port, 5*time.Second)
	require.NoError(t, err)
	conn.Close()
}
