package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/api/client"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/fake"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/packages/compose"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/execute"
	"github.com/kurtosis-go/kurtosis/runtime/interp"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// recorder keeps events as text without what differs from run to run.
type recorder struct {
	mu           sync.Mutex
	list, images []string
}

var varies = regexp.MustCompile(`[0-9a-f]{32}|"(elapsed_)?seconds":[0-9.]+`)

func (r *recorder) Emit(e event.Event) {
	text, err := event.Encode(e)
	if err != nil {
		panic(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := e.(event.ImageReady); ok {
		r.images = append(r.images, string(text)) // these come on the side
		return
	}
	r.list = append(r.list, varies.ReplaceAllString(string(text), "_"))
}

func dict(t *testing.T, text string) plan.Value {
	t.Helper()
	v, err := plan.DecodeJSON([]byte(text))
	require.NoError(t, err)
	return v
}

// TestSameAsInProcess: what a run over the wire gives is what one in this process gives: events, plan, findings, result
// and error, with the same paths.
func TestSameAsInProcess(t *testing.T) {
	const pkg = `
-- kurtosis.yml --
name: github.com/me/p
replace:
  github.com/dep/gone: ./gone
-- gone.star --
gone = import_module("github.com/dep/gone/x.star")
-- main.star --
lib = import_module("./lib.star")
def run(plan, mode="fine", n=1):
    if mode == "deep":
        lib.fail_there()
    web = plan.add_service(name="web", config=ServiceConfig(image="toolbox", ports={"http": PortSpec(8080, wait=None)}))
    if mode == "problem":
        plan.remove_service(name="nobody")
        plan.remove_service(name="nothing")
    plan.upload_files(src="./data", name="data")
    if mode == "fails":
        plan.exec(service_name="web", recipe=ExecRecipe(command=["/toolbox", "exit", "3"]))
    result = plan.exec(service_name="web", recipe=ExecRecipe(command=["/toolbox", "exit", "0"]))
    return struct(address=web.ip_address, big=12345678901234567890, code=result["code"], n=n)
-- lib.star --
def fail_there():
    fail("no <way>")
-- data/x --
x
-- broken.star --
def run(plan):
    plan.add_service(
    x = = 1
-- todo.star --
def run(plan):
    # TODO
    plan.print("a")
`
	for name, test := range map[string]struct {
		main   string
		args   string
		change func(*runtime.RunOptions, *client.RunOptions)
	}{
		"fine":      {},
		"arguments": {args: `{"n": {"b": [1, 2.0, "<&>", null, true], "a": 1e3}}`},
		"deep":      {args: `{"mode": "deep"}`},
		"problem":   {args: `{"mode": "problem"}`},
		"fails":     {args: `{"mode": "fails"}`},
		"unknown":   {args: `{"nonsense": 1}`},
		"syntax":    {main: "broken.star"},
		"replaced":  {main: "gone.star"}, // whose hint has a path in it
		"findings":  {main: "todo.star"},
		"strict":    {main: "todo.star", change: func(o *runtime.RunOptions, c *client.RunOptions) { o.Strict, c.Strict = true, true }},
		"unchecked": {main: "todo.star", change: func(o *runtime.RunOptions, c *client.RunOptions) { o.Checker, c.NoCheck = nil, true }},
		"function":  {change: func(o *runtime.RunOptions, c *client.RunOptions) { o.Function, c.Function = "start", "start" }},
		"fresh": {change: func(o *runtime.RunOptions, c *client.RunOptions) {
			o.Fresh, c.Fresh, o.NoConnect, c.NoConnect, o.Parallelism, c.Parallelism = true, true, true, true, 2, 2
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := layOut(t, pkg)
			opened, err := packages.Open(t.Context(), dir, packages.Options{Main: test.main})
			require.NoError(t, err)
			bundle, err := opened.Bundle(t.Context(), packages.BundleOptions{})
			require.NoError(t, err)
			type seen struct {
				events  recorder
				checked []diag.Diagnostic
				plan    string
			}
			var here, there seen
			options := runtime.RunOptions{
				Options: runtime.Options{Package: opened, Checker: todoChecker{}}, Enclave: "demo", State: t.TempDir(), Sink: &here.events, ArgsText: "n",
				Checked: func(found []diag.Diagnostic) { here.checked = append(here.checked, found...) },
				Planned: func(p *plan.Plan) { here.plan = planText(t, p) },
			}
			remote := client.RunOptions{
				Bundle: bundle, Sink: &there.events, ArgsText: "n",
				Checked: func(found []diag.Diagnostic) { there.checked = append(there.checked, found...) },
				Planned: func(p *plan.Plan) { there.plan = planText(t, p) },
			}
			if test.args != "" {
				options.Args, remote.Args = dict(t, test.args), dict(t, test.args)
			}
			if test.change != nil {
				test.change(&options, &remote)
			}
			local := fake.New(t.Context(), fake.Options{})
			defer local.Close()
			local.AddImage("toolbox", fake.Toolbox())
			_, err = local.CreateEnclave(t.Context(), backends.EnclaveSpec{UUID: backends.NewUUID(), Name: "demo"})
			require.NoError(t, err)
			b := newBench(t)
			for range 2 { // the second time most of it is skipped
				here, there = seen{}, seen{}
				want, wantErr := runtime.Run(t.Context(), local, options)
				got, err := b.client.Run(t.Context(), remote)
				requireSameError(t, wantErr, err)
				require.Equal(t, here.events.list, there.events.list)
				require.Equal(t, len(here.events.images), len(there.events.images))
				require.Equal(t, here.checked, there.checked)
				require.Equal(t, here.plan, there.plan)
				require.Equal(t, want.Outcome, got.Outcome)
				require.Equal(t, want.Diagnostics, got.Diagnostics)
				require.Equal(t, want.Causes, got.Causes)
				require.Equal(t, want.Problems, got.Problems)
				require.Equal(t, want.Target.Path, got.Target.Path)
				require.Equal(t, want.Enclave.Name, got.Enclave.Name)
			}
			want, wantErr := runtime.Compare(t.Context(), local, options)
			got, err := b.client.Compare(t.Context(), remote)
			requireSameError(t, wantErr, err)
			require.Equal(t, want.Problems, got.Problems)
			require.Equal(t, want.Delta.Removed, got.Delta.Removed)
			require.Equal(t, want.Diagnostics, got.Diagnostics)
			if want.Plan == nil {
				require.Nil(t, got.Plan)
				return
			}
			require.Equal(t, planText(t, want.Plan), planText(t, got.Plan))
			for i, step := range want.Plan.Steps {
				was, is := want.Delta.Of(step), got.Delta.Of(got.Plan.Steps[i])
				require.Equal(t, []any{was.Skip, was.Cause}, []any{is.Skip, is.Cause})
			}
		})
	}
}

// planText is a plan in every form in which one is shown.
func planText(t *testing.T, p *plan.Plan) string {
	t.Helper()
	yaml, err := p.YAML()
	require.NoError(t, err)
	text := string(yaml) + p.Mermaid(false) + p.Dot(false) + p.ResultText()
	for _, v := range []plan.Verbosity{plan.Describe, plan.Executable, "brief", "detailed", plan.OutputOnly} {
		shown, err := p.Text(v)
		require.NoError(t, err)
		text += shown
	}
	for _, s := range p.Steps {
		needs, err := json.Marshal(s.Needs)
		require.NoError(t, err)
		text += fmt.Sprintln(s.ID, s.Name, s.Position, s.Call(), s.Description, string(needs))
	}
	return text
}

// requireSameError: same text, same type, same content.
func requireSameError(t *testing.T, want, got error) {
	t.Helper()
	if want == nil {
		require.NoError(t, got)
		return
	}
	require.EqualError(t, got, want.Error())
	var (
		step, gotStep       *execute.StepError
		refusal, gotRefusal *interp.Error
		check, gotCheck     *runtime.CheckError
		problem, gotProblem *runtime.ProblemsError
	)
	switch {
	case errors.As(want, &step):
		require.ErrorAs(t, got, &gotStep)
		step.Failure.Elapsed, gotStep.Failure.Elapsed = 0, 0
		require.Equal(t, step.Step, gotStep.Step)
		require.Equal(t, step.Failure, gotStep.Failure)
		require.Equal(t, backends.KindOf(want), backends.KindOf(got))
	case errors.As(want, &refusal):
		require.ErrorAs(t, got, &gotRefusal)
		require.Equal(t, refusal, gotRefusal)
	case errors.As(want, &check):
		require.ErrorAs(t, got, &gotCheck)
		require.Equal(t, check, gotCheck)
	case errors.As(want, &problem):
		require.ErrorAs(t, got, &gotProblem)
		require.Equal(t, problem, gotProblem)
	default:
		t.Fatalf("an error of type %T", want)
	}
}

// TestBundles: a package is sent once, an edit of it again, and what was not sent is said so.
func TestBundles(t *testing.T) {
	b := newBench(t)
	dir := layOut(t, `
-- kurtosis.yml --
name: github.com/me/p
-- main.star --
def run(plan):
    plan.print(read_file("./text"))
-- text --
one
`)
	sent := func() int {
		entries, err := os.ReadDir(filepath.Join(b.dir, "bundles"))
		require.NoError(t, err)
		return len(entries)
	}
	run := func() {
		_, bundle := open(t, dir)
		_, err := b.client.Run(t.Context(), client.RunOptions{Bundle: bundle})
		require.NoError(t, err)
	}
	run()
	run()
	require.Equal(t, 1, sent())
	for i := range 12 {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "text"), fmt.Append(nil, i), 0o644))
		run()
	}
	require.Equal(t, 9, sent(), "those of long ago go")

	_, bundle := open(t, dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "text"), []byte("xx"), 0o644))
	wrong := *bundle
	wrong.Digest = fmt.Sprintf("%064d", 1)
	_, err := b.client.Run(t.Context(), client.RunOptions{Bundle: &wrong})
	require.ErrorContains(t, err, "the package was changed while it was uploaded: its digest is ")
	require.Equal(t, backends.Invalid, backends.KindOf(err))
	require.Equal(t, "run it again", backends.HintOf(err))
	wrong.Digest = "../../etc"
	_, err = b.client.Run(t.Context(), client.RunOptions{Bundle: &wrong})
	require.EqualError(t, err, "'../../etc' is not the digest of a bundle")
	require.Equal(t, 9, sent(), "nothing of it stays")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "text"), nil, 0o644))
	wrong.Digest = fmt.Sprintf("%064d", 2)
	_, err = b.client.Run(t.Context(), client.RunOptions{Bundle: &wrong})
	require.EqualError(t, err, fmt.Sprintf("'%s' became shorter while it was read", filepath.Join(dir, "text")))
}

