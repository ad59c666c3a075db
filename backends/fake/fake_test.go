package fake_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/backendtest"
	"github.com/kurtosis-go/kurtosis/backends/fake"
)

func TestConformance(t *testing.T) {
	shell := fake.Image{Commands: []string{"sh", "/bin/sh"}, Program: func(ctx context.Context, p *fake.Process) int {
		if p.Args[0] == "sh" { // the service; the other is the script of the suite's shell test
			<-ctx.Done()
			return 0
		}
		io.WriteString(p.Stdout, "ONE TWO\n")
		return 7
	}}
	backendtest.Run(t, func(t *testing.T) backendtest.Engine {
		b := fake.New(t.Context(), fake.Options{})
		t.Cleanup(func() { b.Close() })
		b.AddImage("toolbox:1", fake.Toolbox())
		b.AddImage("busybox:1", shell)
		return backendtest.Engine{
			Backend: b, Toolbox: "toolbox:1", Busybox: "busybox:1",
			Leftovers: func(_ context.Context, enclave string) ([]string, error) { return b.Leftovers(enclave), nil },
			Gaps: map[string]string{
				"ImageBuild":      "the fake does not read Dockerfiles",
				"ImageBuildFails": "the fake does not read Dockerfiles",
			},
		}
	})
}

// enclave makes an engine with one enclave, e, and all images.
func enclave(t *testing.T) *fake.Backend {
	t.Helper()
	b := fake.New(t.Context(), fake.Options{AnyImage: true})
	_, err := b.CreateEnclave(t.Context(), backends.EnclaveSpec{UUID: "e", Name: "e"})
	require.NoError(t, err)
	return b
}

func TestVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := enclave(t)
		defer b.Close()
		b.AddImage("slow", fake.Image{Program: func(ctx context.Context, p *fake.Process) int {
			timer := time.NewTimer(time.Hour)
			defer timer.Stop()
			select {
			case <-timer.C:
				return fake.Listen(ctx, p)
			case <-ctx.Done():
				return 1
			}
		}})
		b.Delay("AddService", time.Minute)
		began := time.Now()
		port := backends.Port{Number: 80, Application: "http"}
		_, err := b.AddService(t.Context(), "e", backends.ServiceSpec{Name: "web", Image: "slow", Ports: map[string]backends.Port{"http": port}})
		require.NoError(t, err)
		require.Equal(t, time.Minute, time.Since(began))
		_, err = b.Dial(t.Context(), "e", "web", port)
		require.Equal(t, backends.PortClosed, backends.KindOf(err))
		time.Sleep(time.Hour)
		synctest.Wait()
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return b.Dial(ctx, "e", "web", port)
		}}}
		response, err := client.Get("http://web/")
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		response.Body.Close()
		require.Equal(t, "ok", string(body))
		require.NoError(t, b.RemoveEnclave(t.Context(), "e"))
	})
}

func TestFail(t *testing.T) {
	b := enclave(t)
	defer b.Close()
	broken := errors.New("broken")
	b.Fail("AddService", 2, broken)
	add := func(name string) error {
		_, err := b.AddService(t.Context(), "e", backends.ServiceSpec{Name: name, Image: "x"})
		return err
	}
	require.NoError(t, add("one"))
	require.ErrorIs(t, add("two"), broken)
	require.NoError(t, add("two"))
	b.Fail("StopService", 0, broken)
	require.ErrorIs(t, b.StopService(t.Context(), "e", "one"), broken)
	require.ErrorIs(t, b.StopService(t.Context(), "e", "one"), broken)
	s, err := b.InspectService(t.Context(), "e", "one")
	require.NoError(t, err)
	require.Equal(t, backends.Running, s.State, "a call that fails does nothing")
	require.Equal(t, fake.Call{Op: "AddService", Enclave: "e", Service: "two"}, b.Calls()[2])
}

func TestOnExec(t *testing.T) {
	b := enclave(t)
	defer b.Close()
	_, err := b.AddService(t.Context(), "e", backends.ServiceSpec{Name: "db", Image: "x"})
	require.NoError(t, err)
	b.OnExec(func(_ context.Context, _, service string, e backends.Exec) (int, bool) {
		if service != "db" || e.Command[0] != "ready" {
			return 0, false
		}
		io.WriteString(e.Stdout, "not yet")
		return 4, true
	})
	var out writer
	code, err := b.Exec(t.Context(), "e", "db", backends.Exec{Command: []string{"ready"}, Stdout: &out})
	require.NoError(t, err)
	require.Equal(t, 4, code)
	require.Equal(t, "not yet", string(out))
	code, err = b.Exec(t.Context(), "e", "db", backends.Exec{Command: []string{"anything else"}})
	require.NoError(t, err)
	require.Zero(t, code)
}

type writer []byte

func (w *writer) Write(b []byte) (int, error) {
	*w = append(*w, b...)
	return len(b), nil
}

func TestPull(t *testing.T) {
	b := fake.New(t.Context(), fake.Options{})
	defer b.Close()
	b.AddRemoteImage("private:1", fake.Image{NeedAuth: true})
	_, err := b.PullImage(t.Context(), backends.PullSpec{Ref: "none:1"}, nil)
	require.EqualError(t, err, `pulling image "none:1": the registry does not have it`)
	_, err = b.PullImage(t.Context(), backends.PullSpec{Ref: "private:1"}, nil)
	require.Equal(t, backends.AuthNeeded, backends.KindOf(err))
	var last backends.PullProgress
	image, err := b.PullImage(t.Context(), backends.PullSpec{Ref: "private:1", Auth: &backends.RegistryAuth{Username: "u"}}, func(p backends.PullProgress) { last = p })
	require.NoError(t, err)
	require.Equal(t, last.Total, last.Current)
	got, err := b.InspectImage(t.Context(), "private:1")
	require.NoError(t, err)
	require.Equal(t, image, got)
}
