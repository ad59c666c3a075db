package imagebuild_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/fake"
	"github.com/kurtosis-go/kurtosis/runtime/imagebuild"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// files makes a directory of them.
func files(t *testing.T, texts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range texts {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}

func options(engine backends.Backend, variables map[string]string) imagebuild.Options {
	return imagebuild.Options{Backend: engine, Progress: func(imagebuild.Progress) {}, Getenv: func(name string) string { return variables[name] }}
}

// TestRefused: what can be known to fail is said before an engine is asked.
func TestRefused(t *testing.T) {
	engine := fake.New(t.Context(), fake.Options{})
	t.Cleanup(func() { require.NoError(t, engine.Close()) })
	dir := files(t, map[string]string{
		"Dockerfile": "FROM scratch AS one\nFROM scratch AS two\n", "unnamed": "FROM scratch\n", "empty": "", "noFrom": "ARG A\n",
		"bad/Dockerfile": "FROM scratch\n", "bad/.dockerignore": "[\n", "private": "FROM private:1\n",
	})
	engine.AddRemoteImage("private:1", fake.Image{NeedAuth: true})
	tests := []struct {
		spec          plan.ImageBuildSpec
		kind          backends.Kind
		message, hint string
	}{
		{plan.ImageBuildSpec{}, backends.Invalid, `the build context "./app" of image "a:1" is not on this machine`, ""},
		{plan.ImageBuildSpec{ContextPath: t.TempDir()}, backends.Invalid, `image "a:1" cannot be built: there is no Dockerfile in ./app`, "build_file names it where it is called otherwise"},
		{plan.ImageBuildSpec{ContextPath: dir, BuildFile: "x/y"}, backends.Invalid, `image "a:1" cannot be built: there is no x/y in ./app`, "build_file is a path within the build context"},
		{plan.ImageBuildSpec{ContextPath: dir, BuildFile: "empty"}, backends.Invalid, `image "a:1" cannot be built: empty: file with no instructions`, ""},
		{plan.ImageBuildSpec{ContextPath: dir, BuildFile: "noFrom"}, backends.Invalid, `image "a:1" cannot be built: noFrom: it has no FROM`, ""},
		{plan.ImageBuildSpec{ContextPath: dir, TargetStage: "three"}, backends.Invalid, `image "a:1" cannot be built: Dockerfile has no stage "three"`, "its stages are one, two"},
		{plan.ImageBuildSpec{ContextPath: dir, BuildFile: "unnamed", TargetStage: "x"}, backends.Invalid, `image "a:1" cannot be built: unnamed has no stage "x"`, "its stages have no names: FROM image AS name gives one"},
		{plan.ImageBuildSpec{ContextPath: dir, BuildFile: "private"}, backends.AuthNeeded, `image "a:1" cannot be built: it starts from private:1: pulling image "private:1": unauthorized`, "log in with `docker login`, or give username and password in an ImageSpec"},
	}
	for _, test := range tests {
		test.spec.ImageName, test.spec.BuildContextDir = "a:1", "./app"
		_, _, err := imagebuild.Dockerfile(t.Context(), options(engine, nil), &test.spec)
		var e *backends.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, test.message, e.Message)
		require.Equal(t, test.hint, e.Hint)
		require.Equal(t, test.kind, e.Kind)
	}
	_, _, err := imagebuild.Dockerfile(t.Context(), options(engine, nil), &plan.ImageBuildSpec{ImageName: "a:1", BuildContextDir: "./bad", ContextPath: filepath.Join(dir, "bad")})
	require.EqualError(t, err, `the build context of image "a:1": .dockerignore: syntax error in pattern`)
}

