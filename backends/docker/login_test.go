package docker

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
)

// TestLogins reads what `docker login` stored: in the file itself, and behind a credential helper.
func TestLogins(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the helper is a shell script")
	}
	dir, bin := t.TempDir(), t.TempDir()
	write := func(file, text string) {
		t.Helper()
		require.NoError(t, os.WriteFile(file, []byte(text), 0o755))
	}
	open := func(config string) Logins {
		t.Helper()
		write(filepath.Join(dir, "config.json"), config)
		logins, err := OpenLogins(Options{Getenv: func(name string) string {
			return map[string]string{"DOCKER_CONFIG": dir}[name]
		}, Home: dir})
		require.NoError(t, err)
		return logins
	}
	write(filepath.Join(bin, "docker-credential-test"), `#!/bin/sh
read -r server
[ "$server" = ghcr.io ] || { echo "credentials not found in native keychain"; exit 1; }
echo '{"Username": "<token>", "Secret": "t0ken"}'
`)
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))

	require.False(t, open(`{"currentContext": "default"}`).Any())
	logins := open(`{
		"auths": {"https://index.docker.io/v1/": {"auth": "` + base64.StdEncoding.EncodeToString([]byte("me:se:cret")) + `"}, "empty.example": {}},
		"credHelpers": {"ghcr.io": "test", "broken.example": "absent"}}`)
	require.True(t, logins.Any())
	found, err := logins.For(t.Context(), []string{"nginx:1", "ghcr.io/o/r:1", "docker.io/library/redis", "other.example/a", "empty.example/a", "NOT AN IMAGE"})
	require.NoError(t, err)
	require.Equal(t, []backends.RegistryAuth{
		{Registry: "docker.io", Username: "me", Password: "se:cret"}, {Registry: "ghcr.io", Username: backends.TokenUser, Password: "t0ken"},
	}, found)
	_, err = logins.For(t.Context(), []string{"broken.example/a"})
	require.EqualError(t, err, `the credential helper docker-credential-absent of Docker's configuration cannot be run: executable file not found in $PATH`)
	found, err = open(`{"credsStore": "test"}`).For(t.Context(), []string{"nginx", "ghcr.io/a/b"})
	require.NoError(t, err)
	require.Len(t, found, 1)

	write(filepath.Join(dir, "config.json"), "{")
	_, err = OpenLogins(Options{Getenv: func(string) string { return "" }, Home: filepath.Dir(dir)})
	require.NoError(t, err) // there is no .docker
	_, err = OpenLogins(Options{Getenv: func(string) string { return dir }})
	require.ErrorContains(t, err, "Docker's configuration "+filepath.Join(dir, "config.json")+" cannot be read")
}
