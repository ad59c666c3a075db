//go:build docker

package docker_test

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/backendtest/registry"
	"github.com/kurtosis-go/kurtosis/backends/docker"
)

// TestRegistry pulls from a real registry with TLS and a login.
func TestRegistry(t *testing.T) {
	r := registry.Start(t)
	configured := func(dir string) *docker.Backend {
		return open(t, docker.Options{Getenv: func(name string) string {
			if name == "DOCKER_CONFIG" {
				return dir
			}
			return os.Getenv(name)
		}})
	}
	nobody := configured(t.TempDir())
	tagged, _ := r.Push(t.Context(), "private/tagged:1")
	_, digested := r.Push(t.Context(), "private/digested:1")

	pull := func(t *testing.T, b *docker.Backend, ref string, auth *backends.RegistryAuth) error {
		t.Helper()
		require.NoError(t, b.RemoveImage(t.Context(), ref))
		var last backends.PullProgress
		image, err := b.PullImage(t.Context(), backends.PullSpec{Ref: ref, Auth: auth}, func(p backends.PullProgress) {
			require.Equal(t, ref, p.Ref)
			require.LessOrEqual(t, p.Current, p.Total)
			last = p
		})
		t.Cleanup(func() { require.NoError(t, b.RemoveImage(context.WithoutCancel(t.Context()), ref)) })
		if err != nil {
			require.NotContains(t, err.Error(), registry.Password)
			require.NotContains(t, err.Error(), "wrong password")
			return err
		}
		require.Regexp(t, "^sha256:", image.ID)
		require.Equal(t, last.Layers, last.Present, "all layers are there in the end")
		return nil
	}
	refused := func(t *testing.T, err error, kind backends.Kind, message, hint string) {
		t.Helper()
		var e *backends.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, message, e.Message)
		require.Equal(t, hint, e.Hint)
		require.Equal(t, kind, e.Kind)
	}
	right := &backends.RegistryAuth{Username: registry.User, Password: registry.Password}
	wrong := &backends.RegistryAuth{Username: registry.User, Password: "wrong password"}
	noLogin := "log in with `docker login`, or give username and password in an ImageSpec"
	for name, ref := range map[string]string{"tag": tagged, "digest": digested} {
		mark, method := ":", "Head"
		if name == "digest" {
			mark, method = "@", "Get"
		}
		path := strings.Replace(strings.TrimPrefix(ref, r.Host), mark, "/manifests/", 1)
		head := `pulling image "` + ref + `": ` + method + ` "https://` + r.Host + "/v2" + path + `": `
		t.Run(name, func(t *testing.T) {
			// What the engine has once seen by its digest it need not ask for again: the refusals come first.
			refused(t, pull(t, nobody, ref, nil), backends.AuthNeeded, head+"no basic auth credentials", noLogin)
			refused(t, pull(t, nobody, ref, wrong), backends.AuthNeeded, `pulling image "`+ref+`": unauthorized: authentication required`,
				"the credentials that were sent are not accepted: log in again with `docker login`, or correct the ImageSpec")
			require.NoError(t, pull(t, nobody, ref, right))
		})
	}
	t.Run("docker login", func(t *testing.T) {
		require.NoError(t, pull(t, configured(r.Login(registry.User, registry.Password)), tagged, nil))
		err := pull(t, configured(r.Login(registry.User, "wrong password")), tagged, nil)
		require.Equal(t, backends.AuthNeeded, backends.KindOf(err))
		require.NoError(t, pull(t, configured(r.Login(registry.User, "wrong password")), tagged, right), "an ImageSpec comes first")
	})
	t.Run("credential helper", func(t *testing.T) {
		programs := t.TempDir()
		t.Setenv("PATH", programs+":"+os.Getenv("PATH"))
		script := "#!/bin/sh\nread host\n[ \"$1 $host\" = 'get " + r.Host + "' ] || { echo 'credentials not found in native keychain'; exit 1; }\n" +
			`echo '{"ServerURL":"x","Username":"` + registry.User + `","Secret":"` + registry.Password + "\"}'\n"
		require.NoError(t, os.WriteFile(filepath.Join(programs, "docker-credential-test"), []byte(script), 0o755))
		require.NoError(t, pull(t, configured(r.Configured(map[string]any{"credsStore": "test"})), tagged, nil))
		require.NoError(t, pull(t, configured(r.Configured(map[string]any{"credHelpers": map[string]string{r.Host: "test"}})), tagged, nil))
		refused(t, pull(t, configured(r.Configured(map[string]any{"credsStore": "absent"})), tagged, nil), backends.AuthNeeded,
			"the credential helper docker-credential-absent of Docker's configuration cannot be run: executable file not found in $PATH",
			"install it, or remove it from config.json")
	})
	t.Run("not there", func(t *testing.T) {
		missing := r.Host + "/private/other:1"
		refused(t, pull(t, nobody, missing, right), backends.ImageNotFound,
			`pulling image "`+missing+`": manifest for `+missing+` not found: manifest unknown: manifest unknown`,
			"check name and tag; if it is private, log in with `docker login` or give username and password in an ImageSpec")
	})
}

// TestBuildKitLogin: BuildKit asks the session for the login of a registry that a Dockerfile names.
func TestBuildKitLogin(t *testing.T) {
	r := registry.StartAt(t, "127.0.0.1") // BuildKit reads the certificates of others only when the engine starts
	build := func(dir string, logins ...backends.RegistryAuth) error {
		b := open(t, docker.Options{Getenv: func(name string) string {
			return map[string]string{"DOCKER_CONFIG": dir, "KURTOSIS_BUILDER": "buildkit", "DOCKER_HOST": os.Getenv("DOCKER_HOST")}[name]
		}})
		tagged, _ := r.Push(t.Context(), "private/file:1")
		ref := "kurtosis-test/from-registry:" + backends.NewUUID()[:8]
		t.Cleanup(func() { require.NoError(t, b.RemoveImage(context.WithoutCancel(t.Context()), ref)) })
		_, err := b.BuildImage(t.Context(), backends.BuildSpec{
			Tag: ref, NoCache: true, Context: contextOf("FROM scratch\nCOPY --from=" + tagged + " /file /file\n"), Logins: logins,
		}, nil)
		return err
	}
	err := build(t.TempDir())
	require.Error(t, err)
	require.Contains(t, err.Error(), "401 Unauthorized")
	require.NoError(t, build(r.Login(registry.User, registry.Password)))
	right := backends.RegistryAuth{Registry: r.Host, Username: registry.User, Password: registry.Password}
	require.NoError(t, build(t.TempDir(), backends.RegistryAuth{Registry: "other.example", Username: "u", Password: "p"}, right), "a login of the build alone")
	require.NoError(t, build(r.Login(registry.User, "wrong password"), right), "it comes before what is stored")
}

// contextOf is a build context of a Dockerfile alone.
func contextOf(dockerfile string) backends.Archive {
	return func(context.Context) (io.ReadCloser, error) {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		if err := w.WriteHeader(&tar.Header{Name: "Dockerfile", Mode: 0o644, Size: int64(len(dockerfile))}); err != nil {
			return nil, err
		}
		if _, err := io.WriteString(w, dockerfile); err != nil {
			return nil, err
		}
		return io.NopCloser(&b), w.Close()
	}
}