func TestSources(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	one := &client.Script{Identity: "one", Name: "one.star", Text: "def run(plan):\n    plan.add_service(name=\"web\", config=ServiceConfig(image=\"toolbox\"))\n"}
	_, err := b.client.Run(ctx, client.RunOptions{Script: one})
	require.NoError(t, err)
	other := &client.Script{Identity: "other", Text: "def run(plan):\n    pass\n"}
	result, err := b.client.Run(ctx, client.RunOptions{Script: other, Prune: true})
	require.NoError(t, err)
	require.Empty(t, result.Delta.Removed)
	one.Text = other.Text
	result, err = b.client.Compare(ctx, client.RunOptions{Script: one})
	require.NoError(t, err)
	require.Equal(t, []string{"web"}, result.Delta.Removed)

	one.Text = "def run(plan):\n    fail(\"so\")\n"
	_, err = b.client.Run(ctx, client.RunOptions{Script: one})
	var refusal *interp.Error
	require.ErrorAs(t, err, &refusal)
	where, ok := refusal.Where()
	require.True(t, ok)
	require.Equal(t, "one.star", where.Path)

	for want, o := range map[string]client.RunOptions{
		"'../x.star' can't be the name of a script":                           {Script: &client.Script{Name: "../x.star", Text: "x"}},
		"'/etc' is not a locator of a package":                                {Locator: "/etc"},
		"'' is not a locator of a package":                                    {},
		"'github.com/o/r' isn't on this machine, and nothing is fetched here": {Locator: "github.com/o/r"},
	} {
		_, err := b.client.Run(ctx, o)
		require.EqualError(t, err, want)
		_, err = b.client.Compare(ctx, o)
		require.EqualError(t, err, want)
	}
}

