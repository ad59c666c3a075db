package client_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/api/client"
	"github.com/kurtosis-go/kurtosis/api/rpc"
	"github.com/kurtosis-go/kurtosis/apicontainer"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/fake"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/runtime"
)

const token = "sesame"

// bench is an enclave of the fake backend with an API container in this process.
type bench struct {
	t       *testing.T
	backend *fake.Backend
	enclave backends.Enclave
	dir     string // the API container's
	client  *client.Enclave
	server  *apicontainer.Server
	checker func(*packages.Package) runtime.Checker
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return newBenchOn(t, fake.Options{})
}

func newBenchOn(t *testing.T, options fake.Options) *bench {
	t.Helper()
	b := &bench{t: t, backend: fake.New(t.Context(), options), dir: t.TempDir()}
	t.Cleanup(func() { b.backend.Close() })
	b.backend.AddImage("toolbox", fake.Toolbox())
	var err error
	b.enclave, err = b.backend.CreateEnclave(t.Context(), backends.EnclaveSpec{UUID: backends.NewUUID(), Name: "demo"})
	require.NoError(t, err)
	b.checker = func(*packages.Package) runtime.Checker { return todoChecker{} }
	b.serve(t.Context())
	return b
}

// serve starts the API container, perhaps again.
func (b *bench) serve(life context.Context) {
	var err error
	b.server, err = apicontainer.New(life, apicontainer.Options{
		Backend: b.backend, Enclave: "demo", Dir: b.dir, Checker: b.checker, RPC: rpc.Options{Token: token},
	})
	require.NoError(b.t, err)
	b.client = client.NewEnclave(client.Options{Address: listen(b.t, life, b.server.Handler()), Token: token})
	b.t.Cleanup(b.client.Close)
}

// todoChecker finds an error wherever a file says TODO.
type todoChecker struct{}

func (todoChecker) Check(ctx context.Context, files *workspace.Snapshot, target workspace.Target) ([]diag.Diagnostic, error) {
	text, err := files.Read(ctx, target.Path)
	if err != nil {
		return nil, err
	}
	var found []diag.Diagnostic
	for i, line := range strings.Split(string(text), "\n") {
		if col := strings.Index(line, "TODO"); col >= 0 {
			at := source.Pos{Line: int32(i + 1), Col: int32(col + 1)}
			found = append(found, diag.Diagnostic{
				Code: "todo", Severity: diag.Error, File: target.Path, Range: source.Range{Start: at, End: at}, Message: "something is left to do", Hint: "do it",
				Related: []diag.Related{{File: target.Path, Range: source.Range{Start: at, End: at}, Message: "here"}},
				Fixes:   []diag.Fix{{Title: "do it", Safe: true, Edits: []diag.Edit{{File: target.Path, Range: source.Range{Start: at, End: at}, NewText: "done"}}}},
				Tags:    []diag.Tag{diag.Unnecessary},
			})
		}
	}
	return found, nil
}

// layOut writes files and returns the directory.
func layOut(t *testing.T, archive string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		file := filepath.Join(dir, filepath.FromSlash(f.Name))
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, f.Data, 0o644))
	}
	return dir
}

// open opens what is to be run and bundles it.
func open(t *testing.T, operand string) (*packages.Package, *packages.Bundle) {
	t.Helper()
	pkg, err := packages.Open(t.Context(), operand, packages.Options{})
	require.NoError(t, err)
	bundle, err := pkg.Bundle(t.Context(), packages.BundleOptions{})
	require.NoError(t, err)
	return pkg, bundle
}

// script bundles a text as a file of its own.
func script(t *testing.T, text string) *packages.Bundle {
	t.Helper()
	_, bundle := open(t, filepath.Join(layOut(t, "-- main.star --\n"+text), "main.star"))
	return bundle
}

