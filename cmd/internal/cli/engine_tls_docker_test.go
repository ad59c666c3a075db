//go:build docker

package cli_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/kurtosis-go/kurtosis/api/engineapi/engineapiconnect"
	"github.com/kurtosis-go/kurtosis/backends"
)

// TestEngineTLS works through an engine that speaks TLS, and its API containers; nothing else is answered.
func TestEngineTLS(t *testing.T) {
	config := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", config)
	file := program(t, "tls")
	name, port := "tls-"+backends.NewUUID()[:8], freePort(t)
	t.Setenv("KURTOSIS_ENGINE", name)
	ok := func(args ...string) string {
		t.Helper()
		out, errOut, status := command(t, file, args...)
		require.Zero(t, status, "%v: %s", args, errOut)
		return out
	}
	var image string
	t.Cleanup(func() {
		ok("clean", "-a")
		ok("engine", "stop", "--forget")
		_ = exec.Command("docker", "rmi", image).Run()
	})
	works := func() {
		t.Helper()
		require.Contains(t, ok("engine", "status"), "API version: 1.20.0\n")
		require.Contains(t, ok("enclave", "inspect", name), "Status:")
		plain := engineapiconnect.NewEngineServiceClient(http.DefaultClient, "http://127.0.0.1:"+port)
		_, err := plain.GetEngineInfo(t.Context(), connect.NewRequest(&emptypb.Empty{}))
		require.ErrorContains(t, err, "400 Bad Request") // "client sent an HTTP request to an HTTPS server"
		strangers := engineapiconnect.NewEngineServiceClient(http.DefaultClient, "https://127.0.0.1:"+port)
		_, err = strangers.GetEngineInfo(t.Context(), connect.NewRequest(&emptypb.Empty{}))
		require.ErrorContains(t, err, "certificate signed by unknown authority")
	}
	require.Equal(t, "engine '"+name+"' runs on 127.0.0.1:"+port+" (tls)\n", ok("engine", "start", "--port", port, "--tls"))
	out, err := exec.Command("docker", "inspect", "-f", "{{.Config.Image}}", backends.EngineName(name)).Output()
	require.NoError(t, err)
	image = string(out[:len(out)-1])
	authority := filepath.Join(config, "kurtosis", "tls", name, "ca.pem")
	info, err := os.Stat(authority)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	ok("enclave", "add", "--name", name)
	works()

	// Replaced, it keeps its certificate.
	ok("engine", "restart")
	works()

	require.NoError(t, os.Rename(authority, authority+".away"))
	_, errOut, status := command(t, file, "enclave", "ls")
	require.Equal(t, 1, status)
	require.Equal(t, "kurtosis: the engine '"+name+"' speaks TLS, and '"+authority+"' does not hold its authority\n"+
		"hint: copy that file from where the engine was started\n", errOut)
	require.NoError(t, os.Rename(authority+".away", authority))
}
