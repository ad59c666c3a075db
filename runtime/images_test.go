package runtime_test

import (
	"context"
	"maps"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/fake"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/execute"
)

// TestBuiltImageEdits: a built image is made once, and its content decides what runs again.
func TestBuiltImageEdits(t *testing.T) {
	const main = `
def run(plan):
    plan.add_service(name="app", config=ServiceConfig(image=ImageBuildSpec(image_name="app:dev", build_context_dir="./app", build_args={"A": "1"})))
    plan.print("done")
`
	files := func(content string) map[string]string {
		return map[string]string{"app/Dockerfile": "FROM scratch\nARG A\nCOPY file /file\n", "app/file": content}
	}
	synctest.Test(t, func(t *testing.T) {
		b, _ := newFake(t)
		run := func(content string) (runtime.Result, []event.ImageSource, string) {
			t.Helper()
			result, seen, err := b.run(t.Context(), main, files(content))
			require.NoError(t, err)
			var sources []event.ImageSource
			for _, e := range seen.all {
				if ready, ok := e.(event.ImageReady); ok {
					sources = append(sources, ready.Source)
				}
			}
			image, err := b.backend.InspectImage(t.Context(), "app:dev")
			require.NoError(t, err)
			return result, sources, image.ID
		}
		result, sources, first := run("one")
		require.Equal(t, []event.ImageSource{event.ImageBuilt}, sources)
		require.Equal(t, 2, result.Executed)
		result, sources, id := run("one")
		require.Empty(t, sources)
		require.Equal(t, first, id)
		require.Equal(t, 2, result.Skipped)
		result, sources, id = run("two")
		require.Equal(t, []event.ImageSource{event.ImageBuilt}, sources)
		require.NotEqual(t, first, id)
		require.GreaterOrEqual(t, result.Executed, 1)

		// Another enclave uses the image that is there.
		b.name = "other"
		result, sources, again := run("two")
		require.Equal(t, []event.ImageSource{event.ImageCached}, sources)
		require.Equal(t, id, again)
		require.Equal(t, 2, result.Executed)
	})
}

// sources says where a run got its images from.
func sources(seen *events) []event.ImageSource {
	var list []event.ImageSource
	for _, e := range of[event.ImageReady](seen) {
		list = append(list, e.Source)
	}
	return list
}

// TestWhatBuildsAnew: of all that a build sees, and of nothing else, a change runs its step again.
func TestWhatBuildsAnew(t *testing.T) {
	const main = `
def run(plan):
    plan.add_services(configs={
        "one": ServiceConfig(image=ImageBuildSpec(image_name="one:dev", build_context_dir="./app", target_stage="STAGE", build_args={"A": "ARG"})),
        "two": ServiceConfig(image=ImageBuildSpec(image_name="two:dev", build_context_dir="./app", build_file="Dockerfile.two")),
    })
    plan.print("done")
`
	base := map[string]string{
		"app/Dockerfile": "FROM base:1 AS release\nARG A\nCOPY . /\nFROM release AS debug\n", "app/Dockerfile.two": "FROM scratch\n",
		"app/.dockerignore": "*.log\nDockerfile*\n", "app/Dockerfile.two.dockerignore": "*\n", "app/file": "1", "app/a.log": "1",
	}
	synctest.Test(t, func(t *testing.T) {
		b, engine := newFake(t)
		engine.AddRemoteImage("base:1", fake.Image{})
		text := strings.NewReplacer("STAGE", "release", "ARG", "1").Replace(main)
		files := maps.Clone(base)
		run := func(what string, change ...func(*runtime.RunOptions)) (runtime.Result, []event.ImageSource) {
			t.Helper()
			result, seen, err := b.run(t.Context(), text, maps.Clone(files), change...)
			require.NoError(t, err, what)
			return result, sources(seen)
		}
		_, got := run("first")
		require.Equal(t, []event.ImageSource{event.ImageBuilt, event.ImageBuilt}, got)
		nothing := func(what string) {
			t.Helper()
			result, got := run(what)
			require.Equal(t, 2, result.Skipped, what)
			require.Empty(t, got, what)
		}
		again := func(what, cause string, change ...func(*runtime.RunOptions)) {
			t.Helper()
			result, got := run(what, change...)
			require.Equal(t, cause, result.Delta.Of(result.Plan.Steps[0]).Cause, what)
			require.ElementsMatch(t, []event.ImageSource{event.ImageBuilt, event.ImageCached}, got, what)
			nothing("after " + what)
		}
		nothing("nothing changed")
		files["app/a.log"] = "2"
		nothing("a file that is ignored")
		files["app/file"] = "2"
		again("a file", "files changed")
		files["app/Dockerfile"] += "RUN more\n"
		again("the Dockerfile", "files changed")
		text = strings.NewReplacer("STAGE", "debug", "ARG", "1").Replace(main)
		again("the stage", "configs, files changed")
		text = strings.NewReplacer("STAGE", "debug", "ARG", "2").Replace(main)
		again("an argument", "configs, files changed")
		engine.AddImage("base:1", fake.Image{Image: backends.Image{ID: "sha256:newer"}})
		again("the base on the engine", "image one:dev changed")
		engine.AddRemoteImage("base:1", fake.Image{Image: backends.Image{ID: "sha256:newest"}})
		nothing("a base that the engine does not have")
		always := func(o *runtime.RunOptions) { o.ImageDownload = execute.DownloadAlways }
		again("a newer base where registries are asked", "image one:dev changed", always)
	})
}