func TestNixRefused(t *testing.T) {
	engine := fake.New(t.Context(), fake.Options{})
	t.Cleanup(func() { require.NoError(t, engine.Close()) })
	dir := files(t, map[string]string{"nix/flake.nix": "{ }"})
	t.Setenv("PATH", t.TempDir())
	tests := []struct {
		spec          plan.NixBuildSpec
		variables     map[string]string
		message, hint string
	}{
		{plan.NixBuildSpec{}, nil, `the build context "./app" of image "a:1" is not on this machine`, ""},
		{plan.NixBuildSpec{ContextPath: dir, FlakeLocationDir: "."}, nil, `image "a:1" cannot be built: there is no flake.nix in app`, "flake_location_dir is the directory of flake.nix, as seen from build_context_dir"},
		{plan.NixBuildSpec{ContextPath: dir, FlakeLocationDir: "../../other"}, nil, `image "a:1" cannot be built: there is no flake.nix in app/other`, "flake_location_dir is the directory of flake.nix, as seen from build_context_dir"},
		{plan.NixBuildSpec{ContextPath: dir, FlakeLocationDir: "./nix"}, map[string]string{"KURTOSIS_NIX": "host"}, `image "a:1" is built by nix, which is not installed`, "install it from https://nixos.org/download, or let it run in a container with KURTOSIS_NIX=container"},
		{plan.NixBuildSpec{ContextPath: dir, FlakeLocationDir: "./nix"}, nil, `image "a:1" is built by nix, which is not installed, and this engine cannot run it`, "install it from https://nixos.org/download"},
		{plan.NixBuildSpec{ContextPath: dir, FlakeLocationDir: "./nix"}, map[string]string{"KURTOSIS_NIX": "box"}, `KURTOSIS_NIX is "box"`, "it can be host or container"},
	}
	for _, test := range tests {
		test.spec.ImageName, test.spec.BuildContextDir = "a:1", "./app"
		_, err := imagebuild.Nix(t.Context(), options(engine, test.variables), &test.spec)
		var e *backends.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, test.message, e.Message)
		require.Equal(t, test.hint, e.Hint)
	}
}

// TestLook: what a run would do, without doing it.
func TestLook(t *testing.T) {
	engine := fake.New(t.Context(), fake.Options{})
	t.Cleanup(func() { require.NoError(t, engine.Close()) })
	engine.AddImage("local:1", fake.Image{})
	engine.AddRemoteImage("base:1", fake.Image{})
	dir := files(t, map[string]string{"Dockerfile": "FROM base:1\n"})
	build := plan.Image{Build: &plan.ImageBuildSpec{ImageName: "a:1", BuildContextDir: "./app", ContextPath: dir}}
	look := func(image plan.Image) imagebuild.State {
		t.Helper()
		state, err := imagebuild.Look(t.Context(), engine, image)
		require.NoError(t, err)
		return state
	}
	require.Equal(t, imagebuild.Local, look(plan.Image{Name: "local:1"}))
	require.Equal(t, imagebuild.ToPull, look(plan.Image{Spec: &plan.ImageSpec{Image: "remote:1"}}))
	require.Equal(t, imagebuild.ToBuild, look(plan.Image{Nix: &plan.NixBuildSpec{}}))
	require.Equal(t, imagebuild.ToBuild, look(build))
	bases, err := imagebuild.Bases(build)
	require.NoError(t, err)
	require.Equal(t, []string{"base:1"}, bases)

	_, built, err := imagebuild.Dockerfile(t.Context(), options(engine, nil), build.Build)
	require.NoError(t, err)
	require.True(t, built)
	require.Equal(t, imagebuild.Local, look(build))

	// A newer base is seen where registries are asked again, and only there.
	engine.AddRemoteImage("base:1", fake.Image{Image: backends.Image{ID: "sha256:newer"}})
	_, built, err = imagebuild.Dockerfile(t.Context(), options(engine, nil), build.Build)
	require.NoError(t, err)
	require.False(t, built)
	update := options(engine, nil)
	update.Update = true
	_, built, err = imagebuild.Dockerfile(t.Context(), update, build.Build)
	require.NoError(t, err)
	require.True(t, built)
	_, built, err = imagebuild.Dockerfile(t.Context(), update, build.Build)
	require.NoError(t, err)
	require.False(t, built)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "new"), nil, 0o644))
	require.Equal(t, imagebuild.ToBuild, look(build))
	state, err := imagebuild.Look(t.Context(), nil, plan.Image{Name: "local:1"})
	require.NoError(t, err)
	require.Equal(t, imagebuild.ToPull, state, "no engine has nothing")
}