func TestExec(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	_, err := b.client.Run(ctx, client.RunOptions{Bundle: script(t, `
def run(plan):
    plan.add_service(name="web", config=ServiceConfig(image="toolbox"))
`)})
	require.NoError(t, err)
	inspection, err := b.client.Inspect(ctx)
	require.NoError(t, err)
	uuid := inspection.Services[0].UUID
	sizes := make(chan backends.Size, 1)
	sizes <- backends.Size{Columns: 80, Rows: 24}
	var seen backends.Exec
	var stdin bytes.Buffer
	b.backend.OnExec(func(ctx context.Context, _, _ string, x backends.Exec) (int, bool) {
		seen = x
		if x.Stdin != nil {
			_, _ = stdin.ReadFrom(x.Stdin)
		}
		_, _ = x.Stdout.Write(bytes.Repeat([]byte("o"), 1<<20))
		if x.Stderr != nil {
			_, _ = x.Stderr.Write([]byte("err"))
		}
		if x.Resize != nil {
			size := <-x.Resize
			require.Equal(t, backends.Size{Columns: 80, Rows: 24}, size)
		}
		return 7, true
	})
	var stdout, stderr bytes.Buffer
	code, err := b.client.Exec(ctx, backends.ShortUUID(uuid), backends.Exec{
		Command: []string{"do", "it"}, User: "nobody", Env: map[string]string{"A": "b"}, Dir: "/tmp", Stdin: strings.NewReader("input"), Stdout: &stdout, Stderr: &stderr, TTY: true, Resize: sizes,
	})
	require.NoError(t, err)
	require.Equal(t, 7, code)
	require.Equal(t, 1<<20, stdout.Len())
	require.Equal(t, "err", stderr.String())
	require.Equal(t, "input", stdin.String())
	require.Equal(t, []string{"do", "it"}, seen.Command)
	require.Equal(t, "nobody b /tmp true", seen.User+" "+seen.Env["A"]+" "+seen.Dir+" "+map[bool]string{true: "true"}[seen.TTY])

	code, err = b.client.Exec(ctx, "web", backends.Exec{Command: []string{"quiet"}}) // nothing to read, nobody to write to
	require.NoError(t, err)
	require.Equal(t, 7, code)
	require.Nil(t, seen.Stdin)
	// An input that never ends does not keep the command.
	reader, writer := net.Pipe()
	defer writer.Close()
	b.backend.OnExec(func(context.Context, string, string, backends.Exec) (int, bool) { return 0, true })
	_, err = b.client.Exec(ctx, "web", backends.Exec{Command: []string{"endless"}, Stdin: reader})
	require.NoError(t, err)

	_, err = b.client.Exec(ctx, "absent", backends.Exec{Command: []string{"x"}})
	require.EqualError(t, err, `enclave "demo" has no service "absent"`)
	require.Equal(t, backends.NotFound, backends.KindOf(err))
	_, err = b.client.Exec(ctx, "web", backends.Exec{})
	require.EqualError(t, err, "there is no command to execute")
	require.Equal(t, backends.Invalid, backends.KindOf(err))

	started := make(chan struct{})
	b.backend.OnExec(func(ctx context.Context, _, _ string, _ backends.Exec) (int, bool) {
		close(started)
		<-ctx.Done()
		return 0, true
	})
	leaving, leave := context.WithCancel(ctx)
	go func() { <-started; leave() }()
	_, err = b.client.Exec(leaving, "web", backends.Exec{Command: []string{"wait"}})
	require.ErrorIs(t, err, context.Canceled)
}

func TestWhoMayCall(t *testing.T) {
	b := newBench(t)
	stranger := client.NewEnclave(client.Options{Address: listen(t, t.Context(), b.server.Handler()), Token: "guess"})
	defer stranger.Close()
	_, err := stranger.Inspect(t.Context())
	require.EqualError(t, err, "the token is missing or wrong")
	require.Equal(t, backends.AuthNeeded, backends.KindOf(err))
	_, err = stranger.Run(t.Context(), client.RunOptions{Script: &client.Script{Text: "def run(plan):\n    pass\n"}})
	require.EqualError(t, err, "the token is missing or wrong")
	_, err = stranger.Exec(t.Context(), "web", backends.Exec{Command: []string{"x"}})
	require.EqualError(t, err, "the token is missing or wrong")
	_, err = stranger.Store(t.Context(), "x", strings.NewReader(""))
	require.EqualError(t, err, "the token is missing or wrong")

	nobody := client.NewEnclave(client.Options{Address: "127.0.0.1:1"})
	_, err = nobody.Inspect(t.Context())
	require.Equal(t, backends.EngineUnreachable, backends.KindOf(err))
	require.ErrorContains(t, err, "connection refused")

	secure := httptest.NewUnstartedServer(b.server.Handler())
	secure.EnableHTTP2 = true
	secure.StartTLS()
	defer secure.Close()
	known := x509.NewCertPool()
	known.AddCert(secure.Certificate())
	options := client.Options{Address: secure.Listener.Addr().String(), Token: token, TLS: &tls.Config{RootCAs: known}}
	trusting := client.NewEnclave(options)
	defer trusting.Close()
	_, err = trusting.Inspect(t.Context())
	require.NoError(t, err)
	_, err = trusting.Exec(t.Context(), "absent", backends.Exec{Command: []string{"x"}})
	require.Equal(t, backends.NotFound, backends.KindOf(err), "streams of both directions, too: %v", err)
	options.TLS = &tls.Config{}
	distrusting := client.NewEnclave(options)
	defer distrusting.Close()
	_, err = distrusting.Inspect(t.Context())
	require.ErrorContains(t, err, "certificate signed by unknown authority")

	dialled := ""
	odd := client.NewEnclave(client.Options{Address: "far.example:7443", Token: token, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled = address
		var d net.Dialer
		return d.DialContext(ctx, network, listen(t, t.Context(), b.server.Handler()))
	}})
	defer odd.Close()
	_, err = odd.Inspect(t.Context())
	require.NoError(t, err)
	require.Equal(t, "far.example:7443", dialled)
}
