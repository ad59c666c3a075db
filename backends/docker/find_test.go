package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
)

// environment makes a getenv from pairs.
func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

// writeContext stores a context as `docker context create` does.
func writeContext(t *testing.T, home, name, meta string) {
	t.Helper()
	sum := sha256.Sum256([]byte(name))
	dir := filepath.Join(home, ".docker/contexts/meta", hex.EncodeToString(sum[:]))
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "meta.json"), []byte(meta), 0o644))
}

func TestCandidates(t *testing.T) {
	home := t.TempDir()
	writeContext(t, home, "remote", `{"Name":"remote","Endpoints":{"docker":{"Host":"tcp://10.0.0.1:2376","SkipTLSVerify":true}}}`)
	hosts := func(host string, getenv func(string) string) (list []string) {
		t.Helper()
		found, err := candidates(host, getenv, home)
		require.NoError(t, err)
		for _, e := range found {
			list = append(list, e.host)
		}
		return list
	}
	require.Equal(t, []string{
		"unix:///var/run/docker.sock", "unix:///run/user/7/docker.sock", "unix://" + home + "/.docker/run/docker.sock",
		"unix:///run/user/7/podman/podman.sock", "unix:///run/podman/podman.sock",
	}, hosts("", environment("XDG_RUNTIME_DIR", "/run/user/7")))
	require.Equal(t, []string{"tcp://h:1"}, hosts("", environment("DOCKER_HOST", "tcp://h:1", "DOCKER_CONTEXT", "remote")))
	require.Equal(t, []string{"unix:///asked"}, hosts("unix:///asked", environment("DOCKER_HOST", "tcp://h:1")))
	require.Equal(t, []string{"tcp://10.0.0.1:2376"}, hosts("", environment("DOCKER_CONTEXT", "remote")))
	require.Len(t, hosts("", environment("DOCKER_CONTEXT", "default")), 3)
	require.NoError(t, os.WriteFile(filepath.Join(home, ".docker/config.json"), []byte(`{"currentContext":"remote"}`), 0o644))
	require.Equal(t, []string{"tcp://10.0.0.1:2376"}, hosts("", environment()))
	elsewhere := t.TempDir()
	require.Len(t, hosts("", environment("DOCKER_CONFIG", elsewhere)), 3)

	_, err := candidates("", environment("DOCKER_CONTEXT", "none"), home)
	require.EqualError(t, err, `there is no Docker context "none"`)
	writeContext(t, home, "empty", `{"Endpoints":{}}`)
	_, err = candidates("", environment("DOCKER_CONTEXT", "empty"), home)
	require.EqualError(t, err, `the Docker context "empty" names no Docker host`)
	require.NoError(t, os.WriteFile(filepath.Join(home, ".docker/config.json"), []byte(`{`), 0o644))
	_, err = candidates("", environment(), home)
	require.EqualError(t, err, "Docker's configuration "+filepath.Join(home, ".docker/config.json")+" cannot be read: unexpected end of JSON input")
}

func TestOpenFails(t *testing.T) {
	dir := t.TempDir()
	deaf := filepath.Join(dir, "deaf.sock")
	l, err := net.Listen("unix", deaf)
	require.NoError(t, err)
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	require.NoError(t, l.Close())
	for _, c := range []struct {
		env        []string
		kind       backends.Kind
		want, hint string
	}{
		{[]string{"DOCKER_HOST", "unix://" + dir + "/none.sock"}, backends.EngineUnreachable,
			"no Docker engine answers (tried DOCKER_HOST: unix://" + dir + "/none.sock: no such socket)",
			"DOCKER_HOST says where the engine is: start it there, or choose another"},
		{[]string{"DOCKER_HOST", "unix://" + deaf}, backends.EngineUnreachable,
			"no Docker engine answers (tried DOCKER_HOST: unix://" + deaf + ": nobody listens)",
			"DOCKER_HOST says where the engine is: start it there, or choose another"},
		{[]string{"DOCKER_HOST", "nonsense"}, backends.Invalid,
			`"nonsense" is not the address of an engine`, "it looks like unix:///var/run/docker.sock, tcp://host:2376 or ssh://user@host"},
	} {
		_, err := Open(t.Context(), Options{Getenv: environment(c.env...), Home: dir})
		require.EqualError(t, err, c.want)
		require.Equal(t, c.kind, backends.KindOf(err))
		require.Equal(t, c.hint, backends.HintOf(err))
	}
}

func TestUnreachable(t *testing.T) {
	missing := failure{endpoint{host: "unix:///a.sock"}, &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", os.ErrNotExist)}}
	err := unreachable([]failure{missing, {endpoint{host: "unix:///var/run/docker.sock"}, os.ErrPermission}})
	require.EqualError(t, err, "no permission to use the Docker socket /var/run/docker.sock")
	require.Equal(t, backends.PermissionDenied, backends.KindOf(err))
	require.Equal(t, "join the group that owns it (sudo usermod -aG docker $USER), then log in again; or set DOCKER_HOST to an engine of your own", backends.HintOf(err))
}
