//go:build docker

package imagebuild_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/backendtest/images"
	"github.com/kurtosis-go/kurtosis/runtime/imagebuild"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// offline is a configuration of nix for machines without a network and containers without namespaces.
const offline = "sandbox = false\nsubstituters =\nbuild-users-group =\n"

// flake makes images out of what is in the context, without nixpkgs, in the shapes that packages of nixpkgs give: the
// default as dockerTools.buildImage, "layered" as buildLayeredImage (both what `docker save` writes, packed), "streamed" as
// streamLayeredImage (a program that writes the archive out of the store), "oci" as the OCI layout that skopeo writes.
const flake = `{
  description = "Images without nixpkgs";
  outputs = { self }:
    let
      system = "@system";
      derive = name: script: derivation {
        inherit name system;
        builder = "/bin/sh";
        args = [ "-e" "-c" script ];
        PATH = "/usr/bin:/bin";
        source = ../.;
      };
      parts = layers: ''
        umask 022
        mkdir -p root/tmp files; cp $source/toolbox root/toolbox; chmod 755 root/toolbox; cp $source/greeting root/greeting
        ids=; names=
        layer() {
          tar -C root -cf layer.tar "$@"
          sum=$(sha256sum layer.tar | cut -c1-64)
          echo "adding layer $sum"
          mkdir files/$sum; mv layer.tar files/$sum/layer.tar
          ids="$ids,\"sha256:$sum\""; names="$names,\"$sum/layer.tar\""
        }
        ${layers}
        printf '{"architecture":"@arch","os":"linux","config":{"Entrypoint":["/toolbox"]},"rootfs":{"type":"layers","diff_ids":[%s]}}' "''${ids#,}" > config.json
      '';
      one = parts "layer tmp toolbox greeting";
      two = parts "layer tmp toolbox; layer greeting";
      docker = ''
        config=$(sha256sum config.json | cut -c1-64).json
        mv config.json files/$config
        printf '[{"Config":"%s","RepoTags":["flake:built"],"Layers":[%s]}]' "$config" "''${names#,}" > files/manifest.json
      '';
      unpacked = derive "parts" (two + docker + "mv files $out");
      blob = ''
        blob() { blob=$(sha256sum "$1" | cut -c1-64); size=$(wc -c < "$1"); mv "$1" files/blobs/sha256/$blob; }
        descriptor() { printf '{"mediaType":"application/vnd.oci.image.%s","digest":"sha256:%s","size":%s}' "$1" "$blob" "$size"; }
        mkdir -p files/blobs/sha256
      '';
    in {
      packages.${system} = {
        default = derive "image.tar.gz" (one + docker + "tar -C files -c . | gzip -n > $out");
        layered = derive "layered.tar.gz" (two + docker + "tar -C files -c . | gzip -n > $out");
        streamed = derive "streamed" "printf '#!/bin/sh\nexec tar -C ${unpacked} -c .\n' > $out; chmod 755 $out";
        oci = derive "oci.tar" (two + blob + ''
          layers=
          for name in $(printf %s "$names" | tr ',"' '  '); do
            gzip -n < files/$name > layer; rm -r files/''${name%/*}
            blob layer; layers="$layers,$(descriptor layer.v1.tar+gzip)"
          done
          blob config.json; config=$(descriptor config.v1+json)
          printf '{"schemaVersion":2,"config":%s,"layers":[%s]}' "$config" "''${layers#,}" > manifest
          blob manifest
          printf '{"schemaVersion":2,"manifests":[%s]}' "$(descriptor manifest.v1+json)" > files/index.json
          printf '{"imageLayoutVersion":"1.0.0"}' > files/oci-layout
          tar -C files -cf $out .
        '');
        broken = derive "broken" "echo first line; echo the last line; exit 7";
        text = derive "text" "echo not an image > $out";
        directory = derive "directory" "mkdir $out";
        silent = derive "silent" "printf '#!/bin/sh\necho no room >&2; exit 3\n' > $out; chmod 755 $out";
      };
    };
}
`

