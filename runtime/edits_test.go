package runtime_test

import (
	"maps"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/fake"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/event"
)

// edited is the package that the edits below start from.
const edited = `
def run(plan):
    conf = plan.render_templates(name="conf", config={"/a": struct(template="{{ .n }}", data={"n": 1})})
    plan.upload_files(src="./files", name="files")
    db = plan.add_service(name="db", config=ServiceConfig(image="web", ports={"sql": PortSpec(number=5432)}, files={"/conf": conf}))
    web = plan.add_service(name="web", config=ServiceConfig(image="web2", ports={"http": PortSpec(number=80)}, files={"/files": "files"}))
    said = plan.exec(service_name="db", recipe=ExecRecipe(command=["echo", "hello"]))
    plan.exec(service_name="web", recipe=ExecRecipe(command=["echo", said["output"]]))
    plan.wait(service_name="web", recipe=GetHttpRequestRecipe(port_id="http", endpoint="/"), field="code", assertion="==", target_value=200)
    task = plan.run_sh(run="task", image="sleeps", files={"/in": "files"}, store=[StoreSpec(src="/out/*", name="out")])
    user = plan.add_service(name="user", config=ServiceConfig(image="web", files={"/out": "out"}))
    plan.print("done")
`

// edit is a change of the package, or of what became of it, and what a run does then.
type edit struct {
	name   string
	main   func(string) string
	files  map[string]string
	engine func(*testing.T, *bench)
	change func(*runtime.RunOptions)
	want   []string // the instruction, its service or artifact, and the cause
}

func edits(t *testing.T) []edit {
	replace := func(from, to string) func(string) string {
		return func(main string) string {
			if !strings.Contains(main, from) {
				t.Fatalf("no %q to edit", from)
			}
			return strings.Replace(main, from, to, 1)
		}
	}
	same := func(main string) string { return main }
	return []edit{
		{name: "nothing", main: same},
		{name: "a comment and white space", main: replace("    said", "\n    # a comment\n    said")},
		{name: "another variable name", main: replace("task = plan", "job = plan")},
		{name: "a description", main: replace(`plan.print("done")`, `plan.print("done", description="say it")`)},
		{name: "the order of independent steps", main: func(m string) string {
			line := `    plan.upload_files(src="./files", name="files")` + "\n"
			return strings.Replace(strings.Replace(m, line, "", 1), "def run(plan):\n", "def run(plan):\n"+line, 1)
		}},
		{name: "the text of a print", main: replace(`"done"`, `"ready"`), want: []string{"print: msg changed"}},
		{name: "a step at the end", main: func(m string) string { return m + "    plan.print(\"more\")\n" }, want: []string{"print: new"}},
		{name: "a step at the beginning", main: replace("def run(plan):\n", "def run(plan):\n    plan.print(\"first\")\n"), want: []string{"print: new"}},
		{name: "a step with a future at the beginning", main: replace("def run(plan):\n", "def run(plan):\n    plan.run_sh(run=\"x\", image=\"sleeps\")\n"), want: []string{"run_sh: new"}},
		{name: "a step left out", main: replace("    plan.print(\"done\")\n", "")},
		{name: "an uploaded file", main: same, files: map[string]string{"files/x": "y"}, want: []string{
			"upload_files: files changed", "add_service: artifact files changed", "exec: service web changed", "wait: service web changed",
			"run_sh: artifact files changed",
		}},
		{name: "another uploaded file", main: same, files: map[string]string{"files/z": "z"}, want: []string{
			"upload_files: files changed", "add_service: artifact files changed", "exec: service web changed", "wait: service web changed",
			"run_sh: artifact files changed",
		}},
		{name: "data of a template", main: replace(`"n": 1`, `"n": 2`), want: []string{
			"render_templates: config changed", "add_service: artifact conf changed", "exec: service db changed",
		}},
		{name: "a template with the same result", main: replace("{{ .n }}", "{{.n}}"), want: []string{"render_templates: config changed"}},
		{name: "an environment variable", main: replace(`image="web2"`, `image="web2", env_vars={"A": "b"}`), want: []string{
			"add_service: config.env_vars changed", "exec: service web changed", "wait: service web changed",
		}},
		{name: "the name of an image", main: replace(`image="web2"`, `image="web"`), want: []string{
			"add_service: config.image changed", "exec: service web changed", "wait: service web changed",
		}},
		{name: "the content of an image", main: same, engine: func(t *testing.T, b *bench) { b.renew(t, "web2") }, want: []string{"add_service: image web2 changed", "exec: service web changed", "wait: service web changed"}},
		{name: "a command", main: replace(`"echo", "hello"`, `"echo", "bye"`), want: []string{"exec: recipe.command changed", "exec: recipe.command changed"}},
		{name: "the interval of a wait", main: replace(`target_value=200)`, `target_value=200, interval="2s")`), want: []string{"wait: interval changed"}},
		{name: "a task", main: replace(`run="task"`, `run="other"`), want: []string{"run_sh: run changed"}},
		{name: "the name of a service", main: func(m string) string { return strings.ReplaceAll(m, `"user"`, `"member"`) }, want: []string{"add_service: new"}},
		{name: "a service removed by hand", main: same, engine: func(t *testing.T, b *bench) {
			e, err := b.backend.InspectEnclave(t.Context(), b.name)
			require.NoError(t, err)
			require.NoError(t, b.backend.RemoveService(t.Context(), e.UUID, "web"))
		}, want: []string{"add_service: service web is gone", "exec: service web changed", "wait: service web changed"}},
		{name: "a service stopped by hand", main: same, engine: func(t *testing.T, b *bench) {
			e, err := b.backend.InspectEnclave(t.Context(), b.name)
			require.NoError(t, err)
			require.NoError(t, b.backend.StopService(t.Context(), e.UUID, "user"))
		}, want: []string{"add_service: service user is stopped"}},
		{name: "force_update", main: replace(`add_service(name="user",`, `add_service(name="user", force_update=True,`), want: []string{"add_service: force_update changed"}},
		{name: "a run that remembers nothing", main: same, change: func(o *runtime.RunOptions) { o.Fresh = true }, want: []string{
			"render_templates: new", "upload_files: new", "add_service: new", "add_service: new", "exec: new", "exec: new", "wait: new",
			"run_sh: new", "add_service: new", "print: new",
		}},
	}
}

