package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/fake"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/execute"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// web serves HTTP on every port that its service declares. The command, if it is a duration, is how long it takes to start.
func web(ctx context.Context, p *fake.Process) int {
	fmt.Fprintln(p.Stdout, "starting")
	if delay, err := time.ParseDuration(p.Args[len(p.Args)-1]); err == nil {
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return 0
		}
	}
	for _, port := range p.Ports {
		l, err := p.Listen(port)
		if err != nil {
			fmt.Fprintln(p.Stderr, err)
			return 1
		}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, `{"path": %q, "body": %q, "list": [1, 2]}`, r.URL.Path, body)
		})}
		go func() { _ = server.Serve(l) }()
		defer server.Close()
	}
	<-ctx.Done()
	return 0
}

func quits(_ context.Context, p *fake.Process) int {
	fmt.Fprintln(p.Stderr, "no database")
	return 4
}

func sleeps(ctx context.Context, _ *fake.Process) int {
	<-ctx.Done()
	return 0
}

// newFake is a bench on an engine in memory: call it within a bubble of synctest. Commands echo their last argument.
func newFake(t *testing.T) (*bench, *fake.Backend) {
	t.Helper()
	b := fake.New(t.Context(), fake.Options{})
	t.Cleanup(func() { _ = b.Close() })
	b.AddImage("web", fake.Image{Program: web, Files: map[string]string{"/data/file": "content"}})
	b.AddImage("quits", fake.Image{Program: quits})
	b.AddImage("sleeps", fake.Image{Program: sleeps, Files: map[string]string{"/out/result": "42"}})
	b.OnExec(func(_ context.Context, _, _ string, e backends.Exec) (int, bool) {
		last := e.Command[len(e.Command)-1]
		if code, ok := strings.CutPrefix(last, "exit "); ok {
			fmt.Fprint(e.Stderr, "failing")
			return int(code[0] - '0'), true
		}
		fmt.Fprint(e.Stdout, last)
		return 0, true
	})
	return &bench{t: t, backend: b, enclaves: runtime.Enclaves{Backend: b, State: t.TempDir()}, name: "demo"}, b
}

const scenario = `
def run(plan):
    conf = plan.render_templates(name="conf", config={"/a": struct(template="{{ .n }}", data={"n": 1000000})})
    plan.upload_files(src="./files", name="files")
    db = plan.add_service(name="db", config=ServiceConfig(image="web", ports={"sql": PortSpec(number=5432)}, files={"/conf": conf}))
    plan.add_services(configs={
        "a": ServiceConfig(image="web", ports={"http": PortSpec(number=80)}, env_vars={"DB": db.ip_address}, cmd=["300ms"]),
        "b": ServiceConfig(image="web", ports={"http": PortSpec(number=80)}, files={"/files": "files"}),
    })
    answer = plan.request(service_name="a", recipe=PostHttpRequestRecipe(port_id="http", endpoint="/x", body=db.ip_address, extract={"body": ".body", "list": ".list[]"}))
    plan.verify(value=answer["extract.body"], assertion="==", target_value=db.ip_address)
    said = plan.exec(service_name="b", recipe=ExecRecipe(command=["echo", answer["extract.body"]]))
    plan.wait(service_name="b", recipe=GetHttpRequestRecipe(port_id="http", endpoint="/y"), field="code", assertion="==", target_value=200)
    plan.store_service_files(service_name="db", src="/data/file", name="kept")
    plan.get_files_artifact(name="kept")
    task = plan.run_sh(run="task", image="sleeps", files={"/in": "kept"}, store=[StoreSpec(src="/out/*", name="out")])
    plan.run_python(run="python", args=["last"], image="sleeps")
    plan.stop_service(name="b")
    plan.start_service(name="b")
    plan.get_service(name="a")
    plan.get_services()
    plan.set_service(name="a", config=ServiceConfig(image="web", labels={"set": "yes"}))
    plan.remove_service(name="b")
    plan.get_cluster_type()
    plan.print(said["output"] + " " + task.output)
    return struct(address=db.ip_address, list=answer["extract.list"], said=said["output"])
`

func scenarioFiles() map[string]string { return map[string]string{"files/x": "x"} }

const scenarioOutput = "{\n\t\"address\": %q,\n\t\"list\": [\n\t\t1,\n\t\t2\n\t],\n\t\"said\": %q\n}"