// TestUnrelatedEdit: what a step uploads or builds from counts by its content, wherever the bundle with it lies.
func TestUnrelatedEdit(t *testing.T) {
	b := newBench(t)
	dir := layOut(t, `
-- kurtosis.yml --
name: github.com/me/p
-- main.star --
def run(plan):
    plan.upload_files(src="./data", name="data")
    plan.add_service(name="web", config=ServiceConfig(image=ImageBuildSpec(image_name="built", build_context_dir="./image"), files={"/d": "data"}))
-- data/x --
x
-- image/Dockerfile --
FROM toolbox
-- notes --
`)
	run := func() runtime.Result {
		t.Helper()
		_, bundle := open(t, dir)
		result, err := b.client.Run(t.Context(), client.RunOptions{Bundle: bundle})
		require.NoError(t, err)
		return result
	}
	require.Equal(t, 2, run().Executed)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "notes"), []byte("more"), 0o644))
	require.Equal(t, 2, run().Skipped)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "image/Dockerfile"), []byte("FROM toolbox\nENV A=b\n"), 0o644))
	require.Equal(t, 1, run().Executed)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "data/x"), []byte("y"), 0o644))
	require.Equal(t, 2, run().Executed)
}

func TestComposeFile(t *testing.T) {
	b := newBench(t)
	dir := layOut(t, `
-- compose.yml --
services:
  web:
    image: toolbox
    command: ["sleep"]
    env_file: [conf/web.env]
    environment:
      FROM_ENV: ${VALUE}
    volumes: ["./conf:/conf"]
-- .env --
VALUE=seen
-- conf/web.env --
A=b
`)
	pkg, err := packages.Open(t.Context(), dir, packages.Options{Converted: compose.FileNames})
	require.NoError(t, err)
	bundle, err := pkg.Bundle(t.Context(), packages.BundleOptions{Discover: func(ctx context.Context) error {
		_, err := runtime.Plan(ctx, runtime.Options{Package: pkg})
		return err
	}})
	require.NoError(t, err)
	_, err = b.client.Run(t.Context(), client.RunOptions{Bundle: bundle})
	require.NoError(t, err)
	for want, command := range map[string][]string{"b\n": {"/toolbox", "env", "A"}, "seen\n": {"/toolbox", "env", "FROM_ENV"}, "A=b\n": {"/toolbox", "read", "/conf/web.env"}} {
		var out bytes.Buffer
		code, err := b.client.Exec(t.Context(), "web", backends.Exec{Command: command, Stdout: &out, Stderr: &out})
		require.NoError(t, err)
		require.Zero(t, code, out.String())
		require.Equal(t, want, out.String())
	}
}

