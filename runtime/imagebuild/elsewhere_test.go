package imagebuild_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/fake"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/imagebuild"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// builder is an engine that builds for a cluster, with what it was asked to do.
type builder struct {
	*fake.Backend
	t      *testing.T
	opened int
	status []string
	calls  int // seen so far
}

func newBuilder(t *testing.T) *builder {
	b := &builder{Backend: fake.New(t.Context(), fake.Options{}), t: t}
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func (b *builder) workshop(nodes imagebuild.Nodes) imagebuild.Workshop {
	return imagebuild.Workshop{
		Nodes:  nodes,
		Engine: func(context.Context) (backends.Backend, error) { b.opened++; return b.Backend, nil },
		Progress: func(image string, p imagebuild.Progress) {
			b.status = append(b.status, image+": "+p.Status)
		},
	}
}

// done lists the builds and transfers since it was asked last.
func (b *builder) done() []string {
	var list []string
	all := b.Calls()
	for _, c := range all[b.calls:] {
		if c.Op == "BuildImage" || c.Op == "PushImage" || c.Op == "SaveImage" || c.Op == "LoadImage" {
			list = append(list, c.Op+" "+c.Service)
		}
	}
	b.calls = len(all)
	return list
}

// registry is one that has what the engine pushed.
func (b *builder) registry() imagebuild.Registry {
	return imagebuild.Registry{Prefix: "registry.example/team", Lookup: func(ctx context.Context, ref string) (backends.Image, error) {
		return b.PullImage(ctx, backends.PullSpec{Ref: ref}, nil)
	}}
}

func TestWorkshop(t *testing.T) {
	b := newBuilder(t)
	dir := files(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY file /file\n", "file": "1", ".dockerignore": "*.log\n", "a.log": "1"})
	image := plan.Image{Build: &plan.ImageBuildSpec{ImageName: "ghcr.io/owner/app:dev", BuildContextDir: "./app", ContextPath: dir}}
	w := b.workshop(b.registry())
	_, err := w.Find(t.Context(), image)
	require.Equal(t, backends.ImageNotFound, backends.KindOf(err))

	bring := func(image plan.Image) (imagebuild.Built, event.ImageSource) {
		t.Helper()
		built, source, err := w.Bring(t.Context(), image)
		require.NoError(t, err)
		return built, source
	}
	first, source := bring(image)
	require.Equal(t, event.ImageBuilt, source)
	require.Regexp(t, `^registry\.example/team/owner/app:[0-9a-f]{32}@sha256:[0-9a-f]{64}$`, first.Reference)
	require.True(t, strings.HasSuffix(first.Reference, "@"+first.Image.ID))
	name, _, _ := strings.Cut(first.Reference, "@")
	require.Equal(t, []string{"BuildImage ghcr.io/owner/app:dev", "PushImage " + name}, b.done())
	require.Contains(t, b.status, "ghcr.io/owner/app:dev: pushing to registry.example/team")

	// What nodes can have is not built, nor pushed, and no engine is asked.
	b.opened = 0
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.log"), []byte("2"), 0o644))
	again, source := bring(image)
	require.Equal(t, event.ImageCached, source)
	require.Equal(t, first.Reference, again.Reference)
	require.Equal(t, first.Image.ID, again.Image.ID)
	found, err := w.Find(t.Context(), image)
	require.NoError(t, err)
	require.Equal(t, first.Reference, found.Reference)
	require.Empty(t, b.done())
	require.Zero(t, b.opened)

	// Other content is another image; what the engine has is pushed only.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), []byte("2"), 0o644))
	second, source := bring(image)
	require.Equal(t, event.ImageBuilt, source)
	require.NotEqual(t, first.Reference, second.Reference)
	b.done()
	w.Nodes = imagebuild.Registry{Prefix: "docker.io/team", Lookup: b.registry().Lookup}
	hub, source := bring(image)
	require.Equal(t, event.ImagePushed, source)
	require.Regexp(t, `^docker\.io/team/owner-app:[0-9a-f]{32}@`, hub.Reference)
	require.Len(t, b.done(), 1)

	// Whether there is something newer, the registries of what it starts from know.
	w.Update = true
	_, source = bring(image)
	require.Equal(t, event.ImagePushed, source)
	require.Len(t, b.done(), 1)

	// A run on the cluster finds what it asks for by its key.
	options := imagebuild.Options{Backend: b, Built: map[string]imagebuild.Built{imagebuild.Key(image): hub}}
	got, source, err := imagebuild.Get(t.Context(), options, image)
	require.NoError(t, err)
	require.Equal(t, event.ImageCached, source)
	require.Equal(t, []string{hub.Reference}, got.Tags)
	id, err := imagebuild.Identity(t.Context(), options, image)
	require.NoError(t, err)
	require.Equal(t, hub.Image.ID, id)
	other := *image.Build
	other.TargetStage = "debug"
	_, _, err = imagebuild.Get(t.Context(), options, plan.Image{Build: &other})
	require.EqualError(t, err, `image "ghcr.io/owner/app:dev" cannot be built on Kubernetes, and nobody has built it before the run`)
	require.Equal(t, backends.Unsupported, backends.KindOf(err))
	require.Equal(t, "`kurtosis run PACKAGE` builds it where it is called, and pushes it to the cluster's image registry; for other clients, push it to a registry and name its reference in the package", backends.HintOf(err))
	require.Empty(t, b.done())
}

// named is a node that knows images by the names that archives give them.
type named struct{ *fake.Backend }

func (n named) LoadImage(ctx context.Context, archive io.Reader, _ string) (backends.Image, error) {
	text, err := io.ReadAll(archive)
	if err != nil {
		return backends.Image{}, err
	}
	return n.Backend.LoadImage(ctx, strings.NewReader(string(text)), strings.Fields(string(text))[0])
}

func TestWorkshopLoads(t *testing.T) {
	b := newBuilder(t)
	node := named{fake.New(t.Context(), fake.Options{})}
	t.Cleanup(func() { require.NoError(t, node.Close()) })
	dir := files(t, map[string]string{"Dockerfile": "FROM scratch\n"})
	image := plan.Image{Build: &plan.ImageBuildSpec{ImageName: "app", BuildContextDir: "./app", ContextPath: dir}}
	w := b.workshop(imagebuild.Node{Images: node})
	built, source, err := w.Bring(t.Context(), image)
	require.NoError(t, err)
	require.Equal(t, event.ImageBuilt, source)
	require.Regexp(t, `^kurtosis-built/app:[0-9a-f]{32}$`, built.Reference)
	there, err := node.InspectImage(t.Context(), built.Reference)
	require.NoError(t, err)
	require.Equal(t, there.ID, built.Image.ID)
	require.Equal(t, []string{"BuildImage app", "SaveImage " + built.Reference}, b.done())
	again, source, err := w.Bring(t.Context(), image)
	require.NoError(t, err)
	require.Equal(t, event.ImageCached, source)
	require.Equal(t, built.Reference, again.Reference)
	require.Equal(t, built.Image.ID, again.Image.ID)
	require.Empty(t, b.done())
}

func TestWorkshopFails(t *testing.T) {
	b := newBuilder(t)
	dir := files(t, map[string]string{"Dockerfile": "FROM scratch\n"})
	image := plan.Image{Build: &plan.ImageBuildSpec{ImageName: "app:1", BuildContextDir: "./app", ContextPath: dir}}
	w := b.workshop(b.registry())
	fails := func(kind backends.Kind, message, hint string) {
		t.Helper()
		_, _, err := w.Bring(t.Context(), image)
		require.EqualError(t, err, message)
		require.Equal(t, kind, backends.KindOf(err))
		require.Equal(t, hint, backends.HintOf(err))
	}
	refusal := backends.Errorf(backends.AuthNeeded, "the registry refuses").WithHint("log in")
	b.Fail("PushImage", 1, refusal)
	fails(backends.AuthNeeded, "the registry refuses", "log in")
	b.Fail("BuildImage", 1, backends.Errorf(backends.BuildFailed, "step 1 fails"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o644))
	fails(backends.BuildFailed, "step 1 fails", "")
	w.Engine = func(context.Context) (backends.Backend, error) {
		return nil, backends.Errorf(backends.EngineUnreachable, "Docker does not answer").WithHint("start it")
	}
	fails(backends.EngineUnreachable, `image "app:1" has to be built on this machine, as clusters build none: Docker does not answer`,
		"a container engine here builds it (DOCKER_HOST names another); or push it to a registry and name its reference in the package")
	w.Engine = func(context.Context) (backends.Backend, error) { return struct{ backends.Backend }{b}, nil }
	fails(backends.Unsupported, `the engine that would build image "app:1" for the cluster does not give images away`, "")
	image.Build.ImageName = "APP"
	fails(backends.Invalid, `image "APP" is no name of an image: invalid reference format: repository name (library/APP) must be lowercase`, "")
	image.Build.BuildFile = "absent"
	fails(backends.Invalid, `image "APP" cannot be built: there is no absent in ./app`, "build_file is a path within the build context")
	require.NotContains(t, strings.Join(b.done(), " "), "LoadImage")
}

// TestKey: all that a spec says counts, and where the context is on a machine does not.
func TestKey(t *testing.T) {
	args := plan.Map[string]{{Key: "A", Value: "1"}}
	base := plan.ImageBuildSpec{ImageName: "a:1", BuildContextDir: "./app", BuildArgs: args}
	flake := plan.NixBuildSpec{ImageName: "a:1", BuildContextDir: "./app"}
	seen := map[string]bool{}
	key := func(image plan.Image) string {
		t.Helper()
		k := imagebuild.Key(image)
		require.Regexp(t, regexp.MustCompile(`^[0-9a-f]{64}$`), k)
		return k
	}
	for _, change := range []func(b *plan.ImageBuildSpec, n *plan.NixBuildSpec){
		func(*plan.ImageBuildSpec, *plan.NixBuildSpec) {},
		func(b *plan.ImageBuildSpec, n *plan.NixBuildSpec) { b.ImageName, n.ImageName = "b:1", "b:1" },
		func(b *plan.ImageBuildSpec, n *plan.NixBuildSpec) {
			b.BuildContextDir, n.BuildContextDir = "./other", "./other"
		},
		func(b *plan.ImageBuildSpec, n *plan.NixBuildSpec) { b.BuildFile, n.FlakeLocationDir = "f", "f" },
		func(b *plan.ImageBuildSpec, n *plan.NixBuildSpec) { b.TargetStage, n.FlakeOutput = "s", "s" },
	} {
		b, n := base, flake
		change(&b, &n)
		for _, k := range []string{key(plan.Image{Build: &b}), key(plan.Image{Nix: &n})} {
			require.False(t, seen[k])
			seen[k] = true
		}
		b.ContextPath, n.ContextPath, b.ContextHash = "/tmp/x", "/tmp/x", "x"
		require.True(t, seen[key(plan.Image{Build: &b})])
		require.True(t, seen[key(plan.Image{Nix: &n})])
	}
	base.BuildArgs = plan.Map[string]{{Key: "A", Value: "2"}}
	require.False(t, seen[key(plan.Image{Build: &base})])
	require.Empty(t, imagebuild.Key(plan.Image{Name: "a:1"}))
	require.Empty(t, imagebuild.Key(plan.Image{Spec: &plan.ImageSpec{Image: "a:1"}}))
}