func TestScenario(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, engine := newFake(t)
		result, seen, err := b.run(t.Context(), scenario, scenarioFiles())
		require.NoError(t, err, "%s", strings.Join(seen.results(), "\n"))
		require.Equal(t, len(result.Plan.Steps), result.Executed)
		db, err := engine.InspectService(t.Context(), result.Enclave.UUID, "db")
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf(scenarioOutput, db.Address, db.Address), result.Output)
		known := b.store()
		require.ElementsMatch(t, []string{"db", "a"}, keys(known.Services))
		require.ElementsMatch(t, []string{"conf", "files", "kept", "out"}, keys(known.Artifacts))
		require.Equal(t, state.RunSucceeded, known.LastRun().Status)
		for _, s := range known.Steps {
			require.True(t, s.Done, s.Name)
		}

		again, seen, err := b.run(t.Context(), scenario, scenarioFiles())
		require.NoError(t, err)
		require.Empty(t, seen.results())
		require.Equal(t, result.Output, again.Output)
	})
}

func keys[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	return out
}

// Every call to the engine that the scenario makes fails once, each in a run of its own. Then the state says which
// step failed, no step that failed counts as done, what is remembered exists, and the next run goes on from there.
func TestAFailureOfEveryCall(t *testing.T) {
	var calls []fake.Call
	synctest.Test(t, func(t *testing.T) {
		b, engine := newFake(t)
		_, _, err := b.run(t.Context(), scenario, scenarioFiles())
		require.NoError(t, err)
		calls = engine.Calls()
	})
	require.Greater(t, len(calls), 30)
	count := map[string]int{}
	for _, call := range calls {
		count[call.Op]++
		nth := count[call.Op]
		t.Run(fmt.Sprintf("%s %d", call.Op, nth), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { failOnce(t, call.Op, nth) })
		})
	}
}

func failOnce(t *testing.T, op string, nth int) {
	b, engine := newFake(t)
	injected := backends.Errorf(backends.Conflict, "injected")
	engine.Fail(op, nth, injected)
	result, seen, err := b.run(t.Context(), scenario, scenarioFiles())
	if err == nil {
		// Dialling is tried again, and what is only watched or logged may fail.
		require.Contains(t, []string{"Dial", "Watch", "Logs"}, op)
		return
	}
	require.ErrorIs(t, err, injected)
	last := of[event.Result](seen)[0]
	require.Equal(t, event.Failed, last.Status)
	if result.Enclave.UUID == "" {
		require.Contains(t, []string{"Info", "InspectEnclave", "CreateEnclave"}, op)
	} else {
		consistent(t, b, engine, err)
	}

	after, _, err := b.run(t.Context(), scenario, scenarioFiles())
	require.NoError(t, err, "the next run succeeds")
	require.Equal(t, len(after.Plan.Steps), after.Executed+after.Skipped)
	db, err := engine.InspectService(t.Context(), after.Enclave.UUID, "db")
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf(scenarioOutput, db.Address, db.Address), after.Output)
	consistent(t, b, engine, nil)
	services, err := engine.ListServices(t.Context(), after.Enclave.UUID)
	require.NoError(t, err)
	require.Len(t, services, 2, "no task is left")
	require.NoError(t, b.enclaves.Remove(t.Context(), after.Enclave, true))
	require.Empty(t, engine.Leftovers(after.Enclave.UUID))
}

// consistent checks what is remembered against the engine.
func consistent(t *testing.T, b *bench, engine *fake.Backend, failed error) {
	t.Helper()
	enclave, err := engine.InspectEnclave(t.Context(), b.name)
	require.NoError(t, err)
	services, err := engine.ListServices(t.Context(), enclave.UUID)
	require.NoError(t, err)
	there := map[string]bool{}
	for _, s := range services {
		there[s.Name] = true
	}
	known := b.store()
	run := known.LastRun()
	if run == nil {
		return // it failed before it began
	}
	require.NotEqual(t, state.RunRunning, run.Status)
	for name := range known.Services {
		require.True(t, there[name], "%s is remembered and does not exist", name)
	}
	done := 0
	for _, s := range known.Steps {
		if s.Done {
			done++
			require.Empty(t, s.Error)
			continue
		}
		require.NotEmpty(t, s.Error)
	}
	require.Equal(t, run.Executed+run.Skipped, done)
	var step *execute.StepError
	if errors.As(failed, &step) {
		require.Equal(t, state.RunFailed, run.Status)
		require.Contains(t, run.Failed, step.Step.Instruction)
		require.True(t, slices.ContainsFunc(known.Steps, func(s state.Step) bool { return !s.Done && s.Name == step.Step.Instruction }))
	}
}

