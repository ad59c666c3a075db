package client_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/api/client"
	"github.com/kurtosis-go/kurtosis/api/rpc"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/fake"
	"github.com/kurtosis-go/kurtosis/engine"
)

func engineClient(t *testing.T) (*client.Engine, *fake.Backend) {
	t.Helper()
	backend := fake.New(t.Context(), fake.Options{AnyImage: true})
	t.Cleanup(func() { backend.Close() })
	backend.AddImage("toolbox", fake.Toolbox())
	server, err := engine.New(engine.Options{Backend: backend, Name: "second", Image: "kurtosis:1", Version: "2.3.4", Dir: t.TempDir(), RPC: rpc.Options{Token: token}})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); server.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	e := client.NewEngine(client.Options{Address: listen(t, t.Context(), server.Handler()), Token: token})
	t.Cleanup(e.Close)
	return e, backend
}

func TestEngine(t *testing.T) {
	e, backend := engineClient(t)
	ctx := t.Context()
	host, err := backend.Info(ctx)
	require.NoError(t, err)
	info, err := e.Info(ctx)
	require.NoError(t, err)
	require.Equal(t, client.EngineInfo{Name: "second", Version: "2.3.4", WireVersion: rpc.Version, Image: "kurtosis:1", Host: host}, info)
	version, err := e.WireVersion(ctx)
	require.NoError(t, err)
	require.Equal(t, rpc.Version, version)

	list, err := e.List(ctx)
	require.NoError(t, err)
	require.Empty(t, list)
	made, err := e.Create(ctx, "one", true)
	require.NoError(t, err)
	truth, err := backend.InspectEnclave(ctx, "one")
	require.NoError(t, err)
	truth.Created = truth.Created.UTC()
	require.Equal(t, truth, made.Enclave)
	require.True(t, made.Production)
	require.True(t, made.Running())
	require.Regexp(t, `^127\.0\.0\.1:[1-9][0-9]*$`, made.Address())
	require.Equal(t, "kurtosis:1", made.API.Image)
	_, err = backend.CreateEnclave(ctx, backends.EnclaveSpec{UUID: backends.NewUUID(), Name: "anothers"})
	require.NoError(t, err)
	list, err = e.List(ctx)
	require.NoError(t, err)
	require.Equal(t, []client.EnclaveInfo{made}, list, "those of other engines are not its own")
	found, err := e.Find(ctx, made.UUID[:12])
	require.NoError(t, err)
	require.Equal(t, made, found)

	_, err = backend.AddService(ctx, made.UUID, backends.ServiceSpec{Name: "web", Image: "toolbox"})
	require.NoError(t, err)
	require.NoError(t, e.Stop(ctx, "one"))
	found, err = e.Find(ctx, "one")
	require.NoError(t, err)
	require.False(t, found.Running())
	require.Empty(t, found.Address())
	require.Equal(t, backends.EnclaveStopped, found.Status)
	found, err = e.Start(ctx, "one")
	require.NoError(t, err)
	require.Equal(t, made.Address(), found.Address(), "it is where it was")
	require.Equal(t, backends.EnclaveRunning, found.Status)
	again, err := e.Start(ctx, "one")
	require.NoError(t, err)
	require.Equal(t, found, again)
	// An engine of another version replaces the API container, where it is.
	newer, err := engine.New(engine.Options{Backend: backend, Name: "second", Image: "kurtosis:2", Dir: t.TempDir()})
	require.NoError(t, err)
	next := client.NewEngine(client.Options{Address: listen(t, ctx, newer.Handler())})
	defer next.Close()
	found, err = next.Find(ctx, "one")
	require.NoError(t, err)
	require.Equal(t, "kurtosis:1", found.API.Image)
	found, err = next.Start(ctx, "one")
	require.NoError(t, err)
	require.Equal(t, "kurtosis:2", found.API.Image)
	require.NotEqual(t, made.API.ID, found.API.ID)
	require.Equal(t, made.Address(), found.Address())
	same, err := next.Start(ctx, "one")
	require.NoError(t, err)
	require.Equal(t, found, same, "it is as it should be")
	guarded, err := engine.New(engine.Options{Backend: backend, Name: "second", Image: "kurtosis:2", Dir: t.TempDir(), RPC: rpc.Options{Token: "another"}})
	require.NoError(t, err)
	last := client.NewEngine(client.Options{Address: listen(t, ctx, guarded.Handler()), Token: "another"})
	defer last.Close()
	found, err = last.Start(ctx, "one")
	require.NoError(t, err)
	settings, err := backend.SystemSettings(ctx, found.API.ID)
	require.NoError(t, err)
	require.Equal(t, "another", settings.Env[engine.TokenVariable])
	removed, err := e.Remove(ctx, "one")
	require.NoError(t, err)
	require.Equal(t, made.UUID, removed.UUID)
	list, err = e.List(ctx)
	require.NoError(t, err)
	require.Empty(t, list)

	for _, fails := range []func() error{
		func() error { _, err := e.Find(ctx, "one"); return err },
		func() error { _, err := e.Start(ctx, "one"); return err },
		func() error { return e.Stop(ctx, "one") },
		func() error { _, err := e.Remove(ctx, "one"); return err },
	} {
		err := fails()
		require.Equal(t, backends.NotFound, backends.KindOf(err))
		require.EqualError(t, err, `there is no enclave "one"`)
	}
	_, err = e.Create(ctx, "no name", false)
	require.Equal(t, backends.Invalid, backends.KindOf(err))
	_, err = e.Create(ctx, "anothers", false)
	require.Equal(t, backends.AlreadyExists, backends.KindOf(err))
}

