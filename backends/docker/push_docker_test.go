//go:build docker

package docker_test

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/backendtest/images"
	"github.com/kurtosis-go/kurtosis/backends/backendtest/registry"
	"github.com/kurtosis-go/kurtosis/backends/docker"
	engineimage "github.com/kurtosis-go/kurtosis/engine/image"
)

// TestPush gives an image to a registry with a login, from where it comes back as it was.
func TestPush(t *testing.T) {
	r := registry.StartAt(t, "127.0.0.1") // where registries are asked without TLS
	configured := func(dir string) *docker.Backend {
		return open(t, docker.Options{Getenv: func(name string) string {
			if name == "DOCKER_CONFIG" {
				return dir
			}
			return os.Getenv(name)
		}})
	}
	b := configured(t.TempDir())
	made, err := images.Build("kurtosis-test/push", images.Config{Entrypoint: []string{"/program"}, Cmd: []string{"serve"}}, images.File{Path: "file", Content: []byte(backends.NewUUID())})
	require.NoError(t, err)
	images.Ensure(t, b, made)
	t.Cleanup(func() { require.NoError(t, b.RemoveImage(context.WithoutCancel(t.Context()), made.Ref)) })
	to := r.Host + "/team/app:content"
	spec := backends.PushSpec{Ref: made.Ref, To: to}

	refused := func(err error, kind backends.Kind, message, hint string) {
		t.Helper()
		var e *backends.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, message, e.Message)
		require.Equal(t, kind, e.Kind)
		require.Equal(t, hint, e.Hint)
	}
	login := "log in with `docker login " + r.Host + "`, as somebody who may push there"
	_, err = b.PushImage(t.Context(), spec, nil)
	refused(err, backends.AuthNeeded, `pushing image "`+made.Ref+`" to `+to+`: no basic auth credentials`, login)
	_, err = configured(r.Login(registry.User, "wrong password")).PushImage(t.Context(), spec, nil)
	refused(err, backends.AuthNeeded, `pushing image "`+made.Ref+`" to `+to+`: unauthorized: authentication required`, login)
	_, err = b.PushImage(t.Context(), backends.PushSpec{Ref: "kurtosis-test/absent:1", To: to}, nil)
	require.Equal(t, backends.ImageNotFound, backends.KindOf(err), err)
	right := &backends.RegistryAuth{Username: registry.User, Password: registry.Password}
	_, err = engineimage.Lookup(t.Context(), to, right)
	refused(err, backends.ImageNotFound, `asking for '`+to+`': the registry does not have it: GET http://`+r.Host+`/v2/team/app/manifests/content: MANIFEST_UNKNOWN: manifest unknown; map[Tag:content]`, "")

	digest, err := configured(r.Login(registry.User, registry.Password)).PushImage(t.Context(), spec, func(p backends.PushProgress) {
		require.LessOrEqual(t, p.Current, p.Total)
	})
	require.NoError(t, err)
	found, err := engineimage.Lookup(t.Context(), to, right)
	require.NoError(t, err)
	require.Equal(t, digest, found.ID)
	local, err := b.InspectImage(t.Context(), made.Ref)
	require.NoError(t, err)
	require.Equal(t, local.Platform, found.Platform)
	require.Equal(t, []string{"/program"}, found.Entrypoint)
	require.Equal(t, []string{"serve"}, found.Cmd)
	_, err = engineimage.Lookup(t.Context(), to, nil)
	require.Equal(t, backends.AuthNeeded, backends.KindOf(err), err)
	require.Equal(t, "log in with `docker login "+r.Host+"`", backends.HintOf(err))
	_, err = b.InspectImage(t.Context(), to)
	require.Equal(t, backends.ImageNotFound, backends.KindOf(err), "the engine forgets the name")

	// Several at once share the name, whoever is done first.
	spec.Auth = right
	var all errgroup.Group
	for range 4 {
		all.Go(func() error {
			again, err := b.PushImage(t.Context(), spec, nil)
			if err == nil && again != digest {
				err = errors.New("another digest: " + again)
			}
			return err
		})
	}
	require.NoError(t, all.Wait())

	digested := r.Host + "/team/app@" + digest
	pulled, err := b.PullImage(t.Context(), backends.PullSpec{Ref: digested, Auth: right}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.RemoveImage(context.WithoutCancel(t.Context()), digested)) })
	require.Equal(t, local.ID, pulled.ID)
}

// TestSave opens an image under another name, which the engine forgets.
func TestSave(t *testing.T) {
	b := open(t, docker.Options{})
	made, err := images.Build("kurtosis-test/save", images.Config{Cmd: []string{"none"}}, images.File{Path: "file", Content: []byte(backends.NewUUID())})
	require.NoError(t, err)
	images.Ensure(t, b, made)
	t.Cleanup(func() { require.NoError(t, b.RemoveImage(context.WithoutCancel(t.Context()), made.Ref)) })
	const name = "kurtosis-test/save-other:content"
	archive, err := b.SaveImage(t.Context(), made.Ref, name)
	require.NoError(t, err)
	var manifest []struct{ RepoTags []string }
	for members := tar.NewReader(archive); ; {
		h, err := members.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if h.Name == "manifest.json" {
			require.NoError(t, json.NewDecoder(members).Decode(&manifest))
		}
	}
	require.NoError(t, archive.Close())
	require.Len(t, manifest, 1)
	require.Equal(t, []string{name}, manifest[0].RepoTags)
	_, err = b.InspectImage(t.Context(), name)
	require.Equal(t, backends.ImageNotFound, backends.KindOf(err))
	_, err = b.SaveImage(t.Context(), "kurtosis-test/absent:1", name)
	require.Equal(t, backends.ImageNotFound, backends.KindOf(err), err)
}