func TestInterruption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, engine := newFake(t)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		main := `
def run(plan):
    plan.add_service(name="ok", config=ServiceConfig(image="web", ports={"http": PortSpec(number=80)}))
    plan.add_service(name="slow", config=ServiceConfig(image="web", ports={"http": PortSpec(number=80)}, cmd=["60s"]))
    plan.print("never")
`
		_, seen, err := b.run(ctx, main, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.True(t, of[event.StepFailed](seen)[0].Interrupted)
		require.Equal(t, event.Interrupted, of[event.Result](seen)[0].Status)
		require.Len(t, of[event.StepStarted](seen), 2, "nothing new was started")
		require.Equal(t, state.RunInterrupted, b.store().LastRun().Status)
		consistent(t, b, engine, nil)

		result, seen, err := b.run(t.Context(), main, nil)
		require.NoError(t, err)
		require.Equal(t, 1, result.Skipped, "the first service stays")
		require.Equal(t, "not done in the last run", of[event.StepStarted](seen)[0].Cause)
	})
}

func TestPortTimesAreThoseOfTheScript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newFake(t)
		started := time.Now()
		_, seen, err := b.run(t.Context(), `
def run(plan):
    plan.add_service(name="deaf", config=ServiceConfig(image="sleeps", ports={"http": PortSpec(number=80)}))
`, nil)
		require.ErrorContains(t, err, `port "http" (80/tcp) of service "deaf" did not open within 2m0s`)
		require.InDelta(t, 120, time.Since(started).Seconds(), 1)
		failed := of[event.StepFailed](seen)[0].Failure
		require.Greater(t, failed.Attempts, 230, "about twice a second")
		require.Less(t, failed.Attempts, 260)
		retries := len(of[event.StepRetry](seen))
		require.InDelta(t, 118, retries, 10, "a retry is news once a second")
	})
}

func TestABatchIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, engine := newFake(t)
		result, seen, err := b.run(t.Context(), `
def run(plan):
    plan.add_service(name="before", config=ServiceConfig(image="web"))
    plan.add_services(configs={
        "one": ServiceConfig(image="web", ports={"http": PortSpec(number=80)}),
        "two": ServiceConfig(image="quits", ports={"http": PortSpec(number=80)}),
        "three": ServiceConfig(image="web", ports={"http": PortSpec(number=80)}, cmd=["10s"]),
    })
`, nil)
		require.ErrorContains(t, err, `service "two": service "two" ended with exit code 4 while waiting for its port "http" (80/tcp) (all 3 services of the batch were taken back)`)
		require.Equal(t, []string{"no database"}, of[event.StepFailed](seen)[0].Failure.Log)
		services, err := engine.ListServices(t.Context(), result.Enclave.UUID)
		require.NoError(t, err)
		require.Len(t, services, 1)
		require.Equal(t, "before", services[0].Name)
		require.Equal(t, []string{"before"}, keys(b.store().Services))
	})
}

func TestDroppedServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, engine := newFake(t)
		both := `
def run(plan):
    plan.add_service(name="one", config=ServiceConfig(image="web"))
    plan.add_service(name="two", config=ServiceConfig(image="web"))
`
		_, _, err := b.run(t.Context(), both, nil)
		require.NoError(t, err)
		one := `
def run(plan):
    plan.add_service(name="one", config=ServiceConfig(image="web"))
`
		result, seen, err := b.run(t.Context(), one, nil)
		require.NoError(t, err)
		require.Equal(t, []string{"two"}, result.Delta.Removed)
		require.Equal(t, []string{"two"}, of[event.Planned](seen)[0].Removed)
		_, err = engine.InspectService(t.Context(), result.Enclave.UUID, "two")
		require.NoError(t, err, "it is reported, and stays")
		_, _, err = b.run(t.Context(), one, nil, func(o *runtime.RunOptions) { o.Prune = true })
		require.NoError(t, err)
		_, err = engine.InspectService(t.Context(), result.Enclave.UUID, "two")
		require.Equal(t, backends.NotFound, backends.KindOf(err))
		require.Equal(t, []string{"one"}, keys(b.store().Services))
	})
}

