//go:build docker

package imagebuild_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/backendtest"
	"github.com/kurtosis-go/kurtosis/backends/docker"
	"github.com/kurtosis-go/kurtosis/runtime/imagebuild"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// bench builds on a real engine, with images of its own.
type bench struct {
	*testing.T
	engine  backends.Backend
	options imagebuild.Options
	dir     string
	log     []string
	toolbox string
}

func newBench(t *testing.T, variables map[string]string) *bench {
	t.Helper()
	getenv := func(name string) string {
		if v, ok := variables[name]; ok {
			return v
		}
		return os.Getenv(name)
	}
	engine, err := docker.Open(t.Context(), docker.Options{Getenv: getenv})
	require.NoError(t, err)
	t.Cleanup(func() { engine.Close() })
	toolbox, _ := backendtest.Prepare(t, engine)
	b := &bench{T: t, engine: engine, dir: t.TempDir(), toolbox: toolbox}
	b.options = imagebuild.Options{Backend: engine, Getenv: getenv, Progress: func(p imagebuild.Progress) {
		if p.Line != "" {
			b.log = append(b.log, p.Line)
		}
	}}
	return b
}

func (b *bench) write(name, text string) {
	b.Helper()
	path := filepath.Join(b.dir, name)
	require.NoError(b, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(b, os.WriteFile(path, []byte(strings.ReplaceAll(text, "@toolbox", b.toolbox)), 0o644))
}

// name is a reference that is removed from the engine when the test ends.
func (b *bench) name() string {
	ref := "kurtosis-test/imagebuild:" + backends.NewUUID()[:12]
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		require.NoError(b, b.engine.RemoveImage(ctx, ref))
	})
	return ref
}

func (b *bench) spec(args ...string) *plan.ImageBuildSpec {
	s := &plan.ImageBuildSpec{ImageName: b.name(), BuildContextDir: "./app", ContextPath: b.dir}
	for i := 0; i < len(args); i += 2 {
		s.BuildArgs = append(s.BuildArgs, plan.Entry[string]{Key: args[i], Value: args[i+1]})
	}
	return s
}

func (b *bench) build(s *plan.ImageBuildSpec) (backends.Image, bool) {
	b.Helper()
	image, built, err := imagebuild.Dockerfile(b.Context(), b.options, s)
	require.NoError(b, err, "%s", strings.Join(b.log, "\n"))
	return image, built
}

// fails builds what cannot be built.
func (b *bench) fails(s *plan.ImageBuildSpec) *backends.Error {
	b.Helper()
	_, built, err := imagebuild.Dockerfile(b.Context(), b.options, s)
	require.Error(b, err)
	require.False(b, built)
	var e *backends.Error
	require.ErrorAs(b, err, &e)
	return e
}

// read is a file of an image, as a container of it sees it.
func (b *bench) read(image, path string) string {
	b.Helper()
	var out, complaint strings.Builder
	code, err := b.engine.(backends.Tools).RunTool(b.Context(), backends.ToolSpec{
		Image: image, Command: []string{"/toolbox", "read", path}, Stdout: &out, Stderr: &complaint,
	})
	require.NoError(b, err)
	require.Zero(b, code, complaint.String())
	return out.String()
}

// multi has two stages from scratch that only BuildKit need not build, with arguments before and in them.
const multi = `ARG TOOL=@toolbox
FROM ${TOOL} AS tool
FROM scratch AS data
ARG GREETING=nothing
LABEL greeting=$GREETING
COPY hello.txt /data/hello.txt
FROM scratch AS Wanted
COPY --from=tool /toolbox /toolbox
COPY --from=data /data /data
COPY kept.log more/ /more/
ENTRYPOINT ["/toolbox"]
CMD ["sleep"]
FROM wanted AS broken
RUN ["/toolbox", "complain", "not to be built", "+", "exit", "9"]
`

func builders(t *testing.T, test func(t *testing.T, b *bench)) {
	for _, builder := range []string{"buildkit", "classic"} {
		t.Run(builder, func(t *testing.T) { test(t, newBench(t, map[string]string{"KURTOSIS_BUILDER": builder})) })
	}
}

