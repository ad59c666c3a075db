//go:build docker

package live_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/api/client"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// TestOwnClient goes through the project's own API from this machine: a package with what it imports runs in an
// enclave that the engine makes, is killed and goes on, and everything that the command line asks is answered.
func TestOwnClient(t *testing.T) {
	const token = "open-sesame"
	image := toolbox(t)
	t.Setenv("KURTOSIS_TOKEN", token)
	started := startEngine(t, "--token", token)
	started.http.Transport = withToken{token, started.http.Transport}
	ctx := t.Context()
	engine := client.NewEngine(client.Options{Address: started.address, Token: token})
	defer engine.Close()
	info, err := engine.Info(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{started.name, "live", started.image, "docker"}, []string{info.Name, info.Version, info.Image, string(info.Host.ClusterType)})
	inspected, err := exec.CommandContext(ctx, "docker", "inspect", "--format", "{{json .Config.Labels}}", started.container).Output()
	require.NoError(t, err)
	require.NotContains(t, string(inspected), token, "labels are for everybody to see")

	made, err := engine.Create(ctx, "own-"+backends.NewUUID()[:6], false)
	require.NoError(t, err)
	defer func() {
		_, err := engine.Remove(context.WithoutCancel(ctx), made.UUID)
		require.NoError(t, err)
	}()
	enclave := client.NewEnclave(client.Options{Address: made.Address(), Token: token})
	defer func() { enclave.Close() }()

	// A package with a replacement beside it, a build from there, an upload and a file of another package.
	dir := t.TempDir()
	for _, f := range txtar.Parse(fmt.Appendf(nil, `
-- me/kurtosis.yml --
name: github.com/me/own
replace:
  github.com/dep/near: ../near
-- me/main.star --
near = import_module("github.com/dep/near/lib.star")

def run(plan, wait=False, extra=True):
    plan.add_service(name="web", config=ServiceConfig(
        image=ImageBuildSpec(image_name=near.NAME, build_context_dir="github.com/dep/near/image"),
        cmd=["print", "ready", "steady", "+", "sleep"], files={"/conf": plan.upload_files(src="github.com/dep/near/conf", name="conf")}))
    plan.add_service(name="tool", config=ServiceConfig(image="%[1]s", cmd=["sleep"]))
    if wait:
        plan.exec(service_name="tool", recipe=ExecRecipe(command=["/toolbox", "sleep"]))
    if extra:
        plan.add_service(name="extra", config=ServiceConfig(image="%[1]s", cmd=["sleep"]))
    plan.print(read_file("github.com/dep/near/notes.txt"))
    return near.NAME
-- near/kurtosis.yml --
name: github.com/dep/near
-- near/lib.star --
NAME = "own-client-test:%[2]s"
-- near/image/Dockerfile --
FROM %[1]s
ENV BUILT=yes
-- near/conf/a.txt --
a
-- near/notes.txt --
remember
`, image, made.UUID[:8])).Files {
		file := filepath.Join(dir, f.Name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, f.Data, 0o644))
	}
	defer func() { _ = exec.Command("docker", "rmi", "own-client-test:"+made.UUID[:8]).Run() }() // Kurtosis keeps what it builds
	options := func(text string) client.RunOptions {
		t.Helper()
		args, err := plan.DecodeJSON([]byte(text))
		require.NoError(t, err)
		pkg, err := packages.Open(ctx, filepath.Join(dir, "me"), packages.Options{})
		require.NoError(t, err)
		bundle, err := pkg.Bundle(ctx, packages.BundleOptions{})
		require.NoError(t, err)
		return client.RunOptions{Bundle: bundle, Args: args}
	}

	// The API container is killed while a step runs; the next run goes on from there.
	o := options(`{"wait": true}`)
	o.Sink = event.Func(func(e event.Event) {
		if e, ok := e.(event.StepStarted); ok && e.Step.Instruction == "exec" {
			require.NoError(t, exec.Command("docker", "kill", made.API.ID).Run())
		}
	})
	_, err = enclave.Run(ctx, o)
	require.Equal(t, backends.EngineUnreachable, backends.KindOf(err), "%v", err)
	restarted, err := engine.Start(ctx, made.UUID)
	require.NoError(t, err)
	require.Equal(t, made.Address(), restarted.Address())
	result, err := enclave.Run(ctx, options(`{}`))
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("%q", "own-client-test:"+made.UUID[:8]), result.Output)
	require.Equal(t, 3, result.Skipped, "upload and both services are there")
	require.Equal(t, 2, result.Executed)
	result, err = enclave.Run(ctx, options(`{}`))
	require.NoError(t, err)
	require.Equal(t, 5, result.Skipped)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "near/conf/a.txt"), []byte("b\n"), 0o644))
	compared, err := enclave.Compare(ctx, options(`{"extra": false}`))
	require.NoError(t, err)
	require.Equal(t, []string{"extra"}, compared.Delta.Removed)
	var causes []string
	for _, s := range compared.Plan.Steps {
		d := compared.Delta.Of(s)
		causes = append(causes, fmt.Sprint(s.Name, " ", d.Skip, " ", d.Cause))
	}
	require.Equal(t, []string{"upload_files false files changed", "add_service false artifact conf changed", "add_service true unchanged", "print true unchanged"}, causes)

	inspection, err := enclave.Inspect(ctx)
	require.NoError(t, err)
	require.Equal(t, state.RunSucceeded, inspection.LastRun.Status)
	require.Equal(t, "github.com/me/own", inspection.LastRun.Package)
	require.Len(t, inspection.Services, 3)
	require.Equal(t, backends.Running, inspection.Services[1].State)
	require.NotZero(t, inspection.Services[2].Config)

	// A terminal: the size is known there, input comes back in one stream with the output.
	var out bytes.Buffer
	sizes := make(chan backends.Size, 1)
	sizes <- backends.Size{Columns: 99, Rows: 33}
	code, err := enclave.Exec(ctx, "tool", backends.Exec{Command: []string{"/toolbox", "tty"}, TTY: true, Stdout: &out, Resize: sizes, Stdin: strings.NewReader("")})
	require.NoError(t, err)
	require.Zero(t, code, out.String())
	out.Reset()
	code, err = enclave.Exec(ctx, "tool", backends.Exec{Command: []string{"/toolbox", "stdin"}, Stdin: strings.NewReader("through\n"), Stdout: &out})
	require.NoError(t, err)
	require.Zero(t, code)
	require.Contains(t, out.String(), "through")
	code, err = enclave.Exec(ctx, "tool", backends.Exec{Command: []string{"/toolbox", "exit", "9"}})
	require.NoError(t, err)
	require.Equal(t, 9, code)

	require.NoError(t, enclave.CopyTo(ctx, "tool", "/in", bytes.NewReader(oneFile(t, "x", "copied"))))
	back, err := enclave.CopyFrom(ctx, "tool", "/in/x")
	require.NoError(t, err)
	m, err := tar.NewReader(back).Next()
	require.NoError(t, err)
	require.Equal(t, "x", m.Name)
	require.NoError(t, back.Close())
	_, content, err := enclave.Download(ctx, "conf", "a.txt")
	require.NoError(t, err)
	text, err := io.ReadAll(content)
	require.NoError(t, err)
	require.Equal(t, "a\n", string(text))
	require.NoError(t, content.Close())

	// What a service wrote is there when the service no longer is.
	require.NoError(t, enclave.RemoveService(ctx, "web"))
	var lines []string
	for l, err := range engine.Logs(ctx, made.Name, client.LogOptions{Services: []string{"web"}}) {
		require.NoError(t, err)
		lines = append(lines, l.Text)
	}
	require.Equal(t, []string{"ready", "steady"}, lines)

	require.NoError(t, engine.Stop(ctx, made.Name))
	_, err = enclave.Inspect(ctx)
	require.Equal(t, backends.EngineUnreachable, backends.KindOf(err), "%v", err)
	again, err := engine.Start(ctx, made.Name)
	require.NoError(t, err)
	require.Equal(t, made.Address(), again.Address())
	inspection, err = enclave.Inspect(ctx)
	require.NoError(t, err)
	require.Equal(t, backends.Running, inspection.Services[0].State)
}

func oneFile(t *testing.T, name, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}))
	_, err := io.WriteString(w, text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// withToken lets the clean-up in, which speaks the reference's API.
type withToken struct {
	token string
	http.RoundTripper
}

func (w withToken) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+w.token)
	return w.RoundTripper.RoundTrip(r)
}
