//go:build docker

package runtime_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/backendtest/images"
	"github.com/kurtosis-go/kurtosis/backends/backendtest/registry"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/execute"
)

// ownImage is a reference that is removed from the engine when the test ends, after the enclave.
func (b *bench) ownImage(ref string) string {
	b.t.Helper()
	b.images = append(b.images, ref)
	return ref
}

// read is what a program of the toolbox says in a service.
func (b *bench) read(service string, command ...string) string {
	b.t.Helper()
	enclave, err := b.backend.InspectEnclave(b.t.Context(), b.name)
	require.NoError(b.t, err)
	var out bytes.Buffer
	code, err := b.backend.Exec(b.t.Context(), enclave.UUID, service, backends.Exec{Command: command, Stdout: &out, Stderr: &out})
	require.NoError(b.t, err)
	require.Zero(b.t, code, out.String())
	return out.String()
}

// TestPrivateImage: a package's login opens a real registry, and nobody else hears of the password.
func TestPrivateImage(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir()) // nobody has logged in
	r := registry.Start(t)
	b := newBench(t)
	tagged, _ := r.PushLocal(t.Context(), b.toolbox, "private/toolbox:1")
	b.ownImage(tagged)
	const wrong = "not the password"
	hidden := func(what, text string) {
		t.Helper()
		for _, secret := range []string{registry.Password, wrong} {
			require.NotContains(t, text, secret, what)
		}
	}
	run := func(password string) (*events, error) {
		t.Helper()
		login := ""
		if password != "" {
			login = `, username="` + registry.User + `", password="` + password + `"`
		}
		main := strings.NewReplacer("REF", tagged, "HOST", r.Host, "LOGIN", login).Replace(`
def run(plan):
    spec = ImageSpec(image="REF", registry="HOST"LOGIN)
    plan.add_service(name="app", config=ServiceConfig(image=spec, cmd=["sleep"], labels={"for": "test"}))
    plan.add_services(configs={"other": ServiceConfig(image=spec, cmd=["sleep"])})
    plan.print(spec)
    return struct(spec=spec)
`)
		result, seen, err := b.run(t.Context(), main, nil, func(o *runtime.RunOptions) { o.ArgsText = `{"password": "` + password + `"}` })
		for _, e := range seen.all {
			line, err := json.Marshal(e)
			require.NoError(t, err)
			hidden(e.Type(), string(line))
		}
		hidden("output", result.Output)
		yaml, yamlErr := result.Plan.YAML()
		require.NoError(t, yamlErr)
		hidden("plan", string(yaml))
		return seen, err
	}
	refused := func(password, message, hint string) {
		t.Helper()
		_, err := run(password)
		var failed *execute.StepError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, `pulling image "`+tagged+`": `+message, failed.Failure.Message)
		require.Equal(t, hint, failed.Failure.Hint)
	}
	refused("", `Head "https://`+r.Host+`/v2/private/toolbox/manifests/1": no basic auth credentials`, "log in with `docker login`, or give username and password in an ImageSpec")
	refused(wrong, "unauthorized: authentication required", "the credentials that were sent are not accepted: log in again with `docker login`, or correct the ImageSpec")
	seen, err := run(registry.Password)
	require.NoError(t, err)
	require.Equal(t, []event.ImageSource{event.ImagePulled}, sources(seen))
	require.Equal(t, "it runs\n", b.read("app", "/toolbox", "print", "it runs"))
	hiddenInDocker(t, b, hidden)
	hiddenFiles(t, b.enclaves.State, hidden)

	seen, err = run(registry.Password)
	require.NoError(t, err)
	require.Empty(t, sources(seen), "nothing changed")
}

// hiddenInDocker looks at everything that the engine tells of an enclave.
func hiddenInDocker(t *testing.T, b *bench, hidden func(what, text string)) {
	t.Helper()
	enclave, err := b.backend.InspectEnclave(t.Context(), b.name)
	require.NoError(t, err)
	for _, kind := range []string{"container", "volume", "network"} {
		list := []string{kind, "ls", "-q", "--filter", "label=" + backends.LabelEnclaveUUID + "=" + enclave.UUID}
		if kind == "container" {
			list = append(list, "-a")
		}
		ids, err := exec.Command("docker", list...).Output()
		require.NoError(t, err)
		for id := range strings.FieldsSeq(string(ids)) {
			text, err := exec.Command("docker", kind, "inspect", id).Output()
			require.NoError(t, err)
			hidden(kind, string(text))
		}
	}
}

