//go:build docker

package imagebuild_test

import (
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
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/backendtest/images"
	"github.com/kurtosis-go/kurtosis/runtime/imagebuild"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

func (b *bench) flake() *plan.NixBuildSpec {
	b.Helper()
	s := &plan.NixBuildSpec{ImageName: b.name(), BuildContextDir: "./app", FlakeLocationDir: "./nix", ContextPath: b.dir}
	b.write("nix/flake.nix", images.Flake())
	b.write("greeting", "hello "+s.ImageName)
	require.NoError(b, os.WriteFile(filepath.Join(b.dir, "toolbox"), toolboxBinary(b), 0o755))
	return s
}

// toolboxBinary takes the program out of the image of the tests.
func toolboxBinary(b *bench) []byte {
	b.Helper()
	var out, complaint bytes.Buffer
	code, err := b.engine.(backends.Tools).RunTool(b.Context(), backends.ToolSpec{
		Image: b.toolbox, Command: []string{"/toolbox", "read", "/toolbox"}, Stdout: &out, Stderr: &complaint,
	})
	require.NoError(b, err)
	require.Zero(b, code, complaint.String())
	return out.Bytes()
}

func (b *bench) nix(s *plan.NixBuildSpec) backends.Image {
	b.Helper()
	image, err := imagebuild.Nix(b.Context(), b.options, s)
	require.NoError(b, err, "%s", strings.Join(b.log, "\n"))
	return image
}

func (b *bench) nixFails(s *plan.NixBuildSpec) *backends.Error {
	b.Helper()
	_, err := imagebuild.Nix(b.Context(), b.options, s)
	require.Error(b, err)
	var e *backends.Error
	require.ErrorAs(b, err, &e)
	return e
}

// TestNix builds with the nix of this machine, and with one in a container.
func TestNix(t *testing.T) {
	t.Setenv("NIX_CONFIG", images.NixOffline)
	for _, where := range []map[string]string{
		{"KURTOSIS_NIX": "host"}, {"KURTOSIS_NIX": "container", "KURTOSIS_NIX_IMAGE": nixImage(t, newBench(t, nil))},
	} {
		t.Run(where["KURTOSIS_NIX"], func(t *testing.T) {
			t.Run("builds", func(t *testing.T) { nixBuilds(newBench(t, where)) })
			t.Run("fails", func(t *testing.T) { nixFails(newBench(t, where)) })
		})
	}
}

// nixImage is an image with a nix, as there is no registry to ask for one. It is gone after the test, with its store.
func nixImage(t *testing.T, b *bench) string {
	t.Helper()
	image := images.Nix(t)
	images.Ensure(t, b.engine, image)
	loaded, err := b.engine.InspectImage(t.Context(), image.Ref)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, b.engine.RemoveImage(context.WithoutCancel(t.Context()), image.Ref))
		out, err := exec.Command("docker", "volume", "inspect", "-f", "{{json .Labels}}", imagebuild.StoreVolume(loaded)).CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.JSONEq(t, `{"com.kurtosistech.app-id": "kurtosis", "com.kurtosistech.volume-type": "nix-store"}`, string(out))
		out, err = exec.Command("docker", "volume", "rm", imagebuild.StoreVolume(loaded)).CombinedOutput()
		require.NoError(t, err, "%s", out)
	})
	return image.Ref
}

func nixBuilds(b *bench) {
	t := b.T
	s := b.flake()
	first := b.nix(s)
	require.Contains(t, first.Tags, s.ImageName)
	require.Equal(t, []string{"/toolbox"}, first.Entrypoint)
	require.Contains(t, strings.Join(b.log, "\n"), "adding layer ", "the log is shown as it comes")
	require.Equal(t, "hello "+s.ImageName, b.read(s.ImageName, "/greeting"))
	require.NoFileExists(t, filepath.Join(b.dir, "nix", "flake.lock"), "a build does not write into the package")

	b.log = nil
	require.Equal(t, first.ID, b.nix(s).ID)
	require.NotContains(t, strings.Join(b.log, "\n"), "adding layer ", "nothing changed, nothing is built")
	b.write("greeting", "good day")
	require.NotEqual(t, first.ID, b.nix(s).ID)
	require.Equal(t, "good day", b.read(s.ImageName, "/greeting"))

	for _, output := range []string{"layered", "streamed", "oci"} {
		s.FlakeOutput = output
		b.write("greeting", "from "+output)
		image := b.nix(s)
		require.Contains(t, image.Tags, s.ImageName, output)
		require.Equal(t, []string{"/toolbox"}, image.Entrypoint, output)
		require.Equal(t, "from "+output, b.read(s.ImageName, "/greeting"))
	}
}

// vendored is a flake at the top of the context, with an input from there and no flake.lock.
const vendored = `{
  inputs.words = { url = "path:./words"; flake = false; };
  outputs = { self, words }: builtins.seq (builtins.readFile "${words}/word") { packages = ((import ./nix/flake.nix).outputs { inherit self; }).packages; };
}
`

