package client_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/api/client"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

func packed(t *testing.T, files ...string) *bytes.Buffer {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for i := 0; i < len(files); i += 2 {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o640, Size: int64(len(files[i+1]))}))
		_, err := io.WriteString(w, files[i+1])
		require.NoError(t, err)
	}
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "a"}))
	require.NoError(t, w.Close())
	return &out
}

func names(t *testing.T, archive io.Reader) []string {
	t.Helper()
	var list []string
	for m, err := range state.Members(archive) {
		require.NoError(t, err)
		list = append(list, m.Name)
	}
	return list
}

func TestFiles(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	large := string(bytes.Repeat([]byte("0123456789abcdef"), 1<<16)) // more than one message
	stored, err := b.client.Store(ctx, "data", packed(t, "a", large, "d/b", "bee"))
	require.NoError(t, err)
	require.Equal(t, "data", stored.Name)
	require.Len(t, stored.UUID, 32)

	artifact, files, err := b.client.ListFiles(ctx, stored.UUID)
	require.NoError(t, err)
	require.Equal(t, stored.UUID, artifact.UUID)
	require.Equal(t, []client.File{
		{Path: "a", Type: "file", Size: 1 << 20, Mode: 0o640}, {Path: "d/b", Type: "file", Size: 3, Mode: 0o640}, {Path: "link", Type: "link", Mode: 0, Link: "a"},
	}, files)

	artifact, content, err := b.client.Download(ctx, "data", "")
	require.NoError(t, err)
	require.Equal(t, 2, artifact.Files)
	require.Equal(t, []string{"a", "d/b", "link"}, names(t, content))
	require.NoError(t, content.Close())
	_, content, err = b.client.Download(ctx, "data", "./a")
	require.NoError(t, err)
	text, err := io.ReadAll(content)
	require.NoError(t, err)
	require.Equal(t, large, string(text))
	require.NoError(t, content.Close())
	_, content, err = b.client.Download(ctx, "data", "a") // and is left early
	require.NoError(t, err)
	require.NoError(t, content.Close())

	named, err := b.client.Store(ctx, "", packed(t, "a", "x"))
	require.NoError(t, err)
	require.NotEmpty(t, named.Name)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }))
	defer web.Close()
	_, err = b.client.StoreURL(ctx, "page", web.URL+"/index.html")
	require.NoError(t, err)
	_, content, err = b.client.Download(ctx, "page", "index.html")
	require.NoError(t, err)
	text, err = io.ReadAll(content)
	require.NoError(t, err)
	require.Equal(t, "<html>", string(text))

	for what, fails := range map[string]func() error{
		`enclave "demo" has no files artifact "absent"`: func() error { _, _, err := b.client.Download(ctx, "absent", ""); return err },
		"files artifact 'data' has no file 'd'":         func() error { _, _, err := b.client.Download(ctx, "data", "d"); return err },
	} {
		err := fails()
		require.EqualError(t, err, what)
		require.Equal(t, backends.NotFound, backends.KindOf(err))
	}
	_, _, err = b.client.ListFiles(ctx, "absent")
	require.EqualError(t, err, `enclave "demo" has no files artifact "absent"`)
	_, err = b.client.Store(ctx, "bad", packed(t, "../up", "x"))
	require.EqualError(t, err, `files artifact "bad": archive entry "../up" leaves the archive's root`)
	require.Equal(t, backends.Invalid, backends.KindOf(err))
	_, err = b.client.Store(ctx, "bad", iotest.ErrReader(errors.New("the disk is gone")))
	require.EqualError(t, err, "the disk is gone")
	inspection, err := b.client.Inspect(ctx)
	require.NoError(t, err)
	require.Len(t, inspection.Artifacts, 3, "nothing is left of what failed")
}

func TestServices(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	_, err := b.client.Run(ctx, client.RunOptions{Bundle: script(t, `
def run(plan):
    plan.add_service(name="web", config=ServiceConfig(image="toolbox", ports={"http": PortSpec(80, application_protocol="http", wait=None), "dns": PortSpec(53, transport_protocol="UDP", wait=None)}))
    plan.add_service(name="db", config=ServiceConfig(image="toolbox"))
`)})
	require.NoError(t, err)
	inspection, err := b.client.Inspect(ctx)
	require.NoError(t, err)
	require.Equal(t, b.enclave.UUID, inspection.Enclave.UUID)
	require.Equal(t, backends.EnclaveRunning, inspection.Enclave.Status)
	require.Len(t, inspection.Services, 2)
	truth, err := b.backend.ListServices(ctx, b.enclave.UUID)
	require.NoError(t, err)
	for i, s := range inspection.Services {
		want := truth[i]
		require.Equal(t, want.Ports, s.Ports)
		require.Equal(t, want.Published, s.Published)
		require.Equal(t, []any{want.Name, want.UUID, want.Image, want.ImageID, want.Address, want.Hostname, want.State, want.Started.UTC()},
			[]any{s.Name, s.UUID, s.Image, s.ImageID, s.Address, s.Hostname, s.State, s.Started})
		require.True(t, json.Valid(s.Config))
	}
	web := inspection.Services[1]
	stopped, err := b.client.StopService(ctx, backends.ShortUUID(web.UUID))
	require.NoError(t, err)
	require.Equal(t, backends.Stopped, stopped.State)
	require.Empty(t, stopped.Published)
	require.Equal(t, web.Config, stopped.Config)
	started, err := b.client.StartService(ctx, "web")
	require.NoError(t, err)
	require.Equal(t, backends.Running, started.State)
	require.Equal(t, web.UUID, started.UUID)

	require.NoError(t, b.client.CopyTo(ctx, "web", "/in", packed(t, "a", "text")))
	content, err := b.client.CopyFrom(ctx, "web", "/in")
	require.NoError(t, err)
	require.Subset(t, names(t, content), []string{"in/a"})
	require.NoError(t, content.Close())
	_, err = b.client.StoreService(ctx, "copy", "web", "/in/a")
	require.NoError(t, err)
	_, files, err := b.client.ListFiles(ctx, "copy")
	require.NoError(t, err)
	require.Equal(t, "a", files[0].Path)

	_, err = b.client.CopyFrom(ctx, "web", "/absent")
	require.Equal(t, backends.NotFound, backends.KindOf(err), "%v", err)
	require.NoError(t, b.client.RemoveService(ctx, "db"))
	const absent = `enclave "demo" has no service "db"`
	require.EqualError(t, b.client.RemoveService(ctx, "db"), absent)
	_, err = b.client.StopService(ctx, "db")
	require.EqualError(t, err, absent)
	_, err = b.client.StartService(ctx, "db")
	require.EqualError(t, err, absent)
	require.EqualError(t, b.client.CopyTo(ctx, "db", "/x", packed(t)), absent)
	_, err = b.client.CopyFrom(ctx, "db", "/x")
	require.EqualError(t, err, absent)
	_, err = b.client.StoreService(ctx, "", "db", "/x")
	require.EqualError(t, err, absent)
}