func TestEngineLogs(t *testing.T) {
	e, backend := engineClient(t)
	ctx := t.Context()
	made, err := e.Create(ctx, "one", false)
	require.NoError(t, err)
	for _, name := range []string{"a", "b"} {
		_, err = backend.AddService(ctx, made.UUID, backends.ServiceSpec{Name: name, Image: "toolbox", Entrypoint: []string{"/toolbox", "count", "3", "0s"}})
		require.NoError(t, err)
	}
	read := func(o client.LogOptions) []string {
		t.Helper()
		var lines []string
		for l, err := range e.Logs(ctx, "one", o) {
			require.NoError(t, err)
			require.WithinDuration(t, time.Now(), l.Time, time.Hour)
			lines = append(lines, l.Service+" "+l.Text)
		}
		return lines
	}
	all := read(client.LogOptions{Follow: true})
	require.NotEmpty(t, all)
	var a []string
	for _, l := range all {
		if l[0] == 'a' {
			a = append(a, l)
		}
	}
	require.Equal(t, a, read(client.LogOptions{Services: []string{"a"}}))
	require.Equal(t, a[len(a)-1:], read(client.LogOptions{Services: []string{"a"}, Tail: 1}))
	require.Equal(t, a[:1], read(client.LogOptions{Services: []string{"a"}, Contains: a[0][2:]}))
	require.Equal(t, a[1:], read(client.LogOptions{Services: []string{"a"}, Contains: a[0][2:], Invert: true}))
	require.Equal(t, a, read(client.LogOptions{Services: []string{"a"}, Pattern: "^."}))
	require.Empty(t, read(client.LogOptions{Services: []string{"a"}, Pattern: "^.", Invert: true}))
	for l, err := range e.Logs(ctx, "one", client.LogOptions{}) { // and leave early
		require.NoError(t, err)
		require.Equal(t, "a", l.Service, "one service after the other")
		break
	}
	for want, o := range map[string]client.LogOptions{
		`enclave "one" has and had no service "c"`:                                                    {Services: []string{"a", "c"}},
		"the log filter \"(\" is no regular expression: error parsing regexp: missing closing ): `(`": {Pattern: "("},
		"lines are chosen by a text or by a regular expression, not by both":                          {Pattern: "a", Contains: "b"},
		"the number of lines can't be -1":                                                             {Tail: -1},
	} {
		for _, err := range e.Logs(ctx, "one", o) {
			require.EqualError(t, err, want)
		}
	}
	for _, err := range e.Logs(ctx, "never", client.LogOptions{}) {
		require.EqualError(t, err, `there is and was no enclave "never"`)
		require.Equal(t, backends.NotFound, backends.KindOf(err))
	}
}