// TestOtherPlatform: that an image is made for another platform is said before its service is made.
func TestOtherPlatform(t *testing.T) {
	b := newBench(t)
	image, err := images.Build("kurtosis-test/other-platform", images.Config{Cmd: []string{"none"}, Architecture: "s390x"}, images.File{Path: "file", Content: []byte("x")})
	require.NoError(t, err)
	images.Ensure(t, b.backend, image)
	b.ownImage(image.Ref)
	info, err := b.backend.Info(t.Context())
	require.NoError(t, err)
	var before bool
	_, seen, err := b.run(t.Context(), `
def run(plan):
    plan.print("first")
    plan.add_service(name="a", config=ServiceConfig(image="`+image.Ref+`"))
`, nil, func(o *runtime.RunOptions) {
		sink := o.Sink
		o.Sink = sinkFunc(func(e event.Event) {
			if _, ok := e.(event.Warning); ok {
				enclave, err := b.backend.InspectEnclave(context.WithoutCancel(t.Context()), b.name)
				if err == nil {
					_, err = b.backend.InspectService(context.WithoutCancel(t.Context()), enclave.UUID, "a")
				}
				before = backends.KindOf(err) == backends.NotFound
			}
			sink.Emit(e)
		})
	})
	require.NoError(t, err)
	require.Equal(t, []event.Warning{{
		Message: "image " + image.Ref + " is made for linux/s390x, but the engine runs " + info.Platform,
		Hint:    "it may be slow under emulation, or not run at all",
	}}, of[event.Warning](seen))
	require.True(t, before)
}

// TestBuildOfAnotherPackage: a build context in an imported package, for real.
func TestBuildOfAnotherPackage(t *testing.T) {
	b := newBench(t)
	main := strings.ReplaceAll(otherPackage, "IMAGE", b.ownImage("kurtosis-test/other-package:"+backends.NewUUID()[:12]))
	for _, content := range []string{"one", "two"} {
		_, seen, err := b.run(t.Context(), main, otherPackageFiles(content))
		require.NoError(t, err)
		require.Equal(t, []event.ImageSource{event.ImageBuilt}, sources(seen))
		require.Equal(t, content, b.read("a", "/toolbox", "read", "/file"))
	}
	_, seen, err := b.run(t.Context(), main, otherPackageFiles("two"))
	require.NoError(t, err)
	require.Empty(t, sources(seen))
}

// TestFailedBuild: what a run says of a build that fails has the line of the Dockerfile and the end of the log.
func TestFailedBuild(t *testing.T) {
	for _, builder := range []string{"buildkit", "classic"} {
		t.Run(builder, func(t *testing.T) {
			t.Setenv("KURTOSIS_BUILDER", builder)
			b := newBench(t)
			ref := b.ownImage("kurtosis-test/failing:" + backends.NewUUID()[:12])
			_, seen, err := b.run(t.Context(), `
def run(plan):
    plan.run_sh(run="true", image=ImageBuildSpec(image_name="`+ref+`", build_context_dir="./app"))
`, map[string]string{"app/Dockerfile": "FROM @toolbox\n# a line\nRUN [\"/toolbox\", \"complain\", \"oh dear\", \"+\", \"exit\", \"3\"]\n"})
			var failed *execute.StepError
			require.ErrorAs(t, err, &failed)
			require.Regexp(t, `^building image "`+ref+`": step ".*RUN .*": .*3 \(Dockerfile:3\)$`, failed.Failure.Message)
			require.Contains(t, strings.Join(failed.Failure.Log, "\n"), "oh dear")
			var shown []string
			for _, p := range of[event.ImageProgress](seen) {
				shown = append(shown, p.Line)
			}
			require.Contains(t, strings.Join(shown, "\n"), "oh dear", "the log is shown as it comes")
		})
	}
}