func TestIndependentStepsRunAtOnce(t *testing.T) {
	main := "\ndef run(plan):\n"
	for i := range 6 {
		main += fmt.Sprintf("    plan.add_service(name=\"s%d\", config=ServiceConfig(image=\"web\", ports={\"http\": PortSpec(number=80)}, cmd=[\"10s\"]))\n", i)
	}
	took := func(parallel bool, slots int) time.Duration {
		var took time.Duration
		synctest.Test(t, func(t *testing.T) {
			b, _ := newFake(t)
			started := time.Now()
			_, _, err := b.run(t.Context(), main, nil, func(o *runtime.RunOptions) { o.Parallel, o.Parallelism = parallel, slots })
			require.NoError(t, err)
			took = time.Since(started)
		})
		return took
	}
	require.InDelta(t, 60, took(false, 3).Seconds(), 4)
	require.InDelta(t, 20, took(true, 3).Seconds(), 2, "three at once")
	require.InDelta(t, 10, took(true, 6).Seconds(), 1)
}

// TestNothingToDo: a run of what was done already asks little, and writes two lines about itself.
func TestNothingToDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, engine := newFake(t)
		const script = `
def run(plan):
    db = plan.add_service(name="db", config=ServiceConfig(image="web", ports={"sql": PortSpec(number=5432)}))
    for i in range(20):
        plan.render_templates(name="conf%d" % i, config={"/a": struct(template="{{ .n }}", data={"n": i})})
    plan.exec(service_name="db", recipe=ExecRecipe(command=["echo", db.ip_address]))
`
		result, _, err := b.run(t.Context(), script, nil)
		require.NoError(t, err)
		require.Equal(t, 22, result.Executed)
		journal := filepath.Join(b.enclaves.State, result.Enclave.UUID, "journal.jsonl")
		before, err := os.ReadFile(journal)
		require.NoError(t, err)
		was, calls := b.store(), len(engine.Calls())

		info, err := engine.Info(t.Context())
		require.NoError(t, err)
		result, _, err = b.run(t.Context(), script, nil, func(o *runtime.RunOptions) { o.Host = &info })
		require.NoError(t, err)
		require.Equal(t, 22, result.Skipped)
		asked := map[string]int{}
		for _, c := range engine.Calls()[calls:] {
			asked[c.Op]++
		}
		require.Equal(t, map[string]int{"InspectEnclave": 1, "ListServices": 2, "InspectImage": 1, "Info": 1}, asked)
		after, err := os.ReadFile(journal)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(after), string(before)))
		added := strings.SplitAfter(string(after[len(before):]), "\n")
		require.Len(t, added, 3)
		for _, line := range added {
			require.NotContains(t, line, `"steps"`)
		}
		now := b.store()
		require.Equal(t, was.Steps, now.Steps)
		require.Len(t, now.Runs, 2)
		require.Equal(t, 22, now.LastRun().Skipped)
	})
}

func TestTwoRunsInOneEnclave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newFake(t)
		main := func(name string) string {
			return "\ndef run(plan):\n    plan.add_service(name=\"" + name + "\", config=ServiceConfig(image=\"web\", ports={\"http\": PortSpec(number=80)}, cmd=[\"5s\"]))\n"
		}
		_, _, err := b.run(t.Context(), main("first"), nil)
		require.NoError(t, err)
		ended := make(chan error)
		go func() {
			_, _, err := b.run(t.Context(), main("second"), nil)
			ended <- err
		}()
		synctest.Wait()
		_, _, err = b.run(t.Context(), main("third"), nil, func(o *runtime.RunOptions) { o.NoWait = true })
		var busy *runtime.BusyError
		require.ErrorAs(t, err, &busy)
		require.Equal(t, "demo", busy.Enclave)
		_, seen, err := b.run(t.Context(), main("fourth"), nil)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("enclave demo is in use by kurtosis run the script since %s (process %d); waiting for it to end", busy.Holder.Since.UTC().Format(time.RFC3339), os.Getpid()),
			of[event.Info](seen)[0].Message)
		require.NoError(t, <-ended)
		require.ElementsMatch(t, []string{"first", "second", "fourth"}, keys(b.store().Services))
	})
}

func TestNoSpaceForANetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := fake.New(t.Context(), fake.Options{Enclaves: 1, AnyImage: true})
		defer engine.Close()
		b := &bench{t: t, backend: engine, enclaves: runtime.Enclaves{Backend: engine, State: t.TempDir()}, name: "one"}
		_, _, err := b.run(t.Context(), "\ndef run(plan):\n    plan.print(1)\n", nil)
		require.NoError(t, err)
		b.name = "two"
		result, seen, err := b.run(t.Context(), "\ndef run(plan):\n    plan.print(1)\n", nil)
		require.Equal(t, backends.NoNetworkSpace, backends.KindOf(err))
		require.Equal(t, backends.HintOf(err), of[event.Result](seen)[0].Failure.Hint)
		require.False(t, result.Created)
		require.Empty(t, of[event.StepStarted](seen))
	})
}