// TestEdits: what runs again after an edit, and why.
func TestEdits(t *testing.T) {
	list := edits(t)
	require.GreaterOrEqual(t, len(list), 25)
	for _, test := range list {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, engine := newFake(t)
				engine.AddImage("web2", fake.Image{Program: web})
				b.renew = func(_ *testing.T, ref string) {
					engine.AddImage(ref, fake.Image{Program: web, Image: backends.Image{ID: "sha256:new"}})
				}
				b.edited(t, test)
			})
		})
	}
}

// edited runs the package, and again after an edit.
func (b *bench) edited(t *testing.T, test edit) {
	t.Helper()
	_, _, err := b.run(t.Context(), edited, scenarioFiles())
	require.NoError(t, err)
	if test.engine != nil {
		test.engine(t, b)
	}
	files := scenarioFiles()
	maps.Copy(files, test.files)
	var change []func(*runtime.RunOptions)
	if test.change != nil {
		change = append(change, test.change)
	}
	result, seen, err := b.run(t.Context(), test.main(edited), files, change...)
	require.NoError(t, err)
	var ran []string
	for _, s := range of[event.StepStarted](seen) {
		ran = append(ran, s.Step.Instruction+": "+s.Cause)
	}
	require.Equal(t, test.want, ran)
	require.Equal(t, len(result.Plan.Steps), result.Executed+result.Skipped)

	_, seen, err = b.run(t.Context(), test.main(edited), files)
	require.NoError(t, err)
	if !strings.Contains(test.main(edited), "force_update") {
		require.Empty(t, seen.results(), "then nothing is left to do")
	}
}