func nixSystem(t *testing.T) (system, arch string) {
	t.Helper()
	uname, err := exec.Command("uname", "-m").Output()
	require.NoError(t, err)
	machine := strings.TrimSpace(string(uname))
	return machine + "-linux", map[string]string{"x86_64": "amd64", "aarch64": "arm64"}[machine]
}

func (b *bench) flake() *plan.NixBuildSpec {
	b.Helper()
	s := &plan.NixBuildSpec{ImageName: b.name(), BuildContextDir: "./app", FlakeLocationDir: "./nix", ContextPath: b.dir}
	system, arch := nixSystem(b.T)
	b.write("nix/flake.nix", strings.NewReplacer("@system", system, "@arch", arch).Replace(flake))
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
	t.Setenv("NIX_CONFIG", offline)
	for _, where := range []map[string]string{
		{"KURTOSIS_NIX": "host"}, {"KURTOSIS_NIX": "container", "KURTOSIS_NIX_IMAGE": nixImage(t, newBench(t, nil))},
	} {
		t.Run(where["KURTOSIS_NIX"], func(t *testing.T) {
			t.Run("builds", func(t *testing.T) { nixBuilds(newBench(t, where)) })
			t.Run("fails", func(t *testing.T) { nixFails(newBench(t, where)) })
		})
	}
}

// nixImage is an image with the nix of this machine and what it needs, as there is no registry to ask for one.
func nixImage(t *testing.T, b *bench) string {
	t.Helper()
	files := map[string]bool{}
	add := func(path string) {
		t.Helper()
		real, err := filepath.EvalSymlinks(path)
		require.NoError(t, err, "scripts/test.sh installs nix-bin")
		files[path], files[real] = true, true
	}
	add("/bin/nix")
	add("/usr/libexec/nix/build-remote")
	for _, program := range []string{"sh", "cat", "head", "tar", "sha256sum", "cut", "cp", "mkdir", "mv", "rm", "chmod", "tr", "wc", "gzip"} {
		path, err := exec.LookPath(program)
		require.NoError(t, err)
		add("/bin/" + filepath.Base(path))
	}
	library := regexp.MustCompile(`(/\S+) \(0x`)
	for path := range files {
		out, err := exec.Command("ldd", path).CombinedOutput()
		if err != nil {
			continue // a link, or static
		}
		for _, m := range library.FindAllStringSubmatch(string(out), -1) {
			add(m[1])
		}
	}
	layer := []images.File{{Path: "nix/"}, {Path: "nix/store/"}, {Path: "nix/var/"}, {Path: "etc/"}, {Path: "root/"},
		{Path: "etc/passwd", Content: []byte("root:x:0:0:root:/root:/bin/sh\n"), Mode: 0o644}, {Path: "etc/group", Content: []byte("root:x:0:\n"), Mode: 0o644}}
	for path := range files {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		layer = append(layer, images.File{Path: strings.TrimPrefix(path, "/"), Content: content})
	}
	image, err := images.Build("kurtosis-test/nix", images.Config{Env: []string{"PATH=/usr/bin:/bin", "HOME=/root"}}, layer...)
	require.NoError(t, err)
	archive, err := image.Open(t.Context())
	require.NoError(t, err)
	defer archive.Close()
	loaded, err := b.engine.LoadImage(t.Context(), archive, "")
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, b.engine.RemoveImage(context.WithoutCancel(t.Context()), image.Ref))
		sum := sha256.Sum256([]byte(loaded.ID)) // the store is kept, by the image
		out, err := exec.Command("docker", "volume", "rm", "kurtosis-nix-store--"+hex.EncodeToString(sum[:6])).CombinedOutput()
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

func nixFails(b *bench) {
	t := b.T
	system, _ := nixSystem(t)
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
	t.Setenv("NIX_CONFIG", offline)
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