// TestPrefetch: images are on their way before there is an enclave to run them in.
func TestPrefetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, engine := newFake(t)
		engine.AddRemoteImage("far:1", fake.Image{Program: sleeps})
		pulled := make(chan struct{})
		b.backend = &lateEnclave{Backend: engine, after: pulled}
		b.enclaves.Backend = b.backend
		result, seen, err := b.run(t.Context(), `
def run(plan):
    plan.add_service(name="a", config=ServiceConfig(image="far:1"))
`, nil, func(o *runtime.RunOptions) {
			sink := o.Sink
			o.Sink = sinkFunc(func(e event.Event) {
				if ready, ok := e.(event.ImageReady); ok && ready.Image == "far:1" {
					close(pulled)
				}
				sink.Emit(e)
			})
		})
		require.NoError(t, err)
		require.True(t, result.Created)
		require.Equal(t, []event.ImageSource{event.ImagePulled}, sources(seen))
	})
}

// lateEnclave makes an enclave only once something else has happened.
type lateEnclave struct {
	*fake.Backend
	after chan struct{}
}

func (b *lateEnclave) CreateEnclave(ctx context.Context, spec backends.EnclaveSpec) (backends.Enclave, error) {
	select {
	case <-b.after:
		return b.Backend.CreateEnclave(ctx, spec)
	case <-ctx.Done():
		return backends.Enclave{}, ctx.Err()
	}
}

type sinkFunc func(event.Event)

func (f sinkFunc) Emit(e event.Event) { f(e) }

// TestAlwaysAsksOnce: where images are always asked of their registry, that is once in a run, with the package's login, and
// the engine's own serves where the registry does not answer.
func TestAlwaysAsksOnce(t *testing.T) {
	const main = `
def run(plan):
    plan.add_service(name="a", config=ServiceConfig(image=ImageSpec(image="private:1", username="user", password="password")))
`
	synctest.Test(t, func(t *testing.T) {
		b, engine := newFake(t)
		engine.AddRemoteImage("private:1", fake.Image{NeedAuth: true, Program: sleeps})
		always := func(o *runtime.RunOptions) { o.ImageDownload = execute.DownloadAlways }
		_, seen, err := b.run(t.Context(), main, nil, always)
		require.NoError(t, err)
		require.Equal(t, []event.ImageSource{event.ImagePulled}, sources(seen))
		result, seen, err := b.run(t.Context(), main, nil, always)
		require.NoError(t, err)
		require.Equal(t, 1, result.Skipped)
		require.Equal(t, []event.ImageSource{event.ImagePulled}, sources(seen))

		engine.AddRemoteImage("private:1", fake.Image{Image: backends.Image{ID: "sha256:newer"}, NeedAuth: true, Program: sleeps})
		result, seen, err = b.run(t.Context(), main, nil, always)
		require.NoError(t, err)
		require.Equal(t, "image private:1 changed", result.Delta.Of(result.Plan.Steps[0]).Cause)
		require.Equal(t, []event.ImageSource{event.ImagePulled}, sources(seen), "once, though it is needed twice")

		engine.AddRemoteImage("private:1", fake.Image{PullError: backends.Errorf(backends.RegistryUnreachable, "no way there")})
		result, seen, err = b.run(t.Context(), main, nil, always)
		require.NoError(t, err)
		require.Equal(t, 1, result.Skipped)
		require.Equal(t, []event.Warning{{Message: "image private:1 cannot be downloaded again: no way there", Hint: "the engine's own copy is used"}}, of[event.Warning](seen))
	})
}

// otherPackage has a build context in a package that is imported.
const otherPackage = `
def run(plan):
    plan.add_service(name="a", config=ServiceConfig(image=ImageBuildSpec(image_name="IMAGE", build_context_dir="github.com/test/other/app"), cmd=["sleep"]))
`

func otherPackageFiles(content string) map[string]string {
	return map[string]string{
		"kurtosis.yml":         "name: github.com/test/mine\nreplace:\n  github.com/test/other: ./other\n",
		"other/kurtosis.yml":   "name: github.com/test/other\n",
		"other/app/Dockerfile": "FROM @toolbox\nCOPY file /file\n", "other/app/file": content,
	}
}

// TestContextOfAnotherPackage: a build context can be in a package that is imported, and its edits count.
func TestContextOfAnotherPackage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, engine := newFake(t)
		engine.AddImage("base:1", fake.Image{})
		b.toolbox = "base:1"
		run := func(content string) (runtime.Result, []event.ImageSource) {
			t.Helper()
			result, seen, err := b.run(t.Context(), strings.ReplaceAll(otherPackage, "IMAGE", "a:dev"), otherPackageFiles(content))
			require.NoError(t, err)
			return result, sources(seen)
		}
		result, got := run("1")
		require.Equal(t, []event.ImageSource{event.ImageBuilt}, got)
		require.Regexp(t, `other/app$`, result.Plan.Steps[0].Locators[0].Path)
		result, _ = run("1")
		require.Equal(t, 1, result.Skipped)
		result, got = run("2")
		require.Equal(t, "files changed", result.Delta.Of(result.Plan.Steps[0]).Cause)
		require.Equal(t, []event.ImageSource{event.ImageBuilt}, got)
	})
}