// TestInterrupt: whoever ends their context gets the outcome of a run that was interrupted; others can do it by its id.
func TestInterrupt(t *testing.T) {
	for _, by := range []string{"context", "id", "all"} {
		b := newBench(t)
		b.backend.OnExec(func(ctx context.Context, _, _ string, _ backends.Exec) (int, bool) {
			<-ctx.Done()
			return 0, true
		})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		id := make(chan string, 1)
		var events recorder
		result, err := b.client.Run(ctx, client.RunOptions{
			Bundle: script(t, `
def run(plan):
    plan.add_service(name="web", config=ServiceConfig(image="toolbox"))
    plan.exec(service_name="web", recipe=ExecRecipe(command=["wait"]))
`),
			Started: func(run string) { id <- run },
			Sink: event.Func(func(e event.Event) {
				events.Emit(e)
				if e, ok := e.(event.StepStarted); ok && e.Step.Instruction == "exec" {
					switch by {
					case "context":
						stop()
					case "id":
						inspection, err := b.client.Inspect(t.Context())
						require.NoError(t, err)
						run := <-id
						require.Equal(t, []string{run}, inspection.Runs)
						require.Equal(t, "kurtosis run", inspection.Holder.Purpose[:12])
						require.Equal(t, state.RunRunning, inspection.LastRun.Status)
						n, err := b.client.Interrupt(t.Context(), run)
						require.NoError(t, err)
						require.Equal(t, 1, n)
					case "all":
						n, err := b.client.Interrupt(t.Context(), "")
						require.NoError(t, err)
						require.Equal(t, 1, n)
					}
				}
			}),
		})
		var failed *execute.StepError
		require.ErrorAs(t, err, &failed, by)
		require.Equal(t, by == "context", errors.Is(err, context.Canceled))
		require.Equal(t, 1, result.Executed)
		require.Contains(t, events.list[len(events.list)-1], `"status":"interrupted"`)
		inspection, err := b.client.Inspect(t.Context())
		require.NoError(t, err)
		require.Equal(t, state.RunInterrupted, inspection.LastRun.Status)
		require.Empty(t, inspection.Runs)
		require.Nil(t, inspection.Holder)
		_, err = b.client.Interrupt(t.Context(), "gone")
		require.EqualError(t, err, "there is no run 'gone' under way")
	}
}