func TestDockerfile(t *testing.T) {
	builders(t, func(t *testing.T, b *bench) {
		b.write("docker/Dockerfile.multi", multi)
		b.write("hello.txt", "hello "+backends.NewUUID())
		b.write("kept.log", "kept")
		b.write("ignored.log", "1")
		b.write("more/a", "a")
		b.write(".dockerignore", "*.log\n!kept.log\nmore/b\n")
		s := b.spec("GREETING", "hi")
		s.BuildFile, s.TargetStage = "docker/Dockerfile.multi", "wanted"
		first, built := b.build(s)
		require.True(t, built)
		require.Regexp(t, `(?m)COPY hello.txt /data/hello.txt`, strings.Join(b.log, "\n"), "the log is shown as it comes")
		require.Equal(t, []string{"/toolbox"}, first.Entrypoint)
		require.Equal(t, "kept", b.read(s.ImageName, "/more/kept.log"))
		require.Regexp(t, "^hello ", b.read(s.ImageName, "/data/hello.txt"))

		same := func(what string) {
			t.Helper()
			b.log = nil
			image, built := b.build(s)
			require.False(t, built, what)
			require.Equal(t, first.ID, image.ID, what)
			require.Empty(t, b.log, what)
		}
		differs := func(what string) {
			t.Helper()
			image, built := b.build(s)
			require.True(t, built, what)
			require.NotEqual(t, first.ID, image.ID, what)
			first = image
			same("after " + what)
		}
		same("nothing changed")
		require.NoError(t, os.Chtimes(filepath.Join(b.dir, "hello.txt"), time.Unix(1, 0), time.Unix(1, 0)))
		same("only a file's time changed")
		b.write("ignored.log", "2")
		b.write("more/b", "2")
		same("only ignored files changed")
		b.write("more/a", "b")
		differs("a file")
		require.Equal(t, "b", b.read(s.ImageName, "/more/a"))
		s.BuildArgs[0].Value = "good day"
		_, built = b.build(s)
		require.True(t, built, "an argument is content, though this stage does not use it")
		s.TargetStage = "data"
		differs("the stage")
		require.Equal(t, "good day", first.Labels["greeting"])
		s.BuildArgs = nil
		differs("no argument")
		require.Equal(t, "nothing", first.Labels["greeting"])
		b.write("docker/Dockerfile.multi", strings.Replace(multi, "hello.txt /data", "hello.txt /elsewhere", 1))
		differs("the Dockerfile")
	})
}

// TestBases: an image is built anew when what it starts from is another.
func TestBases(t *testing.T) {
	builders(t, func(t *testing.T, b *bench) {
		base := b.spec()
		b.write("Dockerfile", "FROM @toolbox\nLABEL version=1\n")
		b.build(base)
		other := *b
		other.dir = t.TempDir()
		other.write("Dockerfile", "FROM "+base.ImageName+"\nLABEL mine=yes\n")
		s := other.spec()
		first, built := other.build(s)
		require.True(t, built)
		_, built = other.build(s)
		require.False(t, built)
		b.write("Dockerfile", "FROM @toolbox\nLABEL version=2\n")
		b.build(base)
		second, built := other.build(s)
		require.True(t, built)
		require.NotEqual(t, first.ID, second.ID)
		require.Equal(t, "2", second.Labels["version"])

		require.NoError(t, b.engine.RemoveImage(t.Context(), base.ImageName))
		_, built = other.build(s)
		require.False(t, built, "a base that is gone has not changed")
	})
}

func TestBuildFails(t *testing.T) {
	builders(t, func(t *testing.T, b *bench) {
		b.write("Dockerfile", "FROM @toolbox\nWORKDIR /tmp\n\nRUN [\"/toolbox\", \"complain\", \"oh dear\", \"+\", \"exit\", \"3\"]\n")
		s := b.spec()
		e := b.fails(s)
		require.Equal(t, backends.BuildFailed, e.Kind)
		require.Regexp(t, `^building image "`+s.ImageName+`": step ".*RUN .*": .*3 \(Dockerfile:4\)$`, e.Message)
		require.NotContains(t, e.Message, "rpc error")
		require.NotContains(t, e.Message, "failed to solve")
		require.Contains(t, strings.Join(e.Log, "\n"), "oh dear")

		b.write("Dockerfile", "FROM @toolbox\nCOPY missing.txt /\n")
		e = b.fails(b.spec())
		require.Regexp(t, `missing\.txt.* \(Dockerfile:2\)$`, e.Message)

		b.write("Dockerfile", "FROM localhost:1/no/such:1\n")
		s = b.spec()
		e = b.fails(s)
		require.Regexp(t, `^image "`+s.ImageName+`" cannot be built: it starts from localhost:1/no/such:1: pulling image "localhost:1/no/such:1": .*connection refused`, e.Message)

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, _, err := imagebuild.Dockerfile(ctx, b.options, s)
		require.ErrorIs(t, err, context.Canceled)
	})
}

// TestSyntax: a line that makes BuildKit ask a registry is explained; the classic builder does not read it.
func TestSyntax(t *testing.T) {
	builders(t, func(t *testing.T, b *bench) {
		b.write("Dockerfile", "# syntax=localhost:1/docker/dockerfile:1\nFROM @toolbox\n")
		s := b.spec()
		if strings.HasSuffix(t.Name(), "classic") {
			_, built := b.build(s)
			require.True(t, built)
			return
		}
		e := b.fails(s)
		require.Regexp(t, `^image "`+s.ImageName+`" cannot be built: Dockerfile:1 wants localhost:1/docker/dockerfile:1 from its registry to read the rest, and it cannot be had: .*connection refused`, e.Message)
		require.Equal(t, "without the line `# syntax=…` the engine reads the file by itself; so does KURTOSIS_BUILDER=classic", e.Hint)
	})
}

func TestUnknownBuilder(t *testing.T) {
	b := newBench(t, map[string]string{"KURTOSIS_BUILDER": "modern"})
	b.write("Dockerfile", "FROM @toolbox\n")
	e := b.fails(b.spec())
	require.Equal(t, backends.Error{Kind: backends.Invalid, Message: `KURTOSIS_BUILDER is "modern"`, Hint: "it can be buildkit or classic"}, *e)
}