// TestNixInputs: inputs need not be locked, and those in the build context need no network.
func TestNixInputs(t *testing.T) {
	t.Setenv("NIX_CONFIG", images.NixOffline)
	b := newBench(t, map[string]string{"KURTOSIS_NIX": "host"})
	s := b.flake()
	s.FlakeLocationDir = "."
	b.write("flake.nix", vendored)
	b.write("words/word", "x")
	b.nix(s)
	require.Equal(t, "hello "+s.ImageName, b.read(s.ImageName, "/greeting"))
	require.NoFileExists(t, filepath.Join(b.dir, "flake.lock"))

	b.write("flake.nix", strings.Replace(vendored, "path:./words", "http://localhost:1/words.tar.gz", 1))
	e := b.nixFails(s)
	require.Regexp(t, `^nix cannot build image "`+s.ImageName+`" from app: unable to download 'http://localhost:1/words.tar.gz': `, e.Message)
	require.Equal(t, "nix wants an input of the flake, or a substitute, from the network: an input that is a path in the build context needs none", e.Hint)
}

// TestNoNix: without a nix, and without a way to one in a container.
func TestNoNix(t *testing.T) {
	b := newBench(t, map[string]string{"KURTOSIS_NIX": "container", "KURTOSIS_NIX_IMAGE": "localhost:1/nix:1"})
	s := b.flake()
	e := b.nixFails(s)
	require.Regexp(t, `^image "`+s.ImageName+`" is built by nix in a container, whose image cannot be had: pulling image "localhost:1/nix:1": .*connection refused$`, e.Message)
	require.Equal(t, "install nix from https://nixos.org/download, or name another image with KURTOSIS_NIX_IMAGE", e.Hint)
	require.Equal(t, backends.RegistryUnreachable, e.Kind)
}

func nixFails(b *bench) {
	t := b.T
	system := images.NixSystem()
	s := b.flake()
	s.FlakeOutput = "image"
	e := b.nixFails(s)
	require.Equal(t, fmt.Sprintf(`image %q cannot be built: the flake has no output "image" for %s`, s.ImageName, system), e.Message)
	require.Equal(t, "flake_output can be broken, default, directory, layered, oci, silent, streamed, text", e.Hint)

	s.FlakeOutput = "broken"
	e = b.nixFails(s)
	require.Equal(t, backends.BuildFailed, e.Kind)
	require.Regexp(t, fmt.Sprintf(`^nix cannot build image %q from app/nix: builder for '/nix/store/[a-z0-9]+-broken\.drv' failed with exit code 7`, s.ImageName), e.Message)
	require.Contains(t, strings.Join(e.Log, "\n"), "the last line")

	s.FlakeOutput = "text"
	e = b.nixFails(s)
	require.Contains(t, e.Message, fmt.Sprintf("what nix built for image %q is no image archive: ", s.ImageName))
	require.Equal(t, "the output should be what dockerTools.buildImage, buildLayeredImage or streamLayeredImage give", e.Hint)

	s.FlakeOutput = "directory"
	_, err := imagebuild.Nix(t.Context(), b.options, s)
	require.Regexp(t, fmt.Sprintf(`^what nix built for image %q: /nix/store/[a-z0-9]+-directory is a directory, not an image archive$`, s.ImageName), err.Error())

	s.FlakeOutput = "silent"
	_, err = imagebuild.Nix(t.Context(), b.options, s)
	require.Regexp(t, fmt.Sprintf(`^what nix built for image %q: .*no room$`, s.ImageName), err.Error())

	s.FlakeOutput = ""
	b.write("nix/flake.nix", "{ outputs = { self }: { }; }")
	e = b.nixFails(s)
	require.Equal(t, fmt.Sprintf(`image %q cannot be built: the flake has no default package for %s`, s.ImageName, system), e.Message)
	require.Equal(t, "the flake has no packages for "+system, e.Hint)

	b.write("nix/flake.nix", "{ outputs = ")
	e = b.nixFails(s)
	require.Contains(t, e.Message, "syntax error, unexpected end of file")
}

// TestNixService: an image that nix built runs as a service and answers.
func TestNixService(t *testing.T) {
	t.Setenv("NIX_CONFIG", images.NixOffline)
	b := newBench(t, map[string]string{"KURTOSIS_NIX": "host"})
	s := b.flake()
	b.nix(s)
	enclave, err := b.engine.CreateEnclave(t.Context(), backends.EnclaveSpec{UUID: backends.NewUUID(), Name: "nix-" + backends.NewUUID()[:8]})
	require.NoError(t, err)
	defer func() { require.NoError(t, b.engine.RemoveEnclave(t.Context(), enclave.UUID)) }()
	port := backends.Port{Number: 8080}
	_, err = b.engine.AddService(t.Context(), enclave.UUID, backends.ServiceSpec{
		Name: "web", Image: s.ImageName, Cmd: []string{"http", "8080", "built by nix"}, Ports: map[string]backends.Port{"http": port},
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		conn, err := b.engine.Dial(t.Context(), enclave.UUID, "web", port)
		if err != nil {
			return false
		}
		defer conn.Close()
		_, err = io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
		require.NoError(t, err)
		answer, err := io.ReadAll(conn)
		require.NoError(t, err)
		return strings.Contains(string(answer), "built by nix") && strings.Contains(string(answer), fmt.Sprint(http.StatusOK))
	}, 20*time.Second, 50*time.Millisecond)
}