// TestGone: a run goes on when who asked for it is gone, and keeps others out.
func TestGone(t *testing.T) {
	b := newBench(t)
	release, begun := make(chan struct{}), make(chan struct{})
	b.backend.OnExec(func(context.Context, string, string, backends.Exec) (int, bool) {
		close(begun)
		<-release
		return 0, true
	})
	conns := make(chan net.Conn, 1)
	mortal := client.NewEnclave(client.Options{Address: listen(t, t.Context(), b.server.Handler()), Token: token, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, address)
		if err == nil {
			conns <- conn
		}
		return conn, err
	}})
	bundle := script(t, `
def run(plan):
    plan.add_service(name="web", config=ServiceConfig(image="toolbox"))
    plan.exec(service_name="web", recipe=ExecRecipe(command=["wait"]))
    plan.add_service(name="more", config=ServiceConfig(image="toolbox"))
`)
	ended := make(chan error, 1)
	go func() {
		_, err := mortal.Run(t.Context(), client.RunOptions{Bundle: bundle})
		ended <- err
	}()
	<-begun
	_, err := b.client.Run(t.Context(), client.RunOptions{Bundle: bundle, NoWait: true})
	var busy *runtime.BusyError
	require.ErrorAs(t, err, &busy)
	require.Equal(t, "demo", busy.Enclave)
	require.Equal(t, os.Getpid(), busy.Holder.PID)
	require.WithinDuration(t, time.Now(), busy.Holder.Since, time.Hour)
	require.NoError(t, (<-conns).Close())
	err = <-ended
	require.Equal(t, backends.EngineUnreachable, backends.KindOf(err), "%v", err)
	close(release)
	b.server.Wait()
	inspection, err := b.client.Inspect(t.Context())
	require.NoError(t, err)
	require.Equal(t, state.RunSucceeded, inspection.LastRun.Status)
	require.Len(t, inspection.Services, 2)
}

// TestLogins: logins of a run open registries for it, and are nowhere afterwards.
func TestLogins(t *testing.T) {
	b := newBench(t)
	private := fake.Toolbox()
	private.NeedAuth = true
	b.backend.AddRemoteImage("registry.example/private:1", private)
	bundle := script(t, `
def run(plan):
    plan.add_service(name="web", config=ServiceConfig(image="registry.example/private:1"))
`)
	_, err := b.client.Run(t.Context(), client.RunOptions{Bundle: bundle})
	require.ErrorContains(t, err, "unauthorized")
	const password = "correct-horse"
	_, err = b.client.Run(t.Context(), client.RunOptions{Bundle: bundle, Logins: []client.Login{
		{RegistryAuth: backends.RegistryAuth{Registry: "other.example", Username: "u", Password: "p"}},
		{RegistryAuth: backends.RegistryAuth{Registry: "registry.example", Username: "me", Password: password}},
	}})
	require.NoError(t, err)
	require.NoError(t, filepath.WalkDir(b.dir, func(file string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(file)
		require.NotContains(t, string(text), password, file)
		return err
	}))
}
